"""One seed lived through: trouble, then quiet, then the verdict, then a restart that must find nothing to do."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

import structlog

from mappings.causes import Cause
from syncd.accounts import LATELY_S
from syncd.errors import SyncError
from syncd.intake.shipstation_sweep import QUIET as FRESH
from syncd.operate.brakes import read_brake, release_stopped
from syncd.operate.subscriptions import EVERY_S
from syncd.operate.sweeping import sweep_by_hand
from syncd.sandbox.account import Account
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of
from syncd.simulation.focus import Focus
from syncd.simulation.ledger import judge_ledger, judge_subscriptions
from syncd.simulation.luck import History, Luck
from syncd.simulation.sidelines.drawn import sidelines_of
from syncd.simulation.trouble import Trouble
from syncd.simulation.unlucky import UnluckyDb, UnluckyVendors
from syncd.simulation.verdict import is_told_to_a_person, judge_at_rest
from syncd.simulation.virtual_time import VirtualLoop
from syncd.simulation.watch import Watch
from syncd.simulation.weather import Weather, drawn_weather
from syncd.store.schema import Row

TROUBLE_S = 600.0
"""Of trouble after the last sale."""
LONGEST_REST_S = 3 * 3600.0
QUIET_S = 100.0
SHORT_S = 8.0
AMNESIA_H = 72
TRIED_FOR_LONG = "SELECT 1 FROM marks WHERE flow = 'orders' AND marked > settled AND marked > parked AND attempts >= {}"


@dataclass
class Outcome:
    """What became of one seed. `problems` is empty when all is well."""

    seed: int
    orders: int
    problems: list[str] = field(default_factory=list)
    digest: str = ""
    faults: Counter[str] = field(default_factory=Counter)
    sites: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    virtual_s: float = 0.0
    calls: int = 0
    webhooks: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    converge_s: float = 0.0
    """From the end of the trouble until nothing was left to do."""
    weather: Mapping[str, Any] = field(default_factory=dict)
    history: list[str] | None = None


def run_seed(seed: int, orders: int = 50, is_kept: bool = False, deeds: int = 1) -> Outcome:
    """Bit for bit the same for the same arguments. `is_kept`: with its whole history."""
    with bugs_told() as bugs, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcome = runner.run(_lived(drawn_weather(seed, orders, deeds), is_kept))
    outcome.problems += [f"bug: {bug}" for bug in dict.fromkeys(bugs)]
    return outcome


@contextmanager
def bugs_told() -> Iterator[list[str]]:
    """Nothing is logged; what the daemon itself calls its mistake is kept."""
    bugs: list[str] = []

    def keep(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("exc_info"):
            bugs.append(structlog.processors.format_exc_info(_logger, _method, dict(event))["exception"])
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[keep],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        cache_logger_on_first_use=False,
    )
    try:
        yield bugs
    finally:
        structlog.configure(**before)


async def _lived(weather: Weather, is_kept: bool) -> Outcome:
    history, luck = History(is_kept), Luck(weather.seed, weather.rates, weather.lasting)
    day = Day(weather.fates)
    if weather.is_busy:
        day.focus = Focus(Random(f"{weather.seed} focus"))
    watch = Watch(day)
    watch.sidelines = sidelines_of(day, weather.sidelines)
    trouble = Trouble(day, weather, luck, watch, history)
    day.network.vendors = UnluckyVendors(day, luck, history, watch, trouble.touch)
    day.db = UnluckyDb(day.engine, luck, day.clock.monotonic)
    outcome = Outcome(weather.seed, weather.orders)

    def acked(delivery: Any) -> None:
        watch.acked(delivery)
        trouble.keep_past(delivery)

    day.courier.acked = acked
    seed = _Seed(weather, day, luck, watch, trouble, outcome)
    try:
        await seed.live()
    except AssertionError as error:
        outcome.problems.append(f"stuck: {error}")
    except Exception:  # of the simulation itself: the other seeds are to be lived all the same
        outcome.problems.append(f"bug: {traceback.format_exc()}")
    finally:
        outcome.problems = [*watch.seen(), *outcome.problems]
        history.add(day.clock.monotonic(), "end", *outcome.problems, sorted(outcome.causes.items()))
        outcome.digest, outcome.history = history.digest, history.lines
        outcome.faults, outcome.kills = luck.fired, trouble.kills
        outcome.sites = Counter({f"{site} {kind}": count for (site, kind), count in luck.sites.items()})
        outcome.virtual_s = day.clock.monotonic()
        outcome.weather = _in_words(weather)
        died = [f"task {name}: {error!r}" for name, error in day.died]
        outcome.problems += died
        day.died.clear()
        await day.end()
    return outcome


@dataclass
class _Seed:
    weather: Weather
    day: Day
    luck: Luck
    watch: Watch
    trouble: Trouble
    outcome: Outcome
    bought: list[int] = field(default_factory=list)
    """What customers bought after the trouble."""

    async def live(self) -> None:
        old_store = await self._troubled()
        healed_at = self.day.clock.monotonic()
        await self._quiet()
        self.outcome.converge_s = self.day.clock.monotonic() - healed_at
        for sideline in self.watch.sidelines:
            await sideline.settle()
            self.outcome.problems += await sideline.judge()
        self._count(*await judge_at_rest(self.day, self.watch))
        self.outcome.problems += judge_ledger(self.day, self.watch, self._restarts())
        await self._restarted()
        if self.weather.amnesia:
            await self._forgetful(old_store if self.weather.amnesia == "rolled_back" else None)

    async def _troubled(self) -> bytes | None:
        """The database as it was half-way."""
        if self.weather.alone == "webhooks":
            self.luck.is_calm = True
            await self.trouble.start(self.day.first)
            await self.day.until(self.day.is_subscribed)
            self.luck.is_calm = False
        for sideline in self.watch.sidelines:
            sideline.begin()
        self.trouble.begin()
        people = self.day.shopify.people
        people.sell(count=self.weather.orders, mix=dict(self.weather.mix), over_s=self.weather.span_s)
        await self.day.passes(self.weather.span_s / 2)
        old_store = copied(self.day) if self.weather.amnesia == "rolled_back" else None
        await self.day.passes(self.weather.span_s / 2 + TROUBLE_S)
        await self.trouble.heal()
        return old_store

    async def _quiet(self) -> None:
        """The feeds find what the webhooks lost, the sweep what the feeds cannot know. Webhooks alone come again for hours."""
        if self.weather.alone == "webhooks":
            await self.day.until(lambda: not self._webhooks_waiting(), LONGEST_REST_S * 2)
        # What is new looks old where the shop's clock is behind, and what looks old is looked at seldom (seed 240135).
        await self.day.passes(max(0.0, -self.weather.fates.vendors_ahead_s))
        async with self._shopping():
            await self.day.rest(LONGEST_REST_S, quiet_s=QUIET_S + self.weather.fates.shop.index_lag_s)
        await self._released()
        if self.weather.alone is None:
            await self.day.passes(FRESH.total_seconds())  # a sweep leaves alone what changed a moment ago
            await self._swept()
        self.watch.judge_orders()
        self.watch.judge_fulfillments()

    async def _released(self) -> None:
        """A person who is asked whether so many cancellations are right says yes."""
        desk = await desk_of(self.day)
        if (await read_brake(desk))["pulled_at"]:
            await release_stopped(desk)
            await self.day.rest(LONGEST_REST_S, quiet_s=QUIET_S)

    async def _restarted(self) -> None:
        """Fixpoint: whoever starts anew and looks at everything finds nothing to do."""
        writes, self.watch.tried_again = self.watch.writes, await self._refused()
        for replica in self.day.replicas:
            await replica.stop()
            await self.trouble.start(replica)
        await self._swept()
        if self.watch.writes > writes:
            self.outcome.problems.append(f"no fixpoint: {self.watch.writes - writes} writes after a restart")
        if any(judge_subscriptions(self.day)):
            await self.day.passes(2 * EVERY_S)  # what is missing now must be back after the next look
        self.outcome.problems += judge_subscriptions(self.day)

    def _restarts(self) -> int:
        """Whether a death came at an order's call nobody knows."""
        return sum(self.luck.fired[kind] for kind in ("kill", "kill_boot", "term"))

    async def _forgetful(self, old_store: bytes | None) -> None:
        """The database is lost, or as it was long ago: nothing may be sent a second time. What was refused is tried again, and what
        waits for a person is looked at with other eyes: of it a package that was never told may be told."""
        made, refused = set(self.watch.made), await self._refused()
        parked = {ref for ref, one in (await self.day.told()).items() if is_told_to_a_person(one)}
        shop = self.day.shopify.people.shop(None)
        told = set(shop.fulfillments)
        for replica in self.day.replicas:
            await replica.stop()
        await self.day.passes(AMNESIA_H * 3600.0)
        with self.watch.laws.lifted():
            restore(self.day, old_store)
        for replica in self.day.replicas:
            await self.trouble.start(replica)
        async with self._shopping():
            await self.day.rest(LONGEST_REST_S, quiet_s=QUIET_S)
        await self._swept()
        self.watch.judge_orders()
        self.watch.judge_fulfillments()
        made |= {one["orderId"] for order_id in (*self.bought, *refused) for one in self.day.there(order_id)}
        if more := self.watch.made - made:
            self.outcome.problems.append(f"amnesia: {len(more)} new ShipStation orders")
        if late := [
            one.name for ref, one in shop.fulfillments.items() if ref not in told and one.order.id not in parked
        ]:
            self.outcome.problems.append(f"amnesia: {len(late)} new fulfillments, such as {late[0]}")

    async def _refused(self) -> set[int]:
        """What ShipStation did not take, as the daemon tells it."""
        told = await self.day.told()
        return {ref for ref, one in told.items() if one["cause"] == Cause.REJECTED_BY_SHIPSTATION}

    @asynccontextmanager
    async def _shopping(self) -> AsyncIterator[None]:
        """Whom ShipStation cannot take is tried for as long as nobody else's order shows that it takes others: customers go on.
        They do not otherwise: where the shop's clock is ahead, an order is news for as long (seed 310030)."""
        shopping = asyncio.create_task(self._shop())
        try:
            yield
        finally:
            shopping.cancel()

    async def _shop(self) -> None:
        while self.luck.fired["batch_poison"]:
            if self.day.rows(TRIED_FOR_LONG.format(self.day.settings.limits.attempts)):
                self.bought += self.day.sell()
            await self.day.passes(LATELY_S / 2)

    def _webhooks_waiting(self) -> int:
        shops = self.day.shopify.shops.values()
        return sum(shop.outbox.waiting for shop in shops) + (self.day.shipstation.next_due() is not None)

    async def _swept(self) -> None:
        """By hand, as often as the daemon is just about it itself."""
        while True:
            try:
                await sweep_by_hand(await desk_of(self.day))
                break
            except SyncError:
                await self.day.passes(5.0)
        await self.day.rest(LONGEST_REST_S, quiet_s=SHORT_S)

    def _count(self, account: Account, problems: list[str]) -> None:
        outcome = self.outcome
        outcome.problems += problems
        outcome.states, outcome.causes, outcome.calls = account.states, account.causes, account.calls
        self.watch.judge_calls()
        shop = self.day.shopify.state()["shops"].popitem()[1]
        counters = shop["counters"]["webhooks"]
        ship = self.day.shipstation.webhooks
        outcome.webhooks = Counter(offered=self.day.courier.offered, acked=counters["delivered"] + ship.delivered)
        if account.orders != (sold := self.weather.orders + len(self.bought)):
            outcome.problems.append(f"{account.orders} orders instead of {sold}")
        for kind, count in (
            ("wh_lost", counters["lost"] + ship.dropped),
            ("wh_dup", counters["doubled"]),
            ("wh_delay", counters["sent"]),
            ("wh_reorder", counters["sent"]),
        ):
            if kind in self.weather.rates and count:
                self.luck.note("webhooks", kind, count)


def copied(day: Day) -> bytes:
    """The database as it is."""
    with day.engine.connect() as connection:
        return _driver(connection).serialize()


def restore(day: Day, old_store: bytes | None) -> None:
    """The database is as it was then; without a copy it is empty."""
    with day.engine.connect() as connection:
        if old_store is not None:
            _driver(connection).deserialize(old_store)
            return
    for table in Row.metadata.sorted_tables:
        day.execute(f"DELETE FROM {table.name}")


def _driver(connection: Any) -> sqlite3.Connection:
    found: sqlite3.Connection = connection.connection.driver_connection
    return found


def _in_words(weather: Weather) -> dict[str, Any]:
    words = asdict(weather)
    words["sidelines"] = dict(weather.sidelines)
    words["replicas"] = weather.fates.replicas
    words["begin_at"] = weather.fates.begin_at.isoformat()
    words.pop("fates")
    return words
