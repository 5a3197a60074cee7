"""Orders by way of V2: created a hundred at a time, then each changed or cancelled by a call of its own.

V2 knows no upsert: the same key twice is refused, so an order whose answer was lost is looked for by its key before anything
else is tried.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote

from mappings.carry_over import changed_meanwhile
from mappings.personal import without_personal
from mappings.plans import UpsertOrder
from mappings.shipstation_shapes import Order
from mappings.v2_documents import (
    FIELDS,
    changed_shipment,
    items_in,
    new_shipment,
    number_of,
)
from syncd.budget import Call, Urgency
from syncd.errors import AccessError, ConflictError, RejectedError, SyncError, TransientError, UncertainError
from syncd.shipstation.v2_lists import (
    Row,
)
from syncd.shipstation.v2_order_reads import V2OrderReads, ours, whole_shipment
from syncd.shipstation.writes import Batch, RowOutcome

TWIN = re.compile(r"identifier_conflict|\bin use\b|already exists|must be unique", re.IGNORECASE)
"""How a key that is there already is refused; the words are not documented."""
CLOSED = re.compile(r"^invalid_status\b|\bcannot be modified\b|\bcannot be updated\b|\bmust be voided\b", re.IGNORECASE)


class V2Orders(V2OrderReads):
    """See `OrdersApi`."""

    async def write(
        self, steps: Sequence[UpsertOrder], urgency: Urgency, granted: Call | None = None
    ) -> dict[str, RowOutcome]:
        new = [step for step in steps if "orderId" not in step.document]
        if granted and not new:
            await self.budget.unsent(granted)
            granted = None
        created = await self._create([step.document for step in new], urgency, granted)
        known = [step for step in steps if "orderId" in step.document]
        changed = await asyncio.gather(*(self._changed(step, urgency) for step in known))
        errors = [one.error for one in changed if one.error]
        if errors and not created and len(errors) == len(changed) and isinstance(errors[0], AccessError):
            raise errors[0]
        return created | {one.order_key: one for one in changed}

    async def _create(self, documents: list[Order], urgency: Urgency, granted: Call | None) -> dict[str, RowOutcome]:
        if not documents:
            return {}
        await self._names.of_documents(cast(list[dict[str, Any]], documents))

        async def post(some: list[Order], call: Call | None) -> Any:
            rows = [new_shipment(one, self._names.of_order(one["orderKey"])) for one in some]
            try:
                return await ours(self._client.post("/v2/shipments", {"shipments": rows}, urgency, call))
            except RejectedError as error:
                raise RejectedError(error.code, without_personal(error.text, some), error.field) from error

        writable, unknown = self._writable(documents)
        batch = Batch(post, _outcomes, granted)
        outcomes = unknown | await batch.outcomes(writable)
        if granted and not writable:
            await self.budget.unsent(granted)
        outcomes = {key: _as_conflict(one, batch.in_doubt.get(key)) for key, one in outcomes.items()}
        for document in documents:  # V2 makes no order that is cancelled from the beginning
            made = outcomes[document["orderKey"]]
            if document["orderStatus"] == "cancelled" and made.order_id:
                outcomes[made.order_key] = await self._cancelled(made.order_key, made.order_id, urgency)
        return outcomes

    def _writable(self, documents: list[Order]) -> tuple[list[Order], dict[str, RowOutcome]]:
        """And those that name a carrier or a tag that the account does not have."""
        writable, unknown = [], {}
        for one in documents:
            try:
                new_shipment(one, self._names.of_order(one["orderKey"]))
            except KeyError as error:
                unknown[one["orderKey"]] = RowOutcome(one["orderKey"], error=_unknown(error))
            else:
                writable.append(one)
        return writable, unknown

    async def _changed(self, step: UpsertOrder, urgency: Urgency) -> RowOutcome:
        order_id = step.document["orderId"]
        try:
            if step.kind == "cancel_order":
                return await self._cancelled(step.order_key, order_id, urgency)
            await self._put(step, order_id, urgency)
        except KeyError as error:
            return RowOutcome(step.order_key, error=_unknown(error))
        except RejectedError as error:
            words = without_personal(error.text, [step.document])
            return _as_conflict(RowOutcome(step.order_key, error=RejectedError(error.code, words, error.field)))
        except SyncError as error:
            return RowOutcome(step.order_key, error=error)
        return RowOutcome(step.order_key, order_id)

    async def _cancelled(self, order_key: str, order_id: int, urgency: Urgency) -> RowOutcome:
        """Refused while a label stands: then it has left."""
        try:
            await ours(self._client.put(f"/v2/shipments/se-{order_id}/cancel", {}, urgency))
        except RejectedError as error:
            return RowOutcome(order_key, error=ConflictError("order_locked", error.text))
        except SyncError as error:
            return RowOutcome(order_key, error=error)
        return RowOutcome(order_key, order_id)

    async def _put(self, step: UpsertOrder, order_id: int, urgency: Urgency) -> None:
        """Laid over what is there at this moment: a PUT replaces everything, also what the warehouse wrote meanwhile."""
        path = f"/v2/shipments/se-{order_id}"
        row = await self._one(path, urgency)
        if row is None:
            raise ConflictError("changed_meanwhile", "it cannot be found")
        shown = whole_shipment(row)
        if shown.get("shipment_status") != "pending":
            raise ConflictError("order_locked", f"it is {shown.get('shipment_status')}")
        (truth,) = await self._orders([shown])
        if problem := changed_meanwhile(truth, step.seen):
            raise ConflictError("changed_meanwhile", problem)
        await self._names.of_documents([cast(dict[str, Any], step.document)])
        names = self._names.of_order(step.order_key)
        if FIELDS.intersection(step.fields):
            body = changed_shipment(shown, step.document, step.fields, names)
            answer = await ours(self._client.put(path, body, urgency))
            if isinstance(answer, dict) and answer.get("errors"):
                raise RejectedError("row_refused", "; ".join(str(one) for one in answer["errors"]))
        if "tagIds" in step.fields:
            wanted = {names.tags[tag_id] for tag_id in cast(dict[str, Any], step.document).get("tagIds") or ()}
            await self._tag(path, {str(one.get("name")) for one in shown.get("tags") or ()}, wanted, urgency)

    async def _tag(self, path: str, there: set[str], wanted: set[str], urgency: Urgency) -> None:
        for name in sorted(wanted - there):
            await ours(self._client.post(f"{path}/tags/{quote(name, safe='')}", {}, urgency))
        for name in sorted(there - wanted):
            await ours(self._client.delete(f"{path}/tags/{quote(name, safe='')}", urgency))

    async def void_label(self, order_id: int, shipment_id: int, item_prefix: str, urgency: Urgency) -> None:
        """Absolute, so it may be asked for again; what became of it is read, never believed."""
        path = f"/v2/labels/se-{shipment_id}"
        if await self._is_void(path, urgency):
            return
        shipment = await self._one(f"/v2/shipments/se-{order_id}", urgency)
        items = items_in(whole_shipment(shipment)) if shipment else []
        if not items or not all((item["lineItemKey"] or item_prefix).startswith(item_prefix) for item in items):
            raise RejectedError("label_shared", "the parcel holds goods of another order")
        answer = await ours(self._client.put(f"{path}/void", {}, urgency))
        if not await self._is_void(path, urgency):
            said = answer.get("message") if isinstance(answer, dict) else ""
            raise RejectedError("void_refused", str(said or "the label was not voided"))

    async def _is_void(self, path: str, urgency: Urgency) -> bool:
        label = await self._one(path, urgency)
        if label is None:
            raise TransientError("label_not_shown", f"ShipStation does not show {path}")
        return bool(label.get("voided"))


def _as_conflict(outcome: RowOutcome, in_doubt: UncertainError | None = None) -> RowOutcome:
    """A key in use, or an order that somebody closed meanwhile: the world moved, and is looked at again. Where a call of the same
    batch had no answer, it is that call's order as likely as not."""
    error = outcome.error
    if isinstance(error, RejectedError | TransientError) and TWIN.search(error.text):
        return RowOutcome(outcome.order_key, error=in_doubt or ConflictError("key_taken", error.text))
    if isinstance(error, RejectedError) and CLOSED.search(error.text):
        return RowOutcome(outcome.order_key, error=in_doubt or ConflictError("order_locked", error.text))
    return outcome


def _unknown(error: KeyError) -> RejectedError:
    return RejectedError("name_unknown", f"the account has no carrier or tag {error}")


def _outcomes(documents: list[Order], answer: Any) -> dict[str, RowOutcome]:
    """Rows are matched by key: their order is not promised, and a missing one is no success."""
    rows = answer.get("shipments") if isinstance(answer, dict) else None
    by_key = {str(row.get("external_shipment_id")): row for row in rows or () if isinstance(row, dict)}
    return {one["orderKey"]: _outcome(one, by_key.get(one["orderKey"])) for one in documents}


def _outcome(document: Order, row: Row | None) -> RowOutcome:
    key = document["orderKey"]
    if row is None:
        return RowOutcome(key, error=UncertainError("row_missing", "the answer does not mention it"))
    if row.get("errors"):
        words = without_personal("; ".join(str(one) for one in row["errors"]), [document])
        return RowOutcome(key, error=RejectedError("row_refused", words))
    order_id = number_of(row.get("shipment_id"))
    if not order_id:
        return RowOutcome(key, error=UncertainError("row_without_id", "success without a shipment id"))
    return RowOutcome(key, order_id)
