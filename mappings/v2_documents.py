"""ShipStation orders in the spelling of V2, which calls them shipments: there and back (docs.shipstation.com, V2, read 2026-11).

Inside, documents stay V1-shaped. V2 has no order date, no payment date, no billing address and no lines that nobody packs;
it has no word for a hold either, only a date until which one lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from mappings.shipstation_shapes import Fulfillment, Order, Shipment, ShipmentItem

Document = Mapping[str, Any]

FAR_AWAY = "2099-12-31T08:00:00Z"
"""V2 knows no open hold: ours ends when we end it, or on this day."""

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
"""V1 member -> V2 member, here and below."""
CUSTOM_FIELDS = {f"customField{number}": f"custom_field{number}" for number in (1, 2, 3)}
CUSTOMS = {
    "description": "description",
    "quantity": "quantity",
    "value": "value",
    "harmonizedTariffCode": "harmonized_tariff_code",
    "countryOfOrigin": "country_of_origin",
}
ITEM = {
    "lineItemKey": "external_order_item_id",
    "sku": "sku",
    "name": "name",
    "imageUrl": "image_url",
    "quantity": "quantity",
    "unitPrice": "unit_price",
    "taxAmount": "tax_amount",
    "shippingAmount": "shipping_amount",
    "upc": "upc",
}
PLAIN = {
    "orderNumber": "shipment_number",
    "customerNotes": "notes_from_buyer",
    "internalNotes": "internal_notes",
    "giftMessage": "notes_for_gift",
    "requestedShippingService": "requested_shipment_service",
    "serviceCode": "service_code",
    "confirmation": "confirmation",
}
MONEY = {"amountPaid": "amount_paid", "taxAmount": "tax_paid", "shippingAmount": "shipping_paid"}
RESIDENTIAL = {True: "yes", False: "no"}
INSURERS = {"shipsurance": "shipsurance", "carrier": "carrier", "none": "none", None: "none"}
STATUSES = {"label_purchased": "shipped", "cancelled": "cancelled", "processing": "pending_fulfillment"}
READ_ONLY = frozenset(
    "shipment_id created_at modified_at shipment_status tags total_weight order_source_code sales_order_id errors"
    " address_validation".split()
)
"""What a shipment shows and PUT does not take."""


def is_our_hold(order: Order) -> bool:
    """On hold until the day that only we choose."""
    until = str(cast(Document, order).get("holdUntilDate") or "")
    return order.get("orderStatus") == "on_hold" and until[:10] == FAR_AWAY[:10]


@dataclass(frozen=True)
class Names:
    """What the one API says by number or code and the other by its own id. `tags`: V1's tag id -> name; `carriers`: code -> V2's
    id; `currency` that of the shop: V1 knows none, V2 wants one with every amount."""

    currency: str
    carriers: Mapping[str, str]
    tags: Mapping[int, str]


def number_of(se_id: object) -> int | None:
    """`se-12345` -> 12345, which is V1's number of the same thing. Items carry theirs without the letters."""
    text = str(se_id or "").removeprefix("se-")
    return int(text) if text.isascii() and text.isdecimal() else None


def new_shipment(order: Order, names: Names) -> dict[str, Any]:
    """One row of POST /v2/shipments. Raises KeyError for a carrier or a tag that the account does not have."""
    body: dict[str, Any] = {
        "external_shipment_id": order["orderKey"],
        "create_sales_order": True,
        "validate_address": "no_validation",
        "store_id": _se((order.get("advancedOptions") or {}).get("storeId")),
        "tags": [{"name": names.tags[tag_id]} for tag_id in cast(Document, order).get("tagIds") or ()],
    }
    for field in sorted(FIELDS & order.keys()):
        _write(body, field, order, names)
    return {name: value for name, value in body.items() if value is not None}


