"""Feeds go on where they stopped; times survive the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from syncd.ports import Db
from syncd.store.cursors import advance, all_cursors, cursor

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


async def test_a_cursor_is_unknown_before_the_first_look_and_then_moves_either_way(db: Db) -> None:
    assert await db.run(cursor("main.orders")) is None
    await db.run(advance("main.orders", NOW, "page 2", NOW))
    await db.run(advance("main.orders", NOW - timedelta(days=1), None, NOW))
    known = await db.run(cursor("main.orders"))
    assert known is not None
    assert (known.watermark, known.position) == (NOW - timedelta(days=1), None)
    assert list(await db.run(all_cursors())) == ["main.orders"]


async def test_times_keep_their_instant_and_come_back_in_utc(db: Db) -> None:
    pacific = NOW.astimezone(timezone(timedelta(hours=-8)))
    await db.run(advance("feed", pacific, None, NOW))
    known = await db.run(cursor("feed"))
    assert known is not None
    assert known.watermark == NOW
    assert known.watermark.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(db: Db) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        await db.run(advance("feed", datetime(2026, 11, 21), None, NOW))
