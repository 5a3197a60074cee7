from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mappings.canonical import loads
from mappings.keys import order_key
from mappings.packages import packages_of_fulfillment, packages_of_shipment
from mappings.plans import Package
from mappings.shipstation_shapes import Shipment, ShipmentItem
from tests.mappings.builders import HERE, ORDER_ID

KEY = order_key("main", ORDER_ID, HERE, 1)
NO_KEY = "{00000000-0000-0000-0000-000000000000}"


def item(key: str | None, quantity: int = 1) -> ShipmentItem:
    return {"lineItemKey": key, "quantity": quantity, "sku": "X"}


def shipment(items: list[ShipmentItem] | None, **rest: Any) -> Shipment:
    whole: Shipment = {
        "shipmentId": 31,
        "orderId": 41,
        "orderKey": KEY,
        "trackingNumber": " 1Z9 ",
        "carrierCode": "ups",
        "serviceCode": "ups_ground",
        "isReturnLabel": False,
        "voided": False,
        "voidDate": None,
        "shipmentItems": items,
    }
    whole.update(rest)  # type: ignore[typeddict-item]
    return whole


def told(found: list[tuple[int, Package]]) -> list[tuple[int, str | None, dict[int, int] | None]]:
    return [(order_id, one.order_key, None if one.lines is None else dict(one.lines)) for order_id, one in found]


@pytest.mark.parametrize(
    ("parcel", "expected"),
    [
        pytest.param(shipment([item("5001:7001", 2)]), [(5001, KEY, {7001: 2})], id="one line"),
        pytest.param(
            shipment([item("5001:7001"), item("5001:7002"), item("5001:7001", 2)]), [(5001, KEY, {7001: 3, 7002: 1})],
            id="one line on two items",
        ),
        pytest.param(
            shipment([item("5001:7001"), item("5002:8001", 2)]), [(5001, KEY, {7001: 1}), (5002, None, {8001: 2})],
            id="merged: each order its own lines",
        ),
        pytest.param(shipment([item("5001:7001"), item("5001:adjustment")]), [(5001, KEY, {7001: 1})], id="adjustment"),
        pytest.param(shipment([item("5001:7001"), item(None)]), [(5001, KEY, {7001: 1})], id="a sample of the warehouse"),
        pytest.param(shipment([item(None, 3)]), [(5001, KEY, None)], id="no item has a key"),
        pytest.param(shipment(None), [(5001, KEY, None)], id="items not told"),
        pytest.param(shipment([]), [(5001, KEY, None)], id="no items"),
        pytest.param(shipment([item("5001:7001", 0)]), [(5001, KEY, None)], id="no units"),
        pytest.param(shipment([item("5001:7001")], isReturnLabel=True), [], id="return label"),
        pytest.param(shipment([item("5001:7001")], orderKey=NO_KEY), [(5001, None, {7001: 1})], id="split child"),
        pytest.param(shipment(None, orderKey=NO_KEY), [], id="foreign, nothing told"),
        pytest.param(shipment([item("a1")], orderKey=None), [], id="another shop's order"),
    ],
)  # fmt: skip
def test_lines_of_each_order(parcel: Shipment, expected: list[tuple[int, str | None, dict[int, int] | None]]) -> None:
    assert told(packages_of_shipment(parcel)) == expected


def test_a_parcel_without_key_is_found_by_the_order_that_we_know() -> None:
    assert told(packages_of_shipment(shipment(None, orderKey=NO_KEY), KEY)) == [(5001, KEY, None)]


def test_the_facts_of_a_package() -> None:
    [(_, found)] = packages_of_shipment(shipment([item("5001:7001")], voidDate="2026-11-20T01:00:00.0000000"))
    assert (found.package_key, found.tracking_number, found.carrier_code, found.service_code) == (
        "s31",
        "1Z9",
        "ups",
        "ups_ground",
    )
    assert found.voided
    assert found.fulfillment_gid is None


def test_a_fulfillment_has_no_lines() -> None:
    row: Any = {
        "fulfillmentId": 9,
        "orderId": 41,
        "trackingNumber": "",
        "carrierCode": "USPS",
        "voided": False,
        "voidDate": None,
    }
    [(order_id, found)] = packages_of_fulfillment(row, KEY)
    assert (order_id, found.package_key, found.lines, found.tracking_number) == (5001, "f9", None, None)
    assert packages_of_fulfillment(row, None) == []


def test_real_answers_are_read(shared: Path) -> None:
    folder = shared / "payloads" / "shipstation-v1"
    found: list[tuple[int, Package]] = []
    for name in ("include-items", "marketplace-notified", "voided-several"):
        for row in loads((folder / f"ss1-shipments-list-{name}.json").read_bytes())["shipments"]:
            assert packages_of_shipment(row) == []
            found += packages_of_shipment(row, KEY)
    assert {one.voided for _, one in found} == {True, False}
    rows = json.loads((folder / "ss1-fulfillments-list-docs.json").read_text())["fulfillments"]
    assert [one.tracking_number for row in rows for _, one in packages_of_fulfillment(row, KEY)] == [
        "783408231234",
        "664756278745",
    ]
