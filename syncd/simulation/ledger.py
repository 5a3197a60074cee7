"""What the daemon's own rows, and what it keeps at the vendors for itself, must be at rest: L5, S8, S18, S19 and L7."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from mappings.causes import Cause, State, state_of
from syncd.operate.subscriptions import shipstation_addresses, shopify_address
from syncd.shipstation.webhooks import EVENTS
from syncd.shopify.webhooks import topics_of
from syncd.shopify.writes import topic_enum
from syncd.simulation.day import Day
from syncd.simulation.watch import Watch

MOST_DOCUMENTS = 6
"""For one order of which nothing is known that went wrong; so many more for each thing that did."""

READ_WITHIN = timedelta(seconds=5)
"""A webhook may have come in the very moment of the verdict (seed 160041)."""


def judge_ledger(day: Day, watch: Watch, restarts: int) -> list[str]:
    return [*_troubles(day), *_mapping(day), *_inbox(day), *_thrift(day, watch, restarts)]


def _troubles(day: Day) -> Iterable[str]:
    """L5: what the shipments flow says of an order has reached its state, unless that is a trouble of its own."""
    for row in day.rows("SELECT name, cause, trouble FROM orders WHERE trouble IS NOT NULL AND trouble <> cause"):
        if state_of(Cause(row["cause"])) is not State.PARKED:
            yield f"L5 {row['name']} has trouble with {row['trouble']} and counts as {row['cause']}"


def _mapping(day: Day) -> Iterable[str]:
    """S8: the ShipStation order that a consignment names is the one with its key, unless people merged or split it there."""
    orders = day.shipstation.account.orders
    named = day.rows("SELECT order_key, shipstation_order_id FROM consignments WHERE shipstation_order_id IS NOT NULL")
    for row in named:
        there = orders.get(row["shipstation_order_id"])
        if there is None:
            yield f"S8 {row['order_key']} stands for ShipStation order {row['shipstation_order_id']}, which never was"
        elif there.key != row["order_key"] and not there.is_merged_or_split:
            yield f"S8 {row['order_key']} stands for the ShipStation order of {there.key}"
    by_order = Counter(row["shipstation_order_id"] for row in named)
    for order_id, count in by_order.items():
        if count > 1 and order_id in orders and not orders[order_id].is_merged_or_split:
            yield f"S8 {count} consignments stand for ShipStation order {order_id}"


def _inbox(day: Day) -> Iterable[str]:
    """S18: each webhook was read, or there is a reason why not; and here no vendor sends what cannot be read."""
    lately = day.clock.now() - READ_WITHIN
    for row in day.rows("SELECT webhook_id, problem FROM read_deliveries WHERE problem IS NOT NULL"):
        yield f"S18 webhook {row['webhook_id']} is {row['problem']}"
    for row in day.rows("SELECT webhook_id, received_at FROM deliveries"):
        if datetime.fromisoformat(row["received_at"]) < lately:
            yield f"S18 webhook {row['webhook_id']} is not read"


def _thrift(day: Day, watch: Watch, restarts: int) -> Iterable[str]:
    """S19: an order is not sent again and again. Each thing that befell it, each fault on its way and each death may cost some more."""
    for order_id, count in watch.sent.items():
        reasons = 1 + watch.befallen[order_id].total() + watch.harmed[order_id] + restarts
        if count > MOST_DOCUMENTS * reasons:
            yield f"S19 order {order_id} was sent {count} times for {reasons} reasons"


def judge_subscriptions(day: Day) -> Iterable[str]:
    """L7: each topic once, at our address."""
    settings = day.settings
    if not settings.server.public_url:
        return
    for name, store in settings.stores.items():
        address, there = shopify_address(settings, name), day.shopify.shops[store.shop].outbox.subscriptions.values()
        wanted = Counter(topic_enum(topic) for topic in topics_of(store))
        yield from _differences(store.shop, wanted, Counter(one.topic for one in there if one.uri == address))
    (address,) = shipstation_addresses(settings)
    present = Counter(one.event for one in day.shipstation.webhooks.subscriptions.values() if one.url == address)
    yield from _differences("ShipStation", Counter(EVENTS), present)


def _differences(vendor: str, wanted: Counter[str], there: Counter[str]) -> Iterable[str]:
    for topic in sorted(wanted.keys() | there.keys()):
        if wanted[topic] != there[topic]:
            yield f"L7 {vendor} tells {topic} {there[topic]} times instead of {wanted[topic]}"
