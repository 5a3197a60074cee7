"""Who waits for calls keeps its leases: else others would claim what it works on, wait behind it, and do it as well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from syncd.errors import SyncError
from syncd.ports import Clock, Db
from syncd.store.marks import renew


@asynccontextmanager
async def kept(
    db: Db, clock: Clock, flow: str, token: str, subjects: Sequence[str], lease_s: float
) -> AsyncIterator[None]:
    """The leases of these marks do not run out meanwhile. That a clock is ahead may end them all the same: look before writing."""
    keeping = asyncio.create_task(_keep(db, clock, flow, token, subjects, lease_s))
    try:
        yield
    finally:
        keeping.cancel()


async def _keep(db: Db, clock: Clock, flow: str, token: str, subjects: Sequence[str], lease_s: float) -> None:
    while True:
        await clock.sleep(lease_s / 3)
        until = clock.now() + timedelta(seconds=lease_s)
        with suppress(SyncError):  # the next one may still come in time
            await db.run(renew(flow, subjects, token, until))
