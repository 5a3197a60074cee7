"""What each vendor account was sent lately, shared by all replicas, and which accounts do not let us in.

The log of grants slides with the time, so that no window of the vendor's can hold more than the limit, wherever it begins.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlmodel import Session

from syncd.store.schema import Budget, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import T, Work

BUDGETS = table_of(Budget)
COLUMNS = BUDGETS.c


@dataclass(frozen=True)
class Grant:
    """`wait_s` is 0 when granted, else the time after which asking again makes sense: never 0."""

    granted: bool
    wait_s: float = 0.0


@dataclass(frozen=True)
class PausedAccount:
    account: str
    code: str
    text: str
    since: datetime


@dataclass(frozen=True)
class Window:
    """Grants still counted, in epoch seconds, oldest first; and until when the vendor wants no call at all."""

    grants: list[float]
    blocked_until: datetime | None


def take_grant(
    account: str, now: datetime, limit: int, window_s: float, ceiling: int, soon_s: float = 0.0
) -> Work[Grant]:
    """One request, if fewer than `ceiling` were granted within `window_s`. `ceiling` is the share of `limit` of this class.

    A request that would be granted within `soon_s` anyway may have what is left above the ceiling at once: nobody more urgent
    then waits longer than `soon_s` for it.
    """

    def ask(window: Window) -> tuple[Window, Grant]:
        if window.blocked_until and window.blocked_until > now:
            return window, _refused((window.blocked_until - now).total_seconds())
        excess = len(window.grants) - min(ceiling, limit)
        if excess >= 0:
            free_s = _runs_out_in_s(window, excess, now, window_s) - soon_s
            full_s = _runs_out_in_s(window, len(window.grants) - limit, now, window_s)
            if free_s > 0 or full_s > 0:
                return window, _refused(max(free_s, full_s))
        return Window([*window.grants, now.timestamp()], None), Grant(granted=True)

    return _changed(account, now, window_s, ask)


def _runs_out_in_s(window: Window, place: int, now: datetime, window_s: float) -> float:
    """When the grant at this place of the log is forgotten; 0 for a place before the first. A limit of 0 waits for ever."""
    if place < 0:
        return 0.0
    return (window.grants[place] if window.grants else now.timestamp()) + window_s - now.timestamp()


def _refused(wait_s: float) -> Grant:
    return Grant(granted=False, wait_s=max(wait_s, 0.001))


def correct(account: str, now: datetime, limit: int, window_s: float, remaining: int, reset_s: float) -> Work[None]:
    """The vendor says that fewer requests remain than we counted: someone else uses the key.

    The difference counts as grants that run out when the vendor's window does. None remaining, or a 429: no call until then.
    """

    def believe(window: Window) -> tuple[Window, None]:
        foreign = limit - len(window.grants) - remaining
        runs_out_with_window = min(now.timestamp(), now.timestamp() + reset_s - window_s)
        grants = sorted([*window.grants, *[runs_out_with_window] * foreign])
        blocked_until = window.blocked_until
        if remaining <= 0:
            until = now + timedelta(seconds=reset_s)
            blocked_until = max(until, blocked_until) if blocked_until else until
        return Window(grants, blocked_until), None

    return _changed(account, now, window_s, believe)


def current_window(account: str, now: datetime, window_s: float) -> Work[Window]:
    """For status and metrics; an account never used has an empty window."""
    statement = select(COLUMNS.grants, COLUMNS.blocked_until).where(COLUMNS.account == account)

    def work(session: Session) -> Window:
        row = session.connection().execute(statement).one_or_none()
        return _window(row.grants, row.blocked_until, now, window_s) if row else Window([], None)

    return work


def _window(grants: str, blocked_until: datetime | None, now: datetime, window_s: float) -> Window:
    """Replicas' clocks differ a little; a grant that lies further ahead was written before the clock was set back."""
    present = now.timestamp()
    times = [time if time <= present + window_s else present for time in json.loads(grants)]
    return Window([time for time in times if time > present - window_s], blocked_until)


def _changed(account: str, now: datetime, window_s: float, change: Callable[[Window], tuple[Window, T]]) -> Work[T]:
    """Reads the row under a lock, so that two replicas never see the same free slot, and forgets what left the window."""
    locked = select(COLUMNS.grants, COLUMNS.blocked_until).where(COLUMNS.account == account).with_for_update()

    def work(session: Session) -> T:
        connection = session.connection()
        row = connection.execute(locked).one_or_none()
        if row is None:
            insert = upsert(dialect_of(session), BUDGETS).values(account=account, grants="[]", updated_at=now)
            connection.execute(insert.on_conflict_do_nothing(index_elements=[COLUMNS.account]))
            row = connection.execute(locked).one()
        window, answer = change(_window(row.grants, row.blocked_until, now, window_s))
        values = {"grants": json.dumps(window.grants), "blocked_until": window.blocked_until, "updated_at": now}
        connection.execute(update(BUDGETS).where(COLUMNS.account == account).values(**values))
        return answer

    return work


def pause(account: str, code: str, text: str, now: datetime) -> Work[None]:
    """The account does not let us in. The first time of a pause is kept."""

    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), BUDGETS).values(
            account=account, grants="[]", paused_code=code, paused_text=text, paused_since=now, updated_at=now
        )
        new = insert.excluded
        changes = {
            "paused_code": new.paused_code,
            "paused_text": new.paused_text,
            "paused_since": func.coalesce(COLUMNS.paused_since, new.paused_since),
            "updated_at": new.updated_at,
        }
        session.connection().execute(insert.on_conflict_do_update(index_elements=[COLUMNS.account], set_=changes))

    return work


def resume(account: str) -> Work[bool]:
    """True when it was paused: coming back is told once."""
    statement = (
        update(BUDGETS)
        .where(COLUMNS.account == account, COLUMNS.paused_since.is_not(None))
        .values(paused_code=None, paused_text=None, paused_since=None)
    )
    return lambda session: session.connection().execute(statement).rowcount > 0


def paused_accounts() -> Work[list[PausedAccount]]:
    statement = (
        select(COLUMNS.account, COLUMNS.paused_code, COLUMNS.paused_text, COLUMNS.paused_since)
        .where(COLUMNS.paused_since.is_not(None))
        .order_by(COLUMNS.account)
    )

    def work(session: Session) -> list[PausedAccount]:
        rows = session.connection().execute(statement)
        return [
            PausedAccount(row.account, row.paused_code or "", row.paused_text or "", row.paused_since) for row in rows
        ]

    return work
