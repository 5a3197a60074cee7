"""The arithmetic of units: what each consignment of one order should hold. Units are conserved, none is placed twice.

For each line and location: remaining in Shopify = pending (packed, and Shopify does not know yet) + placed in live
ShipStation orders. What is placed is made to fit; what is locked and does not fit is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mappings.keys import order_key
from mappings.packed import Packed, Units, packed_units, units_of
from mappings.plans import Consignment, Package, Standing

LIVE = frozenset({Standing.INTENDED, Standing.OPEN})
"""Their ShipStation orders can be changed, as far as we know."""


@dataclass(frozen=True)
class Assignment:
    """What one open or new consignment should hold: all its units, those already packed included."""

    order_key: str
    location_id: int
    n: int
    units: Units
    packed: Units
    consignment: Consignment | None
    """None when it is new."""

    @property
    def outstanding(self) -> Units:
        return self.units - self.packed


@dataclass(frozen=True)
class Allotment:
    assignments: tuple[Assignment, ...]
    locked: Mapping[str, Units]
    """Order key -> units in a ShipStation order that can no longer be changed, not yet packed: they still count as placed."""
    excess: Mapping[str, Units]
    """Order key -> those of them that Shopify no longer wants."""
    unplaced: Mapping[int, Units]
    """By location: wanted, and kept back by `frozen`."""
    packed: Packed


def allot(
    store: str,
    order_id: int,
    remaining: Mapping[int, Units],
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
    slack: Units | None = None,
    reopened: Units | None = None,
    frozen: frozenset[int] = frozenset(),
) -> Allotment:
    """Gives every remaining unit of a location to exactly one of its consignments.

    `slack`: units of which we do not know whether they are still wanted. They are never taken away and never given out.
    `reopened`: remaining units that were packed and reported already; they are not given out either. At locations in
    `frozen` nothing is added. Consignments and packages must have been read *before* Shopify was: the other way round a
    package that was reported in between would be counted as remaining once more, and sent twice.
    """
    packed = packed_units(consignments, packages)
    by_location, unsettled = _wanted(remaining, consignments, packed, reopened or Counter())
    # More is on its way than remains here: moved after the label, or reported a moment ago. Either way not evidence.
    spare = Counter(slack or {}) + unsettled
    parts = []
    for location_id, wanted in by_location.items():
        group = [c for c in consignments if c.location_id == location_id]
        part = _Group(location_id, group, packed, wanted, spare, location_id in frozen)
        if missing := part.missing():
            n = max((c.n for c in group), default=0) + 1
            key = order_key(store, order_id, location_id, n)
            part.assignments.append(Assignment(key, location_id, n, missing, Counter(), None))
        parts.append(part)
    return Allotment(
        tuple(one for part in parts for one in part.assignments),
        {key: units for part in parts for key, units in part.locked.items()},
        {key: units for part in parts for key, units in part.excess.items()},
        {part.location_id: part.rest for part in parts if part.closed and part.rest},
        packed,
    )


def added(units: Iterable[Units]) -> Units:
    return sum(units, Counter[int]())


class _Group:
    """One location: first the locked consignments, then the open ones in the order of their making. Uses up `spare`."""

    def __init__(
        self, location_id: int, group: list[Consignment], packed: Packed, wanted: Units, spare: Units, closed: bool
    ) -> None:
        self.location_id = location_id
        self.closed = closed
        self.rest = wanted
        self.locked: dict[str, Units] = {}
        self.excess: dict[str, Units] = {}
        self.assignments: list[Assignment] = []
        self._live = sorted((c for c in group if c.standing in LIVE), key=lambda c: c.n)
        for consignment in group:
            if consignment.standing is Standing.SHIPPED:
                self._lock(consignment.order_key, units_of(consignment.applied) - packed.of(consignment.order_key), spare)
        for consignment in self._live:
            self._assign(consignment, packed.of(consignment.order_key), spare)

    def missing(self) -> Units:
        """What calls for a new consignment."""
        return Counter() if self._live or self.closed else self.rest

    def _lock(self, key: str, placed: Units, spare: Units) -> None:
        over = placed - self.rest
        if placed:
            self.locked[key] = placed
        if over - spare:
            self.excess[key] = over - spare
        spare -= over & spare
        self.rest = self.rest - placed

    def _assign(self, consignment: Consignment, packed: Units, spare: Units) -> None:
        """The newest takes all the rest; an older one, reopened by a void, keeps at most what it has."""
        held = units_of(consignment.applied)
        has = held - packed if consignment.applied else self.rest
        grows = consignment is self._live[-1] and not self.closed
        given = self.rest if grows else self.rest & has
        kept = (has - given) & spare
        spare -= kept
        self.rest = self.rest - given
        due = given + kept
        # What was packed beyond what the order held is listed only where more of that line is due.
        done = Counter({line_id: count if due[line_id] else min(count, held[line_id]) for line_id, count in packed.items()})
        units = done + due
        key = consignment.order_key
        self.assignments.append(Assignment(key, consignment.location_id, consignment.n, units, packed, consignment))


def _wanted(
    remaining: Mapping[int, Units], consignments: Sequence[Consignment], packed: Packed, reopened: Units
) -> tuple[dict[int, Units], Units]:
    """By location, remaining minus pending; and the pending units beyond that, which are taken off wherever they remain."""
    wanted = {c.location_id: Counter[int]() for c in consignments} | {where: Counter(of) for where, of in remaining.items()}
    for consignment in consignments:
        wanted[consignment.location_id].subtract(packed.pending.get(consignment.order_key, {}))
    unsettled = packed.stray + reopened + added(-of for of in wanted.values())
    left = unsettled
    for location_id in sorted(wanted):
        here = +wanted[location_id]
        wanted[location_id], left = here - left, left - here
    return dict(sorted(wanted.items())), unsettled
