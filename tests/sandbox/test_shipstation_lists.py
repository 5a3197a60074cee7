"""Filters, sorting, paging and times of the V1 lists."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from tests.sandbox.shipstation_caller import Caller, order_body


def keys(caller: Caller, **query: object) -> list[str]:
    return [order["orderKey"] for order in caller.get(f"/orders?{urlencode(query)}")["orders"]]


@pytest.fixture
def caller() -> Caller:
    """Orders a, b, c, created ten minutes apart from noon on."""
    caller = Caller()
    caller.push(order_body(key="a", orderNumber="100", paymentDate=None, orderStatus="awaiting_payment"))
    caller.wait(600)
    caller.push(order_body(key="b", orderNumber="1001", orderDate="2026-11-19 10:00:00"))
    caller.wait(600)
    ship_to = {"name": "Bo Berg", "country": "SE"}
    caller.push(order_body(key="c", orderNumber="2001", shipTo=ship_to, advancedOptions={"storeId": 1001}))
    return caller


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["a", "b", "c"]),
        ({"orderNumber": "100"}, ["a", "b"]),
        ({"ORDERSTATUS": "Awaiting_Payment"}, ["a"]),
        ({"storeID": 1001}, ["c"]),
        ({"customerName": "berg"}, ["c"]),
        ({"itemKeyword": "cup"}, ["a", "b", "c"]),
        ({"itemKeyword": "plate"}, []),
        ({"createDateStart": "2026-11-20 12:10:00"}, ["c"]),
        ({"createDateStart": "2026-11-20 12:05:00", "createDateEnd": "2026-11-20T12:20:00"}, ["b"]),
        ({"orderDateEnd": "2026-11-19 10:00:00"}, ["b"]),
        ({"orderDateStart": "2026-11-20"}, ["a", "c"]),
        ({"paymentDateStart": "2026-11-01"}, ["b", "c"]),
        ({"sortBy": "CreateDate", "sortDir": "DESC"}, ["c", "b", "a"]),
        ({"sortBy": "orderdate"}, ["b", "a", "c"]),
        ({"pageSize": 2}, ["a", "b"]),
        ({"pageSize": 2, "page": 2}, ["c"]),
        ({"pageSize": 2, "page": 3}, []),
    ],
    ids=str,
)
def test_filters_sorting_and_pages(caller: Caller, query: dict[str, object], expected: list[str]) -> None:
    assert keys(caller, **query) == expected


def test_modified_rows_move_into_the_modify_window(caller: Caller) -> None:
    caller.wait(600)
    caller.push(order_body(key="a"))
    assert keys(caller, modifyDateStart="2026-11-20 12:15:00", sortBy="ModifyDate") == ["c", "a"]


def test_page_size_is_capped_and_pages_may_be_zero() -> None:
    caller = Caller(pages_style="zero")
    for batch in range(6):
        caller.push(*(order_body(key=f"{batch}-{n}") for n in range(100)))
    page = caller.get("/orders?pageSize=9999")
    assert (len(page["orders"]), page["total"], page["pages"]) == (500, 600, 0)
    caller.world.set_options({"pages_style": "computed"})
    assert caller.get("/orders/list")["pages"] == 6
    assert len(caller.get("/orders")["orders"]) == 100


@pytest.mark.parametrize("query", ["orderStatus=lost", "createDateStart=soon", "sortBy=Name", "page=x"])
def test_bad_parameters_are_refused(query: str) -> None:
    assert Caller().send("GET", f"/orders?{query}").status == 400


def test_reads_may_lag_behind_writes() -> None:
    caller = Caller(stale_read_s=120)
    order_id = caller.create()["orderId"]
    assert keys(caller) == []
    caller.wait(121)
    assert keys(caller) == ["shop-1001"]
    assert caller.create(customerNotes="new")["customerNotes"] == "new", "a write answers with what it wrote"
    assert caller.get(f"/orders/{order_id}")["customerNotes"] is None
    caller.world.labels.buy_label(order_id)
    assert caller.get("/shipments")["total"] == 0
    caller.wait(120)
    assert caller.get(f"/orders/{order_id}")["orderStatus"] == "shipped"
    assert caller.get("/shipments")["total"] == 1


def test_one_poisoned_order_breaks_every_page_it_is_on(caller: Caller) -> None:
    caller.world.poison("b")
    assert caller.send("GET", "/orders").status == 500
    assert caller.send("GET", "/orders?pageSize=1&page=2").status == 500
    assert keys(caller, pageSize=1, page=3) == ["c"]
    caller.world.poison("b", poisoned=False)
    assert keys(caller) == ["a", "b", "c"]


def test_in_the_autumn_hour_wall_time_comes_twice_and_a_filter_misses_the_second_turn() -> None:
    caller = Caller(start=datetime(2026, 11, 1, 8, 50, tzinfo=UTC))  # 01:50 daylight time
    assert caller.create(key="first")["createDate"] == "2026-11-01T01:50:00.0000000"
    caller.wait(20 * 60)
    assert caller.create(key="second")["createDate"] == "2026-11-01T01:10:00.0000000"
    assert keys(caller, createDateStart="2026-11-01 01:45:00") == ["first"]
    assert keys(caller, sortBy="CreateDate") == ["second", "first"]


def test_the_spring_hour_does_not_exist() -> None:
    caller = Caller(start=datetime(2026, 3, 8, 9, 59, tzinfo=UTC))
    order = caller.create(orderDate="2026-03-08 02:30:00")
    assert order["createDate"] == "2026-03-08T01:59:00.0000000"
    assert order["orderDate"] == "2026-03-08T03:30:00.0000000"
    caller.wait(60)
    assert caller.create()["modifyDate"] == "2026-03-08T03:00:00.0000000"


@pytest.mark.parametrize(
    ("style", "expected"), [("ignored", "2026-11-20T17:15:00.0000000"), ("honoured", "2026-11-20T09:15:00.0000000")]
)
def test_a_zone_on_input_is_ignored_or_honoured(style: str, expected: str) -> None:
    order = Caller(offset_style=style).create(orderDate="2026-11-20T17:15:00Z")
    assert order["orderDate"] == expected


def test_stores_warehouses_carriers_and_tags_are_bare_arrays() -> None:
    caller = Caller()
    assert [(store["storeId"], store["marketplaceId"]) for store in caller.get("/stores")] == [(1001, 0), (1002, 0)]
    assert caller.get("/Stores/1002")["storeName"] == "Sandbox Store 2"
    assert [row["warehouseId"] for row in caller.get("/warehouses")] == [501, 502]
    codes = {carrier["code"] for carrier in caller.get("/carriers")}
    assert {"stamps_com", "ups_walleted", "fedex", "dhl_express_worldwide"} <= codes
    assert caller.get("/carriers/listservices?CarrierCode=fedex")[0]["carrierCode"] == "fedex"
    assert caller.get("/accounts/listtags")[0]["tagId"] == 8362
    assert caller.send("GET", "/stores/9").status == 404
