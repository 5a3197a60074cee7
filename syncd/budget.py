"""What each vendor account may still be sent. No call leaves without a grant from here, and a 429 that we caused is a bug.

ShipStation counts calls in a fixed window; what counts in it is in the database, shared by all replicas. Shopify counts
points in a bucket per store and tells its level with every answer, so that one is kept in memory.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from itertools import count
from typing import Any

from syncd.errors import TransientError, UncertainError
from syncd.ports import Clock, Db, Response
from syncd.store.budgets import Standing, Told, block, doubt_times, give_back, note_answer, take_grant
from syncd.waiting import first_of


class Urgency(IntEnum):
    """Who may spend the last calls of a window. Lower is more urgent."""

    CANCEL = 0
    TRACKING = 1
    ORDERS = 2
    CATALOG = 3
    RATES = 4
    SWEEP = 5


SHARES = {
    Urgency.CANCEL: 1.0,
    Urgency.TRACKING: 0.975,
    Urgency.ORDERS: 0.95,
    Urgency.CATALOG: 0.7,
    Urgency.RATES: 0.6,
    Urgency.SWEEP: 0.5,
}
"""How full the window may be after a call of this class."""

SOON = 0.1
"""Of the window. Whoever would be granted so soon need not leave the rest to others: in a backlog every call is used, and
whoever is more urgent waits that long at most."""


def ceiling(urgency: Urgency, limit: int) -> int:
    return max(1, int(limit * SHARES[urgency] + 1e-9))


LONGEST_CALL_S = 60.0
USUAL_WAY_S = 0.02
"""Of the window. A call reaches the vendor's counter within this time of leaving; what its answer waits for comes after."""
LEAP_S = 0.5
"""By so much the time of day may be set while we run before what we noted by it is doubted: less than the vendor rounds."""


@dataclass(frozen=True)
class Usage:
    """`used` is what counted in the window, ours and others', when this process last asked or learned of it."""

    used: int
    limit: int
    waiting: int
    blocked_until: datetime | None


@dataclass(frozen=True)
class Call:
    """One call that may be made now and not later. `number` is the ledger's, `left_s` our monotonic clock when it left, and until
    then when it was granted."""

    number: float
    left_s: float


@dataclass(order=True)
class _Ticket:
    urgency: Urgency
    number: int
    is_first: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


