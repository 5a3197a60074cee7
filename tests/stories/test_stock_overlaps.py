"""Stories of stock that more than one shelf counts: the same goods are nowhere offered because another shop sold them unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from syncd.operate.doctor import check_vendors
from syncd.operate.stock import push_stock
from syncd.settings.whole import Settings
from syncd.simulation.day import SECOND_SHOP, SHOP, Day, Fates, second_store, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.sidelines.shelves import PLACE, SHELF, SKUS

WHOLE, PART = {"inventory_warehouse": 601}, {"inventory_location": SHELF}


def two_shops(main: Mapping[str, Any], second: Mapping[str, Any]) -> Settings:
    stores = {
        "main": store_settings(stock={str(PLACE): {"owner": "shipstation", **main}}),
        "second": second_store(order_prefix="S", stock={str(PLACE): {"owner": "shipstation", **second}}),
    }
    return settings_of(stores=stores)


def overlapping(main: Mapping[str, Any], second: Mapping[str, Any]) -> Fates:
    """The second shop's orders stay without a place, so that ShipStation knows none of them."""
    slow = replace(SECOND_SHOP, routing_delay_s=(4000.0, 4000.0))
    return Fates(settings=two_shops(main, second), more_shops=(slow,))


EITHER_WAY = pytest.mark.parametrize(
    "fates", [overlapping(WHOLE, PART), overlapping(PART, WHOLE)], ids=["whole and part", "part and whole"]
)


@EITHER_WAY
async def test_what_one_shop_sold_of_a_part_is_not_offered_of_the_whole_nor_the_other_way_round(day: Day) -> None:
    for sku in SKUS:
        day.shopify.people.count(sku, 50, PLACE, SHOP.domain)
        day.shopify.people.count(sku, 50, PLACE, SECOND_SHOP.domain)
        day.shipstation.stock.count(sku, SHELF, 50)
    day.sell(3, shop=SECOND_SHOP.domain)
    levels = day.shopify.people.shop(SECOND_SHOP.domain).stock.levels()
    sold = {one.variant.sku or "": one.committed for one in levels}
    await push_stock(await desk_of(day), [])
    assert available(day) == {sku: 50 - sold[sku] for sku in SKUS}
    assert sum(sold.values()) > 0


@EITHER_WAY
async def test_while_one_of_them_cannot_be_read_the_other_offers_only_less(day: Day) -> None:
    for sku, here, there in (("MUG-01-BL", 5, 9), ("ROPE-10M", 9, 5)):
        day.shopify.people.count(sku, here, PLACE, SHOP.domain)
        day.shipstation.stock.count(sku, SHELF, there)
    day.shopify.people.set_options({"access": "revoked"}, SECOND_SHOP.domain)
    await push_stock(await desk_of(day), ["main"])
    shown = available(day)
    assert (shown["MUG-01-BL"], shown["ROPE-10M"]) == (5, 5)


@pytest.mark.parametrize("owner", ["shipstation", "shopify", "none"])
def test_goods_that_one_shop_counts_are_sold_by_no_other(owner: str) -> None:
    """What the second one sold left ShipStation, the first one had it on hand still, and it was counted back."""
    counts = {**PART, "owner": "shopify"}
    with pytest.raises(ValueError, match="sells them too: what it sold would be counted back"):
        two_shops(counts, {**PART, "owner": owner})
    assert two_shops({**PART, "owner": "none"}, {**PART, "owner": owner if owner != "shopify" else "none"})
    assert two_shops(counts, {"inventory_location": 702, "owner": owner})


@pytest.mark.parametrize("fates", [overlapping({**PART, "owner": "shopify"}, WHOLE)])
async def test_doctor_finds_goods_that_one_shop_counts_and_another_sells_with_their_whole_warehouse(day: Day) -> None:
    found = await check_vendors(day.settings, (await desk_of(day)).vendors)
    (line,) = [one for one in found if one["check"] == "store main stock"]
    assert line["result"] == "fault"
    assert (
        line["text"]
        == "the goods of se-701 are counted in main, and second sells them too: what it sold is counted back"
    )


def available(day: Day) -> dict[str, int]:
    """In the first shop."""
    return {one.variant.sku or "": one.available for one in day.shopify.people.shop(SHOP.domain).stock.levels()}
