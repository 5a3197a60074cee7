"""How far an order is: what was fulfilled, what is still to be fulfilled, and the summary words for both."""

from __future__ import annotations

from collections import Counter

from syncd.sandbox.shopify.state import FulfillmentOrder, Line, Order


def fulfilled_units(order: Order) -> Counter[int]:
    """Line id -> units in fulfillments that stand."""
    units: Counter[int] = Counter()
    for fulfillment in order.fulfillments:
        if fulfillment.status == "SUCCESS":
            for entry in fulfillment.lines:
                units[entry.line.id] += entry.quantity
    return units


def open_units(order: Order) -> Counter[int]:
    """Line id -> units that somebody still has to fulfill, routed or not."""
    units: Counter[int] = Counter()
    for fulfillment_order in order.fulfillment_orders:
        if fulfillment_order.is_live:
            for entry in fulfillment_order.lines:
                units[entry.line.id] += entry.remaining
    for waiting in order.units:
        units[waiting.line.id] += waiting.quantity - waiting.fulfilled
    return units


def unfulfilled_quantity(line: Line) -> int:
    return open_units(line.order)[line.id]


def fulfillment_summary(order: Order) -> str:
    """`OrderDisplayFulfillmentStatus`. Nothing left to do and nothing done is FULFILLMENT_NOT_REQUIRED since 2026-10."""
    is_begun = bool(fulfilled_units(order).total())
    if not open_units(order).total():
        return "FULFILLED" if is_begun else "FULFILLMENT_NOT_REQUIRED"
    if is_begun:
        return "PARTIALLY_FULFILLED"
    statuses = {entry.status for entry in order.fulfillment_orders if entry.is_live}
    return next((status for status in ("ON_HOLD", "SCHEDULED", "IN_PROGRESS") if status in statuses), "UNFULFILLED")


def supported_actions(fulfillment_order: FulfillmentOrder) -> list[str]:
    """As recorded at a merchant's own location, API 2026-04."""
    status = fulfillment_order.status
    if status == "ON_HOLD":
        return ["RELEASE_HOLD", "HOLD", "MOVE"]
    if status == "SCHEDULED":
        return ["MARK_AS_OPEN"]
    if status == "IN_PROGRESS":
        return ["CREATE_FULFILLMENT", "REPORT_PROGRESS", "HOLD", "MARK_AS_OPEN"]
    if status != "OPEN":
        return []
    actions = ["CREATE_FULFILLMENT", "REPORT_PROGRESS", "MOVE", "HOLD"]
    if sum(entry.remaining for entry in fulfillment_order.lines) > 1:
        actions.append("SPLIT")
    if any(_is_mergeable(fulfillment_order, other) for other in fulfillment_order.order.fulfillment_orders):
        actions.append("MERGE")
    return actions


def _is_mergeable(one: FulfillmentOrder, other: FulfillmentOrder) -> bool:
    return other is not one and other.status == "OPEN" and other.location_id == one.location_id
