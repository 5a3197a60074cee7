"""The full account of a shop as JSON: what an auditor compares with ShipStation's side. Ids, units and counts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from syncd.sandbox.shopify.money import decimal_text
from syncd.sandbox.shopify.returning import unit_worth
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.standing import fulfilled_units, fulfillment_summary, open_units
from syncd.sandbox.shopify.state import Fulfillment, FulfillmentOrder, Order, Refund, Return, gid
from syncd.sandbox.shopify.stock import Level
from syncd.sandbox.shopify.times import utc_text


def shop_dump(shop: Shop) -> dict[str, Any]:
    outbox = shop.outbox
    return {
        "orders": [order_dump(order) for order in shop.orders.values()],
        "counters": {
            **asdict(shop.calls),
            "webhooks": asdict(outbox.counters) | {"waiting": outbox.waiting},
            "mails": sum(len(done.mailed) for done in shop.fulfillments.values()),
        },
        "subscriptions": [
            {"id": gid("WebhookSubscription", entry.id), "topic": entry.topic, "uri": entry.uri}
            for entry in outbox.subscriptions.values()
        ],
        "subscriptions_removed": list(outbox.removed),
        "inventory": [_level(level) for level in shop.stock.levels()],
    }


def _level(level: Level) -> dict[str, Any]:
    return {
        "sku": level.variant.sku,
        "locationId": level.location_id,
        "onHand": level.on_hand,
        "committed": level.committed,
        "available": level.available,
    }


def order_dump(order: Order) -> dict[str, Any]:
    done, left = fulfilled_units(order), open_units(order)
    return {
        "id": order.id,
        "gid": gid("Order", order.id),
        "name": order.name,
        "createdAt": utc_text(order.created_at),
        "updatedAt": utc_text(order.updated_at),
        "cancelledAt": utc_text(order.cancelled_at) if order.cancelled_at else None,
        "closed": order.closed_at is not None,
        "test": order.test,
        "financialStatus": order.financial_status,
        "fulfillmentStatus": fulfillment_summary(order),
        "risk": order.recommendation,
        "total": decimal_text(order.totals.total),
        "note": order.note,
        "customerNote": order.customer_note,
        "tags": list(order.tags),
        "lines": [
            {
                "id": line.id,
                "sku": line.sku,
                "quantity": line.quantity,
                "currentQuantity": line.current_quantity,
                "fulfilled": done[line.id],
                "remaining": left[line.id],
                "requiresShipping": line.requires_shipping,
                "isGiftCard": line.is_gift_card,
                "unitWorth": str(unit_worth(line)),
            }
            for line in order.lines
        ],
        "fulfillmentOrders": [_fulfillment_order(entry) for entry in order.fulfillment_orders],
        "unrouted": sum(units.quantity - units.fulfilled for units in order.units),
        "fulfillments": [_fulfillment(entry) for entry in order.fulfillments],
        "received": decimal_text(order.received),
        "refunded": decimal_text(order.refunded),
        "refunds": [_refund(entry) for entry in order.refunds],
        "returns": [_return(entry) for entry in order.returns],
    }


def _refund(entry: Refund) -> dict[str, Any]:
    return {
        "id": entry.id,
        "amount": decimal_text(entry.amount),
        "note": entry.note,
        "lines": {str(part.line.id): part.quantity for part in entry.lines},
        "restockTypes": sorted({part.restock_type for part in entry.lines}),
    }


def _return(entry: Return) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "status": entry.status,
        "lines": {str(line.part.line.id): line.quantity for line in entry.lines},
        "processed": {str(line.part.line.id): line.processed for line in entry.lines},
        "tracking": [delivery.number for delivery in entry.deliveries],
        "notes": [line.return_reason_note for line in entry.lines],
        "labels": [delivery.label_url for delivery in entry.deliveries if delivery.label_url],
    }


def _fulfillment_order(entry: FulfillmentOrder) -> dict[str, Any]:
    return {
        "id": entry.id,
        "status": entry.status,
        "locationId": entry.location_id,
        "deliveryMethod": entry.method,
        "holds": [hold.reason for hold in entry.holds],
        "lines": [
            {"id": part.id, "lineId": part.line.id, "total": part.total, "remaining": part.remaining}
            for part in entry.lines
        ],
    }


def _fulfillment(entry: Fulfillment) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "status": entry.status,
        "locationId": entry.location_id,
        "createdAt": utc_text(entry.created_at),
        "tracking": [asdict(row) for row in entry.tracking],
        "lines": {str(part.line.id): part.quantity for part in entry.lines},
        "events": [[one.status, utc_text(one.happened_at)] for one in entry.events],
        "mails": len(entry.mailed),
        "mailed": entry.mailed,
    }
