"""Stories of the sweep: what people did in ShipStation where no list of ours shows it, or nobody would look again."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.simulation.day import Day
from tests.flows.sold import units_there
from tests.orders_api import ON_V1_ALONE
from tests.stories.sweeping import later, sold, swept, there_of


async def test_a_field_changed_on_both_sides_is_right_again_once_somebody_there_types_what_the_customer_wants(
    day: Day,
) -> None:
    (order_id,) = await sold(day)
    there = there_of(day, order_id)["orderId"]
    day.shipstation.edit(there, {"shipTo": {"street1": "1 Other Road"}})
    day.shopify.people.edit(order_id, address={"address1": "2 New Street"})
    await swept(day)
    assert await day.cause(order_id) == "changed_on_both_sides"
    day.shipstation.edit(there, {"shipTo": {"street1": "2 New Street"}})
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"


async def test_what_shipstation_made_although_it_seemed_to_refuse_it_is_found(day: Day) -> None:
    """Its answer was lost, it did not show when it was looked for, and alone it was refused once more: nobody would look again."""
    (order_id,) = await sold(day)
    day.execute("UPDATE consignments SET standing = 'intended', shipstation_order_id = NULL, applied = NULL")
    day.execute("UPDATE orders SET state = 'parked', cause = 'rejected_by_shipstation', detail = 'http_500'")
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"
    assert len(day.there(order_id)) == 1
    await day.assert_clean()


async def test_a_voided_label_that_a_merge_hides_is_told_to_a_person(day: Day) -> None:
    """Shipments of merged orders are on no list: Shopify counts the goods as gone, and they are to leave with the survivor."""
    survivor, absorbed = await sold(day, 2, lines=1, quantity=1)
    parcel = day.shipstation.labels.buy_label(there_of(day, absorbed)["orderId"])
    await day.rest()
    await day.stop()
    day.shipstation.labels.void_label(parcel.shipment_id)
    day.shipstation.desk.merge([there_of(day, survivor)["orderId"], there_of(day, absorbed)["orderId"]])
    await day.start()
    await day.rest()
    assert await day.cause(absorbed) == "shipped"
    await swept(day)
    assert await day.cause(absorbed) == "doubled_there"
    assert await day.cause(survivor) == "in_shipstation"


@ON_V1_ALONE
@pytest.mark.parametrize("how", ["cancel", "delete"])
@pytest.mark.parametrize("days", [0, 4])
@pytest.mark.parametrize("style", ["own", "shared"])
async def test_a_part_that_somebody_took_out_long_after_its_parent_left_is_missed(
    day: Day, how: str, days: int, style: str
) -> None:
    """By then the parent is on no list of late changes, and nothing of ours is open there."""
    day.shipstation.set_options({"split_key_style": style})
    (order_id,) = await sold(day, lines=1, quantity=2)
    there = there_of(day, order_id)
    part = day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    day.shipstation.labels.buy_label(there["orderId"])
    await day.rest()
    for _ in range(days):
        await later(day, 24 * 3600.0)
        await swept(day)
    assert await day.cause(order_id) == "partly_shipped"
    getattr(day.shipstation.desk, how)(part.order_id)
    for _ in range(2):
        await swept(day)
    told = (await day.told())[order_id]
    assert told["state"] == "parked" or units_there(day, order_id) == 2, told


@ON_V1_ALONE
async def test_a_finding_is_not_hidden_by_a_parcel_that_waits_for_the_end_of_a_hold(day: Day) -> None:
    """Seed 270067: the order showed as held, and nobody was told that a unit lies nowhere."""
    (order_id,) = await sold(day, lines=2, quantity=1)
    there = there_of(day, order_id)
    part = day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    day.shopify.people.hold(order_id, lines={day.order(order_id)["lines"][1]["id"]: 1})
    day.shipstation.labels.buy_label(there["orderId"])
    await day.rest()
    assert await day.cause(order_id) == "fulfillment_hold"
    day.shipstation.desk.cancel(part.order_id)
    for _ in range(2):
        await swept(day)
    assert await day.cause(order_id) == "units_changed_there"
    day.shopify.people.release(order_id)
    await day.rest()
    assert len(day.fulfillments(order_id)) == 1


async def cancelled_after_a_split(day: Day, parts: int = 1) -> tuple[int, list[int]]:
    """An order of three of which a person split off single units and cancelled the rest, as a sweep found it: its parts."""
    (order_id,) = await sold(day, lines=1, quantity=3)
    there = there_of(day, order_id)
    one = {there["items"][0]["lineItemKey"]: 1}
    split_off = [day.shipstation.desk.split(there["orderId"], one).order_id for _ in range(parts)]
    day.shipstation.desk.cancel(there["orderId"])
    await swept(day)
    return order_id, split_off


def quantities_there(day: Day) -> list[int]:
    """Of all that is to leave, parts included."""
    orders = day.shipstation.state()["orders"].values()
    return [item["quantity"] for one in orders if one["status"] == "awaiting_shipment" for item in one["items"]]


def found(day: Day) -> Any:
    (row,) = day.rows("SELECT finding FROM orders")
    return row["finding"]


@pytest.mark.parametrize("count", [1, 2])
async def test_what_left_in_parts_of_a_cancelled_order_is_told_as_no_double(day: Day, count: int) -> None:
    """It was, until the next sweep: a person was to cancel what lies there once (the story of seed 280034)."""
    order_id, parts = await cancelled_after_a_split(day, count)
    assert found(day) == "changed_on_both_sides"
    for part in parts:
        assert await day.cause(order_id) == "changed_on_both_sides"
        day.shipstation.labels.buy_label(part)
        await day.rest()
    assert quantities_there(day) == [3 - count]
    assert await day.cause(order_id) != "doubled_there"
    await swept(day)
    assert await day.cause(order_id) == "partly_shipped"


async def test_a_part_of_a_cancelled_order_that_shopify_cancels_too_is_told_at_once(day: Day) -> None:
    order_id, (part,) = await cancelled_after_a_split(day)
    day.shopify.people.cancel(order_id)
    await day.rest()
    told = (await day.told())[order_id]
    assert (told["state"], f"ShipStation orders {part}:" in told["detail"]) == ("parked", True), told
    day.shipstation.desk.cancel(part)
    await swept(day)
    assert await day.cause(order_id) == "cancelled"


async def test_what_lay_in_a_part_that_is_cancelled_too_is_placed_anew(day: Day) -> None:
    """Whatever the sweep found before wakes the order when it is so no more."""
    order_id, (part,) = await cancelled_after_a_split(day)
    day.shipstation.desk.cancel(part)
    await swept(day)
    assert (await day.cause(order_id), quantities_there(day)) == ("in_shipstation", [3])


async def test_a_part_whose_label_was_voided_beside_the_rest_is_not_to_be_cancelled(day: Day) -> None:
    order_id, (part,) = await cancelled_after_a_split(day)
    parcel = day.shipstation.labels.buy_label(part)
    await day.rest()
    day.shipstation.labels.void_label(parcel.shipment_id)
    await swept(day)
    assert sorted(quantities_there(day)) == [1, 2]
    assert await day.cause(order_id) != "doubled_there"


async def test_a_copy_that_left_leaves_the_order_doubled(day: Day) -> None:
    """What we placed lies there still, and would leave once more."""
    (order_id,) = await sold(day, lines=1, quantity=2)
    ours = day.shipstation.account.order(there_of(day, order_id)["orderId"])
    copy = day.shipstation.account.branch(ours, key="copied by hand")
    await swept(day)
    day.shipstation.labels.buy_label(copy.order_id)
    await day.rest()
    assert (await day.cause(order_id), quantities_there(day)) == ("doubled_there", [2])


@ON_V1_ALONE
@pytest.mark.parametrize("style", ["own", "shared"])
@pytest.mark.parametrize("end", ["held again", "cancelled", "released"])
async def test_a_part_of_what_shopify_holds_that_somebody_lets_go_is_told(day: Day, style: str, end: str) -> None:
    """Each sweep looked at the order that we put on hold, which was on hold still."""
    day.shipstation.set_options({"split_key_style": style})
    (order_id,) = await sold(day, lines=2, quantity=1)
    day.shopify.people.hold(order_id)
    await day.rest()
    there = there_of(day, order_id)
    part = day.shipstation.desk.split(there["orderId"], {there["items"][1]["lineItemKey"]: 1}).order_id
    await swept(day)
    assert await day.cause(order_id) == "fulfillment_hold"
    day.shipstation.desk.release(part)
    await swept(day)
    told = (await day.told())[order_id]
    assert (told["cause"], f"ShipStation orders {part}: free" in told["detail"]) == ("changed_on_both_sides", True), (
        told
    )
    if end == "held again":
        day.shipstation.desk.hold(part)
    elif end == "cancelled":
        day.shopify.people.cancel(order_id)
        for one in (there["orderId"], part):
            day.shipstation.desk.cancel(one)
    else:
        day.shopify.people.release(order_id)
        day.shipstation.desk.release(there["orderId"])
    await swept(day)
    await swept(day)
    causes = {"held again": "fulfillment_hold", "cancelled": "cancelled", "released": "in_shipstation"}
    assert (await day.cause(order_id), found(day)) == (causes[end], None)
