"""What a sandbox shop remembers: plain mutable objects, named as Shopify names them. No rules here and no wire formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

ZERO = Decimal(0)


def gid(kind: str, number: int | str) -> str:
    return f"gid://shopify/{kind}/{number}"


@dataclass(slots=True)
class Address:
    id: int
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country: str | None = None
    country_code_v2: str | None = None
    phone: str | None = None


@dataclass(slots=True)
class Tax:
    title: str
    rate: float | None
    price: Decimal


@dataclass(slots=True)
class Variant:
    """A variant with the product and the inventory item behind it, as they are today."""

    id: int
    product_id: int
    title: str
    product_type: str
    sku: str | None
    barcode: str | None
    harmonized_system_code: str | None
    country_code_of_origin: str | None
    requires_shipping: bool
    country_codes: dict[str, str] = field(default_factory=dict)
    """Country of destination -> its own tariff code."""
    tracked: bool = True
    """Whether Shopify counts its stock."""
    variant_title: str | None = None
    grams: int = 0
    is_edited: bool = False
    """Somebody changed it in the admin: what is sold from then on has its words, whatever the order's body says."""


@dataclass(slots=True)
class LineGroup:
    id: int
    title: str
    quantity: int


@dataclass(slots=True)
class Line:
    """`quantity` never shrinks. `discount` is for the whole line as ordered, all kinds of discounts together."""

    id: int
    order: Order
    title: str
    quantity: int
    price: Decimal
    variant_title: str | None = None
    sku: str | None = None
    vendor: str | None = None
    current_quantity: int = 0
    requires_shipping: bool = True
    is_gift_card: bool = False
    taxable: bool = True
    grams: int = 0
    image_url: str | None = None
    discount: Decimal = ZERO
    taxes: list[Tax] = field(default_factory=list)
    properties: list[tuple[str, str | None]] = field(default_factory=list)
    variant: Variant | None = None
    group: LineGroup | None = None

    @property
    def name(self) -> str:
        return f"{self.title} - {self.variant_title}" if self.variant_title else self.title


@dataclass(slots=True)
class ShippingLine:
    id: int
    order: Order
    title: str
    price: Decimal
    discounted_price: Decimal
    code: str | None = None
    source: str | None = None
    phone: str | None = None
    is_removed: bool = False
    taxes: list[Tax] = field(default_factory=list)


@dataclass(slots=True)
class Hold:
    id: int
    reason: str
    reason_notes: str | None
    handle: str | None
    external_id: str | None
    by_app: bool


@dataclass(slots=True)
class FulfillmentOrderLine:
    id: int
    line: Line
    total: int
    remaining: int


@dataclass(slots=True)
class FulfillmentOrder:
    """`sibling` is the part that was split off by a hold on some lines; releasing takes it back."""

    id: int
    order: Order
    location_id: int
    method: str | None
    created_at: datetime
    updated_at: datetime
    status: str = "OPEN"
    request_status: str = "UNSUBMITTED"
    fulfill_at: datetime | None = None
    incoterm: str | None = None
    holds: list[Hold] = field(default_factory=list)
    lines: list[FulfillmentOrderLine] = field(default_factory=list)
    sibling: FulfillmentOrder | None = None

    @property
    def is_live(self) -> bool:
        return self.status not in ("CLOSED", "CANCELLED")


@dataclass(slots=True)
class FulfillmentLine:
    id: int
    line: Line
    quantity: int


@dataclass(slots=True)
class Taken:
    """Units that a fulfillment took from one line of a fulfillment order."""

    fulfillment_order: FulfillmentOrder
    fulfillment_order_line: FulfillmentOrderLine
    quantity: int


@dataclass(slots=True)
class Tracking:
    company: str | None
    number: str | None
    url: str | None


@dataclass(slots=True)
class FulfillmentEvent:
    """What became of a package on its way, as an app told it."""

    id: int
    status: str
    happened_at: datetime
    created_at: datetime
    message: str | None = None
    estimated_delivery_at: datetime | None = None


