"""What a webhook asks for is done once, and is not lost where a commit is carried out and seems to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from sqlmodel import Session

from syncd.adapters import SystemClock
from syncd.errors import TransientError
from syncd.intake.reader import Letters, Reader
from syncd.ports import Db
from syncd.store.inbox import KeptBy, waiting_deliveries
from syncd.store.keeping import Arrival, Finished
from syncd.store.marks import due_summary

T = TypeVar("T")

SHOP = "one.myshopify.com"
MOVED = ("fulfillment_orders/moved", b'{"moved_fulfillment_order": {}}')
PAID = ("orders/paid", b'{"id": 7}')


class Post:
    """A reader between an inbox and a store. The commits in `breaks` are carried out, and their answers lost: `read` of the marks,
    `finish` of the inbox."""

    def __init__(self, db: Db) -> None:
        self.breaks: set[str] = set()
        self.nudged: list[str] = []
        self._db = db
        self._kept = KeptBy(db)
        letters = Letters(db, self._finish, asyncio.Event())
        self.reader = Reader(letters, self, SystemClock(), self.nudged.append, lambda: None, 1.0, {"main": SHOP})

    async def arrives(self, webhook: tuple[str, bytes], webhook_id: str) -> None:
        topic, body = webhook
        await self._kept.keep([Arrival("main", topic, webhook_id, SystemClock().now(), body)])

    async def run(self, fn: Callable[[Session], T], ahead: bool = False) -> T:
        result = await self._db.run(fn, ahead)
        self._answer("read")
        return result

    async def _finish(self, read: Sequence[Finished]) -> None:
        await self._kept.finish(read)
        self._answer("finish")

    def _answer(self, commit: str) -> None:
        if commit in self.breaks:
            self.breaks.remove(commit)
            raise TransientError("database", "the connection is gone")


async def times_marked(db: Db) -> int:
    statement = "SELECT coalesce(sum(marked), 0) FROM marks WHERE subject = 'main/7'"
    return int(await db.run(lambda session: session.connection().exec_driver_sql(statement).scalar_one()))


@pytest.mark.parametrize("commit", ["read", "finish"])
async def test_a_nudge_outlives_a_connection_that_breaks_while_its_webhook_becomes_read(db: Db, commit: str) -> None:
    post = Post(db)
    post.breaks = {commit}
    await post.arrives(MOVED, "1")
    with pytest.raises(TransientError):
        await post.reader.read_some()
    await post.reader.read_some()
    assert "main.fulfillment_orders" in post.nudged
    assert await db.run(waiting_deliveries()) == 0


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_was_sent_twice_marks_once(db: Db, at_once: bool) -> None:
    post = Post(db)
    for _ in range(2):
        await post.arrives(PAID, "1")
        if not at_once:
            await post.reader.read_some()
    await post.reader.read_some()
    assert await times_marked(db) == 1
    assert await db.run(waiting_deliveries()) == 0


@pytest.mark.parametrize("at_once", [True, False])
async def test_of_two_that_claim_one_id_the_first_counts(db: Db, at_once: bool) -> None:
    """The id is not signed: whoever replays another webhook with it displaces nothing."""
    post = Post(db)
    await post.arrives(PAID, "1")
    if not at_once:
        await post.reader.read_some()
    await post.arrives(("orders/updated", b'{"id": 8}'), "1")
    await post.reader.read_some()
    assert await times_marked(db) == 1


async def test_whoever_dies_before_the_inbox_forgets_a_webhook_knows_it_again(db: Db) -> None:
    post = Post(db)
    post.breaks = {"read"}
    await post.arrives(PAID, "1")
    with pytest.raises(TransientError):
        await post.reader.read_some()
    assert await db.run(waiting_deliveries()) == 1
    assert await post.reader.read_some() == 1
    assert await times_marked(db) == 1


async def test_the_same_id_of_another_topic_is_another_webhook(db: Db) -> None:
    post = Post(db)
    await post.arrives(PAID, "1")
    await post.arrives(("orders/updated", b'{"id": 8}'), "2")
    assert await post.reader.read_some() == 2
    due = await db.run(due_summary("orders", datetime.now(UTC), 0))
    assert due.count == 2
