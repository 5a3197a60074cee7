"""PUT of a V1 product: the body replaces everything but the identity. Products are neither created nor deleted.

What another SKU does is not documented, hence an option. One that another product has is refused.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.records import Product
from syncd.sandbox.shipstation.refusals import Invalid
from syncd.sandbox.shipstation.v1_bodies import amount, flag, text
from syncd.sandbox.shipstation.v1_documents import PRODUCT_DEFAULTS


def replaced_product(product: Product, body: Any, account: Account) -> Product:
    """What the body leaves out is empty afterwards."""
    if not isinstance(body, dict) or not text(body, "name"):
        raise Invalid("name", "'Name' must not be empty.")
    details = {name: body.get(name) for name in PRODUCT_DEFAULTS}
    return replace(
        product,
        sku=_sku(product, text(body, "sku"), account),
        name=text(body, "name") or "",
        price=amount(body, "price") or Decimal(0),
        weight_oz=amount(body, "weightOz"),
        details=details | {"active": flag(body, "active")},
    )


def _sku(product: Product, wanted: str | None, account: Account) -> str:
    style = account.options.product_sku_style
    if wanted in (None, product.sku) or style == "ignored":
        return product.sku
    if style == "refused":
        raise Invalid("sku", "The SKU of a product cannot be changed here.")
    if wanted in account.products:
        raise Invalid("sku", f"There is a product with the SKU {wanted} already.")
    return wanted or ""
