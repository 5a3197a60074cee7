"""The arithmetic of units: what each consignment of one order should hold. Units are conserved, none is placed twice.

For each line and location: remaining in Shopify = pending (packed, and Shopify does not know yet) + placed in live
ShipStation orders. What is placed is made to fit; what is locked and does not fit is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
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
    split_group: str = ""

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
    groups: Mapping[int, str] | None = None,
    whole: Set[str] = frozenset(),
) -> Allotment:
    """Gives every remaining unit of a location to exactly one of its consignments.

    `groups`: line item id -> the part of the order that its units are split off into; the lines not named stay together.
    Units in locked orders stay where they are, whatever part they belong to by now; so do all at locations in `frozen`.
    `whole`: see `packed_units`.

    `slack`: units of which we do not know whether they are still wanted. They are never taken away and never given out.
    `reopened`: remaining units that were packed and reported already; they are not given out either. At locations in
    `frozen` nothing is added. What a locked order holds beyond what its location wants is not given out at another location
    either, whether or not that is evidence: moved in Shopify after its label, it has left all the same. Consignments and
    packages must have been read *before* Shopify was: the other way round a package that was reported in between would be
    counted as remaining once more, and sent twice.
    """
    packed = packed_units(consignments, packages, whole)
    by_location, unsettled = _wanted(remaining, consignments, packed, reopened or Counter())
    # More is on its way than remains here: moved after the label, or reported a moment ago. Either way not evidence.
    spare = Counter(slack or {}) + unsettled
    parts = []
    for location_id, wanted in by_location.items():
        group = [c for c in consignments if c.location_id == location_id]
        parts.append(_Place(location_id, group, packed, wanted, spare, location_id in frozen, groups or {}))
    left_elsewhere = added(units for part in parts for units in part.excess.values())
    left_elsewhere += added(part.doubtful for part in parts) & unsettled
    for part in parts:
        part.assign(spare, left_elsewhere)
        for n, (name, missing) in enumerate(part.missing().items(), part.last + 1):
            key = order_key(store, order_id, part.location_id, n)
            part.assignments.append(Assignment(key, part.location_id, n, missing, Counter(), None, name))
    return Allotment(
        tuple(one for part in parts for one in part.assignments),
        {key: units for part in parts for key, units in part.locked.items()},
        {key: units for part in parts for key, units in part.excess.items()},
        {part.location_id: part.rest for part in parts if part.closed and part.rest},
        packed,
    )


def added(units: Iterable[Units]) -> Units:
    return sum(units, Counter[int]())


class _Place:
    """One location: first the locked consignments, then `assign` for the open ones in the order of their making. Both use up
    `spare`."""

    def __init__(
        self,
        location_id: int,
        consignments: list[Consignment],
        packed: Packed,
        wanted: Units,
        spare: Units,
        closed: bool,
        groups: Mapping[int, str],
    ) -> None:
        self.location_id = location_id
        self.closed = closed
        self.rest = wanted
        self.locked: dict[str, Units] = {}
        self.excess: dict[str, Units] = {}
        self.doubtful: Units = Counter()
        """Units in locked orders, wanted here or not: what was packed meanwhile leaves it open."""
        self.assignments: list[Assignment] = []
        self.last = max((c.n for c in consignments), default=0)
        self._groups = groups
        self._packed = packed
        self._live = sorted((c for c in consignments if c.standing in LIVE), key=lambda c: c.n)
        self._newest = {c.split_group: c for c in self._live}
        for consignment in consignments:
            if consignment.standing is Standing.SHIPPED:
                self._lock(
                    consignment.order_key, units_of(consignment.applied) - packed.of(consignment.order_key), spare
                )

    def assign(self, spare: Units, left_elsewhere: Units) -> None:
        """Uses up `left_elsewhere`. What of it lies here already is not taken away: which of the two is sent, its label tells."""
        gone = self.rest & left_elsewhere
        left_elsewhere -= gone
        self.rest = self.rest - gone
        for consignment in self._live:
            self._assign(consignment, self._packed.of(consignment.order_key), spare, gone)

    def missing(self) -> dict[str, Units]:
        """What calls for new consignments, by split group."""
        names = sorted({self._groups.get(line_id, "") for line_id in self.rest} - self._newest.keys())
        return {} if self.closed else {name: units for name in names if (units := self._of(name, self.rest))}

    def _of(self, split_group: str, units: Units) -> Units:
        """Those of them that belong to this split group."""
        return Counter({line: count for line, count in units.items() if self._groups.get(line, "") == split_group})

    def _lock(self, key: str, placed: Units, spare: Units) -> None:
        over = placed - self.rest
        if placed:
            self.locked[key] = placed
        if over - spare:
            self.excess[key] = over - spare
        self.doubtful += over & spare
        spare -= over & spare
        self.rest = self.rest - placed

    def _assign(self, consignment: Consignment, packed: Units, spare: Units, gone: Units) -> None:
        """The newest of a group takes all its rest; an older one, reopened by a void, keeps at most what it has. Uses up `gone`:
        what another location sent in its place."""
        held, wanted = units_of(consignment.applied), self._of(consignment.split_group, self.rest)
        has = held - packed if consignment.applied else wanted
        if self.closed:
            given = self.rest & has
        else:
            given = wanted if consignment is self._newest[consignment.split_group] else wanted & has
        stays = (has - given) & self._of(consignment.split_group, gone)
        gone -= stays
        kept = (has - given - stays) & spare
        spare -= kept
        self.rest = self.rest - given
        due = given + stays + kept
        # What was packed beyond what the order held is listed only where more of that line is due.
        done = Counter(
            {line_id: count if due[line_id] else min(count, held[line_id]) for line_id, count in packed.items()}
        )
        units = done + due
        one = consignment
        self.assignments.append(Assignment(one.order_key, one.location_id, one.n, units, packed, one, one.split_group))


def _wanted(
    remaining: Mapping[int, Units], consignments: Sequence[Consignment], packed: Packed, reopened: Units
) -> tuple[dict[int, Units], Units]:
    """By location, remaining minus pending; and the pending units beyond that, which are taken off wherever they remain."""
    wanted = {c.location_id: Counter[int]() for c in consignments} | {
        where: Counter(of) for where, of in remaining.items()
    }
    for consignment in consignments:
        wanted[consignment.location_id].subtract(packed.pending.get(consignment.order_key, {}))
    unsettled = packed.stray + reopened + added(-of for of in wanted.values())
    left = unsettled
    for location_id in sorted(wanted):
        here = +wanted[location_id]
        wanted[location_id], left = here - left, left - here
    return dict(sorted(wanted.items())), unsettled
