"""Our permanent names for things in ShipStation: the order key of a consignment, the line item key of a line."""

from __future__ import annotations

import re

LONGEST_ORDER_KEY = 50
"""V1 documents no limit; V2 silently cuts its twin at 50, so that two longer keys could meet."""

_LONGEST_NUMBERS = len("-") * 3 + 15 + 13 + 3
"""Shopify's order ids have 13 or 14 digits, its location ids 11; three digits for `n`."""

_ORDER_KEY = re.compile(
    r"(?P<store>[!-~]+)-(?P<order>[0-9]{1,19})-(?P<location>[0-9]{1,19})-(?P<n>[0-9]{1,9})", re.ASCII
)
LARGEST_ID = 2**63 - 1
"""No vendor counts further, and no database."""

_LINE_ITEM_KEY = re.compile(r"([0-9]{1,19}):([0-9]{1,19})", re.ASCII)


def is_label(package_key: str) -> bool:
    """`s` and a shipment id; what was marked as shipped without a label is `f` and a fulfillment id."""
    return package_key.startswith("s")


def longest_store_name() -> int:
    """Settings refuse longer names; `order_key` would refuse them order by order."""
    return LONGEST_ORDER_KEY - _LONGEST_NUMBERS


def order_key(store: str, order_id: int, location_id: int, n: int) -> str:
    """`<store>-<order id>-<location id>-<n>`. Raises ValueError when it would not be ASCII or is too long; it is never cut."""
    key = f"{store}-{order_id}-{location_id}-{n}"
    if len(key) > LONGEST_ORDER_KEY or split_order_key(key) is None:
        raise ValueError(f"{len(key)} characters or other than printable ASCII: not usable as an order key")
    return key


def split_order_key(key: str | None) -> tuple[str, int, int, int] | None:
    """(store, order id, location id, n); None for a key that is not ours. The store may contain hyphens."""
    found = _ORDER_KEY.fullmatch(key or "")
    if not found or max(int(found["order"]), int(found["location"])) > LARGEST_ID:
        return None
    return found["store"], int(found["order"]), int(found["location"]), int(found["n"])


def line_item_key(order_id: int, line_id: int) -> str:
    return f"{order_id}:{line_id}"


def line_of(key: str | None) -> tuple[int, int] | None:
    """(order id, line item id); None for a key that is not ours, such as that of an adjustment line."""
    found = _LINE_ITEM_KEY.fullmatch(key or "")
    if not found or max(int(found[1]), int(found[2])) > LARGEST_ID:
        return None
    return int(found[1]), int(found[2])
