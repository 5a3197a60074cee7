"""Webhooks as they came: kept before they are answered, read later, and known again when they are sent twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, or_, select
from sqlmodel import Session

from syncd.ports import Db
from syncd.store.keeping import POSTGRES_INSERT, SQLITE_INSERT, Arrival, Finished, postgres_columns, sqlite_rows
from syncd.store.schema import Delivery, ReadDelivery, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

DELIVERIES = table_of(Delivery)
READ = table_of(ReadDelivery)
COLUMNS = DELIVERIES.c

WebhookRef = tuple[str, str]
"""Store and webhook id."""


@dataclass(frozen=True)
class TakenDelivery:
    id: int
    store: str
    topic: str
    webhook_id: str
    body: bytes

    @property
    def ref(self) -> WebhookRef:
        return self.store, self.webhook_id


OLDEST = (
    select(COLUMNS.id, COLUMNS.store, COLUMNS.topic, COLUMNS.webhook_id, COLUMNS.body)
    .order_by(COLUMNS.id)
    .limit(bindparam("b_limit"))
)
FINISH = delete(DELIVERIES).where(
    COLUMNS.id == bindparam("b_id"),
    COLUMNS.store == bindparam("b_store"),
    COLUMNS.webhook_id == bindparam("b_webhook_id"),
)
KNOWN = select(READ.c.webhook_id).where(
    READ.c.store == bindparam("b_store"),
    READ.c.webhook_id.in_(bindparam("b_webhook_ids", expanding=True)),
)


def store_deliveries(arrivals: Sequence[Arrival]) -> Work[None]:
    """Keeps them, those that came before too."""

    def work(session: Session) -> None:
        connection = session.connection()
        if not arrivals:
            return
        if dialect_of(session) == "postgresql":
            connection.exec_driver_sql(POSTGRES_INSERT, postgres_columns(arrivals))
        else:
            connection.exec_driver_sql(SQLITE_INSERT, sqlite_rows(arrivals))

    return work


def take_deliveries(limit: int) -> Work[list[TakenDelivery]]:
    """The oldest that nobody has read yet. They stay until `finish_deliveries`: a crash between the two takes them again."""

    def work(session: Session) -> list[TakenDelivery]:
        rows = session.connection().execute(OLDEST, {"b_limit": limit})
        return [TakenDelivery(row.id, row.store, row.topic, row.webhook_id, row.body) for row in rows]

    return work


def finish_deliveries(read: Iterable[Finished]) -> Work[None]:
    """Forgets their bodies, which hold names and addresses."""
    given = [{"b_id": number, "b_store": store, "b_webhook_id": webhook_id} for number, store, webhook_id in read]

    def work(session: Session) -> None:
        if given:
            session.connection().execute(FINISH, given)

    return work


def read_before(refs: Iterable[WebhookRef]) -> Work[set[WebhookRef]]:
    """Which of them were read. A list for each store: pairs in one would make SQLite read the whole table."""
    by_store: dict[str, list[str]] = {}
    for store, webhook_id in refs:
        by_store.setdefault(store, []).append(webhook_id)

    def work(session: Session) -> set[WebhookRef]:
        return {
            (store, webhook_id)
            for store, ids in sorted(by_store.items())
            for webhook_id in session.connection().execute(KNOWN, {"b_store": store, "b_webhook_ids": ids}).scalars()
        }

    return work


def remember_read(read: Iterable[TakenDelivery], problems: Mapping[WebhookRef, str], now: datetime) -> Work[None]:
    """From now on a repeat of each is known. `problems`: why it could not be read."""
    rows = [
        {
            "store": one.store,
            "webhook_id": one.webhook_id,
            "topic": one.topic,
            "read_at": now,
            "problem": problems.get(one.ref),
        }
        for one in read
    ]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(upsert(dialect_of(session), READ).on_conflict_do_nothing(), rows)

    return work


def unreadable_deliveries() -> Work[int]:
    """How many of those that are still known could not be read."""
    statement = select(func.count()).select_from(READ).where(READ.c.problem.is_not(None))
    return lambda session: session.connection().execute(statement).scalar_one()


def prune_deliveries(before: datetime, parked_before: datetime, limit: int = 5_000) -> Work[int]:
    """Forgets deliveries that were read before this time, oldest first; those that could not be read are kept for longer. Call
    again while it returns `limit`.

    Keep them for longer than the sender repeats itself (Shopify: 4 hours).
    """
    oldest = (
        select(READ.c.id)
        .where(READ.c.read_at < before)
        .where(or_(READ.c.problem.is_(None), READ.c.read_at < parked_before))
        .order_by(READ.c.id)
        .limit(limit)
    )
    statement = delete(READ).where(READ.c.id.in_(oldest))
    return lambda session: session.connection().execute(statement).rowcount


def waiting_deliveries() -> Work[int]:
    """How many are kept and not read yet."""
    first, last = select(func.min(COLUMNS.id)).scalar_subquery(), select(func.max(COLUMNS.id)).scalar_subquery()

    def work(session: Session) -> int:
        # a SQLite file has hardly ever gaps, for one process writes it and they are read in order; counting would read all bodies
        count = last - first + 1 if dialect_of(session) == "sqlite" else func.count(COLUMNS.id)
        return session.connection().execute(select(count)).scalar() or 0

    return work


def forget_deliveries(store: str) -> Work[None]:
    """Those of one store that were read."""
    statement = delete(READ).where(READ.c.store == store)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


class KeptBy:
    """A `Keeper` over the whole store: for one process that does everything."""

    def __init__(self, db: Db) -> None:
        self._db = db

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        await self._db.run(store_deliveries(arrivals))

    async def finish(self, read: Sequence[Finished]) -> None:
        await self._db.run(finish_deliveries(read))
