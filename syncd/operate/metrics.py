"""The same figures for Prometheus. Labels name stores, states and flows, never orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from syncd.budget import WindowBudget
from syncd.operate.catalog_state import KINDS

Duty = Callable[[], Awaitable[int]]


class Metrics:
    def __init__(self, window: WindowBudget) -> None:
        self._window = window
        self._registry = CollectorRegistry()
        self._orders = self._gauge("syncd_orders", "Orders by store, state and cause", "store", "state", "cause")
        self._due = self._gauge("syncd_marks_due", "Orders that wait to be looked at", "flow")
        self._oldest = self._gauge("syncd_mark_oldest_seconds", "How long the oldest of them waits", "flow")
        self._feed = self._gauge("syncd_feed_looked_seconds", "Seconds since a feed was last read to its end", "feed")
        self._paused = self._gauge("syncd_account_paused", "1 while an account does not let us in", "account", "code")
        self._alarms = self._gauge("syncd_alarm", "1 while an alarm stands; `syncd status` tells its text", "name")
        self._key_days = self._gauge(
            "syncd_shipstation_key_days_left", "Days until the key pair in use expires", "setting"
        )
        self._stock = self._gauge("syncd_stock_skus", "SKUs of the last look at the stock", "store", "kind")
        self._catalog = self._gauge("syncd_catalog_skus", "SKUs of the last look at the catalogue", "store", "kind")
        self._packages = self._gauge("syncd_packages_followed", "Packages on their way, by what they wait for", "kind")
        self._outbound = self._gauge("syncd_outbound_messages", "Messages to help desks that did not arrive", "outcome")
        self._outbound_oldest = self._gauge("syncd_outbound_oldest_seconds", "How long the oldest of them is tried")
        self._told = Counter("syncd_news_told", "Delivery events told to Shopify", registry=self._registry)
        self._sent = Counter("syncd_outbound_sent", "Messages that help desks took", registry=self._registry)
        self._calls = self._gauge("syncd_shipstation_window_calls", "Calls in the present ShipStation window", "kind")

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry)

    def counting_told(self, run: Duty) -> Duty:
        """`run` says how many delivery events it told."""
        return _counting(run, self._told)

    def counting_sent(self, run: Duty) -> Duty:
        """`run` says how many messages help desks took."""
        return _counting(run, self._sent)

    def render(self, status: Mapping[str, Any], now: datetime) -> bytes:
        for gauge in (self._orders, self._paused, self._alarms, self._key_days, self._stock, self._catalog):
            gauge.clear()
        for one in status["causes"]:
            self._orders.labels(one["store"], one["state"], one["cause"]).set(one["count"])
        for flow, waiting in status["waiting"].items():
            self._due.labels(flow).set(waiting["due"])
            self._oldest.labels(flow).set(waiting["oldest_s"])
        for name, feed in status["feeds"].items():
            self._feed.labels(name).set(feed["looked_s_ago"])
        for one in status["paused"]:
            self._paused.labels(one["account"], one["code"]).set(1)
        for one in status["alarms"]:
            self._alarms.labels(one["name"]).set(1)
        for one in status["keys"]:
            if one["state"] == "in_use" and one["days_left"] is not None:
                self._key_days.labels(one["setting"]).set(one["days_left"])
        for store, facts in status["stock"].items():
            for kind in ("agreeing", "differing", "unknown", "doubled"):
                self._stock.labels(store, kind).set(facts[kind])
        for store, facts in status["catalog"].items():
            for kind in KINDS:
                self._catalog.labels(store, kind).set(facts[kind])
        for kind, count in status["journeys"].items():
            self._packages.labels(kind).set(count)
        for outcome in ("waiting", "given_up"):
            self._outbound.labels(outcome).set(status["outbound"][outcome])
        self._outbound_oldest.set(status["outbound"]["oldest_s"])
        usage = self._window.usage(now)
        self._calls.labels("used").set(usage.used)
        self._calls.labels("limit").set(usage.limit)
        return generate_latest(self._registry)


def _counting(run: Duty, counter: Counter) -> Duty:
    async def counted() -> int:
        count = await run()
        counter.inc(count)
        return count

    return counted
