"""The plan of the orders flow: one Shopify order, what we placed of it, what ShipStation shows -> steps and the order's state.

Total and deterministic. A second look after the steps were applied plans nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mappings.addresses import missing_parts
from mappings.carry_over import (
    cancelled_as_observed,
    is_on_hold,
    is_regrouped,
    same_destination,
)
from mappings.causes import Cause
from mappings.conflicts import update_of
from mappings.consignments import Assignment, added
from mappings.doubts import doubts
from mappings.eligibility import look_later
from mappings.order_changes import Change, Picture, is_mapped, picture
from mappings.orders import order_number
from mappings.packed import Units
from mappings.plans import Conflict, Consignment, Package, Plan, Profile, Side, Standing, UpsertOrder, VoidLabel
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip

REREAD_S = 60.0
"""How soon to look again when ShipStation's side of an order could not be read."""

_WORST_FIRST = (
    Cause.CANCELLED_AFTER_LABEL,
    Cause.OVERSHIPPED,
    Cause.EDITED_AFTER_LABEL,
    Cause.FRAUD_REVIEW,
    Cause.CHANGED_ON_BOTH_SIDES,
    Cause.MERGED_PARENT_UNKNOWN,
    Cause.ADDRESS_INCOMPLETE,
    Cause.LOCATION_NOT_MAPPED,
    Cause.NON_ROMAN_ADDRESS,
    Cause.CUSTOMS_INCOMPLETE,
    Cause.MISSING_WEIGHT,
    Cause.UNREADABLE,
)


@dataclass(frozen=True)
class Trouble:
    """Why something that should be done is not. `detail` names ids and counts only."""

    cause: Cause
    detail: str
    conflicts: tuple[Conflict, ...] = ()


def plan_order(
    profile: Profile,
    order: OrderToShip | None,
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
    observed: Mapping[str, Order | None],
    now: datetime,
    released: bool = False,
    take: Side | None = None,
) -> Plan:
    """`order` is None when Shopify shows no such order. `observed`: order key -> ShipStation's order as read just now, None
    when ShipStation answered that it has none, absent when it was not read. `released`: a person waived doubts of ours.
    `take`: whose value a person wants where both sides changed a field.

    Consignments and packages must have been read before the Shopify order was.
    """
    if order is None:
        return Plan(Cause.NOT_FOUND)
    seen = picture(profile, order, consignments, packages, observed, now, released)
    held = {} if released else _held_for_doubt(profile, seen)
    waived = [change for change in seen.changes if change.order_key not in held]
    decisions = [*held.values(), *(one for change in waived for one in _decide(change, observed, take))]
    steps = tuple(one for one in decisions if isinstance(one, UpsertOrder))
    voids = _voids(profile, order, consignments, packages)
    troubles = [one for one in decisions if isinstance(one, Trouble)]
    troubles += _troubles(profile, order, seen, packages, observed)
    cause = _worst(troubles) or _state(order, seen, steps)
    details = sorted({trouble.detail for trouble in troubles}) + _remarks(profile, seen)
    conflicts = tuple(conflict for trouble in troubles for conflict in trouble.conflicts)
    return Plan(cause, (*steps, *voids), "; ".join(details), _look_again(order, seen, cause, now), conflicts=conflicts)


def needs_shipstation_truth(
    profile: Profile,
    order: OrderToShip | None,
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
    now: datetime,
    released: bool = False,
) -> tuple[str, ...]:
    """Order keys that must be read before the plan may send anything under them, those of lost answers included. Where no
    ShipStation order id is known, list the orders by number, from `order_number_stem` on, and look for the key."""
    if order is None:
        return ()
    seen = picture(profile, order, consignments, packages, {}, now, released)
    return tuple(change.order_key for change in seen.changes if change.needs_truth and not _missing(change))


def order_number_stem(profile: Profile, order: OrderToShip) -> str:
    """What the numbers of all consignments of the order begin with."""
    return order_number(profile, order, 1)


