"""Duties that one replica alone may do at a time, such as the polls: who has which, and when it was last done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, or_, select, update
from sqlmodel import Session

from syncd.store.schema import Lease, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

LEASES = table_of(Lease)
COLUMNS = LEASES.c


@dataclass(frozen=True)
class Taken:
    """`fence` is the same as long as the lease stays with us and greater after every change of hands. `done_at`: when the duty was
    begun for the last time that it came to its end, by whomever."""

    fence: int
    done_at: datetime | None


def take_lease(name: str, token: str, now: datetime, lease_s: float) -> Work[Taken | None]:
    """Takes a free lease or renews our own; None while someone else holds it, or while the duty rests."""

    def work(session: Session) -> Taken | None:
        until = now + timedelta(seconds=lease_s)
        insert = upsert(dialect_of(session), LEASES).values(name=name, token=token, until=until, fence=1)
        is_ours = COLUMNS.token == token
        statement = insert.on_conflict_do_update(
            index_elements=[COLUMNS.name],
            set_={"token": token, "until": until, "fence": case((is_ours, COLUMNS.fence), else_=COLUMNS.fence + 1)},
            where=or_(is_ours, COLUMNS.until.is_(None), COLUMNS.until <= now),
        ).returning(COLUMNS.fence, COLUMNS.done_at)
        row = session.connection().execute(statement).one_or_none()
        return Taken(row.fence, row.done_at) if row else None

    return work


def keep_lease(name: str, token: str, until: datetime) -> Work[bool]:
    """Renews our own and takes nothing: a renewal that comes late must not take back what was given up meanwhile."""
    statement = update(LEASES).where(COLUMNS.name == name, COLUMNS.token == token).values(until=until)
    return lambda session: session.connection().execute(statement).rowcount > 0


def has_lease(name: str, token: str) -> Work[bool]:
    """Whether it is still ours, and stays so until this transaction ends: who would take it waits for the row."""
    statement = select(COLUMNS.name).where(COLUMNS.name == name, COLUMNS.token == token).with_for_update()
    return lambda session: session.connection().execute(statement).first() is not None


def drop_lease(name: str, token: str, rests_until: datetime | None, done_at: datetime | None) -> Work[None]:
    """Lets the next one in at once, or after a rest. The row stays, because the fence must never start again."""
    statement = (
        update(LEASES)
        .where(COLUMNS.name == name, COLUMNS.token == token)
        .values(token=None, until=rests_until, done_at=done_at)
    )

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def last_done() -> Work[dict[str, datetime]]:
    """When each duty was begun for the last time that it came to its end; those that never did are left out."""
    statement = select(COLUMNS.name, COLUMNS.done_at).where(COLUMNS.done_at.is_not(None))
    return lambda session: {row.name: row.done_at for row in session.connection().execute(statement)}
