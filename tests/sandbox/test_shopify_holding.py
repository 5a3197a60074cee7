"""Holds, releases and moves of fulfillment orders in the sandbox's Shopify."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.shopify_caller import Caller, Document, gid, live, order_body

SECOND = 82734628

HOLD = """mutation H($id: ID!, $h: FulfillmentOrderHoldInput!) { fulfillmentOrderHold(id: $id, fulfillmentHold: $h) {
  fulfillmentHold { id heldByRequestingApp } fulfillmentOrder { id status } remainingFulfillmentOrder { id status }
  userErrors { field message code } } }"""
RELEASE = """mutation R($id: ID!, $holds: [ID!]) { fulfillmentOrderReleaseHold(id: $id, holdIds: $holds) {
  fulfillmentOrder { id status } userErrors { field message code } } }"""
MOVE = """mutation M($id: ID!, $to: ID!, $lines: [FulfillmentOrderLineItemInput!]) {
  fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $lines) {
    movedFulfillmentOrder { id assignedLocation { location { id } } } remainingFulfillmentOrder { id }
    originalFulfillmentOrder { id status } userErrors { field message code } } }"""


@pytest.fixture
def caller() -> Caller:
    return Caller()


def placed(caller: Caller) -> tuple[int, Document]:
    order_id: int = caller.world.control("import_order", {"body": order_body()})
    return order_id, caller.order(order_id)["fulfillmentOrders"][0]


def hold(caller: Caller, target: Document, **fields: Any) -> Document:
    given = {"reason": "OTHER", **fields}
    payload: Document = caller.data(HOLD, id=gid("FulfillmentOrder", target["id"]), h=given)["fulfillmentOrderHold"]
    return payload


def remaining(order: Document) -> list[tuple[str, list[int]]]:
    return [(entry["status"], [each["remaining"] for each in entry["lines"]]) for entry in order["fulfillmentOrders"]]


def test_a_hold_on_some_units_keeps_the_id_and_releasing_takes_the_rest_back(caller: Caller) -> None:
    order_id, target = placed(caller)
    lines = [{"id": gid("FulfillmentOrderLineItem", target["lines"][1]["id"]), "quantity": 1}]
    payload = hold(caller, target, fulfillmentOrderLineItems=lines)
    assert payload["fulfillmentOrder"] == {"id": gid("FulfillmentOrder", target["id"]), "status": "ON_HOLD"}
    assert payload["remainingFulfillmentOrder"]["status"] == "OPEN"
    assert remaining(caller.order(order_id)) == [("ON_HOLD", [1]), ("OPEN", [2, 2])]
    caller.data(RELEASE, id=gid("FulfillmentOrder", target["id"]))
    status, lines_left = remaining(caller.order(order_id))[0]
    assert (status, sorted(lines_left)) == ("OPEN", [2, 3])
    assert remaining(caller.order(order_id))[1] == ("CLOSED", [])


def test_only_the_last_release_opens_it_again(caller: Caller) -> None:
    order_id, target = placed(caller)
    holds = [hold(caller, target, handle=name)["fulfillmentHold"]["id"] for name in ("a", "b")]
    for hold_id, status in zip(holds, ("ON_HOLD", "OPEN"), strict=True):
        payload = caller.data(RELEASE, id=gid("FulfillmentOrder", target["id"]), holds=[hold_id])
        assert payload["fulfillmentOrderReleaseHold"]["fulfillmentOrder"]["status"] == status
    assert caller.order(order_id)["fulfillmentStatus"] == "UNFULFILLED"


def test_handles_are_unique_and_an_app_has_ten_holds(caller: Caller) -> None:
    _, target = placed(caller)
    hold(caller, target, handle="h0")
    assert hold(caller, target, handle="h0")["userErrors"][0]["code"] == "DUPLICATE_FULFILLMENT_HOLD_HANDLE"
    for number in range(1, 10):
        assert hold(caller, target, handle=f"h{number}")["userErrors"] == []
    error = hold(caller, target, handle="h10")["userErrors"][0]
    assert (error["field"], error["code"]) == (["id"], "FULFILLMENT_ORDER_HOLD_LIMIT_REACHED")


def test_a_merchant_s_hold_is_not_the_app_s_and_a_bare_release_ends_both(caller: Caller) -> None:
    order_id, target = placed(caller)
    caller.world.control("hold", {"order": order_id, "reason": "HIGH_RISK_OF_FRAUD"})
    assert hold(caller, target, handle="mine")["fulfillmentHold"]["heldByRequestingApp"] is True
    assert live(caller.order(order_id))[0]["holds"] == ["HIGH_RISK_OF_FRAUD", "OTHER"]
    caller.data(RELEASE, id=gid("FulfillmentOrder", target["id"]))
    assert live(caller.order(order_id))[0]["holds"] == []


def test_a_partly_fulfilled_one_is_in_progress_again_after_its_hold(caller: Caller) -> None:
    order_id, target = placed(caller)
    caller.fulfill(order_id, {target["lines"][0]["lineId"]: 1})
    caller.world.control("hold", {"order": order_id})
    caller.world.control("release", {"order": order_id})
    assert remaining(caller.order(order_id)) == [("IN_PROGRESS", [1, 3])]


def test_a_whole_move_keeps_the_id_and_a_part_gets_a_new_one(caller: Caller) -> None:
    order_id, target = placed(caller)
    target_id, to = gid("FulfillmentOrder", target["id"]), gid("Location", SECOND)
    lines = [{"id": gid("FulfillmentOrderLineItem", target["lines"][0]["id"]), "quantity": 1}]
    part = caller.data(MOVE, id=target_id, to=to, lines=lines)["fulfillmentOrderMove"]
    assert part["movedFulfillmentOrder"]["id"] != target_id
    assert part["remainingFulfillmentOrder"]["id"] == target_id
    assert remaining(caller.order(order_id)) == [("OPEN", [1, 3]), ("OPEN", [1])]
    whole = caller.data(MOVE, id=target_id, to=to)["fulfillmentOrderMove"]
    assert whole["movedFulfillmentOrder"] == {"id": target_id, "assignedLocation": {"location": {"id": to}}}
    assert {entry["locationId"] for entry in caller.order(order_id)["fulfillmentOrders"]} == {SECOND}


def test_moving_what_is_closed_or_to_nowhere_is_refused(caller: Caller) -> None:
    order_id, target = placed(caller)
    target_id = gid("FulfillmentOrder", target["id"])
    payload = caller.data(MOVE, id=target_id, to=gid("Location", 5))["fulfillmentOrderMove"]
    assert payload["userErrors"][0]["message"] == "Location not found."
    caller.fulfill(order_id)
    payload = caller.data(MOVE, id=target_id, to=gid("Location", SECOND))["fulfillmentOrderMove"]
    assert payload["userErrors"][0]["message"] == "Cannot change location."


@pytest.mark.parametrize("touches", [True, False])
def test_whether_a_hold_touches_the_order_is_an_option(touches: bool) -> None:
    caller = Caller(hold_touches_order=touches)
    order_id = caller.sell()[0]
    before = caller.order(order_id)["updatedAt"]
    caller.world.control("hold", {"order": order_id})
    assert (caller.order(order_id)["updatedAt"] != before) is touches
