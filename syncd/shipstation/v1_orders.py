"""Orders and packages by way of V1: one upsert by order key for a hundred of them, and lists with what is in each parcel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mappings.plans import UpsertOrder
from mappings.shipstation_shapes import Fulfillment, Order, Shipment
from syncd.budget import Call, Urgency, WindowBudget
from syncd.shipstation import reads
from syncd.shipstation.client import ACCOUNT, ShipStationClient
from syncd.shipstation.lists import Page
from syncd.shipstation.voids import void_label
from syncd.shipstation.writes import RowOutcome, upsert_orders


@dataclass(frozen=True)
class V1Orders:
    """See `OrdersApi`."""

    client: ShipStationClient
    budget: WindowBudget
    account: str = ACCOUNT

    async def orders_by_id(
        self, order_ids: Iterable[int], urgency: Urgency, created_since: datetime | None = None
    ) -> dict[int, Order | None]:
        return await reads.orders_by_id(self.client, order_ids, urgency, created_since)

    async def order_by_key(self, order_key: str, number: str, urgency: Urgency) -> Order | None:
        orders = await reads.orders_beginning(self.client, number, urgency)
        alike = [order for order in orders if order.get("orderKey") == order_key]
        return min(alike, key=lambda order: order["orderId"], default=None)  # the others were split off it

    async def orders_beginning(self, number: str, urgency: Urgency) -> list[Order]:
        return await reads.orders_beginning(self.client, number, urgency)

    async def orders_changed_last(self, urgency: Urgency) -> list[Order]:
        return await reads.orders_changed_last(self.client, urgency)

    def orders_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Order]]:
        return reads.orders_since(self.client, since, urgency)

    def orders_created_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Order]]:
        return reads.orders_created_since(self.client, since, urgency)

    def shipments_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Shipment]]:
        return reads.shipments_since(self.client, since, urgency)

    def shipments_voided_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Shipment]]:
        return reads.shipments_voided_since(self.client, since, urgency)

    def fulfillments_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Fulfillment]]:
        return reads.fulfillments_since(self.client, since, urgency)

    async def shipments_of_order(self, order_id: int, urgency: Urgency) -> list[Shipment]:
        return await reads.shipments_of_order(self.client, order_id, urgency)

    async def write(
        self, steps: Sequence[UpsertOrder], urgency: Urgency, granted: Call | None = None
    ) -> dict[str, RowOutcome]:
        return await upsert_orders(self.client, [step.document for step in steps], urgency, granted)

    async def void_label(self, order_id: int, shipment_id: int, item_prefix: str, urgency: Urgency) -> None:
        await void_label(self.client, order_id, shipment_id, item_prefix, urgency)
