"""A flash sale: paid orders with four webhooks each, some doubled, some lost, all shuffled, beside what ShipStation's limit allows.

The daemon runs already. The clock starts with the first webhook; the limit is counted from the window that is open then, and
from the calls that were already made in it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import uvloop

from bench.drain import BATCH, CALLS, SHOP, WINDOW_S, Pushed
from bench.open_loop import Answered, post_on_schedule
from bench.post import Message, signed_message
from bench.processes import (
    SYNCD,
    Spent,
    ask,
    cpu_s,
    free_port,
    memory_mb,
    other_child,
    port_of,
    proportional_mb,
    running,
    sandbox,
    spent,
    wait_ready,
)

SECRET = b"sandbox-secret-main"
TOPICS = ("orders/create", "orders/paid", "orders/updated", "fulfillment_orders/order_routing_complete")
BODY_BYTES = 5_800
DOUBLED, LOST = 0.10, 0.05
SURELY_NEW = 0.02
"""So much of a window may be gone when it is found."""


@dataclass(frozen=True)
class Sold:
    """`theory_s`: until the call with the last orders may be sent at the earliest."""

    orders: int
    posted: int
    theory_s: float
    measured_s: float
    began_at: float
    answered: Answered
    posted_s: float
    spent: Mapping[str, Spent]
    """By program, while the webhooks were posted."""
    pushed: Pushed
    shipstation: dict[str, Any]
    memory: Sequence[tuple[float, float, float]]
    """MB of the daemon and of its port: the most that ever was resident, what is now, and that with what they share counted once."""
    cpu_s: Sequence[float]


def webhooks(order_ids: Sequence[int], rng: Random) -> list[tuple[int, str]]:
    """(order, topic) of what arrives, in the order of arrival."""
    sent = [(order_id, topic) for order_id in order_ids for topic in TOPICS]
    kept = [one for one in sent if rng.random() >= LOST]
    kept += [one for one in kept if rng.random() < DOUBLED]
    rng.shuffle(kept)
    return kept


def requests(arriving: Sequence[tuple[int, str]]) -> Iterator[bytes]:
    """A doubled webhook repeats its id, as the sender's repeats do."""
    for order_id, topic in arriving:
        message = _message(order_id, topic)
        webhook_id = b"%032x" % (order_id * len(TOPICS) + TOPICS.index(topic))
        yield b"".join((message.before_id, webhook_id, message.after_id))


def _message(order_id: int, topic: str) -> Message:
    body = json.dumps({"id": order_id, "cancelled_at": None, "note": "x" * BODY_BYTES}).encode()
    return signed_message("main", SECRET, body, topic)


def theory_s(orders: int, used: int, opened_s_ago: float, window_s: float) -> float:
    """Full calls, what is left of the open window first, then every window spent the moment it opens."""
    later = math.ceil(orders / BATCH) - (CALLS - used)
    return max(0.0, math.ceil(later / CALLS) * window_s - opened_s_ago)


def hold(count: int, scale: float, per_s: float, longest_s: float, database: str) -> Sold:
    with tempfile.TemporaryDirectory(prefix="syncd-sale-") as name, sandbox(Path(name), scale) as (address, settings):
        port = free_port()
        # the daemon's own pauses are scaled as the vendor's window is, or they would take a larger share of it
        scaled = {
            "SYNCD_SYNC__ORDER_POLL_S": str(60 / scale),
            "SYNCD_SYNC__SHIPMENT_POLL_S": str(60 / scale),
            "SYNCD_SYNC__SETTLE_S": str(2 / scale),
            "SYNCD_SERVER__PORT": str(port),
        } | ({"SYNCD_DATABASE__URL": database} if database else {})
        pushed = Pushed()
        with running((*SYNCD, "--config", str(settings), "run"), subprocess.PIPE, scaled) as daemon:
            assert daemon.stdout is not None
            reader = threading.Thread(target=pushed.read, args=(daemon.stdout,))
            reader.start()
            wait_ready(port, daemon)
            order_ids = ask(
                f"{address}/shopify/_control/sell", {"shop": SHOP, "count": count, "seed": 7, "mix": {"all": 0.0}}
            )
            opened_at, used = _next_window(address, WINDOW_S / scale)
            arriving = webhooks(order_ids, Random(7))
            began, began_wall = time.monotonic(), time.time()
            port_pid = port_of(daemon.pid)
            programs = {
                "daemon": daemon.pid,
                "port": port_pid,
                "sandbox": other_child(daemon.pid),
                "sender": os.getpid(),
            }
            before = {name: spent(pid) for name, pid in programs.items()}
            answered = uvloop.run(post_on_schedule(port, requests(arriving), per_s))
            posted_s = time.monotonic() - began
            used_up = {name: spent(pid) - before[name] for name, pid in programs.items()}
            _wait_for_all(daemon, pushed, count, began + longest_s)
            ours = (daemon.pid, port_pid)
            memory = [(memory_mb(pid, "VmHWM"), memory_mb(pid), proportional_mb(pid)) for pid in ours]
            cpu = [cpu_s(pid) for pid in ours]
        reader.join()
        state = ask(f"{address}/shipstation/_control/state", {})
        theory = theory_s(count, used, began - opened_at, WINDOW_S / scale)
        measured = max(pushed.times, default=began_wall + longest_s) - began_wall
        return Sold(
            count, len(arriving), theory, measured, began_wall, answered, posted_s, used_up, pushed, state, memory, cpu
        )


