"""The daemon's side of its port: starts the process, starts it anew when it dies, and speaks with it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

from syncd.errors import TransientError
from syncd.intake.link import Answer, Link
from syncd.intake.port import Orders, send
from syncd.intake.tally import Refused
from syncd.logs import get_logger
from syncd.ports import Clock
from syncd.store.keeping import Finished

log = get_logger("intake")

PROGRAM = "from syncd.intake.port import main; main()"
SOONEST_S, LATEST_S = 0.1, 5.0
"""Between two starts of a port that dies at once."""
HEALTHY_S = 60.0
ENDS_S = 10.0
LOOK_S = 5.0
"""How often we ask whether it still answers, and half of what it has for that."""
SILENT_LOOKS = 3
"""So many in a row: one is silent when it was we who slept."""


class Outside:
    """`work` lasts as long as the daemon; `stop` lets the port answer what it has, and end."""

    def __init__(self, orders: Orders, answers: Mapping[str, Answer], clock: Clock, look_s: float = LOOK_S) -> None:
        self.arrived = asyncio.Event()
        self._orders = orders
        self._answers = {**answers, "arrived": self._told}
        self._clock = clock
        self._look_s = look_s
        self._link: Link | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False

    async def work(self) -> None:
        wait_s = SOONEST_S
        while not self._is_over:
            began = self._clock.monotonic()
            try:
                await self._live()
            except OSError as error:  # no more files, or no memory for a process
                log.error("port.postponed", error_code="port", error_text=error.strerror or type(error).__name__)
            if self._is_over:
                return
            wait_s = SOONEST_S if self._clock.monotonic() - began > HEALTHY_S else min(2 * wait_s, LATEST_S)
            await self._clock.sleep(wait_s)

    async def stop(self) -> None:
        self._is_over = True
        if self._link:
            self._link.close()
        if self._process:
            await _ended(self._process, self._clock)

    async def finish(self, read: Sequence[Finished]) -> None:
        await self._said().call("finish", list(read))

    async def refusals(self) -> dict[str, Refused]:
        rows = await self._said().call("refusals")
        return {door: Refused(count, datetime.fromisoformat(since)) for door, (count, since) in rows.items()}

    async def _live(self) -> None:
        """One life of the process."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._process = process = _started(theirs.fileno(), self._orders)
            send(ours, self._orders)
            self._link = await Link.opened(ours, self._answers)
            watching = asyncio.create_task(self._watch(process))
            try:
                await self._link.serve()
            finally:
                watching.cancel()
        if not self._is_over:
            code = await _ended(process, self._clock)
            log.error("port.ended", pid=process.pid, reason=_how(code))

    async def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """A port that hangs answers nobody, and does not end by itself."""
        silent = 0
        while silent < SILENT_LOOKS:
            await self._clock.sleep(self._look_s)
            try:
                await self._said().call("refusals", within_s=2 * self._look_s)
                silent = 0
            except TransientError:
                silent += 1
        log.error("port.hung", pid=process.pid)
        process.kill()

    async def _told(self, _: object) -> None:
        self.arrived.set()

    def _said(self) -> Link:
        if self._link is None:
            raise TransientError("link_gone", "the port is not there yet")
        return self._link


def _started(pair: int, orders: Orders) -> subprocess.Popen[bytes]:
    """In a group of its own, so that what a terminal sends to the daemon does not reach it."""
    command = [sys.executable, "-P", "-c", PROGRAM, str(pair)]
    path = os.pathsep.join(filter(None, sys.path))
    fds = (pair, *orders.sockets)
    env = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, env=env, pass_fds=fds, process_group=0)  # noqa: S603 - ourselves


async def _ended(process: subprocess.Popen[bytes], clock: Clock) -> int:
    """The exit code. Who does not end is killed."""
    until = clock.monotonic() + ENDS_S
    while process.poll() is None and clock.monotonic() < until:
        await clock.sleep(0.01)
    if process.poll() is None:
        process.kill()
    return process.wait()


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
