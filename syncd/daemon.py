"""The outer shell: system ports, the socket, the scheduler and the signals around the duties; an orderly stop at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

import uvloop

from syncd import __version__
from syncd.adapters import SystemClock, SystemRng, TaskSpawn
from syncd.duties import Duties, Tick, WayIn, doors
from syncd.http import AiohttpHttp
from syncd.intake.gate import Bounds
from syncd.intake.link import Answer
from syncd.intake.outside import ENDS_S, Outside
from syncd.intake.port import Orders
from syncd.intake.reader import Letters
from syncd.intake.sockets import bound, number_of
from syncd.logs import get_logger, set_up_logs
from syncd.operate.hangs import HangWatch
from syncd.pauses import COLLECT_S, collect, keep_pauses_short
from syncd.ports import Clock, Ports
from syncd.settings.whole import Settings
from syncd.store.engine import open_daemon_db, open_inbox, place_of, prepare_inbox
from syncd.store.file_systems import network_warning
from syncd.store.inbox import KeptBy
from syncd.store.migrations import is_sqlite
from syncd.store.sqlite import file_of

log = get_logger("daemon")

GIVES_WAY = 5
"""To the port, where the processors are busy: whoever sent a webhook waits, and work on orders can. A port that is started anew gives way as well."""


def give_way() -> None:
    """Every thread that there is: on Linux each has a priority of its own, and the store's writer is older than this."""
    if sys.platform != "linux":
        os.nice(GIVES_WAY)
        return
    for thread in threading.enumerate():
        if thread.native_id:
            which = os.PRIO_PROCESS, thread.native_id
            os.setpriority(*which, os.getpriority(*which) + GIVES_WAY)


def run_daemon(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT. The exit code is 1 when a task died: whoever supervises us starts us anew."""
    set_up_logs(settings.log.level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(settings))


async def _run(settings: Settings) -> int:
    daemon = Daemon(settings)
    for number in (signal.SIGTERM, signal.SIGINT):  # before anything slow: process 1 ignores what has no handler
        asyncio.get_running_loop().add_signal_handler(number, daemon.stopping.set)
    url, server, clock = settings.database.url, settings.server, SystemClock()
    db = open_daemon_db(url)
    if is_sqlite(url) and (warning := network_warning(file_of(url))):
        log.warning("store.doubtful", error_code="network_file_system", error_text=warning)
    prepare_inbox(url)
    http, inbox = AiohttpHttp(), open_inbox(url, db)
    try:
        ports = Ports(clock, SystemRng(), http, db, inbox, daemon.spawn)
        return await daemon.serve(ports, await bound(server.host, server.port, clock))
    finally:
        await http.close()
        await inbox.close()
        await db.close()


class Daemon:
    """One process, from its first task to its last. `stopping` ends it; so does a task that dies."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._failed = False
        self.stopping = asyncio.Event()
        self.spawn = TaskSpawn(self._task_failed)
        self._duties: asyncio.Future[Duties] = asyncio.get_running_loop().create_future()

    async def serve(self, ports: Ports, sockets: Sequence[socket.socket]) -> int:
        """Returns the exit code."""
        outside = Outside(port_orders(self._settings, sockets), self._answers(), ports.clock)
        around = TaskSpawn(self._task_failed)
        around.start("port", outside.work)
        finish = outside.finish if is_sqlite(self._settings.database.url) else KeptBy(ports.db).finish
        way_in = WayIn(Letters(ports.inbox, finish, outside.arrived), outside.refusals)
        try:
            duties = await Duties.prepared(self._settings, ports, self.stopping, way_in)
            self._duties.set_result(duties)
            await self._work(duties, number_of(sockets))
        finally:
            for one in sockets:
                one.close()
            await outside.stop()
            await around.drain(ENDS_S)
        log.info("daemon.stopped")
        return int(self._failed)

    async def _work(self, duties: Duties, port: int) -> None:
        """Until `stopping`, and then until what was begun has ended."""
        duties.start()
        scheduler = started_scheduler([*duties.ticks(), Tick(COLLECT_S, collect)])
        duties.was_set_back = partial(begin_all, scheduler, SystemClock())
        keep_pauses_short()
        give_way()
        log.info(
            "daemon.started",
            version=__version__,
            host=self._settings.server.host,
            port=port,
            pid=os.getpid(),
            stores=len(self._settings.stores),
        )
        watch = HangWatch(duties.lag_s)
        watch.start()
        await self.stopping.wait()
        watch.stop()
        log.info("daemon.stopping")
        scheduler.shutdown(wait=False)
        duties.wake()
        await self.spawn.drain(self._settings.limits.stop_s)

    def _answers(self) -> dict[str, Answer]:
        """To what the port is asked, once the duties are there."""

        def asked(answer: Callable[[Duties, Any], Awaitable[Any]]) -> Answer:
            async def given(value: Any) -> Any:
                return await answer(await asyncio.shield(self._duties), value)

            return given

        async def metrics(duties: Duties, _: Any) -> str:
            return (await duties.reports.metrics()).decode()

        return {
            "health": asked(lambda duties, _: duties.reports.health()),
            "ready": asked(lambda duties, _: duties.reports.ready()),
            "status": asked(lambda duties, _: duties.reports.status()),
            "metrics": asked(metrics),
            "track": asked(lambda duties, ref: duties.track(ref)),
        }

    def _task_failed(self, name: str, error: BaseException) -> None:
        log.error("task.failed", task=name, exc_info=error)
        self._failed = True
        self.stopping.set()


def port_orders(settings: Settings, sockets: Sequence[socket.socket]) -> Orders:
    return Orders(
        doors=doors(settings),
        bounds=gate_bounds(settings),
        sockets=[one.fileno() for one in sockets],
        tracking_token=settings.server.api_token.get_secret_value(),
        jwks_url=settings.shipstation.jwks_url,
        place=place_of(settings.database.url),
        log_level=settings.log.level,
    )


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


def begin_all(scheduler: Any, clock: Clock) -> None:
    """All of it now, and then as often as before. The library goes by the time of day: set back by hours it would wait for as long."""
    for job in scheduler.get_jobs():
        job.modify(next_run_time=clock.now())


async def _in_the_loop(begin: Callable[[], None]) -> None:
    """A coroutine, because the library runs plain functions in a thread: no task can be made there and no event set."""
    begin()
