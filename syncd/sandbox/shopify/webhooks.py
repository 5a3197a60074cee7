"""The webhook sender of one shop: subscriptions, deliveries that wait for their time, repeats, and the faults of the real thing.

Shopify promises neither order nor single delivery nor delivery at all. Eight repeats over four hours carry the payload and the
address of the moment of the event (changelog of 2024-09-10); then the subscription is gone.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same for one seed
from typing import Any

from syncd.sandbox.shopify.options import ShopOptions, WebhookOptions
from syncd.sandbox.shopify.searching import parse, predicate
from syncd.sandbox.shopify.times import utc_text
from syncd.sandbox.worlds import Delivery, Now

RETRY_DELAYS_S = (60, 120, 240, 480, 960, 1920, 3840, 6780)
FAILURES_ALLOWED = 8


@dataclass(slots=True)
class Subscription:
    """`failures` counts failed attempts since the last delivery that got through."""

    id: int
    topic: str
    uri: str
    created_at: datetime
    updated_at: datetime
    api_version: str
    format: str = "JSON"
    filter: str | None = None
    include_fields: list[str] = field(default_factory=list)
    name: str | None = None
    failures: int = 0


@dataclass(slots=True)
class Parcel:
    """One delivery with all its attempts. `subject` is what it tells about, for coalescing."""

    subscription: Subscription
    url: str
    topic: str
    subject: int
    webhook_id: str
    event_id: str
    triggered_at: datetime
    body: bytes
    attempts: int = 0
    is_double: bool = False


@dataclass(slots=True)
class Counters:
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    lost: int = 0
    doubled: int = 0
    coalesced: int = 0
    suppressed: int = 0
    given_up: int = 0


class Outbox:
    def __init__(self, options: Callable[[], ShopOptions], now: Now, rng: Random) -> None:
        self.subscriptions: dict[int, Subscription] = {}
        self.counters = Counters()
        self.removed: list[str] = []
        self._options = options
        self._now = now
        self._rng = rng
        self._by_topic: dict[str, list[Subscription]] = {}
        self._waiting: list[tuple[datetime, int, Parcel]] = []
        self._open: dict[tuple[int, int], Parcel] = {}
        self._in_flight: dict[str, Parcel] = {}
        self._numbers = 0
        self._event_id = ""
        self._last_due: datetime | None = None
        self._last_bodies: dict[tuple[int, int], bytes] = {}
        self._retired_secret: tuple[str, datetime] | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    def next_due(self) -> datetime | None:
        return self._waiting[0][0] if self._waiting else None

    def begin_event(self) -> None:
        """What is told from here on is one action of one person: it shares an event id."""
        self._event_id = ""

    def subscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.id] = subscription
        self._by_topic.setdefault(subscription.topic, []).append(subscription)

    def unsubscribe(self, subscription_id: int) -> Subscription | None:
        subscription = self.subscriptions.pop(subscription_id, None)
        if subscription is not None:
            self._by_topic[subscription.topic].remove(subscription)
        return subscription

    def wants(self, topic: str) -> bool:
        return bool(self._by_topic.get(topic))

    def tell(self, topics: Sequence[str], subject: int, body: dict[str, Any]) -> None:
        """Topics are constants of the schema, such as ORDERS_PAID. The body is the same under all of them."""
        whole = b""
        for subscription in (entry for topic in topics for entry in self._by_topic.get(topic, ())):
            if subscription.filter and not _passes(subscription.filter, body):
                continue
            if subscription.include_fields:
                self._post(
                    subscription,
                    subject,
                    _encoded({key: body[key] for key in subscription.include_fields if key in body}),
                )
            else:
                whole = whole or _encoded(body)
                self._post(subscription, subject, whole)

    def _post(self, subscription: Subscription, subject: int, body: bytes) -> None:
        options = self._options().webhooks
        if not options.enabled or self._rng.random() < options.lost:
            self.counters.lost += 1
            return
        if self._is_folded(subscription, subject, body, options):
            return
        parcel = Parcel(
            subscription, subscription.uri, header_topic(subscription.topic), subject, self._token(),
            self._event(), self._now(), body,
        )  # fmt: skip
        if subscription.topic == "ORDERS_UPDATED":
            self._open[subscription.id, subject] = parcel
        self._schedule(parcel, options)

    def _is_folded(self, subscription: Subscription, subject: int, body: bytes, options: WebhookOptions) -> bool:
        """A chatty topic that has not left yet only changes its content; equal cut-down payloads are sent once."""
        key = (subscription.id, subject)
        if subscription.include_fields:
            if self._last_bodies.get(key) == body:
                self.counters.suppressed += 1
                return True
            self._last_bodies[key] = body
        waiting = self._open.get(key) if options.coalesced else None
        if waiting is None:
            return False
        waiting.body, waiting.triggered_at = body, self._now()
        self.counters.coalesced += 1
        return True

    def _schedule(self, parcel: Parcel, options: WebhookOptions) -> None:
        low, high = options.delay_s
        due = self._now() + timedelta(seconds=low + (high - low) * self._rng.random())
        if not options.shuffled:
            due = max(due, self._last_due or due)
            self._last_due = due
        self._push(due, parcel)

    def _push(self, due: datetime, parcel: Parcel) -> None:
        self._numbers += 1
        heapq.heappush(self._waiting, (due, self._numbers, parcel))

    def due(self, prefix: str) -> list[Delivery]:
        """`prefix` makes delivery ids unique among shops."""
        deliveries = []
        while self._waiting and self._waiting[0][0] <= self._now():
            _, number, parcel = heapq.heappop(self._waiting)
            self._open.pop((parcel.subscription.id, parcel.subject), None)
            if parcel.attempts and parcel.subscription.id not in self.subscriptions:
                continue
            delivery_id = f"{prefix}/{number}"
            self._in_flight[delivery_id] = parcel
            self.counters.sent += 1
            self._double(parcel)
            deliveries.append(Delivery(delivery_id, parcel.url, self._headers(parcel), parcel.body))
        return deliveries

    def _double(self, parcel: Parcel) -> None:
        """The same delivery once more, under the same webhook id."""
        options = self._options().webhooks
        if parcel.attempts == 0 and not parcel.is_double and self._rng.random() < options.doubled:
            self.counters.doubled += 1
            self._schedule(replace(parcel, is_double=True), options)

    def ended(self, delivery_id: str, status: int | None) -> None:
        parcel = self._in_flight.pop(delivery_id)
        subscription = parcel.subscription
        if status is not None and 200 <= status < 300:
            self.counters.delivered += 1
            subscription.failures = 0
            return
        self.counters.failed += 1
        subscription.failures += 1
        if parcel.attempts < len(RETRY_DELAYS_S):
            self._push(self._now() + timedelta(seconds=RETRY_DELAYS_S[parcel.attempts]), parcel)
            parcel.attempts += 1
        else:
            self.counters.given_up += 1
            self._drop(subscription)
        if self._options().webhooks.removal == "failures":
            self._drop(subscription)

    def _drop(self, subscription: Subscription) -> None:
        """Only where nothing got through meanwhile: the failures must be consecutive."""
        if subscription.failures >= FAILURES_ALLOWED and self.unsubscribe(subscription.id):
            self.removed.append(subscription.topic)

    def retire_secret(self, secret: str) -> None:
        """After a rotation the old secret goes on signing for a while."""
        until = self._now() + timedelta(seconds=self._options().webhooks.old_secret_signs_s)
        self._retired_secret = (secret, until)

    def accepts_secret(self, secret: str) -> bool:
        old = self._retired_secret
        return secret == self._options().client_secret or (
            old is not None and old == (secret, old[1]) and self._now() < old[1]
        )

    def _secret(self) -> str:
        old = self._retired_secret
        return old[0] if old is not None and self._now() < old[1] else self._options().client_secret

    def _headers(self, parcel: Parcel) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": parcel.topic,
            "X-Shopify-Hmac-Sha256": signature(self._secret(), parcel.body),
            "X-Shopify-Shop-Domain": self._options().domain,
            "X-Shopify-API-Version": parcel.subscription.api_version,
            "X-Shopify-Webhook-Id": parcel.webhook_id,
            "X-Shopify-Event-Id": parcel.event_id,
            "X-Shopify-Triggered-At": utc_text(parcel.triggered_at),
        }
        if parcel.subscription.name:
            headers["X-Shopify-Name"] = parcel.subscription.name
        return headers

    def _token(self) -> str:
        digits = f"{self._rng.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def _event(self) -> str:
        self._event_id = self._event_id or self._token()
        return self._event_id


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _passes(text: str, body: dict[str, Any]) -> bool:
    """A field that the payload does not have never matches: such a subscription delivers nothing."""
    return predicate(parse(text), _Fields())(body)


class _Fields(dict[str, Callable[[Any], Any]]):
    """Every dotted path is a field."""

    def get(self, key: str, default: Any = None) -> Callable[[Any], Any]:
        return lambda body: _at(body, key.split("."))


def _at(value: Any, path: list[str]) -> Any:
    if not path:
        return value
    if isinstance(value, list):
        return [_at(entry, path) for entry in value]
    return _at(value.get(path[0]), path[1:]) if isinstance(value, dict) else None


_TWO_WORDS = (
    "FULFILLMENT_ORDERS", "FULFILLMENT_HOLDS", "FULFILLMENT_EVENTS", "ORDER_TRANSACTIONS", "INVENTORY_ITEMS", "INVENTORY_LEVELS",
    "BULK_OPERATIONS", "REVERSE_DELIVERIES", "REVERSE_FULFILLMENT_ORDERS",
)  # fmt: skip


def header_topic(topic: str) -> str:
    """`orders/paid` of ORDERS_PAID."""
    for resource in _TWO_WORDS:
        if topic.startswith(f"{resource}_"):
            return f"{resource.lower()}/{topic[len(resource) + 1 :].lower()}"
    resource, _, action = topic.partition("_")
    return f"{resource}/{action}".lower()