def changed_shipment(shown: Document, order: Order, fields: Iterable[str], names: Names) -> dict[str, Any]:
    """The body of PUT: what is there now, with these fields as `order` has them. Nothing else of the warehouse's is touched."""
    body = {name: value for name, value in shown.items() if name not in READ_ONLY}
    for field in sorted(FIELDS.intersection(fields)):
        _write(body, field, order, names)
    return body


FIELDS = frozenset(
    {*PLAIN, *MONEY}
    | set(
        "orderStatus shipTo customerEmail items gift weight packageCode insuranceOptions internationalOptions advancedOptions"
        " carrierCode".split()
    )
)
"""Of an order's fields those that V2 has, tags aside: those are calls of their own."""


def _write(body: dict[str, Any], field: str, order: Order, names: Names) -> None:
    """One field of ours into the body, beside what is there."""
    value = cast(dict[str, Any], order).get(field)
    if field in PLAIN:
        body[PLAIN[field]] = value
    elif field in MONEY:
        body[MONEY[field]] = _money(value, names)
    elif field == "orderStatus":
        until = cast(Document, order).get("holdUntilDate") or FAR_AWAY
        body["hold_until_date"] = until if value == "on_hold" else None
    elif field == "shipTo":
        body["ship_to"] = {**(body.get("ship_to") or {}), **_address(value or {})}
    elif field == "customerEmail":
        body["ship_to"] = {**(body.get("ship_to") or {}), "email": value}
    elif field == "items":
        body["items"] = _items(value or (), body.get("items") or ())
    elif field == "gift":
        body["is_gift"] = bool(value)
    elif field == "carrierCode":
        body["carrier_id"] = names.carriers[value] if value else None
    elif field in ("weight", "packageCode"):
        _write_package(body, field, value)
    elif field == "insuranceOptions":
        _write_insurance(body, value or {}, names)
    elif field == "internationalOptions":
        body["customs"] = _customs(body.get("customs") or {}, value, names)
    elif field == "advancedOptions":
        _write_advanced(body, value or {})


def _write_package(body: dict[str, Any], field: str, value: Any) -> None:
    """A shipment that the warehouse packs into several boxes keeps the weight of each."""
    first, *more = body.get("packages") or [{"weight": {"value": 0, "unit": "ounce"}}]
    if field == "packageCode":
        changed = {"package_code": value} if value else {}
    else:
        changed = {"weight": _weight(value)} if value and not more else {}
    body["packages"] = [{**first, **changed}, *more]


def _write_insurance(body: dict[str, Any], value: Document, names: Names) -> None:
    provider = value.get("provider") if value.get("insureShipment") else None
    body["insurance_provider"] = INSURERS.get(provider, "third_party")
    if provider:
        first, *more = body.get("packages") or [{"weight": {"value": 0, "unit": "ounce"}}]
        body["packages"] = [{**first, "insured_value": _money(value.get("insuredValue"), names)}, *more]


def _write_advanced(body: dict[str, Any], value: Document) -> None:
    body["warehouse_id"] = _se(value.get("warehouseId"))
    fields = {theirs: value[ours] for ours, theirs in CUSTOM_FIELDS.items() if ours in value}
    body["advanced_options"] = {**(body.get("advanced_options") or {}), **fields}


def _items(ours: Iterable[Document], theirs: Iterable[Document]) -> list[dict[str, Any]]:
    """Each laid over what is there under the same key. Lines that nobody packs have no place in V2."""
    there = {one.get("external_order_item_id"): dict(one) for one in theirs if one.get("external_order_item_id")}
    return [
        there.get(one.get("lineItemKey"), {})
        | {their: one[our] for our, their in ITEM.items() if one.get(our) is not None}
        | ({"weight": _weight(one["weight"])} if one.get("weight") else {})
        | {"options": [dict(option) for option in one.get("options") or ()]}
        for one in ours
        if not one.get("adjustment")
    ]


