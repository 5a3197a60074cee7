"""What is written to ShipStation: orders, a hundred to a call, and the subscriptions that bring its webhooks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.keys import LARGEST_ID
from mappings.personal import without_personal
from mappings.shipstation_shapes import Order
from syncd.budget import Call, Urgency
from syncd.errors import ConflictError, RejectedError, SyncError, TransientError, UncertainError
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.wire import NOT_FOUND

LARGEST_BATCH = 100

MOST_CALLS = 32
MOST_FAILURES = 9  # in a row, halves of halves and the last one twice: more is an outage and not one order
POISON = frozenset({"http_400", NOT_FOUND, "http_413", "http_422", "http_500"})

# The words of a refused row are not documented. These say that somebody shipped, cancelled or locked it meanwhile.
LOCKED = re.compile(r"\bshipped\b|\bcancell?ed\b|\blocked\b|cannot be (modified|updated|changed|edited)", re.IGNORECASE)
PASSING = re.compile(r"deadlock|time-?d? ?out|try again|temporar|an error has occurred", re.IGNORECASE)


@dataclass(frozen=True)
class RowOutcome:
    """Taken with this ShipStation order id, or not with this error. Uncertain rows may have been taken."""

    order_key: str
    order_id: int | None = None
    error: SyncError | None = None


async def upsert_orders(
    client: ShipStationClient, documents: Sequence[Order], urgency: Urgency, granted: Call | None = None
) -> dict[str, RowOutcome]:
    """Creates, changes or cancels by order key; exactly one outcome for each document. `granted` is for the first call.

    Raises only when the first call fails for the whole account, so that nothing was sent or taken.
    """

    async def post(documents: list[Order], granted: Call | None) -> Any:
        return await client.post(
            "/orders/createorders", documents, urgency, granted, lambda text: without_personal(text, documents)
        )

    return await Batch(post, _outcomes, granted).outcomes(list(documents))


class Batch:
    """A call that is refused as a whole is sent again in halves, so that one bad row does not keep 99 others back.

    Sending a row twice must be harmless: an upsert of the same document by key, or refused as being there already.
    """

    def __init__(
        self,
        post: Callable[[list[Order], Call | None], Awaitable[Any]],
        outcomes_of: Callable[[list[Order], Any], dict[str, RowOutcome]],
        granted: Call | None,
    ) -> None:
        self._post = post
        self._outcomes_of = outcomes_of
        self._granted = granted
        self._calls = 0
        self._calls_taken = 0
        self._failures_in_a_row = 0
        self._failed_alone: Counter[str] = Counter()
        self.in_doubt: dict[str, UncertainError] = {}
        """Rows of calls without a usable answer: they may have been taken, whatever becomes of the calls after that."""

    async def outcomes(self, documents: list[Order]) -> dict[str, RowOutcome]:
        keys = [document["orderKey"] for document in documents]
        if not all(keys) or len(set(keys)) < len(keys) or len(keys) > LARGEST_BATCH:
            raise ValueError(f"a batch holds up to {LARGEST_BATCH} orders, each with a key of its own")
        outcomes = await self._send(documents) if documents else {}
        return {key: self._judged(outcome) for key, outcome in outcomes.items()}

    async def _send(self, documents: list[Order]) -> dict[str, RowOutcome]:
        self._calls += 1
        granted, self._granted = self._granted, None
        try:
            answer = await self._post(documents, granted)
        except (RejectedError, UncertainError) as error:
            self._failures_in_a_row += 1
            return await self._after_failure(documents, error)
        except SyncError as error:
            if self._calls == 1:
                raise
            return {key: RowOutcome(key, error=self.in_doubt.get(key, error)) for key in _all_failed(documents, error)}
        self._failures_in_a_row = 0
        self._calls_taken += 1
        return self._outcomes_of(documents, answer)

    async def _after_failure(
        self, documents: list[Order], error: RejectedError | UncertainError
    ) -> dict[str, RowOutcome]:
        is_alone = len(documents) == 1
        if is_alone:
            self._failed_alone[documents[0]["orderKey"]] += 1
        if isinstance(error, UncertainError):
            self.in_doubt |= {document["orderKey"]: error for document in documents}
            if error.code in POISON and self._calls > 1 and self._failed_alone[documents[0]["orderKey"]] == 1:
                return await self._send(documents)  # once alone may be chance
        if is_alone or error.code not in POISON:
            return _all_failed(documents, error)
        middle = len(documents) // 2
        outcomes: dict[str, RowOutcome] = {}
        for half in (documents[:middle], documents[middle:]):
            may_go_on = self._calls < MOST_CALLS and self._failures_in_a_row < MOST_FAILURES
            outcomes |= await self._send(half) if may_go_on else _all_failed(half, error)
        return outcomes

    def _judged(self, outcome: RowOutcome) -> RowOutcome:
        """What a failure of whole calls means for one row."""
        key, error = outcome.order_key, outcome.error
        if error is None or error.code not in POISON:
            return outcome
        if isinstance(error, RejectedError) and key in self._failed_alone and LOCKED.search(error.text):
            return RowOutcome(key, error=self.in_doubt.get(key) or ConflictError("order_locked", error.text))
        if error.code == NOT_FOUND and key in self._failed_alone:  # merged or deleted since we looked
            return RowOutcome(key, error=ConflictError("order_gone", error.text))
        if self._failed_alone[key] >= (1 if isinstance(error, RejectedError) else 2) and self._calls_taken:
            # others were taken and this one alone was not: asking again would never end
            return RowOutcome(key, error=RejectedError(error.code, error.text))
        if isinstance(error, RejectedError) and self._calls > 1:
            together = TransientError(error.code, f"refused together with others: {error.text}")
            return RowOutcome(key, error=self.in_doubt.get(key, together))
        return outcome


def _all_failed(documents: list[Order], error: SyncError) -> dict[str, RowOutcome]:
    return {document["orderKey"]: RowOutcome(document["orderKey"], error=error) for document in documents}


def _outcomes(documents: list[Order], answer: Any) -> dict[str, RowOutcome]:
    """Rows are matched by key: their order is not promised, and a missing one is no success."""
    results = answer.get("results") if isinstance(answer, dict) else None
    rows_by_key: dict[Any, list[dict[str, Any]]] = {}
    for row in results if isinstance(results, list) else []:
        if isinstance(row, dict) and isinstance(row.get("orderKey"), str):
            rows_by_key.setdefault(row["orderKey"], []).append(row)
    return {one["orderKey"]: _outcome(one, rows_by_key.get(one["orderKey"], [])) for one in documents}


def _outcome(document: Order, rows: list[dict[str, Any]]) -> RowOutcome:
    order_key = document["orderKey"]
    if not rows:
        return RowOutcome(order_key, error=UncertainError("row_missing", "the answer does not mention it"))
    if any(row != rows[0] for row in rows):
        return RowOutcome(order_key, error=UncertainError("row_doubled", "the answer contradicts itself"))
    order_id = rows[0].get("orderId")
    if rows[0].get("success") is not True:
        return RowOutcome(order_key, error=_row_error(rows[0], document))
    if not isinstance(order_id, int) or isinstance(order_id, bool) or not 0 < order_id <= LARGEST_ID:
        return RowOutcome(order_key, error=UncertainError("row_without_id", "success without an order id"))
    return RowOutcome(order_key, order_id)


def _row_error(row: dict[str, Any], document: Order) -> SyncError:
    """The table of refused rows."""
    message = without_personal(str(row.get("errorMessage") or "no reason given"), [document])
    if row.get("success") is not False or PASSING.search(message):
        return UncertainError("row_failed", message)
    if LOCKED.search(message):
        return ConflictError("order_locked", message)
    return RejectedError("row_refused", message)


async def subscribe(client: ShipStationClient, event: str, url: str, name: str) -> int:
    """The subscription's id. Whether a second one for the same address is refused is not told: look before."""
    answer = await client.post(
        "/webhooks/subscribe",
        {"target_url": url, "event": event, "store_id": None, "friendly_name": name},
        Urgency.CATALOG,
    )
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
        raise UncertainError("no_subscription", "the answer holds no id")
    return int(answer["id"])


async def unsubscribe(client: ShipStationClient, webhook_id: int) -> None:
    await client.delete(f"/webhooks/{webhook_id}", Urgency.CATALOG)
