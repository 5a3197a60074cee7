"""What a shelf's numbers should be: ShipStation's stock and Shopify's compared, by exact SKU, for one declared owner. Pure.

Buying a label changes neither side's available units, nor does telling Shopify of it: units wander from committed to gone on
both sides, at different moments. So what is free is compared by available units, less what was sold and ShipStation does not
hold yet. On hand follows from it, and nothing is offered twice while a package is on its way from one side to the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from mappings.keys import line_of
from mappings.packed import Units, units_of
from mappings.shipstation_shapes import Order

Owner = Literal["shipstation", "shopify", "none"]
QuantityName = Literal["on_hand", "available"]


ShelfRef = tuple[str, int]
"""Store and Shopify location."""


@dataclass(frozen=True)
class Shelf:
    """One Shopify location, where its goods lie in ShipStation, and whose count is right."""

    store: str
    location_id: int
    place: str
    """The id of an inventory location, or of an inventory warehouse with all its locations, such as `se-701`."""
    owner: Owner = "none"
    quantity: QuantityName = "on_hand"
    """What is written to Shopify."""
    buffer: int = 0
    """Free units that are never offered; `buffers` by SKU."""
    buffers: Mapping[str, int] = field(default_factory=dict)
    floor: int = 0
    """Fewer units than this are offered as none; `floors` by SKU."""
    floors: Mapping[str, int] = field(default_factory=dict)

    @property
    def ref(self) -> ShelfRef:
        return self.store, self.location_id


def consent_of(shelves: Iterable[Shelf]) -> str:
    """What a person agrees to who releases one store: which goods are written where, by whose count."""
    return "; ".join(sorted(f"{one.location_id} {one.owner} {one.quantity} {one.place}" for one in shelves))


class Lying(NamedTuple):
    """Units of one SKU in ShipStation."""

    on_hand: int
    available: int


class Offered(NamedTuple):
    """One inventory level of Shopify. `sku` is empty where the article has none."""

    item_id: int
    sku: str
    available: int
    committed: int
    on_hand: int
    is_tracked: bool = True


class Difference(NamedTuple):
    """`before` is what stands in the side that is to follow, `wanted` what the owner's numbers make of it."""

    level: Offered
    lying: Lying
    before: int
    wanted: int
    is_clear: bool = True
    """False while on hand and available tell different stories: something may be on its way."""


@dataclass(frozen=True)
class Sight:
    """What the goods of one shelf are measured by. `lying`: by SKU, ShipStation's units; `held`: units of our open orders that
    it holds, or that left it without Shopify having been told; `elsewhere`: units sold from the same goods by way of other
    shelves, of which it does not know yet."""

    shelf: Shelf
    lying: Mapping[str, Lying]
    held: Mapping[str, int] = field(default_factory=dict)
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    may_rise: bool = True
    """False while another shelf of the same goods cannot be read: nobody knows what was sold by way of it."""
    left: Mapping[str, int] = field(default_factory=dict)
    """The part of `held` that left."""
    seen: Mapping[int, Offered] = field(default_factory=dict)
    """By item: the levels that `held` was compared with. Of what is read again later it may be too much."""

    def unseen(self, level: Offered) -> int:
        """Units that were sold, paid for or not, and that ShipStation does not hold for us yet."""
        held = max(0, self.held.get(level.sku, 0) - self._told_since(level))
        return max(0, level.committed - held)

    def _told_since(self, level: Offered) -> int:
        """As many units at most may have left and been told to Shopify since the look, whatever else was sold or counted."""
        before = self.seen.get(level.item_id, level)
        return max(0, before.on_hand - level.on_hand, before.committed - level.committed)

    def all_unseen(self, levels: Iterable[Offered]) -> Counter[str]:
        """By SKU."""
        sold: Counter[str] = Counter()
        for level in levels:
            if level.sku:
                sold[level.sku] += self.unseen(level)
        return +sold

    def beside(self, others: Iterable[Mapping[str, int]]) -> Sight:
        """The same with what other shelves sold from these goods."""
        elsewhere: Counter[str] = Counter()
        for units in others:
            elsewhere.update(units)
        return replace(self, elsewhere=elsewhere)

    def difference(self, level: Offered) -> Difference | None:
        """In the direction of the owner; without one as if ShipStation owned it. None where both agree, or where ShipStation
        does not know the SKU."""
        if level.sku not in self.lying:
            return None
        lying, waiting = self.lying[level.sku], self.elsewhere.get(level.sku, 0) + self.unseen(level)
        if self.shelf.owner == "shopify":
            found = _counted_in_shopify(level, lying, waiting, self.left.get(level.sku, 0))
        else:
            before = level.available if self.shelf.quantity == "available" else level.on_hand
            found = Difference(level, lying, before, _offer(self.shelf, level, lying, waiting))
        return found if found.before != found.wanted else None

    def may_write(self, one: Difference) -> bool:
        """To Shopify."""
        return self.may_rise or one.wanted < one.before


