"""Orders come in: noted and told at once; the router and the risk analysis follow later, each in its own time."""

from __future__ import annotations

from functools import partial

from syncd.sandbox.shopify import payloads
from syncd.sandbox.shopify.fulfilling import fulfill_units
from syncd.sandbox.shopify.money import count_original
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.state import FulfillmentOrder, FulfillmentOrderLine, Order, Taken, Units, gid


def take_in(shop: Shop, order: Order, risk: tuple[str, str] = ("LOW", "ACCEPT"), at_once: bool = False) -> None:
    """Files a new order. `risk` is the level and the recommendation that the analysis will come to.

    Shopify creates fulfillment orders after the order, asynchronously; `at_once` skips both waits, for orders of the past.
    """
    shop.orders[order.id] = order
    count_original(order)
    shop.touch(order)
    if at_once:
        route(shop, order)
        order.risk_level, order.recommendation = risk
    else:
        shop.later(shop.between(shop.options.routing_delay_s), partial(route, shop, order))
        shop.later(shop.between(shop.options.risk_delay_s), partial(assess, shop, order, risk))
    paid = ("ORDERS_PAID",) if order.financial_status == "PAID" else ()
    shop.tell_order(order, "ORDERS_CREATE", *paid, "ORDERS_UPDATED")


def route(shop: Shop, order: Order) -> None:
    """Turns the waiting units into fulfillment orders, one for each location and delivery method."""
    groups: dict[tuple[int, str | None], list[Units]] = {}
    for units in order.units:
        groups.setdefault((units.location_id, units.method), []).append(units)
    order.units = []
    for (location_id, method), group in groups.items():
        if sum(units.quantity for units in group):
            _open(shop, order, location_id, method, group)
    _deliver_gift_cards(shop, order)


def _open(shop: Shop, order: Order, location_id: int, method: str | None, group: list[Units]) -> None:
    opened = new_fulfillment_order(shop, order, location_id, method)
    for units in group:
        if units.quantity:
            left = units.quantity - units.fulfilled
            opened.lines.append(FulfillmentOrderLine(shop.ids.next(), units.line, units.quantity, left))
    _link_fulfillments(order, opened)
    left = sum(entry.remaining for entry in opened.lines)
    is_begun = left < sum(entry.total for entry in opened.lines)
    opened.status = "CLOSED" if not left else "IN_PROGRESS" if is_begun else "OPEN"
    if opened.status == "OPEN" and shop.options.routing_complete_webhook:
        shop.tell(
            "FULFILLMENT_ORDERS_ORDER_ROUTING_COMPLETE", opened.id, lambda: {"fulfillment_order": payloads.thin(opened)}
        )


def _link_fulfillments(order: Order, opened: FulfillmentOrder) -> None:
    """Fulfillments that came in with an imported order took their units from here."""
    by_line = {entry.line.id: entry for entry in opened.lines}
    for fulfillment in order.fulfillments:
        if fulfillment.status == "SUCCESS":
            for done in fulfillment.lines:
                entry = by_line.get(done.line.id)
                if entry is not None:
                    fulfillment.taken.append(Taken(opened, entry, done.quantity))


def new_fulfillment_order(shop: Shop, order: Order, location_id: int, method: str | None) -> FulfillmentOrder:
    opened = FulfillmentOrder(shop.ids.next(), order, location_id, method, shop.stamp(), shop.stamp())
    address = order.shipping_address
    location = shop.location(location_id)
    if method == "SHIPPING" and address and location and address.country_code_v2 not in (None, location.country_code):
        opened.incoterm = "DAP"
    order.fulfillment_orders.append(opened)
    shop.fulfillment_orders[opened.id] = opened
    shop.touch_fulfillment_order(opened)
    return opened


def _deliver_gift_cards(shop: Shop, order: Order) -> None:
    """Shopify sends gift cards by mail itself, once they are paid for."""
    if order.financial_status not in ("PAID", "PARTIALLY_REFUNDED") or order.cancelled_at:
        return
    for fulfillment_order in list(order.fulfillment_orders):
        if fulfillment_order.status == "OPEN":
            cards = [(entry, entry.remaining) for entry in fulfillment_order.lines if entry.line.is_gift_card]
            if cards:
                fulfill_units(shop, [(fulfillment_order, cards)], [], notify=False)


def assess(shop: Shop, order: Order, risk: tuple[str, str]) -> None:
    order.risk_level, order.recommendation = risk
    body = {
        "provider_id": None,
        "provider_title": None,
        "risk_level": risk[0].lower(),
        "created_at": None,
        "order_id": order.id,
        "admin_graphql_api_order_id": gid("Order", order.id),
    }
    shop.tell("ORDERS_RISK_ASSESSMENT_CHANGED", order.id, lambda: body)
