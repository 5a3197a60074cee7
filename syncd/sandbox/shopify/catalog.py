"""The merchant changes an article in the admin: its SKU, its names, its barcode, its weight, its customs data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncd.sandbox.shopify.state import Variant, gid
from syncd.sandbox.shopify.times import utc_text

if TYPE_CHECKING:
    from syncd.sandbox.shopify.shop import Shop

CHANGEABLE = frozenset(
    {"sku", "title", "variant_title", "barcode", "grams", "harmonized_system_code", "country_code_of_origin"}
)


def edit_article(shop: Shop, item_id: int, changes: Mapping[str, Any]) -> None:
    """What was sold before keeps its words. Both topics tell it, as they do at the vendor."""
    if strange := changes.keys() - CHANGEABLE:
        raise KeyError(f"no such part of an article: {sorted(strange)}; there are {sorted(CHANGEABLE)}")
    variant = replace(shop.variants[item_id - 1], **changes, is_edited=True)
    shop.variants[variant.id] = variant
    tell_article(shop, variant)


def tell_article(shop: Shop, variant: Variant) -> None:
    shop.outbox.tell(["INVENTORY_ITEMS_UPDATE"], variant.id + 1, _item_body(shop, variant))
    shop.outbox.tell(["PRODUCTS_UPDATE"], variant.product_id, _product_body(shop, variant))


def _item_body(shop: Shop, variant: Variant) -> dict[str, Any]:
    return {
        "id": variant.id + 1,
        "sku": variant.sku,
        "updated_at": utc_text(shop.stamp()),
        "requires_shipping": variant.requires_shipping,
        "country_code_of_origin": variant.country_code_of_origin,
        "harmonized_system_code": variant.harmonized_system_code,
        "tracked": variant.tracked,
        "weight_value": float(variant.grams),
        "weight_unit": "grams",
        "admin_graphql_api_id": gid("InventoryItem", variant.id + 1),
    }


def _product_body(shop: Shop, variant: Variant) -> dict[str, Any]:
    known = [one for one in shop.variants.values() if one.product_id == variant.product_id]
    return {
        "id": variant.product_id,
        "title": variant.title,
        "product_type": variant.product_type,
        "updated_at": utc_text(shop.stamp()),
        "tags": "",
        "variants": [
            {
                "id": one.id,
                "product_id": one.product_id,
                "title": one.variant_title or "Default Title",
                "sku": one.sku,
                "barcode": one.barcode,
                "inventory_item_id": one.id + 1,
            }
            for one in known[:100]
        ],
        "variant_gids": [{"admin_graphql_api_id": gid("ProductVariant", one.id)} for one in known],
    }
