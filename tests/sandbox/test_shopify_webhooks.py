"""The webhook sender of the sandbox's Shopify: what is subscribed, sent, signed, repeated, doubled, lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.shopify import WebhookOptions
from syncd.sandbox.worlds import Delivery
from syncd.shopify import documents
from tests.sandbox.shopify_caller import SHOP, Caller, Document, gid, line_body, order_body

OWNERS = "query Owners($ids: [ID!]!) { nodes(ids: $ids) { ... on FulfillmentOrder { id orderId } } }"
HOME = "https://sync.example.com/webhooks/shopify/main"
AT_ONCE = WebhookOptions(delay_s=(0, 0), coalesced=False)


def caller_with(*topics: str, **options: Any) -> Caller:
    caller = Caller(webhooks=WebhookOptions(**{"delay_s": (0, 0), "coalesced": False, **options}))
    for topic in topics:
        assert subscribe(caller, topic)["userErrors"] == []
    return caller


def subscribe(caller: Caller, topic: str = "ORDERS_CREATE", **fields: Any) -> Document:
    given = {"uri": HOME, **fields}
    payload: Document = caller.data(documents.SUBSCRIBE, topic=topic, subscription=given)["webhookSubscriptionCreate"]
    return payload


def deliver(caller: Caller, status: int | None = 200) -> list[Delivery]:
    deliveries = caller.world.due_deliveries()
    for delivery in deliveries:
        caller.world.delivery_ended(delivery.delivery_id, status)
    return deliveries


def topics(deliveries: list[Delivery]) -> list[str]:
    return [delivery.headers["X-Shopify-Topic"] for delivery in deliveries]


def counters(caller: Caller) -> Document:
    found: Document = caller.world.control("state", {})["shops"][SHOP]["counters"]["webhooks"]
    return found


def imported(caller: Caller, **fields: Any) -> Document:
    order = caller.order(caller.world.control("import_order", {"body": order_body(**fields)}))
    caller.world.due_deliveries()
    return order


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"uri": " "}, "Address can't be blank"),
        ({"uri": "http://sync.example.com/x"}, "Address protocol http:// is not supported"),
        ({"uri": "https://x.myshopify.com/x"}, "Address cannot be a Shopify or an internal domain"),
        ({"uri": "https://10.0.0.8/x"}, "Address cannot be a Shopify or an internal domain"),
        ({"uri": "https://a.example/" + "x" * 65536}, "Address is too big (maximum is 64 KB)"),
        ({"format": "XML"}, "Format 'xml' is invalid for this webhook topic. Allowed formats: json"),
        (
            {"filter": "nonsense"},
            "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on.",
        ),
    ],
)
def test_a_bad_subscription_is_refused_in_the_recorded_words(fields: Document, message: str) -> None:
    error = subscribe(Caller(), **fields)["userErrors"][0]
    assert error["message"] == message
    if "uri" in fields:
        assert error["field"] == ["webhookSubscription", "callbackUrl"]


def test_a_twin_is_refused_and_another_address_is_not() -> None:
    caller = caller_with("ORDERS_CREATE")
    assert subscribe(caller)["userErrors"][0]["message"] == "Address for this topic has already been taken"
    assert subscribe(caller, uri="http://127.0.0.1:8080/webhooks")["userErrors"] == []


def test_a_topic_without_its_scope_is_refused() -> None:
    payload = subscribe(Caller(scopes=("read_orders",)), "FULFILLMENTS_CREATE")
    assert "read_fulfillments" in payload["userErrors"][0]["message"]


def test_subscriptions_are_listed_and_deleted() -> None:
    caller = caller_with("ORDERS_CREATE", "ORDERS_PAID")
    nodes = caller.data(documents.SUBSCRIPTIONS)["webhookSubscriptions"]["nodes"]
    assert [(node["topic"], node["uri"]) for node in nodes] == [("ORDERS_CREATE", HOME), ("ORDERS_PAID", HOME)]
    for message in ([], [{"field": ["id"], "message": "Webhook subscription does not exist"}]):
        payload = caller.data(documents.UNSUBSCRIBE, id=nodes[0]["id"])["webhookSubscriptionDelete"]
        assert payload["userErrors"] == message
    caller.sell()
    assert topics(deliver(caller)) == ["orders/paid"]


def test_a_delivery_has_shopify_s_headers_and_is_signed_over_its_raw_body() -> None:
    caller = caller_with("ORDERS_CREATE")
    caller.sell()
    delivery = deliver(caller)[0]
    mac = hmac.new(b"sandbox-secret", delivery.body, hashlib.sha256).digest()
    assert delivery.url == HOME
    assert delivery.headers["X-Shopify-Hmac-Sha256"] == base64.b64encode(mac).decode()
    assert delivery.headers["X-Shopify-Shop-Domain"] == SHOP
    assert delivery.headers["X-Shopify-API-Version"] == "2026-10"
    assert delivery.headers["X-Shopify-Triggered-At"] == "2026-11-20T10:00:00Z"
    assert len({delivery.headers[f"X-Shopify-{name}-Id"] for name in ("Webhook", "Event")}) == 2


def test_topics_of_one_action_share_the_event_and_not_the_delivery() -> None:
    caller = caller_with("ORDERS_CREATE", "ORDERS_PAID")
    caller.sell(2)
    deliveries = deliver(caller)
    assert len({delivery.headers["X-Shopify-Event-Id"] for delivery in deliveries}) == 2
    assert len({delivery.headers["X-Shopify-Webhook-Id"] for delivery in deliveries}) == 4


def test_an_order_body_has_the_fields_and_spellings_of_a_real_one(shared: Path) -> None:
    caller = caller_with("ORDERS_CREATE")
    caller.sell(lines=1, mix={"line_discount": 1})
    body = json.loads(deliver(caller)[0].body)
    path = shared / "payloads" / "shopify-orders" / "shopify-order-aud-web-current-shape.json"
    real = json.loads(path.read_text(encoding="utf-8"))
    assert set(body) <= set(real) | {"discount_codes"}
    assert set(body["line_items"][0]) <= set(real["line_items"][0]) | {"attributed_staffs"}
    assert set(body["shipping_lines"][0]) <= set(real["shipping_lines"][0])
    assert set(body["shipping_address"]) == set(real["shipping_address"])
    assert body["created_at"] == "2026-11-20T05:00:00-05:00"
    assert body["total_price"].split(".")[1].isdigit()
    assert len(body["total_price"].split(".")[1]) == 2
    assert "fulfillment_orders" not in body


def test_winter_and_summer_have_their_own_offset() -> None:
    caller = caller_with("ORDERS_CREATE")
    caller.world.control("import_order", {"body": order_body(created_at="2026-07-01T12:00:00Z")})
    body = json.loads(deliver(caller)[0].body)
    assert (body["created_at"], body["updated_at"]) == ("2026-07-01T08:00:00-04:00", "2026-11-20T05:00:00-05:00")


ALL = (
    "ORDERS_CREATE", "ORDERS_PAID", "ORDERS_UPDATED", "ORDERS_CANCELLED", "ORDERS_EDITED", "ORDERS_FULFILLED",
    "ORDERS_PARTIALLY_FULFILLED", "FULFILLMENTS_CREATE", "FULFILLMENTS_UPDATE", "REFUNDS_CREATE",
    "FULFILLMENT_ORDERS_PLACED_ON_HOLD", "FULFILLMENT_ORDERS_HOLD_RELEASED", "FULFILLMENT_ORDERS_MOVED",
    "FULFILLMENT_ORDERS_ORDER_ROUTING_COMPLETE", "ORDERS_RISK_ASSESSMENT_CHANGED",
)  # fmt: skip


@pytest.mark.parametrize(
    ("action", "arguments", "expected"),
    [
        ("pay", {}, {"orders/paid", "orders/updated"}),
        ("cancel", {}, {"orders/cancelled", "orders/updated"}),
        ("edit", {"note": "x"}, {"orders/updated"}),
        ("edit", {"add": [line_body(1)]}, {"orders/edited", "orders/updated"}),
        ("hold", {}, {"fulfillment_orders/placed_on_hold"}),
        ("move_fulfillment_order", {"location_id": 82734628}, {"fulfillment_orders/moved"}),
    ],
)
def test_each_action_tells_its_topics(action: str, arguments: Document, expected: set[str]) -> None:
    caller = caller_with(*ALL)
    order = imported(caller, financial_status="pending")
    caller.world.control(action, {"order": order["id"], **arguments})
    assert set(topics(deliver(caller))) == expected


def test_a_refund_tells_itself_and_the_order() -> None:
    caller = caller_with(*ALL)
    order = imported(caller)
    caller.world.control("refund", {"order": order["id"], "lines": {order["lines"][0]["id"]: 1}})
    sent = {delivery.headers["X-Shopify-Topic"]: json.loads(delivery.body) for delivery in deliver(caller)}
    assert set(sent) == {"refunds/create", "orders/updated"}
    line = sent["refunds/create"]["refund_line_items"][0]
    assert (line["line_item_id"], line["quantity"], line["restock_type"]) == (order["lines"][0]["id"], 1, "cancel")


def test_our_own_fulfillment_comes_back_as_an_echo() -> None:
    caller = caller_with(*ALL)
    order = imported(caller)
    caller.fulfill(order["id"], {order["lines"][0]["id"]: 1}, trackingInfo={"company": "UPS", "number": "1Z"})
    sent = {delivery.headers["X-Shopify-Topic"]: json.loads(delivery.body) for delivery in deliver(caller)}
    assert set(sent) == {"fulfillments/create", "orders/partially_fulfilled", "orders/updated"}
    assert sent["fulfillments/create"]["tracking_numbers"] == ["1Z"]
    assert sent["orders/updated"]["fulfillment_status"] == "partial"
    caller.fulfill(order["id"])
    assert "orders/fulfilled" in topics(deliver(caller))


def test_routing_and_risk_tell_when_they_are_done() -> None:
    caller = caller_with(*ALL)
    caller.sell()
    assert set(topics(deliver(caller))) == {
        "orders/create", "orders/paid", "orders/updated", "fulfillment_orders/order_routing_complete",
        "orders/risk_assessment_changed",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["placed-on-hold", "hold-released", "orders-edited"])
def test_thin_bodies_have_the_shape_of_the_documented_samples(shared: Path, name: str) -> None:
    caller = caller_with(*ALL)
    order = imported(caller)
    if name == "orders-edited":
        caller.world.control("edit", {"order": order["id"], "add": [line_body(1)]})
        file = "shopify-orders-edited.json"
    else:
        caller.world.control("hold", {"order": order["id"]})
        file = f"shopify-fulfillment-orders-{name}.json"
        if name == "hold-released":
            caller.world.due_deliveries()
            caller.world.control("release", {"order": order["id"]})
    sample = json.loads((shared / "payloads" / "shopify-webhooks" / file).read_text())
    body = json.loads(deliver(caller)[0].body)
    assert set(body) == set(sample)
    for key, value in sample.items():
        if isinstance(value, dict) and body[key] is not None:
            assert set(body[key]) == set(value)


def test_a_failed_delivery_is_repeated_eight_times_in_four_hours_with_the_old_payload() -> None:
    caller = caller_with("ORDERS_CREATE")
    order_id = caller.sell()[0]
    first = deliver(caller, 500)[0]
    caller.world.control("edit", {"order": order_id, "note": "newer"})
    repeats = []
    for _ in range(4 * 60):
        caller.wait(60)
        repeats += deliver(caller, 302)
    assert len(repeats) == 8
    assert {(each.body, each.headers["X-Shopify-Webhook-Id"]) for each in repeats} == {
        (first.body, first.headers["X-Shopify-Webhook-Id"])
    }
    state = caller.world.control("state", {})["shops"][SHOP]
    assert (state["subscriptions"], state["subscriptions_removed"]) == ([], ["ORDERS_CREATE"])


def test_one_success_keeps_the_subscription() -> None:
    caller = caller_with("ORDERS_CREATE")
    caller.sell()
    for _ in range(7):
        deliver(caller, None)
        caller.wait(4000)
    deliver(caller, 200)
    caller.sell()
    deliver(caller, 500)
    assert len(caller.world.control("state", {})["shops"][SHOP]["subscriptions"]) == 1


def test_eight_failures_in_a_row_can_be_enough() -> None:
    caller = caller_with("ORDERS_CREATE", removal="failures")
    caller.sell(8)
    deliver(caller, 500)
    assert caller.world.control("state", {})["shops"][SHOP]["subscriptions"] == []


def test_a_double_has_the_same_webhook_id() -> None:
    caller = caller_with("ORDERS_CREATE", doubled=1)
    caller.sell()
    ids = [delivery.headers["X-Shopify-Webhook-Id"] for delivery in [*deliver(caller), *deliver(caller)]]
    assert (len(ids), len(set(ids)), counters(caller)["doubled"]) == (2, 1, 1)


@pytest.mark.parametrize("options", [{"lost": 1.0}, {"enabled": False}])
def test_lost_webhooks_are_counted_and_never_come(options: Document) -> None:
    caller = caller_with("ORDERS_CREATE", **options)
    caller.sell(3)
    assert (deliver(caller), counters(caller)["lost"]) == ([], 3)


def test_shuffled_deliveries_come_in_another_order() -> None:
    names = []
    for shuffled in (False, True):
        caller = caller_with("ORDERS_CREATE", shuffled=shuffled, delay_s=(0, 50))
        caller.sell(30)
        names.append([json.loads(delivery.body)["order_number"] for delivery in deliver(caller)])
    assert names[0] == sorted(names[0])
    assert names[1] != names[0]
    assert sorted(names[1]) == names[0]


def test_updates_that_have_not_left_are_folded_into_one_with_the_latest_state() -> None:
    caller = caller_with("ORDERS_UPDATED", delay_s=(10, 10), coalesced=True)
    order_id = caller.world.control("sell", {})[0]
    for note in ("one", "two"):
        caller.world.control("edit", {"order": order_id, "note": note})
    caller.wait(10)
    bodies = [json.loads(delivery.body) for delivery in deliver(caller)]
    assert [body["note"] for body in bodies] == ["two"]


def test_chosen_fields_only_are_sent_and_equal_ones_once() -> None:
    caller = Caller(webhooks=AT_ONCE)
    subscribe(caller, "ORDERS_UPDATED", includeFields=["id", "tags"])
    order_id = caller.sell()[0]
    caller.world.control("edit", {"order": order_id, "note": "not in the payload"})
    assert [json.loads(delivery.body) for delivery in deliver(caller)] == [{"id": order_id, "tags": ""}]


def test_a_filter_on_a_field_that_does_not_exist_delivers_nothing() -> None:
    caller = Caller(webhooks=AT_ONCE)
    subscribe(caller, filter="financial_status:paid")
    subscribe(caller, filter="no_such_field:paid")
    caller.sell()
    assert len(deliver(caller)) == 1


def test_a_rotated_secret_goes_on_signing_for_an_hour() -> None:
    caller = caller_with("ORDERS_CREATE")
    caller.world.control("rotate_secret", {"secret": "new-secret"})
    for wait, secret in ((0, b"sandbox-secret"), (3600, b"new-secret")):
        caller.wait(wait)
        caller.sell()
        delivery = deliver(caller)[0]
        mac = base64.b64encode(hmac.new(secret, delivery.body, hashlib.sha256).digest()).decode()
        assert (delivery.headers["X-Shopify-Hmac-Sha256"] == mac) is (wait == 0 or secret == b"new-secret")


def test_fulfillment_order_webhooks_lead_to_their_order() -> None:
    caller = caller_with("FULFILLMENT_ORDERS_PLACED_ON_HOLD")
    order = imported(caller)
    caller.world.control("hold", {"order": order["id"]})
    body = json.loads(deliver(caller)[0].body)
    nodes = caller.data(OWNERS, ids=[body["fulfillment_order"]["id"]])["nodes"]
    assert nodes[0]["orderId"] == gid("Order", order["id"])
