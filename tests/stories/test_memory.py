"""Stories of a database that is lost, or restored from an old copy: nothing is sent twice, and what the warehouse did stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncd.operate.sweeping import sweep_by_hand
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of
from syncd.simulation.seed import copied, restore
from syncd.simulation.written import pushed
from tests.orders_api import ON_V1_ALONE

LONG_S, SHORT_S = 3600.0, 660.0


async def loses_its_memory(day: Day, old_store: bytes | None = None, down_s: float = LONG_S) -> None:
    """The daemon stops, and starts again later on another database."""
    await day.stop()
    restore(day, old_store)
    await day.passes(down_s)
    await day.start()
    await day.rest()


def there_of(day: Day, order_id: int) -> dict[str, Any]:
    (order,) = day.there(order_id)
    return order


def orders_listed(day: Day) -> list[str]:
    """Calls for the orders that were made or changed since a moment."""
    return [one.url for one in day.calls("/orders?") if "modifyDateStart" in one.url]


def line_key(day: Day, order_id: int) -> str:
    return str(there_of(day, order_id)["items"][0]["lineItemKey"])


@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "rolled_back"])
async def test_what_lies_in_shipstation_already_is_left_as_it_is(day: Day, is_lost: bool) -> None:
    await day.rest()
    old_store = None if is_lost else copied(day)
    plain, noted, divided, one, other = day.sell(5, lines=1, quantity=2)
    await day.rest()
    day.shipstation.desk.merge([there_of(day, one)["orderId"], there_of(day, other)["orderId"]])
    day.shipstation.edit(there_of(day, noted)["orderId"], {"internalNotes": "shelf 7"})
    day.shipstation.desk.split(there_of(day, divided)["orderId"], {line_key(day, divided): 1})
    writes, orders = day.writes(), len(day.shipstation.state()["orders"])
    await loses_its_memory(day, old_store)
    assert (day.writes(), len(day.shipstation.state()["orders"])) == (writes, orders)
    assert {await day.cause(order_id) for order_id in (plain, noted, divided, one, other)} == {"in_shipstation"}
    known = {
        row["order_id"]: row for row in day.rows("SELECT order_id, shipstation_order_id, applied FROM consignments")
    }
    assert known.keys() == {plain, noted, divided, one, other}
    assert known[one]["shipstation_order_id"] == known[other]["shipstation_order_id"]
    assert not any("shelf" in str(json.loads(row["applied"])["internalNotes"]) for row in known.values())
    await day.assert_clean()


async def test_an_order_that_the_list_cannot_show_just_now_is_not_made_again(day: Day) -> None:
    hidden, shown = day.sell(2)
    await day.rest()
    writes = day.writes()
    await day.stop()
    restore(day, None)
    day.shipstation.poison(there_of(day, hidden)["orderId"])
    await day.passes(SHORT_S)
    await day.start()
    await day.passes(300.0)
    day.shipstation.poison(there_of(day, hidden)["orderId"], poisoned=False)
    await day.rest()
    assert (day.writes(), len(day.there(hidden))) == (writes, 1)
    assert [await day.cause(order_id) for order_id in (hidden, shown)] == ["in_shipstation"] * 2


async def test_an_order_that_is_never_shown_does_not_stop_the_others(day: Day) -> None:
    hidden, shown = day.sell(2)
    await day.rest()
    await day.stop()
    restore(day, None)
    day.shipstation.poison(there_of(day, hidden)["orderId"])
    await day.passes(SHORT_S)
    await day.start()
    await day.passes(SHORT_S + 120.0)
    assert await day.cause(shown) == "in_shipstation"


async def test_what_was_merged_is_not_remembered_a_second_time(day: Day) -> None:
    """Only the daemon was away. On V2 nobody tells what a merged order absorbed."""
    one, other = day.sell(2)
    await day.rest()
    survivor = day.shipstation.desk.merge([there_of(day, one)["orderId"], there_of(day, other)["orderId"]])
    await day.stop()
    await day.passes(SHORT_S)
    await day.start()
    await day.rest()
    assert len(day.rows("SELECT order_key FROM consignments")) == 2
    day.shipstation.labels.buy_label(survivor.order_id)
    await day.rest()
    assert [await day.cause(order_id) for order_id in (one, other)] == ["shipped"] * 2


async def test_what_was_merged_into_an_order_from_before_the_copy_is_not_placed_anew(day: Day) -> None:
    (older,) = day.sell(1, lines=1, quantity=2)
    await day.rest()
    await loses_its_memory(day, copied(day), down_s=SHORT_S)
    old_store = copied(day)
    (newer,) = day.sell(1, lines=1, quantity=2)
    await day.rest()
    day.shipstation.desk.merge([there_of(day, older)["orderId"], there_of(day, newer)["orderId"]])
    writes = day.writes()
    await loses_its_memory(day, old_store)
    assert (day.writes(), await day.cause(newer)) == (writes, "in_shipstation")
    await day.assert_clean()


@ON_V1_ALONE
@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "rolled_back"])
@pytest.mark.parametrize("how", ["merged into a part", "split off with what it was merged into"])
async def test_what_lies_in_a_part_of_another_sale_is_not_placed_anew(day: Day, how: str, is_lost: bool) -> None:
    """A part is no order of ours, and nobody looked at what else lies in it (seed 290128)."""
    (older,) = day.sell(1, lines=1, quantity=2)
    await day.rest()
    await loses_its_memory(day, copied(day), down_s=SHORT_S)
    old_store = None if is_lost else copied(day)
    (newer,) = day.sell(1, lines=1, quantity=2)
    await day.rest()
    parent, absorbed = there_of(day, older), there_of(day, newer)["orderId"]
    desk = day.shipstation.desk
    if how == "merged into a part":
        desk.merge([desk.split(parent["orderId"], {line_key(day, older): 1}).order_id, absorbed])
    else:
        line = line_key(day, newer)
        desk.split(desk.merge([parent["orderId"], absorbed]).order_id, {line: 2})
    writes = day.writes()
    await loses_its_memory(day, old_store)
    assert (day.writes(), await day.cause(newer)) == (writes, "in_shipstation")
    await sweep_by_hand(await desk_of(day))
    await day.rest()
    assert {await day.cause(one) for one in (older, newer)} == {"in_shipstation"}
    assert day.writes() == writes


@ON_V1_ALONE
async def test_what_lies_in_a_part_of_a_merged_order_is_remembered_once(day: Day) -> None:
    """Nobody changed that order since the copy, and it stands for two sales."""
    one, other = day.sell(2, lines=1, quantity=2)
    await day.rest()
    desk, line = day.shipstation.desk, line_key(day, other)
    parent = desk.merge([there_of(day, other)["orderId"], there_of(day, one)["orderId"]])
    part = desk.split(parent.order_id, {line: 1})
    await sweep_by_hand(await desk_of(day))
    await loses_its_memory(day, copied(day), down_s=LONG_S)
    await sweep_by_hand(await desk_of(day))
    await day.rest()
    old_store = copied(day)
    (newer,) = day.sell(1, lines=1, quantity=2)
    await day.rest()
    desk.merge([part.order_id, there_of(day, newer)["orderId"]])
    writes = day.writes()
    await loses_its_memory(day, old_store)
    rows = day.rows("SELECT order_id, shipstation_order_id FROM consignments ORDER BY order_id")
    placed = [(row["order_id"], row["shipstation_order_id"]) for row in rows]
    assert placed == [(one, parent.order_id), (other, parent.order_id), (newer, part.order_id)]
    assert day.writes() == writes


async def test_what_was_told_is_recognised_and_what_is_left_of_an_order_stays_in_shipstation(day: Day) -> None:
    whole, part = day.sell(2, lines=1, quantity=2)
    await day.rest()
    day.shipstation.labels.buy_label(there_of(day, whole)["orderId"])
    day.shipstation.labels.buy_label(there_of(day, part)["orderId"], {line_key(day, part): 1})
    await day.rest()
    writes = day.writes()
    await loses_its_memory(day)
    assert day.writes() == writes
    assert (await day.cause(whole), await day.cause(part)) == ("shipped", "partly_shipped")
    assert day.rows("SELECT key FROM journal WHERE outcome = 'unknown'") == []
    await day.assert_clean()


@pytest.mark.parametrize("what", ["units", "lines"])
async def test_what_was_split_off_an_order_that_left_lies_in_its_part(day: Day, what: str) -> None:
    """Its key is none of ours: only the order that it was split off tells that there is one."""
    (order_id,) = day.sell(1, lines=1 if what == "units" else 2, quantity=3)
    await day.rest()
    parent = there_of(day, order_id)
    part = day.shipstation.desk.split(
        parent["orderId"], {parent["items"][-1]["lineItemKey"]: 1 if what == "units" else 3}
    )
    day.shipstation.labels.buy_label(parent["orderId"])
    await day.rest()
    writes = day.writes()
    await loses_its_memory(day, down_s=SHORT_S)
    assert (day.writes(), await day.cause(order_id)) == (writes, "partly_shipped")
    day.shipstation.labels.buy_label(part.order_id)
    await day.rest()
    assert await day.cause(order_id) == "shipped"
    await day.assert_clean()


@ON_V1_ALONE
async def test_what_was_split_off_an_order_that_was_merged_then_lies_in_its_part(day: Day) -> None:
    """The parcel of the order that absorbed it holds the rest. V2 does not tell what absorbed it: there a person is asked."""
    one, other = day.sell(2, lines=1, quantity=3)
    await day.rest()
    parent = there_of(day, one)
    day.shipstation.desk.split(parent["orderId"], {line_key(day, one): 1})
    survivor = day.shipstation.desk.merge([there_of(day, other)["orderId"], parent["orderId"]])
    day.shipstation.labels.buy_label(survivor.order_id)
    await day.rest()
    writes = day.writes()
    await loses_its_memory(day, down_s=SHORT_S)
    assert (day.writes(), await day.cause(one)) == (writes, "partly_shipped")
    await day.assert_clean()


async def test_what_a_gap_taught_of_a_part_is_not_forgotten_after_the_next(day: Day) -> None:
    """In the second only what was split off the part is new."""
    (order_id,) = day.sell(1, lines=1, quantity=3)
    await day.rest()
    parent = there_of(day, order_id)
    part = day.shipstation.desk.split(parent["orderId"], {line_key(day, order_id): 2})
    day.shipstation.labels.buy_label(parent["orderId"])
    await day.rest()
    writes = day.writes()
    await loses_its_memory(day, down_s=SHORT_S)
    await day.stop()
    day.shipstation.desk.split(part.order_id, {line_key(day, order_id): 1})
    await day.passes(SHORT_S)
    await day.start()
    day.shopify.people.edit(order_id, note="Ring twice")
    await day.rest()
    assert (day.writes(), await day.cause(order_id)) == (writes, "partly_shipped")


async def test_what_was_split_off_an_order_that_a_person_cancelled_is_not_placed_anew(day: Day) -> None:
    (order_id,) = day.sell(1, lines=1, quantity=3)
    await day.rest()
    parent = there_of(day, order_id)
    day.shipstation.desk.split(parent["orderId"], {line_key(day, order_id): 1})
    await day.stop()
    day.shipstation.edit(parent["orderId"], {"orderStatus": "cancelled"})
    writes = day.writes()
    await loses_its_memory(day, down_s=SHORT_S)
    assert (day.writes(), await day.cause(order_id)) == (writes, "changed_on_both_sides")


async def test_what_a_person_splits_and_cancels_while_it_is_learned_again_is_not_placed_anew(day: Day) -> None:
    """It was read while open, and cancelled before the first plan could tell what of it is ours."""
    (order_id,) = day.sell(1, lines=1, quantity=3)
    await day.rest()
    parent = there_of(day, order_id)
    writes = day.writes()
    await day.stop()
    restore(day, None)
    await day.passes(SHORT_S)
    await day.start()
    await day.until(lambda: day.rows("SELECT order_key FROM consignments"))
    day.shipstation.desk.split(parent["orderId"], {line_key(day, order_id): 1})
    day.shipstation.edit(parent["orderId"], {"orderStatus": "cancelled"})
    await day.rest()
    assert (day.writes(), await day.cause(order_id)) == (writes, "changed_on_both_sides")


async def test_parts_that_all_left_ask_for_nobody_after_a_loss(day: Day) -> None:
    (order_id,) = day.sell(1, lines=1, quantity=3)
    await day.rest()
    parent = there_of(day, order_id)
    part = day.shipstation.desk.split(parent["orderId"], {line_key(day, order_id): 1})
    for one in (parent["orderId"], part.order_id):
        day.shipstation.labels.buy_label(one)
    await day.rest()
    await loses_its_memory(day, down_s=SHORT_S)
    await day.passes(SHORT_S)
    await sweep_by_hand(await desk_of(day))
    await day.rest()
    assert await day.cause(order_id) == "shipped"
    await day.assert_clean()


@pytest.mark.parametrize("which", ["parent", "part"])
async def test_what_was_marked_as_shipped_beside_a_part_is_known_again_with_its_own_lines(day: Day, which: str) -> None:
    (order_id,) = day.sell(1, lines=1, quantity=3)
    await day.rest()
    parent = there_of(day, order_id)
    part = day.shipstation.desk.split(parent["orderId"], {line_key(day, order_id): 1})
    left, rest = (parent["orderId"], part.order_id) if which == "parent" else (part.order_id, parent["orderId"])
    day.shipstation.labels.mark_shipped(left, "fedex", "797000111222")
    await day.rest()
    assert await day.cause(order_id) == "partly_shipped"
    await loses_its_memory(day)
    assert await day.cause(order_id) == "partly_shipped"
    day.shipstation.labels.mark_shipped(rest, "fedex", "797000111333")
    await day.rest()
    assert await day.cause(order_id) == "shipped"
    await day.assert_clean()


async def test_a_merged_order_marked_as_shipped_is_told_whole_though_its_half_was_known_first(day: Day) -> None:
    """Orders are waited for because one is not shown; the parcels are read meanwhile, and once more afterwards."""
    older, hidden = day.sell(2, lines=1, quantity=2)
    await day.rest()
    old_store = copied(day)
    (newer,) = day.sell(1, lines=1, quantity=2)
    await day.rest()
    survivor = day.shipstation.desk.merge([there_of(day, older)["orderId"], there_of(day, newer)["orderId"]])
    day.shipstation.labels.mark_shipped(survivor.order_id, "fedex", "797000111222")
    await day.stop()
    restore(day, old_store)
    day.shipstation.poison(there_of(day, hidden)["orderId"])
    await day.passes(SHORT_S)
    await day.start()
    await day.until(lambda: bool(day.rows("SELECT package_key FROM packages")), longest_s=SHORT_S)
    day.shipstation.poison(there_of(day, hidden)["orderId"], poisoned=False)
    await day.rest()
    assert [await day.cause(order_id) for order_id in (older, newer)] == ["shipped"] * 2
    await day.assert_clean()


async def test_a_label_that_is_voided_while_nobody_remembers_it_is_taken_back(day: Day) -> None:
    (order_id,) = day.sell(1)
    await day.rest()
    label = day.shipstation.labels.buy_label(there_of(day, order_id)["orderId"])
    await day.rest()
    await day.stop()
    day.shipstation.labels.void_label(label.shipment_id)
    restore(day, None)
    await day.passes(LONG_S)
    await day.start()
    await day.until(lambda: not day.fulfillments(order_id), longest_s=2 * day.settings.sync.void_grace_s)
    await day.rest()
    assert not day.fulfillments(order_id)


async def test_a_customer_who_moved_while_nobody_remembers_waits_for_a_person(day: Day) -> None:
    (order_id,) = day.sell(1)
    await day.rest()
    await day.stop()
    day.shopify.people.edit(order_id, address={"address1": "9 New Street"})
    writes = day.writes()
    await loses_its_memory(day)
    assert (day.writes(), await day.cause(order_id)) == (writes, "changed_on_both_sides")


async def test_goods_that_left_in_a_strangers_parcel_ask_for_nobody_later(day: Day) -> None:
    neighbour, stranger = day.sell(2, lines=1, quantity=1)
    day.shopify.people.edit(stranger, address={"address1": "9 New Street"})
    await day.rest()
    survivor = day.shipstation.desk.merge([there_of(day, neighbour)["orderId"], there_of(day, stranger)["orderId"]])
    day.shipstation.labels.buy_label(survivor.order_id)
    await day.rest()
    before = await day.cause(neighbour), await day.cause(stranger)
    await loses_its_memory(day)
    assert (await day.cause(neighbour), await day.cause(stranger)) == before == ("shipped", "shipped")


async def test_units_that_were_changed_while_nobody_remembers_follow(day: Day) -> None:
    (order_id,) = day.sell(1, lines=1, quantity=3)
    await day.rest()
    await day.stop()
    day.shopify.people.edit(order_id, quantities={day.order(order_id)["lines"][0]["id"]: 2})
    await loses_its_memory(day)
    assert [item["quantity"] for item in pushed(day.calls("createorders"))[-1]["items"]] == [2]
    await day.assert_clean()


async def test_a_daemon_that_was_only_started_anew_reads_nothing_anew(day: Day) -> None:
    day.sell(2)
    await day.rest()
    lists = len(orders_listed(day))
    await loses_its_memory(day, copied(day), down_s=60.0)
    assert len(orders_listed(day)) == lists
