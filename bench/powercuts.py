"""Whether an acknowledged webhook survives the loss of power: the daemon's real file calls, replayed to random moments.

The daemon runs under strace while webhooks are posted. Each of its answers is in the same trace as its writes and syncs, so what was
promised before a moment is known, and what was on disk by then. The control runs with synchronous=NORMAL and has to lose some:
else this would be blind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp
from sqlalchemy.exc import DBAPIError, OperationalError

from bench.disk import CALLS, Disk, Event, Tape
from bench.processes import free_port, sandbox, wait_ready
from syncd.sandbox.main import SHOPS
from syncd.sandbox.shopify.webhooks import signature
from syncd.store import engine, sqlite
from syncd.store.sqlite import sqlite_engine

CONNECTIONS = 8
DURABLE, CONTROL = "FULL", "NORMAL"
NO_STRACE = "strace is needed to see the daemon's file calls: install it (apt install strace), on Linux."


def serve(synchronous: str) -> int:
    """The daemon as it is shipped, but for this one pragma."""
    from syncd.daemon import run_daemon
    from syncd.settings.reading import read_settings

    for module, name in ((sqlite, "PRAGMAS"), (engine, "INBOX_PRAGMAS")):  # constants to everybody else
        chosen = [one.replace("synchronous=FULL", f"synchronous={synchronous}") for one in getattr(module, name)]
        setattr(module, name, chosen)
    return run_daemon(read_settings(Path(os.environ["SYNCD_CONFIG"]), os.environ))


def record(folder: Path, synchronous: str, webhooks: int) -> list[Event]:
    """A life of the daemon from an empty folder to SIGTERM. Raises `SystemExit` when there is no strace."""
    if shutil.which("strace") is None:
        raise SystemExit(NO_STRACE)
    trace, data = folder / "trace", folder / "data"
    data.mkdir()
    watch = ("strace", "-D", "-f", "-y", "-xx", "-s", "1048576", "-e", f"trace={CALLS}", "-o", str(trace))
    command = (*watch, sys.executable, "-m", "bench.powercuts", "--serve", synchronous)
    with sandbox(folder, 1.0) as (_, settings):
        port = free_port()
        env = {
            **os.environ,
            "SYNCD_CONFIG": str(settings),
            "SYNCD_SERVER__PORT": str(port),
            "SYNCD_DATABASE__URL": f"sqlite:///{data / 'made' / 'anew' / 'syncd.db'}",
        }
        with (folder / "daemon.log").open("wb") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=log, env=env)
        try:
            wait_ready(port, daemon)
            asyncio.run(_post_all(port, webhooks))
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
    _wait_for_tracer(trace, daemon.pid)
    with trace.open() as lines:
        return Tape(data).read(lines)


def _wait_for_tracer(trace: Path, pid: int) -> None:
    for _ in range(600):
        with trace.open("rb") as file:
            file.seek(max(0, trace.stat().st_size - 4096))
            if f"{pid} +++ exited".encode() in file.read().replace(b"  ", b" "):
                return
        time.sleep(0.05)
    raise RuntimeError("strace did not come to its end")


async def _post_all(port: int, count: int) -> None:
    numbers = iter(range(count))
    async with aiohttp.ClientSession() as session:

        async def post_some() -> None:
            for number in numbers:
                body = json.dumps({"id": 5_000_000_000_000 + number % 50, "note": "x" * 400}).encode()
                headers = {
                    "X-Shopify-Topic": "orders/updated",
                    "X-Shopify-Webhook-Id": f"webhook-{number}",
                    "X-Shopify-Hmac-Sha256": signature(SHOPS[0].client_secret, body),
                }
                url = f"http://127.0.0.1:{port}/webhooks/shopify/main"
                async with session.post(url, data=body, headers=headers) as answer:
                    if answer.status != 200:
                        raise RuntimeError(f"webhook {number} was answered with {answer.status}")

        await asyncio.gather(*(post_some() for _ in range(CONNECTIONS)))


@dataclass
class Found:
    cuts: int = 0
    acknowledged: int = 0
    """Webhooks that were acknowledged in the whole recording."""
    lossy: int = 0
    """Cuts that lost any, and the most that one lost."""
    most_lost: int = 0
    unreadable: int = 0
    examples: list[str] = field(default_factory=list)


def cut_often(events: list[Event], cuts: int, seed: int, folder: Path) -> Found:
    rng, disk = Random(seed), Disk(events)
    found = Found(cuts)
    for moment in sorted(rng.randrange(len(events) + 1) for _ in range(cuts)):
        disk.play(moment)
        _judge(found, moment, disk.acked, dict(disk.left(rng)), folder)
    disk.play(len(events))
    found.acknowledged = len(disk.acked)
    return found


def _judge(found: Found, moment: int, acked: set[str], left: Mapping[str, bytes], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, content in left.items():
        if not path.endswith(("-shm", ".lock")):  # the first is rebuilt, the second is empty
            (folder / Path(path).name).write_bytes(content)
    try:
        stored = _stored(folder / "syncd.db", "read_deliveries") | _stored(folder / "syncd-inbox.db", "deliveries")
    except (DBAPIError, ValueError) as error:
        found.unreadable += 1
        found.examples.append(f"moment {moment}: unreadable: {error}")
        return
    if lost := acked - stored:
        found.lossy += 1
        found.most_lost = max(found.most_lost, len(lost))
        found.examples.append(f"moment {moment}: {len(lost)} lost, such as {min(lost)}")


def _stored(path: Path, table: str) -> set[str]:
    """The webhooks in a table of the file, looked at as the daemon would. Raises for a file that is damaged."""
    engine = sqlite_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            if (answer := connection.exec_driver_sql("PRAGMA integrity_check").scalar()) != "ok":
                raise ValueError(answer)
            try:
                return {row[0] for row in connection.exec_driver_sql(f"SELECT webhook_id FROM {table}")}
            except OperationalError:  # power was lost before the first start had made its tables
                return set()
    finally:
        engine.dispose()


def measure(synchronous: str, cuts: int, webhooks: int, seed: int) -> Found:
    with tempfile.TemporaryDirectory(prefix="syncd-powercuts-") as name:
        folder = Path(name)
        events = record(folder, synchronous, webhooks)
        return cut_often(events, cuts, seed, folder / "replayed")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.powercuts", description=__doc__)
    parser.add_argument("--cuts", type=int, default=5_000)
    parser.add_argument("--webhooks", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--serve", choices=(DURABLE, CONTROL), help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    if wishes.serve:
        raise SystemExit(serve(wishes.serve))
    results = {}
    for synchronous, cuts in ((DURABLE, wishes.cuts), (CONTROL, max(100, wishes.cuts // 10))):
        began = time.monotonic()
        found = results[synchronous] = measure(synchronous, cuts, wishes.webhooks, wishes.seed)
        print(
            f"synchronous={synchronous:7} {found.cuts} cuts, {found.acknowledged} webhooks acknowledged, "
            f"{found.lossy} cuts lost any (at most {found.most_lost}), {found.unreadable} unreadable, "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )
        for example in found.examples[:5] if synchronous == DURABLE else ():
            print(f"  {example}")
    is_good = not (results[DURABLE].lossy or results[DURABLE].unreadable) and results[CONTROL].lossy
    print("nothing that was acknowledged is lost" if is_good else "NOT AS IT MUST BE")
    raise SystemExit(0 if is_good else 1)


if __name__ == "__main__":
    main()
