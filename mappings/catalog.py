"""Shopify's articles -> ShipStation's products: whose product each is, and what of it is to be changed. ShipStation makes
products out of orders; nothing here makes or deletes one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal, NamedTuple, TypedDict

from mappings import canonical
from mappings.shopify_shapes import GlobalId, Weight, number_of
from mappings.text import clean_text, goods_name
from mappings.weights import GRAMS_PER_UNIT, grams

CatalogMode = Literal["off", "report", "push"]
ArticleRef = tuple[str, int]
"""Store and inventory item."""

OURS = ("sku", "name", "upc", "weightOz", "customsTariffNo", "customsCountryCode")
"""All other members of a product are the warehouse's."""
STEP_OZ = Decimal("0.01")
SAME_OZ = Decimal("0.02")
"""Less is what rounding makes."""


class ShownProduct(TypedDict):
    title: str


class ShownVariant(TypedDict):
    title: str | None
    barcode: str | None
    product: ShownProduct


class ShownVariants(TypedDict):
    nodes: list[ShownVariant]


class Measurement(TypedDict):
    weight: Weight | None


class ShownArticle(TypedDict):
    """An inventory item as ARTICLES and ARTICLES_OF show it, with its first variant."""

    id: GlobalId
    sku: str | None
    requiresShipping: bool
    duplicateSkuCount: int
    harmonizedSystemCode: str | None
    countryCodeOfOrigin: str | None
    measurement: Measurement
    variants: ShownVariants | None


class ArticlesOf(TypedDict):
    """Answer of ARTICLES_OF. Null for an item that is gone."""

    nodes: list[ShownArticle | None]


@dataclass(frozen=True)
class Article:
    """`twins`: how many other articles of the shop have its SKU. Empty and None: Shopify does not say."""

    item_id: int
    sku: str
    name: str = ""
    barcode: str = ""
    weight_grams: Decimal | None = None
    tariff_code: str = ""
    origin: str = ""
    is_shipped: bool = True
    twins: int = 0


@dataclass(frozen=True)
class Product:
    """`fields`: those of `OURS` as ShipStation shows them."""

    product_id: int
    fields: Mapping[str, Any]

    @property
    def sku(self) -> str:
        return str(self.fields.get("sku") or "")


class Link(NamedTuple):
    """`written`: digest of the last wish that ShipStation has had, None where it never had one."""

    product_id: int
    store: str
    item_id: int
    written: str | None


class Pair(NamedTuple):
    """An article, its product, and the names of what differs. `is_edited`: ShipStation had the wish, whose digest this is, and
    somebody there changed it."""

    article: Article
    product: Product
    differing: tuple[str, ...]
    is_edited: bool
    digest: str


@dataclass
class StorePlan:
    """`missing`: ShipStation has no such SKU yet; `doubled`: whose product it is cannot be told. Both by SKU."""

    store: str
    pairs: list[Pair] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    weightless: list[str] = field(default_factory=list)
    unnamed: int = 0

    @property
    def due(self) -> list[Pair]:
        return [one for one in self.pairs if one.differing and not one.is_edited]

    @property
    def edited(self) -> list[Pair]:
        return [one for one in self.pairs if one.differing and one.is_edited]


def article_of(shown: ShownArticle) -> Article:
    variants = shown["variants"]["nodes"] if shown["variants"] else []
    variant = variants[0] if variants else None
    return Article(
        number_of(shown["id"]),
        clean_text(shown["sku"]),
        goods_name(variant["product"]["title"], variant["title"]) if variant else "",
        clean_text(variant["barcode"]) if variant else "",
        grams(shown["measurement"]["weight"]),
        clean_text(shown["harmonizedSystemCode"]),
        clean_text(shown["countryCodeOfOrigin"]),
        shown["requiresShipping"],
        shown["duplicateSkuCount"],
    )


def product_of(row: Mapping[str, Any]) -> Product:
    return Product(row["productId"], {name: row.get(name) for name in OURS})


def wished(article: Article) -> dict[str, Any]:
    """What the product should say. What Shopify does not say is left as it is: it is not there."""
    fields = {
        "sku": article.sku,
        "name": article.name,
        "upc": article.barcode,
        "weightOz": _ounces(article.weight_grams),
        "customsTariffNo": article.tariff_code,
        "customsCountryCode": article.origin,
    }
    return {name: value for name, value in fields.items() if value not in ("", None)}


def is_plain(article: Article) -> bool:
    """Whether it is goods whose product can be told by its SKU."""
    return article.is_shipped and bool(article.sku) and not article.twins


