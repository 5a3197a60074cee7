"""What we read from Shopify, one group of TypedDicts per GraphQL document (2026-10). Money and times are text as they came.

Lists that came in pages are complete here: the reads fetch all pages or give nothing.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Money(TypedDict):
    amount: str
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
    countryCodeV2: str | None
    phone: str | None


class Gid(TypedDict):
    id: str


class Weight(TypedDict):
    """`unit` is GRAMS, KILOGRAMS, OUNCES or POUNDS."""

    value: float
    unit: str


class Image(TypedDict):
    url: str


class TaxLine(TypedDict):
    priceSet: MoneyBag


class LineItemGroup(TypedDict):
    id: str
    title: str
    quantity: int


class InventoryItem(TypedDict):
    """`tariffCodes`: country of destination -> the code of its own; read only for goods that go abroad."""

    id: str
    harmonizedSystemCode: str | None
    countryCodeOfOrigin: str | None
    tariffCodes: NotRequired[dict[str, str]]


class Variant(TypedDict):
    id: str
    barcode: str | None
    inventoryItem: InventoryItem


class Product(TypedDict):
    id: str
    productType: str


class LineItem(TypedDict):
    """`quantity` is as ordered and never shrinks. `variant` and `product` are None for custom lines and deleted products."""

    id: str
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
    id: str
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
    id: str
    reason: str


class InternationalDuties(TypedDict):
    incoterm: str


class FulfillmentOrder(TypedDict):
    """Filter by `status`, never by remaining quantity alone: a closed one may show remaining units again."""

    id: str
    status: str
    requestStatus: str
    fulfillAt: str | None
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

    id: str
    status: str
    createdAt: str
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


class OrderToShip(TypedDict):
    """Answer of ORDERS_TO_SHIP for one order. `customerTags` and `metafields` (`namespace.key` -> value) are there only where a
    rule asks for them."""

    id: str
    legacyResourceId: str
    name: str
    createdAt: str
    processedAt: str
    updatedAt: str
    cancelledAt: str | None
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


class OrderShipped(TypedDict):
    """Answer of ORDERS_SHIPPED for one order."""

    id: str
    legacyResourceId: str
    name: str
    updatedAt: str
    cancelledAt: str | None
    fulfillmentOrders: FulfillmentOrders
    fulfillments: list[Fulfillment]


def number_of(gid: str) -> int:
    """The number at the end of a global id: 7001 of `gid://shopify/LineItem/7001`."""
    return int(gid.rpartition("/")[2].partition("?")[0])


def order_gid(order_id: int) -> str:
    return f"gid://shopify/Order/{order_id}"
