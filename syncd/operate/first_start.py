"""From when on orders are sent where no setting says it: the first start, by the clock of the shop that sells them.

Ours may be hours wrong, as where a machine learns the time of day only after it has started. Were it ahead, all that is sold
until then would never be sent; were it behind, orders would be sent that left long ago.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from syncd.errors import SyncError
from syncd.logs import get_logger
from syncd.ports import Clock, Ports
from syncd.settings.whole import Settings
from syncd.shopify.client import ShopifyClient
from syncd.waiting import first_of, growing_wait_s
from syncd.wiring import known_start, remember_start

log = get_logger("daemon")

LONGEST_WAIT_S = 30.0
WORTH_A_WORD = timedelta(minutes=5)

Shops = Mapping[str, ShopifyClient]


async def begun_at(settings: Settings, shops: Shops, ports: Ports, stopping: asyncio.Event) -> datetime:
    """Waits for the first shop that can be reached: until then there is nothing to be done. A start that was noted by a clock that
    was ahead is corrected as soon as a shop says so."""
    if settings.sync.start_at:
        return settings.sync.start_at
    known, now = await known_start(ports.db), ports.clock.now()
    if known and known <= now:
        return known
    try:
        told = await (_time(shops, ports.clock) if known else _patiently(shops, ports, stopping))
    except SyncError:  # known, and our clock may as well be behind
        return known or now
    start_at = min(known or told, told)
    if start_at != known:
        if known:
            log.warning("start.corrected", was=str(known), now=str(start_at))
        await remember_start(ports.db, start_at, ports.clock.now())
    return start_at


async def _patiently(shops: Shops, ports: Ports, stopping: asyncio.Event) -> datetime:
    """Raises `SyncError` when we are to stop before any shop was reached."""
    attempts = 0
    while True:
        try:
            return await _time(shops, ports.clock)
        except SyncError as error:
            log.warning("start.postponed", error_code=error.code, error_text=error.text)
            if stopping.is_set():
                raise
        await first_of(ports.clock, growing_wait_s(attempts, LONGEST_WAIT_S, ports.rng), stopping)
        attempts += 1


async def _time(shops: Shops, clock: Clock) -> datetime:
    """Of the first shop that tells it; ours when a shop answers without it."""
    failed: SyncError | None = None
    for shop in shops.values():
        try:
            ahead = await shop.clock_ahead() or timedelta()
        except SyncError as error:
            failed = error
            continue
        if abs(ahead) > WORTH_A_WORD:
            log.warning("clock.differs", store=shop.store, ahead_s=round(ahead.total_seconds()))
        return clock.now() - ahead
    if failed:
        raise failed
    return clock.now()
