"""Webhooks are kept as they come, read once, and forgotten in two steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from syncd.ports import Db
from syncd.store.inbox import (
    finish_deliveries,
    prune_deliveries,
    read_before,
    remember_read,
    store_deliveries,
    take_deliveries,
    unreadable_deliveries,
    waiting_deliveries,
)
from syncd.store.keeping import Arrival, Finished

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def arrival(webhook_id: str, store: str = "main", body: bytes = b"{}") -> Arrival:
    return Arrival(store, "orders/paid", webhook_id, NOW, body)


async def taken(db: Db, limit: int = 100) -> list[Finished]:
    return [(one.id, *one.ref) for one in await db.run(take_deliveries(limit))]


async def read(db: Db, limit: int = 100, problem: str = "") -> None:
    found = await db.run(take_deliveries(limit))
    await db.run(remember_read(found, {one.ref: problem for one in found if problem}, NOW))
    await db.run(finish_deliveries([(one.id, *one.ref) for one in found]))


async def test_what_was_read_is_known_by_its_store_and_id(db: Db) -> None:
    await db.run(store_deliveries([arrival("1"), arrival("2", store="other")]))
    await read(db)
    refs = [("main", "1"), ("main", "2"), ("other", "1"), ("other", "2")]
    assert await db.run(read_before(refs)) == {("main", "1"), ("other", "2")}


async def test_who_remembers_again_changes_nothing(db: Db) -> None:
    for problem in ("no JSON", ""):
        await db.run(store_deliveries([arrival("1")]))
        await read(db, problem=problem)
    assert await db.run(unreadable_deliveries()) == 1


async def test_any_bytes_come_back_as_they_were(db: Db) -> None:
    body = bytes(range(256)) * 30
    await db.run(store_deliveries([arrival("1", body=body)]))
    (delivery,) = await db.run(take_deliveries(1))
    assert (delivery.store, delivery.topic, delivery.body) == ("main", "orders/paid", body)


async def test_what_was_taken_but_not_finished_is_taken_again(db: Db) -> None:
    await db.run(store_deliveries([arrival("1"), arrival("2")]))
    first, second = await taken(db)
    await db.run(finish_deliveries([first]))
    assert await taken(db) == [second]
    assert await db.run(waiting_deliveries()) == 1


async def test_who_finishes_twice_forgets_nothing_that_came_since(db: Db) -> None:
    """SQLite gives the numbers of an emptied table again."""
    await db.run(store_deliveries([arrival("1")]))
    read_then = await taken(db)
    await db.run(finish_deliveries(read_then))
    await db.run(store_deliveries([arrival("2")]))
    await db.run(finish_deliveries(read_then))
    assert [webhook_id for _, _, webhook_id in await taken(db)] == ["2"]


async def test_those_that_wait_are_counted_whatever_was_read(db: Db) -> None:
    assert await db.run(waiting_deliveries()) == 0
    await db.run(store_deliveries([arrival(str(number)) for number in range(5)]))
    counts = [await db.run(waiting_deliveries())]
    for _ in range(3):
        await read(db, limit=2)
        counts.append(await db.run(waiting_deliveries()))
    assert counts == [5, 3, 1, 0]


async def test_pruning_keeps_what_could_not_be_read_for_longer(db: Db) -> None:
    await db.run(store_deliveries([arrival(str(number)) for number in range(5)]))
    await read(db, limit=1, problem="no JSON")
    await read(db)
    later = NOW + timedelta(days=1)
    assert await db.run(prune_deliveries(NOW, NOW)) == 0
    assert [await db.run(prune_deliveries(later, NOW, limit=3)) for _ in range(3)] == [3, 1, 0]
    assert await db.run(unreadable_deliveries()) == 1
    assert await db.run(prune_deliveries(later, later)) == 1


async def test_nothing_to_keep_or_finish_is_no_error(db: Db) -> None:
    await db.run(store_deliveries([]))
    await db.run(finish_deliveries([]))
    await db.run(remember_read([], {}, NOW))
    assert await db.run(read_before([])) == set()
