"""The outer shell: system ports, the socket, the scheduler and the signals around the duties; an orderly stop at the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

import uvloop

from syncd import __version__
from syncd.adapters import SystemClock, SystemRng, TaskSpawn
from syncd.duties import Duties, Tick
from syncd.http import AiohttpHttp
from syncd.intake.gate import Bounds, Gate
from syncd.intake.server import Listener, Port
from syncd.logs import get_logger, set_up_logs
from syncd.pauses import COLLECT_S, collect, keep_pauses_short
from syncd.ports import Ports
from syncd.settings.whole import Settings
from syncd.store.engine import AheadDb, open_daemon_db
from syncd.store.file_systems import network_warning
from syncd.store.migrations import is_sqlite
from syncd.store.sqlite import file_of

log = get_logger("daemon")


def run_daemon(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT. The exit code is 1 when a task died: whoever supervises us starts us anew."""
    set_up_logs(settings.log.level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(settings))


async def _run(settings: Settings) -> int:
    daemon = Daemon(settings)
    for number in (signal.SIGTERM, signal.SIGINT):  # before anything slow: process 1 ignores what has no handler
        asyncio.get_running_loop().add_signal_handler(number, daemon.stopping.set)
    db = open_daemon_db(settings.database.url)
    if is_sqlite(settings.database.url) and (warning := network_warning(file_of(settings.database.url))):
        log.warning("store.doubtful", error_code="network_file_system", error_text=warning)
    http = AiohttpHttp()
    try:
        ports = Ports(SystemClock(), SystemRng(), http, db, AheadDb(db), daemon.spawn)
        return await daemon.serve(await Duties.prepared(settings, ports, daemon.stopping))
    finally:
        await http.close()
        await db.close()


class Daemon:
    """One process, from its first task to its last. `stopping` ends it; so does a task that dies."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failed = False
        self.stopping = asyncio.Event()
        self.spawn = TaskSpawn(self._task_failed)

    async def serve(self, duties: Duties) -> int:
        """Returns the exit code."""
        server = self._settings.server
        gate = Gate(gate_bounds(self._settings), asyncio.get_running_loop().time)
        listener = Listener(
            Port(duties.webhooks, duties.reports, gate, duties.tracking).app, gate, server.host, server.port
        )
        port = await listener.start()
        duties.start()
        scheduler = started_scheduler([*duties.ticks(), Tick(COLLECT_S, collect)])
        keep_pauses_short()
        log.info(
            "daemon.started",
            version=__version__,
            host=server.host,
            port=port,
            pid=os.getpid(),
            stores=len(self._settings.stores),
        )
        await self.stopping.wait()
        log.info("daemon.stopping")
        scheduler.shutdown(wait=False)
        duties.wake()
        await self.spawn.drain(self._settings.limits.stop_s)
        await listener.stop()
        log.info("daemon.stopped")
        return int(self._failed)

    def _task_failed(self, name: str, error: BaseException) -> None:
        log.error("task.failed", task=name, exc_info=error)
        self._failed = True
        self.stopping.set()


def gate_bounds(settings: Settings) -> Bounds:
    limits = settings.limits
    return Bounds(
        limits.connections, limits.connections_per_peer, limits.body_s, tuple(settings.server.trusted_proxies)
    )


def started_scheduler(ticks: Iterable[Tick]) -> Any:
    """Only begins things; the work is done by our own tasks, which a stop waits for. The library cancels what it runs."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler
    from apscheduler.triggers.interval import IntervalTrigger

    scheduler = AsyncIOScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    for tick in ticks:
        scheduler.add_job(_in_the_loop, IntervalTrigger(seconds=tick.every_s), args=[tick.begin])
    scheduler.start()
    return scheduler


async def _in_the_loop(begin: Callable[[], None]) -> None:
    """A coroutine, because the library runs plain functions in a thread: no task can be made there and no event set."""
    begin()
