"""Stories of packages: sent by others, held, too full; the link that the customer gets, and the operator's commands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncd.hints import Mark, order_subject
from syncd.operate.explain import explain_order
from syncd.operate.explained import explain_text
from syncd.operate.wake import retry_orders
from syncd.ports import Request
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from syncd.simulation.written import writes_orders
from syncd.store.marks import mark
from tests.orders_api import ON_V1_ALONE
from tests.stories.packing import BOTH, GRACE_S, SETTINGS, an_order, assert_told, label, numbers, void


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=SETTINGS)


async def test_what_somebody_fulfills_in_shopify_leaves_shipstation(day: Day) -> None:
    order_id, _ = await an_order(day, lines=1, quantity=3)
    (line,) = [line["id"] for line in day.order(order_id)["lines"]]
    day.shopify.people.fulfill(order_id, lines={line: 1}, tracking_number="BY-HAND", company="UPS")
    await day.rest()
    assert [item["quantity"] for item in day.there(order_id)[0]["items"]] == [2]
    assert await day.cause(order_id) == "partly_shipped"
    await day.assert_clean()
    day.shopify.people.fulfill(order_id)
    await day.rest()
    assert [one["status"] for one in day.there(order_id)] == ["cancelled"]
    assert await day.cause(order_id) == "fulfilled_elsewhere"
    await day.assert_clean()


async def a_parcel_beside_a_fulfillment_by_hand(day: Day) -> tuple[int, Any]:
    """The order and its label, of which Shopify cannot be told. No webhook comes any more."""
    order_id, there = await an_order(day, lines=1, quantity=2)
    day.shopify.people.fulfill(order_id)
    parcel = label(day, there, 2)
    await day.rest()
    assert await day.cause(order_id) == "overshipped"
    day.shopify.people.unsubscribe()
    return order_id, parcel


async def test_a_parcel_in_whose_way_a_fulfillment_by_hand_stood_is_told_once_that_is_taken_back(day: Day) -> None:
    """Though every webhook of it is lost: the order's own list must be enough."""
    order_id, parcel = await a_parcel_beside_a_fulfillment_by_hand(day)
    day.shopify.people.cancel_fulfillment(day.fulfillments(order_id)[0]["id"])
    await day.passes(day.settings.sync.order_poll_s + 1)
    await day.rest()
    await assert_told(day, order_id, parcel)


async def test_it_is_told_too_where_the_order_was_read_anew_for_another_reason(day: Day) -> None:
    """Its own list has no news of it any more then."""
    order_id, parcel = await a_parcel_beside_a_fulfillment_by_hand(day)
    lists = ("OrdersSince", "FulfillmentOrdersSince")
    day.shopify.faults.set([FaultRule("error_500_before", operation=one, times=4) for one in lists])
    day.shopify.people.cancel_fulfillment(day.fulfillments(order_id)[0]["id"])
    await day.passes(6.0)
    await day.db.run(mark([Mark("orders", order_subject("main", order_id))], day.clock.now()))
    await day.passes(6 * day.settings.sync.order_poll_s)
    await day.rest()
    await assert_told(day, order_id, parcel)


@BOTH
async def test_a_parcel_that_left_before_the_hold_arrived_is_told_once_the_hold_ends(day: Day) -> None:
    """No webhook of Shopify names the order of a hold, and none speaks of a parcel: the end of the hold must be enough."""
    order_id, there = await an_order(day)
    day.shopify.people.hold(order_id)
    parcel = label(day, there)
    await day.rest()
    assert await day.cause(order_id) == "fulfillment_hold"
    assert "left although Shopify holds its goods" in (await day.told())[order_id]["detail"]
    assert day.fulfillments(order_id) == []
    day.shopify.people.release(order_id)
    await day.rest()
    await assert_told(day, order_id, parcel)


