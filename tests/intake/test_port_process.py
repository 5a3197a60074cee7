"""The port as a process of its own, through the shipped program: whoever of the two dies, no acknowledged webhook is lost."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from bench.processes import SYNCD, children, free_port, port_of, wait_ready
from syncd.adapters import SystemClock
from syncd.daemon import GIVES_WAY
from syncd.errors import RejectedError, TransientError
from syncd.intake.gate import Bounds
from syncd.intake.link import Link
from syncd.intake.outside import Outside
from syncd.intake.port import Orders
from syncd.intake.server import Doors
from syncd.intake.sockets import LONGEST_S, UnusableAddressError, bound, listening, number_of
from syncd.sandbox.main import Wishes, settings_for
from syncd.store.engine import inbox_url, migrate_all, place_of
from syncd.store.postgres import postgres_url

LONGEST_WAIT_S = 20.0


def until(is_so: Callable[[], object], longest_s: float = LONGEST_WAIT_S) -> None:
    give_up_at = time.monotonic() + longest_s
    while not is_so():
        assert time.monotonic() < give_up_at, "it did not come to that"
        time.sleep(0.02)


@dataclass
class Program:
    settings: Path
    url: str
    port: int
    secret: bytes
    shop: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, webhook_id: str, order_id: int) -> int:
        body = json.dumps({"id": order_id}).encode()
        headers = {
            "X-Shopify-Topic": "orders/updated",
            "X-Shopify-Webhook-Id": webhook_id,
            "X-Shopify-Shop-Domain": self.shop,
            "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.digest(self.secret, body, "sha256")).decode(),
        }
        return status(urllib.request.Request(f"{self.address}/webhooks/shopify/main", body, headers))[0]

    def get(self, path: str) -> tuple[int, bytes]:
        return status(urllib.request.Request(f"{self.address}{path}"))

    def rows(self, url: str, statement: str) -> list[Any]:
        engine = create_engine(url if url.startswith("sqlite") else postgres_url(url))
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(statement))]
        finally:
            engine.dispose()

    def unread(self) -> int:
        (found,) = self.rows(inbox_url(self.url), "SELECT count(*) FROM deliveries")
        return int(found[0])

    def marked(self) -> set[str]:
        return {row[0] for row in self.rows(self.url, "SELECT subject FROM marks WHERE flow = 'orders'")}


def status(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(request, timeout=LONGEST_WAIT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def started(settings: Path, url: str, port: int, log: Path) -> subprocess.Popen[bytes]:
    environ = {"SYNCD_DATABASE__URL": url, "SYNCD_SERVER__PORT": str(port)}
    with log.open("ab") as out:
        command = (*SYNCD, "--config", str(settings), "run")
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **environ}, start_new_session=True
        )
    wait_ready(port, process)
    return process


@pytest.fixture
def program(database_url: str, tmp_path: Path) -> Iterator[Program]:
    """With vendors that nobody can reach: what arrives stays marked."""
    settings, port = tmp_path / "syncd.toml", free_port()
    wishes = Wishes("127.0.0.1", 0, (), 0, 1, settings, "", 1.0)
    settings.write_text(settings_for("http://127.0.0.1:9", wishes), encoding="utf-8")
    store = tomllib.loads(settings.read_text())["stores"]["main"]
    log = tmp_path / "log"
    process = started(settings, database_url, port, log)
    made = Program(settings, database_url, port, store["client_secret"].encode(), store["shop"], log, process)
    yield made
    with contextlib.suppress(ProcessLookupError):
        os.kill(made.process.pid, signal.SIGKILL)
    made.process.wait(LONGEST_WAIT_S)


def test_a_webhook_is_kept_outside_and_marked_inside(program: Program) -> None:
    assert program.post("one", 6_832_000_000_001) == 200
    until(lambda: program.marked() == {"main/6832000000001"})
    until(lambda: program.unread() == 0)
    assert program.rows(program.url, "SELECT webhook_id FROM read_deliveries") == [("one",)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process has one priority, and no /proc")
def test_every_thread_of_the_daemon_gives_way_to_its_port(program: Program) -> None:
    """The store's writer too, which is older than the moment when the daemon begins to."""
    outside = os.getpriority(os.PRIO_PROCESS, port_of(program.process.pid))
    threads = [int(one.name) for one in Path(f"/proc/{program.process.pid}/task").iterdir()]
    assert len(threads) > 1
    assert {os.getpriority(os.PRIO_PROCESS, one) for one in threads} == {min(outside + GIVES_WAY, 19)}


def test_what_the_daemon_knows_is_told_at_the_port(program: Program) -> None:
    assert json.loads(program.get("/readyz")[1]) == {"ready": True, "reason": ""}
    assert program.get("/healthz")[0] == 200
    assert json.loads(program.get("/status.json")[1])["webhooks_unread"] == 0
    assert b"syncd_marks_due" in program.get("/metrics")[1]
    assert program.get("/orders/1001/tracking")[0] == 404  # without a token there is no such page


