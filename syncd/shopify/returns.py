"""Returns and refunds of one store: one look at an order for one return label, and the writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from mappings import canonical
from mappings.decoding import MalformedError, decoded
from mappings.returning_shapes import OrderReturning, ReturnedUnits, ReturningOrder, ShownReturn, Transaction
from mappings.returns import (
    OWN_LINE,
    CloseReturn,
    LabelReturn,
    NoteReturn,
    OpenReturn,
    Payment,
    ProcessReturn,
    RefundReturn,
    Return,
    ReturnPolicy,
    ReturnStep,
    SeenForReturn,
    SeenLine,
    SeenReturn,
    SeenReturnLine,
    SentLine,
)
from mappings.shopify_shapes import number_of, order_gid
from syncd.errors import ConflictError, RejectedError, TransientError, UncertainError
from syncd.shopify import documents
from syncd.shopify.client import ShopifyClient

RETURNING = frozenset({"RETURN_REQUESTED", "IN_PROGRESS"})
RETURNED = frozenset({"RETURNED", "INSPECTION_COMPLETE"})
MOVED = ("more items than", "greater than net payment", "invalid quantity", "status is invalid")
"""Words of refusals that say: it is not any more as it was when we looked."""


async def order_returning(
    client: ShopifyClient, order_id: int, one: Return, policy: ReturnPolicy
) -> tuple[ReturningOrder, SeenForReturn] | None:
    """The order as the store shows it, and what the decision needs of it. None when it does not show it. Raises
    `TransientError` for what cannot be read whole."""
    lines = one.lines or {}
    kind = "RETURN" if policy.restocks else "NO_RESTOCK"
    variables = {
        "id": order_gid(order_id),
        "lines": [_line_gid(line) for line in lines],
        "units": [{"lineItemId": _line_gid(line), "quantity": n, "restockType": kind} for line, n in lines.items()],
        "asks": bool(lines) and one.received_at is not None and policy.refund != "off",
        "opens": policy.on_label == "return",
        "customer": policy.note_on_customer,
    }
    data = await client.query(documents.ORDER_RETURNING, variables)
    if "order" not in data:
        raise TransientError("malformed", "an answer about returns without its order")
    if data["order"] is None:
        return None
    try:
        found: OrderReturning = decoded(OrderReturning, data)
        return found["order"], _seen(found)
    except MalformedError as error:
        raise TransientError("malformed", f"an order with returns: {error}") from error


def _seen(data: OrderReturning) -> SeenForReturn:
    order = data["order"]
    done = [one for one in order["fulfillments"] if one["status"] == "SUCCESS"]
    returns = order.get("returns") or {"pageInfo": {"hasNextPage": False}, "nodes": []}
    if any(page["pageInfo"]["hasNextPage"] for page in (*(one["fulfillmentLineItems"] for one in done), returns)):
        raise MalformedError("is too long to be read whole")
    suggested, customer = order.get("suggestedRefund"), order.get("customer")
    return SeenForReturn(
        order_gid=order["id"],
        note=order["note"] or "",
        tags=tuple(order["tags"]),
        currency=order["currencyCode"],
        is_foreign=order["currencyCode"] != order["presentmentCurrencyCode"],
        net_payment=Decimal(order["netPaymentSet"]["shopMoney"]["amount"]),
        refund_notes={one["id"]: one["note"] or "" for one in order["refunds"]},
        lines={
            number_of(one["id"]): SeenLine(one["refundableQuantity"], one["unfulfilledQuantity"])
            for one in data["lines"]
            if one
        },
        sent=tuple(
            SentLine(one["id"], number_of(one["lineItem"]["id"]), one["quantity"] or 0, place["id"] if place else None)
            for each in done
            for place in [each["location"]]
            for one in each["fulfillmentLineItems"]["nodes"]
        ),
        returns=tuple(_return(one) for one in returns["nodes"]),
        payments=tuple(_payment(one) for one in suggested["suggestedTransactions"]) if suggested else (),
        customer_gid=customer["id"] if customer else None,
        customer_note=(customer["note"] if customer else None) or "",
        is_returning=order.get("returnStatus") in RETURNING,
        was_returned=order.get("returnStatus") in RETURNED,
        paid_for_nothing=any(
            not one["refundLineItems"]["nodes"] and not OWN_LINE.search(one["note"] or "") for one in order["refunds"]
        ),
    )


def _return(row: ShownReturn) -> SeenReturn:
    if row["returnLineItems"]["pageInfo"]["hasNextPage"]:
        raise MalformedError("is too long to be read whole")
    reverse = row["reverseFulfillmentOrders"]["nodes"]
    parts = {
        one["fulfillmentLineItem"]["id"]: one["id"]
        for each in reverse
        for one in each["lineItems"]["nodes"]
        if one["fulfillmentLineItem"]
    }
    deliveries = [one["deliverable"] for each in reverse for one in each["reverseDeliveries"]["nodes"]]
    tracking = [one["tracking"] for one in deliveries if one and one.get("tracking")]
    numbers = {one["number"] for one in tracking if one}
    fees = [*row["returnShippingFees"], *(one.get("restockingFee") for one in row["returnLineItems"]["nodes"])]
    return SeenReturn(
        row["id"],
        row["status"],
        tuple(_return_line(one, parts) for one in row["returnLineItems"]["nodes"]),
        tuple(one["id"] for one in reverse),
        frozenset(number for number in numbers if number),
        has_terms=any(fees) or bool(row["exchangeLineItems"]["nodes"]),
    )


def _return_line(row: ReturnedUnits, parts: Mapping[str, str]) -> SeenReturnLine:
    sent = row.get("fulfillmentLineItem")
    source = sent["id"] if sent else ""
    return SeenReturnLine(
        row["id"],
        source,
        number_of(sent["lineItem"]["id"]) if sent else 0,
        parts.get(source, ""),
        row["quantity"],
        row["processedQuantity"],
        row["refundedQuantity"],
        row["returnReasonNote"] or "",
    )


def _payment(row: Transaction) -> Payment:
    money = row["amountSet"]["shopMoney"]
    return Payment(
        row["parentTransaction"]["id"], row["gateway"] or "", Decimal(money["amount"]), money["currencyCode"]
    )


def _line_gid(line_id: int) -> str:
    return f"gid://shopify/LineItem/{line_id}"


async def write_return(client: ShopifyClient, step: ReturnStep, leaves_before: datetime) -> str | None:
    """The gid of what was written. `ConflictError`: the order is not any more as it was seen."""
    try:
        return await _write(client, step, leaves_before)
    except RejectedError as error:
        if any(words in error.text for words in MOVED):
            raise ConflictError("order_moved", error.text) from error
        raise


async def _write(client: ShopifyClient, step: ReturnStep, until: datetime) -> str | None:
    match step:
        case NoteReturn():
            return await _note(client, step, until)
        case OpenReturn():
            payload = await client.mutate(documents.OPEN_RETURN, {"input": _opened(step)}, "returnCreate", False, until)
            return _gid(payload, "return")
        case LabelReturn():
            return await _label(client, step, until)
        case RefundReturn():
            payload = await client.mutate(documents.REFUND, _refund(step), "refundCreate", False, until)
            return _gid(payload, "refund")
        case ProcessReturn():
            await client.mutate(documents.PROCESS_RETURN, {"input": _processed(step)}, "returnProcess", False, until)
            return None
        case CloseReturn():
            await client.mutate(documents.CLOSE_RETURN, {"id": step.return_gid}, "returnClose", False, until)
            return None


async def _note(client: ShopifyClient, step: NoteReturn, until: datetime) -> str | None:
    if step.tag:
        await client.mutate(documents.ADD_TAGS, {"id": step.order_gid, "tags": [step.tag]}, "tagsAdd", False, until)
    if step.note is not None:
        note = {"id": step.order_gid, "note": step.note}
        await client.mutate(documents.NOTE_ORDER, {"input": note}, "orderUpdate", False, until)
    if step.customer_gid is not None:
        note = {"id": step.customer_gid, "note": step.customer_note or ""}
        await client.mutate(documents.NOTE_CUSTOMER, {"input": note}, "customerUpdate", False, until)
    return step.order_gid


async def _label(client: ShopifyClient, step: LabelReturn, until: datetime) -> str | None:
    tracking = {name: value for name, value in (("number", step.number), ("url", step.url)) if value}
    variables = {
        "reverse": step.reverse_gid,
        "tracking": tracking or None,
        "label": {"fileUrl": step.label_url} if step.label_url else None,
        "notify": step.notify_customer,
    }
    name = "reverseDeliveryCreateWithShipping"
    return _gid(await client.mutate(documents.LABEL_RETURN, variables, name, False, until), "reverseDelivery")


def _gid(payload: Mapping[str, Any], name: str) -> str:
    found = payload.get(name)
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise UncertainError("no_" + name, "neither an id nor a reason came back")
    return str(found["id"])


def _opened(step: OpenReturn) -> dict[str, Any]:
    reason = {"returnReason": "UNKNOWN", "returnReasonNote": step.marker}
    lines = [{"fulfillmentLineItemId": gid, "quantity": units, **reason} for gid, units in step.lines.items()]
    return {"orderId": step.order_gid, "returnLineItems": lines}


def _refund(step: RefundReturn) -> dict[str, Any]:
    """The key is made of the content, and of how often it was clearly refused: the same refund never counts twice."""
    kind = "RETURN" if step.restocks else "NO_RESTOCK"
    content = {
        "orderId": step.order_gid,
        "note": step.note,
        "notify": step.notify_customer,
        "refundLineItems": [
            {"lineItemId": _line_gid(line), "quantity": units, "restockType": kind}
            for line, units in sorted(step.lines.items())
        ],
        "transactions": [
            {
                "orderId": step.order_gid,
                "parentId": one.parent_gid,
                "kind": "REFUND",
                "gateway": one.gateway,
                "amount": str(one.amount),
            }
            for one in step.payments
        ],
    }
    key = uuid5(NAMESPACE_URL, f"{step.return_key}/{step.attempt}/{canonical.dumps(content)}")
    return {"input": content, "key": str(key)}


def _processed(step: ProcessReturn) -> dict[str, Any]:
    return {
        "returnId": step.return_gid,
        "note": step.note,
        "notifyCustomer": step.notify_customer,
        "returnLineItems": [
            {
                "id": one.gid,
                "quantity": one.units,
                "dispositions": [
                    {
                        "reverseFulfillmentOrderLineItemId": one.reverse_gid,
                        "quantity": one.units,
                        "dispositionType": "RESTOCKED" if one.location_gid else "NOT_RESTOCKED",
                        **({"locationId": one.location_gid} if one.location_gid else {}),
                    }
                ],
            }
            for one in step.lines
        ],
        "financialTransfer": {
            "issueRefund": {
                "orderTransactions": [
                    {
                        "parentId": one.parent_gid,
                        "transactionAmount": {"amount": str(one.amount), "currencyCode": one.currency},
                    }
                    for one in step.payments
                ]
            }
        },
    }
