"""In which state an order is when nothing is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from mappings.causes import Cause
from mappings.consignments import added
from mappings.order_changes import Picture
from mappings.packed import Units
from mappings.plans import Standing, UpsertOrder
from mappings.shopify_shapes import OrderToShip


def state_of_order(order: OrderToShip, seen: Picture, steps: Sequence[UpsertOrder]) -> Cause:
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
    if seen.paused and placed and _rests(seen):
        return gate.cause if gate and gate.pauses else Cause.FULFILLMENT_HOLD
    if not gone and any(step.kind == "create_order" for step in steps):
        return Cause.QUEUED
    if placed:
        return Cause.PARTLY_SHIPPED if gone else Cause.LABEL_VOIDED if seen.voided else Cause.IN_SHIPSTATION
    if pending or seen.voided:
        return Cause.TELLING_SHOPIFY if pending else Cause.LABEL_VOIDED
    return _unplaced_state(order, seen, gone)


def _rests(seen: Picture) -> bool:
    """Whether all that lies there lies at paused places. What is locked cannot be put on hold."""
    outstanding = [one.location_id for one in seen.allotment.assignments if one.outstanding]
    return not seen.allotment.locked and all(where in seen.paused for where in outstanding)


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
