"""Orders and packages by way of ShipStation's V2 API: the same account as on V1, nothing made twice, and what V2 cannot tell is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.operate.doctor import check_vendors
from syncd.operate.verify import recount
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.simulation.day import ACCOUNT, Day, Fates, settings_of, store_settings
from syncd.simulation.desk import desk_of

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
CREATE = "/v2/shipments"


def fates_of(parts_style: Any = "split", **store: Any) -> Fates:
    settings = settings_of(shipstation={"orders_api": "v2"}, stores={"main": store_settings(**store)})
    return Fates(account=replace(ACCOUNT, parts_style=parts_style), settings=settings)


@pytest.fixture
def fates() -> Fates:
    return fates_of()


def only(day: Day, order_id: int) -> dict[str, Any]:
    (there,) = day.there(order_id)
    return there


async def sold(day: Day, **wishes: Any) -> int:
    (order_id,) = day.sell(**wishes)
    await day.rest()
    await day.assert_clean()
    return order_id


@BOTH
async def test_from_the_sale_to_the_mail_no_order_goes_by_v1(day: Day) -> None:
    day.sell(3, lines=2, quantity=2)
    day.sell(mix={"two_locations": 1.0}, lines=3)
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 4}
    day.shipstation.labels.ship_all()
    await day.rest()
    account = await day.assert_clean()
    assert account.causes == {"shipped": 4}
    assert account.packages == account.fulfillments == account.mails > 4
    paths = day.shipstation.calls.by_path
    assert [path for path in paths if "createorders" in path or path.endswith((" /orders", " /shipments"))] == []
    assert paths["POST /v2/shipments"] <= 4
    found = await recount(await desk_of(day), "")
    assert found["differences"] == []


@BOTH
@pytest.mark.parametrize("kind", ["lost_answer", "lost_request", "error_500_before", "error_500_after", "truncated"])
async def test_a_creation_without_an_answer_is_looked_for_and_never_made_twice(day: Day, kind: Any) -> None:
    day.shipstation.faults.set([FaultRule(kind, path=CREATE, times=2)])
    order_id = await sold(day)
    assert only(day, order_id)["status"] == "awaiting_shipment"
    assert len(day.shipstation.account.orders) == 1


@pytest.mark.parametrize("fates", [replace(fates_of(), account=replace(ACCOUNT, v2_twin_style="status_400"))])
@pytest.mark.parametrize("died_after", range(1, 40, 3))
async def test_a_crash_at_any_call_makes_no_order_twice(day: Day, died_after: int, fates: Fates) -> None:
    day.sell(2)
    day.kill()
    await day.start(dies_after=died_after)
    await day.passes(20)
    day.kill()
    await day.start()
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 2}
    assert len(day.shipstation.account.orders) == 2


async def test_a_change_keeps_what_the_warehouse_chose(day: Day) -> None:
    order_id = await sold(day)
    day.shipstation.edit(only(day, order_id)["orderId"], {"serviceCode": "usps_media_mail", "internalNotes": "shelf 4"})
    day.shopify.people.edit(order_id, address={"address1": "7 New Road"})
    await day.rest()
    await day.assert_clean()
    there = only(day, order_id)
    assert (there["shipTo"]["street1"], there["serviceCode"], there["internalNotes"]) == (
        "7 New Road",
        "usps_media_mail",
        "shelf 4",
    )


async def test_a_hold_rests_until_a_far_day_and_ends_when_shopify_ends_it(day: Day) -> None:
    order_id = await sold(day)
    day.shopify.people.hold(order_id)
    await day.rest()
    assert (only(day, order_id)["status"], only(day, order_id)["holdUntilDate"]) == ("on_hold", "2099-12-31")
    day.shopify.people.release(order_id)
    await day.rest()
    await day.assert_clean()
    assert only(day, order_id)["status"] == "awaiting_shipment"


async def test_a_hold_that_cannot_be_ended_becomes_a_persons_case(day: Day) -> None:
    order_id = await sold(day)
    day.shopify.people.hold(order_id)
    await day.rest()
    day.shipstation.set_options({"v2_release_style": "ignored"})
    day.shopify.people.release(order_id)
    await day.passes(1200)
    assert (await day.told())[order_id]["state"] == "parked"
    assert only(day, order_id)["status"] == "on_hold"


@BOTH
async def test_a_cancellation_reaches_the_warehouse_before_the_label(day: Day) -> None:
    order_id, kept = day.sell(2)
    await day.rest()
    day.shopify.people.cancel(order_id)
    await day.rest()
    await day.assert_clean()
    assert (only(day, order_id)["status"], only(day, kept)["status"]) == ("cancelled", "awaiting_shipment")
    assert await day.cause(order_id) == "cancelled"


@pytest.mark.parametrize(
    ("fates", "cause"),
    [(fates_of(), "cancelled_after_label"), (fates_of(void_on_cancel=True), "cancelled")],
)
async def test_a_label_stands_in_the_way_of_a_cancellation_unless_the_store_has_it_voided(
    day: Day, cause: str, fates: Fates
) -> None:
    order_id = await sold(day)
    day.shipstation.labels.buy_label(only(day, order_id)["orderId"])
    day.shopify.people.cancel(order_id)
    await day.rest()
    assert await day.cause(order_id) == cause
    assert only(day, order_id)["status"] == ("cancelled" if cause == "cancelled" else "shipped")


async def test_a_voided_label_is_found_by_the_time_of_its_void_and_the_new_one_takes_over(day: Day) -> None:
    order_id = await sold(day)
    label = day.shipstation.labels.buy_label(only(day, order_id)["orderId"])
    await day.rest()
    day.shipstation.labels.void_label(label.shipment_id)
    again = day.shipstation.labels.buy_label(only(day, order_id)["orderId"])
    await day.rest()
    await day.assert_clean()
    (fulfillment,) = day.fulfillments(order_id)
    assert [one["number"] for one in fulfillment["tracking"]] == [again.tracking_number]


RARELY = settings_of(shipstation={"orders_api": "v2"}, sync={"shipment_poll_s": 3600})


@pytest.mark.parametrize("fates", [replace(fates_of(), settings=RARELY)])
async def test_a_signed_webhook_brings_a_label_and_a_marked_order_at_once(day: Day, fates: Fates) -> None:
    await day.until(lambda: len(day.shipstation.v2_webhooks.subscriptions) == 3)
    day.shipstation.webhooks.subscriptions.clear()
    labelled, marked = await sold(day), await sold(day)
    day.shipstation.labels.buy_label(only(day, labelled)["orderId"])
    day.shipstation.labels.mark_shipped(only(day, marked)["orderId"], "fedex", "770012345678")
    await day.passes(45)
    await day.assert_clean()
    assert [len(day.fulfillments(order_id)) for order_id in (labelled, marked)] == [1, 1]


async def test_marked_as_shipped_is_told_with_all_that_was_left(day: Day) -> None:
    order_id = await sold(day, quantity=3)
    day.shipstation.labels.mark_shipped(only(day, order_id)["orderId"], "fedex", "770012345678")
    await day.rest()
    account = await day.assert_clean()
    assert account.causes == {"shipped": 1}


async def test_orders_merged_by_hand_are_known_by_their_lines_alone(day: Day) -> None:
    first, second = await sold(day), await sold(day)
    survivor = only(day, first)["orderId"]
    day.shipstation.desk.merge([survivor, only(day, second)["orderId"]])
    day.shipstation.labels.buy_label(survivor)
    await day.rest()
    await day.assert_clean()
    assert [len(day.fulfillments(order_id)) for order_id in (first, second)] == [1, 1]


@pytest.mark.parametrize(
    "fates", [fates_of(), replace(fates_of(), account=replace(ACCOUNT, split_number_style="same"))]
)
async def test_what_was_split_off_before_a_lost_answer_was_looked_up_is_not_placed_once_more(
    day: Day, fates: Fates
) -> None:
    look = f"{CREATE}/external_shipment_id/"
    day.shipstation.faults.set([FaultRule("lost_answer", path=CREATE), FaultRule("error_500_before", path=look)])
    (order_id,) = day.sell(quantity=2)
    await day.until(lambda: day.there(order_id))
    there = only(day, order_id)
    day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    day.shipstation.faults.set([])
    await day.rest()
    assert only(day, order_id)["items"][0]["quantity"] == 1
    day.shipstation.labels.ship_all()
    await day.rest()
    await day.assert_clean()
    assert len(day.shipstation.account.orders) == 2


async def test_an_order_split_by_hand_is_not_cancelled_in_part(day: Day) -> None:
    order_id = await sold(day, quantity=2)
    there = only(day, order_id)
    day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    day.shopify.people.cancel(order_id)
    await day.rest()
    assert await day.cause(order_id) == "changed_on_both_sides"
    assert only(day, order_id)["status"] == "awaiting_shipment"


@pytest.mark.parametrize("fates", [fates_of("labels")])
async def test_two_labels_of_one_order_are_a_persons_case_because_v2_does_not_tell_what_is_in_each(
    day: Day, fates: Fates
) -> None:
    order_id = await sold(day, quantity=2)
    there = only(day, order_id)
    for _ in range(2):
        day.shipstation.labels.buy_label(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    await day.rest()
    assert await day.cause(order_id) == "lines_unknown"
    assert day.fulfillments(order_id) == []


async def test_a_plan_that_loses_its_orders_is_named_and_everything_goes_on_afterwards(day: Day) -> None:
    day.shipstation.set_options({"v2_access": "inventory_only"})
    (order_id,) = day.sell()
    await day.passes(90)
    assert await day.cause(order_id) == "forbidden"
    assert day.rows("SELECT error_code FROM marks WHERE flow = 'orders'")[0]["error_code"] == "v2_gate_403"
    day.shipstation.set_options({"v2_access": "ok"})
    await day.rest(quiet_s=200)
    await day.assert_clean()
    assert await day.cause(order_id) == "in_shipstation"


@pytest.mark.parametrize("fates", [replace(fates_of(), account=replace(ACCOUNT, stale_read_s=20.0))])
async def test_lists_that_lag_behind_make_nothing_twice(day: Day, fates: Fates) -> None:
    order_id = await sold(day)
    day.shopify.people.edit(order_id, note="Ring twice")
    await day.rest()
    day.shopify.people.cancel(order_id)
    await day.rest()
    await day.assert_clean()
    assert only(day, order_id)["status"] == "cancelled"


@pytest.mark.parametrize("fates", [fates_of(currency="eur")])
async def test_the_doctor_asks_v2_and_compares_the_currency(day: Day, fates: Fates) -> None:
    found = {one["check"]: one for one in await check_vendors(day.settings, (await desk_of(day)).vendors)}
    assert found["orders by V2"]["result"] == "ok"
    assert found["store main currency"]["cure"] == 'Set stores.main.currency to "usd".'
    day.shipstation.set_options({"v2_access": "inventory_only"})
    found = {one["check"]: one for one in await check_vendors(day.settings, (await desk_of(day)).vendors)}
    assert found["orders by V2 login"]["result"] == "fault"


@BOTH
async def test_one_label_for_several_packages_is_told_with_every_number(day: Day) -> None:
    order_id = await sold(day, quantity=3)
    label = day.shipstation.labels.buy_label(only(day, order_id)["orderId"], parcels=3)
    await day.rest()
    account = await day.assert_clean()
    assert (account.fulfillments, account.mails) == (1, 1)
    (fulfillment,) = day.fulfillments(order_id)
    assert [one["number"] for one in fulfillment["tracking"]] == [label.tracking_number, *label.more_numbers]
    day.shipstation.labels.void_label(label.shipment_id)
    await day.rest()
    single = day.shipstation.labels.buy_label(only(day, order_id)["orderId"])
    await day.rest()
    (fulfillment,) = day.fulfillments(order_id)
    assert [one["number"] for one in fulfillment["tracking"]] == [single.tracking_number]
