"""The webhooks of a ShipStation account: thin, late, and, when asked, lost, doubled or out of order.

One of V1 is unsigned and carries an address to read and its kind, nothing else (docs.shipstation.com, V1 model webhook, 2026-11).
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same seed makes the same day

from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.records import Subscription
from syncd.sandbox.shipstation.refusals import Invalid, NotFound
from syncd.sandbox.shipstation.signing import Signer
from syncd.sandbox.worlds import Delivery

EVENTS = frozenset(
    {
        "ORDER_NOTIFY",
        "ITEM_ORDER_NOTIFY",
        "SHIP_NOTIFY",
        "ITEM_SHIP_NOTIFY",
        "FULFILLMENT_SHIPPED",
        "FULFILLMENT_REJECTED",
    }
)


@dataclass(frozen=True)
class _Post:
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    is_signed: bool = False
    attempt: int = 1


class Webhooks:
    def __init__(self, account: Account, seed: int) -> None:
        self.subscriptions: dict[int, Subscription] = {}
        self.delivered = 0
        self.failed = 0
        self.dropped = 0
        self.signer = Signer()
        self._account = account
        self._rng = Random(f"{seed} webhooks")
        self._queue: list[tuple[datetime, int, _Post]] = []
        self._under_way: dict[str, _Post] = {}
        self._queued = 0
        self._latest: datetime | None = None

    def subscribe(self, event: str, url: str, store_id: int | None, name: str) -> Subscription:
        """Two subscriptions with the same address and event are two: nothing says otherwise."""
        if event not in EVENTS:
            raise Invalid("event", f"Unknown event {event}.")
        if not url.startswith(("http://", "https://")):
            raise Invalid("target_url", "target_url must be a valid address.")
        subscription = Subscription(self._account.next_id("webhook"), event, url, store_id, name)
        self.subscriptions[subscription.webhook_id] = subscription
        return subscription

    def unsubscribe(self, webhook_id: int) -> None:
        if self.subscriptions.pop(webhook_id, None) is None:
            raise NotFound(f"There is no webhook {webhook_id}.")

    def orders_imported(self, store_id: int, batch: str) -> None:
        path = f"/orders?storeID={store_id}&importBatch={batch}"
        self._notify("ORDER_NOTIFY", path, store_id)
        self._notify("ITEM_ORDER_NOTIFY", f"{path}&includeOrderItems=True", store_id)

    def labels_made(self, store_id: int, batch_id: int) -> None:
        path = f"/shipments?storeID={store_id}&batchId={batch_id}&includeShipmentItems="
        self._notify("SHIP_NOTIFY", f"{path}False", store_id)
        self._notify("ITEM_SHIP_NOTIFY", f"{path}True", store_id)

    def marked_shipped(self, store_id: int, fulfillment_id: int) -> None:
        self._notify("FULFILLMENT_SHIPPED", f"/fulfillments?fulfillmentId={fulfillment_id}", store_id)

    def next_due(self) -> datetime | None:
        return self._queue[0][0] if self._queue else None

    def due(self) -> list[Delivery]:
        deliveries = []
        while self._queue and self._queue[0][0] <= self._account.now():
            _, number, post = heapq.heappop(self._queue)
            delivery = Delivery(f"shipstation-{number}", post.url, self._headers(post), post.body)
            self._under_way[delivery.delivery_id] = post
            deliveries.append(delivery)
        return deliveries

    def ended(self, delivery_id: str, status: int | None) -> None:
        """The vendor's retries are not documented; the number of attempts is an option, by default one."""
        post = self._under_way.pop(delivery_id)
        if status is not None and 200 <= status < 300:
            self.delivered += 1
        elif post.attempt < self._account.options.webhook_attempts:
            wait_s = self._account.options.webhook_retry_s
            self._queue_at(self._account.now() + timedelta(seconds=wait_s), replace(post, attempt=post.attempt + 1))
        else:
            self.failed += 1

    def owe_signed(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """A webhook of V2. Signed anew at each attempt."""
        if self._account.options.webhooks:
            self._post(_Post(url, body, headers, is_signed=True))

    def _headers(self, post: _Post) -> dict[str, str]:
        signature = self.signer.headers(post.body, self._account.now()) if post.is_signed else {}
        return {"content-type": "application/json", **post.headers, **signature}

    def _notify(self, event: str, path: str, store_id: int) -> None:
        options = self._account.options
        if not options.webhooks:
            return
        body = json.dumps({"resource_url": f"https://{options.webhook_host}{path}", "resource_type": event}).encode()
        for subscription in self.subscriptions.values():
            if subscription.event == event and subscription.store_id in (None, store_id):
                self._post(_Post(subscription.url, body))

    def _post(self, post: _Post) -> None:
        options = self._account.options
        if self._rng.random() < options.webhook_drop:
            self.dropped += 1
            return
        self._queue_at(self._due_at(), post)
        if self._rng.random() < options.webhook_double:
            self._queue_at(self._due_at(), post)

    def _due_at(self) -> datetime:
        options = self._account.options
        due_at = self._account.now() + timedelta(seconds=self._rng.uniform(*options.notify_delay_s))
        if self._latest is not None and not options.webhook_shuffle:
            due_at = max(due_at, self._latest)  # the queue keeps its order
        self._latest = due_at
        return due_at

    def _queue_at(self, due_at: datetime, post: _Post) -> None:
        self._queued += 1
        heapq.heappush(self._queue, (due_at, self._queued, post))
