"""Stories of packages under way: what the carrier says is kept, and Shopify is told once and in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.flows.deliveries import EVERY_S, WAIT_S
from syncd.operate.explain import explain_order
from syncd.operate.tracking import track_order
from syncd.sandbox.shipstation.records import Shipment
from syncd.sandbox.shopify.faults import FaultRule
from syncd.settings.whole import Settings
from syncd.simulation.day import PUBLIC, SECRET, SHOP, Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from syncd.simulation.sidelines.journeys import UNKNOWN_CARRIER, expected
from tests.flows.test_holes import Nulls, Refuses

EVERY_ENGINE = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
SETTLES_S = 60.0
"""Twice the time limit of a write."""
REST_S = 30.0


def telling(mode: str = "tell", **changes: Any) -> Settings:
    sync = {"start_at": "2000-01-01T00:00:00Z", "order_poll_s": 300.0, "shipment_poll_s": 300.0, "delivery_news": mode}
    return settings_of(sync=sync, **{"carriers": UNKNOWN_CARRIER, **changes})


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=telling())


async def a_package(day: Day) -> tuple[int, Shipment]:
    """Its order's id, once Shopify knows of it."""
    (order_id,) = day.sell()
    await day.rest(quiet_s=REST_S)
    package = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest(quiet_s=REST_S)
    return order_id, package


async def scan(day: Day, package: Shipment, *codes: str) -> None:
    """The carrier scans it, a minute apart."""
    for code in codes:
        detail = "OUT_FOR_DELIVERY" if code == "OFD" else None
        day.shipstation.carriage.scan(package.shipment_id, "IT" if code == "OFD" else code, detail)  # type: ignore[arg-type]
        await day.passes(70)


async def waits_long(day: Day) -> None:
    """As if the hours were over after which a carrier is asked again."""
    day.execute("UPDATE journeys SET ask_at = begun_at WHERE ask_at IS NOT NULL")
    await day.passes(100)


def told(day: Day, order_id: int) -> list[str]:
    """What Shopify shows, in the order in which it was told."""
    (fulfillment,) = day.fulfillments(order_id)
    return [status for status, _ in fulfillment["events"]]


def assert_both_sides_agree(day: Day, order_id: int, package: Shipment) -> None:
    (fulfillment,) = day.fulfillments(order_id)
    assert fulfillment["events"] == expected(day, package)


@EVERY_ENGINE
async def test_shopify_hears_of_each_change_once_and_in_order(day: Day) -> None:
    order_id, package = await a_package(day)
    await scan(day, package, "AC", "IT", "IT", "OFD", "AT", "OFD", "DE")
    assert told(day, order_id) == [
        "CARRIER_PICKED_UP", "IN_TRANSIT", "OUT_FOR_DELIVERY", "ATTEMPTED_DELIVERY", "OUT_FOR_DELIVERY", "DELIVERED",
    ]  # fmt: skip
    assert_both_sides_agree(day, order_id, package)
    story = [one["text"] for one in (await explain_order(await desk_of(day), str(order_id), True))["story"]]
    assert f"The carrier says of package s{package.shipment_id}: The package was delivered." in story
    assert f"Shopify was told about package s{package.shipment_id}: delivered." in story


