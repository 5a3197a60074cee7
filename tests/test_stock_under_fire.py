"""Stock under random people, lost webhooks, lost answers and crashes: nothing is offered that the warehouse does not have for
longer than two looks, no write overwrites what it did not see, and at rest both sides agree.

4 examples each; `pytest --hypothesis-profile=nightly tests/test_stock_under_fire.py` tries 80.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from syncd.operate.stock import push_stock
from syncd.sandbox.shipstation.records import Order as ShipStationOrder
from syncd.sandbox.shopify.faults import FaultRule
from syncd.sandbox.shopify.options import WebhookOptions
from syncd.sandbox.shopify.state import Order
from syncd.simulation.day import ACCOUNT, SHOP, Day, Fates
from syncd.simulation.desk import desk_of
from syncd.simulation.people import pick
from syncd.simulation.virtual_time import VirtualLoop
from tests.stories.test_stock import ALL_SKUS, PLACE, SCAN_S, SHELF, owned_by

COUNTED = 30
WINDOW_S = 2 * SCAN_S + 30.0
"""Two looks: a crash or lost answers may have cost one."""
LUCK = WebhookOptions(delay_s=(0.2, 8.0), doubled=0.3, lost=0.3, shuffled=True)
KINDS = ("lost_answer", "lost_request", "error_500_after", "error_500_before", "throttled", "internal_error_in_200")


@dataclass
class Watched:
    """`free`: what the warehouse had free in the last window, second by second; `edited_at`: when a person changed numbers."""

    day: Day
    free: deque[tuple[float, Counter[str]]] = field(default_factory=deque)
    edited_at: dict[str, float] = field(default_factory=dict)
    oversold: list[str] = field(default_factory=list)

    async def work(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(1.0)

    def look(self) -> None:
        now = self.day.clock.monotonic()
        self.free.append((now, free_units(self.day)))
        while self.free[0][0] < now - WINDOW_S:
            self.free.popleft()
        for sku, (_, available) in here(self.day).items():
            most = max(units[sku] for _, units in self.free)
            if available > max(most, 0) and now - self.edited_at.get(sku, -WINDOW_S) > WINDOW_S:
                self.oversold.append(f"{now:.0f}: {available} {sku} offered, at most {most} were free")


def here(day: Day) -> dict[str, tuple[int, int]]:
    """SKU -> on hand and available in Shopify."""
    levels = day.shopify.people.shop(None).stock.levels()
    return {one.variant.sku or "": (one.on_hand, one.available) for one in levels if one.location_id == PLACE}


def there(day: Day) -> dict[str, tuple[int, int]]:
    """The same in ShipStation."""
    levels = day.shipstation.stock.levels()
    return {one.sku: (one.on_hand, one.available) for one in levels if one.location.location_id == SHELF}


def free_units(day: Day) -> Counter[str]:
    """All that ever came to the shelf, less all that was sold and not taken back."""
    free: Counter[str] = Counter()
    for movement in day.shipstation.stock.ledger:
        if movement.kind not in ("shipped", "voided"):
            free[movement.sku] += movement.delta
    for order in day.sold().values():
        for line in order.lines if order.cancelled_at is None else ():
            free[line.sku or ""] -= line.current_quantity
    return free


def sell(watched: Watched, number: int) -> None:
    watched.day.sell(1 + number % 4, lines=1 + number % 2, quantity=1 + number % 5)


def ship(watched: Watched, number: int) -> None:
    """People ship what they look at: nothing that was cancelled a moment ago."""
    order = pick([one for one in _open(watched.day) if _sold(watched.day, one).cancelled_at is None], number)
    watched.day.shipstation.labels.buy_label(order.order_id)


def ship_all(watched: Watched, number: int) -> None:
    for order in [one for one in _open(watched.day) if _sold(watched.day, one).cancelled_at is None]:
        watched.day.shipstation.labels.buy_label(order.order_id)


def void(watched: Watched, number: int) -> None:
    live = [one for one in watched.day.shipstation.account.shipments.values() if one.voided_at is None]
    watched.day.shipstation.labels.void_label(pick(live, number).shipment_id)


def cancel(watched: Watched, number: int) -> None:
    """Before anything left."""
    live = [one for one in watched.day.shipstation.account.shipments.values() if one.voided_at is None]
    gone = {int((item.line_item_key or "0").partition(":")[0]) for one in live for item in one.items}
    order: Order = pick([one for one in watched.day.sold().values() if one.id not in gone], number)
    watched.day.shopify.people.cancel(order.id)


def give_back(watched: Watched, number: int) -> None:
    """Goods come back: Shopify restocks them, and the warehouse puts them on the shelf."""
    order: Order = pick([one for one in watched.day.sold().values() if one.fulfillments], number)
    line = pick(order.lines, number // 3)
    watched.day.shopify.people.refund(order.id, lines={line.id: 1}, restock_type="RETURN")
    watched.day.shipstation.stock.change("increment", SHELF, line.sku or "", 1, "came back")
    watched.edited_at[line.sku or ""] = watched.day.clock.monotonic()


def receive(watched: Watched, number: int) -> None:
    watched.day.shipstation.stock.change("increment", SHELF, ALL_SKUS[number % 10], 1 + number % 7, "received")


def lose(watched: Watched, number: int) -> None:
    sku = ALL_SKUS[number % 10]
    there_now = there(watched.day)[sku][1]
    watched.day.shipstation.stock.change("decrement", SHELF, sku, min(max(there_now, 0), 1 + number % 40), "broken")


def type_over(watched: Watched, number: int) -> None:
    """Somebody corrects a number in Shopify's admin by hand."""
    sku = ALL_SKUS[number % 10]
    watched.day.shopify.people.count(sku, here(watched.day)[sku][0] + number % 9, PLACE)
    watched.edited_at[sku] = watched.day.clock.monotonic()


