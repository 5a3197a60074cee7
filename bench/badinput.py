"""The real daemon under bad input, over real sockets: nonsense, forgeries, replays, addresses of strangers, beside honest webhooks.

A sandbox stands for both vendors, a canary listens for whatever is tempted to call elsewhere. Counted are answers, crashes, rows
that should not be there, calls to the canary, the memory of the daemon, and how long honest webhooks waited meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import re
import sqlite3
import statistics
import subprocess
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bench.processes import SYNCD, free_port, memory_mb, port_of, running, sandbox, wait_ready
from bench.urls import attacks

HOST = "127.0.0.1"
STORE = "main"
CONNECTIONS = 32
ANSWER_S = 15.0
NONSENSE_S = 0.1
SLOW_CLIENTS = 200
HONEST_EVERY_S = 0.02
GROWTH_MB = 20.0

Make = Callable[[Random], bytes]


@dataclass
class Counted:
    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def answered(self, status: int, took_s: float) -> None:
        self.statuses[status] += 1
        self.slowest_s = max(self.slowest_s, took_s)


@dataclass(frozen=True)
class Target:
    port: int
    secret: bytes
    shop: str
    shipstation_secret: str


def request(path: str, body: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def signed(
    target: Target, body: bytes, webhook_id: str, secret: bytes | None = None, topic: str = "orders/updated"
) -> bytes:
    signature = base64.b64encode(hmac.digest(secret or target.secret, body, "sha256")).decode()
    headers = {
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Topic": topic,
        "X-Shopify-Webhook-Id": webhook_id,
        "X-Shopify-Shop-Domain": target.shop,
    }
    return request(f"/webhooks/shopify/{STORE}", body, headers)


# what is thrown at it


def nonsense(rng: Random) -> bytes:
    """Bytes that are hardly HTTP, or HTTP that makes no sense."""
    whole = request(
        rng.choice(PATHS),
        rng.randbytes(rng.randrange(200)),
        {rng.choice(NAMES): rng.choice(VALUES)},
        rng.choice(METHODS),
    )
    match rng.randrange(5):
        case 0:
            return whole
        case 1:
            return whole[: rng.randrange(1, len(whole))] + b"\r\n\r\n"
        case 2:
            place = rng.randrange(len(whole))
            return whole[:place] + rng.randbytes(rng.randrange(1, 20)) + whole[place:]
        case 3:
            return rng.randbytes(rng.randrange(1, 400)) + b"\r\n\r\n"
        case _:
            return request(
                "/webhooks/shopify/main?" + "a" * rng.choice((10, 9_000)),
                b"{}",
                {"X-Long": "x" * rng.choice((1, 9_000))},
            )


METHODS = ("POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "PATCH", "CONNECT", "post", "B\x00D")
PATHS = (
    "/",
    "/webhooks/shopify/main",
    "/webhooks/shopify/other",
    "/webhooks/shopify/%00",
    "/webhooks/shopify/..%2f..%2fetc",
    "/webhooks/shipstation/guess",
    "/webhooks/shipstation-v2/guess",
    "//webhooks//shopify//main",
    "/metrics/../../etc/passwd",
    "http://evil.example/",
    "*",
    "/healthz",
    "/\u202eadmin",
)
NAMES = (
    "X-Shopify-Hmac-Sha256",
    "Content-Encoding",
    "Transfer-Encoding",
    "Content-Length",
    "Expect",
    "Upgrade",
    "Cookie",
    "X-Forwarded-For",
    "Connection",
)
VALUES = (
    "",
    "gzip",
    "chunked",
    "-1",
    "99999999999999999999",
    "100-continue",
    "websocket",
    "\x00",
    "AAAA=",
    "\u00ff" * 50,
    "1.2.3.4, 5.6.7.8",
    "close",
)


def forged(target: Target) -> Make:
    """Signed with nothing, with something else, with another's secret, or for another body."""

    def make(rng: Random) -> bytes:
        body = json.dumps({"id": rng.randrange(10**13), "cancelled_at": "2026-11-20"}).encode()
        match rng.randrange(6):
            case 0:
                return request(f"/webhooks/shopify/{STORE}", body, {"X-Shopify-Topic": "orders/cancelled"})
            case 1:
                return request(f"/webhooks/shopify/{STORE}", body, {"X-Shopify-Hmac-Sha256": rng.randbytes(32).hex()})
            case 2:
                return signed(target, body, "f", secret=b"another shop's secret")
            case 3:
                return signed(target, body, "f").replace(b'"cancelled_at"', b'"cancelled-at"')
            case 4:
                return request(f"/webhooks/shipstation/{rng.randbytes(16).hex()}", b'{"resource_type":"SHIP_NOTIFY"}')
            case _:
                headers = {
                    "x-shipengine-rsa-sha256-key-id": rng.randbytes(4).hex(),
                    "x-shipengine-rsa-sha256-signature": "AAAA",
                    "x-shipengine-timestamp": "2026-11-20T10:00:00Z",
                }
                return request(f"/webhooks/shipstation-v2/{target.shipstation_secret}", body, headers)

    return make


