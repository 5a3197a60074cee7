"""Stories of one answer that lacked a row or a member: what the next look shows is what counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncd.simulation.day import Day, Fates
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
