"""Stories of orders that the warehouse splits, merges, or marks as shipped without a label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncd.intake.shipstation_sweep import QUIET
from syncd.operate.sweeping import sweep_by_hand
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.simulation.day import ACCOUNT, Day, Fates
from syncd.simulation.desk import desk_of
from syncd.simulation.written import writes_orders
from tests.orders_api import ON_V1_ALONE
from tests.stories.holes import OneAnswer
from tests.stories.packing import BOTH, GRACE_S, SETTINGS, an_order, assert_told, keys, label, numbers, void


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=SETTINGS)


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


async def test_a_parcel_of_another_sale_leaves_each_location_what_its_own_parcels_hold(day: Day) -> None:
    """A unit of one line is at the second location, and was merged into a stranger's order, whose label comes first."""
    first, second = day.sell(2, lines=2, quantity=2)
    await day.rest()
    one, _ = day.order(second)["lines"]
    day.shopify.people.move_fulfillment_order(second, 82734628, lines={one["id"]: 1})
    await day.rest()
    here, elsewhere = sorted(day.there(second), key=lambda row: "82734628" in row["orderKey"])
    merged = day.shipstation.desk.merge([day.there(first)[0]["orderId"], elsewhere["orderId"]])
    await day.stop()
    parcels = [day.shipstation.labels.buy_label(order_id) for order_id in (merged.order_id, here["orderId"])]
    await day.start()
    await day.rest()
    assert numbers(day, second) == {parcels[0].tracking_number: 1, parcels[1].tracking_number: 3}
    assert await day.cause(second) == "shipped"


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


@ON_V1_ALONE
async def test_what_left_in_a_part_is_not_taken_for_doubled_once_the_rest_was_cancelled_by_hand(day: Day) -> None:
    order_id, there = await an_order(day, lines=2, quantity=1)
    child = day.shipstation.desk.split(there["orderId"], {keys(there)[1]: 1})
    day.shipstation.labels.buy_label(child.order_id)
    await day.rest()
    day.shipstation.desk.cancel(there["orderId"])
    for _ in range(2):  # the first learns of the cancellation, the second judges what was placed anew
        await day.passes(QUIET.total_seconds())
        await sweep_by_hand(await desk_of(day))
        await day.rest()
    assert await day.cause(order_id) == "partly_shipped"
    await day.assert_clean()


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


async def test_marked_as_shipped_while_somebody_fulfills_a_part_by_hand_is_a_persons_case(day: Day) -> None:
    """Three left there, and one more here: of four packed Shopify had sold three."""
    order_id, there = await an_order(day, lines=1, quantity=3)
    (line,) = day.order(order_id)["lines"]
    day.shipstation.labels.mark_shipped(there["orderId"], "fedex", "797000111222")
    day.shopify.people.fulfill(order_id, lines={line["id"]: 1})
    await day.rest()
    assert await day.cause(order_id) == "overshipped"
    by_hand = next(one for one in day.fulfillments(order_id) if not one["tracking"])
    day.shopify.people.cancel_fulfillment(by_hand["id"])
    await day.rest()
    assert await day.cause(order_id) == "edited_after_label"


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


@ON_V1_ALONE
async def test_what_is_moved_to_another_location_after_a_split_lies_there_once(day: Day) -> None:
    """Nothing can be taken out of a split order, so nothing is placed at the new location: a person is told."""
    order_id, there = await an_order(day, lines=1, quantity=2)
    day.shopify.people.move_fulfillment_order(order_id, 82734628)
    day.shipstation.desk.split(there["orderId"], {keys(there)[0]: 1})
    await day.rest()
    assert await day.cause(order_id) == "changed_on_both_sides"
    orders = day.shipstation.state()["orders"].values()
    assert sum(item["quantity"] for one in orders for item in one["items"] if not item["adjustment"]) == 2


