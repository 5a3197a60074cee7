"""A consignment -> the whole ShipStation order, and the list of the fields that are ours in it (V1 createorders, read 2026-11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from mappings.addresses import shipstation_address
from mappings.keys import line_item_key
from mappings.money import Amounts, amount_of, cents, share, unit_price, unit_tax
from mappings.pacific import from_shopify, to_pacific
from mappings.packed import Units, units_of
from mappings.plans import Consignment, Profile
from mappings.returns import without_return_notes
from mappings.scripts import as_written, in_latin
from mappings.shipstation_shapes import Address, CustomsItem, InternationalOptions, ItemOption, Order, OrderItem
from mappings.shopify_shapes import Attribute, LineItem, MailingAddress, OrderToShip, number_of
from mappings.text import clean_lines, clean_text, goods_name, shown_variant
from mappings.weights import grams, shipstation_weight, total_weight

LONGEST_ORDER_NUMBER = 50

OWNED_FIELDS = (
    "orderNumber", "orderDate", "paymentDate", "customerUsername", "customerEmail", "billTo", "shipTo", "items", "amountPaid",
    "taxAmount", "shippingAmount", "customerNotes", "internalNotes", "gift", "giftMessage", "requestedShippingService", "weight",
    "internationalOptions", "advancedOptions",
)  # fmt: skip
"""Ours. Everything else in ShipStation, such as holds, service, packaging, insurance and tags, is the warehouse's."""

OWNED_ADVANCED = ("warehouseId", "customField1", "source")
"""Ours within `advancedOptions`; `storeId` counts at creation only. customField1 is `<order name>@<store>`: it finds the
order again on a pick list of several stores, and survives a merge."""

OWNED_INTERNATIONAL = ("customsItems",)
"""Ours within `internationalOptions`; what to do with undeliverable goods is the warehouse's."""

AS_WRITTEN = "Address as written: "
"""Before the parts of an address that were transliterated, in the internal notes."""

ADJUSTMENT_NAME = "Adjustment to the order total"

NOMINAL_CUSTOMS_VALUE = Decimal("1.00")
"""Customs forms refuse zero. A free gift is declared at its price before discounts, this if it has none."""

_PAID = frozenset({"PAID", "PARTIALLY_PAID", "PARTIALLY_REFUNDED"})
_GIFT_MESSAGES = frozenset({"giftmessage", "giftnote", "giftcardmessage", "messagetorecipient"})
_GIFT_MARKS = frozenset({"gift", "isgift", "giftwrap", "thisisagift"})
_NO = frozenset({"", "0", "false", "no", "off", "none"})


def shipstation_order(
    profile: Profile,
    order: OrderToShip,
    key: str,
    location_id: int,
    ordinal: int,
    units: Units,
    before: Units,
    ships_from: str,
) -> Order:
    """The body of createorders. `ordinal` counts the order's consignments from 1; `before` are the units of the earlier ones.

    `ships_from` is the country of the location, empty when unknown. ShipStation's total comes out as Shopify's.
    """
    lines = packed_lines(order, units)
    amounts = share(order, before, units)
    ship_to = shipstation_address(_destination(profile, order), order["phone"])
    message = gift_message(order["customAttributes"])
    return {
        "orderNumber": order_number(profile, order, ordinal),
        "orderKey": key,
        "orderDate": to_pacific(from_shopify(order["processedAt"])),
        "paymentDate": to_pacific(from_shopify(order["processedAt"]))
        if order["displayFinancialStatus"] in _PAID
        else None,
        "orderStatus": "awaiting_shipment",
        "customerUsername": order["email"] or order["phone"],
        "customerEmail": order["email"],
        "billTo": _bill_to(order, ship_to),
        "shipTo": ship_to,
        "items": [*(_item(profile, order, line, count) for line, count in lines), *_adjustment(order, amounts)],
        "amountPaid": amounts.paid,
        "taxAmount": amounts.tax,
        "shippingAmount": amounts.shipping,
        "customerNotes": clean_lines(without_return_notes(order["note"])) or None,
        "internalNotes": _internal_notes(profile, order, location_id),
        "gift": message is not None or _is_gift(order["customAttributes"]),
        "giftMessage": message,
        "requestedShippingService": _shipping_service(order),
        "weight": total_weight((_grams(profile, line), count) for line, count in lines),
        "internationalOptions": _international(lines, ships_from, ship_to.get("country") or ""),
        "advancedOptions": {
            "storeId": profile.shipstation_store_id,
            "warehouseId": profile.warehouses.get(location_id),
            "source": "shopify",
            "customField1": f"{clean_text(order['name'])}@{profile.store}",
        },
    }


