"""Whose product each article has, and what of it is changed: nothing that is not ours, and nothing twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.catalog import (
    OURS,
    Article,
    CatalogPlanner,
    Link,
    Product,
    StorePlan,
    article_of,
    changed_product,
    differing,
    links_after,
    product_of,
    wish_digest,
    wished,
)
from mappings.shopify_shapes import Weight
from mappings.text import clean_text

MUG = Article(11, "MUG", "Mug - Blue", "4006381333931", Decimal(420), "691200", "PT")


def there(product_id: int, sku: str, **fields: Any) -> Product:
    return Product(product_id, {"sku": sku, **fields})


def saying(product_id: int, article: Article) -> Product:
    return Product(product_id, wished(article))


def plan_catalog(here: dict[str, list[Article]], known: list[Product], before: list[Link]) -> list[StorePlan]:
    planner = CatalogPlanner(here, known, before)
    for store, listed in here.items():
        for article in listed:
            planner.judge(store, article)
    return list(planner.plans.values())


def only(plans: list[StorePlan]) -> StorePlan:
    (plan,) = plans
    return plan


def test_an_article_says_what_an_order_of_it_says() -> None:
    shown = article_of(
        {
            "id": "gid://shopify/InventoryItem/11",
            "sku": " MUG ",
            "requiresShipping": True,
            "duplicateSkuCount": 0,
            "harmonizedSystemCode": "691200",
            "countryCodeOfOrigin": "PT",
            "measurement": {"weight": Weight(value=0.42, unit="KILOGRAMS")},
            "variants": {"nodes": [{"title": "Blue", "barcode": "4006381333931", "product": {"title": "Mug"}}]},
        }
    )
    assert shown == MUG
    assert wished(shown)["weightOz"] == Decimal("14.82")


@pytest.mark.parametrize(
    ("article", "fields", "names"),
    [
        (MUG, {}, ("sku", "name", "upc", "weightOz", "customsTariffNo", "customsCountryCode")),
        (Article(11, "MUG"), {"sku": "MUG", "name": "Mug", "weightOz": Decimal(9), "upc": "1"}, ()),
        (Article(11, "MUG", weight_grams=Decimal(420)), {"sku": "MUG", "weightOz": Decimal("14.81")}, ()),
        (Article(11, "MUG", weight_grams=Decimal(420)), {"sku": "MUG", "weightOz": Decimal("14.79")}, ("weightOz",)),
        (Article(11, "MUG", weight_grams=Decimal("0.01")), {"sku": "MUG", "weightOz": None}, ("weightOz",)),
        (Article(11, "MUG", barcode="42"), {"sku": "MUG", "upc": 42}, ()),
    ],
    ids=["new", "what shopify does not say", "rounded", "other weight", "nearly nothing", "number as text"],
)
def test_what_differs(article: Article, fields: dict[str, Any], names: tuple[str, ...]) -> None:
    assert differing(article, fields) == names


texts = st.text(alphabet="ABZ019 -é", max_size=6).map(clean_text)
articles = st.builds(
    Article,
    item_id=st.integers(1, 6),
    sku=st.sampled_from(["", "A", "B", "C"]),
    name=texts,
    barcode=texts,
    weight_grams=st.none() | st.decimals("0.001", "5000", places=3),
    tariff_code=texts,
    origin=texts,
    is_shipped=st.booleans(),
    twins=st.sampled_from([0, 0, 0, 1]),
)
documents = st.dictionaries(
    st.sampled_from([*OURS, "warehouseLocation", "internalNotes", "tags", "active", "price"]),
    st.none() | texts | st.integers(0, 99) | st.lists(texts, max_size=2),
)


@given(articles, documents)
def test_a_put_keeps_what_is_not_ours_and_is_then_no_longer_needed(article: Article, document: dict[str, Any]) -> None:
    body = changed_product(article, document)
    assert {name: value for name, value in body.items() if name not in OURS} == {
        name: value for name, value in document.items() if name not in OURS
    }
    assert differing(article, body) == ()
    assert all(body.get(name) == document.get(name) for name in OURS if name not in wished(article))


shops = st.dictionaries(
    st.sampled_from(["main", "second"]), st.lists(articles, max_size=5, unique_by=lambda one: one.item_id)
)
products = st.lists(
    st.builds(there, st.integers(1, 6), st.sampled_from(["", "A", "B", "C"])),
    max_size=5,
    unique_by=lambda one: one.product_id,
)
links = st.lists(
    st.builds(Link, st.integers(1, 6), st.sampled_from(["main", "second"]), st.integers(1, 6), st.none()),
    max_size=4,
    unique_by=(lambda one: one.product_id, lambda one: (one.store, one.item_id)),
)


@given(shops, products, links)
def test_no_product_has_two_articles_and_no_article_two_products(
    here: dict[str, list[Article]], known: list[Product], before: list[Link]
) -> None:
    plans = plan_catalog(here, known, before)
    pairs = [(plan.store, pair) for plan in plans for pair in plan.pairs]
    assert len({pair.product.product_id for _, pair in pairs}) == len(pairs)
    assert len({(store, pair.article.item_id) for store, pair in pairs}) == len(pairs)
    after = links_after(here, before, plans)
    assert len({link.product_id for link in after}) == len({link[1:3] for link in after}) == len(after)
    found = {link[:3] for link in links_after(here, after, plan_catalog(here, known, after))}
    assert {(pair.product.product_id, store, pair.article.item_id) for store, pair in pairs} <= found


def test_a_new_sku_keeps_its_product() -> None:
    renamed = replace(MUG, sku="CUP")
    (pair,) = only(plan_catalog({"main": [renamed]}, [saying(1, MUG)], [Link(1, "main", 11, wish_digest(MUG))])).pairs
    assert (pair.product.product_id, pair.differing, pair.is_edited) == (1, ("sku",), False)


def test_a_new_sku_that_has_a_product_moves_to_it() -> None:
    renamed = replace(MUG, sku="CUP")
    known = [saying(1, MUG), there(2, "CUP")]
    (pair,) = only(plan_catalog({"main": [renamed]}, known, [Link(1, "main", 11, wish_digest(renamed))])).pairs
    assert (pair.product.product_id, pair.is_edited) == (2, False)


def test_what_was_written_once_and_differs_was_changed_there() -> None:
    known = [saying(1, replace(MUG, name="Becher"))]
    plan = only(plan_catalog({"main": [MUG]}, known, [Link(1, "main", 11, wish_digest(MUG))]))
    assert [pair.differing for pair in plan.edited] == [("name",)]
    assert plan.due == []


def test_of_two_shops_the_first_has_the_product_for_as_long_as_it_sells_it() -> None:
    here = {"main": [MUG], "second": [MUG]}
    first, second = plan_catalog(here, [saying(1, MUG)], [])
    assert (len(first.pairs), second.doubled) == (1, ["MUG"])
    first, second = plan_catalog({"main": [], "second": [MUG]}, [saying(1, MUG)], [Link(1, "main", 11, None)])
    assert (first.pairs, len(second.pairs)) == ([], 1)


def test_a_store_that_cannot_be_read_keeps_its_products() -> None:
    plan = only(plan_catalog({"second": [MUG]}, [saying(1, MUG)], [Link(1, "main", 11, None)]))
    assert plan.doubled == ["MUG"]


def test_what_cannot_be_told_is_listed_and_left_alone() -> None:
    goods = [
        Article(1, "TWIN", twins=1),
        Article(2, "TWICE", weight_grams=Decimal(1)),
        Article(3, "NEW"),
        Article(4, ""),
        Article(5, "EBOOK", is_shipped=False),
    ]
    known = [there(1, "TWIN"), there(2, "TWICE"), there(3, "TWICE"), product_of({"productId": 4, "sku": None})]
    plan = only(plan_catalog({"main": goods}, known, []))
    assert (plan.pairs, plan.doubled, plan.missing) == ([], ["TWIN", "TWICE"], ["NEW"])
    assert (plan.weightless, plan.unnamed) == (["TWIN", "NEW"], 1)
