"""No window of the vendor's ever holds more requests than it allows, whoever asks and whenever."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from syncd.ports import Db
from syncd.store.budgets import Grant, correct, current_window, pause, paused_accounts, resume, take_grant
from syncd.store.engine import open_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW_S = 60.0


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def grant(db: Db, when: float, ceiling: int = 40, limit: int = 40) -> Grant:
    return await db.run(take_grant("shipstation", at(when), limit, WINDOW_S, ceiling))


async def test_the_limit_is_granted_at_once_and_then_one_by_one_as_the_window_slides(db: Db) -> None:
    assert all([(await grant(db, second)).granted for second in range(40)])
    refused = await grant(db, 40)
    assert (refused.granted, round(refused.wait_s, 3)) == (False, 20)
    assert not (await grant(db, 59.9)).granted
    assert (await grant(db, 60)).granted
    assert not (await grant(db, 60)).granted


async def test_a_lower_class_leaves_room_for_the_urgent(db: Db) -> None:
    assert [(await grant(db, 0, ceiling=3, limit=4)).granted for _ in range(4)] == [True, True, True, False]
    assert (await grant(db, 1, ceiling=4, limit=4)).granted
    # the fourth of the window must leave, and one more, before a low class has its turn
    assert (await grant(db, 2, ceiling=3, limit=4)).wait_s == 58


async def test_three_replicas_never_exceed_any_window(database_url: str) -> None:
    replicas = [open_db(database_url) for _ in range(3)]
    granted: list[float] = []

    for second in range(0, 150, 3):
        answers = await asyncio.gather(*(grant(replica, second, limit=10, ceiling=10) for replica in replicas))
        granted += [float(second) for answer in answers if answer.granted]
    await asyncio.gather(*(replica.close() for replica in replicas))
    for begin in granted:
        assert sum(begin <= time < begin + WINDOW_S for time in granted) <= 10
    assert len(granted) == 30  # none is wasted either


async def test_concurrent_replicas_never_take_the_same_free_slot(database_url: str) -> None:
    replicas = [open_db(database_url) for _ in range(3)]
    answers = await asyncio.gather(*(grant(replica, 0) for replica in replicas for _ in range(30)))
    await asyncio.gather(*(replica.close() for replica in replicas))
    assert sum(answer.granted for answer in answers) == 40


async def test_foreign_use_of_the_key_is_counted_until_the_vendors_window_ends(db: Db) -> None:
    for _ in range(5):
        await grant(db, 0)
    await db.run(correct("shipstation", at(10), 40, WINDOW_S, remaining=10, reset_s=30))
    assert len((await db.run(current_window("shipstation", at(10), WINDOW_S))).grants) == 30
    assert sum([(await grant(db, 11)).granted for _ in range(20)]) == 10
    assert len((await db.run(current_window("shipstation", at(40), WINDOW_S))).grants) == 15


async def test_an_older_answer_with_more_room_changes_nothing(db: Db) -> None:
    for _ in range(5):
        await grant(db, 0)
    await db.run(correct("shipstation", at(1), 40, WINDOW_S, remaining=38, reset_s=59))
    assert len((await db.run(current_window("shipstation", at(1), WINDOW_S))).grants) == 5


async def test_nothing_remaining_stops_every_class_until_the_reset(db: Db) -> None:
    await db.run(correct("shipstation", at(0), 40, WINDOW_S, remaining=0, reset_s=12))
    refused = await grant(db, 2)
    assert (refused.granted, refused.wait_s) == (False, 10)
    assert (await grant(db, 12)).granted


async def test_a_clock_that_was_set_back_stops_nobody_for_longer_than_a_window(db: Db) -> None:
    for _ in range(40):
        await grant(db, 86_400)
    assert (await grant(db, 0)).wait_s == WINDOW_S
    assert (await grant(db, 60)).granted


async def test_a_class_without_any_share_waits_and_does_not_fail(db: Db) -> None:
    refused = await grant(db, 0, ceiling=0)
    assert not refused.granted
    assert refused.wait_s > 0


async def test_pausing_and_resuming_are_told_once(db: Db) -> None:
    await grant(db, 0)
    await db.run(pause("shipstation", "http_401", "unauthorized", at(0)))
    await db.run(pause("shipstation", "plan_402", "no API", at(100)))
    (paused,) = await db.run(paused_accounts())
    assert (paused.account, paused.code, paused.since) == ("shipstation", "plan_402", NOW)
    assert [await db.run(resume("shipstation")) for _ in range(2)] == [True, False]
    assert await db.run(paused_accounts()) == []
    assert len((await db.run(current_window("shipstation", at(1), WINDOW_S))).grants) == 1
