"""Webhooks as they came: kept before they are answered, read later, and known again when they are sent twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, or_, select, text, update
from sqlmodel import Session

from syncd.ports import Db
from syncd.store.keeping import POSTGRES_INSERT, SQLITE_INSERT, Arrival, postgres_columns, sqlite_rows
from syncd.store.schema import Delivery, table_of
from syncd.store.statements import dialect_of
from syncd.store.transaction import Work, together

DELIVERIES = table_of(Delivery)
COLUMNS = DELIVERIES.c


@dataclass(frozen=True)
class TakenDelivery:
    id: int
    store: str
    topic: str
    body: bytes


OLDEST = (
    select(COLUMNS.id, COLUMNS.store, COLUMNS.topic, COLUMNS.body)
    .where(text("taken_at IS NULL"))
    .order_by(COLUMNS.id)
    .limit(bindparam("b_limit"))
)
FINISH = (
    update(DELIVERIES)
    .where(COLUMNS.id.in_(bindparam("b_ids", type_=COLUMNS.id.type, expanding=True)))
    .values(taken_at=bindparam("b_now"), body=None)
)
NOTE = update(DELIVERIES).where(COLUMNS.id == bindparam("b_id")).values(problem=bindparam("b_problem"))


def store_deliveries(arrivals: Sequence[Arrival]) -> Work[int]:
    """Keeps what is new and returns how many that were."""

    def work(session: Session) -> int:
        if not arrivals:
            return 0
        connection = session.connection()
        if dialect_of(session) == "postgresql":
            return connection.exec_driver_sql(POSTGRES_INSERT, postgres_columns(arrivals)).rowcount
        found = connection.exec_driver_sql(SQLITE_INSERT, sqlite_rows(arrivals), {"preserve_rowcount": True})
        return found.rowcount

    return work


def take_deliveries(limit: int) -> Work[list[TakenDelivery]]:
    """The oldest that nobody has read yet. They stay until `finish_deliveries`: a crash between the two reads them again.

    Index: ix_deliveries_not_taken.
    """

    def work(session: Session) -> list[TakenDelivery]:
        rows = session.connection().execute(OLDEST, {"b_limit": limit})
        return [TakenDelivery(row.id, row.store, row.topic, row.body or b"") for row in rows]

    return work


def finish_deliveries(ids: Iterable[int], now: datetime) -> Work[None]:
    """Read and turned into marks: drops the bodies, which hold names and addresses."""
    given = {"b_ids": list(ids), "b_now": now}

    def work(session: Session) -> None:
        session.connection().execute(FINISH, given)

    return work


def note_problems(problems: Mapping[int, str]) -> Work[None]:
    """Deliveries that could not be read, and why."""
    rows = [{"b_id": number, "b_problem": problem} for number, problem in sorted(problems.items())]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(NOTE, rows)

    return work


def unreadable_deliveries() -> Work[int]:
    """How many of those that are still known could not be read."""
    statement = select(func.count()).select_from(DELIVERIES).where(COLUMNS.problem.is_not(None))
    return lambda session: session.connection().execute(statement).scalar_one()


def prune_deliveries(before: datetime, parked_before: datetime, limit: int = 5_000) -> Work[int]:
    """Forgets read deliveries that came before this time, oldest first; those that could not be read are kept for longer. Call
    again while it returns `limit`.

    Keep them for longer than the sender repeats itself (Shopify: 4 hours).
    """
    oldest = (
        select(COLUMNS.id)
        .where(COLUMNS.received_at < before, COLUMNS.taken_at.is_not(None))
        .where(or_(COLUMNS.problem.is_(None), COLUMNS.received_at < parked_before))
        .order_by(COLUMNS.id)
        .limit(limit)
    )
    statement = delete(DELIVERIES).where(COLUMNS.id.in_(oldest))
    return lambda session: session.connection().execute(statement).rowcount


def waiting_deliveries() -> Work[int]:
    """How many are kept and not read yet. Index: ix_deliveries_not_taken."""
    statement = select(func.count()).select_from(DELIVERIES).where(DELIVERIES.c.taken_at.is_(None))
    return lambda session: session.connection().execute(statement).scalar_one()


def forget_deliveries(store: str) -> Work[None]:
    """Those of one store that were read."""
    statement = delete(DELIVERIES).where(COLUMNS.store == store, COLUMNS.taken_at.is_not(None))

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


class KeptBy:
    """A `Keeper` over the whole store: for one process that does everything."""

    def __init__(self, db: Db) -> None:
        self._db = db

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        await self._db.run(store_deliveries(arrivals))

    async def finish(self, ids: Sequence[int], problems: Mapping[int, str], now: datetime) -> None:
        await self._db.run(together(finish_deliveries(ids, now), note_problems(problems)))
