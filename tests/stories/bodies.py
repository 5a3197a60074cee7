"""Orders as REST bodies, for stories that need an order to be just so: each asks for what differs from a plain one."""

from __future__ import annotations

from typing import Any

HOME: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "Stone",
    "address1": "118 Linden Avenue",
    "city": "Brooklyn",
    "province": "New York",
    "province_code": "NY",
    "zip": "11229",
    "country": "United States",
    "country_code": "US",
}


def goods(sku: str = "MUG-1", quantity: int = 1, **changes: Any) -> dict[str, Any]:
    """A line. Its variant is known by the SKU, so that the same goods are the same product in every order."""
    number = 4000 + sum(sku.encode())
    return {
        "title": sku.title(),
        "sku": sku,
        "price": "18.50",
        "grams": 420,
        "quantity": quantity,
        "variant_id": number,
        "product_id": number * 2,
        **changes,
    }


def sale(*lines: dict[str, Any], to: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A paid order. `to`: what differs from `HOME` in its address."""
    return {
        "financial_status": "paid",
        "line_items": list(lines) or [goods()],
        "shipping_address": {**HOME, **(to or {})},
        "shipping_lines": [{"title": "Standard", "code": "Standard", "price": "6.90"}],
        **changes,
    }
