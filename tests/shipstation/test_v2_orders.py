"""Orders and packages by way of V2, against the sandbox: created once, changed without losing the warehouse's hand, told by labels."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from mappings.plans import UpsertOrder
from mappings.shipstation_shapes import Order
from syncd.errors import AccessError, ConflictError, RejectedError, SyncError, TransientError, UncertainError
from syncd.ports import Http, Request, Response
from syncd.sandbox.memory import MemoryHttp
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.shipstation.v2_names import KnownNames
from syncd.shipstation.v2_orders import V2Orders
from syncd.shipstation.writes import RowOutcome
from syncd.simulation.ports import START
from tests.shipstation.account import BASE, ORDERS, Account, document
from tests.shipstation.test_v2_client import v2_of

KEY = "main-5001-81-1"


def orders_of(account: Account, http: Http | None = None) -> V2Orders:
    client = v2_of(account, http or MemoryHttp({BASE: account.world}))
    return V2Orders(client, KnownNames(client, account.client, account.clock, {"main": "usd"}), account.clock)


def order(key: str = KEY, **fields: Any) -> Order:
    line = {"lineItemKey": f"{key.split('-')[1]}:1", "name": "Mug", "quantity": 2, "unitPrice": 9.5}
    whole = {"items": [line], "advancedOptions": {"storeId": 1002, "warehouseId": 501}, **fields}
    return document(key, **whole)


def step(one: Order, *fields: str) -> UpsertOrder:
    return UpsertOrder(one["orderKey"], 81, "", 1, one, fields)


async def written(account: Account, *steps: UpsertOrder) -> dict[str, RowOutcome]:
    return await account.do(orders_of(account).write(list(steps), ORDERS))


async def made(account: Account, key: str = KEY, **fields: Any) -> Order:
    """As V2 shows it."""
    outcome = (await written(account, step(order(key, **fields))))[key]
    assert outcome.order_id
    shown = (await account.do(orders_of(account).orders_by_id([outcome.order_id], ORDERS)))[outcome.order_id]
    assert shown
    return shown


def error_of(outcomes: dict[str, RowOutcome], key: str = KEY) -> SyncError:
    error = outcomes[key].error
    assert error
    return error


async def test_orders_are_made_a_hundred_to_a_call_and_found_by_their_key() -> None:
    account = Account()
    keys = [f"main-{5000 + number}-81-1" for number in range(100)]
    outcomes = await written(account, *(step(order(key)) for key in keys))
    assert [outcomes[key].error for key in keys] == [None] * 100
    assert account.world.calls.by_path == {"POST /v2/shipments": 1}
    found = await account.do(orders_of(account).order_by_key(keys[7], "", ORDERS))
    assert found
    assert (found["orderId"], found["orderStatus"]) == (outcomes[keys[7]].order_id, "awaiting_shipment")
    assert account.world.account.order(keys[7]).store_id == 1002
    assert await account.do(orders_of(account).order_by_key("main-1-81-1", "", ORDERS)) is None


@pytest.mark.parametrize("style", ["row_error", "status_400"])
async def test_a_key_that_is_there_already_sends_us_to_look_and_changes_nothing(style: str) -> None:
    account = Account(v2_twin_style=style)
    await made(account)
    other = "main-5002-81-1"
    outcomes = await written(account, step(order(customerNotes="new")), step(order(other)))
    assert isinstance(error_of(outcomes), ConflictError)
    assert account.world.account.order(KEY).content.details["customerNotes"] is None
    # the other one is there, whether its answer was a success or that it is there already
    assert account.world.account.order(other)
    assert len(account.world.account.orders) == 2


async def test_a_lost_answer_is_a_doubt_and_the_order_is_found_by_its_key() -> None:
    account = Account()
    account.world.faults.set([FaultRule("lost_answer", path="/v2/shipments", times=1)])
    assert isinstance(error_of(await written(account, step(order()))), UncertainError)
    assert (await account.do(orders_of(account).order_by_key(KEY, "", ORDERS))) is not None


@pytest.mark.parametrize("style", ["row_error", "status_400"])
async def test_a_key_that_a_call_without_an_answer_has_taken_is_a_doubt(style: str) -> None:
    """Sent once more in halves, both are there already: what we sent may be what is there (372012 on V2)."""
    account, other = Account(v2_twin_style=style), "main-5002-81-1"
    account.world.faults.set([FaultRule("error_500_after", path="/v2/shipments", times=1)])
    outcomes = await written(account, step(order()), step(order(other)))
    assert [type(error_of(outcomes, key)) for key in (KEY, other)] == [UncertainError, UncertainError]
    assert {one.key for one in account.world.account.orders.values()} == {KEY, other}


async def test_a_bad_row_does_not_keep_the_others_back() -> None:
    account = Account()
    bad = order("main-5002-81-1", shipTo={"name": "Nobody", "country": "US"})
    outcomes = await written(account, step(order()), step(bad))
    assert outcomes[KEY].order_id
    assert isinstance(error_of(outcomes, "main-5002-81-1"), RejectedError)


async def test_a_change_keeps_what_the_warehouse_wrote_meanwhile() -> None:
    account = Account()
    shown = await made(account)
    account.world.edit(KEY, {"internalNotes": "shelf 4", "serviceCode": "usps_media_mail", "tagIds": [8362]})
    changed = cast(Order, {**shown, "customerNotes": "ring twice", "internalNotes": "stale"})
    assert (await written(account, step(changed, "customerNotes")))[KEY].error is None
    details = account.world.account.order(KEY).content.details
    assert (details["customerNotes"], details["internalNotes"], details["serviceCode"]) == (
        "ring twice",
        "shelf 4",
        "usps_media_mail",
    )
    assert account.world.account.order(KEY).content.tag_ids == (8362,)


async def test_a_hold_has_a_far_day_and_is_ended_by_taking_it_away() -> None:
    account = Account()
    shown = await made(account)
    await written(account, step(cast(Order, {**shown, "orderStatus": "on_hold"}), "orderStatus"))
    held = account.world.account.order(KEY)
    assert (held.status, str(held.hold_until)) == ("on_hold", "2099-12-31")
    await written(account, step(cast(Order, {**shown, "orderStatus": "awaiting_shipment"}), "orderStatus"))
    assert account.world.account.order(KEY).status == "awaiting_shipment"


async def test_an_order_with_a_label_is_neither_changed_nor_cancelled() -> None:
    account = Account()
    shown = await made(account)
    account.world.labels.buy_label(KEY)
    changed = await written(account, step(cast(Order, {**shown, "customerNotes": "late"}), "customerNotes"))
    cancelled = await written(account, step(cast(Order, {**shown, "orderStatus": "cancelled"}), "orderStatus"))
    assert [error_of(one).code for one in (changed, cancelled)] == ["order_locked", "order_locked"]
    assert account.world.account.order(KEY).status == "shipped"


async def test_a_tombstone_is_made_and_then_cancelled() -> None:
    account = Account()
    outcome = (await written(account, step(order(orderStatus="cancelled", items=[]))))[KEY]
    assert outcome.error is None
    assert account.world.account.order(KEY).status == "cancelled"


async def test_tags_go_by_name_and_an_unknown_one_is_refused_before_anything_is_sent() -> None:
    account = Account()
    shown = await made(account, tagIds=[8362])
    assert cast(dict[str, Any], shown)["tagIds"] == [8362]
    await written(account, step(cast(Order, {**shown, "tagIds": [8363]}), "tagIds"))
    assert account.world.account.order(KEY).content.tag_ids == (8363,)
    refused = await written(account, step(order("main-5002-81-1", tagIds=[1])))
    assert error_of(refused, "main-5002-81-1").code == "name_unknown"


async def test_a_plan_without_shipments_is_told_of_the_account() -> None:
    account = Account(v2_access="inventory_only")
    with pytest.raises(AccessError) as caught:
        await account.do(orders_of(account).orders_by_id([1], ORDERS))
    assert (caught.value.account, caught.value.code) == ("shipstation_v2", "v2_gate_403")


async def test_a_parcel_holds_what_its_order_holds_unless_another_label_stands_for_it_too() -> None:
    account = Account()
    await made(account)
    await made(account, "main-5002-81-1")
    api, labels = orders_of(account), account.world.labels
    whole = labels.buy_label(KEY)
    parts = [labels.buy_label("main-5002-81-1", {"5002:1": 1}) for _ in range(2)]
    returned = labels.buy_label(KEY, return_label=True)
    page = await account.all_of(api.shipments_since(START, ORDERS))
    items = {row["shipmentId"]: row["shipmentItems"] for row in page.rows}
    assert [(one["lineItemKey"], one["quantity"]) for one in items[whole.shipment_id] or ()] == [("5001:1", 2)]
    assert [items[one.shipment_id] for one in parts] == [None, None]
    assert [row["isReturnLabel"] for row in page.rows if row["shipmentId"] == returned.shipment_id] == [True]


async def test_voids_are_found_however_old_their_labels_are() -> None:
    account = Account()
    await made(account)
    old = account.world.labels.buy_label(KEY)
    await account.do(account.clock.sleep(86400 * 40))
    begun = account.clock.now()
    account.world.labels.void_label(old.shipment_id)
    page = await account.all_of(orders_of(account).shipments_voided_since(begun, ORDERS))
    assert [(row["shipmentId"], row["orderKey"], row["voided"]) for row in page.rows] == [(old.shipment_id, KEY, True)]
    later = await account.all_of(
        orders_of(account).shipments_voided_since(account.clock.now().replace(year=2028), ORDERS)
    )
    assert later.rows == []


async def test_a_label_is_voided_once_and_never_one_with_goods_of_another_order() -> None:
    account = Account()
    shown = await made(account)
    label = account.world.labels.buy_label(KEY)
    api = orders_of(account)
    with pytest.raises(RejectedError, match="another order"):
        await account.do(api.void_label(shown["orderId"], label.shipment_id, "5002:", ORDERS))
    for _ in range(2):
        await account.do(api.void_label(shown["orderId"], label.shipment_id, "5001:", ORDERS))
    assert account.world.account.shipments[label.shipment_id].voided_at is not None
    assert sum(count for path, count in account.world.calls.by_path.items() if path.endswith("/void")) == 1


async def test_lists_that_move_while_they_are_read_lose_no_row() -> None:
    account = Account()
    keys = [f"main-{5000 + number}-81-1" for number in range(700)]
    for start in range(0, 700, 100):
        await written(account, *(step(order(key)) for key in keys[start : start + 100]))
        await account.do(account.clock.sleep(2))
    seen: list[str] = []

    async def read() -> None:
        async for page in orders_of(account).orders_since(START, ORDERS):
            if not seen:  # one that was on this page goes to the end of the list
                account.world.edit(keys[3], {"internalNotes": "moved"})
            seen.extend(row["orderKey"] for row in page.rows)

    await account.do(read())
    assert set(seen) == set(keys)


async def test_a_list_that_shows_one_page_for_ever_is_given_up_at_once() -> None:
    account = Account()
    await made(account)
    http = Spoiled(account, lambda body: {**body, "total": 999, "links": {"next": {"href": "/v2/shipments?page=2"}}})
    with pytest.raises(TransientError) as caught:
        await account.all_of(orders_of(account, http).orders_since(START, ORDERS))
    assert (caught.value.code, http.lists) == ("endless_list", 4)


async def test_orders_that_are_counted_and_not_shown_are_told_and_no_parts_that_are_not_there() -> None:
    account = Account()
    await made(account)
    orders = orders_of(account, Spoiled(account, lambda body: {**body, "total": 3}))
    page = await account.all_of(orders.orders_since(START, ORDERS))
    assert (len(page.rows), page.unreadable) == (1, 2)
    with pytest.raises(TransientError):
        await account.do(orders.orders_beginning(KEY, ORDERS))


class Spoiled:
    """The world; of its lists of shipments it shows the first page alone, and changed."""

    def __init__(self, account: Account, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._http = MemoryHttp({BASE: account.world})
        self._change = change
        self.lists = 0

    async def send(self, request: Request) -> Response:
        if "/v2/shipments?" not in request.url:
            return await self._http.send(request)
        self.lists += 1
        response = await self._http.send(replace(request, url=re.sub(r"\bpage=\d+", "page=1", request.url)))
        return replace(response, body=json.dumps(self._change(json.loads(response.body))).encode())


@pytest.mark.parametrize(
    "changes", [{"items": [["Mug"]]}, {"items": None}, {"ship_to": "here"}, {"tags": [7]}, {"carrier_id": {}}]
)
async def test_a_member_of_another_kind_makes_the_shipment_unreadable_and_no_mistake_of_ours(
    changes: dict[str, Any],
) -> None:
    account = Account()
    await made(account)
    with pytest.raises(TransientError, match="cannot be read"):
        await account.do(orders_of(account, Spoiling(account, changes)).order_by_key(KEY, "#1", ORDERS))


@pytest.mark.parametrize("left_out", ["items", "ship_to", "advanced_options", "packages", "tags"])
async def test_nothing_is_laid_over_an_answer_that_lacks_a_member(left_out: str) -> None:
    account = Account()
    shown = await made(account)
    changed = cast(Order, {**shown, "customerNotes": "ring twice"})
    spoilt = orders_of(account, Spoiling(account, {left_out: None}))
    outcomes = await account.do(spoilt.write([step(changed, "customerNotes")], ORDERS))
    assert isinstance(error_of(outcomes), TransientError)
    assert account.world.account.order(KEY).content.details["customerNotes"] is None


async def test_a_label_whose_shipment_cannot_be_read_is_passed_over_in_a_list_and_keeps_its_order_waiting() -> None:
    account = Account()
    shown = await made(account)
    account.world.labels.buy_label(KEY)
    spoilt = orders_of(account, Spoiling(account, {"items": ["Mug"]}, f"/v2/shipments/se-{shown['orderId']}"))

    async def listed() -> list[tuple[int, int]]:
        return [(len(page.rows), page.unreadable) async for page in spoilt.shipments_since(START, ORDERS)]

    assert await account.do(listed()) == [(0, 1)]
    with pytest.raises(TransientError, match="cannot be read"):
        await account.do(spoilt.shipments_of_order(shown["orderId"], ORDERS))


class Spoiling:
    """Lays these members over the answers whose addresses end so; None takes one out."""

    def __init__(self, account: Account, changes: Mapping[str, Any], path_end: str = "") -> None:
        self._http = MemoryHttp({BASE: account.world})
        self._changes = changes
        self._path_end = path_end

    async def send(self, request: Request) -> Response:
        response = await self._http.send(request)
        if request.method != "GET" or not request.url.split("?")[0].endswith(self._path_end):
            return response
        body = json.loads(response.body) | self._changes
        kept = {name: value for name, value in body.items() if value is not None or name not in self._changes}
        return replace(response, body=json.dumps(kept).encode())
