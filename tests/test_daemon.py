"""The outer shell: what the scheduler begins, it begins in the event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from syncd.adapters import SystemClock
from syncd.daemon import begin_all, started_scheduler
from syncd.duties import Tick
from syncd.operate.hangs import HangWatch


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


@pytest.mark.parametrize(
    ("lags", "ends"),
    [([1, 2, 1, 3], False), ([400, 1, 400, 400, 1], False), ([1, 400, 420, 440], True), ([290, 299, 300], False)],
    ids=["at work", "the machine slept", "hangs", "slow"],
)
def test_a_daemon_that_hangs_is_ended_and_one_that_slept_is_not(lags: list[float], ends: bool) -> None:
    left: Iterator[float] = iter(lags)
    ended, over = threading.Event(), threading.Event()

    def lag_s() -> float:
        lag = next(left, None)
        if lag is None:
            over.set()
        return lag or 0.0

    watch = HangWatch(lag_s, ended.set, look_s=0.001)
    watch.start()
    assert (ended if ends else over).wait(5)
    watch.stop()
    assert ended.is_set() == ends


HANGS = """
import time
from syncd.logs import set_up_logs
from syncd.operate.hangs import HangWatch
set_up_logs("info")
HangWatch(lambda: 400.0, look_s=0.01).start()
time.sleep(60)
"""


def test_whoever_supervises_a_daemon_that_hangs_sees_it_end_and_where_it_hung() -> None:
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert '"event": "daemon.hung"' in done.stdout
    assert 'File "<string>", line 7' in done.stderr