def _next_window(address: str, window_s: float) -> tuple[float, int]:
    """When the next window opened, by the daemon's look at ShipStation, and how many calls it made in it so far. A look may also
    come in the last moment of a window: that opens none."""
    give_up_at, opened_at = time.monotonic() + 4 * window_s, -math.inf
    while time.monotonic() - opened_at > SURELY_NEW * window_s:
        if time.monotonic() > give_up_at:
            raise RuntimeError("the daemon does not look at ShipStation")
        time.sleep(0.02)
        opened_at = time.monotonic() + _window(address)["left_s"] - window_s
    time.sleep(1.0)
    return opened_at, int(_window(address)["calls"])


def _window(address: str) -> dict[str, float]:
    window: dict[str, float] = ask(f"{address}/shipstation/_control/state", {})["calls"]["window"]
    return window


def _wait_for_all(daemon: subprocess.Popen[bytes], pushed: Pushed, count: int, until: float) -> None:
    while time.monotonic() < until and len(pushed.times) < count:
        time.sleep(0.2)
        if daemon.poll() is not None:
            raise RuntimeError("the daemon stopped: " + " | ".join(pushed.troubles[:3]))
    time.sleep(1.0)  # what would be doubled, would follow


def by_window(sold: Sold, window_s: float) -> str:
    times = sold.pushed.times
    if not times:
        return "none"
    counts = Counter(int((moment - sold.began_at) // window_s) for moment in times)
    return " ".join(str(counts[number]) for number in range(max(counts) + 1))


def report(sold: Sold, scale: float, per_s: float) -> str:
    calls = sold.shipstation["calls"]
    window_s = WINDOW_S / scale
    keys = Counter(order["orderKey"].split("-")[1] for order in sold.shipstation["orders"].values())
    doubled = sum(times > 1 for times in keys.values())
    waits = statistics.quantiles(sold.answered.waits_ms, n=100)
    by_path = ", ".join(f"{path} {times}" for path, times in sorted(calls["by_path"].items()))
    fill = [batch["confirmed"] for batch in sold.pushed.batches if batch["confirmed"]]
    lines = [
        f"sale: {sold.orders} orders, {sold.posted} webhooks in random order at {per_s:g} a second "
        f"({LOST:.0%} lost, {DOUBLED:.0%} doubled), ShipStation's window {window_s:g} s, standard Shopify plan",
        f"in ShipStation {len(keys)}, missing {sold.orders - len(keys)}, doubled {doubled}, refused (429) {calls['refused_429']}",
        f"theory   {sold.theory_s:8.2f} s  until the last full call may leave",
        f"measured {sold.measured_s:8.2f} s  from the first webhook to the last confirmed order",
        f"ratio    {sold.measured_s / sold.theory_s if sold.theory_s else math.inf:8.3f}    at most 1.03 is the aim",
        f"calls    {calls['total']}, most in a window {calls['most_in_a_window']}: {by_path}",
        f"batches  {len(fill)} with orders, {statistics.mean(fill) if fill else 0:.1f} orders in each",
        f"windows  {by_window(sold, window_s)}  (orders confirmed in each 60 vendor seconds from the first webhook on)",
        f"webhooks {sold.answered.bad} not answered with 200; ms from schedule: p50 {waits[49]:.1f}, p99 {waits[98]:.1f}, "
        f"most {max(sold.answered.waits_ms):.1f}",
        *(
            f"{name:8} ran for {one.ran_s:.1f} s and waited {one.waited_s:.1f} s for a processor in the {sold.posted_s:.1f} s of posting"
            for name, one in sold.spent.items()
        ),
        *(
            f"{name:8} {most:.0f} MB at most, {now:.0f} MB at the end, {shared:.0f} MB with its part of what is shared, {used:.1f} s of CPU"
            for name, (most, now, shared), used in zip(("daemon", "port"), sold.memory, sold.cpu_s, strict=True)
        ),
    ]
    return "\n".join([*lines, *(f"trouble  {line}" for line in sold.pushed.troubles[:5])])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sale", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--scale", type=float, default=1.0, help="ShipStation's window is so many times shorter")
    parser.add_argument("--per-second", type=float, default=2_000.0, help="webhooks")
    parser.add_argument("--longest", type=float, default=900.0, help="give up after so many seconds")
    parser.add_argument("--database", default="", help="another than SQLite in a temporary folder; must be empty")
    wishes = parser.parse_args()
    sold = hold(wishes.orders, wishes.scale, wishes.per_second, wishes.longest, wishes.database)
    print(report(sold, wishes.scale, wishes.per_second))


if __name__ == "__main__":
    main()
