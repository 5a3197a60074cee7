"""Stories of sales that are more than goods and an address: bundles, subscriptions, drafts, tips, duties, mixed baskets, exchanges."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from syncd.simulation.day import Day
from syncd.simulation.written import pushed
from tests.orders_api import ON_V1_ALONE
from tests.stories.bodies import goods, sale

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)

OTTAWA = {"city": "Ottawa", "province": "Ontario", "province_code": "ON", "zip": "K1A 0B1", "country_code": "CA"}


def skus(there: dict[str, Any]) -> list[tuple[str, int]]:
    return sorted((item["sku"], item["quantity"]) for item in there["items"] if not item["adjustment"])


def only(day: Day, order_id: int) -> dict[str, Any]:
    (there,) = [one for one in day.there(order_id) if one["status"] != "cancelled"]
    return there


def leaves(day: Day) -> None:
    for there in day.shipstation.state()["orders"].values():
        if there["status"] == "awaiting_shipment":
            day.shipstation.labels.buy_label(there["orderId"])


async def ends_well(day: Day, packages: int) -> None:
    """Everything leaves, a parcel for each order, and both sides say the same of it."""
    leaves(day)
    await day.rest()
    account = await day.assert_clean()
    assert account.packages == account.fulfillments == account.mails == packages


BUNDLE: dict[str, Any] = {"sales_line_item_group_id": 77}
GIFT_BOX = [{"id": 77, "title": "Gift box", "quantity": 2}]


@BOTH
async def test_each_kind_of_sale_is_sent_once_with_all_its_goods(day: Day) -> None:
    """The parts of a bundle are lines of their own; a draft has goods without a product; a subscription names itself as the channel."""
    bundle = sale(goods("BOX-A", 2, **BUNDLE), goods("BOX-B", 4, **BUNDLE), goods("MUG-1"), line_item_groups=GIFT_BOX)
    custom = {"title": "Made to measure", "price": "250.00", "grams": 900, "quantity": 1}
    sold = {
        "bundle": (bundle, [("BOX-A", 2), ("BOX-B", 4), ("MUG-1", 1)]),
        "subscription": (sale(goods("TEA", 3), source_name="subscription_contract"), [("TEA", 3)]),
        "draft": (sale(goods("MUG-1"), custom, source_name="shopify_draft_order"), [("", 1), ("MUG-1", 1)]),
        "exchange of its own": (sale(goods("MUG-1", price="0.00"), shipping_lines=[]), [("MUG-1", 1)]),
    }
    ids = {kind: day.shopify.people.import_order(body) for kind, (body, _) in sold.items()}
    await day.rest()
    for kind, order_id in ids.items():
        there = only(day, order_id)
        found = sorted((item["sku"] or "", item["quantity"]) for item in there["items"] if not item["adjustment"])
        assert (kind, found) == (kind, sold[kind][1])
        assert there["orderTotal"] == Decimal(day.order(order_id)["total"])
    await day.assert_clean()
    await ends_well(day, len(sold))


async def test_a_bundle_that_loses_a_part_and_gains_another_is_never_doubled(day: Day) -> None:
    lines = [goods("BOX-A", 2, id=11, **BUNDLE), goods("BOX-B", 2, id=12, **BUNDLE)]
    order_id = day.shopify.people.import_order(sale(*lines, line_item_groups=GIFT_BOX))
    await day.rest()
    day.shopify.people.refund(order_id, lines={11: 1})
    day.shopify.people.edit(order_id, add=[goods("BOX-C", 1, price="0.00")])
    await day.rest()
    assert skus(only(day, order_id)) == [("BOX-A", 1), ("BOX-B", 2), ("BOX-C", 1)]
    await day.assert_clean()
    await ends_well(day, 1)


async def test_a_prepaid_subscription_sends_what_is_due_and_the_rest_on_its_day(day: Day) -> None:
    day.shopify.people.set_options({"risk_delay_s": (30.0, 30.0)})
    (order_id,) = day.sell(lines=1, quantity=3)
    await day.passes(5)
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.schedule(order_id, day.clock.now() + timedelta(minutes=4), lines={line: 2})
    await day.rest()
    await day.assert_clean()
    assert [item["quantity"] for item in only(day, order_id)["items"] if not item["adjustment"]] == [1]
    assert "2 units kept back: scheduled" in (await day.told())[order_id]["detail"]
    leaves(day)
    await day.passes(240)
    await day.rest()
    assert await day.cause(order_id) == "partly_shipped"
    await ends_well(day, 2)
    assert await day.cause(order_id) == "shipped"


TIP = {"title": "Tip", "price": "5.00", "quantity": 1, "requires_shipping": False, "taxable": False}
TAX = {"title": "VAT", "rate": 0.19, "price": "2.95"}


@ON_V1_ALONE
@pytest.mark.parametrize("included", [False, True], ids=["tax on top", "tax inside the prices"])
async def test_tips_and_duties_count_in_the_total_and_nobody_packs_them(day: Day, included: bool) -> None:
    """Duties are in no line: the order's total is 24.00 more than its parts, of which nothing says what it is."""
    parts = Decimal("18.50") + Decimal("5.00") + Decimal("6.90") + (Decimal(0) if included else Decimal("2.95"))
    body = sale(
        goods(tax_lines=[TAX]), TIP, to=OTTAWA, taxes_included=included, total_price=str(parts + Decimal("24.00"))
    )
    order_id = day.shopify.people.import_order(body)
    await day.rest()
    there = only(day, order_id)
    assert skus(there) == [("MUG-1", 1)]
    assert there["orderTotal"] == Decimal(day.order(order_id)["total"]) == parts + Decimal("24.00")
    (sent,) = pushed(day.calls("createorders"))
    assert Decimal(str(sent["taxAmount"])) == (Decimal(0) if included else Decimal("2.95"))
    (rest,) = [item for item in sent["items"] if item["adjustment"]]
    assert Decimal(str(rest["unitPrice"])) == Decimal("29.00")
    await ends_well(day, 1)


