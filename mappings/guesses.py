"""Parcels under a key that is none of ours: which of our orders they left is guessed by their lines.

The guess may be wrong where several orders held such a line: the goods that it takes for gone lie in one of them, those that left
were another's. Before such a line is placed anew, ShipStation is asked what lies where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mappings.causes import Cause
from mappings.order_changes import Picture
from mappings.order_troubles import Trouble
from mappings.packed import Units, counted, units_of
from mappings.plans import UpsertOrder
from mappings.shipstation_shapes import Order


def in_question(seen: Picture) -> set[str]:
    """Order keys of those whose goods may lie there still, as far as another order is to get more of the same."""
    held = {one.order_key: units_of(one.applied) for one in seen.consignments}
    more = {one.order_key: units_of(one.wanted) - held.get(one.order_key, Counter()) for one in seen.changes}
    guessed = seen.allotment.packed.guessed
    return {key for key, units in guessed.items() if any(units & of for other, of in more.items() if other != key)}


def lying(seen: Picture, observed: Mapping[str, Order | None]) -> dict[str, Units]:
    """By order key: taken for gone, and there. All of it where nobody could look."""
    guessed = seen.allotment.packed.guessed.items()
    return {key: units & units_of(shown) if (shown := observed.get(key)) else units for key, units in guessed}


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
        Trouble(
            Cause.CHANGED_ON_BOTH_SIDES, f"{key}: holds {counted(where[key])} that left in a part split off by hand"
        )
        if key in observed
        else Trouble(Cause.UNREADABLE, f"{key}: not read in ShipStation")
        for key in sorted(keys)
    ]
