"""The program of the port: it listens, checks, keeps and answers, in a process of its own, so that no webhook waits for the daemon's work.

It knows no vendor, no order and no settings but those that the daemon sends it first, and ends with the daemon, however that ends.
"""

from __future__ import annotations

import asyncio
import pickle
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvloop

from syncd.adapters import SystemClock, SystemRng
from syncd.http import AiohttpHttp
from syncd.intake.gate import Bounds, Gate
from syncd.intake.inbox import SHIPSTATION, Inbox
from syncd.intake.link import Answer, Link
from syncd.intake.server import Doors, Listener, Port, Reports, Tracking, Webhooks
from syncd.intake.tally import Tally
from syncd.logs import set_up_logs
from syncd.pauses import COLLECT_S, collect, keep_pauses_short
from syncd.ports import Clock
from syncd.shipstation.signatures import PublishedKeys
from syncd.store.keeping import InboxFile, InboxTable, Place

COMMITS_APART_S = 0.003
TOLD_APART_S = 0.02


@dataclass(frozen=True)
class Orders:
    """What the daemon wants of its port. Sent over the pair of sockets: neither a command line nor a file shows the secrets."""

    doors: Doors
    bounds: Bounds
    sockets: Sequence[int]
    """Descriptors that listen already."""
    tracking_token: str
    jwks_url: str
    place: Place
    log_level: str


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):  # who means the daemon often means us as well: its end is ours
        signal.signal(number, signal.SIG_IGN)
    pair = socket.socket(fileno=int(sys.argv[1]))
    orders = receive(pair)
    if orders is None:
        return
    set_up_logs(orders.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(orders, pair))


def send(pair: socket.socket, orders: Orders) -> None:
    said = pickle.dumps(orders)
    pair.sendall(len(said).to_bytes(8, "big") + said)


def receive(pair: socket.socket) -> Orders | None:
    """None when the daemon ended before it had said anything."""
    with pair.makefile("rb", buffering=0) as stream:
        length = int.from_bytes(stream.read(8) or b"", "big")
        said = b""
        while len(said) < length and (part := stream.read(length - len(said))):
            said += part
    return pickle.loads(said) if said and len(said) == length else None  # noqa: S301 - from who started us


async def _serve(orders: Orders, pair: socket.socket) -> None:
    clock, http = SystemClock(), AiohttpHttp()
    answers: dict[str, Answer] = {}
    keeper = _keeper(orders, answers)
    gate = Gate(orders.bounds, asyncio.get_running_loop().time)
    inbox = Inbox(keeper, clock, SystemRng(), COMMITS_APART_S, gate.connections)
    tally = Tally((*orders.doors.shops, SHIPSTATION), clock)
    link = await Link.opened(pair, answers | {"refusals": partial(_refusals, tally)})
    webhooks = Webhooks(orders.doors, inbox, clock, tally, PublishedKeys(http, clock, orders.jwks_url))
    tracking = Tracking(orders.tracking_token, partial(link.call, "track")) if orders.tracking_token else None
    listener = Listener(Port(webhooks, _reports(link), gate, tracking).app, gate)
    besides = [asyncio.create_task(work) for work in (_tell(inbox, link, clock), _collect(clock))]
    await listener.start([socket.socket(fileno=one) for one in orders.sockets])
    keep_pauses_short()
    await link.serve()
    for task in besides:
        task.cancel()
    await listener.stop()
    await keeper.close()
    await http.close()


def _keeper(orders: Orders, answers: dict[str, Answer]) -> InboxFile | InboxTable:
    """What was read in PostgreSQL, the daemon itself writes down there."""
    place = orders.place
    if not place.is_file:
        return InboxTable(place.address, *place.on_connect)
    keeper = InboxFile(place.address, place.on_connect)
    answers["finish"] = partial(_finish, keeper)
    return keeper


def _reports(link: Link) -> Reports:
    """Only the daemon knows. While it does not answer, the answer is 503."""

    async def report(name: str) -> tuple[bool, dict[str, Any]]:
        well, figures = await link.call(name)
        return well, figures

    async def metrics() -> bytes:
        said: str = await link.call("metrics")
        return said.encode()

    return Reports(partial(report, "health"), partial(report, "ready"), partial(report, "status"), metrics)


async def _refusals(tally: Tally, _: Any) -> dict[str, tuple[int, str]]:
    return {door: (row.count, row.since.isoformat()) for door, row in (await tally.rows()).items()}


async def _finish(keeper: InboxFile, said: Any) -> None:
    await keeper.finish([(number, store, webhook_id) for number, store, webhook_id in said])


async def _tell(inbox: Inbox, link: Link, clock: Clock) -> None:
    while True:
        await inbox.arrived.wait()
        inbox.arrived.clear()
        link.tell("arrived")
        await clock.sleep(TOLD_APART_S)


async def _collect(clock: Clock) -> None:
    while True:
        await clock.sleep(COLLECT_S)
        collect()