async def test_an_order_merged_before_its_lost_answer_is_looked_up_is_not_made_anew(day: Day) -> None:
    first, there = await an_order(day)
    day.shipstation.faults.set([FaultRule("lost_answer", times=1, path="/orders/createorders")])
    (second,) = day.sell(lines=1, quantity=2)
    await day.until(lambda: day.there(second))
    day.shipstation.desk.merge([there["orderId"], day.there(second)[0]["orderId"]])
    await day.rest()
    alive = [one for one in day.shipstation.state()["orders"].values() if not one["gone"]]
    assert [one["orderId"] for one in alive] == [there["orderId"]]
    shipment = day.shipstation.labels.buy_label(there["orderId"])
    await day.rest()
    for order_id in (first, second):
        assert numbers(day, order_id).keys() == {shipment.tracking_number}


def without_an_item(body: Any) -> bool:
    return any(one["orderStatus"] == "shipped" and one["items"].pop(0) for one in body["orders"])


def without_a_city(body: Any) -> bool:
    return any(one["orderStatus"] == "shipped" and one["shipTo"].pop("city") for one in body["orders"])


@ON_V1_ALONE
@pytest.mark.parametrize("spoil", [without_an_item, without_a_city])
@pytest.mark.parametrize("is_read", [False, True], ids=["label unread", "label read"])
async def test_an_answer_with_a_hole_is_not_all_that_we_know_of_an_order_that_left(
    day: Day, spoil: Callable[[Any], bool], is_read: bool
) -> None:
    """Its own answer was lost: goods that are not shown would be sent once more, and the customer would seem to have moved."""
    day.shipstation.set_options({"status_after_void": "shipped"})
    day.shipstation.faults.set([FaultRule("lost_answer", times=1, path="/orders/createorders")])
    (order_id,) = day.sell(lines=2, quantity=2)
    await day.until(lambda: day.there(order_id))
    (there,) = day.there(order_id)
    parcel = day.shipstation.labels.buy_label(there["orderId"])
    if is_read:
        day.shipstation.faults.set([FaultRule("error_500_before", path="/orders")])
        await day.passes(120.0)
        day.shipstation.faults.set([])
    day.network.vendors = spoiled = OneAnswer(day.network.vendors, "/orders?orderNumber", spoil)
    await day.rest()
    assert spoiled.is_spent
    day.shopify.people.edit(order_id, note="looked at once more")
    await day.rest()
    await assert_told(day, order_id, parcel)
    await void(day, parcel)
    await day.rest(quiet_s=2 * GRACE_S)
    assert [one["orderId"] for one in day.there(order_id)] == [there["orderId"]]


# While we write


def change(day: Day, order_id: int, kind: str) -> None:
    people = day.shopify.people
    match kind:
        case "hold":
            people.hold(order_id)
        case "move_house":
            people.edit(order_id, address={"address1": "7 New Road"})
        case "cancel":
            people.cancel(order_id)


@ON_V1_ALONE
@pytest.mark.parametrize("kind", ["hold", "move_house"])
async def test_a_split_just_before_our_write_is_told_at_once(day: Day, kind: str) -> None:
    """Nothing can be locked between our look and our write, which doubles what was split off: it reads back as split."""
    order_id, there = await an_order(day, lines=2, quantity=2)

    def splits(request: Any) -> None:
        if writes_orders(request):
            day.network.before = None
            day.shipstation.desk.split(there["orderId"], {keys(there)[1]: 1})

    day.network.before = splits
    change(day, order_id, kind)
    await day.rest()
    assert day.network.before is None
    assert await day.cause(order_id) == "changed_on_both_sides"


async def changed_on_a_busy_day(day: Day, kind: str) -> tuple[int, dict[str, Any]]:
    """It was looked at, and its change waits for its turn: the calls of this window are spent."""
    order_id, there = await an_order(day, lines=2, quantity=2)
    await day.passes(60.0)

    def spends(request: Any) -> None:
        if request.method == "GET" and request.url.startswith("https://ship.test/orders"):
            day.network.before = None
            day.shipstation.spend(39 - day.shipstation.state()["calls"]["window"]["calls"])

    change(day, order_id, kind)
    day.network.before = spends
    await day.until(lambda: day.network.before is None)
    await day.passes(10.0)
    return order_id, there


