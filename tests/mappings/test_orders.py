from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mappings.canonical import dumps
from mappings.keys import order_key
from mappings.orders import (
    ADJUSTMENT_NAME,
    LONGEST_ORDER_NUMBER,
    OWNED_FIELDS,
    cancelled_order,
    gift_message,
    order_number,
    ordinal_in,
    shipstation_order,
)
from mappings.plans import Profile
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import HERE, ORDER_ID, PROFILE, address, attribute, line, money, order

KEY = order_key("main", ORDER_ID, HERE, 1)


def document(
    of: OrderToShip,
    units: Mapping[int, int] | None = None,
    profile: Profile = PROFILE,
    ordinal: int = 1,
    ships_from: str = "US",
) -> Order:
    return shipstation_order(profile, of, KEY, HERE, ordinal, Counter(units or {7001: 1}), Counter(), ships_from)


def test_a_plain_order() -> None:
    made = document(order([line(7001, 2)], phone="+1 917"), {7001: 2}, replace(PROFILE, warehouses={HERE: 501}))
    ship_to = {
        "name": "Megan Alderton",
        "company": None,
        "street1": "118 Linden Avenue",
        "street2": None,
        "street3": None,
        "city": "Brooklyn",
        "state": "NY",
        "postalCode": "11229",
        "country": "US",
        "phone": "+1 917",
    }
    assert made == {
        "orderNumber": "#1001",
        "orderKey": "main-5001-81-1",
        "orderDate": "2026-11-20T09:15:00",
        "paymentDate": "2026-11-20T09:15:00",
        "orderStatus": "awaiting_shipment",
        "customerUsername": "megan.alderton@example.com",
        "customerEmail": "megan.alderton@example.com",
        "billTo": ship_to | {"phone": None},
        "shipTo": ship_to,
        "items": [
            {
                "lineItemKey": "5001:7001",
                "sku": "MUG-7001",
                "name": "Mug 7001",
                "imageUrl": None,
                "weight": {"value": Decimal("350.00"), "units": "grams"},
                "quantity": 2,
                "unitPrice": Decimal("10.00"),
                "taxAmount": Decimal("0.00"),
                "options": [],
                "upc": None,
                "adjustment": False,
            }
        ],
        "amountPaid": Decimal("20.00"),
        "taxAmount": Decimal("0.00"),
        "shippingAmount": Decimal("0.00"),
        "customerNotes": None,
        "internalNotes": None,
        "gift": False,
        "giftMessage": None,
        "requestedShippingService": "Standard",
        "weight": {"value": Decimal("700.00"), "units": "grams"},
        "internationalOptions": None,
        "advancedOptions": {"storeId": 1001, "warehouseId": 501, "source": "shopify", "customField1": "#1001@main"},
    }
    dumps(made)


def test_every_field_but_key_and_status_is_owned() -> None:
    assert document(order()).keys() - {"orderKey", "orderStatus"} == set(OWNED_FIELDS)


@pytest.mark.parametrize(
    ("name", "prefix", "ordinal", "number"),
    [
        pytest.param("#1001", "", 1, "#1001", id="first"),
        pytest.param("#1001", "EU-", 3, "EU-#1001-3", id="third, with prefix"),
        pytest.param("N" * 80, "", 12, "N" * 47 + "-12", id="cut before the suffix"),
    ],
)
def test_order_number(name: str, prefix: str, ordinal: int, number: str) -> None:
    profile, whole = replace(PROFILE, order_prefix=prefix), order(name=name)
    made = order_number(profile, whole, ordinal)
    assert made == number
    assert len(made) <= LONGEST_ORDER_NUMBER


def test_an_ordinal_once_given_is_found_again() -> None:
    for ordinal in (1, 2, 17):
        assert ordinal_in(PROFILE, order(), document(order(), ordinal=ordinal)) == ordinal
    for number in ("#1002", "#1001-x", ""):
        assert ordinal_in(PROFILE, order(), {"orderNumber": number}) is None
    assert ordinal_in(PROFILE, order(), None) is None


