"""Our ports for a daemon that can be killed: once its life is over, none of its calls returns and nothing is cleaned up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from syncd.errors import UncertainError
from syncd.ports import Http, Request, Response
from syncd.store.transaction import run_alone, store_error

T = TypeVar("T")
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


class Life:
    """One incarnation of the daemon. `dies_after` is the number of the call to network or database that it does not survive:
    the call is carried out, and nobody learns of it."""

    def __init__(self, dies_after: int | None = None) -> None:
        self.is_over = False
        self.is_buried = False
        """The day is over too: what waits for ever may now be cancelled."""
        self.calls = 0
        self._dies_after = dies_after

    async def call(self, action: Callable[[], Awaitable[T]]) -> T:
        await self.go_on()
        self.calls += 1
        is_last = self.calls == self._dies_after
        try:
            return await action()
        finally:
            self.is_over = self.is_over or is_last
            await self.go_on()

    async def go_on(self) -> None:
        """Never returns when life is over."""
        if self.is_buried:
            raise asyncio.CancelledError
        if self.is_over:
            await asyncio.get_running_loop().create_future()


class LoopClock:
    """The time of the event loop as the time of day."""

    def __init__(self, life: Life | None = None) -> None:
        self._life = life or Life()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))
        await self._life.go_on()


class InlineDb:
    """Each transaction is run where it is asked for, on either engine. `fails_with` is raised instead, while it is set."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.fails_with: Exception | None = None

    async def run(self, fn: Callable[[Session], T]) -> T:
        if self.fails_with:
            raise self.fails_with
        try:
            with self._engine.begin() as connection:
                return run_alone(connection, fn)
        except Exception as error:
            raise store_error(error) from error


class LivingDb:
    def __init__(self, db: InlineDb, life: Life) -> None:
        self._db = db
        self._life = life

    async def run(self, fn: Callable[[Session], T]) -> T:
        return await self._life.call(lambda: self._db.run(fn))


class LivingHttp:
    def __init__(self, network: Network, life: Life) -> None:
        self._network = network
        self._life = life

    async def send(self, request: Request) -> Response:
        return await self._life.call(lambda: self._network.exchange(request))


class Network:
    """Between the daemon and the vendors. A request that has left arrives, whatever becomes of who sent it."""

    def __init__(self, vendors: Http, rng: Random) -> None:
        self.latency_s = (0.02, 0.3)
        """Of each way."""
        self.sent: list[Request] = []
        self.before: Callable[[Request], None] | None = None
        """Called when a request arrives: something happens just before it is carried out."""
        self._vendors = vendors
        self._rng = rng
        self._tasks: set[asyncio.Task[None]] = set()

    async def exchange(self, request: Request) -> Response:
        """Raises as the port does, also when the time limit of the request runs out."""
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._carry(request, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.wait_for(answer, request.timeout_s)
        except TimeoutError as error:
            raise UncertainError("timeout", "no answer in time") from error

    async def _carry(self, request: Request, answer: asyncio.Future[Response]) -> None:
        await asyncio.sleep(self._rng.uniform(*self.latency_s))
        if self.before:
            self.before(request)
        self.sent.append(request)
        response: Response | Exception
        try:
            response = await self._vendors.send(request)
        except Exception as error:
            response = error
        await asyncio.sleep(self._rng.uniform(*self.latency_s))
        if answer.done():
            return
        if isinstance(response, Exception):
            answer.set_exception(response)
        else:
            answer.set_result(response)
