"""Fulfillments and subscriptions as the store takes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mappings.plans import CreateFulfillment, UpdateTracking
from syncd.errors import ConflictError, TransientError, UncertainError
from syncd.sandbox.shopify.faults import FaultRule
from syncd.shopify import reads, writes
from syncd.shopify.webhooks import TOPICS
from tests.shopify.store import Scripted, Store, said

LATER = datetime(2100, 1, 1, tzinfo=UTC)
URL = "https://sync.example.com/webhooks/shopify/main"


async def _open(store: Store, order_id: int) -> Any:
    found: Any = await store.do(reads.orders_shipped(store.client, [order_id]))
    return found[order_id]


async def _step(store: Store, order_id: int, units: int = 1, **more: Any) -> CreateFulfillment:
    """Some units of the first line of the first fulfillment order."""
    order = await _open(store, order_id)
    part = order["fulfillmentOrders"]["nodes"][0]
    lines = {part["id"]: {part["lineItems"]["nodes"][0]["id"]: units}}
    values = {"tracking_number": "1Z999", "tracking_company": "UPS", "tracking_url": None, "notify_customer": False}
    return CreateFulfillment(package_key="s1", order_gid=order["id"], lines=lines, **(values | more))


async def test_a_package_becomes_a_fulfillment_of_exactly_its_lines() -> None:
    store = Store()
    (order_id,) = await store.sell(1, lines=2, quantity=3)
    gid = await store.do(writes.create_fulfillment(store.client, await _step(store, order_id, units=2), LATER))
    (fulfillment,) = (await _open(store, order_id))["fulfillments"]
    assert fulfillment["id"] == gid
    assert [row["quantity"] for row in fulfillment["fulfillmentLineItems"]["nodes"]] == [2]
    assert [(row["company"], row["number"]) for row in fulfillment["trackingInfo"]] == [("UPS", "1Z999")]


async def test_a_label_for_several_packages_shows_every_number_with_its_address() -> None:
    store = Store()
    (order_id,) = await store.sell(1)
    more = (("B-2", "https://acme.example.com/B-2"),)
    step = await _step(store, order_id, tracking_number="B-1", tracking_company="Acme", more_tracking=more)
    await store.do(
        writes.create_fulfillment(store.client, replace(step, tracking_url="https://acme.example.com/B-1"), LATER)
    )
    (fulfillment,) = (await _open(store, order_id))["fulfillments"]
    assert [(row["number"], row["url"]) for row in fulfillment["trackingInfo"]] == [
        (number, f"https://acme.example.com/{number}") for number in ("B-1", "B-2")
    ]


async def test_a_package_without_a_tracking_number_is_fulfilled_too() -> None:
    store = Store()
    (order_id,) = await store.sell(1)
    step = await _step(store, order_id, tracking_number=None, tracking_company=None)
    assert await store.do(writes.create_fulfillment(store.client, step, LATER))


def _new_number(gid: str) -> UpdateTracking:
    return UpdateTracking("s2", gid, "s1", "1Z888", "UPS", None, notify_customer=False)


async def test_new_tracking_replaces_the_old_and_may_be_repeated() -> None:
    store = Store()
    (order_id,) = await store.sell(1)
    gid = await store.do(writes.create_fulfillment(store.client, await _step(store, order_id), LATER))
    for _ in range(2):
        await store.do(writes.update_tracking(store.client, _new_number(gid), LATER))
    (fulfillment,) = (await _open(store, order_id))["fulfillments"]
    assert [row["number"] for row in fulfillment["trackingInfo"]] == ["1Z888"]


async def test_a_cancelled_fulfillment_stands_for_no_package_any_more() -> None:
    store = Store()
    (order_id,) = await store.sell(1, lines=1, quantity=1)
    gid = await store.do(writes.create_fulfillment(store.client, await _step(store, order_id), LATER))
    for _ in range(2):
        await store.do(writes.cancel_fulfillment(store.client, gid))
    order = await _open(store, order_id)
    assert [row["status"] for row in order["fulfillments"]] == ["CANCELLED"]
    assert [row["status"] for row in order["fulfillmentOrders"]["nodes"]] == ["CLOSED", "OPEN"]
    with pytest.raises(ConflictError):
        await store.do(writes.update_tracking(store.client, _new_number(gid), LATER))
    with pytest.raises(ConflictError):
        await store.do(writes.cancel_fulfillment(store.client, "gid://shopify/Fulfillment/1"))


async def test_more_than_remains_is_a_conflict_and_changes_nothing() -> None:
    store = Store()
    (order_id,) = await store.sell(1, lines=1, quantity=1)
    with pytest.raises(ConflictError):
        await store.do(writes.create_fulfillment(store.client, await _step(store, order_id, units=2), LATER))
    assert (await _open(store, order_id))["fulfillments"] == []


async def test_a_closed_fulfillment_order_is_a_conflict() -> None:
    store = Store()
    (order_id,) = await store.sell(1, lines=1, quantity=1)
    step = await _step(store, order_id)
    await store.do(writes.create_fulfillment(store.client, step, LATER))
    with pytest.raises(ConflictError):
        await store.do(writes.create_fulfillment(store.client, step, LATER))


@pytest.mark.parametrize("kind", ["lost_answer", "error_500_after", "truncated"])
async def test_a_fulfillment_whose_answer_is_lost_is_uncertain_and_sent_once(kind: Any) -> None:
    store = Store()
    (order_id,) = await store.sell(1, lines=1, quantity=3)
    step = await _step(store, order_id)
    store.world.faults.set([FaultRule(kind, operation="mutation")])
    with pytest.raises(UncertainError):
        await store.do(writes.create_fulfillment(store.client, step, LATER))
    store.world.faults.set([])
    assert len((await _open(store, order_id))["fulfillments"]) == 1


async def test_neither_a_fulfillment_nor_a_reason_is_uncertain() -> None:
    store = Store(Scripted(said(data={"fulfillmentCreate": {"fulfillment": None, "userErrors": []}})))
    step = CreateFulfillment("s1", "gid://shopify/Order/1", {"fo": {"line": 1}}, None, None, None, False)
    with pytest.raises(UncertainError):
        await store.do(writes.create_fulfillment(store.client, step, LATER))


@pytest.mark.parametrize("lines", [{}, {"fo": {}}, {"fo": {"line": 0}}])
async def test_a_step_that_would_fulfill_everything_is_never_sent(lines: dict[str, dict[str, int]]) -> None:
    store = Store()
    step = CreateFulfillment("s1", "gid://shopify/Order/1", lines, None, None, None, False)
    with pytest.raises(AssertionError):
        await store.do(writes.create_fulfillment(store.client, step, LATER))
    assert store.http.requests == []


async def test_every_wanted_topic_can_be_subscribed_to_and_left() -> None:
    store = Store()
    for topic in TOPICS:
        assert await store.do(writes.subscribe(store.client, topic, URL))
    assert await store.do(writes.subscribe(store.client, TOPICS[0], URL)) is None
    found = await store.do(reads.subscriptions(store.client))
    assert {one.topic for one in found} == {writes.topic_enum(topic) for topic in TOPICS}
    assert {one.uri for one in found} == {URL}
    for one in found:
        await store.do(writes.unsubscribe(store.client, one.gid))
    assert await store.do(reads.subscriptions(store.client)) == []


async def test_a_fulfillment_that_waited_too_long_is_not_sent() -> None:
    """Another replica may have looked for it by then, found nothing and sent its own."""
    store = Store()
    (order_id,) = await store.sell(1)
    step = await _step(store, order_id)
    with pytest.raises(TransientError, match="too_late"):
        await store.do(writes.create_fulfillment(store.client, step, store.clock.now() - timedelta(seconds=1)))
    assert (await _open(store, order_id))["fulfillments"] == []
