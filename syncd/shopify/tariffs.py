"""Tariff codes that a product has for one country of destination: read beside the orders, for goods that go abroad only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mappings.shopify_shapes import TariffCodesOf
from syncd.errors import RejectedError, TransientError
from syncd.shopify import documents
from syncd.shopify.client import ShopifyClient
from syncd.shopify.nodes import Unreadable

MOST_IDS = 30
"""Each may cost 25 points, of the 1000 that one query may ask for."""

Order = dict[str, Any]


async def with_tariff_codes(
    client: ShopifyClient, orders: Mapping[int, Order], urgent: bool
) -> dict[int, Any | Unreadable]:
    """Puts `tariffCodes` into the inventory items of those orders that go abroad, and gives these orders. Where the codes cannot
    be read they are unreadable: customs papers must not depend on the moment."""
    abroad = {order_id: order for order_id, order in orders.items() if _goes_abroad(order)}
    items = [item for order in abroad.values() for item in _items(order)]
    try:
        codes = await _codes(client, list(dict.fromkeys(item["id"] for item in items)), urgent)
    except (TransientError, RejectedError) as error:
        return dict.fromkeys(abroad, Unreadable(error.code, error.text))
    for item in items:
        item["tariffCodes"] = codes.get(item["id"], {})
    return dict(abroad)


def _goes_abroad(order: Order) -> bool:
    """From the location of at least one part of it. Half an order goes nowhere: it is found out where it is planned."""
    ships_to = (order.get("shippingAddress") or {}).get("countryCodeV2")
    places = {(one.get("assignedLocation") or {}).get("countryCode") for one in order["fulfillmentOrders"]["nodes"]}
    return bool(ships_to) and bool(places - {ships_to, None, ""})


def _items(order: Order) -> list[dict[str, Any]]:
    variants = [line.get("variant") for line in order["lineItems"]["nodes"]]
    return [variant["inventoryItem"] for variant in variants if variant and variant.get("inventoryItem")]


async def _codes(client: ShopifyClient, gids: Sequence[str], urgent: bool) -> dict[str, dict[str, str]]:
    """By inventory item, then by country. An item that is gone has none."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(gids), MOST_IDS):
        variables = {"ids": gids[start : start + MOST_IDS]}
        nodes = (await client.read(documents.TARIFF_CODES, variables, TariffCodesOf, urgent))["nodes"]
        for node in filter(None, nodes):
            codes = node["countryHarmonizedSystemCodes"]["nodes"]
            found[node["id"]] = {code["countryCode"]: code["harmonizedSystemCode"] for code in codes}
    return found