@ON_V1_ALONE
@pytest.mark.parametrize("kind", ["hold", "move_house", "cancel"])
async def test_a_split_while_our_write_waits_for_its_turn_is_seen_before_it(day: Day, kind: str) -> None:
    """On a busy day a window may go by between our look and our write: then it is looked at again."""
    order_id, there = await changed_on_a_busy_day(day, kind)
    written = len(day.calls("createorders"))
    day.shipstation.desk.split(there["orderId"], {keys(there)[1]: 1})
    await day.rest()
    assert len(day.calls("createorders")) == written
    assert await day.cause(order_id) == "changed_on_both_sides"


@ON_V1_ALONE
@pytest.mark.parametrize("kind", ["hold", "move_house"])
async def test_a_note_typed_there_while_our_write_waits_for_its_turn_stays(day: Day, kind: str) -> None:
    order_id, there = await changed_on_a_busy_day(day, kind)
    day.shipstation.edit(there["orderId"], {"internalNotes": "shelf 7"})
    await day.rest()
    (after,) = day.there(order_id)
    assert after["internalNotes"] == "shelf 7"
    assert (after["status"], after["shipTo"]["street1"] == "7 New Road") in {
        ("on_hold", False),
        ("awaiting_shipment", True),
    }


@ON_V1_ALONE
async def test_an_address_typed_there_while_ours_waits_for_its_turn_is_told_and_stays(day: Day) -> None:
    """It is the very field that we change."""
    order_id, there = await changed_on_a_busy_day(day, "move_house")
    day.shipstation.edit(there["orderId"], {"shipTo": there["shipTo"] | {"street1": "Gate 3"}})
    await day.rest()
    (after,) = day.there(order_id)
    assert after["shipTo"]["street1"] == "Gate 3"
    assert await day.cause(order_id) == "changed_on_both_sides"


@ON_V1_ALONE
@pytest.mark.parametrize("kind", ["hold", "move_house", "cancel"])
async def test_a_merge_just_before_our_write_that_makes_the_order_anew_is_told_at_once(day: Day, kind: str) -> None:
    """Its key was free again: what reads back as we sent it is another order than we changed."""
    day.shipstation.set_options({"gone_id_style": "ignored"})
    survivor, absorbed = day.sell(2, lines=1, quantity=2)
    await day.rest()
    family = [day.there(order_id)[0]["orderId"] for order_id in (survivor, absorbed)]

    def merges(request: Any) -> None:
        if writes_orders(request):
            day.network.before = None
            day.shipstation.desk.merge(family)

    day.network.before = merges
    change(day, absorbed, kind)
    await day.rest()
    assert day.network.before is None
    assert await day.cause(absorbed) == "changed_on_both_sides"


@ON_V1_ALONE
@pytest.mark.parametrize("kind", ["hold", "move_house", "cancel"])
@pytest.mark.parametrize("fates", [Fates(settings=SETTINGS, account=replace(ACCOUNT, stale_read_s=20.0))], ids=["lag"])
async def test_a_split_that_reads_do_not_show_yet_is_told_by_the_sweep_at_the_latest(day: Day, kind: str) -> None:
    order_id, there = await an_order(day, lines=2, quantity=2)
    await day.passes(60)
    day.shipstation.desk.split(there["orderId"], {keys(there)[1]: 1})
    await day.passes(8)
    change(day, order_id, kind)
    await day.passes(900)  # a sweep leaves alone what changed a moment ago
    await sweep_by_hand(await desk_of(day))
    await day.rest()
    assert await day.cause(order_id) == ("changed_on_both_sides" if kind == "hold" else "doubled_there")
