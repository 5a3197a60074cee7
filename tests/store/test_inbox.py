"""Webhooks are kept once, read once, and forgotten in two steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from syncd.ports import Db
from syncd.store.inbox import (
    finish_deliveries,
    prune_deliveries,
    store_deliveries,
    take_deliveries,
    waiting_deliveries,
)
from syncd.store.keeping import Arrival

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def arrival(webhook_id: str, store: str = "main", body: bytes = b"{}") -> Arrival:
    return Arrival(store, "orders/paid", webhook_id, NOW, body)


async def taken_ids(db: Db) -> list[int]:
    return [delivery.id for delivery in await db.run(take_deliveries(100))]


async def test_a_webhook_delivered_twice_is_kept_once(db: Db) -> None:
    assert await db.run(store_deliveries([arrival("1"), arrival("2"), arrival("1")])) == 2
    assert await db.run(store_deliveries([arrival("2", body=b"again")])) == 0
    assert [delivery.body for delivery in await db.run(take_deliveries(100))] == [b"{}", b"{}"]


async def test_two_stores_may_use_the_same_id(db: Db) -> None:
    assert await db.run(store_deliveries([arrival("1"), arrival("1", store="other")])) == 2


async def test_any_bytes_come_back_as_they_were(db: Db) -> None:
    body = bytes(range(256)) * 30
    await db.run(store_deliveries([arrival("1", body=body)]))
    (delivery,) = await db.run(take_deliveries(1))
    assert (delivery.store, delivery.topic, delivery.body) == ("main", "orders/paid", body)


async def test_what_was_taken_but_not_finished_is_taken_again(db: Db) -> None:
    await db.run(store_deliveries([arrival("1"), arrival("2")]))
    first, second = await taken_ids(db)
    await db.run(finish_deliveries([first], NOW))
    assert await taken_ids(db) == [second]
    assert await db.run(waiting_deliveries()) == 1


async def test_a_repeat_is_recognised_after_it_was_read(db: Db) -> None:
    await db.run(store_deliveries([arrival("1")]))
    await db.run(finish_deliveries(await taken_ids(db), NOW))
    assert await db.run(store_deliveries([arrival("1")])) == 0
    assert await taken_ids(db) == []


async def test_pruning_spares_what_nobody_has_read(db: Db) -> None:
    await db.run(store_deliveries([arrival(str(number)) for number in range(5)]))
    await db.run(finish_deliveries((await taken_ids(db))[:4], NOW))
    later = NOW + timedelta(days=1)
    assert await db.run(prune_deliveries(NOW, NOW)) == 0
    assert [await db.run(prune_deliveries(later, NOW, limit=3)) for _ in range(3)] == [3, 1, 0]
    assert len(await taken_ids(db)) == 1


async def test_nothing_to_keep_or_finish_is_no_error(db: Db) -> None:
    assert await db.run(store_deliveries([])) == 0
    await db.run(finish_deliveries([], NOW))
