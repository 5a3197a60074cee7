"""What Shopify still accepts a fulfillment for: the lines of open fulfillment orders, given out unit by unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mappings.causes import Cause
from mappings.eligibility import bar, location_of
from mappings.packed import Units
from mappings.shopify_shapes import FulfillmentOrder, number_of

FULFILLABLE = frozenset({"OPEN", "IN_PROGRESS"})
NOT_OURS = frozenset({Cause.PICKUP, Cause.OTHER_SERVICE, Cause.NOTHING_TO_SHIP})

Taken = dict[str, dict[str, int]]
"""Fulfillment order gid -> fulfillment order line gid -> units."""


@dataclass
class Slot:
    """One fulfillment order line and what is left of it."""

    fulfillment_order_gid: str
    line_gid: str
    line_id: int
    location_id: int | None
    left: int
    is_ours: bool
    """False for pick-up and other services: used last, and not waited for."""


def slots_of(fulfillment_orders: Iterable[FulfillmentOrder]) -> list[Slot]:
    slots = [
        Slot(
            fulfillment_order_gid=one["id"],
            line_gid=line["id"],
            line_id=number_of(line["lineItem"]["id"]),
            location_id=location_of(one),
            left=line["remainingQuantity"],
            is_ours=bar(one) not in NOT_OURS,
        )
        for one in sorted(fulfillment_orders, key=lambda one: number_of(one["id"]))
        for line in one["lineItems"]["nodes"]
        if line["requiresShipping"] and line["remainingQuantity"] > 0
    ]
    return sorted(slots, key=lambda slot: not slot.is_ours)


def units_left(slots: Iterable[Slot], location_id: int | None = None) -> Units:
    """All of them, or those of one location."""
    units: Units = Counter()
    for slot in slots:
        if location_id is None or slot.location_id == location_id:
            units[slot.line_id] += slot.left
    return units


def take(slots: Sequence[Slot], lines: Units, preferred: int | None) -> Taken | None:
    """All lines from one place, that of the consignment if it has them: Shopify refuses a fulfillment from two. Uses up the slots."""
    for place in _places(slots, preferred):
        here = [slot for slot in slots if slot.location_id == place]
        if not lines - units_left(here):
            return _take_from(here, lines)
    return None


def most_from_one_place(slots: Sequence[Slot], lines: Units, preferred: int | None) -> Units:
    """What of these lines one place has: that of the consignment if it has any of them, else the one with the most."""
    parts = [lines & units_left(slot for slot in slots if slot.location_id == at) for at in _places(slots, preferred)]
    if parts and parts[0] and any(slot.location_id == preferred for slot in slots):
        return parts[0]
    return max(parts, key=lambda part: sum(part.values()), default=Counter())


def _places(slots: Sequence[Slot], preferred: int | None) -> list[int | None]:
    return sorted({slot.location_id for slot in slots}, key=lambda at: (at != preferred, at is None, at or 0))


def _take_from(slots: list[Slot], lines: Units) -> Taken:
    wanted = Counter(lines)
    taken: Taken = {}
    for slot in slots:
        units = min(slot.left, wanted[slot.line_id])
        if units > 0:
            slot.left -= units
            wanted[slot.line_id] -= units
            taken.setdefault(slot.fulfillment_order_gid, {})[slot.line_gid] = units
    return taken
