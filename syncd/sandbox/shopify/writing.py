"""The root of every mutation: arguments are taken apart, the rules are in `fulfilling`, `holding` and `changing`.

A refusal becomes a user error and everything else in the payload is null.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from syncd.sandbox.shopify import changing, fulfilling, holding, return_fields, stock_fields, subscribing
from syncd.sandbox.shopify.call import Call
from syncd.sandbox.shopify.fields import Resolver
from syncd.sandbox.shopify.problems import Refusal
from syncd.sandbox.shopify.reading import number_of
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.state import Fulfillment, FulfillmentOrder, Hold
from syncd.sandbox.shopify.views import Job

Payload = dict[str, Any]
JOB_S = 1.0
_MISSING_FULFILLMENT_ORDER = "Fulfillment order does not exist."


def _mutation(write: Callable[[dict[str, Any], Call], Payload], errors: str = "userErrors") -> Resolver:
    def resolved(source: None, args: dict[str, Any], call: Call) -> Payload:
        try:
            return {"userErrors": [], "orderCancelUserErrors": [], **write(args, call)}
        except Refusal as refusal:
            problem = {"field": refusal.field, "message": refusal.message, "code": refusal.code}
            return {"userErrors": [], "orderCancelUserErrors": [], errors: [problem]}

    return resolved


def _once(name: str, write: Callable[[dict[str, Any], Call], Payload]) -> Callable[[dict[str, Any], Call], Payload]:
    """Of the mutations that demand `@idempotent`."""
    return lambda args, call: call.shop.keys.once(call.keys.get(name), name, args, lambda: write(args, call))


def _fulfillment_create(args: dict[str, Any], call: Call) -> Payload:
    given = args["fulfillment"]
    asked = [
        (
            number_of(entry["fulfillmentOrderId"], "FulfillmentOrder"),
            _units(entry.get("fulfillmentOrderLineItems")),
        )
        for entry in given["lineItemsByFulfillmentOrder"]
    ]
    tracking = fulfilling.tracking_rows(given.get("trackingInfo"))
    return {"fulfillment": fulfilling.create(call.shop, asked, tracking, bool(given.get("notifyCustomer")))}


def _units(entries: list[dict[str, Any]] | None) -> list[tuple[int, int]] | None:
    if entries is None:
        return None
    return [(number_of(entry["id"], "FulfillmentOrderLineItem"), entry["quantity"]) for entry in entries]


def _tracking_update(args: dict[str, Any], call: Call) -> Payload:
    fulfillment = _fulfillment(call.shop, args["fulfillmentId"], ["fulfillmentId"], "Fulfillment does not exist.")
    tracking = fulfilling.tracking_rows(args["trackingInfoInput"])
    fulfilling.update_tracking(call.shop, fulfillment, tracking, bool(args.get("notifyCustomer")))
    return {"fulfillment": fulfillment}


def _fulfillment_cancel(args: dict[str, Any], call: Call) -> Payload:
    fulfillment = _fulfillment(call.shop, args["id"], ["id"], "Fulfillment not found.")
    fulfilling.cancel(call.shop, fulfillment)
    return {"fulfillment": fulfillment}


def _event_create(args: dict[str, Any], call: Call) -> Payload:
    given = args["fulfillmentEvent"]
    field = ["fulfillmentEvent", "fulfillmentId"]
    fulfillment = _fulfillment(call.shop, given["fulfillmentId"], field, "Fulfillment does not exist.")
    return {"fulfillmentEvent": fulfilling.tell_event(call.shop, fulfillment, given)}


def _fulfillment(shop: Shop, text: str, field: list[str], message: str) -> Fulfillment:
    found = shop.fulfillments.get(number_of(text, "Fulfillment"))
    if found is None:
        raise Refusal(field, message)
    return found


def _fulfillment_order(shop: Shop, text: str, code: str | None) -> FulfillmentOrder:
    found = shop.fulfillment_orders.get(number_of(text, "FulfillmentOrder"))
    if found is None:
        raise Refusal(["id"], _MISSING_FULFILLMENT_ORDER, code)
    return found


def _hold(args: dict[str, Any], call: Call) -> Payload:
    target = _fulfillment_order(call.shop, args["id"], "FULFILLMENT_ORDER_NOT_FOUND")
    given = args["fulfillmentHold"]
    new = Hold(
        call.shop.ids.next(),
        given["reason"],
        given.get("reasonNotes"),
        given.get("handle"),
        given.get("externalId"),
        True,
    )
    rest = holding.hold(call.shop, target, new, _units(given.get("fulfillmentOrderLineItems")) or [])
    return {"fulfillmentHold": new, "fulfillmentOrder": target, "remainingFulfillmentOrder": rest}


def _release(args: dict[str, Any], call: Call) -> Payload:
    target = _fulfillment_order(call.shop, args["id"], "FULFILLMENT_ORDER_NOT_FOUND")
    given = args.get("holdIds")
    hold_ids = None if given is None else [number_of(text, "FulfillmentHold") for text in given]
    holding.release(call.shop, target, hold_ids, args.get("externalId"))
    return {"fulfillmentOrder": target}


def _move(args: dict[str, Any], call: Call) -> Payload:
    target = _fulfillment_order(call.shop, args["id"], None)
    units = _units(args.get("fulfillmentOrderLineItems")) or []
    moved = holding.move(call.shop, target, number_of(args["newLocationId"], "Location"), units)
    rest = None if moved is target else target
    return {"movedFulfillmentOrder": moved, "originalFulfillmentOrder": target, "remainingFulfillmentOrder": rest}


def _order_cancel(args: dict[str, Any], call: Call) -> Payload:
    """Asynchronous: the payload only names a job."""
    shop = call.shop
    order = shop.orders.get(number_of(args["orderId"], "Order"))
    if order is None:
        raise Refusal(["orderId"], "Order does not exist", "NOT_FOUND")
    changing.refuse_cancel(order)
    refunds = bool((args.get("refundMethod") or {}).get("originalPaymentMethodsRefund"))
    job = Job(f"gid://shopify/Job/{shop.rng.getrandbits(128):032x}", "STARTED", order)
    shop.jobs[job.id] = job
    shop.later(JOB_S, partial(_finish_cancel, shop, job, args["reason"], refunds))
    return {"job": job, "jobResult": job}


def _finish_cancel(shop: Shop, job: Job, reason: str, refunds: bool) -> None:
    """It fails when the order was fulfilled or cancelled meanwhile."""
    try:
        changing.cancel(shop, job.order, reason, refunds)
        shop.jobs[job.id] = job._replace(status="SUCCEEDED")
    except Refusal as refusal:
        error = {"field": refusal.field, "message": refusal.message, "code": refusal.code}
        shop.jobs[job.id] = job._replace(status="FAILED", errors=(error,))


def _tags(adds: bool) -> Callable[[dict[str, Any], Call], Payload]:
    def write(args: dict[str, Any], call: Call) -> Payload:
        order = call.shop.orders.get(number_of(args["id"], "Order"))
        if order is None:
            raise Refusal(["id"], "Order does not exist")
        given = [tag.strip() for text in args["tags"] for tag in text.split(",") if tag.strip()]
        known = {tag.casefold() for tag in order.tags}
        if adds:
            fresh = {tag.casefold(): tag for tag in given if tag.casefold() not in known}
            tags = [*order.tags, *fresh.values()]
        else:
            gone = {tag.casefold() for tag in given}
            tags = [tag for tag in order.tags if tag.casefold() not in gone]
        if tags != order.tags:
            order.tags = tags
            call.shop.touch(order)
            call.shop.tell_order(order, "ORDERS_UPDATED")
        return {"node": order}

    return write


def _subscribe(args: dict[str, Any], call: Call) -> Payload:
    new = subscribing.subscribe(call.shop, args["topic"], args["webhookSubscription"], call.version, call.granted)
    return {"webhookSubscription": new}


def _unsubscribe(args: dict[str, Any], call: Call) -> Payload:
    if call.shop.outbox.unsubscribe(number_of(args["id"], "WebhookSubscription")) is None:
        raise Refusal(["id"], "Webhook subscription does not exist")
    return {"deletedWebhookSubscriptionId": args["id"]}


ROOT_WRITES: dict[str, Resolver] = {
    "Mutation.fulfillmentCreate": _mutation(_fulfillment_create),
    "Mutation.fulfillmentTrackingInfoUpdate": _mutation(_tracking_update),
    "Mutation.fulfillmentEventCreate": _mutation(_event_create),
    "Mutation.fulfillmentCancel": _mutation(_fulfillment_cancel),
    "Mutation.fulfillmentOrderHold": _mutation(_hold),
    "Mutation.fulfillmentOrderReleaseHold": _mutation(_release),
    "Mutation.fulfillmentOrderMove": _mutation(_move),
    "Mutation.inventorySetQuantities": _mutation(_once("inventorySetQuantities", stock_fields.set_quantities)),
    "Mutation.customerUpdate": _mutation(return_fields.customer_update),
    "Mutation.orderUpdate": _mutation(return_fields.order_update),
    "Mutation.refundCreate": _mutation(_once("refundCreate", return_fields.refund_create)),
    "Mutation.returnClose": _mutation(return_fields.return_close),
    "Mutation.returnCreate": _mutation(return_fields.return_create),
    "Mutation.returnProcess": _mutation(return_fields.return_process),
    "Mutation.reverseDeliveryCreateWithShipping": _mutation(return_fields.reverse_delivery_create),
    "Mutation.orderCancel": _mutation(_order_cancel, errors="orderCancelUserErrors"),
    "Mutation.tagsAdd": _mutation(_tags(adds=True)),
    "Mutation.tagsRemove": _mutation(_tags(adds=False)),
    "Mutation.webhookSubscriptionCreate": _mutation(_subscribe),
    "Mutation.webhookSubscriptionDelete": _mutation(_unsubscribe),
}
