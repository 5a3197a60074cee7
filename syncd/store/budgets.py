"""What each vendor account was sent lately, shared by all replicas, and which accounts do not let us in.

ShipStation counts in fixed windows whose ends only its answers tell. Every call counts until the window in which the vendor
counted it is surely over: as the answer told, or, where it told nothing of use, for a whole window after the answer.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import Select, bindparam, case, select, update
from sqlmodel import Session

from syncd.store.schema import Budget, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import T, Work

BUDGETS = table_of(Budget)
COLUMNS = BUDGETS.c

READ = select(COLUMNS.grants, COLUMNS.blocked_until).where(COLUMNS.account == bindparam("b_account"))
WRITE = (
    update(BUDGETS)
    .where(COLUMNS.account == bindparam("b_account"))
    .values(grants=bindparam("b_grants"), blocked_until=bindparam("b_blocked_until"), updated_at=bindparam("b_now"))
)

TICK_S = 1e-4
"""Calls are told apart by the time of their grant, of which there is never the same twice."""
LONGEST_BLOCK = timedelta(minutes=15)
"""A refusal that is said to last for longer was written down by a clock that was ahead."""


@dataclass(frozen=True)
class Grant:
    """`number` names the call that may now be made; None when it must wait, for `wait_s`, which is never 0. `standing` counts
    this one too."""

    number: float | None
    wait_s: float
    standing: Standing


class Standing(NamedTuple):
    """So many calls count at present, and when the window ends in which they do, in epoch seconds; None where nobody knows."""

    used: int
    window_ends: float | None


@dataclass(frozen=True)
class PausedAccount:
    account: str
    code: str
    text: str
    since: datetime


@dataclass(frozen=True)
class Told:
    """What one answer said of the vendor's window, times in epoch seconds of our clock.

    The window ends between `least` and `certain`, and by `likely` unless the call was unusually long on its way. The vendor
    counted `used` calls in it, ours or not.
    """

    least: float
    likely: float
    certain: float
    used: int


@dataclass(frozen=True)
class Ledger:
    """What counts at present, times in epoch seconds. `calls`: number of each of our calls -> until when it counts, or None
    for as long as the vendor's `window` lasts. `foreign` are calls of somebody else in that window."""

    calls: Mapping[float, float | None] = field(default_factory=dict)
    window: Told | None = None
    foreign: int = 0
    blocked_until: datetime | None = None

    @property
    def used(self) -> int:
        return len(self.calls) + self.foreign

    @property
    def standing(self) -> Standing:
        return Standing(self.used, self.window_ends if self.window else None)

    @property
    def window_ends(self) -> float:
        """Answers that cannot both be right cost us the doubt."""
        if self.window is None:
            return 0.0
        return self.window.likely if self.window.likely >= self.window.least else self.window.certain

    def runs_out(self, excess: int) -> float:
        """When so many and one more of what counts will not count any more."""
        ends = sorted(self.window_ends if until is None else until for until in self.calls.values())
        # the foreign ones are counted and not listed: an answer may tell of millions
        before = bisect_right(ends, self.window_ends)
        if excess >= before:
            return self.window_ends if excess < before + self.foreign else ends[excess - self.foreign]
        return ends[excess]


def take_grant(account: str, now: datetime, limit: int, ceiling: int, longest_s: float, soon_s: float) -> Work[Grant]:
    """One call, if fewer than `ceiling` count at present. `ceiling` is the share of `limit` of this class.

    Until its answer is noted it counts for `longest_s`. A call that would be granted within `soon_s` anyway may have what is
    left above the ceiling at once: nobody more urgent then waits longer than `soon_s` for it.
    """
    present = now.timestamp()

    def ask(ledger: Ledger) -> tuple[Ledger, Grant]:
        if ledger.blocked_until and ledger.blocked_until > now:
            return ledger, _refused(ledger, (ledger.blocked_until - now).total_seconds())
        excess = ledger.used - min(ceiling, limit)
        if limit < 1 or (excess >= 0 and not ledger.used):
            return ledger, _refused(ledger, longest_s)
        if excess >= 0:
            free_s = ledger.runs_out(excess) - present - soon_s
            full_s = ledger.runs_out(ledger.used - limit) - present if ledger.used >= limit else 0.0
            if free_s > 0 or full_s > 0:
                return ledger, _refused(ledger, max(free_s, full_s))
        number = max(present, max(ledger.calls, default=0.0) + TICK_S)
        calls = {**ledger.calls, number: present + longest_s}
        taken = replace(ledger, calls=calls, blocked_until=None)
        return taken, Grant(number, 0.0, taken.standing)

    return _changed(account, now, longest_s, ask)