async def test_a_parcel_that_waits_for_the_end_of_a_hold_is_no_pending_work_even_after_a_failed_look(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shopify.people.hold(order_id)
    label(day, there)
    day.shopify.faults.set([FaultRule("error_500_before", operation="OrdersShipped", times=5)])
    await day.rest()
    assert day.rows("SELECT attempts, error_code FROM marks WHERE flow = 'shipments'") == [
        {"attempts": 0, "error_code": None}
    ]


async def test_goods_that_left_beside_held_ones_are_not_missing(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=1)
    parcel = label(day, there)
    day.shopify.people.hold(order_id, lines={day.order(order_id)["lines"][0]["id"]: 1})
    await day.rest()
    assert day.fulfillments(order_id) == []
    assert (await day.account()).missing == []
    day.shopify.people.release(order_id)
    await day.rest()
    await assert_told(day, order_id, parcel)


async def test_a_parcel_is_told_within_the_hour_when_only_its_own_goods_were_released(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=1)
    first, _ = day.order(order_id)["lines"]
    day.shopify.people.hold(order_id, lines={first["id"]: 1})
    day.shopify.people.hold(order_id)
    label(day, there, 1, 0)
    await day.rest()
    assert day.fulfillments(order_id) == []
    (held,) = [one for one in day.order(order_id)["fulfillmentOrders"] if one["lines"][0]["lineId"] == first["id"]]
    day.shopify.people.release(order_id, fulfillment_order_id=held["id"])
    await day.passes(3700)
    await day.rest()
    (told,) = day.fulfillments(order_id)
    assert {int(line_id): units for line_id, units in told["lines"].items()} == {first["id"]: 1}


async def test_a_fulfillment_made_by_hand_for_the_very_package_is_recognised(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shopify.people.set_options({"webhooks": {"enabled": False}})
    shipment = label(day, there)
    day.shopify.people.fulfill(order_id, tracking_number=shipment.tracking_number, company="USPS", notify=True)
    await day.rest()
    assert len(day.calls("fulfillmentCreate")) == 0
    await assert_told(day, order_id, shipment)


@ON_V1_ALONE
@BOTH
async def test_an_overpacked_box_is_told_as_far_as_shopify_takes_it(day: Day) -> None:
    order_id, there = await an_order(day, quantity=2)
    shipment = label(day, there, 3, force=True)
    await day.rest()
    told = (await day.told())[order_id]
    assert told["cause"] == "overshipped"
    assert "3 packed, 2 left" in told["detail"] or "1 packed, 0 left" in told["detail"]
    assert numbers(day, order_id) == {shipment.tracking_number: 2}
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.edit(order_id, quantities={line: 3})
    day.shopify.people.pay(order_id)
    await day.rest()
    await retry_orders(await desk_of(day), [f"main/{order_id}"])
    await day.rest()
    assert [one["orderId"] for one in day.there(order_id)] == [there["orderId"]]
    assert [(sum(one["lines"].values()), one["mails"]) for one in day.fulfillments(order_id)] == [(2, 1), (1, 0)]
    assert await day.cause(order_id) == "shipped"


# The customer's link, and the operator's commands

OWN_CARRIER = {"acme_freight": {"company": "Acme", "url": "https://acme.example.com/track/{number}"}}


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(carriers=OWN_CARRIER))])
async def test_a_carrier_of_the_settings_gets_its_name_and_its_link(day: Day) -> None:
    order_id, there = await an_order(day)
    shipment = label(day, there, carrier_code="acme_freight", service_code="acme_ground")
    await day.rest()
    (tracking,) = day.fulfillments(order_id)[0]["tracking"]
    number = shipment.tracking_number
    assert tracking == {"company": "Acme", "number": number, "url": f"https://acme.example.com/track/{number}"}


async def test_retry_wakes_a_package_that_shopify_refused(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shopify.people.hold(order_id)
    shipment = label(day, there, force=True)
    await day.rest()
    assert await day.cause(order_id) in {"fulfillment_hold", "edited_after_label"}
    day.shopify.people.set_options({"webhooks": {"enabled": False}})
    day.shopify.people.release(order_id)
    await retry_orders(await desk_of(day), [f"main/{order_id}"])
    await day.rest()
    await assert_told(day, order_id, shipment)


@ON_V1_ALONE
async def test_the_story_of_a_voided_and_replaced_label_can_be_read(day: Day) -> None:
    order_id, there = await an_order(day, lines=2)
    first, second = label(day, there, 2, 0), label(day, there, 0, 2)
    await day.rest()
    await void(day, first)
    again = label(day, there, 2, 0)
    await day.rest()
    await void(day, second)
    await day.passes(GRACE_S + 90)
    story = explain_text(await explain_order(await desk_of(day), f"main/{order_id}", offline=False))
    assert f"now shows the new label {again.tracking_number} instead of the voided one" in story
    assert f"Shopify's fulfillment of package s{second.shipment_id} was taken back: the label is void" in story
    assert f"Package s{first.shipment_id}: USPS {first.tracking_number}, label voided, not in Shopify" in story


@ON_V1_ALONE
async def test_an_order_marked_as_shipped_before_anybody_knew_its_id_or_name_is_told(day: Day) -> None:
    """The daemon died before the answer came, and Shopify could not be read while ShipStation told of the package, and of later
    ones: the list is not read so far back again."""
    _, other = await an_order(day)

    def dies(request: Request) -> None:
        if writes_orders(request):
            day.network.before = None
            asyncio.get_running_loop().call_later(0.01, day.kill)

    day.network.before = dies
    (order_id,) = day.sell(lines=2)
    await day.until(lambda: day.there(order_id))
    (there,) = day.there(order_id)
    assert await day.cause(order_id) == ""
    parcel = day.shipstation.labels.mark_shipped(there["orderId"], "fedex", "770012345678")
    day.shopify.faults.set([FaultRule("error_500_before", operation="OrdersToShip")])
    await day.start()
    await day.passes(1000.0)
    day.shipstation.labels.mark_shipped(other["orderId"], "fedex", "770087654321")
    await day.passes(100.0)
    day.shopify.faults.set([])
    await day.rest()
    await day.assert_clean()
    assert numbers(day, order_id).keys() == {parcel.tracking_number}
