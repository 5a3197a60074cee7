"""Stories of the brake: a flood of cancellations waits for a person, everything else goes on."""

from __future__ import annotations

import pytest

from syncd.flows.brake import Brake, Planned
from syncd.operate.brakes import read_brake, release_stopped
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


MOST_UNNOTICED = 9
"""Cancellations that may have gone out before they were a flood."""


async def a_pulled_brake(day: Day) -> list[int]:
    """The orders whose cancellation it stopped."""
    order_ids = day.sell(20)
    await day.rest()
    await day.passes(120)
    for order_id in order_ids:
        day.shopify.people.cancel(order_id)
    await day.rest()
    stopped = [order_id for order_id, told in (await day.told()).items() if told["cause"] == "brake_pulled"]
    assert len(stopped) > MOST_UNNOTICED
    return stopped


def live(day: Day, order_ids: list[int]) -> int:
    return sum(one["status"] != "cancelled" for order_id in order_ids for one in day.there(order_id))


@BOTH
async def test_a_flood_of_cancellations_waits_until_a_person_lets_it_through(day: Day) -> None:
    order_ids = day.sell(30)
    await day.rest()
    await day.passes(120)
    for order_id in order_ids[:15]:
        day.shopify.people.cancel(order_id)
    await day.rest()
    desk = await desk_of(day)
    brake = await read_brake(desk)
    stopped = [int(subject.rpartition("/")[2]) for subject in brake["stopped"]]
    assert len(stopped) > MOST_UNNOTICED
    assert live(day, order_ids) == 15 + len(stopped)
    assert brake["reason"] == "15 of 15 ShipStation orders would be cancelled within a minute"
    assert {(await day.told())[order_id]["cause"] for order_id in stopped} == {"brake_pulled"}
    assert await release_stopped(desk) == len(stopped)
    await day.rest()
    assert live(day, order_ids) == 15
    assert (await day.assert_clean()).states == {"cancelled": 15, "in_shipstation": 15}
    assert (await read_brake(desk))["pulled_at"] is None


async def test_orders_sold_while_the_brake_is_pulled_go_out_as_ever(day: Day) -> None:
    stopped = await a_pulled_brake(day)
    (late,) = day.sell()
    await day.rest()
    assert await day.cause(late) == "in_shipstation"
    assert live(day, stopped) == len(stopped)


async def test_what_was_stopped_and_then_shipped_is_not_cancelled_by_the_release(day: Day) -> None:
    labelled, *others = await a_pulled_brake(day)
    day.shipstation.labels.buy_label(day.there(labelled)[0]["orderId"])
    await day.rest()
    await release_stopped(await desk_of(day))
    await day.rest()
    assert await day.cause(labelled) == "cancelled_after_label"
    assert live(day, [labelled, *others]) == 1


async def test_one_cancellation_that_is_tried_again_and_again_is_no_flood(day: Day) -> None:
    brake = Brake("orders", 0.2, 10, day.db, day.clock)
    for _ in range(20):
        assert await brake.stops({"main/1": Planned(1, 1)}) == (False, False)


async def test_a_few_cancellations_are_nobody_s_business(day: Day) -> None:
    order_ids = day.sell(9)
    await day.rest()
    await day.passes(120)
    for order_id in order_ids:
        day.shopify.people.cancel(order_id)
    await day.rest()
    assert live(day, order_ids) == 0
    assert (await day.assert_clean()).states == {"cancelled": 9}
