"""Stories of the sweep: what no webhook and no feed told of is found by looking at everything, and comes right or gets a cause."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from syncd.errors import UncertainError
from syncd.operate.returns import make_label
from syncd.operate.sweeping import sweep_by_hand
from syncd.ports import Request
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.sandbox.shipstation.v1_documents import order_document
from syncd.simulation.day import ON_V2, Day
from syncd.simulation.desk import desk_of
from syncd.simulation.written import writes_orders
from syncd.store.cursors import advance
from syncd.store.leases import take_lease
from tests.orders_api import ON_V1_ALONE
from tests.stories.holes import OneAnswer
from tests.stories.sweeping import QUIET_S, later, sold, swept, there_of

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


async def test_a_sweep_of_what_is_right_marks_nothing_and_writes_nothing(day: Day) -> None:
    await sold(day, 5)
    writes = day.writes()
    await later(day)
    assert set((await sweep_by_hand(await desk_of(day))).values()) == {0}
    await day.rest()
    assert day.writes() == writes
    await day.assert_clean()


async def test_goods_that_shopify_holds_are_held_again_after_the_warehouse_lifted_its_own_hold(day: Day) -> None:
    (order_id,) = await sold(day)
    there = there_of(day, order_id)["orderId"]
    day.shipstation.desk.hold(there)
    day.shopify.people.hold(order_id)
    await day.rest()
    day.shipstation.desk.release(there)
    await swept(day)
    assert (await day.cause(order_id), there_of(day, order_id)["status"]) == ("fulfillment_hold", "on_hold")


@BOTH
async def test_what_the_warehouse_cancelled_is_placed_anew_under_the_next_number(day: Day) -> None:
    (order_id,) = await sold(day)
    day.shipstation.desk.cancel(there_of(day, order_id)["orderId"])
    await swept(day)
    assert sorted(one["status"] for one in day.there(order_id)) == ["awaiting_shipment", "cancelled"]
    await day.assert_clean()


async def test_beside_a_part_that_left_what_the_warehouse_cancelled_is_placed_anew_once(day: Day) -> None:
    (order_id,) = day.sell(lines=1, quantity=3)
    await day.rest()
    parent = there_of(day, order_id)
    part = day.shipstation.desk.split(parent["orderId"], {parent["items"][0]["lineItemKey"]: 1})
    day.shipstation.labels.buy_label(part.order_id)
    await day.rest()
    day.shipstation.desk.cancel(parent["orderId"])
    await swept(day)
    (anew,) = [one for one in day.there(order_id) if one["status"] == "awaiting_shipment"]
    assert [item["quantity"] for item in anew["items"]] == [2]


@pytest.mark.parametrize("style", ["own", "shared"])
@ON_V1_ALONE
async def test_what_lives_on_in_a_part_of_a_cancelled_order_is_not_placed_anew(day: Day, style: str) -> None:
    day.shipstation.set_options({"split_key_style": style})
    (order_id,) = await sold(day, lines=1, quantity=3)
    parent = there_of(day, order_id)
    day.shipstation.desk.split(parent["orderId"], {parent["items"][0]["lineItemKey"]: 1})
    day.shipstation.desk.cancel(parent["orderId"])
    writes = day.writes()
    await swept(day)
    assert (day.writes(), await day.cause(order_id)) == (writes, "changed_on_both_sides")


@ON_V1_ALONE
async def test_merged_orders_that_a_person_cancels_after_their_label_was_voided_are_both_placed_anew(day: Day) -> None:
    orders = await sold(day, 2, lines=1, quantity=2)
    merged = day.shipstation.desk.merge([there_of(day, one)["orderId"] for one in orders])
    parcel = day.shipstation.labels.buy_label(merged.order_id)
    await swept(day)
    await swept(day)
    day.shipstation.labels.void_label(parcel.shipment_id)
    await day.rest()
    day.shipstation.desk.cancel(merged.order_id)
    await later(day)
    await swept(day)
    assert [await day.cause(order_id) for order_id in orders] == ["in_shipstation"] * 2
    lying = [one for one in day.shipstation.state()["orders"].values() if one["status"] == "awaiting_shipment"]
    assert [item["quantity"] for one in lying for item in one["items"]] == [2, 2]


@ON_V1_ALONE
async def test_what_was_learned_while_the_sweep_asked_for_others_is_not_undone(day: Day) -> None:
    deleted, survivor, absorbed = await sold(day, 3)
    gone = there_of(day, deleted)["orderId"]
    day.shipstation.desk.merge([there_of(day, one)["orderId"] for one in (survivor, absorbed)])
    day.shipstation.desk.delete(gone)

    def learns(request: Request) -> None:
        if request.url.endswith(f"/orders/{gone}"):
            now = day.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            day.execute(
                f"UPDATE consignments SET standing = 'shipped', updated_at = '{now}' WHERE order_id = {absorbed}"
            )

    day.network.before = learns
    await swept(day)
    assert day.rows(f"SELECT standing FROM consignments WHERE order_id = {absorbed}") == [{"standing": "shipped"}]


@ON_V1_ALONE
async def test_what_was_split_off_a_merged_order_that_a_person_cancelled_is_not_placed_anew(day: Day) -> None:
    """The part has the number of the survivor, which is another sale's."""
    survivor, absorbed = await sold(day, 2, lines=1, quantity=2)
    line_key = there_of(day, absorbed)["items"][0]["lineItemKey"]
    merged = day.shipstation.desk.merge([there_of(day, one)["orderId"] for one in (survivor, absorbed)])
    await swept(day)
    day.shipstation.desk.split(merged.order_id, {line_key: 2})
    day.shipstation.desk.cancel(merged.order_id)
    await swept(day)
    assert await day.cause(absorbed) == "changed_on_both_sides"
    assert await day.cause(survivor) == "in_shipstation"
    lying = [one for one in day.shipstation.state()["orders"].values() if one["status"] == "awaiting_shipment"]
    assert sorted(item["quantity"] for one in lying for item in one["items"]) == [2, 2]


