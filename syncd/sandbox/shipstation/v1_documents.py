"""Account rows -> V1 documents, member for member as recorded answers have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from syncd.sandbox.shipstation.catalog import PACKAGES, Carrier
from syncd.sandbox.shipstation.options import Store, Warehouse
from syncd.sandbox.shipstation.pacific import wall_text
from syncd.sandbox.shipstation.rates import Rate
from syncd.sandbox.shipstation.records import Fulfillment, Item, Order, Product, Shipment, Subscription

Document = dict[str, Any]

WEIGHT_UNITS = {"pounds": 0, "ounces": 1, "grams": 2}
ADDRESS = ("name", "company", "street1", "street2", "street3", "city", "state", "postalCode", "country", "phone")
NO_INSURANCE: Document = {"provider": None, "insureShipment": False, "insuredValue": Decimal("0.0")}
NOT_INTERNATIONAL: Document = {"contents": None, "customsItems": None, "nonDelivery": None}
BILLING = ("billToParty", "billToAccount", "billToPostalCode", "billToCountryCode")
STORE_SINCE = "2014-07-25T11:05:55.307"
PRODUCT_DEFAULTS = (
    "aliases",
    "defaultCost",
    "length",
    "width",
    "height",
    "internalNotes",
    "fulfillmentSku",
    "productCategory",
    "productType",
    "warehouseLocation",
    "defaultCarrierCode",
    "defaultServiceCode",
    "defaultPackageCode",
    "defaultIntlCarrierCode",
    "defaultIntlServiceCode",
    "defaultIntlPackageCode",
    "defaultConfirmation",
    "defaultIntlConfirmation",
    "customsDescription",
    "customsValue",
    "customsTariffNo",
    "customsCountryCode",
    "noCustoms",
    "tags",
    "upc",
)


def dumps(document: Any) -> bytes:
    """Amounts leave as JSON numbers; up to 15 digits of them survive, which is more than money needs."""
    return json.dumps(document, default=_number).encode()


def _number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} does not belong in an answer")


def order_document(order: Order) -> Document:
    content, details = order.content, order.content.details
    return {
        "orderId": order.order_id,
        "orderNumber": content.order_number,
        "orderKey": order.key,
        "orderDate": wall_text(content.order_date),
        "createDate": wall_text(order.created_at),
        "modifyDate": wall_text(order.modified_at),
        "paymentDate": wall_text(content.payment_date),
        "shipByDate": wall_text(content.ship_by_date),
        "orderStatus": order.status,
        "customerId": order.customer_id,
        "customerUsername": details["customerUsername"],
        "customerEmail": details["customerEmail"],
        "billTo": _address(details["billTo"], None),
        "shipTo": _address(details["shipTo"], "Address not yet validated"),
        "items": [item_document(item) for item in order.items],
        "orderTotal": order.total,
        "amountPaid": content.amount_paid,
        "taxAmount": content.tax_amount,
        "shippingAmount": content.shipping_amount,
        "customerNotes": details["customerNotes"],
        "internalNotes": details["internalNotes"],
        "gift": details["gift"],
        "giftMessage": details["giftMessage"],
        "paymentMethod": details["paymentMethod"],
        "requestedShippingService": details["requestedShippingService"],
        "carrierCode": details["carrierCode"],
        "serviceCode": details["serviceCode"],
        "packageCode": details["packageCode"],
        "confirmation": details["confirmation"],
        "shipDate": _date_text(content.ship_date),
        "holdUntilDate": _date_text(order.hold_until),
        "weight": _weight(details["weight"]),
        "dimensions": details["dimensions"],
        "insuranceOptions": NO_INSURANCE | (details["insuranceOptions"] or {}),
        "internationalOptions": NOT_INTERNATIONAL | (details["internationalOptions"] or {}),
        "advancedOptions": _advanced(order),
        "tagIds": list(content.tag_ids) or None,
        "userId": None,
        "externallyFulfilled": False,
        "externallyFulfilledBy": None,
        "externallyFulfilledById": None,
        "externallyFulfilledByName": None,
        "labelMessages": None,
    }


def item_document(item: Item) -> Document:
    return {
        "orderItemId": item.item_id,
        "lineItemKey": item.line_item_key,
        "sku": item.sku,
        "name": item.name,
        "imageUrl": item.details["imageUrl"],
        "weight": _weight(item.details["weight"]),
        "quantity": item.quantity,
        "unitPrice": item.unit_price,
        "taxAmount": item.tax_amount,
        "shippingAmount": item.shipping_amount,
        "warehouseLocation": item.details["warehouseLocation"],
        "options": list(item.details["options"]),
        "productId": item.product_id,
        "fulfillmentSku": item.details["fulfillmentSku"],
        "adjustment": item.adjustment,
        "upc": item.details["upc"],
        "createDate": wall_text(item.created_at),
        "modifyDate": wall_text(item.modified_at),
    }


def shipment_document(shipment: Shipment, with_items: bool) -> Document:
    """`shipmentItems` is null unless asked for."""
    order, details = shipment.order, shipment.order.content.details
    return {
        "shipmentId": shipment.shipment_id,
        "orderId": order.order_id,
        "orderKey": order.key,
        "userId": None,
        "customerEmail": details["customerEmail"],
        "orderNumber": order.content.order_number,
        "createDate": wall_text(shipment.created_at),
        "shipDate": shipment.ship_date.isoformat(),
        "shipmentCost": shipment.cost,
        "insuranceCost": Decimal("0.0"),
        "trackingNumber": shipment.tracking_number,
        "isReturnLabel": shipment.is_return,
        "batchNumber": None,
        "carrierCode": shipment.carrier_code,
        "serviceCode": shipment.service_code,
        "packageCode": details["packageCode"] or "package",
        "confirmation": details["confirmation"],
        "warehouseId": order.content.warehouse_id,
        "voided": shipment.voided_at is not None,
        "voidDate": wall_text(shipment.voided_at),
        "marketplaceNotified": False,
        "notifyErrorMessage": None,
        "shipTo": _address(details["shipTo"], None),
        "weight": _weight(details["weight"]),
        "dimensions": details["dimensions"],
        "insuranceOptions": NO_INSURANCE | (details["insuranceOptions"] or {}),
        "advancedOptions": {name: order.content.advanced[name] for name in BILLING} | {"storeId": order.store_id},
        "shipmentItems": [item_document(item) for item in shipment.items] if with_items else None,
        "labelData": None,
        "formData": None,
    }


def fulfillment_document(row: Fulfillment) -> Document:
    details = row.order.content.details
    return {
        "fulfillmentId": row.fulfillment_id,
        "orderId": row.order.order_id,
        "orderNumber": row.order.content.order_number,
        "userId": None,
        "customerEmail": details["customerEmail"],
        "trackingNumber": row.tracking_number,
        "createDate": wall_text(row.created_at),
        "shipDate": f"{row.ship_date.isoformat()}T00:00:00",
        "voidDate": wall_text(row.voided_at),
        "deliveryDate": None,
        "carrierCode": row.carrier_name,
        "sellerFillProviderId": None,
        "sellerFillProviderName": None,
        "fulfillmentProviderCode": None,
        "fulfillmentServiceCode": None,
        "fulfillmentFee": 0,
        "voidRequested": False,
        "voided": row.voided_at is not None,
        "marketplaceNotified": False,
        "notifyErrorMessage": None,
        "shipTo": _address(details["shipTo"], None),
    }


def product_document(product: Product) -> Document:
    known: Document = {
        "productId": product.product_id,
        "sku": product.sku,
        "name": product.name,
        "price": product.price,
        "weightOz": product.weight_oz,
        "createDate": wall_text(product.created_at),
        "modifyDate": wall_text(product.modified_at),
        "active": product.details.get("active", True),
    }
    return known | {name: product.details.get(name) for name in PRODUCT_DEFAULTS}


def customer_document(order: Order) -> Document:
    """`order` is one of the customer's."""
    details = order.content.details
    address = _address(details["shipTo"], None)
    return {
        "customerId": order.customer_id,
        "createDate": wall_text(order.created_at),
        "modifyDate": wall_text(order.modified_at),
        "name": address["name"],
        "company": address["company"],
        "street1": address["street1"],
        "street2": address["street2"],
        "city": address["city"],
        "state": address["state"],
        "postalCode": address["postalCode"],
        "countryCode": address["country"],
        "phone": address["phone"],
        "email": details["customerEmail"],
        "addressVerified": "Unverified",
        "marketplaceUsernames": [],
        "tags": None,
    }


