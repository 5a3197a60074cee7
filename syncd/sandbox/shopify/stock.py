"""How many units of what lie where in one shop: on hand as counted, committed by open orders, available as the rest.

Selling commits units, fulfilling takes them off the shelf, cancelling gives them back. Only places that were counted or set
once have a level.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.sandbox.shopify.goods import PHYSICAL
from syncd.sandbox.shopify.problems import Refusal
from syncd.sandbox.shopify.sales import variant_number
from syncd.sandbox.shopify.state import Line, Order, Variant, gid
from syncd.sandbox.shopify.times import utc_text

if TYPE_CHECKING:
    from syncd.sandbox.shopify.shop import Shop

Place = tuple[int, int]
"""Variant id and location id."""

NAMES = ("available", "committed", "on_hand", "incoming", "reserved", "damaged", "safety_stock", "quality_control")
REASONS = (
    "correction", "cycle_count_available", "damaged", "movement_canceled", "movement_created", "movement_received",
    "movement_updated", "other", "promotion", "quality_control", "received", "reservation_created", "reservation_deleted",
    "reservation_updated", "restock", "safety_stock", "shrinkage",
)  # fmt: skip
HIGHEST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Level:
    variant: Variant
    location_id: int
    on_hand: int
    committed: int

    @property
    def available(self) -> int:
        return self.on_hand - self.committed

    def quantity(self, name: str) -> int:
        known = {"available": self.available, "committed": self.committed, "on_hand": self.on_hand}
        return known.get(name, 0)


@dataclass(frozen=True)
class Write:
    """Somebody set a quantity by API: what stood there when it was done, and what it had been computed from."""

    at: datetime
    variant_id: int
    location_id: int
    name: str
    before: int
    after: int
    compared: int | None


@dataclass(frozen=True)
class Wanted:
    """One entry of `inventorySetQuantities`; `compared` None skips the comparison."""

    variant_id: int
    location_id: int
    quantity: int
    compared: int | None


def listed_variant(shop: Shop, sku: str) -> Variant:
    """A new article with this SKU; one of the catalogue under the number by which it is sold."""
    article = next((one for one in PHYSICAL if one.sku == sku), None)
    number = variant_number(article) if article else shop.ids.next()
    number = number if number not in shop.variants else shop.ids.next()
    variant = Variant(number, number // 7, sku, "", sku, None, None, None, True)
    shop.variants[number] = variant
    return variant


class Stock:
    def __init__(self, shop: Shop) -> None:
        self.writes: list[Write] = []
        self._shop = shop
        self._on_hand: dict[Place, int] = {}
        self._variants_at: dict[int, list[int]] = {}
        """Location id -> variant ids with a level, rising."""
        self._told: dict[Place, int] = {}

    def count(self, variant_id: int, location_id: int, on_hand: int) -> None:
        """Somebody in the shop counts the shelf."""
        self._put((variant_id, location_id), on_hand)
        self.tell([(variant_id, location_id)])

    def goods_left(self, line: Line, location_id: int, units: int) -> None:
        self._move(line, location_id, -units)

    def goods_back(self, line: Line, location_id: int, units: int) -> None:
        self._move(line, location_id, units)

    def level(self, variant_id: int, location_id: int) -> Level | None:
        place = (variant_id, location_id)
        if place not in self._on_hand:
            return None
        return self._level(place, self.committed())

    def page_at(self, location_id: int, after: int, size: int) -> tuple[list[Level], bool]:
        """The levels of the variants above `after`, and whether there are more."""
        known = self._variants_at.get(location_id, [])
        start, held = bisect_right(known, after), self.committed()
        chosen = known[start : start + size]
        return [self._level((one, location_id), held) for one in chosen], start + size < len(known)

    def levels(self) -> list[Level]:
        held = self.committed()
        return [self._level(place, held) for place in sorted(self._on_hand)]

    def committed(self) -> Counter[Place]:
        """Units that were sold and did not leave yet, paid for or not, routed or not."""
        held: Counter[Place] = Counter()
        for order in self._shop.orders.values():
            held.update(held_by(order))
        return held

    def set_quantities(self, name: str, reason: str, wanted: list[Wanted]) -> list[tuple[Wanted, int]]:
        """All or nothing; the differences. Raises `Refusal` with the recorded fields and codes."""
        _refuse_words(name, reason)
        held = self.committed()
        seen: set[Place] = set()
        for number, one in enumerate(wanted):
            self._refuse(name, one, number, seen, held)
        return [(one, self._set(name, one, held)) for one in wanted]

    def tell(self, places: Iterable[Place]) -> None:
        """One webhook for each level whose available units are not what was told last."""
        if not self._shop.outbox.wants("INVENTORY_LEVELS_UPDATE"):
            return
        known = [place for place in places if place in self._on_hand]
        held = self.committed() if known else Counter()
        for place in known:
            level = self._level(place, held)
            if self._told.get(place) != level.available:
                self._told[place] = level.available
                self._shop.outbox.tell(["INVENTORY_LEVELS_UPDATE"], level.variant.id, self._body(level))

    def tell_of(self, order: Order) -> None:
        shelves = [(line.variant.id, place) for line in order.lines if line.variant for place in self._variants_at]
        self.tell(dict.fromkeys(shelves))

    def _body(self, level: Level) -> dict[str, Any]:
        return {
            "inventory_item_id": level.variant.id + 1,
            "location_id": level.location_id,
            "available": level.available,
            "updated_at": utc_text(self._shop.stamp()),
            "admin_graphql_api_id": level_gid(level),
        }

    def _level(self, place: Place, held: Mapping[Place, int]) -> Level:
        return Level(self._shop.variants[place[0]], place[1], self._on_hand[place], held.get(place, 0))

    def _move(self, line: Line, location_id: int, units: int) -> None:
        place = (line.variant.id if line.variant else 0, location_id)
        if place in self._on_hand:
            self._on_hand[place] += units

    def _put(self, place: Place, on_hand: int) -> None:
        if place not in self._on_hand:
            insort(self._variants_at.setdefault(place[1], []), place[0])
        self._on_hand[place] = on_hand

    def _set(self, name: str, one: Wanted, held: Mapping[Place, int]) -> int:
        place = (one.variant_id, one.location_id)
        before = self._present(name, place, held)
        self._put(place, one.quantity + (held.get(place, 0) if name == "available" else 0))
        self.writes.append(Write(self._shop.now(), *place, name, before, one.quantity, one.compared))
        return one.quantity - before

    def _present(self, name: str, place: Place, held: Mapping[Place, int]) -> int:
        """A place that has no level yet has nothing."""
        on_hand = self._on_hand.get(place, held.get(place, 0) if name == "available" else 0)
        return on_hand - (held.get(place, 0) if name == "available" else 0)

    def _refuse(self, name: str, one: Wanted, number: int, seen: set[Place], held: Mapping[Place, int]) -> None:
        path, place = ["input", "quantities", str(number)], (one.variant_id, one.location_id)
        if one.variant_id not in self._shop.variants:
            text = "The specified inventory item could not be found."
            raise Refusal([*path, "inventoryItemId"], text, "INVALID_INVENTORY_ITEM")
        if self._shop.location(one.location_id) is None:
            raise Refusal([*path, "locationId"], "The specified location could not be found.", "INVALID_LOCATION")
        if place in seen:
            text = "The combination of inventoryItemId and locationId must be unique."
            raise Refusal([*path, "locationId"], text, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR")
        seen.add(place)
        if name == "on_hand" and one.quantity < 0:
            raise Refusal([*path, "quantity"], "The quantity can't be negative.", "INVALID_QUANTITY_NEGATIVE")
        if one.quantity > HIGHEST:
            text = "The quantity can't be higher than 1,000,000,000."
            raise Refusal([*path, "quantity"], text, "INVALID_QUANTITY_TOO_HIGH")
        if one.compared is not None and one.compared != self._present(name, place, held):
            text = "The changeFromQuantity value does not match the current quantity."
            raise Refusal([*path, "changeFromQuantity"], text, "CHANGE_FROM_QUANTITY_STALE")


def _refuse_words(name: str, reason: str) -> None:
    if name not in ("available", "on_hand"):
        text = "The quantity name must be either 'available' or 'on_hand'."
        raise Refusal(["input", "name"], text, "INVALID_NAME")
    if reason not in REASONS:
        text = f"The specified reason is invalid. Valid values are: {', '.join(REASONS)}."
        raise Refusal(["input", "reason"], text, "INVALID_REASON")


def held_by(order: Order) -> Counter[Place]:
    """What one order keeps from being sold."""
    held: Counter[Place] = Counter()
    for units in order.units:
        if units.line.variant:
            held[units.line.variant.id, units.location_id] += units.quantity - units.fulfilled
    for entry in order.fulfillment_orders:
        for part in entry.lines if entry.is_live else ():
            if part.line.variant:
                held[part.line.variant.id, entry.location_id] += part.remaining
    return held


def level_gid(level: Level) -> str:
    return f"{gid('InventoryLevel', level.location_id)}?inventory_item_id={level.variant.id + 1}"
