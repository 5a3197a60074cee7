"""The composition root: from settings to a running daemon, and from SIGTERM to an orderly stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import uvloop

from syncd import __version__
from syncd.adapters import SystemClock, SystemRng, TaskSpawn
from syncd.errors import SyncError
from syncd.flows.runner import Bounds, Runner
from syncd.http import AiohttpHttp
from syncd.intake.feeds import CHANGE_LISTS, ChangeFeed, Feed, Feeds
from syncd.intake.inbox import Inbox, Reader
from syncd.intake.package_feeds import PackageFeed, package_lists
from syncd.intake.server import Doors, Listener, Reports, Webhooks, build_app
from syncd.logs import get_logger, set_up_logs
from syncd.operate.metrics import Metrics
from syncd.operate.status import read_status
from syncd.operate.subscriptions import subscribe_all
from syncd.ports import Clock
from syncd.settings import Settings
from syncd.shipstation.client import ACCOUNT
from syncd.store.engine import open_daemon_db
from syncd.store.inbox import prune_deliveries
from syncd.store.journal import prune_journal
from syncd.store.links import forget_documents
from syncd.store.migrations import is_at_head
from syncd.store.postgres import PostgresDb
from syncd.store.sqlite import SqliteDb
from syncd.wiring import Flows, Vendors, build_flows, connect, start_of_sync

log = get_logger("daemon")

STALE_BEAT_S = 60.0
TIDY_S = 3600.0
DEAD_DELIVERY_DAYS = 3


def run_daemon(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT. The exit code is 1 when a task died: whoever supervises us starts us anew."""
    set_up_logs(settings.log.level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(settings))


async def _run(settings: Settings) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # before anything slow: process 1 ignores what has no handler
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    db = open_daemon_db(settings.database.url)
    http = AiohttpHttp()
    try:
        daemon = await Daemon.prepared(settings, db, http, SystemClock(), stopping)
        return await daemon.serve()
    finally:
        await http.close()
        await db.close()


