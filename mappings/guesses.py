"""Where goods lie after the warehouse split or merged orders by hand, as far as it can only be guessed.

A parcel under a key that is none of ours left one of our orders that held its lines: perhaps another one than we think. And an
order that somebody cancelled there may live on in a part that was split off before. And of one of which our document is gone,
nobody knows what it holds: it may have left, or have been merged into an order of another location. Before such a line is placed
anew, ShipStation is asked what lies where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mappings.causes import Cause
from mappings.consignments import LIVE, added
from mappings.keys import split_order_key
from mappings.order_changes import Picture
from mappings.order_troubles import Trouble
from mappings.packed import Units, counted, is_cancelled_there, units_of
from mappings.plans import Package, UpsertOrder
from mappings.recalled import is_forgotten, own_part
from mappings.shipstation_shapes import Order


def in_question(seen: Picture) -> set[str]:
    """Order keys of those whose goods may lie there still, as far as another order is to get more of the same."""
    held = {one.order_key: units_of(one.applied) for one in seen.consignments}
    more = {one.order_key: units_of(one.wanted) - held.get(one.order_key, Counter()) for one in seen.changes}
    guessed = _cancelled_there(seen) | seen.allotment.packed.guessed
    unsure = {key for key, units in guessed.items() if any(units & of for other, of in more.items() if other != key)}
    unknown = _unknown(seen)
    # beside one of which we knew nothing, others may not be what we remember either: a database was rolled back
    live = {one.order_key for one in seen.consignments if one.standing in LIVE} if unknown and seen.changes else set()
    return unsure | live | (unknown if any(more.values()) else set())


def lying(seen: Picture, packages: Sequence[Package], observed: Mapping[str, Order | None]) -> dict[str, Units]:
    """By order key: taken for gone, and there. All of it where nobody could look. Of an order that was cancelled there `observed`
    shows what its parts hold, those that left among them."""
    ours = {one.order_key for one in seen.consignments}
    left = added(Counter(one.lines) for one in packages if one.lines and not one.voided and one.order_key not in ours)
    cancelled = _cancelled_there(seen)
    found = {}
    for key, units in (cancelled | seen.allotment.packed.guessed).items():
        shown = observed.get(key)
        there = units_of(shown) - (left if key in cancelled else Counter[int]())
        found[key] = units & there if shown else units
    wanted = added(units_of(one.wanted) for one in seen.changes)
    return found | {key: _beyond(seen, key, observed[key]) if key in observed else wanted for key in _unknown(seen)}


def _unknown(seen: Picture) -> set[str]:
    return {one.order_key for one in seen.consignments if is_forgotten(one)}


def _beyond(seen: Picture, order_key: str, shown: Order | None) -> Units:
    """What a forgotten order that was split or merged holds of ours beyond what is wanted there."""
    parts = split_order_key(order_key)
    own = own_part(shown, parts[1]) if shown and parts else shown
    return units_of(own) - units_of(seen.documents.get(order_key))


def _cancelled_there(seen: Picture) -> dict[str, Units]:
    return {one.order_key: units_of(one.applied) for one in seen.consignments if is_cancelled_there(one)}


def troubles(
    left_out: Iterable[UpsertOrder], where: Mapping[str, Units], observed: Mapping[str, Order | None]
) -> Sequence[Trouble]:
    """Why those are not sent: `where` tells what lies in other orders."""
    keys = {
        key
        for step in left_out
        for key, units in where.items()
        if key != step.order_key and units & units_of(step.document)
    }
    return [
        Trouble(Cause.CHANGED_ON_BOTH_SIDES, f"{key}: {counted(where[key])} where the warehouse split or merged it")
        if key in observed
        else Trouble(Cause.UNREADABLE, f"{key}: not read in ShipStation")
        for key in sorted(keys)
    ]
