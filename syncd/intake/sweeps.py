"""The slow full look under the feeds: the same lists with a long overlap, once per period for all replicas together.

Like every feed it only marks. A mark costs nothing where nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.accounts import Accounts
from syncd.budget import Urgency
from syncd.intake.feeds import CHANGE_LISTS, ChangeFeed, Feed
from syncd.intake.package_feeds import PackageFeed, package_lists
from syncd.intake.shipstation_sweep import ShipStationSweep
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.shipstation.client import ACCOUNT, ShipStationClient
from syncd.shopify.client import ShopifyClient
from syncd.store.cursors import advance, cursor
from syncd.store.leases import drop_lease, take_lease

log = get_logger("sweep")

LEASE_S = 1800.0
"""The longest sweep. One that dies with its process keeps the others out for so long."""
SOONEST = 0.9
"""Of the period. Whoever is nudged earlier finds that somebody else has swept."""

Look = Callable[[datetime], Awaitable[int]]
"""Looks at everything since a moment and returns how many orders it marked."""


@dataclass(frozen=True)
class Sweep:
    """`name` ends in `.sweep`; it is the name of its cursor, its lease and its feed."""

    name: str
    account: str
    look: Look


@dataclass(frozen=True)
class SweepBounds:
    every_s: float
    window: timedelta
    """How far back a look begins before the last one did."""


class SoleSweep:
    """Runs a sweep when it is due and nobody else runs it."""

    def __init__(self, sweep: Sweep, bounds: SweepBounds, db: Db, clock: Clock, rng: Rng) -> None:
        self._sweep = sweep
        self._bounds = bounds
        self._db = db
        self._clock = clock
        self._rng = rng

    async def poll(self) -> int:
        """At the very first start there is nothing to sweep: the feeds have just begun to read."""
        name, now = self._sweep.name, self._clock.now()
        last = await self._db.run(cursor(name))
        if last is None:
            await self._db.run(advance(name, now, None, now))
            return 0
        if (now - last.updated_at).total_seconds() < self._bounds.every_s * SOONEST:
            return 0
        return await self.run(last.watermark or now)

    async def run(self, last_at: datetime) -> int:
        """`last_at`: when the last sweep began that came to its end."""
        name, token, began = self._sweep.name, self._rng.token(), self._clock.now()
        if await self._db.run(take_lease(name, token, began, LEASE_S)) is None:
            return 0
        try:
            marked = await self._sweep.look(last_at - self._bounds.window)
            await self._db.run(advance(name, began, None, self._clock.now()))
        finally:
            await self._db.run(drop_lease(name, token))
        log.info("sweep.done", feed=name, changed=marked, duration_ms=_ms(self._clock.now() - began))
        return marked


def sweeps(
    shops: Mapping[str, ShopifyClient], shipstation: ShipStationClient, db: Db, clock: Clock, begin_at: datetime
) -> list[Sweep]:
    """Shopify's two lists of each store, ShipStation's three lists of parcels, then its orders: those are judged by the rest."""
    found = []
    for shop in shops.values():
        for changes in CHANGE_LISTS:
            feed = ChangeFeed(changes, shop, db, clock, begin_at)
            found.append(Sweep(f"{feed.name}.sweep", shop.account, feed.reread))
    for source in package_lists(shipstation, Urgency.SWEEP):
        parcels = PackageFeed(source, list(shops), db, clock, begin_at)
        found.append(Sweep(f"{source.name}.sweep", ACCOUNT, parcels.reread))
    orders = ShipStationSweep(shipstation, list(shops), db, clock, begin_at)
    return [*found, Sweep("shipstation.orders.sweep", ACCOUNT, orders.look)]


def sweep_feeds(found: Sequence[Sweep], bounds: SweepBounds, db: Db, clock: Clock, rng: Rng) -> list[Feed]:
    return [Feed(one.name, one.account, bounds.every_s, SoleSweep(one, bounds, db, clock, rng).poll) for one in found]


async def sweep_now(
    found: Sequence[Sweep], bounds: SweepBounds, accounts: Accounts, db: Db, clock: Clock, rng: Rng
) -> dict[str, int]:
    """By hand, one after the other: name -> orders marked. Raises what a vendor refuses."""
    marked = {}
    for one in found:
        if refusal := accounts.refusal(one.account):
            raise refusal
        last = await db.run(cursor(one.name))
        since = last.watermark if last and last.watermark else clock.now()
        marked[one.name] = await SoleSweep(one, bounds, db, clock, rng).run(since)
    return marked


def _ms(passed: timedelta) -> int:
    return round(passed.total_seconds() * 1000)
