"""Articles of one store with what ShipStation's products should say: all page by page, or some again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from mappings.catalog import Article, ArticlesOf, ShownArticle, article_of
from mappings.shopify_shapes import number_of
from syncd.shopify import documents
from syncd.shopify.client import ShopifyClient
from syncd.shopify.reads import listed_pages


async def articles(client: ShopifyClient) -> AsyncIterator[list[Article]]:
    async for rows in listed_pages(client, documents.ARTICLES, "inventoryItems", ShownArticle, {}):
        yield [article_of(row) for row in rows]  # type: ignore[arg-type]


async def articles_of(client: ShopifyClient, item_ids: Sequence[int]) -> dict[int, Article]:
    """At most 100. Those that are gone are left out."""
    variables = {"ids": [f"gid://shopify/InventoryItem/{one}" for one in item_ids]}
    nodes = (await client.read(documents.ARTICLES_OF, variables, ArticlesOf))["nodes"]
    return {number_of(node["id"]): article_of(node) for node in nodes if node}
