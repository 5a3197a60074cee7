"""PUT of a V1 product: the body replaces everything but the identity. Products are neither created nor deleted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from syncd.sandbox.shipstation.records import Product
from syncd.sandbox.shipstation.refusals import Invalid
from syncd.sandbox.shipstation.v1_bodies import amount, flag, text
from syncd.sandbox.shipstation.v1_documents import PRODUCT_DEFAULTS


def replaced_product(product: Product, body: Any) -> Product:
    """What the body leaves out is empty afterwards."""
    if not isinstance(body, dict) or not text(body, "name"):
        raise Invalid("name", "'Name' must not be empty.")
    if text(body, "sku") not in (None, product.sku):
        raise Invalid("sku", "The SKU of a product cannot be changed here.")
    details = {name: body.get(name) for name in PRODUCT_DEFAULTS}
    return replace(
        product,
        name=text(body, "name") or "",
        price=amount(body, "price") or Decimal(0),
        weight_oz=amount(body, "weightOz"),
        details=details | {"active": flag(body, "active")},
    )
