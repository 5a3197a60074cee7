"""Returns and refunds in the Shopify sandbox: what may come back, what may be refunded, and how the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.shopify_caller import Caller, gid, order_body

READ = """query($id: ID!, $lines: [RefundLineItemInput!]) { order(id: $id) { returnStatus
  netPaymentSet { shopMoney { amount } }
  suggestedRefund(refundLineItems: $lines) { amountSet { shopMoney { amount } }
    suggestedTransactions { gateway kind amountSet { shopMoney { amount } } parentTransaction { id } } }
  refunds(first: 5) { id note totalRefundedSet { shopMoney { amount } } }
  lineItems(first: 5) { nodes { id refundableQuantity } }
  fulfillments(first: 5) { fulfillmentLineItems(first: 5) { nodes { id lineItem { id } } } }
  returns(first: 5) { nodes { id status
    returnLineItems(first: 5) { nodes { id quantity processedQuantity returnReasonNote
      ... on ReturnLineItem { fulfillmentLineItem { lineItem { id } } } } }
    reverseFulfillmentOrders(first: 5) { nodes { id lineItems(first: 5) { nodes { id totalQuantity } }
      reverseDeliveries(first: 5) { nodes { deliverable { ... on ReverseDeliveryShippingDeliverable {
        tracking { number } label { publicFileUrl } } } } } } } } } } }"""
OPEN = """mutation($r: ReturnInput!) { returnCreate(returnInput: $r) { return { id } userErrors { message code } } }"""
ATTACH = """mutation($id: ID!, $t: ReverseDeliveryTrackingInput, $l: ReverseDeliveryLabelInput) {
  reverseDeliveryCreateWithShipping(reverseFulfillmentOrderId: $id, reverseDeliveryLineItems: [], trackingInput: $t,
    labelInput: $l, notifyCustomer: false) { reverseDelivery { id } userErrors { message code } } }"""
PROCESS = """mutation($i: ReturnProcessInput!) {
  returnProcess(input: $i) { return { status } userErrors { message code } } }"""
CLOSE = """mutation($id: ID!) { returnClose(id: $id) { return { status } userErrors { message } } }"""
REFUND = """mutation($i: RefundInput!, $k: String!) { refundCreate(input: $i) @idempotent(key: $k) {
  refund { id } userErrors { field message } } }"""


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def order_id(caller: Caller) -> int:
    """Two mugs at 9.50 and three cups at 4.00, paid and sent in one package."""
    sold: int = caller.world.control("import_order", {"body": order_body()})
    caller.fulfill(sold)
    return sold


def seen(caller: Caller, order_id: int, **units: int) -> Any:
    lines = [{"lineItemId": gid("LineItem", int(line[1:])), "quantity": count} for line, count in units.items()]
    return caller.data(READ, id=gid("Order", order_id), lines=lines)["order"]


def mug(caller: Caller, order_id: int) -> int:
    return int(caller.order(order_id)["lines"][0]["id"])


def opened(caller: Caller, order_id: int, quantity: int = 2, package: int = 0) -> Any:
    part = seen(caller, order_id)["fulfillments"][package]["fulfillmentLineItems"]["nodes"][0]["id"]
    line = {"fulfillmentLineItemId": part, "quantity": quantity, "returnReason": "UNKNOWN", "returnReasonNote": "R1"}
    given = {"orderId": gid("Order", order_id), "returnLineItems": [line]}
    return caller.data(OPEN, r=given)["returnCreate"]


def refund(caller: Caller, order_id: int, amount: str, key: str = "k", quantity: int = 1) -> Any:
    given = {
        "orderId": gid("Order", order_id),
        "note": "R1",
        "refundLineItems": [
            {"lineItemId": gid("LineItem", mug(caller, order_id)), "quantity": quantity, "restockType": "RETURN"}
        ],
        "transactions": [
            {
                "orderId": gid("Order", order_id),
                "parentId": gid("OrderTransaction", order_id + 1),
                "kind": "REFUND",
                "gateway": "shopify_payments",
                "amount": amount,
            }
        ],
    }
    return caller.data(REFUND, i=given, k=key)["refundCreate"]


def test_a_return_is_opened_labelled_received_refunded_and_closed(caller: Caller, order_id: int) -> None:
    return_gid = opened(caller, order_id)["return"]["id"]
    (found,) = seen(caller, order_id)["returns"]["nodes"]
    (reverse,) = found["reverseFulfillmentOrders"]["nodes"]
    caller.data(ATTACH, id=reverse["id"], t={"number": "9400"}, l={"fileUrl": "https://labels.test/1.pdf"})
    after = seen(caller, order_id)
    (delivery,) = after["returns"]["nodes"][0]["reverseFulfillmentOrders"]["nodes"][0]["reverseDeliveries"]["nodes"]
    assert delivery["deliverable"] == {
        "tracking": {"number": "9400"},
        "label": {"publicFileUrl": "https://labels.test/1.pdf"},
    }
    assert after["returnStatus"] == "IN_PROGRESS"
    (line,) = found["returnLineItems"]["nodes"]
    given = {
        "returnId": return_gid,
        "returnLineItems": [{"id": line["id"], "quantity": 2}],
        "financialTransfer": {
            "issueRefund": {
                "orderTransactions": [
                    {
                        "parentId": gid("OrderTransaction", order_id + 1),
                        "transactionAmount": {"amount": "19.00", "currencyCode": "USD"},
                    }
                ]
            }
        },
    }
    assert caller.data(PROCESS, i=given)["returnProcess"]["userErrors"] == []
    again = caller.data(PROCESS, i=given)["returnProcess"]["userErrors"]
    assert again[0]["message"] == "Return line item has an invalid quantity."
    assert caller.data(CLOSE, id=return_gid)["returnClose"]["return"] == {"status": "CLOSED"}
    assert seen(caller, order_id)["returnStatus"] == "RETURNED"
    assert caller.order(order_id)["refunded"] == "19.0"


def test_only_units_that_left_and_are_in_no_other_return_come_back(caller: Caller, order_id: int) -> None:
    opened(caller, order_id)
    assert opened(caller, order_id, 1)["userErrors"][0]["message"] == "Return line item has an invalid quantity."


def test_what_left_in_another_package_comes_back_after_the_first_was_paid_back(caller: Caller) -> None:
    order_id: int = caller.world.control("import_order", {"body": order_body()})
    for _ in range(2):
        caller.fulfill(order_id, {mug(caller, order_id): 1})
    return_gid = opened(caller, order_id, 1)["return"]["id"]
    (line,) = seen(caller, order_id)["returns"]["nodes"][0]["returnLineItems"]["nodes"]
    amount = {"amount": "9.50", "currencyCode": "USD"}
    transfer = {"parentId": gid("OrderTransaction", order_id + 1), "transactionAmount": amount}
    given = {
        "returnId": return_gid,
        "returnLineItems": [{"id": line["id"], "quantity": 1}],
        "financialTransfer": {"issueRefund": {"orderTransactions": [transfer]}},
    }
    assert caller.data(PROCESS, i=given)["returnProcess"]["userErrors"] == []
    assert opened(caller, order_id, 1)["userErrors"] != []
    assert opened(caller, order_id, 1, package=1)["userErrors"] == []


def test_a_refund_of_what_was_paid_and_never_more(caller: Caller, order_id: int) -> None:
    line = mug(caller, order_id)
    suggested = seen(caller, order_id, **{f"_{line}": 1})["suggestedRefund"]
    assert suggested["amountSet"]["shopMoney"]["amount"] == "9.5"
    assert suggested["suggestedTransactions"][0]["parentTransaction"]["id"] == gid("OrderTransaction", order_id + 1)
    paid = seen(caller, order_id)["netPaymentSet"]["shopMoney"]["amount"]
    refused = refund(caller, order_id, "1000.00")["userErrors"][0]["message"]
    assert refused == f"Refund amount $1000.00 is greater than net payment received ${paid}0"
    assert refund(caller, order_id, "9.50", "other")["userErrors"] == []
    assert seen(caller, order_id)["lineItems"]["nodes"][0]["refundableQuantity"] == 1


def test_a_refund_is_made_once_for_each_key(caller: Caller, order_id: int) -> None:
    assert refund(caller, order_id, "9.50") == refund(caller, order_id, "9.50")
    assert len(seen(caller, order_id)["refunds"]) == 1
    other = refund(caller, order_id, "9.00")["userErrors"][0]["message"]
    assert "different operation parameters" in other
    refund(caller, order_id, "9.50", "second")
    third = refund(caller, order_id, "9.50", "third")["userErrors"][0]
    assert third["message"] == "Quantity cannot refund more items than were purchased"
    assert len(seen(caller, order_id)["refunds"]) == 2
