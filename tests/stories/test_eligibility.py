"""Stories of what is sent and what is not: every exclusion has its name, and most of them a setting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncd.operate.rulings import release_orders
from syncd.simulation.day import SECOND_SHOP, Day, Fates, second_store, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.ports import START
from tests.stories.bodies import goods, sale

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)

DIGITAL: dict[str, Any] = {"requires_shipping": False}
HERE_AND_NOW: dict[str, Any] = {"shipping_address": None, "shipping_lines": []}


def brought(method: str) -> dict[str, Any]:
    return sale(goods(delivery_method=method), shipping_lines=[])


KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "paid": (sale(), "in_shipstation"),
    "money given back": (sale(financial_status="partially_refunded"), "in_shipstation"),
    "authorized": (sale(financial_status="authorized"), "authorized_only"),
    "payment terms": (sale(financial_status="pending"), "unpaid"),
    "deposit": (sale(financial_status="partially_paid"), "partly_paid"),
    "payment expired": (sale(financial_status="expired"), "unpaid"),
    "payment voided": (sale(financial_status="voided"), "unpaid"),
    "test": (sale(test=True), "test_order"),
    "gift card by mail": (sale(goods("GIFT", gift_card=True, **DIGITAL)), "gift_card"),
    "download": (sale(goods("MANUAL", **DIGITAL)), "nothing_to_ship"),
    "free sample": (sale(goods(price="0.00"), shipping_lines=[]), "in_shipstation"),
    "pickup": (brought("PICK_UP"), "pickup"),
    "pickup point": (brought("PICKUP_POINT"), "pickup"),
    "local delivery": (brought("LOCAL"), "pickup"),
    "carried out of the shop": (sale(source_name="pos", **HERE_AND_NOW), "pickup"),
    "sent from the till": (sale(source_name="pos"), "in_shipstation"),
    "cancelled": (sale(cancelled_at="2026-11-01T00:00:00Z"), "cancelled"),
}


@BOTH
async def test_every_kind_of_order_has_the_cause_of_its_kind(day: Day) -> None:
    sold = {kind: day.shopify.people.import_order(body) for kind, (body, _) in KINDS.items()}
    await day.rest()
    assert {kind: await day.cause(order_id) for kind, order_id in sold.items()} == {
        kind: cause for kind, (_, cause) in KINDS.items()
    }
    sent = {kind for kind, order_id in sold.items() if day.there(order_id)}
    assert sent == {kind for kind, (_, cause) in KINDS.items() if cause == "in_shipstation"}
    await day.assert_clean()
    day.shipstation.labels.ship_all()
    await day.rest()
    account = await day.assert_clean()
    assert account.packages == account.fulfillments == account.mails == len(sent)


async def test_what_was_sold_before_the_start_stays_where_it_is(day: Day) -> None:
    before = day.shopify.people.import_order(sale(processed_at="1999-12-31T00:00:00Z"))
    day.shopify.people.import_order(sale())
    await day.rest()
    assert (await day.cause(before), day.there(before)) == ("before_start", [])
    # The judge knows no dates: to it the order is missing, and nothing else is.
    assert [one.partition(" ")[0] for one in (await day.account()).missing] == [day.order(before)["name"]]


OPEN_HANDED = second_store(
    ship_authorized=True, ship_pending=True, ship_partly_paid=True, ship_test_orders=True, ship_zero_value=False
)
TWO = Fates(settings=settings_of(stores={"main": store_settings(), "second": OPEN_HANDED}), more_shops=(SECOND_SHOP,))


@pytest.mark.parametrize("fates", [TWO], ids=["two stores"])
async def test_each_store_decides_for_itself_what_may_ship(day: Day, fates: Fates) -> None:
    kinds = ("authorized", "payment terms", "deposit", "test", "free sample")
    both = {
        shop: [day.shopify.people.import_order(KINDS[kind][0], shop=shop) for kind in kinds]
        for shop in day.shopify.shops
    }
    await day.rest()
    strict, open_handed = [[await day.cause(one) for one in order_ids] for order_ids in both.values()]
    assert strict == ["authorized_only", "unpaid", "partly_paid", "test_order", "in_shipstation"]
    assert open_handed == [*["in_shipstation"] * 4, "zero_value"]


async def test_payment_that_comes_later_sends_the_order_by_itself(day: Day) -> None:
    sold = [day.shopify.people.import_order(KINDS[kind][0]) for kind in ("authorized", "payment terms", "deposit")]
    await day.rest()
    assert day.writes() == 0
    for order_id in sold:
        day.shopify.people.pay(order_id)
    await day.rest()
    assert (await day.assert_clean()).states == {"in_shipstation": 3}


@pytest.mark.parametrize(
    "fates", [Fates(settings=settings_of(stores={"main": store_settings(oldest_days=7)}))], ids=["a week"]
)
async def test_what_could_have_been_sent_long_ago_waits_for_a_person_and_a_preorder_is_never_old(
    day: Day, fates: Fates
) -> None:
    last_month = (START - timedelta(days=30)).isoformat()
    day.shopify.people.set_options({"risk_delay_s": (30.0, 30.0)})
    old = day.shopify.people.import_order(sale(created_at=last_month, processed_at=last_month))
    preorder = day.shopify.people.import_order(sale(created_at=last_month, processed_at=last_month), risk_level="HIGH")
    day.shopify.people.schedule(preorder, day.clock.now() + timedelta(minutes=3))
    day.shopify.people.assess_risk(preorder, "LOW")
    await day.rest()
    assert [await day.cause(one) for one in (old, preorder)] == ["too_old", "scheduled"]
    await day.passes(240)
    await day.rest()
    assert [await day.cause(one) for one in (old, preorder)] == ["too_old", "in_shipstation"]
    await release_orders(await desk_of(day), [str(old)])
    await day.rest()
    assert (await day.assert_clean()).states == {"in_shipstation": 2}


async def test_a_hold_is_seen_after_a_look_by_a_clock_that_was_ahead(day: Day) -> None:
    """No webhook tells of it, and the order's own time does not move."""
    day.shopify.people.set_options({"webhooks": {"enabled": False}, "hold_touches_order": False})
    day.first.jump(240.0)
    (order_id,) = day.sell()
    await day.rest()
    day.first.jump(-240.0)
    day.shopify.people.hold(order_id)
    await day.passes(420.0)
    await day.rest()
    assert [row["status"] for row in day.there(order_id)] == ["on_hold"]
    assert await day.cause(order_id) == "fulfillment_hold"