@pytest.mark.parametrize(
    ("facts", "field", "value"),
    [
        pytest.param({"displayFinancialStatus": "AUTHORIZED"}, "paymentDate", None, id="not paid yet"),
        pytest.param({"note": "Ring twice\r\nplease \U0001f600"}, "customerNotes", "Ring twice\nplease", id="note"),
        pytest.param({"processedAt": "2026-07-01T07:30:00Z"}, "orderDate", "2026-07-01T00:30:00", id="summer time"),
        pytest.param(
            {"customAttributes": [attribute("Door", "4711"), attribute("_hidden", "x"), attribute("Empty", None)]},
            "internalNotes", "Door: 4711", id="cart attributes",
        ),
        pytest.param({"customAttributes": [attribute("gift_message", "Love")]}, "giftMessage", "Love", id="gift message"),
        pytest.param({"customAttributes": [attribute("Gift Message", "Love")]}, "gift", True, id="a message makes a gift"),
        pytest.param({"customAttributes": [attribute("is_gift", "Yes")]}, "gift", True, id="marked as gift"),
        pytest.param({"customAttributes": [attribute("gift", "false")]}, "gift", False, id="marked as no gift"),
        pytest.param(
            {"shippingLines": {"nodes": [
                {"title": "Express", "code": None, "isRemoved": True}, {"title": "Economy", "code": None, "isRemoved": False}
            ]}}, "requestedShippingService", "Economy", id="removed shipping line skipped",
        ),
        pytest.param({"shippingLines": {"nodes": []}}, "requestedShippingService", None, id="no shipping line"),
        pytest.param({"billingAddress": None}, "billTo", {"name": "Megan Alderton"}, id="no billing address"),
        pytest.param({"email": None, "phone": "+1"}, "customerUsername", "+1", id="phone only"),
    ],
)  # fmt: skip
def test_fields_of_the_order(facts: dict[str, Any], field: str, value: object) -> None:
    made: dict[str, object] = {**document(order(**facts))}
    assert made[field] == value


@pytest.mark.parametrize(
    ("facts", "field", "value"),
    [
        pytest.param({"variantTitle": "Red"}, "name", "Mug 7001 - Red", id="variant in the name"),
        pytest.param({"variantTitle": "Default Title"}, "name", "Mug 7001", id="no variant"),
        pytest.param({"title": "\U0001f381", "name": "", "sku": None}, "name", "Item", id="nothing readable"),
        pytest.param({"sku": " "}, "sku", None, id="empty sku"),
        pytest.param({"sku": "A\nB"}, "sku", "A B", id="sku with a line break"),
        pytest.param(
            {"variantTitle": "Red", "customAttributes": [attribute("Engraving", "AB"), attribute("_id", "1")]},
            "options", [{"name": "Variant", "value": "Red"}, {"name": "Engraving", "value": "AB"}], id="options",
        ),
        pytest.param({"weight": None}, "weight", None, id="no weight"),
        pytest.param({"quantity": 3, "taxLines": [{"priceSet": money("1.00")}]}, "taxAmount", Decimal("0.33"), id="tax per unit"),
        pytest.param({"image": {"url": "https://cdn.example/x.png"}}, "imageUrl", "https://cdn.example/x.png", id="image"),
        pytest.param(
            {"discountedUnitPriceAfterAllDiscountsSet": money("7.333")}, "unitPrice", Decimal("7.33"), id="after discounts"
        ),
    ],
)  # fmt: skip
def test_fields_of_an_item(facts: dict[str, Any], field: str, value: object) -> None:
    made: dict[str, object] = {**document(order([line(7001, **facts)]))["items"][0]}
    assert made[field] == value


def test_only_the_units_of_the_consignment_in_the_order_of_the_lines() -> None:
    made = document(order([line(7003), line(7001, 5), line(7002)]), {7001: 2, 7003: 1})
    assert [(item["lineItemKey"], item["quantity"]) for item in made["items"] if not item["adjustment"]] == [
        ("5001:7003", 1),
        ("5001:7001", 2),
    ]


