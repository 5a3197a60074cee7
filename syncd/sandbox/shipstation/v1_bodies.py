"""V1 bodies -> drafts: what the vendor insists on, how it reads numbers and dates, and what it says when it will not.

The texts are those seen in the field; the vendor documents none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from syncd.sandbox.shipstation.options import ShipStationOptions
from syncd.sandbox.shipstation.pacific import moment_of, parse_wall
from syncd.sandbox.shipstation.records import Content, Draft, Item
from syncd.sandbox.shipstation.refusals import Invalid

SETTABLE_STATUSES = frozenset({"awaiting_payment", "awaiting_shipment", "shipped", "on_hold", "cancelled"})
LONGEST_ORDER_NUMBER = 50
NOT_YET = datetime(1, 1, 1, tzinfo=UTC)  # the account sets the times of lines

Body = Mapping[str, Any]

KEPT_DETAILS: Body = {
    "customerUsername": None,
    "customerEmail": None,
    "billTo": None,
    "shipTo": None,
    "customerNotes": None,
    "internalNotes": None,
    "gift": False,
    "giftMessage": None,
    "paymentMethod": None,
    "requestedShippingService": None,
    "carrierCode": None,
    "serviceCode": None,
    "packageCode": None,
    "confirmation": "none",
    "weight": None,
    "dimensions": None,
    "insuranceOptions": None,
    "internationalOptions": None,
}
OBJECT_DETAILS = ("weight", "dimensions", "insuranceOptions", "internationalOptions")
TEXT_DETAILS = ("customerUsername", "customerEmail", "customerNotes", "internalNotes", "giftMessage")
KEPT_ADVANCED: Body = {
    "nonMachinable": False,
    "saturdayDelivery": False,
    "containsAlcohol": False,
    "customField1": None,
    "customField2": None,
    "customField3": None,
    "source": None,
    "billToParty": None,
    "billToAccount": None,
    "billToPostalCode": None,
    "billToCountryCode": None,
    "billToMyOtherAccount": None,
}
KEPT_ITEM_DETAILS: Body = {
    "imageUrl": None,
    "weight": None,
    "warehouseLocation": None,
    "options": (),
    "fulfillmentSku": None,
    "upc": None,
}


def json_body(body: bytes | None) -> Any:
    """Numbers with a point become Decimals. Raises `Invalid`."""
    try:
        return json.loads(body or b"null", parse_float=Decimal)
    except ValueError as problem:
        raise Invalid("body", "Unexpected end or character in the JSON body.") from problem


def order_draft(body: Any, options: ShipStationOptions) -> Draft:
    """Checks what must be there and reads the rest leniently. What is missing is empty, not unchanged."""
    order = _object(body, "order")
    advanced = _object(order.get("advancedOptions") or {}, "advancedOptions")
    status = _required(order, "orderStatus", "Order Status")
    if status not in SETTABLE_STATUSES:
        raise Invalid("orderStatus", f"Error converting value \"{status}\" to type 'OrderStatus'.")
    return Draft(
        order_id=whole(order, "orderId") or None,
        key=text(order, "orderKey") or None,
        status=status,
        store_id=whole(advanced, "storeId"),
        content=_content(order, advanced, options),
        items=tuple(_item(_object(row, "items")) for row in _rows(order, "items")),
    )


def _content(order: Body, advanced: Body, options: ShipStationOptions) -> Content:
    _check_addresses(order)
    number = _required(order, "orderNumber", "Order Number")
    if len(number) > LONGEST_ORDER_NUMBER:
        raise Invalid("orderNumber", f"'Order Number' must be {LONGEST_ORDER_NUMBER} characters or fewer.")
    _required(order, "orderDate", "Order Date")
    order_date = moment(order, "orderDate", options)
    assert order_date is not None
    ship_date = moment(order, "shipDate", options)
    return Content(
        order_number=number,
        order_date=order_date,
        payment_date=moment(order, "paymentDate", options),
        ship_by_date=moment(order, "shipByDate", options),
        ship_date=ship_date.date() if ship_date else None,
        warehouse_id=_warehouse(advanced, options),
        amount_paid=amount(order, "amountPaid") or Decimal(0),
        tax_amount=amount(order, "taxAmount") or Decimal(0),
        shipping_amount=amount(order, "shippingAmount") or Decimal(0),
        tag_ids=tuple(_tag_id(tag) for tag in _rows(order, "tagIds")),
        details=_details(order),
        advanced=_kept(advanced, KEPT_ADVANCED),
    )


def _item(row: Body) -> Item:
    name = text(row, "name")
    if name is None:
        raise Invalid("items.name", "'Name' must not be empty.")
    return Item(
        item_id=0,
        line_item_key=text(row, "lineItemKey"),
        sku=text(row, "sku"),
        name=name,
        quantity=whole(row, "quantity") or 0,
        unit_price=amount(row, "unitPrice") or Decimal(0),
        tax_amount=amount(row, "taxAmount"),
        shipping_amount=amount(row, "shippingAmount"),
        product_id=None,
        adjustment=flag(row, "adjustment"),
        created_at=NOT_YET,
        modified_at=NOT_YET,
        details=_item_details(row),
    )


def _item_details(row: Body) -> dict[str, Any]:
    amount(_object(row.get("weight") or {}, "weight"), "value")
    return _kept(row, KEPT_ITEM_DETAILS) | {"options": _rows(row, "options")}


def _details(order: Body) -> dict[str, Any]:
    """Names and notes are text, options are objects: what is neither breaks the row, not the answer."""
    for name in OBJECT_DETAILS:
        amount(_object(order.get(name) or {}, name), "value")  # only a weight has one
    details = _kept(order, KEPT_DETAILS)
    return details | {name: text(order, name) for name in TEXT_DETAILS}


def _check_addresses(order: Body) -> None:
    bill_to = _object(order.get("billTo") or {}, "billTo")
    ship_to = _object(order.get("shipTo") or {}, "shipTo")
    _required(bill_to, "name", "Bill Name")
    _required(ship_to, "name", "Ship Name")
    bill_country = (text(bill_to, "country") or "").strip()  # one real account holds a single blank here
    customs = _rows(_object(order.get("internationalOptions") or {}, "internationalOptions"), "customsItems")
    origins = [text(_object(row, "customsItems"), "countryOfOrigin") or "" for row in customs]
    if len(text(ship_to, "country") or "") != 2 or any(len(code) not in (0, 2) for code in (bill_country, *origins)):
        raise Invalid("country", "Please use a 2 character country code")


def _warehouse(advanced: Body, options: ShipStationOptions) -> int | None:
    warehouse_id = whole(advanced, "warehouseId")
    if warehouse_id is None:
        return next((row.warehouse_id for row in options.warehouses if row.is_default), None)
    if warehouse_id not in {row.warehouse_id for row in options.warehouses}:
        raise Invalid("advancedOptions.warehouseId", f"Invalid warehouse id {warehouse_id}.")
    return warehouse_id


def text(body: Body, name: str) -> str | None:
    """Numbers are read as their text, as the vendor's JSON reader does."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Invalid(name, f"Could not convert {name} to string.")
    return str(value)


