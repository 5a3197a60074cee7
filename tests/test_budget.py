"""The budgets: no window is ever overspent, a backlog spends it all, and a cancellation never waits behind a sweep."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from syncd.budget import CostBudget, Urgency, WindowBudget, ceiling
from syncd.ports import Response
from syncd.sandbox.shipstation.limits import RateLimit
from syncd.sandbox.shipstation.options import ShipStationOptions
from syncd.simulation.ports import SeededRng
from syncd.store.budgets import current_ledger
from syncd.store.sqlite import SqliteDb, sqlite_engine
from tests.simulated import InlineDb, SimulatedClock


@pytest.fixture
def db() -> Iterator[InlineDb]:
    opened = InlineDb()
    yield opened
    opened.close()


class Vendor:
    """The sandbox's account as seen through a slow network."""

    def __init__(self, clock: SimulatedClock, options: ShipStationOptions, latency_s: float) -> None:
        self.clock = clock
        self.limit = RateLimit()
        self.options = options
        self.latency_s = latency_s
        self.intended_s = 0.0
        """How long a call waits with us at most, after it was granted."""
        self.jitter = SeededRng()
        self.refused = 0
        self.calls: list[tuple[Urgency, datetime]] = []
        self.told: Callable[[dict[str, str]], dict[str, str]] = lambda headers: headers
        """What becomes of its headers on their way to us."""

    async def call(self, budget: WindowBudget, urgency: Urgency = Urgency.ORDERS) -> None:
        call = await budget.grant(urgency)
        await self.clock.sleep(self.intended_s * self.jitter.random())
        refused = self.refused
        await budget.carry(call, self._answer(urgency))
        if self.refused > refused:
            await budget.throttled(60)

    async def _answer(self, urgency: Urgency) -> Response:
        await self.clock.sleep(0.05 + 0.2 * self.jitter.random())
        answer = self.limit.take("key", self.clock.now(), self.options)
        self.calls.append((urgency, self.clock.now()))
        self.refused += not answer.is_allowed
        await self.clock.sleep(self.latency_s * (0.8 + 0.4 * self.jitter.random()))
        return Response(200 if answer.is_allowed else 429, self.told(answer.headers), b"")


async def _drain(vendor: Vendor, budgets: list[WindowBudget], calls: int, in_flight: int) -> float:
    """Seconds to make so many calls."""
    left = iter(range(calls))

    async def worker(budget: WindowBudget) -> None:
        for _ in left:
            await vendor.call(budget)

    begun = vendor.clock.monotonic()
    await vendor.clock.run(*(worker(budgets[number % len(budgets)]) for number in range(in_flight)))
    return vendor.clock.monotonic() - begun


@pytest.mark.parametrize("style", ["first_request", "aligned"])
@pytest.mark.parametrize("rounded", ["up", "down"])
@pytest.mark.parametrize(("latency_s", "intended_s"), [(0.3, 0), (3, 0), (10, 0), (0.3, 3)])
async def test_a_backlog_spends_every_window_and_overspends_none(
    db: InlineDb, style: str, rounded: str, latency_s: float, intended_s: float
) -> None:
    clock = SimulatedClock()
    options = ShipStationOptions(window_style=style, reset_rounded=rounded)  # type: ignore[arg-type]
    vendor = Vendor(clock, options, latency_s)
    vendor.intended_s = intended_s
    budget = WindowBudget(db, clock, "shipstation", 40, 60)
    took_s = await _drain(vendor, [budget], calls=250, in_flight=20)
    assert vendor.refused == 0
    assert vendor.limit.most_calls <= 40
    # six windows open after the first one, each at most as late as a call may be on its way and the vendor may have rounded
    assert took_s <= 6 * (60 + 1.2 + 0.25 + intended_s) + 2.4 * latency_s


HEADERS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "absent": lambda headers: {},
    "always_a_minute": lambda headers: {**headers, "x-rate-limit-reset": "60"},
    "always_over": lambda headers: {**headers, "x-rate-limit-reset": "0"},
    "plenty": lambda headers: {**headers, "x-rate-limit-remaining": "39"},
}


@pytest.mark.parametrize("style", ["first_request", "aligned"])
@pytest.mark.parametrize("lies", sorted(HEADERS))
async def test_headers_that_are_missing_or_contradict_each_other_cost_time_and_never_a_refusal(
    db: InlineDb, style: str, lies: str
) -> None:
    clock = SimulatedClock()
    vendor = Vendor(clock, ShipStationOptions(window_style=style), 3)  # type: ignore[arg-type]
    vendor.told = HEADERS[lies]
    took_s = await _drain(vendor, [WindowBudget(db, clock, "shipstation", 40, 60)], calls=100, in_flight=20)
    assert vendor.refused == 0
    assert took_s <= 5 * 60