def test_units_of_a_line_that_the_order_does_not_show_are_never_dropped() -> None:
    with pytest.raises(KeyError):
        document(order(), {7001: 1, 9999: 1})


def test_what_unit_prices_miss_of_the_total_is_a_line_of_its_own() -> None:
    """Three for 10.00: Shopify shows 3.33 each."""
    made = document(order([line(7001, 3, "3.33")], currentTotalPriceSet=money("10.00")), {7001: 3})
    assert made["items"][-1] == {
        "lineItemKey": "5001:adjustment",
        "sku": None,
        "name": ADJUSTMENT_NAME,
        "quantity": 1,
        "unitPrice": Decimal("0.01"),
        "adjustment": True,
    }


def test_tax_inside_the_prices_is_not_added_again() -> None:
    totals: dict[str, Any] = {"currentTotalPriceSet": money("24.99"), "currentShippingPriceSet": money("4.99")}
    included = document(
        order([line(7001, 2)], currentTotalTaxSet=money("3.99"), taxesIncluded=True, **totals), {7001: 2}
    )
    assert (included["taxAmount"], len(included["items"])) == (Decimal(0), 1)
    added_on_top = order([line(7001, 2)], currentTotalTaxSet=money("3.99"), currentTotalPriceSet=money("23.99"))
    assert document(added_on_top, {7001: 2})["taxAmount"] == Decimal("3.99")


STOCK = {"harmonizedSystemCode": "691110", "countryCodeOfOrigin": "PT"}


@pytest.mark.parametrize(
    ("price", "original", "value"),
    [
        pytest.param("8.00", "10.00", "8.00", id="as paid"),
        pytest.param("0.00", "10.00", "10.00", id="free gift at its price"),
        pytest.param("0.00", "0.00", "1.00", id="nominal"),
    ],
)
def test_customs_for_another_country(price: str, original: str, value: str) -> None:
    variant = {"id": "gid://shopify/ProductVariant/1", "barcode": "4006381333931", "inventoryItem": STOCK}
    goods = line(7001, 2, price, originalUnitPriceSet=money(original), variant=variant)
    made = document(order([goods], shippingAddress=address(countryCodeV2="CA", zip="M5V 1S0")), {7001: 2})
    assert made["internationalOptions"] == {
        "contents": "merchandise",
        "customsItems": [
            {
                "description": "Mug 7001",
                "quantity": 2,
                "value": Decimal(value),
                "harmonizedTariffCode": "691110",
                "countryOfOrigin": "PT",
            }
        ],
    }
    assert made["items"][0]["upc"] == "4006381333931"


@pytest.mark.parametrize(("country", "code"), [("CA", "6911100020"), ("GB", "691110")])
def test_a_tariff_code_of_the_destination_goes_before_the_one_for_everywhere(country: str, code: str) -> None:
    stock = {**STOCK, "tariffCodes": {"CA": "6911100020", "MX": "69111001"}}
    variant = {"id": "gid://shopify/ProductVariant/1", "barcode": None, "inventoryItem": stock}
    made = document(order([line(7001, variant=variant)], shippingAddress=address(countryCodeV2=country)), {7001: 1})
    (item,) = (made["internationalOptions"] or {}).get("customsItems") or []
    assert item["harmonizedTariffCode"] == code


def test_no_customs_at_home_or_when_the_origin_is_unknown() -> None:
    assert document(order())["internationalOptions"] is None
    abroad = order(shippingAddress=address(countryCodeV2="CA"))
    assert document(abroad, ships_from="")["internationalOptions"] is None


def test_gift_messages_are_found_by_several_names() -> None:
    for key in ("gift_message", "Gift message", "GIFT-NOTE", "gift note"):
        assert gift_message([attribute(key, "Love")]) == "Love"
    assert gift_message([attribute("gift_message", " "), attribute("message", "x")]) is None


def test_a_cancelled_order_is_the_same_document_with_another_status() -> None:
    made = document(order())
    assert cancelled_order(made) == {**made, "orderStatus": "cancelled"}
