"""No window of the vendor's ever holds more requests than it allows, whoever asks and whenever."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from syncd.ports import Db
from syncd.store.budgets import (
    Grant,
    Ledger,
    Told,
    block,
    current_ledger,
    give_back,
    note_answer,
    pause,
    paused_accounts,
    resume,
    take_grant,
)
from syncd.store.engine import open_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW_S = 60.0
LONGEST_S = 120.0


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def grant(db: Db, when: float, ceiling: int = 40, limit: int = 40, soon_s: float = 0) -> Grant:
    return await db.run(take_grant("shipstation", at(when), limit, ceiling, LONGEST_S, soon_s))


async def granted(db: Db, when: float, count: int, limit: int = 40) -> list[float]:
    """The numbers of those that were granted of so many."""
    answers = [await grant(db, when, limit=limit, ceiling=limit) for _ in range(count)]
    return [answer.number for answer in answers if answer.number is not None]


def ending(least: float, most: float, used: int = 0) -> Told:
    """An answer that tells when its window ends, in seconds from `NOW`."""
    start = NOW.timestamp()
    return Told(start + least, start + most, start + most, used)


async def answer(db: Db, number: float, when: float, told: Told | None) -> int:
    return (await db.run(note_answer("shipstation", number, at(when), told, WINDOW_S, LONGEST_S))).used


async def used(db: Db, when: float) -> int:
    return (await db.run(current_ledger("shipstation", at(when), LONGEST_S))).used


async def test_the_whole_limit_is_granted_at_once_as_soon_as_the_vendor_said_that_its_window_ends(db: Db) -> None:
    numbers = await granted(db, 0, 41)
    assert len(numbers) == 40
    for number in numbers:
        await answer(db, number, 1, ending(59, 60))
    assert round((await grant(db, 20)).wait_s, 3) == 40
    assert await granted(db, 59.9, 1) == []
    assert len(await granted(db, 60, 41)) == 40


async def test_what_has_no_answer_yet_may_count_in_the_next_window_too(db: Db) -> None:
    numbers = await granted(db, 0, 40)
    for number in numbers[:30]:
        await answer(db, number, 1, ending(59, 60))
    assert len(await granted(db, 60, 40)) == 30


async def test_an_answer_that_says_nothing_counts_for_a_whole_window_from_then(db: Db) -> None:
    (number,) = await granted(db, 0, 1, limit=1)
    await answer(db, number, 7, None)
    assert await granted(db, 66.9, 1, limit=1) == []
    assert len(await granted(db, 67, 1, limit=1)) == 1


async def test_a_window_seen_to_open_early_frees_what_counted_in_the_one_before(db: Db) -> None:
    old = await granted(db, 0, 39)
    for number in old:
        await answer(db, number, 1, ending(58, 63))
    (late,) = await granted(db, 59.5, 1)
    assert await answer(db, late, 60, ending(119, 121)) == 1


async def test_a_late_answer_about_the_window_before_frees_its_call(db: Db) -> None:
    first, second = await granted(db, 0, 2)
    await answer(db, first, 61, ending(119, 121))
    assert await answer(db, second, 62, ending(59, 60)) == 1


async def test_answers_that_cannot_both_be_right_count_for_a_whole_window_from_then(db: Db) -> None:
    first, second = await granted(db, 0, 2, limit=2)
    await answer(db, first, 1, ending(59, 60))
    await answer(db, second, 30, ending(89, 91))
    assert await granted(db, 89.9, 1, limit=2) == []
    assert len(await granted(db, 90, 2, limit=2)) == 2


async def test_a_lower_class_leaves_room_for_the_urgent(db: Db) -> None:
    answers = [await grant(db, 0, ceiling=3, limit=4) for _ in range(4)]
    assert [one.number is not None for one in answers] == [True, True, True, False]
    assert (await grant(db, 1, ceiling=4, limit=4)).number


async def test_what_the_urgent_left_is_spent_shortly_before_the_window_ends(db: Db) -> None:
    for number in await granted(db, 0, 3, limit=4):
        await answer(db, number, 1, ending(59, 60))
    assert (await grant(db, 53, ceiling=3, limit=4, soon_s=6)).number is None
    assert (await grant(db, 54, ceiling=3, limit=4, soon_s=6)).number
    assert (await grant(db, 54, ceiling=3, limit=4, soon_s=6)).number is None


async def test_concurrent_replicas_never_take_the_same_free_slot(database_url: str) -> None:
    replicas = [open_db(database_url) for _ in range(3)]
    answers = await asyncio.gather(*(grant(replica, 0) for replica in replicas for _ in range(30)))
    await asyncio.gather(*(replica.close() for replica in replicas))
    numbers = [one.number for one in answers if one.number is not None]
    assert len(set(numbers)) == len(numbers) == 40


async def test_foreign_use_of_the_key_is_counted_until_the_vendors_window_ends(db: Db) -> None:
    numbers = await granted(db, 0, 5)
    for number in numbers:
        await answer(db, number, 10, ending(39, 40, used=30))
    assert await used(db, 10) == 30
    assert len(await granted(db, 11, 20)) == 10
    assert await used(db, 40) == 10


async def test_an_older_answer_with_more_room_changes_nothing(db: Db) -> None:
    numbers = await granted(db, 0, 5)
    assert await answer(db, numbers[0], 1, ending(59, 60, used=2)) == 5


async def test_a_call_that_was_never_made_does_not_count(db: Db) -> None:
    first, _ = await granted(db, 0, 2)
    await db.run(give_back("shipstation", first, at(0), LONGEST_S))
    assert await used(db, 0) == 1


async def test_a_refusal_stops_every_class_until_the_reset(db: Db) -> None:
    await db.run(block("shipstation", at(0), at(12), LONGEST_S))
    assert (await grant(db, 2)).wait_s == 10
    assert (await grant(db, 12)).number


async def test_a_clock_that_was_set_back_stops_nobody_for_longer_than_a_call_and_a_window(db: Db) -> None:
    for number in await granted(db, 86_400, 40):
        await answer(db, number, 86_401, ending(86_459, 86_460))
    assert (await grant(db, 0)).wait_s == LONGEST_S
    assert (await grant(db, LONGEST_S)).number


async def test_a_refusal_that_was_written_before_the_clock_was_set_back_lasts_no_longer_than_a_call_and_a_window(
    db: Db,
) -> None:
    """Else nobody sends anything to ShipStation for hours."""
    await db.run(block("shipstation", at(18_000), at(18_060), LONGEST_S))
    assert (await grant(db, 0)).wait_s == LONGEST_S
    assert (await grant(db, LONGEST_S)).number


async def test_millions_of_foreign_calls_are_counted_and_not_listed(db: Db) -> None:
    (number,) = await granted(db, 0, 1)
    await answer(db, number, 1, ending(39, 40, used=5_000_000))
    tracemalloc.start()
    try:
        assert (await grant(db, 2)).wait_s == 38
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=8),
    st.integers(0, 5),
    st.integers(0, 12),
)
def test_what_counts_runs_out_in_the_order_of_its_ends(ends: list[int | None], foreign: int, excess: int) -> None:
    window = Told(5.0, 5.0, 5.0, 0)
    ledger = Ledger({float(n): None if end is None else float(end) for n, end in enumerate(ends)}, window, foreign)
    in_order = sorted([*(5.0 if end is None else float(end) for end in ends), *[5.0] * foreign])
    if excess < len(in_order):
        assert ledger.runs_out(excess) == in_order[excess]


async def test_a_class_without_any_share_waits_and_does_not_fail(db: Db) -> None:
    refused = await grant(db, 0, ceiling=0)
    assert refused.number is None
    assert refused.wait_s > 0


async def test_pausing_and_resuming_are_told_once(db: Db) -> None:
    await grant(db, 0)
    await db.run(pause("shipstation", "http_401", "unauthorized", at(0), at(900)))
    await db.run(pause("shipstation", "plan_402", "no API", at(100), at(1000)))
    (paused,) = await db.run(paused_accounts(at(500)))
    assert (paused.account, paused.code, paused.since) == ("shipstation", "plan_402", NOW)
    assert [await db.run(resume("shipstation")) for _ in range(2)] == [True, False]
    assert await db.run(paused_accounts(at(500))) == []
    assert await used(db, 1) == 1