async def test_a_call_without_an_answer_counts_until_its_window_must_be_over(db: InlineDb) -> None:
    clock = SimulatedClock()
    budget = WindowBudget(db, clock, "shipstation", 1, 60)
    (call,) = await clock.run(budget.grant(Urgency.ORDERS))
    await clock.run(clock.sleep(20))
    await budget.lost(call)
    await clock.run(budget.grant(Urgency.ORDERS))
    assert clock.monotonic() == pytest.approx(80)


async def test_a_call_that_was_never_made_is_given_back(db: InlineDb) -> None:
    clock = SimulatedClock()
    budget = WindowBudget(db, clock, "shipstation", 1, 60)
    (call,) = await clock.run(budget.grant(Urgency.ORDERS))
    await budget.unsent(call)
    await clock.run(budget.grant(Urgency.ORDERS))
    assert clock.monotonic() == 0


async def test_what_a_dead_process_had_under_way_counts_as_long_as_it_can_arrive(db: InlineDb) -> None:
    clock = SimulatedClock()
    await clock.run(WindowBudget(db, clock, "shipstation", 1, 60, longest_call_s=30).grant(Urgency.ORDERS))
    await clock.run(WindowBudget(db, clock, "shipstation", 1, 60, longest_call_s=30).grant(Urgency.ORDERS))
    assert clock.monotonic() == pytest.approx(90)


class AdjustedClock:
    """Somebody sets its time of day, and sets it right again."""

    def __init__(self, clock: SimulatedClock, ahead_s: float) -> None:
        self.monotonic, self.sleep = clock.monotonic, clock.sleep
        self._clock = clock
        self._ahead_s = ahead_s

    def now(self) -> datetime:
        is_set = 70 < self.monotonic() < 200
        return self._clock.now() + timedelta(seconds=self._ahead_s * is_set)


@pytest.mark.parametrize("ahead_s", [-3000, -83, -10, 10, 83, 3000])
async def test_a_clock_that_is_set_overspends_no_window(db: InlineDb, ahead_s: float) -> None:
    clock = SimulatedClock()
    vendor = Vendor(clock, ShipStationOptions(), 1)
    budget = WindowBudget(db, AdjustedClock(clock, ahead_s), "shipstation", 40, 60)
    await _drain(vendor, [budget], calls=280, in_flight=12)
    assert vendor.limit.most_calls <= 40


async def test_replicas_share_one_window(db: InlineDb) -> None:
    clock = SimulatedClock()
    vendor = Vendor(clock, ShipStationOptions(), 1)
    budgets = [WindowBudget(db, clock, "shipstation", 40, 60) for _ in range(3)]
    took_s = await _drain(vendor, budgets, calls=144, in_flight=12)
    assert vendor.refused == 0
    assert 36 <= vendor.limit.most_calls <= 40
    assert took_s <= 3 * 60 * 1.05 + 4


async def test_a_cancellation_goes_out_while_orders_and_sweeps_wait(db: InlineDb) -> None:
    clock = SimulatedClock()
    vendor = Vendor(clock, ShipStationOptions(), 0)
    budget = WindowBudget(db, clock, "shipstation", 40, 60)

    async def cancel() -> float:
        await clock.sleep(5)
        await vendor.call(budget, Urgency.CANCEL)
        return clock.monotonic()

    orders = [vendor.call(budget, Urgency.ORDERS) for _ in range(60)]
    sweeps = [vendor.call(budget, Urgency.SWEEP) for _ in range(5)]
    results = await clock.run(*orders, *sweeps, cancel())
    assert results[-1] is not None
    assert results[-1] < 6
    # and nobody less urgent overtook
    assert [urgency for urgency, _ in sorted(vendor.calls, key=lambda call: call[1])][-5:] == [Urgency.SWEEP] * 5
    assert vendor.refused == 0


async def test_calls_of_somebody_else_are_counted(db: InlineDb) -> None:
    clock = SimulatedClock()
    options = ShipStationOptions()
    vendor = Vendor(clock, options, 0.1)
    budget = WindowBudget(db, clock, "shipstation", 40, 60)
    vendor.limit.spend("key", 30, clock.now(), options)
    await clock.run(vendor.call(budget, Urgency.CANCEL))
    assert budget.usage(clock.now()).used == 31
    took_s = await _drain(vendor, [budget], calls=12, in_flight=1)
    assert vendor.refused == 0
    assert took_s > 55


