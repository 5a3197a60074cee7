"""What an answer may look like: lenient about spelling, strict about meaning."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mappings.decoding import MalformedError, decoded
from mappings.shipstation_shapes import Order, Shipment
from mappings.shopify_shapes import FulfillmentOrderLine, Money, OrderToShip
from tests.mappings.builders import address, fulfillment_order, line, order

LINE = {
    "id": "gid://shopify/FulfillmentOrderLineItem/1",
    "totalQuantity": 2,
    "remainingQuantity": 2,
    "requiresShipping": True,
    "lineItem": {"id": "gid://shopify/LineItem/7"},
}


@pytest.mark.parametrize(
    ("change", "member", "read"),
    [
        pytest.param({"remainingQuantity": "3"}, "remainingQuantity", 3, id="number as text"),
        pytest.param({"remainingQuantity": Decimal("3.0")}, "remainingQuantity", 3, id="fraction that is none"),
        pytest.param({"requiresShipping": "True"}, "requiresShipping", True, id="truth as text"),
        pytest.param({"new": [1]}, "new", [1], id="a member that nobody knows"),
    ],
)
def test_another_spelling_is_read(change: dict[str, Any], member: str, read: Any) -> None:
    assert decoded(FulfillmentOrderLine, LINE | change)[member] == read


@pytest.mark.parametrize(
    "change",
    [
        {"remainingQuantity": None},
        {"remainingQuantity": True},
        {"remainingQuantity": "two"},
        {"remainingQuantity": 2.5},
        {"remainingQuantity": 10**30},
        {"requiresShipping": 1},
        {"id": "BRAND_NEW"},
        {"lineItem": None},
        {"lineItem": []},
    ],
)
def test_another_meaning_is_refused_and_the_place_is_told(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match=next(iter(change))):
        decoded(FulfillmentOrderLine, LINE | change)


@pytest.mark.parametrize("country", ["BRAND_NEW", "", "1A", "ÄÖ"])
def test_what_is_no_country_is_refused(country: str) -> None:
    with pytest.raises(MalformedError, match=r"shippingAddress\.countryCodeV2"):
        decoded(OrderToShip, order(shippingAddress=address(countryCodeV2=country)))


def test_a_member_that_is_missing_is_refused() -> None:
    with pytest.raises(MalformedError, match="remainingQuantity is missing"):
        decoded(FulfillmentOrderLine, {name: value for name, value in LINE.items() if name != "remainingQuantity"})


def test_what_was_found_is_never_told() -> None:
    whole: Any = order([line()], [fulfillment_order(1, {7001: 1})])
    whole["shippingAddress"] = address() | {"address1": ["Canary Street"]}
    with pytest.raises(MalformedError) as caught:
        decoded(OrderToShip, whole)
    assert "shippingAddress.address1" in str(caught.value)
    assert "Canary" not in str(caught.value)


@pytest.mark.parametrize("amount", ["", "ten", "NaN", "1e999999999", None, [1]])
def test_an_amount_is_a_number(amount: Any) -> None:
    with pytest.raises(MalformedError):
        decoded(Money, {"amount": amount, "currencyCode": "USD"})


def test_an_unknown_word_stays() -> None:
    assert decoded(Order, {"orderId": 1, "orderStatus": "brand_new"})["orderStatus"] == "brand_new"


PARCEL: Any = {"shipmentId": 1, "isReturnLabel": False, "voided": False, "trackingNumber": "1Z1"}


def test_null_is_left_out_where_a_member_may_be() -> None:
    row = {
        **PARCEL,
        "createDate": None,
        "trackingNumber": None,
        "shipmentItems": [{"lineItemKey": None, "quantity": 1, "sku": None}],
    }
    assert decoded(Shipment, row) == {
        **PARCEL,
        "trackingNumber": None,
        "shipmentItems": [{"lineItemKey": None, "quantity": 1, "sku": None}],
    }


def test_goods_without_a_quantity_are_not_none_of_them() -> None:
    with pytest.raises(MalformedError, match="quantity"):
        decoded(Shipment, {**PARCEL, "shipmentItems": [{"lineItemKey": "1:2", "quantity": None}]})


def test_characters_that_no_database_keeps_are_dropped() -> None:
    assert decoded(Order, {"orderNumber": "#10\x0001\ud800"})["orderNumber"] == "#1001"
