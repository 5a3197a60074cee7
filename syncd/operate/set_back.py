"""Notices when the time of day is set back while we run, as where a machine learns it only after it has started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from syncd.errors import SyncError
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.store.memory import ahead_of
from syncd.store.set_back import wait_for_nothing_later
from syncd.waiting import first_of

log = get_logger("daemon")

LOOK_S = 20.0
LEAST_S = 300.0
"""A shorter time is waited for."""


async def notice_at_start(db: Db, clock: Clock, lease_s: float) -> None:
    """Whoever lived before us wrote that it did at a time that is far yet: the clock was set back between two lives."""
    now = clock.now()
    back_s = await db.run(lambda session: ahead_of(session, now))
    if back_s > LEAST_S:
        count = await db.run(wait_for_nothing_later(now, lease_s))
        log.warning("clock.set_back", count=count, back_s=round(back_s))


class SetBackWatch:
    """`told` is called when there is work that waited for a time which is far again."""

    def __init__(self, db: Db, clock: Clock, lease_s: float, told: Callable[[], None]) -> None:
        self._db = db
        self._clock = clock
        self._lease_s = lease_s
        self._told = told
        self._day_s = self._time_of_day_s()

    async def work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            await first_of(self._clock, LOOK_S, stopping)
            try:
                await self._look()
            except SyncError as error:
                log.warning("clock.postponed", error_code=error.code, error_text=error.text)

    async def _look(self) -> None:
        """Small steps add up."""
        day_s = self._time_of_day_s()
        back_s = self._day_s - day_s
        if back_s > LEAST_S:
            count = await self._db.run(wait_for_nothing_later(self._clock.now(), self._lease_s))
            log.warning("clock.set_back", count=count, back_s=round(back_s))
            self._told()
        if not 0 <= back_s <= LEAST_S:
            self._day_s = day_s

    def _time_of_day_s(self) -> float:
        """What our two clocks are apart: it changes when one of them is set."""
        return self._clock.now().timestamp() - self._clock.monotonic()
