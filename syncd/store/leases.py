"""Duties that one replica alone may do at a time, such as the polls."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, or_, update
from sqlmodel import Session

from syncd.store.schema import Lease, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

LEASES = table_of(Lease)
COLUMNS = LEASES.c


def take_lease(name: str, token: str, now: datetime, lease_s: float) -> Work[int | None]:
    """Takes a free lease or renews our own; None while someone else holds it.

    The fence is the same as long as the lease stays with us and greater after every change of hands.
    """

    def work(session: Session) -> int | None:
        until = now + timedelta(seconds=lease_s)
        insert = upsert(dialect_of(session), LEASES).values(name=name, token=token, until=until, fence=1)
        is_ours = COLUMNS.token == token
        statement = insert.on_conflict_do_update(
            index_elements=[COLUMNS.name],
            set_={"token": token, "until": until, "fence": case((is_ours, COLUMNS.fence), else_=COLUMNS.fence + 1)},
            where=or_(is_ours, COLUMNS.until.is_(None), COLUMNS.until <= now),
        ).returning(COLUMNS.fence)
        fence: int | None = session.connection().execute(statement).scalar()
        return fence

    return work


def drop_lease(name: str, token: str) -> Work[None]:
    """Lets the next one in at once. The row stays, because the fence must never start again."""
    statement = update(LEASES).where(COLUMNS.name == name, COLUMNS.token == token).values(token=None, until=None)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work
