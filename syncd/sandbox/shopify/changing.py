"""What happens to an order after it was placed: payment, cancellation, refunds and edits, with their effects on the work to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from syncd.sandbox.shopify import payloads
from syncd.sandbox.shopify.money import recount, rounded, unit_price_after_discounts
from syncd.sandbox.shopify.problems import Refusal
from syncd.sandbox.shopify.routing import new_fulfillment_order
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.standing import fulfilled_units, open_units
from syncd.sandbox.shopify.state import (
    ZERO,
    FulfillmentOrder,
    FulfillmentOrderLine,
    Line,
    Order,
    Refund,
    RefundLine,
    Units,
)
from syncd.sandbox.shopify.stock import held_by


def pay(shop: Shop, order: Order) -> None:
    if order.cancelled_at or order.financial_status in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED"):
        raise Refusal(["id"], "Order is already paid or cannot be paid.")
    order.financial_status = "PAID"
    order.received = order.totals.total + order.refunded
    shop.touch(order)
    shop.tell_order(order, "ORDERS_PAID", "ORDERS_UPDATED")


def refuse_cancel(order: Order) -> None:
    if order.cancelled_at:
        raise Refusal(["orderId"], "Cannot cancel an order that has already been canceled", "INVALID")
    if any(entry.status == "SUCCESS" for entry in order.fulfillments):
        raise Refusal(["orderId"], "Cannot cancel an order that has outstanding fulfillments", "INVALID")


def cancel(shop: Shop, order: Order, reason: str, refunds: bool) -> None:
    """Closes the order and empties its fulfillment orders; `LineItem.quantity` stays. Irreversible."""
    refuse_cancel(order)
    order.cancelled_at = order.closed_at = shop.stamp()
    order.cancel_reason = reason
    order.units = []
    _close_all(shop, order)
    refund = _refund_everything(shop, order) if refunds and order.received > order.refunded else None
    if order.financial_status in ("PENDING", "AUTHORIZED"):
        order.financial_status = "VOIDED"
    shop.touch(order)
    if refund is not None:
        _tell_refund(shop, order, refund)
    shop.tell_order(order, "ORDERS_CANCELLED", "ORDERS_UPDATED")


def _close_all(shop: Shop, order: Order) -> None:
    for fulfillment_order in order.fulfillment_orders:
        if fulfillment_order.is_live:
            fulfillment_order.status = "CLOSED"
            fulfillment_order.holds = []
            for entry in fulfillment_order.lines:
                entry.total = entry.remaining = 0
            shop.touch_fulfillment_order(fulfillment_order)


def _refund_everything(shop: Shop, order: Order) -> Refund:
    done = Refund(shop.ids.next(), shop.stamp(), None, order.received - order.refunded)
    for line in order.lines:
        if line.current_quantity:
            done.lines.append(RefundLine(shop.ids.next(), line, line.current_quantity, "CANCEL"))
            line.current_quantity = 0
    _book(order, done)
    return done


def refund(
    shop: Shop,
    order: Order,
    units: Mapping[int, int],
    restock_type: str,
    amount: Decimal | None,
    note: str | None = None,
) -> Refund:
    """`units`: order line id -> units; empty gives money only. CANCEL and NO_RESTOCK take units that are not fulfilled yet
    (NO_RESTOCK then fulfilled ones), RETURN takes fulfilled ones. `amount` None is the price of the units."""
    lines = {line.id: line for line in order.lines}
    for line_id, count in units.items():
        if line_id not in lines or count > _refundable(lines[line_id], restock_type) or count <= 0:
            raise Refusal(["refundLineItems", "0", "quantity"], "Quantity cannot refund more items than were purchased")
    worth = sum((unit_price_after_discounts(lines[line_id]) * count for line_id, count in units.items()), ZERO)
    paid = order.received - order.refunded
    total = rounded(worth if amount is None else amount, order.currency)
    if total > paid and amount is not None:
        raise Refusal(None, f"Refund amount ${total} is greater than net payment received ${paid}")
    done = Refund(shop.ids.next(), shop.stamp(), note, min(total, paid))
    for line_id, count in units.items():
        _take_units(shop, lines[line_id], count, restock_type)
        done.lines.append(RefundLine(shop.ids.next(), lines[line_id], count, restock_type))
    _book(order, done)
    shop.touch(order)
    _tell_refund(shop, order, done)
    shop.tell_order(order, "ORDERS_UPDATED")
    return done


def refund_returned(shop: Shop, order: Order, units: Mapping[int, int], amount: Decimal, note: str | None) -> Refund:
    """Of units that a return brought back; whether they are for sale again is another matter."""
    done = Refund(shop.ids.next(), shop.stamp(), note, amount)
    for line in order.lines:
        if count := units.get(line.id):
            line.current_quantity -= count
            done.lines.append(RefundLine(shop.ids.next(), line, count, "RETURN"))
    _book(order, done)
    _tell_refund(shop, order, done)
    return done


def _refundable(line: Line, restock_type: str) -> int:
    if restock_type == "CANCEL":
        return min(line.current_quantity, open_units(line.order)[line.id])
    if restock_type == "RETURN":
        return min(line.current_quantity, fulfilled_units(line.order)[line.id])
    return line.current_quantity


def _take_units(shop: Shop, line: Line, count: int, restock_type: str) -> None:
    line.current_quantity -= count
    if restock_type == "RETURN":
        shop.stock.goods_back(line, _left_from(line), count)
        return
    before = held_by(line.order)
    shrink(shop, line, count)
    if restock_type == "NO_RESTOCK" and line.variant:  # nobody waits for them, and they are not for sale again
        for (variant_id, location_id), units in (before - held_by(line.order)).items():
            if variant_id == line.variant.id:
                shop.stock.goods_left(line, location_id, units)


def _left_from(line: Line) -> int:
    """The location of the last fulfillment with units of this line: what is returned goes back there."""
    done = [one for one in line.order.fulfillments if any(part.line is line for part in one.lines)]
    return done[-1].location_id


def _book(order: Order, done: Refund) -> None:
    order.refunds.append(done)
    order.refunded += done.amount
    recount(order)
    if order.received and order.refunded >= order.received:
        order.financial_status = "REFUNDED"
    elif done.amount or order.financial_status == "PAID":
        order.financial_status = "PARTIALLY_REFUNDED"


def _tell_refund(shop: Shop, order: Order, done: Refund) -> None:
    shop.tell("REFUNDS_CREATE", done.id, lambda: payloads.refund_body(order, done, shop.options))


def shrink(shop: Shop, line: Line, count: int) -> None:
    """Takes units that nobody needs to fulfill any more out of the waiting units and the live fulfillment orders."""
    for units in line.order.units:
        if units.line is line:
            taken = min(count, units.quantity - units.fulfilled)
            units.quantity -= taken
            count -= taken
    for fulfillment_order in line.order.fulfillment_orders:
        for entry in fulfillment_order.lines if fulfillment_order.is_live else ():
            if entry.line is line and count:
                taken = min(count, entry.remaining)
                entry.total -= taken
                entry.remaining -= taken
                count -= taken
                _settle(shop, fulfillment_order)


def _settle(shop: Shop, fulfillment_order: FulfillmentOrder) -> None:
    if not any(entry.remaining for entry in fulfillment_order.lines):
        fulfillment_order.status = "CLOSED"
        fulfillment_order.holds = []
    shop.touch_fulfillment_order(fulfillment_order)


def set_quantity(shop: Shop, line: Line, quantity: int) -> int:
    """An edit: `quantity` is the new current quantity. Returns the difference. Fulfilled units cannot be removed."""
    difference = quantity - line.current_quantity
    if -difference > open_units(line.order)[line.id]:
        raise Refusal(["quantity"], "Cannot remove items that were already fulfilled.")
    line.current_quantity = quantity
    if difference < 0:
        shrink(shop, line, -difference)
    elif difference > 0:
        line.quantity += difference
        grow(shop, line, difference)
    return difference


def grow(shop: Shop, line: Line, count: int) -> None:
    """More work for one line: into the waiting units before routing, into an open fulfillment order after it."""
    order = line.order
    method = "SHIPPING" if line.requires_shipping else "NONE"
    if order.units:
        known = next((units for units in order.units if units.line is line), None)
        if known is not None:
            known.quantity += count
        else:
            order.units.append(Units(line, order.units[0].location_id, method, count))
        return
    target = _home(shop, order, line, method)
    for entry in target.lines:
        if entry.line is line:
            entry.total += count
            entry.remaining += count
            break
    else:
        target.lines.append(FulfillmentOrderLine(shop.ids.next(), line, count, count))
    shop.touch_fulfillment_order(target)


def _home(shop: Shop, order: Order, line: Line, method: str) -> FulfillmentOrder:
    live = [entry for entry in order.fulfillment_orders if entry.is_live]
    known = [entry for entry in live if any(part.line is line for part in entry.lines)]
    fitting = [entry for entry in live if entry.method == method or (method == "SHIPPING" and entry.method != "NONE")]
    if known or fitting:
        return (known or fitting)[0]
    last = order.fulfillment_orders[-1] if order.fulfillment_orders else None
    location_id = last.location_id if last else shop.options.locations[0].location_id
    return new_fulfillment_order(shop, order, location_id, method)


def committed(shop: Shop, order: Order, additions: Counter[int], removals: Counter[int]) -> None:
    """What an edit does once it is committed: totals, payment state, both webhooks."""
    order.edited = True
    recount(order)
    if order.financial_status == "PAID" and order.totals.total > order.received - order.refunded:
        order.financial_status = "PARTIALLY_PAID"
    shop.touch(order)
    edit_id = shop.ids.next()
    shop.tell("ORDERS_EDITED", order.id, lambda: payloads.edit_body(order, edit_id, additions, removals, shop.options))
    shop.tell_order(order, "ORDERS_UPDATED")
