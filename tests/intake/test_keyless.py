"""An item of a parcel that shows no key: goods of ours whose key was left out once, or something that the warehouse put in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from syncd.ports import Http, Request, Response
from syncd.simulation.day import Day
from tests.orders_api import ON_V1_ALONE


class HidesKeys:
    """Lists of parcels without the key of their first item, or of every one, so many times."""

    def __init__(self, vendors: Http, times: int, is_of_all: bool) -> None:
        self._vendors = vendors
        self._left = times
        self._is_of_all = is_of_all

    async def send(self, request: Request) -> Response:
        response = await self._vendors.send(request)
        rows: list[Any] = json.loads(response.body).get("shipments") or [] if "/shipments?" in request.url else []
        if not rows or not self._left:
            return response
        self._left -= 1
        for row in rows:
            for item in row["shipmentItems"][: None if self._is_of_all else 1]:
                item["lineItemKey"] = None
        return replace(response, body=json.dumps({**json.loads(response.body), "shipments": rows}).encode())


@ON_V1_ALONE
@pytest.mark.parametrize("is_of_all", [False, True], ids=["one", "all"])
async def test_a_key_that_was_left_out_once_hides_no_goods_from_shopify(day: Day, is_of_all: bool) -> None:
    (order_id,) = day.sell(lines=3, quantity=2)
    await day.rest()
    (there,) = day.there(order_id)
    a, b, _ = (item["lineItemKey"] for item in there["items"])
    day.network.vendors = HidesKeys(day.network.vendors, 1, is_of_all)
    day.shipstation.labels.buy_label(there["orderId"], lines={a: 2, b: 1})
    await day.rest()
    await day.assert_clean()
    (told,) = day.fulfillments(order_id)
    assert sorted(told["lines"].values()) == [1, 2]


@ON_V1_ALONE
async def test_what_the_warehouse_put_in_is_asked_about_once(day: Day) -> None:
    (order_id,) = day.sell(lines=2, quantity=1)
    await day.rest()
    (there,) = day.there(order_id)
    a, b = (item["lineItemKey"] for item in there["items"])
    day.network.vendors = HidesKeys(day.network.vendors, 1000, is_of_all=False)
    day.shipstation.labels.buy_label(there["orderId"], lines={a: 1, b: 1})
    await day.rest()
    (told,) = day.fulfillments(order_id)
    assert list(told["lines"].values()) == [1]
    assert len([one for one in day.network.sent if f"/shipments?orderId={there['orderId']}" in one.url]) == 1
