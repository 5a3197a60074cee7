"""Fulfillment orders stand still or change places: holds, releases, moves. Behaviour and codes as recorded, API 2026-04."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncd.sandbox.shopify import payloads
from syncd.sandbox.shopify.fulfilling import replacement
from syncd.sandbox.shopify.problems import Refusal
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.state import FulfillmentOrder, FulfillmentOrderLine, Hold, gid

MOST_HOLDS = 10
_LIMIT_TEXT = (
    "The maximum number of fulfillment holds for this fulfillment order has been reached for this app. "
    "An app can only have up to 10 holds on a single fulfillment order at any one time."
)
UNITS = Sequence[tuple[int, int]]
"""Fulfillment order line id, units."""


def hold(shop: Shop, target: FulfillmentOrder, new: Hold, units: UNITS) -> FulfillmentOrder | None:
    """Holds the whole, or only some units: then the original id keeps the held ones and the rest is returned."""
    _refuse_hold(target, new)
    rest = _split_off_rest(shop, target, units) if units else None
    is_first = not target.holds
    target.holds.append(new)
    target.status = "ON_HOLD"
    _note(shop, target)
    held = [{"id": gid("FulfillmentOrderLineItem", entry.id), "quantity": entry.remaining} for entry in target.lines]
    body = {
        "fulfillment_order": {
            **_thin(target),
            "fulfillment_holds": [payloads.hold_body(each) for each in target.holds],
        },
        "remaining_fulfillment_order": payloads.thin(rest),
        "held_fulfillment_order_line_items": held,
        "created_fulfillment_hold": payloads.hold_body(new),
    }
    topics = ["FULFILLMENT_ORDERS_PLACED_ON_HOLD"] if is_first else []
    for topic in [*topics, "FULFILLMENT_HOLDS_ADDED"]:
        shop.tell(topic, target.id, lambda: body)
    return rest


def _refuse_hold(target: FulfillmentOrder, new: Hold) -> None:
    if target.status not in ("OPEN", "IN_PROGRESS", "ON_HOLD", "SCHEDULED"):
        raise Refusal(["id"], "The fulfillment order is not in a state to be put on hold.", "TAKEN")
    mine = [entry for entry in target.holds if entry.by_app == new.by_app]
    if new.by_app and len(mine) >= MOST_HOLDS:
        raise Refusal(["id"], _LIMIT_TEXT, "FULFILLMENT_ORDER_HOLD_LIMIT_REACHED")
    if any((entry.handle or "") == (new.handle or "") for entry in mine):
        raise Refusal(
            ["fulfillmentHold", "handle"],
            "The handle provided for the fulfillment hold is already in use by this app for another hold on this fulfillment order.",
            "DUPLICATE_FULFILLMENT_HOLD_HANDLE",
        )


def _split_off_rest(shop: Shop, target: FulfillmentOrder, units: UNITS) -> FulfillmentOrder | None:
    if target.holds:
        raise Refusal(
            ["fulfillmentHold"], "The fulfillment order is not splittable.", "FULFILLMENT_ORDER_NOT_SPLITTABLE"
        )
    kept = _checked(target, units, ["fulfillmentHold", "fulfillmentOrderLineItems"])
    rest_units = {entry.id: entry.remaining - kept.get(entry.id, 0) for entry in target.lines}
    if not any(rest_units.values()):
        return None
    target.sibling = part(shop, target, rest_units)
    return target.sibling


def _checked(target: FulfillmentOrder, units: UNITS, path: list[str]) -> dict[int, int]:
    by_id = {entry.id: entry for entry in target.lines}
    wanted: dict[int, int] = {}
    for position, (line_id, quantity) in enumerate(units):
        field = [*path, str(position), "quantity"]
        if quantity <= 0:
            raise Refusal(field, "You must select at least one item.", "GREATER_THAN_ZERO")
        if line_id in wanted:
            raise Refusal(path, "The line items contain duplicated ids.", "DUPLICATED_FULFILLMENT_ORDER_LINE_ITEMS")
        if line_id not in by_id or quantity > by_id[line_id].remaining:
            raise Refusal(field, "The line item quantity is invalid.", "INVALID_LINE_ITEM_QUANTITY")
        wanted[line_id] = quantity
    return wanted


def part(shop: Shop, source: FulfillmentOrder, units: dict[int, int]) -> FulfillmentOrder:
    """Moves units from `source` to a new fulfillment order beside it."""
    apart = replacement(shop, source)
    for entry in list(source.lines):
        count = units.get(entry.id, 0)
        if count:
            apart.lines.append(FulfillmentOrderLine(shop.ids.next(), entry.line, count, count))
            entry.total -= count
            entry.remaining -= count
    source.lines = [entry for entry in source.lines if entry.total]
    return apart


def release(
    shop: Shop, target: FulfillmentOrder, hold_ids: Sequence[int] | None, external_id: str | None = None
) -> None:
    """Without ids it releases everybody's holds. A part that a hold split off comes back; it ends closed and empty."""
    before = len(target.holds)
    target.holds = [entry for entry in target.holds if not _is_released(entry, hold_ids, external_id)]
    if before == len(target.holds):
        return
    if not target.holds:
        _take_back(shop, target)
        is_begun = any(entry.remaining < entry.total for entry in target.lines)
        target.status = "IN_PROGRESS" if is_begun else "OPEN"
    _note(shop, target)
    topics = [] if target.holds else ["FULFILLMENT_ORDERS_HOLD_RELEASED"]
    for topic in [*topics, "FULFILLMENT_HOLDS_RELEASED"]:
        shop.tell(topic, target.id, lambda: {"fulfillment_order": payloads.thin(target)})


