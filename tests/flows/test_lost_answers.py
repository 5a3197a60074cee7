"""Calls whose answer is lost, or tells nothing: what came of them is looked up, and nothing is done twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.sandbox.shipstation.faults import FaultRule as ShipStationRule
from syncd.sandbox.shopify.faults import FaultRule as ShopifyRule
from syncd.simulation.day import ACCOUNT as SHIPSTATION
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.written import writes_orders
from tests.flows.sold import placed, ship, split_off, units_there


@pytest.mark.parametrize("kind", ["lost_answer", "error_500_after", "truncated"])
async def test_a_fulfillment_whose_answer_is_lost_is_adopted_not_doubled(day: Day, kind: Any) -> None:
    (order_id,) = await placed(day, lines=1, quantity=2)
    day.shopify.faults.set([ShopifyRule(kind, operation="mutation", times=1)])
    ship(day, order_id)
    await day.rest()
    await day.assert_clean()
    assert len(day.calls("fulfillmentCreate")) == 1
    assert [row["step"] for row in day.rows("SELECT step FROM journal WHERE flow = 'shipments' ORDER BY id")] == [
        "create_fulfillment",
        "adopt_fulfillment",
    ]


@pytest.mark.parametrize("kind", ["lost_request", "error_500_before", "html"])
async def test_a_fulfillment_that_never_arrived_is_sent_again_only_after_it_surely_did_not(day: Day, kind: Any) -> None:
    (order_id,) = await placed(day, lines=1, quantity=2)
    day.shopify.faults.set([ShopifyRule(kind, operation="mutation", times=1)])
    ship(day, order_id)
    await day.until(lambda: day.calls("fulfillmentCreate"))
    began = day.clock.monotonic()
    await day.until(lambda: len(day.calls("fulfillmentCreate")) == 2)
    assert day.clock.monotonic() - began >= 2 * day.settings.limits.write_timeout_s - 1
    await day.rest()
    await day.assert_clean()


async def test_the_second_package_of_a_split_line_is_not_taken_for_the_first(day: Day) -> None:
    """Two packages with the same lines, the first one's answer lost: each number gets its own fulfillment."""
    (order_id,) = await placed(day, lines=1, quantity=2)
    day.shopify.faults.set([ShopifyRule("lost_answer", operation="mutation", times=1)])
    (there,) = day.there(order_id)
    key = there["items"][0]["lineItemKey"]
    for _ in range(2):
        day.shipstation.labels.buy_label(there["orderId"], lines={key: 1})
    await day.rest()
    await day.assert_clean()
    assert len(day.calls("fulfillmentCreate")) == 2


@pytest.mark.parametrize(
    "kind",
    [
        "error_500_after",
        "error_500_before",
        "lost_answer",
        "lost_request",
        "truncated",
        "html",
        "row_missing",
        "row_reorder",
    ],
)
async def test_a_batch_that_fails_in_any_way_still_makes_each_order_once(day: Day, kind: Any) -> None:
    day.shipstation.faults.set([ShipStationRule(kind, path="/orders/createorders", times=1)])
    await placed(day, 7)
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 7}
    assert account.shipstation_orders == 7


@pytest.mark.parametrize("kind", ["error_500_after", "lost_answer", "row_missing", "lost_request"])
async def test_a_cancellation_whose_answer_is_lost_is_made_all_the_same(day: Day, kind: Any) -> None:
    first, *_ = await placed(day, 3)
    day.shipstation.faults.set([ShipStationRule(kind, path="/orders/createorders", times=1)])
    day.shopify.people.cancel(first)
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 2, "cancelled": 1}


@pytest.mark.parametrize(
    "fates", [Fates(settings=settings_of(limits={"attempts": 6}), account=replace(SHIPSTATION, stale_read_s=20.0))]
)
async def test_a_cancelled_order_in_the_place_of_a_lost_one_is_waited_for_where_reads_lag(day: Day) -> None:
    day.shipstation.faults.set([ShipStationRule("lost_request", path="/orders/createorders", times=1)])
    (order_id,) = day.sell()
    await day.until(lambda: len(day.calls("createorders")) == 1)
    day.shopify.people.cancel(order_id)
    await day.rest()
    assert (await day.assert_clean()).states == {"cancelled": 1}


