"""Answers with holes, of which nothing in them speaks: nobody is given up, and nothing is taken for gone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from syncd.ports import Http, Request, Response
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import Day
from syncd.simulation.written import pushed


class Nulls:
    """Vendors whose bulk reads of these documents show null instead of the orders, so many times."""

    def __init__(self, vendors: Http, document: bytes, times: int) -> None:
        self._vendors = vendors
        self._document = document
        self._left = times

    async def send(self, request: Request) -> Response:
        response = await self._vendors.send(request)
        if self._document not in (request.body or b"") or response.status != 200 or not self._left:
            return response
        self._left -= 1
        body = json.loads(response.body)
        body["data"]["nodes"] = [None for _ in body["data"]["nodes"]]
        return replace(response, body=json.dumps(body).encode())


class Refuses:
    """Vendors that answer with a page of a proxy at this address."""

    def __init__(self, vendors: Http, address: str, status: int) -> None:
        self._vendors = vendors
        self._address = address
        self._status = status

    async def send(self, request: Request) -> Response:
        response = await self._vendors.send(request)
        return Response(self._status, {}, b"<html></html>") if request.url.endswith(self._address) else response


@pytest.mark.parametrize(("failures", "times"), [(0, 2), (12, 1)], ids=["at first", "after other failures"])
@pytest.mark.parametrize("document", [b"OrdersToShip", b"OrdersShipped"])
async def test_an_order_that_is_shown_as_null_in_passing_is_not_given_up(
    day: Day, document: bytes, failures: int, times: int
) -> None:
    day.network.vendors = Nulls(day.network.vendors, document, times)
    day.shopify.faults.set([FaultRule("error_500_before", operation=document.decode(), times=failures)])
    (order_id,) = day.sell(1)
    await day.until(lambda: day.there(order_id))
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest()
    await day.assert_clean()
    assert await day.cause(order_id) == "shipped"


class HidesLines:
    """Vendors that leave the first line out of an order, without saying so, so many times."""

    def __init__(self, vendors: Http, times: int) -> None:
        self._vendors = vendors
        self._left = times

    async def send(self, request: Request) -> Response:
        response = await self._vendors.send(request)
        if b"OrdersToShip" not in (request.body or b"") or not self._left:
            return response
        self._left -= 1
        body = json.loads(response.body)
        for node in body["data"]["nodes"]:
            del node["lineItems"]["nodes"][0]
        return replace(response, body=json.dumps(body).encode())


class HidesItsOrder:
    """Vendors whose list of marked orders does not show which order the oldest row stands for."""

    def __init__(self, vendors: Http) -> None:
        self._vendors = vendors

    async def send(self, request: Request) -> Response:
        response = await self._vendors.send(request)
        if "/fulfillments?" not in request.url:
            return response
        body = json.loads(response.body)
        for row in body["fulfillments"][:1]:
            del row["orderId"]
        return replace(response, body=json.dumps(body).encode())


async def test_a_marked_order_that_hides_its_number_keeps_no_other_from_being_told(day: Day) -> None:
    hidden, other = day.sell(2)
    await day.rest()
    vendors = day.network.vendors
    day.network.vendors = HidesItsOrder(vendors)
    for order_id in (hidden, other):
        day.shipstation.labels.mark_shipped(
            day.there(order_id)[0]["orderId"], "fedex", f"7970001112{order_id % 100:02}"
        )
    await day.rest()
    assert [await day.cause(order_id) for order_id in (hidden, other)] == ["in_shipstation", "shipped"]
    day.network.vendors = vendors
    await day.rest()
    assert (await day.assert_clean()).states == {"shipped": 2}


async def test_an_order_without_one_of_its_lines_is_read_again_and_is_no_mistake_of_ours(day: Day) -> None:
    day.network.vendors = HidesLines(day.network.vendors, times=1)
    (order_id,) = day.sell(1, lines=2)
    await day.rest()
    await day.assert_clean()
    deferred = [row["error_code"] for row in day.rows("SELECT error_code FROM marks WHERE flow = 'orders'")]
    assert (await day.cause(order_id), deferred) == ("in_shipstation", [None])
    assert len(pushed(day.calls("createorders"))) == 1


class HidesGoods:
    """Vendors that once show null in place of the first line of each fulfillment order, without saying so."""

    def __init__(self, vendors: Http) -> None:
        self._vendors = vendors
        self._left = 1

    async def send(self, request: Request) -> Response:
        response = await self._vendors.send(request)
        body = json.loads(response.body)
        parts = [
            part
            for order in (body.get("data") or {}).get("nodes") or []
            for part in order.get("fulfillmentOrders", {}).get("nodes") or []
        ]
        if b"OrdersToShip" not in (request.body or b"") or not (self._left and parts):
            return response
        self._left -= 1
        for part in parts:
            part["lineItems"]["nodes"][0] = None
        return replace(response, body=json.dumps(body).encode())


async def test_an_order_with_a_line_that_is_shown_as_null_in_passing_is_sent_whole(day: Day) -> None:
    day.network.vendors = HidesGoods(day.network.vendors)
    day.sell(1, lines=2)
    await day.rest()
    assert [len(one["items"]) for one in pushed(day.calls("createorders"))] == [2]
