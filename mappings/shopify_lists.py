"""What lists of Shopify show, page by page: changed orders, subscriptions, inventory levels."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from mappings.shopify_shapes import GlobalId, Moment, Number


class PageInfo(TypedDict):
    hasNextPage: bool
    endCursor: str | None


class ListPage(TypedDict):
    """One page of any list, its rows unread."""

    pageInfo: PageInfo
    nodes: list[Any]


class ListedOrder(TypedDict):
    """A row of ORDERS_SINCE."""

    legacyResourceId: Number
    updatedAt: Moment
    cancelledAt: Moment | None


class ListedFulfillmentOrder(TypedDict):
    """A row of FULFILLMENT_ORDERS_SINCE."""

    orderId: GlobalId
    updatedAt: Moment


class ListedSubscription(TypedDict):
    """A row of SUBSCRIPTIONS."""

    id: str
    topic: str
    uri: str


class StockedItem(TypedDict):
    id: GlobalId
    sku: str | None
    tracked: bool


class NamedQuantity(TypedDict):
    name: str
    quantity: int


class InventoryLevel(TypedDict):
    """A node of LEVELS_AT, and the level of an item in LEVELS_OF."""

    item: StockedItem
    quantities: list[NamedQuantity]


class InventoryItemLevel(TypedDict):
    """`inventoryLevel` is null where the item has none at the location."""

    inventoryLevel: InventoryLevel | None


class LevelPage(TypedDict):
    nodes: list[InventoryLevel]
    pageInfo: PageInfo


class LevelsHere(TypedDict):
    inventoryLevels: LevelPage


class LevelsAt(TypedDict):
    """LEVELS_AT. Null for a location that is not there."""

    location: LevelsHere | None


class LevelsOf(TypedDict):
    """LEVELS_OF."""

    nodes: list[InventoryItemLevel | None]


class NamedOrder(TypedDict):
    legacyResourceId: Number
    name: str


class NamedOrders(TypedDict):
    nodes: list[NamedOrder]


class OrdersByName(TypedDict):
    """ORDER_BY_NAME."""

    orders: NamedOrders


class LocationAddress(TypedDict):
    countryCode: NotRequired[str]


class ShownLocation(TypedDict):
    id: GlobalId
    name: str
    isActive: bool
    address: NotRequired[LocationAddress]


class ShownLocations(TypedDict):
    nodes: list[ShownLocation]


class Locations(TypedDict):
    """LOCATIONS."""

    locations: ShownLocations


class Scope(TypedDict):
    handle: str


class Installation(TypedDict):
    accessScopes: list[Scope]


class ShopPlan(TypedDict):
    publicDisplayName: str


class Shop(TypedDict):
    myshopifyDomain: str
    name: str
    plan: ShopPlan
    currencyCode: str
    ianaTimezone: str


class Access(TypedDict):
    """SHOP_ACCESS."""

    shop: Shop
    currentAppInstallation: Installation
