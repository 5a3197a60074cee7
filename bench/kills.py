"""Whether anything is lost, doubled or wrong when the daemon's processes are killed again and again while people act.

The shipped program, real sockets, real files. At the end both worlds' own books are laid side by side (`syncd/sandbox/account.py`),
and every webhook that was acknowledged is looked for in the database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import psycopg

from bench.fleet import LEASE_S, Fleet, Replica, living
from syncd.sandbox.account import Account, account_text, draw_account
from syncd.simulation.people import DEEDS
from syncd.simulation.verdict import is_told_to_a_person, name_of
from tests.postgres import Server, server

AT_BOOT_SHARE = 0.2
AT_BOOT_S = 0.3
LONGEST_LIFE_S = 1.0
STOP_S = 25.0
PATIENCE_S = 240.0
ACTS = (
    "pay", "cancel", "change_quantity", "move_house", "refund", "hold", "release", "move",
    "label", "label_one_unit", "void", "mark_shipped", "annotate",
)  # fmt: skip
"""Deeds of `syncd/simulation/people.py` of which a list tells. What people do at their desk in ShipStation only the sweep finds,
and only in orders that we left alone for ten minutes."""
FOR_ONE = ("term", "stop", "mute", "files", "full", "locked", "port")
FOR_SEVERAL = ("term", "stop", "mute", "files", "restart", "port")


@dataclass(frozen=True)
class Wishes:
    kills: int
    replicas: int
    seed: int
    orders: int
    harms: tuple[str, ...]
    harm_share: float
    """Of the lives that come to `/readyz`, so many meet another harm before they are killed."""
    time_scale: float
    keeps_books: bool


@dataclass
class Tally:
    kills: int = 0
    at_boot: int = 0
    harms: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    stops_s: list[float] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """What a process did that it must not do."""


class Nemesis:
    """Starts, harms and kills the replicas until the kills are spent, and leaves all of them running."""

    def __init__(self, fleet: Fleet, wishes: Wishes, postgres: Server | None, tally: Tally) -> None:
        self._fleet = fleet
        self._wishes = wishes
        self._postgres = postgres
        self._tally = tally
        self._rng = Random(f"{wishes.seed} nemesis")
        self._harms: dict[str, Callable[[Replica], Awaitable[None]]] = {
            "term": self._term,
            "stop": self._stop,
            "mute": self._mute,
            "files": self._files,
            "full": self._full,
            "locked": self._locked,
            "restart": self._restart,
            "port": self._port,
        }

    async def work(self) -> None:
        timeout = aiohttp.ClientTimeout(total=5.0)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._lives(one, session) for one in self._fleet.replicas))

    async def _lives(self, replica: Replica, session: aiohttp.ClientSession) -> None:
        while self._tally.kills < self._wishes.kills:
            self._tally.kills += 1
            replica.start()
            if self._rng.random() < AT_BOOT_SHARE:
                self._tally.at_boot += 1
                await asyncio.sleep(AT_BOOT_S * self._rng.random())
            elif await replica.is_ready(session, 30.0):
                await self._live(replica)
            elif replica.is_running:
                self._tally.troubles.append(f"replica {replica.number} was not ready after 30 s")
            await replica.kill()
        replica.start()
        if not await replica.is_ready(session, 60.0):
            self._tally.troubles.append(f"replica {replica.number} did not come back")

    async def _live(self, replica: Replica) -> None:
        if self._wishes.harms and self._rng.random() < self._wishes.harm_share:
            name = self._rng.choice(self._wishes.harms)
            self._tally.harms[name] += 1
            await self._harms[name](replica)
        await asyncio.sleep(LONGEST_LIFE_S * self._rng.random())

    async def _term(self, replica: Replica) -> None:
        """Ends by itself with 0, in the middle of whatever it does."""
        began = time.monotonic()
        replica.send(signal.SIGTERM)
        code = await replica.ended(STOP_S)
        self._tally.stops_s.append(time.monotonic() - began)
        if code != 0:
            self._tally.troubles.append(f"SIGTERM: exit code {code} after {self._tally.stops_s[-1]:.1f} s")

    async def _stop(self, replica: Replica) -> None:
        """Sleeps for longer than its leases last, and then believes that no time has passed."""
        await asyncio.sleep(0.5 * self._rng.random())
        replica.send(signal.SIGSTOP)
        await asyncio.sleep(LEASE_S * (1.0 + self._rng.random()))
        replica.send(signal.SIGCONT)
        await asyncio.sleep(1.0)

    async def _mute(self, replica: Replica) -> None:
        """Another life, whose output is a pipe that nobody reads."""
        await replica.kill()
        replica.start(is_mute=True)
        await asyncio.sleep(3.0)

    async def _files(self, replica: Replica) -> None:
        """No file or socket more than it has."""
        there = len(list(Path(f"/proc/{replica.pid}/fd").iterdir())) if replica.is_running else 0
        await self._limited(replica, resource.RLIMIT_NOFILE, there + 2)

    async def _port(self, replica: Replica) -> None:
        """The process of the port alone, again and again: the daemon starts it anew."""
        for _ in range(3):
            replica.kill_port()
            await asyncio.sleep(0.5 * self._rng.random())

    async def _full(self, replica: Replica) -> None:
        """No file may grow: the disk is full."""
        files = [Path(f"{self._fleet.settings.parent / 'syncd.db'}{end}") for end in ("", "-wal")]
        most = max(file.stat().st_size for file in files if file.exists())
        await self._limited(replica, resource.RLIMIT_FSIZE, self._rng.choice((1, most // 2, most)))

    async def _limited(self, replica: Replica, what: int, most: int) -> None:
        if replica.is_running:
            replica.limit(what, most)
            await asyncio.sleep(0.5 + 1.5 * self._rng.random())
        if replica.is_running:
            replica.limit(what, None)
            await asyncio.sleep(1.0)
        else:
            self._tally.troubles.append(f"replica {replica.number} did not survive a limit")

    async def _locked(self, replica: Replica) -> None:
        """Another program holds the database for longer than we wait for it."""
        other = sqlite3.connect(self._fleet.settings.parent / "syncd.db", timeout=1.0, isolation_level=None)
        try:
            other.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(6.0)
        except sqlite3.OperationalError:
            pass
        finally:
            other.close()
        await asyncio.sleep(1.0)

    async def _restart(self, replica: Replica) -> None:
        """PostgreSQL, in the middle of whatever all replicas do."""
        assert self._postgres is not None
        await asyncio.to_thread(self._postgres.restart)
        await asyncio.sleep(2.0)


async def people(fleet: Fleet, wishes: Wishes, tally: Tally) -> None:
    """Act about three times a second until they are cancelled. What the vendors refuse does not happen."""
    rng = Random(f"{wishes.seed} people")
    day: Any = fleet.town
    while True:
        await asyncio.sleep(0.6 * rng.random())
        sold = sum(len(shop.orders) for shop in fleet.town.shopify.shops.values())
        name = "sell" if sold < wishes.orders and rng.random() < 0.4 else rng.choice(ACTS)
        try:
            DEEDS[name](day, rng.randrange(10_000))
        except (ValueError, LookupError):
            continue
        tally.deeds[name] += 1


@dataclass(frozen=True)
class Outcome:
    account: Account
    lost: list[str]
    doubled: list[str]
    wrong: list[str]
    webhooks: tuple[int, int, int, int]
    """Offered, acknowledged, recovered (kept though not acknowledged), acknowledged and not there."""
    limit: int
    """Calls that ShipStation allows in a window."""


async def look(fleet: Fleet, database: str) -> Outcome:
    """Waits until everything is done, and gives up with the books as they are."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        await asyncio.sleep(2.0)
        books = await _books(fleet)
        lost, doubled, wrong = books.complaints()
        if (books.is_quiet and not (lost or doubled or wrong)) or time.monotonic() > ends:
            break
    kept = set(_kept(fleet, database))
    acked = fleet.gate.acked_ids
    return Outcome(
        books.without_excuse(),
        lost,
        doubled,
        [*wrong, *_over_fulfilled(fleet)],
        (fleet.gate.offered, fleet.gate.acked, len(kept - acked), len(acked - kept)),
        fleet.town.shipstation.account.options.requests_per_window,
    )


