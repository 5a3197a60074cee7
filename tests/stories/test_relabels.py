"""Stories of voided labels: goods packed again, as one, as two, or not at all, told to the customer exactly once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncd.operate.wake import retry_orders
from syncd.ports import Http, Request, Response
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from tests.orders_api import ON_V1_ALONE
from tests.stories.packing import BOTH, GRACE_S, SETTINGS, Shipment, an_order, assert_told, label, numbers, void


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=SETTINGS)


@BOTH
async def test_a_new_label_for_the_same_goods_takes_over_the_fulfillment_without_a_second_mail(day: Day) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    (told,) = day.fulfillments(order_id)
    await void(day, first)
    assert await day.cause(order_id) == "label_voided"
    second = label(day, there, carrier_code="ups_walleted", service_code="ups_ground")
    await day.rest()
    (after,) = day.fulfillments(order_id)
    assert (after["id"], after["mails"]) == (told["id"], 1)
    assert after["tracking"][0]["company"] == "UPS"
    await assert_told(day, order_id, second)
    assert len(day.calls("fulfillmentCancel")) == 0
    await day.passes(GRACE_S + 120)
    await assert_told(day, order_id, second)


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(sync={"notify_on_relabel": True}))])
async def test_the_merchant_may_want_a_mail_for_a_new_label_and_a_lost_answer_sends_no_further_one(day: Day) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    day.shopify.faults.set([FaultRule("lost_answer", "UpdateTracking", times=1)])
    second = label(day, there)
    await day.rest()
    (after,) = day.fulfillments(order_id)
    assert (numbers(day, order_id), after["mails"]) == ({second.tracking_number: 2}, 2)
    assert await day.cause(order_id) == "shipped"
    assert len(day.calls("fulfillmentTrackingInfoUpdate")) == 1


@BOTH
async def test_goods_that_do_not_leave_after_all_are_open_again_and_stay_the_same_consignment(day: Day) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    pushes = len(day.calls("createorders"))
    await void(day, first)
    await day.passes(GRACE_S + 90)
    await day.rest()
    assert day.fulfillments(order_id) == []
    account = await day.assert_clean()
    assert account.causes == {"in_shipstation": 1}
    assert [one["orderId"] for one in day.there(order_id)] == [there["orderId"]]
    assert len(day.calls("createorders")) == pushes
    second = label(day, there)
    await day.rest()
    await assert_told(day, order_id, second)


@pytest.mark.parametrize("kind", ["lost_request", "lost_answer"])
async def test_a_label_voided_while_nobody_knows_whether_it_was_told_leaves_nothing_behind(day: Day, kind: Any) -> None:
    order_id, there = await an_order(day)
    day.shopify.faults.set([FaultRule(kind, "CreateFulfillment", times=1)])
    first = label(day, there)
    await day.until(lambda: day.calls("fulfillmentCreate"))
    await void(day, first)
    await day.passes(GRACE_S + 180)
    await day.rest()
    assert day.fulfillments(order_id) == []
    assert (await day.assert_clean()).causes == {"in_shipstation": 1}
    assert day.rows("SELECT step FROM journal WHERE outcome IN ('intended', 'unknown')") == []


@pytest.mark.parametrize("kind", ["lost_request", "lost_answer"])
async def test_a_new_label_that_comes_while_the_old_one_is_taken_back_is_told_once(day: Day, kind: Any) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    day.shopify.faults.set([FaultRule(kind, "CancelFulfillment", times=1)])
    day.shipstation.labels.void_label(first.shipment_id)
    await day.until(lambda: day.calls("fulfillmentCancel"), longest_s=GRACE_S + 200)
    second = label(day, there)
    await day.rest()
    await assert_told(day, order_id, second)


@pytest.mark.parametrize("quantity", [1, 2])
async def test_a_label_replaced_before_its_lost_answer_is_looked_up_is_told_once(day: Day, quantity: int) -> None:
    order_id, there = await an_order(day, quantity=quantity)
    day.shopify.faults.set([FaultRule("lost_answer", "CreateFulfillment", times=1)])
    first = label(day, there, 1)
    await day.until(lambda: day.calls("fulfillmentCreate"))
    day.shipstation.labels.void_label(first.shipment_id)
    second = label(day, there, 1)
    await day.rest()
    [done] = day.fulfillments(order_id)
    assert ([one["number"] for one in done["tracking"]], done["mails"]) == ([second.tracking_number], 1)
    assert not day.rows("SELECT * FROM journal WHERE step = 'state' AND facts LIKE '%overshipped%'")


class Late:
    """The vendors; the first such mutation is carried out so late that nobody waits for its answer any more."""

    def __init__(self, vendors: Http, mutation: str) -> None:
        self.has_begun = asyncio.Event()
        self._vendors = vendors
        self._mutation = mutation.encode()

    async def send(self, request: Request) -> Response:
        if self._mutation in (request.body or b"") and not self.has_begun.is_set():
            self.has_begun.set()
            await asyncio.sleep(55.0)
        return await self._vendors.send(request)


async def replaced_and_retried_meanwhile(day: Day, order_id: int, there: dict[str, Any], mutation: str) -> Shipment:
    """A label for one unit, voided while this call about it is late, and then the next one, for which a person does not wait:
    `syncd retry` ends the time that an order is left alone after a lost answer."""
    day.network.vendors = vendors = Late(day.network.vendors, f"mutation {mutation}")
    late = label(day, there, 1)
    await vendors.has_begun.wait()
    day.shipstation.labels.void_label(late.shipment_id)
    new = label(day, there, 1)
    await day.until(lambda: bool(day.rows("SELECT 1 FROM journal WHERE outcome = 'unknown'")))
    await retry_orders(await desk_of(day), [f"main/{order_id}"])
    await day.passes(GRACE_S + 300)
    return new


async def test_a_late_number_of_a_voided_label_is_not_written_over_that_of_the_next(day: Day) -> None:
    order_id, there = await an_order(day, quantity=1)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    third = await replaced_and_retried_meanwhile(day, order_id, there, "UpdateTracking")
    await assert_told(day, order_id, third)


async def test_a_late_fulfillment_of_a_voided_label_is_not_mailed_about_beside_the_next(day: Day) -> None:
    """Where as many units more are open, Shopify takes both."""
    order_id, there = await an_order(day, quantity=2)
    second = await replaced_and_retried_meanwhile(day, order_id, there, "CreateFulfillment")
    assert numbers(day, order_id) == {second.tracking_number: 1}
    assert sum(one["mails"] for one in day.order(order_id)["fulfillments"]) == 1


async def test_of_two_packages_only_the_voided_one_changes(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=2)
    stays, voided = label(day, there, 2, 0), label(day, there, 0, 2)
    await day.rest()
    before = {one["tracking"][0]["number"]: one["id"] for one in day.fulfillments(order_id)}
    await void(day, voided)
    assert await day.cause(order_id) == "partly_shipped"
    again = label(day, there, 0, 2)
    await day.rest()
    await assert_told(day, order_id, stays, again)
    after = {one["tracking"][0]["number"]: one["id"] for one in day.fulfillments(order_id)}
    assert after[stays.tracking_number] == before[stays.tracking_number]
    assert after[again.tracking_number] == before[voided.tracking_number]


@ON_V1_ALONE
async def test_two_voided_packages_packed_again_as_one(day: Day) -> None:
    order_id, there = await an_order(day, lines=2)
    first, second = label(day, there, 2, 0), label(day, there, 0, 2)
    await day.rest()
    await void(day, first, second)
    whole = label(day, there)
    await day.rest()
    await assert_told(day, order_id, whole)


@BOTH
async def test_one_voided_package_packed_again_as_two(day: Day) -> None:
    order_id, there = await an_order(day, quantity=3)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    parts = [label(day, there, 1), label(day, there, 2)]
    await day.rest()
    await assert_told(day, order_id, *parts)


@ON_V1_ALONE
async def test_what_was_voided_is_packed_again_together_with_the_rest(day: Day) -> None:
    order_id, there = await an_order(day, quantity=3)
    first = label(day, there, 1)
    await day.rest()
    await void(day, first)
    whole = label(day, there)
    await day.rest()
    await assert_told(day, order_id, whole)


async def test_only_a_part_of_what_was_voided_leaves(day: Day) -> None:
    order_id, there = await an_order(day, quantity=3)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    part = label(day, there, 1)
    await day.rest()
    assert numbers(day, order_id) == {part.tracking_number: 1}
    assert await day.cause(order_id) == "partly_shipped"
    assert (await day.assert_clean()).mails == 1


@pytest.mark.parametrize("dies_after", range(1, 9))
async def test_a_crash_while_a_label_is_replaced_changes_nothing_about_the_end(day: Day, dies_after: int) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    second = label(day, there)
    await day.until(lambda: day.rows("SELECT 1 FROM packages WHERE NOT voided"))
    day.kill()
    await day.start(dies_after)
    await day.passes(30)
    if day.life.is_over:
        await day.start()
    await day.rest()
    await assert_told(day, order_id, second)


async def test_what_somebody_fulfills_by_hand_after_its_label_was_voided_leaves_shipstation(day: Day) -> None:
    """The voided package keeps the fulfillment that we took back: it says nothing of what is gone."""
    order_id, there = await an_order(day, lines=1, quantity=1)
    parcel = label(day, there)
    await day.rest()
    await void(day, parcel)
    await day.passes(GRACE_S + 120)
    await day.rest()
    assert day.fulfillments(order_id) == []
    day.shopify.people.fulfill(order_id)
    await day.rest()
    assert [one["status"] for one in day.there(order_id)] == ["cancelled"]
    assert await day.cause(order_id) == "fulfilled_elsewhere"
    await day.assert_clean()
