"""Creating, replacing, refusing and reading orders through V1."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sandbox.shipstation_caller import Caller, item_body, order_body, units


def test_an_order_is_created_with_ids_total_and_pacific_times() -> None:
    order = Caller().create()
    assert order["orderTotal"] == 37.3  # 2 x 9.5 + 3 x 4 + 1.6 + 4.7
    assert order["createDate"] == order["modifyDate"] == "2026-11-20T12:00:00.0000000"
    assert order["orderDate"] == "2026-11-20T09:15:00.0000000"
    assert order["advancedOptions"]["storeId"] == 1002
    assert order["advancedOptions"]["warehouseId"] == 501
    assert order["items"][0]["weight"] == {"value": 12, "units": "ounces", "WeightUnits": 1}
    assert len({row["orderItemId"] for row in order["items"]}) == 2


def test_the_same_key_updates_and_what_is_left_out_is_cleared() -> None:
    caller = Caller()
    first = caller.create(internalNotes="fragile")
    caller.wait(60)
    body = order_body(items=[item_body("li-1", 1)], advancedOptions={"storeId": 1001})
    del body["tagIds"]
    second = caller.post("/Orders/CreateOrder", body)
    assert second["orderId"] == first["orderId"]
    assert (second["internalNotes"], second["tagIds"]) == (None, None)
    assert second["advancedOptions"]["customField1"] is None
    assert second["advancedOptions"]["storeId"] == 1002, "the store is set at creation only"
    assert second["createDate"] == first["createDate"]
    assert second["modifyDate"] > first["modifyDate"]
    assert units(second["items"]) == {"li-1": 1}


@pytest.mark.parametrize(("style", "kept"), [("replace", False), ("line_item_key", True)])
def test_whether_an_update_keeps_the_ids_of_lines_is_an_option(style: str, kept: bool) -> None:
    caller = Caller(item_match=style)
    ids = [[row["orderItemId"] for row in caller.create()["items"]] for _ in range(2)]
    assert (ids[0] == ids[1]) is kept


def test_without_a_key_every_post_makes_another_order() -> None:
    caller = Caller()
    keys = {caller.create(key=None)["orderKey"] for _ in range(2)}
    assert len(keys) == 2
    assert caller.get("/orders")["total"] == 2


def test_an_order_id_in_the_body_beats_the_key() -> None:
    caller = Caller()
    first, second = caller.create(key="a"), caller.create(key="b")
    [row] = caller.push(order_body(key="b", orderId=first["orderId"], customerNotes="here"))
    assert (row["orderId"], row["orderKey"]) == (first["orderId"], "a")
    assert caller.get(f"/orders/{second['orderId']}")["customerNotes"] is None
    [row] = caller.push(order_body(key="b", orderId=12345))
    assert not row["success"]


def test_without_a_store_the_first_manual_store_takes_the_order() -> None:
    caller = Caller()
    assert caller.create(advancedOptions={})["advancedOptions"]["storeId"] == 1001
    [row] = caller.push(order_body(key="x", advancedOptions={"storeId": 7}))
    assert row["errorMessage"] == "Invalid store id 7."


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"shipTo": {"country": "US"}}, "'Ship Name' must not be empty."),
        ({"billTo": {"name": ""}}, "'Bill Name' must not be empty."),
        ({"shipTo": {"name": "A", "country": "USA"}}, "Please use a 2 character country code"),
        ({"amountPaid": "ten"}, "Could not convert string to decimal: ten."),
        ({"orderStatus": "pending_fulfillment"}, "Error converting value"),
        ({"orderNumber": ""}, "'Order Number' must not be empty."),
        ({"orderNumber": "1" * 51}, "'Order Number' must be 50 characters or fewer."),
        ({"orderDate": "yesterday"}, "Could not convert string to DateTime: yesterday."),
        ({"items": [{"name": None}]}, "'Name' must not be empty."),
        ({"items": 5}, "Cannot deserialize items"),
        ({"tagIds": ["vip"]}, "Could not convert vip to integer."),
        ({"weight": "1 kg"}, "Cannot deserialize weight"),
        ({"items": [item_body("a", 1, weight={"value": "x"})]}, "Could not convert string to decimal: x."),
        ({"taxAmount": "NaN"}, "Could not convert string to decimal: NaN."),
        ({"customerUsername": ["a"]}, "Could not convert customerUsername to string."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_row_is_told_and_the_good_ones_stay(fields: dict[str, Any], error: str) -> None:
    caller = Caller()
    bad = order_body(key="bad", **fields)
    answer = caller.post("/orders/createorders", [order_body(key="good"), bad, order_body(key="fine")])
    assert answer["hasErrors"] is True
    assert [row["success"] for row in answer["results"]] == [True, False, True]
    assert answer["results"][1]["orderKey"] == "bad"
    assert answer["results"][1]["orderId"] is None
    assert answer["results"][1]["errorMessage"].startswith(error)
    assert caller.send("POST", "/orders/createorder", bad).status == 400
    assert {order["orderKey"] for order in caller.get("/orders")["orders"]} == {"good", "fine"}


def test_a_batch_has_one_to_a_hundred_orders() -> None:
    caller = Caller()
    assert len(caller.push(*(order_body(key=f"k{n}") for n in range(100)))) == 100
    assert caller.send("POST", "/orders/createorders", []).status == 400
    too_many = [order_body(key=f"x{n}") for n in range(101)]
    assert caller.send("POST", "/orders/createorders", too_many).status == 400
    assert caller.get("/orders")["total"] == 100


@pytest.mark.parametrize("locked_as", ["shipped", "cancelled"])
@pytest.mark.parametrize("style", ["row_failure", "status_400", "silent_200"])
def test_locked_orders_refuse_changes_in_the_chosen_style(style: str, locked_as: str) -> None:
    caller = Caller(locked_order_style=style)
    caller.create(key="locked", orderStatus=locked_as)
    batch = [order_body(key="new"), order_body(key="locked", customerNotes="changed")]
    answer = caller.send("POST", "/orders/createorders", batch)
    results = json.loads(answer.body).get("results")
    if style == "status_400":
        assert (answer.status, results) == (400, None)
    else:
        assert [row["success"] for row in results] == [True, style == "silent_200"]
    orders = {order["orderKey"]: order for order in caller.get("/orders")["orders"]}
    assert orders["locked"]["customerNotes"] is None
    assert ("new" in orders) is (style != "status_400")


def test_cancelling_is_an_update_of_an_open_order() -> None:
    caller = Caller()
    caller.create()
    assert caller.create(orderStatus="cancelled")["orderStatus"] == "cancelled"


@pytest.mark.parametrize(("style", "created"), [("creates", True), ("refused", False)])
def test_the_key_of_a_deleted_order(style: str, created: bool) -> None:
    caller = Caller(gone_key_style=style)
    order = caller.create()
    assert caller.send("DELETE", f"/orders/{order['orderId']}").status == 200
    assert caller.send("GET", f"/orders/{order['orderId']}").status == 404
    assert caller.get("/orders")["total"] == 0
    [row] = caller.push(order_body())
    assert row["success"] is created
    assert row["orderId"] != order["orderId"]


def test_a_hold_ends_by_the_clock_at_midnight_pacific() -> None:
    caller = Caller(start=datetime(2026, 11, 20, 20, 0, tzinfo=UTC))
    order_id = caller.create()["orderId"]
    caller.post("/orders/holduntil", {"orderId": order_id, "holdUntilDate": "2026-11-22"})
    held = caller.get(f"/orders/{order_id}")
    assert (held["orderStatus"], held["holdUntilDate"]) == ("on_hold", "2026-11-22")
    caller.wait(36 * 3600 - 1)
    assert caller.get(f"/orders/{order_id}")["orderStatus"] == "on_hold"
    caller.wait(1)
    released = caller.get(f"/orders/{order_id}")
    assert (released["orderStatus"], released["holdUntilDate"]) == ("awaiting_shipment", None)


def test_a_hold_is_lifted_by_hand_and_does_not_come_back() -> None:
    caller = Caller()
    order_id = caller.create()["orderId"]
    caller.post("/orders/holduntil", {"orderId": order_id, "holdUntilDate": "2026-11-22"})
    answer = caller.post("/orders/restorefromhold", {"orderId": order_id})
    assert answer == {"success": True, "message": "The requested order has been restored"}
    assert caller.get(f"/orders/{order_id}")["orderStatus"] == "awaiting_shipment"
    assert caller.send("POST", "/orders/restorefromhold", {"orderId": order_id}).status == 400


def test_tags_come_and_go() -> None:
    caller = Caller()
    order_id = caller.create(tagIds=None)["orderId"]
    caller.post("/orders/addtag", {"orderId": order_id, "tagId": 8363})
    assert caller.get(f"/orders/{order_id}")["tagIds"] == [8363]
    assert caller.get("/orders/listbytag?orderStatus=awaiting_shipment&tagId=8363")["total"] == 1
    caller.post("/orders/removetag", {"orderId": order_id, "tagId": 8363})
    assert caller.get(f"/orders/{order_id}")["tagIds"] is None
    assert caller.send("POST", "/orders/addtag", {"orderId": order_id, "tagId": 1}).status == 404


def test_products_appear_with_new_skus_and_put_replaces_them_whole() -> None:
    caller = Caller()
    caller.create()
    products = caller.get("/products")["products"]
    assert [(row["sku"], row["price"], row["weightOz"]) for row in products] == [("MUG", 9.5, 12), ("CUP", 4, 12)]
    path = f"/products/{products[0]['productId']}"
    body = {"name": "Big Mug", "sku": "MUG", "weightOz": 14.5, "upc": "0123", "active": True}
    assert caller.send("PUT", path, body).status == 200
    product = caller.get(path)
    assert (product["name"], product["price"], product["weightOz"], product["upc"]) == ("Big Mug", 0, 14.5, "0123")


def test_unknown_paths_and_wrong_methods() -> None:
    caller = Caller()
    assert caller.send("GET", "/nowhere").status == 404
    assert caller.send("PUT", "/orders").status == 405
    assert caller.send("POST", "/orders/createorder", None).status == 400
