"""What happens while ShipStation's window is spent and orders wait for the next one."""

from __future__ import annotations

import pytest

from syncd.budget import Urgency
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.written import pushed


async def test_an_order_that_is_cancelled_while_it_waits_for_its_turn_is_never_sent(day: Day) -> None:
    await day.passes(65)
    assert day.duties
    budget = day.duties._vendors.orders.budget
    for _ in range(budget.usage(day.clock.now()).limit):
        await budget.lost(await budget.grant(Urgency.CANCEL))
    stays, goes = day.sell(2)
    await day.passes(15)
    assert not day.calls("createorders")
    day.shopify.people.cancel(goes)
    await day.until(lambda: day.there(stays))
    await day.rest()
    await day.assert_clean()
    assert all(f"-{goes}-" not in one["orderKey"] for one in pushed(day.calls("createorders")))
    assert [await day.cause(one) for one in (stays, goes)] == ["in_shipstation", "cancelled"]


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(limits={"lease_s": 10}))], ids=["short-lease"])
async def test_a_look_that_takes_longer_than_a_lease_comes_to_its_end(day: Day, fates: Fates) -> None:
    """A lost answer to a whole batch is looked for order by order, and each look is a call."""
    await day.stop()
    orders = day.sell(100)
    await day.passes(120)
    day.shipstation.faults.set([FaultRule("lost_answer", times=1, path="/orders/createorders")])
    await day.start()
    await day.rest()
    assert {await day.cause(one) for one in orders} == {"in_shipstation"}
    await day.assert_clean()
