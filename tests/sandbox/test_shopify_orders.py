"""Orders in the sandbox's Shopify: made up, taken from real bodies, paid, cancelled, refunded, edited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syncd.shopify import documents
from tests.sandbox.shopify_caller import PLAIN, SHOP, Caller, Document, gid, line_body, live, order_body

BODIES = "payloads/shopify-orders"


def imported(caller: Caller, **fields: Any) -> Document:
    return caller.order(caller.world.control("import_order", {"body": order_body(**fields)}))


def to_ship(caller: Caller, order_id: int) -> Document:
    found: Document = caller.data(documents.ORDERS_TO_SHIP, ids=[gid("Order", order_id)])["nodes"][0]
    return found


def units_left(order: Document) -> list[int]:
    return [line["remaining"] for line in order["lines"]]


def test_the_same_seed_sells_the_same_orders() -> None:
    states = []
    for _ in range(2):
        caller = Caller(seed=3)
        caller.world.control("sell", {"count": 30})
        caller.world.control("sell", {"count": 30, "seed": 8, "over_s": 600})
        caller.wait(700)
        states.append(caller.world.control("state", {}))
    assert states[0] == states[1]
    assert len(states[0]["shops"][SHOP]["orders"]) == 60


def test_the_usual_mixture_has_something_of_everything() -> None:
    caller = Caller(plan="plus")
    order_ids = caller.world.control("sell", {"count": 600, "seed": 1})
    caller.wait(120)
    orders = [
        order
        for start in range(0, 600, 50)
        for order in caller.data(
            documents.ORDERS_TO_SHIP, ids=[gid("Order", n) for n in order_ids[start : start + 50]]
        )["nodes"]
    ]
    assert {"PAID", "PENDING", "AUTHORIZED", "PARTIALLY_PAID"} <= {order["displayFinancialStatus"] for order in orders}
    methods = {part["deliveryMethod"]["methodType"] for order in orders for part in order["fulfillmentOrders"]["nodes"]}
    assert {"SHIPPING", "NONE", "PICK_UP"} <= methods
    assert {"ACCEPT", "INVESTIGATE", "CANCEL"} == {order["risk"]["recommendation"] for order in orders}
    assert {len(order["fulfillmentOrders"]["nodes"]) for order in orders} >= {1, 2, 3}
    lines = [line for order in orders for line in order["lineItems"]["nodes"]]
    assert {line["quantity"] for line in lines} == {1, 2, 3, 4, 5}
    assert any(line["variant"] is None for line in lines)
    assert any(line["sku"] is None and line["variant"] for line in lines)
    assert any(line["customAttributes"] for line in lines)
    assert any(order["shippingAddress"] and order["shippingAddress"]["countryCodeV2"] == "JP" for order in orders)
    assert any(part["internationalDuties"] for order in orders for part in order["fulfillmentOrders"]["nodes"])
    assert any(order["test"] for order in orders)


def test_units_in_fulfillment_orders_are_the_units_that_were_sold() -> None:
    caller = Caller()
    caller.world.control("sell", {"count": 200, "seed": 2})
    caller.wait(120)
    for order in caller.world.control("state", {})["shops"][SHOP]["orders"]:
        for line in order["lines"]:
            assert line["fulfilled"] + line["remaining"] == line["quantity"]


def test_fulfillment_orders_and_risk_come_after_the_order() -> None:
    caller = Caller(routing_delay_s=(30, 30), risk_delay_s=(60, 60))
    order_id = caller.world.control("sell", {"mix": PLAIN | {"high_risk": 1}})[0]
    assert to_ship(caller, order_id)["fulfillmentOrders"]["nodes"] == []
    assert to_ship(caller, order_id)["risk"]["assessments"] == [{"riskLevel": "PENDING"}]
    caller.wait(30)
    assert len(to_ship(caller, order_id)["fulfillmentOrders"]["nodes"]) == 1
    caller.wait(30)
    assert to_ship(caller, order_id)["risk"] == {"recommendation": "CANCEL", "assessments": [{"riskLevel": "HIGH"}]}


def test_gift_cards_are_delivered_by_shopify_itself() -> None:
    caller = Caller()
    order = caller.order(caller.sell(mix={"gift_card": 1})[0])
    assert (order["fulfillmentStatus"], order["lines"][0]["isGiftCard"]) == ("FULFILLED", True)


def test_a_wrong_feature_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="There is no feature nonsense"):
        Caller().world.control("sell", {"mix": {"nonsense": 1}})


def test_all_recorded_orders_come_in_and_can_be_read(shared: Path) -> None:
    caller = Caller(plan="plus")
    bodies = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((shared / BODIES).glob("*.json"))]
    assert len(bodies) == 39
    order_ids = [caller.world.control("import_order", {"body": body}) for body in bodies]
    read = caller.data(documents.ORDERS_TO_SHIP, ids=[gid("Order", order_id) for order_id in order_ids])["nodes"]
    assert [len(order["lineItems"]["nodes"]) for order in read] == [len(body["line_items"]) for body in bodies]
    for body, order in zip(bodies, read, strict=True):
        assert (order["cancelledAt"] is None) == (body["cancelled_at"] is None)
        assert order["test"] is bool(body.get("test"))
        if str(body["financial_status"]).isidentifier():
            assert order["displayFinancialStatus"] == body["financial_status"].upper()


@pytest.mark.parametrize(
    ("name", "summary", "left", "status"),
    [
        ("aud-local-pickup-paypal", "UNFULFILLED", [1], "PAID"),
        ("eur-partial-two-fulfillments-2017", "PARTIALLY_FULFILLED", [0, 2], "PAID"),
        ("eur-partial-refund-three-fulfillments-2017", "FULFILLED", [0, 0], "PARTIALLY_REFUNDED"),
        ("inr-thirty-lines-fulfilled", "FULFILLED", [0] * 30, "PAID"),
        ("usd-fully-refunded-two-refunds-removed-lines", "FULFILLED", [0, 0], "REFUNDED"),
        ("usd-gift-card-auto-fulfilled-partial", "PARTIALLY_FULFILLED", None, "PAID"),
        ("usd-partial-refund-removed-line", "FULFILLED", [0, 0], "PARTIALLY_REFUNDED"),
        ("cop-test-notification-es", "FULFILLMENT_NOT_REQUIRED", [0, 0, 0], "VOIDED"),
        ("shape-12-lines-anonymised", None, None, "PENDING"),
    ],
)
def test_a_recorded_order_keeps_its_state(
    shared: Path, name: str, summary: str | None, left: list[int] | None, status: str
) -> None:
    caller = Caller()
    body = json.loads((shared / BODIES / f"shopify-order-{name}.json").read_text(encoding="utf-8"))
    order = caller.order(caller.world.control("import_order", {"body": body}))
    assert order["financialStatus"] == status
    assert summary in (None, order["fulfillmentStatus"])
    assert left is None or units_left(order) == left


def test_pickup_is_known_by_its_shipping_line_and_a_missing_address_is_not_pickup(shared: Path) -> None:
    caller = Caller()
    methods = []
    for name in ("aud-local-pickup-paypal", "cad-free-shipping-no-address", "jpy-draft-no-shipping-required"):
        body = json.loads((shared / BODIES / f"shopify-order-{name}.json").read_text(encoding="utf-8"))
        order = caller.order(caller.world.control("import_order", {"body": body}))
        methods.append(order["fulfillmentOrders"][0]["deliveryMethod"])
    assert methods == ["PICK_UP", "SHIPPING", "NONE"]


def test_an_imported_fulfillment_can_be_cancelled() -> None:
    caller = Caller()
    fulfillments = [{"id": 77, "status": "success", "tracking_number": "1Z", "line_items": [{"id": 5, "quantity": 2}]}]
    order = imported(caller, line_items=[line_body(3, id=5)], fulfillments=fulfillments)
    assert units_left(order) == [1]
    caller.data('mutation { fulfillmentCancel(id: "gid://shopify/Fulfillment/77") { userErrors { message } } }')
    assert units_left(caller.order(order["id"])) == [3]


def test_an_unpaid_order_is_paid_once() -> None:
    caller = Caller()
    order = imported(caller, financial_status="pending")
    caller.world.control("pay", {"order": order["name"]})
    read = to_ship(caller, order["id"])
    assert read["displayFinancialStatus"] == "PAID"
    assert read["totalReceivedSet"] == read["currentTotalPriceSet"]
    with pytest.raises(ValueError, match="already paid"):
        caller.world.control("pay", {"order": order["id"]})


@pytest.mark.parametrize(("before", "after"), [("paid", "REFUNDED"), ("pending", "VOIDED"), ("authorized", "VOIDED")])
def test_a_cancelled_order_has_nothing_left_to_do(before: str, after: str) -> None:
    caller = Caller()
    order = imported(caller, financial_status=before)
    caller.world.control("cancel", {"order": order["id"], "reason": "FRAUD"})
    order = caller.order(order["id"])
    assert (order["financialStatus"], order["closed"], live(order)) == (after, True, [])
    assert [part["lines"][0]["total"] for part in order["fulfillmentOrders"]] == [0]
    assert [line["quantity"] for line in order["lines"]] == [2, 3]


def test_an_order_with_standing_fulfillments_cannot_be_cancelled() -> None:
    caller = Caller()
    order = imported(caller)
    caller.fulfill(order["id"], {order["lines"][0]["id"]: 1})
    with pytest.raises(ValueError, match="outstanding fulfillments"):
        caller.world.control("cancel", {"order": order["id"]})


def test_the_app_cancels_by_a_job() -> None:
    caller = Caller()
    order = imported(caller)
    mutation = """mutation C($id: ID!) { orderCancel(orderId: $id, reason: CUSTOMER, restock: true,
        refundMethod: {originalPaymentMethodsRefund: true}) { job { id done } jobResult { status } orderCancelUserErrors { code message } } }"""
    payload = caller.data(mutation, id=gid("Order", order["id"]))["orderCancel"]
    assert (payload["job"]["done"], payload["jobResult"]["status"]) == (False, "STARTED")
    assert caller.order(order["id"])["cancelledAt"] is None
    caller.wait(2)
    assert caller.order(order["id"])["financialStatus"] == "REFUNDED"
    assert caller.data("query J($id: ID!) { job(id: $id) { done } }", id=payload["job"]["id"]) == {
        "job": {"done": True}
    }
    again = caller.data(mutation, id=gid("Order", order["id"]))["orderCancel"]
    assert again["orderCancelUserErrors"][0]["code"] == "INVALID"


def test_a_refund_of_units_takes_them_out_of_the_work() -> None:
    caller = Caller()
    order = imported(caller)
    caller.world.control("refund", {"order": order["id"], "lines": {order["lines"][1]["id"]: 2}})
    order = caller.order(order["id"])
    assert (order["financialStatus"], units_left(order)) == ("PARTIALLY_REFUNDED", [2, 1])
    assert [(line["quantity"], line["currentQuantity"]) for line in order["lines"]] == [(2, 2), (3, 1)]


def test_a_refund_of_money_leaves_every_unit_to_be_shipped() -> None:
    caller = Caller()
    order = imported(caller)
    caller.world.control("refund", {"order": order["id"], "amount": "5.00"})
    order = caller.order(order["id"])
    assert (order["financialStatus"], units_left(order)) == ("PARTIALLY_REFUNDED", [2, 3])
    with pytest.raises(ValueError, match="greater than net payment received"):
        caller.world.control("refund", {"order": order["id"], "amount": "500"})


def test_units_that_left_can_be_refunded_as_returned_only() -> None:
    caller = Caller()
    order = imported(caller)
    line_id = order["lines"][0]["id"]
    caller.fulfill(order["id"])
    with pytest.raises(ValueError, match="more items than were purchased"):
        caller.world.control("refund", {"order": order["id"], "lines": {line_id: 1}})
    caller.world.control("refund", {"order": order["id"], "lines": {line_id: 1}, "restock_type": "RETURN"})
    assert caller.order(order["id"])["lines"][0]["currentQuantity"] == 1


def test_an_edit_changes_lines_work_and_payment() -> None:
    caller = Caller()
    order = imported(caller)
    mugs, cups = (line["id"] for line in order["lines"])
    added = caller.world.control(
        "edit",
        {"order": order["id"], "quantities": {mugs: 0, cups: 4}, "add": [line_body(2, sku="BIG", price="80.00")]},
    )
    order = caller.order(order["id"])
    assert [(line["quantity"], line["currentQuantity"]) for line in order["lines"]] == [(2, 0), (4, 4), (2, 2)]
    assert (units_left(order), order["financialStatus"]) == ([0, 4, 2], "PARTIALLY_PAID")
    assert [part["lineId"] for part in live(order)[0]["lines"] if part["remaining"]] == [cups, *added]


def test_an_edit_before_routing_is_routed_like_the_rest() -> None:
    caller = Caller(routing_delay_s=(60, 60))
    order_id = caller.world.control("import_order", {"body": order_body(), "at_once": False})
    line_id = caller.order(order_id)["lines"][0]["id"]
    caller.world.control("edit", {"order": order_id, "quantities": {line_id: 1}, "add": [line_body(1)]})
    assert caller.order(order_id)["unrouted"] == 5
    caller.wait(60)
    assert units_left(caller.order(order_id)) == [1, 3, 1]


def test_fulfilled_units_cannot_be_edited_away() -> None:
    caller = Caller()
    order = imported(caller)
    line_id = order["lines"][0]["id"]
    caller.fulfill(order["id"], {line_id: 2})
    with pytest.raises(ValueError, match="already fulfilled"):
        caller.world.control("edit", {"order": order["id"], "quantities": {line_id: 1}})


def test_an_edited_address_keeps_what_was_not_changed() -> None:
    caller = Caller()
    order = imported(caller)
    caller.world.control("edit", {"order": order["id"], "address": {"first_name": "Bo", "address1": "2 Side St"}})
    address = to_ship(caller, order["id"])["shippingAddress"]
    assert (address["name"], address["address1"], address["city"]) == ("Bo Lee", "2 Side St", "Austin")


def test_discounts_and_taxes_add_up_to_the_total() -> None:
    caller = Caller()
    for order_id in caller.sell(40, mix={"order_discount": 0.5, "line_discount": 0.5, "taxes_included": 0.5}):
        read = to_ship(caller, order_id)
        goods = sum(
            float(line["discountedUnitPriceAfterAllDiscountsSet"]["shopMoney"]["amount"]) * line["quantity"]
            for line in read["lineItems"]["nodes"]
        )
        tax, shipping, total = (
            float(read[name]["shopMoney"]["amount"])
            for name in ("currentTotalTaxSet", "currentShippingPriceSet", "currentTotalPriceSet")
        )
        is_gross = caller.shop.orders[order_id].taxes_included
        assert total == pytest.approx(goods + shipping + (0 if is_gross else tax), abs=0.12)


def test_tags_are_added_once_whatever_their_case() -> None:
    caller = Caller()
    order = imported(caller, tags="VIP, wholesale")
    query = 'mutation T($id: ID!) { tagsAdd(id: $id, tags: ["vip", "a,b"]) { node { ... on Order { tags } } } }'
    assert caller.data(query, id=gid("Order", order["id"]))["tagsAdd"]["node"]["tags"] == ["VIP", "wholesale", "a", "b"]


def test_an_action_on_nothing_is_refused_with_a_sentence() -> None:
    caller = Caller()
    with pytest.raises(ValueError, match="There is no order 7"):
        caller.world.control("pay", {"order": 7})
    with pytest.raises(ValueError, match="There is no action dance"):
        caller.world.control("dance", {})
    with pytest.raises(ValueError, match="order"):
        caller.world.control("pay", {})