async def test_a_refusal_stops_everybody_until_the_window_ends(db: InlineDb) -> None:
    clock = SimulatedClock()
    budget = WindowBudget(db, clock, "shipstation", 40, 60)
    await budget.throttled(17)
    assert budget.usage(clock.now()).blocked_until is not None
    await clock.run(budget.grant(Urgency.CANCEL))
    assert clock.monotonic() == pytest.approx(17)
    assert budget.usage(clock.now()).blocked_until is None


class BusyDb(SqliteDb):
    """Busy with something else until `free`."""

    def __init__(self, url: str) -> None:
        super().__init__(sqlite_engine(url))
        self.free = threading.Event()

    async def held_up(self) -> None:
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def hold_up(_: Session) -> None:
            loop.call_soon_threadsafe(begun.set)
            self.free.wait(10)

        self.holding = asyncio.create_task(self.run(hold_up))
        await begun.wait()


async def test_no_call_overtakes_the_refusal_in_a_busy_database(sqlite_url: str) -> None:
    busy, clock = BusyDb(sqlite_url), SimulatedClock()
    budget = WindowBudget(busy, clock, "shipstation", 40, 60)
    await busy.held_up()
    refused = asyncio.create_task(budget.throttled(17))
    await asyncio.sleep(0)
    asked = asyncio.create_task(budget.grant_now(Urgency.CANCEL))
    await asyncio.sleep(0)
    busy.free.set()
    await asyncio.gather(busy.holding, refused)
    assert await asked is None
    await busy.close()


class SetClock(SimulatedClock):
    ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)


async def test_answers_that_come_together_after_a_leap_of_the_clock_move_a_refusal_once(sqlite_url: str) -> None:
    busy, clock = BusyDb(sqlite_url), SetClock()
    budget = WindowBudget(busy, clock, "shipstation", 40, 60)
    calls = [await budget.grant(Urgency.ORDERS) for _ in range(3)]
    await budget.throttled(17)
    clock.ahead_s = 3600.0
    await busy.held_up()
    answers = [asyncio.create_task(budget.lost(call)) for call in calls]
    await asyncio.sleep(0)
    busy.free.set()
    await asyncio.gather(busy.holding, *answers)
    ledger = await busy.run(current_ledger("shipstation", clock.now(), 120))
    assert ledger.blocked_until == clock.now() + timedelta(seconds=17)
    await busy.close()


async def test_the_vendors_lower_limit_is_obeyed(db: InlineDb) -> None:
    clock = SimulatedClock()
    vendor = Vendor(clock, ShipStationOptions(requests_per_window=10), 0)
    budget = WindowBudget(db, clock, "shipstation", 40, 60)
    await clock.run(vendor.call(budget))
    await _drain(vendor, [budget], calls=30, in_flight=5)
    assert vendor.refused == 0
    assert 9 <= vendor.limit.most_calls <= 10


async def test_company_is_waited_for_by_an_even_share_of_what_is_left_of_the_window(db: InlineDb) -> None:
    clock = SimulatedClock()
    vendor = Vendor(clock, ShipStationOptions(), 0)
    budget = WindowBudget(db, clock, "shipstation", 40, 60)
    await _drain(vendor, [budget], calls=28, in_flight=28)
    assert budget.fair_wait_s(clock.now()) == pytest.approx(6, abs=0.1)  # ten calls of 38 are left, for a minute
    await clock.run(clock.sleep(50))
    assert budget.fair_wait_s(clock.now()) == pytest.approx(1, abs=0.1)
    await clock.run(clock.sleep(20))
    assert budget.usage(clock.now()).used == 0
    assert budget.fair_wait_s(clock.now()) == pytest.approx(60 / 38)


async def test_who_gives_up_does_not_stop_the_queue(db: InlineDb) -> None:
    clock = SimulatedClock()
    budget = WindowBudget(db, clock, "shipstation", 1, 60)

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(budget.grant(Urgency.CANCEL), 0.01)

    await clock.run(budget.grant(Urgency.ORDERS))
    await impatient()
    await clock.run(budget.grant(Urgency.ORDERS), budget.grant(Urgency.SWEEP))
    assert clock.monotonic() == pytest.approx(240)
    assert budget.usage(clock.now()).waiting == 0


