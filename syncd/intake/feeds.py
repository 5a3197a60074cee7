"""The guarantee under the webhooks: each feed lists what changed since its cursor and marks every subject it sees.

Cursor and marks move in one transaction. A watermark is the vendor's own time, never ours, and every list begins an overlap
before it: lists lag, and rows are committed late.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from mappings.pacific import from_pacific
from syncd.accounts import Accounts
from syncd.errors import AccessError, SyncError, ThrottledError
from syncd.hints import Lane, Mark, order_subject
from syncd.intake.shifts import Passed, Shift
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.shopify import reads as shopify
from syncd.shopify.client import ShopifyClient
from syncd.shopify.reads import FulfillmentOrderSeen, OrderSeen
from syncd.store.cursors import advance, cursor
from syncd.store.leases import last_done
from syncd.store.marks import mark
from syncd.store.transaction import together
from syncd.store.versions import CLOCK_MARGIN, SeenVersion, is_newer_routing, is_other_version, seen_versions
from syncd.waiting import first_of

log = get_logger("feeds")

OVERLAP = timedelta(minutes=10)
AGAIN_S = 60.0
"""After a look that failed: what a webhook told of must not wait until the next look is due, which may be hours."""
FAR_AHEAD = timedelta(hours=1)
"""A vendor's time so far ahead of ours is nonsense, or our clock is slow: then some rows are read more than once."""


def moved(watermark: datetime, times: Iterable[datetime], now: datetime) -> datetime:
    """The watermark after rows of these times. One row of the year 9999 must not end the reading of its list for ever."""
    return max((time for time in (watermark, *times) if time <= now + FAR_AHEAD), default=now)


def times_of(parcels: Sequence[Any], member: str) -> list[datetime]:
    """The vendor's own times; rows without one, or with nonsense, move no cursor."""
    times = []
    for parcel in parcels:
        try:
            times.append(from_pacific(parcel[member]))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            continue
    return times


@dataclass
class Feed:
    """One list of one vendor. `poll` returns how many rows were new; `account` is who is paused when it may not look."""

    shift: Shift
    account: str
    every_s: float
    poll: Callable[[], Awaitable[int]]
    looks_at_start: bool = True
    """What happened while nobody ran is found at once, and not only when the next look is due."""
    can_wait: Callable[[], bool] = lambda: False
    """Whether its calls are better spent on something else at present: then half as many looks do."""

    @property
    def name(self) -> str:
        return self.shift.name

    @property
    def rest_s(self) -> float:
        """Bursts of nudges are one look."""
        return min(2.0, self.every_s / 4)


class Failed(NamedTuple):
    """The last look at a feed, where it failed: when it began, and since when one is wanted. Another replica's later one will do."""

    began: float
    since: datetime


