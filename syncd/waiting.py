"""Waiting for the first of several things, on the Clock port."""

from __future__ import annotations

import asyncio

from syncd.ports import Clock, Rng


async def first_of(clock: Clock, longest_s: float, *events: asyncio.Event) -> None:
    """Returns when one of the events is set or `longest_s` has passed."""
    waits = [asyncio.ensure_future(clock.sleep(longest_s)), *(asyncio.ensure_future(e.wait()) for e in events)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def growing_wait_s(attempts: int, longest_s: float, rng: Rng) -> float:
    """Capped exponential with jitter, so that what failed together does not come back together."""
    return min(longest_s, 2.0 ** min(attempts + 1, 30)) * (0.5 + rng.random() / 2)