def store_document(store: Store) -> Document:
    return {
        "storeId": store.store_id,
        "storeName": store.name,
        "marketplaceId": store.marketplace_id,
        "marketplaceName": store.marketplace_name,
        "accountName": store.account_name,
        "email": None,
        "integrationUrl": store.integration_url,
        "active": store.active,
        "companyName": "",
        "phone": "",
        "publicEmail": "",
        "website": "",
        "refreshDate": None,
        "lastRefreshAttempt": None,
        "createDate": STORE_SINCE,
        "modifyDate": STORE_SINCE,
        "autoRefresh": False,
    }


def warehouse_document(warehouse: Warehouse) -> Document:
    address = _address({"name": warehouse.name, "street1": "1 Dock Road", "city": "Austin", "state": "TX"}, None)
    address |= {"postalCode": "78703", "country": "US", "residential": False}
    return {
        "warehouseId": warehouse.warehouse_id,
        "warehouseName": warehouse.name,
        "originAddress": address,
        "returnAddress": address | {"residential": None},
        "createDate": STORE_SINCE,
        "isDefault": warehouse.is_default,
    }


def rate_document(rate: Rate) -> Document:
    names = {"serviceName": f"{rate.service_name} - Package", "serviceCode": rate.service_code}
    return names | {"shipmentCost": rate.amount, "otherCost": Decimal(0)}


