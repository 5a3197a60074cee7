"""The outer shell: what the scheduler begins, it begins in the event loop."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

from syncd.adapters import SystemClock
from syncd.daemon import begin_all, started_scheduler
from syncd.duties import Tick


async def test_what_the_scheduler_begins_runs_in_the_event_loop() -> None:
    began: list[int] = []
    done = asyncio.Event()

    def begin() -> None:
        asyncio.get_running_loop()
        began.append(threading.get_ident())
        done.set()

    scheduler = started_scheduler([Tick(0.02, begin)])
    async with asyncio.timeout(1):
        await done.wait()
    scheduler.shutdown(wait=False)
    assert set(began) == {threading.get_ident()}


async def test_after_the_clock_was_set_back_all_is_begun_at_once() -> None:
    done = asyncio.Event()
    scheduler = started_scheduler([Tick(18_000.0, done.set)])
    begin_all(scheduler, SystemClock())
    async with asyncio.timeout(1):
        await done.wait()
    (job,) = scheduler.get_jobs()
    scheduler.shutdown(wait=False)
    assert job.next_run_time - SystemClock().now() < timedelta(seconds=18_001)
