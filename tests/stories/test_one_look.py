"""Stories of one answer that lacked a row or a member: what the next look shows is what counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncd.simulation.day import ON_V2, Day, Fates
from tests.orders_api import ON_V1_ALONE
from tests.stories.holes import OneAnswer
from tests.stories.packing import BOTH, SETTINGS, an_order, assert_told, label


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
