"""ShipStation V1 bodies (docs.shipstation.com, V1, read 2026-11). Times are naive Pacific wall time, amounts JSON numbers.

Everything may be null in an answer, enums may hold values that nobody documented.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Required, TypedDict


class Address(TypedDict, total=False):
    """`country` is exactly two letters; `name` must not be empty in billTo and shipTo."""

    name: str | None
    company: str | None
    street1: str | None
    street2: str | None
    street3: str | None
    city: str | None
    state: str | None
    postalCode: str | None
    country: str | None
    phone: str | None
    residential: bool | None


class Weight(TypedDict):
    """`units` is pounds, ounces or grams."""

    value: Decimal
    units: str


class ItemOption(TypedDict):
    name: str | None
    value: str | None


class OrderItem(TypedDict, total=False):
    """Prices and taxes are for a single unit. `adjustment` marks a discount or fee line that nobody packs."""

    orderItemId: int
    lineItemKey: Required[str | None]
    sku: str | None
    name: str
    imageUrl: str | None
    weight: Weight | None
    quantity: Required[int]
    unitPrice: Decimal
    taxAmount: Decimal | None
    shippingAmount: Decimal | None
    options: list[ItemOption]
    upc: str | None
    adjustment: bool


class CustomsItem(TypedDict, total=False):
    description: str
    quantity: int
    value: Decimal
    harmonizedTariffCode: str | None
    countryOfOrigin: str | None


class InternationalOptions(TypedDict, total=False):
    contents: str | None
    customsItems: list[CustomsItem] | None
    nonDelivery: str | None


class AdvancedOptions(TypedDict, total=False):
    warehouseId: int | None
    storeId: int | None
    customField1: str | None
    customField2: str | None
    customField3: str | None
    source: str | None
    mergedOrSplit: bool | None
    """None where nobody tells: V2 does not."""
    mergedIds: list[int]
    parentId: int | None


class Order(TypedDict, total=False):
    """The body of createorders and of answers. `orderStatus`: awaiting_payment, awaiting_shipment, on_hold, shipped, cancelled
    may be sent; pending_fulfillment, rejected_fulfillment and others may come back."""

    orderId: int
    orderNumber: str
    orderKey: str
    orderDate: str
    paymentDate: str | None
    modifyDate: str
    orderStatus: str
    customerUsername: str | None
    customerEmail: str | None
    billTo: Address
    shipTo: Address
    items: list[OrderItem]
    amountPaid: Decimal
    taxAmount: Decimal
    shippingAmount: Decimal
    customerNotes: str | None
    internalNotes: str | None
    gift: bool
    giftMessage: str | None
    requestedShippingService: str | None
    weight: Weight | None
    internationalOptions: InternationalOptions | None
    advancedOptions: AdvancedOptions


class ShipmentItem(TypedDict, total=False):
    orderItemId: int
    lineItemKey: Required[str | None]
    sku: str | None
    quantity: Required[int]


class Shipment(TypedDict, total=False):
    """One bought label. `shipmentItems` is null unless asked for."""

    shipmentId: int
    orderId: int
    orderKey: str | None
    orderNumber: str
    createDate: str
    shipDate: str | None
    trackingNumber: Required[str | None]
    moreTrackingNumbers: list[str]
    """Of the other packages of the same label; V2 alone tells."""
    isReturnLabel: Required[bool]
    outboundShipmentId: int | None
    """Of a return label that was made from another one; V2 alone tells."""
    carrierCode: str | None
    serviceCode: str | None
    voided: Required[bool]
    voidDate: str | None
    shipmentItems: Required[list[ShipmentItem] | None]


class Fulfillment(TypedDict, total=False):
    """An order marked as shipped without a label. It has no lines, and no order key."""

    fulfillmentId: int
    orderId: int
    orderNumber: str
    createDate: str
    shipDate: str | None
    trackingNumber: Required[str | None]
    carrierCode: str | None
    voided: Required[bool]
    voidDate: str | None


class JsonWebKey(TypedDict, total=False):
    """RFC 7517, of an RSA key."""

    kid: Required[str]
    kty: Required[str]
    alg: str
    use: str
    n: str
    e: str


class JsonWebKeys(TypedDict):
    keys: list[JsonWebKey]


class Product(TypedDict):
    """Whatever else it has is kept as it came, because a PUT replaces all of it."""

    productId: int


class WholeProduct(TypedDict):
    """What a PUT is laid over: it replaces the product, and a member that the answer left out would be erased there. Those that
    both kinds of answer always show."""

    productId: int
    sku: str | None
    name: str | None
    price: Decimal | None
    defaultCost: Decimal | None
    length: Decimal | None
    width: Decimal | None
    height: Decimal | None
    weightOz: Decimal | None
    internalNotes: str | None
    fulfillmentSku: str | None
    createDate: str
    modifyDate: str
    active: bool
    productCategory: dict[str, Any] | None
    productType: dict[str, Any] | None
    warehouseLocation: str | None
    defaultCarrierCode: str | None
    defaultServiceCode: str | None
    defaultPackageCode: str | None
    defaultIntlCarrierCode: str | None
    defaultIntlServiceCode: str | None
    defaultIntlPackageCode: str | None
    defaultConfirmation: str | None
    defaultIntlConfirmation: str | None
    customsDescription: str | None
    customsValue: Decimal | None
    customsTariffNo: str | None
    customsCountryCode: str | None
    noCustoms: bool | None
    tags: list[dict[str, Any]] | None
