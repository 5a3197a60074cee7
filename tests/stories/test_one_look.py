"""Stories of one answer that lacked a row or a member: what the next look shows is what counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import ON_V2, Day, Fates, settings_of
from tests.orders_api import ON_V1_ALONE
from tests.stories.coming_back import arrives, money, policy, sent_back, state_of, units_worth
from tests.stories.holes import OneAnswer
from tests.stories.packing import BOTH, SETTINGS, an_order, assert_told, label
from tests.stories.test_memory import loses_its_memory


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=SETTINGS)


def spoils(day: Day, asked: str, spoil: Callable[[Any], Any]) -> OneAnswer:
    day.network.vendors = spoiled = OneAnswer(day.network.vendors, asked, spoil)
    return spoiled


# Packages


def without_an_item(body: Any) -> bool:
    return any(len(one["shipmentItems"]) > 1 and one["shipmentItems"].pop() for one in body["shipments"])


def without_items(body: Any) -> bool:
    return any(one["shipmentItems"] and not one.update(shipmentItems=[]) for one in body["shipments"])


@ON_V1_ALONE
@BOTH
async def test_what_an_answer_left_out_of_a_package_is_told_once_it_shows(day: Day) -> None:
    """The customer is mailed once: the rest of a package is no news."""
    order_id, there = await an_order(day, lines=2, quantity=1)
    spoiled = spoils(day, "/shipments?", without_an_item)
    shipment = label(day, there)
    await day.rest()
    assert spoiled.is_spent
    assert [(sum(one["lines"].values()), one["mails"]) for one in day.fulfillments(order_id)] == [(1, 1), (1, 0)]
    assert {one["tracking"][0]["number"] for one in day.fulfillments(order_id)} == {shipment.tracking_number}
    assert await day.cause(order_id) == "shipped"


@ON_V1_ALONE
async def test_a_package_whose_content_an_answer_left_out_is_looked_into_again(day: Day) -> None:
    """Taken for all that was left, it would be told with goods that are still there."""
    order_id, there = await an_order(day, lines=2, quantity=1)
    spoiled = spoils(day, "/shipments?", without_items)
    first = label(day, there, 1, 0)
    await day.rest()
    assert spoiled.is_spent
    assert [sum(one["lines"].values()) for one in day.fulfillments(order_id)] == [1]
    second = label(day, there)
    await day.rest()
    await assert_told(day, order_id, first, second)


def the_second_without_a_number() -> Callable[[Any], bool]:
    seen: list[Any] = []

    def spoil(body: Any) -> bool:
        orders = (body.get("data") or {}).get("nodes") or []
        found = [one for order in orders if order for one in order.get("fulfillments", ())]
        seen.extend(found[:1])
        return len(seen) == 2 and not found[0].update(trackingInfo=[])

    return spoil


@ON_V1_ALONE
async def test_a_fulfillment_whose_number_one_answer_left_out_is_not_made_once_more(day: Day) -> None:
    """Its own answer was lost, and units like those that it holds are still there."""
    order_id, there = await an_order(day, lines=1, quantity=2)
    day.shopify.faults.set([FaultRule("lost_answer", operation="CreateFulfillment", times=1)])
    spoiled = spoils(day, "OrdersShipped", the_second_without_a_number())
    first = label(day, there, 1)
    await day.rest()
    assert spoiled.is_spent
    assert len(day.fulfillments(order_id)) == 1
    second = label(day, there)
    await day.rest()
    await assert_told(day, order_id, first, second)


# What is written over


def without_a_row(body: Any) -> bool:
    return len(body.get("items", ())) > 1 and bool(body["items"].pop())


def without_a_city(body: Any) -> bool:
    return "shipTo" in body and bool(body["shipTo"].pop("city"))


@pytest.mark.parametrize(
    "spoil", [pytest.param(without_a_row, id="an item"), pytest.param(without_a_city, id="a city", marks=ON_V1_ALONE)]
)
async def test_what_an_answer_left_out_of_an_order_is_not_erased_there(day: Day, spoil: Callable[[Any], Any]) -> None:
    order_id, there = await an_order(day, lines=2, quantity=1)
    spoiled = spoils(day, "/v2/shipments/" if ON_V2 else "/orders/", spoil)
    day.shopify.people.edit(order_id, note="Ring twice")
    await day.rest()
    assert spoiled.is_spent
    (after,) = day.there(order_id)
    assert [item["lineItemKey"] for item in after["items"]] == [item["lineItemKey"] for item in there["items"]]
    assert after["shipTo"]["city"] == there["shipTo"]["city"]
    await day.assert_clean()
    assert await day.cause(order_id) == "in_shipstation"


# Money


def without_the_line(body: Any) -> bool:
    return bool(body["data"]["lines"]) and not body["data"].update(lines=[None])


def without_a_refund(body: Any) -> bool:
    return bool(body["data"]["order"]["refunds"]) and bool(body["data"]["order"]["refunds"].pop())


def without_a_suggestion(body: Any) -> bool:
    suggested = body["data"]["order"].get("suggestedRefund") or {}
    return bool(suggested.get("suggestedTransactions")) and bool(suggested["suggestedTransactions"].pop())


AUTOMATIC = policy(refund="automatic", refund_limit="9000")


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
@pytest.mark.parametrize("spoil", [without_the_line, without_a_suggestion])
async def test_what_one_answer_left_out_keeps_no_money_back_for_good(day: Day, spoil: Callable[[Any], Any]) -> None:
    """A line that is not shown would count as refunded by others, and a part of the amount as all of it."""
    order_id, coming = await sent_back(day)
    spoiled = spoils(day, "OrderReturning", lambda body: is_asked(body) and spoil(body))
    await arrives(day, coming)
    assert spoiled.is_spent
    assert state_of(day, order_id)["outcome"] == "refunded"
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)


def is_asked(body: Any) -> bool:
    """About goods that have arrived."""
    return "returnStatus" in body["data"]["order"]


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_a_refund_that_one_answer_left_out_is_not_made_once_more(day: Day) -> None:
    """By amount alone, so that no count of goods tells of it."""
    order_id, coming = await sent_back(day)
    paid = units_worth(day, order_id, 1)
    day.shopify.people.refund(order_id, amount=paid)
    await day.rest()
    spoiled = spoils(day, "OrderReturning", lambda body: is_asked(body) and without_a_refund(body))
    await arrives(day, coming)
    assert spoiled.is_spent
    assert money(day, order_id)[1] == paid


# What was told


def without_a_fulfillment(body: Any) -> bool:
    orders = [one for one in body["data"]["nodes"] if one and one.get("fulfillments")]
    return bool(orders) and bool(orders[0]["fulfillments"].pop())


@ON_V1_ALONE
async def test_a_package_whose_fulfillment_one_answer_left_out_is_told_once(day: Day) -> None:
    """The answer to our call was lost, and there are units left for a second one."""
    order_id, there = await an_order(day, quantity=3)
    day.shopify.faults.set([FaultRule("lost_answer", "CreateFulfillment", times=1)])
    spoiled = spoils(day, "OrdersShipped", without_a_fulfillment)
    first = label(day, there, 1)
    await day.rest()
    assert spoiled.is_spent
    second = label(day, there)
    await day.rest()
    await assert_told(day, order_id, first, second)


# What waits for a person


def nulled(body: Any) -> bool:
    orders = [one for one in body["data"]["nodes"] if one and one["shippingAddress"]]
    return bool(orders) and not orders[0]["shippingAddress"].update(city=None)


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(sync={"grace_s": 300}))])
async def test_an_address_of_which_one_answer_left_out_the_city_waits_for_no_person(day: Day) -> None:
    """After the grace period nothing else tells of the order."""
    (order_id,) = day.sell()
    await day.passes(200)
    spoiled = spoils(day, "OrdersToShip", nulled)
    await day.passes(200)
    assert spoiled.is_spent
    assert await day.cause(order_id) == "in_shipstation"
    await day.assert_clean()


# What is known again


def without(order_id: int) -> Callable[[Any], bool]:
    def spoil(body: Any) -> bool:
        shown = body["orders"]
        body["orders"] = [one for one in shown if one["orderId"] != order_id]
        return len(body["orders"]) < len(shown)

    return spoil


@ON_V1_ALONE
async def test_an_order_that_a_list_left_out_after_a_lost_database_is_not_written_over(day: Day) -> None:
    """A unit of it was split off, and lies in the other one."""
    _, there = await an_order(day)
    day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    await day.passes(60)
    await an_order(day)
    writes = day.writes()
    spoiled = spoils(day, "modifyDateStart", without(there["orderId"]))
    await loses_its_memory(day)
    assert spoiled.is_spent
    assert day.writes() == writes
    await day.assert_clean()
