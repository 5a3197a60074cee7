"""What is read from one store: whole orders in bulk, the feeds under the webhooks, and what the doctor looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mappings.decoding import MalformedError, decoded
from mappings.rules import Rules
from mappings.shopify_lists import (
    Access,
    ListedFulfillmentOrder,
    ListedOrder,
    ListedSubscription,
    ListPage,
    Locations,
    OrdersByName,
)
from mappings.shopify_shapes import (
    CustomerTags,
    MetafieldValue,
    OrderShipped,
    OrderToShip,
    number_of,
)
from syncd.errors import TransientError
from syncd.logs import get_logger
from syncd.shopify import documents
from syncd.shopify.client import ShopifyClient
from syncd.shopify.nodes import Unreadable, orders_by_id
from syncd.shopify.tariffs import with_tariff_codes

__all__ = ["Unreadable"]

NO_RULES = Rules()
MOST_SKIPPED = 3  # in one page: more is an outage, or another API


class OrderSeen(NamedTuple):
    order_id: int
    updated_at: datetime
    cancelled: bool


class FulfillmentOrderSeen(NamedTuple):
    order_id: int
    updated_at: datetime


class ShopAccess(NamedTuple):
    """`scopes` as granted, without those that others imply."""

    domain: str
    name: str
    plan: str
    currency_code: str
    timezone: str
    scopes: list[str]


class Location(NamedTuple):
    location_id: int
    name: str
    is_active: bool
    country_code: str | None


class Subscription(NamedTuple):
    """`topic` is the enum's name, such as ORDERS_CREATE."""

    gid: str
    topic: str
    uri: str


async def orders_to_ship(
    client: ShopifyClient, order_ids: Iterable[int], rules: Rules = NO_RULES, urgent: bool = False
) -> dict[int, OrderToShip | Unreadable | None]:
    """One entry for each id, with all that `rules` look at; None when the store does not show such an order. Raises for
    trouble of the whole store."""
    metafields = rules.metafields
    document = documents.orders_to_ship("customer_tag" in rules.conditions, metafields)
    found = await orders_by_id(client, document, OrderToShip, order_ids, urgent)
    found = {order_id: _with_names(order, metafields) for order_id, order in found.items()}
    orders = {order_id: order for order_id, order in found.items() if isinstance(order, dict)}
    return {**found, **await with_tariff_codes(client, orders, urgent)}


def _with_names(order: Any, metafields: Sequence[str]) -> Any:
    """An order with what rules asked for under its names. A customer who is gone, or an order without one, has no tags."""
    if not isinstance(order, dict):
        return order
    try:
        shown = {
            name: decoded(MetafieldValue | None, order.pop(f"metafield{n}", None)) for n, name in enumerate(metafields)
        }
        customer = decoded(CustomerTags | None, order.pop("customer", None))
    except MalformedError as error:
        return Unreadable("malformed", str(error))
    named = {name: field["value"] for name, field in shown.items() if field}
    return {**order, "metafields": named, "customerTags": customer["tags"] if customer else []}


async def orders_shipped(
    client: ShopifyClient, order_ids: Iterable[int], urgent: bool = False
) -> dict[int, OrderShipped | Unreadable | None]:
    """As `orders_to_ship`: what may still be fulfilled and what has been."""
    return await orders_by_id(client, documents.ORDERS_SHIPPED, OrderShipped, order_ids, urgent)


async def orders_since(client: ShopifyClient, since: datetime) -> AsyncIterator[list[OrderSeen]]:
    """Pages of orders that changed, oldest change first. The index lags: the caller asks with an overlap."""
    async for rows in listed_pages(client, documents.ORDERS_SINCE, "orders", ListedOrder, {"query": _since(since)}):
        yield [
            OrderSeen(int(row["legacyResourceId"]), _time(row["updatedAt"]), row["cancelledAt"] is not None)
            for row in rows
        ]


async def orders_created_since(client: ShopifyClient, since: datetime) -> AsyncIterator[list[int]]:
    """Pages of ids, in no order that means anything."""
    query = {"query": _since(since, "created_at")}
    async for rows in listed_pages(client, documents.ORDERS_SINCE, "orders", ListedOrder, query):
        yield [int(row["legacyResourceId"]) for row in rows]