@dataclass(frozen=True)
class Books:
    """Both worlds' own books beside what the daemon says of them."""

    account: Account
    is_quiet: bool
    excused: frozenset[str]
    """Orders of which a person was told, and those paid in part: what they had before a line was added goes out."""

    def without_excuse(self) -> Account:
        """The account without what is excused."""
        books, without = self.account, self._without_excuse
        return replace(
            books,
            doubled=without(books.doubled),
            not_told=without(books.not_told),
            mails_wrong=without(books.mails_wrong),
        )

    def complaints(self) -> tuple[list[str], list[str], list[str]]:
        """What is lost, doubled, and wrong."""
        books = self.without_excuse()
        return [*books.missing, *books.not_told], books.doubled, [*books.unexplained, *books.mails_wrong]

    def _without_excuse(self, problems: list[str]) -> list[str]:
        return [one for one in problems if name_of(one) not in self.excused]


async def _books(fleet: Fleet) -> Books:
    told, status = await fleet.command("status", "--orders"), await fleet.command("status")
    waiting = [one["due"] + one["under_way"] for one in status["waiting"].values()]
    account = draw_account(fleet.town.shopify.state(), fleet.town.shipstation.control("state", {}), told)
    excused = {one["order"] for one in told if is_told_to_a_person(one)}
    excused |= {one.name for one in fleet.town.sold().values() if one.financial_status == "PARTIALLY_PAID"}
    return Books(account, not any(waiting), frozenset(excused))


def keep_books(fleet: Fleet) -> None:
    """Beside the database, for whoever looks for the reason."""
    folder = fleet.settings.parent
    (folder / "shopify.json").write_text(json.dumps(fleet.town.shopify.state(), indent=1))
    (folder / "shipstation.json").write_text(json.dumps(fleet.town.shipstation.control("state", {}), indent=1))


