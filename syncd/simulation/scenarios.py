"""Seven short days, small enough to go wrong at every single call in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from syncd.sandbox.shopify.goods import PHYSICAL
from syncd.simulation.day import Day
from syncd.simulation.sidelines.shelves import SHELF, agree, lay_out
from syncd.simulation.sidelines.shelves import here as lying_here
from syncd.simulation.sidelines.shelves import there as lying_there
from syncd.simulation.watch import Watch

PATIENCE_S = 3600.0
Scenario = Callable[[Day, Watch], Awaitable[None]]


async def push_one(day: Day, watch: Watch) -> None:
    (order,) = day.sell(1, lines=2)
    await _there(day, order)


async def push_three_with_poison(day: Day, watch: Watch) -> None:
    """ShipStation refuses the second one for good."""
    day.sell(1)
    (poisoned,) = day.sell(1, mix={"no_address": 1.0})
    day.sell(1)
    watch.befallen[poisoned].update(["refused"])
    await day.until(lambda: len(day.shipstation.account.orders) == 2, PATIENCE_S)


async def ship_in_two_packages(day: Day, watch: Watch) -> None:
    (order,) = day.sell(1, lines=1, quantity=2)
    await _there(day, order)
    (there,) = day.there(order)
    for _ in range(2):
        day.shipstation.labels.buy_label(there["orderId"], lines={there["items"][0]["lineItemKey"]: 1})
        await day.passes(2.0)
    watch.befallen[order].update(["label"])
    await day.until(lambda: len(day.fulfillments(order)) == 2, PATIENCE_S)


async def cancel_during_push(day: Day, watch: Watch) -> None:
    (order,) = day.sell(1)
    await day.until(lambda: day.calls("OrdersToShip"), PATIENCE_S)
    day.shopify.people.cancel(order)
    watch.befallen[order].update(["cancel"])
    await day.passes(60.0)


async def void_and_reprint(day: Day, watch: Watch) -> None:
    (order,) = day.sell(1)
    await _there(day, order)
    (there,) = day.there(order)
    label = day.shipstation.labels.buy_label(there["orderId"])
    await day.until(lambda: day.fulfillments(order), PATIENCE_S)
    day.shipstation.labels.void_label(label.shipment_id)
    await day.passes(20.0)
    again = day.shipstation.labels.buy_label(there["orderId"])
    watch.befallen[order].update({"label", "void"})
    await day.until(lambda: _number(day, order) == again.tracking_number, PATIENCE_S)


async def hold_release_and_move(day: Day, watch: Watch) -> None:
    (order,) = day.sell(1)
    await _there(day, order)
    day.shopify.people.hold(order)
    await day.passes(20.0)
    day.shopify.people.release(order)
    day.shopify.people.edit(order, address={"address1": "1 New Road"})
    watch.befallen[order].update({"hold", "release", "move_house"})
    await day.passes(60.0)


async def stock_a_shelf(day: Day, watch: Watch) -> None:
    """Goods are sold and sent while the warehouse counts two of them anew. A person released the store before."""
    lay_out(day, 30)
    agree(day)
    (order,) = day.sell(1, lines=1, quantity=2)
    await _there(day, order)
    day.shipstation.labels.buy_label(day.there(order)[0]["orderId"])
    watch.befallen[order].update(["label"])
    counted = {PHYSICAL[0].sku or "": 0, PHYSICAL[1].sku or "": 40}
    for sku, units in counted.items():
        day.shipstation.stock.count(sku, SHELF, units)
    await day.until(lambda: day.fulfillments(order) and lying_here(day) == lying_there(day), PATIENCE_S)


SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        push_one, push_three_with_poison, ship_in_two_packages, cancel_during_push, void_and_reprint, hold_release_and_move,
        stock_a_shelf,
    )
}  # fmt: skip


async def _there(day: Day, order_id: int) -> None:
    await day.until(lambda: day.there(order_id), PATIENCE_S)


def _number(day: Day, order_id: int) -> str | None:
    numbers = [row["number"] for one in day.fulfillments(order_id) for row in one["tracking"]]
    return numbers[0] if len(numbers) == 1 else None