def _address(address: Document) -> dict[str, Any]:
    indicator = RESIDENTIAL.get(cast(bool, address.get("residential")), "unknown")
    return {theirs: address.get(ours) for ours, theirs in ADDRESS.items()} | {
        "address_residential_indicator": indicator
    }


def _customs(there: Document, value: Document | None, names: Names) -> dict[str, Any] | None:
    """V2 wants to know in any case what to do with undeliverable goods."""
    if not value:
        return None
    return {
        **there,
        "contents": value.get("contents") or there.get("contents") or "merchandise",
        "non_delivery": value.get("nonDelivery") or there.get("non_delivery") or "return_to_sender",
        "customs_items": [
            {theirs: one.get(ours) for ours, theirs in CUSTOMS.items()} | {"value_currency": names.currency}
            for one in value.get("customsItems") or ()
        ],
    }


def _money(amount: Any, names: Names) -> dict[str, Any]:
    return {"currency": names.currency, "amount": amount or 0}


def _weight(weight: Document) -> dict[str, Any]:
    return {"value": weight["value"], "unit": str(weight["units"]).removesuffix("s")}


def _se(number: int | None) -> str | None:
    return None if number is None else f"se-{number}"


def order_of(shipment: Document, names: Names, now: datetime) -> Order:
    """A shipment of V2 as V1 would show the order. What V2 does not know is left out, so that it is not taken for empty.

    `mergedOrSplit` is None: V2 does not tell.
    """
    advanced, packages = shipment.get("advanced_options") or {}, shipment.get("packages") or [{}]
    codes = {carrier_id: code for code, carrier_id in names.carriers.items()}
    ids = {name: tag_id for tag_id, name in names.tags.items()}
    tags = [ids[one["name"]] for one in shipment.get("tags") or () if one.get("name") in ids]
    order: dict[str, Any] = {
        "orderId": number_of(shipment.get("shipment_id")),
        "orderKey": shipment.get("external_shipment_id") or shipment.get("shipment_id"),
        **{ours: shipment.get(theirs) for ours, theirs in PLAIN.items()},
        "orderDate": shipment.get("created_at"),
        "createDate": shipment.get("created_at"),
        "modifyDate": shipment.get("modified_at"),
        "orderStatus": _status(shipment, now),
        "holdUntilDate": shipment.get("hold_until_date"),
        "customerEmail": (shipment.get("ship_to") or {}).get("email"),
        "shipTo": _v1_address(shipment.get("ship_to") or {}),
        "items": [_v1_item(one) for one in shipment.get("items") or ()],
        **{ours: (shipment.get(theirs) or {}).get("amount") for ours, theirs in MONEY.items()},
        "gift": bool(shipment.get("is_gift")),
        "weight": _v1_weight(packages[0].get("weight") if len(packages) == 1 else shipment.get("total_weight")),
        "carrierCode": codes.get(shipment.get("carrier_id") or ""),
        "packageCode": packages[0].get("package_code"),
        "insuranceOptions": _v1_insurance(shipment, packages[0]),
        "internationalOptions": _v1_customs(shipment.get("customs")),
        "tagIds": tags,
        "advancedOptions": {
            "storeId": number_of(shipment.get("store_id")),
            "warehouseId": number_of(shipment.get("warehouse_id")),
            **{ours: advanced.get(theirs) for ours, theirs in CUSTOM_FIELDS.items()},
            "mergedOrSplit": None,
        },
    }
    return cast(Order, order)


def _status(shipment: Document, now: datetime) -> str:
    status = str(shipment.get("shipment_status") or "")
    if status != "pending":
        return STATUSES.get(status, status)
    return "on_hold" if _is_to_come(shipment.get("hold_until_date"), now) else "awaiting_shipment"


def _is_to_come(until: object, now: datetime) -> bool:
    """Without a zone it is UTC. A hold whose end cannot be read has not ended."""
    try:
        end = datetime.fromisoformat(str(until))
    except ValueError:
        return bool(until)
    return end.replace(tzinfo=end.tzinfo or UTC) > now


