"""ShipStation orders in V2's spelling: what both APIs know survives the way there and back, and the warehouse's own survives ours."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.carry_over import contested_fields, is_regrouped
from mappings.parts import with_parts
from mappings.shipstation_shapes import Order
from mappings.v2_documents import (
    FAR_AWAY,
    FIELDS,
    Names,
    changed_shipment,
    new_shipment,
    number_of,
    order_of,
)

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
NAMES = Names("usd", {"stamps_com": "se-12345", "fedex": "se-12348"}, {8362: "VIP", 8363: "Rush"})

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
amounts = st.decimals(0, 9999, places=2)
weights = st.builds(
    lambda value, units: {"value": value, "units": units}, amounts, st.sampled_from(["ounces", "grams", "pounds"])
)
items = st.builds(
    lambda key, name, quantity, price, weight, option: {
        "lineItemKey": key,
        "sku": f"SKU-{key}",
        "name": name,
        "imageUrl": None,
        "weight": weight,
        "quantity": quantity,
        "unitPrice": price,
        "taxAmount": price,
        "options": [{"name": "Size", "value": option}],
        "upc": None,
        "adjustment": False,
    },
    st.integers(1, 99).map(lambda number: f"5001:{number}"),
    texts,
    st.integers(1, 9),
    amounts,
    weights,
    texts,
)
customs = st.builds(
    lambda text, value: {
        "contents": "merchandise",
        "nonDelivery": "return_to_sender",
        "customsItems": [
            {
                "description": text,
                "quantity": 1,
                "value": value,
                "harmonizedTariffCode": None,
                "countryOfOrigin": "US",
            }
        ],
    },
    texts,
    amounts,
)
orders = st.builds(
    lambda **parts: cast(Order, parts),
    orderKey=st.just("main-5001-81-1"),
    orderNumber=texts,
    orderStatus=st.sampled_from(["awaiting_shipment", "on_hold"]),
    customerEmail=st.none() | texts,
    shipTo=st.fixed_dictionaries(
        {
            name: st.none() | texts
            for name in ("name", "company", "street1", "street2", "street3", "city", "state", "postalCode", "phone")
        }
        | {"country": st.just("US"), "residential": st.sampled_from([True, False, None])}
    ),
    items=st.lists(items, max_size=4, unique_by=lambda one: str(one["lineItemKey"])),
    amountPaid=amounts,
    taxAmount=amounts,
    shippingAmount=amounts,
    customerNotes=st.none() | texts,
    internalNotes=st.none() | texts,
    gift=st.booleans(),
    giftMessage=st.none() | texts,
    requestedShippingService=st.none() | texts,
    weight=weights,
    internationalOptions=st.none() | customs,
    carrierCode=st.sampled_from([None, "fedex"]),
    serviceCode=st.sampled_from([None, "fedex_ground"]),
    tagIds=st.lists(st.sampled_from([8362, 8363]), unique=True),
    advancedOptions=st.fixed_dictionaries(
        {"storeId": st.just(1001), "warehouseId": st.just(501)}
        | {f"customField{number}": st.none() | texts for number in (1, 2, 3)}
    ),
)


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """As the vendor would show what was created."""
    times = {"created_at": "2026-11-20T17:00:00.123Z", "modified_at": "2026-11-20T17:00:00.123Z"}
    return {"shipment_id": "se-90000001", "shipment_status": "pending", **times, **body}


@given(orders)
def test_what_both_apis_know_comes_back_as_it_was_sent(order: Order) -> None:
    back = order_of(shown(new_shipment(order, NAMES)), NAMES, NOW)
    whole, sent = cast(dict[str, Any], back), cast(dict[str, Any], order)
    for field in (FIELDS | {"tagIds", "orderKey"}) & sent.keys() - {"items", "advancedOptions"}:
        assert whole[field] == sent[field], field
    for mine, theirs in zip(sent["items"], whole["items"], strict=True):
        assert {name: theirs[name] for name in mine} == mine
    assert {name: whole["advancedOptions"][name] for name in sent["advancedOptions"]} == sent["advancedOptions"]
    assert back["orderId"] == 90000001


@given(orders, orders)
def test_a_change_brings_its_fields_and_nothing_else(before: Order, after: Order) -> None:
    there = shown(new_shipment(before, NAMES)) | {"assigned_user": "u-1", "zone": 4}
    kept = {"assigned_user": "u-1", "zone": 4}
    assert changed_shipment(there, after, (), NAMES) == {
        name: value
        for name, value in there.items()
        if name not in ("shipment_id", "created_at", "modified_at", "shipment_status", "tags")
    }
    body = changed_shipment(there, after, ("customerNotes", "shipTo"), NAMES)
    back = order_of(shown(body), NAMES, NOW)
    assert (back["customerNotes"], back["shipTo"]) == (after["customerNotes"], after["shipTo"])
    assert (back["internalNotes"], back["customerEmail"]) == (before["internalNotes"], before["customerEmail"])
    assert kept.items() <= body.items()


def test_what_v2_does_not_show_is_no_edit_of_the_warehouse() -> None:
    order = cast(
        Order,
        {
            "orderKey": "main-5001-81-1",
            "orderStatus": "awaiting_shipment",
            "billTo": {"name": "Ann Lee"},
            "items": [],
            "shipTo": {"name": "Ann Lee"},
            "advancedOptions": {"source": "shopify", "customField1": "#1001@main", "warehouseId": 501},
        },
    )
    back = order_of(shown(new_shipment(order, NAMES)), NAMES, NOW)
    wanted = cast(Order, {**order, "billTo": {"name": "Bob"}, "advancedOptions": {"customField1": "#1001-2@main"}})
    assert contested_fields(back, wanted, order, ("billTo", "advancedOptions")) == ()


def test_items_are_laid_over_those_of_the_same_line_and_adjustments_have_no_place() -> None:
    there = shown({"items": [{"external_order_item_id": "5001:1", "asin": "B000000000", "quantity": 2, "name": "Mug"}]})
    order = cast(
        Order,
        {
            "items": [
                {"lineItemKey": "5001:1", "name": "Mug", "quantity": 1, "unitPrice": Decimal("9.50")},
                {"lineItemKey": "5001:adjustment", "name": "Less", "quantity": 1, "adjustment": True},
            ]
        },
    )
    (item,) = changed_shipment(there, order, ("items",), NAMES)["items"]
    assert (item["asin"], item["quantity"], item["unit_price"]) == ("B000000000", 1, Decimal("9.50"))


@pytest.mark.parametrize(
    ("status", "until", "expected"),
    [
        ("pending", None, "awaiting_shipment"),
        ("pending", FAR_AWAY, "on_hold"),
        ("pending", "2026-11-19T08:00:00Z", "awaiting_shipment"),
        ("pending", "2026-11-19", "awaiting_shipment"),
        ("pending", "2199-11-19T08:00:00", "on_hold"),
        ("pending", "tomorrow", "on_hold"),
        ("processing", None, "pending_fulfillment"),
        ("label_purchased", None, "shipped"),
        ("cancelled", FAR_AWAY, "cancelled"),
        ("something_new", None, "something_new"),
    ],
)
def test_a_status_is_read_with_the_end_of_its_hold(status: str, until: str | None, expected: str) -> None:
    row: dict[str, Any] = {"shipment_id": "se-1", "shipment_status": status, "hold_until_date": until, "items": []}
    assert order_of(row, NAMES, NOW)["orderStatus"] == expected


def test_other_units_than_ours_pass_for_a_split_because_v2_tells_of_none() -> None:
    item = {"external_order_item_id": "5001:1", "quantity": 1, "name": "Mug"}
    seen = order_of(shown({"items": [item]}), NAMES, NOW)
    ours = cast(Order, {"items": [{"lineItemKey": "5001:1", "quantity": 2}]})
    same = cast(Order, {"items": [{"lineItemKey": "5001:1", "quantity": 1}]})
    assert is_regrouped(seen, ours)
    assert not is_regrouped(seen, ours, same)
    assert not is_regrouped(seen)


def test_numbers_are_those_of_v1() -> None:
    assert [number_of(one) for one in ("se-12345", "1402729929169", None, "se-abc")] == [
        12345,
        1402729929169,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("lines", "is_merged"), [(("5001:1", "5002:1"), True), (("5001:1", "5001:2"), False), (("5001:1", None), False)]
)
def test_goods_of_several_sales_tell_of_a_merge_whatever_is_known_of_them(
    lines: tuple[str | None, ...], is_merged: bool
) -> None:
    items = [{"external_order_item_id": line, "quantity": 1, "name": "Mug"} for line in lines]
    assert is_regrouped(order_of(shown({"items": items}), NAMES, NOW)) is is_merged


def test_a_part_of_an_order_of_lost_answer_is_known_by_its_lines_alone() -> None:
    def seen(number: int, key: str, *lines: str) -> Order:
        items = [{"external_order_item_id": line, "quantity": 1, "name": "Mug"} for line in lines]
        return order_of(
            shown({"items": items, "external_shipment_id": key}) | {"shipment_id": f"se-{number}"}, NAMES, NOW
        )

    order = seen(1, "main-5001-81-1", "5001:1")
    others = [
        order,
        seen(2, "0a1b", "5001:1", "5001:2"),
        seen(3, "0c2d", "5002:1"),
        seen(4, "main-5001-82-1", "5001:3"),
    ]
    whole = with_parts(order, others)
    assert [one["lineItemKey"] for one in whole["items"]] == ["5001:1", "5001:1", "5001:2"]
    assert is_regrouped(whole)
    assert with_parts(order, [order]) == order
