"""All that one process does, on ports from outside: three flows, the inbox, the feeds, and what the port answers.

No socket, no signal, no scheduler: those belong to the daemon around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from syncd import __version__
from syncd.errors import SyncError
from syncd.flows.batch import Bounds
from syncd.flows.catalog import NAME as CATALOG
from syncd.flows.deliveries import EVERY_S as DELIVERIES_EVERY_S
from syncd.flows.deliveries import NAME as DELIVERIES
from syncd.flows.outbound import EVERY_S as OUTBOUND_EVERY_S
from syncd.flows.outbound import NAME as OUTBOUND
from syncd.flows.outbound import OutboundDuty
from syncd.flows.runner import Runner
from syncd.flows.stock import NAME as STOCK
from syncd.intake.feeds import CHANGE_LISTS, ChangeFeed, Feed, Feeds
from syncd.intake.inbox import SHIPSTATION, Inbox
from syncd.intake.news import EVERY_S as TRACKING_EVERY_S
from syncd.intake.news import NAME as TRACKING
from syncd.intake.news import TrackingFeed
from syncd.intake.package_feeds import PackageFeed, package_lists
from syncd.intake.reader import Letters, Reader
from syncd.intake.recall import EVERY_S as RECALL_EVERY_S
from syncd.intake.recall import Recall
from syncd.intake.receipts import NAME as RECEIPTS
from syncd.intake.receipts import Receipts, awaiting_stores
from syncd.intake.refusals import Refusals, cures
from syncd.intake.server import Door, Doors, Reports, Webhooks
from syncd.intake.shifts import SHIFT_S, Passed, Shift
from syncd.intake.sweeps import sweep_feeds
from syncd.intake.tally import Refused, Tally
from syncd.logs import get_logger
from syncd.operate.desk import Desk
from syncd.operate.first_start import begun_at
from syncd.operate.hangs import tell_slow
from syncd.operate.keys import ExpiryWatch, key_report
from syncd.operate.metrics import Metrics
from syncd.operate.privacy import PrivacyDuty
from syncd.operate.set_back import SetBackWatch, notice_at_start
from syncd.operate.status import read_status
from syncd.operate.subscriptions import EVERY_S, restore_all
from syncd.operate.tracking import track_order, without_places
from syncd.ports import Ports
from syncd.settings.whole import Settings
from syncd.shipstation.client import ACCOUNT as V1_ACCOUNT
from syncd.shipstation.signatures import PublishedKeys
from syncd.shipstation.v2_client import ACCOUNT as V2_ACCOUNT
from syncd.store.consignments import forget_documents
from syncd.store.inbox import KeptBy, prune_deliveries
from syncd.store.journal import prune_journal
from syncd.store.journeys import prune_journeys
from syncd.store.memory import ORDERS_READ, notice_gap
from syncd.store.migrations import is_at_head
from syncd.store.outbound import prune_messages
from syncd.store.privacy import forget_answers, truncate_log
from syncd.store.transaction import Work
from syncd.waiting import first_of
from syncd.wiring import (
    Flows,
    Vendors,
    all_sweeps,
    build_flows,
    catalog_look,
    catalog_writer,
    connect,
    deliveries_flow,
    order_prefixes,
    own_carriers,
    stock_flow,
    sweep_bounds,
)

log = get_logger("daemon")

STALE_BEAT_S = 60.0
CHECK_S = 5.0
"""How often we look whether a feed is due: also one whose shift another replica had."""
TIDY_S = 3600.0
WATCH_S = 20.0
DEAD_DELIVERY_DAYS = 3
JOURNEYS_KEPT = timedelta(days=90)
FORGOTTEN_AT_ONCE = 1_000
"""Rows in one transaction, so that no webhook waits long for its own."""


class Tick(NamedTuple):
    """What is to be begun, and how often."""

    every_s: float
    begin: Callable[[], None]


class WayIn(NamedTuple):
    """What the duties have of the port: the webhooks that it kept, and how many it refused at each door."""

    letters: Letters
    refusals: Callable[[], Awaitable[Mapping[str, Refused]]]


class Duties:
    """`start` begins them all. They end by themselves once `stopping` is set."""

    def __init__(
        self,
        settings: Settings,
        ports: Ports,
        way_in: WayIn,
        vendors: Vendors,
        flows: Flows,
        stopping: asyncio.Event,
        start_at: datetime,
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._db, self._clock = ports.db, ports.clock
        self._vendors = vendors
        self._accounts = flows.accounts
        self._stopping = stopping
        self._runners = [
            Runner(flow, ports.db, ports.clock, ports.rng, _bounds(settings), self.wake)
            for flow in (flows.orders, flows.shipments, flows.returns)
        ]
        self._metrics = Metrics(vendors.orders.budget)
        self.feeds = Feeds(self._all_feeds(start_at), flows.accounts, ports.db, ports.clock, self.wake)
        shops = {name: store.shop for name, store in settings.stores.items()}
        idle_s = settings.limits.idle_s
        self._catalog = catalog_writer(settings, vendors, flows.accounts, ports.db, ports.clock, ports.rng)
        self._reader = Reader(
            way_in.letters, ports.db, ports.clock, self.feeds.nudge, self.wake, idle_s, shops, settings.sync.news_used
        )
        self._privacy = PrivacyDuty(ports.db, ports.inbox, ports.clock, self._reader.asked)
        self.was_set_back: Callable[[], None] = lambda: None
        """For whoever keeps the time of `ticks`: what it waits for may be far again."""
        self._set_back = SetBackWatch(ports.db, ports.clock, settings.limits.lease_s, self._no_longer_waiting)
        self._refusals = Refusals(cures(list(settings.stores), SHIPSTATION), way_in.refusals, ports.db, ports.clock)
        self._expiry = ExpiryWatch()
        self._desk = Desk(settings, ports.db, ports.inbox, ports.clock, vendors, start_at)
        self.reports = Reports(self._health, self._ready, self._status, self._render_metrics)

    @classmethod
    async def prepared(cls, settings: Settings, ports: Ports, stopping: asyncio.Event, way_in: WayIn) -> Duties:
        vendors = connect(settings, ports.http, ports.db, ports.clock, ports.rng)
        start_at = await begun_at(settings, vendors.shops, ports, stopping)
        await notice_at_start(ports.db, ports.clock, settings.limits.lease_s)
        if await ports.db.run(notice_gap(start_at, ports.clock.now())):
            log.info("memory.gap", since=str(start_at))
        flows = build_flows(settings, vendors, ports.db, ports.clock, start_at)
        return cls(settings, ports, way_in, vendors, flows, stopping, start_at)

    def start(self) -> None:
        for name, work in self._all().items():
            self._ports.spawn.start(name, work)
        self._ports.spawn.start("feeds due", self.feeds.check)

    def ticks(self) -> list[Tick]:
        """For whoever keeps the time."""
        start = self._ports.spawn.start
        soonest_s = min(feed.every_s for feed in self.feeds.feeds)
        return [
            Tick(min(CHECK_S, soonest_s / 4), partial(start, "feeds due", self.feeds.check)),
            Tick(TIDY_S, partial(start, "tidy", self._tidy)),
            Tick(EVERY_S, partial(start, "subscriptions", self._subscribe)),
            Tick(WATCH_S, partial(start, "watch", self._watch)),
        ]

    def wake(self) -> None:
        for runner in self._runners:
            runner.wake()
        if self._catalog:
            self._catalog.wake()

    def _no_longer_waiting(self) -> None:
        self.wake()
        self.was_set_back()

    def _all(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        duties: dict[str, Callable[[], Awaitable[None]]] = {
            f"{name} flow": partial(runner.work, self._stopping)
            for name, runner in zip(("orders", "shipments", "returns"), self._runners, strict=True)
        }
        duties["inbox"] = partial(self._reader.work, self._stopping)
        if self._catalog:
            duties["catalog"] = partial(self._catalog.work, self._stopping)
        duties["privacy"] = partial(self._privacy.work, self._stopping)
        duties["clock"] = partial(self._set_back.work, self._stopping)
        for feed in self.feeds.feeds:
            duties[f"feed {feed.name}"] = partial(self.feeds.work, feed, self._stopping)
        duties["subscriptions"] = self._subscribe
        return duties

    def _all_feeds(self, start_at: datetime) -> list[Feed]:
        sync, feeds = self._settings.sync, []
        for shop in self._vendors.shops.values():
            for changes in CHANGE_LISTS:
                shift = self._shift(changes.name_in(shop.store))
                part = ChangeFeed(changes, shop, shift, self._clock, start_at)
                feeds.append(Feed(shift, shop.account, sync.order_poll_s, part.poll))
        prefixes = order_prefixes(self._settings)
        for source in package_lists(self._vendors.orders):
            shift = self._shift(source.name)
            feed = PackageFeed(source, self._vendors.orders, prefixes, shift, self._clock, start_at)
            feeds.append(
                Feed(shift, self._vendors.orders.account, sync.shipment_poll_s, feed.poll, can_wait=self._is_backlog)
            )
        shift, account = self._shift(ORDERS_READ), self._vendors.orders.account
        recall = Recall(self._vendors.orders, list(self._vendors.shops), shift, self._clock, self._nudge_packages)
        feeds.append(Feed(shift, account, RECALL_EVERY_S, recall.poll))
        found = all_sweeps(self._settings, self._vendors, self._shift, self._clock, start_at)
        return [
            *feeds,
            *sweep_feeds(found, sweep_bounds(self._settings), self._clock),
            *self._stock(),
            *self._catalog_looks(),
            *self._receipts(),
            *self._deliveries(),
            *self._outbound(),
        ]

    def _nudge_packages(self) -> None:
        for source in package_lists(self._vendors.orders):
            self.feeds.nudge(source.name)

    def _stock(self) -> list[Feed]:
        shift = self._shift(STOCK)
        flow = stock_flow(self._settings, self._vendors, self._accounts, shift, self._clock, self._ports.rng)
        every_s = self._settings.sync.stock_scan_s
        return [Feed(shift, f"{V2_ACCOUNT}:inventory", every_s, flow.run)] if flow else []

    def _catalog_looks(self) -> list[Feed]:
        shift = self._shift(CATALOG)
        look = catalog_look(self._settings, self._vendors, self._accounts, shift, self._clock)
        every_s = self._settings.sync.catalog_scan_s
        return [Feed(shift, V1_ACCOUNT, every_s, look.run, can_wait=self._is_backlog)] if look else []

    def _receipts(self) -> list[Feed]:
        shift, every_s = self._shift(RECEIPTS), self._settings.sync.return_tracking_s
        stores = awaiting_stores(self._settings)
        if self._vendors.shipstation_v2 is None or not stores:
            return []
        asked = Receipts(self._vendors.shipstation_v2, stores, shift, self._clock)
        return [Feed(shift, f"{V2_ACCOUNT}:labels", every_s, asked.poll)]

    def _deliveries(self) -> list[Feed]:
        mode, shipstation = self._settings.sync.news_used, self._vendors.shipstation_v2
        if mode == "off" or shipstation is None:
            return []
        shift = self._shift(TRACKING)
        asking = TrackingFeed(shipstation, mode == "tell", shift, self._clock)
        feeds = [Feed(shift, f"{V2_ACCOUNT}:labels", TRACKING_EVERY_S, asking.poll)]
        if mode == "tell":
            turn = self._shift(DELIVERIES)
            telling = deliveries_flow(self._settings, self._vendors, self._accounts, turn, self._clock, self._ports.rng)
            feeds.append(Feed(turn, DELIVERIES, DELIVERIES_EVERY_S, self._metrics.counting_told(telling.run)))
        return feeds

    def _outbound(self) -> list[Feed]:
        endpoints, ports = self._settings.outbound, self._ports
        shift = self._shift(OUTBOUND)
        duty = OutboundDuty(endpoints, own_carriers(self._settings), ports.http, shift, self._clock, ports.rng)
        return [Feed(shift, OUTBOUND, OUTBOUND_EVERY_S, self._metrics.counting_sent(duty.run))] if endpoints else []

    def _is_backlog(self) -> bool:
        """Calls wait for ShipStation's next window. What its webhooks tell of is looked at all the same."""
        return self._vendors.orders.budget.usage(self._clock.now()).waiting > 1

    def _shift(self, name: str) -> Shift:
        return Shift(name, self._db, self._clock, self._ports.rng)

    async def _subscribe(self) -> None:
        """One replica after the other: two at once would both subscribe what is missing."""
        shift, wanted_at = self._shift("subscriptions"), self._clock.now()
        restore = partial(restore_all, self._settings, self._vendors, self._accounts)
        while not self._stopping.is_set():
            try:
                done = await shift.do(restore, wanted_at)
            except SyncError as error:
                log.warning("subscriptions.postponed", error_code=error.code, error_text=error.text)
                return
            if isinstance(done, set):
                self._fill_gaps(done)
            if done is not Passed.BUSY:
                return
            await first_of(self._clock, SHIFT_S / 3, self._stopping)

    def _fill_gaps(self, accounts: set[str]) -> None:
        """What happened while their webhooks were missing only the feeds tell."""
        for feed in self.feeds.feeds:
            if feed.account in accounts:
                self.feeds.nudge(feed.name)

    async def _watch(self) -> None:
        batches = [one for runner in self._runners for one in runner.under_way()]
        tell_slow([*self.feeds.under_way(), *batches], WATCH_S)
        await self._refusals.watch()
        try:
            self._expiry.look(await self._db.run(key_report(self._settings.shipstation.key_pairs(), self._clock.now())))
        except SyncError as error:
            log.warning("alarms.postponed", error_code=error.code, error_text=error.text)

    async def _tidy(self) -> None:
        """Forgets what is no longer needed; documents of closed orders hold names and addresses."""
        now = self._clock.now()
        keep = now - timedelta(days=self._settings.limits.keep_days)
        closed_before = now - timedelta(days=self._settings.privacy.retention_days)
        forget: list[Work[int]] = [
            prune_journal(keep, FORGOTTEN_AT_ONCE),
            forget_documents(closed_before, FORGOTTEN_AT_ONCE),
            prune_messages(keep, FORGOTTEN_AT_ONCE),
            prune_journeys(now - JOURNEYS_KEPT, FORGOTTEN_AT_ONCE),
            prune_deliveries(now - timedelta(days=DEAD_DELIVERY_DAYS), keep, FORGOTTEN_AT_ONCE),
        ]
        try:
            for work in forget:
                await self._forget(work)
            await self._db.run(forget_answers(closed_before))
            for db in (self._db, self._ports.inbox):
                await db.run(truncate_log)
        except SyncError as error:
            log.warning("tidying.postponed", error_code=error.code, error_text=error.text)

    async def _forget(self, work: Work[int]) -> None:
        while await self._db.run(work) >= FORGOTTEN_AT_ONCE and not self._stopping.is_set():
            pass

    async def _health(self) -> tuple[bool, dict[str, Any]]:
        """The loop answers, and the workers have looked for work lately. A vendor that is down is neither's fault."""
        lag_s = self.lag_s()
        return lag_s < STALE_BEAT_S, {"alive": lag_s < STALE_BEAT_S, "lag_s": round(lag_s, 1), "version": __version__}

    def lag_s(self) -> float:
        """Since one of the workers last looked for work."""
        return max(self._clock.monotonic() - runner.beat for runner in self._runners)

    async def _ready(self) -> tuple[bool, dict[str, Any]]:
        try:
            at_head = await self._db.run(is_at_head)
        except SyncError as error:
            return False, {"ready": False, "reason": error.code}
        is_ready = at_head and not self._stopping.is_set()
        return is_ready, {"ready": is_ready, "reason": "" if is_ready else "stopping" if at_head else "schema"}

    async def track(self, ref: str) -> Mapping[str, Any]:
        return without_places(await track_order(self._desk, ref))

    async def _status(self) -> tuple[bool, dict[str, Any]]:
        return True, await read_status(self._db, self._clock, self._settings, self._ports.inbox)

    async def _render_metrics(self) -> bytes:
        return self._metrics.render(
            await read_status(self._db, self._clock, self._settings, self._ports.inbox), self._clock.now()
        )


def way_in_here(settings: Settings, ports: Ports) -> tuple[WayIn, Webhooks]:
    """The port's part without a process of its own, and without a socket."""
    kept = KeptBy(ports.inbox)
    inbox = Inbox(kept, ports.clock, ports.rng)
    tally = Tally((*settings.stores, SHIPSTATION), ports.clock)
    keys = PublishedKeys(ports.http, ports.clock, settings.shipstation.jwks_url)
    webhooks = Webhooks(doors(settings), inbox, ports.clock, tally, keys)
    return WayIn(Letters(ports.inbox, kept.finish, inbox.arrived), tally.rows), webhooks


def doors(settings: Settings) -> Doors:
    shops = {name: Door(store.shop, store.webhook_secrets()) for name, store in settings.stores.items()}
    return Doors(shops, settings.shipstation.webhook_secrets(), settings.limits.body_bytes)


def _bounds(settings: Settings) -> Bounds:
    limits = settings.limits
    return Bounds(
        limits.batch,
        limits.batches_in_flight,
        limits.lease_s,
        settings.sync.settle_s,
        limits.attempts,
        limits.longest_wait_s,
        limits.brake_share,
        limits.brake_least,
        limits.idle_s,
    )
