"""V2 bodies -> drafts. V2 shipments are V1 orders: the account keeps both in V1 spelling.

Identifiers that are too long are cut without a word, as the vendor does (docs.shipstation.com, V2 shipments, 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from syncd.sandbox.shipstation.catalog import CARRIERS
from syncd.sandbox.shipstation.pacific import wall
from syncd.sandbox.shipstation.records import Content, Draft, Item
from syncd.sandbox.shipstation.refusals import Invalid
from syncd.sandbox.shipstation.v1_bodies import (
    KEPT_ADVANCED,
    KEPT_DETAILS,
    KEPT_ITEM_DETAILS,
    NOT_YET,
    Body,
    amount,
    flag,
    text,
    whole,
)

LONGEST_ID = 50
ADDRESS = {
    "name": "name",
    "company": "company_name",
    "street1": "address_line1",
    "street2": "address_line2",
    "street3": "address_line3",
    "city": "city_locality",
    "state": "state_province",
    "postalCode": "postal_code",
    "country": "country_code",
    "phone": "phone",
}
"""V1 member -> V2 member."""
REQUIRED_ADDRESS = ("name", "address_line1", "city_locality", "country_code")
ADVANCED = {
    "customField1": "custom_field1",
    "customField2": "custom_field2",
    "customField3": "custom_field3",
    "nonMachinable": "non_machinable",
    "saturdayDelivery": "saturday_delivery",
    "containsAlcohol": "contains_alcohol",
    "billToParty": "bill_to_party",
    "billToAccount": "bill_to_account",
    "billToPostalCode": "bill_to_postal_code",
    "billToCountryCode": "bill_to_country_code",
}
RESIDENTIAL = {"yes": True, "no": False}
CARRIER_CODES = {carrier.provider_id: carrier.code for carrier in CARRIERS}


@dataclass(frozen=True)
class Names:
    """How ids of the wire become the account's own. `tag` makes a tag that is not there yet."""

    store: Callable[[str | None], int | None]
    warehouse: Callable[[str | None], int | None]
    tag: Callable[[str], int]


def se_id(value: str | None, name: str) -> int | None:
    """`se-12345` -> 12345. Raises `Invalid`."""
    if value is None or value == "":
        return None
    number = value.removeprefix("se-")
    if not number.isdecimal():
        raise Invalid(name, f"{name} is not a valid identifier.")
    return int(number)


def shipment_draft(body: Any, names: Names, now: datetime) -> Draft:
    shipment = an_object(body, "shipments")
    hold_until = moment(shipment, "hold_until_date")
    key = (text(shipment, "external_shipment_id") or "")[:LONGEST_ID] or None
    return Draft(
        order_id=None,
        key=key,
        status="on_hold" if hold_until and hold_until > now else "awaiting_shipment",
        store_id=names.store(text(shipment, "store_id")),
        content=_content(shipment, names, now),
        items=tuple(_item(an_object(row, "items")) for row in rows(shipment, "items")),
    )


def hold_day(body: Body) -> datetime | None:
    """Pacific midnight of that day ends the hold."""
    until = moment(body, "hold_until_date")
    return wall(until) if until else None


def _content(shipment: Body, names: Names, now: datetime) -> Content:
    if shipment.get("ship_from") is None and text(shipment, "warehouse_id") is None:
        raise Invalid("warehouse_id", "Either ship_from or warehouse_id must be specified.")
    ship_date = moment(shipment, "ship_date")
    return Content(
        order_number=(text(shipment, "shipment_number") or "")[:LONGEST_ID],
        order_date=now,
        payment_date=None,
        ship_by_date=moment(shipment, "ship_by_date"),
        ship_date=ship_date.date() if ship_date else None,
        warehouse_id=names.warehouse(text(shipment, "warehouse_id")),
        amount_paid=money(shipment, "amount_paid"),
        tax_amount=money(shipment, "tax_paid"),
        shipping_amount=money(shipment, "shipping_paid"),
        tag_ids=tuple(names.tag(text(an_object(tag, "tags"), "name") or "") for tag in rows(shipment, "tags")),
        details=_details(shipment),
        advanced=_advanced(an_object(shipment.get("advanced_options") or {}, "advanced_options")),
    )


def _details(shipment: Body) -> dict[str, Any]:
    ship_to = _address(an_object(shipment.get("ship_to"), "ship_to"))
    carrier_id = se_id(text(shipment, "carrier_id"), "carrier_id")
    return {
        **KEPT_DETAILS,
        "customerEmail": text(an_object(shipment.get("ship_to"), "ship_to"), "email"),
        "billTo": {"name": ship_to["name"]},
        "shipTo": ship_to,
        "customerNotes": text(shipment, "notes_from_buyer"),
        "internalNotes": text(shipment, "internal_notes"),
        "gift": flag(shipment, "is_gift"),
        "giftMessage": text(shipment, "notes_for_gift"),
        "requestedShippingService": text(shipment, "requested_shipment_service"),
        "carrierCode": CARRIER_CODES.get(carrier_id) if carrier_id else None,
        "serviceCode": text(shipment, "service_code"),
        "confirmation": text(shipment, "confirmation") or "none",
        "insuranceOptions": _insurance(shipment),
        "internationalOptions": _customs(an_object(shipment.get("customs") or {}, "customs")),
        **_package(shipment),
        "externalOrderId": text(shipment, "external_order_id"),
        "isSalesOrder": flag(shipment, "create_sales_order"),
    }


