"""Orders come whole, as not found or as unreadable; feeds come to their end."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast

import pytest

from mappings.rules import consignment_verdict, order_verdict
from mappings.rules_file import rules_of_file
from mappings.shopify_shapes import OrderToShip
from syncd.errors import AccessError, TransientError
from syncd.ports import Request, Response
from syncd.sandbox.shopify.faults import FaultRule
from syncd.shopify import reads
from syncd.shopify.reads import Unreadable
from tests.mappings.builders import order
from tests.shopify.store import SHOP, Scripted, Store, failed, said


def _gid(order_id: int) -> str:
    return f"gid://shopify/Order/{order_id}"


def _whole(order: Any) -> dict[str, Any]:
    assert isinstance(order, dict)
    return order


async def test_orders_come_whole_and_a_missing_one_as_none() -> None:
    store = Store()
    order_ids = await store.sell(3)
    found = await store.do(reads.orders_to_ship(store.client, [*order_ids, 999, order_ids[0]]))
    assert list(found) == [*order_ids, 999]
    assert found[999] is None
    first = _whole(found[order_ids[0]])
    assert first["legacyResourceId"] == str(order_ids[0])
    assert first["lineItems"]["nodes"]
    assert first["fulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"]
    assert store.http.operations() == ["token", "query OrdersToShip"]


@pytest.mark.parametrize("nodes_cost", ["list", "each"])
async def test_many_orders_are_read_in_chunks_that_the_cost_allows(nodes_cost: str) -> None:
    store = Store(nodes_cost=nodes_cost, plan="plus")
    order_ids = await store.sell(130)
    to_ship: dict[int, Any] = dict(await store.do(reads.orders_to_ship(store.client, order_ids)))
    shipped: dict[int, Any] = dict(await store.do(reads.orders_shipped(store.client, order_ids)))
    for found in (to_ship, shipped):
        assert [_whole(order)["id"] for order in found.values()] == [_gid(order_id) for order_id in order_ids]
    (shop,) = store.world.shops.values()
    assert shop.calls.throttled == 0
    if nodes_cost == "list":
        assert store.http.operations().count("query OrdersShipped") == 3  # 25, 100, 5


async def test_long_lists_are_completed() -> None:
    store = Store()
    (order_id,) = await store.sell(1, lines=120, quantity=1)
    shippable = await store.do(reads.orders_to_ship(store.client, [order_id]))
    order = _whole(shippable[order_id])
    assert len(order["lineItems"]["nodes"]) == 120
    parts = order["fulfillmentOrders"]["nodes"]
    assert sum(len(part["lineItems"]["nodes"]) for part in parts) == 120
    shipped = await store.do(reads.orders_shipped(store.client, [order_id]))
    parts = _whole(shipped[order_id])["fulfillmentOrders"]["nodes"]
    assert sum(len(part["lineItems"]["nodes"]) for part in parts) == 120


@pytest.mark.parametrize("kind", ["error_500_before", "internal_error_in_200", "html", "lost_answer"])
async def test_an_order_whose_list_cannot_be_completed_is_unreadable_and_the_others_are_not(kind: Any) -> None:
    store = Store()
    (long,) = await store.sell(1, lines=60, quantity=1)
    (short,) = await store.sell(1, lines=1)
    store.world.faults.set([FaultRule(kind, operation="MoreLineItems")])
    found = await store.do(reads.orders_to_ship(store.client, [long, short]))
    assert isinstance(found[long], Unreadable)
    assert isinstance(found[short], dict)


@pytest.mark.parametrize("kind", ["error_500_before", "html", "truncated", "lost_answer", "internal_error_in_200"])
async def test_an_outage_is_raised_and_not_written_on_the_orders(kind: Any) -> None:
    store = Store()
    order_ids = await store.sell(5)
    store.world.faults.set([FaultRule(kind, operation="query")])
    with pytest.raises(TransientError):
        await store.do(reads.orders_shipped(store.client, order_ids))
    store.world.faults.set([])
    assert len(await store.do(reads.orders_shipped(store.client, order_ids))) == 5


SINCE = datetime(2026, 11, 20, tzinfo=UTC)


def _node(order_id: int) -> dict[str, Any]:
    empty: dict[str, Any] = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": []}
    whole: Any = order([], [])
    return {**whole, "id": _gid(order_id), "lineItems": dict(empty), "fulfillmentOrders": dict(empty)}


async def test_an_error_at_one_node_is_that_order_alone() -> None:
    answer = failed("INTERNAL_SERVER_ERROR", path=["nodes", 1, "risk"], data={"nodes": [_node(1), None, None]})
    store = Store(Scripted(answer))
    found = await store.do(reads.orders_to_ship(store.client, [1, 2, 3]))
    assert [type(order) for order in found.values()] == [dict, Unreadable, type(None)]


async def test_an_order_that_breaks_the_whole_read_is_found_and_told() -> None:
    def answer(request: Request) -> Response:
        ids = [int(gid.rpartition("/")[2]) for gid in json.loads(request.body or b"")["variables"]["ids"]]
        if 17 in ids:
            return failed("INTERNAL_SERVER_ERROR")
        return said(data={"nodes": [_node(order_id) for order_id in ids]})

    http = Scripted(answer)
    store = Store(http)
    found = await store.do(reads.orders_to_ship(store.client, range(1, 26)))
    assert [order_id for order_id, order in found.items() if not isinstance(order, dict)] == [17]
    assert isinstance(found[17], Unreadable)
    assert http.asked <= 3 + 2 * 5


NODES: dict[str, Any] = {
    "another": _node(8),
    "no_order": {},
    "no_lines": {"id": _gid(7), "fulfillmentOrders": {"nodes": []}, "lineItems": None},
    "no_page": {**_node(7), "fulfillmentOrders": {"nodes": []}},
    "no_cursor": {**_node(7), "lineItems": {"pageInfo": {"hasNextPage": True, "endCursor": None}, "nodes": []}},
    "null_row": {
        **_node(7),
        "lineItems": {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [{"id": "a"}, None]},
    },
    "row_twice": {
        **_node(7),
        "lineItems": {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": [{"id": "a"}, {"id": "a"}]},
    },
    "many_fulfillments": {**_node(7), "fulfillments": [{}] * 100},
    "text": "order",
}


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
async def test_half_an_order_is_unreadable(node: Any) -> None:
    store = Store(Scripted(said(data={"nodes": [node]})))
    found = await store.do(reads.orders_to_ship(store.client, [7]))
    assert isinstance(found[7], Unreadable)


async def test_rows_of_a_feed_that_cannot_be_read_keep_no_other_back() -> None:
    def row(number: Any, **rest: Any) -> dict[str, Any]:
        return {"legacyResourceId": number, "updatedAt": "2026-11-20T10:00:00Z", "cancelledAt": None, **rest}

    rows = [row("1"), row("2", updatedAt=None), row(3, somethingNew=[1]), row("x"), row("5")]
    page = {"nodes": rows, "pageInfo": {"hasNextPage": False, "endCursor": None}}
    store = Store(Scripted(said(data={"orders": page})))

    async def read() -> list[int]:
        return [seen.order_id async for page in reads.orders_since(store.client, SINCE) for seen in page]

    assert await store.do(read()) == [1, 3, 5]


@pytest.mark.parametrize("connection", [None, [], {}, {"nodes": None}, {"nodes": [], "pageInfo": None}, {"nodes": [7]}])
async def test_a_feed_that_is_no_list_is_not_an_empty_one(connection: Any) -> None:
    store = Store(Scripted(said(data={"orders": connection})))

    async def read() -> None:
        async for _ in reads.orders_since(store.client, SINCE):
            pass

    with pytest.raises(TransientError):
        await store.do(read())


async def test_fewer_nodes_than_asked_for_are_no_answer() -> None:
    store = Store(Scripted(said(data={"nodes": [_node(1)]})))
    with pytest.raises(TransientError):
        await store.do(reads.orders_to_ship(store.client, [1, 2]))


async def test_without_customer_data_the_order_still_comes() -> None:
    store = Store(level_2_data=False)
    (order_id,) = await store.sell()
    found = await store.do(reads.orders_to_ship(store.client, [order_id]))
    address = _whole(found[order_id])["shippingAddress"]
    assert address is None or address["address1"] is None


async def test_a_missing_scope_stops_the_store_and_is_named() -> None:
    store = Store(scopes=("read_orders", "read_products"))
    order_ids = await store.sell(2)
    with pytest.raises(AccessError, match="fulfillment_orders"):
        await store.do(reads.orders_to_ship(store.client, order_ids))


async def test_the_feed_lists_every_changed_order() -> None:
    store = Store()
    begun = store.clock.now()
    order_ids = await store.sell(300)
    store.world.control("cancel", {"order": order_ids[4]})
    await store.do(store.clock.sleep(30))
    seen = await store.all_of(reads.orders_since(store.client, begun - timedelta(minutes=5)))
    assert {order.order_id for order in seen} == set(order_ids)
    assert {order.order_id for order in seen if order.cancelled} == {order_ids[4]}
    assert [order.updated_at for order in seen] == sorted(order.updated_at for order in seen)
    later = await store.all_of(reads.orders_since(store.client, store.clock.now() + timedelta(seconds=1)))
    assert later == []


async def test_the_second_feed_names_the_order() -> None:
    store = Store()
    begun = store.clock.now()
    order_ids = await store.sell(3)
    seen = await store.all_of(reads.fulfillment_orders_since(store.client, begun))
    assert {row.order_id for row in seen} == set(order_ids)


async def test_an_order_is_found_by_its_exact_name() -> None:
    store = Store()
    order_ids = await store.sell(12)
    shown = _whole((await store.do(reads.orders_shipped(store.client, order_ids[:1])))[order_ids[0]])
    assert await store.do(reads.order_ids_by_name(store.client, shown["name"])) == order_ids[:1]
    assert await store.do(reads.order_ids_by_name(store.client, "it's \\ nobody")) == []


async def test_what_the_doctor_looks_at() -> None:
    store = Store()
    access = await store.do(reads.shop_access(store.client))
    assert access.domain == SHOP
    assert "write_merchant_managed_fulfillment_orders" in access.scopes
    places = await store.do(reads.locations(store.client))
    assert [(place.location_id, place.is_active) for place in places] == [(82734627, True), (82734628, True)]


async def test_a_list_that_never_ends_is_not_followed() -> None:
    page = {"pageInfo": {"hasNextPage": True, "endCursor": "c"}, "nodes": []}
    store = Store(Scripted(said(data={"orders": page})))
    with pytest.raises(TransientError):
        await store.all_of(reads.orders_since(store.client, store.clock.now()))


RULES = rules_of_file(
    """