async def test_what_shopify_follows_itself_is_not_told_again(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest(quiet_s=REST_S)
    package = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"], None, "fedex", "fedex_2day")
    await day.rest(quiet_s=REST_S)
    await scan(day, package, "IT", "DE")
    assert told(day, order_id) == []
    assert day.rows("SELECT heard, settled FROM journeys WHERE heard > 0") == [{"heard": 2, "settled": 2}]


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "error_500_after", "error_500_before", "throttled"])
async def test_a_lost_answer_tells_nothing_twice(day: Day, kind: Any) -> None:
    order_id, package = await a_package(day)
    day.shopify.faults.set([FaultRule(kind, "TellEvent", times=1)])
    await scan(day, package, "IT")
    await day.passes(3 * SETTLES_S)
    assert told(day, order_id) == ["IN_TRANSIT"]
    await scan(day, package, "DE")
    assert_both_sides_agree(day, order_id, package)


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request"])
async def test_a_lost_answer_is_looked_for_although_the_label_is_void_by_now(day: Day, kind: Any) -> None:
    """Of a void label nothing more is told: nobody else would ever end this step."""
    _, package = await a_package(day)
    day.shopify.faults.set([FaultRule(kind, "TellEvent", times=1)])
    day.shipstation.carriage.scan(package.shipment_id, "AC")
    await day.until(lambda: day.calls("fulfillmentEventCreate"))
    await day.stop()
    day.shipstation.labels.void_label(package.shipment_id)
    await day.start()
    await day.passes(SETTLES_S + 2 * EVERY_S)
    (step,) = day.rows("SELECT outcome FROM journal WHERE step = 'create_fulfillment_event'")
    assert step["outcome"] == ("confirmed" if kind == "lost_answer" else "abandoned")
    assert not day.rows("SELECT * FROM journeys WHERE heard > settled")


async def test_a_fulfillment_that_is_not_shown_in_passing_hears_of_the_delivery_all_the_same(day: Day) -> None:
    """Of a delivery no later news would tell."""
    order_id, package = await a_package(day)
    day.network.vendors = Nulls(day.network.vendors, b"FulfillmentEvents", times=1)
    await scan(day, package, "DE")
    assert told(day, order_id) == []
    await day.passes(WAIT_S + 2 * EVERY_S)
    assert_both_sides_agree(day, order_id, package)


async def test_one_package_that_cannot_be_asked_about_keeps_no_other_waiting(day: Day) -> None:
    _, unreadable = await a_package(day)
    order_id, package = await a_package(day)
    day.shipstation.v2_webhooks.subscriptions.clear()
    day.network.vendors = Refuses(day.network.vendors, f"/v2/labels/se-{unreadable.shipment_id}/track", 200)
    await scan(day, package, "DE")
    await waits_long(day)
    await day.passes(2 * EVERY_S)
    assert_both_sides_agree(day, order_id, package)


@pytest.mark.parametrize("dies_after", [1, 2, 3, 5, 7])
async def test_a_crash_while_shopify_is_told_changes_nothing_about_the_end(day: Day, dies_after: int) -> None:
    order_id, package = await a_package(day)
    await day.stop()
    day.shipstation.carriage.scan(package.shipment_id, "IT")
    day.shipstation.carriage.scan(package.shipment_id, "DE")
    await day.start(dies_after)
    await day.passes(30)
    day.kill()
    await day.start()
    day.shipstation.v2_webhooks.scanned(package)
    await day.passes(5 * SETTLES_S)
    assert_both_sides_agree(day, order_id, package)
    assert not day.rows("SELECT * FROM journal WHERE outcome IN ('intended', 'unknown')")


async def test_a_shop_that_may_not_be_told_goes_on_with_its_orders(virtual_time: None) -> None:
    scopes = tuple(scope for scope in SHOP.scopes if scope != "write_fulfillments")
    day = Day(Fates(shop=replace(SHOP, scopes=(*scopes, "read_fulfillments")), settings=telling()))
    try:
        await day.start()
        order_id, package = await a_package(day)
        await scan(day, package, "IT")
        assert told(day, order_id) == []
        later, _ = await a_package(day)
        assert len(day.fulfillments(later)) == 1
    finally:
        await day.end()


