"""Small objects that the API shows and the state does not keep, and the type name of everything that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from syncd.sandbox.shopify.options import LocationOptions
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.state import (
    Address,
    Fulfillment,
    FulfillmentEvent,
    FulfillmentLine,
    FulfillmentOrder,
    FulfillmentOrderLine,
    Hold,
    Line,
    LineGroup,
    Order,
    Return,
    ReturnLine,
    ReverseDelivery,
    ShippingLine,
    Variant,
)
from syncd.sandbox.shopify.webhooks import Subscription


class Bag(NamedTuple):
    """An amount of shop money, and what is needed to show it to the buyer."""

    amount: Decimal
    order: Order


class Money(NamedTuple):
    amount: Decimal
    currency_code: str


class Product(NamedTuple):
    id: int
    title: str
    product_type: str


class InventoryItem(NamedTuple):
    id: int
    sku: str | None
    harmonized_system_code: str | None
    country_code_of_origin: str | None
    requires_shipping: bool
    country_codes: Mapping[str, str]
    tracked: bool
    variant: Variant


class Measurement(NamedTuple):
    id: int
    weight: dict[str, Any]


class CountryTariffCode(NamedTuple):
    id: int
    country_code: str
    harmonized_system_code: str


class Customer(NamedTuple):
    id: int
    tags: list[str]
    note: str | None = None


class Metafield(NamedTuple):
    id: int
    namespace: str
    key: str
    value: str


class Delivery(NamedTuple):
    id: int
    method_type: str
    presented_name: str | None


class Assigned(NamedTuple):
    """A location as it was when the work was assigned; `location` is None once it is gone."""

    name: str
    country_code: str
    location: LocationOptions | None


class Installation(NamedTuple):
    id: int
    scopes: tuple[str, ...]


class Version(NamedTuple):
    handle: str


class Job(NamedTuple):
    """What was asked for asynchronously. `status` is STARTED, SUCCEEDED or FAILED."""

    id: str
    status: str
    order: Order
    errors: tuple[dict[str, Any], ...] = ()

    @property
    def done(self) -> bool:
        return self.status != "STARTED"


class Edge(NamedTuple):
    cursor: str
    node: Any


TYPE_NAMES: dict[type, str] = {
    Order: "Order",
    Line: "LineItem",
    LineGroup: "LineItemGroup",
    ShippingLine: "ShippingLine",
    Address: "MailingAddress",
    Variant: "ProductVariant",
    Product: "Product",
    InventoryItem: "InventoryItem",
    Measurement: "InventoryItemMeasurement",
    CountryTariffCode: "CountryHarmonizedSystemCode",
    Customer: "Customer",
    Metafield: "Metafield",
    FulfillmentOrder: "FulfillmentOrder",
    FulfillmentOrderLine: "FulfillmentOrderLineItem",
    Hold: "FulfillmentHold",
    Delivery: "DeliveryMethod",
    Fulfillment: "Fulfillment",
    FulfillmentLine: "FulfillmentLineItem",
    FulfillmentEvent: "FulfillmentEvent",
    LocationOptions: "Location",
    Subscription: "WebhookSubscription",
    Shop: "Shop",
    Installation: "AppInstallation",
    Return: "Return",
    ReturnLine: "ReturnLineItem",
    ReverseDelivery: "ReverseDeliveryShippingDeliverable",
}
