"""What happens to an order before its label, told in actions of merchant and warehouse, from one side to the other."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from syncd.operate.explain import plan_order_now
from syncd.operate.rulings import release_orders, resolve_order
from syncd.simulation.day import Day, Fates, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.written import pushed, writes_orders
from tests.orders_api import ON_V1_ALONE

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
MAIN, SECOND = 82734627, 82734628


def fates_of(**store: Any) -> Fates:
    return Fates(settings=settings_of(stores={"main": store_settings(**store)}))


def with_store(**store: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fates", [fates_of(**store)], ids=["-".join(map(str, store.values()))])


async def rests(day: Day, order_id: int, cause: str) -> None:
    """Both sides agree to the unit, and this is what is said of the order."""
    await day.rest()
    await day.assert_clean()
    assert await day.cause(order_id) == cause


async def sold(day: Day, lines: int = 1, quantity: int = 2, **wishes: Any) -> int:
    (order_id,) = day.sell(lines=lines, quantity=quantity, **wishes)
    await day.rest()
    return order_id


def only(day: Day, order_id: int) -> dict[str, Any]:
    (there,) = [one for one in day.there(order_id) if one["status"] != "cancelled"]
    return there


def document(day: Day, order_id: int) -> dict[str, Any]:
    """What was sent last."""
    return [one for one in pushed(day.calls("createorders")) if f"-{order_id}-" in one["orderKey"]][-1]


def units(there: dict[str, Any]) -> int:
    return sum(item["quantity"] for item in there["items"] if not item["adjustment"])


async def ships_all(day: Day, order_id: int) -> None:
    day.shipstation.labels.ship_all()
    await rests(day, order_id, "shipped")


# holds


@BOTH
async def test_a_hold_rests_in_shipstation_too_and_a_release_wakes_the_same_order(day: Day) -> None:
    order_id = await sold(day)
    before = only(day, order_id)
    day.shopify.people.hold(order_id)
    await rests(day, order_id, "fulfillment_hold")
    assert (only(day, order_id)["orderId"], only(day, order_id)["status"]) == (before["orderId"], "on_hold")
    day.shopify.people.release(order_id)
    await rests(day, order_id, "in_shipstation")
    assert (only(day, order_id)["orderId"], only(day, order_id)["status"]) == (before["orderId"], "awaiting_shipment")
    await ships_all(day, order_id)


@with_store(on_hold="withdraw")
async def test_a_store_may_have_held_goods_taken_out_instead(day: Day, fates: Fates) -> None:
    order_id = await sold(day)
    day.shopify.people.hold(order_id)
    await rests(day, order_id, "fulfillment_hold")
    assert [one["status"] for one in day.there(order_id)] == ["cancelled"]
    day.shopify.people.release(order_id)
    await rests(day, order_id, "in_shipstation")
    assert only(day, order_id)["orderKey"].endswith("-2")


async def test_a_hold_on_some_units_leaves_the_others_free_to_go(day: Day) -> None:
    order_id = await sold(day, quantity=3)
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.hold(order_id, lines={line: 2})
    await rests(day, order_id, "in_shipstation")
    assert (units(only(day, order_id)), only(day, order_id)["status"]) == (1, "awaiting_shipment")
    day.shopify.people.release(order_id)
    await rests(day, order_id, "in_shipstation")
    assert units(only(day, order_id)) == 3
    await ships_all(day, order_id)


@ON_V1_ALONE
async def test_a_hold_of_the_warehouse_outlives_one_of_the_merchant(day: Day) -> None:
    order_id = await sold(day)
    day.shipstation.desk.hold(only(day, order_id)["orderId"])
    day.shopify.people.hold(order_id)
    await day.rest()
    day.shopify.people.release(order_id)
    day.shopify.people.edit(order_id, note="Ring twice")
    await rests(day, order_id, "in_shipstation")
    assert only(day, order_id)["status"] == "on_hold"


async def test_an_order_that_is_held_before_it_was_sent_is_kept_back(day: Day) -> None:
    day.shopify.people.set_options({"risk_delay_s": (30.0, 30.0)})
    (order_id,) = day.sell()
    await day.passes(5)
    day.shopify.people.hold(order_id)
    await rests(day, order_id, "fulfillment_hold")
    assert day.there(order_id) == []
    day.shopify.people.release(order_id)
    await rests(day, order_id, "in_shipstation")


async def test_a_preorder_waits_for_its_date_and_goes_by_itself(day: Day) -> None:
    day.shopify.people.set_options({"risk_delay_s": (30.0, 30.0)})
    (order_id,) = day.sell()
    await day.passes(5)
    day.shopify.people.schedule(order_id, day.clock.now() + timedelta(minutes=4))
    await rests(day, order_id, "scheduled")
    assert day.there(order_id) == []
    await day.passes(240)
    await rests(day, order_id, "in_shipstation")


# fraud and patience


@BOTH
async def test_a_late_fraud_verdict_puts_the_order_on_hold_until_a_person_releases_it(day: Day) -> None:
    order_id = await sold(day)
    day.shopify.people.assess_risk(order_id, "HIGH")
    await rests(day, order_id, "fraud_review")
    assert only(day, order_id)["status"] == "on_hold"
    await release_orders(await desk_of(day), [str(order_id)])
    await day.rest()
    assert (await day.cause(order_id), only(day, order_id)["status"]) == ("in_shipstation", "awaiting_shipment")
    assert [row["step"] for row in day.rows("SELECT step FROM journal WHERE step <> 'state' ORDER BY id")][-2:] == [
        "release",
        "release_order",
    ]


async def test_a_fraud_verdict_before_the_push_keeps_the_order_back(day: Day) -> None:
    (order_id,) = day.sell(mix={"high_risk": 1.0})
    await day.until(lambda: day.order(order_id)["risk"] == "CANCEL")
    await rests(day, order_id, "fraud_review")
    assert all(one["status"] == "on_hold" for one in day.there(order_id))


@with_store(fraud={"hold_on": "investigate"})
async def test_a_careful_store_holds_what_should_be_investigated(day: Day, fates: Fates) -> None:
    order_id = await sold(day)
    day.shopify.people.assess_risk(order_id, "MEDIUM")
    await day.rest()
    assert (await day.cause(order_id), only(day, order_id)["status"]) == ("fraud_review", "on_hold")


@with_store(fraud={"wait_s": 120})
async def test_an_analysis_that_never_ends_keeps_an_order_back_for_a_time(day: Day, fates: Fates) -> None:
    day.shopify.people.set_options({"risk_delay_s": (1e6, 1e6)})
    (order_id,) = day.sell()
    await rests_waiting(day, order_id, "risk_pending")
    await day.passes(60)
    await rests(day, order_id, "in_shipstation")


async def rests_waiting(day: Day, order_id: int, cause: str, after_s: float = 60.0) -> None:
    await day.passes(after_s)
    assert (await day.cause(order_id), day.there(order_id)) == (cause, [])


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(sync={"grace_s": 120.0}))], ids=["grace"])
async def test_edits_do_not_postpone_the_end_of_the_grace_period(day: Day, fates: Fates) -> None:
    (order_id,) = day.sell(lines=1, quantity=1)
    for _ in range(3):
        await rests_waiting(day, order_id, "grace_period", after_s=30)
        day.shopify.people.edit(order_id, note=f"again {day.clock.now()}")
    await day.passes(30)
    await rests(day, order_id, "in_shipstation")


# edits


EDITS: dict[str, tuple[dict[str, Any], str, Any]] = {
    "note": ({"note": "Ring twice"}, "customerNotes", "Ring twice"),
    "attribute": ({"attributes": {"Door code": "4711"}}, "internalNotes", "Door code: 4711"),
    "mail": ({"email": "new@example.com"}, "customerEmail", "new@example.com"),
    "shipping choice": ({"shipping_title": "Courier"}, "requestedShippingService", "Courier"),
}


@pytest.mark.parametrize(("edit", "field", "value"), EDITS.values(), ids=EDITS)
async def test_each_owned_field_follows_until_the_label(day: Day, edit: dict[str, Any], field: str, value: Any) -> None:
    order_id = await sold(day)
    there = only(day, order_id)
    day.shopify.people.edit(order_id, **edit)
    await rests(day, order_id, "in_shipstation")
    assert (only(day, order_id)["orderId"], document(day, order_id)[field]) == (there["orderId"], value)
    day.shipstation.labels.ship_all()
    await day.rest()
    sent = len(day.calls("createorders"))
    again: dict[str, Any] = {name: f"{text}!" for name, text in edit.items() if isinstance(text, str)}
    day.shopify.people.edit(order_id, **again)
    await rests(day, order_id, "shipped")
    assert len(day.calls("createorders")) == sent


async def test_lines_added_and_removed_move_units_totals_and_weight(day: Day) -> None:
    order_id = await sold(day, lines=2, quantity=2)
    first = document(day, order_id)
    gone, kept = (line["id"] for line in day.order(order_id)["lines"])
    new = {"title": "Mug", "sku": "MUG", "price": "5.00", "quantity": 1, "grams": 100, "requires_shipping": True}
    day.shopify.people.edit(order_id, quantities={gone: 0}, add=[new])
    day.shopify.people.pay(order_id) if day.order(order_id)["financialStatus"] == "PARTIALLY_PAID" else None
    await rests(day, order_id, "in_shipstation")
    last, shop_side = document(day, order_id), day.order(order_id)
    assert f"{order_id}:{gone}" not in [item["lineItemKey"] for item in last["items"]]
    assert f"{order_id}:{kept}" in [item["lineItemKey"] for item in last["items"]]
    assert last["weight"] != first["weight"]
    assert only(day, order_id)["orderTotal"] == Decimal(shop_side["total"])


async def test_customs_data_and_incoterm_reach_an_order_for_abroad(day: Day) -> None:
    order_id = await sold(day, mix={"abroad": 1.0})
    assert "Incoterm: DAP" in document(day, order_id)["internalNotes"]
    day.shopify.people.declare(order_id, "691110", "PT")
    day.shopify.people.edit(order_id, note="declared")
    await rests(day, order_id, "in_shipstation")
    (item,) = document(day, order_id)["internationalOptions"]["customsItems"]
    assert (item["harmonizedTariffCode"], item["countryOfOrigin"], item["value"] > 0) == ("691110", "PT", True)


@pytest.mark.parametrize(("side", "street"), [("shopify", "2 New Street"), ("shipstation", "1 Other Road")])
@BOTH
async def test_a_field_changed_on_both_sides_stays_until_a_person_takes_a_side(
    day: Day, side: str, street: str
) -> None:
    order_id = await sold(day)
    day.shipstation.edit(only(day, order_id)["orderId"], {"shipTo": {"street1": "1 Other Road"}})
    day.shopify.people.edit(order_id, address={"address1": "2 New Street"}, note="Ring twice")
    await rests(day, order_id, "changed_on_both_sides")
    assert only(day, order_id)["shipTo"]["street1"] == "1 Other Road"
    assert document(day, order_id)["customerNotes"] == "Ring twice"
    desk = await desk_of(day)
    (conflict,) = (await plan_order_now(desk, str(order_id)))["orders"]["conflicts"]
    assert (conflict["shopify"]["street1"], conflict["shipstation"]["street1"]) == ("2 New Street", "1 Other Road")
    await resolve_order(desk, str(order_id), side)
    await rests(day, order_id, "in_shipstation")
    assert only(day, order_id)["shipTo"]["street1"] == street
    writes = day.writes()
    day.shopify.people.edit(order_id, note="Ring thrice")
    await rests(day, order_id, "in_shipstation")
    assert (only(day, order_id)["shipTo"]["street1"], day.writes()) == (street, writes + 1)
    assert "Street" not in str(day.rows("SELECT facts, text FROM journal"))


async def test_another_address_after_the_label_needs_a_person(day: Day) -> None:
    order_id = await sold(day)
    day.shipstation.labels.ship_all()
    street = only(day, order_id)["shipTo"]["street1"]
    day.shopify.people.edit(order_id, address={"address1": "2 New Street"})
    await rests(day, order_id, "edited_after_label")
    assert only(day, order_id)["shipTo"]["street1"] == street


# refunds and cancellations


@BOTH
async def test_refunds_before_shipping_go_by_units_and_never_by_money(day: Day) -> None:
    order_id = await sold(day, quantity=3)
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.refund(order_id, amount=Decimal("1.00"))
    await rests(day, order_id, "in_shipstation")
    assert units(only(day, order_id)) == 3
    day.shopify.people.refund(order_id, lines={line: 1}, restock_type="NO_RESTOCK")
    await rests(day, order_id, "in_shipstation")
    assert units(only(day, order_id)) == 2
    day.shopify.people.refund(order_id, lines={line: 2})
    await rests(day, order_id, "refunded")
    assert [one["status"] for one in day.there(order_id)] == ["cancelled"]


@with_store(on_cancel="hold")
async def test_a_store_may_have_cancelled_orders_held_for_a_person(day: Day, fates: Fates) -> None:
    order_id = await sold(day)
    day.shopify.people.cancel(order_id)
    await rests(day, order_id, "cancelled_on_hold")
    assert only(day, order_id)["status"] == "on_hold"


async def test_a_cancellation_after_the_label_is_never_swallowed(day: Day) -> None:
    order_id = await sold(day)
    before = {one["orderId"] for one in day.there(order_id)}
    day.shipstation.set_options({"notify_delay_s": (3600.0, 3600.0)})
    day.shipstation.labels.ship_all()
    day.shopify.people.cancel(order_id)
    await day.rest()
    assert await day.cause(order_id) == "cancelled_after_label"
    assert {one["orderId"]: one["status"] for one in day.there(order_id)} == dict.fromkeys(before, "shipped")


@with_store(void_on_cancel=True)
@BOTH
async def test_a_label_is_voided_where_the_store_wants_it_and_the_order_then_cancelled(day: Day, fates: Fates) -> None:
    order_id = await sold(day)
    day.shipstation.labels.buy_label(only(day, order_id)["orderId"])
    day.shopify.people.cancel(order_id)
    await rests(day, order_id, "cancelled")
    assert [one["status"] for one in day.there(order_id)] == ["cancelled"]
    assert [one["voided"] for one in day.shipstation.state()["shipments"]] == [True]
    assert len([one for one in day.calls("void") if one.method != "GET"]) == 1


@with_store(void_on_cancel=True)
async def test_a_label_of_a_merged_order_is_never_voided_for_one_of_them(day: Day, fates: Fates) -> None:
    order_id, other = await sold(day), await sold(day)
    survivor = only(day, order_id)["orderId"]
    day.shipstation.desk.merge([survivor, only(day, other)["orderId"]])
    day.shipstation.labels.buy_label(survivor)
    day.shopify.people.cancel(order_id)
    await day.rest()
    assert await day.cause(order_id) == "cancelled_after_label"
    assert [one for one in day.calls("void") if one.method != "GET"] == []


@pytest.mark.parametrize("style", ["row_failure", "status_400", "silent_200"])
async def test_a_label_bought_while_we_cancel_is_caught_by_reading_back(day: Day, style: str) -> None:
    day.shipstation.set_options({"locked_order_style": style})
    order_id = await sold(day)

    def buys(request: Any) -> None:
        if writes_orders(request):
            day.network.before = None
            day.shipstation.labels.ship_all()

    day.network.before = buys
    day.shopify.people.cancel(order_id)
    await day.rest()
    assert await day.cause(order_id) == "cancelled_after_label"


# places


async def test_goods_that_move_to_another_location_leave_from_there(day: Day) -> None:
    order_id = await sold(day, quantity=3)
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.move_fulfillment_order(order_id, SECOND, lines={line: 1})
    await rests(day, order_id, "in_shipstation")
    assert sorted((one["warehouseId"], units(one)) for one in day.there(order_id)) == [(501, 2), (502, 1)]
    day.shopify.people.move_fulfillment_order(order_id, SECOND)
    await rests(day, order_id, "in_shipstation")
    assert (only(day, order_id)["warehouseId"], units(only(day, order_id))) == (502, 3)
    await ships_all(day, order_id)


BODY: dict[str, Any] = {
    "financial_status": "paid",
    "source_name": "pos",
    "shipping_address": {
        "first_name": "Ann", "last_name": "Lee", "address1": "1 Main Street", "city": "Albany", "province_code": "NY",
        "zip": "12207", "country_code": "US",
    },
    "line_items": [{"id": 1, "title": "Mug", "sku": "MUG", "price": "5.00", "quantity": 1, "grams": 100}],
}  # fmt: skip


# eligibility


@with_store(ship_zero_value=False, oldest_days=7)
async def test_what_costs_nothing_or_is_old_is_excluded_by_name_until_released(day: Day, fates: Fates) -> None:
    (free,) = day.sell(mix={"zero_value": 1.0, "free_shipping": 1.0, "untaxed": 1.0})
    old = day.shopify.people.import_order(
        {**BODY, "created_at": "2026-11-01T00:00:00Z", "processed_at": "2026-11-01T00:00:00Z"}
    )
    await day.rest()
    assert [await day.cause(one) for one in (free, old)] == ["zero_value", "too_old"]
    await release_orders(await desk_of(day), [str(free), str(old)])
    await day.rest()
    await day.assert_clean()
    assert [await day.cause(one) for one in (free, old)] == ["in_shipstation", "in_shipstation"]


# exchanges


@BOTH
async def test_an_exchange_waits_for_the_return_and_is_then_sent(day: Day) -> None:
    order_id = await sold(day)
    day.shipstation.labels.ship_all()
    await rests(day, order_id, "shipped")
    new = {"title": "Mug, other color", "sku": "MUG-2", "price": "5.00", "quantity": 1, "grams": 100}
    day.shopify.people.exchange(order_id, [new])
    await rests(day, order_id, "fulfillment_hold")
    day.shopify.people.release(order_id)
    await rests(day, order_id, "partly_shipped")
    (there,) = [one for one in day.there(order_id) if one["status"] == "awaiting_shipment"]
    assert (units(there), there["orderNumber"]) == (1, f"{day.order(order_id)['name']}-2")
    await ships_all(day, order_id)


# doubts


@with_store(missing_weight="hold", non_roman="hold", incomplete_customs="hold")
async def test_doubtful_orders_wait_for_a_person(day: Day, fates: Fates) -> None:
    line = BODY["line_items"][0]
    address = BODY["shipping_address"]
    light = day.shopify.people.import_order({**BODY, "line_items": [{**line, "id": 21, "grams": 0}]})
    foreign = day.shopify.people.import_order(
        {**BODY, "line_items": [{**line, "id": 22}], "shipping_address": {**address, "first_name": "\u674e"}}
    )
    abroad = day.shopify.people.import_order(
        {
            **BODY,
            "line_items": [{**line, "id": 23}],
            "shipping_address": {**address, "country_code": "CA", "zip": "K1A 0B1"},
        }
    )
    await day.rest()
    causes = [await day.cause(one) for one in (light, foreign, abroad)]
    assert causes == ["missing_weight", "non_roman_address", "customs_incomplete"]
    assert day.writes() == 0
    await release_orders(await desk_of(day), [str(one) for one in (light, foreign, abroad)])
    await day.rest()
    await day.assert_clean()
    assert [await day.cause(one) for one in (light, foreign, abroad)] == ["in_shipstation"] * 3


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(sync={"order_poll_s": 120}))], ids=["seldom"])
async def test_a_hold_that_came_while_an_edit_was_on_its_way_is_found_without_a_webhook(day: Day) -> None:
    order_id = await sold(day)
    day.shopify.people.set_options({"webhooks": {"enabled": False}})
    day.shopify.people.edit(order_id, quantities={day.order(order_id)["lines"][0]["id"]: 1})
    usual_s, writes = day.network.latency_s, day.writes()
    await day.until(lambda: day.rows("SELECT 1 FROM marks WHERE flow = 'orders' AND marked > settled"))
    day.network.latency_s = (8.0, 8.0)
    await day.until(lambda: day.writes() > writes)
    day.shopify.people.hold(order_id)
    await day.passes(30.0)
    day.network.latency_s = usual_s
    await day.rest()
    assert only(day, order_id)["status"] == "on_hold"