def test_a_port_that_died_is_started_anew_and_nobody_is_turned_away(program: Program) -> None:
    assert program.post("before", 6_832_000_000_001) == 200
    first = port_of(program.process.pid)
    os.kill(first, signal.SIGKILL)
    assert program.post("after", 6_832_000_000_002) == 200
    until(lambda: program.marked() == {"main/6832000000001", "main/6832000000002"})
    assert port_of(program.process.pid) != first
    assert "killed by signal 9" in program.log.read_text()


def test_with_the_daemon_its_port_ends_and_a_new_one_can_begin_at_once(program: Program) -> None:
    orphan = port_of(program.process.pid)
    assert program.post("last", 6_832_000_000_001) == 200
    program.process.kill()
    program.process.wait()
    program.process = started(program.settings, program.url, program.port, program.log)
    until(lambda: not Path(f"/proc/{orphan}").exists())
    until(lambda: program.marked() == {"main/6832000000001"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_for_all_of_them_is_the_daemons_to_obey(program: Program, number: signal.Signals) -> None:
    port = port_of(program.process.pid)
    os.kill(port, number)
    os.kill(program.process.pid, number)
    assert program.process.wait(LONGEST_WAIT_S) == 0
    assert not Path(f"/proc/{port}").exists()
    assert "port.ended" not in program.log.read_text()


def test_while_the_daemon_sleeps_webhooks_are_kept(program: Program) -> None:
    os.kill(program.process.pid, signal.SIGSTOP)
    assert program.post("asleep", 6_832_000_000_001) == 200
    assert program.unread() == 1
    os.kill(program.process.pid, signal.SIGCONT)
    until(lambda: program.marked() == {"main/6832000000001"})


async def test_a_port_that_hangs_is_killed_and_nobody_is_turned_away(database_url: str) -> None:
    migrate_all(database_url)
    (listener,) = listening("127.0.0.1", 0)
    doors, bounds, place = Doors({}, [], 1 << 20), Bounds(8, 8, 5.0), place_of(database_url)
    orders = Orders(doors, bounds, [listener.fileno()], "", "", place, "error")
    others = set(children(os.getpid()))

    def answers() -> int:
        """The process that says that it is ready."""
        assert status(urllib.request.Request(f"http://127.0.0.1:{number_of([listener])}/readyz"))[0] == 200
        (port,) = {*children(os.getpid())} - others
        return port

    outside = Outside(orders, {"ready": answer_ready}, SystemClock(), look_s=0.2)
    working = asyncio.create_task(outside.work())
    with listener:
        hanging = await asyncio.to_thread(answers)
        os.kill(hanging, signal.SIGSTOP)
        assert await asyncio.to_thread(answers) != hanging
        await outside.stop()
        await working


async def answer_ready(_: object) -> tuple[bool, dict[str, bool]]:
    return True, {"ready": True}


async def linked(answers: dict[str, Any]) -> tuple[Link, Link, list[asyncio.Task[None]]]:
    ours, theirs = socket.socketpair()
    here, there = await Link.opened(ours, {}), await Link.opened(theirs, answers)
    return here, there, [asyncio.create_task(link.serve()) for link in (here, there)]


async def test_answers_and_failures_come_through_the_link() -> None:
    async def double(value: Any) -> Any:
        if value == 0:
            raise RejectedError("order_unknown", "no store has an order 0")
        return 2 * value

    here, there, tasks = await linked({"double": double})
    assert await asyncio.gather(*(here.call("double", number) for number in range(1, 20))) == list(range(2, 40, 2))
    with pytest.raises(RejectedError, match="order_unknown: no store has an order 0"):
        await here.call("double", 0)
    there.close()
    await asyncio.gather(*tasks)
    with pytest.raises(TransientError, match="link_gone"):
        await here.call("double", 1)


async def test_who_waits_when_the_other_side_dies_is_told() -> None:
    asked = asyncio.Event()

    async def never(_: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    here, there, tasks = await linked({"never": never})
    waiting = asyncio.create_task(here.call("never"))
    await asked.wait()
    there.close()
    with pytest.raises(TransientError, match="link_gone"):
        await waiting
    await asyncio.gather(*tasks)


class Hasty:
    """Time goes by while one sleeps, and is not waited for."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return SystemClock().now()

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


async def test_an_address_that_is_in_use_is_waited_for_and_then_named() -> None:
    (taken,) = listening("127.0.0.1", 0)
    clock = Hasty()
    with taken, pytest.raises(UnusableAddressError, match=r"server\.host and server\.port"):
        await bound("127.0.0.1", number_of([taken]), clock)
    assert clock.at >= LONGEST_S
