"""Shopify's three privacy topics (shopify.dev, privacy law compliance, 2026-11): what a body of each asks for.

Headers are not signed, so a body is believed only if it has exactly the shape of its topic and names the shop itself: a captured
body of another topic must not wipe anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from mappings.decoding import MalformedError, decoded

DATA_REQUEST = "customers/data_request"
REDACT = "customers/redact"
REDACT_SHOP = "shop/redact"
TOPICS = (DATA_REQUEST, REDACT, REDACT_SHOP)

LISTS = {DATA_REQUEST: "orders_requested", REDACT: "orders_to_redact"}


class Customer(TypedDict):
    id: int


class Body(TypedDict):
    shop_id: int
    shop_domain: str
    customer: NotRequired[Customer]
    orders_requested: NotRequired[list[int]]
    orders_to_redact: NotRequired[list[int]]


@dataclass(frozen=True)
class PrivacyAsked:
    """`order_ids` is empty for a whole shop."""

    kind: str
    store: str
    customer_id: int | None
    order_ids: tuple[int, ...]


def privacy_asked(store: str, shop: str, topic: str, body: Any) -> PrivacyAsked:
    """Raises `MalformedError` for a body that is not of this topic, or not of this shop."""
    said: Body = decoded(Body, body)
    members = {"shop_id", "shop_domain"} | ({"customer", LISTS[topic]} if topic in LISTS else set())
    if body.keys() - {"data_request"} != members:
        raise MalformedError(f"is not that of {topic}", "the body")
    if said["shop_domain"].lower() != shop:
        raise MalformedError("is of another shop", "the body")
    customer = said.get("customer")
    orders: Any = said.get(LISTS.get(topic, ""), [])
    return PrivacyAsked(topic, store, customer["id"] if customer else None, tuple(orders))
