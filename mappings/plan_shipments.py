"""The plan of the shipments flow: the packages of one order that Shopify does not know yet -> one fulfillment each, exact lines.

Each unit is given out once; where a package does not fit, nothing of it is written and a person is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mappings.carriers import tracking
from mappings.causes import Cause
from mappings.eligibility import ENDED, bar, location_of
from mappings.keys import split_order_key
from mappings.pacific import from_shopify
from mappings.packed import Units, package_order, units_of
from mappings.plans import AdoptFulfillment, Consignment, CreateFulfillment, Package, Plan, Profile
from mappings.shopify_shapes import Fulfillment, FulfillmentOrder, OrderShipped, number_of

NOT_OURS = frozenset({Cause.PICKUP, Cause.OTHER_SERVICE, Cause.NOTHING_TO_SHIP})

FULFILLABLE = frozenset({"OPEN", "IN_PROGRESS"})

CLOCK_SKEW_S = 120.0
"""How far Shopify's clock may be behind ours when a fulfillment without tracking number is recognised by its time."""

_WORST_FIRST = (
    Cause.CANCELLED_AFTER_LABEL,
    Cause.OVERSHIPPED,
    Cause.EDITED_AFTER_LABEL,
    Cause.LINES_UNKNOWN,
    Cause.FULFILLMENT_HOLD,
)


@dataclass
class _Slot:
    """One fulfillment order line and what is left of it."""

    fulfillment_order_gid: str
    line_gid: str
    line_id: int
    location_id: int | None
    left: int
    is_ours: bool
    """False for pick-up and other services: used last, and not waited for."""


@dataclass
class _Planning:
    """Grows package by package. `slots` shrink as units are given out."""

    slots: list[_Slot]
    held: list[_Slot]
    unowned: list[Fulfillment]
    steps: list[CreateFulfillment | AdoptFulfillment] = field(default_factory=list)
    troubles: list[tuple[Cause, str]] = field(default_factory=list)
    waits: list[datetime] = field(default_factory=list)


def plan_shipments(
    profile: Profile,
    order: OrderShipped | None,
    packages: Sequence[Package],
    now: datetime,
    write_settles_s: float,
    consignments: Sequence[Consignment] = (),
) -> Plan:
    """`order` is None when Shopify shows no such order. `write_settles_s`: how long a fulfillment that was sent without an
    answer may still appear. `consignments` tell what a package without lines can hold at most."""
    if order is None:
        return Plan(Cause.NOT_FOUND)
    planning = _begin(order, packages)
    pending = [p for p in sorted(packages, key=package_order) if not p.voided and p.fulfillment_gid is None]
    # Those without lines come last: they take what the others leave.
    for package in sorted(pending, key=lambda p: p.lines is None):
        _plan_package(planning, profile, order, package, packages, consignments, now, write_settles_s)
    details = "; ".join(detail for _, detail in planning.troubles)
    cause = _cause(planning, order, packages)
    return Plan(cause, tuple(planning.steps), details, min(planning.waits, default=None))


def _begin(order: OrderShipped, packages: Sequence[Package]) -> _Planning:
    live = [one for one in order["fulfillmentOrders"]["nodes"] if one["status"] not in ENDED]
    owned = {package.fulfillment_gid for package in packages}
    unowned = [one for one in order["fulfillments"] if one["status"] == "SUCCESS" and one["id"] not in owned]
    return _Planning(
        slots=_slots(one for one in live if one["status"] in FULFILLABLE),
        held=_slots(one for one in live if one["status"] not in FULFILLABLE),
        unowned=sorted(unowned, key=lambda one: number_of(one["id"])),
    )