class WindowBudget:
    """So many calls in a fixed window, of which only the vendor knows when it ends.

    Each answer tells its remaining seconds, so that the next window is spent as soon as it opens. Whatever the answers say or
    do not say, a call counts until its window is surely over; see the ledger in the store. `longest_call_s` is the longest
    that a call may be under way: so long, and a window more, counts what a process took with it when it died. Whatever is written
    of the account goes ahead, in the order in which it happened: no grant overtakes a refusal.
    """

    def __init__(
        self,
        db: Db,
        clock: Clock,
        account: str,
        limit: int,
        window_s: float,
        longest_call_s: float = LONGEST_CALL_S,
    ) -> None:
        self._db = db
        self._clock = clock
        self._account = account
        self._limit = self._agreed = limit
        self._window_s = window_s
        self._longest_s = window_s + longest_call_s
        self._numbers = count()
        self._waiting: list[_Ticket] = []
        self._asking = asyncio.Lock()
        self._minding = asyncio.Lock()
        self._learned = asyncio.Event()
        self._seen = (Standing(0, None), clock.now())
        self._blocked_until: datetime | None = None
        self._day_s = self._time_of_day_s()

    async def grant(self, urgency: Urgency) -> Call:
        """Waits until one call may be sent, now and not later. `carry` sends it, `unsent` gives it back."""
        ticket = _Ticket(urgency, next(self._numbers))
        insort(self._waiting, ticket)
        self._wake_first()
        try:
            while True:
                await ticket.is_first.wait()
                call, wait_s = await self._ask(urgency, SOON * self._window_s)
                if call is not None:
                    return call
                # whoever is more urgent asks meanwhile; everybody else would be refused too
                await first_of(self._clock, min(wait_s, self._window_s / 4), self._learned)
        finally:
            self._waiting.remove(ticket)
            self._wake_first()

    async def grant_now(self, urgency: Urgency) -> Call | None:
        """As `grant`, for what can be done without: None where its share is spent or anybody waits for a call."""
        if self._waiting:
            return None
        call, _ = await self._ask(urgency, soon_s=0.0)
        return call

    async def carry(self, call: Call, sending: Awaitable[Response]) -> Response:
        """The answer of `sending`, or what it raises, and the call booked. The call is over, whatever became of it: that the
        database is busy must not turn it into something else."""
        # since it was granted its intents were written down, which takes seconds on a busy day
        call = replace(call, left_s=self._clock.monotonic())
        try:
            response = await sending
        except TransientError:
            await _kept(self.unsent(call))
            raise
        except UncertainError:
            await _kept(self.lost(call))
            raise
        await _kept(self.note(response.headers, call))
        return response

    async def note(self, headers: Mapping[str, str], call: Call) -> None:
        """The call was answered. Learns from its headers when the window ends, and what others do with our key."""
        limit = _whole(headers.get("x-rate-limit-limit"))
        remaining = _whole(headers.get("x-rate-limit-remaining"))
        reset_s = _whole(headers.get("x-rate-limit-reset"))
        if limit:
            self._limit = min(self._agreed, limit)
        told = None
        if limit and remaining is not None and reset_s:  # 0 is also what an account without windows would say
            told = self._told(call, limit - remaining, reset_s)
        await self._over(call, told)

    async def lost(self, call: Call) -> None:
        """It may have arrived, and no answer tells when."""
        await self._over(call, None)

    async def unsent(self, call: Call) -> None:
        """It was never made."""
        giving = give_back(self._account, call.number, self._clock.now(), self._longest_s)
        await self._db.run(giving, ahead=True)
        self._learned.set()

    async def throttled(self, retry_after_s: float) -> None:
        """The vendor refused a call: nobody sends anything before the window is over."""
        now = self._clock.now()
        self._blocked_until = _later(now, retry_after_s)
        await self._db.run(block(self._account, now, self._blocked_until, self._longest_s), ahead=True)

    def usage(self, now: datetime) -> Usage:
        blocked = self._blocked_until if self._blocked_until and self._blocked_until > now else None
        used = self._seen[0].used if self._left_s(now) > 0 else 0
        return Usage(used, self._limit, len(self._waiting), blocked)

    def fair_wait_s(self, now: datetime) -> float:
        """How long a call that could take more along should wait for it: an even share of what is left of the window."""
        usage = self.usage(now)
        free = ceiling(Urgency.ORDERS, usage.limit) - usage.used - usage.waiting
        return (self._left_s(now) or self._window_s) / max(free, 4)

    def _left_s(self, now: datetime) -> float:
        """Of the window as we last saw it; 0 when it is over."""
        standing, seen_at = self._seen
        ends_s = standing.window_ends or seen_at.timestamp() + self._window_s
        return min(max(0.0, ends_s - now.timestamp()), self._window_s)

    async def _ask(self, urgency: Urgency, soon_s: float) -> tuple[Call | None, float]:
        """The call, or None and the seconds to wait."""
        async with self._asking:
            await self._mind_leaps()
            now = self._clock.now()
            self._learned.clear()
            most = ceiling(urgency, self._limit)
            taking = take_grant(self._account, now, self._limit, most, self._longest_s, soon_s)
            grant = await self._db.run(taking, ahead=True)
        self._seen = (grant.standing, now)
        if grant.number is None:
            return None, grant.wait_s
        return Call(grant.number, self._clock.monotonic()), 0.0

    def _told(self, call: Call, used: int, reset_s: int) -> Told | None:
        """Whether the vendor rounds its seconds up or down is not known, nor when within the call it looked at its clock."""
        now, took_s = self._clock.now().timestamp(), self._clock.monotonic() - call.left_s
        left = now - took_s
        if took_s > self._window_s / 2:
            return None  # it could speak of either of two windows
        arrived = min(now, left + USUAL_WAY_S * self._window_s)
        most_s = min(reset_s + 1.0, self._window_s) if reset_s <= self._window_s else reset_s + 1.0
        return Told(left + reset_s - 1.0, arrived + most_s, now + most_s, used)

    async def _over(self, call: Call, told: Told | None) -> None:
        await self._mind_leaps()
        now = self._clock.now()
        noting = note_answer(self._account, call.number, now, told, self._window_s, self._longest_s)
        standing = await self._db.run(noting, ahead=True)
        self._seen = (standing, now)
        self._learned.set()

    async def _mind_leaps(self) -> None:
        """After the time of day was set, what was noted by it could be over too early, or seem to be of a window to come."""
        async with self._minding:  # once for all answers that come meanwhile
            now, ahead_s = self._clock.now(), self._time_of_day_s() - self._day_s
            if abs(ahead_s) > LEAP_S:
                doubting = doubt_times(self._account, _later(now, -ahead_s), now, self._window_s, self._longest_s)
                await self._db.run(doubting, ahead=True)
                self._day_s += ahead_s

    def _time_of_day_s(self) -> float:
        """What our two clocks are apart: it changes when one of them is set."""
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _wake_first(self) -> None:
        if self._waiting:
            self._waiting[0].is_first.set()
        for ticket in self._waiting[1:]:
            ticket.is_first.clear()


