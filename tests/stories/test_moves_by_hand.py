"""Stories of goods that leave from elsewhere, after people in ShipStation put their order on hold or typed something into it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.operate.explain import plan_order_now
from syncd.operate.rulings import resolve_order
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of
from tests.orders_api import ON_V1_ALONE
from tests.stories.sweeping import sold, swept, there_of

ELSEWHERE, THIRD = 82734628, 82734629
HOLD = pytest.param(True, {}, "orderStatus", id="on hold", marks=ON_V1_ALONE)
NOTE = pytest.param(False, {"customerNotes": "Ring at gate 3"}, "customerNotes", id="a note")
STREET = pytest.param(False, {"shipTo": {"street1": "Gate 3"}}, "shipTo", id="an address")


async def at_hand(day: Day, is_held: bool, typed: dict[str, Any]) -> int:
    """An order on which somebody in ShipStation laid a hand."""
    (order_id,) = await sold(day, lines=1, quantity=2)
    there = there_of(day, order_id)["orderId"]
    if is_held:
        day.shipstation.desk.hold(there)
    if typed:
        day.shipstation.edit(there, typed)
    return order_id


@pytest.mark.parametrize(("is_held", "typed", "field"), [HOLD, NOTE, STREET])
async def test_a_move_waits_for_a_person_where_the_warehouse_had_its_hand_in_the_order(
    day: Day, is_held: bool, typed: dict[str, Any], field: str
) -> None:
    order_id = await at_hand(day, is_held, typed)
    before = there_of(day, order_id)
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE)
    await day.rest()
    await swept(day)
    assert (await day.cause(order_id), there_of(day, order_id)) == ("changed_on_both_sides", before)
    desk = await desk_of(day)
    (conflict,) = (await plan_order_now(desk, str(order_id)))["orders"]["conflicts"]
    assert conflict["field"] == field
    await resolve_order(desk, str(order_id), "shopify")
    await day.rest()
    assert await day.cause(order_id) == "in_shipstation"
    assert {(one["warehouseId"], one["status"]) for one in day.there(order_id)} == {
        (501, "cancelled"),
        (502, "awaiting_shipment"),
    }


@pytest.mark.parametrize(("is_held", "typed", "field"), [HOLD, NOTE, STREET])
async def test_a_cancellation_does_not_wait_for_the_warehouse(
    day: Day, is_held: bool, typed: dict[str, Any], field: str
) -> None:
    order_id = await at_hand(day, is_held, typed)
    day.shopify.people.cancel(order_id)
    await day.rest()
    assert (await day.cause(order_id), there_of(day, order_id)["status"]) == ("cancelled", "cancelled")


@ON_V1_ALONE
async def test_what_is_released_there_moves_after_all(day: Day) -> None:
    order_id = await at_hand(day, True, {})
    there = there_of(day, order_id)["orderId"]
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE)
    await day.rest()
    day.shipstation.desk.release(there)
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"
    assert sorted(one["status"] for one in day.there(order_id)) == ["awaiting_shipment", "cancelled"]


def units_at(day: Day, order_id: int) -> dict[int, tuple[str, int]]:
    """Warehouse -> status and units of what lies there."""
    there = [one for one in day.there(order_id) if one["status"] != "cancelled"]
    return {one["warehouseId"]: (one["status"], sum(item["quantity"] for item in one["items"])) for one in there}


@pytest.mark.parametrize(("is_held", "typed", "field"), [HOLD, NOTE, STREET])
async def test_a_move_of_some_units_waits_for_a_person_too(
    day: Day, is_held: bool, typed: dict[str, Any], field: str
) -> None:
    order_id = await at_hand(day, is_held, typed)
    status = "on_hold" if is_held else "awaiting_shipment"
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={line: 1})
    await day.rest()
    await swept(day)
    assert (await day.cause(order_id), units_at(day, order_id)) == ("changed_on_both_sides", {501: (status, 2)})
    desk = await desk_of(day)
    (conflict,) = (await plan_order_now(desk, str(order_id)))["orders"]["conflicts"]
    assert conflict["field"] == field
    await resolve_order(desk, str(order_id), "shopify")
    await day.rest()
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"
    assert units_at(day, order_id) == {501: (status, 1), 502: ("awaiting_shipment", 1)}


async def test_a_hold_of_shopify_does_not_wait_for_whoever_decides_on_a_move_of_some_units(day: Day) -> None:
    order_id = await at_hand(day, False, {"customerNotes": "Ring at gate 3"})
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={line: 1})
    await day.rest()
    day.shopify.people.hold(order_id)
    await day.rest()
    assert units_at(day, order_id) == {501: ("on_hold", 2)}


@pytest.mark.parametrize("left", [2, 1])
@pytest.mark.parametrize("is_at_once", [True, False])
async def test_units_that_are_refunded_do_not_wait_for_whoever_decides_on_a_move_of_others(
    day: Day, left: int, is_at_once: bool
) -> None:
    """Of three, one is moved; one is refunded, or both of the others."""
    (order_id,) = await sold(day, lines=1, quantity=3)
    day.shipstation.edit(there_of(day, order_id)["orderId"], {"customerNotes": "Ring at gate 3"})
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={line: 1})
    if not is_at_once:
        await day.rest()
    day.shopify.people.edit(order_id, quantities={line: left})
    await day.rest()
    await swept(day)
    assert units_at(day, order_id) == {501: ("awaiting_shipment", left)}
    there = day.shipstation.account.orders[there_of(day, order_id)["orderId"]]
    assert there.content.details["customerNotes"] == "Ring at gate 3"
    assert await day.cause(order_id) == "changed_on_both_sides"
    await resolve_order(await desk_of(day), str(order_id), "shopify")
    await day.rest()
    places = {501: ("awaiting_shipment", left - 1), 502: ("awaiting_shipment", 1)}
    assert units_at(day, order_id) == {where: one for where, one in places.items() if one[1]}
    assert await day.cause(order_id) == "in_shipstation"


async def test_one_unit_is_taken_off_where_two_orders_wait_for_a_person(day: Day) -> None:
    """Two units in each of two orders with a note; one of each moves to a third location, one more is refunded."""
    (order_id,) = await sold(day, lines=1, quantity=4)
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={line: 2})
    await day.rest()
    for one in day.there(order_id):
        day.shipstation.edit(one["orderId"], {"customerNotes": "Ring at gate 3"})
    shop = day.shopify.people.shop(None)
    places = shop.options.locations
    shop.options = replace(shop.options, locations=(*places, replace(places[0], location_id=THIRD)))
    day.shopify.people.move_fulfillment_order(order_id, THIRD, lines={line: 1})
    await day.rest()
    day.shopify.people.edit(order_id, quantities={line: 3})
    await day.rest()
    await swept(day)
    assert await day.cause(order_id) == "changed_on_both_sides"
    assert sum(units for _, units in units_at(day, order_id).values()) == 3


@ON_V1_ALONE
async def test_some_units_move_after_all_where_their_hold_is_released(day: Day) -> None:
    order_id = await at_hand(day, True, {})
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={line: 1})
    await day.rest()
    day.shipstation.desk.release(there_of(day, order_id)["orderId"])
    await swept(day)
    assert units_at(day, order_id) == {501: ("awaiting_shipment", 1), 502: ("awaiting_shipment", 1)}
    assert await day.cause(order_id) == "in_shipstation"
