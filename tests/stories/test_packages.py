"""Stories of packages: what the warehouse packs, voids, packs again, splits and merges, told to the customer exactly once."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.operate.explain import explain_order
from syncd.operate.explained import explain_text
from syncd.operate.wake import retry_orders
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from tests.orders_api import ON_V1_ALONE

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
GRACE_S = 150.0
SETTINGS = settings_of(sync={"void_grace_s": GRACE_S})
Shipment = Any


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=SETTINGS)


async def an_order(day: Day, lines: int = 1, quantity: int = 2) -> tuple[int, dict[str, Any]]:
    """Its id, and the ShipStation order that stands for it."""
    (order_id,) = day.sell(lines=lines, quantity=quantity)
    await day.rest()
    (there,) = day.there(order_id)
    return order_id, there


def keys(there: dict[str, Any]) -> list[str]:
    return [item["lineItemKey"] for item in there["items"] if not item["adjustment"]]


def label(day: Day, there: dict[str, Any], *units: int, **more: Any) -> Shipment:
    """A label for so many units of each line; for all that is not packed yet when nothing is said."""
    lines = {key: count for key, count in zip(keys(there), units, strict=False) if count}
    return day.shipstation.labels.buy_label(there["orderId"], lines=lines or None, **more)


async def void(day: Day, *shipments: Shipment) -> None:
    for shipment in shipments:
        day.shipstation.labels.void_label(shipment.shipment_id)
    await day.rest()


def numbers(day: Day, order_id: int) -> dict[str, int]:
    """Tracking number -> units, of what Shopify shows as sent."""
    return {one["tracking"][0]["number"]: sum(one["lines"].values()) for one in day.fulfillments(order_id)}


async def assert_told(day: Day, order_id: int, *shipments: Shipment) -> None:
    """Shopify shows exactly these packages, each once, and the order is shipped."""
    account = await day.assert_clean()
    assert account.packages == account.fulfillments == account.mails == len(shipments)
    assert numbers(day, order_id).keys() == {one.tracking_number for one in shipments}
    assert await day.cause(order_id) == "shipped"


# Voided labels


@BOTH
async def test_a_new_label_for_the_same_goods_takes_over_the_fulfillment_without_a_second_mail(day: Day) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    (told,) = day.fulfillments(order_id)
    await void(day, first)
    assert await day.cause(order_id) == "label_voided"
    second = label(day, there, carrier_code="ups_walleted", service_code="ups_ground")
    await day.rest()
    (after,) = day.fulfillments(order_id)
    assert (after["id"], after["mails"]) == (told["id"], 1)
    assert after["tracking"][0]["company"] == "UPS"
    await assert_told(day, order_id, second)
    assert len(day.calls("fulfillmentCancel")) == 0
    await day.passes(GRACE_S + 120)
    await assert_told(day, order_id, second)


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(sync={"notify_on_relabel": True}))])
async def test_the_merchant_may_want_a_mail_for_a_new_label_and_a_lost_answer_sends_no_further_one(day: Day) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    day.shopify.faults.set([FaultRule("lost_answer", "UpdateTracking", times=1)])
    second = label(day, there)
    await day.rest()
    (after,) = day.fulfillments(order_id)
    assert (numbers(day, order_id), after["mails"]) == ({second.tracking_number: 2}, 2)
    assert await day.cause(order_id) == "shipped"
    assert len(day.calls("fulfillmentTrackingInfoUpdate")) == 1


@BOTH
async def test_goods_that_do_not_leave_after_all_are_open_again_and_stay_the_same_consignment(day: Day) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    pushes = len(day.calls("createorders"))
    await void(day, first)
    await day.passes(GRACE_S + 90)
    await day.rest()
    assert day.fulfillments(order_id) == []
    account = await day.assert_clean()
    assert account.causes == {"in_shipstation": 1}
    assert [one["orderId"] for one in day.there(order_id)] == [there["orderId"]]
    assert len(day.calls("createorders")) == pushes
    second = label(day, there)
    await day.rest()
    await assert_told(day, order_id, second)


@pytest.mark.parametrize("kind", ["lost_request", "lost_answer"])
async def test_a_label_voided_while_nobody_knows_whether_it_was_told_leaves_nothing_behind(day: Day, kind: Any) -> None:
    order_id, there = await an_order(day)
    day.shopify.faults.set([FaultRule(kind, "CreateFulfillment", times=1)])
    first = label(day, there)
    await day.until(lambda: day.calls("fulfillmentCreate"))
    await void(day, first)
    await day.passes(GRACE_S + 180)
    await day.rest()
    assert day.fulfillments(order_id) == []
    assert (await day.assert_clean()).causes == {"in_shipstation": 1}
    assert day.rows("SELECT step FROM journal WHERE outcome IN ('intended', 'unknown')") == []


@pytest.mark.parametrize("kind", ["lost_request", "lost_answer"])
async def test_a_new_label_that_comes_while_the_old_one_is_taken_back_is_told_once(day: Day, kind: Any) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    day.shopify.faults.set([FaultRule(kind, "CancelFulfillment", times=1)])
    day.shipstation.labels.void_label(first.shipment_id)
    await day.until(lambda: day.calls("fulfillmentCancel"), longest_s=GRACE_S + 200)
    second = label(day, there)
    await day.rest()
    await assert_told(day, order_id, second)


async def test_of_two_packages_only_the_voided_one_changes(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=2)
    stays, voided = label(day, there, 2, 0), label(day, there, 0, 2)
    await day.rest()
    before = {one["tracking"][0]["number"]: one["id"] for one in day.fulfillments(order_id)}
    await void(day, voided)
    assert await day.cause(order_id) == "partly_shipped"
    again = label(day, there, 0, 2)
    await day.rest()
    await assert_told(day, order_id, stays, again)
    after = {one["tracking"][0]["number"]: one["id"] for one in day.fulfillments(order_id)}
    assert after[stays.tracking_number] == before[stays.tracking_number]
    assert after[again.tracking_number] == before[voided.tracking_number]


@ON_V1_ALONE
async def test_two_voided_packages_packed_again_as_one(day: Day) -> None:
    order_id, there = await an_order(day, lines=2)
    first, second = label(day, there, 2, 0), label(day, there, 0, 2)
    await day.rest()
    await void(day, first, second)
    whole = label(day, there)
    await day.rest()
    await assert_told(day, order_id, whole)


@BOTH
async def test_one_voided_package_packed_again_as_two(day: Day) -> None:
    order_id, there = await an_order(day, quantity=3)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    parts = [label(day, there, 1), label(day, there, 2)]
    await day.rest()
    await assert_told(day, order_id, *parts)


@ON_V1_ALONE
async def test_what_was_voided_is_packed_again_together_with_the_rest(day: Day) -> None:
    order_id, there = await an_order(day, quantity=3)
    first = label(day, there, 1)
    await day.rest()
    await void(day, first)
    whole = label(day, there)
    await day.rest()
    await assert_told(day, order_id, whole)


async def test_only_a_part_of_what_was_voided_leaves(day: Day) -> None:
    order_id, there = await an_order(day, quantity=3)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    part = label(day, there, 1)
    await day.rest()
    assert numbers(day, order_id) == {part.tracking_number: 1}
    assert await day.cause(order_id) == "partly_shipped"
    assert (await day.assert_clean()).mails == 1


@pytest.mark.parametrize("dies_after", range(1, 9))
async def test_a_crash_while_a_label_is_replaced_changes_nothing_about_the_end(day: Day, dies_after: int) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    await void(day, first)
    second = label(day, there)
    await day.until(lambda: day.rows("SELECT 1 FROM packages WHERE NOT voided"))
    day.kill()
    await day.start(dies_after)
    await day.passes(30)
    if day.life.is_over:
        await day.start()
    await day.rest()
    await assert_told(day, order_id, second)


# Orders that the warehouse splits and merges


@pytest.mark.parametrize("style", ["own", "shared"])
async def test_an_order_split_by_hand_is_told_part_by_part(day: Day, style: str) -> None:
    day.shipstation.set_options({"split_key_style": style})
    order_id, there = await an_order(day, lines=2, quantity=2)
    one, other = keys(there)
    child = day.shipstation.desk.split(there["orderId"], {other: 1})
    await day.rest()
    parts = [day.shipstation.labels.buy_label(child.order_id, carrier_code="fedex", service_code="fedex_ground")]
    await day.rest()
    assert numbers(day, order_id) == {parts[0].tracking_number: 1}
    assert await day.cause(order_id) == "partly_shipped"
    parts += [day.shipstation.labels.buy_label(there["orderId"], lines={one: 2}, carrier_code="stamps_com")]
    await day.rest()
    assert await day.cause(order_id) == "partly_shipped"
    parts += [day.shipstation.labels.buy_label(there["orderId"], carrier_code="ups", service_code="ups_ground")]
    await day.rest()
    await assert_told(day, order_id, *parts)
    companies = {one["tracking"][0]["number"]: one["tracking"][0]["company"] for one in day.fulfillments(order_id)}
    assert [companies[part.tracking_number] for part in parts] == ["FedEx", "USPS", "UPS"]


@BOTH
async def test_orders_merged_by_hand_each_get_their_own_lines(day: Day) -> None:
    orders = day.sell(2, lines=2, quantity=2)
    await day.rest()
    (survivor,), (absorbed,) = (day.there(order_id) for order_id in orders)
    day.shipstation.desk.merge([survivor["orderId"], absorbed["orderId"]])
    day.shopify.people.edit(orders[0], note="changed after the merge")
    await day.rest()
    shipment = day.shipstation.labels.buy_label(survivor["orderId"])
    await day.rest()
    for order_id in orders:
        (fulfillment,) = day.fulfillments(order_id)
        assert fulfillment["lines"] == {str(line["id"]): 2 for line in day.order(order_id)["lines"]}
        assert numbers(day, order_id) == {shipment.tracking_number: 4}
        assert await day.cause(order_id) == "shipped"
    assert len([row for row in day.shipstation.state()["orders"].values() if not row["gone"]]) == 1


async def test_a_merged_parcel_is_voided_and_labelled_again_for_both_orders(day: Day) -> None:
    orders = day.sell(2, lines=1, quantity=1)
    await day.rest()
    (survivor,), (absorbed,) = (day.there(order_id) for order_id in orders)
    day.shipstation.desk.merge([survivor["orderId"], absorbed["orderId"]])
    first = day.shipstation.labels.buy_label(survivor["orderId"])
    await day.rest()
    before = [day.fulfillments(order_id)[0]["id"] for order_id in orders]
    await void(day, first)
    second = day.shipstation.labels.buy_label(survivor["orderId"])
    await day.rest()
    assert [day.fulfillments(order_id)[0]["id"] for order_id in orders] == before
    assert [numbers(day, order_id) for order_id in orders] == [{second.tracking_number: 1}] * 2
    assert [await day.cause(order_id) for order_id in orders] == ["shipped"] * 2


async def test_a_merged_order_that_is_edited_is_not_taken_for_deleted(day: Day) -> None:
    orders = day.sell(2, lines=1, quantity=2)
    await day.rest()
    (survivor,), (absorbed,) = (day.there(order_id) for order_id in orders)
    day.shipstation.desk.merge([survivor["orderId"], absorbed["orderId"]])
    pushes = len(day.calls("createorders"))
    day.shopify.people.edit(orders[1], note="ring twice")
    await day.rest()
    assert await day.cause(orders[1]) == "changed_on_both_sides"
    assert len(day.calls("createorders")) == pushes
    shipment = day.shipstation.labels.buy_label(survivor["orderId"])
    await day.rest()
    assert [numbers(day, order_id) for order_id in orders] == [{shipment.tracking_number: 2}] * 2


# Without a label


async def test_marked_as_shipped_is_told_with_all_that_was_left(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=2)
    first = label(day, there, 2, 1)
    await day.rest()
    marked = day.shipstation.labels.mark_shipped(there["orderId"], "fedex", "797000111222")
    await day.rest()
    assert numbers(day, order_id) == {first.tracking_number: 3, marked.tracking_number: 1}
    assert await day.cause(order_id) == "shipped"
    await day.assert_clean()


async def test_marked_as_shipped_twice_is_a_persons_case(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shipstation.labels.mark_shipped(there["orderId"], "fedex", "797000111222")
    day.shipstation.labels.mark_shipped(there["orderId"], "fedex", "797000111333")
    await day.rest()
    assert await day.cause(order_id) == "lines_unknown"
    assert day.fulfillments(order_id) == []


async def test_a_part_split_off_by_hand_and_marked_as_shipped_is_told_with_its_own_lines(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=2)
    child = day.shipstation.desk.split(there["orderId"], {keys(there)[1]: 1})
    marked = day.shipstation.labels.mark_shipped(child.order_id, "fedex", "797000111222")
    await day.rest()
    assert numbers(day, order_id) == {marked.tracking_number: 1}
    assert await day.cause(order_id) == "partly_shipped"
    rest = day.shipstation.labels.mark_shipped(there["orderId"], "fedex", "797000111333")
    await day.rest()
    assert numbers(day, order_id) == {marked.tracking_number: 1, rest.tracking_number: 3}
    assert await day.cause(order_id) == "shipped"
    await day.assert_clean()


async def test_merged_orders_marked_as_shipped_are_both_told(day: Day) -> None:
    orders = day.sell(2, lines=1, quantity=2)
    await day.rest()
    (survivor,), (absorbed,) = (day.there(order_id) for order_id in orders)
    day.shipstation.desk.merge([survivor["orderId"], absorbed["orderId"]])
    marked = day.shipstation.labels.mark_shipped(survivor["orderId"], "ups", "1Z999")
    await day.rest()
    assert [numbers(day, order_id) for order_id in orders] == [{marked.tracking_number: 2}] * 2
    assert [await day.cause(order_id) for order_id in orders] == ["shipped"] * 2


async def test_marked_as_shipped_takes_over_the_fulfillment_of_a_voided_label(day: Day) -> None:
    order_id, there = await an_order(day)
    first = label(day, there)
    await day.rest()
    (told,) = day.fulfillments(order_id)
    await void(day, first)
    marked = day.shipstation.labels.mark_shipped(there["orderId"], "ups", "1Z999")
    await day.rest()
    (after,) = day.fulfillments(order_id)
    assert (after["id"], numbers(day, order_id)) == (told["id"], {marked.tracking_number: 2})
    await day.assert_clean()


async def test_a_return_label_is_no_shipment(day: Day) -> None:
    order_id, there = await an_order(day)
    shipment = label(day, there)
    await day.rest()
    label(day, there, return_label=True)
    await day.rest()
    await assert_told(day, order_id, shipment)


# Sent by others, or too much


async def test_what_somebody_fulfills_in_shopify_leaves_shipstation(day: Day) -> None:
    order_id, _ = await an_order(day, lines=1, quantity=3)
    (line,) = [line["id"] for line in day.order(order_id)["lines"]]
    day.shopify.people.fulfill(order_id, lines={line: 1}, tracking_number="BY-HAND", company="UPS")
    await day.rest()
    assert [item["quantity"] for item in day.there(order_id)[0]["items"]] == [2]
    assert await day.cause(order_id) == "partly_shipped"
    await day.assert_clean()
    day.shopify.people.fulfill(order_id)
    await day.rest()
    assert [one["status"] for one in day.there(order_id)] == ["cancelled"]
    assert await day.cause(order_id) == "fulfilled_elsewhere"
    await day.assert_clean()


@BOTH
async def test_a_parcel_that_left_before_the_hold_arrived_is_told_once_the_hold_ends(day: Day) -> None:
    """No webhook of Shopify names the order of a hold, and none speaks of a parcel: the end of the hold must be enough."""
    order_id, there = await an_order(day)
    day.shopify.people.hold(order_id)
    parcel = label(day, there)
    await day.rest()
    assert await day.cause(order_id) == "fulfillment_hold"
    assert "left although Shopify holds its goods" in (await day.told())[order_id]["detail"]
    assert day.fulfillments(order_id) == []
    day.shopify.people.release(order_id)
    await day.rest()
    await assert_told(day, order_id, parcel)


async def test_a_parcel_that_waits_for_the_end_of_a_hold_is_no_pending_work_even_after_a_failed_look(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shopify.people.hold(order_id)
    label(day, there)
    day.shopify.faults.set([FaultRule("error_500_before", operation="OrdersShipped", times=5)])
    await day.rest()
    assert day.rows("SELECT attempts, error_code FROM marks WHERE flow = 'shipments'") == [
        {"attempts": 0, "error_code": None}
    ]


async def test_goods_that_left_beside_held_ones_are_not_missing(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=1)
    parcel = label(day, there)
    day.shopify.people.hold(order_id, lines={day.order(order_id)["lines"][0]["id"]: 1})
    await day.rest()
    assert day.fulfillments(order_id) == []
    assert (await day.account()).missing == []
    day.shopify.people.release(order_id)
    await day.rest()
    await assert_told(day, order_id, parcel)


async def test_a_parcel_is_told_within_the_hour_when_only_its_own_goods_were_released(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=1)
    first, _ = day.order(order_id)["lines"]
    day.shopify.people.hold(order_id, lines={first["id"]: 1})
    day.shopify.people.hold(order_id)
    label(day, there, 1, 0)
    await day.rest()
    assert day.fulfillments(order_id) == []
    (held,) = [one for one in day.order(order_id)["fulfillmentOrders"] if one["lines"][0]["lineId"] == first["id"]]
    day.shopify.people.release(order_id, fulfillment_order_id=held["id"])
    await day.passes(3700)
    await day.rest()
    (told,) = day.fulfillments(order_id)
    assert {int(line_id): units for line_id, units in told["lines"].items()} == {first["id"]: 1}


async def test_a_fulfillment_made_by_hand_for_the_very_package_is_recognised(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shopify.people.set_options({"webhooks": {"enabled": False}})
    shipment = label(day, there)
    day.shopify.people.fulfill(order_id, tracking_number=shipment.tracking_number, company="USPS", notify=True)
    await day.rest()
    assert len(day.calls("fulfillmentCreate")) == 0
    await assert_told(day, order_id, shipment)


@ON_V1_ALONE
@BOTH
async def test_an_overpacked_box_is_told_as_far_as_shopify_takes_it(day: Day) -> None:
    order_id, there = await an_order(day, quantity=2)
    shipment = label(day, there, 3, force=True)
    await day.rest()
    told = (await day.told())[order_id]
    assert told["cause"] == "overshipped"
    assert "3 packed, 2 left" in told["detail"] or "1 packed, 0 left" in told["detail"]
    assert numbers(day, order_id) == {shipment.tracking_number: 2}
    line = day.order(order_id)["lines"][0]["id"]
    day.shopify.people.edit(order_id, quantities={line: 3})
    day.shopify.people.pay(order_id)
    await day.rest()
    await retry_orders(await desk_of(day), [f"main/{order_id}"])
    await day.rest()
    assert [one["orderId"] for one in day.there(order_id)] == [there["orderId"]]
    assert [(sum(one["lines"].values()), one["mails"]) for one in day.fulfillments(order_id)] == [(2, 1), (1, 0)]
    assert await day.cause(order_id) == "shipped"


# The customer's link, and the operator's commands

OWN_CARRIER = {"acme_freight": {"company": "Acme", "url": "https://acme.example.com/track/{number}"}}


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(carriers=OWN_CARRIER))])
async def test_a_carrier_of_the_settings_gets_its_name_and_its_link(day: Day) -> None:
    order_id, there = await an_order(day)
    shipment = label(day, there, carrier_code="acme_freight", service_code="acme_ground")
    await day.rest()
    (tracking,) = day.fulfillments(order_id)[0]["tracking"]
    number = shipment.tracking_number
    assert tracking == {"company": "Acme", "number": number, "url": f"https://acme.example.com/track/{number}"}


async def test_retry_wakes_a_package_that_shopify_refused(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shopify.people.hold(order_id)
    shipment = label(day, there, force=True)
    await day.rest()
    assert await day.cause(order_id) in {"fulfillment_hold", "edited_after_label"}
    day.shopify.people.set_options({"webhooks": {"enabled": False}})
    day.shopify.people.release(order_id)
    await retry_orders(await desk_of(day), [f"main/{order_id}"])
    await day.rest()
    await assert_told(day, order_id, shipment)


@ON_V1_ALONE
async def test_the_story_of_a_voided_and_replaced_label_can_be_read(day: Day) -> None:
    order_id, there = await an_order(day, lines=2)
    first, second = label(day, there, 2, 0), label(day, there, 0, 2)
    await day.rest()
    await void(day, first)
    again = label(day, there, 2, 0)
    await day.rest()
    await void(day, second)
    await day.passes(GRACE_S + 90)
    story = explain_text(await explain_order(await desk_of(day), f"main/{order_id}", offline=False))
    assert f"now shows the new label {again.tracking_number} instead of the voided one" in story
    assert f"Shopify's fulfillment of package s{second.shipment_id} was taken back: the label is void" in story
    assert f"Package s{first.shipment_id}: USPS {first.tracking_number}, label voided, not in Shopify" in story
