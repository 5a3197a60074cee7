"""The ports of a daemon that can be killed: once its life is over, none of its calls returns and nothing is cleaned up."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlmodel import Session

from syncd.errors import UncertainError
from syncd.ports import Http, Request, Response
from syncd.store.transaction import run_alone, store_error

T = TypeVar("T")
LATE_S = 20.0
"""Within the daemon's time limit for a write, as any request is that still can arrive."""

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


class Life:
    """One incarnation of the daemon. `dies_after` is the number of the call to network or database that it does not survive:
    the call is carried out, and nobody learns of it. Transactions that only read are not counted: to die after one is the
    same as to die after the call before. `dies_sending` counts requests: this one is on its way, and arrives much later."""

    def __init__(self, dies_after: int | None = None, dies_sending: int | None = None) -> None:
        self.is_over = False
        self.is_buried = False
        """The day is over too: what waits for ever may now be cancelled."""
        self.calls = 0
        self._forever: list[asyncio.Future[None]] = []
        self.requests = 0
        self._dies_after = dies_after
        self._dies_sending = dies_sending

    async def call(self, action: Callable[[], Awaitable[T]], lasts: Callable[[], bool] = lambda: True) -> T:
        """`lasts` tells afterwards whether the call may have changed anything."""
        await self.go_on()
        try:
            return await action()
        finally:
            self.calls += lasts()
            self.is_over = self.is_over or self.calls == self._dies_after
            await self.go_on()

    def sends(self) -> bool:
        """Counts a request. False when it is the last thing that was done in this life."""
        self.requests += 1
        self.is_over = self.is_over or self.requests == self._dies_sending
        return not self.is_over

    def spare(self) -> None:
        """It dies of nothing that was foreseen."""
        self._dies_after = self._dies_sending = None

    async def go_on(self) -> None:
        """Never returns when life is over."""
        if self.is_buried:
            raise asyncio.CancelledError
        if self.is_over:
            self._forever.append(asyncio.get_running_loop().create_future())
            await self._forever[-1]


class LoopClock:
    """The time of the event loop as the time of day."""

    def __init__(self, life: Life | None = None, begin_at: datetime = START, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s
        self._life = life or Life()
        self._begin_at = begin_at

    def now(self) -> datetime:
        return self._begin_at + timedelta(seconds=self.monotonic() + self.ahead_s)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))
        await self._life.go_on()


class SeededRng:
    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)

    def random(self) -> float:
        return self._random.random()

    def token(self) -> str:
        return f"{self._random.getrandbits(128):032x}"


class InlineDb:
    """Each transaction is run where it is asked for, on either engine. `fails_with` is raised instead, while it is set."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self.fails_with: Exception | None = None
        self.has_written = False
        """Whether the last transaction changed a row; on PostgreSQL always, because it does not tell."""

    async def run(self, fn: Callable[[Session], T], ahead: bool = False) -> T:
        if self.fails_with:
            raise self.fails_with
        try:
            self._connection = connection = self._connection or self._engine.connect()
            with connection.begin():
                before = _changes(connection)
                result = run_alone(connection, fn)
                self.has_written = before is None or _changes(connection) != before
                return result
        except Exception as error:
            raise store_error(error) from error

    def close(self) -> None:
        if self._connection:
            self._connection.close()


def _changes(connection: Connection) -> int | None:
    driver_connection = connection.connection.driver_connection
    return driver_connection.total_changes if isinstance(driver_connection, sqlite3.Connection) else None


class LivingDb:
    def __init__(self, db: InlineDb, life: Life) -> None:
        self._db = db
        self._life = life

    async def run(self, fn: Callable[[Session], T], ahead: bool = False) -> T:
        return await self._life.call(lambda: self._db.run(fn, ahead), lambda: self._db.has_written)


class LivingHttp:
    def __init__(self, network: Network, life: Life) -> None:
        self._network = network
        self._life = life

    async def send(self, request: Request) -> Response:
        await self._life.go_on()
        if not self._life.sends():
            self._network.carry_late(request)
        return await self._life.call(lambda: self._network.exchange(request))


class Network:
    """Between the daemon and the vendors. A request that has left arrives, whatever becomes of who sent it."""

    def __init__(self, vendors: Http, rng: Random) -> None:
        self.latency_s = (0.02, 0.3)
        """Of each way."""
        self.sent: list[Request] = []
        self.before: Callable[[Request], None] | None = None
        """Called when a request arrives: something happens just before it is carried out. What it raises, the caller gets."""
        self.vendors = vendors
        self._rng = rng
        self._tasks: set[asyncio.Task[None]] = set()

    async def exchange(self, request: Request) -> Response:
        """Raises as the port does, also when the time limit of the request runs out."""
        answer = self._sent(request, self._rng.uniform(*self.latency_s))
        try:
            return await asyncio.wait_for(answer, request.timeout_s)
        except TimeoutError as error:
            raise UncertainError("timeout", "no answer in time") from error

    def carry_late(self, request: Request) -> None:
        """Nobody waits for its answer any more."""
        self._sent(request, LATE_S).cancel()

    def _sent(self, request: Request, delay_s: float) -> asyncio.Future[Response]:
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._carry(request, answer, delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return answer

    async def _carry(self, request: Request, answer: asyncio.Future[Response], delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        response: Response | Exception
        try:
            if self.before:
                self.before(request)
            self.sent.append(request)
            response = await self.vendors.send(request)
        except Exception as error:
            response = error
        await asyncio.sleep(self._rng.uniform(*self.latency_s))
        if answer.done():
            return
        if isinstance(response, Exception):
            answer.set_exception(response)
        else:
            answer.set_result(response)