class Feeds:
    """Runs each feed when its time has come or a webhook nudged it, never twice at once, whatever the number of replicas."""

    def __init__(
        self, feeds: Sequence[Feed], accounts: Accounts, db: Db, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._nudged = {feed.name: asyncio.Event() for feed in feeds}
        self._wanted: dict[str, datetime] = {}
        """Since when a look is wanted; one that anybody began later will do."""
        self._failed: dict[str, Failed] = {}
        self._began: dict[str, float] = {}
        self._feeds = feeds
        self._accounts = accounts
        self._db = db
        self._clock = clock
        self._wake = wake

    def under_way(self) -> list[tuple[str, float]]:
        """Each look that has begun, and for how many seconds it has lasted."""
        now = self._clock.monotonic()
        return [(f"feed {name}", now - began) for name, began in self._began.items()]

    @property
    def feeds(self) -> Sequence[Feed]:
        return self._feeds

    def nudge(self, name: str) -> None:
        """Unknown names are ignored: a webhook may speak of a feed that is not configured."""
        if name in self._nudged:
            self._want(name, self._clock.now() + CLOCK_MARGIN)

    async def check(self) -> None:
        """Nudges the feeds at which nobody has looked for their time, whoever had the shift."""
        try:
            done = await self._db.run(last_done(self._clock.now()))
        except SyncError as error:
            log.warning("feeds.unchecked", error_code=error.code, error_text=error.text)
            return
        for feed in self._feeds:
            due = self._clock.now() - timedelta(seconds=feed.every_s * (2 if feed.can_wait() else 1))
            failed = self._failed.get(feed.name)
            if failed is not None:
                if self._clock.monotonic() - failed.began >= min(feed.every_s, AGAIN_S):
                    self._want(feed.name, failed.since)
            elif feed.name not in done or done[feed.name] < due:
                self._want(feed.name, due)

    def _want(self, name: str, since: datetime) -> None:
        self._wanted[name] = max(since, self._wanted.get(name, since))
        self._nudged[name].set()

    async def work(self, feed: Feed, stopping: asyncio.Event) -> None:
        """Looks whenever nudged, then rests a little, and at least as long as it looked: in a sale a list is long."""
        nudged = self._nudged[feed.name]
        if feed.looks_at_start:
            self.nudge(feed.name)
        while not stopping.is_set():
            await first_of(self._clock, feed.every_s * 2, nudged, stopping)
            if stopping.is_set():
                return
            nudged.clear()
            self._began[feed.name] = began = self._clock.monotonic()
            await self._look(feed, self._wanted.pop(feed.name, self._clock.now()))
            del self._began[feed.name]
            took_s = self._clock.monotonic() - began
            await first_of(self._clock, max(feed.rest_s, min(took_s, feed.every_s / 2)), stopping)

    async def _look(self, feed: Feed, since: datetime) -> None:
        if self._accounts.refusal(feed.account):
            return
        began = self._clock.monotonic()
        self._failed[feed.name] = Failed(began, since)
        try:
            changed = await feed.shift.do(feed.poll, since, feed.rest_s)
        except AccessError as error:
            await self._accounts.lost(error, feed.name)
        except ThrottledError as error:
            log.warning("feed.postponed", feed=feed.name, error_code=error.code, wait_s=error.retry_after_s)
        except SyncError as error:
            log.warning("feed.postponed", feed=feed.name, error_code=error.code, error_text=error.text)
        except Exception:  # our mistake about one row must not end all the other work
            log.exception("feed.failed", feed=feed.name)
        else:
            del self._failed[feed.name]
            await self._looked(feed, since, changed, self._clock.monotonic() - began)

    async def _looked(self, feed: Feed, since: datetime, changed: int | Passed, took_s: float) -> None:
        if changed is Passed.BUSY:  # what is under way may have begun before that for which we were nudged
            self._want(feed.name, since)
        if isinstance(changed, Passed):
            return
        await self._accounts.answered(feed.account, feed.name)
        if changed:
            log.info("feed.polled", feed=feed.name, changed=changed, duration_ms=round(took_s * 1000))
            self._wake()


Seen = OrderSeen | FulfillmentOrderSeen


@dataclass(frozen=True)
class ChangeList:
    """One list of one store: `pages` of what changed since a moment, oldest first, and what of it is news to us."""

    name: str
    pages: Callable[[ShopifyClient, datetime], AsyncIterator[Sequence[Seen]]]
    is_news: Callable[[datetime, SeenVersion | None], bool]

    def name_in(self, store: str) -> str:
        return f"{store}.{self.name}"


CHANGE_LISTS = (
    ChangeList("orders", shopify.orders_since, is_other_version),
    # whether a hold, a move or a routing touches the order's own time is not documented
    ChangeList("fulfillment_orders", shopify.fulfillment_orders_since, is_newer_routing),
)


class ChangeFeed:
    """Marks the orders of one list of one store. Rows that we have already seen as they are now are passed over."""

    def __init__(self, source: ChangeList, client: ShopifyClient, db: Db, clock: Clock, begin_at: datetime) -> None:
        self.name = source.name_in(client.store)
        self._source = source
        self._client = client
        self._db = db
        self._clock = clock
        self._begin_at = begin_at

    async def poll(self) -> int:
        known = await self._db.run(cursor(self.name))
        watermark = known.watermark if known and known.watermark else self._begin_at
        watermark, total = moved(watermark, (), self._clock.now()), 0
        async for page in self._source.pages(self._client, watermark - OVERLAP):
            watermark = moved(watermark, (row.updated_at for row in page), self._clock.now())
            total += await self._keep(page, watermark)
        return total

    async def reread(self, since: datetime) -> int:
        """For the sweep: all since then once more, whatever the cursor says."""
        total = 0
        async for page in self._source.pages(self._client, max(since, self._begin_at - OVERLAP)):
            marks = await self._marks(page)
            await self._db.run(mark(marks, self._clock.now()))
            total += len(marks)
        return total

    async def _keep(self, page: Sequence[Seen], watermark: datetime) -> int:
        """Marks and cursor move in one transaction. An empty page still tells that we looked."""
        marks, now = await self._marks(page), self._clock.now()
        await self._db.run(together(mark(marks, now), advance(self.name, watermark, None, now)))
        return len(marks)

    async def _marks(self, page: Sequence[Seen]) -> list[Mark]:
        store = self._client.store
        seen = await self._db.run(seen_versions((store, row.order_id) for row in page))
        news = {
            row.order_id: row for row in page if self._source.is_news(row.updated_at, seen.get((store, row.order_id)))
        }
        return [Mark("orders", order_subject(store, order_id), _lane(row)) for order_id, row in news.items()]


def _lane(row: Seen) -> Lane:
    return Lane.URGENT if isinstance(row, OrderSeen) and row.cancelled else Lane.FRESH
