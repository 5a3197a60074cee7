"""Articles as both sandboxes keep them: what the merchant edits in Shopify, and what a PUT does to ShipStation's product."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.shipstation_caller import Caller as ShipStationCaller
from tests.sandbox.shopify_caller import Caller as ShopifyCaller

ITEMS = """query($after: String) { inventoryItems(first: 2, after: $after) { pageInfo { hasNextPage endCursor } nodes {
  id sku duplicateSkuCount measurement { weight { value unit } }
  variants(first: 1) { nodes { title barcode product { title } } } } } }"""
SUBSCRIBE = """mutation($topic: WebhookSubscriptionTopic!) { webhookSubscriptionCreate(topic: $topic,
  webhookSubscription: {uri: "https://sync.test/hooks"}) { userErrors { message } } }"""


def test_all_articles_come_page_by_page_with_their_names_and_weights() -> None:
    caller = ShopifyCaller()
    people = caller.world.people
    mug, _, _ = people.count("MUG-01-BL", 1), people.count("ROPE-10M", 1), people.list_again("ROPE-10M")
    people.edit_article(mug, title="Mug", variant_title="Blue", grams=420, barcode="4006381333931")
    first = caller.data(ITEMS)["inventoryItems"]
    second = caller.data(ITEMS, after=first["pageInfo"]["endCursor"])["inventoryItems"]
    nodes = {one["id"]: one for one in first["nodes"] + second["nodes"]}
    assert len(nodes) == 3
    assert not second["pageInfo"]["hasNextPage"]
    found = nodes[f"gid://shopify/InventoryItem/{mug}"]
    assert found["measurement"] == {"weight": {"value": 420.0, "unit": "GRAMS"}}
    assert found["variants"]["nodes"] == [{"title": "Blue", "barcode": "4006381333931", "product": {"title": "Mug"}}]
    assert sorted(one["duplicateSkuCount"] for one in nodes.values()) == [0, 1, 1]


def test_an_edited_article_is_told_and_sold_with_its_new_words() -> None:
    caller = ShopifyCaller()
    for topic in ("INVENTORY_ITEMS_UPDATE", "PRODUCTS_UPDATE"):
        assert not caller.data(SUBSCRIBE, topic=topic)["webhookSubscriptionCreate"]["userErrors"]
    people = caller.world.people
    item = people.count("MUG-01-BL", 5)
    people.edit_article(item, sku="MUG-NEW", grams=500)
    caller.wait(60)
    told = {one.headers["X-Shopify-Topic"]: json.loads(one.body) for one in caller.world.due_deliveries()}
    assert told["inventory_items/update"]["id"] == item
    assert told["products/update"]["variants"][0]["inventory_item_id"] == item
    sold = {line.sku for order_id in caller.sell(30) for line in caller.shop.orders[order_id].lines}
    assert "MUG-NEW" in sold
    assert "MUG-01-BL" not in sold


@pytest.mark.parametrize(
    ("style", "status", "sku"), [("renames", 200, "CUP-2"), ("refused", 400, "CUP"), ("ignored", 200, "CUP")]
)
def test_another_sku_renames_is_refused_or_changes_nothing(style: str, status: int, sku: str) -> None:
    caller = ShipStationCaller(product_sku_style=style)
    caller.create()
    product = next(one for one in caller.get("/products")["products"] if one["sku"] == "CUP")
    path = f"/products/{product['productId']}"
    assert caller.send("PUT", path, {**product, "sku": "CUP-2"}).status == status
    assert caller.get(path)["sku"] == sku
    assert caller.get("/products")["total"] == 2


def test_a_sku_that_another_product_has_is_refused() -> None:
    caller = ShipStationCaller()
    caller.create()
    mug, cup = caller.get("/products")["products"]
    assert caller.send("PUT", f"/products/{cup['productId']}", {**cup, "sku": mug["sku"]}).status == 400
