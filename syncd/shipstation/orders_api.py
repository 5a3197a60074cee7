"""What the daemon needs of ShipStation for orders and their packages, whichever of its two APIs does it.

Documents are V1-shaped on both: see the shapes. Nothing above this line knows which API is spoken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from mappings.plans import UpsertOrder
from mappings.shipstation_shapes import Fulfillment, Order, Shipment
from syncd.budget import Call, Urgency, WindowBudget
from syncd.shipstation.lists import Page
from syncd.shipstation.writes import RowOutcome


class OrdersApi(Protocol):
    """Lists come oldest first and are read to their end; all of them raise what the client raises."""

    @property
    def account(self) -> str:
        """Who is paused when it lets us in no more."""

    @property
    def budget(self) -> WindowBudget:
        """Where `write` takes its first call from, if it is given one."""

    async def orders_by_id(
        self, order_ids: Iterable[int], urgency: Urgency, created_since: datetime | None = None
    ) -> dict[int, Order | None]:
        """One entry for each id; None for what is not there: deleted, or merged into another order. `created_since`: no later
        than the oldest of them, so that many may be read from a list."""

    async def order_by_key(self, order_key: str, number: str, urgency: Urgency) -> Order | None:
        """For an order whose answer was lost. Its number begins with `number`."""

    async def orders_beginning(self, number: str, urgency: Urgency) -> list[Order]:
        """Orders of this number, with the parts of a split one as far as the API can find them."""

    async def orders_changed_last(self, urgency: Urgency) -> list[Order]:
        """The 500 that were changed last. Nothing follows from not being among them."""

    def orders_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Order]]:
        """Orders modified since."""

    def orders_created_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Order]]:
        """Orders made since, whatever became of them."""

    def shipments_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Shipment]]:
        """Labels bought since, with what is in their parcels. Some are voided by now, some are return labels."""

    def shipments_voided_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Shipment]]:
        """Labels voided since, however old they are, in any order."""

    def fulfillments_since(self, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Fulfillment]]:
        """Orders marked as shipped since, without a label of ShipStation's."""

    async def shipments_of_order(self, order_id: int, urgency: Urgency) -> list[Shipment]:
        """All labels of one order, voided and return labels too."""

    async def write(
        self, steps: Sequence[UpsertOrder], urgency: Urgency, granted: Call | None = None
    ) -> dict[str, RowOutcome]:
        """Creates, changes or cancels up to a hundred orders; exactly one outcome for each, by order key. Raises only when
        the account as a whole refused, so that nothing was done. Nothing that may have been done is done twice."""

    async def void_label(self, order_id: int, shipment_id: int, item_prefix: str, urgency: Urgency) -> None:
        """Returns once the label reads as void. Raises `RejectedError` when the carrier or ShipStation will not, and when the
        parcel holds anything else than items whose key begins with `item_prefix`."""
