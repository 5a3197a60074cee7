"""Marks are the queue: what to look at again, who is looking, and what came of it.

Every worker's statement requires the token of the claim. Take a new token for each claim: a lease that ran out and was
taken again, even by the same process, then cannot be settled by the one who was late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Update,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from syncd import hints
from syncd.hints import Lane
from syncd.store import mark_updates
from syncd.store.mark_updates import BLAMELESS, COLUMNS, FREE, MARKS
from syncd.store.schema import IS_PARKED, IS_WAITING
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

IS_DUE = and_(
    COLUMNS.flow == bindparam("b_flow"),
    text(IS_WAITING),
    or_(
        COLUMNS.marked_at <= bindparam("b_folded"),
        and_(COLUMNS.lane == literal_column("0"), COLUMNS.marked_at <= bindparam("b_now")),
    ),
    or_(COLUMNS.retry_at.is_(None), COLUMNS.retry_at <= bindparam("b_now")),
    or_(COLUMNS.lease_until.is_(None), COLUMNS.lease_until <= bindparam("b_now")),
)
"""Lane 0 is the urgent one, which does not fold."""

SOME_DUE = select(COLUMNS.subject).where(IS_DUE).order_by(COLUMNS.lane, COLUMNS.marked_at).limit(bindparam("b_limit"))
"""Without the order SQLite would take the index of the key, for the count, and read what was settled long ago."""

PICKED = SOME_DUE.cte("picked").prefix_with("MATERIALIZED")
"""Materialized: a plan that evaluated it twice would lease rows that it does not return."""


def _leased(chosen: ColumnElement[bool]) -> Update:
    return (
        update(MARKS)
        .where(COLUMNS.flow == bindparam("b_flow"), chosen)
        .values(lease_token=bindparam("b_token"), lease_until=bindparam("b_until"), claimed=COLUMNS.marked)
        .returning(
            COLUMNS.subject, COLUMNS.marked, COLUMNS.lane, COLUMNS.attempts, COLUMNS.marked_at, COLUMNS.error_code
        )
    )


PLACES: Select[Any] = SOME_DUE.with_only_columns(literal_column("marks.ctid")).with_for_update(skip_locked=True)
CLAIM = {
    "sqlite": _leased(COLUMNS.subject.in_(select(PICKED.c.subject))),
    "postgresql": _leased(literal_column("marks.ctid") == any_(func.array(PLACES.correlate(None).scalar_subquery()))),
}
"""On PostgreSQL by the places of the locked rows: by key it read a small table whole, and every row's key in a large one. A row that
moves while it is being locked is left to the next claim."""

COUNT_DUE = select(func.count()).select_from(SOME_DUE.subquery())


def _oldest_in(lane: Lane) -> ScalarSelect[datetime | None]:
    return (
        select(func.min(COLUMNS.marked_at))
        .where(COLUMNS.flow == bindparam("b_flow"), COLUMNS.lane == literal_column(str(lane.value)), text(IS_WAITING))
        .scalar_subquery()
    )


SUMMARY: Select[Any] = select(COUNT_DUE.scalar_subquery(), *map(_oldest_in, Lane))
"""The first of each lane is one look at the index; a minimum over all of them would read the whole backlog."""


class Claimed(NamedTuple):
    """`marked` is the count that settling will copy; `attempts` are those that failed before, the last one with `error_code`."""

    subject: str
    marked: int
    lane: Lane
    attempts: int
    marked_at: datetime
    error_code: str | None


@dataclass(frozen=True)
class Due:
    """`count` goes no further than the limit asked for. `oldest_marked_at` covers all that waits, due or not.

    `next_due_at` may be early by one fold time, never late; None when nothing waits.
    """

    count: int
    oldest_marked_at: datetime | None
    next_due_at: datetime | None


@dataclass(frozen=True)
class ParkedMark:
    flow: str
    subject: str
    marked_at: datetime
    error_code: str
    error_text: str


def mark(marks: Sequence[hints.Mark], now: datetime) -> Work[None]:
    """Adds one to each subject's count, whoever works on it at present. Wakes what was parked.

    Sorted by key, so that two markers on PostgreSQL never wait for each other in a circle.
    """
    lanes: dict[tuple[str, str], int] = {}
    for one in marks:
        key = (one.flow, one.subject)
        lanes[key] = min(lanes.get(key, one.lane), one.lane)
    rows = [_new_row(flow, subject, lane, now) for (flow, subject), lane in sorted(lanes.items())]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(_mark_statement(dialect_of(session)), rows)

    return work


def _new_row(flow: str, subject: str, lane: int, now: datetime) -> dict[str, Any]:
    counts = {"marked": 1, "settled": 0, "claimed": 0, "parked": 0, "attempts": 0}
    return {"flow": flow, "subject": subject, "lane": int(lane), "marked_at": now, "hint_at": now, **counts}


@cache
def _mark_statement(dialect: str) -> sqlite.Insert | postgresql.Insert:
    """What already waits keeps the earlier time and the more urgent lane: a chatty order is not put off for ever."""
    insert = upsert(dialect, MARKS)
    new = insert.excluded
    waits = and_(COLUMNS.marked > COLUMNS.settled, COLUMNS.marked > COLUMNS.parked)
    return insert.on_conflict_do_update(
        index_elements=[COLUMNS.flow, COLUMNS.subject],
        set_={
            "marked": COLUMNS.marked + 1,
            "marked_at": case((and_(waits, COLUMNS.marked_at < new.marked_at), COLUMNS.marked_at), else_=new.marked_at),
            "hint_at": new.hint_at,
            "lane": case((and_(waits, COLUMNS.lane < new.lane), COLUMNS.lane), else_=new.lane),
        },
    )


def claim(flow: str, limit: int, now: datetime, token: str, lease_s: float, settle_s: float) -> Work[list[Claimed]]:
    """Leases up to `limit` due marks, the most urgent and oldest first. Index: ix_marks_waiting."""
    until = now + timedelta(seconds=lease_s)
    given = {"b_limit": limit, "b_token": token, "b_until": until} | _due_at(flow, now, settle_s)

    def work(session: Session) -> list[Claimed]:
        rows = session.connection().execute(CLAIM[dialect_of(session)], given).all()
        claimed = [Claimed(subject, marked, Lane(lane), *rest) for subject, marked, lane, *rest in rows]
        return sorted(claimed, key=lambda one: (one.lane, one.marked_at, one.subject))  # RETURNING has no order

    return work


def _due_at(flow: str, now: datetime, settle_s: float) -> dict[str, Any]:
    return {"b_flow": flow, "b_now": now, "b_folded": now - timedelta(seconds=settle_s)}


def _all_of(flow: str, token: str, subjects: Iterable[str]) -> dict[str, Any]:
    return {"b_flow": flow, "b_token": token, "b_subjects": list(subjects)}


def still_ours(flow: str, subjects: Iterable[str], token: str) -> Work[set[str]]:
    """Those that nobody took over. Index: the primary key."""
    given = _all_of(flow, token, subjects)
    return lambda session: set(session.connection().execute(mark_updates.held(), given).scalars())


def settle(flow: str, claimed: Iterable[Claimed], token: str) -> Work[set[str]]:
    """The work on what was claimed is done. Returns the subjects whose lease was still ours.

    A mark that came meanwhile leaves the row waiting; it then folds from that mark on.
    """
    given = _all_of(flow, token, [one.subject for one in claimed])
    return lambda session: set(session.connection().execute(mark_updates.settled(), given).scalars())


def defer(
    flow: str, retries: Mapping[str, tuple[datetime, str, str]], token: str, counts_attempt: bool = True
) -> Work[None]:
    """Subject -> (retry at, error code, text). A newer mark does not shorten the wait: the trouble is not the order's."""
    same = {"b_flow": flow, "b_token": token, "b_counts": int(counts_attempt)}
    rows = [
        same | {"b_subject": s, "b_at": at, "b_code": code, "b_text": told}
        for s, (at, code, told) in sorted(retries.items())
    ]
    return _for_each(mark_updates.deferred(), rows)


