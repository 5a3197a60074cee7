"""A webhook's bytes kept durably before its sender gets an answer. Nothing is read here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from syncd.ports import Clock, Rng
from syncd.store.keeping import Arrival, Keeper
from syncd.waiting import first_of

SHIPSTATION = "shipstation"
SIGNED = "v2"
"""The topic of what ShipStation signed: its contents may be believed."""


class Inbox:
    """`keep` returns once the delivery is on disk. What arrives during one commit shares the next one, which begins `apart_s`
    after that: in a flood a commit for every third webhook takes twice the time. It begins sooner once as many wait as may arrive
    at once, which `connections` counts."""

    def __init__(
        self,
        keeper: Keeper,
        clock: Clock,
        rng: Rng,
        apart_s: float = 0.0,
        connections: Callable[[], int] = lambda: 0,
    ) -> None:
        self._keeper = keeper
        self._clock = clock
        self._rng = rng
        self._apart_s = apart_s
        self._connections = connections
        self._waiting: list[tuple[Arrival, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._all_here = asyncio.Event()
        self.arrived = asyncio.Event()

    async def keep(self, store: str, topic: str, webhook_id: str, body: bytes) -> None:
        """Raises `SyncError` when it could not be kept; the sender then tries again."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        arrival = Arrival(store, topic, webhook_id or self._rng.token(), self._clock.now(), body)
        self._waiting.append((arrival, kept))
        if len(self._waiting) >= self._connections():
            self._all_here.set()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            self._all_here.clear()
            await self._write_group(group)
            if self._apart_s and not self._all_here.is_set():
                await first_of(self._clock, self._apart_s, self._all_here)

    async def _write_group(self, group: Sequence[tuple[Arrival, asyncio.Future[None]]]) -> None:
        try:
            await self._keeper.keep([arrival for arrival, _ in group])
        except Exception as error:
            for _, kept in group:
                if not kept.done():
                    kept.set_exception(error)
            return
        for _, kept in group:
            if not kept.done():
                kept.set_result(None)
        self.arrived.set()
