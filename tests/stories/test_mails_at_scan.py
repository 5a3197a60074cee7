"""Stories of customers who are mailed about a package once its carrier has it, and once only."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.operate.explain import explain_order
from syncd.operate.wake import retry_orders
from syncd.sandbox.shipstation.records import Shipment
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from tests.orders_api import ON_V1_ALONE
from tests.stories.packing import an_order, label
from tests.stories.test_memory import loses_its_memory
from tests.stories.test_news import EVERY_ENGINE, REST_S, SETTLES_S, a_package, scan, waits_long


def at_scan(**sync: Any) -> Fates:
    polls = {"start_at": "2000-01-01T00:00:00Z", "order_poll_s": 300.0, "shipment_poll_s": 300.0}
    return Fates(settings=settings_of(sync={**polls, "notify_customer": "scan", "void_grace_s": 150.0, **sync}))


@pytest.fixture
def fates() -> Fates:
    return at_scan()


def mails(day: Day, order_id: int) -> int:
    (fulfillment,) = day.fulfillments(order_id)
    return int(fulfillment["mails"])


@EVERY_ENGINE
async def test_the_label_is_told_in_silence_and_the_first_scan_with_a_mail(day: Day) -> None:
    order_id, package = await a_package(day)
    assert mails(day, order_id) == 0
    await scan(day, package, "AC", "IT", "DE")
    await day.passes(3 * SETTLES_S)
    assert mails(day, order_id) == 1
    (fulfillment,) = day.fulfillments(order_id)
    assert [one["number"] for one in fulfillment["tracking"]] == [package.tracking_number]
    assert fulfillment["events"] == []
    story = [one["text"] for one in (await explain_order(await desk_of(day), str(order_id), True))["story"]]
    assert f"The carrier has package s{package.shipment_id}: Shopify was asked to mail the customer." in story


async def test_a_scan_that_no_webhook_told_of_is_found_by_asking(day: Day) -> None:
    order_id, package = await a_package(day)
    day.shipstation.v2_webhooks.subscriptions.clear()
    await scan(day, package, "IT")
    assert mails(day, order_id) == 0
    await waits_long(day)
    assert mails(day, order_id) == 1


@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "error_500_after", "error_500_before", "throttled"])
async def test_no_lost_answer_mails_twice(day: Day, kind: Any) -> None:
    order_id, package = await a_package(day)
    day.shopify.faults.set([FaultRule(kind, "UpdateTracking", times=1)])
    await scan(day, package, "IT")
    await day.passes(20 * SETTLES_S)
    await scan(day, package, "DE")
    await day.passes(3 * SETTLES_S)
    assert mails(day, order_id) == (0 if kind in ("lost_request", "error_500_before") else 1)
    assert not day.rows("SELECT * FROM journal WHERE outcome IN ('intended', 'unknown')")


@pytest.mark.parametrize("dies_after", [1, 2, 3, 5, 7])
async def test_no_crash_mails_twice(day: Day, dies_after: int) -> None:
    order_id, package = await a_package(day)
    await day.stop()
    day.shipstation.carriage.scan(package.shipment_id, "IT")
    await day.start(dies_after)
    await day.passes(30)
    day.kill()
    await day.start()
    day.shipstation.v2_webhooks.scanned(package)
    await day.passes(5 * SETTLES_S)
    assert mails(day, order_id) <= 1
    assert not day.rows("SELECT * FROM journal WHERE outcome IN ('intended', 'unknown')")


async def relabelled(day: Day, order_id: int, package: Shipment) -> Shipment:
    day.shipstation.labels.void_label(package.shipment_id)
    await day.rest(quiet_s=REST_S)
    new: Shipment = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest(quiet_s=REST_S)
    return new


@pytest.mark.parametrize(("fates", "count"), [(at_scan(), 1), (at_scan(notify_on_relabel=True), 2)])
async def test_a_label_replaced_after_its_scan_mails_again_only_where_the_merchant_wants_it(
    day: Day, count: int
) -> None:
    order_id, package = await a_package(day)
    await scan(day, package, "AC")
    new = await relabelled(day, order_id, package)
    await scan(day, new, "IT")
    await day.passes(3 * SETTLES_S)
    assert mails(day, order_id) == count
    (fulfillment,) = day.fulfillments(order_id)
    assert [one["number"] for one in fulfillment["tracking"]] == [new.tracking_number]


async def test_what_is_marked_as_shipped_without_a_label_is_mailed_about_at_once(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest(quiet_s=REST_S)
    day.shipstation.labels.mark_shipped(day.there(order_id)[0]["orderId"], "fedex", "HAND-1")
    await day.rest()
    assert mails(day, order_id) == 1


@pytest.mark.parametrize("is_scanned", [True, False], ids=["voided after its scan", "voided before it"])
async def test_what_is_marked_as_shipped_in_place_of_a_voided_label_was_mailed_about_or_is(
    day: Day, is_scanned: bool
) -> None:
    """Its label was told in silence, and nobody scans what has none."""
    order_id, package = await a_package(day)
    if is_scanned:
        await scan(day, package, "AC")
    assert mails(day, order_id) == int(is_scanned)
    day.shipstation.labels.void_label(package.shipment_id)
    await day.rest(quiet_s=REST_S)
    day.shipstation.labels.mark_shipped(day.there(order_id)[0]["orderId"], "fedex", "HAND-1")
    await day.rest()
    assert mails(day, order_id) == 1
    (fulfillment,) = day.fulfillments(order_id)
    assert [one["number"] for one in fulfillment["tracking"]] == ["HAND-1"]


@pytest.mark.parametrize("is_scanned", [True, False], ids=["scanned before", "scanned after"])
async def test_a_database_that_is_lost_mails_nobody_twice(day: Day, is_scanned: bool) -> None:
    order_id, package = await a_package(day)
    if is_scanned:
        await scan(day, package, "AC")
    await loses_its_memory(day)
    assert mails(day, order_id) == int(is_scanned)
    await scan(day, package, "IT", "DE")
    await waits_long(day)
    assert mails(day, order_id) == 1


async def test_what_was_labelled_and_scanned_while_the_daemon_was_down_is_mailed_about(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest(quiet_s=REST_S)
    await day.stop()
    package = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await scan(day, package, "AC")
    await day.passes(3600)
    await day.start()
    await day.rest(quiet_s=REST_S)
    await waits_long(day)
    assert mails(day, order_id) == 1


@ON_V1_ALONE
async def test_the_rest_of_an_overpacked_box_is_not_mailed_about_once_more(day: Day) -> None:
    order_id, there = await an_order(day, quantity=2)
    package = label(day, there, 3, force=True)
    await day.rest(quiet_s=REST_S)
    await scan(day, package, "AC")
    day.shopify.people.edit(order_id, quantities={day.order(order_id)["lines"][0]["id"]: 3})
    day.shopify.people.pay(order_id)
    await day.rest(quiet_s=REST_S)
    await retry_orders(await desk_of(day), [f"main/{order_id}"])
    await day.rest(quiet_s=REST_S)
    await scan(day, package, "IT")
    assert [one["mails"] for one in day.fulfillments(order_id)] == [1, 0]
