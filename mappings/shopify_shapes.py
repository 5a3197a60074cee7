"""What we read from Shopify, one group of TypedDicts per GraphQL document (2026-10). Money and times are text as they came.

Lists that came in pages are complete here: the reads fetch all pages or give nothing.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, NotRequired, TypedDict

from mappings.keys import LARGEST_ID


def number_of(gid: str) -> int:
    """The number at the end of a global id: 7001 of `gid://shopify/LineItem/7001`."""
    return int(gid.rpartition("/")[2].partition("?")[0])


def _affordable(text: str) -> None:
    if not abs(Decimal(text)) < 10**15:
        raise ValueError("no amount of money")


def _zoned(text: str) -> None:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time of Shopify carries a zone")


def _natural(text: str) -> None:
    if not 0 < int(text) <= LARGEST_ID:
        raise ValueError("no id")


def _global(text: str) -> None:
    if not text.startswith("gid://shopify/"):
        raise ValueError("no global id")
    _natural(str(number_of(text)))


def _two_letters(text: str) -> None:
    if not (len(text) == 2 and text.isascii() and text.isalpha()):
        raise ValueError("no country")


GlobalId = Annotated[str, _global]
Number = Annotated[str, _natural]
Amount = Annotated[str, _affordable]
Moment = Annotated[str, _zoned]
Country = Annotated[str, _two_letters]
"""Texts, and the functions that must be able to read them."""


class Money(TypedDict):
    amount: Amount
    currencyCode: str


class MoneyBag(TypedDict):
    shopMoney: Money


class Attribute(TypedDict):
    key: str
    value: str | None


class MailingAddress(TypedDict):
    name: str | None
    firstName: str | None
    lastName: str | None
    company: str | None
    address1: str | None
    address2: str | None
    city: str | None
    province: str | None
    provinceCode: str | None
    zip: str | None
    countryCodeV2: Country | None
    phone: str | None


class Gid(TypedDict):
    id: GlobalId


class Weight(TypedDict):
    """`unit` is GRAMS, KILOGRAMS, OUNCES or POUNDS."""

    value: float
    unit: str


class Image(TypedDict):
    url: str


class TaxLine(TypedDict):
    priceSet: MoneyBag


class LineItemGroup(TypedDict):
    id: GlobalId
    title: str
    quantity: int


class TariffCode(TypedDict):
    countryCode: str
    harmonizedSystemCode: str


class TariffCodeList(TypedDict):
    nodes: list[TariffCode]


class TariffCodes(TypedDict):
    id: str
    countryHarmonizedSystemCodes: TariffCodeList


class TariffCodesOf(TypedDict):
    """Answer of TARIFF_CODES. Null for an item that is gone."""

    nodes: list[TariffCodes | None]


class InventoryItem(TypedDict):
    """`tariffCodes`: country of destination -> the code of its own; read only for goods that go abroad."""

    id: str
    harmonizedSystemCode: str | None
    countryCodeOfOrigin: str | None
    tariffCodes: NotRequired[dict[str, str]]


class Variant(TypedDict):
    id: GlobalId
    barcode: str | None
    inventoryItem: InventoryItem


class Product(TypedDict):
    id: GlobalId
    productType: str


class LineItem(TypedDict):
    """`quantity` is as ordered and never shrinks. `variant` and `product` are None for custom lines and deleted products."""

    id: GlobalId
    name: str
    title: str
    variantTitle: str | None
    sku: str | None
    vendor: str | None
    quantity: int
    currentQuantity: int
    requiresShipping: bool
    isGiftCard: bool
    customAttributes: list[Attribute]
    weight: Weight | None
    image: Image | None
    originalUnitPriceSet: MoneyBag
    discountedUnitPriceAfterAllDiscountsSet: MoneyBag
    taxLines: list[TaxLine]
    lineItemGroup: LineItemGroup | None
    variant: Variant | None
    product: Product | None


class LineItems(TypedDict):
    nodes: list[LineItem]


class FulfillmentOrderLine(TypedDict):
    id: GlobalId
    totalQuantity: int
    remainingQuantity: int
    requiresShipping: bool
    lineItem: Gid


class FulfillmentOrderLines(TypedDict):
    nodes: list[FulfillmentOrderLine]


class DeliveryMethod(TypedDict):
    methodType: str


class AssignedLocation(TypedDict):
    """`location` is None when the location was deleted."""

    name: str | None
    countryCode: str | None
    location: Gid | None


class Hold(TypedDict):
    id: GlobalId
    reason: str


class InternationalDuties(TypedDict):
    incoterm: str


class FulfillmentOrder(TypedDict):
    """Filter by `status`, never by remaining quantity alone: a closed one may show remaining units again."""

    id: GlobalId
    status: str
    requestStatus: str
    fulfillAt: Moment | None
    updatedAt: Moment
    deliveryMethod: DeliveryMethod | None
    assignedLocation: AssignedLocation
    fulfillmentHolds: list[Hold]
    internationalDuties: InternationalDuties | None
    lineItems: FulfillmentOrderLines


class FulfillmentOrders(TypedDict):
    nodes: list[FulfillmentOrder]


class TrackingInfo(TypedDict):
    company: str | None
    number: str | None
    url: str | None


class FulfillmentLine(TypedDict):
    quantity: int
    lineItem: Gid


class FulfillmentLines(TypedDict):
    nodes: list[FulfillmentLine]


class Fulfillment(TypedDict):
    """`status` is SUCCESS, CANCELLED, ERROR or FAILURE."""

    id: GlobalId
    status: str
    createdAt: Moment
    trackingInfo: list[TrackingInfo]
    fulfillmentLineItems: FulfillmentLines


class RiskAssessment(TypedDict):
    riskLevel: str


class Risk(TypedDict):
    recommendation: str
    assessments: list[RiskAssessment]


class ShippingLine(TypedDict):
    title: str
    code: str | None
    isRemoved: bool


class ShippingLines(TypedDict):
    nodes: list[ShippingLine]


class CustomerTags(TypedDict):
    tags: list[str]


class MetafieldValue(TypedDict):
    value: str


class OrderToShip(TypedDict):
    """Answer of ORDERS_TO_SHIP for one order. `customerTags` and `metafields` (`namespace.key` -> value) are there only where a
    rule asks for them."""

    id: GlobalId
    legacyResourceId: Number
    name: str
    createdAt: Moment
    processedAt: Moment
    updatedAt: Moment
    cancelledAt: Moment | None
    test: bool
    displayFinancialStatus: str | None
    tags: list[str]
    note: str | None
    email: str | None
    phone: str | None
    poNumber: str | None
    sourceName: str | None
    taxesIncluded: bool
    customAttributes: list[Attribute]
    risk: Risk
    shippingAddress: MailingAddress | None
    billingAddress: MailingAddress | None
    currentTotalPriceSet: MoneyBag
    currentTotalTaxSet: MoneyBag | None
    currentShippingPriceSet: MoneyBag
    totalReceivedSet: MoneyBag
    shippingLines: ShippingLines
    lineItems: LineItems
    fulfillmentOrders: FulfillmentOrders
    customerTags: NotRequired[list[str]]
    metafields: NotRequired[dict[str, str]]


class FulfillmentEventNode(TypedDict):
    status: str
    happenedAt: Moment


class FulfillmentEventPage(TypedDict):
    nodes: list[FulfillmentEventNode]


class FulfillmentWithEvents(TypedDict):
    id: GlobalId
    status: str
    events: FulfillmentEventPage


class FulfillmentEvents(TypedDict):
    """Answer of FULFILLMENT_EVENTS. Null for one that is not shown."""

    nodes: list[FulfillmentWithEvents | None]


class OrderShipped(TypedDict):
    """Answer of ORDERS_SHIPPED for one order."""

    id: GlobalId
    legacyResourceId: Number
    name: str
    updatedAt: Moment
    cancelledAt: Moment | None
    fulfillmentOrders: FulfillmentOrders
    fulfillments: list[Fulfillment]


def order_gid(order_id: int) -> str:
    return f"gid://shopify/Order/{order_id}"