def _refused(ledger: Ledger, wait_s: float) -> Grant:
    return Grant(None, max(wait_s, 0.001), ledger.standing)


def note_answer(
    account: str, number: float, now: datetime, told: Told | None, window_s: float, longest_s: float
) -> Work[Standing]:
    """The call is over. `told` is None when the answer said nothing of the window, or none came.

    What is told of another window than the last known one means that the later of the two is the present one. Where neither
    can be, the answers contradict each other, and all of them count for a whole window from now.
    """

    def believe(ledger: Ledger) -> tuple[Ledger, Standing]:
        changed = _noted(ledger, number, now.timestamp(), told, window_s)
        return changed, changed.standing

    return _changed(account, now, longest_s, believe)


def _noted(ledger: Ledger, number: float, present: float, told: Told | None, window_s: float) -> Ledger:
    others: dict[float, float | None] = {one: until for one, until in ledger.calls.items() if one != number}
    known = ledger.window
    if told is None:
        return replace(ledger, calls=others | {number: present + window_s})
    if known is None:
        return _with_foreign(replace(ledger, calls=others | {number: None}, window=told), told)
    if told.certain < known.least:
        return replace(ledger, calls=others)
    if told.least <= known.certain:
        merged = Told(max(known.least, told.least), min(known.likely, told.likely), min(known.certain, told.certain), 0)
        return _with_foreign(replace(ledger, calls=others | {number: None}, window=merged), told)
    if present < known.least:
        doubtful = {one: present + window_s if until is None else until for one, until in others.items()}
        return replace(ledger, calls=doubtful | {number: present + window_s}, window=None, foreign=0)
    opened = {one: until for one, until in others.items() if until is not None}
    return _with_foreign(replace(ledger, calls=opened | {number: None}, window=told, foreign=0), told)


def _with_foreign(ledger: Ledger, told: Told) -> Ledger:
    """Twenty calls are in flight at once, so the vendor may have counted fewer than we have granted. Only more is news."""
    return replace(ledger, foreign=ledger.foreign + max(0, told.used - ledger.used))


def give_back(account: str, number: float, now: datetime, longest_s: float) -> Work[None]:
    """The call was never made."""

    def forget(ledger: Ledger) -> tuple[Ledger, None]:
        return replace(ledger, calls={one: until for one, until in ledger.calls.items() if one != number}), None

    return _changed(account, now, longest_s, forget)


def doubt_times(account: str, was: datetime, now: datetime, window_s: float, longest_s: float) -> Work[None]:
    """The clock was set from `was` to `now`: what counted then counts as if it had been sent, or answered, just now."""
    present, ahead = now.timestamp(), max(now - was, timedelta(0))

    def begin_anew(ledger: Ledger) -> tuple[Ledger, None]:
        calls: dict[float, float | None] = {
            number: present + (window_s if until is None else longest_s) for number, until in ledger.calls.items()
        }
        return Ledger(calls, blocked_until=ledger.blocked_until and ledger.blocked_until + ahead), None

    return _changed(account, was, longest_s, begin_anew)


def block(account: str, now: datetime, until: datetime, longest_s: float) -> Work[None]:
    """The vendor wants no call before then."""

    def wait(ledger: Ledger) -> tuple[Ledger, None]:
        return replace(ledger, blocked_until=max(until, ledger.blocked_until or until)), None

    return _changed(account, now, longest_s, wait)


def current_ledger(account: str, now: datetime, longest_s: float) -> Work[Ledger]:
    """For status and tests; an account never used has an empty one."""

    def work(session: Session) -> Ledger:
        row = session.connection().execute(READ, {"b_account": account}).one_or_none()
        return _ledger(row.grants, row.blocked_until, now, longest_s) if row else Ledger()

    return work


