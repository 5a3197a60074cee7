"""Three replicas on PostgreSQL: how long until the others do what a killed one was doing, and whether they share one budget.

Take-over: both vendors stop answering for a few seconds, so that every look that is due hangs and its shift is held by somebody; then one replica is
killed. A shift of the dead one runs out; the longest time until all the duties were done again is the take-over.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import psycopg

from bench.fleet import Fleet, living
from bench.kills import database_for

REPLICAS = 3
SILENCE_S = 4.0
"""Shorter than the time limit of a read."""
LONGEST_S = 60.0
AT_MOST_S = 30.0
LONGEST_BACKLOG_S = 600.0


@dataclass(frozen=True)
class Round:
    held: int
    """Shifts that somebody had when the replica was killed."""
    overtaken: int
    """Of them, those that the dead replica had: nobody gave them back."""
    seconds: float


async def rounds(fleet: Fleet, url: str, count: int) -> list[Round]:
    timeout = aiohttp.ClientTimeout(total=5.0)
    found = []
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for replica in fleet.replicas:
            replica.start()
        for number in range(count):
            for replica in fleet.replicas:
                if not await replica.is_ready(session, 60.0):
                    raise RuntimeError(f"replica {replica.number} is not ready: see {replica.log}")
            await asyncio.sleep(3.0)
            victim = fleet.replicas[number % REPLICAS]
            held, killed_at = _killed_in_silence(victim.pid, url)
            found.append(await _overtaken(held, killed_at, url))
            await victim.ended(5.0)
            victim.start()
    return found


def _killed_in_silence(pid: int, url: str) -> tuple[dict[str, str], datetime]:
    """Blocks on purpose: the vendors live in this thread. Gives the shifts that were held, by name, with their tokens."""
    time.sleep(SILENCE_S)
    os.kill(pid, signal.SIGKILL)
    return {name: token for name, token, _ in _shifts(url) if token}, datetime.now(UTC)


async def _overtaken(held: dict[str, str], killed_at: datetime, url: str) -> Round:
    began, dead = time.monotonic(), dict(held)
    while time.monotonic() - began < LONGEST_S:
        await asyncio.sleep(0.1)
        rows = await asyncio.to_thread(_shifts, url)
        done = {name for name, _, done_at in rows if done_at and done_at > killed_at.isoformat()}
        # whoever lives ends its own look as soon as the vendors answer again
        if time.monotonic() - began < SILENCE_S:
            dead = {name: token for name, token, _ in rows if token and held.get(name) == token}
        if not held.keys() - done:
            break
    return Round(len(held), len(dead), time.monotonic() - began)


def _shifts(url: str) -> list[tuple[str, str | None, str | None]]:
    """Name, token of whoever has it, and when the duty was begun for the last time that it came to its end.

    Every replica looks at the subscriptions when it starts, and once an hour: of that nothing is taken over.
    """
    with psycopg.connect(url.replace("postgres://", "postgresql://")) as connection:
        rows = connection.execute("SELECT name, token, done_at FROM leases WHERE name <> 'subscriptions'").fetchall()
    return [(name, token, done_at and _text(done_at)) for name, token, done_at in rows]


def _text(moment: datetime | str) -> str:
    return moment.astimezone(UTC).isoformat() if isinstance(moment, datetime) else moment


async def measure_takeover(folder: Path, url: str, count: int) -> float:
    """The longest of all rounds, in seconds."""
    found: list[Round] = []

    async def work(fleet: Fleet) -> None:
        found.extend(await rounds(fleet, url, count))

    await living(work, folder, REPLICAS, url, seed=1, time_scale=20.0)
    for number, one in enumerate(found, 1):
        had = f"{one.held} duties under way, {one.overtaken} of them by the killed replica"
        print(f"round {number}   {had}; all done again after {one.seconds:.1f} s", flush=True)
    return max(one.seconds for one in found)


async def measure_budget(folder: Path, url: str, orders: int) -> bool:
    """A backlog that is sent one order a call, by all replicas at once: every window is full. True when none was fuller."""
    results: list[bool] = []

    async def work(fleet: Fleet) -> None:
        fleet.town.sell(orders)
        await asyncio.sleep(3.0)
        began = time.monotonic()
        for replica in fleet.replicas:
            replica.start()
        account = fleet.town.shipstation.account
        while len(account.orders) < orders and time.monotonic() - began < LONGEST_BACKLOG_S:
            await asyncio.sleep(0.5)
        options, calls = account.options, fleet.town.shipstation.state()["calls"]
        print(
            f"budget    {len(account.orders)} of {orders} orders in {calls['total']} calls of {REPLICAS} replicas in "
            f"{time.monotonic() - began:.0f} s, at most {calls['most_in_a_window']} in a window of {options.requests_per_window} "
            f"({options.window_s:g} s), refused (429) {calls['refused_429']}; load {os.getloadavg()[0]:.1f}"
        )
        is_kept = calls["most_in_a_window"] <= options.requests_per_window and not calls["refused_429"]
        results.append(is_kept and len(account.orders) == orders)

    await living(work, folder, REPLICAS, url, seed=2, time_scale=4.0, more={"SYNCD_LIMITS__BATCH": "1"})
    return results[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.replicas", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--orders", type=int, default=300)
    wishes = parser.parse_args()
    longest, is_kept = 0.0, True
    if wishes.rounds:
        with tempfile.TemporaryDirectory(prefix="syncd-takeover-") as name, database_for(REPLICAS) as (_, url):
            longest = asyncio.run(measure_takeover(Path(name), url, wishes.rounds))
        print(
            f"take-over {longest:.1f} s at most, {AT_MOST_S:.0f} s are allowed; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    if wishes.orders:
        with tempfile.TemporaryDirectory(prefix="syncd-budget-") as name, database_for(REPLICAS) as (_, url):
            is_kept = asyncio.run(measure_budget(Path(name), url, wishes.orders))
    raise SystemExit(0 if longest <= AT_MOST_S and is_kept else 1)


if __name__ == "__main__":
    main()
