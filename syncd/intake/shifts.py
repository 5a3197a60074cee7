"""One replica at a time does a duty. Whoever has the shift keeps it by renewing it; of one that died it runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TypeVar

from sqlmodel import Session

from syncd.errors import ConflictError, SyncError
from syncd.ports import Clock, Db, Rng
from syncd.store.leases import drop_lease, has_lease, keep_lease, take_lease

T = TypeVar("T")

SHIFT_S = 15.0
"""So long a dead replica keeps the others out."""


class Passed(Enum):
    """Why a duty was not done."""

    BUSY = auto()
    """Somebody else does it just now, or it rests."""
    DONE = auto()
    """Somebody did it since it was wanted."""


class Shift:
    """The right to do the duty `name`, and the database for as long as we have it: what a replica writes that slept through
    its shift is refused."""

    def __init__(self, name: str, db: Db, clock: Clock, rng: Rng) -> None:
        self.name = name
        self._db = db
        self._clock = clock
        self._rng = rng
        self._token = ""

    async def do(self, duty: Callable[[], Awaitable[T]], since: datetime, rest_s: float = 0.0) -> T | Passed:
        """Unless it was begun since then by whoever came to its end with it. Nobody does it again before `rest_s` are over."""
        token, began = self._rng.token(), self._clock.now()
        taken = await self._db.run(take_lease(self.name, token, began, SHIFT_S))
        if taken is None:
            return Passed.BUSY
        done_at = taken.done_at
        keeping = None
        try:
            if done_at and done_at >= since:
                return Passed.DONE
            self._token = token
            keeping = asyncio.create_task(self._keep(token), name=f"shift {self.name}")
            result = await duty()
            done_at = began
            return result
        finally:
            self._token = ""
            if keeping:
                keeping.cancel()
            rests_until = self._clock.now() + timedelta(seconds=rest_s)
            await self._db.run(drop_lease(self.name, token, rests_until, done_at))

    async def run(self, fn: Callable[[Session], T], ahead: bool = False) -> T:
        """As the database does it. Raises `ConflictError` once the shift is somebody else's; then nothing is written."""
        token = self._token

        def work(session: Session) -> T:
            if not has_lease(self.name, token)(session):
                raise ConflictError("shift_lost", f"another replica does {self.name} now")
            return fn(session)

        return await self._db.run(work, ahead)

    async def _keep(self, token: str) -> None:
        """A renewal that fails is tried again; whether the shift is lost is found by the next write."""
        while True:
            await self._clock.sleep(SHIFT_S / 3)
            with suppress(SyncError):
                await self._db.run(keep_lease(self.name, token, self._clock.now() + timedelta(seconds=SHIFT_S)))
