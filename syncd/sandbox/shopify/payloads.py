"""Webhook bodies: the REST shape of orders, fulfillments and refunds, and the thin bodies of edits and fulfillment orders.

Fields, spellings and gaps are those of recorded deliveries: offset times, `10.00` money, lower-case statuses, no fulfillment
orders in an order and no order in a fulfillment order.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

from syncd.sandbox.shopify.money import money_text
from syncd.sandbox.shopify.options import ShopOptions
from syncd.sandbox.shopify.standing import fulfilled_units, fulfillment_summary, open_units
from syncd.sandbox.shopify.state import (
    Address,
    Fulfillment,
    FulfillmentOrder,
    Hold,
    Line,
    Order,
    Refund,
    ShippingLine,
    Tax,
    gid,
)
from syncd.sandbox.shopify.times import shop_text

_SUMMARY = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}


class _Writer:
    """Spells amounts and times of one order for one shop."""

    def __init__(self, order: Order, options: ShopOptions) -> None:
        self.order = order
        self.options = options
        self.fulfilled = fulfilled_units(order)
        self.open = open_units(order)

    def time(self, moment: datetime | None) -> str | None:
        return None if moment is None else shop_text(moment, self.options.timezone)

    def money(self, amount: Decimal) -> str:
        return money_text(amount, self.order.currency)

    def bag(self, amount: Decimal) -> dict[str, dict[str, str]]:
        currency = self.order.presentment_currency or self.order.currency
        shown = money_text(amount * self.order.presentment_rate, currency)
        return {
            "shop_money": {"amount": self.money(amount), "currency_code": self.order.currency},
            "presentment_money": {"amount": shown, "currency_code": currency},
        }

    def pair(self, name: str, amount: Decimal) -> dict[str, Any]:
        return {name: self.money(amount), f"{name}_set": self.bag(amount)}


def order_body(order: Order, options: ShopOptions) -> dict[str, Any]:
    spell = _Writer(order, options)
    return {
        **_identity(order, spell),
        **_amounts(order, spell),
        "billing_address": _address(order.billing_address, options),
        "customer": _customer(order, options),
        "discount_applications": [_application()] if order.original.discounts else [],
        "discount_codes": [{"code": code, "amount": "0.00", "type": "fixed_amount"} for code in order.discount_codes],
        "fulfillments": [fulfillment_body(entry, options) for entry in order.fulfillments],
        "line_items": [_line(line, spell) for line in order.lines],
        "payment_terms": None,
        "refunds": [refund_body(order, entry, options) for entry in order.refunds],
        "shipping_address": _address(order.shipping_address, options),
        "shipping_lines": [_shipping_line(entry, spell) for entry in order.shipping_lines],
        "returns": [],
        "line_item_groups": [],
    }


def _identity(order: Order, spell: _Writer) -> dict[str, Any]:
    shown = spell.options.level_2_data
    return {
        "id": order.id,
        "admin_graphql_api_id": gid("Order", order.id),
        "app_id": 580111,
        "cancel_reason": order.cancel_reason.lower() if order.cancel_reason else None,
        "cancelled_at": spell.time(order.cancelled_at),
        "closed_at": spell.time(order.closed_at),
        "confirmation_number": f"C{order.id % 10**9:09d}",
        "confirmed": True,
        "contact_email": order.email if shown else None,
        "created_at": spell.time(order.created_at),
        "currency": order.currency,
        "email": (order.email or "") if shown else "",
        "financial_status": order.financial_status.lower() if order.financial_status else None,
        "fulfillment_status": _SUMMARY.get(fulfillment_summary(order)),
        "location_id": None,
        "merchant_business_entity_id": "MTIyOTA1NzQ5NTgy",
        "name": order.name,
        "note": order.note,
        "note_attributes": [{"name": key, "value": value} for key, value in order.attributes],
        "number": order.number - 1000,
        "order_number": order.number,
        "payment_gateway_names": [order.gateway],
        "phone": order.phone if shown else None,
        "po_number": order.po_number,
        "presentment_currency": order.presentment_currency or order.currency,
        "processed_at": spell.time(order.processed_at),
        "source_identifier": None,
        "source_name": order.source_name,
        "tags": ", ".join(order.tags),
        "taxes_included": order.taxes_included,
        "test": order.test,
        "token": f"{order.id:032x}",
        "total_weight": sum(line.grams * line.current_quantity for line in order.lines),
        "updated_at": spell.time(order.updated_at),
        "user_id": None,
    }


def _amounts(order: Order, spell: _Writer) -> dict[str, Any]:
    now, first = order.totals, order.original
    return {
        "current_shipping_price_set": spell.bag(now.shipping),
        **spell.pair("current_subtotal_price", now.subtotal),
        **spell.pair("current_total_discounts", now.discounts),
        "current_total_duties_set": None,
        **spell.pair("current_total_price", now.total),
        **spell.pair("current_total_tax", now.tax),
        **spell.pair("subtotal_price", first.subtotal),
        "tax_lines": [],
        **spell.pair("total_discounts", first.discounts),
        **spell.pair("total_line_items_price", first.subtotal + first.discounts),
        "total_outstanding": spell.money(max(Decimal(0), now.total - order.received + order.refunded)),
        **spell.pair("total_price", first.total),
        "total_shipping_price_set": spell.bag(first.shipping),
        **spell.pair("total_tax", first.tax),
        "total_tip_received": "0.00",
    }


def _customer(order: Order, options: ShopOptions) -> dict[str, Any] | None:
    if order.customer_id is None:
        return None
    address = order.billing_address if options.level_2_data else None
    return {
        "id": order.customer_id,
        "admin_graphql_api_id": gid("Customer", order.customer_id),
        "email": order.email if options.level_2_data else None,
        "first_name": address.first_name if address else None,
        "last_name": address.last_name if address else None,
        "state": "disabled",
        "verified_email": True,
    }


def _address(address: Address | None, options: ShopOptions) -> dict[str, Any] | None:
    if address is None:
        return None
    region = {
        "country": address.country,
        "province": address.province,
        "country_code": address.country_code_v2,
        "province_code": address.province_code,
    }
    if not options.level_2_data:
        return region
    return {
        "first_name": address.first_name,
        "last_name": address.last_name,
        "name": address.name,
        "company": address.company,
        "address1": address.address1,
        "address2": address.address2,
        "city": address.city,
        "zip": address.zip,
        "phone": address.phone,
        "latitude": None,
        "longitude": None,
        **region,
    }


def _line(line: Line, spell: _Writer) -> dict[str, Any]:
    done, to_do = spell.fulfilled[line.id], spell.open[line.id]
    variant = line.variant
    return {
        "id": line.id,
        "admin_graphql_api_id": gid("LineItem", line.id),
        "attributed_staffs": [],
        "current_quantity": line.current_quantity,
        "fulfillable_quantity": to_do,
        "fulfillment_service": "gift_card" if line.is_gift_card else "manual",
        "fulfillment_status": None if not done else "partial" if to_do else "fulfilled",
        "gift_card": line.is_gift_card,
        "grams": line.grams,
        "name": line.name,
        **spell.pair("price", line.price),
        "product_exists": variant is not None,
        "product_id": variant.product_id if variant else None,
        "properties": [{"name": key, "value": value} for key, value in line.properties],
        "quantity": line.quantity,
        "requires_shipping": line.requires_shipping,
        "sku": line.sku,
        "taxable": line.taxable,
        "title": line.title,
        **spell.pair("total_discount", Decimal(0)),
        "variant_id": variant.id if variant else None,
        "variant_inventory_management": "shopify" if variant else None,
        "variant_title": line.variant_title,
        "vendor": line.vendor,
        "tax_lines": [_tax(tax, spell) for tax in line.taxes],
        "duties": [],
        "discount_allocations": [_allocation(line, spell)] if line.discount else [],
    }


def _allocation(line: Line, spell: _Writer) -> dict[str, Any]:
    return {**spell.pair("amount", line.discount), "discount_application_index": 0}


def _application() -> dict[str, Any]:
    """All discounts of an order stand under one: its value is only in the allocations."""
    return {
        "type": "manual", "target_type": "line_item", "target_selection": "all", "allocation_method": "across",
        "value_type": "fixed_amount", "value": "0.0", "title": "Discount", "description": "Discount",
    }  # fmt: skip


def _tax(tax: Tax, spell: _Writer) -> dict[str, Any]:
    return {"title": tax.title, "rate": tax.rate, "channel_liable": False, **spell.pair("price", tax.price)}


def _shipping_line(line: ShippingLine, spell: _Writer) -> dict[str, Any]:
    return {
        "id": line.id,
        "carrier_identifier": None,
        "code": line.code,
        "current_discounted_price_set": spell.bag(line.discounted_price),
        **spell.pair("discounted_price", line.discounted_price),
        "is_removed": line.is_removed,
        "phone": line.phone,
        **spell.pair("price", line.price),
        "requested_fulfillment_service_id": None,
        "source": line.source,
        "title": line.title,
        "tax_lines": [_tax(tax, spell) for tax in line.taxes],
        "discount_allocations": [],
    }


def fulfillment_body(fulfillment: Fulfillment, options: ShopOptions) -> dict[str, Any]:
    order = fulfillment.order
    spell = _Writer(order, options)
    tracking = fulfillment.tracking
    first = tracking[0] if tracking else None
    return {
        "id": fulfillment.id,
        "admin_graphql_api_id": gid("Fulfillment", fulfillment.id),
        "order_id": order.id,
        "name": fulfillment.name,
        "status": fulfillment.status.lower(),
        "service": "manual",
        "location_id": fulfillment.location_id,
        "shipment_status": None,
        "tracking_company": first.company if first else None,
        "tracking_number": first.number if first else None,
        "tracking_numbers": [entry.number for entry in tracking if entry.number],
        "tracking_url": first.url if first else None,
        "tracking_urls": [entry.url for entry in tracking if entry.url],
        "line_items": [{**_line(entry.line, spell), "quantity": entry.quantity} for entry in fulfillment.lines],
        "destination": _address(order.shipping_address, options),
        "email": order.email if options.level_2_data else None,
        "origin_address": None,
        "receipt": {},
        "created_at": spell.time(fulfillment.created_at),
        "updated_at": spell.time(fulfillment.updated_at),
    }


def refund_body(order: Order, refund: Refund, options: ShopOptions) -> dict[str, Any]:
    spell = _Writer(order, options)
    lines = [
        {
            "id": entry.id,
            "line_item_id": entry.line.id,
            "location_id": None,
            "quantity": entry.quantity,
            "restock_type": entry.restock_type.lower(),
            "subtotal": float(entry.line.price * entry.quantity),
            "total_tax": 0.0,
            "line_item": _line(entry.line, spell),
        }
        for entry in refund.lines
    ]
    return {
        "id": refund.id,
        "admin_graphql_api_id": gid("Refund", refund.id),
        "order_id": order.id,
        "created_at": spell.time(refund.created_at),
        "processed_at": spell.time(refund.created_at),
        "note": refund.note,
        "restock": any(entry.restock_type != "NO_RESTOCK" for entry in refund.lines),
        "user_id": None,
        "return": None,
        "refund_line_items": lines,
        "refund_shipping_lines": [],
        "order_adjustments": [],
        "transactions": [],
        "duties": [],
        "total_duties_set": spell.bag(Decimal(0)),
    }


def edit_body(
    order: Order, edit_id: int, additions: Counter[int], removals: Counter[int], options: ShopOptions
) -> dict[str, Any]:
    """Line id -> units. There is no order in it, only deltas."""
    moment = shop_text(order.updated_at, options.timezone)
    lines = {
        "additions": [{"id": line_id, "delta": units} for line_id, units in additions.items()],
        "removals": [{"id": line_id, "delta": units} for line_id, units in removals.items()],
    }
    nothing: dict[str, list[Any]] = {"additions": [], "removals": []}
    edit = {
        "id": edit_id, "app_id": None, "created_at": moment, "committed_at": moment, "notify_customer": False,
        "order_id": order.id, "staff_note": "", "user_id": None, "line_items": lines,
        "discounts": {"line_item": nothing}, "shipping_lines": nothing,
    }  # fmt: skip
    return {"order_edit": edit}


def thin(fulfillment_order: FulfillmentOrder | None) -> dict[str, Any] | None:
    if fulfillment_order is None:
        return None
    return {"id": gid("FulfillmentOrder", fulfillment_order.id), "status": fulfillment_order.status.lower()}


def hold_body(hold: Hold) -> dict[str, Any]:
    return {
        "id": gid("FulfillmentHold", hold.id),
        "reason": hold.reason.lower(),
        "reason_notes": hold.reason_notes,
        "held_by_requesting_app": hold.by_app,
        "handle": hold.handle,
        "held_by_app": {"id": gid("App", 580111)} if hold.by_app else None,
    }
