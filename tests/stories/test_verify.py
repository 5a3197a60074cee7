"""Stories of the recount: clean where all is right, and each difference by order where somebody was at work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncd.errors import RejectedError
from syncd.operate.verify import account_text, moment, recount
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of
from syncd.simulation.ports import START

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


async def recounted(day: Day) -> dict[str, Any]:
    """With the daemon away, so that nothing is repaired meanwhile, and long enough for nothing to be on its way."""
    await day.stop()
    await day.passes(300)
    return await recount(await desk_of(day), "")


@BOTH
async def test_a_day_that_went_right_recounts_without_a_difference(day: Day) -> None:
    order_ids = day.sell(6, lines=2, quantity=2)
    await day.rest()
    day.shopify.people.cancel(order_ids[0])
    day.shopify.people.hold(order_ids[1])
    await day.rest()
    for order_id in order_ids[2:5]:
        (order,) = day.there(order_id)
        day.shipstation.labels.buy_label(order["orderId"])
    await day.rest()
    account = await recounted(day)
    assert account["differences"] == []
    assert (account["orders"], account["packages"], account["fulfillments"]) == (6, 3, 3)
    assert (account["eligible"], account["mapped_once"], account["on_the_way"]) == (6, 6, 0)
    assert "missing 0, doubled 0, unexplained 0" in account_text(account)


async def test_what_vanished_from_shipstation_is_missing(day: Day) -> None:
    order_id, _ = day.sell(2)
    await day.rest()
    day.shipstation.desk.delete(day.there(order_id)[0]["orderId"])
    account = await recounted(day)
    assert [(one["order"], one["kind"]) for one in account["differences"]] == [(day.order(order_id)["name"], "missing")]


async def test_a_fulfillment_that_somebody_cancelled_is_a_package_not_told(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest()
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest()
    day.execute("UPDATE packages SET fulfillment_gid = NULL")
    await day.stop()
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"], force=True)
    account = await recounted(day)
    assert account["not_told"] == 1


async def test_while_things_move_nothing_is_called_a_difference(day: Day) -> None:
    order_ids = day.sell(3)
    await day.rest()
    day.shipstation.labels.ship_all()
    await day.passes(0.5)
    account = await recount(await desk_of(day), "")
    assert account["differences"] == []
    assert account["on_the_way"] == len(order_ids)


async def test_only_orders_made_since_the_given_time_are_counted(day: Day) -> None:
    day.sell(2)
    await day.rest()
    await day.stop()
    await day.passes(7200)
    assert (await recount(await desk_of(day), "1h"))["orders"] == 0
    assert (await recount(await desk_of(day), "3h"))["orders"] == 2


def test_a_time_is_a_date_an_instant_or_an_age() -> None:
    assert moment("36h", START) == START - timedelta(hours=36)
    assert moment("", START) == START - timedelta(days=7)
    assert moment("2026-11-20", START).isoformat() == "2026-11-20T00:00:00+00:00"
    with pytest.raises(RejectedError, match="no time"):
        moment("yesterday", START)