def _slots(fulfillment_orders: Iterable[FulfillmentOrder]) -> list[_Slot]:
    slots = [
        _Slot(
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


def _plan_package(
    planning: _Planning,
    profile: Profile,
    order: OrderShipped,
    package: Package,
    packages: Sequence[Package],
    consignments: Sequence[Consignment],
    now: datetime,
    write_settles_s: float,
) -> None:
    """The decision table of one package; the first row that applies decides."""
    lines = Counter(package.lines) if package.lines is not None else None
    # It is there already: written by us without an answer, or by somebody else.
    if found := _existing(planning, package, lines):
        planning.unowned.remove(found)
        planning.steps.append(AdoptFulfillment(package.package_key, found["id"]))
        return
    if lines is None:
        lines = _all_that_is_left(planning, package, packages, consignments)
    taken = _take(planning.slots, lines, _preferred(package)) if lines else None
    # Sent a moment ago without an answer: it may still appear. Its units stay reserved.
    if package.intended_at and now < (settled := package.intended_at + timedelta(seconds=write_settles_s)):
        planning.waits.append(settled)
    # Nobody can tell what was in it.
    elif not lines:
        planning.troubles.append(_unknown(order, package))
    # More than Shopify has left, or not from one place.
    elif taken is None:
        planning.troubles.append(_misfit(planning, order, package, lines))
    else:
        planning.steps.append(_create(profile, order, package, taken))


def _existing(planning: _Planning, package: Package, lines: Units | None) -> Fulfillment | None:
    """A live fulfillment that no other package owns, of the same number and lines. Without a number only one that came
    after we tried to write it; without lines the number must do."""
    for one in planning.unowned:
        numbers = {(info["number"] or "").strip() for info in one["trackingInfo"]} - {""}
        if package.tracking_number:
            alike = package.tracking_number in numbers
        else:
            alike = not numbers and _came_after(one, package.intended_at)
        if alike and (lines is None or lines == _lines_of(one)):
            return one
    return None


def _came_after(fulfillment: Fulfillment, intended_at: datetime | None) -> bool:
    if intended_at is None:
        return False
    return from_shopify(fulfillment["createdAt"]) >= intended_at - timedelta(seconds=CLOCK_SKEW_S)


def _lines_of(fulfillment: Fulfillment) -> Units:
    units: Units = Counter()
    for line in fulfillment["fulfillmentLineItems"]["nodes"]:
        units[number_of(line["lineItem"]["id"])] += line["quantity"]
    return +units


def _all_that_is_left(
    planning: _Planning, package: Package, packages: Sequence[Package], consignments: Sequence[Consignment]
) -> Units:
    """What a package without lines must hold: all that its consignment still has. Empty when that is not certain, because
    another package of it has no lines either, or because other consignments of the place could own the units."""
    location_id = _preferred(package)
    rivals = [p for p in packages if not p.voided and p.lines is None and p.order_key == package.order_key]
    if location_id is None or len(rivals) > 1:
        return Counter()
    left = _left(slot for slot in planning.slots if slot.location_id == location_id)
    here = [one for one in consignments if one.location_id == location_id]
    own = next((one for one in here if one.order_key == package.order_key), None)
    if own is None or own.applied is None:
        return left if len(here) <= 1 else Counter()
    return left & _unpacked(own, packages)


def _unpacked(consignment: Consignment, packages: Sequence[Package]) -> Units:
    units = units_of(consignment.applied)
    for package in packages:
        if package.order_key == consignment.order_key and not package.voided:
            units = units - Counter(package.lines or {})
    return units


def _preferred(package: Package) -> int | None:
    parts = split_order_key(package.order_key)
    return parts[2] if parts else None


def _take(slots: list[_Slot], lines: Units, preferred: int | None) -> dict[str, dict[str, int]] | None:
    """All lines from one place, that of the consignment if it has them: Shopify refuses a fulfillment from two."""
    places = sorted({slot.location_id for slot in slots}, key=lambda place: (place != preferred, place is None, place or 0))
    for place in places:
        here = [slot for slot in slots if slot.location_id == place]
        if not lines - _left(here):
            return _take_from(here, lines)
    return None


def _take_from(slots: list[_Slot], lines: Units) -> dict[str, dict[str, int]]:
    wanted = Counter(lines)
    taken: dict[str, dict[str, int]] = {}
    for slot in slots:
        units = min(slot.left, wanted[slot.line_id])
        if units > 0:
            slot.left -= units
            wanted[slot.line_id] -= units
            taken.setdefault(slot.fulfillment_order_gid, {})[slot.line_gid] = units
    return taken


def _left(slots: Iterable[_Slot]) -> Units:
    units: Units = Counter()
    for slot in slots:
        units[slot.line_id] += slot.left
    return units


def _unknown(order: OrderShipped, package: Package) -> tuple[Cause, str]:
    if order["cancelledAt"]:
        return Cause.CANCELLED_AFTER_LABEL, f"package {package.package_key}: its label is not voided"
    return Cause.LINES_UNKNOWN, f"package {package.package_key}: lines unknown"


def _misfit(planning: _Planning, order: OrderShipped, package: Package, lines: Units) -> tuple[Cause, str]:
    name = f"package {package.package_key}"
    if order["cancelledAt"]:
        return Cause.CANCELLED_AFTER_LABEL, f"{name}: its label is not voided"
    free = _left(planning.slots)
    if not lines - free:
        return Cause.EDITED_AFTER_LABEL, f"{name}: its goods now belong to several locations"
    if not lines - free - _left(planning.held):
        return Cause.FULFILLMENT_HOLD, f"{name}: left although Shopify holds its goods"
    counts = ", ".join(f"line {line_id}: {units} packed, {free[line_id]} left" for line_id, units in sorted(lines.items()))
    return Cause.OVERSHIPPED, f"{name}: {counts}"


def _create(profile: Profile, order: OrderShipped, package: Package, taken: dict[str, dict[str, int]]) -> CreateFulfillment:
    company, url = tracking(package.carrier_code, package.service_code, package.tracking_number)
    return CreateFulfillment(
        package_key=package.package_key,
        order_gid=order["id"],
        lines=taken,
        tracking_number=package.tracking_number,
        tracking_company=company if package.tracking_number else None,
        tracking_url=url,
        notify_customer=profile.notify_customer,
    )


def _cause(planning: _Planning, order: OrderShipped, packages: Sequence[Package]) -> Cause:
    """The worst trouble; else how far the order is once the steps are done."""
    found = {cause for cause, _ in planning.troubles}
    for cause in _WORST_FIRST:
        if cause in found:
            return cause
    if order["cancelledAt"]:
        return Cause.CANCELLED
    left = any(slot.left and slot.is_ours for slot in [*planning.slots, *planning.held])
    gone = any(not package.voided for package in packages)
    if not gone:
        return Cause.IN_SHIPSTATION if left else Cause.FULFILLED_ELSEWHERE
    return Cause.PARTLY_SHIPPED if left else Cause.SHIPPED