class TestWithoutWebhooks:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=telling(server={"public_url": ""}))

    @EVERY_ENGINE
    async def test_packages_are_asked_for_slowly(self, day: Day) -> None:
        order_id, package = await a_package(day)
        await day.passes(320)
        for code in ("IT", "OFD", "DE"):
            await scan(day, package, code)
            await waits_long(day)
        assert_both_sides_agree(day, order_id, package)
        await waits_long(day)
        assert len(day.calls(f"/v2/labels/se-{package.shipment_id}/track")) == 3

    async def test_voided_labels_are_not_asked_for(self, day: Day) -> None:
        _, package = await a_package(day)
        await day.passes(320)
        day.shipstation.labels.void_label(package.shipment_id)
        await day.passes(320)
        await waits_long(day)
        assert day.calls("/track") == []
        assert day.rows("SELECT COUNT(*) AS n FROM journeys WHERE ask_at IS NOT NULL") == [{"n": 0}]


class TestOnlyFollowed:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=telling("follow"))

    async def test_news_are_kept_and_shopify_is_left_alone(self, day: Day) -> None:
        order_id, package = await a_package(day)
        await scan(day, package, "IT", "EX")
        assert told(day, order_id) == []
        assert (await track_order(await desk_of(day), str(order_id)))["status"] == "exception"
        kept = day.rows("SELECT news FROM journeys WHERE news IS NOT NULL")
        assert len(kept) == 1
        assert "Austin" not in kept[0]["news"]

    async def test_kept_news_are_shown_while_shipstation_cannot_be_asked(self, day: Day) -> None:
        order_id, package = await a_package(day)
        await scan(day, package, "OFD")
        day.shipstation.set_options({"v2_access": "expired"})
        await day.passes(301)
        answer = await track_order(await desk_of(day), str(order_id))
        assert answer["status"] == "out_for_delivery"


async def test_news_overtaken_by_later_ones_are_no_news(day: Day) -> None:
    order_id, package = await a_package(day)
    await scan(day, package, "IT", "DE")
    before = day.rows("SELECT heard FROM journeys")
    late = day.shipstation.v2_webhooks
    journey = day.shipstation.carriage.journey(package.shipment_id)
    day.shipstation.carriage._journeys[package.shipment_id] = replace(journey, scans=journey.scans[:1])
    late.scanned(package)
    await day.passes(120)
    assert day.rows("SELECT heard FROM journeys") == before
    assert told(day, order_id) == ["IN_TRANSIT", "DELIVERED"]


async def test_what_is_not_signed_is_not_believed(day: Day) -> None:
    order_id, package = await a_package(day)
    body = (
        b'{"resource_type": "TRACK_EVENT_V2", "resource_url": "https://api.shipstation.com/v2/labels/se-%d/track",'
        b' "data": {"status_code": "DE", "events": [{"occurred_at": "2026-11-20T12:00:00Z", "status_code": "DE"}]}}'
    )
    assert await day.webhooks.shipstation_posted(SECRET, body % package.shipment_id) == 200
    assert await day.webhooks.shipstation_v2_posted(SECRET, {}, body % package.shipment_id) == 404
    await day.passes(120)
    assert told(day, order_id) == []


async def test_the_events_are_subscribed_to_once(day: Day) -> None:
    await day.passes(10)
    subscriptions = list(day.shipstation.v2_webhooks.subscriptions.values())
    assert ("track_event_v2", f"{PUBLIC}/webhooks/shipstation-v2/{SECRET}") in [
        (one.event, one.url) for one in subscriptions
    ]
    await day.passes(310)
    assert list(day.shipstation.v2_webhooks.subscriptions.values()) == subscriptions


class TestWithToken:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=telling("follow", server={"public_url": PUBLIC, "api_token": "0123456789abcdef01234567"}))

    async def test_a_help_desk_that_asks_often_costs_no_calls(self, day: Day) -> None:
        order_id, package = await a_package(day)
        await scan(day, package, "OFD")
        assert day.duties is not None
        for ref in (str(order_id), day.order(order_id)["name"], f"main/{order_id}"):
            answer = await day.duties.track(ref)
            assert answer["status"] == "out_for_delivery"
        assert day.calls("/track") == []
        assert "Austin" not in str(answer)
