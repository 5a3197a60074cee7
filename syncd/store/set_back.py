"""After the clock was set back: times that it noted before lie in the future, and would be waited for until they come round again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, literal, or_, text, update
from sqlmodel import Session

from syncd.store.cursors import advance, cursor
from syncd.store.journeys import JOURNEYS
from syncd.store.mark_updates import COLUMNS, MARKS
from syncd.store.memory import GAP
from syncd.store.outbound import MESSAGES
from syncd.store.schema import IS_UNSENT, IS_WAITING
from syncd.store.transaction import Work

LATEST_ASK = timedelta(hours=8)
"""A carrier that is to be asked later may be asked then: to ask of all at once would take the calls of hours."""


def wait_for_nothing_later(now: datetime, lease_s: float) -> Work[int]:
    """What waits is looked at now, also what is meant to be looked at later: its plan says anew when. Leases last as long as one of
    now, and a gap in our memory was found at the latest now. How many marks were waiting for a later time."""
    longest = now + timedelta(seconds=lease_s)
    waiting = (
        update(MARKS)
        .where(text(IS_WAITING), or_(COLUMNS.marked_at > now, COLUMNS.retry_at > now, COLUMNS.lease_until > longest))
        .values(
            marked_at=_at_most(COLUMNS.marked_at, now),
            hint_at=_at_most(COLUMNS.hint_at, now),
            retry_at=_at_most(COLUMNS.retry_at, now),
            lease_until=_at_most(COLUMNS.lease_until, longest),
        )
    )
    asked, farthest = JOURNEYS.c.ask_at, now + LATEST_ASK
    journeys = (
        update(JOURNEYS)
        .where(or_(asked > farthest, JOURNEYS.c.tell_at > now))
        .values(ask_at=_at_most(asked, farthest), tell_at=_at_most(JOURNEYS.c.tell_at, now))
    )
    unsent = update(MESSAGES).where(text(IS_UNSENT), MESSAGES.c.next_at > now).values(next_at=now)

    def work(session: Session) -> int:
        gap = cursor(GAP)(session)
        if gap and gap.watermark and gap.watermark > now:
            advance(GAP, now, None, now)(session)
        session.connection().execute(unsent)
        session.connection().execute(journeys)
        return session.connection().execute(waiting).rowcount

    return work


def _at_most(column: ColumnElement[Any], latest: datetime) -> ColumnElement[Any]:
    return case((column > latest, literal(latest, column.type)), else_=column)
