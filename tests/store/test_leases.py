"""One replica at a time has a duty; its fence tells a late one from the present one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from syncd.ports import Db
from syncd.store.leases import drop_lease, keep_lease, last_done, take_lease

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


async def take(db: Db, token: str, when: float) -> int | None:
    taken = await db.run(take_lease("polls", token, NOW + timedelta(seconds=when), 30))
    return taken.fence if taken else None


async def test_a_lease_is_renewed_by_its_owner_and_refused_to_others(db: Db) -> None:
    assert [await take(db, "a", 0), await take(db, "b", 10), await take(db, "a", 20)] == [1, None, 1]
    assert [await take(db, "b", 49), await take(db, "b", 50), await take(db, "a", 51)] == [None, 2, None]


async def test_a_dropped_lease_is_free_at_once_and_its_fence_goes_on(db: Db) -> None:
    await take(db, "a", 0)
    await db.run(drop_lease("polls", "b", None, NOW))
    assert await take(db, "b", 1) is None
    await db.run(drop_lease("polls", "a", None, NOW))
    assert await take(db, "b", 1) == 2


async def test_of_many_who_ask_at_once_one_gets_it(db: Db) -> None:
    fences = await asyncio.gather(*(take(db, f"replica {number}", 0) for number in range(20)))
    assert [fence for fence in fences if fence is not None] == [1]


async def test_a_duty_rests_and_remembers_when_it_was_last_done(db: Db) -> None:
    await take(db, "a", 0)
    await db.run(drop_lease("polls", "a", NOW + timedelta(seconds=5), NOW))
    assert await take(db, "b", 4) is None
    assert await db.run(last_done(NOW)) == {"polls": NOW}
    assert await take(db, "b", 5) == 2


async def test_a_late_renewal_takes_nothing_back(db: Db) -> None:
    await take(db, "a", 0)
    assert await db.run(keep_lease("polls", "a", NOW + timedelta(seconds=60)))
    assert await take(db, "b", 59) is None
    await db.run(drop_lease("polls", "a", None, None))
    assert not await db.run(keep_lease("polls", "a", NOW + timedelta(seconds=90)))
    assert await take(db, "b", 60) == 2


async def test_what_a_clock_noted_that_was_set_back_since_keeps_nobody_from_a_duty(db: Db) -> None:
    """Neither who has it, nor its rest, nor that it was done."""
    ahead = NOW + timedelta(hours=5)
    await take(db, "a", 18_000)
    assert await take(db, "b", 0) == 2
    await db.run(drop_lease("polls", "b", ahead, ahead))
    taken = await db.run(take_lease("polls", "c", NOW, 30))
    assert taken is not None
    assert taken.done_at is None