async def _kept(entry: Awaitable[None]) -> None:
    with suppress(TransientError):
        await entry


class CostBudget:
    """One Shopify store's bucket of points, as its last answer told, less what is in flight.

    Every `spend` is followed by one `note`, whatever came of the call.
    """

    RESERVE = 0.1  # of the bucket, for urgent calls
    SMALLEST_BUCKET = 1000.0
    SLOWEST_RATE = 50.0
    LARGEST_BUCKET = 1_000_000.0
    SLOWEST_FILL_S = 600.0
    """Of an empty bucket, by what an answer may tell; Shopify's take 20 s. While we wait nothing comes that could correct it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turn = asyncio.Lock()
        self._in_flight: list[float] = []
        """What each call was let go for. No running sum: what rounding leaves of it would never come back."""
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
        self._in_flight.remove(cost)
        status = (told or {}).get("throttleStatus")
        if not isinstance(status, dict):
            return
        level, rate, size = (
            _amount(status.get(name)) for name in ("currentlyAvailable", "restoreRate", "maximumAvailable")
        )
        if (
            level is None
            or rate is None
            or size is None
            or not (-size <= level <= size <= self.LARGEST_BUCKET and size / self.SLOWEST_FILL_S <= rate <= size)
        ):
            return
        self._level, self._rate, self._size = level, rate, size
        self._level_at = self._clock.monotonic()

    def wait_s(self, cost: float) -> float:
        """How long until the bucket holds `cost` points."""
        restored = (self._clock.monotonic() - self._level_at) * self._rate
        available = min(self._size, self._level + restored) - sum(self._in_flight)
        return max(0.0, (min(cost, self._size) - available) / self._rate)

    async def _wait(self, cost: float, reserve: float) -> None:
        while (wait_s := self.wait_s(cost + reserve)) > 0:
            # what is in flight usually costs less than it asked for, so look again soon
            await self._clock.sleep(min(max(wait_s, 0.01), 1.0))
        self._in_flight.append(cost)


def _later(moment: datetime, seconds: float) -> datetime:
    return moment + timedelta(seconds=seconds)


def _whole(text: str | None) -> int | None:
    """A count out of a header; None for nonsense."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _amount(value: Any) -> float | None:
    """None for nonsense, also for a number that is too long for a float."""
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        return None
    with suppress(OverflowError):
        return float(value)
    return None
