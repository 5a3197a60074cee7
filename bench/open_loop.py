"""A load generator with a fixed schedule: what is late is sent at once and counted from when it was due, so nothing is omitted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from bench.post import HOST

MOST_CONNECTIONS = 60
"""Fewer than the daemon lets one peer have."""
GIVE_UP_S = 10.0


@dataclass
class Answered:
    """`waits_ms` is one entry for each good answer, from the moment that the schedule names."""

    bad: int = 0
    waits_ms: list[float] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._read = b""
        self._due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is not derived from it

    def send(self, request: bytes, due_at: float) -> None:
        self._due_at = due_at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self._read.endswith(b"\r\n\r\n"):  # answers have no body
            is_good, self._read = self._read.startswith(b"HTTP/1.1 200 "), b""
            due_at, self._due_at = self._due_at, 0.0
            self._pool.ended(self, is_good, due_at)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.closed(self, is_waiting=self._due_at > 0)

    def close(self) -> None:
        self._transport.close()


class _Pool:
    """As many connections as have a request under way, up to a limit."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[_Connection] = []
        self._slots = asyncio.Semaphore(MOST_CONNECTIONS)
        self._open: set[_Connection] = set()
        self.under_way = 0
        self.answered = Answered()

    async def send(self, request: bytes, due_at: float) -> None:
        await self._slots.acquire()
        if not self._free:
            loop = asyncio.get_running_loop()
            _, made = await loop.create_connection(lambda: _Connection(self), HOST, self._port)
            self._open.add(made)
            self._free.append(made)
        self.under_way += 1
        self._free.pop().send(request, due_at)

    def ended(self, connection: _Connection, is_good: bool, due_at: float) -> None:
        self._done()
        self._free.append(connection)
        if is_good:
            self.answered.waits_ms.append((time.perf_counter() - due_at) * 1000)
        else:
            self.answered.bad += 1

    def closed(self, connection: _Connection, is_waiting: bool) -> None:
        self._open.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        if is_waiting:
            self._done()
            self.answered.bad += 1

    def close(self) -> None:
        for connection in list(self._open):
            connection.close()

    def _done(self) -> None:
        self.under_way -= 1
        self._slots.release()


async def post_on_schedule(port: int, requests: Iterable[bytes], per_s: float) -> Answered:
    """Sends them in turn, so many a second."""
    pool, begin_at = _Pool(port), time.perf_counter()
    for number, request in enumerate(requests):
        due_at = begin_at + number / per_s
        if (early_s := due_at - time.perf_counter()) > 0:
            await asyncio.sleep(early_s)
        await pool.send(request, due_at)
    give_up_at = time.perf_counter() + GIVE_UP_S
    while pool.under_way and time.perf_counter() < give_up_at:
        await asyncio.sleep(0.01)
    pool.answered.bad += pool.under_way
    pool.close()
    return pool.answered