@pytest.mark.parametrize(
    "fates", [Fates(settings=settings_of(limits={"attempts": 4}), account=replace(SHIPSTATION, stale_read_s=20.0))]
)
async def test_a_hold_that_reads_do_not_show_yet_is_waited_for(day: Day) -> None:
    (order_id,) = await placed(day)
    await day.passes(60)
    day.shopify.people.hold(order_id)
    await day.until(lambda: len(day.calls("createorders")) > 1)
    await day.rest()
    assert await day.cause(order_id) == "fulfillment_hold"


UNSEEN_AND_SILENT = pytest.mark.parametrize(
    "fates",
    [Fates(settings=settings_of(), account=replace(SHIPSTATION, stale_read_s=20.0, locked_order_style="silent_200"))],
)
"""Reads do not show a label yet, and what is not carried out because of it is answered with success."""


async def voided_after_a_change(day: Day, parcel: Any) -> None:
    """The change was sent before anybody could know of the label."""
    await day.until(lambda: len(day.calls("createorders")) > 1)
    await day.passes(30)
    day.shipstation.labels.void_label(parcel.shipment_id)
    await day.passes(1200)
    await day.rest()


@UNSEEN_AND_SILENT
async def test_what_was_taken_out_after_an_unseen_label_lies_there_no_more_once_that_is_voided(day: Day) -> None:
    """ShipStation accepts the change and does not carry it out; nor do its reads show the label yet."""
    (order_id,) = await placed(day, lines=1, quantity=2)
    await day.passes(60)
    (line,) = day.order(order_id)["lines"]
    parcel = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    day.shopify.people.hold(order_id, lines={line["id"]: 1})
    await voided_after_a_change(day, parcel)
    assert (units_there(day, order_id), await day.cause(order_id)) == (1, "in_shipstation")


@UNSEEN_AND_SILENT
async def test_what_was_added_after_an_unseen_label_is_placed_although_reads_do_not_show_the_label(day: Day) -> None:
    """Its change seemed to be made: two units lay nowhere, and nobody was told."""
    (order_id,) = await placed(day, lines=1, quantity=1)
    await day.passes(60)
    (line,) = day.order(order_id)["lines"]
    parcel = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    day.shopify.people.edit(order_id, quantities={line["id"]: 3})
    day.shopify.people.pay(order_id)
    await voided_after_a_change(day, parcel)
    assert (units_there(day, order_id), await day.cause(order_id)) == (3, "in_shipstation")


async def test_a_further_part_whose_answer_was_lost_is_found_by_the_beginning_of_its_number(day: Day) -> None:
    """It is called `#1001-2`. Not found, it would be refused for ever once the warehouse has closed it."""
    (order_id,) = await placed(day, lines=1)
    day.shipstation.faults.set([ShipStationRule("error_500_after", path="/orders/createorders", times=1)])
    day.shopify.people.move_fulfillment_order(order_id, 82734628)
    await day.until(lambda: len(day.there(order_id)) == 2)
    (part,) = [one for one in day.there(order_id) if one["orderNumber"].endswith("-2")]
    day.shipstation.desk.cancel(part["orderId"])
    day.shopify.people.cancel(order_id)
    await day.rest()
    assert (await day.assert_clean()).states == {"cancelled": 1}


async def test_what_is_split_before_its_lost_answer_is_looked_up_is_not_placed_a_second_time(day: Day) -> None:
    day.shipstation.faults.set([ShipStationRule("error_500_after", path="/orders/createorders", times=1)])
    (order_id,) = day.sell(lines=1, quantity=3)
    await day.until(lambda: day.there(order_id))
    (there,) = day.there(order_id)
    day.shipstation.desk.split(there["orderId"], {f"{order_id}:{day.order(order_id)['lines'][0]['id']}": 1})
    day.shipstation.labels.ship_all()
    await day.rest()
    assert len(day.shipstation.state()["orders"]) == 2
    assert (await day.assert_clean()).states == {"shipped": 1}


