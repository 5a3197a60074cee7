"""The queue: what is due, who holds it, and that no mark is ever lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from syncd import hints
from syncd.hints import Lane
from syncd.ports import Db
from syncd.store.marks import (
    Claimed,
    abandon_leases,
    claim,
    defer,
    due_summary,
    give_back,
    look_again,
    mark,
    park,
    parked_marks,
    release,
    renew,
    settle,
)
from syncd.store.transaction import Work

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FLOW = "orders"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def marked(db: Db, *subjects: str, when: float = 0, lane: Lane = Lane.FRESH) -> None:
    await db.run(mark([hints.Mark(FLOW, subject, lane) for subject in subjects], at(when)))


async def claimed(db: Db, token: str = "one", when: float = 10, limit: int = 100, lease_s: float = 60) -> list[Claimed]:
    return await db.run(claim(FLOW, limit, at(when), token, lease_s, settle_s=2))


def subjects(batch: list[Claimed]) -> list[str]:
    return [one.subject for one in batch]


async def test_a_mark_during_the_work_makes_the_subject_due_again(db: Db) -> None:
    await marked(db, "a/1")
    batch = await claimed(db)
    await marked(db, "a/1", when=11)
    assert await db.run(settle(FLOW, batch, "one")) == {"a/1"}
    assert subjects(await claimed(db, when=12)) == []  # folds from the newer mark on
    assert [one.marked for one in await claimed(db, when=13)] == [2]


async def test_what_is_settled_is_not_due(db: Db) -> None:
    await marked(db, "a/1", "a/2")
    await db.run(settle(FLOW, await claimed(db), "one"))
    assert await claimed(db, when=1_000) == []
    assert await db.run(due_summary(FLOW, at(1_000), 2)) == (await db.run(due_summary("other", at(1_000), 2)))


async def test_many_marks_fold_into_one_claim(db: Db) -> None:
    for second in range(5):
        await marked(db, "a/1", "a/1", when=second)
    assert await claimed(db, when=1.9) == []
    (one,) = await claimed(db, when=2)
    assert (one.marked, one.marked_at) == (5, NOW)


async def test_a_leased_subject_is_nobody_elses_until_the_lease_ends(db: Db) -> None:
    await marked(db, "a/1")
    await claimed(db, "one", when=10, lease_s=60)
    assert await claimed(db, "two", when=69.9) == []
    assert subjects(await claimed(db, "two", when=70)) == ["a/1"]


async def test_who_lost_the_lease_can_change_nothing(db: Db) -> None:
    await marked(db, "a/1")
    late = await claimed(db, "one", when=10)
    await claimed(db, "two", when=70)
    assert await db.run(settle(FLOW, late, "one")) == set()
    await db.run(park(FLOW, {"a/1": ("late", "")}, "one"))
    await db.run(defer(FLOW, {"a/1": (at(9_000), "late", "")}, "one"))
    await db.run(look_again(FLOW, {"a/1": at(9_000)}, "one"))
    await db.run(give_back(FLOW, ["a/1"], "one"))
    await db.run(abandon_leases("one"))
    assert await claimed(db, "three", when=129) == []
    (one,) = await claimed(db, "three", when=130)
    assert (one.marked, one.attempts) == (1, 0)


async def test_urgent_marks_come_first_and_do_not_fold(db: Db) -> None:
    await marked(db, "backfill", lane=Lane.BACKFILL)
    await marked(db, "fresh-2", when=2)
    await marked(db, "fresh-1", when=1)
    await marked(db, "urgent", when=10, lane=Lane.URGENT)
    await marked(db, "folding", when=9)
    assert subjects(await claimed(db, when=10, limit=3)) == ["urgent", "fresh-1", "fresh-2"]
    assert subjects(await claimed(db, when=10)) == ["backfill"]


async def test_a_mark_only_ever_makes_what_waits_more_urgent(db: Db) -> None:
    await marked(db, "a/1", lane=Lane.URGENT)
    await marked(db, "a/1", lane=Lane.BACKFILL)
    (one,) = await claimed(db)
    assert one.lane is Lane.URGENT
    await db.run(settle(FLOW, [one], "one"))
    await marked(db, "a/1", lane=Lane.BACKFILL)
    (one,) = await claimed(db)
    assert one.lane is Lane.BACKFILL


async def test_deferred_waits_for_its_time_even_when_marked_again(db: Db) -> None:
    await marked(db, "a/1", "a/2")
    await claimed(db)
    await db.run(defer(FLOW, {"a/1": (at(100), "http_503", "down")}, "one"))
    await db.run(defer(FLOW, {"a/2": (at(100), "throttled", "")}, "one", counts_attempt=False))
    await marked(db, "a/1", when=20)
    assert await claimed(db, when=99) == []
    assert {one.subject: one.attempts for one in await claimed(db, when=100)} == {"a/1": 1, "a/2": 0}


async def test_settling_forgets_earlier_attempts(db: Db) -> None:
    await marked(db, "a/1")
    await claimed(db)
    await db.run(defer(FLOW, {"a/1": (at(20), "http_503", "down")}, "one"))
    await db.run(settle(FLOW, await claimed(db, when=20), "one"))
    await marked(db, "a/1", when=30)
    assert [one.attempts for one in await claimed(db, when=40)] == [0]


async def test_parked_is_listed_and_woken_by_a_newer_mark(db: Db) -> None:
    await marked(db, "a/1")
    await claimed(db)
    await db.run(park(FLOW, {"a/1": ("refused", "no such country")}, "one"))
    assert await claimed(db, when=9_000) == []
    (parked,) = await db.run(parked_marks())
    assert (parked.subject, parked.error_code, parked.error_text) == ("a/1", "refused", "no such country")
    await marked(db, "a/1", when=100)
    assert await db.run(parked_marks()) == []
    (one,) = await claimed(db, when=102)
    assert one.marked_at == at(100)  # the time in the park is no delay


async def test_a_mark_that_comes_before_the_parking_wakes_it_too(db: Db) -> None:
    await marked(db, "a/1")
    await claimed(db)
    await marked(db, "a/1", when=11)
    await db.run(park(FLOW, {"a/1": ("refused", "")}, "one"))
    assert subjects(await claimed(db, when=13)) == ["a/1"]


@pytest.mark.parametrize("trouble", ["parked", "deferred"])
async def test_release_wakes_what_a_person_asks_for(db: Db, trouble: str) -> None:
    await marked(db, "a/1")
    await claimed(db)
    if trouble == "parked":
        await db.run(park(FLOW, {"a/1": ("refused", "")}, "one"))
    else:
        await db.run(defer(FLOW, {"a/1": (at(9_000), "http_503", "")}, "one"))
    assert await db.run(release(FLOW, "a/1", at(20)))
    assert subjects(await claimed(db, when=22)) == ["a/1"]


async def test_there_is_nothing_to_release_in_a_settled_or_unknown_subject(db: Db) -> None:
    await marked(db, "a/1")
    await db.run(settle(FLOW, await claimed(db), "one"))
    assert not await db.run(release(FLOW, "a/1", at(20)))
    assert not await db.run(release(FLOW, "a/2", at(20)))


async def test_a_release_during_the_work_is_not_lost(db: Db) -> None:
    await marked(db, "a/1")
    batch = await claimed(db)
    assert await db.run(release(FLOW, "a/1", at(11)))
    await db.run(settle(FLOW, batch, "one"))
    assert subjects(await claimed(db, when=13)) == ["a/1"]


async def test_what_waits_for_a_time_is_due_then_or_when_marked(db: Db) -> None:
    await marked(db, "a/1", "a/2")
    await claimed(db)
    await db.run(look_again(FLOW, dict.fromkeys(["a/1", "a/2"], at(1_000)), "one"))
    assert await claimed(db, when=999) == []
    await marked(db, "a/2", when=500)
    overtaken = await claimed(db, "two", when=502)
    assert subjects(overtaken) == ["a/2"]
    await db.run(settle(FLOW, overtaken, "two"))
    assert subjects(await claimed(db, when=1_002)) == ["a/1"]


async def test_a_wait_does_not_swallow_a_mark_that_came_meanwhile(db: Db) -> None:
    await marked(db, "a/1")
    await claimed(db)
    await marked(db, "a/1", when=11)
    await db.run(look_again(FLOW, {"a/1": at(1_000)}, "one"))
    assert subjects(await claimed(db, when=13)) == ["a/1"]


async def test_given_back_is_due_at_once(db: Db) -> None:
    await marked(db, "a/1", "a/2", "a/3")
    await claimed(db)
    await db.run(give_back(FLOW, ["a/1"], "one"))
    assert subjects(await claimed(db, "two")) == ["a/1"]
    await db.run(abandon_leases("one"))
    assert subjects(await claimed(db, "three")) == ["a/2", "a/3"]


async def test_the_summary_tells_what_waits_and_until_when(db: Db) -> None:
    empty = await db.run(due_summary(FLOW, NOW, 2))
    assert (empty.count, empty.oldest_marked_at, empty.next_due_at) == (0, None, None)
    await marked(db, "a/1", "a/2", "a/3")
    folding = await db.run(due_summary(FLOW, at(1), 2))
    assert (folding.count, folding.oldest_marked_at, folding.next_due_at) == (0, NOW, at(2))
    due = await db.run(due_summary(FLOW, at(5), 2, limit=2))
    assert (due.count, due.next_due_at) == (2, at(5))
    await claimed(db, when=10, limit=2, lease_s=60)
    await claimed(db, "two", when=10)
    await db.run(defer(FLOW, {"a/3": (at(40), "http_503", "")}, "two"))
    blocked = await db.run(due_summary(FLOW, at(20), 2))
    assert (blocked.count, blocked.next_due_at) == (0, at(40))


def many(count: int) -> Work[None]:
    """As many marks, by one statement."""
    fill = """INSERT INTO marks (flow, subject, marked, marked_at, hint_at, lane, settled, claimed, parked, attempts)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
        SELECT flow, 'many/' || i, 1, marked_at, hint_at, lane, 0, 0, 0, 0 FROM n, marks WHERE subject = 'a/1'"""

    def work(session: Session) -> None:
        session.connection().execute(text(fill), {"count": count})

    return work


async def test_four_claimers_take_ten_thousand_rows_none_twice(db: Db) -> None:
    await marked(db, "a/1")
    await db.run(many(9_999))

    async def take(worker: int) -> list[str]:
        mine: list[str] = []
        while batch := await claimed(db, f"{worker}-{len(mine)}", limit=500):
            mine += subjects(batch)
        return mine

    taken = [subject for mine in await asyncio.gather(*map(take, range(4))) for subject in mine]
    assert len(taken) == len(set(taken)) == 10_000


async def test_a_lease_is_renewed_for_what_is_still_ours_and_not_urgent_since(db: Db) -> None:
    subjects = ["main/1", "main/2", "main/3"]
    await db.run(mark([hints.Mark("orders", one) for one in subjects], NOW))
    await db.run(claim("orders", 3, NOW, "mine", 60, 0))
    await db.run(mark([hints.Mark("orders", "main/2", Lane.URGENT), hints.Mark("orders", "main/3")], NOW))
    later = NOW + timedelta(seconds=50)
    until = later + timedelta(seconds=60)
    assert await db.run(renew("orders", subjects, "mine", until)) == set(subjects)
    assert await db.run(renew("orders", subjects, "mine", until, subjects)) == {"main/1", "main/3"}
    assert await db.run(renew("orders", subjects, "another's", later)) == set()
    at_once = await db.run(claim("orders", 3, NOW + timedelta(seconds=70), "next", 60, 0))
    assert [one.subject for one in at_once] == ["main/2"]
