"""Which rows each V1 list shows, parameter by parameter, documented and seen in webhook addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncd.sandbox.shipstation.pacific import wall
from syncd.sandbox.shipstation.records import Fulfillment, Order, Product, Shipment
from syncd.sandbox.shipstation.refusals import Invalid
from syncd.sandbox.shipstation.v1_queries import Query, Sieve

STATUSES = frozenset(
    {
        "awaiting_payment",
        "awaiting_shipment",
        "pending_fulfillment",
        "shipped",
        "on_hold",
        "cancelled",
        "rejected_fulfillment",
    }
)


def listed_orders(rows: Iterable[Order], query: Query) -> list[Order]:
    sieve = Sieve[Order](query)
    sieve.equal(query.whole("storeId"), lambda row: row.store_id)
    sieve.equal(_status(query), lambda row: row.status)
    sieve.equal(query.text("importBatch"), lambda row: row.import_batch)
    sieve.equal(query.text("customsCountryCode"), lambda row: _country(row.content.details))
    sieve.starts(query.text("orderNumber"), lambda row: row.content.order_number)
    sieve.contains(query.text("customerName"), lambda row: f"{_name(row, 'shipTo')} {_name(row, 'billTo')}")
    sieve.contains(query.text("itemKeyword"), _item_words)
    # The words of the documentation: "after" and "before", but orderDateEnd "less than or equal to".
    sieve.after("createDateStart", lambda row: row.created_at)
    sieve.before("createDateEnd", lambda row: row.created_at)
    sieve.after("modifyDateStart", lambda row: row.modified_at)
    sieve.before("modifyDateEnd", lambda row: row.modified_at)
    sieve.after("paymentDateStart", lambda row: row.content.payment_date)
    sieve.before("paymentDateEnd", lambda row: row.content.payment_date)
    sieve.after("orderDateStart", lambda row: row.content.order_date)
    sieve.until("orderDateEnd", lambda row: row.content.order_date)
    tag_id = query.whole("tagId")
    if tag_id is not None:
        sieve.keep(lambda row: tag_id in row.content.tag_ids)
    return sieve.sorted(
        rows,
        lambda row: row.order_id,
        {
            "orderdate": lambda row: wall(row.content.order_date),
            "modifydate": lambda row: wall(row.modified_at),
            "createdate": lambda row: wall(row.created_at),
        },
    )


def listed_shipments(rows: Iterable[Shipment], query: Query) -> list[Shipment]:
    sieve = Sieve[Shipment](query)
    sieve.equal(query.whole("storeId"), lambda row: row.order.store_id)
    sieve.equal(query.whole("orderId"), lambda row: row.order.order_id)
    sieve.equal(query.whole("shipmentId"), lambda row: row.shipment_id)
    sieve.equal(query.whole("batchId"), lambda row: row.batch_id)
    sieve.equal(query.text("orderNumber"), lambda row: row.order.content.order_number)
    sieve.equal(query.text("carrierCode"), lambda row: row.carrier_code)
    sieve.equal(query.text("serviceCode"), lambda row: row.service_code)
    sieve.equal(query.text("trackingNumber"), lambda row: row.tracking_number)
    sieve.equal(query.text("recipientCountryCode"), lambda row: _country(row.order.content.details))
    sieve.contains(query.text("recipientName"), lambda row: _name(row.order, "shipTo"))
    sieve.from_("createDateStart", lambda row: row.created_at)
    sieve.until("createDateEnd", lambda row: row.created_at)
    sieve.from_("voidDateStart", lambda row: row.voided_at)
    sieve.until("voidDateEnd", lambda row: row.voided_at)
    sieve.days("shipDate", lambda row: row.ship_date)
    return sieve.sorted(
        rows,
        lambda row: (wall(row.created_at), row.shipment_id),
        {"shipdate": lambda row: row.ship_date, "createdate": lambda row: wall(row.created_at)},
    )


def listed_fulfillments(rows: Iterable[Fulfillment], query: Query) -> list[Fulfillment]:
    sieve = Sieve[Fulfillment](query)
    sieve.equal(query.whole("fulfillmentId"), lambda row: row.fulfillment_id)
    sieve.equal(query.whole("orderId"), lambda row: row.order.order_id)
    sieve.equal(query.text("orderNumber"), lambda row: row.order.content.order_number)
    sieve.equal(query.text("trackingNumber"), lambda row: row.tracking_number)
    sieve.contains(query.text("recipientName"), lambda row: _name(row.order, "shipTo"))
    sieve.from_("createDateStart", lambda row: row.created_at)
    sieve.until("createDateEnd", lambda row: row.created_at)
    sieve.days("shipDate", lambda row: row.ship_date)
    return sieve.sorted(
        rows,
        lambda row: row.fulfillment_id,
        {"shipdate": lambda row: row.ship_date, "createdate": lambda row: wall(row.created_at)},
    )


def listed_products(rows: Iterable[Product], query: Query) -> list[Product]:
    sieve = Sieve[Product](query)
    sieve.equal(query.text("sku"), lambda row: row.sku)
    sieve.equal(query.text("upc"), lambda row: row.details.get("upc"))
    sieve.contains(query.text("name"), lambda row: row.name)
    sieve.after("startDate", lambda row: row.created_at)
    sieve.before("endDate", lambda row: row.created_at)
    if not query.flag("showInactive"):
        sieve.keep(lambda row: bool(row.details.get("active", True)))
    return sieve.sorted(
        rows,
        lambda row: row.product_id,
        {
            "sku": lambda row: row.sku,
            "modifydate": lambda row: wall(row.modified_at),
            "createdate": lambda row: wall(row.created_at),
        },
    )


def _status(query: Query) -> str | None:
    status = (query.text("orderStatus") or "").lower()
    if status and status not in STATUSES:
        raise Invalid("orderStatus", f"The value '{status}' is not valid for OrderStatus.")
    return status or None


def _country(details: Mapping[str, Any]) -> object:
    return (details["shipTo"] or {}).get("country")


def _name(order: Order, address: str) -> str:
    return str((order.content.details[address] or {}).get("name") or "")


def _item_words(order: Order) -> str:
    return " ".join(f"{item.sku} {item.name} {item.details['options']}" for item in order.items)