class Daemon:
    """All parts of one process. `serve` returns the exit code."""

    def __init__(
        self,
        settings: Settings,
        db: SqliteDb | PostgresDb,
        clock: Clock,
        vendors: Vendors,
        flows: Flows,
        stopping: asyncio.Event,
        start_at: datetime,
    ) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._rng = SystemRng()
        self._vendors = vendors
        self._accounts = flows.accounts
        self._stopping = stopping
        self._failed = False
        self._spawn = TaskSpawn(self._task_failed)
        self._runners = [
            Runner(flow, db, clock, self._rng, _bounds(settings)) for flow in (flows.orders, flows.shipments)
        ]
        self._inbox = Inbox(db, clock, self._rng)
        self._feeds = Feeds(self._all_feeds(start_at), flows.accounts, clock, self._wake)
        self._reader = Reader(self._inbox, db, clock, self._feeds.nudge, self._wake)
        self._metrics = Metrics(vendors.window)

    @classmethod
    async def prepared(
        cls, settings: Settings, db: SqliteDb | PostgresDb, http: AiohttpHttp, clock: Clock, stopping: asyncio.Event
    ) -> Daemon:
        vendors = connect(settings, http, db, clock, SystemRng())
        start_at = await start_of_sync(settings, db, clock)
        flows = build_flows(settings, vendors, db, clock, start_at)
        return cls(settings, db, clock, vendors, flows, stopping, start_at)

    async def serve(self) -> int:
        server = self._settings.server
        listener = Listener(build_app(self._webhooks(), self._reports()), server.host, server.port)
        port = await listener.start()
        for name, work in self._duties().items():
            self._spawn.start(name, work)
        scheduler = self._scheduler()
        scheduler.start()
        log.info(
            "daemon.started",
            version=__version__,
            host=server.host,
            port=port,
            pid=os.getpid(),
            stores=len(self._settings.stores),
        )
        await self._stopping.wait()
        log.info("daemon.stopping")
        scheduler.shutdown(wait=False)
        self._wake()
        await self._spawn.drain(self._settings.limits.stop_s)
        await listener.stop()
        log.info("daemon.stopped")
        return int(self._failed)

    def _duties(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        duties: dict[str, Callable[[], Awaitable[None]]] = {
            f"{name} flow": partial(runner.work, self._stopping)
            for name, runner in zip(("orders", "shipments"), self._runners, strict=True)
        }
        duties["inbox"] = partial(self._reader.work, self._stopping)
        for feed in self._feeds.feeds:
            duties[f"feed {feed.name}"] = partial(self._feeds.work, feed, self._stopping)
        duties["subscriptions"] = self._subscribe
        return duties

    def _scheduler(self) -> Any:
        """Only sets events; the work is done by our own tasks, which a stop waits for. The library cancels what it runs."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from apscheduler.triggers.interval import IntervalTrigger

        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        for feed in self._feeds.feeds:
            scheduler.add_job(self._feeds.nudge, IntervalTrigger(seconds=feed.every_s), args=[feed.name])
        scheduler.add_job(self._spawn.start, IntervalTrigger(seconds=TIDY_S), args=["tidy", self._tidy])
        scheduler.add_job(
            self._spawn.start,
            IntervalTrigger(seconds=self._settings.sync.sweep_s),
            args=["subscriptions", self._subscribe],
        )
        return scheduler

    def _all_feeds(self, start_at: datetime) -> list[Feed]:
        sync, feeds = self._settings.sync, []
        for shop in self._vendors.shops.values():
            for changes in CHANGE_LISTS:
                part = ChangeFeed(changes, shop, self._db, self._clock, start_at)
                feeds.append(Feed(part.name, shop.account, sync.order_poll_s, part.poll))
        for source in package_lists(self._vendors.shipstation):
            feed = PackageFeed(source, list(self._vendors.shops), self._db, self._clock, start_at)
            feeds.append(Feed(source.name, ACCOUNT, sync.shipment_poll_s, feed.poll))
        return feeds

    def _webhooks(self) -> Webhooks:
        settings = self._settings
        secrets = {name: store.webhook_secrets() for name, store in settings.stores.items()}
        account = settings.shipstation.webhook_secret.get_secret_value()
        return Webhooks(Doors(secrets, account, settings.limits.body_bytes, settings.limits.body_s), self._inbox)

    async def _subscribe(self) -> None:
        await subscribe_all(self._settings, self._vendors, self._accounts)

    async def _tidy(self) -> None:
        """Forgets what is no longer needed; documents of closed orders hold names and addresses."""
        now = self._clock.now()
        keep = now - timedelta(days=self._settings.limits.keep_days)
        forget: list[Callable[[], Any]] = [
            lambda: prune_deliveries(now - timedelta(days=DEAD_DELIVERY_DAYS)),
            lambda: prune_journal(keep),
            lambda: forget_documents(keep),
        ]
        try:
            for statement in forget:
                await self._db.run(statement())
        except SyncError as error:
            log.warning("tidying.postponed", error_code=error.code, error_text=error.text)

    def _wake(self) -> None:
        for runner in self._runners:
            runner.wake()

    def _task_failed(self, name: str, error: BaseException) -> None:
        log.error("task.failed", task=name, exc_info=error)
        self._failed = True
        self._stopping.set()

    def _reports(self) -> Reports:
        return Reports(self._health, self._ready, self._status, self._render_metrics)

    async def _health(self) -> tuple[bool, dict[str, Any]]:
        """The loop answers, and the workers have looked for work lately. A vendor that is down is neither's fault."""
        lag_s = max(self._clock.monotonic() - runner.beat for runner in self._runners)
        return lag_s < STALE_BEAT_S, {"alive": lag_s < STALE_BEAT_S, "lag_s": round(lag_s, 1), "version": __version__}

    async def _ready(self) -> tuple[bool, dict[str, Any]]:
        try:
            at_head = await self._db.run(is_at_head)
        except SyncError as error:
            return False, {"ready": False, "reason": error.code}
        is_ready = at_head and not self._stopping.is_set()
        return is_ready, {"ready": is_ready, "reason": "" if is_ready else "stopping" if at_head else "schema"}

    async def _status(self) -> tuple[bool, dict[str, Any]]:
        return True, await read_status(self._db, self._clock)

    async def _render_metrics(self) -> bytes:
        return self._metrics.render(await read_status(self._db, self._clock), self._clock.now())


def _bounds(settings: Settings) -> Bounds:
    limits = settings.limits
    return Bounds(
        limits.batch,
        limits.batches_in_flight,
        limits.lease_s,
        settings.sync.settle_s,
        limits.attempts,
        limits.longest_wait_s,
    )
