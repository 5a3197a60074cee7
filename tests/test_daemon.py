"""The outer shell: what the scheduler begins, it begins in the event loop."""

from __future__ import annotations

import asyncio
import threading

from syncd.daemon import started_scheduler
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