def _kept(fleet: Fleet, database: str) -> Iterator[str]:
    for table, name in (("deliveries", "syncd-inbox.db"), ("read_deliveries", "syncd.db")):
        statement = f"SELECT webhook_id FROM {table} WHERE store <> 'shipstation'"
        if database:
            with psycopg.connect(database.replace("postgres://", "postgresql://")) as connection:
                yield from (row[0] for row in connection.execute(statement.encode()))
        else:
            connection_to_file = sqlite3.connect(fleet.settings.parent / name)
            yield from (row[0] for row in connection_to_file.execute(statement))
            connection_to_file.close()


def _over_fulfilled(fleet: Fleet) -> list[str]:
    orders = chain.from_iterable(shop["orders"] for shop in fleet.town.shopify.state()["shops"].values())
    return [
        f"{order['name']}: {line['fulfilled']} of {line['quantity']} units fulfilled"
        for order in orders
        for line in order["lines"]
        if line["fulfilled"] > line["quantity"]
    ]


def report(wishes: Wishes, tally: Tally, outcome: Outcome, seconds: float) -> tuple[str, bool]:
    """The text, and whether people acted and nothing is to be complained of."""
    account = outcome.account
    offered, acked, recovered, gone = outcome.webhooks
    complaints = outcome.lost or gone or outcome.doubled or outcome.wrong or account.refused_429 or tally.troubles
    is_good = bool(tally.deeds) and not complaints
    where = f"{wishes.replicas} replicas on PostgreSQL" if wishes.replicas > 1 else "one daemon on SQLite"
    stops = f", SIGTERM answered after {max(tally.stops_s):.1f} s at most" if tally.stops_s else ""
    lines = [
        f"kills      {tally.kills} of {where}, {tally.at_boot} of them within {AT_BOOT_S * 1000:.0f} ms of the start",
        f"harms      {_counts(tally.harms) or 'none'}{stops}",
        f"people     {sum(tally.deeds.values())} deeds: {_counts(tally.deeds)}",
        f"webhooks   {offered} offered, {acked} acknowledged, {recovered} recovered, {gone} acknowledged and not kept",
        f"result     lost {len(outcome.lost) + gone}, doubled {len(outcome.doubled)}, wrong {len(outcome.wrong)}, refused (429) {account.refused_429}",
        f"seconds    {seconds:.0f}, {seconds / max(1, tally.kills):.2f} a kill; load {os.getloadavg()[0]:.1f}; seed {wishes.seed}",
        account_text(account, outcome.limit),
        *(f"LOST       {one}" for one in outcome.lost[:10]),
        *(f"DOUBLED    {one}" for one in outcome.doubled[:10]),
        *(f"WRONG      {one}" for one in outcome.wrong[:10]),
        *(f"TROUBLE    {one}" for one in tally.troubles[:10]),
    ]
    return "\n".join(lines), is_good


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


async def run(wishes: Wishes, folder: Path, postgres: Server | None, database: str) -> tuple[str, bool]:
    tally, began = Tally(), time.monotonic()
    found: list[Outcome] = []

    async def work(fleet: Fleet) -> None:
        async with asyncio.TaskGroup() as group:  # where nobody can act, the kills prove nothing
            acting = group.create_task(people(fleet, wishes, tally))
            await Nemesis(fleet, wishes, postgres, tally).work()
            acting.cancel()
        found.append(await look(fleet, database))
        if wishes.keeps_books:
            keep_books(fleet)

    await living(work, folder, wishes.replicas, database, wishes.seed, wishes.time_scale)
    return report(wishes, tally, found[0], time.monotonic() - began)


@contextmanager
def database_for(replicas: int) -> Iterator[tuple[Server | None, str]]:
    """A PostgreSQL of our own where there are several, with fsync off: it is killed, the machine is not."""
    if replicas == 1:
        yield None, ""
        return
    folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
    try:
        with server(folder) as started, started.fresh() as url:
            yield started, url
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--replicas", type=int, default=1, help="more than one: on a PostgreSQL of its own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=0, help="so many are sold at most; default two for each kill")
    parser.add_argument("--harm", action="append", choices=sorted({*FOR_ONE, *FOR_SEVERAL, "none"}), default=[])
    parser.add_argument("--harm-share", type=float, default=0.15, help="of the lives that get ready")
    parser.add_argument("--time-scale", type=float, default=20.0, help="ShipStation's window is so many times shorter")
    parser.add_argument("--keep", type=Path, help="keep settings, database, logs and both books in this folder")
    given = parser.parse_args()
    harms = tuple(given.harm) or (FOR_SEVERAL if given.replicas > 1 else FOR_ONE)
    wishes = Wishes(
        given.kills, given.replicas, given.seed, given.orders or 2 * given.kills,
        tuple(one for one in harms if one != "none"), given.harm_share, given.time_scale, given.keep is not None,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="syncd-kills-") as name, database_for(wishes.replicas) as (postgres, url):
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "syncd.toml").exists():
            parser.error(f"{folder} holds another run: its database remembers other orders. Name a new folder.")
        text, is_good = asyncio.run(run(wishes, folder, postgres, url))
    print(text)
    raise SystemExit(0 if is_good else 1)


if __name__ == "__main__":
    main()
