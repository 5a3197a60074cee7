"""Ports for tests in which hours pass in milliseconds: a clock that jumps to the next sleeper, and a database without threads."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from sqlmodel import Session

from syncd.simulation.ports import START
from syncd.store.schema import Row
from syncd.store.sqlite import sqlite_engine
from syncd.store.transaction import run_alone

T = TypeVar("T")


class SimulatedClock:
    """Time passes only while every task of `run` sleeps here."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed_s = 0.0
        self._numbers = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed_s + max(0.0, seconds), next(self._numbers), future))
        await future

    async def run(self, *works: Coroutine[Any, Any, T]) -> list[T]:
        """The results of all `works`, which run beside each other. A failure is raised once all have ended."""
        tasks = [asyncio.ensure_future(work) for work in works]
        while not all(task.done() for task in tasks):
            await self._until_idle()
            if not all(task.done() for task in tasks):
                self._jump()
        return [task.result() for task in tasks]

    async def _until_idle(self) -> None:
        loop: Any = asyncio.get_running_loop()
        await asyncio.sleep(0)
        while loop._ready:
            await asyncio.sleep(0)

    def _jump(self) -> None:
        assert self._sleepers, "everybody waits for something that will never come"
        self._passed_s, _, future = heapq.heappop(self._sleepers)
        if not future.done():
            future.set_result(None)


class InlineDb:
    """The tables in memory; each transaction is run where it is asked for."""

    def __init__(self) -> None:
        self._engine = sqlite_engine("sqlite://", in_memory=True)
        Row.metadata.create_all(self._engine)

    async def run(self, fn: Callable[[Session], T], ahead: bool = False) -> T:
        with self._engine.begin() as connection:
            return run_alone(connection, fn)

    def close(self) -> None:
        self._engine.dispose()

    def __del__(self) -> None:
        self.close()
