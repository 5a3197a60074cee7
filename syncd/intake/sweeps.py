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
from syncd.intake.shifts import Passed, Shift
from syncd.intake.shipstation_sweep import ShipStationSweep
from syncd.logs import get_logger
from syncd.ports import Clock
from syncd.shipstation.orders_api import OrdersApi
from syncd.shopify.client import ShopifyClient
from syncd.store.cursors import advance, cursor

log = get_logger("sweep")

Look = Callable[[datetime], Awaitable[int]]
"""Looks at everything since a moment and returns how many orders it marked."""


@dataclass(frozen=True)
class Sweep:
    """The name of `shift` ends in `.sweep`; it is the name of its cursor and its feed too."""

    shift: Shift
    account: str
    look: Look


@dataclass(frozen=True)
class SweepBounds:
    every_s: float
    window: timedelta
    """How far back a look begins before the last one did."""


class SoleSweep:
    """A sweep for whoever has its shift."""

    def __init__(self, sweep: Sweep, bounds: SweepBounds, clock: Clock) -> None:
        self._shift = sweep.shift
        self._look = sweep.look
        self._bounds = bounds
        self._clock = clock

    async def poll(self) -> int:
        """At the very first start there is nothing to sweep: the feeds have just begun to read."""
        if await self._shift.run(cursor(self._shift.name)) is None:
            await self._shift.run(advance(self._shift.name, self._clock.now(), None, self._clock.now()))
            return 0
        return await self.run()

    async def run(self) -> int:
        """From the beginning of the last sweep that came to its end, and a window before that."""
        name, began = self._shift.name, self._clock.now()
        last = await self._shift.run(cursor(name))
        last_at = last.watermark if last and last.watermark else began
        marked = await self._look(last_at - self._bounds.window)
        await self._shift.run(advance(name, began, None, self._clock.now()))
        log.info("sweep.done", feed=name, changed=marked, duration_ms=_ms(self._clock.now() - began))
        return marked


def sweeps(
    shops: Mapping[str, ShopifyClient],
    shipstation: OrdersApi,
    prefixes: Mapping[str, str],
    shift_of: Callable[[str], Shift],
    clock: Clock,
    begin_at: datetime,
) -> list[Sweep]:
    """Shopify's two lists of each store, ShipStation's three lists of parcels, then its orders: those are judged by the rest."""
    found = []
    for shop in shops.values():
        for changes in CHANGE_LISTS:
            shift = shift_of(f"{changes.name_in(shop.store)}.sweep")
            found.append(Sweep(shift, shop.account, ChangeFeed(changes, shop, shift, clock, begin_at).reread))
    for source in package_lists(shipstation, Urgency.SWEEP):
        shift = shift_of(f"{source.name}.sweep")
        feed = PackageFeed(source, shipstation, prefixes, shift, clock, begin_at)
        found.append(Sweep(shift, shipstation.account, feed.reread))
    shift = shift_of("shipstation.orders.sweep")
    look = ShipStationSweep(shipstation, list(shops), shift, clock, begin_at).look
    return [*found, Sweep(shift, shipstation.account, look)]


def sweep_feeds(found: Sequence[Sweep], bounds: SweepBounds, clock: Clock) -> list[Feed]:
    return [
        Feed(one.shift, one.account, bounds.every_s, SoleSweep(one, bounds, clock).poll, looks_at_start=False)
        for one in found
    ]


async def sweep_now(found: Sequence[Sweep], bounds: SweepBounds, accounts: Accounts, clock: Clock) -> dict[str, int]:
    """By hand, one after the other: name -> orders marked, 0 where the daemon sweeps just now. Raises what a vendor refuses."""
    marked = {}
    for one in found:
        if refusal := accounts.refusal(one.account):
            raise refusal
        done = await one.shift.do(SoleSweep(one, bounds, clock).run, clock.now())
        marked[one.shift.name] = 0 if isinstance(done, Passed) else done
    return marked


def _ms(passed: timedelta) -> int:
    return round(passed.total_seconds() * 1000)
