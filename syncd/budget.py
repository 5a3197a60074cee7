"""What each vendor account may still be sent. No call leaves without a grant from here, and a 429 that we caused is a bug.

ShipStation counts calls in a fixed window; the log of our grants is in the database, shared by all replicas. Shopify counts
points in a bucket per store and tells its level with every answer, so that one is kept in memory.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from itertools import count
from typing import Any

from syncd.ports import Clock, Db
from syncd.store.budgets import correct, take_grant


class Urgency(IntEnum):
    """Who may spend the last calls of a window. Lower is more urgent."""

    CANCEL = 0
    TRACKING = 1
    ORDERS = 2
    CATALOG = 3
    SWEEP = 4


SHARES = {
    Urgency.CANCEL: 1.0,
    Urgency.TRACKING: 0.975,
    Urgency.ORDERS: 0.95,
    Urgency.CATALOG: 0.7,
    Urgency.SWEEP: 0.5,
}
"""How full the window may be after a call of this class."""

SOON = 0.1
"""Of the window. Whoever would be granted so soon need not leave the rest to others: in a backlog every call is used, and
whoever is more urgent waits that long at most."""


def ceiling(urgency: Urgency, limit: int) -> int:
    return max(1, int(limit * SHARES[urgency] + 1e-9))


@dataclass(frozen=True)
class Usage:
    """`used` is what this process knows of: its own grants, or what the vendor last told of the window, if that is more."""

    used: int
    limit: int
    waiting: int
    blocked_until: datetime | None


@dataclass(order=True)
class _Ticket:
    urgency: Urgency
    number: int
    is_first: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


class WindowBudget:
    """So many calls in a fixed window, whose beginning only the vendor knows.

    A log of grants that spans a whole window can never put more than the limit into any window, wherever it begins.
    """

    def __init__(self, db: Db, clock: Clock, account: str, limit: int, window_s: float) -> None:
        self._db = db
        self._clock = clock
        self._account = account
        self._limit = self._agreed = limit
        self._window_s = window_s
        self._guard_s = min(0.25, window_s * 0.02)
        self._numbers = count()
        self._waiting: list[_Ticket] = []
        self._asking = asyncio.Lock()
        self._granted: deque[tuple[datetime, float]] = deque()  # when, and how many seconds later the call could leave
        self._told: tuple[int, datetime] | None = None
        self._blocked_until: datetime | None = None

    async def grant(self, urgency: Urgency) -> datetime:
        """Waits until one call may be sent, now and not later. Gives the time of the grant, which `note` wants back."""
        ticket = _Ticket(urgency, next(self._numbers))
        insort(self._waiting, ticket)
        self._wake_first()
        try:
            while True:
                await ticket.is_first.wait()
                granted_at, wait_s = await self._ask(urgency)
                if granted_at is not None:
                    return granted_at
                # whoever is more urgent asks meanwhile; everybody else would be refused too
                await self._clock.sleep(min(wait_s, self._window_s / 4))
        finally:
            self._waiting.remove(ticket)
            self._wake_first()

    async def note(self, headers: Mapping[str, str], granted_at: datetime) -> None:
        """Learns from the headers of an answer, whose call was granted at `granted_at`, what others do with our key."""
        limit = _whole(headers.get("x-rate-limit-limit"))
        remaining = _whole(headers.get("x-rate-limit-remaining"))
        reset_s = _whole(headers.get("x-rate-limit-reset"))
        if limit:
            self._limit = min(self._agreed, limit)
        now = self._clock.now()
        # A slow answer may speak of a window that is over, whose calls our log has forgotten: they would look like somebody
        # else's. The second is for the vendor's rounding.
        if not limit or remaining is None or not reset_s or _later(now, 1) > _later(granted_at, reset_s):
            return
        used = limit - remaining
        self._told = (used, _later(now, reset_s))
        self._forget(now)
        # Twenty calls are in flight at once, so an answer may know of fewer calls than we have sent. Only more is news.
        if used > len(self._granted):
            await self._db.run(correct(self._account, now, limit, self._log_s, remaining, reset_s + 1))

    async def throttled(self, retry_after_s: float) -> None:
        """The vendor refused a call: nobody sends anything before the window is over."""
        now = self._clock.now()
        self._blocked_until = _later(now, retry_after_s)
        await self._db.run(correct(self._account, now, self._limit, self._log_s, 0, retry_after_s))

    def usage(self, now: datetime) -> Usage:
        self._forget(now)
        told = self._told[0] if self._told and self._told[1] > now else 0
        blocked = self._blocked_until if self._blocked_until and self._blocked_until > now else None
        return Usage(max(len(self._granted), told), self._limit, len(self._waiting), blocked)

    def pressure(self, now: datetime) -> float:
        """How full the window is, 0 to 1 and more. Batches wait to fill as it grows."""
        usage = self.usage(now)
        return (usage.used + usage.waiting) / usage.limit

    def fair_wait_s(self, now: datetime) -> float:
        """How long a call that could take more along should wait for it: an even share of the window while half of it is
        free, longer as it fills."""
        usage = self.usage(now)
        free = ceiling(Urgency.ORDERS, usage.limit) - usage.used - usage.waiting
        slots = usage.limit if free > usage.limit / 2 else max(free, 4)
        return self._window_s / slots

    async def _ask(self, urgency: Urgency) -> tuple[datetime | None, float]:
        """The time of the grant, or None and the seconds to wait."""
        async with self._asking:
            now = self._clock.now()
            self._forget(now)
            most = ceiling(urgency, self._limit)
            grant = await self._db.run(
                take_grant(self._account, now, self._limit, self._log_s, most, SOON * self._window_s)
            )
        if not grant.granted:
            return None, grant.wait_s
        self._granted.append((now, (self._clock.now() - now).total_seconds()))
        return now, 0.0

    @property
    def _log_s(self) -> float:
        """How long a grant counts: the window and a guard, because two calls may come closer together on their way.

        A call leaves later than its log entry says, by as long as the database took. That matters while the entry counts, and
        no longer: one slow write must not stretch every window to come.
        """
        slowest_s = max((delay_s for _, delay_s in self._granted), default=0.0)
        return self._window_s + max(self._guard_s, min(2 * slowest_s, self._window_s / 4))

    def _wake_first(self) -> None:
        if self._waiting:
            self._waiting[0].is_first.set()
        for ticket in self._waiting[1:]:
            ticket.is_first.clear()

    def _forget(self, now: datetime) -> None:
        while self._granted and _later(self._granted[0][0], self._log_s) <= now:
            self._granted.popleft()


class CostBudget:
    """One Shopify store's bucket of points, as its last answer told, less what is in flight.

    Every `spend` is followed by one `note`, whatever came of the call.
    """

    RESERVE = 0.1  # of the bucket, for urgent calls
    SMALLEST_BUCKET = 1000.0
    SLOWEST_RATE = 50.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turn = asyncio.Lock()
        self._in_flight = 0.0
        self._size = self._level = self.SMALLEST_BUCKET
        self._rate = self.SLOWEST_RATE
        self._level_at = clock.monotonic()

    async def spend(self, cost: float, urgent: bool = False) -> None:
        """Waits until the bucket holds `cost` points, an estimate. The urgent neither queue nor leave a reserve."""
        if urgent:
            await self._wait(cost, 0.0)
            return
        async with self._turn:
            await self._wait(cost, self._size * self.RESERVE)

    def note(self, cost: float, told: Mapping[str, Any] | None) -> None:
        """`cost` is what `spend` was given, `told` the answer's `extensions.cost`, None when no answer came."""
        self._in_flight = max(0.0, self._in_flight - cost)
        status = (told or {}).get("throttleStatus") or {}
        level, rate, size = (
            _amount(status.get(name)) for name in ("currentlyAvailable", "restoreRate", "maximumAvailable")
        )
        if level is None or not rate or not size:
            return
        self._level, self._rate, self._size = level, rate, size
        self._level_at = self._clock.monotonic()

    def wait_s(self, cost: float) -> float:
        """How long until the bucket holds `cost` points."""
        restored = (self._clock.monotonic() - self._level_at) * self._rate
        available = min(self._size, self._level + restored) - self._in_flight
        return max(0.0, (min(cost, self._size) - available) / self._rate)

    async def _wait(self, cost: float, reserve: float) -> None:
        while (wait_s := self.wait_s(cost + reserve)) > 0:
            # what is in flight usually costs less than it asked for, so look again soon
            await self._clock.sleep(min(max(wait_s, 0.01), 1.0))
        self._in_flight += cost


def _later(moment: datetime, seconds: float) -> datetime:
    return moment + timedelta(seconds=seconds)


def _whole(text: str | None) -> int | None:
    """A count out of a header; None for nonsense."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _amount(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | Decimal) else None