def look_again(flow: str, times: Mapping[str, datetime], token: str) -> Work[None]:
    """Settles, and marks again as of a time to come: subject -> time, plus the fold time. An earlier mark overtakes it."""
    same = {"b_flow": flow, "b_token": token}
    rows = [same | {"b_subject": subject, "b_at": at} for subject, at in sorted(times.items())]
    return _for_each(mark_updates.marked_to_come(), rows)


def park(flow: str, reasons: Mapping[str, tuple[str, str]], token: str) -> Work[None]:
    """Subject -> (error code, text). Gives up what was claimed: a mark that came meanwhile, or comes later, wakes it."""
    same = {"b_flow": flow, "b_token": token}
    rows = [same | {"b_subject": s, "b_code": code, "b_text": told} for s, (code, told) in sorted(reasons.items())]
    return _for_each(mark_updates.parked(), rows)


def _for_each(statement: Update, rows: list[dict[str, Any]]) -> Work[None]:
    def work(session: Session) -> None:
        if rows:
            session.connection().execute(statement, rows)

    return work


def give_back(flow: str, subjects: Iterable[str], token: str) -> Work[None]:
    """As if never claimed: nothing is counted and nothing is waited for."""
    given = _all_of(flow, token, subjects)
    return lambda session: _done(session, mark_updates.freed(), given)


def renew(
    flow: str, subjects: Iterable[str], token: str, until: datetime, unless_urgent: Iterable[str] = ()
) -> Work[set[str]]:
    """A lease until then for what is still ours; returns that. Of `unless_urgent`, what was marked as urgent since it was
    claimed is given back instead."""
    overtaken, kept = _all_of(flow, token, unless_urgent), _all_of(flow, token, subjects) | {"b_until": until}

    def work(session: Session) -> set[str]:
        session.connection().execute(mark_updates.freed_where_overtaken(), overtaken)
        return set(session.connection().execute(mark_updates.renewed(), kept).scalars())

    return work


