"""Webhooks of one store: is it Shopify's, and where does it say to look? Pure; a body is a hint and never truth."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable
from typing import Any

from mappings.keys import LARGEST_ID
from syncd.hints import Hint, Lane, Mark, Nudge, order_subject

TOPICS = (
    "orders/create",
    "orders/paid",
    "orders/updated",
    "orders/cancelled",
    "orders/edited",
    "orders/risk_assessment_changed",
    "fulfillments/create",
    "fulfillments/update",
    "refunds/create",
    "fulfillment_orders/placed_on_hold",
    "fulfillment_orders/hold_released",
    "fulfillment_orders/moved",
    "fulfillment_orders/cancelled",
    "fulfillment_orders/split",
    "fulfillment_orders/merged",
    "fulfillment_orders/order_routing_complete",
    "fulfillment_orders/scheduled_fulfillment_order_ready",
    "app/uninstalled",
)
ID_PATHS: dict[str, tuple[str, ...]] = {
    "orders": ("id",),
    "fulfillments": ("order_id",),
    "refunds": ("order_id",),
}
"""Where the order's number stands, by the first half of the topic."""
TOPIC_PATHS: dict[str, tuple[str, ...]] = {
    "orders/edited": ("order_edit", "order_id"),
    "orders/risk_assessment_changed": ("order_id",),
}


def is_authentic(body: bytes, header: str | None, secrets: Iterable[bytes]) -> bool:
    """`header` is X-Shopify-Hmac-Sha256; any of the secrets may have signed, because rotation takes up to an hour."""
    given = (header or "").encode("utf-8", "replace")
    signed = [base64.b64encode(hmac.digest(secret, body, "sha256")) for secret in secrets if secret]
    return any(hmac.compare_digest(given, signature) for signature in signed)


def hints_of(store: str, topic: str, body: bytes) -> list[Hint]:
    """Never fails: what cannot be understood becomes a look at the feed that would have told the same."""
    kind = topic.partition("/")[0]
    if kind == "fulfillment_orders":
        return [Nudge(f"{store}.fulfillment_orders")]  # they do not name their order
    said = json_object(body)
    order_id = _at(said, TOPIC_PATHS.get(topic) or ID_PATHS.get(kind, ()))
    if not isinstance(order_id, int) or isinstance(order_id, bool) or not 0 < order_id <= LARGEST_ID:
        return [Nudge(f"{store}.orders")]
    subject = order_subject(store, order_id)
    if kind == "fulfillments":
        return [Mark("orders", subject), Mark("shipments", subject)]
    is_cancelled = topic == "orders/cancelled" or (kind == "orders" and _at(said, ("cancelled_at",)) is not None)
    return [Mark("orders", subject, Lane.URGENT if is_cancelled else Lane.FRESH)]


def json_object(body: bytes) -> dict[str, Any] | None:
    """None for what is none."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _at(value: Any, path: tuple[str, ...]) -> Any:
    """None when there is no such place."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if path else None
