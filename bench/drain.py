"""How fast a backlog reaches ShipStation, beside the 4,000 orders a minute that its V1 API allows and the 20,000 of its V2.

The orders are sold while the daemon is down; the clock starts when the daemon says that it is ready. So finding them in
Shopify's lists and reading them with a standard plan's points is part of the time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import IO, Any

from bench.processes import SYNCD, ask, cpu_s, free_port, memory_mb, running, sandbox, wait_ready

SHOP = "main-shop.myshopify.com"
BATCH = 100
CALLS = 40
CALLS_OF = {"v1": CALLS, "v2": 200}
WINDOW_S = 60.0
WINDOWS = {"v1": "most_in_a_window", "v2": "most_in_a_v2_window"}


@dataclass
class Pushed:
    """What the daemon's log told: when each order was confirmed, in its own clock."""

    times: list[float] = field(default_factory=list)
    batches: list[Mapping[str, Any]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def read(self, lines: IO[bytes]) -> None:
        for line in lines:
            entry = json.loads(line) if line.startswith(b"{") else {"event": "text", "level": "error"}
            if entry["event"] == "order.pushed":
                self.times.append(datetime.fromisoformat(entry["timestamp"]).timestamp())
            elif entry["event"] == "batch.settled":
                self.batches.append(entry)
            elif entry.get("level") in ("warning", "error", "critical"):
                self.troubles.append(line.decode().strip()[:300])


@dataclass(frozen=True)
class Drained:
    orders: int
    theory_s: float
    measured_s: float
    shipstation: Mapping[str, Any]
    memory_mb: float
    cpu_s: float
    times: list[float]
    troubles: list[str]


def theory_s(orders: int, window_s: float, api: str) -> float:
    """Full calls, every window spent the moment it opens: the time until the last of them may be sent."""
    return (ceil(orders / BATCH) - 1) // CALLS_OF[api] * window_s


def drain(count: int, scale: float, mix: Mapping[str, float], longest_s: float, api: str) -> Drained:
    with tempfile.TemporaryDirectory(prefix="syncd-drain-") as name, sandbox(Path(name), scale) as (address, settings):
        ask(f"{address}/shopify/_control/sell", {"shop": SHOP, "count": count, "seed": 7, "mix": dict(mix)})
        time.sleep(4)  # Shopify routes and assesses them
        return _drained(address, settings, count, scale, longest_s, api)


def _drained(address: str, settings: Path, count: int, scale: float, longest_s: float, api: str) -> Drained:
    port = free_port()
    # the daemon's own pauses are scaled as the vendor's window is, or they would take a larger share of it
    scaled = {
        "SYNCD_SYNC__ORDER_POLL_S": str(60 / scale),
        "SYNCD_SYNC__SHIPMENT_POLL_S": str(60 / scale),
        "SYNCD_SYNC__SETTLE_S": str(2 / scale),
        "SYNCD_SERVER__PORT": str(port),
        "SYNCD_SHIPSTATION__ORDERS_API": api,
    }
    pushed = Pushed()
    with running((*SYNCD, "--config", str(settings), "run"), subprocess.PIPE, scaled) as daemon:
        assert daemon.stdout is not None
        reader = threading.Thread(target=pushed.read, args=(daemon.stdout,))
        reader.start()
        wait_ready(port, daemon)
        began = time.time()
        _wait_for_rest(daemon, pushed, port, count, began + longest_s)
        memory, cpu = memory_mb(daemon.pid, "VmHWM"), cpu_s(daemon.pid)
    reader.join()
    state = ask(f"{address}/shipstation/_control/state", {})
    measured = max(pushed.times, default=began + longest_s) - began
    window_s = WINDOW_S / scale
    made = len(state["orders"])
    return Drained(made, theory_s(made, window_s, api), measured, state, memory, cpu, pushed.times, pushed.troubles)


def _wait_for_rest(daemon: subprocess.Popen[bytes], pushed: Pushed, port: int, count: int, until: float) -> None:
    """Until every order has a state and none is queued. Asks only when nothing was pushed for two seconds."""
    while time.time() < until:
        time.sleep(0.5)
        if daemon.poll() is not None:
            raise RuntimeError("the daemon stopped: " + " | ".join(pushed.troubles[:3]))
        if pushed.times and time.time() - pushed.times[-1] > 2.0:
            states = ask(f"http://127.0.0.1:{port}/status.json")["orders"]
            if sum(states.values()) == count and not states["queued"]:
                return


def report(count: int, scale: float, result: Drained, api: str) -> str:
    calls = result.shipstation["calls"]
    by_path = ", ".join(f"{path} {times}" for path, times in sorted(calls["by_path"].items()))
    window_s = WINDOW_S / scale
    lines = [
        f"drain: {count} orders sold, {result.orders} orders in ShipStation by {api.upper()}, standard Shopify plan, SQLite",
        f"scale {scale:g}: ShipStation's window is {window_s:g} s and the daemon's polls and fold time are as much shorter;",
        "  Shopify's points, latency (none but the loopback's) and the daemon's computing are not scaled",
        f"theory   {result.theory_s:8.2f} s  (({result.orders} orders in {ceil(result.orders / BATCH)} calls - 1) // {CALLS_OF[api]} windows)",
        f"measured {result.measured_s:8.2f} s  from /readyz to the last confirmed order",
        f"ratio    {_ratio(result)}    {_pace(result, scale, api)}",
        f"windows  {_by_window(result, window_s)}  (orders confirmed in each, {CALLS_OF[api] * BATCH} are allowed)",
        f"calls    {calls['total']}, of which refused (429) {calls['refused_429']}, most in a window {calls[WINDOWS[api]]}: {by_path}",
        f"daemon   {result.memory_mb:.0f} MB at most, {result.cpu_s:.1f} s of CPU ({1000 * result.cpu_s / max(1, count):.2f} ms an order)",
    ]
    return "\n".join([*lines, *(f"trouble  {line}" for line in result.troubles[:5])])


def _ratio(result: Drained) -> str:
    """What fits into the first window the limit does not slow down."""
    return f"{result.theory_s / result.measured_s:8.3f}" if result.theory_s else "    none"


def _pace(result: Drained, scale: float, api: str) -> str:
    """Vendor minutes are `scale` times shorter than ours."""
    minutes = result.measured_s * scale / 60
    pace, limit = len(result.times) / minutes, CALLS_OF[api] * BATCH
    return f"{pace:.0f} orders a vendor minute, {pace / limit:.3f} of the {limit} that are the limit after the first window"


def _by_window(result: Drained, window_s: float) -> str:
    if not result.times:
        return "none"
    first = min(result.times)
    counts = Counter(int((moment - first) // window_s) for moment in result.times)
    return " ".join(str(counts[number]) for number in range(max(counts) + 1))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--scale", type=float, default=2.0, help="the vendor's window is so many times shorter")
    parser.add_argument(
        "--mixed", action="store_true", help="the sandbox's usual mixture, of which a sixth is not shipped"
    )
    parser.add_argument("--longest", type=float, default=900.0, help="give up after so many seconds")
    parser.add_argument(
        "--api", choices=sorted(CALLS_OF), default="v1", help="by which of ShipStation's APIs orders go"
    )
    wishes = parser.parse_args()
    mix = {} if wishes.mixed else {"all": 0.0}
    result = drain(wishes.orders, wishes.scale, mix, wishes.longest, wishes.api)
    print(report(wishes.orders, wishes.scale, result, wishes.api))


if __name__ == "__main__":
    main()
