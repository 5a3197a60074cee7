"""Turns of an order's life that nobody at the checkout thought of: later dates, other deliveries, deposits, exchanges, customs data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from syncd.sandbox.shopify import payloads
from syncd.sandbox.shopify.money import recount
from syncd.sandbox.shopify.routing import new_fulfillment_order
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.state import FulfillmentOrder, FulfillmentOrderLine, Hold, Line, Order


def schedule(shop: Shop, target: FulfillmentOrder, at: datetime) -> None:
    """It opens by itself when its date has come."""
    target.status, target.fulfill_at = "SCHEDULED", at
    shop.touch_fulfillment_order(target)
    shop.later((at - shop.now()).total_seconds(), partial(_due, shop, target))


def _due(shop: Shop, target: FulfillmentOrder) -> None:
    if target.status == "SCHEDULED":
        target.status = "OPEN"
        shop.touch_fulfillment_order(target)
        body = {"fulfillment_order": payloads.thin(target)}
        shop.tell("FULFILLMENT_ORDERS_SCHEDULED_FULFILLMENT_ORDER_READY", target.id, lambda: body)


def deliver_by(shop: Shop, target: FulfillmentOrder, method: str | None) -> None:
    target.method = method
    shop.touch_fulfillment_order(target)
    shop.touch(target.order)
    shop.tell_order(target.order, "ORDERS_UPDATED")


def exchange(shop: Shop, order: Order, lines: Sequence[Line]) -> FulfillmentOrder:
    """Goods that will leave once others came back: a fulfillment order of their own, on hold until then. Paid for by the return."""
    for line in lines:
        order.lines.append(line)
        line.discount = line.price * line.quantity
    recount(order)
    last = (
        order.fulfillment_orders[-1].location_id if order.fulfillment_orders else shop.options.locations[0].location_id
    )
    opened = new_fulfillment_order(shop, order, last, "SHIPPING")
    opened.lines = [FulfillmentOrderLine(shop.ids.next(), line, line.quantity, line.quantity) for line in lines]
    opened.holds = [Hold(shop.ids.next(), "AWAITING_RETURN_ITEMS", None, f"exchange-{opened.id}", None, by_app=False)]
    opened.status = "ON_HOLD"
    order.closed_at = None
    shop.touch(order)
    shop.touch_fulfillment_order(opened)
    shop.tell_order(order, "ORDERS_UPDATED")
    return opened


def pay_part(shop: Shop, order: Order) -> None:
    """A deposit: the half of what is owed."""
    order.financial_status = "PARTIALLY_PAID"
    order.received = order.totals.total / 2
    shop.touch(order)
    shop.tell_order(order, "ORDERS_UPDATED")


def declare(shop: Shop, order: Order, code: str | None, origin: str | None, by_country: Mapping[str, str]) -> None:
    """The merchant writes customs data into the products; no webhook of the order tells it."""
    sold = [line.variant for line in order.lines if line.variant is not None]
    for variant in [*sold, *(shop.variants[one.id] for one in sold)]:
        variant.harmonized_system_code = code
        variant.country_code_of_origin = origin
        variant.country_codes = dict(by_country)
