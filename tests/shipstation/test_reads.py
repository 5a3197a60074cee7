"""Lists read to their end: nothing that the vendor knows is lost, whatever moves, breaks or comes twice meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from syncd.errors import TransientError
from syncd.ports import Request, Response
from syncd.shipstation import reads
from syncd.shipstation.lists import SPLITS
from syncd.shipstation.writes import upsert_orders
from tests.shipstation.account import ORDERS, Account, Scripted, document

LONG_AGO = timedelta(days=2)
ITEM: dict[str, Any] = {"lineItemKey": "1:1", "quantity": 1}
WHOLE: dict[str, Any] = {
    "orderKey": "main-1-1-1",
    "orderStatus": "awaiting_shipment",
    "modifyDate": "2026-11-20T01:00:00",
    "items": [ITEM],
}


async def _fill(account: Account, count: int, every_s: float = 1) -> list[int]:
    """Orders a moment apart, or all in one moment."""
    ids: list[int] = []
    for start in range(0, count, 100):
        batch = [document(f"main-{number}-1-1") for number in range(start, min(start + 100, count))]
        outcomes = await account.do(upsert_orders(account.client, batch, ORDERS))
        ids += [outcome.order_id for outcome in outcomes.values() if outcome.order_id]
        await account.do(account.clock.sleep(every_s))
    account.world.calls.total = 0
    return ids


def _since(account: Account) -> datetime:
    return account.clock.now() - LONG_AGO


@pytest.mark.parametrize("count", [0, 1, 500, 501, 1700])
@pytest.mark.parametrize("every_s", [0, 1])
@pytest.mark.parametrize("style", ["computed", "zero"])
async def test_every_order_is_listed_once(count: int, every_s: float, style: str) -> None:
    account = Account(pages_style=style)
    ids = await _fill(account, count, every_s)
    page = await account.all_of(reads.orders_since(account.client, _since(account), ORDERS))
    assert sorted(row["orderId"] for row in page.rows) == sorted(ids)
    assert account.calls() <= count // 500 + 2


async def test_an_order_that_moves_while_the_list_is_read_hides_no_other() -> None:
    account = Account()
    ids = await _fill(account, 1100)

    async def read() -> set[int]:
        seen: set[int] = set()
        async for page in reads.orders_since(account.client, _since(account), ORDERS):
            seen |= {row["orderId"] for row in page.rows}
            await account.clock.sleep(5)
            for order_id in ids[:60]:  # each goes to the end, and all others one place forward
                account.world.control("hold", {"order": order_id, "until": "2027-01-01"})
                account.world.control("release", {"order": order_id})
        return seen

    assert await account.do(read()) == set(ids)


@pytest.mark.parametrize("place", [0, 250, 700, 1099])
async def test_a_row_that_breaks_its_page_is_stepped_over_and_told(place: int) -> None:
    account = Account()
    ids = await _fill(account, 1100)
    account.world.control("poison", {"order": ids[place]})
    page = await account.all_of(reads.orders_since(account.client, _since(account), ORDERS))
    assert {row["orderId"] for row in page.rows} == set(ids) - {ids[place]}
    assert page.unreadable >= 1
    assert account.calls() < 60


async def test_an_outage_is_no_row_to_step_over() -> None:
    http = Scripted(Response(500, {}, b"{}"))
    account = Account(http)
    with pytest.raises(TransientError) as caught:
        await account.all_of(reads.shipments_since(account.client, _since(account), ORDERS))
    assert caught.value.code == "http_500"
    assert len(http.requests) <= 15


def test_a_page_is_split_into_pages() -> None:
    assert all(whole % part == 0 for whole, part in pairwise(SPLITS))


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"orders":null}', b'{"orders":[null]}', b'{"orders":[{"orderId":null}]}', b"null"]
)
async def test_what_is_no_list_is_not_an_empty_one(body: bytes) -> None:
    account = Account(Scripted(Response(200, {}, body)))
    with pytest.raises(TransientError):
        await account.all_of(reads.orders_since(account.client, _since(account), ORDERS))


@pytest.mark.parametrize("missing", ["orderKey", "orderStatus", "items", "lineItemKey"])
async def test_an_order_with_a_hole_is_skipped_and_never_taken_for_an_empty_one(missing: str) -> None:
    item = {name: value for name, value in ITEM.items() if name != missing}
    broken = {name: value for name, value in {**WHOLE, "orderId": 2, "items": [item]}.items() if name != missing}
    body = json.dumps({"orders": [{**WHOLE, "orderId": 1}, broken], "total": 2})
    account = Account(Scripted(Response(200, {}, body.encode())))
    page = await account.all_of(reads.orders_since(account.client, _since(account), ORDERS))
    assert [row["orderId"] for row in page.rows] == [1]
    assert page.unreadable == 1


async def test_a_vendor_that_cuts_the_page_size_loses_nothing() -> None:
    rows = [
        {**WHOLE, "orderId": number, "modifyDate": f"2026-11-20T01:{number // 60:02}:{number % 60:02}"}
        for number in range(1, 1000)
    ]

    def answer(request: Request) -> Response:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        start = asked["modifyDateStart"].replace(" ", "T")
        found = [row for row in rows if str(row["modifyDate"]) >= start]
        first = (int(asked["page"]) - 1) * 100
        return Response(200, {}, json.dumps({"orders": found[first : first + 100], "total": len(found)}).encode())

    account = Account(Scripted(answer))
    page = await account.all_of(reads.orders_since(account.client, _since(account), ORDERS))
    assert [row["orderId"] for row in page.rows] == list(range(1, 1000))


async def test_a_list_that_shows_one_page_for_ever_is_given_up_at_once() -> None:
    """Two thousand calls are fifty minutes without orders."""
    rows = [{**WHOLE, "orderId": number} for number in range(1, 501)]
    http = Scripted(Response(200, {}, json.dumps({"orders": rows, "total": 5000}).encode()))
    account = Account(http)
    with pytest.raises(TransientError) as caught:
        await account.all_of(reads.orders_since(account.client, _since(account), ORDERS))
    assert (caught.value.code, len(http.requests)) == ("endless_list", 4)


async def test_a_part_that_is_counted_and_not_shown_is_no_part_that_is_not_there() -> None:
    account = Account(
        Scripted(Response(200, {}, json.dumps({"orders": [WHOLE | {"orderId": 1}], "total": 2}).encode()))
    )
    with pytest.raises(TransientError):
        await account.do(reads.orders_beginning(account.client, "1001", ORDERS))


async def test_shipments_come_with_their_items_and_voids_with_their_age() -> None:
    account = Account()
    ids = await _fill(account, 3)
    for order_id in ids:
        account.world.control("buy_label", {"order": order_id})
    begun = account.clock.now()
    page = await account.all_of(reads.shipments_since(account.client, _since(account), ORDERS))
    assert [row["orderId"] for row in page.rows] == ids
    assert all(row["shipmentItems"] for row in page.rows)

    await account.do(account.clock.sleep(3600))
    account.world.control("void_label", {"shipment_id": page.rows[1]["shipmentId"]})
    voided = await account.all_of(reads.shipments_voided_since(account.client, begun + timedelta(minutes=30), ORDERS))
    assert [(row["orderId"], row["voided"]) for row in voided.rows] == [(ids[1], True)]


async def test_orders_marked_as_shipped_are_fulfillments() -> None:
    account = Account()
    ids = await _fill(account, 2)
    account.world.control("mark_shipped", {"order": ids[1], "carrier_code": "ups", "tracking_number": "1Z"})
    page = await account.all_of(reads.fulfillments_since(account.client, _since(account), ORDERS))
    assert [(row["orderId"], row["trackingNumber"]) for row in page.rows] == [(ids[1], "1Z")]


@pytest.mark.parametrize("hours", range(-3, 4))
async def test_the_autumn_hour_hides_no_order(hours: int) -> None:
    change = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
    account = Account(start=change - timedelta(hours=4))
    made: dict[int, datetime] = {}
    for number in range(16):
        outcomes = await account.do(upsert_orders(account.client, [document(f"main-{number}-1-1")], ORDERS))
        made |= {outcome.order_id or 0: account.clock.now() for outcome in outcomes.values()}
        await account.do(account.clock.sleep(1800))
    since = change + timedelta(hours=hours)
    page = await account.all_of(reads.orders_since(account.client, since, ORDERS))
    found = {row["orderId"] for row in page.rows}
    assert found >= {order_id for order_id, moment in made.items() if moment >= since}


async def test_a_few_orders_are_read_one_by_one_and_many_from_a_list() -> None:
    account = Account()
    begun = account.clock.now()
    ids = await _fill(account, 300)
    few = await account.do(reads.orders_by_id(account.client, [*ids[:2], 999], ORDERS, begun))
    assert {key: bool(order) for key, order in few.items()} == {ids[0]: True, ids[1]: True, 999: False}
    assert account.calls() == 3
    many = await account.do(reads.orders_by_id(account.client, [*ids[:100], 999], ORDERS, begun))
    assert [key for key, order in many.items() if order is None] == [999]
    assert account.calls() == 5


async def test_without_a_time_each_order_is_asked_for() -> None:
    account = Account()
    ids = await _fill(account, 5)
    found = await account.do(reads.orders_by_id(account.client, ids, ORDERS))
    assert list(found) == ids
    assert account.calls() == 5


async def test_a_number_finds_the_further_parts_too() -> None:
    account = Account()
    for key, number in (("a", "1001"), ("b", "1001-2"), ("c", "1002")):
        await account.do(upsert_orders(account.client, [document(key, orderNumber=number)], ORDERS))
    found = await account.do(reads.orders_beginning(account.client, "1001", ORDERS))
    assert [order["orderKey"] for order in found] == ["a", "b"]


async def test_what_the_doctor_looks_at() -> None:
    account = Account()
    assert [(store.store_id, store.is_manual) for store in await account.do(reads.stores(account.client))] == [
        (1001, True),
        (1002, True),
    ]
    assert [row.warehouse_id for row in await account.do(reads.warehouses(account.client))] == [501, 502]
    assert "ups" in await account.do(reads.carriers(account.client))
    assert await account.do(reads.services(account.client, "ups")) == ["ups_ground", "ups_worldwide_saver"]
    assert "flat_rate_envelope" in await account.do(reads.packages(account.client, "ups"))
    assert await account.do(reads.tag_names(account.client)) == {8362: "VIP", 8363: "Rush"}


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("ss1-orders-list-merged", reads.orders_since),
        ("ss1-orders-list-international-customs", reads.orders_since),
        ("ss1-shipments-list-voided-several", reads.shipments_since),
        ("ss1-shipments-list-include-items", reads.shipments_since),
        ("ss1-fulfillments-list-docs", reads.fulfillments_since),
    ],
)
async def test_real_pages_are_understood(shared: Path, name: str, read: Any) -> None:
    body = (shared / "payloads" / "shipstation-v1" / f"{name}.json").read_bytes()
    rows = next(value for value in json.loads(body).values() if isinstance(value, list))
    account = Account(Scripted(Response(200, {}, body)))
    page = await account.all_of(read(account.client, _since(account), ORDERS))
    assert len(page.rows) == len(rows)
