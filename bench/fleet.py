"""The daemon as the processes that it is, one or several replicas, between the sandbox, a gate for the webhooks, and a database.

The sandbox's worlds live in this process, so that people can act in them without a detour; the daemons meet them over sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import aiohttp
from aiohttp import web

from bench.processes import SYNCD, children, free_port
from syncd.sandbox.main import SHOPS, Wishes, settings_for
from syncd.sandbox.server import Running, serve
from syncd.sandbox.shipstation import ShipStationOptions, ShipStationWorld
from syncd.sandbox.shopify import ShopifyWorld
from syncd.sandbox.shopify.state import Order
from syncd.simulation.day import PLAIN
from syncd.simulation.focus import Focus

LEASE_S = 4.0
WRITE_TIMEOUT_S = 2.0
POST_TIMEOUT_S = 5.0
HURRY = {
    "SYNCD_SYNC__ORDER_POLL_S": "5",
    "SYNCD_SYNC__SHIPMENT_POLL_S": "5",
    "SYNCD_SYNC__SWEEP_S": "20",
    "SYNCD_SYNC__SETTLE_S": "0.3",
    "SYNCD_SYNC__VOID_GRACE_S": "5",
    "SYNCD_LIMITS__LEASE_S": str(LEASE_S),
    "SYNCD_LIMITS__WRITE_TIMEOUT_S": str(WRITE_TIMEOUT_S),
    "SYNCD_LIMITS__READ_TIMEOUT_S": "5",
    "SYNCD_LIMITS__LONGEST_WAIT_S": "5",
    "SYNCD_LIMITS__BRAKE_SHARE": "1",
}
"""Lives last a second, so what waits for minutes in a shop waits for seconds here."""


class Town:
    """Both vendors in real time. People find here what they find in a simulated day."""

    def __init__(self, seed: int, time_scale: float) -> None:
        self.time_scale = time_scale
        self.shopify = ShopifyWorld(_now, seed, SHOPS)
        options = ShipStationOptions(window_s=60.0 / time_scale, notify_delay_s=(0.1, 1.0))
        self.shipstation = ShipStationWorld(_now, seed, options)
        self.touched: set[int] = set()
        self.focus = Focus()
        self._running: Running | None = None
        self._rng = Random(seed)

    async def open(self) -> str:
        self._running = await serve({"/shopify": self.shopify, "/shipstation": self.shipstation})
        return self._running.address

    async def close(self) -> None:
        if self._running:
            await self._running.stop()

    def sold(self) -> dict[int, Order]:
        return {order_id: order for shop in self.shopify.shops.values() for order_id, order in shop.orders.items()}

    def sell(self, count: int = 1, **wishes: Any) -> list[int]:
        shop = self._rng.choice(SHOPS).domain
        return self.shopify.people.sell(shop, count, **{**wishes, "mix": {**PLAIN, **wishes.pop("mix", {})}})


def _now() -> datetime:
    return datetime.now(UTC)


class Gate:
    """What stands before several replicas: each webhook goes to any of them that runs. It remembers what was acknowledged."""

    def __init__(self, rng: Random) -> None:
        self.offered = self.acked = 0
        self.acked_ids: set[str] = set()
        self.replicas: list[Replica] = []
        self._rng = rng
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def open(self) -> str:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=POST_TIMEOUT_S))
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner and self._session:
            await self._runner.cleanup()
            await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        self.offered += 1
        body = await request.read()
        running = [one for one in self.replicas if one.is_running] or self.replicas
        url = f"http://127.0.0.1:{self._rng.choice(running).port}{request.raw_path}"
        assert self._session is not None
        try:
            async with self._session.post(url, data=body, headers=request.headers) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return web.Response(status=502)
        if status == 200:
            self.acked += 1
            if webhook_id := request.headers.get("X-Shopify-Webhook-Id"):
                self.acked_ids.add(webhook_id)
        return web.Response(status=status)


class Replica:
    """One daemon, which is started, harmed, and started again."""

    def __init__(self, number: int, settings: Path, more: Mapping[str, str]) -> None:
        self.number = number
        self.port = free_port()
        self.log = settings.parent / f"replica-{number}.log"
        self._command = (*SYNCD, "--config", str(settings), "run")
        self._env = {**os.environ, **more, "SYNCD_SERVER__PORT": str(self.port), "PYTHONDONTWRITEBYTECODE": ""}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, is_mute: bool = False) -> None:
        """`is_mute`: its output is a pipe that nobody reads."""
        with self.log.open("ab") as log:
            out = subprocess.PIPE if is_mute else log
            self.process = subprocess.Popen(self._command, stdout=out, stderr=log, env=self._env)

    async def is_ready(self, session: aiohttp.ClientSession, longest_s: float) -> bool:
        ends = time.monotonic() + longest_s
        while self.is_running and time.monotonic() < ends:
            try:
                async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                    if answer.status == 200:
                        return True
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(0.02)
        return False

    def send(self, number: signal.Signals) -> None:
        if self.is_running:
            os.kill(self.pid, number)

    def kill_port(self) -> None:
        """Its process alone, where there is one at this moment."""
        for pid in children(self.pid) if self.is_running else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def limit(self, what: int, most: int | None) -> None:
        """The soft limit of a resource; None lifts it."""
        for pid in (self.pid, *children(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, what)
                resource.prlimit(pid, what, (hard if most is None else most, hard))

    async def ended(self, longest_s: float) -> int | None:
        """The exit code, or None when it does not end."""
        ends = time.monotonic() + longest_s
        while self.is_running and time.monotonic() < ends:
            await asyncio.sleep(0.01)
        return self.process.poll() if self.process else None

    async def kill(self) -> None:
        self.send(signal.SIGKILL)
        await self.ended(10.0)
        if self.process and self.process.stdout:
            self.process.stdout.close()


@dataclass
class Fleet:
    town: Town
    gate: Gate
    replicas: list[Replica]
    settings: Path
    env: Mapping[str, str]

    async def command(self, *arguments: str) -> Any:
        """What a command says beside the running daemons, as JSON. Raises `RuntimeError` with its own words when it fails."""
        command = [*SYNCD, "--config", str(self.settings), *arguments, "--json"]
        asked = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **self.env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        said, complaint = await asked.communicate()
        if asked.returncode != 0:
            raise RuntimeError(f"syncd {' '.join(arguments)}: {complaint.decode().strip()}")
        return json.loads(said)


async def living(
    work: Callable[[Fleet], Awaitable[None]],
    folder: Path,
    replicas: int,
    database: str,
    seed: int,
    time_scale: float,
    more: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Opens everything, lets `work` go on in it, and ends every process. `more` goes over the hurried settings."""
    town, gate = Town(seed, time_scale), Gate(Random(f"{seed} gate"))
    settings = folder / "syncd.toml"
    env = {**HURRY, **({"SYNCD_DATABASE__URL": database} if database else {}), **more}
    try:
        wishes = Wishes("127.0.0.1", 0, (), 0, seed, settings, await gate.open(), time_scale)
        settings.write_text(settings_for(await town.open(), wishes), encoding="utf-8")
        gate.replicas = [Replica(number, settings, env) for number in range(1, replicas + 1)]
        if database:
            subprocess.run(
                [*SYNCD, "--config", str(settings), "migrate"],
                check=True, env={**os.environ, **env}, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        await work(Fleet(town, gate, gate.replicas, settings, env))
    finally:
        for replica in gate.replicas:
            await replica.kill()
        await gate.close()
        await town.close()