async def test_an_answer_about_a_window_that_is_over_teaches_nothing(db: InlineDb) -> None:
    clock = SimulatedClock()
    budget = WindowBudget(db, clock, "shipstation", 40, 60)
    (call,) = await clock.run(budget.grant(Urgency.ORDERS))
    await clock.run(clock.sleep(30))
    old = {"x-rate-limit-limit": "40", "x-rate-limit-remaining": "0", "x-rate-limit-reset": "20"}
    await budget.note(old, call)
    await clock.run(budget.grant(Urgency.SWEEP))
    assert clock.monotonic() == 30


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "9" * 5000, "\u0663"])
async def test_nonsense_in_headers_is_ignored(db: InlineDb, value: str) -> None:
    clock = SimulatedClock()
    budget = WindowBudget(db, clock, "shipstation", 40, 60)
    names = ("limit", "remaining", "reset")
    (call,) = await clock.run(budget.grant(Urgency.ORDERS))
    await budget.note({f"x-rate-limit-{name}": value for name in names}, call)
    assert budget.usage(clock.now()).limit == 40


def test_every_class_may_send_something_however_small_the_limit() -> None:
    assert [ceiling(urgency, 40) for urgency in Urgency] == [40, 39, 38, 28, 24, 20]
    assert [ceiling(urgency, 1) for urgency in Urgency] == [1] * len(Urgency)


def _level(available: float, size: float = 2000, rate: float = 100) -> dict[str, object]:
    status = {"maximumAvailable": Decimal(str(size)), "currentlyAvailable": available, "restoreRate": rate}
    return {"requestedQueryCost": 1, "throttleStatus": status}


async def test_a_query_waits_until_the_bucket_holds_its_cost_and_the_reserve() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock)
    await budget.spend(10)
    budget.note(10, _level(100))
    await clock.run(budget.spend(500))
    assert clock.monotonic() == pytest.approx(6)  # (500 + 200 - 100) / 100


async def _learns(budget: CostBudget, told: dict[str, Any]) -> None:
    """From a query that cost nothing."""
    await budget.spend(0, urgent=True)
    budget.note(0, told)


async def test_an_urgent_query_may_use_the_reserve() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock)
    await _learns(budget, _level(100))
    await clock.run(budget.spend(100, urgent=True))
    assert clock.monotonic() == 0


async def test_what_is_in_flight_is_not_spent_twice() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock)
    await _learns(budget, _level(1000, size=1000))
    await clock.run(budget.spend(600))
    assert budget.wait_s(600) == pytest.approx(2)
    budget.note(600, None)
    assert budget.wait_s(600) == 0


@given(st.lists(st.tuples(st.floats(0.1, 300), st.integers(0, 8)), max_size=40))
def test_once_all_is_answered_the_whole_bucket_can_be_had(queries: list[tuple[float, int]]) -> None:
    """Estimates are no round numbers: what is left of their sums must not be waited for."""

    async def asked_and_answered() -> None:
        clock, flying = SimulatedClock(), list[float]()
        budget = CostBudget(clock)
        for cost, place in queries:
            while sum(flying) + cost > 850:
                budget.note(flying.pop(place % len(flying)), None)
            await clock.run(budget.spend(cost))
            flying.append(cost)
        for cost in flying:
            budget.note(cost, None)
        assert budget.wait_s(1000) == 0

    asyncio.run(asked_and_answered())


async def test_a_query_dearer_than_the_bucket_waits_for_a_full_one() -> None:
    clock = SimulatedClock()
    budget = CostBudget(clock)
    await _learns(budget, _level(0, size=1000))
    await clock.run(budget.spend(5000))
    assert clock.monotonic() == pytest.approx(10)


async def test_a_wait_too_short_for_the_clock_ends() -> None:
    clock = SimulatedClock()
    await clock.run(clock.sleep(1e9))
    budget = CostBudget(clock)
    await _learns(budget, _level(100 - 1e-9, size=1000))
    await clock.run(budget.spend(100, urgent=True))
    assert clock.monotonic() < 1e9 + 1


NONSENSE = [(-(10**15), 50, 1000), (0, Decimal("0.0000001"), 1000), (10**400, 50, 1000), (0, 50, 0)]


@pytest.mark.parametrize(("level", "rate", "size"), NONSENSE, ids=["below zero", "too slow", "no float", "no bucket"])
async def test_nonsense_about_the_bucket_keeps_nobody_waiting(level: int, rate: int | Decimal, size: int) -> None:
    """Who waits sends nothing, so that no later answer could tell better."""
    budget = CostBudget(SimulatedClock())
    status = {"currentlyAvailable": level, "restoreRate": rate, "maximumAvailable": size}
    await _learns(budget, {"throttleStatus": status})
    assert budget.wait_s(1000) < 60
