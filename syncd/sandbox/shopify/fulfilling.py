"""Goods leave: fulfillments are created, get tracking, are cancelled. Refusals have the recorded fields and words.

`fulfillmentCreate` has no idempotency key: a repeat is only refused once too few units remain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncd.sandbox.shopify.carriers import tracking_url
from syncd.sandbox.shopify.problems import Refusal
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.standing import fulfilled_units, fulfillment_summary, open_units
from syncd.sandbox.shopify.state import (
    Fulfillment,
    FulfillmentEvent,
    FulfillmentLine,
    FulfillmentOrder,
    FulfillmentOrderLine,
    Order,
    Taken,
    Tracking,
)

FULFILLABLE = ("OPEN", "IN_PROGRESS")
MOST_LINES = 512

Picked = list[tuple[FulfillmentOrder, list[tuple[FulfillmentOrderLine, int]]]]
Asked = Sequence[tuple[int, Sequence[tuple[int, int]] | None]]
"""Fulfillment order id -> its lines with units, None for all that remains."""


def create(shop: Shop, asked: Asked, tracking: Sequence[Tracking], notify: bool) -> Fulfillment:
    _refuse_quantities(asked)
    found = [(_live(shop, fulfillment_order_id), lines) for fulfillment_order_id, lines in asked]
    if not found:
        raise Refusal(["fulfillment"], "At least one fulfillment order is required.")
    _refuse_mixtures([entry for entry, _ in found])
    for fulfillment_order, _ in found:
        if fulfillment_order.status not in FULFILLABLE:
            status = fulfillment_order.status.lower()
            raise Refusal(
                ["fulfillment"], f"Fulfillment order {fulfillment_order.id} has an unfulfillable status= {status}."
            )
    return fulfill_units(shop, [(entry, _pick(entry, lines)) for entry, lines in found], tracking, notify)


def _refuse_quantities(asked: Asked) -> None:
    for position, (_, lines) in enumerate(asked):
        path = ["fulfillment", "lineItemsByFulfillmentOrder", str(position), "fulfillmentOrderLineItems"]
        if lines is not None and len(lines) > MOST_LINES:
            raise Refusal(path, f"The maximum number of line items is {MOST_LINES}.")
        for number, (_, quantity) in enumerate(lines or ()):
            if quantity <= 0:
                raise Refusal([*path, str(number), "quantity"], "Quantity must be greater than 0")


def _live(shop: Shop, fulfillment_order_id: int) -> FulfillmentOrder:
    found = shop.fulfillment_orders.get(fulfillment_order_id)
    if found is None:
        raise Refusal(["fulfillment"], "Fulfillment order does not exist.")
    return found


def _refuse_mixtures(found: list[FulfillmentOrder]) -> None:
    orders = list(dict.fromkeys(entry.order.id for entry in found))
    if len(orders) > 1:
        raise Refusal(
            ["fulfillment"],
            f"All fulfillment orders must belong to the same order. Multiple orders with ids {orders} were found.",
        )
    locations = list(dict.fromkeys(entry.location_id for entry in found))
    if len(locations) > 1:
        raise Refusal(
            ["fulfillment"],
            f"All fulfillment orders must be assigned to a single location. Multiple locations with ids {locations} were found.",
        )


def _pick(
    fulfillment_order: FulfillmentOrder, lines: Sequence[tuple[int, int]] | None
) -> list[tuple[FulfillmentOrderLine, int]]:
    if not lines:
        return [(entry, entry.remaining) for entry in fulfillment_order.lines if entry.remaining]
    by_id = {entry.id: entry for entry in fulfillment_order.lines}
    wanted: dict[int, int] = {}
    for line_id, quantity in lines:
        if line_id not in by_id:
            raise Refusal(["fulfillment"], "Fulfillment order line item does not exist.")
        wanted[line_id] = wanted.get(line_id, 0) + quantity
    if any(quantity > by_id[line_id].remaining for line_id, quantity in wanted.items()):
        raise Refusal(["fulfillment"], "Invalid fulfillment order line item quantity requested.")
    return [(by_id[line_id], quantity) for line_id, quantity in wanted.items()]


def fulfill_units(shop: Shop, picked: Picked, tracking: Sequence[Tracking], notify: bool) -> Fulfillment:
    """Does it: everything was checked. Units of one order line that come from several fulfillment orders are summed."""
    order, location_id = picked[0][0].order, picked[0][0].location_id
    name = f"{order.name}-F{len(order.fulfillments) + 1}"
    done = Fulfillment(shop.ids.next(), order, name, location_id, shop.stamp(), shop.stamp(), tracking=list(tracking))
    for fulfillment_order, entries in picked:
        for entry, quantity in entries:
            entry.remaining -= quantity
            done.taken.append(Taken(fulfillment_order, entry, quantity))
            shop.stock.goods_left(entry.line, location_id, quantity)
            _sum_up(shop, done, entry, quantity)
        fulfillment_order.status = "IN_PROGRESS" if any(e.remaining for e in fulfillment_order.lines) else "CLOSED"
        shop.touch_fulfillment_order(fulfillment_order)
    if notify:
        done.mail()
    order.fulfillments.append(done)
    shop.fulfillments[done.id] = done
    _note_progress(shop, order, done)
    return done


def _sum_up(shop: Shop, done: Fulfillment, entry: FulfillmentOrderLine, quantity: int) -> None:
    for known in done.lines:
        if known.line is entry.line:
            known.quantity += quantity
            return
    done.lines.append(FulfillmentLine(shop.ids.next(), entry.line, quantity))


def _note_progress(shop: Shop, order: Order, done: Fulfillment) -> None:
    is_complete = fulfillment_summary(order) == "FULFILLED"
    shop.touch(order)
    if is_complete and order.financial_status in ("PAID", "PARTIALLY_REFUNDED") and shop.options.auto_archive:
        order.closed_at = shop.stamp()
    shop.tell_fulfillment(done, "FULFILLMENTS_CREATE")
    shop.tell_order(order, "ORDERS_FULFILLED" if is_complete else "ORDERS_PARTIALLY_FULFILLED", "ORDERS_UPDATED")


def tracking_rows(given: dict[str, Any] | None) -> list[Tracking]:
    """Numbers and addresses pair up by position; a known company gets an address of its own."""
    given = given or {}
    if ("number" in given and "numbers" in given) or ("url" in given and "urls" in given):
        raise Refusal(["fulfillment", "trackingInfo"], "Only one of the singular and plural forms can be provided.")
    numbers = list(given.get("numbers") or ([given["number"]] if given.get("number") else []))
    urls = list(given.get("urls") or ([given["url"]] if given.get("url") else []))
    company = given.get("company")
    rows = []
    for position in range(max(len(numbers), len(urls), 1 if company else 0)):
        number = numbers[position] if position < len(numbers) else None
        url = urls[position] if position < len(urls) else tracking_url(company, number)
        rows.append(Tracking(company, number, url))
    return rows


def update_tracking(shop: Shop, fulfillment: Fulfillment, tracking: Sequence[Tracking], notify: bool) -> None:
    """Replaces the tracking, even that of a cancelled fulfillment."""
    fulfillment.tracking = list(tracking)
    fulfillment.updated_at = shop.stamp()
    if notify:
        fulfillment.mail()
    shop.touch(fulfillment.order)
    shop.tell_fulfillment(fulfillment, "FULFILLMENTS_UPDATE")
    shop.tell_order(fulfillment.order, "ORDERS_UPDATED")


def tell_event(shop: Shop, fulfillment: Fulfillment, given: Mapping[str, Any]) -> FulfillmentEvent:
    """Not idempotent: the same event told twice is there twice."""
    happened_at, expected_at = (_moment(given.get(name)) for name in ("happenedAt", "estimatedDeliveryAt"))
    event = FulfillmentEvent(
        shop.ids.next(), given["status"], happened_at or shop.stamp(), shop.stamp(), given.get("message"), expected_at
    )
    fulfillment.events.append(event)
    fulfillment.updated_at = shop.stamp()
    shop.touch(fulfillment.order)
    shop.tell_fulfillment(fulfillment, "FULFILLMENTS_UPDATE")
    return event


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def cancel(shop: Shop, fulfillment: Fulfillment) -> None:
    """The units become fulfillable again. Cancelling twice succeeds and changes nothing."""
    if fulfillment.status == "CANCELLED":
        return
    fulfillment.status = "CANCELLED"
    fulfillment.updated_at = shop.stamp()
    carriers: dict[int, FulfillmentOrder] = {}
    for taken in fulfillment.taken:
        _give_back(shop, taken, carriers)
    order = fulfillment.order
    order.closed_at = order.cancelled_at
    shop.touch(order)
    shop.tell_fulfillment(fulfillment, "FULFILLMENTS_UPDATE")
    shop.tell_order(order, "ORDERS_UPDATED")


def _give_back(shop: Shop, taken: Taken, carriers: dict[int, FulfillmentOrder]) -> None:
    """A closed fulfillment order stays closed although it shows units again; a new open one carries the work.

    Units that were refunded as returned do not become work again.
    """
    source, entry = taken.fulfillment_order, taken.fulfillment_order_line
    line, order = entry.line, source.order
    wanted = line.current_quantity - fulfilled_units(order)[line.id] - open_units(order)[line.id]
    count = max(0, min(taken.quantity, wanted))
    entry.remaining += count
    shop.stock.goods_back(line, source.location_id, count)
    if source.is_live:
        if source.status == "IN_PROGRESS" and not any(part.remaining < part.total for part in source.lines):
            source.status = "OPEN"
    elif count and not order.cancelled_at:
        carrier = carriers.get(source.id)
        if carrier is None:
            carrier = carriers[source.id] = replacement(shop, source)
        carrier.lines.append(FulfillmentOrderLine(shop.ids.next(), line, count, count))
    shop.touch_fulfillment_order(source)


def replacement(shop: Shop, source: FulfillmentOrder) -> FulfillmentOrder:
    """A new fulfillment order beside `source`: same order, location and delivery, without lines yet."""
    opened = FulfillmentOrder(
        shop.ids.next(), source.order, source.location_id, source.method, shop.stamp(), shop.stamp()
    )
    opened.incoterm = source.incoterm
    source.order.fulfillment_orders.append(opened)
    shop.fulfillment_orders[opened.id] = opened
    shop.touch_fulfillment_order(opened)
    return opened