def _v1_address(address: Document) -> dict[str, Any]:
    known = {"yes": True, "no": False}.get(str(address.get("address_residential_indicator")))
    return {ours: address.get(theirs) for ours, theirs in ADDRESS.items()} | {"residential": known}


def _v1_item(item: Document) -> dict[str, Any]:
    return {
        "orderItemId": number_of(item.get("item_id")),
        **{ours: item.get(theirs) for ours, theirs in ITEM.items()},
        "quantity": item.get("quantity") or 0,
        "weight": _v1_weight(item.get("weight")),
        "options": [{"name": one.get("name"), "value": one.get("value")} for one in item.get("options") or ()],
        "adjustment": False,
    }


def _v1_weight(weight: Document | None) -> dict[str, Any] | None:
    return {"value": weight.get("value"), "units": f"{weight.get('unit')}s"} if weight else None


def _v1_insurance(shipment: Document, package: Document) -> dict[str, Any]:
    theirs = shipment.get("insurance_provider")
    provider = None if theirs in (None, "none") else "provider" if theirs == "third_party" else theirs
    insured = (package.get("insured_value") or {}).get("amount")
    return {"provider": provider, "insureShipment": provider is not None, "insuredValue": insured}


def _v1_customs(customs: Document | None) -> dict[str, Any] | None:
    if not customs:
        return None
    items = [{ours: one.get(theirs) for ours, theirs in CUSTOMS.items()} for one in customs.get("customs_items") or ()]
    return {"contents": customs.get("contents"), "nonDelivery": customs.get("non_delivery"), "customsItems": items}


def shipment_of(label: Document, items: list[ShipmentItem] | None) -> Shipment:
    """A label of V2 as V1 would show the shipment. `items`: what is in the parcel, None where nobody can tell."""
    row = {
        "shipmentId": number_of(label.get("label_id")),
        "orderId": number_of(label.get("shipment_id")),
        "orderKey": label.get("external_shipment_id"),
        "createDate": label.get("created_at"),
        "shipDate": _day(label.get("ship_date")),
        "trackingNumber": label.get("tracking_number"),
        "moreTrackingNumbers": _more_numbers(label),
        "isReturnLabel": bool(label.get("is_return_label")),
        "outboundShipmentId": number_of(label.get("outbound_label_id")),
        "carrierCode": label.get("carrier_code"),
        "serviceCode": label.get("service_code"),
        "voided": bool(label.get("voided")),
        "voidDate": label.get("voided_at"),
        "shipmentItems": items,
    }
    return cast(Shipment, row)


def _more_numbers(label: Document) -> list[str]:
    """Every package of a label has a number of its own; the label shows the first."""
    numbers = (str(one.get("tracking_number") or "").strip() for one in label.get("packages") or ())
    return [number for number in dict.fromkeys(numbers) if number and number != label.get("tracking_number")]


def items_in(shipment: Document) -> list[ShipmentItem]:
    return [
        {"lineItemKey": one.get("external_order_item_id"), "sku": one.get("sku"), "quantity": one.get("quantity") or 0}
        for one in shipment.get("items") or ()
    ]


def fulfillment_of(row: Document) -> Fulfillment:
    """A fulfillment of V2 as V1 would show it."""
    fulfillment = {
        "fulfillmentId": number_of(row.get("fulfillment_id")),
        "orderId": number_of(row.get("shipment_id")),
        "orderNumber": row.get("shipment_number"),
        "createDate": row.get("created_at"),
        "shipDate": _day(row.get("ship_date")),
        "trackingNumber": row.get("tracking_number"),
        "carrierCode": row.get("fulfillment_carrier_friendly_name"),
        "voided": bool(row.get("voided")),
        "voidDate": row.get("voided_at"),
    }
    return cast(Fulfillment, fulfillment)


def _day(moment: Any) -> str | None:
    return str(moment)[:10] if moment else None