def wish_digest(article: Article) -> str:
    return canonical.digest(wished(article))


def differing(article: Article, product: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in wished(article).items() if not _is_same(name, value, product.get(name)))


def changed_product(article: Article, product: Mapping[str, Any]) -> dict[str, Any]:
    """The whole body of a PUT: what ShipStation showed, with ours in it."""
    names = differing(article, product)
    return {**product, **{name: value for name, value in wished(article).items() if name in names}}


class CatalogPlanner:
    """Who has which product. Asked article by article, because a shop has tens of thousands and others want to work in between.

    Stores come in the order of `articles`: of several that sell one SKU, the first has the product. A product belongs to one
    article for as long as that is there, whatever its SKU."""

    def __init__(
        self, articles: Mapping[str, Sequence[Article]], products: Iterable[Product], links: Iterable[Link]
    ) -> None:
        self.plans = {store: StorePlan(store) for store in articles}
        self._by_id = {one.product_id: one for one in products}
        self._skus = Counter(one.sku for one in self._by_id.values())
        self._by_sku = {one.sku: one for one in self._by_id.values() if self._skus[one.sku] == 1}
        living = refs_of(articles)
        self._known = {(one.store, one.item_id): one for one in links if is_alive(one, articles, living)}
        self._taken = {link.product_id: ref for ref, link in self._known.items()}

    def judge(self, store: str, article: Article) -> None:
        """Adds it to the plan of its store."""
        plan, ref = self.plans[store], (store, article.item_id)
        product = self._own_product(ref, article)
        if product:
            self._taken[product.product_id] = ref
        if not article.is_shipped:
            return
        if not article.sku:
            plan.unnamed += 1
            return
        if article.weight_grams is None:
            plan.weightless.append(article.sku)
        is_taken = self._skus[article.sku] > 0 and (product is None or product.sku != article.sku)
        if article.twins or is_taken:
            plan.doubled.append(article.sku)
        elif product is None:
            plan.missing.append(article.sku)
        else:
            plan.pairs.append(self._pair(ref, article, product))

    def _own_product(self, ref: ArticleRef, article: Article) -> Product | None:
        """The one that orders find by its SKU, or else the one that it had under another SKU."""
        present = self._by_sku.get(article.sku) if article.sku and not article.twins else None
        if present and self._taken.get(present.product_id, ref) == ref:
            return present
        link = self._known.get(ref)
        return self._by_id.get(link.product_id) if link else None

    def _pair(self, ref: ArticleRef, article: Article, product: Product) -> Pair:
        names, digest, link = differing(article, product.fields), wish_digest(article), self._known.get(ref)
        is_had = link is not None and link.product_id == product.product_id and link.written == digest
        return Pair(article, product, names, bool(names) and is_had, digest)


def refs_of(articles: Mapping[str, Sequence[Article]]) -> set[ArticleRef]:
    return {(store, one.item_id) for store, listed in articles.items() for one in listed}


def is_alive(link: Link, read: Collection[str], living: Collection[ArticleRef]) -> bool:
    """Whether its article is still there; of a store that was not `read` nobody knows."""
    return link.store not in read or (link.store, link.item_id) in living


def links_after(
    here: Mapping[str, Sequence[Article]], before: Iterable[Link], plans: Iterable[StorePlan]
) -> list[Link]:
    """What says the same on both sides counts as written: a later change in ShipStation is then somebody's."""
    living = refs_of(here)
    after = {(link.store, link.item_id): link for link in before if is_alive(link, here, living)}
    for plan in plans:
        for pair in plan.pairs:
            ref = (plan.store, pair.article.item_id)
            old = after.get(ref)
            written = old.written if old and old.product_id == pair.product.product_id else None
            after[ref] = Link(pair.product.product_id, *ref, written if pair.differing else pair.digest)
    return list(after.values())


def _is_same(name: str, wanted: Any, shown: Any) -> bool:
    if name != "weightOz":
        return bool(clean_text(None if shown is None else str(shown)) == wanted)
    return isinstance(shown, int | Decimal) and abs(shown - wanted) < SAME_OZ


def _ounces(weight_grams: Decimal | None) -> Decimal | None:
    """Nothing that weighs something is rounded down to nothing."""
    if weight_grams is None:
        return None
    return max((weight_grams / GRAMS_PER_UNIT["OUNCES"]).quantize(STEP_OZ, ROUND_HALF_UP), STEP_OZ)
