"""Fulfillment events in the Shopify sandbox: what an app tells of a package that is on its way."""

from __future__ import annotations

from typing import Any

from tests.sandbox.shopify_caller import Caller, gid

TELL = """mutation($e: FulfillmentEventInput!) { fulfillmentEventCreate(fulfillmentEvent: $e) {
  fulfillmentEvent { id status happenedAt message } userErrors { field message } } }"""
LOOK = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Fulfillment {
  displayStatus deliveredAt events(first: 50, sortKey: HAPPENED_AT) { nodes { status happenedAt } } } } }"""


def shipped(caller: Caller) -> str:
    (order_id,) = caller.sell()
    return str(caller.fulfill(order_id)["fulfillment"]["id"])


def tell(caller: Caller, fulfillment: str, status: str, at: str) -> Any:
    event = {"fulfillmentId": fulfillment, "status": status, "happenedAt": at}
    return caller.data(TELL, e=event)["fulfillmentEventCreate"]


def look(caller: Caller, fulfillment: str) -> Any:
    return caller.data(LOOK, ids=[fulfillment])["nodes"][0]


def test_each_event_moves_the_status_and_delivery_has_its_date() -> None:
    caller = Caller()
    fulfillment = shipped(caller)
    told = tell(caller, fulfillment, "IN_TRANSIT", "2026-11-20T12:00:00Z")
    assert (told["userErrors"], told["fulfillmentEvent"]["status"]) == ([], "IN_TRANSIT")
    assert look(caller, fulfillment)["displayStatus"] == "IN_TRANSIT"
    tell(caller, fulfillment, "DELIVERED", "2026-11-21T09:30:00+00:00")
    seen = look(caller, fulfillment)
    assert (seen["displayStatus"], seen["deliveredAt"]) == ("DELIVERED", "2026-11-21T09:30:00Z")


def test_the_same_event_told_twice_is_there_twice() -> None:
    caller = Caller()
    fulfillment = shipped(caller)
    for at in ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", "2026-11-20T11:00:00Z"):
        tell(caller, fulfillment, "IN_TRANSIT", at)
    hours = [one["happenedAt"][11:13] for one in look(caller, fulfillment)["events"]["nodes"]]
    assert hours == ["11", "12", "12"]


def test_a_fulfillment_that_is_not_there_is_refused() -> None:
    payload = tell(Caller(), gid("Fulfillment", 1), "IN_TRANSIT", "2026-11-20T12:00:00Z")
    problem = {"field": ["fulfillmentEvent", "fulfillmentId"], "message": "Fulfillment does not exist."}
    assert payload == {"fulfillmentEvent": None, "userErrors": [problem]}


def test_without_the_scope_nothing_is_told() -> None:
    caller = Caller(scopes=("read_orders", "write_merchant_managed_fulfillment_orders"))
    fulfillment = shipped(caller)
    event = {"fulfillmentId": fulfillment, "status": "IN_TRANSIT"}
    assert caller.ask(TELL, e=event)["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
