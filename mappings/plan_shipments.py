"""The plan of the shipments flow: the packages of one order that Shopify does not know yet -> one fulfillment each, exact lines.

Each unit is given out once. What does not fit is not written, and a person is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mappings.carriers import more_tracking, tracking
from mappings.causes import Cause
from mappings.eligibility import ENDED
from mappings.fulfillable import FULFILLABLE, Slot, Taken, most_from_one_place, slots_of, take, units_left
from mappings.keys import is_label
from mappings.packed import Units, package_order, untold
from mappings.plans import (
    AdoptFulfillment,
    Consignment,
    CreateFulfillment,
    FulfillmentStep,
    Package,
    Plan,
    Profile,
    Step,
    UpdateTracking,
)
from mappings.recognised import all_that_is_left, existing, place_of, told_with
from mappings.shopify_shapes import Fulfillment, OrderShipped, number_of
from mappings.voided import (
    LOOK_SOON_S,
    REREAD_S,
    Orphan,
    cancelled,
    in_doubt_until,
    in_the_way,
    is_one_not_shown,
    lines_of,
    orphans_of,
    same_goods,
    stays_until,
)

HELD_LOOK_S = 3600.0
"""How long a package waits whose goods are on hold, unless the end of all holds is seen before: they may be released one by one."""

_AND = "; "
_WORST_FIRST = (
    Cause.CANCELLED_AFTER_LABEL,
    Cause.OVERSHIPPED,
    Cause.EDITED_AFTER_LABEL,
    Cause.LINES_UNKNOWN,
    Cause.FULFILLMENT_HOLD,
)


@dataclass
class _Planning:
    """Grows package by package. `slots`, `unowned` and `orphans` shrink as they are given out."""

    profile: Profile
    order: OrderShipped
    packages: Sequence[Package]
    consignments: Sequence[Consignment]
    now: datetime
    write_settles_s: float
    slots: list[Slot]
    held: list[Slot]
    unowned: list[Fulfillment]
    orphans: list[Orphan]
    known: Set[str]
    """Details of the troubles that the last look found."""
    steps: list[Step] = field(default_factory=list)
    troubles: list[tuple[Cause, str]] = field(default_factory=list)
    waits: list[datetime] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    overpacked: list[tuple[Package, Units, str]] = field(default_factory=list)
    """With the detail of the trouble."""
    unresolved: list[tuple[Package, datetime]] = field(default_factory=list)
    """Void labels, and until when what was sent about them may still take effect: on free units, or on a fulfillment of others."""

    @property
    def free_orphans(self) -> list[Orphan]:
        return [one for one in self.orphans if one.locked_until is None]

    def candidates(self, package: Package) -> list[Fulfillment]:
        """Live fulfillments that no other package owns."""
        return [*self.unowned, *(one.fulfillment for one in self.orphans if one.package is not package)]

    def give_out(self, found: Fulfillment) -> None:
        self.unowned = [one for one in self.unowned if one is not found]
        self.orphans = [one for one in self.orphans if one.fulfillment is not found]

    def look_soon(self) -> None:
        self.waits.append(self.now + timedelta(seconds=LOOK_SOON_S))


def plan_shipments(
    profile: Profile,
    order: OrderShipped | None,
    packages: Sequence[Package],
    now: datetime,
    write_settles_s: float,
    consignments: Sequence[Consignment] = (),
    labels_read_at: datetime | None = None,
    trouble: str = "",
) -> Plan:
    """`order` is None when Shopify shows no such order. `write_settles_s`: how long a call that was sent without an answer may
    still take effect. `consignments` tell what a package without lines can hold at most. `labels_read_at`: all labels that
    ShipStation had at that moment are among `packages`; None when that was never so. `trouble`: the detail that the plan of the
    last look had."""
    if order is None:
        return Plan(Cause.NOT_FOUND)
    planning = _begin(profile, order, packages, consignments, now, write_settles_s, frozenset(trouble.split(_AND)))
    for package in sorted((p for p in packages if p.voided and p.intended_at), key=package_order):
        _resolve(planning, package)
    pending = [p for p in sorted(packages, key=package_order) if not p.voided and _is_pending(p)]
    # Those without lines come last: they take what the others leave. So do those of another sale's order, whose goods may be
    # from any place, before them.
    for package in sorted(pending, key=lambda p: (p.lines is None, place_of(p) is None)):
        _plan_package(planning, package)
    for package, lines, detail in planning.overpacked:
        _tell_part(planning, package, lines, detail)
    _end_orphans(planning, labels_read_at)
    if is_one_not_shown(order, packages):
        planning.waits.append(now + timedelta(seconds=REREAD_S))
    # one answer may lack a row, which nobody would ask for again
    if any(detail not in planning.known for _, detail in planning.troubles):
        planning.look_soon()
    else:
        planning.resolved += _without_effect(planning, pending)
    return Plan(
        _cause(planning),
        tuple(planning.steps),
        _AND.join(detail for _, detail in planning.troubles),
        min(planning.waits, default=None),
        tuple(planning.resolved),
        tuple(_taken_back(order, packages)),
    )


def _begin(
    profile: Profile,
    order: OrderShipped,
    packages: Sequence[Package],
    consignments: Sequence[Consignment],
    now: datetime,
    write_settles_s: float,
    known: Set[str],
) -> _Planning:
    live = [one for one in order["fulfillmentOrders"]["nodes"] if one["status"] not in ENDED]
    orphans = orphans_of(order, packages, now, write_settles_s)
    owned = {package.fulfillment_gid for package in packages} | {one.fulfillment["id"] for one in orphans}
    unowned = [one for one in order["fulfillments"] if one["status"] == "SUCCESS" and one["id"] not in owned]
    return _Planning(
        profile,
        order,
        packages,
        consignments,
        now,
        write_settles_s,
        slots=slots_of(one for one in live if one["status"] in FULFILLABLE),
        held=slots_of(one for one in live if one["status"] not in FULFILLABLE),
        unowned=sorted(unowned, key=lambda one: number_of(one["id"])),
        orphans=orphans,
        known=known,
    )


def _taken_back(order: OrderShipped, packages: Sequence[Package]) -> Iterator[str]:
    ended = {one["id"] for one in order["fulfillments"] if one["status"] == "CANCELLED"}
    for one in packages:
        if one.voided and one.fulfillment_gid in ended and one.told != {}:
            yield one.package_key


def _is_pending(package: Package) -> bool:
    return package.fulfillment_gid is None or bool(untold(package))


def _without_effect(planning: _Planning, pending: Sequence[Package]) -> list[str]:
    """Calls of which nothing is to be seen, and nothing can come any more, about packages that no step is for."""
    done = {step.package_key for step in planning.steps if isinstance(step, FulfillmentStep)}
    return [
        one.package_key
        for one in pending
        if one.intended_at
        and one.package_key not in done
        and not in_doubt_until(one, planning.now, planning.write_settles_s)
    ]


def _resolve(planning: _Planning, package: Package) -> None:
    """A label that was voided while a call about it had no answer: what became of the call?"""
    found = (
        existing(planning.candidates(package), package, _lines(package)) if package.fulfillment_gid is None else None
    )
    # It had been told after all. From now on its fulfillment is one of a voided label, which a new one may take over at once.
    if found:
        planning.give_out(found)
        planning.orphans.append(Orphan(found, package, None))
        planning.steps.append(AdoptFulfillment(package.package_key, found["id"]))
        planning.look_soon()
    # It may still take effect.
    elif settles_at := in_doubt_until(package, planning.now, planning.write_settles_s):
        planning.waits.append(settles_at)
        if package.fulfillment_gid is None:
            planning.unresolved.append((package, settles_at))
    # Shopify shows what came of it: the fulfillment is cancelled, or never was.
    else:
        planning.resolved.append(package.package_key)


def _plan_package(planning: _Planning, package: Package) -> None:
    """The decision table of one package; the first row that applies decides."""
    lines = _lines(package)
    # It is there already: written by us without an answer, or by somebody else.
    if found := existing(planning.candidates(package), package, lines):
        _adopt(planning, package, found, lines)
        return
    if lines is None:
        lines = all_that_is_left(
            package, planning.packages, planning.consignments, planning.slots, planning.held, planning.free_orphans
        )
    orphan = same_goods(planning.free_orphans, package, lines) if lines else None
    if orphan:
        planning.orphans.remove(orphan)
    taken = take(planning.slots, lines, place_of(package)) if lines and not orphan else None
    # Sent a moment ago without an answer, about it or a void label of its goods: it may still take effect. Its units stay reserved.
    if settles_at := _kept_back_until(planning, package, lines):
        planning.waits.append(settles_at)
    # Nobody can tell what was in it.
    elif not lines:
        planning.troubles.append(_unknown(planning.order, package))
    # A new label for the goods of a voided one.
    elif orphan:
        planning.steps.append(_relabelled(planning.profile, package, orphan))
    elif taken is not None:
        planning.steps.append(_create(planning, package, taken, lines if package.lines is None else None))
    else:
        _misfit(planning, package, lines)


def _kept_back_until(planning: _Planning, package: Package, lines: Units) -> datetime | None:
    """What is late about a void label is a second mail about these goods, or its number in place of this one. A package without
    lines holds all that is left of its order, so also what is just being taken back."""
    if settles_at := in_doubt_until(package, planning.now, planning.write_settles_s):
        return settles_at
    doubts = [until for one, until in planning.unresolved if one.lines is None or lines & Counter(one.lines)]
    if package.lines is None:
        own = [one for one in planning.orphans if one.package.order_key == package.order_key]
        doubts += [one.locked_until for one in own if one.locked_until]
    return max(doubts, default=None)


def _lines(package: Package) -> Units | None:
    """What is still to be told; None when ShipStation did not say what was in it."""
    return None if package.lines is None else untold(package)


def _adopt(planning: _Planning, package: Package, found: Fulfillment, lines: Units | None) -> None:
    planning.give_out(found)
    if lines is None:
        planning.steps.append(AdoptFulfillment(package.package_key, found["id"], lines_of(found)))
        return
    told = told_with(package, lines_of(found))
    planning.steps.append(AdoptFulfillment(package.package_key, found["id"], told))
    if told is not None:
        planning.look_soon()


def _unknown(order: OrderShipped, package: Package) -> tuple[Cause, str]:
    if order["cancelledAt"]:
        return Cause.CANCELLED_AFTER_LABEL, f"package {package.package_key}: its label is not voided"
    return Cause.LINES_UNKNOWN, f"package {package.package_key}: lines unknown"


def _misfit(planning: _Planning, package: Package, lines: Units) -> None:
    """The decision table of a package that Shopify would not take as it is."""
    name, free = f"package {package.package_key}", units_left(planning.slots)
    shortage = lines - most_from_one_place(planning.slots, lines, place_of(package))
    if planning.order["cancelledAt"]:
        planning.troubles.append((Cause.CANCELLED_AFTER_LABEL, f"{name}: its label is not voided"))
    # Its goods are those of voided labels, packed otherwise: they are open again once those are taken back.
    elif blocking := in_the_way(planning.free_orphans, package, shortage):
        planning.orphans = [one for one in planning.orphans if one not in blocking]
        planning.steps += [cancelled(one) for one in blocking]
        planning.look_soon()
    elif locked := in_the_way(planning.orphans, package, shortage):
        planning.waits += [one.locked_until for one in locked if one.locked_until]
    elif not lines - free:
        planning.troubles.append((Cause.EDITED_AFTER_LABEL, f"{name}: its goods now belong to several locations"))
    elif not lines - free - units_left(planning.held):
        planning.troubles.append((Cause.FULFILLMENT_HOLD, f"{name}: left although Shopify holds its goods"))
        planning.waits.append(planning.now + timedelta(seconds=HELD_LOOK_S))
    else:
        counts = ", ".join(
            f"line {line_id}: {count} packed, {free[line_id]} left" for line_id, count in sorted(lines.items())
        )
        detail = f"{name}: {counts}"
        planning.troubles.append((Cause.OVERSHIPPED, detail))
        planning.overpacked.append((package, lines, detail))


def _tell_part(planning: _Planning, package: Package, lines: Units, detail: str) -> None:
    """As much of an overpacked box as Shopify accepts. Not while the fate of another call is open, nor after one look: its answer
    may lack a row. What is left over then waits until it fits as a whole: a person decides about it, not chance about each unit."""
    if package.fulfillment_gid:
        return
    part = most_from_one_place(planning.slots, lines, place_of(package))
    taken = take(planning.slots, part, place_of(package)) if part and not planning.waits else None
    if taken and detail not in planning.known:
        planning.look_soon()
    elif taken:
        planning.steps.append(_create(planning, package, taken, told_with(package, part)))


def _create(planning: _Planning, package: Package, taken: Taken, told: Units | None = None) -> CreateFulfillment:
    company, url = tracking(
        package.carrier_code, package.service_code, package.tracking_number, planning.profile.carriers
    )
    return CreateFulfillment(
        package_key=package.package_key,
        order_gid=planning.order["id"],
        lines=taken,
        tracking_number=package.tracking_number,
        tracking_company=company if package.tracking_number else None,
        tracking_url=url,
        # the rest of a box that the customer knows already is no news
        notify_customer=_mails_now(planning.profile, package) and package.fulfillment_gid is None,
        more_tracking=more_tracking(
            package.carrier_code, package.service_code, package.more_numbers, planning.profile.carriers
        ),
        told=told,
    )


def _mails_now(profile: Profile, package: Package) -> bool:
    """What left without a label is scanned by nobody of whom we hear."""
    return profile.notify_customer == "label" or (
        profile.notify_customer == "scan" and not is_label(package.package_key)
    )


def _mails_anew(profile: Profile, package: Package, voided: Package) -> bool:
    """Where the merchant wants that; and where nobody was mailed, because the label was to be scanned first, and no label follows."""
    is_silent = profile.notify_customer == "scan" and is_label(voided.package_key) and not voided.mailed
    return _mails_now(profile, package) and (profile.notify_on_relabel or is_silent)


def _relabelled(profile: Profile, package: Package, orphan: Orphan) -> UpdateTracking:
    company, url = tracking(package.carrier_code, package.service_code, package.tracking_number, profile.carriers)
    return UpdateTracking(
        package_key=package.package_key,
        fulfillment_gid=orphan.fulfillment["id"],
        instead_of=orphan.package.package_key,
        tracking_number=package.tracking_number,
        tracking_company=company if package.tracking_number else None,
        tracking_url=url,
        notify_customer=_mails_anew(profile, package, orphan.package),
        more_tracking=more_tracking(package.carrier_code, package.service_code, package.more_numbers, profile.carriers),
    )


def _end_orphans(planning: _Planning, labels_read_at: datetime | None) -> None:
    """What is left of voided labels: given time for a new label, then taken back. Not while a package of the order may be it."""
    if planning.orphans and any(cause is Cause.LINES_UNKNOWN for cause, _ in planning.troubles):
        return
    live = [one for one in planning.packages if not one.voided]
    doubts = [until for one in live if (until := in_doubt_until(one, planning.now, planning.write_settles_s))]
    for one in planning.free_orphans:
        until = stays_until(one, planning.profile.void_grace_s, planning.consignments, labels_read_at, planning.now)
        if until:
            planning.waits.append(until)
        elif doubts:  # even where it ends just now: nobody else would look again
            planning.waits.append(min(doubts))
        else:
            planning.steps.append(cancelled(one))
            planning.look_soon()


def _cause(planning: _Planning) -> Cause:
    """The worst trouble; else how far the order is once the steps are done."""
    found = {cause for cause, _ in planning.troubles}
    for cause in _WORST_FIRST:
        if cause in found:
            return cause
    if planning.order["cancelledAt"]:
        return Cause.CANCELLED
    left = any(slot.left and slot.is_ours for slot in [*planning.slots, *planning.held])
    gone = any(not package.voided for package in planning.packages)
    if not gone:
        return Cause.IN_SHIPSTATION if left else Cause.FULFILLED_ELSEWHERE
    return Cause.PARTLY_SHIPPED if left else Cause.SHIPPED
