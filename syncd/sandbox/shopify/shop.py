"""One shop: its collections, its clock of things to come, and the one way in which a change is noted and told."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same for one seed
from typing import Any

from syncd.sandbox.shopify import payloads
from syncd.sandbox.shopify.idempotency import IdempotencyKeys
from syncd.sandbox.shopify.index import ChangeIndex
from syncd.sandbox.shopify.options import LocationOptions, Range, ShopOptions
from syncd.sandbox.shopify.state import Fulfillment, FulfillmentOrder, Order, Variant
from syncd.sandbox.shopify.stock import Stock
from syncd.sandbox.shopify.times import whole_second
from syncd.sandbox.shopify.webhooks import Outbox
from syncd.sandbox.worlds import Now


class Ids:
    """Numbers like Shopify's: large, rising, with gaps. One row for all shops and kinds."""

    def __init__(self) -> None:
        self._last = 5_310_000_000_000

    def next(self) -> int:
        self._last += 32_768
        return self._last


@dataclass(slots=True)
class Calls:
    graphql: int = 0
    cost_used: int = 0
    throttled: int = 0
    tokens: int = 0
    refused: int = 0


class Shop:
    def __init__(self, options: ShopOptions, now: Now, ids: Ids, seed: str) -> None:
        self.options = options
        self.ids = ids
        self.rng = Random(seed)
        self.calls = Calls()
        self.orders: dict[int, Order] = {}
        self.variants: dict[int, Variant] = {}
        self.fulfillment_orders: dict[int, FulfillmentOrder] = {}
        self.fulfillments: dict[int, Fulfillment] = {}
        self.order_index = ChangeIndex(self.orders, self.now)
        self.fulfillment_order_index = ChangeIndex(self.fulfillment_orders, self.now)
        self.outbox = Outbox(lambda: self.options, self.now, Random(f"{seed}/webhooks"))
        self.stock = Stock(self)
        self.keys = IdempotencyKeys(self.now)
        self.jobs: dict[str, Any] = {}
        self.last_order_number = 1000
        self._world_now = now
        self._moment: datetime | None = None
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []
        self._timer_number = 0

    def now(self) -> datetime:
        """While something that was due earlier is made up for: the moment when it was due."""
        return self._moment or self._world_now()

    def stamp(self) -> datetime:
        return whole_second(self.now())

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self._timer_number += 1
        heapq.heappush(self._timers, (self.now() + timedelta(seconds=seconds), self._timer_number, act))

    def between(self, span: Range) -> float:
        return span[0] + (span[1] - span[0]) * self.rng.random()

    def catch_up(self) -> None:
        """Does what has become due since the last look, each thing at its own moment."""
        while self._timers and self._timers[0][0] <= self._world_now():
            self._moment, _, act = heapq.heappop(self._timers)
            try:
                self.outbox.begin_event()
                act()
            finally:
                self._moment = None
        self.outbox.begin_event()

    def next_due(self) -> datetime | None:
        """When the next thing happens by itself or the next webhook is due."""
        times = [self._timers[0][0]] if self._timers else []
        due = self.outbox.next_due()
        return min([*times, due] if due is not None else times, default=None)

    def location(self, location_id: int) -> LocationOptions | None:
        return next((entry for entry in self.options.locations if entry.location_id == location_id), None)

    def touch(self, order: Order) -> None:
        order.updated_at = self.stamp()
        self.order_index.changed(order.id, order.updated_at, self._index_lag_s())
        self.stock.tell_of(order)

    def touch_fulfillment_order(self, fulfillment_order: FulfillmentOrder) -> None:
        fulfillment_order.updated_at = self.stamp()
        self.fulfillment_order_index.changed(fulfillment_order.id, fulfillment_order.updated_at, self._index_lag_s())

    def _index_lag_s(self) -> float:
        lag_s = self.options.index_lag_s
        return lag_s * self.rng.random() if self.options.index_shuffled else lag_s

    def tell_order(self, order: Order, *topics: str) -> None:
        """Sends the order as it is now under each of the topics that somebody listens to."""
        wanted = [topic for topic in topics if self.outbox.wants(topic)]
        if wanted:
            self.outbox.tell(wanted, order.id, payloads.order_body(order, self.options))

    def tell_fulfillment(self, fulfillment: Fulfillment, topic: str) -> None:
        if self.outbox.wants(topic):
            self.outbox.tell([topic], fulfillment.id, payloads.fulfillment_body(fulfillment, self.options))

    def tell(self, topic: str, subject: int, body: Callable[[], dict[str, Any]]) -> None:
        if self.outbox.wants(topic):
            self.outbox.tell([topic], subject, body())
