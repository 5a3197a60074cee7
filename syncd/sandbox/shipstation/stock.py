"""The stock of a ShipStation account, kept by the Inventory add-on: what lies where, what orders hold, what left.

Buying a label takes the goods off the shelf of the warehouse that ships them; voiding puts them back. Only SKUs that were
counted once have a level. `available = on_hand - allocated` (the formula is inferred, the vendor documents none).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.options import InventoryLocation
from syncd.sandbox.shipstation.records import Item, Order
from syncd.sandbox.shipstation.refusals import Invalid, NotFound

Change = Literal["increment", "decrement", "adjust", "modify"]
Shelf = tuple[str, int]
"""SKU and inventory location id."""


@dataclass(frozen=True)
class Level:
    sku: str
    location: InventoryLocation
    on_hand: int
    allocated: int
    cost: Decimal

    @property
    def available(self) -> int:
        return self.on_hand - self.allocated


@dataclass(frozen=True)
class Movement:
    """One line of the ledger. `delta` is the change of the units on hand."""

    at: datetime
    kind: str
    sku: str
    location_id: int
    delta: int
    reason: str


class Stock:
    def __init__(self, account: Account) -> None:
        self.ledger: list[Movement] = []
        self._account = account
        self._on_hand: dict[Shelf, int] = {}
        self._costs: dict[Shelf, Decimal] = {}
        self._shown: tuple[int, Counter[Shelf], list[Level]] | None = None
        """The levels as they were for so long a ledger and these open orders: a scan asks for them page by page."""

    def change(
        self,
        kind: Change,
        location_id: int,
        sku: str,
        quantity: int,
        reason: str = "",
        cost: Decimal | None = None,
        new_location_id: int | None = None,
    ) -> None:
        """One V2 transaction. `adjust` sets the number on hand; `modify` changes what the goods cost or where they lie."""
        shelf = (sku, self.location(location_id).location_id)
        if quantity < 0:
            raise Invalid("quantity", "quantity must not be negative.")
        if cost is not None:
            self._costs[shelf], self._shown = cost, None
        if kind == "modify":
            if new_location_id is not None:
                self._move(shelf, self.location(new_location_id).location_id, quantity, reason)
            return
        before = self._on_hand.get(shelf, 0)
        after = {"increment": before + quantity, "decrement": before - quantity, "adjust": quantity}[kind]
        self._put(kind, shelf, after - before, reason)

    def count(self, sku: str, location_id: int, on_hand: int) -> None:
        """Somebody counts the shelf."""
        self.change("adjust", location_id, sku, on_hand, "counted")

    def goods_left(self, order: Order, items: Iterable[Item], reason: str) -> None:
        self._carry(order, items, -1, reason)

    def goods_returned(self, order: Order, items: Iterable[Item], reason: str) -> None:
        """To the shelf, because they did not leave after all."""
        self._carry(order, items, 1, reason)

    def levels(self) -> list[Level]:
        """By SKU, then location."""
        held = self._allocated()
        if self._shown is None or self._shown[:2] != (len(self.ledger), held):
            found = [
                Level(sku, self.location(place), units, held[sku, place], self._costs.get((sku, place), Decimal(0)))
                for (sku, place), units in sorted(self._on_hand.items())
            ]
            self._shown = len(self.ledger), held, found
        return self._shown[2]

    def location(self, location_id: int) -> InventoryLocation:
        for known in self._account.options.inventory_locations:
            if known.location_id == location_id:
                return known
        raise NotFound(f"There is no inventory location {location_id}.")

    def _put(self, kind: str, shelf: Shelf, delta: int, reason: str) -> None:
        self._on_hand[shelf] = self._on_hand.get(shelf, 0) + delta
        self.ledger.append(Movement(self._account.now(), kind, *shelf, delta, reason))

    def _move(self, shelf: Shelf, to: int, units: int, reason: str) -> None:
        self._put("modify", shelf, -units, reason)
        self._put("modify", (shelf[0], to), units, reason)

    def _carry(self, order: Order, items: Iterable[Item], sign: int, reason: str) -> None:
        place = self._place_of(order)
        if place is None:
            return
        for sku, units in _units(items).items():
            if (sku, place) in self._on_hand:
                self._put("shipped" if sign < 0 else "voided", (sku, place), sign * units, reason)

    def _allocated(self) -> Counter[Shelf]:
        """Units that open orders hold: ordered and in no live package yet."""
        held: Counter[Shelf] = Counter()
        for order in self._account.orders.values():
            place = self._place_of(order)
            if place is None or order.gone or order.status not in {"awaiting_shipment", "on_hold"}:
                continue
            left = _units(order.items)
            for shipment in self._account.shipments_of(order.order_id):
                if shipment.voided_at is None and not shipment.is_return:
                    left.subtract(_units(shipment.items))
            held.update({(sku, place): units for sku, units in left.items() if units > 0})
        return held

    def _place_of(self, order: Order) -> int | None:
        """Where the goods of an order lie: the first inventory location of its warehouse."""
        for known in self._account.options.inventory_locations:
            if known.ships_from == order.content.warehouse_id:
                return known.location_id
        return None


def _units(items: Iterable[Item]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for item in items:
        if item.sku and not item.adjustment:
            counted[item.sku] += item.quantity
    return counted
