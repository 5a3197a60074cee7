"""What a webhook asks for is not lost when the commit by which it counts as read seems to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from syncd.adapters import SystemClock
from syncd.errors import TransientError
from syncd.intake.reader import Letters, Reader
from syncd.ports import Db
from syncd.store.inbox import KeptBy
from syncd.store.keeping import Arrival

SHOP = "one.myshopify.com"


async def test_a_nudge_outlives_a_connection_that_breaks_while_its_webhook_becomes_read(db: Db) -> None:
    """The commit was carried out: nothing is read once more."""
    kept, nudged = KeptBy(db), list[str]()
    arrived = Arrival("main", "fulfillment_orders/moved", "1", SystemClock().now(), b'{"moved_fulfillment_order": {}}')
    await kept.keep([arrived])

    async def finish(ids: Sequence[int], problems: Mapping[int, str], now: datetime) -> None:
        await kept.finish(ids, problems, now)
        raise TransientError("database", "the connection is gone")

    letters = Letters(db, finish, asyncio.Event())
    reader = Reader(letters, db, SystemClock(), nudged.append, lambda: None, 1.0, {"main": SHOP})
    with pytest.raises(TransientError):
        await reader.read_some()
    assert await reader.read_some() == 0
    assert nudged == ["main.fulfillment_orders"]