def _ledger(stored: str, blocked_until: datetime | None, now: datetime, longest_s: float) -> Ledger:
    """Less what does not count any more. Replicas' clocks differ a little; what counts for longer than a call of now does was
    written before the clock was set back."""
    rows = json.loads(stored)
    latest, present = now.timestamp() + longest_s, now.timestamp()
    window = Told(*rows["window"]) if rows["window"] else None
    calls = {number: until if until is None else min(until, latest) for number, until in rows["calls"]}
    if blocked_until and blocked_until - now > LONGEST_BLOCK:
        blocked_until = now + timedelta(seconds=longest_s)
    ledger = Ledger(calls, window, rows["foreign"], blocked_until)
    if ledger.window_ends > latest:
        late = {number: latest if until is None else until for number, until in calls.items()}
        ledger = replace(ledger, calls=late, window=None)
    if ledger.window_ends <= present:
        open_calls = {number: until for number, until in ledger.calls.items() if until is not None}
        ledger = replace(ledger, calls=open_calls, window=None, foreign=0)
    return replace(
        ledger, calls={number: until for number, until in ledger.calls.items() if until is None or until > present}
    )


def _stored(ledger: Ledger) -> str:
    window = ledger.window
    told = [window.least, window.likely, window.certain, window.used] if window else None
    return json.dumps({"calls": list(ledger.calls.items()), "window": told, "foreign": ledger.foreign})


EMPTY = _stored(Ledger())


@cache
def _locked() -> Select[tuple[str, datetime | None]]:
    return READ.with_for_update()


def _changed(account: str, now: datetime, longest_s: float, change: Callable[[Ledger], tuple[Ledger, T]]) -> Work[T]:
    """Reads the row under a lock, so that two replicas never see the same free slot, and forgets what does not count."""
    given = {"b_account": account}

    def work(session: Session) -> T:
        connection = session.connection()
        row = connection.execute(_locked(), given).one_or_none()
        if row is None:
            insert = upsert(dialect_of(session), BUDGETS).values(account=account, grants=EMPTY, updated_at=now)
            connection.execute(insert.on_conflict_do_nothing(index_elements=[COLUMNS.account]))
            row = connection.execute(_locked(), given).one()
        ledger, answer = change(_ledger(row.grants, row.blocked_until, now, longest_s))
        values = {"b_grants": _stored(ledger), "b_blocked_until": ledger.blocked_until, "b_now": now}
        connection.execute(WRITE, given | values)
        return answer

    return work


def pause(account: str, code: str, text: str, now: datetime, until: datetime) -> Work[None]:
    """The account does not let us in. Believed until `until`, unless it is said again: whoever said it may have died.

    The beginning of a pause that goes on is kept.
    """

    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), BUDGETS).values(
            account=account,
            grants=EMPTY,
            paused_code=code,
            paused_text=text,
            paused_since=now,
            paused_until=until,
            updated_at=now,
        )
        new = insert.excluded
        changes = {
            "paused_code": new.paused_code,
            "paused_text": new.paused_text,
            "paused_since": case((COLUMNS.paused_until > now, COLUMNS.paused_since), else_=new.paused_since),
            "paused_until": new.paused_until,
            "updated_at": new.updated_at,
        }
        session.connection().execute(insert.on_conflict_do_update(index_elements=[COLUMNS.account], set_=changes))

    return work


def resume(account: str) -> Work[bool]:
    """True when it was paused: coming back is told once."""
    statement = (
        update(BUDGETS)
        .where(COLUMNS.account == account, COLUMNS.paused_since.is_not(None))
        .values(paused_code=None, paused_text=None, paused_since=None, paused_until=None)
    )
    return lambda session: session.connection().execute(statement).rowcount > 0


def paused_accounts(now: datetime) -> Work[list[PausedAccount]]:
    statement = (
        select(COLUMNS.account, COLUMNS.paused_code, COLUMNS.paused_text, COLUMNS.paused_since)
        .where(COLUMNS.paused_until > now)
        .order_by(COLUMNS.account)
    )

    def work(session: Session) -> list[PausedAccount]:
        rows = session.connection().execute(statement)
        return [
            PausedAccount(row.account, row.paused_code or "", row.paused_text or "", row.paused_since) for row in rows
        ]

    return work