async def test_what_was_cancelled_and_is_restored_there_is_cancelled_again(day: Day) -> None:
    (order_id,) = await sold(day)
    day.shopify.people.cancel(order_id)
    await day.rest()
    day.shipstation.edit(there_of(day, order_id)["orderId"], {"orderStatus": "awaiting_shipment"})
    await later(day)
    await swept(day)
    assert there_of(day, order_id)["status"] == "cancelled"
    assert await day.cause(order_id) == "cancelled"
    await day.assert_clean()


@ON_V1_ALONE
@BOTH
async def test_the_absorbed_order_of_a_merge_is_found_in_its_survivor(day: Day) -> None:
    kept, absorbed = await sold(day, 2)
    day.shipstation.desk.merge([there_of(day, kept)["orderId"], there_of(day, absorbed)["orderId"]])
    await swept(day)
    survivor = there_of(day, kept)["orderId"]
    rows = day.rows("SELECT order_id, shipstation_order_id FROM consignments")
    assert {row["order_id"]: row["shipstation_order_id"] for row in rows} == {kept: survivor, absorbed: survivor}
    assert await day.cause(kept) == await day.cause(absorbed) == "in_shipstation"
    day.shipstation.labels.buy_label(survivor)
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"shipped": 2}
    assert account.fulfillments == account.mails == 2


async def test_an_order_that_one_list_leaves_out_was_not_merged_into_one_that_holds_as_much(day: Day) -> None:
    """Its other part was, from another location, with a unit of the same line."""
    neighbour, order_id = await sold(day, 2, lines=1, quantity=2)
    (line,) = day.order(order_id)["lines"]
    day.shopify.people.move_fulfillment_order(order_id, 82734628, lines={line["id"]: 1})
    await day.rest()
    await later(day)
    here, moved = (one["orderId"] for one in sorted(day.there(order_id), key=lambda one: str(one["orderKey"])))
    day.shipstation.desk.merge([there_of(day, neighbour)["orderId"], moved])
    await later(day)
    await day.rest()
    day.network.vendors = vendors = OneAnswer(day.network.vendors, *_without(here))
    await sweep_by_hand(await desk_of(day))
    assert vendors.is_spent
    rows = day.rows(f"SELECT shipstation_order_id FROM consignments WHERE order_id = {order_id} ORDER BY order_key")
    assert [row["shipstation_order_id"] for row in rows] == [here, there_of(day, neighbour)["orderId"]]


def _without(order_id: int) -> tuple[str, Callable[[Any], bool]]:
    """Lists of what was changed since a time, by either API."""
    path, member, name = (
        ("/v2/shipments?", "shipments", "shipment_id") if ON_V2 else ("modifyDateStart", "orders", "orderId")
    )

    def spoil(body: Any) -> bool:
        rows = body[member]
        body[member] = [row for row in rows if str(row[name]).removeprefix("se-") != str(order_id)]
        body["total"] = len(body[member])
        return len(body[member]) < len(rows)

    return path, spoil


@ON_V1_ALONE
async def test_an_order_on_hold_that_was_merged_into_one_that_may_leave_is_told_of(day: Day) -> None:
    kept, held = await sold(day, 2)
    day.shopify.people.hold(held)
    await day.rest()
    await later(day)
    day.shipstation.desk.merge([there_of(day, kept)["orderId"], there_of(day, held)["orderId"]])
    await swept(day)
    assert await day.cause(held) == "changed_on_both_sides"
    assert await day.cause(kept) == "in_shipstation"


