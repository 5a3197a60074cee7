"""Answer of ORDER_RETURNING, as far as it is read. Money follows from it: what is of another kind makes all of it malformed."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mappings.shopify_shapes import Amount, GlobalId, Moment, MoneyBag


class Cut(TypedDict):
    hasNextPage: bool


class Named(TypedDict):
    id: GlobalId


class Refundable(TypedDict):
    id: GlobalId
    refundableQuantity: int
    unfulfilledQuantity: int


class Sum(TypedDict):
    amount: Amount


class SumBag(TypedDict):
    shopMoney: Sum


class RefundedUnits(TypedDict):
    quantity: int


class RefundedPage(TypedDict):
    nodes: list[RefundedUnits]


class Refund(TypedDict):
    id: GlobalId
    note: str | None
    refundLineItems: RefundedPage


class SentUnits(TypedDict):
    id: GlobalId
    quantity: int | None
    lineItem: Named


class SentPage(TypedDict):
    pageInfo: Cut
    nodes: list[SentUnits]


class Sent(TypedDict):
    status: str
    location: Named | None
    fulfillmentLineItems: SentPage


class Customer(TypedDict):
    id: GlobalId
    note: str | None


class SentFrom(TypedDict):
    id: GlobalId
    lineItem: Named


class ReturnedUnits(TypedDict):
    """`fulfillmentLineItem` and `restockingFee` are left out where the vendor does not know them."""

    id: GlobalId
    quantity: int
    processedQuantity: int
    refundedQuantity: int
    returnReasonNote: str | None
    fulfillmentLineItem: NotRequired[SentFrom | None]
    restockingFee: NotRequired[Named | None]


class ReturnedPage(TypedDict):
    pageInfo: Cut
    nodes: list[ReturnedUnits]


class ReverseUnits(TypedDict):
    id: GlobalId
    fulfillmentLineItem: Named | None


class ReverseLines(TypedDict):
    nodes: list[ReverseUnits]


class Tracking(TypedDict):
    number: str | None


class Deliverable(TypedDict):
    tracking: NotRequired[Tracking | None]


class ReverseDelivery(TypedDict):
    deliverable: Deliverable | None


class ReverseDeliveries(TypedDict):
    nodes: list[ReverseDelivery]


class ReverseOrder(TypedDict):
    id: GlobalId
    lineItems: ReverseLines
    reverseDeliveries: ReverseDeliveries


class ReverseOrders(TypedDict):
    nodes: list[ReverseOrder]


class Exchanged(TypedDict):
    nodes: list[Named]


class ShownReturn(TypedDict):
    id: GlobalId
    status: str
    exchangeLineItems: Exchanged
    returnShippingFees: list[Named]
    returnLineItems: ReturnedPage
    reverseFulfillmentOrders: ReverseOrders


class ReturnPage(TypedDict):
    pageInfo: Cut
    nodes: list[ShownReturn]


class Transaction(TypedDict):
    gateway: str | None
    amountSet: MoneyBag
    parentTransaction: Named


class SuggestedRefund(TypedDict):
    suggestedTransactions: list[Transaction]


class ReturningOrder(TypedDict):
    """`customer`, `returns`, `returnStatus` and `suggestedRefund` are there where they were asked for."""

    id: GlobalId
    name: str
    updatedAt: Moment
    note: str | None
    tags: list[str]
    currencyCode: str
    presentmentCurrencyCode: str
    netPaymentSet: SumBag
    refunds: list[Refund]
    fulfillments: list[Sent]
    customer: NotRequired[Customer | None]
    returns: NotRequired[ReturnPage | None]
    returnStatus: NotRequired[str]
    suggestedRefund: NotRequired[SuggestedRefund | None]


class OrderReturning(TypedDict):
    lines: list[Refundable | None]
    order: ReturningOrder
