"""Stories of where goods lie and which of them leave together, and of what is the warehouse's own in an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mappings.rules_file import rules_of_file
from syncd.sandbox.shipstation.v1_documents import order_document
from syncd.simulation.day import Day, Fates, settings_of, store_settings
from tests.stories.bodies import goods, sale

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


def open_orders(day: Day, order_id: int) -> list[dict[str, Any]]:
    return [one for one in day.there(order_id) if one["status"] not in ("cancelled", "shipped")]


async def ends_well(day: Day, order_id: int, packages: int) -> None:
    for there in open_orders(day, order_id):
        day.shipstation.labels.buy_label(there["orderId"])
    await day.rest()
    account = await day.assert_clean()
    assert account.packages == account.fulfillments == account.mails == packages
    assert await day.cause(order_id) == "shipped"


@BOTH
async def test_a_sale_from_two_locations_is_two_orders_whose_money_adds_up(day: Day) -> None:
    (order_id,) = day.sell(lines=1, quantity=3, mix={"split_line": 1.0, "order_discount": 1.0})
    await day.rest()
    first, second = sorted(open_orders(day, order_id), key=lambda one: one["warehouseId"])
    assert (first["warehouseId"], second["warehouseId"]) == (501, 502)
    assert first["orderTotal"] + second["orderTotal"] == Decimal(day.order(order_id)["total"])
    assert second["orderNumber"] == f"{first['orderNumber']}-2"
    await day.assert_clean()
    await ends_well(day, order_id, 2)


ONE_PLACE = Fates(settings=settings_of(stores={"main": store_settings(locations={"82734627": 501})}))


@pytest.mark.parametrize("fates", [ONE_PLACE], ids=["one location"])
async def test_what_lies_where_no_warehouse_is_set_waits_for_a_person_and_the_rest_goes(day: Day, fates: Fates) -> None:
    (order_id,) = day.sell(lines=1, quantity=3, mix={"split_line": 1.0})
    await day.rest()
    assert await day.cause(order_id) == "location_not_mapped"
    assert [one["warehouseId"] for one in open_orders(day, order_id)] == [501]
    day.shopify.people.move_fulfillment_order(order_id, 82734627)
    await day.rest()
    await day.assert_clean()
    await ends_well(day, order_id, 1)


@BOTH
async def test_a_cancellation_before_the_push_leaves_no_trace_and_one_before_the_label_cancels(day: Day) -> None:
    day.shopify.people.set_options({"risk_delay_s": (30.0, 30.0)})
    (early,) = day.sell()
    await day.passes(5)
    day.shopify.people.cancel(early)
    day.shopify.people.set_options({"risk_delay_s": (0.5, 1.0)})
    (late,) = day.sell()
    await day.rest()
    day.shopify.people.cancel(late)
    await day.rest()
    assert day.there(early) == []
    assert [one["status"] for one in day.there(late)] == ["cancelled"]
    assert (await day.assert_clean()).states == {"cancelled": 2}


THEIRS = {
    "carrierCode": "ups",
    "serviceCode": "ups_ground",
    "weight": {"value": 999, "units": "grams"},
    "advancedOptions": {"customField3": "shelf 7"},
    "shipTo": {"street2": "Gate 4"},
}


@BOTH
async def test_what_the_warehouse_set_is_kept_through_every_edit(day: Day) -> None:
    """Its service, its scales, its custom field, its correction of the address; Shopify's lines, notes and mail all the same."""
    order_id = day.shopify.people.import_order(sale(goods("MUG-1", 2, id=31)))
    await day.rest()
    (there,) = day.there(order_id)
    day.shipstation.edit(there["orderId"], THEIRS)
    day.shopify.people.edit(order_id, note="Ring twice", email="new@example.com", add=[goods("TEA")])
    day.shopify.people.pay(order_id)
    await day.rest()
    (kept,) = day.there(order_id)
    assert (kept["carrierCode"], kept["serviceCode"], kept["customField3"]) == ("ups", "ups_ground", "shelf 7")
    scales = order_document(day.shipstation.account.order(kept["orderId"]))["weight"]
    assert (scales["value"], kept["shipTo"]["street2"]) == (999, "Gate 4")
    assert sorted(item["sku"] for item in kept["items"]) == ["MUG-1", "TEA"]
    await day.assert_clean()
    await ends_well(day, order_id, 1)


SPLITS = """
[rules_settings]
mode = "all"

[[rules]]
name = "dangerous goods"
when = { property = "un_number" }
then = { split = "dangerous" }

[[rules]]
name = "bulky"
when = { unit_weight_over = "10 kg" }
then = { split = "bulky" }

[[rules]]
name = "pre-order"
when = { sku_prefix = "PRE-", any_tag = "preorder" }
then = { split = "pre-order" }
"""
SPLIT = Fates(settings=settings_of().model_copy(update={"rules": rules_of_file(SPLITS, "rules.toml")}))


@pytest.mark.parametrize("fates", [SPLIT], ids=["splits"])
@BOTH
async def test_parts_by_danger_size_and_tag_are_orders_of_one_sale_with_money_to_the_cent(
    day: Day, fates: Fates
) -> None:
    lines = [
        goods("MUG-1", 2),
        goods("BATTERY", 1, price="33.33", properties=[{"name": "un_number", "value": "3481"}]),
        goods("SOFA", 1, price="499.99", grams=42000),
        goods("PRE-LAMP", 1, price="0.01"),
    ]
    order_id = day.shopify.people.import_order(sale(*lines, tags="preorder"))
    await day.rest()
    parts = [sorted(item["sku"] for item in one["items"] if not item["adjustment"]) for one in day.there(order_id)]
    assert sorted(parts) == [["BATTERY"], ["MUG-1"], ["PRE-LAMP"], ["SOFA"]]
    assert sum(one["orderTotal"] for one in day.there(order_id)) == Decimal(day.order(order_id)["total"])
    await day.assert_clean()
    day.shopify.people.refund(order_id, lines={day.order(order_id)["lines"][1]["id"]: 1})
    await day.rest()
    assert len(open_orders(day, order_id)) == 3
    await ends_well(day, order_id, 3)
