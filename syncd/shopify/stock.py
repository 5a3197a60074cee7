"""Inventory levels of one store: all of a location page by page, some items again, and the write that compares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple

from mappings.shopify_lists import InventoryLevel, LevelsAt, LevelsOf
from mappings.shopify_shapes import number_of
from mappings.stock import Offered, QuantityName
from syncd.errors import RejectedError, TransientError
from syncd.shopify import documents
from syncd.shopify.client import ShopifyClient
from syncd.shopify.reads import Places

MOST_LEVELS = 250
"""Entries of one input array (shopify.dev, 2026-11); a page has no more either."""
MOST_IDS = 100


class NewLevel(NamedTuple):
    """`compared` is what must still stand there."""

    item_id: int
    quantity: int
    compared: int


async def levels_at(client: ShopifyClient, location_id: int) -> AsyncIterator[list[Offered]]:
    """Page by page. Raises `RejectedError` for a location that is not there."""
    gid, after, places = f"gid://shopify/Location/{location_id}", None, Places("inventoryLevels")
    while True:
        place = (await client.read(documents.LEVELS_AT, {"id": gid, "after": after}, LevelsAt))["location"]
        if place is None:
            raise RejectedError("location_unknown", f"the shop shows no location {location_id}")
        page = place["inventoryLevels"]
        yield [_offered(node) for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = places.following(page["pageInfo"]["endCursor"], page["nodes"])


async def levels_of(client: ShopifyClient, location_id: int, item_ids: Sequence[int]) -> dict[int, Offered]:
    """As they are now; items that are gone, or have no level there, are left out."""
    found: dict[int, Offered] = {}
    for start in range(0, len(item_ids), MOST_IDS):
        ids = [f"gid://shopify/InventoryItem/{one}" for one in item_ids[start : start + MOST_IDS]]
        variables = {"ids": ids, "location": f"gid://shopify/Location/{location_id}"}
        nodes = (await client.read(documents.LEVELS_OF, variables, LevelsOf))["nodes"]
        levels = [node["inventoryLevel"] for node in nodes if node and node["inventoryLevel"]]
        found |= {one.item_id: one for one in map(_offered, levels)}
    return found


async def set_levels(
    client: ShopifyClient,
    location_id: int,
    name: QuantityName,
    levels: Sequence[NewLevel],
    key: str,
    leaves_before: datetime,
) -> None:
    """All or none of them. `ConflictError`: one of them is no longer what was compared. `key` makes a repetition harmless for a
    day, so it must never come again for other work."""
    place = f"gid://shopify/Location/{location_id}"
    quantities = [
        {
            "inventoryItemId": f"gid://shopify/InventoryItem/{one.item_id}",
            "locationId": place,
            "quantity": one.quantity,
            "changeFromQuantity": one.compared,
        }
        for one in levels
    ]
    wish = {
        "name": name,
        "reason": "correction",
        "referenceDocumentUri": f"gid://syncd/StockLook/{key}",
        "quantities": quantities,
    }
    variables = {"input": wish, "key": key}
    await client.mutate(documents.SET_LEVELS, variables, "inventorySetQuantities", leaves_before=leaves_before)


def _offered(level: InventoryLevel) -> Offered:
    item, counts = level["item"], {one["name"]: one["quantity"] for one in level["quantities"]}
    try:
        available, committed, on_hand = (counts[name] for name in ("available", "committed", "on_hand"))
    except KeyError as error:
        raise TransientError("malformed", f"an inventory level without {error}") from error
    return Offered(number_of(item["id"]), item["sku"] or "", available, committed, on_hand, item["tracked"])
