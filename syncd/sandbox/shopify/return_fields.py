"""How returns and refunds are shown and written by GraphQL: `returnCreate`, reverse deliveries, `returnProcess`, `refundCreate`."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from syncd.sandbox.shopify import changing, returning
from syncd.sandbox.shopify.call import Call
from syncd.sandbox.shopify.fields import Resolver
from syncd.sandbox.shopify.paging import Page, page
from syncd.sandbox.shopify.problems import Problem, Refusal
from syncd.sandbox.shopify.reading import number_of
from syncd.sandbox.shopify.state import ZERO, Order, Return, ReturnLine, ReverseDelivery
from syncd.sandbox.shopify.views import Bag

Payload = dict[str, Any]


class Reverse(NamedTuple):
    """The reverse fulfillment order of a return: the sandbox makes one for each."""

    id: int
    owner: Return

    @property
    def status(self) -> str:
        return {"OPEN": "OPEN", "CANCELED": "CANCELED"}.get(self.owner.status, "CLOSED")


class ReverseLine(NamedTuple):
    id: int
    line: ReturnLine


class Payment(NamedTuple):
    """The one payment of an order."""

    id: int
    gateway: str
    kind: str = "SALE"


class Suggestion(NamedTuple):
    order: Order
    amount: Decimal


def _payment(order: Order) -> Payment:
    return Payment(order.id + 1, order.gateway)


def _suggested(order: Order, args: dict[str, Any], call: Call) -> Suggestion:
    asked = args.get("refundLineItems") or []
    units = {number_of(one["lineItemId"], "LineItem"): one["quantity"] for one in asked}
    return Suggestion(order, returning.worth(order, units))


def _transactions(found: Suggestion, args: dict[str, Any], call: Call) -> list[Suggestion]:
    return [found] if found.amount else []


def _reverse_orders(one: Return, args: dict[str, Any], call: Call) -> Page[Reverse]:
    return page([Reverse(one.id + 1, one)], args)


def _reverse_lines(one: Reverse, args: dict[str, Any], call: Call) -> Page[ReverseLine]:
    return page([ReverseLine(line.id + 1, line) for line in one.owner.lines], args)


def _tracking(one: ReverseDelivery) -> Payload | None:
    return {"carrierName": None, "number": one.number, "url": one.url} if one.number or one.url else None


RETURN_FIELDS: dict[str, Resolver] = {
    "Order.returns": lambda order, args, call: page(order.returns, args),
    "Order.refunds": lambda order, args, call: order.refunds[: args.get("first")],
    "Order.returnStatus": lambda order, args, call: returning.status_of(order),
    "Order.netPaymentSet": lambda order, args, call: Bag(returning.net_payment(order), order),
    "Order.suggestedRefund": _suggested,
    "LineItem.refundableQuantity": lambda line, args, call: line.current_quantity,
    "SuggestedRefund.amountSet": lambda found, args, call: Bag(found.amount, found.order),
    "SuggestedRefund.suggestedTransactions": _transactions,
    "SuggestedOrderTransaction.amountSet": lambda found, args, call: Bag(found.amount, found.order),
    "SuggestedOrderTransaction.gateway": lambda found, args, call: found.order.gateway,
    "SuggestedOrderTransaction.kind": lambda found, args, call: "SUGGESTED_REFUND",
    "SuggestedOrderTransaction.parentTransaction": lambda found, args, call: _payment(found.order),
    "Refund.refundLineItems": lambda one, args, call: page(one.lines, args),
    "Refund.totalRefundedSet": lambda one, args, call: Bag(one.amount, _order_of(one, call)),
    "Return.totalQuantity": lambda one, args, call: sum(line.quantity for line in one.lines),
    "Return.exchangeLineItems": lambda one, args, call: page(one.exchanged, args),
    "Return.returnLineItems": lambda one, args, call: page(one.lines, args),
    "Return.reverseFulfillmentOrders": _reverse_orders,
    "ReturnLineItem.processedQuantity": lambda line, args, call: line.processed,
    "ReturnLineItem.unprocessedQuantity": lambda line, args, call: line.quantity - line.processed,
    "ReturnLineItem.refundedQuantity": lambda line, args, call: line.refunded,
    "ReturnLineItem.fulfillmentLineItem": lambda line, args, call: line.part,
    "ReverseFulfillmentOrder.lineItems": _reverse_lines,
    "ReverseFulfillmentOrder.reverseDeliveries": lambda one, args, call: page(one.owner.deliveries, args),
    "ReverseFulfillmentOrderLineItem.totalQuantity": lambda one, args, call: one.line.quantity,
    "ReverseFulfillmentOrderLineItem.fulfillmentLineItem": lambda one, args, call: one.line.part,
    "ReverseDelivery.deliverable": lambda one, args, call: one,
    "ReverseDeliveryShippingDeliverable.tracking": lambda one, args, call: _tracking(one),
    "ReverseDeliveryShippingDeliverable.label": lambda one, args, call: (
        {"publicFileUrl": one.label_url} if one.label_url else None
    ),
    "ReverseDeliveryLabelV2.publicFileUrl": lambda one, args, call: one["publicFileUrl"],
    "ReverseDeliveryTrackingV2.carrierName": lambda one, args, call: one["carrierName"],
    "ReverseDeliveryTrackingV2.number": lambda one, args, call: one["number"],
    "ReverseDeliveryTrackingV2.url": lambda one, args, call: one["url"],
}


def _order_of(refund: Any, call: Call) -> Order:
    return next(order for order in call.shop.orders.values() if refund in order.refunds)


def _order(call: Call, text: str) -> Order:
    order = call.shop.orders.get(number_of(text, "Order"))
    if order is None:
        raise Refusal(["orderId"], "Order does not exist", "NOT_FOUND")
    return order


def _return(call: Call, text: str, field: str) -> Return:
    number = number_of(text, "Return")
    found = next((one for order in call.shop.orders.values() for one in order.returns if one.id == number), None)
    if found is None:
        raise Refusal([field], "Return does not exist.", "NOT_FOUND")
    return found


def return_create(args: Payload, call: Call) -> Payload:
    given = args["returnInput"]
    asked = [
        (
            number_of(one["fulfillmentLineItemId"], "FulfillmentLineItem"),
            one["quantity"],
            one.get("returnReasonNote") or "",
        )
        for one in given["returnLineItems"]
    ]
    return {"return": returning.open_return(call.shop, _order(call, given["orderId"]), asked)}


def reverse_delivery_create(args: Payload, call: Call) -> Payload:
    number = number_of(args["reverseFulfillmentOrderId"], "ReverseFulfillmentOrder")
    owners = (one for order in call.shop.orders.values() for one in order.returns if one.id + 1 == number)
    target = next(owners, None)
    if target is None:
        raise Refusal(["reverseFulfillmentOrderId"], "must exist", "NOT_FOUND")
    units = {
        number_of(one["reverseFulfillmentOrderLineItemId"], "ReverseFulfillmentOrderLineItem") - 1: one["quantity"]
        for one in args["reverseDeliveryLineItems"]
    }
    tracking, label = args.get("trackingInput") or {}, args.get("labelInput") or {}
    made = returning.attach(call.shop, target, units, tracking.get("number"), tracking.get("url"), label.get("fileUrl"))
    return {"reverseDelivery": made}


def return_process(args: Payload, call: Call) -> Payload:
    given = args["input"]
    target = _return(call, given["returnId"], "returnId")
    units, restocked = Counter[int](), Counter[tuple[int, int]]()
    for one in given.get("returnLineItems") or ():
        line_id = number_of(one["id"], "ReturnLineItem")
        units[line_id] += one["quantity"]
        for each in one.get("dispositions") or ():
            if each["dispositionType"] == "RESTOCKED":
                restocked[line_id, _place(target, each.get("locationId"))] += each["quantity"]
    transfer = (given.get("financialTransfer") or {}).get("issueRefund") or {}
    paid = transfer.get("orderTransactions") or []
    for one in paid:
        _refuse_parent(target.order, one["parentId"])
    amount = sum((Decimal(str(one["transactionAmount"]["amount"])) for one in paid), ZERO)
    returning.process(call.shop, target, units, restocked, amount, given.get("note"))
    return {"return": target}


def _place(target: Return, text: str | None) -> int:
    """From where the goods left, unless another one is named."""
    return number_of(text, "Location") if text else target.order.fulfillments[0].location_id


def return_close(args: Payload, call: Call) -> Payload:
    target = _return(call, args["id"], "id")
    returning.close(call.shop, target)
    return {"return": target}


def refund_create(args: Payload, call: Call) -> Payload:
    given = args["input"]
    order = _order(call, given["orderId"])
    for one in given.get("transactions") or ():
        _refuse_parent(order, one.get("parentId"))
    kinds = {one.get("restockType") or "NO_RESTOCK" for one in given.get("refundLineItems") or ()}
    if len(kinds) > 1:
        raise Problem("The sandbox takes one restock type for a refund.", "BAD_REQUEST")
    units: Counter[int] = Counter()
    for one in given.get("refundLineItems") or ():
        units[number_of(one["lineItemId"], "LineItem")] += one["quantity"]
    amount = sum((_amount(one["amount"]) for one in given.get("transactions") or ()), ZERO)
    kind = next(iter(kinds), "NO_RESTOCK")
    done = changing.refund(call.shop, order, units, kind, amount, given.get("note"))
    return {"refund": done, "order": order}


def _amount(text: Any) -> Decimal:
    try:
        return Decimal(str(text))
    except InvalidOperation as error:
        raise Problem(f"Invalid amount {text}", "INVALID_VARIABLE") from error


def _refuse_parent(order: Order, parent: str | None) -> None:
    if parent is None or number_of(parent, "OrderTransaction") != _payment(order).id:
        raise Refusal(["transactions"], "Transactions require a parent_id associated with the order")


def order_update(args: Payload, call: Call) -> Payload:
    given = args["input"]
    order = call.shop.orders.get(number_of(given["id"], "Order"))
    if order is None:
        raise Refusal(["id"], "Order does not exist")
    if "note" in given:
        order.note = given["note"]
    if "tags" in given:
        order.tags = list(given["tags"] or [])
    call.shop.touch(order)
    call.shop.tell_order(order, "ORDERS_UPDATED")
    return {"order": order}


def customer_update(args: Payload, call: Call) -> Payload:
    """The note of a customer is on each of the orders."""
    given = args["input"]
    number = number_of(given["id"], "Customer")
    own = [order for order in call.shop.orders.values() if order.customer_id == number]
    if not own:
        raise Refusal(["id"], "Customer does not exist")
    for order in own:
        order.customer_note = given.get("note")
    return {"customer": None}
