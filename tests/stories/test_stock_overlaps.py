"""Stories of stock that more than one shelf counts: the same goods are nowhere offered because another shop sold them unseen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.operate.stock import push_stock
from syncd.simulation.day import SECOND_SHOP, SHOP, Day, Fates, second_store, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.sidelines.shelves import PLACE, SHELF, SKUS

WHOLE, PART = {"inventory_warehouse": 601}, {"inventory_location": SHELF}


def overlapping(main: dict[str, int], second: dict[str, int]) -> Fates:
    """The second shop's orders stay without a place, so that ShipStation knows none of them."""
    stores = {
        "main": store_settings(stock={str(PLACE): {**main, "owner": "shipstation"}}),
        "second": second_store(order_prefix="S", stock={str(PLACE): {**second, "owner": "shipstation"}}),
    }
    slow = replace(SECOND_SHOP, routing_delay_s=(4000.0, 4000.0))
    return Fates(settings=settings_of(stores=stores), more_shops=(slow,))


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


def available(day: Day) -> dict[str, int]:
    """In the first shop."""
    return {one.variant.sku or "": one.available for one in day.shopify.people.shop(SHOP.domain).stock.levels()}
