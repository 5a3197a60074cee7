"""Stories of two shops in one ShipStation account, both counting their orders from #1001 on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from mappings.rules_file import rules_of_file
from syncd.operate.doctor import check_vendors
from syncd.sandbox.shipstation.options import Store as NativeStore
from syncd.settings.whole import Settings
from syncd.simulation.day import ACCOUNT, SECOND_SHOP, SHOP, Day, Fates, second_store, settings_of, store_settings
from syncd.simulation.desk import desk_of
from tests.stories.bodies import goods, sale
from tests.stories.packing import numbers

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)

RULES = """
[rules_settings]
mode = "all"

[[rules]]
name = "VIP to express"
when = { customer_tag = "vip" }
then = { carrier = "fedex", service = "fedex_2day_am", tags = 8362 }

[[rules]]
name = "bulky"
when = { metafield = "shipping.class=bulky" }
then = { custom_field2 = "two people" }
"""


def two_shops(**second: object) -> Settings:
    stores = {"main": store_settings(), "second": second_store(**second)}
    return settings_of(stores=stores).model_copy(update={"rules": rules_of_file(RULES, "rules.toml")})


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=two_shops(), more_shops=(SECOND_SHOP,))


def source(day: Day, order_id: int) -> tuple[int, str, str]:
    (there,) = day.there(order_id)
    return there["storeId"], there["orderNumber"], there["customField1"]


@BOTH
async def test_orders_of_the_same_number_stay_apart_from_the_sale_to_the_mail(day: Day) -> None:
    first, second = [day.shopify.people.import_order(sale(goods(quantity=2)), shop=shop) for shop in day.shopify.shops]
    await day.rest()
    assert day.order(first)["name"] == day.order(second)["name"] == "#1001"
    assert source(day, first) == (1001, "#1001", "#1001@main")
    assert source(day, second) == (1002, "#1001", "#1001@second")
    await day.assert_clean()
    day.shopify.people.cancel(first)
    await day.rest()
    assert [there["status"] for one in (first, second) for there in day.there(one)] == [
        "cancelled",
        "awaiting_shipment",
    ]
    day.shipstation.labels.buy_label(day.there(second)[0]["orderId"])
    await day.rest()
    account = await day.assert_clean()
    assert (account.states, account.mails) == (Counter(cancelled=1, shipped=1), 1)


ONE_STORE = Fates(
    settings=two_shops(shipstation_store_id=1001, order_prefix="B"),
    more_shops=(SECOND_SHOP,),
)


@pytest.mark.parametrize("fates", [ONE_STORE], ids=["one ShipStation store"])
async def test_in_one_shipstation_store_the_prefix_tells_them_apart(day: Day, fates: Fates) -> None:
    first, second = [day.shopify.people.import_order(sale(), shop=shop) for shop in day.shopify.shops]
    await day.rest()
    assert source(day, first) == (1001, "#1001", "#1001@main")
    assert source(day, second) == (1001, "B#1001", "#1001@second")
    await day.assert_clean()
    day.shipstation.desk.merge([there["orderId"] for one in (first, second) for there in day.there(one)])
    day.shipstation.labels.buy_label(day.there(first)[0]["orderId"])
    await day.rest()
    account = await day.assert_clean()
    assert (account.fulfillments, account.mails) == (2, 2)


def test_numbers_that_would_clash_are_refused_at_start() -> None:
    with pytest.raises(ValueError, match="give them different order_prefix, or a shipstation_store_id each"):
        two_shops(shipstation_store_id=1001)


@BOTH
async def test_one_set_of_rules_gives_one_result_whatever_the_shop(day: Day) -> None:
    vip: dict[str, Any] = {"customer": {"id": 77, "tags": "VIP"}, "metafields": {"shipping.class": "Bulky"}}
    order_ids = [day.shopify.people.import_order(sale(**vip), shop=shop) for shop in day.shopify.shops]
    plain = day.shopify.people.import_order(sale(), shop=SHOP.domain)
    await day.rest()
    shown = [
        (there["carrierCode"], there["serviceCode"], there["customField2"], there["tagIds"])
        for order_id in order_ids
        for there in day.there(order_id)
    ]
    assert shown == [("fedex", "fedex_2day_am", "two people", [8362])] * 2
    assert day.there(plain)[0]["carrierCode"] is None
    await day.assert_clean()


async def test_a_shop_that_shuts_us_out_holds_up_no_other(day: Day) -> None:
    day.shopify.people.set_options({"access": "revoked"}, shop=SECOND_SHOP.domain)
    first = day.shopify.people.import_order(sale(), shop=SHOP.domain)
    second = day.shopify.people.import_order(sale(), shop=SECOND_SHOP.domain)
    await day.passes(120)
    assert (len(day.there(first)), day.there(second)) == (1, [])
    day.shopify.people.set_options({"access": "ok"}, shop=SECOND_SHOP.domain)
    await day.passes(120)
    await day.rest()
    assert (await day.assert_clean()).states == {"in_shipstation": 2}


NATIVE = replace(ACCOUNT, stores=(*ACCOUNT.stores, NativeStore(1003, "Web shop", 3, "Shopify", integration_url=SECOND_SHOP.domain)))  # fmt: skip


@pytest.mark.parametrize(
    "fates", [Fates(account=NATIVE, settings=two_shops(), more_shops=(SECOND_SHOP,))], ids=["native"]
)
async def test_doctor_refuses_a_shop_that_shipstation_imports_by_itself(day: Day, fates: Fates) -> None:
    found = await check_vendors(day.settings, (await desk_of(day)).vendors)
    (fault,) = [one for one in found if one["result"] == "fault"]
    assert fault["check"] == "store second imported once"
    assert fault["text"] == f"ShipStation imports {SECOND_SHOP.domain} itself: store 1003 Web shop"
    assert "two importers make every order twice" in fault["cure"]


async def test_doctor_names_a_scope_that_only_a_rule_needs(day: Day) -> None:
    scopes = tuple(scope for scope in SHOP.scopes if not scope.endswith("_customers"))
    day.shopify.people.set_options({"scopes": scopes}, shop=SHOP.domain)
    found = await check_vendors(day.settings, (await desk_of(day)).vendors)
    (fault,) = [one for one in found if one["result"] == "fault"]
    assert fault["check"] == "store main scope read_customers"
    assert "rules ask for" in fault["text"]


async def test_orders_of_two_shops_in_one_parcel_stay_apart_when_the_daemon_was_away(day: Day) -> None:
    """The customer bought in both, and the warehouse sends one parcel."""
    first, second = [day.shopify.people.import_order(sale(goods(quantity=2)), shop=shop) for shop in day.shopify.shops]
    await day.rest()
    (survivor,), (absorbed,) = day.there(first), day.there(second)
    day.shipstation.desk.merge([survivor["orderId"], absorbed["orderId"]])
    writes = day.writes()
    await day.stop()
    await day.passes(660.0)
    await day.start()
    await day.rest()
    assert day.writes() == writes
    parcel = day.shipstation.labels.buy_label(survivor["orderId"])
    await day.rest()
    assert [numbers(day, order_id) for order_id in (first, second)] == [{parcel.tracking_number: 2}] * 2
    assert [await day.cause(order_id) for order_id in (first, second)] == ["shipped"] * 2