[rules_settings]
mode = "all"

[[rules]]
name = "bulky"
when = { metafield = "Shipping.class=bulky", customer_tag = "vip" }
then = { note = "bulky" }
""",
    "rules.toml",
)
BODY: dict[str, Any] = {
    "financial_status": "paid",
    "customer": {"id": 77, "tags": "VIP, regular"},
    "metafields": {"Shipping.class": "Bulky"},
    "line_items": [
        {"title": "Mug", "price": "5.00", "quantity": 1, "variant_id": 900, "harmonized_system_code": "691110",
         "country_harmonized_system_codes": {"CA": "6911100020"}},
        {"title": "Engraving", "price": "5.00", "quantity": 1},
    ],
    "shipping_address": {"first_name": "Ann", "address1": "1 Main Street", "city": "Ottawa", "country_code": "CA"},
}  # fmt: skip


async def test_what_rules_look_at_comes_only_when_a_rule_asks_for_it() -> None:
    store = Store()
    order_id = store.world.control("import_order", {"body": BODY})
    asked = _whole((await store.do(reads.orders_to_ship(store.client, [order_id], RULES)))[order_id])
    assert (asked["metafields"], asked["customerTags"]) == ({"Shipping.class": "Bulky"}, ["VIP", "regular"])
    assert order_verdict(RULES, cast(OrderToShip, asked)).hits == ()
    assert consignment_verdict(RULES, cast(OrderToShip, asked), Counter()).hits == ("bulky",)
    plain = _whole((await store.do(reads.orders_to_ship(store.client, [order_id])))[order_id])
    assert (plain["metafields"], plain["customerTags"]) == ({}, [])


async def test_a_rule_that_asks_for_customers_needs_the_scope() -> None:
    store = Store(scopes=("read_orders", "read_products", "read_merchant_managed_fulfillment_orders"))
    order_id = store.world.control("import_order", {"body": BODY})
    with pytest.raises(AccessError, match="read_customers"):
        await store.do(reads.orders_to_ship(store.client, [order_id], RULES))


async def test_tariff_codes_of_the_destination_are_read_for_goods_that_go_abroad() -> None:
    store = Store()
    abroad = store.world.control("import_order", {"body": BODY})
    at_home = store.world.control(
        "import_order", {"body": {**BODY, "shipping_address": {**BODY["shipping_address"], "country_code": "US"}}}
    )
    found = await store.do(reads.orders_to_ship(store.client, [abroad, at_home]))
    (mug, engraving) = _whole(found[abroad])["lineItems"]["nodes"]
    assert mug["variant"]["inventoryItem"]["tariffCodes"] == {"CA": "6911100020"}
    assert engraving["variant"] is None
    assert "tariffCodes" not in _whole(found[at_home])["lineItems"]["nodes"][0]["variant"]["inventoryItem"]
    assert store.http.operations().count("query TariffCodes") == 1


async def test_without_the_tariff_codes_an_order_for_abroad_is_unreadable_and_no_other() -> None:
    store = Store()
    abroad, at_home = store.world.control("import_order", {"body": BODY}), (await store.sell())[0]
    store.world.faults.set([FaultRule("error_500_before", operation="TariffCodes")])
    found = await store.do(reads.orders_to_ship(store.client, [abroad, at_home]))
    assert isinstance(found[abroad], Unreadable)
    assert isinstance(found[at_home], dict)


def _seen_order(order_id: int) -> dict[str, Any]:
    return {"legacyResourceId": str(order_id), "updatedAt": "2026-11-20T10:00:00Z", "cancelledAt": None}


@pytest.mark.parametrize("cursors", [["a"], ["a", "b"], None], ids=["stands still", "in a circle", "ever new"])
@pytest.mark.parametrize("rows", [[], [_seen_order(1001)]], ids=["no rows", "the same row"])
async def test_a_list_that_never_ends_is_given_up(cursors: list[str] | None, rows: list[Any]) -> None:
    """Else its feed would read it for ever, and nobody would be told."""

    def answered(_: Request) -> Response:
        number = next(numbers)
        cursor = cursors[number % len(cursors)] if cursors else str(number)
        return said(data={"orders": {"nodes": rows, "pageInfo": {"hasNextPage": True, "endCursor": cursor}}})

    numbers, store = count(), Store(Scripted(answered))

    async def read() -> None:
        pages = 0
        async for _ in reads.orders_since(store.client, datetime(2026, 11, 20, tzinfo=UTC)):
            pages += 1
            assert pages < 100

    with pytest.raises(TransientError) as caught:
        await store.do(read())
    assert caught.value.code == "endless_list"
