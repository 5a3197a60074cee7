"""Stock under random people, lost webhooks, lost answers and crashes: nothing is offered that the warehouse does not have for
longer than two looks, no write overwrites what it did not see, and at rest both sides agree.

2 examples each; `pytest --hypothesis-profile=nightly tests/test_stock_under_fire.py` tries 80.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mappings.stock import Owner
from syncd.operate.stock import push_stock
from syncd.sandbox.shipstation.records import Order as ShipStationOrder
from syncd.sandbox.shopify.faults import FaultRule
from syncd.sandbox.shopify.options import WebhookOptions
from syncd.sandbox.shopify.state import Order
from syncd.simulation.day import ACCOUNT, SHOP, Day, Fates
from syncd.simulation.desk import desk_of
from syncd.simulation.people import pick
from syncd.simulation.sidelines.shelves import SCAN_S, SKUS, Shelves, here, lay_out, there
from syncd.simulation.virtual_time import VirtualLoop
from tests.stories.counting import owned_by

COUNTED = 30
WINDOW_S = 2 * SCAN_S + 30.0
"""Two looks: a crash or lost answers may have cost one."""
LUCK = WebhookOptions(delay_s=(0.2, 8.0), doubled=0.3, lost=0.3, shuffled=True)
KINDS = ("lost_answer", "lost_request", "error_500_after", "error_500_before", "throttled", "internal_error_in_200")


def sell(watched: Shelves, number: int) -> None:
    watched.day.sell(1 + number % 4, lines=1 + number % 2, quantity=1 + number % 5)


def ship(watched: Shelves, number: int) -> None:
    """People ship what they look at: nothing that was cancelled a moment ago."""
    order = pick([one for one in _open(watched.day) if _sold(watched.day, one).cancelled_at is None], number)
    watched.day.shipstation.labels.buy_label(order.order_id)


def ship_all(watched: Shelves, number: int) -> None:
    for order in [one for one in _open(watched.day) if _sold(watched.day, one).cancelled_at is None]:
        watched.day.shipstation.labels.buy_label(order.order_id)


def void(watched: Shelves, number: int) -> None:
    live = [one for one in watched.day.shipstation.account.shipments.values() if one.voided_at is None]
    watched.day.shipstation.labels.void_label(pick(live, number).shipment_id)


def cancel(watched: Shelves, number: int) -> None:
    """Before anything left."""
    live = [one for one in watched.day.shipstation.account.shipments.values() if one.voided_at is None]
    gone = {int((item.line_item_key or "0").partition(":")[0]) for one in live for item in one.items}
    order: Order = pick([one for one in watched.day.sold().values() if one.id not in gone], number)
    watched.day.shopify.people.cancel(order.id)


def spoil(watched: Shelves, number: int) -> None:
    rule = FaultRule(KINDS[number % len(KINDS)], operation=("SetLevels", "LevelsAt")[number // 7 % 2], times=1)  # type: ignore[arg-type]
    watched.day.shopify.faults.set([rule])


async def crash(watched: Shelves, number: int) -> None:
    """At some call, soon or in the middle of a look."""
    day = watched.day
    day.kill()
    await day.start(dies_after=5 + number)
    await day.passes(20.0 + number % 30)
    day.kill()
    await day.start()


def _there(day: Day) -> list[ShipStationOrder]:
    return [one for one in day.shipstation.account.orders.values() if one.gone is None]


def _open(day: Day) -> list[ShipStationOrder]:
    return [one for one in _there(day) if one.status == "awaiting_shipment"]


def _sold(day: Day, order: ShipStationOrder) -> Order:
    return day.sold()[int((order.key or "").split("-")[1])]


Deed = Callable[[Shelves, int], Awaitable[None] | None]
DEEDS: dict[str, Deed] = {
    deed.__name__: deed
    for deed in (
        sell, ship, ship_all, void, cancel, spoil, crash,
        Shelves.give_back, Shelves.receive, Shelves.lose, Shelves.type_over,
    )
}  # fmt: skip
deeds = st.tuples(st.sampled_from(sorted(DEEDS)), st.integers(0, 400), st.integers(0, 40))
"""What, to whom, and how many seconds later the next one follows."""
few = settings(
    max_examples=settings().max_examples // 25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each try takes seconds: shrinking would take minutes
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("quantity", ["on_hand", "available"])
@given(seed=st.integers(1, 40), script=st.lists(deeds, min_size=3, max_size=10))
@few
def test_what_the_warehouse_counts_is_what_is_offered(
    quantity: str, seed: int, script: list[tuple[str, int, int]]
) -> None:
    run(lived("shipstation", quantity, seed, script))


RECOUNTS = {"type_over", "sell", "ship", "ship_all", "void", "cancel", "spoil", "crash"}


@given(seed=st.integers(1, 40), script=st.lists(deeds.filter(lambda one: one[0] in RECOUNTS), min_size=3, max_size=10))
@few
def test_what_shopify_counts_is_what_lies_in_shipstation(seed: int, script: list[tuple[str, int, int]]) -> None:
    run(lived("shopify", "on_hand", seed, script))


def run(life: Any) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(life)


async def lived(owner: Owner, quantity: str, seed: int, script: list[tuple[str, int, int]]) -> None:
    luck = replace(ACCOUNT, webhook_drop=0.3, webhook_double=0.3, webhook_shuffle=True)
    day = Day(Fates(replace(SHOP, webhooks=LUCK), luck, quick(owner, quantity), seed))
    try:
        await day.start()
        lay_out(day, COUNTED)
        await push_stock(await desk_of(day), [])
        watched = Shelves(day, owner, WINDOW_S)
        watched.look()
        watching = asyncio.create_task(_looked_on(watched))
        for name, number, wait_s in script:
            await done(watched, name, number)
            await day.passes(wait_s)
        day.shopify.faults.set([])
        await day.rest()
        await day.passes(3 * SCAN_S)
        await day.rest(quiet_s=2 * SCAN_S)
        watching.cancel()
        assert watched.broken() == []
        assert here(day) == there(day)
        assert (await day.account()).refused_429 == 0
    finally:
        await day.end()


async def _looked_on(watched: Shelves) -> None:
    """All the time: here nobody is down for longer than the window."""
    while True:
        watched.look()
        watched.judge_offers(SKUS)
        await asyncio.sleep(1.0)


def quick(owner: str, quantity: str) -> Any:
    known = owned_by(owner, quantity=quantity)
    return known.model_copy(update={"sync": known.sync.model_copy(update={"void_grace_s": 60.0})})


async def done(watched: Shelves, name: str, number: int) -> None:
    """What the vendors refuse does not happen."""
    try:
        outcome = DEEDS[name](watched, number)
    except (ValueError, LookupError):
        return
    if inspect.isawaitable(outcome):
        await outcome