def _decide(change: Change, observed: Mapping[str, Order | None], take: Side | None) -> Sequence[UpsertOrder | Trouble]:
    """The decision table of one ShipStation order. Shipped and cancelled ones never get here: nothing is assigned to them."""
    key, consignment = change.order_key, change.assignment.consignment
    applied = consignment.applied if consignment else None
    uncertain = consignment is None or (applied is None and consignment.standing is Standing.INTENDED)
    truth = observed.get(key)
    # Create or update: not to an address that no label can be made for.
    if missing := _missing(change):
        return [Trouble(Cause.ADDRESS_INCOMPLETE, f"{key}: address without {', '.join(missing)}")]
    # Not read: it may have shipped.
    if change.needs_truth and key not in observed:
        return [Trouble(Cause.UNREADABLE, f"{key}: not read in ShipStation")]
    # Create, also once more when the first answer was lost. No longer wanted: the lost one may still arrive, so its key is
    # taken by a cancelled order.
    if truth is None and uncertain and (document := change.wanted or change.tombstone):
        return [_upsert(change, document)]
    # It was accepted once and is gone: merged into another, or deleted. Made anew, the goods could leave twice.
    if truth is None:
        return [Trouble(Cause.MERGED_PARENT_UNKNOWN, f"{key}: ShipStation has no such order")]
    # Split or merged by the warehouse: every write would double or lose goods.
    if is_regrouped(truth):
        return [Trouble(Cause.CHANGED_ON_BOTH_SIDES, f"{key}: split or merged in ShipStation")]
    # Cancel: nothing of it is wanted any more, and it is still open.
    if change.wanted is None:
        return [_upsert(change, cancelled_as_observed(truth, key))]
    # Update: Shopify's fields, and the warehouse's for the rest.
    return _updated(change, change.wanted, truth, applied or truth, take)


def _updated(
    change: Change, wanted: Order, truth: Order, applied: Order, take: Side | None
) -> list[UpsertOrder | Trouble]:
    fields = change.fields
    # The warehouse put it on hold before we could: then it is the warehouse's to release.
    if is_on_hold(truth) and is_on_hold(wanted) and "orderStatus" in fields:
        wanted = {**wanted, "orderStatus": applied.get("orderStatus") or "awaiting_shipment"}
        fields = tuple(field for field in fields if field != "orderStatus")
    update = update_of(truth, wanted, applied, fields, take)
    decided: list[UpsertOrder | Trouble] = []
    if update.fields:
        decided.append(_upsert(replace(change, fields=update.fields), update.document, update.applied))
    if update.conflicts:
        names = ", ".join("units" if one.field == "items" else one.field for one in update.conflicts)
        detail = f"{change.order_key}: {names} changed in Shopify and in ShipStation"
        decided.append(Trouble(Cause.CHANGED_ON_BOTH_SIDES, detail, update.conflicts))
    return decided


def _missing(change: Change) -> tuple[str, ...]:
    return missing_parts(change.wanted["shipTo"]) if change.wanted else ()


def _upsert(change: Change, document: Order, wanted: Order | None = None) -> UpsertOrder:
    one = change.assignment
    return UpsertOrder(
        one.order_key, one.location_id, one.split_group, one.n, document, change.fields, wanted, change.rules
    )


def _troubles(
    profile: Profile,
    order: OrderToShip,
    seen: Picture,
    packages: Sequence[Package],
    observed: Mapping[str, Order | None],
) -> list[Trouble]:
    """What cannot be made equal by any step."""
    troubles = [
        _excess(seen, key, f"{_counted(units)} no longer wanted") for key, units in seen.allotment.excess.items()
    ]
    held = [
        one for one in seen.consignments if one.location_id in seen.paused and one.order_key in seen.allotment.locked
    ]
    troubles += [_excess(seen, one.order_key, "on hold in Shopify after its label") for one in held]
    for line_id, units in sorted(seen.overmarked.items()):
        detail = f"line {line_id}: {units} units more were marked as shipped than Shopify had left"
        troubles.append(Trouble(Cause.OVERSHIPPED, detail))
    for line_id, units in sorted(seen.reopened.items()):
        detail = f"line {line_id}: {units} shipped units are open again in Shopify, their label stands"
        troubles.append(Trouble(Cause.EDITED_AFTER_LABEL, detail))
    if order["cancelledAt"]:
        left = [package.package_key for package in packages if not package.voided]
        troubles += [Trouble(Cause.CANCELLED_AFTER_LABEL, f"package {key}: its label is not voided") for key in left]
    else:
        troubles += [trouble for one in seen.consignments if (trouble := _moved(seen, one))]
    vanished = [one for one in seen.allotment.assignments if _is_vanished(one, observed)]
    troubles += [
        Trouble(Cause.MERGED_PARENT_UNKNOWN, f"{one.order_key}: ShipStation has no such order") for one in vanished
    ]
    return troubles if seen.barrier else troubles + _unmapped(profile, seen)


