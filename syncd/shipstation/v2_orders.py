"""Orders and packages by way of V2: created a hundred at a time, then each changed or cancelled by a call of its own.

V2 knows no upsert: the same key twice is refused, so an order whose answer was lost is looked for by its key before anything
else is tried. A label does not tell what is in its parcel; its shipment does, as long as it has no other label.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

from mappings.decoding import MalformedError, decoded
from mappings.personal import without_personal
from mappings.plans import UpsertOrder
from mappings.shipstation_shapes import Fulfillment, Order, Shipment
from mappings.v2_documents import (
    FIELDS,
    changed_shipment,
    fulfillment_of,
    items_in,
    new_shipment,
    number_of,
    order_of,
    shipment_of,
)
from mappings.v2_shapes import V2Label, V2Shipment, V2Whole
from syncd.budget import Call, Urgency, WindowBudget
from syncd.errors import AccessError, ConflictError, RejectedError, SyncError, TransientError, UncertainError
from syncd.ports import Clock
from syncd.shipstation.lists import Page, read_rows, whole_rows
from syncd.shipstation.v2_client import ACCOUNT, ShipStationV2Client, rows_of
from syncd.shipstation.v2_lists import (
    FULFILLMENTS_CREATED,
    LABELS_CREATED,
    SHIPMENTS_CREATED,
    SHIPMENTS_MODIFIED,
    Row,
    V2Listing,
    labels_voided_since,
    pages_since,
    unshown,
)
from syncd.shipstation.v2_names import KnownNames
from syncd.shipstation.v2_reads import PAGE_SIZE, moment
from syncd.shipstation.wire import NOT_FOUND
from syncd.shipstation.writes import Batch, RowOutcome

T = TypeVar("T")

FEW = 3
"""So many shipments are asked for one by one rather than looked for in a list."""
TWIN = re.compile(r"identifier_conflict|\bin use\b|already exists|must be unique", re.IGNORECASE)
"""How a key that is there already is refused; the words are not documented."""
CLOSED = re.compile(r"^invalid_status\b|\bcannot be modified\b|\bcannot be updated\b|\bmust be voided\b", re.IGNORECASE)


class V2Orders:
    """See `OrdersApi`."""

    account = ACCOUNT

    def __init__(self, client: ShipStationV2Client, names: KnownNames, clock: Clock) -> None:
        self._client = client
        self._names = names
        self._clock = clock

    @property
    def budget(self) -> WindowBudget:
        return self._client.budget

    # reads

    async def orders_by_id(
        self, order_ids: Iterable[int], urgency: Urgency, created_since: datetime | None = None
    ) -> dict[int, Order | None]:
        found = await self._shipments(order_ids, urgency, SHIPMENTS_CREATED, created_since)
        orders = {order["orderId"]: order for order in await self._orders([row for row in found.values() if row])}
        return {order_id: orders.get(order_id) for order_id in found}

    async def order_by_key(self, order_key: str, number: str, urgency: Urgency) -> Order | None:
        row = await self._one(f"/v2/shipments/external_shipment_id/{quote(order_key, safe='')}", urgency)
        if row is None:
            return None
        (order,) = await self._orders([row])
        return order if order.get("orderKey") == order_key else None

    async def orders_beginning(self, number: str, urgency: Urgency) -> list[Order]:
        """V2 finds whole numbers only: of a split order those parts that share it."""
        orders, hidden = await self._page({"shipment_number": number}, urgency)
        if hidden:
            raise TransientError("malformed", f"{hidden} shipments are counted and not shown")
        return orders

    async def orders_changed_last(self, urgency: Urgency) -> list[Order]:
        orders, _ = await self._page({"sort_by": "modified_at", "sort_dir": "desc"}, urgency)
        return orders

    async def orders_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Order]]:
        async for page in pages_since(self._client, SHIPMENTS_MODIFIED, since, urgency):
            yield await self._order_page(*page)

    async def orders_created_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Order]]:
        async for page in pages_since(self._client, SHIPMENTS_CREATED, since, urgency):
            yield await self._order_page(*page)

    async def shipments_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Shipment]]:
        async for rows, hidden in pages_since(self._client, LABELS_CREATED, since, urgency):
            yield await self._parcel_page(rows, urgency, hidden)

    async def shipments_voided_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Shipment]]:
        async for rows in labels_voided_since(self._client, since, urgency):
            yield await self._parcel_page(rows, urgency)

    async def fulfillments_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Fulfillment]]:
        async for rows, hidden in pages_since(self._client, FULFILLMENTS_CREATED, since, urgency):
            read, problems = read_rows(
                {"rows": [fulfillment_of(row) for row in rows]}, "rows", "fulfillmentId", Fulfillment
            )
            yield Page(read, len(problems) + hidden)

    async def shipments_of_order(self, order_id: int, urgency: Urgency) -> list[Shipment]:
        labels = await self._labels_of(order_id, urgency)
        rows = await self._parcels(labels, urgency)
        if len(rows) < len(labels):
            raise TransientError("malformed", f"{len(labels) - len(rows)} labels cannot be read")
        return whole_rows({"rows": rows}, "rows", "shipmentId", Shipment)

    async def _labels_of(self, order_id: int, urgency: Urgency) -> list[Row]:
        params: dict[str, str | int] = {"shipment_id": f"se-{order_id}", "page_size": PAGE_SIZE}
        return rows_of(await self._client.get("/v2/labels", params, urgency), "labels", "/v2/labels")

    async def _page(self, params: dict[str, str | int], urgency: Urgency) -> tuple[list[Order], int]:
        """The orders of the first page, and how many more it counts."""
        body = await self._client.get("/v2/shipments", {**params, "page_size": PAGE_SIZE}, urgency)
        rows = rows_of(body, "shipments", "/v2/shipments")
        return (await self._order_page(rows)).rows, unshown(body, rows)

    async def _order_page(self, rows: Sequence[Row], hidden: int = 0) -> Page[Order]:
        """`hidden`: so many more were counted."""
        readable = _readable(rows)
        names, now = await self._names.of_shipments(readable), self._clock.now()
        whole = [order_of(row, names, now) for row in readable]
        if not whole:
            return Page([], len(rows) + hidden)
        read, problems = read_rows({"orders": whole}, "orders", "orderId", Order)
        return Page(read, len(problems) + len(rows) - len(whole) + hidden)

    async def _orders(self, rows: Sequence[Row]) -> list[Order]:
        page = await self._order_page(rows)
        if page.unreadable:
            raise TransientError("malformed", f"{page.unreadable} shipments cannot be read")
        return page.rows

    async def _shipments(
        self, order_ids: Iterable[int], urgency: Urgency, listing: V2Listing, since: datetime | None
    ) -> dict[int, Row | None]:
        """Many are looked for in a list first, as long as its pages cost less than asking for the rest one by one."""
        wanted = list(dict.fromkeys(order_ids))
        found: dict[int, Row | None] = {}
        if since is not None and len(wanted) > FEW:
            pages_read = 0
            async for rows, _ in pages_since(self._client, listing, since, urgency):
                ids = {number_of(row.get("shipment_id")): row for row in rows}
                found |= {order_id: ids[order_id] for order_id in wanted if order_id in ids}
                pages_read += 1
                if pages_read >= len(wanted) - len(found):
                    break
        for order_id in wanted:
            if order_id not in found:
                found[order_id] = await self._one(f"/v2/shipments/se-{order_id}", urgency)
        return found

    async def _one(self, path: str, urgency: Urgency) -> Row | None:
        """None for 404."""
        try:
            row = await _ours(self._client.get(path, None, urgency))
        except RejectedError as error:
            if error.code == NOT_FOUND:
                return None
            raise
        if not isinstance(row, dict):
            raise TransientError("malformed", f"{path} is no object")
        return row

    # parcels

    async def _parcel_page(self, labels: Sequence[Row], urgency: Urgency, hidden: int = 0) -> Page[Shipment]:
        rows = await self._parcels(labels, urgency)
        if not rows:
            return Page([], len(labels) + hidden)
        read, problems = read_rows({"rows": rows}, "rows", "shipmentId", Shipment)
        return Page(read, len(problems) + len(labels) - len(rows) + hidden)

    async def _parcels(self, labels: Sequence[Row], urgency: Urgency) -> list[Shipment]:
        """With what is in them: all that is in the shipment, where nothing else is its label too. Unreadable ones are left out."""
        live = Counter(str(one.get("shipment_id")) for one in labels if _is_live(one))
        outbound = [one for one in labels if not one.get("is_return_label")]
        asked = {number_of(one.get("shipment_id")) for one in outbound} - {None}
        times = [at for one in outbound if (at := moment(one.get("created_at")))]
        found = await self._shipments(
            sorted(cast(set[int], asked)), urgency, SHIPMENTS_MODIFIED, min(times, default=None)
        )
        parcels = []
        for one in labels:
            shipment = found.get(number_of(one.get("shipment_id")) or 0)
            is_clear = not one.get("is_return_label") and live[str(one.get("shipment_id"))] <= 1
            with suppress(MalformedError):
                parcels.append(_parcel(one, shipment if is_clear else None))
        return parcels

    # writes

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
                return await _ours(self._client.post("/v2/shipments", {"shipments": rows}, urgency, call))
            except RejectedError as error:
                raise RejectedError(error.code, without_personal(error.text, some), error.field) from error

        writable, unknown = self._writable(documents)
        outcomes = unknown | await Batch(post, _outcomes, granted).outcomes(writable)
        if granted and not writable:
            await self.budget.unsent(granted)
        outcomes = {key: _as_conflict(one) for key, one in outcomes.items()}
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
            await _ours(self._client.put(f"/v2/shipments/se-{order_id}/cancel", {}, urgency))
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
        shown = _whole(row)
        if shown.get("shipment_status") != "pending":
            raise ConflictError("order_locked", f"it is {shown.get('shipment_status')}")
        await self._names.of_documents([cast(dict[str, Any], step.document)])
        names = self._names.of_order(step.order_key)
        if FIELDS.intersection(step.fields):
            body = changed_shipment(shown, step.document, step.fields, names)
            answer = await _ours(self._client.put(path, body, urgency))
            if isinstance(answer, dict) and answer.get("errors"):
                raise RejectedError("row_refused", "; ".join(str(one) for one in answer["errors"]))
        if "tagIds" in step.fields:
            wanted = {names.tags[tag_id] for tag_id in cast(dict[str, Any], step.document).get("tagIds") or ()}
            await self._tag(path, {str(one.get("name")) for one in shown.get("tags") or ()}, wanted, urgency)

    async def _tag(self, path: str, there: set[str], wanted: set[str], urgency: Urgency) -> None:
        for name in sorted(wanted - there):
            await _ours(self._client.post(f"{path}/tags/{quote(name, safe='')}", {}, urgency))
        for name in sorted(there - wanted):
            await _ours(self._client.delete(f"{path}/tags/{quote(name, safe='')}", urgency))

    async def void_label(self, order_id: int, shipment_id: int, item_prefix: str, urgency: Urgency) -> None:
        """Absolute, so it may be asked for again; what became of it is read, never believed."""
        path = f"/v2/labels/se-{shipment_id}"
        if await self._is_void(path, urgency):
            return
        shipment = await self._one(f"/v2/shipments/se-{order_id}", urgency)
        items = items_in(_whole(shipment)) if shipment else []
        if not items or not all((item["lineItemKey"] or item_prefix).startswith(item_prefix) for item in items):
            raise RejectedError("label_shared", "the parcel holds goods of another order")
        answer = await _ours(self._client.put(f"{path}/void", {}, urgency))
        if not await self._is_void(path, urgency):
            said = answer.get("message") if isinstance(answer, dict) else ""
            raise RejectedError("void_refused", str(said or "the label was not voided"))

    async def _is_void(self, path: str, urgency: Urgency) -> bool:
        label = await self._one(path, urgency)
        if label is None:
            raise TransientError("label_not_shown", f"ShipStation does not show {path}")
        return bool(label.get("voided"))


def _readable(shipments: Iterable[Row]) -> list[Row]:
    """Without those of which a member is of another kind than the vendor documents."""
    found = []
    for row in shipments:
        with suppress(MalformedError):
            found.append(decoded(V2Shipment, row))
    return found


def _whole(shipment: Row) -> Row:
    """Of which nothing was left out. Raises `TransientError`."""
    try:
        found: Row = decoded(V2Whole, decoded(V2Shipment, shipment))
    except MalformedError as error:
        raise TransientError("malformed", f"a shipment: {error}") from error
    return found


def _parcel(label: Row, shipment: Row | None) -> Shipment:
    """Raises `MalformedError`."""
    items = items_in(decoded(V2Shipment, shipment)) if shipment else None
    return shipment_of(decoded(V2Label, label), items)


def _is_live(label: Row) -> bool:
    return not label.get("voided") and not label.get("is_return_label")


async def _ours(call: Awaitable[T]) -> T:
    """Where the plan has no shipments or labels, no order can go by V2 at all: then the account is told, not the part."""
    try:
        return await call
    except AccessError as error:
        raise AccessError(ACCOUNT, error.code, error.text) from error


def _as_conflict(outcome: RowOutcome) -> RowOutcome:
    """A key in use, or an order that somebody closed meanwhile: the world moved, and is looked at again."""
    error = outcome.error
    if isinstance(error, RejectedError | TransientError) and TWIN.search(error.text):
        return RowOutcome(outcome.order_key, error=ConflictError("key_taken", error.text))
    if isinstance(error, RejectedError) and CLOSED.search(error.text):
        return RowOutcome(outcome.order_key, error=ConflictError("order_locked", error.text))
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