def cancelled_order(document: Order) -> Order:
    """ShipStation has no call for cancelling: it is an upsert with this status while the order is still open."""
    return {**document, "orderStatus": "cancelled"}


def order_number(profile: Profile, order: OrderToShip, ordinal: int) -> str:
    """For people: the order's name, `-2` and so on for its further consignments. Need not be unique."""
    suffix = "" if ordinal == 1 else f"-{ordinal}"
    return clean_text(profile.order_prefix + order["name"])[: LONGEST_ORDER_NUMBER - len(suffix)] + suffix


def ordinal_in(profile: Profile, order: OrderToShip, document: Order | None) -> int | None:
    """The ordinal that this document was given; None when it cannot be told."""
    number = (document or {}).get("orderNumber") or ""
    first = order_number(profile, order, 1)
    if number == first:
        return 1
    suffix = number.removeprefix(f"{first}-")
    return int(suffix) if number != suffix and suffix.isascii() and suffix.isdigit() else None


def packed_lines(order: OrderToShip, units: Units) -> list[tuple[LineItem, int]]:
    """In the order's own sequence. Raises KeyError for units of a line that the order does not show: none may get lost."""
    lines = {number_of(line["id"]): line for line in order["lineItems"]["nodes"]}
    if strange := (+units).keys() - lines.keys():
        raise KeyError(min(strange))
    return [(line, units[line_id]) for line_id, line in lines.items() if units[line_id] > 0]


def lines_not_shown(order: OrderToShip, consignments: Iterable[Consignment]) -> set[int]:
    """Line items of which the order names units to be sent, or which were sent to ShipStation, without showing them: a row of
    the answer is missing, because Shopify shows what was removed or refunded too."""
    parts = [line for one in order["fulfillmentOrders"]["nodes"] for line in one["lineItems"]["nodes"]]
    named = {number_of(line["lineItem"]["id"]) for line in parts}
    named |= {line_id for one in consignments for line_id in units_of(one.applied)}
    return named - {number_of(line["id"]) for line in order["lineItems"]["nodes"]}


def gift_message(attributes: Iterable[Attribute]) -> str | None:
    """From cart attributes such as `gift_message` or `Gift Message`."""
    texts = (clean_lines(one["value"]) for one in attributes if _squeezed(one["key"]) in _GIFT_MESSAGES)
    return next((text for text in texts if text), None)


def _item(profile: Profile, order: OrderToShip, line: LineItem, count: int) -> OrderItem:
    variant = line["variant"]
    return {
        "lineItemKey": line_item_key(int(order["legacyResourceId"]), number_of(line["id"])),
        "sku": clean_text(line["sku"]) or None,
        "name": _item_name(line),
        "imageUrl": line["image"]["url"] if line["image"] else None,
        "weight": shipstation_weight(_grams(profile, line)),
        "quantity": count,
        "unitPrice": unit_price(line),
        "taxAmount": unit_tax(line),
        "options": _options(line),
        "upc": variant["barcode"] if variant else None,
        "adjustment": False,
    }


def _grams(profile: Profile, line: LineItem) -> Decimal | None:
    """Of one unit; the merchant's default where Shopify knows none."""
    return grams(line["weight"]) or profile.default_grams


def _item_name(line: LineItem) -> str:
    name = goods_name(line["title"], line["variantTitle"])
    return name or clean_text(line["name"]) or clean_text(line["sku"]) or "Item"


