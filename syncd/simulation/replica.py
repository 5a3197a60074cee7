"""One process of the daemon in virtual time: it starts, is killed, is stopped and starts again on the same database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from syncd.adapters import TaskSpawn
from syncd.duties import Duties, way_in_here
from syncd.intake.server import Webhooks
from syncd.ports import Ports, Rng
from syncd.settings.whole import Settings
from syncd.simulation.ports import InlineDb, Life, LivingDb, LivingHttp, LoopClock, Network

Failed = Callable[[str, BaseException], None]


class Replica:
    """`failed` learns of tasks that raised: the daemon's own mistakes."""

    def __init__(self, settings: Settings, rng: Rng, network: Network, begin_at: datetime, failed: Failed) -> None:
        self.duties: Duties | None = None
        self.webhooks: Webhooks | None = None
        self.life = Life()
        self.life.is_over = True
        self.ahead_s = 0.0
        """How far this machine's time of day is ahead of the vendors'."""
        self.was_set = False
        self.settings = settings
        self._rng = rng
        self._network = network
        self._begin_at = begin_at
        self._failed = failed
        self._lives = [self.life]
        self._kept: list[object] = []
        """What only those hold on to who wait for ever: or they would be cleaned up in the middle of the day."""
        self._clock = LoopClock(self.life, begin_at)
        self._stopping = asyncio.Event()
        self._spawn = TaskSpawn(failed)

    @property
    def is_up(self) -> bool:
        return self.duties is not None and not (self.life.is_over or self._stopping.is_set())

    async def start(self, db: InlineDb, dies_after: int | None = None, dies_sending: int | None = None) -> None:
        """A new life on this database."""
        assert self.life.is_over or self._stopping.is_set()
        self.life = life = Life(dies_after, dies_sending)
        self._lives.append(life)
        self._stopping = stopping = asyncio.Event()
        self._spawn = TaskSpawn(self._failed)
        self._clock = LoopClock(life, self._begin_at, self.ahead_s)
        self._kept.append(self._spawn)
        living = LivingDb(db, life)
        ports = Ports(self._clock, self._rng, LivingHttp(self._network, life), living, living, self._spawn)

        async def begin() -> None:
            way_in, webhooks = way_in_here(self.settings, ports)
            duties = await Duties.prepared(self.settings, ports, stopping, way_in)
            duties.start()
            self.duties, self.webhooks = duties, webhooks
            kept = [_Ticked(tick.every_s, tick.begin, self._clock, life, stopping) for tick in duties.ticks()]
            duties.was_set_back = partial(_begin_all, kept)
            self._kept += [asyncio.create_task(one.work()) for one in kept]

        self.duties = None
        task = asyncio.create_task(begin())
        self._kept.append(task)
        while not (task.done() or life.is_over):
            await asyncio.sleep(0.01)
        if task.done():
            task.result()

    def kill(self) -> None:
        self.life.is_over = True

    def jump(self, seconds: float) -> None:
        """The time of day is set; what only measures how long something takes does not notice."""
        self.was_set = True
        self.ahead_s += seconds
        self._clock.ahead_s = self.ahead_s

    async def stop(self) -> None:
        """As SIGTERM does. Whose life ends meanwhile waits for nothing any more."""
        self._stopping.set()
        if self.duties:
            self.duties.wake()
        draining = asyncio.create_task(self._spawn.drain(self.settings.limits.stop_s))
        self._kept.append(draining)
        while not (draining.done() or self.life.is_over):
            await asyncio.sleep(0.01)
        self.duties = None

    def bury(self) -> None:
        """The day is over: what waits for ever may be cancelled."""
        for life in self._lives:
            life.is_buried = True


class _Ticked:
    """The scheduler's part, which goes by the time of day as the library does."""

    def __init__(
        self, every_s: float, begin: Callable[[], None], clock: LoopClock, life: Life, stopping: asyncio.Event
    ) -> None:
        self.due_now = asyncio.Event()
        self._every = timedelta(seconds=every_s)
        self._begin = begin
        self._clock = clock
        self._life = life
        self._stopping = stopping

    async def work(self) -> None:
        due_at = self._clock.now() + self._every
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.due_now.wait(), (due_at - self._clock.now()).total_seconds())
            if self._life.is_over or self._stopping.is_set():
                return
            if self.due_now.is_set() or self._clock.now() >= due_at:
                self.due_now.clear()
                self._begin()
                due_at = self._clock.now() + self._every


def _begin_all(ticks: Sequence[_Ticked]) -> None:
    for one in ticks:
        one.due_now.set()
