"""Stories of what must not leave ShipStation any more, or must lie there still, whatever else is the matter with its order."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.rules_file import rules_of_file
from syncd.simulation.day import Day, Fates, settings_of, store_settings
from tests.stories.bodies import goods
from tests.stories.sweeping import sold, swept

ELSEWHERE = 82734628
OLD = Fates(settings=settings_of(stores={"main": store_settings(oldest_days=0.02)}))
RULE = """
[rules_settings]
mode = "all"
[[rules]]
name = "elsewhere"
when = { any_tag = "nosync" }
then = { exclude = true }
"""
RULES = {"rules": rules_of_file(RULE, "rules.toml")}
EXCLUDING = Fates(settings=settings_of().model_copy(update=RULES))
WITHDRAWING = Fates(settings=settings_of(stores={"main": store_settings(on_hold="withdraw")}).model_copy(update=RULES))


def free_units(day: Day, order_id: int) -> int:
    """Of its goods, how many may leave."""
    orders: list[dict[str, Any]] = list(day.shipstation.state()["orders"].values())
    free = [one for one in orders if not one["gone"] and one["status"] == "awaiting_shipment"]
    return sum(
        item["quantity"]
        for one in free
        for item in one["items"]
        if (item["lineItemKey"] or "").startswith(f"{order_id}:") and not item["adjustment"]
    )


async def waits_for_long(day: Day) -> None:
    await day.stop()
    await day.passes(2000.0)
    await day.start()
    await day.rest()


@pytest.mark.parametrize("fates", [EXCLUDING])
@pytest.mark.parametrize("deed", ["line_added", "excluded"])
async def test_an_order_held_for_fraud_stays_held_whatever_else_keeps_more_of_it_from_going_there(
    day: Day, deed: str
) -> None:
    (order_id,) = await sold(day)
    day.shopify.people.assess_risk(order_id, "HIGH")
    await day.rest()
    if deed == "line_added":
        day.shopify.people.edit(order_id, add=[goods("TEA")])
    else:
        day.shopify.people.tag(order_id, add=["nosync"])
    await day.rest()
    assert free_units(day, order_id) == 0
    assert await day.cause(order_id) == "fraud_review"


@pytest.mark.parametrize("fates", [OLD])
async def test_an_old_order_is_held_for_fraud(day: Day) -> None:
    (order_id,) = await sold(day)
    await waits_for_long(day)
    day.shopify.people.assess_risk(order_id, "HIGH")
    await day.rest()
    assert free_units(day, order_id) == 0


@pytest.mark.parametrize("fates", [OLD])
@pytest.mark.parametrize("deed", ["moved", "part_held"])
async def test_an_order_that_waits_there_for_long_is_never_too_old_to_lie_there(day: Day, deed: str) -> None:
    (order_id,) = await sold(day, lines=2, quantity=1)
    await waits_for_long(day)
    if deed == "moved":
        day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE)
    else:
        day.shopify.people.hold(order_id, lines={day.order(order_id)["lines"][0]["id"]: 1})
        await day.rest()
        day.shopify.people.release(order_id)
    await day.rest()
    assert free_units(day, order_id) == 2


@pytest.mark.parametrize("fates", [EXCLUDING])
@pytest.mark.parametrize("units", [2, 1])
async def test_an_order_that_a_rule_excludes_too_late_lies_where_it_is_moved_to(day: Day, units: int) -> None:
    (order_id,) = await sold(day, lines=2, quantity=1)
    day.shopify.people.tag(order_id, add=["nosync"])
    await day.rest()
    lines = {line["id"]: 1 for line in day.order(order_id)["lines"][:units]}
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines=lines)
    await day.rest()
    assert free_units(day, order_id) == 2
    there = [one for one in day.there(order_id) if one["warehouseId"] == 502]
    assert [len(one["items"]) for one in there] == [units]
    assert await day.cause(order_id) == "in_shipstation"


@pytest.mark.parametrize("fates", [EXCLUDING])
async def test_an_excluded_order_that_people_cancelled_in_shipstation_stays_out_of_it(day: Day) -> None:
    (order_id,) = await sold(day)
    day.shopify.people.tag(order_id, add=["nosync"])
    (there,) = day.there(order_id)
    day.shipstation.desk.cancel(there["orderId"])
    await swept(day)
    assert (free_units(day, order_id), len(day.there(order_id))) == (0, 1)
    assert await day.cause(order_id) == "excluded_by_rule"


@pytest.mark.parametrize("fates", [WITHDRAWING])
async def test_an_order_that_was_taken_out_of_shipstation_before_a_rule_excludes_it_stays_out(day: Day) -> None:
    (order_id,) = await sold(day)
    day.shopify.people.hold(order_id)
    await day.rest()
    day.shopify.people.tag(order_id, add=["nosync"])
    await day.rest()
    day.shopify.people.release(order_id)
    await day.rest()
    assert (free_units(day, order_id), await day.cause(order_id)) == (0, "excluded_by_rule")


async def test_a_hold_of_shopify_under_one_that_the_warehouse_lifts_is_kept_where_another_location_may_go(
    day: Day,
) -> None:
    (order_id,) = await sold(day, lines=1, quantity=3, mix={"split_line": 1.0})
    first, second = sorted(day.there(order_id), key=lambda one: int(one["warehouseId"]))
    day.shipstation.desk.hold(second["orderId"])
    await day.passes(5.0)
    (held,) = [one for one in day.order(order_id)["fulfillmentOrders"] if one["locationId"] == ELSEWHERE]
    day.shopify.people.hold(order_id, fulfillment_order_id=held["id"])
    await swept(day)
    day.shipstation.desk.release(second["orderId"])
    await swept(day)
    statuses = {one["orderId"]: one["status"] for one in day.there(order_id)}
    assert statuses == {first["orderId"]: "awaiting_shipment", second["orderId"]: "on_hold"}


async def test_a_hold_does_not_wait_for_an_address(day: Day) -> None:
    (order_id,) = await sold(day)
    day.shopify.people.edit(order_id, address={"address1": "", "zip": "", "city": ""})
    await day.rest()
    day.shopify.people.hold(order_id)
    await day.rest()
    assert free_units(day, order_id) == 0
    assert await day.cause(order_id) == "address_incomplete"
    (there,) = day.there(order_id)
    assert there["shipTo"]["street1"]
