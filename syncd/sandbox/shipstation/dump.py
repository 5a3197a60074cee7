"""The whole account as plain JSON, for checks that compare it with what was promised."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.pacific import wall_text
from syncd.sandbox.shipstation.records import Fulfillment, Item, Order, Shipment

Document = dict[str, Any]

CHOSEN = ("carrierCode", "serviceCode", "packageCode", "confirmation", "insuranceOptions")
CUSTOM_FIELDS = ("customField1", "customField2", "customField3")


def account_dump(account: Account) -> Document:
    """`orders` by orderKey holds those alive; `gone_orders` those deleted or merged away, whose keys may be in use again."""
    alive = [order for order in account.orders.values() if order.gone is None]
    orders: Document = {}
    for order in alive:
        # Split children may share their parent's key: then the id tells them apart.
        orders[f"{order.key}#{order.order_id}" if order.key in orders else order.key] = order_dump(order)
    return {
        "now": account.now().isoformat(),
        "orders": orders,
        "gone_orders": [order_dump(order) for order in account.orders.values() if order.gone],
        "shipments": [shipment_dump(shipment) for shipment in account.shipments.values()],
        "fulfillments": [_fulfillment_dump(row) for row in account.fulfillments.values()],
    }


def order_dump(order: Order) -> Document:
    return {
        "orderId": order.order_id,
        "orderKey": order.key,
        "orderNumber": order.content.order_number,
        "status": order.status,
        "gone": order.gone,
        "storeId": order.store_id,
        "warehouseId": order.content.warehouse_id,
        "items": [_item_dump(item) for item in order.items],
        "orderTotal": order.total,
        "amountPaid": order.content.amount_paid,
        "holdUntilDate": order.hold_until.isoformat() if order.hold_until else None,
        "parentId": order.parent_id,
        "mergedIds": list(order.merged_ids),
        "tagIds": list(order.content.tag_ids),
        "shipTo": order.content.details["shipTo"],
        "internalNotes": order.content.details["internalNotes"],
        **{name: order.content.details[name] for name in CHOSEN},
        **{name: order.content.advanced[name] for name in CUSTOM_FIELDS},
        "createDate": wall_text(order.created_at),
        "modifyDate": wall_text(order.modified_at),
    }


def shipment_dump(shipment: Shipment) -> Document:
    return {
        "shipmentId": shipment.shipment_id,
        "orderId": shipment.order.order_id,
        "orderKey": shipment.order.key,
        "trackingNumber": shipment.tracking_number,
        "carrierCode": shipment.carrier_code,
        "serviceCode": shipment.service_code,
        "isReturnLabel": shipment.is_return,
        "voided": shipment.voided_at is not None,
        "voidedAt": _moment(shipment.voided_at),
        "items": [_item_dump(item) for item in shipment.items],
    }


def _item_dump(item: Item) -> Document:
    return {
        "orderItemId": item.item_id,
        "lineItemKey": item.line_item_key,
        "sku": item.sku,
        "quantity": item.quantity,
        "adjustment": item.adjustment,
    }


def _fulfillment_dump(row: Fulfillment) -> Document:
    return {
        "fulfillmentId": row.fulfillment_id,
        "orderId": row.order.order_id,
        "orderKey": row.order.key,
        "trackingNumber": row.tracking_number,
        "carrierCode": row.carrier_name,
        "voided": row.voided_at is not None,
        "voidedAt": _moment(row.voided_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
