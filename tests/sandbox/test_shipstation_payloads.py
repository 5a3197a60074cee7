"""The sandbox's answers have the members of recorded ones, and next to no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.shipstation_caller import Caller, order_body


@pytest.fixture
def recorded(shared: Path) -> Any:
    def read(name: str) -> Any:
        return json.loads((shared / "payloads" / "shipstation-v1" / name).read_text())

    return read


@pytest.fixture
def caller() -> Caller:
    caller = Caller()
    caller.push(order_body(key="a"), order_body(key="b"))
    caller.world.labels.buy_label("a")
    caller.world.labels.mark_shipped("b", "stamps_com", "9400")
    caller.post("/webhooks/subscribe", {"target_url": "https://daemon.test/", "event": "ORDER_NOTIFY"})
    return caller


@pytest.mark.parametrize(
    ("url", "file", "rows"),
    [
        ("/orders", "ss1-orders-list-merged.json", "orders"),
        ("/shipments?includeShipmentItems=true", "ss1-shipments-list-include-items.json", "shipments"),
        ("/shipments", "ss1-shipments-list-voided-several.json", "shipments"),
        ("/products", "ss1-products-list.json", "products"),
        ("/webhooks", "ss1-webhooks-list.json", "webhooks"),
        ("/fulfillments", "ss1-fulfillments-list-docs.json", "fulfillments"),
        ("/stores", "ss1-stores-list-docs.json", None),
        ("/carriers", "ss1-carriers-list-docs.json", None),
        ("/carriers/listservices?carrierCode=stamps_com", "ss1-services-list.json", None),
        ("/accounts/listtags", "ss1-tags-list-color.json", None),
    ],
)
def test_lists_have_the_members_of_recorded_lists(
    caller: Caller, recorded: Any, url: str, file: str, rows: str | None
) -> None:
    ours, theirs = caller.get(url), recorded(file)
    if rows is not None:
        assert set(ours) == set(theirs)
        ours, theirs = ours[rows], theirs[rows]
    missing, invented = compared(ours[0], theirs[0])
    assert missing == set()
    assert invented <= {"items[].upc", "upc", "sellerFillProviderId", "sellerFillProviderName"}


@pytest.mark.parametrize(
    "file",
    ["ss1-order-amazon-marketplace.json", "ss1-order-billto-country-blank.json", "ss1-order-2015-shipped-hold.json"],
)
def test_an_order_lacks_no_member_of_real_ones(caller: Caller, recorded: Any, file: str) -> None:
    ours = caller.get("/orders")["orders"][0]
    missing, _ = compared(ours, recorded(file))
    assert missing == set()


def test_real_orders_can_be_sent_back(recorded: Any) -> None:
    """What another account returned is a valid body, once its store, warehouse and status are ours."""
    caller = Caller()
    for file in ("ss1-order-amazon-marketplace.json", "ss1-order-2015-shipped-hold.json"):
        order = recorded(file)
        del order["orderId"]
        order["advancedOptions"] |= {"storeId": 1001, "warehouseId": 501}
        order["billTo"]["name"] = "Ann Lee"
        created = caller.post("/orders/createorder", order | {"orderStatus": "awaiting_shipment"})
        assert created["orderKey"] == order["orderKey"]
        assert created["orderDate"] == order["orderDate"]
        assert [row["sku"] for row in created["items"]] == [row["sku"] for row in order["items"]]


def test_answers_of_actions_have_recorded_members(caller: Caller, recorded: Any) -> None:
    batch = caller.post("/orders/createorders", [order_body(key="c")])
    assert compared(batch, recorded("ss1-createorders-response.json")) == (set(), set())
    body = {"orderId": batch["results"][0]["orderId"], "carrierCode": "fedex", "serviceCode": "fedex_ground"}
    label = caller.post("/orders/createlabelfororder", body)
    assert compared(label, recorded("ss1-create-label-for-order.json"))[0] == set()
    assert compared(caller.post("/orders/markasshipped", body), recorded("ss1-markasshipped-ok.json")) == (set(), set())


def compared(ours: Any, theirs: Any) -> tuple[set[str], set[str]]:
    """Members that only they have, and members that only we have, with their paths. Null on one side compares nothing."""
    our_paths, their_paths = paths(ours, theirs), paths(theirs, ours)
    return their_paths - our_paths, our_paths - their_paths


def paths(left: Any, right: Any, at: str = "") -> set[str]:
    if isinstance(left, list) and isinstance(right, list) and left and right:
        return paths(left[0], right[0], f"{at}[]")
    if not isinstance(left, dict) or not isinstance(right, dict):
        return set()
    found = {f"{at}.{name}".lstrip(".") for name in left}
    for name in left.keys() & right.keys():
        found |= paths(left[name], right[name], f"{at}.{name}".lstrip("."))
    return found