def _options(line: LineItem) -> list[ItemOption]:
    """The variant, then the line's properties; those with a leading underscore are hidden by convention."""
    options: list[ItemOption] = []
    if title := clean_text(shown_variant(line["variantTitle"])):
        options.append({"name": "Variant", "value": title})
    shown = (one for one in line["customAttributes"] if not one["key"].startswith("_") and one["value"])
    return options + [{"name": clean_text(one["key"]), "value": clean_lines(one["value"])} for one in shown]


def _adjustment(order: OrderToShip, amounts: Amounts) -> list[OrderItem]:
    """A line that nobody packs. Its key is ours, but no line item's."""
    if not amounts.adjustment:
        return []
    key = f"{order['legacyResourceId']}:adjustment"
    return [
        {
            "lineItemKey": key,
            "sku": None,
            "name": ADJUSTMENT_NAME,
            "quantity": 1,
            "unitPrice": amounts.adjustment,
            "adjustment": True,
        }
    ]


def _bill_to(order: OrderToShip, ship_to: Address) -> Address:
    """Only a name is compulsory here; without a billing address it is the recipient's."""
    billing = order["billingAddress"]
    return shipstation_address(billing) if billing else {"name": ship_to["name"]}


def _destination(profile: Profile, order: OrderToShip) -> MailingAddress | None:
    address = order["shippingAddress"]
    return in_latin(address, profile.to_latin) if address and profile.to_latin else address


def _internal_notes(profile: Profile, order: OrderToShip, location_id: int) -> str | None:
    """Tax numbers come as attributes. V1 has no field of its own for them, nor for the incoterm, nor for a second spelling."""
    shown = [one for one in order["customAttributes"] if not one["key"].startswith("_") and one["value"]]
    lines = [f"{clean_text(one['key'])}: {clean_lines(one['value'])}" for one in shown]
    incoterm = _incoterm(order, location_id)
    lines += [f"Incoterm: {incoterm}"] if incoterm else []
    original = as_written(order["shippingAddress"]) if profile.to_latin else None
    return "\n".join([*lines, f"{AS_WRITTEN}{original}"] if original else lines) or None


def _incoterm(order: OrderToShip, location_id: int) -> str | None:
    """Who pays the duties of what leaves this location, such as DAP. Ended fulfillment orders say it too."""
    for one in order["fulfillmentOrders"]["nodes"]:
        location, duties = one["assignedLocation"]["location"], one["internationalDuties"]
        if location and duties and number_of(location["id"]) == location_id:
            return duties["incoterm"]
    return None


def _is_gift(attributes: Iterable[Attribute]) -> bool:
    return any(
        _squeezed(one["key"]) in _GIFT_MARKS and (one["value"] or "").strip().lower() not in _NO for one in attributes
    )


def _squeezed(key: str) -> str:
    return "".join(char for char in key.lower() if char.isalnum())


def _shipping_service(order: OrderToShip) -> str | None:
    """What the buyer chose: ShipStation's service mapping keys on it."""
    titles = (clean_text(line["title"]) for line in order["shippingLines"]["nodes"] if not line["isRemoved"])
    return next((title for title in titles if title), None)


def _international(
    lines: Sequence[tuple[LineItem, int]], ships_from: str, ships_to: str
) -> InternationalOptions | None:
    if not ships_from or not ships_to or ships_from == ships_to:
        return None
    return {"contents": "merchandise", "customsItems": [_customs_item(line, count, ships_to) for line, count in lines]}


def _customs_item(line: LineItem, count: int, ships_to: str) -> CustomsItem:
    """`value` is for a single unit. A tariff code of the destination's own goes before the one for everywhere."""
    stock = line["variant"]["inventoryItem"] if line["variant"] else None
    value = unit_price(line) or cents(amount_of(line["originalUnitPriceSet"])) or NOMINAL_CUSTOMS_VALUE
    return {
        "description": clean_text(line["title"]) or _item_name(line),
        "quantity": count,
        "value": value,
        "harmonizedTariffCode": stock.get("tariffCodes", {}).get(ships_to, stock["harmonizedSystemCode"])
        if stock
        else None,
        "countryOfOrigin": stock["countryCodeOfOrigin"] if stock else None,
    }
