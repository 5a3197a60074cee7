"""ShipStation's own connections to the shops that we bring: two importers make every order twice."""

from __future__ import annotations

import re
from collections.abc import Iterable

from syncd.shipstation.reads import Store


def native_connections(shop: str, stores: Iterable[Store]) -> tuple[list[Store], list[Store]]:
    """Active Shopify connections of the ShipStation account: those that are of `shop` for certain, and those that do not say.

    The vendor keeps the shop's address in `accountName` or `integrationUrl`, depending on the age of the connection; people
    also name the store like it.
    """
    native = [one for one in stores if one.is_active and one.marketplace.casefold().startswith("shopify")]
    same = [one for one in native if _is_of(one, shop)]
    silent = [one for one in native if one not in same and not _names_a_shop(one)]
    return same, silent


def _is_of(store: Store, shop: str) -> bool:
    handle = shop.removesuffix(".myshopify.com")
    said = [text.casefold() for text in (store.account_name, store.integration_url, store.name) if text]
    return any(
        handle == text.strip() or re.search(rf"(?<![a-z0-9-]){re.escape(shop)}(?![a-z0-9.-])", text) for text in said
    )


def _names_a_shop(store: Store) -> bool:
    return any(".myshopify.com" in text.casefold() for text in (store.account_name, store.integration_url, store.name))