@pytest.mark.parametrize("method", ["PICK_UP", "LOCAL", "RETAIL", "PICKUP_POINT", "NONE"])
async def test_of_a_mixed_basket_only_what_is_shipped_is_sent_and_told(day: Day, method: str) -> None:
    order_id = day.shopify.people.import_order(sale(goods("SENT", 2), goods("TAKEN", delivery_method=method)))
    await day.rest()
    await day.assert_clean()
    assert (await day.cause(order_id), skus(only(day, order_id))) == ("in_shipstation", [("SENT", 2)])
    await ends_well(day, 1)
    (told,) = day.fulfillments(order_id)
    assert sum(told["lines"].values()) == 2


async def test_what_was_to_be_picked_up_is_sent_once_the_customer_asks_for_that(day: Day) -> None:
    order_id = day.shopify.people.import_order(sale(goods(delivery_method="PICK_UP")))
    await day.rest()
    assert await day.cause(order_id) == "pickup"
    day.shopify.people.deliver_by(order_id, "SHIPPING")
    await day.rest()
    await ends_well(day, 1)


@BOTH
async def test_an_exchange_of_one_of_two_goods_sends_the_new_one_and_nothing_else(day: Day) -> None:
    order_id = day.shopify.people.import_order(sale(goods("MUG-RED", id=21), goods("TEA", id=22)))
    await day.rest()
    leaves(day)
    await day.rest()
    day.shopify.people.exchange(order_id, [goods("MUG-BLUE")])
    await day.rest()
    assert await day.cause(order_id) == "fulfillment_hold"
    day.shopify.people.release(order_id)
    await day.rest()
    (new,) = [one for one in day.there(order_id) if one["status"] == "awaiting_shipment"]
    assert skus(new) == [("MUG-BLUE", 1)]
    await day.assert_clean()
    await ends_well(day, 2)
    assert await day.cause(order_id) == "shipped"


async def test_a_hundred_orders_of_two_parcels_each_take_two_calls_of_a_hundred(day: Day) -> None:
    """ShipStation takes at most 100 orders in a call; a batch of ours is up to 100 Shopify orders, each from two locations."""
    order_ids = day.sell(70, lines=1, quantity=2, mix={"split_line": 1.0})
    await day.rest()
    sizes = [len(pushed([call])) for call in day.calls("createorders")]
    assert (sum(sizes), max(sizes) <= 100) == (140, True)
    assert {len(day.there(order_id)) for order_id in order_ids} == {2}
    assert (await day.assert_clean()).states == {"in_shipstation": 70}