def spoil(watched: Watched, number: int) -> None:
    rule = FaultRule(KINDS[number % len(KINDS)], operation=("SetLevels", "LevelsAt")[number // 7 % 2], times=1)  # type: ignore[arg-type]
    watched.day.shopify.faults.set([rule])


async def crash(watched: Watched, number: int) -> None:
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


Deed = Callable[[Watched, int], Awaitable[None] | None]
DEEDS: dict[str, Deed] = {
    deed.__name__: deed
    for deed in (sell, ship, ship_all, void, cancel, give_back, receive, lose, type_over, spoil, crash)
}
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


async def lived(owner: str, quantity: str, seed: int, script: list[tuple[str, int, int]]) -> None:
    luck = replace(ACCOUNT, webhook_drop=0.3, webhook_double=0.3, webhook_shuffle=True)
    day = Day(Fates(replace(SHOP, webhooks=LUCK), luck, quick(owner, quantity), seed))
    try:
        await day.start()
        for sku in ALL_SKUS:
            day.shopify.people.count(sku, COUNTED, PLACE)
            day.shipstation.stock.count(sku, SHELF, COUNTED)
        await push_stock(await desk_of(day), [])
        watched = Watched(day)
        watched.look()
        watching = asyncio.create_task(watched.work())
        for name, number, wait_s in script:
            await done(watched, name, number)
            await day.passes(wait_s)
        day.shopify.faults.set([])
        await day.rest()
        await day.passes(3 * SCAN_S)
        await day.rest(quiet_s=2 * SCAN_S)
        watching.cancel()
        if owner == "shipstation":
            assert watched.oversold == []
        assert here(day) == there(day)
        writes = day.shopify.people.shop(None).stock.writes
        assert [one for one in writes if one.compared != one.before] == []
        assert (await day.account()).refused_429 == 0
    finally:
        await day.end()


def quick(owner: str, quantity: str) -> Any:
    known = owned_by(owner, quantity=quantity)
    return known.model_copy(update={"sync": known.sync.model_copy(update={"void_grace_s": 60.0})})


async def done(watched: Watched, name: str, number: int) -> None:
    """What the vendors refuse does not happen."""
    try:
        outcome = DEEDS[name](watched, number)
    except (ValueError, LookupError):
        return
    if inspect.isawaitable(outcome):
        await outcome
