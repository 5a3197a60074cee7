"""What a clock noted that was set back since is not waited for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from syncd.hints import Mark
from syncd.ports import Db
from syncd.store.journeys import JOURNEYS, begin_journeys, keep_news, tell_later
from syncd.store.marks import claim, defer, due_summary, mark, settle
from syncd.store.set_back import wait_for_nothing_later

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
AHEAD = NOW + timedelta(hours=5)
LEASE_S = 180.0


async def claimed_at(db: Db, when: datetime, token: str) -> list[str]:
    return [one.subject for one in await db.run(claim("orders", 10, when, token, LEASE_S, 0.0))]


async def test_marks_of_a_time_to_come_are_due_now_and_leases_last_as_long_as_one_of_now(db: Db) -> None:
    for order_id in (1, 2, 3):
        await db.run(mark([Mark("orders", f"main/{order_id}")], AHEAD + timedelta(seconds=order_id)))
    first = (await db.run(claim("orders", 1, AHEAD + timedelta(seconds=1), "a", LEASE_S, 0.0)))[0].subject
    await db.run(defer("orders", {first: (AHEAD + timedelta(hours=1), "http_500", "")}, "a"))
    second = (await db.run(claim("orders", 1, AHEAD + timedelta(seconds=2), "b", LEASE_S, 0.0)))[0].subject
    assert await claimed_at(db, NOW, "c") == []

    assert await db.run(wait_for_nothing_later(NOW, LEASE_S)) == 3
    assert sorted(await claimed_at(db, NOW, "d")) == sorted({"main/1", "main/2", "main/3"} - {second})
    assert (await db.run(due_summary("orders", NOW, 0.0))).next_due_at == NOW + timedelta(seconds=LEASE_S)
    after = NOW + timedelta(seconds=LEASE_S)
    assert second in await claimed_at(db, after, "e")
    assert await db.run(wait_for_nothing_later(after, LEASE_S)) == 0


async def test_news_of_carriers_are_told_now_and_asked_for_within_hours(db: Db) -> None:
    soon = NOW + timedelta(hours=1)
    await db.run(begin_journeys(["s1", "s2"], NOW, AHEAD + timedelta(hours=4)))
    await db.run(keep_news("s2", "{}", soon, True, NOW))
    await db.run(tell_later(["s2"], AHEAD))
    await db.run(wait_for_nothing_later(NOW, LEASE_S))
    columns = JOURNEYS.c
    statement = select(columns.ask_at, columns.tell_at).order_by(columns.package_key)
    rows = await db.run(lambda session: [tuple(row) for row in session.connection().execute(statement)])
    assert rows == [(NOW + timedelta(hours=8), None), (soon, NOW)]


async def test_what_waits_for_a_time_that_is_near_is_left_alone_once_it_is_done(db: Db) -> None:
    await db.run(mark([Mark("orders", "main/1")], NOW))
    done = await db.run(claim("orders", 1, NOW, "a", LEASE_S, 0.0))
    await db.run(settle("orders", done, "a"))
    assert await db.run(wait_for_nothing_later(NOW - timedelta(hours=5), LEASE_S)) == 0
