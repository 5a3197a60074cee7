"""How long an order takes to ShipStation and a label to Shopify when nothing else waits: real processes, webhooks, no scaling.

The sandbox sells an order and buys its label once it is there, and so on at an even pace. Its own delays, of which the real
vendors have more, are part of the time: routing and risk of an order, and ShipStation's notice of a label.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import SYNCD, ask, free_port, running, sandbox, wait_ready

SHOP = "main-shop.myshopify.com"
TARGET_S = 5.0
LOOK_S = 0.05
LONGEST_S = 120.0
NOTICE_S = (0.5, 1.0)
"""How long ShipStation takes to send its webhook of a label."""


@dataclass
class Waits:
    to_shipstation: list[float] = field(default_factory=list)
    to_shopify: list[float] = field(default_factory=list)


def measure(orders: int, every_s: float) -> Waits:
    port = free_port()
    more = {"SYNCD_SERVER__PORT": str(port), "SYNCD_SERVER__PUBLIC_URL": f"http://127.0.0.1:{port}"}
    waits = Waits()
    with (
        tempfile.TemporaryDirectory(prefix="syncd-latency-") as name,
        sandbox(Path(name), 1.0) as (address, settings),
        running((*SYNCD, "--config", str(settings), "run"), more=more) as daemon,
    ):
        wait_ready(port, daemon)
        ask(f"{address}/shipstation/_control/options", {"changes": {"notify_delay_s": NOTICE_S}})
        time.sleep(5)  # it subscribes
        for _ in range(orders):
            began = time.monotonic()
            _one(address, waits)
            time.sleep(max(0.0, every_s - (time.monotonic() - began)))
    return waits


def _one(address: str, waits: Waits) -> None:
    sale = {"shop": SHOP, "count": 1, "mix": {"all": 0.0}}
    (order_id,) = ask(f"{address}/shopify/_control/sell", sale)
    there = _seen(lambda: _in_shipstation(address, order_id), waits.to_shipstation)
    ask(f"{address}/shipstation/_control/buy_label", {"order": there["orderId"]})
    _seen(lambda: _fulfilled(address, order_id), waits.to_shopify)


def _seen(look: Callable[[], Any], into: list[float]) -> Any:
    began = time.monotonic()
    while not (found := look()):
        if time.monotonic() - began > LONGEST_S:
            raise RuntimeError("it does not arrive")
        time.sleep(LOOK_S)
    into.append(time.monotonic() - began)
    return found


def _in_shipstation(address: str, order_id: int) -> Any:
    orders = ask(f"{address}/shipstation/_control/state", {})["orders"]
    return next((one for one in orders.values() if one["orderKey"].split("-")[1] == str(order_id)), None)


def _fulfilled(address: str, order_id: int) -> bool:
    orders = ask(f"{address}/shopify/_control/state", {})["shops"][SHOP]["orders"]
    return any(one["fulfillments"] for one in orders if one["id"] == order_id)


def row(name: str, waits: list[float]) -> str:
    parts = statistics.quantiles(waits, n=20)
    return f"{name:24} p50 {parts[9]:5.2f} s   p95 {parts[18]:5.2f} s   most {max(waits):5.2f} s   (aim: p95 {TARGET_S:g} s)"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--orders", type=int, default=40)
    parser.add_argument("--every", type=float, default=6.0, help="seconds from one order to the next")
    wishes = parser.parse_args()
    waits = measure(wishes.orders, wishes.every)
    print(f"latency: {wishes.orders} orders, one by one, with webhooks, time scale 1, SQLite")
    print(row("payment to ShipStation", waits.to_shipstation))
    print(row("label to Shopify", waits.to_shopify))


if __name__ == "__main__":
    main()
