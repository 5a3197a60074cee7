"""Webhooks: signed by the store's secrets, read as hints, and never a reason to fail."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import build_ast_schema, parse
from graphql.type import GraphQLEnumType
from hypothesis import given
from hypothesis import strategies as st

from syncd.hints import Hint, Lane, Mark, Nudge
from syncd.shopify import writes
from syncd.shopify.webhooks import TOPICS, hints_of, is_authentic, json_object
from tests.shopify.store import Store

ORDERS = Nudge("main.orders")
FULFILLMENT_ORDERS = Nudge("main.fulfillment_orders")


def _mark(flow: str, lane: Lane = Lane.FRESH, order_id: int = 7) -> Mark:
    return Mark(flow, f"main/{order_id}", lane)


CASES: dict[str, tuple[str, Any, list[Hint]]] = {
    "create": ("orders/create", {"id": 7, "cancelled_at": None}, [_mark("orders")]),
    "paid": ("orders/paid", {"id": 7}, [_mark("orders")]),
    "updated": ("orders/updated", {"id": 7}, [_mark("orders")]),
    "cancelled": ("orders/cancelled", {"id": 7}, [_mark("orders", Lane.URGENT)]),
    "updated_when_cancelled": ("orders/updated", {"id": 7, "cancelled_at": "x"}, [_mark("orders", Lane.URGENT)]),
    "edited": ("orders/edited", {"order_edit": {"id": 1, "order_id": 7}}, [_mark("orders")]),
    "risk": ("orders/risk_assessment_changed", {"order_id": 7, "risk_level": "high"}, [_mark("orders")]),
    "refund": ("refunds/create", {"id": 1, "order_id": 7}, [_mark("orders")]),
    "fulfillment": ("fulfillments/create", {"id": 1, "order_id": 7}, [_mark("orders"), _mark("shipments")]),
    "held": ("fulfillment_orders/placed_on_hold", {"fulfillment_order": {}}, [FULFILLMENT_ORDERS]),
    "uninstalled": ("app/uninstalled", {"id": 7}, [ORDERS]),
    "unknown": ("collections/update", {"id": 7}, [ORDERS]),
    "article": ("inventory_items/update", {"id": 7}, [Mark("catalog", "main/7")]),
    "article without id": ("inventory_items/update", {"id": "x"}, []),
    "product": (
        "products/update",
        {"id": 7, "variants": [{"inventory_item_id": 8}, {"inventory_item_id": None}, "x", {"inventory_item_id": 9}]},
        [Mark("catalog", "main/8"), Mark("catalog", "main/9")],
    ),
    "product without variants": ("products/update", {"id": 7, "variants": None}, []),
    "largest": ("orders/create", {"id": 2**63 - 1}, [_mark("orders", order_id=2**63 - 1)]),
    "too_large": ("orders/create", {"id": 2**63}, [ORDERS]),
    "negative": ("orders/create", {"id": -7}, [ORDERS]),
    "text": ("orders/create", {"id": "7"}, [ORDERS]),
    "true": ("orders/create", {"id": True}, [ORDERS]),
    "list": ("orders/create", [7], [ORDERS]),
    "edit_without_order": ("orders/edited", {"order_edit": [7]}, [ORDERS]),
}


@pytest.mark.parametrize(("topic", "body", "hints"), CASES.values(), ids=CASES)
def test_what_a_webhook_says(topic: str, body: Any, hints: list[Hint]) -> None:
    assert hints_of("main", topic, json.loads(json.dumps(body))) == hints


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["id", "order_id", "order_edit", "cancelled_at"]), inner)
    ),
)


@given(st.sampled_from(TOPICS) | st.text(), st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_survived(topic: str, body: bytes) -> None:
    for hint in hints_of("main", topic, json_object(body)):
        if isinstance(hint, Mark):
            assert 0 < int(hint.subject.removeprefix("main/")) < 2**63
        else:
            assert hint in (ORDERS, FULFILLMENT_ORDERS)


HOSTILE = [b"[" * 100_000, b'{"id":' + b"9" * 5000 + b"}", b"\x00", b'{"id":"\\ud800"}', b"\xff\xfe{", b"", b"null"]


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("topic", TOPICS)
def test_hostile_bodies_are_survived(topic: str, body: bytes) -> None:
    assert hints_of("main", topic, json_object(body)) in ([ORDERS], [FULFILLMENT_ORDERS])


def _signed(secret: bytes, body: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, body, "sha256")).decode()


@pytest.mark.parametrize(
    ("header", "is_ours"),
    [
        (_signed(b"new", b"body"), True),
        (_signed(b"old", b"body"), True),
        (_signed(b"other", b"body"), False),
        (_signed(b"new", b"body "), False),
        (_signed(b"", b"body"), False),
        ("", False),
        (None, False),
        ("\udcff\u00e9", False),
    ],
)
def test_the_signature_is_checked_against_both_secrets(header: str | None, is_ours: bool) -> None:
    assert is_authentic(b"body", header, [b"new", b"old", b""]) is is_ours


def test_the_signature_is_over_the_bytes_that_came_not_over_what_they_mean() -> None:
    header = _signed(b"new", b'{"id": 1}')
    assert is_authentic(b'{"id": 1}', header, [b"new"])
    assert not is_authentic(b'{"id":1}', header, [b"new"])


def test_without_a_secret_nobody_is_authentic() -> None:
    assert not is_authentic(b"body", _signed(b"", b"body"), [])


async def test_what_a_store_sends_is_authentic_and_understood() -> None:
    store = Store()
    for topic in TOPICS:
        await store.do(writes.subscribe(store.client, topic, "https://sync.example.com/x"))
    (order_id,) = await store.sell(1)
    store.world.control("cancel", {"order": order_id})
    await store.do(store.clock.sleep(60))
    hints: list[Hint] = []
    for delivery in store.world.due_deliveries():
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        assert is_authentic(delivery.body, headers["x-shopify-hmac-sha256"], [b"sandbox-secret"])
        hints += hints_of("main", headers["x-shopify-topic"], json_object(delivery.body))
    assert Mark("orders", f"main/{order_id}", Lane.FRESH) in hints
    assert Mark("orders", f"main/{order_id}", Lane.URGENT) in hints


@pytest.mark.parametrize(
    ("name", "topic", "order_id"),
    [
        ("orders-edited", "orders/edited", 820982911946154500),
        ("fulfillments-update-real", "fulfillments/update", None),
        ("fulfillment-orders-placed-on-hold", "fulfillment_orders/placed_on_hold", None),
        ("app-uninstalled", "app/uninstalled", None),
    ],
)
def test_real_bodies_are_understood(shared: Path, name: str, topic: str, order_id: int | None) -> None:
    body = (shared / "payloads" / "shopify-webhooks" / f"shopify-{name}.json").read_bytes()
    hints = hints_of("main", topic, json_object(body))
    if topic == "fulfillments/update":
        assert [hint.flow for hint in hints if isinstance(hint, Mark)] == ["orders", "shipments"]
    elif order_id:
        assert hints == [_mark("orders", order_id=order_id)]
    else:
        assert all(isinstance(hint, Nudge) for hint in hints)


def test_every_topic_is_one_of_shopifys(shared: Path) -> None:
    text = (shared / "api" / "shopify-admin-2026-10.graphql").read_text(encoding="utf-8")
    start = text.index("enum WebhookSubscriptionTopic ")
    schema = build_ast_schema(parse(text[start : text.index("\n}", start) + 2] + "\ntype Query { x: Int }"))
    topics = schema.type_map["WebhookSubscriptionTopic"]
    assert isinstance(topics, GraphQLEnumType)
    assert {writes.topic_enum(topic) for topic in TOPICS} <= set(topics.values)
