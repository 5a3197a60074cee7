"""The main job from end to end: what is paid arrives once, what leaves is told once, and nothing gets lost on the way."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from syncd.sandbox.shopify.options import WebhookOptions
from syncd.simulation.day import SHOP, Day, Fates, settings_of, store_settings
from syncd.simulation.written import pushed
from tests.orders_api import ON_V1_ALONE

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


@BOTH
async def test_a_paid_order_arrives_once_and_its_packages_are_told_once(day: Day) -> None:
    day.sell()
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 1}
    assert len(pushed(day.calls("createorders"))) == 1
    day.shipstation.labels.ship_all()
    await day.rest()
    account = await day.assert_clean()
    assert account.causes == {"shipped": 1}
    assert account.packages == account.fulfillments == account.mails > 0


async def test_the_document_is_the_order_exactly(day: Day) -> None:
    (order_id,) = day.sell(lines=2, quantity=3)
    await day.rest()
    order = day.order(order_id)
    (document,) = pushed(day.calls("createorders"))
    (there,) = day.there(order_id)
    assert document["orderKey"] == f"main-{order_id}-82734627-1"
    assert document["orderNumber"] == order["name"]
    assert document["advancedOptions"]["storeId"] == 1001
    assert document["advancedOptions"]["warehouseId"] == there["warehouseId"] == 501
    assert {item["lineItemKey"]: item["quantity"] for item in document["items"]} == {
        f"{order_id}:{line['id']}": 3 for line in order["lines"]
    }
    assert there["orderTotal"] == there["amountPaid"] == Decimal(order["total"])
    body = day.shopify.shops[SHOP.domain].orders[order_id]
    assert body.shipping_address is not None
    assert document["shipTo"]["street1"] == body.shipping_address.address1
    assert document["shipTo"]["postalCode"] == body.shipping_address.zip


async def test_goods_at_two_locations_become_two_consignments(day: Day) -> None:
    (order_id,) = day.sell(mix={"two_locations": 1.0}, lines=3, quantity=2)
    await day.rest()
    await day.assert_clean()
    assert sorted(one["warehouseId"] for one in day.there(order_id)) == [501, 502]
    assert len({one["orderNumber"] for one in day.there(order_id)}) == 2
    total = sum((one["orderTotal"] for one in day.there(order_id)), Decimal(0))
    assert total == Decimal(day.order(order_id)["total"])
    day.shipstation.labels.ship_all()
    await day.rest()
    account = await day.assert_clean()
    assert account.causes == {"shipped": 1}
    assert {one["locationId"] for one in day.fulfillments(order_id)} == {82734627, 82734628}


NEVER_SENT = {
    "unpaid": "unpaid",
    "authorized": "authorized_only",
    "partially_paid": "partly_paid",
    "test": "test_order",
    "digital_only": "nothing_to_ship",
    "gift_card": "gift_card",
    "pickup": "pickup",
}


@pytest.mark.parametrize(("feature", "cause"), NEVER_SENT.items())
async def test_what_must_not_be_sent_is_excluded_with_its_cause(day: Day, feature: str, cause: str) -> None:
    (order_id,) = day.sell(mix={feature: 1.0})
    await day.rest()
    await day.assert_clean()
    assert await day.cause(order_id) == cause
    assert day.there(order_id) == []
    assert day.writes() == 0


@pytest.mark.parametrize("feature", ["unpaid", "authorized", "partially_paid"])
async def test_an_order_that_is_paid_later_goes_out(day: Day, feature: str) -> None:
    (order_id,) = day.sell(mix={feature: 1.0})
    await day.rest()
    day.shopify.people.pay(order_id)
    await day.rest()
    await day.assert_clean()
    assert await day.cause(order_id) == "in_shipstation"


async def test_an_order_cancelled_before_it_was_pushed_leaves_no_trace(day: Day) -> None:
    day.shopify.people.set_options({"routing_delay_s": (30.0, 30.0)})
    (order_id,) = day.sell()
    await day.passes(5)
    day.shopify.people.cancel(order_id)
    await day.rest()
    await day.assert_clean()
    assert await day.cause(order_id) == "cancelled"
    assert day.there(order_id) == []
    assert day.writes() == 0


async def test_an_order_cancelled_before_its_label_is_cancelled_there(day: Day) -> None:
    cancelled, kept = day.sell(2)
    await day.rest()
    day.shopify.people.cancel(cancelled)
    await day.rest()
    await day.assert_clean()
    assert await day.cause(cancelled) == "cancelled"
    assert [one["status"] for one in day.there(cancelled)] == ["cancelled"]
    assert [one["status"] for one in day.there(kept)] == ["awaiting_shipment"]


@ON_V1_ALONE
async def test_cancellations_and_new_orders_ride_in_one_call(day: Day) -> None:
    orders = day.sell(5)
    await day.rest()
    known = len(day.calls("createorders"))
    for order_id in orders[:3]:
        day.shopify.people.cancel(order_id)
    day.sell(4)
    await day.rest()
    await day.assert_clean()
    calls = day.calls("createorders")[known:]
    kinds = [{document["orderStatus"] for document in pushed([call])} for call in calls]
    assert sum(len(pushed([call])) for call in calls) == 7
    assert len(calls) <= 3, kinds


async def test_an_order_cancelled_after_its_label_is_parked_with_its_package_named(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest()
    (there,) = day.there(order_id)
    day.shopify.people.set_options({"webhooks": {"enabled": False}})
    day.shopify.people.cancel(order_id)
    shipment = day.shipstation.labels.buy_label(there["orderId"])
    await day.rest()
    told = (await day.told())[order_id]
    assert (told["state"], told["cause"]) == ("parked", "cancelled_after_label")
    assert f"s{shipment.shipment_id}" in told["detail"]
    assert day.fulfillments(order_id) == []
    day.shipstation.labels.void_label(shipment.shipment_id)
    await day.rest()
    await day.assert_clean()
    assert await day.cause(order_id) == "cancelled"
    assert [one["status"] for one in day.there(order_id)] == ["cancelled"]


async def test_an_edit_before_the_label_is_made_there_and_the_warehouses_fields_stay(day: Day) -> None:
    (order_id,) = day.sell(lines=2, quantity=2)
    await day.rest()
    (there,) = day.there(order_id)
    day.shipstation.edit(there["orderId"], {"serviceCode": "usps_first_class_mail", "carrierCode": "stamps_com"})
    day.shipstation.desk.tag(there["orderId"], 8362)
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.edit(order_id, quantities={line: 1}, address={"address1": "1 New Street"})
    await day.rest()
    await day.assert_clean()
    (after,) = day.there(order_id)
    assert after["orderId"] == there["orderId"]
    assert after["shipTo"]["street1"] == "1 New Street"
    assert after["tagIds"] == [8362]
    document = pushed(day.calls("createorders"))[-1]
    assert (document["serviceCode"], document["carrierCode"]) == ("usps_first_class_mail", "stamps_com")
    assert {item["lineItemKey"]: item["quantity"] for item in after["items"]}[f"{order_id}:{line}"] == 1


async def test_units_added_go_out_once_they_are_paid(day: Day) -> None:
    (order_id,) = day.sell(lines=1, quantity=2)
    await day.rest()
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.edit(order_id, quantities={line: 5})
    await day.rest()
    told = (await day.told())[order_id]
    assert (told["cause"], told["detail"]) == ("in_shipstation", "3 units kept back: partly paid")
    assert [item["quantity"] for item in day.there(order_id)[0]["items"]] == [2]
    day.shopify.people.pay(order_id)
    await day.rest()
    await day.assert_clean()
    assert [item["quantity"] for item in day.there(order_id)[0]["items"]] == [5]


@pytest.mark.parametrize("packages", [1, 2, 3])
async def test_each_package_becomes_one_fulfillment_with_its_own_lines_and_one_mail(day: Day, packages: int) -> None:
    (order_id,) = day.sell(lines=1, quantity=3)
    await day.rest()
    (there,) = day.there(order_id)
    key = there["items"][0]["lineItemKey"]
    sizes = {1: [3], 2: [1, 2], 3: [1, 1, 1]}[packages]
    numbers = {}
    for units in sizes:
        shipment = day.shipstation.labels.buy_label(there["orderId"], lines={key: units})
        numbers[shipment.tracking_number] = units
        await day.rest()
    account = await day.assert_clean()
    assert account.fulfillments == account.mails == packages
    assert {one["tracking"][0]["number"]: sum(one["lines"].values()) for one in day.fulfillments(order_id)} == numbers
    assert await day.cause(order_id) == "shipped"


async def test_a_label_voided_before_it_was_told_is_never_told(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest()
    (there,) = day.there(order_id)
    shipment = day.shipstation.labels.buy_label(there["orderId"])
    day.shipstation.labels.void_label(shipment.shipment_id)
    await day.rest()
    await day.assert_clean()
    assert day.calls("fulfillmentCreate") == []
    assert await day.cause(order_id) == "in_shipstation"


@BOTH
async def test_a_second_start_and_a_full_look_plan_nothing(day: Day) -> None:
    day.sell(6, mix={"two_locations": 0.5, "unpaid": 0.2, "pickup": 0.2})
    await day.rest()
    day.shipstation.labels.ship_all()
    day.sell(2)
    await day.rest()
    before = day.writes()
    day.kill()
    await day.start()
    await day.rest()
    day.execute("DELETE FROM cursors")
    day.kill()
    await day.start()
    await day.rest()
    await day.assert_clean()
    assert day.writes() == before


@pytest.mark.parametrize(
    "fates",
    [
        Fates(
            shop=replace(SHOP, webhooks=WebhookOptions(enabled=False)),
            settings=settings_of(server={"public_url": ""}),
        )
    ],
)
async def test_without_any_webhook_the_feeds_bring_everything(day: Day) -> None:
    orders = day.sell(5, over_s=30.0)
    await day.rest()
    day.shipstation.labels.ship_all()
    await day.rest()
    unpaid, cancelled = day.sell(1, mix={"unpaid": 1.0}) + day.sell(1)
    await day.rest()
    day.shopify.people.pay(unpaid)
    day.shopify.people.cancel(cancelled)
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"shipped": len(orders), "in_shipstation": 1, "cancelled": 1}


STORMY = WebhookOptions(doubled=0.6, lost=0.3, shuffled=True, delay_s=(0.2, 20.0))


@BOTH
@pytest.mark.parametrize("fates", [Fates(shop=replace(SHOP, webhooks=STORMY))])
async def test_webhooks_doubled_lost_and_shuffled_double_nothing(day: Day) -> None:
    day.shipstation.set_options({"webhook_double": 0.5, "webhook_drop": 0.3, "webhook_shuffle": True})
    day.sell(12, over_s=60.0)
    await day.passes(40)
    for order_id in list(day.shopify.shops[SHOP.domain].orders):
        day.shopify.people.edit(order_id, note="changed")
    await day.rest()
    day.shipstation.labels.ship_all()
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"shipped": 12}


UNKNOWN_WAREHOUSE = settings_of(stores={"main": store_settings(locations={"82734627": 501, "82734628": 999})})


@pytest.mark.parametrize("fates", [Fates(settings=UNKNOWN_WAREHOUSE)])
async def test_a_poison_row_keeps_none_of_the_others_back(day: Day) -> None:
    day.sell(60)
    (poison,) = day.sell(mix={"second_location": 1.0})
    day.sell(39)
    await day.rest()
    account = await day.account()
    assert account.doubled == account.missing == []
    told = await day.told()
    refused = told.pop(poison)
    assert (refused["state"], refused["cause"]) == ("parked", "rejected_by_shipstation")
    assert "999" in refused["detail"]
    assert [one["state"] for one in told.values()] == ["in_shipstation"] * 99
    assert len(day.calls("createorders")) <= 4