def abandon_leases(token: str) -> Work[None]:
    """Gives back all that was claimed with this token. Reads the whole table: for an orderly stop only."""
    statement = update(MARKS).where(COLUMNS.lease_token == token).values(**FREE)
    return lambda session: _done(session, statement)


def _done(session: Session, statement: Update, given: Mapping[str, Any] | None = None) -> None:
    session.connection().execute(statement, given)


def release(flow: str, subject: str, now: datetime) -> Work[bool]:
    """By hand: wakes what is parked or deferred. False when there is no such mark; a settled one needs `mark`."""
    statement = (
        update(MARKS)
        .where(COLUMNS.flow == flow, COLUMNS.subject == subject, COLUMNS.marked > COLUMNS.settled)
        .values(marked=COLUMNS.marked + 1, marked_at=now, hint_at=now, **BLAMELESS)
    )
    return lambda session: session.connection().execute(statement).rowcount > 0


def release_parked(flow: str, error_code: str, now: datetime) -> Work[int]:
    """By hand: wakes all that was parked for this reason, and counts them. Index: ix_marks_parked."""
    statement = (
        update(MARKS)
        .where(COLUMNS.flow == flow, text(IS_PARKED), COLUMNS.error_code == error_code)
        .values(marked=COLUMNS.marked + 1, marked_at=now, hint_at=now, **BLAMELESS)
    )
    return lambda session: session.connection().execute(statement).rowcount


def due_summary(flow: str, now: datetime, settle_s: float, limit: int = 1_000) -> Work[Due]:
    """What a worker and the status page must know of one flow. Index: ix_marks_waiting, all of it only when nothing is due."""

    def work(session: Session) -> Due:
        connection = session.connection()
        count, *heads = connection.execute(SUMMARY, {"b_limit": limit} | _due_at(flow, now, settle_s)).one()
        oldest = min((head for head in heads if head is not None), default=None)
        if count or oldest is None:
            return Due(count, oldest, now if count else None)
        blocked, folding = connection.execute(NEXT_TIMES, {"b_flow": flow, "b_now": now}).one()
        folded = folding + timedelta(seconds=settle_s) if folding else None
        return Due(0, oldest, min((time for time in (blocked, folded) if time), default=None))

    return work


def _next_times() -> Select[Any]:
    """When the first deferral or lease ends, and the first mark of those that only fold.

    Every lane is at least 0: naming it makes SQLite take the partial index and not that of the key.
    """
    retry, lease = COLUMNS.retry_at, COLUMNS.lease_until
    is_blocked = or_(retry > bindparam("b_now"), lease > bindparam("b_now"))
    blocked_until = case((retry.is_(None), lease), (lease.is_(None), retry), (retry > lease, retry), else_=lease)
    return select(
        func.min(case((is_blocked, blocked_until), else_=None)),
        func.min(case((is_blocked, None), else_=COLUMNS.marked_at)),
    ).where(COLUMNS.flow == bindparam("b_flow"), COLUMNS.lane >= literal_column("0"), text(IS_WAITING))


NEXT_TIMES = _next_times()


def under_way(flow: str, now: datetime) -> Work[int]:
    """How many are being worked on: not due, and not done either. Index: ix_marks_waiting."""
    statement = (
        select(func.count()).select_from(MARKS).where(COLUMNS.flow == flow, text(IS_WAITING), COLUMNS.lease_until > now)
    )
    return lambda session: session.connection().execute(statement).scalar_one()


def moving_subjects(now: datetime) -> Work[set[str]]:
    """Subjects of any flow about which something is to be done by now. Index: ix_marks_waiting."""
    statement = select(COLUMNS.subject).where(text(IS_WAITING), COLUMNS.marked_at <= now)
    return lambda session: set(session.connection().execute(statement).scalars())


WAITING = select(COLUMNS.subject).where(
    COLUMNS.flow == bindparam("b_flow"),
    COLUMNS.subject.in_(bindparam("b_subjects", type_=COLUMNS.subject.type, expanding=True)),
    text(IS_WAITING),
)


def waiting_among(flow: str, subjects: Collection[str]) -> Work[set[str]]:
    """Those of these subjects at which the flow still has to look, now or later. Index: the primary key."""
    given = {"b_flow": flow, "b_subjects": list(subjects)}
    return lambda session: set(session.connection().execute(WAITING, given).scalars()) if subjects else set()


def parked_marks() -> Work[list[ParkedMark]]:
    """All that waits for a person, oldest first. Index: ix_marks_parked."""
    statement = (
        select(COLUMNS.flow, COLUMNS.subject, COLUMNS.marked_at, COLUMNS.error_code, COLUMNS.error_text)
        .where(text(IS_PARKED))
        .order_by(COLUMNS.marked_at, COLUMNS.subject)
    )

    def work(session: Session) -> list[ParkedMark]:
        rows = session.connection().execute(statement)
        return [
            ParkedMark(row.flow, row.subject, row.marked_at, row.error_code or "", row.error_text or "") for row in rows
        ]

    return work