def _package(shipment: Body) -> dict[str, Any]:
    packages = rows(shipment, "packages")
    first = an_object(packages[0], "packages") if packages else {}
    weight = an_object(first.get("weight") or {}, "weight")
    value = amount(weight, "value")
    return {
        "packageCode": text(first, "package_code"),
        "weight": None if value is None else {"value": value, "units": f"{text(weight, 'unit') or 'ounce'}s"},
        "dimensions": first.get("dimensions"),
    }


def _customs(customs: Body) -> dict[str, Any] | None:
    if not customs:
        return None
    items = [an_object(row, "customs_items") for row in rows(customs, "customs_items")]
    return {
        "contents": text(customs, "contents"),
        "nonDelivery": text(customs, "non_delivery"),
        "customsItems": [
            {
                "description": text(item, "description"),
                "quantity": whole(item, "quantity"),
                "value": amount(item, "value"),
                "harmonizedTariffCode": text(item, "harmonized_tariff_code"),
                "countryOfOrigin": text(item, "country_of_origin"),
            }
            for item in items
        ],
    }


def _insurance(shipment: Body) -> dict[str, Any] | None:
    provider = text(shipment, "insurance_provider")
    if provider in (None, "none"):
        return None
    packages = rows(shipment, "packages")
    insured = money(an_object(packages[0], "packages"), "insured_value") if packages else Decimal(0)
    return {"provider": provider, "insureShipment": True, "insuredValue": insured}


def _item(row: Body) -> Item:
    name = text(row, "name")
    if not name:
        raise Invalid("items.name", "name is required.")
    return Item(
        item_id=0,
        line_item_key=text(row, "external_order_item_id"),
        sku=text(row, "sku"),
        name=name,
        quantity=whole(row, "quantity") or 0,
        unit_price=amount(row, "unit_price") or Decimal(0),
        tax_amount=amount(row, "tax_amount"),
        shipping_amount=amount(row, "shipping_amount"),
        product_id=None,
        adjustment=False,
        created_at=NOT_YET,
        modified_at=NOT_YET,
        details=_item_details(row),
    )


def _item_details(row: Body) -> dict[str, Any]:
    weight = an_object(row.get("weight") or {}, "weight")
    value = amount(weight, "value")
    return {
        **KEPT_ITEM_DETAILS,
        "imageUrl": text(row, "image_url"),
        "weight": None if value is None else {"value": value, "units": f"{text(weight, 'unit') or 'ounce'}s"},
        "warehouseLocation": text(row, "inventory_location"),
        "options": [dict(an_object(option, "options")) for option in rows(row, "options")],
        "fulfillmentSku": text(row, "fullfilment_sku"),  # the vendor's spelling
        "upc": text(row, "upc"),
    }


def _address(address: Body) -> dict[str, Any]:
    for name in REQUIRED_ADDRESS:
        if not (text(address, name) or "").strip():
            raise Invalid(f"ship_to.{name}", f"{name} should not be empty.")
    if len(text(address, "country_code") or "") != 2:
        raise Invalid("ship_to.country_code", "Invalid country_code. Please use a 2 character country code.")
    known = {ours: text(address, theirs) for ours, theirs in ADDRESS.items()}
    return known | {"residential": RESIDENTIAL.get(text(address, "address_residential_indicator") or "")}


def _advanced(options: Body) -> dict[str, Any]:
    given = {ours: options[theirs] for ours, theirs in ADVANCED.items() if options.get(theirs) is not None}
    return {**KEPT_ADVANCED, **given}


def money(body: Body, name: str) -> Decimal:
    return amount(an_object(body.get(name) or {}, name), "amount") or Decimal(0)


def moment(body: Body, name: str) -> datetime | None:
    """UTC; a date alone is its midnight there. Raises `Invalid`."""
    written = text(body, name)
    if not written:
        return None
    try:
        parsed = datetime.fromisoformat(written)
    except ValueError as problem:
        raise Invalid(name, f"{name} is not a valid date.") from problem
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def an_object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(name, f"{name} must be an object.")
    return value


def rows(body: Body, name: str) -> list[Any]:
    found = body.get(name) or []
    if not isinstance(found, list):
        raise Invalid(name, f"{name} must be an array.")
    return found
