"""When webhooks that arrive together are kept: not one commit for each, and nobody waits for others who cannot come."""

from __future__ import annotations

import asyncio

from syncd.adapters import SystemClock, SystemRng
from syncd.intake.inbox import Inbox
from syncd.ports import Db
from syncd.store.inbox import KeptBy, waiting_deliveries

AN_HOUR_S = 3600.0


async def test_as_many_as_there_are_connections_do_not_wait_for_others(db: Db) -> None:
    inbox = Inbox(KeptBy(db), SystemClock(), SystemRng(), AN_HOUR_S, lambda: 2)
    async with asyncio.timeout(30):
        for _ in range(3):
            await asyncio.gather(*(inbox.keep("main", "orders/paid", "", b"{}") for _ in range(2)))
    assert await db.run(waiting_deliveries()) == 6


async def test_where_others_may_come_what_arrives_after_a_commit_waits_for_them(db: Db) -> None:
    inbox = Inbox(KeptBy(db), SystemClock(), SystemRng(), AN_HOUR_S, lambda: 2)
    await inbox.keep("main", "orders/paid", "", b"{}")
    second = asyncio.create_task(inbox.keep("main", "orders/paid", "", b"{}"))
    await asyncio.sleep(0)
    assert await db.run(waiting_deliveries()) == 1
    assert not second.done()
    async with asyncio.timeout(30):
        await asyncio.gather(second, inbox.keep("main", "orders/paid", "", b"{}"))
    assert await db.run(waiting_deliveries()) == 3
