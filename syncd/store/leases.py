"""Duties that one replica alone may do at a time, such as the polls: who has which, and when it was last done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Executable, and_, bindparam, case, or_, select, update
from sqlmodel import Session

from syncd.store.schema import Lease, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

LEASES = table_of(Lease)
COLUMNS = LEASES.c

IS_OURS = and_(COLUMNS.name == bindparam("b_name"), COLUMNS.token == bindparam("b_token"))
KEEP = update(LEASES).where(IS_OURS).values(until=bindparam("b_until"))
HAS = select(COLUMNS.name).where(IS_OURS).with_for_update()
DROP = update(LEASES).where(IS_OURS).values(token=None, until=bindparam("b_until"), done_at=bindparam("b_done_at"))
LAST_DONE = select(COLUMNS.name, COLUMNS.done_at).where(COLUMNS.done_at <= bindparam("b_far"))

FAR_AHEAD = timedelta(minutes=5)
"""No lease and no rest is so long, and nothing was done in the future: what lies further ahead was noted by a clock that was set
back since, and would be waited for until it comes round again."""


@dataclass(frozen=True)
class Taken:
    """`fence` is the same as long as the lease stays with us and greater after every change of hands. `done_at`: when the duty was
    begun for the last time that it came to its end, by whomever."""

    fence: int
    done_at: datetime | None


def take_lease(name: str, token: str, now: datetime, lease_s: float) -> Work[Taken | None]:
    """Takes a free lease or renews our own; None while someone else holds it, or while the duty rests."""

    until, far = now + timedelta(seconds=lease_s), now + FAR_AHEAD
    given = {"b_name": name, "b_token": token, "b_until": until, "b_now": now, "b_far": far}

    def work(session: Session) -> Taken | None:
        row = session.connection().execute(_take(dialect_of(session)), given).one_or_none()
        return Taken(row.fence, row.done_at if row.done_at and row.done_at <= far else None) if row else None

    return work


@cache
def _take(dialect: str) -> Executable:
    new = {"name": bindparam("b_name"), "token": bindparam("b_token"), "until": bindparam("b_until"), "fence": 1}
    insert = upsert(dialect, LEASES).values(**new)
    is_ours = COLUMNS.token == insert.excluded.token
    is_over = or_(COLUMNS.until.is_(None), COLUMNS.until <= bindparam("b_now"), COLUMNS.until > bindparam("b_far"))
    changes = {
        "token": insert.excluded.token,
        "until": insert.excluded.until,
        "fence": case((is_ours, COLUMNS.fence), else_=COLUMNS.fence + 1),
    }
    return insert.on_conflict_do_update(
        index_elements=[COLUMNS.name],
        set_=changes,
        where=or_(is_ours, is_over),
    ).returning(COLUMNS.fence, COLUMNS.done_at)


def keep_lease(name: str, token: str, until: datetime) -> Work[bool]:
    """Renews our own and takes nothing: a renewal that comes late must not take back what was given up meanwhile."""
    given = {"b_name": name, "b_token": token, "b_until": until}
    return lambda session: session.connection().execute(KEEP, given).rowcount > 0


def has_lease(name: str, token: str) -> Work[bool]:
    """Whether it is still ours, and stays so until this transaction ends: who would take it waits for the row."""
    given = {"b_name": name, "b_token": token}
    return lambda session: session.connection().execute(HAS, given).first() is not None


def drop_lease(name: str, token: str, rests_until: datetime | None, done_at: datetime | None) -> Work[None]:
    """Lets the next one in at once, or after a rest. The row stays, because the fence must never start again."""
    given = {"b_name": name, "b_token": token, "b_until": rests_until, "b_done_at": done_at}

    def work(session: Session) -> None:
        session.connection().execute(DROP, given)

    return work


def last_done(now: datetime) -> Work[dict[str, datetime]]:
    """When each duty was begun for the last time that it came to its end; those that never did are left out."""
    given = {"b_far": now + FAR_AHEAD}
    return lambda session: {row.name: row.done_at for row in session.connection().execute(LAST_DONE, given)}
