"""Stories of what a person waived with `syncd release`, and what was told only later."""

from __future__ import annotations

import pytest

from mappings.rules_file import rules_of_file
from syncd.operate.rulings import release_orders
from syncd.simulation.day import Day, Fates, settings_of, store_settings
from syncd.simulation.desk import desk_of
from tests.stories.bodies import HOME, goods

HELD = """
[rules_settings]
mode = "all"
[[rules]]
name = "ask first"
when = { any_tag = "ask" }
then = { hold = true }
"""
CAREFUL = settings_of(stores={"main": store_settings(missing_weight="hold", ship_zero_value=False)})
DOUBTING = Fates(settings=CAREFUL.model_copy(update={"rules": rules_of_file(HELD, "rules.toml")}))
pytestmark = pytest.mark.parametrize("fates", [DOUBTING], ids=[""])


def imported(day: Day, grams: int = 100, tags: str = "", risk_level: str = "LOW") -> int:
    body = {
        "financial_status": "paid",
        "tags": tags,
        "line_items": [goods("TEA") | {"grams": grams}],
        "shipping_address": HOME,
    }
    return day.shopify.people.import_order(body, risk_level=risk_level)


async def released(day: Day, order_id: int) -> list[str]:
    """The statuses of what then lies in ShipStation."""
    await release_orders(await desk_of(day), [str(order_id)])
    await day.rest()
    return [one["status"] for one in day.there(order_id)]


async def told(day: Day, order_id: int) -> tuple[str, list[str]]:
    await day.rest()
    return await day.cause(order_id), [one["status"] for one in day.there(order_id)]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
async def test_who_released_an_order_without_weight_has_not_seen_the_fraud_verdict_of_tomorrow(day: Day) -> None:
    order_id = imported(day, grams=0)
    assert await told(day, order_id) == ("missing_weight", [])
    assert await released(day, order_id) == ["awaiting_shipment"]
    day.shopify.people.assess_risk(order_id, "HIGH")
    assert await told(day, order_id) == ("fraud_review", ["on_hold"])
    assert await released(day, order_id) == ["awaiting_shipment"]
    assert await day.cause(order_id) == "in_shipstation"


async def test_who_did_not_wait_for_the_analysis_has_not_seen_its_verdict(day: Day) -> None:
    day.shopify.people.set_options({"risk_delay_s": (1e6, 1e6)})
    (order_id,) = day.sell()
    await day.passes(60.0)
    assert await day.cause(order_id) == "risk_pending"
    assert await released(day, order_id) == ["awaiting_shipment"]
    day.shopify.people.assess_risk(order_id, "HIGH")
    assert await told(day, order_id) == ("fraud_review", ["on_hold"])


async def test_who_released_an_order_without_weight_has_not_seen_the_rule_that_holds_it_later(day: Day) -> None:
    order_id = imported(day, grams=0)
    await day.rest()
    day.shopify.people.tag(order_id, add=["ask"])
    assert await told(day, order_id) == ("held_by_rule", [])
    day.shopify.people.tag(order_id, remove=["ask"])
    assert await told(day, order_id) == ("missing_weight", [])
    day.shopify.people.hold(order_id)
    await day.rest()
    assert await released(day, order_id) == []
    day.shopify.people.tag(order_id, add=["ask"])
    day.shopify.people.release(order_id)
    assert await told(day, order_id) == ("held_by_rule", [])


async def test_a_release_waives_all_that_kept_the_order_back_and_what_it_waived_stays_waived(day: Day) -> None:
    order_id = imported(day, grams=0, tags="ask", risk_level="HIGH")
    assert await told(day, order_id) == ("fraud_review", [])
    assert await released(day, order_id) == ["awaiting_shipment"]
    day.shopify.people.assess_risk(order_id, "LOW")
    await day.rest()
    day.shopify.people.assess_risk(order_id, "HIGH")
    assert await told(day, order_id) == ("in_shipstation", ["awaiting_shipment"])


async def test_a_release_before_the_first_look_of_this_version_waives_what_the_last_one_told(day: Day) -> None:
    order_id = imported(day, risk_level="HIGH")
    assert await told(day, order_id) == ("fraud_review", [])
    day.execute("UPDATE orders SET judged = NULL")
    assert await released(day, order_id) == ["awaiting_shipment"]
