"""Durable webhook acknowledgements a second, beside the same kind of server that only checks the signature.

Each measurement is a server of its own with an empty database, pinned to core 0; this program, which posts, and PostgreSQL
are on core 1. The variants take turns, so that what else the machine does meets all of them; medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from bench.post import post_all, signed_message
from bench.processes import children, cpu_s, running
from syncd.adapters import SystemClock
from syncd.intake.gate import Bounds
from syncd.intake.outside import Outside
from syncd.intake.port import Orders
from syncd.intake.reader import Letters, Reader
from syncd.intake.server import Door, Doors
from syncd.intake.sockets import listening, number_of
from syncd.store.engine import open_daemon_db, open_inbox, place_of, prepare_inbox
from syncd.store.inbox import KeptBy, waiting_deliveries
from syncd.store.migrations import is_sqlite
from tests.postgres import Server, server

STORE = "main"
SECRET = b"bench-secret"
BODY_BYTES = 5_800
VARIANTS = ("signature", "sqlite", "sqlite+reader", "postgres")
TARGETS = {"sqlite": 0.60, "postgres": 0.42}


def order_body() -> bytes:
    """An invented order of the usual size."""
    line = {"id": 13734623445217, "title": "Ceramic mug, hand glazed", "quantity": 2, "price": "18.50", "sku": "MUG-01"}
    body: dict[str, Any] = {"id": 6832000000000, "name": "#1001", "cancelled_at": None, "line_items": []}
    while len(json.dumps(body)) < BODY_BYTES - 150:
        body["line_items"].append(line)
    return json.dumps(body | {"note": "x" * (BODY_BYTES - len(json.dumps(body | {"note": ""})))}).encode()


async def serve(variant: str, url: str) -> None:
    """Prints the port, serves until SIGTERM, then prints how many webhooks are on disk."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    if variant == "signature":
        runner = web.AppRunner(signature_app(), access_log=None, auto_decompress=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        print(runner.addresses[0][1], flush=True)
        await stopping.wait()
        await runner.cleanup()
        return
    db, clock = open_daemon_db(url), SystemClock()
    prepare_inbox(url)
    inbox = open_inbox(url, db)
    (socket,) = sockets = listening("127.0.0.1", 0)
    outside = Outside(_orders(url, socket.fileno()), {}, clock)
    working = asyncio.create_task(outside.work())
    print(number_of(sockets), flush=True)
    finish = outside.finish if is_sqlite(url) else KeptBy(db).finish
    letters = Letters(inbox, finish, outside.arrived)
    reader = Reader(letters, db, clock, lambda _: None, lambda: None, 1.0, {})
    reading = asyncio.create_task(reader.work(stopping)) if variant.endswith("+reader") else None
    await stopping.wait()
    if reading:
        await reading
    await outside.stop()
    await working
    print(await inbox.run(waiting_deliveries()), flush=True)
    await inbox.close()
    await db.close()


def _orders(url: str, descriptor: int) -> Orders:
    doors = Doors({STORE: Door("main-shop.myshopify.com", [SECRET])}, [], 1 << 20)
    bounds = Bounds(1024, 64, 5.0, (ip_network("127.0.0.0/8"),))
    return Orders(doors, bounds, [descriptor], "", "", place_of(url), "warning")


def signature_app() -> web.Application:
    """What nobody can do without: read the body, check its signature, answer."""

    async def answer(request: web.Request) -> web.Response:
        signature = base64.b64encode(hmac.digest(SECRET, await request.read(), "sha256"))
        given = request.headers.get("X-Shopify-Hmac-Sha256", "").encode()
        return web.Response(status=200 if hmac.compare_digest(given, signature) else 401)

    app = web.Application()
    app.router.add_post("/webhooks/shopify/{store}", answer)
    return app


@dataclass(frozen=True)
class Measured:
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def measure(variant: str, url: str, connections: int, seconds: float) -> Measured:
    command = (sys.executable, "-m", "bench.acks", "--serve", variant, "--url", url)
    with running(command, subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        message = signed_message(STORE, SECRET, order_body())
        pids = (process.pid, *children(process.pid))
        before = sum(map(cpu_s, pids))
        counted = uvloop.run(post_all(port, message, connections, 1.0, seconds))
        used = sum(map(cpu_s, pids)) - before
        process.send_signal(signal.SIGTERM)
        kept = process.stdout.readline().strip()
    if counted.bad or not counted.good:
        raise RuntimeError(f"{variant}: {counted.bad} requests were not answered with 200, {counted.good} were")
    if variant in TARGETS and int(kept) < counted.good:
        raise RuntimeError(f"{variant}: {counted.good} acknowledged and only {int(kept)} kept")
    waits = statistics.quantiles(counted.waits_ms, n=100)
    share = seconds / (seconds + 1.0)  # of the CPU, which was counted from the warm-up on
    return Measured(counted.good / seconds, waits[49], waits[98], used * share * 1e6 / counted.good)


@contextmanager
def database(variant: str, postgres: Server | None) -> Iterator[str]:
    """An empty database, gone afterwards."""
    if postgres and variant == "postgres":
        with postgres.database() as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(prefix="syncd-acks-", dir=".") as folder:
            yield f"sqlite:///{Path(folder).resolve() / 'syncd.db'}"


def compare(variants: list[str], connections: list[int], rounds: int, seconds: float) -> None:
    os.sched_setaffinity(0, {1})
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres()) if "postgres" in variants else None
        for count in connections:
            found: dict[str, list[Measured]] = {variant: [] for variant in variants}
            for number in range(rounds):
                for variant in variants[number % len(variants) :] + variants[: number % len(variants)]:
                    with database(variant, postgres) as url:
                        found[variant].append(measure(variant, url, count, seconds))
            print_table(count, found)


@contextmanager
def own_postgres() -> Iterator[Server]:
    """As it is installed, with fsync: the tests' server goes without."""
    folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
    try:
        with server(folder, durability=()) as started:
            yield started
    finally:
        shutil.rmtree(folder)


def print_table(count: int, found: Mapping[str, list[Measured]]) -> None:
    anchors = found["signature"]
    print(f"\nacks, {count} connections, body {len(order_body())} bytes, uvloop, medians of {len(anchors)} rounds")
    print(f"{'variant':15} {'a second':>9} {'ratio':>6} {'target':>6} {'p50 ms':>7} {'p99 ms':>7} {'CPU us each':>11}")
    for variant, rows in found.items():
        ratio = statistics.median(row.per_s / anchor.per_s for row, anchor in zip(rows, anchors, strict=True))
        per_s, p50, p99, cpu = (
            statistics.median(getattr(row, name) for row in rows) for name in ("per_s", "p50_ms", "p99_ms", "cpu_us")
        )
        target = f"{TARGETS[variant]:.2f}" if variant in TARGETS else ""
        print(f"{variant:15} {per_s:9.0f} {ratio:6.2f} {target:>6} {p50:7.1f} {p99:7.1f} {cpu:11.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.acks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--serve", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    if wishes.serve:
        os.sched_setaffinity(0, {0})
        uvloop.run(serve(wishes.serve, wishes.url))
    else:
        variants = ["signature", *(one for one in wishes.variants if one != "signature")]
        compare(variants, wishes.connections, wishes.rounds, wishes.seconds)


if __name__ == "__main__":
    main()
