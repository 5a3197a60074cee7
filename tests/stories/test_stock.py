"""Stories of stock: what the warehouse counts is what Shopify offers, and the other way round where Shopify counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.errors import RejectedError
from syncd.operate.doctor import check_vendors
from syncd.operate.status import read_status, status_text
from syncd.operate.stock import freeze_stores, push_stock, stock_differences, stock_text, thaw_stores
from syncd.operate.stock_history import history_text, stock_history
from syncd.operate.sweeping import sweep_by_hand
from syncd.ports import Request
from syncd.sandbox.shipstation.options import InventoryLocation
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import ACCOUNT, SECOND_SHOP, SHOP, Day, Fates, second_store, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.sidelines.shelves import PLACE, SCAN_S, SHELF, SKUS
from tests.stories.counting import EVERY_ENGINE, a_look, count_both, lying, offered, owned_by, push


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=owned_by("shipstation"))


@EVERY_ENGINE
async def test_nothing_is_written_before_a_person_saw_the_differences(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 9), "ROPE-10M": (7, 7)})
    await a_look(day)
    assert offered(day, "MUG-01-BL") == (5, 5)
    answer = await stock_differences(await desk_of(day), [])
    (shelf,) = answer["stores"][0]["shelves"]
    assert (shelf["agreeing"], shelf["differing"]) == (1, 1)
    assert "MUG-01-BL                on_hand 5 -> 9" in stock_text(answer)
    assert "syncd stock push main" in stock_text(answer)
    assert (await push(day))["written"] == 1
    assert offered(day, "MUG-01-BL") == (9, 9)
    day.shipstation.stock.count("ROPE-10M", SHELF, 3)
    await a_look(day)
    assert offered(day, "ROPE-10M") == (3, 3)
    assert not (await stock_differences(await desk_of(day), []))["stores"][0]["shelves"][0]["differing"]


async def test_other_shelves_or_owners_are_asked_for_anew(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 5)})
    await push(day)
    await day.stop()
    day.configure(owned_by("shopify"))
    day.shipstation.stock.count("MUG-01-BL", SHELF, 2)
    await day.start()
    await a_look(day)
    assert lying(day, "MUG-01-BL") == (2, 2)
    assert "syncd stock push main" in stock_text(await stock_differences(await desk_of(day), []))
    assert (await push(day))["written"] == 1
    assert lying(day, "MUG-01-BL") == (5, 5)


@EVERY_ENGINE
async def test_the_last_unit_leaves_the_shelf_and_the_sale_stops_within_one_scan(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 5)})
    await push(day)
    day.shipstation.stock.count("MUG-01-BL", SHELF, 0)
    await a_look(day)
    assert offered(day, "MUG-01-BL") == (0, 0)


class TestAnOrderThatCountsAsShippedAfterItsLabelWasVoided:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(account=replace(ACCOUNT, status_after_void="shipped"), settings=owned_by("shipstation"))

    @EVERY_ENGINE
    async def test_its_units_are_not_offered_again(self, day: Day) -> None:
        count_both(day, dict.fromkeys(SKUS, (50, 50)))
        await push(day)
        (order_id,) = day.sell()
        await day.rest(quiet_s=2 * SCAN_S)
        before = [offered(day, sku) for sku in SKUS]
        await day.stop()
        label = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
        day.shipstation.labels.void_label(label.shipment_id)
        await day.start()
        await sweep_by_hand(await desk_of(day))
        await day.rest(quiet_s=2 * SCAN_S)
        assert [offered(day, sku) for sku in SKUS] == before


@pytest.mark.parametrize("quantity", ["on_hand", "available"])
async def test_a_whole_order_changes_no_number_that_is_right(quantity: str, virtual_time: None) -> None:
    day = Day(Fates(settings=owned_by("shipstation", quantity=quantity)))
    try:
        await day.start()
        count_both(day, dict.fromkeys(SKUS, (50, 50)))
        await push(day)
        order_ids = day.sell(3)
        await day.rest(quiet_s=2 * SCAN_S)
        for order_id in order_ids:
            day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
            await a_look(day)
        await day.rest(quiet_s=2 * SCAN_S)
        assert day.calls("inventorySetQuantities") == []
        assert [offered(day, sku) for sku in SKUS] == [lying(day, sku) for sku in SKUS]
        assert sum(offered(day, sku)[0] for sku in SKUS) < 50 * len(SKUS)
    finally:
        await day.end()


async def test_a_frozen_store_is_left_alone_until_it_thaws(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 5)})
    await push(day)
    desk = await desk_of(day)
    assert "until `syncd stock thaw`" in (await freeze_stores(desk, [], None))[0]
    day.shipstation.stock.count("MUG-01-BL", SHELF, 2)
    await a_look(day)
    assert offered(day, "MUG-01-BL") == (5, 5)
    with pytest.raises(RejectedError, match="syncd stock thaw main"):
        await push(day)
    await thaw_stores(desk, [])
    await a_look(day)
    assert offered(day, "MUG-01-BL") == (2, 2)


async def test_a_freeze_with_an_end_thaws_by_itself(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 5)})
    await push(day)
    await freeze_stores(await desk_of(day), ["main"], 0.1)
    day.shipstation.stock.count("MUG-01-BL", SHELF, 2)
    await day.passes(300)
    assert offered(day, "MUG-01-BL") == (5, 5)
    await day.passes(60)
    await a_look(day)
    assert offered(day, "MUG-01-BL") == (2, 2)


async def test_unknown_and_doubled_skus_are_listed_and_left_alone(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 9), "ROPE-10M": (7, 7)})
    day.shopify.people.list_again("MUG-01-BL")
    day.shopify.people.count("ONLY-HERE", 3, PLACE)
    day.shipstation.stock.count("ONLY-THERE", SHELF, 4)
    answer = await push(day)
    (shelf,) = answer["stores"][0]["shelves"]
    assert (shelf["unknown"], shelf["unlisted"], shelf["doubled"]) == (["ONLY-HERE"], ["ONLY-THERE"], ["MUG-01-BL"])
    assert (offered(day, "MUG-01-BL"), offered(day, "ONLY-HERE")) == ((5, 5), (3, 3))
    assert "never guessed: MUG-01-BL" in stock_text(answer)


async def test_the_history_of_a_sku_says_what_was_written_and_why_not(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 9), "ROPE-10M": (5, 9)})
    assert "Nothing was written" in history_text(await stock_history(await desk_of(day), "MUG-01-BL"))
    day.shopify.faults.set([FaultRule("error_500_before", operation="SetLevels", times=3)])
    await push(day)
    day.shopify.faults.set([])
    day.shipstation.stock.count("MUG-01-BL", SHELF, 3)
    await push(day)
    lines = history_text(await stock_history(await desk_of(day), "MUG-01-BL")).splitlines()
    assert [line.partition(": ")[2] for line in lines] == [
        "on_hand in shopify 5 -> 9, unknown (request " + lines[0].rpartition("request ")[2],
        "on_hand in shopify 5 -> 3, confirmed",
    ]


async def test_status_says_how_stock_stands_and_what_a_person_must_do(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 9), "ROPE-10M": (7, 7)})
    await a_look(day)
    text = status_text(await read_status(day.db, day.clock, day.settings, day.db))
    assert "stock of main: 1 SKUs agree, 1 differ" in text
    assert "syncd stock push main" in text
    await push(day)
    assert "stock of main: 2 SKUs agree, 0 differ" in status_text(
        await read_status(day.db, day.clock, day.settings, day.db)
    )


async def test_doctor_finds_the_shelves(day: Day) -> None:
    found = await check_vendors(day.settings, (await desk_of(day)).vendors)
    (line,) = [one for one in found if one["check"] == "store main stock"]
    assert (line["result"], line["text"]) == ("ok", "1 shelves, owned by shipstation")


class TestWrongShelves:
    @pytest.fixture
    def fates(self) -> Fates:
        stock = {
            "82734627": {"inventory_warehouse": 601, "owner": "shipstation"},
            "82734628": {"inventory_location": 701},
            "5": {"inventory_location": 799},
        }
        return Fates(
            replace(SHOP, scopes=tuple(one for one in SHOP.scopes if one != "write_inventory")),
            settings=settings_of(stores={"main": store_settings(stock=stock)}),
        )

    async def test_are_named_with_their_cure(self, day: Day) -> None:
        found = await check_vendors(day.settings, (await desk_of(day)).vendors)
        texts = [one["text"] for one in found if one["check"] == "store main stock"]
        assert texts == [
            "5 is not an active location of the shop",
            "ShipStation's inventory has no se-799",
            "locations 82734627 and 82734628 would offer the goods of se-701 twice",
        ]
        assert "store main scope write_inventory" in [one["check"] for one in found if one["result"] == "fault"]

    async def test_keep_nobody_else_from_working(self, day: Day) -> None:
        (order_id,) = day.sell()
        await day.rest()
        assert len(day.there(order_id)) == 1
        assert "access_denied" in status_text(await read_status(day.db, day.clock, day.settings, day.db))


class TestWithoutTheAddOn:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(account=replace(ACCOUNT, v2_access="no_inventory"), settings=owned_by("shipstation"))

    async def test_doctor_and_status_say_what_the_plan_lacks(self, day: Day) -> None:
        await a_look(day)
        found = await check_vendors(day.settings, (await desk_of(day)).vendors)
        assert any("does not include" in one["text"] for one in found if one["check"] == "stock login")
        assert "shipstation_v2:inventory" in status_text(await read_status(day.db, day.clock, day.settings, day.db))


class TestBuffers:
    @pytest.fixture
    def fates(self) -> Fates:
        more = {"buffer": 1, "buffers": {"ROPE-10M": 4}, "floors": {"KNIFE-8": 5}}
        return Fates(settings=owned_by("shipstation", **more))

    async def test_some_units_are_kept_back(self, day: Day) -> None:
        count_both(day, {"MUG-01-BL": (0, 9), "ROPE-10M": (0, 9), "KNIFE-8": (0, 5), "SOCK-3P": (0, 1)})
        await push(day)
        shown = [offered(day, sku)[1] for sku in ("MUG-01-BL", "ROPE-10M", "KNIFE-8", "SOCK-3P")]
        assert shown == [8, 5, 0, 0]


async def test_so_many_zeros_at_once_are_asked_for_first(day: Day) -> None:
    count_both(day, dict.fromkeys(SKUS, (5, 5)))
    await push(day)
    for sku in SKUS:
        day.shipstation.stock.count(sku, SHELF, 0)
    await a_look(day)
    assert offered(day, "MUG-01-BL") == (5, 5)
    assert (await push(day))["written"] == len(SKUS)
    assert offered(day, "MUG-01-BL") == (0, 0)


async def test_a_level_that_moves_between_look_and_write_is_computed_anew(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 9), "ROPE-10M": (5, 9)})
    recounted: list[int] = []

    def recount(request: Request) -> None:
        if b"inventorySetQuantities" in (request.body or b"") and not recounted:
            recounted.append(day.shopify.people.count("MUG-01-BL", 6, PLACE))

    day.network.before = recount
    assert (await push(day))["written"] == 2
    assert (offered(day, "MUG-01-BL"), offered(day, "ROPE-10M")) == ((9, 9), (9, 9))
    writes = day.shopify.people.shop(None).stock.writes
    assert [(one.before, one.compared, one.after) for one in writes] == [(6, 6, 9), (5, 5, 9)]
    assert len(day.calls("inventorySetQuantities")) == 2


async def test_what_sells_fast_keeps_nothing_else_from_being_taken_off_sale(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (50, 40), "ROPE-10M": (50, 0), "KNIFE-8": (50, 9)})
    sold: list[int] = []

    def sells(request: Request) -> None:
        if b"inventorySetQuantities" in (request.body or b""):
            sold.append(day.shopify.people.count("MUG-01-BL", 49 - len(sold), PLACE))

    day.network.before = sells
    assert (await push(day))["written"] == 2
    assert (offered(day, "ROPE-10M"), offered(day, "KNIFE-8")) == ((0, 0), (9, 9))
    assert len(sold) <= 12


async def test_an_answer_that_is_lost_is_asked_for_under_the_same_key(day: Day) -> None:
    count_both(day, {"MUG-01-BL": (5, 9)})
    day.shopify.faults.set([FaultRule("lost_answer", operation="SetLevels", times=1)])
    assert (await push(day))["written"] == 1
    assert len(day.shopify.people.shop(None).stock.writes) == 1
    assert len(day.calls("inventorySetQuantities")) == 2


class TestAWholeWarehouse:
    @pytest.fixture
    def fates(self) -> Fates:
        shelves = (*ACCOUNT.inventory_locations, InventoryLocation(703, "Shelf C", 601, "Main stock"))
        stock = {str(PLACE): {"inventory_warehouse": "se-601", "owner": "shipstation"}}
        return Fates(
            account=replace(ACCOUNT, inventory_locations=shelves),
            settings=settings_of(stores={"main": store_settings(stock=stock)}),
        )

    async def test_offers_what_lies_on_all_its_shelves(self, day: Day) -> None:
        count_both(day, {"MUG-01-BL": (5, 9), "ROPE-10M": (7, 7)})
        day.shipstation.stock.count("MUG-01-BL", 703, 4)
        day.shipstation.stock.count("MUG-01-BL", 702, 50)
        assert (await push(day))["written"] == 1
        assert (offered(day, "MUG-01-BL"), offered(day, "ROPE-10M")) == ((13, 13), (7, 7))


class TestTwoStoresSellTheSameGoods:
    @pytest.fixture
    def fates(self) -> Fates:
        stock = {str(PLACE): {"inventory_location": SHELF, "owner": "shipstation"}}
        stores = {"main": store_settings(stock=stock), "second": second_store(order_prefix="S", stock=stock)}
        slow = replace(SECOND_SHOP, routing_delay_s=(4000.0, 4000.0))
        return Fates(settings=settings_of(stores=stores), more_shops=(slow,))

    async def test_what_one_sold_and_shipstation_does_not_know_the_other_does_not_offer(self, day: Day) -> None:
        for sku in SKUS:
            day.shopify.people.count(sku, 50, PLACE, SHOP.domain)
            day.shopify.people.count(sku, 50, PLACE, SECOND_SHOP.domain)
            day.shipstation.stock.count(sku, SHELF, 50)
        day.sell(3, shop=SECOND_SHOP.domain)
        sold = {
            one.variant.sku or "": one.committed for one in day.shopify.people.shop(SECOND_SHOP.domain).stock.levels()
        }
        await push_stock(await desk_of(day), [])
        shown = {one.variant.sku or "": one.available for one in day.shopify.people.shop(SHOP.domain).stock.levels()}
        assert shown == {sku: 50 - sold[sku] for sku in SKUS}
        assert sum(sold.values()) > 0

    async def test_while_one_cannot_be_read_the_other_offers_only_less(self, day: Day) -> None:
        for sku, here, there in (("MUG-01-BL", 5, 9), ("ROPE-10M", 9, 5)):
            day.shopify.people.count(sku, here, PLACE, SHOP.domain)
            day.shipstation.stock.count(sku, SHELF, there)
        day.shopify.people.set_options({"access": "revoked"}, SECOND_SHOP.domain)
        await push_stock(await desk_of(day), ["main"])
        levels = day.shopify.people.shop(SHOP.domain).stock.levels()
        shown = {one.variant.sku: one.available for one in levels}
        assert (shown["MUG-01-BL"], shown["ROPE-10M"]) == (5, 5)


class TestShopifyCounts:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=owned_by("shopify"))

    @EVERY_ENGINE
    async def test_shipstation_follows(self, day: Day) -> None:
        count_both(day, {"MUG-01-BL": (5, 9), "ROPE-10M": (7, 2), "KNIFE-8": (3, 3)})
        assert (await push(day))["written"] == 2
        assert (lying(day, "MUG-01-BL"), lying(day, "ROPE-10M")) == ((5, 5), (7, 7))
        reasons = {(one.kind, one.delta, one.reason) for one in day.shipstation.stock.ledger if one.kind != "adjust"}
        assert reasons == {("decrement", -4, "Counted in Shopify"), ("increment", 5, "Counted in Shopify")}
        assert day.calls("inventorySetQuantities") == []

    async def test_a_whole_order_changes_no_number_that_is_right(self, day: Day) -> None:
        count_both(day, dict.fromkeys(SKUS, (50, 50)))
        await push(day)
        for order_id in day.sell(3):
            await day.rest(quiet_s=30)
            day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
            await day.passes(SCAN_S / 2)
        await day.rest(quiet_s=2 * SCAN_S)
        assert [one for one in day.shipstation.stock.ledger if one.kind in ("increment", "decrement")] == []
        assert [offered(day, sku) for sku in SKUS] == [lying(day, sku) for sku in SKUS]


class TestReportOnly:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=owned_by("none"))

    async def test_is_what_a_shelf_without_an_owner_gets(self, day: Day) -> None:
        count_both(day, {"MUG-01-BL": (5, 9)})
        with pytest.raises(RejectedError, match="has an owner"):
            await push(day)
        assert (await stock_differences(await desk_of(day), []))["stores"][0]["shelves"][0]["differing"] == 1
        assert offered(day, "MUG-01-BL") == (5, 5)
