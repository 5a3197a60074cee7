"""Account rows -> V2 documents: `se-` ids with the numbers of V1, times in UTC, amounts with their currency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from syncd.sandbox.shipstation.carriage import WORDS, Journey, Scan
from syncd.sandbox.shipstation.catalog import PACKAGES, Carrier, tracking_page
from syncd.sandbox.shipstation.options import InventoryLocation, Warehouse
from syncd.sandbox.shipstation.pacific import midnight
from syncd.sandbox.shipstation.rates import Rate
from syncd.sandbox.shipstation.records import Fulfillment, Item, Order, Product, Shipment
from syncd.sandbox.shipstation.stock import Level
from syncd.sandbox.shipstation.v2_bodies import ADDRESS, ADVANCED, CARRIER_CODES

Document = dict[str, Any]

SINCE = "2014-07-25T18:05:55.307Z"
STATUSES = {"shipped": "label_purchased", "cancelled": "cancelled", "pending_fulfillment": "processing"}
CARRIER_IDS = {code: provider_id for provider_id, code in CARRIER_CODES.items()}
TRACKING_STATUSES = {"DE": "delivered", "EX": "error", "UN": "unknown", "NY": "unknown"}


def se(number: int | None) -> str | None:
    return None if number is None else f"se-{number}"


def moment_text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_text(day: date | None) -> str | None:
    """Pure dates are shown as midnight UTC."""
    return None if day is None else moment_text(datetime.combine(day, time(), UTC))


def shipment_document(order: Order, tags: Mapping[int, str]) -> Document:
    content, details = order.content, order.content.details
    return {
        "shipment_id": se(order.order_id),
        "carrier_id": se(CARRIER_IDS.get(details["carrierCode"])),
        "service_code": details["serviceCode"],
        "requested_shipment_service": details["requestedShippingService"],
        "external_shipment_id": order.key,
        "shipment_number": content.order_number,
        "external_order_id": details.get("externalOrderId"),
        "hold_until_date": moment_text(midnight(order.hold_until)) if order.hold_until else None,
        "ship_date": day_text(content.ship_date),
        "ship_by_date": moment_text(content.ship_by_date),
        "created_at": moment_text(order.created_at),
        "modified_at": moment_text(order.modified_at),
        "shipment_status": STATUSES.get(order.status, "pending"),
        "store_id": se(order.store_id),
        "ship_to": address_document(details["shipTo"], details["customerEmail"]),
        "ship_from": None,
        "return_to": None,
        "warehouse_id": se(content.warehouse_id),
        "is_return": False,
        "items": [_item(item) for item in order.items],
        "notes_from_buyer": details["customerNotes"],
        "notes_for_gift": details["giftMessage"],
        "internal_notes": details["internalNotes"],
        "is_gift": details["gift"],
        "amount_paid": money_document(content.amount_paid),
        "shipping_paid": money_document(content.shipping_amount),
        "tax_paid": money_document(content.tax_amount),
        "confirmation": details["confirmation"],
        "customs": _customs(details["internationalOptions"]),
        "advanced_options": {theirs: order.content.advanced.get(ours) for ours, theirs in ADVANCED.items()},
        "insurance_provider": (details["insuranceOptions"] or {}).get("provider") or "none",
        "tags": [{"name": tags[tag_id]} for tag_id in content.tag_ids if tag_id in tags],
        "packages": [_package(details)],
        "total_weight": _weight(details["weight"]),
    }


def label_document(shipment: Shipment, journey: Journey) -> Document:
    order = shipment.order
    return {
        "label_id": se(shipment.shipment_id),
        "status": "voided" if shipment.voided_at else "completed",
        "shipment_id": se(order.order_id),
        "external_shipment_id": order.key,
        "external_order_id": order.content.details.get("externalOrderId"),
        "ship_date": day_text(shipment.ship_date),
        "created_at": moment_text(shipment.created_at),
        "shipment_cost": money_document(shipment.cost),
        "insurance_cost": money_document(Decimal(0)),
        "tracking_number": shipment.tracking_number,
        "tracking_url": tracking_page(shipment.carrier_code, shipment.tracking_number),
        "tracking_status": TRACKING_STATUSES.get(journey.status_code, "in_transit"),
        "trackable": True,
        "is_return_label": shipment.is_return,
        "outbound_label_id": se(shipment.outbound_id),
        "rma_number": None,
        "is_international": (order.content.details["shipTo"] or {}).get("country") != "US",
        "batch_id": se(shipment.batch_id),
        "carrier_id": se(CARRIER_IDS.get(shipment.carrier_code)),
        "carrier_code": shipment.carrier_code,
        "service_code": shipment.service_code,
        "package_code": order.content.details["packageCode"] or "package",
        "voided": shipment.voided_at is not None,
        "voided_at": moment_text(shipment.voided_at),
        "void_type": "manual" if shipment.voided_at else None,
        "label_format": "pdf",
        "label_layout": "4x6",
        "label_download": {"href": f"https://api.shipstation.com/v2/downloads/1/{shipment.shipment_id}/label.pdf"},
        "packages": [
            _package(order.content.details) | {"tracking_number": number, "sequence": place}
            for place, number in enumerate((shipment.tracking_number, *shipment.more_numbers), 1)
        ],
        "ship_to": address_document(order.content.details["shipTo"], None),
    }


def tracking_document(shipment: Shipment, journey: Journey) -> Document:
    last = journey.scans[-1] if journey.scans else None
    return {
        "tracking_number": shipment.tracking_number,
        "tracking_url": tracking_page(shipment.carrier_code, shipment.tracking_number),
        "status_code": journey.status_code,
        "status_detail_code": last.detail_code if last else None,
        "carrier_code": shipment.carrier_code,
        "carrier_id": CARRIER_IDS.get(shipment.carrier_code),
        "status_description": WORDS[journey.status_code],
        "status_detail_description": None,
        "carrier_status_code": None,
        "carrier_detail_code": None,
        "carrier_status_description": last.carrier_words if last else None,
        "ship_date": day_text(shipment.ship_date),
        "estimated_delivery_date": day_text(journey.estimated_on),
        "actual_delivery_date": moment_text(journey.delivered_at),
        "exception_description": last.carrier_words if last and last.status_code == "EX" else None,
        "events": [_event(scan) for scan in reversed(journey.scans)],
    }


def _event(scan: Scan) -> Document:
    return {
        "occurred_at": moment_text(scan.at),
        "carrier_occurred_at": moment_text(scan.at),
        "description": scan.carrier_words,
        "city_locality": scan.city,
        "state_province": scan.state,
        "postal_code": "",
        "country_code": "US",
        "company_name": "",
        "signer": "",
        "event_code": scan.detail_code or scan.status_code,
        "carrier_detail_code": None,
        "status_code": scan.status_code,
        "status_detail_code": scan.detail_code,
        "status_description": WORDS[scan.status_code],
        "status_detail_description": None,
        "carrier_status_code": scan.status_code,
        "carrier_status_description": scan.carrier_words,
        "latitude": None,
        "longitude": None,
    }


def fulfillment_document(row: Fulfillment) -> Document:
    return {
        "fulfillment_id": se(row.fulfillment_id),
        "shipment_id": se(row.order.order_id),
        "shipment_number": row.order.content.order_number,
        "user_id": None,
        "tracking_number": row.tracking_number,
        "created_at": moment_text(row.created_at),
        "ship_date": day_text(row.ship_date),
        "voided_at": moment_text(row.voided_at),
        "delivered_at": None,
        "fulfillment_carrier_friendly_name": row.carrier_name,
        "fulfillment_provider_id": None,
        "fulfillment_provider_friendly_name": None,
        "fulfillment_provider_code": None,
        "fulfillment_service_code": None,
        "fulfillment_fee": money_document(Decimal(0)),
        "void_requested": False,
        "voided": row.voided_at is not None,
        "order_source_notified": False,
        "notification_error_message": None,
        "ship_to": _without_indicator(address_document(row.order.content.details["shipTo"], None)),
    }


def inventory_document(level: Level) -> Document:
    return {
        "sku": level.sku,
        "on_hand": level.on_hand,
        "allocated": level.allocated,
        "available": level.available,
        "average_cost": money_document(level.cost),
        "inventory_warehouse_id": se(level.location.inventory_warehouse_id),
        "inventory_location_id": se(level.location.location_id),
    }


def inventory_location_document(location: InventoryLocation) -> Document:
    return {
        "inventory_location_id": se(location.location_id),
        "name": location.name,
        "inventory_warehouse_id": se(location.inventory_warehouse_id),
        "created_at": SINCE,
        "updated_at": SINCE,
        "barcode": None,
    }


def inventory_warehouse_document(location: InventoryLocation) -> Document:
    return {
        "inventory_warehouse_id": se(location.inventory_warehouse_id),
        "name": location.inventory_warehouse_name,
        "created_at": SINCE,
        "updated_at": SINCE,
    }


def product_document(product: Product) -> Document:
    details = product.details
    return {
        "product_id": product.product_id,
        "sku": product.sku,
        "name": product.name,
        "upc": details.get("upc"),
        "price": money_document(product.price),
        "weight": None if product.weight_oz is None else {"value": product.weight_oz, "unit": "ounce"},
        "create_date": moment_text(product.created_at),
        "modify_date": moment_text(product.modified_at),
        "active": details.get("active", True),
        "customs_description": details.get("customsDescription"),
        "customs_value": details.get("customsValue"),
        "customs_tariff_no": details.get("customsTariffNo"),
        "customs_country_code": details.get("customsCountryCode"),
        "warehouse_location": details.get("warehouseLocation"),
        "fulfillment_sku": details.get("fulfillmentSku"),
        "is_bundle": False,
        "bundle_components": None,
    }


def warehouse_document(warehouse: Warehouse) -> Document:
    address = address_document(
        {"name": warehouse.name, "street1": "1 Dock Road", "city": "Austin", "state": "TX"}, None
    )
    address |= {"postal_code": "78703", "country_code": "US"}
    return {
        "warehouse_id": se(warehouse.warehouse_id),
        "is_default": warehouse.is_default,
        "name": warehouse.name,
        "created_at": SINCE,
        "origin_address": address,
        "return_address": address,
    }


def carrier_document(carrier: Carrier) -> Document:
    return {
        "carrier_id": se(carrier.provider_id),
        "carrier_code": carrier.code,
        "account_number": carrier.account_number,
        "connection_status": "approved",
        "requires_funded_amount": carrier.requires_funds,
        "balance": Decimal("24.27") if carrier.requires_funds else 0,
        "nickname": carrier.name,
        "friendly_name": carrier.name,
        "primary": True,
        "disabled_by_billing_plan": False,
        "services": [
            {
                "carrier_id": se(carrier.provider_id),
                "carrier_code": carrier.code,
                "service_code": code,
                "name": name,
                "domestic": not is_international,
                "international": is_international,
                "is_multi_package_supported": False,
            }
            for code, name, is_international in carrier.services
        ],
        "packages": [{"package_code": code, "name": name} for code, name, _ in PACKAGES],
        "options": [],
    }


def address_document(address: Mapping[str, Any] | None, email: str | None) -> Document:
    given = address or {}
    residential = given.get("residential")
    indicator = "unknown" if residential is None else "yes" if residential else "no"
    known = {theirs: given.get(ours) for ours, theirs in ADDRESS.items()}
    return known | {"email": email, "address_residential_indicator": indicator}


def _without_indicator(address: Document) -> Document:
    return {name: value for name, value in address.items() if name != "address_residential_indicator"}


def money_document(value: Decimal) -> Document:
    return {"currency": "usd", "amount": value}


def _item(item: Item) -> Document:
    details = item.details
    return {
        "item_id": se(item.item_id),
        "name": item.name,
        "sku": item.sku,
        "quantity": item.quantity,
        "unit_price": item.unit_price,
        "tax_amount": item.tax_amount,
        "shipping_amount": item.shipping_amount,
        "external_order_item_id": item.line_item_key,
        "product_id": se(item.product_id),
        "image_url": details["imageUrl"],
        "weight": _weight(details["weight"]),
        "inventory_location": details["warehouseLocation"],
        "options": [{"name": row.get("name"), "value": row.get("value")} for row in details["options"]],
        "fullfilment_sku": details["fulfillmentSku"],
        "upc": details["upc"],
    }


def _package(details: Mapping[str, Any]) -> Document:
    insured = (details["insuranceOptions"] or {}).get("insuredValue") or Decimal(0)
    return {
        "package_code": details["packageCode"] or "package",
        "weight": _weight(details["weight"]),
        "dimensions": details["dimensions"],
        "insured_value": money_document(Decimal(insured)),
    }


def _weight(weight: Mapping[str, Any] | None) -> Document:
    if weight is None:
        return {"value": Decimal("0.0"), "unit": "ounce"}
    return {"value": weight["value"], "unit": str(weight.get("units") or "ounces").lower().removesuffix("s")}


def _customs(customs: Mapping[str, Any] | None) -> Document | None:
    if not customs:
        return None
    return {
        "contents": customs.get("contents"),
        "non_delivery": customs.get("nonDelivery"),
        "customs_items": [
            {
                "customs_item_id": se(number),
                "description": item.get("description"),
                "quantity": item.get("quantity"),
                "value": item.get("value"),
                "value_currency": "usd",
                "harmonized_tariff_code": item.get("harmonizedTariffCode"),
                "country_of_origin": item.get("countryOfOrigin"),
            }
            for number, item in enumerate(customs.get("customsItems") or (), 1)
        ],
    }


def rate_document(rate: Rate, number: int) -> Document:
    nothing = money_document(Decimal(0))
    return {
        "rate_id": se(number),
        "rate_type": "shipment",
        "carrier_id": se(rate.carrier.provider_id),
        "carrier_code": rate.carrier.code,
        "carrier_nickname": rate.carrier.name,
        "carrier_friendly_name": rate.carrier.name,
        "service_type": rate.service_name,
        "service_code": rate.service_code,
        "package_type": "package",
        "shipping_amount": money_document(rate.amount),
        "insurance_amount": nothing,
        "confirmation_amount": nothing,
        "other_amount": nothing,
        "tax_amount": None,
        "zone": None,
        "delivery_days": rate.days,
        "guaranteed_service": False,
        "estimated_delivery_date": None,
        "negotiated_rate": False,
        "trackable": True,
        "validation_status": "invalid" if rate.refusal else "valid",
        "warning_messages": [],
        "error_messages": [rate.refusal] if rate.refusal else [],
    }