def amount(body: Body, name: str) -> Decimal | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise Invalid(name, f"Could not convert {name} to decimal")
    try:
        number = Decimal(value)
    except InvalidOperation as problem:
        raise Invalid(name, f"Could not convert string to decimal: {value}.") from problem
    if not number.is_finite():
        raise Invalid(name, f"Could not convert string to decimal: {value}.")
    return number


def whole(body: Body, name: str) -> int | None:
    number = amount(body, name)
    if number is None:
        return None
    if number != int(number):
        raise Invalid(name, f"Input string '{number}' is not a valid integer.")
    return int(number)


def flag(body: Body, name: str) -> bool:
    """A missing or null flag is false."""
    return str(body.get(name) or False).lower() == "true"


def moment(body: Body, name: str, options: ShipStationOptions) -> datetime | None:
    written = text(body, name)
    if not written:
        return None
    try:
        return moment_of(parse_wall(written, options.offset_style == "honoured"))
    except ValueError as problem:
        raise Invalid(name, f"Could not convert string to DateTime: {written}.") from problem


def day(body: Body, name: str) -> date | None:
    """Only the date counts, whatever time stands beside it."""
    written = text(body, name)
    if not written:
        return None
    try:
        return parse_wall(written).date()
    except ValueError as problem:
        raise Invalid(name, f"Could not convert string to DateTime: {written}.") from problem


def required_whole(body: Any, name: str) -> int:
    number = whole(_object(body, "body"), name)
    if number is None:
        raise Invalid(name, f"'{name}' must not be empty.")
    return number


def required_text(body: Any, name: str) -> str:
    return _required(_object(body, "body"), name, name)


def _required(body: Body, name: str, spoken: str) -> str:
    value = text(body, name)
    if value is None or not value.strip():
        raise Invalid(name, f"'{spoken}' must not be empty.")
    return value


def _object(value: Any, name: str) -> Body:
    if not isinstance(value, dict):
        raise Invalid(name, f"Cannot deserialize {name}: a JSON object is required.")
    return value


def _rows(body: Body, name: str) -> list[Any]:
    rows = body.get(name) or []
    if not isinstance(rows, list):
        raise Invalid(name, f"Cannot deserialize {name}: a JSON array is required.")
    return rows


def _tag_id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid("tagIds", f"Could not convert {value} to integer.")
    return value


def _kept(body: Body, defaults: Body) -> dict[str, Any]:
    return {name: default if body.get(name) is None else body[name] for name, default in defaults.items()}
