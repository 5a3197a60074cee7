"""Stories of the catalogue: what the merchant changes in Shopify's articles, ShipStation's products say too, and nothing else of them moves."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from syncd.errors import RejectedError
from syncd.operate.catalog import check_catalog, check_text, is_different, push_catalog
from syncd.operate.doctor import check_vendors
from syncd.operate.status import read_status, status_text
from syncd.ports import Http, Request, Response
from syncd.sandbox.shipstation.records import Product
from syncd.sandbox.shopify.faults import FaultRule
from syncd.settings.whole import Settings
from syncd.simulation.day import ACCOUNT, SECOND_SHOP, SHOP, Day, Fates, second_store, settings_of, store_settings
from syncd.simulation.desk import desk_of

SCAN_S = 20.0
LEASE_S = 10.0
EVERY_ENGINE = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
OURS = ("upc", "customsTariffNo", "customsCountryCode")
THEIRS = {
    "aliases": ["old mug"],
    "defaultCost": 4.5,
    "internalNotes": "fragile",
    "warehouseLocation": "A-17",
    "productCategory": {"categoryId": 9, "name": "Kitchen"},
    "tags": [{"tagId": 8362, "name": "VIP"}],
    "defaultPackageCode": "package",
}


def catalog_of(mode: str) -> Settings:
    return settings_of(
        stores={"main": store_settings(catalog=mode)},
        sync={
            "start_at": "2000-01-01T00:00:00Z",
            "order_poll_s": 20.0,
            "shipment_poll_s": 20.0,
            "catalog_scan_s": SCAN_S,
        },
    )


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=catalog_of("push"))


async def known_articles(day: Day) -> dict[str, int]:
    """SKU -> inventory item, once orders made products of them, the warehouse wrote its own words and the daemon looked."""
    day.sell(6, shop=SHOP.domain)
    await day.rest(quiet_s=SCAN_S + 10)
    for product in list(day.shipstation.account.products.values()):
        details = {**product.details, **THEIRS}
        day.shipstation.account.put_product(replace(product, details=details))
    await day.passes(SCAN_S + 10)
    shop = day.shopify.people.shop(SHOP.domain)
    return {one.sku: one.id + 1 for one in shop.variants.values() if one.sku and one.requires_shipping}


def product(day: Day, sku: str) -> Product:
    return day.shipstation.account.products[sku]


def theirs(one: Product) -> dict[str, Any]:
    rest = {name: value for name, value in one.details.items() if name not in OURS and value is not None}
    return {"price": one.price, "active": rest.pop("active", True), **rest}


def puts(day: Day) -> int:
    return sum(one.method == "PUT" for one in day.calls("/products/"))


async def settled(day: Day) -> None:
    await day.rest(quiet_s=SCAN_S + 10)


@EVERY_ENGINE
async def test_what_the_merchant_changes_reaches_the_product_and_the_warehouse_keeps_its_own(day: Day) -> None:
    items = await known_articles(day)
    sku = min(items)
    before, id_before = theirs(product(day, sku)), product(day, sku).product_id
    people, item = day.shopify.people, items[sku]
    people.edit_article(item, title="New Name", variant_title=None, grams=567, barcode="4006381333931")
    people.edit_article(item, harmonized_system_code="691110", country_code_of_origin="PT")
    await settled(day)
    after = product(day, sku)
    assert (after.name, after.weight_oz, after.product_id) == ("New Name", Decimal("20.00"), id_before)
    assert {name: after.details[name] for name in OURS} == {
        "upc": "4006381333931",
        "customsTariffNo": "691110",
        "customsCountryCode": "PT",
    }
    assert theirs(after) == before


@EVERY_ENGINE
async def test_another_sku_renames_the_product_and_makes_no_second_one(day: Day) -> None:
    items = await known_articles(day)
    sku = min(items)
    known, product_id = len(day.shipstation.account.products), product(day, sku).product_id
    day.shopify.people.edit_article(items[sku], sku="RENAMED-1")
    await settled(day)
    assert product(day, "RENAMED-1").product_id == product_id
    day.sell(30)
    await settled(day)
    assert sku not in day.shipstation.account.products
    assert len(day.shipstation.account.products) >= known


def skus(answer: dict[str, Any], kind: str) -> list[str]:
    """What `syncd catalog check` lists of the only store."""
    return [one if isinstance(one, str) else one["sku"] for one in answer["stores"][0][kind]]


async def check(day: Day) -> dict[str, Any]:
    return await check_catalog(await desk_of(day), [])


async def test_a_look_lists_what_is_missing_doubled_and_weightless(day: Day) -> None:
    items = await known_articles(day)
    people, (first, second, *_) = day.shopify.people, sorted(items)
    people.list_again("NEVER-SOLD")
    people.list_again(first)
    people.edit_article(items[second], grams=0, title="Featherlight")
    await settled(day)
    answer = await check(day)
    assert (skus(answer, "missing"), skus(answer, "doubled")) == (["NEVER-SOLD"], [first, first])
    assert set(skus(answer, "weightless")) == {"NEVER-SOLD", first, second}
    assert "NEVER-SOLD" in check_text(answer)
    assert product(day, second).name.startswith("Featherlight")
    assert product(day, second).weight_oz, "what Shopify does not say is left as it is"
    assert "catalogue of main" in status_text(await read_status(day.db, day.clock, day.settings, day.db))


async def test_what_the_warehouse_changes_afterwards_stays_until_a_person_pushes(day: Day) -> None:
    items = await known_articles(day)
    sku = min(items)
    shop_says = (product(day, sku).weight_oz or Decimal(0)).quantize(Decimal("0.01"))
    day.shipstation.account.put_product(replace(product(day, sku), weight_oz=Decimal(99)))
    sent = puts(day)
    await settled(day)
    assert (product(day, sku).weight_oz, puts(day)) == (Decimal(99), sent)
    assert skus(await check(day), "edited") == [sku]
    assert (await push_catalog(await desk_of(day), ["main"]))["marked"] == 1
    await settled(day)
    assert product(day, sku).weight_oz == shop_says
    assert not is_different(await check(day))


async def test_a_note_made_while_an_article_waits_for_its_turn_is_kept(day: Day) -> None:
    """A PUT replaces the product whole: no window may go by between the look and it."""
    items = await known_articles(day)
    sku = min(items)
    await day.passes(75.0)  # no look comes meanwhile, and the window lasts

    def spends(request: Request) -> None:
        if "/products/" in request.url:
            day.network.before = None
            day.shipstation.spend(39 - day.shipstation.state()["calls"]["window"]["calls"])

    day.network.before = spends
    day.shopify.people.edit_article(items[sku], title="New Name", variant_title=None)
    await day.until(lambda: day.network.before is None)
    await day.passes(10.0)
    there = product(day, sku)
    day.shipstation.account.put_product(replace(there, details={**there.details, "internalNotes": "very fragile"}))
    await settled(day)
    await day.passes(60.0)
    after = product(day, sku)
    assert (after.name, after.details["internalNotes"]) == ("New Name", "very fragile")


class Late:
    """The vendors; the first call to such an address leaves so late that its lease would be over meanwhile."""

    def __init__(self, vendors: Http, address: str = "/products/") -> None:
        self._address = address
        self.has_begun = asyncio.Event()
        self.written: list[str] = []
        self._vendors = vendors

    async def send(self, request: Request) -> Response:
        if self._address in request.url and not self.has_begun.is_set():
            self.has_begun.set()
            await asyncio.sleep(3 * LEASE_S)
        if request.method == "PUT" and "/products/" in request.url:
            self.written.append(json.loads(request.body or b"")["name"])
        return await self._vendors.send(request)


@EVERY_ENGINE
async def test_a_shelf_that_is_typed_in_while_we_ask_whose_a_sku_is_stays(day: Day) -> None:
    """That question waited for three minutes, and the shelf was written over by what was read before it (seed 300110)."""
    items = await known_articles(day)
    sku = min(items)
    day.network.vendors = vendors = Late(day.network.vendors, "/products?sku=")
    day.shopify.people.edit_article(items[sku], sku="RENAMED-1")
    await vendors.has_begun.wait()
    there = product(day, sku)
    day.shipstation.account.put_product(replace(there, details={**there.details, "warehouseLocation": "shelf 9"}))
    await settled(day)
    assert product(day, "RENAMED-1").details["warehouseLocation"] == "shelf 9"


class TestTwoReplicas:
    @pytest.fixture
    def fates(self) -> Fates:
        plain = catalog_of("push")
        limits = plain.limits.model_dump() | {"lease_s": LEASE_S}
        stores = {"main": store_settings(catalog="push")}
        return Fates(settings=settings_of(stores=stores, sync=plain.sync.model_dump(), limits=limits), replicas=2)

    @EVERY_ENGINE
    @pytest.mark.parametrize(
        ("ahead_s", "names"),
        [(0.0, ["Once", "Twice"]), (10 * LEASE_S, ["Twice"])],
        ids=["the lease is kept", "by a clock that is ahead it is over"],
    )
    async def test_what_is_older_is_never_written_over_what_another_wrote(
        self, day: Day, ahead_s: float, names: list[str]
    ) -> None:
        """Whoever was overtaken writes nothing: nobody would look what came of it."""
        items = await known_articles(day)
        await day.passes(75.0)  # no look comes meanwhile
        item = items[min(items)]
        day.network.vendors = vendors = Late(day.network.vendors)
        day.shopify.people.edit_article(item, title="Once", variant_title=None)
        await vendors.has_begun.wait()
        day.shopify.people.edit_article(item, title="Twice", variant_title=None)
        await day.replicas[1].start(day.db)
        day.replicas[1].jump(ahead_s)
        await settled(day)
        await day.passes(4 * LEASE_S)
        assert (vendors.written, product(day, min(items)).name) == (names, "Twice")


async def test_sales_cost_no_call_for_products_that_say_the_same(day: Day) -> None:
    items = await known_articles(day)
    day.network.sent.clear()
    shop = day.shopify.people.shop(None)
    for item in items.values():
        day.shopify.people.edit_article(item, title=shop.variants[item - 1].title)
    await day.passes(SCAN_S / 2)
    assert not [one for one in day.calls("/products/") if one.method == "GET"]


class TestReportOnly:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=catalog_of("report"))

    @EVERY_ENGINE
    async def test_differences_are_told_and_nothing_is_written(self, day: Day) -> None:
        items = await known_articles(day)
        day.shopify.people.edit_article(items[min(items)], title="New Name")
        await settled(day)
        answer = await check(day)
        assert min(items) in skus(answer, "differing")
        assert puts(day) == 0
        with pytest.raises(RejectedError, match=r"set stores\.main\.catalog"):
            await push_catalog(await desk_of(day), ["main"])


class TestOff:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates()

    async def test_nothing_is_read_or_written(self, day: Day) -> None:
        day.sell(3)
        await day.rest()
        assert not day.calls("/products")
        with pytest.raises(RejectedError, match="no store follows its articles"):
            await check(day)


@pytest.mark.parametrize("style", ["refused", "ignored"])
async def test_a_vendor_that_does_not_rename_is_asked_once_and_told_of(style: Any, virtual_time: None) -> None:
    day = Day(Fates(settings=catalog_of("push"), account=replace(ACCOUNT, product_sku_style=style)))
    try:
        await day.start()
        await day.until(day.is_subscribed)
        items = await known_articles(day)
        sku, sent = min(items), puts(day)
        day.shopify.people.edit_article(items[sku], sku="RENAMED-1")
        await settled(day)
        await settled(day)
        assert puts(day) == sent + 1
        assert product(day, sku)
        assert "article" in (await check(day))["stores"][0]["refused"][0]
        day.sell(30)
        await settled(day)
        assert not is_different(await check(day)), (
            "the first order with the new SKU made a product, which is its own now"
        )
    finally:
        await day.end()


async def test_a_sku_that_has_a_product_by_now_moves_to_it(day: Day) -> None:
    items = await known_articles(day)
    first, second, *_ = sorted(items)
    old = product(day, first)
    day.shopify.people.edit_article(items[second], sku="SET-ASIDE")
    await settled(day)
    day.shopify.people.edit_article(items[first], sku="SET-ASIDE")
    await settled(day)
    assert set(skus(await check(day), "doubled")) == {"SET-ASIDE"}
    assert product(day, first) == old


async def test_orders_that_lie_there_keep_the_words_with_which_they_were_sold(day: Day) -> None:
    items = await known_articles(day)
    before = {key: order["items"] for key, order in day.shipstation.state()["orders"].items()}
    for number, item in enumerate(items.values()):
        day.shopify.people.edit_article(item, sku=f"RENAMED-{number}", title="Renamed")
    await settled(day)
    assert {key: order["items"] for key, order in day.shipstation.state()["orders"].items()} == before
    await day.assert_clean()


def two_stores() -> Settings:
    one = catalog_of("push")
    stores = {"main": store_settings(catalog="push"), "second": second_store(catalog="push")}
    return settings_of(stores=stores, sync=one.sync.model_dump())


class TestTwoShopsThatSellTheSameGoods:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=two_stores(), more_shops=(SECOND_SHOP,))

    async def test_the_first_has_the_product_and_the_other_is_told_of(self, day: Day) -> None:
        items = await known_articles(day)
        sku = min(items)
        day.shopify.people.count(sku, 5, shop=SECOND_SHOP.domain)
        await settled(day)
        theirs_is = day.shopify.people.shop(SECOND_SHOP.domain).variants[items[sku] - 1]
        day.shopify.people.edit_article(theirs_is.id + 1, shop=SECOND_SHOP.domain, title="Another Name", grams=9)
        day.shopify.people.edit_article(items[sku], shop=SHOP.domain, title="The Name", variant_title=None)
        await settled(day)
        assert product(day, sku).name == "The Name"
        first, second = (await check(day))["stores"]
        assert (first["differing"], first["doubled"], second["doubled"]) == ([], [], [sku])


async def test_a_shop_that_cannot_be_read_leaves_the_products_as_they_are(day: Day) -> None:
    await known_articles(day)
    links = day.rows("SELECT * FROM product_links ORDER BY product_id")
    day.shopify.faults.set([FaultRule("error_500_before", operation="Articles", times=20)])
    await day.passes(3 * SCAN_S)
    assert "cannot be read" in status_text(await read_status(day.db, day.clock, day.settings, day.db))
    assert day.rows("SELECT * FROM product_links ORDER BY product_id") == links


async def test_an_article_that_is_made_anew_gets_the_product_of_the_one_that_is_gone(day: Day) -> None:
    items = await known_articles(day)
    sku = min(items)
    shop = day.shopify.people.shop(None)
    again = day.shopify.people.list_again(sku)
    del shop.variants[items[sku] - 1]
    day.shopify.people.edit_article(again, title="Made Anew", variant_title=None)
    await settled(day)
    assert product(day, sku).name == "Made Anew"
    (link,) = day.rows(f"SELECT product_id FROM product_links WHERE item_id = {again}")
    assert link["product_id"] == product(day, sku).product_id


async def test_doctor_asks_for_the_scope_that_the_webhooks_need(day: Day) -> None:
    desk = await desk_of(day)
    found = {one["check"]: one for one in await check_vendors(day.settings, desk.vendors)}
    assert found["store main catalogue"]["result"] == "ok"
    assert "20 subscribed" in found["store main webhooks"]["text"]