@dataclass(frozen=True)
class ShelfPlan:
    """What one look at one shelf showed. SKUs that only one side knows, or that two articles share, are listed and left alone."""

    sight: Sight
    agreeing: int
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    """Offered in Shopify, without a level in ShipStation."""
    unlisted: tuple[str, ...]
    """In ShipStation, without a level in Shopify."""
    doubled: tuple[str, ...]
    unnamed: int
    """Articles without a SKU."""
    untracked: int


def plan_shelf(sight: Sight, levels: Sequence[Offered]) -> ShelfPlan:
    tracked = [level for level in levels if level.is_tracked]
    counted = Counter(level.sku for level in tracked if level.sku)
    known = [level for level in tracked if counted[level.sku] == 1 and level.sku in sight.lying]
    differences = [found for level in known if (found := sight.difference(level))]
    return ShelfPlan(
        replace(sight, seen={level.item_id: level for level in levels}),
        agreeing=len(known) - len(differences),
        differences=tuple(sorted(differences, key=_urgency)),
        unknown=tuple(sorted(sku for sku in counted if sku not in sight.lying)),
        unlisted=tuple(sorted(sight.lying.keys() - {level.sku for level in levels})),
        doubled=tuple(sorted(sku for sku, count in counted.items() if count > 1)),
        unnamed=sum(not level.sku for level in tracked),
        untracked=len(levels) - len(tracked),
    )


def _urgency(one: Difference) -> tuple[bool, int, str]:
    """What must no longer be sold first, then the largest reductions."""
    return (one.wanted > 0, one.wanted - one.before, one.level.sku)


def _offer(shelf: Shelf, level: Offered, lying: Lying, waiting: int) -> int:
    """The number to write to Shopify. What is free may be less than nothing, and then Shopify is told so."""
    free = lying.available - waiting
    if free > 0:
        free -= shelf.buffers.get(level.sku, shelf.buffer)
        free = max(0, free if free >= shelf.floors.get(level.sku, shelf.floor) else 0)
    return free if shelf.quantity == "available" else max(0, free + level.on_hand - level.available)


def _counted_in_shopify(level: Offered, lying: Lying, waiting: int, left: int) -> Difference:
    """ShipStation's units on hand follow Shopify's, but for what left without Shopify having been told: it may hold that for days.
    While a package is known on one side only, on hand differs and the free units do not: then nothing is clear."""
    on_hand = level.on_hand - left
    by_free = level.available + waiting - lying.available
    return Difference(level, lying, lying.on_hand, max(0, on_hand), is_clear=on_hand - lying.on_hand == by_free)


def is_flood(plan: ShelfPlan, share: float, least: int) -> bool:
    """At least `least` SKUs, and more than `share` of all, would stop being sold at once: more often a mistake than a wish."""
    if plan.sight.shelf.owner != "shipstation":
        return False
    stopped = sum(_stops(plan.sight.shelf, one) for one in plan.differences)
    return stopped >= least and stopped > share * (plan.agreeing + len(plan.differences))


def _stops(shelf: Shelf, one: Difference) -> bool:
    committed = 0 if shelf.quantity == "available" else one.level.on_hand - one.level.available
    return one.level.available > 0 and one.wanted - committed <= 0


def held_units(applied: Order, told: Iterable[Mapping[int, int] | None]) -> Counter[str]:
    """SKU -> units of one order in ShipStation of whose leaving Shopify was not told. `told`: Shopify line -> units of each
    package that Shopify knows; None for all of the order."""
    packages = list(told)
    if None in packages:
        return Counter()
    gone: Counter[int] = Counter()
    for lines in packages:
        gone.update(lines or {})
    held: Counter[str] = Counter()
    for item in applied["items"]:
        sku = item.get("sku")
        if sku and not item.get("adjustment"):
            line = (line_of(item["lineItemKey"]) or (0, 0))[1]
            left = max(0, item["quantity"] - gone[line])
            gone[line] = max(0, gone[line] - item["quantity"])
            held[sku] += left
    return held


def left_from(applied: Order, unnamed: Iterable[Mapping[int, int]], cancelled: Iterable[Order]) -> Units:
    """Units of one order in ShipStation that left in packages which do not name it. What somebody cancelled there was placed
    anew in it, but for what had been split off before: as many units left from what was cancelled, and it never held them."""
    placed: Units = Counter()
    for one in cancelled:
        if one["orderStatus"] != "cancelled":  # what we cancel ourselves nobody has split
            placed |= units_of(one)
    left: Units = Counter()
    for lines in unnamed:
        left.update(lines)
    return left - (placed - units_of(applied))
