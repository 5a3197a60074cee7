"""An answer that leaves out what was asked for is the shop's mistake, and never taken for an answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from syncd.errors import RejectedError, TransientError
from syncd.shopify import catalog, events, reads, stock
from syncd.shopify.client import ShopifyClient
from tests.shopify.store import Scripted, Store, said

ITEM, PLACE, FULFILLMENT = "gid://shopify/InventoryItem/5", "gid://shopify/Location/7", "gid://shopify/Fulfillment/8"
COUNTS = [{"name": name, "quantity": 4} for name in ("available", "committed", "on_hand")]
LEVEL = {"item": {"id": ITEM, "sku": "A", "tracked": True}, "quantities": COUNTS}
LEVELS = {"nodes": [LEVEL], "pageInfo": {"hasNextPage": False, "endCursor": None}}
SHOP = {
    "myshopifyDomain": "a.myshopify.com",
    "name": "A",
    "plan": {"publicDisplayName": "Basic"},
    "currencyCode": "EUR",
    "ianaTimezone": "Europe/Berlin",
}
EVENT = {"status": "DELIVERED", "happenedAt": "2026-11-20T10:00:00Z"}


async def _levels_at(client: ShopifyClient) -> list[Any]:
    return [level async for page in stock.levels_at(client, 7) for level in page]


READS: dict[str, tuple[Callable[[ShopifyClient], Coroutine[Any, Any, Any]], dict[str, Any]]] = {
    "levels_at": (_levels_at, {"location": {"inventoryLevels": LEVELS}}),
    "levels_of": (lambda client: stock.levels_of(client, 7, [5]), {"nodes": [{"inventoryLevel": LEVEL}]}),
    "by_name": (
        lambda client: reads.order_ids_by_name(client, "#1"),
        {"orders": {"nodes": [{"legacyResourceId": "3", "name": "#1"}]}},
    ),
    "access": (reads.shop_access, {"shop": SHOP, "currentAppInstallation": {"accessScopes": [{"handle": "a"}]}}),
    "locations": (reads.locations, {"locations": {"nodes": [{"id": PLACE, "name": "A", "isActive": True}]}}),
    "events": (
        lambda client: events.events_of(client, [FULFILLMENT]),
        {"nodes": [{"id": FULFILLMENT, "status": "SUCCESS", "events": {"nodes": [EVENT]}}]},
    ),
    "articles": (lambda client: catalog.articles_of(client, [5]), {"nodes": [None]}),
}


def without_one(value: Any) -> Iterator[Any]:
    """The same with one member left out, for each member at whatever depth."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        if isinstance(value, dict):
            yield {name: one for name, one in value.items() if name != key}
            yield from ({**value, key: less} for less in without_one(value[key]))
        else:
            yield from ([*value[:key], less, *value[key + 1 :]] for less in without_one(value[key]))


@pytest.mark.parametrize("name", READS)
async def test_whatever_member_is_left_out(name: str) -> None:
    read, whole = READS[name]
    store = Store(Scripted(said(data=whole)))
    assert await store.do(read(store.client)) is not None
    for less in without_one(whole):
        store = Store(Scripted(said(data=less)))
        with pytest.raises(TransientError) as caught:
            await store.do(read(store.client))
        assert caught.value.code == "malformed", less


async def test_a_location_that_is_not_there_is_named() -> None:
    store = Store(Scripted(said(data={"location": None})))
    with pytest.raises(RejectedError) as caught:
        await store.do(_levels_at(store.client))
    assert caught.value.code == "location_unknown"
