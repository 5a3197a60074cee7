"""What the rules of the settings make of an order: condition by condition, action by action, mode by mode."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from mappings.rule_conditions import CONDITIONS
from mappings.rules import (
    Rules,
    consignment_verdict,
    failed_condition,
    held_until,
    order_verdict,
    split_groups,
    whole_order,
)
from mappings.rules_file import rules_of_file
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import address, attribute, line, money, order


def rules_from(text: str, mode: str = "all") -> Rules:
    return rules_of_file(f'[rules_settings]\nmode = "{mode}"\n{text}', "rules.toml")


def hits(when: str, of: OrderToShip) -> bool:
    (rule,) = rules_from(f'[[rules]]\nname = "one"\nwhen = {{ {when} }}\nthen = {{ tags = 1 }}').rules
    return failed_condition(rule, whole_order(of)) is None


def typed(product_type: str) -> dict[str, Any]:
    return {"id": "gid://shopify/Product/1", "productType": product_type}


HEAVY = line(
    7001, 2, weight={"value": 2.5, "unit": "KILOGRAMS"}, sku="LAMP-OAK", vendor="Oak & Co", product=typed("Lighting")
)
NOTED = line(7002, 1, sku="MUG-1", customAttributes=[attribute("_preorder", "yes"), attribute("Engraving", "")])
EXPRESS = {"nodes": [{"title": "Express Saver", "code": "x", "isRemoved": False}]}

CASES: list[tuple[str, OrderToShip, bool]] = [
    ('any_tag = ["vip", "gold"]', order(tags=["VIP"]), True),
    ('any_tag = ["vip", "gold"]', order(tags=["vipers"]), False),
    ('all_tags = ["a", "b"]', order(tags=["b", "c", "a"]), True),
    ('all_tags = ["a", "b"]', order(tags=["a"]), False),
    ('no_tag = "dropship"', order(tags=["other"]), True),
    ('no_tag = "dropship"', order(tags=["Dropship"]), False),
    ('customer_tag = "wholesale"', order(customerTags=["Wholesale"]), True),
    ('customer_tag = "wholesale"', order(), False),
    ('metafield = "shipping.class=bulky"', order(metafields={"shipping.class": "Bulky"}), True),
    ('metafield = "shipping.class"', order(metafields={"shipping.class": "small"}), True),
    ('metafield = "shipping.class=bulky"', order(metafields={"shipping.class": "small"}), False),
    ('attribute = "gift_wrap=yes"', order(customAttributes=[attribute("Gift_wrap", "Yes")]), True),
    ('attribute = "gift_wrap"', order(customAttributes=[attribute("gift_wrap", None)]), False),
    ('country = ["US", "CA"]', order(), True),
    ('country = "CA"', order(), False),
    ('not_country = "US"', order(shippingAddress=address(countryCodeV2="DE")), True),
    ('not_country = "US"', order(shippingAddress=None), False),
    ('province = ["AK", "new york"]', order(), True),
    ('province = "HI"', order(), False),
    ("po_box = true", order(shippingAddress=address(address1="P.O. Box 12")), True),
    ("po_box = false", order(), True),
    ("military = true", order(shippingAddress=address(provinceCode="AE", city="APO")), True),
    ("military = true", order(), False),
    ("total_over = 9.99", order(), True),
    ("total_over = 10", order(), False),
    ("total_under = 10", order(), True),
    ("total_under = 9.99", order(), False),
    ('shipping_title = "express*"', order(shippingLines=EXPRESS), True),
    ('shipping_title = "Express"', order(shippingLines=EXPRESS), False),
    ('delivery_method = "shipping"', order(), True),
    ('delivery_method = "pick_up"', order(), False),
    ('channel = ["pos", "web"]', order(), True),
    ('channel = "pos"', order(), False),
    ('weight_over = "5 kg"', order([HEAVY]), False),
    ('weight_under = "5 kg"', order([HEAVY]), True),
    ("weight_over = 4999", order([HEAVY]), True),
    ("weight_under = 100000", order([HEAVY, line(7003, weight=None)]), False),
    ("units_over = 2", order([HEAVY, NOTED]), True),
    ("units_over = 3", order([HEAVY, NOTED]), False),
    ('sku = ["mug-1", "X"]', order([HEAVY, NOTED]), True),
    ('sku = "MUG"', order([NOTED]), False),
    ('sku_prefix = "lamp-"', order([HEAVY]), True),
    ('sku_prefix = "oak"', order([HEAVY]), False),
    ('product_type = "lighting"', order([HEAVY, NOTED]), True),
    ('product_type = "lighting"', order([NOTED]), False),
    ('vendor = "oak & co"', order([HEAVY]), True),
    ('vendor = "mugs"', order([HEAVY]), False),
    ('property = "_preorder"', order([NOTED]), True),
    ('property = "_preorder=no"', order([NOTED]), False),
    ('property = "Engraving"', order([NOTED]), False),
    ('unit_weight_over = "5 lb"', order([HEAVY]), True),
    ('unit_weight_over = "2.5 kg"', order([HEAVY]), False),
]


@pytest.mark.parametrize(("when", "of", "expected"), CASES, ids=[f"{when} {expected}" for when, _, expected in CASES])
def test_a_condition_holds_for_the_orders_it_speaks_of(when: str, of: OrderToShip, expected: bool) -> None:
    assert hits(when, of) is expected


def test_every_condition_has_a_case_that_holds_and_one_that_does_not() -> None:
    seen = {(when.partition(" ")[0], expected) for when, _, expected in CASES}
    assert {(name, expected) for name in CONDITIONS for expected in (True, False)} - seen <= {("po_box", False)}


def test_all_conditions_of_a_rule_must_hold() -> None:
    assert hits('any_tag = "vip", country = "US"', order(tags=["vip"]))
    assert not hits('any_tag = "vip", country = "CA"', order(tags=["vip"]))


def test_line_conditions_must_hold_for_one_and_the_same_line() -> None:
    assert not hits('sku = "MUG-1", product_type = "Lighting"', order([HEAVY, NOTED]))
    assert hits('sku = "LAMP-OAK", product_type = "Lighting"', order([HEAVY, NOTED]))


def test_refunded_units_and_lines_without_shipping_count_nothing() -> None:
    gone = line(7001, 2, sku="LAMP", currentQuantity=0)
    card = line(7002, 1, sku="CARD", requiresShipping=False)
    assert not hits('sku = ["LAMP", "CARD"]', order([gone, card, line(7003)]))


TWO = """
[[rules]]
name = "vip"
when = { any_tag = "vip" }
then = { carrier = "ups", service = "ups_ground", tags = [1, 2] }
[[rules]]
name = "everybody"
when = {}
then = { carrier = "fedex", service = "fedex_ground", confirmation = "delivery", tags = [2, 3], note = "hello" }
"""


def test_in_mode_first_only_the_first_rule_that_hits_counts() -> None:
    found = consignment_verdict(rules_from(TWO, "first"), order(tags=["vip"]), Counter({7001: 1}))
    assert found.hits == ("vip",)
    assert found.then == {"carrier": "ups", "service": "ups_ground", "tags": (1, 2)}


def test_in_mode_all_the_first_decides_and_tags_add_up() -> None:
    found = consignment_verdict(rules_from(TWO), order(tags=["vip"]), Counter({7001: 1}))
    assert found.hits == ("vip", "everybody")
    assert found.then == {
        "carrier": "ups",
        "service": "ups_ground",
        "confirmation": "delivery",
        "tags": (1, 2, 2, 3),
        "note": ("hello",),
    }


def test_a_service_is_never_joined_to_the_carrier_of_an_earlier_rule() -> None:
    only_carrier = TWO.replace(', service = "ups_ground"', "")
    found = consignment_verdict(rules_from(only_carrier), order(tags=["vip"]), Counter({7001: 1}))
    assert (found.then["carrier"], found.then.get("service")) == ("ups", None)


def test_rates_and_a_carrier_by_name_are_not_mixed_whichever_rule_comes_first() -> None:
    by_rate = '[[rules]]\nname = "r"\nwhen = {}\nthen = { rate = { choose = "cheapest" } }\n'
    by_name = (
        '[[rules]]\nname = "n"\nwhen = {}\nthen = { carrier = "ups", service = "ups_ground", package = "package" }\n'
    )
    units = Counter({7001: 1})
    assert set(consignment_verdict(rules_from(by_rate + by_name), order(), units).then) == {"rate"}
    named = consignment_verdict(rules_from(by_name + by_rate), order(), units).then
    assert set(named) == {"carrier", "service", "package"}


def test_stop_ends_the_rules_in_mode_all() -> None:
    stopping = TWO.replace("tags = [1, 2] }", "tags = [1, 2] }\nstop = true")
    assert consignment_verdict(rules_from(stopping), order(tags=["vip"]), Counter({7001: 1})).hits == ("vip",)
    assert consignment_verdict(rules_from(stopping), order(), Counter({7001: 1})).hits == ("everybody",)


def test_a_consignment_is_judged_by_what_is_in_it() -> None:
    bands = rules_from(
        '[[rules]]\nname = "light"\nwhen = { weight_under = 500 }\nthen = { tags = 1 }\n'
        '[[rules]]\nname = "heavy"\nwhen = { weight_over = 500 }\nthen = { tags = 2 }'
    )
    whole = order([HEAVY, NOTED])
    assert consignment_verdict(bands, whole, Counter({7002: 1})).hits == ("light",)
    assert consignment_verdict(bands, whole, Counter({7001: 1})).hits == ("heavy",)


def test_a_split_takes_the_lines_that_meet_the_line_conditions_and_the_first_rule_decides() -> None:
    rules = rules_from(
        '[[rules]]\nname = "big"\nwhen = { unit_weight_over = 2000 }\nthen = { split = "big" }\n'
        '[[rules]]\nname = "lamps"\nwhen = { sku_prefix = ["LAMP", "MUG"] }\nthen = { split = "breakable" }'
    )
    assert split_groups(rules, order([HEAVY, NOTED, line(7003, sku="TEE")])) == {7001: "big", 7002: "breakable"}


def test_a_split_waits_for_its_other_conditions() -> None:
    rules = rules_from(
        '[[rules]]\nname = "pre"\nwhen = { any_tag = "pre", property = "_preorder" }\nthen = { split = "pre" }'
    )
    assert split_groups(rules, order([HEAVY, NOTED])) == {}
    assert split_groups(rules, order([HEAVY, NOTED], tags=["pre"])) == {7002: "pre"}


def test_a_hold_in_days_counts_from_the_sale() -> None:
    days = rules_from('[[rules]]\nname = "wait"\nwhen = { total_over = 5 }\nthen = { hold = 1.5 }')
    forever = rules_from('[[rules]]\nname = "wait"\nwhen = {}\nthen = { hold = true }')
    until = held_until(order(), order_verdict(days, order()))
    assert until is not None
    assert until.isoformat() == "2026-11-22T05:15:00+00:00"
    assert held_until(order(), order_verdict(forever, order())) is None
    assert order_verdict(forever, order()).then == {"hold": True}


def test_an_unknown_weight_is_in_no_band() -> None:
    weightless = order([line(weight=None)], currentTotalPriceSet=money("0.00"))
    assert not hits("weight_over = 0", weightless)
    assert not hits("weight_under = 1000000", weightless)


def test_numbers_are_read_exactly() -> None:
    (rule,) = rules_from(
        '[[rules]]\nname = "one"\nwhen = { total_over = 0.1, weight_over = "1 lb" }\nthen = { tags = 1 }'
    ).rules
    assert rule.when == {"total_over": Decimal("0.1"), "weight_over": Decimal("453.59237")}
