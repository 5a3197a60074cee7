"""Webhooks of one store: is it Shopify's, and where does it say to look? Pure; a body is a hint and never truth."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeGuard

from mappings.keys import LARGEST_ID
from syncd.hints import Hint, Lane, Mark, Nudge, order_subject

if TYPE_CHECKING:
    from syncd.settings.stores import Store

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
CATALOG_TOPICS = ("inventory_items/update", "products/update")
"""Of stores whose articles ShipStation's products follow."""
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
    for secret in filter(None, secrets):
        if hmac.compare_digest(given, base64.b64encode(hmac.digest(secret, body, "sha256"))):
            return True
    return False


def hints_of(store: str, topic: str, said: dict[str, Any] | None) -> list[Hint]:
    """`said` is the body as `json_object` read it. Never fails: what cannot be understood becomes a look at the feed that would have told the same."""
    kind = topic.partition("/")[0]
    if kind == "fulfillment_orders":
        return [Nudge(f"{store}.fulfillment_orders")]  # they do not name their order
    if topic in CATALOG_TOPICS:
        return _articles(store, kind, said or {})
    order_id = _at(said, TOPIC_PATHS.get(topic) or ID_PATHS.get(kind, ()))
    if not _is_id(order_id):
        return [Nudge(f"{store}.orders")]
    subject = order_subject(store, order_id)
    if kind == "fulfillments":
        return [Mark("orders", subject), Mark("shipments", subject)]
    is_cancelled = topic == "orders/cancelled" or (kind == "orders" and _at(said, ("cancelled_at",)) is not None)
    return [Mark("orders", subject, Lane.URGENT if is_cancelled else Lane.FRESH)]


def topics_of(store: Store) -> tuple[str, ...]:
    """What is to be told of a store with these settings."""
    return TOPICS if store.catalog != "push" else TOPICS + CATALOG_TOPICS


def _articles(store: str, kind: str, said: dict[str, Any]) -> list[Hint]:
    """A product tells its first hundred variants; the others are found by the slow look, and by what is told of each."""
    variants = said.get("variants") if isinstance(said.get("variants"), list) else []
    found = (
        [said.get("id")] if kind == "inventory_items" else [_at(one, ("inventory_item_id",)) for one in variants or ()]
    )
    return [Mark("catalog", order_subject(store, one)) for one in found if _is_id(one)]


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID


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