async def fulfillment_orders_since(client: ShopifyClient, since: datetime) -> AsyncIterator[list[FulfillmentOrderSeen]]:
    """The same for fulfillment orders, closed ones included: holds and moves may not touch the order itself."""
    query = {"query": _since(since)}
    async for rows in listed_pages(
        client, documents.FULFILLMENT_ORDERS_SINCE, "fulfillmentOrders", ListedFulfillmentOrder, query
    ):
        yield [FulfillmentOrderSeen(number_of(row["orderId"]), _time(row["updatedAt"])) for row in rows]


async def order_ids_by_name(client: ShopifyClient, name: str) -> list[int]:
    """Orders whose name is exactly this, such as `#1001`. Names are not unique, and a new order may not be found yet."""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    data = await client.read(documents.ORDER_BY_NAME, {"query": f"name:'{quoted}'"}, OrdersByName, urgent=True)
    return [int(node["legacyResourceId"]) for node in data["orders"]["nodes"] if node["name"] == name]


async def shop_access(client: ShopifyClient) -> ShopAccess:
    data = await client.read(documents.SHOP_ACCESS, {}, Access, urgent=True)
    shop = data["shop"]
    return ShopAccess(
        shop["myshopifyDomain"],
        shop["name"],
        shop["plan"]["publicDisplayName"],
        shop["currencyCode"],
        shop["ianaTimezone"],
        [scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]],
    )


async def locations(client: ShopifyClient) -> list[Location]:
    nodes = (await client.read(documents.LOCATIONS, {}, Locations, urgent=True))["locations"]["nodes"]
    return [
        Location(number_of(node["id"]), node["name"], node["isActive"], (node.get("address") or {}).get("countryCode"))
        for node in nodes
    ]


async def subscriptions(client: ShopifyClient) -> list[Subscription]:
    """Those that this app made in this shop. They vanish after eight failed deliveries in a row."""
    found: list[Subscription] = []
    async for rows in listed_pages(client, documents.SUBSCRIPTIONS, "webhookSubscriptions", ListedSubscription, {}):
        found += [Subscription(row["id"], row["topic"], row["uri"]) for row in rows]
    return found


async def listed_pages(
    client: ShopifyClient, document: str, root: str, shape: Any, variables: Mapping[str, Any]
) -> AsyncIterator[list[dict[str, Any]]]:
    """Rows that cannot be read are passed over, one by one: the next look begins an overlap before them."""
    after: str | None = None
    places = Places(root)
    while True:
        data = await client.query(document, {**variables, "after": after})
        page = _page(data.get(root), root)
        yield _rows(page["nodes"], shape, f"{client.store}.{root}")
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = places.following(page["pageInfo"]["endCursor"], page["nodes"])


class Places:
    """Where the pages of one list begin. A list that leads back to where it was, or on and on without a new row, has no end: who
    reads it would do nothing else any more, and nobody would know."""

    MOST_IDLE = 20
    """Pages in a row without a row, or with those of the page before."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: set[str] = set()
        self._nodes: Sequence[Any] = ()
        self._idle = 0

    def following(self, cursor: str | None, nodes: Sequence[Any]) -> str:
        """Raises `TransientError` for a place that cannot be the next one."""
        self._idle = self._idle + 1 if not nodes or nodes == self._nodes else 0
        if not cursor or cursor in self._known or self._idle > self.MOST_IDLE:
            raise TransientError("endless_list", f"{self._name} says that there is more and not where")
        self._known.add(cursor)
        self._nodes = nodes
        return cursor


def _page(connection: Any, root: str) -> ListPage:
    """Raises `TransientError` for what is no page: it must not be taken for an empty one."""
    try:
        page: ListPage = decoded(ListPage, connection)
        return page
    except MalformedError as error:
        raise TransientError("malformed", f"{root}: {error}") from error


def _rows(nodes: Sequence[Any], shape: Any, feed: str) -> list[Any]:
    rows, problems = [], []
    for node in nodes:
        try:
            rows.append(decoded(shape, node))
        except MalformedError as error:
            problems.append(error)
    if problems and (len(problems) > MOST_SKIPPED or not rows):
        raise TransientError("malformed", f"{len(problems)} rows of {feed}, such as: {problems[0]}") from problems[0]
    for problem in problems:
        get_logger(__name__).warning("row.skipped", feed=feed, error_text=str(problem))
    return rows


def _since(moment: datetime, field: str = "updated_at") -> str:
    return f"{field}:>='{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