def _is_vanished(one: Assignment, observed: Mapping[str, Order | None]) -> bool:
    known = one.consignment is not None and one.consignment.standing is Standing.OPEN
    return known and bool(one.outstanding) and one.order_key in observed and observed[one.order_key] is None


def _counted(units: Units) -> str:
    return ", ".join(f"{count} of line {line_id}" for line_id, count in sorted(units.items()))


def _excess(seen: Picture, key: str, what: str) -> Trouble:
    gate = seen.barrier
    if gate is None or not (gate.withdraws or gate.pauses):
        return Trouble(Cause.EDITED_AFTER_LABEL, f"{key}: {what}")
    fraud = gate.cause is Cause.FRAUD_REVIEW
    return Trouble(Cause.FRAUD_REVIEW if fraud else Cause.CANCELLED_AFTER_LABEL, f"{key}: {what}")


def _voids(
    profile: Profile, order: OrderToShip, consignments: Sequence[Consignment], packages: Sequence[Package]
) -> list[VoidLabel]:
    """Labels of a cancelled order. Not those of which Shopify told the customer: they were on their way."""
    if not (order["cancelledAt"] and profile.void_on_cancel):
        return []
    there = {one.order_key: one.shipstation_order_id for one in consignments}
    return [
        VoidLabel(one.package_key, int(order["legacyResourceId"]), order_id)
        for one in packages
        if not one.voided
        and one.fulfillment_gid is None
        and one.package_key.startswith("s")
        and (order_id := there.get(one.order_key or ""))
    ]


def _moved(seen: Picture, consignment: Consignment) -> Trouble | None:
    """Another destination after the label. An address that is no longer readable is not another one."""
    wanted = seen.documents.get(consignment.order_key)
    if consignment.standing is not Standing.SHIPPED or not consignment.applied or not wanted:
        return None
    if missing_parts(wanted["shipTo"]) or same_destination(wanted, consignment.applied):
        return None
    return Trouble(Cause.EDITED_AFTER_LABEL, f"{consignment.order_key}: another address")


def _unmapped(profile: Profile, seen: Picture) -> list[Trouble]:
    places = [str(where) for where in seen.allotment.unplaced if not is_mapped(profile, where)]
    places += ["deleted"] if None in seen.routing.free else []
    return [Trouble(Cause.LOCATION_NOT_MAPPED, f"location {where}") for where in places]


def _worst(troubles: Sequence[Trouble]) -> Cause | None:
    found = {trouble.cause for trouble in troubles}
    return next((cause for cause in _WORST_FIRST if cause in found), None)


def _state(order: OrderToShip, seen: Picture, steps: Sequence[UpsertOrder]) -> Cause:
    """The decision table of the whole order, when nothing is wrong; the first row that applies decides."""
    gate, allotment = seen.barrier, seen.allotment
    told, pending = seen.routing.fulfilled - seen.voided, _pending(seen)
    gone = told + pending
    placed = added([*(one.outstanding for one in allotment.assignments), *allotment.locked.values()])
    if gate and gate.cause is Cause.CANCELLED and gate.pauses and placed:
        return Cause.CANCELLED_ON_HOLD
    if gate and (gate.cause is Cause.CANCELLED or (gate.cause in _FINAL and not seen.consignments)):
        return gate.cause
    lines = order["lineItems"]["nodes"]
    if not any(line["requiresShipping"] for line in lines):
        return Cause.GIFT_CARD if lines and all(line["isGiftCard"] for line in lines) else Cause.NOTHING_TO_SHIP
    stopped = gate and gate.withdraws and (not gone or seen.routing.free)
    # What lies there names the state, whatever keeps the rest back: no order is excluded while its goods are in ShipStation.
    if gate and not placed and (allotment.unplaced or not gone):
        return gate.cause
    if gate and stopped:
        return gate.cause
    if (
        seen.paused
        and placed
        and all(one.location_id in seen.paused for one in allotment.assignments if one.outstanding)
    ):
        return gate.cause if gate and gate.pauses else Cause.FULFILLMENT_HOLD
    if not gone and any(step.kind == "create_order" for step in steps):
        return Cause.QUEUED
    if placed:
        return Cause.PARTLY_SHIPPED if gone else Cause.LABEL_VOIDED if seen.voided else Cause.IN_SHIPSTATION
    if pending or seen.voided:
        return Cause.TELLING_SHOPIFY if pending else Cause.LABEL_VOIDED
    return _unplaced_state(order, seen, gone)