async def test_merged_orders_marked_as_shipped_are_both_told_when_the_sweep_sees_them_first(day: Day) -> None:
    orders = await sold(day, 2)
    await day.stop()
    survivor = there_of(day, orders[0])["orderId"]
    day.shipstation.desk.merge([survivor, there_of(day, orders[1])["orderId"]])
    day.shipstation.labels.mark_shipped(survivor, "ups", "1Z999")
    await day.passes(QUIET_S)
    await sweep_by_hand(await desk_of(day))
    await day.start()
    await day.rest()
    assert [await day.cause(order_id) for order_id in orders] == ["shipped"] * 2
    await day.assert_clean()


@ON_V1_ALONE
async def test_a_merged_order_that_is_edited_finds_its_survivor_without_a_sweep(day: Day) -> None:
    kept, absorbed = await sold(day, 2)
    survivor = there_of(day, kept)["orderId"]
    day.shipstation.desk.merge([survivor, there_of(day, absorbed)["orderId"]])
    day.shopify.people.edit(absorbed, note="Is it coming?")
    await day.rest()
    assert await day.cause(absorbed) == "changed_on_both_sides"
    rows = day.rows(f"SELECT shipstation_order_id FROM consignments WHERE order_id = {absorbed}")
    assert [row["shipstation_order_id"] for row in rows] == [survivor]
    day.shipstation.labels.buy_label(survivor)
    await day.rest()
    assert (await day.assert_clean()).states == {"shipped": 2}


async def test_a_second_open_order_with_our_lines_is_named_doubled(day: Day) -> None:
    (order_id,) = await sold(day, lines=1, quantity=2)
    ours = day.shipstation.account.order(there_of(day, order_id)["orderId"])
    copy = day.shipstation.account.branch(ours, key="copied by hand")
    await swept(day)
    told = (await day.told())[order_id]
    assert told["cause"] == "doubled_there"
    assert f"ShipStation orders {copy.order_id}: 2 of line" in told["detail"]
    day.shipstation.desk.cancel(copy.order_id)
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"


async def test_a_voided_label_of_which_shopify_still_tells_is_seen_by_the_account(day: Day) -> None:
    (order_id,) = await sold(day)
    shipment = day.shipstation.labels.buy_label(there_of(day, order_id)["orderId"])
    await day.rest()
    await day.stop()
    day.shipstation.labels.void_label(shipment.shipment_id)
    await day.passes(3 * 3600.0)
    assert [one.partition(":")[0] for one in (await day.account()).told_in_vain] == [day.order(order_id)["name"]]
    await day.start()
    await day.passes(1200.0)
    await day.rest()
    assert (await day.assert_clean()).states == {"in_shipstation": 1}


@BOTH
async def test_a_deleted_order_is_named_and_never_taken_for_a_cancellation(day: Day) -> None:
    order_id, other = await sold(day, 2)
    day.shipstation.desk.delete(there_of(day, order_id)["orderId"])
    await swept(day)
    assert await day.cause(order_id) == "merged_parent_unknown"
    assert day.there(order_id) == []
    assert await day.cause(other) == "in_shipstation"
    day.shopify.people.edit(order_id, note="Is it coming?")
    await swept(day)
    assert await day.cause(order_id) == "merged_parent_unknown"
    assert day.there(order_id) == []


async def test_quantities_changed_there_are_named_until_they_are_right_again(day: Day) -> None:
    (order_id,) = await sold(day, lines=1, quantity=3)
    there = day.shipstation.account.order(there_of(day, order_id)["orderId"])
    items = order_document(there)["items"]
    day.shipstation.edit(there.order_id, {"items": [{**item, "quantity": 2} for item in items]})
    await swept(day)
    assert await day.cause(order_id) == "units_changed_there"
    assert "1 of line" in (await day.told())[order_id]["detail"]
    day.shipstation.edit(there.order_id, {"items": items})
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"
    await day.assert_clean()


async def test_what_was_written_and_never_answered_is_nobody_s_edit(day: Day) -> None:
    (order_id,) = await sold(day, lines=1, quantity=3)

    def dies(request: Request) -> None:
        if writes_orders(request):
            day.kill()

    day.network.before = dies
    day.shopify.people.edit(order_id, quantities={day.order(order_id)["lines"][0]["id"]: 2})
    await day.until(lambda: there_of(day, order_id)["items"][0]["quantity"] == 2)
    await day.passes(QUIET_S)
    await sweep_by_hand(await desk_of(day))
    assert day.rows("SELECT finding FROM orders") == [{"finding": None}]
    day.network.before = None
    await day.start()
    await day.rest()
    assert (await day.assert_clean()).states == {"in_shipstation": 1}