def _is_released(entry: Hold, hold_ids: Sequence[int] | None, external_id: str | None) -> bool:
    if hold_ids is not None:
        return entry.id in hold_ids
    return external_id is None or entry.external_id == external_id


def _take_back(shop: Shop, target: FulfillmentOrder) -> None:
    sibling, target.sibling = target.sibling, None
    if sibling is None or sibling.status != "OPEN" or sibling.location_id != target.location_id:
        return
    for entry in sibling.lines:
        _add(shop, target, entry, entry.remaining)
    sibling.lines = []
    sibling.status = "CLOSED"
    shop.touch_fulfillment_order(sibling)


def _add(shop: Shop, target: FulfillmentOrder, source: FulfillmentOrderLine, count: int) -> None:
    for entry in target.lines:
        if entry.line is source.line:
            entry.total += count
            entry.remaining += count
            return
    target.lines.append(FulfillmentOrderLine(shop.ids.next(), source.line, count, count))


def move(shop: Shop, target: FulfillmentOrder, location_id: int, units: UNITS) -> FulfillmentOrder:
    """A whole one keeps its id; a part gets a new fulfillment order at the destination. Returns the moved one."""
    if shop.location(location_id) is None:
        raise Refusal(["newLocationId"], "Location not found.")
    if target.status not in ("OPEN", "ON_HOLD", "SCHEDULED", "IN_PROGRESS") or target.location_id == location_id:
        raise Refusal(["id"], "Cannot change location.")
    source_id = target.location_id
    wanted = _checked(target, units, ["fulfillmentOrderLineItems"]) if units else {}
    is_begun = any(entry.remaining < entry.total for entry in target.lines)
    everything = {entry.id: entry.remaining for entry in target.lines if entry.remaining}
    if is_begun and not wanted:
        wanted = everything
    if not wanted or (wanted == everything and not is_begun):
        target.location_id, moved = location_id, target
    else:
        moved = part(shop, target, wanted)
        moved.location_id = location_id
        if not any(entry.remaining for entry in target.lines):
            target.status = "CLOSED"
    _note(shop, target)
    shop.touch_fulfillment_order(moved)
    _tell_moved(shop, target, moved, source_id)
    return moved


def _tell_moved(shop: Shop, original: FulfillmentOrder, moved: FulfillmentOrder, source_id: int) -> None:
    place = shop.location(source_id)
    source = {"id": gid("Location", source_id), "name": place.name if place else None}
    body: dict[str, Any] = {
        "original_fulfillment_order": payloads.thin(original),
        "moved_fulfillment_order": {**_thin(moved), "assigned_location_id": gid("Location", moved.location_id)},
        "source_location": source,
        "destination_location_id": gid("Location", moved.location_id),
        "fulfillment_order_line_items_requested": [
            {"id": gid("FulfillmentOrderLineItem", entry.id), "quantity": entry.remaining} for entry in moved.lines
        ],
    }
    shop.tell("FULFILLMENT_ORDERS_MOVED", original.id, lambda: body)


def _thin(fulfillment_order: FulfillmentOrder) -> dict[str, Any]:
    return payloads.thin(fulfillment_order) or {}


def _note(shop: Shop, fulfillment_order: FulfillmentOrder) -> None:
    """Whether a hold or a move touches the order's own `updatedAt` is not documented: an option."""
    shop.touch_fulfillment_order(fulfillment_order)
    if shop.options.hold_touches_order:
        shop.touch(fulfillment_order.order)
        shop.tell_order(fulfillment_order.order, "ORDERS_UPDATED")