def _pending(seen: Picture) -> Units:
    """Units in packages that Shopify does not know yet."""
    packed = seen.allotment.packed
    return added(packed.pending.values()) + packed.stray


_FINAL = frozenset({Cause.TEST_ORDER, Cause.BEFORE_START, Cause.EXCLUDED_BY_RULE})


def _unplaced_state(order: OrderToShip, seen: Picture, gone: Units) -> Cause:
    """When nothing lies in ShipStation: is something held back, has all left, or was there never anything for us?"""
    barred = seen.routing.barred
    waits = next((cause for cause in _WAITING if cause in barred), None)
    if waits:
        return waits
    if seen.routing.unrouted:
        return Cause.PARTLY_SHIPPED if gone else Cause.NOT_ROUTED
    if gone:
        return (
            Cause.SHIPPED
            if _shipped_by_us(seen)
            else next((c for c in _NOT_OURS if c in barred), Cause.FULFILLED_ELSEWHERE)
        )
    return next((cause for cause in _NOT_OURS if cause in barred), Cause.REFUNDED)


_WAITING = (Cause.FULFILLMENT_HOLD, Cause.UNREADABLE, Cause.SCHEDULED)
_NOT_OURS = (Cause.OTHER_SERVICE, Cause.PICKUP, Cause.NOTHING_TO_SHIP)


def _shipped_by_us(seen: Picture) -> bool:
    packed = seen.allotment.packed
    return any(packed.gone.values()) or any(one.standing is Standing.SHIPPED for one in seen.consignments)


def _held_for_doubt(profile: Profile, seen: Picture) -> dict[str, Trouble]:
    """New orders only: what ShipStation has stays there."""
    held: dict[str, Trouble] = {}
    for change in seen.changes:
        is_new = change.assignment.consignment is None and not _missing(change)
        waits = [doubt for doubt in doubts(profile, change.wanted) if doubt.holds] if change.wanted and is_new else []
        if waits:
            held[change.order_key] = Trouble(waits[0].cause, waits[0].detail)
    return held


def _remarks(profile: Profile, seen: Picture) -> list[str]:
    """What is worth knowing beside the cause: units that stay behind, and doubts that the merchant takes lightly."""
    behind = [f"{sum(units.values())} units {cause}" for cause, units in sorted(seen.routing.barred.items())]
    unplaced = {where: units for where, units in seen.allotment.unplaced.items() if where not in seen.paused}
    if seen.barrier and unplaced:
        why = f": {seen.barrier.detail}" if seen.barrier.detail else ""
        behind.append(f"{sum(added(unplaced.values()).values())} units {seen.barrier.cause}{why}")
    placed = [seen.documents[one.order_key] for one in seen.allotment.assignments if one.order_key in seen.documents]
    doubtful = [doubt.detail for document in placed for doubt in doubts(profile, document) if not doubt.holds]
    return behind + doubtful


def _look_again(order: OrderToShip, seen: Picture, cause: Cause, now: datetime) -> datetime | None:
    times = [seen.barrier.until if seen.barrier else None, seen.routing.until]
    if seen.routing.unrouted and not seen.withdraws:
        times.append(look_later(order, now))
    if cause is Cause.UNREADABLE:
        times.append(now + timedelta(seconds=REREAD_S))
    # What is due already and still looks the same is given a moment: the vendor's clock is not ours.
    soonest = min((time for time in times if time), default=None)
    return max(soonest, now + timedelta(seconds=REREAD_S)) if soonest and soonest <= now else soonest
