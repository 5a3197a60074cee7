"""What goes on around the daemon of a simulated day: people act, the machine dies, strangers knock, somebody else spends the budget."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import replace
from functools import partial
from random import Random

from syncd.errors import SyncError
from syncd.sandbox.worlds import Delivery
from syncd.simulation.day import SECRET, Day
from syncd.simulation.luck import History, Luck
from syncd.simulation.people import DEEDS
from syncd.simulation.replica import Replica
from syncd.simulation.sidelines.sideline import Deed
from syncd.simulation.watch import Watch
from syncd.simulation.weather import Weather

RESTART_S = (1.0, 8.0)
OUTAGE_S = (660.0, 1200.0)
OUTAGE_SHARE = 0.2
"""Of the kills of a day that has outages."""
BOOT_CALLS = 40
JUMPS_S = (1.0, 10.0, 90.0)
"""At most. The last is less than the quiet at the end lasts, so that nothing is still to come then."""
WEBHOOKS_TELL = frozenset({"pay", "cancel", "change_quantity", "move_house", "refund", "hold", "release", "move"})
"""Deeds that a vendor announces. Where nothing but webhooks is running, nobody could learn of others."""
FEEDS_TELL = WEBHOOKS_TELL | {"label", "label_one_unit", "void", "mark_shipped"}
PEOPLE = tuple(name for name in sorted(DEEDS) if name not in {"sell", "crash", "ship_all"})
WAREHOUSE = ("label", "label", "label", "label_one_unit")


class Trouble:
    """Every `work` goes on until `heal`, which ends them all."""

    def __init__(self, day: Day, weather: Weather, luck: Luck, watch: Watch, history: History) -> None:
        self.kills = 0
        self.past: list[Delivery] = []
        self._day = day
        self._weather = weather
        self._luck = luck
        self._watch = watch
        self._history = history
        self._rng = Random(f"{weather.seed} trouble")
        self._is_over = False
        self._learnable = {"webhooks": WEBHOOKS_TELL, "feeds": FEEDS_TELL}.get(weather.alone or "", frozenset(PEOPLE))
        self._barred = frozenset().union(*(one.bars for one in watch.sidelines))
        self._down_until: dict[Replica, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        works = [one.work() for one in self._watch.sidelines]
        works += [
            self._people(),
            self._warehouse(),
            self._foreign(),
            self._knocks(),
            self._unsubscribes(),
            self._beside(),
        ]
        for replica in self._day.replicas:
            works += [self._keeps(replica), self._kills(replica), self._jumps(replica)]
        self._tasks = [asyncio.create_task(work) for work in works]

    async def heal(self) -> None:
        """Nothing more goes wrong, every clock is right, and every replica is up."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        if tripped := [one for one in ended if isinstance(one, Exception)]:  # where nobody acts, a day proves nothing
            raise ExceptionGroup("people or bad luck ended before the day did", tripped)
        self._luck.heal()
        for replica in self._day.replicas:
            replica.jump(-replica.ahead_s)
            replica.life.spare()
            await self.start(replica)

    async def start(self, replica: Replica, dies_after: int | None = None) -> None:
        """Until it is up, or dead again. What cannot open its database is started anew, as a supervisor does."""
        while not replica.is_up:
            if not replica.life.is_over:
                replica.kill()
            try:
                await replica.start(self._day.db, dies_after)
            except SyncError:
                replica.kill()
                await asyncio.sleep(self._rng.uniform(*RESTART_S))
                continue
            if not replica.is_up:
                return

    # the machines

    async def _keeps(self, replica: Replica) -> None:
        while True:
            if not replica.is_up and self._down_until.get(replica, 0.0) < self._day.clock.monotonic():
                dies_after = None
                if self._luck.draw("boot", ("kill_boot",)):
                    self._luck.note("boot", "kill_boot")
                    dies_after = self._rng.randrange(1, BOOT_CALLS)
                await self.start(replica, dies_after)
            await asyncio.sleep(self._rng.uniform(*RESTART_S))

    async def _kills(self, replica: Replica) -> None:
        mean_s = self._weather.kill_mean_s
        if mean_s is None:
            return
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / mean_s))
            if not replica.is_up:
                continue
            kind = "term" if self._luck.has("term") and self._rng.random() < 0.3 else "kill"
            if not self._luck.has(kind):
                continue
            self._luck.note("process", kind)
            self.kills += kind == "kill"
            self._history.add(self._day.clock.monotonic(), kind)
            if kind == "kill":
                replica.kill()
                self._down_until[replica] = self._day.clock.monotonic() + self._outage_s()
            else:
                await replica.stop()
            self._watch.judge_orders()
            self._watch.judge_fulfillments()

    def _outage_s(self) -> float:
        if not self._weather.has_outages or self._rng.random() > OUTAGE_SHARE:
            return 0.0
        self._luck.note("process", "outage")
        return self._rng.uniform(*OUTAGE_S)

    async def _jumps(self, replica: Replica) -> None:
        while self._luck.has("clock_jump"):
            await asyncio.sleep(self._rng.expovariate(1 / 300.0))
            seconds = self._rng.choice(JUMPS_S) * self._rng.uniform(-1.0, 1.0)
            self._luck.note("clock", "clock_jump")
            replica.jump(seconds - replica.ahead_s)

    # people

    async def _people(self) -> None:
        span_s = self._weather.span_s + 300.0
        for _ in range(self._weather.deeds):
            await asyncio.sleep(self._rng.expovariate(self._weather.deeds / span_s))
            name = self._rng.choice(PEOPLE)
            if name in self._learnable - self._barred:
                await self.do(name, partial(DEEDS[name], self._day), self._rng)

    async def _beside(self) -> None:
        """What people do about stock, returns, articles and packages under way, in a day that has these."""
        deeds = {
            name: deed for one in self._watch.sidelines for name, deed in one.deeds.items() if name not in self._barred
        }
        rng, span_s = Random(f"{self._weather.seed} beside"), self._weather.span_s + 300.0
        for _ in range(self._weather.orders if deeds else 0):
            await asyncio.sleep(rng.expovariate(self._weather.orders / span_s))
            name = rng.choice(sorted(deeds))
            await self.do(name, deeds[name], rng)

    async def _warehouse(self) -> None:
        """Buys a label now and then, and one time in three for everything at once."""
        span_s = self._weather.span_s + 300.0
        for _ in range(self._weather.orders):
            await asyncio.sleep(self._rng.expovariate(self._weather.orders / span_s))
            name = self._rng.choice(WAREHOUSE)
            await self.do(name, partial(DEEDS[name], self._day), self._rng)
        if self._rng.random() < 0.33:
            await self.do("ship_all", partial(DEEDS["ship_all"], self._day), self._rng)

    async def do(self, name: str, deed: Deed, rng: Random) -> None:
        """What the vendors refuse does not happen."""
        self._day.touched.clear()
        try:
            outcome = deed(rng.randrange(10_000))
            if inspect.isawaitable(outcome):
                await outcome
        except (ValueError, LookupError):
            return
        self._day.focus.was_on(self._day.touched)
        self._history.add(self._day.clock.monotonic(), name, *sorted(self._day.touched))
        for order_id in self._day.touched:
            self._watch.befallen[order_id][name] += 1
        self._watch.judge_fulfillments()

    def touch(self) -> None:
        """Somebody edits an order while a list is being read."""
        account = self._day.shipstation.account
        open_orders = [one for one in account.orders.values() if one.is_open]
        if open_orders:
            chosen = self._rng.choice(open_orders)
            self._day.shipstation.edit(chosen.order_id, {"internalNotes": f"shelf {self._rng.randrange(100)}"})

    # strangers

    async def _foreign(self) -> None:
        while self._luck.has("foreign_consumer"):
            await asyncio.sleep(self._rng.expovariate(1 / 60.0))
            self._luck.note("budget", "foreign_consumer")
            self._day.shipstation.spend(self._rng.randrange(1, 41))
            if self._rng.random() < 0.3:
                self._day.shopify.drain_bucket()

    def keep_past(self, delivery: Delivery) -> None:
        """Of what was acknowledged, some comes again."""
        if len(self.past) < 50:
            self.past.append(delivery)

    async def _knocks(self) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / 40.0))
            kind = self._luck.draw("port", ("wh_stale", "wh_replayed", "wh_forged"))
            if kind is None or not self.past:
                continue
            self._luck.note("port", kind)
            delivery = self._rng.choice(self.past)
            if kind == "wh_stale" and "X-Shopify-Webhook-Id" in delivery.headers:
                headers = delivery.headers | {"X-Shopify-Webhook-Id": f"stale-{self._rng.getrandbits(64):016x}"}
                await self._day.courier.offer(replace(delivery, headers=headers))
            elif kind != "wh_forged":
                await self._day.courier.offer(delivery)
            else:
                await self._forge(delivery)

    async def _unsubscribes(self) -> None:
        """At one of the vendors."""
        if not self._weather.is_unsubscribed:
            return
        rng = Random(f"{self._weather.seed} webhooks deleted")
        await asyncio.sleep(rng.uniform(0.0, self._weather.span_s + 300.0))
        self._luck.note("port", "wh_unsub")
        if rng.random() < 0.5:
            self._day.shopify.people.unsubscribe()
        else:
            self._day.shipstation.unsubscribe()

    async def _forge(self, delivery: Delivery) -> None:
        """One byte more than was signed, or a wrong path."""
        forged = replace(delivery, body=delivery.body + b" ", url=delivery.url.replace(SECRET, "guessed"))
        status = await self._day.courier.offer(forged)
        if status not in (None, 401, 404):
            self._watch.broken.append(f"S15 a forged webhook was answered {status}")
