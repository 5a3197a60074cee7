"""Webhooks of the ShipStation account: they carry no signature, so a secret in the path lets them in and the body only nudges.

Pure. The address in a body is never fetched: that would send our keys wherever somebody likes.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from syncd.hints import Hint, Nudge

SHIPMENTS = Nudge("shipstation.shipments")
FULFILLMENTS = Nudge("shipstation.fulfillments")

EVENTS = ("SHIP_NOTIFY", "FULFILLMENT_SHIPPED", "FULFILLMENT_REJECTED")
"""Those that we subscribe to."""

V2_EVENTS = ("label_created_v2", "fulfillment_shipped_v2", "fulfillment_rejected_v2")
"""Those of V2, where packages go by it."""

TRACKING_EVENTS = ("track_event_v2",)
"""Those of V2, where packages are followed on their way."""

DELIVERIES = Nudge("deliveries")

HINTS: dict[str, list[Hint]] = {
    "SHIP_NOTIFY": [SHIPMENTS],
    "ITEM_SHIP_NOTIFY": [SHIPMENTS],
    "FULFILLMENT_SHIPPED": [FULFILLMENTS],
    "FULFILLMENT_REJECTED": [FULFILLMENTS],
    "LABEL_CREATED_V2": [SHIPMENTS],
    "FULFILLMENT_SHIPPED_V2": [FULFILLMENTS],
    "FULFILLMENT_REJECTED_V2": [FULFILLMENTS],
    "ORDER_NOTIFY": [],  # orders come from us
    "ITEM_ORDER_NOTIFY": [],
    "SHIPMENT_CREATED_V2": [],
    "BATCH_PROCESSED_V2": [],
    "TRACK_EVENT_V2": [DELIVERIES],
}


def is_secret(given: str, secrets: Sequence[str]) -> bool:
    """Whether it is one of them; each is compared in constant time. An empty one lets nobody in."""
    said = given.encode("utf-8", "replace")
    return any(hmac.compare_digest(said, secret.encode("utf-8", "replace")) for secret in secrets if secret)


def hints_of(said: dict[str, Any] | None) -> list[Hint]:
    """Of a body's object, if it is one. Never fails: what cannot be understood may have been news of a package."""
    kind = (said or {}).get("resource_type")
    return list(HINTS.get(kind, [SHIPMENTS, FULFILLMENTS])) if isinstance(kind, str) else [SHIPMENTS, FULFILLMENTS]