async def throw(target: Target, make: Make, count: int, seed: str, longest_s: float = ANSWER_S) -> Counted:
    """`count` requests, some of them at once. What is no whole request has no answer, and is given up after `longest_s`."""
    counted, left = Counted(), iter(range(count))

    async def one_after_the_other(number: int) -> None:
        rng = Random(f"{seed} {number}")
        for _ in left:
            counted.answered(*await exchange(target.port, make(rng), longest_s))

    await asyncio.gather(*(one_after_the_other(number) for number in range(CONNECTIONS)))
    return counted


async def exchange(port: int, raw: bytes, longest_s: float = ANSWER_S) -> tuple[int, float]:
    """The status, 0 when none came in time or at all, and how long that took."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(HOST, port)
    status = 0
    with suppress(ConnectionError, TimeoutError):
        writer.write(raw)
        head = await asyncio.wait_for(reader.readline(), longest_s)
        found = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        status = int(found[1]) if found else 0
    writer.close()
    return status, time.perf_counter() - began


@dataclass
class Honest:
    """Webhooks that must be let in, all the while."""

    waits_ms: list[float] = field(default_factory=list)
    refused: int = 0


async def honest_ones(target: Target, honest: Honest, stopping: asyncio.Event) -> None:
    number = 0
    while not stopping.is_set():
        number += 1
        status, took_s = await exchange(target.port, signed(target, b'{"id": 6832000000000}', f"honest-{number}"))
        honest.waits_ms.append(took_s * 1000)
        honest.refused += status != 200
        await asyncio.sleep(HONEST_EVERY_S)


async def slow_ones(port: int, stopping: asyncio.Event) -> float:
    """Clients that begin and never end. How long the longest-lived of them was kept."""

    async def drip() -> float:
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(HOST, port)
        with suppress(ConnectionError):
            writer.write(
                f"POST /webhooks/shopify/{STORE} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode()
            )
            while not reader.at_eof() and not stopping.is_set():
                writer.write(b"x")
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(), 0.5)
        writer.close()
        return time.monotonic() - began

    kept = [0.0]
    while not stopping.is_set():
        kept += await asyncio.gather(*(drip() for _ in range(SLOW_CLIENTS)))
    return max(kept)


@dataclass
class Canary:
    """An address that nobody has a reason to call."""

    calls: int = 0
    port: int = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._called, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _called(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        writer.close()


@contextmanager
def daemon(folder: Path, log: Path) -> Iterator[tuple[Target, subprocess.Popen[Any], Path]]:
    with sandbox(folder, 60.0) as (_, file):
        settings, port = tomllib.loads(file.read_text()), free_port()
        store = settings["stores"][STORE]
        target = Target(port, store["client_secret"].encode(), store["shop"], settings["shipstation"]["webhook_secret"])
        more = {"SYNCD_SERVER__PORT": str(port)}
        with log.open("wb") as out, running((*SYNCD, "--config", str(file), "run"), out, more) as process:
            wait_ready(port, process)
            yield target, process, folder


REPLAYED = "honest-replay"


def kept_of(folder: Path, which: str) -> int:
    """Webhooks that were kept, by a condition on their id: those that wait, and those that were read."""
    kept: set[str] = set()
    for name, table in (("syncd-inbox.db", "deliveries"), ("syncd.db", "read_deliveries")):
        with sqlite3.connect(f"file:{folder / name}?mode=ro", uri=True) as connection:
            kept.update(
                row[0] for row in connection.execute(f"SELECT webhook_id FROM {table} WHERE webhook_id {which}")
            )
    return len(kept)


async def measure(target: Target, process: subprocess.Popen[Any], folder: Path, wishes: argparse.Namespace) -> bool:
    canary, honest, stopping = Canary(), Honest(), asyncio.Event()
    server = await canary.start()
    await throw(target, nonsense, 500, "warm-up", NONSENSE_S)
    before_mb = memory_mb(port_of(process.pid))
    beside = [asyncio.create_task(honest_ones(target, honest, stopping))]
    found: dict[str, Counted] = {}
    for name, make, count, longest_s in (
        ("fuzzed", nonsense, wishes.requests, NONSENSE_S),
        ("forged", forged(target), wishes.forged, ANSWER_S),
    ):
        began = time.monotonic()
        found[name] = await throw(target, make, count, f"{wishes.seed} {name}", longest_s)
        print(
            f"{name}: {count} in {time.monotonic() - began:.0f} s, {count / (time.monotonic() - began):.0f} a second",
            flush=True,
        )
    written = kept_of(folder, "NOT LIKE 'honest-%'")
    replay = signed(target, b'{"id": 6832000000001}', REPLAYED)
    found["replayed"] = await throw(target, lambda _: replay, wishes.forged, "replay")
    written += kept_of(folder, f"= '{REPLAYED}'") - 1
    urls = attacks(wishes.urls, f"{HOST}:{canary.port}", wishes.seed)
    found["addresses"] = await throw_addresses(target, urls)
    drips = asyncio.create_task(slow_ones(target.port, stopping))
    await asyncio.sleep(8.0)
    stopping.set()
    kept_s = await drips
    await asyncio.gather(*beside)
    server.close()
    return report(
        found, honest, written, canary.calls, before_mb, memory_mb(port_of(process.pid)), kept_s, process.poll()
    )


async def throw_addresses(target: Target, urls: list[str]) -> Counted:
    """Through the door whose only lock is its secret."""
    counted = Counted()
    for url in urls:
        body = json.dumps({"resource_url": url, "resource_type": "SHIP_NOTIFY"}).encode()
        counted.answered(
            *await exchange(target.port, request(f"/webhooks/shipstation/{target.shipstation_secret}", body))
        )
    await asyncio.sleep(3.0)  # a feed that was nudged has looked by then
    return counted


def report(
    found: dict[str, Counted],
    honest: Honest,
    written: int,
    egress: int,
    before_mb: float,
    after_mb: float,
    kept_s: float,
    exit_code: int | None,
) -> bool:
    for name, counted in found.items():
        statuses = ", ".join(f"{status or 'no answer'} {count}" for status, count in sorted(counted.statuses.items()))
        print(
            f"{name:10} {sum(counted.statuses.values()):7} answered: {statuses}; slowest {counted.slowest_s * 1000:.0f} ms"
        )
    errors = sum(count for one in found.values() for status, count in one.statuses.items() if status >= 500)
    waits = statistics.quantiles(honest.waits_ms, n=100) if len(honest.waits_ms) > 1 else [0.0] * 99
    print(
        f"honest     {len(honest.waits_ms)} beside them, p50 {waits[49]:.1f} ms, p99 {waits[98]:.1f} ms, refused {honest.refused}"
    )
    print(f"5xx {errors}, rows written by strangers {written}, calls to another host {egress}")
    print(
        f"memory {before_mb:.0f} -> {after_mb:.0f} MB; a slow client was kept for {kept_s:.1f} s at most; daemon {'runs' if exit_code is None else f'ended with {exit_code}'}"
    )
    return (
        not (errors or written or egress or honest.refused) and after_mb - before_mb < GROWTH_MB and exit_code is None
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.badinput", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--forged", type=int, default=20_000)
    parser.add_argument("--urls", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="syncd-bad-", dir=".") as name:
        folder = Path(name).resolve()
        with daemon(folder, folder / "daemon.log") as (target, process, made):
            is_fine = asyncio.run(measure(target, process, made, wishes))
        log = (folder / "daemon.log").read_text(errors="replace")
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        tracebacks = [line["exception"].strip().splitlines()[-3:] for line in lines if "exception" in line]
        for text, count in Counter(" | ".join(map(str.strip, one)) for one in tracebacks).most_common():
            print(f"{count:5} {text}")
        secrets = sum(word in log for word in (target.secret.decode(), target.shipstation_secret))
        print(f"log: {log.count(chr(10))} lines, {len(tracebacks)} tracebacks, {secrets} secrets")
    raise SystemExit(0 if is_fine and not tracebacks and not secrets else 1)


if __name__ == "__main__":
    main()