async def test_a_return_label_whose_answer_was_lost_keeps_no_sweep_from_judging_its_order(day: Day) -> None:
    (order_id,) = await sold(day, mix={"two_locations": 1.0}, lines=2, quantity=3)
    gone, rest = (day.shipstation.account.order(one["orderId"]) for one in day.there(order_id))
    day.shipstation.labels.buy_label(gone.order_id)
    await day.rest()
    day.shipstation.faults.set([FaultRule("lost_answer", path="/v2/labels", times=1)])
    with pytest.raises(UncertainError):
        await make_label(await desk_of(day), str(order_id), None, False)
    day.shipstation.edit(rest.order_id, {"items": [{**item, "quantity": 2} for item in order_document(rest)["items"]]})
    await later(day)
    await sweep_by_hand(await desk_of(day))
    await day.passes(30)
    assert await day.cause(order_id) == "units_changed_there"


async def test_an_order_split_by_hand_is_right_as_long_as_its_parts_add_up(day: Day) -> None:
    (order_id,) = await sold(day, lines=2, quantity=2)
    order = there_of(day, order_id)
    day.shipstation.desk.split(order["orderId"], {order["items"][0]["lineItemKey"]: 1})
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"


@BOTH
async def test_the_same_sale_imported_by_a_native_connection_is_named_doubled(day: Day) -> None:
    (order_id,) = await sold(day)
    ours = there_of(day, order_id)
    twin = day.shipstation.desk.native_import(ours["orderId"], 2002, str(order_id), ours["orderNumber"].lstrip("#"))
    await swept(day)
    assert await day.cause(order_id) == "doubled_there"
    assert str(twin.order_id) in (await day.told())[order_id]["detail"]
    day.shipstation.desk.cancel(twin.order_id)
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"
    await day.assert_clean()


async def test_another_shop_s_order_of_the_same_number_is_nobody_s_double(day: Day) -> None:
    (order_id,) = await sold(day)
    ours = there_of(day, order_id)
    elsewhere = {"street1": "1 Other Road", "city": "Elsewhere", "postalCode": "99999"}
    other = day.shipstation.desk.native_import(ours["orderId"], 2002, "ebay-77", ours["orderNumber"], elsewhere)
    items = order_document(other)["items"]
    day.shipstation.edit(other.order_id, {"items": [{**item, "lineItemKey": "ebay-line"} for item in items]})
    await swept(day)
    assert await day.cause(order_id) == "in_shipstation"


@BOTH
async def test_events_that_were_all_lost_are_found_within_the_hour(day: Day) -> None:
    order_ids = await sold(day, 4)
    for feed in day.duties.feeds.feeds if day.duties else []:
        if not feed.name.endswith(".sweep"):
            await day.db.run(advance(feed.name, day.clock.now() + timedelta(days=1), None, day.clock.now()))
    day.shopify.shops[next(iter(day.shopify.shops))].outbox.subscriptions.clear()
    day.shipstation.webhooks.subscriptions.clear()
    day.shopify.people.cancel(order_ids[0])
    day.shipstation.labels.buy_label(there_of(day, order_ids[1])["orderId"])
    late = day.sell(2)
    await later(day, 3700)
    await day.rest()
    assert there_of(day, order_ids[0])["status"] == "cancelled"
    assert [await day.cause(order_id) for order_id in late] == ["in_shipstation"] * 2
    assert (await day.assert_clean()).states == {"cancelled": 1, "shipped": 1, "in_shipstation": 4}


async def test_a_sweep_costs_a_call_for_a_page_and_not_for_an_order(day: Day) -> None:
    await sold(day, 300)
    await day.stop()
    calls = len(day.network.sent)
    await sweep_by_hand(await desk_of(day))
    assert (
        len([one for one in day.network.sent[calls:] if "ship.test/orders?" in one.url or "/v2/shipments?" in one.url])
        == 1
    )
    assert len(day.network.sent) - calls < 12


async def test_of_two_replicas_one_sweeps(day: Day) -> None:
    await sold(day, 2)
    for feed in day.duties.feeds.feeds if day.duties else []:
        await day.db.run(take_lease(feed.name, "the other replica", day.clock.now(), 240.0))
    await day.stop()
    calls = len(day.network.sent)
    assert set((await sweep_by_hand(await desk_of(day))).values()) == {0}
    assert len(day.network.sent) == calls