def carrier_document(carrier: Carrier) -> Document:
    return {
        "name": carrier.name,
        "code": carrier.code,
        "accountNumber": carrier.account_number,
        "requiresFundedAccount": carrier.requires_funds,
        "balance": Decimal("24.27") if carrier.requires_funds else 0,
        "nickname": None,
        "shippingProviderId": carrier.provider_id,
        "primary": True,
    }


def service_documents(carrier: Carrier) -> list[Document]:
    return [
        {
            "carrierCode": carrier.code,
            "code": code,
            "name": name,
            "domestic": not is_international,
            "international": is_international,
        }
        for code, name, is_international in carrier.services
    ]


def package_documents(carrier: Carrier) -> list[Document]:
    return [
        {"carrierCode": carrier.code, "code": code, "name": name, "domestic": True, "international": is_international}
        for code, name, is_international in PACKAGES
    ]


def webhook_document(subscription: Subscription) -> Document:
    return {
        "IsLabelAPIHook": False,
        "WebHookID": subscription.webhook_id,
        "SellerID": 100000,
        "StoreID": subscription.store_id,
        "HookType": subscription.event,
        "MessageFormat": "Json",
        "Url": subscription.url,
        "Name": subscription.name,
        "BulkCopyBatchID": None,
        "BulkCopyRecordID": None,
        "Active": True,
        "SerializedHeaders": None,
        "WebhookLogs": [],
        "Seller": None,
        "Store": None,
    }


def _advanced(order: Order) -> Document:
    return {
        "warehouseId": order.content.warehouse_id,
        "storeId": order.store_id,
        "mergedOrSplit": order.is_merged_or_split,
        "mergedIds": list(order.merged_ids),
        "parentId": order.parent_id,
        **order.content.advanced,
    }


def _address(address: Mapping[str, Any] | None, verified: str | None) -> Document:
    given = address or {}
    document = {name: given.get(name) for name in ADDRESS}
    return document | {"residential": given.get("residential"), "addressVerified": verified}


def _weight(weight: Mapping[str, Any] | None) -> Document | None:
    """The extra member `WeightUnits` is read-only; whoever sends an order back must drop it."""
    if weight is None:
        return None
    units = str(weight.get("units") or "ounces").lower()
    return {"value": weight.get("value") or Decimal("0.0"), "units": units, "WeightUnits": WEIGHT_UNITS.get(units, 1)}


def _date_text(day: date | datetime | None) -> str | None:
    return day.isoformat() if day else None
