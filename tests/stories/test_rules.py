"""Stories of rules: what the merchant wrote decides how goods leave, until the warehouse decides otherwise."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mappings.rules_file import rules_of_file
from syncd.errors import SettingsError
from syncd.operate.explain import explain_order
from syncd.operate.rule_trials import compare_rules, comparison_text, trials_text, try_rules
from syncd.operate.rulings import release_orders
from syncd.simulation.day import ON_V2, Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from tests.stories.bodies import HOME

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)

RULES = """
[rules_settings]
mode = "all"

[[rules]]
name = "lamps travel alone"
when = { product_type = "Lighting" }
then = { split = "lamps", package = "package", carrier = "ups", service = "ups_ground", confirmation = "signature" }

[[rules]]
name = "VIP to express"
when = { any_tag = "vip" }
then = { carrier = "fedex", service = "fedex_2day_am", tags = 8362, note = "VIP: pack with care" }

[[rules]]
name = "not ours"
when = { any_tag = "dropship" }
then = { exclude = true }

[[rules]]
name = "ask first"
when = { total_over = 500 }
then = { hold = true }

[[rules]]
name = "small and light"
when = { country = "US", weight_under = 450 }
then = { carrier = "stamps_com", service = "usps_first_class_mail", custom_field2 = "letter" }
"""


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=settings_of().model_copy(update={"rules": rules_of_file(RULES, "rules.toml")}))


MUG = {"title": "Mug", "sku": "MUG-1", "price": "18.50", "grams": 420, "quantity": 1}
LAMP = {
    "title": "Lamp",
    "sku": "LAMP-1",
    "price": "129.90",
    "grams": 2300,
    "quantity": 1,
    "variant_id": 4001,
    "product_id": 5001,
    "product_type": "Lighting",
}


def sold(day: Day, *lines: dict[str, Any], tags: str = "", shipping: str = "6.90") -> int:
    body = {
        "financial_status": "paid",
        "tags": tags,
        "line_items": list(lines),
        "shipping_address": HOME,
        "shipping_lines": [{"title": "Standard", "code": "Standard", "price": shipping}],
    }
    return day.shopify.people.import_order(body)


def choice(order: dict[str, Any]) -> tuple[str | None, str | None]:
    return order["carrierCode"], order["serviceCode"]


def skus(order: dict[str, Any]) -> dict[str, int]:
    return {item["sku"]: item["quantity"] for item in order["items"] if not item["adjustment"]}


def open_orders(day: Day, order_id: int) -> list[dict[str, Any]]:
    return [one for one in day.there(order_id) if one["status"] != "cancelled"]


@BOTH
async def test_each_order_has_what_its_rules_say_when_the_warehouse_first_sees_it(day: Day) -> None:
    light, vip = sold(day, MUG), sold(day, MUG, tags="VIP")
    await day.rest()
    (there,) = day.there(light)
    assert choice(there) == ("stamps_com", "usps_first_class_mail")
    assert (there["customField2"], there["tagIds"]) == ("letter", [])
    (there,) = day.there(vip)
    assert choice(there) == ("fedex", "fedex_2day_am")
    assert (there["customField2"], there["tagIds"]) == ("letter", [8362])
    assert there["internalNotes"] == "VIP: pack with care"
    story = await explain_order(await desk_of(day), f"main/{vip}", offline=True)
    assert story["history"][0]["facts"]["rules"] == ["VIP to express", "small and light"]
    await day.assert_clean()


@BOTH
async def test_goods_that_travel_alone_leave_in_an_order_of_their_own_and_come_back_to_one(day: Day) -> None:
    order_id = sold(day, {**MUG, "quantity": 2}, LAMP, tags="vip", shipping="10.00")
    await day.rest()
    lamps, mugs = sorted(day.there(order_id), key=lambda one: min(skus(one)))
    assert (skus(lamps), skus(mugs)) == ({"LAMP-1": 1}, {"MUG-1": 2})
    assert (choice(lamps), lamps["confirmation"]) == (("ups", "ups_ground"), "signature")
    assert (choice(mugs), mugs["confirmation"]) == (("fedex", "fedex_2day_am"), "none")
    assert (mugs["orderKey"][-2:], lamps["orderKey"][-2:]) == ("-1", "-2")
    assert lamps["orderTotal"] + mugs["orderTotal"] == Decimal("176.90")
    day.shipstation.labels.buy_label(lamps["orderId"])
    await day.rest()
    assert (await day.told())[order_id]["state"] == "partly_shipped"
    day.shipstation.labels.buy_label(mugs["orderId"])
    await day.rest()
    assert (await day.told())[order_id]["state"] == "shipped"
    assert len(day.fulfillments(order_id)) == 2
    await day.assert_clean()


@BOTH
async def test_a_tag_that_comes_later_changes_the_service_unless_the_warehouse_chose_one(day: Day) -> None:
    untouched, chosen = sold(day, MUG), sold(day, MUG)
    await day.rest()
    (there,) = day.there(chosen)
    day.shipstation.edit(there["orderId"], {"carrierCode": "ups", "serviceCode": "ups_ground", "tagIds": [8363]})
    for order_id in (untouched, chosen):
        day.shopify.people.tag(order_id, add=["vip"])
    await day.rest()
    (there,) = day.there(untouched)
    assert (choice(there), there["tagIds"]) == (("fedex", "fedex_2day_am"), [8362])
    (there,) = day.there(chosen)
    assert (choice(there), sorted(there["tagIds"])) == (("ups", "ups_ground"), [8362, 8363])
    writes = day.writes()
    for order_id in (untouched, chosen):
        day.shopify.people.tag(order_id, remove=["vip"])
    await day.rest()
    (there,) = day.there(untouched)
    assert (choice(there), there["tagIds"]) == (("stamps_com", "usps_first_class_mail"), [])
    (there,) = day.there(chosen)
    assert (choice(there), there["tagIds"]) == (("ups", "ups_ground"), [8363])
    assert day.writes() == writes + (2 if ON_V2 else 1)  # V2 changes one order in a call
    await day.assert_clean()


@BOTH
async def test_a_later_edit_in_shopify_leaves_the_warehouses_service_alone(day: Day) -> None:
    order_id = sold(day, {**MUG, "quantity": 2})
    await day.rest()
    (there,) = day.there(order_id)
    assert choice(there) == (None, None)
    day.shipstation.edit(there["orderId"], {"carrierCode": "ups", "serviceCode": "ups_ground"})
    (line,) = day.order(order_id)["lines"]
    day.shopify.people.edit(order_id, quantities={line["id"]: 1})
    await day.rest()
    (there,) = day.there(order_id)
    assert (skus(there), choice(there), there["customField2"]) == ({"MUG-1": 1}, ("ups", "ups_ground"), "letter")
    await day.assert_clean()


@BOTH
async def test_an_excluded_order_never_goes_out_and_one_excluded_too_late_stays(day: Day) -> None:
    never, late = sold(day, MUG, tags="dropship"), sold(day, MUG)
    await day.rest()
    day.shopify.people.tag(late, add=["dropship"])
    await day.rest()
    told = await day.told()
    assert (told[never]["state"], told[never]["cause"]) == ("excluded", "excluded_by_rule")
    assert told[never]["detail"] == "1 unit kept back: excluded by rule: rule not ours"
    assert told[late]["state"] == "in_shipstation"
    assert (day.there(never), len(open_orders(day, late))) == ([], 1)
    day.shopify.people.tag(never, remove=["dropship"])
    await day.rest()
    assert len(open_orders(day, never)) == 1
    await day.assert_clean()


@BOTH
async def test_a_held_order_waits_for_a_person(day: Day) -> None:
    order_id = sold(day, {**LAMP, "quantity": 5})
    await day.rest()
    told = (await day.told())[order_id]
    assert (told["state"], told["cause"], told["detail"]) == (
        "held",
        "held_by_rule",
        "5 units kept back: held by rule: rule ask first",
    )
    assert day.there(order_id) == []
    await release_orders(await desk_of(day), [f"main/{order_id}"])
    await day.rest()
    assert len(open_orders(day, order_id)) == 1
    await day.assert_clean()


async def test_rules_are_tried_on_real_orders_and_say_why(day: Day) -> None:
    order_id = sold(day, MUG, LAMP, tags="vip")
    await day.rest()
    desk = await desk_of(day)
    (trial,) = await try_rules(desk, "current", [f"main/{order_id}"])
    assert trial["result"] == {
        "order": {"split": "lamps"},
        "the rest": {
            "units": 1,
            "carrier": "fedex",
            "service": "fedex_2day_am",
            "tags": [8362],
            "note": ["VIP: pack with care"],
            "custom_field2": "letter",
        },
        "part lamps": {
            "units": 1,
            "package": "package",
            "carrier": "ups",
            "service": "ups_ground",
            "confirmation": "signature",
            "tags": [8362],
            "note": ["VIP: pack with care"],
        },
    }
    assert trial["rules"]["part lamps"] == {
        "lamps travel alone": "hit",
        "VIP to express": "hit",
        "not ours": "no, any_tag does not hold",
        "ask first": "no, total_over does not hold",
        "small and light": "no, weight_under does not hold",
    }
    text = trials_text([trial])
    assert "  part lamps: 1 units, package package, carrier ups, service ups_ground" in text
    assert "    small and light: no, weight_under does not hold" in text
    made = {one["orderKey"]: choice(one) for one in day.there(order_id)}
    assert set(made.values()) == {("ups", "ups_ground"), ("fedex", "fedex_2day_am")}


async def test_two_sets_of_rules_are_compared_on_past_orders(day: Day, tmp_path: Path) -> None:
    plain, vip = sold(day, MUG), sold(day, MUG, tags="vip")
    await day.rest()
    new = tmp_path / "new.toml"
    new.write_text(RULES.replace("fedex_2day_am", "fedex_ground"), encoding="utf-8")
    desk, writes = await desk_of(day), day.writes()
    answer = await compare_rules(desk, "current", str(new), [], last=10)
    assert (answer["looked_at"], [one["ref"] for one in answer["different"]]) == (2, [f"main/{vip}"])
    assert "all of it: 1 units, carrier fedex, service fedex_2day_am" in comparison_text(answer)
    assert (await compare_rules(desk, "current", str(new), [f"main/{plain}"], last=10))["different"] == []
    new.write_text("[[rules]]\nnane = 1", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        await compare_rules(desk, str(new), "current", [], last=10)
    assert f"{new} line 2: nane is not a part of a rule; did you mean name?" in caught.value.problems
    assert day.writes() == writes
