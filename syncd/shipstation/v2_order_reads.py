"""Orders and packages as V2 shows them.

A label does not tell what is in its parcel; its shipment does, as long as it has no other label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar, cast
from urllib.parse import quote

from mappings.decoding import MalformedError, decoded
from mappings.shipstation_shapes import Fulfillment, Order, Shipment
from mappings.v2_documents import (
    fulfillment_of,
    items_in,
    number_of,
    order_of,
    shipment_of,
)
from mappings.v2_shapes import V2Label, V2Shipment, V2Whole
from syncd.budget import Urgency, WindowBudget
from syncd.errors import AccessError, RejectedError, TransientError
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

T = TypeVar("T")

FEW = 3
"""So many shipments are asked for one by one rather than looked for in a list."""


class V2OrderReads:
    """The half of `OrdersApi` that reads."""

    account = ACCOUNT

    def __init__(self, client: ShipStationV2Client, names: KnownNames, clock: Clock) -> None:
        self._client = client
        self._names = names
        self._clock = clock

    @property
    def budget(self) -> WindowBudget:
        return self._client.budget

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
            row = await ours(self._client.get(path, None, urgency))
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


def _readable(shipments: Iterable[Row]) -> list[Row]:
    """Without those of which a member is of another kind than the vendor documents."""
    found = []
    for row in shipments:
        with suppress(MalformedError):
            found.append(decoded(V2Shipment, row))
    return found


def whole_shipment(shipment: Row) -> Row:
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


async def ours(call: Awaitable[T]) -> T:
    """Where the plan has no shipments or labels, no order can go by V2 at all: then the account is told, not the part."""
    try:
        return await call
    except AccessError as error:
        raise AccessError(ACCOUNT, error.code, error.text) from error
