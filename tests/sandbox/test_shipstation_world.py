"""Keys, limits, webhooks, faults and control of the ShipStation world."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from syncd.sandbox.server import serve
from syncd.sandbox.shipstation import ShipStationOptions, ShipStationWorld
from syncd.sandbox.worlds import LostAnswer
from tests.sandbox.shipstation_caller import Caller, order_body

HOOK = "https://daemon.test/hook"


def subscribed(event: str, store_id: int | None = None, **options: Any) -> Caller:
    caller = Caller(**options)
    body = {"target_url": HOOK, "event": event, "store_id": store_id, "friendly_name": "ours"}
    assert caller.post("/webhooks/subscribe", body)["id"] > 0
    return caller


def heard(caller: Caller, seconds: float = 600) -> list[dict[str, str]]:
    """The bodies that arrive within these seconds, in the order of their arrival."""
    bodies = []
    for _ in range(int(seconds)):
        caller.wait(1)
        for delivery in caller.world.due_deliveries():
            assert delivery.url == HOOK
            bodies.append(json.loads(delivery.body))
            caller.world.delivery_ended(delivery.delivery_id, 200)
    return bodies


def test_forty_calls_fit_into_a_window_that_starts_with_the_first() -> None:
    caller = Caller(requests_per_window=40)
    first = caller.send("GET", "/stores")
    assert first.headers["x-rate-limit-limit"] == "40"
    assert first.headers["x-rate-limit-remaining"] == "39"
    assert first.headers["x-rate-limit-reset"] == "60"
    caller.wait(50.5)
    assert [caller.send("GET", "/stores").status for _ in range(39)] == [200] * 39
    refused = caller.send("GET", "/stores")
    assert (refused.status, json.loads(refused.body)) == (429, {"message": "Too Many Requests"})
    assert (refused.headers["x-rate-limit-remaining"], refused.headers["x-rate-limit-reset"]) == ("0", "10")
    caller.wait(9.5)
    assert caller.send("GET", "/stores").headers["x-rate-limit-remaining"] == "39"
    calls = caller.world.state()["calls"]
    assert (calls["refused_429"], calls["most_in_a_window"], calls["total"]) == (1, 41, 42)


def test_an_aligned_window_ends_with_the_minute() -> None:
    caller = Caller(start=datetime(2026, 11, 20, 20, 0, 45, tzinfo=UTC), requests_per_window=1, window_style="aligned")
    assert caller.send("GET", "/stores").headers["x-rate-limit-reset"] == "15"
    assert caller.send("GET", "/stores").status == 429
    caller.wait(15)
    assert caller.send("GET", "/stores").status == 200


def test_each_key_pair_has_a_window_of_its_own_and_others_may_use_it_up() -> None:
    caller = Caller(requests_per_window=2, keys=(("one", "s"), ("two", "s")))
    caller.credentials = ("one", "s")
    caller.world.spend(2)
    assert caller.send("GET", "/stores").status == 429
    caller.credentials = ("two", "s")
    assert caller.send("GET", "/stores").status == 200


@pytest.mark.parametrize(("access", "status"), [("ok", 200), ("expired", 401), ("plan", 402)])
def test_access_modes(access: str, status: int) -> None:
    answer = Caller(access=access).send("GET", "/stores")
    assert answer.status == status
    assert "x-rate-limit-limit" in answer.headers


def test_wrong_or_missing_keys_are_denied() -> None:
    caller = Caller()
    caller.credentials = ("sandbox-key", "wrong")
    assert caller.send("GET", "/stores").status == 401


def test_one_notice_tells_of_a_whole_import_and_its_address_lists_it() -> None:
    caller = subscribed("ORDER_NOTIFY")
    caller.push(order_body(key="a"), order_body(key="b"), order_body(key="c", orderStatus="awaiting_payment"))
    caller.create(key="later")
    first, second = heard(caller)
    assert set(first) == {"resource_url", "resource_type"}
    assert first["resource_type"] == second["resource_type"] == "ORDER_NOTIFY"
    url = first["resource_url"]
    assert url.startswith("https://ssapi.shipstation.com/orders?storeID=1002&importBatch=")
    assert len(url) <= 200
    assert [order["orderKey"] for order in caller.get(url)["orders"]] == ["a", "b"]


def test_only_leaving_awaiting_payment_is_news_about_a_known_order() -> None:
    caller = subscribed("ORDER_NOTIFY")
    caller.create(orderStatus="awaiting_payment")
    caller.create(key="x", orderStatus="awaiting_payment")
    assert heard(caller) == []
    caller.create(key="x", orderStatus="cancelled")
    caller.create()
    assert len(heard(caller)) == 1
    caller.create(customerNotes="edited")
    caller.create(orderStatus="cancelled")
    assert heard(caller) == []


def test_outbound_labels_are_told_and_voids_returns_and_marks_are_not() -> None:
    caller = subscribed("SHIP_NOTIFY", webhook_host="ssapi11.shipstation.com")
    caller.create()
    label = caller.world.labels.buy_label("shop-1001", {"li-1": 1})
    caller.world.labels.buy_label("shop-1001", {"li-1": 1}, return_label=True)
    caller.world.labels.void_label(label.shipment_id)
    caller.world.labels.mark_shipped("shop-1001", "usps", "1")
    [notice] = heard(caller)
    assert notice["resource_url"] == (
        f"https://ssapi11.shipstation.com/shipments?storeID=1002&batchId={label.batch_id}&includeShipmentItems=False"
    )
    assert caller.get(notice["resource_url"])["total"] == 1


def test_a_batch_of_labels_is_one_notice() -> None:
    caller = subscribed("ITEM_SHIP_NOTIFY")
    caller.push(*(order_body(key=f"k{n}") for n in range(5)))
    made = caller.world.labels.ship_all(batch=True)
    [notice] = heard(caller)
    listed = caller.get(notice["resource_url"])
    assert listed["total"] == len(made)
    assert listed["shipments"][0]["shipmentItems"]


@pytest.mark.parametrize("told", [False, True])
def test_whether_marking_as_shipped_is_told_is_an_option(told: bool) -> None:
    caller = subscribed("FULFILLMENT_SHIPPED", notify_mark_as_shipped=told)
    caller.create()
    caller.world.labels.mark_shipped("shop-1001", "ups", "1Z")
    notices = heard(caller)
    assert len(notices) == int(told)
    assert all(caller.get(notice["resource_url"])["total"] == 1 for notice in notices)


def test_a_subscription_of_one_store_hears_only_of_it_until_it_is_deleted() -> None:
    caller = subscribed("ORDER_NOTIFY", store_id=1001)
    caller.push(order_body(key="a"), order_body(key="b", advancedOptions={"storeId": 1001}))
    assert len(heard(caller)) == 1
    [row] = caller.get("/webhooks")["webhooks"]
    assert (row["HookType"], row["Url"], row["StoreID"]) == ("ORDER_NOTIFY", HOOK, 1001)
    assert caller.send("DELETE", f"/webhooks/{row['WebHookID']}").status == 200
    caller.create(key="c", advancedOptions={"storeId": 1001})
    assert heard(caller) == []
    assert caller.send("DELETE", f"/webhooks/{row['WebHookID']}").status == 404
    assert caller.send("POST", "/webhooks/subscribe", {"target_url": HOOK, "event": "BOO"}).status == 400


@pytest.mark.parametrize(
    ("options", "count"), [({}, 9), ({"webhook_double": 1.0}, 18), ({"webhook_drop": 1.0}, 0), ({"webhooks": False}, 0)]
)
def test_notices_may_be_doubled_dropped_or_off(options: dict[str, Any], count: int) -> None:
    caller = subscribed("ORDER_NOTIFY", **options)
    for number in range(9):
        caller.create(key=f"k{number}")
    assert len(heard(caller)) == count


@pytest.mark.parametrize("shuffled", [False, True])
def test_notices_overtake_each_other_only_when_shuffled(shuffled: bool) -> None:
    caller = subscribed("ORDER_NOTIFY", webhook_shuffle=shuffled)
    for number in range(20):
        caller.create(key=f"k{number}")
    arrived = [caller.get(notice["resource_url"])["orders"][0]["orderId"] for notice in heard(caller)]
    assert (arrived != sorted(arrived)) is shuffled


def test_a_failed_delivery_is_repeated_as_often_as_the_options_say() -> None:
    caller = subscribed("ORDER_NOTIFY", webhook_attempts=3, webhook_retry_s=60.0, notify_delay_s=(0.0, 0.0))
    caller.create()
    for status in (500, None, 302):
        [delivery] = caller.world.due_deliveries()
        assert caller.world.due_deliveries() == []
        caller.world.delivery_ended(delivery.delivery_id, status)
        caller.wait(60)
    assert caller.world.due_deliveries() == []
    assert caller.world.state()["webhooks"] == {"delivered": 0, "failed": 1, "dropped": 0}


@pytest.mark.parametrize(
    ("kind", "status", "committed"),
    [
        ("error_500_before", 500, 0),
        ("error_500_after", 500, 1),
        ("html", 200, 0),
        ("truncated", 200, 1),
        ("lost_answer", None, 1),
        ("lost_request", None, 0),
    ],
)
def test_faults_strike_once_before_or_after_the_work_is_done(kind: str, status: int | None, committed: int) -> None:
    caller = Caller()
    caller.world.control("faults", {"rules": [{"kind": kind, "path": "/orders/createorders", "times": 1}]})
    assert caller.get("/orders")["total"] == 0
    if status is None:
        with pytest.raises(LostAnswer):
            caller.send("POST", "/orders/createorders", [order_body()])
    else:
        answer = caller.send("POST", "/orders/createorders", [order_body()])
        assert answer.status == status
        assert "x-rate-limit-remaining" in answer.headers
        assert answer.status == 500 or not is_json(answer.body), "no fault gives a usable answer"
    assert caller.get("/orders")["total"] == committed
    assert caller.push(order_body())[0]["success"] is True
    assert caller.world.state()["faults"] == {kind: 1}


def test_rows_of_a_batch_may_be_missing_or_in_another_order() -> None:
    caller = Caller(seed=3)
    batch = [order_body(key=f"k{n}") for n in range(10)]
    caller.world.control("faults", {"rules": [{"kind": "row_reorder", "times": 1}, {"kind": "row_missing"}]})
    shuffled = [row["orderKey"] for row in caller.push(*batch)]
    assert sorted(shuffled) == [f"k{n}" for n in range(10)] != shuffled
    lost_and_done = {True: 0, False: 0}
    for number in range(20):
        batch = [order_body(key=f"{number}-{n}") for n in range(3)]
        answered = {row["orderKey"] for row in caller.push(*batch)}
        assert len(answered) == 2
        [missing] = {order["orderKey"] for order in batch} - answered
        lost_and_done[missing in caller.world.state()["orders"]] += 1
    assert all(lost_and_done.values()), "a missing row may or may not have been carried out"


def test_a_probability_strikes_now_and_then() -> None:
    caller = Caller()
    caller.world.control("faults", {"rules": [{"kind": "error_500_before", "probability": 0.3}]})
    statuses = [caller.send("GET", "/stores").status for _ in range(200)]
    assert 30 < statuses.count(500) < 90


def test_staff_actions_by_control_give_json() -> None:
    caller = Caller()
    order_id = caller.create()["orderId"]
    act = caller.world.control
    assert act("hold", {"order": order_id, "until": "2026-12-01"})["status"] == "on_hold"
    assert act("release", {"order": "shop-1001"})["status"] == "awaiting_shipment"
    assert act("edit", {"order": order_id, "fields": {"internalNotes": "call first"}})["internalNotes"] == "call first"
    child = act("split", {"order": order_id, "lines": {"li-1": 1}})
    assert act("merge", {"orders": [order_id, child["orderId"]]})["mergedIds"] == [child["orderId"]]
    shipment = act("buy_label", {"order": order_id, "lines": {"li-2": 1}})
    assert shipment["shipmentItems"][0]["lineItemKey"] == "li-2"
    assert act("void_label", {"shipment_id": shipment["shipmentId"]})["voided"] is True
    assert act("mark_shipped", {"order": order_id, "carrier_code": "fedex"})["carrierCode"] == "FedEx"
    assert act("delete", {"order": order_id})["gone"] == "deleted"
    caller.create(key="next")
    assert act("cancel", {"order": "next"})["status"] == "cancelled"
    assert act("ship_all", {}) == []
    json.dumps(act("state", {}))


@pytest.mark.parametrize(
    ("action", "arguments", "sentence"),
    [
        ("dance", {}, "There is no action dance"),
        ("hold", {}, "order"),
        ("hold", {"order": "nobody"}, "There is no order nobody"),
        ("split", {"order": 1, "lines": {"a": "many"}}, "lines.a"),
        ("faults", {"rules": [{"kind": "boredom"}]}, "kind"),
        ("options", {"changes": {"mood": "bad"}}, "There is no option mood"),
        ("options", {"changes": {"pages_style": "odd"}}, "pages_style"),
    ],
)
def test_control_refuses_with_a_sentence(action: str, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Caller().world.control(action, arguments)


def test_options_change_while_the_account_lives() -> None:
    caller = Caller()
    caller.world.control("options", {"changes": {"access": "expired"}})
    assert caller.send("GET", "/stores").status == 401
    assert caller.world.account.options.stores[0].store_id == 1001


def test_state_tells_the_whole_account() -> None:
    caller = Caller()
    caller.push(order_body(key="a"), order_body(key="b"))
    caller.world.labels.buy_label("a", {"li-1": 1})
    caller.world.desk.delete("b")
    state = caller.world.control("state", {})
    order = state["orders"]["a"]
    assert (order["status"], order["storeId"], order["warehouseId"]) == ("shipped", 1002, 501)
    assert [(row["lineItemKey"], row["quantity"]) for row in order["items"]] == [("li-1", 2), ("li-2", 3)]
    assert [row["orderKey"] for row in state["gone_orders"]] == ["b"]
    assert state["shipments"][0]["items"][0]["quantity"] == 1
    assert state["calls"]["by_path"] == {"POST /orders/createorders": 1}


def test_the_same_seed_makes_the_same_day() -> None:
    def day(seed: int) -> Any:
        caller = subscribed("SHIP_NOTIFY", seed=seed)
        caller.push(*(order_body(key=f"k{n}") for n in range(10)))
        caller.world.labels.ship_all()
        return caller.world.control("state", {}), heard(caller)

    assert day(1) == day(1)
    assert day(1) != day(2)


async def test_the_account_works_over_sockets() -> None:
    arrived: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        await arrived.put(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", receive)
    receiver = web.AppRunner(app, access_log=None)
    await receiver.setup()
    await web.TCPSite(receiver, "127.0.0.1", 0).start()
    world = ShipStationWorld(lambda: datetime.now(UTC), options=ShipStationOptions(notify_delay_s=(0.0, 0.0)))
    server = await serve({"/ss": world})
    headers = {"Authorization": aiohttp.encode_basic_auth("sandbox-key", "sandbox-secret")}
    async with asyncio.timeout(2), aiohttp.ClientSession(headers=headers) as session:
        hook = {"target_url": f"http://127.0.0.1:{receiver.addresses[0][1]}/hook", "event": "SHIP_NOTIFY"}
        for path, body in (("webhooks/subscribe", hook), ("orders/createorders", [order_body()])):
            async with session.post(f"{server.address}/ss/{path}", json=body) as answer:
                assert answer.status == 200
        bought = await session.post(f"{server.address}/ss/_control/buy_label", json={"order": "shop-1001"})
        shipment = await bought.json()
        notice = await arrived.get()
        async with session.get(f"{server.address}/ss{notice['resource_url'].partition('.com')[2]}") as answer:
            assert (await answer.json())["shipments"][0]["trackingNumber"] == shipment["trackingNumber"]
    await server.stop()
    await receiver.cleanup()
    assert world.webhooks.delivered == 1


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
