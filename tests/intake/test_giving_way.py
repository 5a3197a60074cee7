"""Work on orders gives way to webhooks that wait for their answers, and is never stopped by them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlmodel import Session

from syncd.adapters import SystemClock, SystemRng
from syncd.intake.inbox import GROUPS_LET_PASS, Inbox
from syncd.waiting import PoliteClock

T = TypeVar("T")


class SlowDb:
    """Commits one group each time that it is let."""

    def __init__(self) -> None:
        self.lets = asyncio.Semaphore(0)
        self.groups = 0

    async def run(self, fn: Callable[[Session], T]) -> T:
        await self.lets.acquire()
        self.groups += 1
        return None  # type: ignore[return-value]


async def turned(times: int = 20) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def test_who_works_long_waits_until_the_webhook_has_its_answer() -> None:
    db = SlowDb()
    inbox = Inbox(db, SystemClock(), SystemRng())
    clock = PoliteClock(SystemClock(), inbox.let_pass)
    await asyncio.wait_for(clock.sleep(0), 1)
    posted = asyncio.create_task(inbox.keep("main", "orders/paid", "1", b"{}"))
    await turned()
    working = asyncio.create_task(clock.sleep(0))
    await turned()
    assert not working.done()
    db.lets.release()
    await asyncio.wait_for(asyncio.gather(posted, working), 1)


async def test_a_flood_of_webhooks_does_not_stop_the_work() -> None:
    db = SlowDb()
    inbox = Inbox(db, SystemClock(), SystemRng())
    flood = [asyncio.create_task(inbox.keep("main", "orders/paid", "0", b"{}"))]
    await turned()
    working = asyncio.create_task(PoliteClock(SystemClock(), inbox.let_pass).sleep(0))
    for number in range(1, 3 * GROUPS_LET_PASS):
        flood.append(asyncio.create_task(inbox.keep("main", "orders/paid", str(number), b"{}")))
        await turned()
        db.lets.release()
        await turned()
        if working.done():
            break
    assert working.done()
    assert db.groups == GROUPS_LET_PASS
    for task in flood:
        task.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