async def test_what_is_split_off_and_merged_into_another_sale_before_its_lost_answer_is_looked_up_lies_there_once(
    day: Day,
) -> None:
    (other_id,) = await placed(day, lines=1, quantity=1)
    day.shipstation.faults.set([ShipStationRule("error_500_after", path="/orders/createorders", times=1)])
    (order_id,) = day.sell(lines=1, quantity=3)
    await day.until(lambda: day.there(order_id))
    part = split_off(day, order_id)
    day.shipstation.desk.merge([day.there(other_id)[0]["orderId"], part.order_id])
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest()
    assert units_there(day, order_id) == 3
    day.shipstation.labels.ship_all()
    await day.rest()
    assert (await day.assert_clean()).states == {"shipped": 2}


async def test_what_was_merged_into_another_sale_before_the_rest_was_cancelled_is_not_placed_anew(day: Day) -> None:
    """While it waits there a person is told, as of any part; once it left, the rest is placed anew."""
    (other_id,) = await placed(day, lines=1, quantity=1)
    (order_id,) = await placed(day, lines=1, quantity=3)
    part = split_off(day, order_id)
    day.shipstation.desk.merge([day.there(other_id)[0]["orderId"], part.order_id])
    day.shipstation.desk.cancel(day.there(order_id)[0]["orderId"])
    day.shopify.people.edit(order_id, note="Ring twice")
    await day.rest()
    assert (units_there(day, order_id), await day.cause(order_id)) == (1, "changed_on_both_sides")
    for _ in range(2):
        day.shipstation.labels.ship_all()
        await day.rest()
    assert units_there(day, order_id) == 3
    assert (await day.assert_clean()).states == {"shipped": 2}


@pytest.mark.parametrize("style", ["own", "shared"])
async def test_what_left_of_an_order_that_was_cancelled_before_its_lost_answer_is_looked_up_stays_gone(
    day: Day, style: str
) -> None:
    day.shipstation.set_options({"split_key_style": style})
    day.shipstation.faults.set([ShipStationRule("error_500_after", path="/orders/createorders", times=1)])
    (order_id,) = day.sell(lines=1, quantity=3)
    await day.until(lambda: day.there(order_id))
    day.kill()
    (there,) = day.there(order_id)
    part = day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    day.shipstation.labels.buy_label(part.order_id)
    day.shipstation.desk.cancel(there["orderId"])
    await day.start()
    await day.rest()
    day.shopify.people.edit(order_id, note="Ring twice")
    await day.rest()
    (anew,) = [one for one in day.there(order_id) if one["status"] == "awaiting_shipment"]
    assert [item["quantity"] for item in anew["items"]] == [2]


async def test_the_rest_of_a_parcel_whose_order_was_never_answered_is_not_placed_a_second_time(day: Day) -> None:
    """Its label is read before it is looked for: that it shipped does not tell what is in it."""
    (order_id,) = await placed(day, lines=2, quantity=1)
    (there,) = day.there(order_id)
    day.shipstation.labels.buy_label(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    day.execute("UPDATE consignments SET standing = 'intended', shipstation_order_id = NULL, applied = NULL")
    await day.rest()
    assert len(day.there(order_id)) == 1
    assert (await day.assert_clean()).states == {"partly_shipped": 1}


async def test_goods_that_leave_while_their_move_is_carried_out_are_not_placed_a_second_time(day: Day) -> None:
    (order_id,) = await placed(day, lines=1)

    def label(request: Any) -> None:
        if writes_orders(request):
            day.network.before = None
            ship(day, order_id)

    day.network.before = label
    day.shopify.people.move_fulfillment_order(order_id, 82734628)
    await day.rest()
    assert len(day.there(order_id)) == 1
    assert (await day.assert_clean()).states == {"shipped": 1}