@dataclass(slots=True)
class Fulfillment:
    """`mailed`: for each message that the customer got about it the tracking number that it named."""

    id: int
    order: Order
    name: str
    location_id: int
    created_at: datetime
    updated_at: datetime
    status: str = "SUCCESS"
    tracking: list[Tracking] = field(default_factory=list)
    lines: list[FulfillmentLine] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    events: list[FulfillmentEvent] = field(default_factory=list)
    mailed: list[str | None] = field(default_factory=list)

    def mail(self) -> None:
        self.mailed.append(self.tracking[0].number if self.tracking else None)

    @property
    def delivered_at(self) -> datetime | None:
        return next((one.happened_at for one in reversed(self.events) if one.status == "DELIVERED"), None)


@dataclass(slots=True)
class RefundLine:
    id: int
    line: Line
    quantity: int
    restock_type: str


@dataclass(slots=True)
class Refund:
    id: int
    created_at: datetime
    note: str | None
    amount: Decimal
    lines: list[RefundLine] = field(default_factory=list)


@dataclass(slots=True)
class Fee:
    """What the customer bears of a return."""

    id: int


@dataclass(slots=True)
class ReturnLine:
    """Units of one fulfillment line that come back. `processed` are those that somebody has received."""

    id: int
    part: FulfillmentLine
    quantity: int
    return_reason_note: str = ""
    processed: int = 0
    refunded: int = 0
    restocking_fee: Fee | None = None


@dataclass(slots=True)
class ReverseDelivery:
    id: int
    number: str | None
    url: str | None
    label_url: str | None
    units: dict[int, int]
    """Return line id -> units."""


@dataclass(slots=True)
class Return:
    """`deliveries` are those of its one reverse fulfillment order, whose id is `id + 1`. `exchanged`: what the customer gets
    for what comes back."""

    id: int
    order: Order
    name: str
    created_at: datetime
    status: str = "OPEN"
    lines: list[ReturnLine] = field(default_factory=list)
    deliveries: list[ReverseDelivery] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    exchanged: list[Line] = field(default_factory=list)
    return_shipping_fees: list[Fee] = field(default_factory=list)


@dataclass(slots=True)
class Units:
    """Where the router will send units of one line, and how they are delivered."""

    line: Line
    location_id: int
    method: str | None
    quantity: int
    fulfilled: int = 0


@dataclass(slots=True)
class Totals:
    """In shop money, after edits and refunds."""

    subtotal: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO
    discounts: Decimal = ZERO
    total: Decimal = ZERO


@dataclass(slots=True)
class Order:
    """`correction` is what an imported order costs beyond the sum of its parts. `units` is what routing will turn into
    fulfillment orders; it is empty afterwards. One unit of shop money is `presentment_rate` of presentment money."""

    id: int
    name: str
    number: int
    created_at: datetime
    processed_at: datetime
    updated_at: datetime
    currency: str
    financial_status: str | None = "PAID"
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    test: bool = False
    edited: bool = False
    email: str | None = None
    phone: str | None = None
    po_number: str | None = None
    note: str | None = None
    source_name: str | None = "web"
    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    presentment_currency: str = ""
    presentment_rate: Decimal = Decimal(1)
    taxes_included: bool = False
    risk_level: str = "PENDING"
    recommendation: str = "NONE"
    shipping_address: Address | None = None
    billing_address: Address | None = None
    customer_id: int | None = None
    customer_tags: list[str] = field(default_factory=list)
    customer_note: str | None = None
    metafields: dict[str, str] = field(default_factory=dict)
    """`namespace.key` -> value."""
    lines: list[Line] = field(default_factory=list)
    shipping_lines: list[ShippingLine] = field(default_factory=list)
    fulfillment_orders: list[FulfillmentOrder] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    units: list[Units] = field(default_factory=list)
    discount_codes: list[str] = field(default_factory=list)
    gateway: str = "shopify_payments"
    correction: Decimal = ZERO
    original: Totals = field(default_factory=Totals)
    totals: Totals = field(default_factory=Totals)
    received: Decimal = ZERO
    refunded: Decimal = ZERO
