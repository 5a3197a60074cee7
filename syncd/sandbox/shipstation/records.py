"""What a ShipStation account holds. Rows are immutable: a change is a new row, so that old states can still be read.

Times are UTC. `Any` marks parts that nothing here depends on; they are kept in the vendor's spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

OPEN_STATUSES = frozenset({"awaiting_payment", "awaiting_shipment", "on_hold", "pending_fulfillment"})


@dataclass(frozen=True)
class Item:
    """A line of an order. Amounts are per single unit. `adjustment` marks a discount or fee that nobody packs."""

    item_id: int
    line_item_key: str | None
    sku: str | None
    name: str
    quantity: int
    unit_price: Decimal
    tax_amount: Decimal | None
    shipping_amount: Decimal | None
    product_id: int | None
    adjustment: bool
    created_at: datetime
    modified_at: datetime
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """The part of an order that each upsert replaces as a whole."""

    order_number: str
    order_date: datetime
    payment_date: datetime | None
    ship_by_date: datetime | None
    ship_date: date | None
    warehouse_id: int | None
    amount_paid: Decimal
    tax_amount: Decimal
    shipping_amount: Decimal
    tag_ids: tuple[int, ...]
    details: Mapping[str, Any]
    advanced: Mapping[str, Any]


@dataclass(frozen=True)
class Draft:
    """One upsert as the account understands it. `items` carry no ids yet; `key` None asks for a made-up one."""

    order_id: int | None
    key: str | None
    status: str
    store_id: int | None
    content: Content
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Order:
    order_id: int
    key: str
    store_id: int
    status: str
    created_at: datetime
    modified_at: datetime
    content: Content
    items: tuple[Item, ...]
    customer_id: int | None = None
    hold_until: date | None = None
    parent_id: int | None = None
    merged_ids: tuple[int, ...] = ()
    is_merged_or_split: bool = False
    import_batch: str | None = None
    gone: Literal["deleted", "merged"] | None = None

    @property
    def is_open(self) -> bool:
        return self.gone is None and self.status in OPEN_STATUSES

    @property
    def total(self) -> Decimal:
        goods = sum((item.unit_price * item.quantity for item in self.items), Decimal(0))
        return goods + self.content.tax_amount + self.content.shipping_amount


@dataclass(frozen=True)
class Shipment:
    """One bought label. `items` are order lines with the quantity that is in this package."""

    shipment_id: int
    order: Order = field(repr=False)  # as it was when the label was bought
    created_at: datetime
    ship_date: date
    carrier_code: str
    service_code: str
    tracking_number: str
    cost: Decimal
    is_return: bool
    batch_id: int
    items: tuple[Item, ...]
    voided_at: datetime | None = None
    outbound_id: int | None = None  # of a return label: the package that comes back
    more_numbers: tuple[str, ...] = ()  # of the other packages, where one label is for several


@dataclass(frozen=True)
class Fulfillment:
    """An order marked as shipped without a label. It does not know its lines."""

    fulfillment_id: int
    order: Order = field(repr=False)
    created_at: datetime
    ship_date: date
    carrier_name: str | None
    tracking_number: str | None
    voided_at: datetime | None = None


@dataclass(frozen=True)
class Product:
    product_id: int
    sku: str
    name: str
    price: Decimal
    weight_oz: Decimal | None
    created_at: datetime
    modified_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subscription:
    webhook_id: int
    event: str
    url: str
    store_id: int | None
    name: str
