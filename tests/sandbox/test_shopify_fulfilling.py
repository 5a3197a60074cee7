"""Fulfillments in the sandbox's Shopify: recorded refusals, what remains, tracking, mails, cancellation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.shopify_caller import SHOP, Caller, Document, gid, live, order_body

FULFILLMENT_CANCEL = "mutation C($id: ID!) { fulfillmentCancel(id: $id) { fulfillment { status displayStatus } userErrors { field message } } }"
TRACK = """mutation T($id: ID!, $t: FulfillmentTrackingInput!, $notify: Boolean) {
  fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $t, notifyCustomer: $notify) {
    fulfillment { trackingInfo { company number url } } userErrors { field message } } }"""


@pytest.fixture
def caller() -> Caller:
    return Caller()


def two_lines(caller: Caller, **fields: Any) -> tuple[int, int, int]:
    """An order with two units of one line and three of another: order id and line ids."""
    order_id = caller.world.control("import_order", {"body": order_body(**fields)})
    lines = caller.order(order_id)["lines"]
    return order_id, lines[0]["id"], lines[1]["id"]


def refusal(payload: Document) -> tuple[list[str], str]:
    assert payload["fulfillment"] is None
    error = payload["userErrors"][0]
    return error["field"], error["message"]


def part(order: Document, number: int = 0) -> tuple[str, list[str]]:
    target = order["fulfillmentOrders"][number]
    return gid("FulfillmentOrder", target["id"]), [
        gid("FulfillmentOrderLineItem", each["id"]) for each in target["lines"]
    ]


def test_a_part_leaves_the_fulfillment_order_in_progress_and_the_rest_closes_it(caller: Caller) -> None:
    order_id, mugs, cups = two_lines(caller)
    first = caller.fulfill(order_id, {mugs: 2, cups: 1})["fulfillment"]
    assert first["name"] == "#1001-F1"
    assert caller.order(order_id)["fulfillmentStatus"] == "PARTIALLY_FULFILLED"
    assert [(entry["status"], [p["remaining"] for p in entry["lines"]]) for entry in live(caller.order(order_id))] == [
        ("IN_PROGRESS", [0, 2])
    ]
    second = caller.fulfill(order_id)["fulfillment"]
    order = caller.order(order_id)
    assert (second["name"], order["fulfillmentStatus"], live(order)) == ("#1001-F2", "FULFILLED", [])
    assert [entry["lines"] for entry in order["fulfillments"]] == [{str(mugs): 2, str(cups): 1}, {str(cups): 2}]


@pytest.mark.parametrize("archives", [True, False])
def test_a_complete_and_paid_order_is_archived_where_the_shop_does_so(archives: bool) -> None:
    caller = Caller(auto_archive=archives)
    order_id = caller.sell()[0]
    caller.fulfill(order_id)
    assert caller.order(order_id)["closed"] is archives


def test_too_many_units_are_refused_in_the_recorded_words(caller: Caller, shared: Path) -> None:
    order_id, mugs, _ = two_lines(caller)
    caller.fulfill(order_id, {mugs: 1})
    recorded = shared / "payloads" / "shopify-graphql" / "graphql-fulfillment-create-error-over-quantity.json"
    error = json.loads(recorded.read_text())["data"]["fulfillmentCreate"]["userErrors"][0]
    assert refusal(caller.fulfill(order_id, {mugs: 2})) == (error["field"], error["message"])


def test_zero_units_are_refused_before_anything_else(caller: Caller) -> None:
    lines = [{"id": gid("FulfillmentOrderLineItem", 5), "quantity": 0}]
    entry = {"fulfillmentOrderId": gid("FulfillmentOrder", 5), "fulfillmentOrderLineItems": lines}
    path = ["fulfillment", "lineItemsByFulfillmentOrder", "0", "fulfillmentOrderLineItems", "0", "quantity"]
    assert refusal(caller.create(lineItemsByFulfillmentOrder=[entry])) == (path, "Quantity must be greater than 0")


def test_unknown_fulfillment_orders_and_lines_are_refused(caller: Caller) -> None:
    order_id, _, _ = two_lines(caller)
    unknown = caller.create(lineItemsByFulfillmentOrder=[{"fulfillmentOrderId": gid("FulfillmentOrder", 5)}])
    assert refusal(unknown) == (["fulfillment"], "Fulfillment order does not exist.")
    target, _ = part(caller.order(order_id))
    lines = [{"id": gid("FulfillmentOrderLineItem", 5), "quantity": 1}]
    strange = caller.create(
        lineItemsByFulfillmentOrder=[{"fulfillmentOrderId": target, "fulfillmentOrderLineItems": lines}]
    )
    assert refusal(strange) == (["fulfillment"], "Fulfillment order line item does not exist.")


def test_what_is_closed_or_held_cannot_be_fulfilled(caller: Caller) -> None:
    order_id, held_id = caller.sell(2)
    target, _ = part(caller.order(order_id))
    caller.fulfill(order_id)
    number = target.rpartition("/")[2]
    again = caller.create(lineItemsByFulfillmentOrder=[{"fulfillmentOrderId": target}])
    assert refusal(again)[1] == f"Fulfillment order {number} has an unfulfillable status= closed."
    caller.world.control("hold", {"order": held_id})
    assert refusal(caller.fulfill(held_id))[1].endswith("has an unfulfillable status= on_hold.")


def test_two_orders_cannot_leave_in_one_fulfillment(caller: Caller) -> None:
    one, other = caller.sell(2)
    entries = [{"fulfillmentOrderId": part(caller.order(order_id))[0]} for order_id in (one, other)]
    assert refusal(caller.create(lineItemsByFulfillmentOrder=entries))[1] == (
        f"All fulfillment orders must belong to the same order. Multiple orders with ids [{one}, {other}] were found."
    )


def test_two_locations_cannot_leave_in_one_fulfillment(caller: Caller) -> None:
    order_id, mugs, _ = two_lines(caller)
    caller.world.control("move_fulfillment_order", {"order": order_id, "location_id": 82734628, "lines": {mugs: 2}})
    entries = [{"fulfillmentOrderId": part(caller.order(order_id), number)[0]} for number in (0, 1)]
    assert refusal(caller.create(lineItemsByFulfillmentOrder=entries))[1] == (
        "All fulfillment orders must be assigned to a single location. "
        "Multiple locations with ids [82734627, 82734628] were found."
    )


def test_nothing_changes_when_one_of_two_fulfillment_orders_is_refused(caller: Caller) -> None:
    order_id, mugs, _ = two_lines(caller)
    caller.world.control("hold", {"order": order_id, "lines": {mugs: 1}})
    before = caller.order(order_id)
    entries = [{"fulfillmentOrderId": part(before, number)[0]} for number in (1, 0)]
    refusal(caller.create(lineItemsByFulfillmentOrder=entries))
    assert caller.order(order_id) == before


def test_units_of_one_line_from_two_fulfillment_orders_are_summed(caller: Caller) -> None:
    order_id, mugs, cups = two_lines(caller)
    caller.world.control("move_fulfillment_order", {"order": order_id, "location_id": 82734628, "lines": {mugs: 1}})
    moved = caller.order(order_id)["fulfillmentOrders"][1]["id"]
    caller.world.control(
        "move_fulfillment_order", {"order": order_id, "location_id": 82734627, "fulfillment_order_id": moved}
    )
    entries = [{"fulfillmentOrderId": part(caller.order(order_id), number)[0]} for number in (0, 1)]
    assert caller.create(lineItemsByFulfillmentOrder=entries)["userErrors"] == []
    assert caller.order(order_id)["fulfillments"][0]["lines"] == {str(mugs): 2, str(cups): 3}


def test_the_same_call_twice_ships_twice_while_units_remain(caller: Caller) -> None:
    order_id, mugs, _ = two_lines(caller)
    tracking = {"company": "UPS", "number": "1Z1"}
    for expected in (1, 2):
        assert caller.fulfill(order_id, {mugs: 1}, trackingInfo=tracking)["userErrors"] == []
        assert len(caller.order(order_id)["fulfillments"]) == expected
    assert refusal(caller.fulfill(order_id, {mugs: 1}, trackingInfo=tracking))


@pytest.mark.parametrize(
    ("tracking", "rows"),
    [
        pytest.param(None, [], id="nothing to track"),
        pytest.param(
            {"company": "UPS", "number": "1Z1"},
            [("UPS", "1Z1", "https://www.ups.com/WebTracking?loc=en_US&requester=ST&trackNums=1Z1")],
            id="known company",
        ),
        pytest.param({"company": "ups", "number": "1Z1"}, [("ups", "1Z1", None)], id="wrong spelling"),
        pytest.param(
            {"company": "Stamps.com", "number": "9", "url": "https://t.example/9"},
            [("Stamps.com", "9", "https://t.example/9")],
            id="own address",
        ),
        pytest.param(
            {"company": "X", "numbers": ["1", "2"], "urls": ["https://t.example/1", "https://t.example/2"]},
            [("X", "1", "https://t.example/1"), ("X", "2", "https://t.example/2")],
            id="several",
        ),
    ],
)
def test_tracking_comes_back_as_rows(
    caller: Caller, tracking: Document | None, rows: list[tuple[str, str, str | None]]
) -> None:
    done = caller.fulfill(caller.sell()[0], trackingInfo=tracking)["fulfillment"]
    assert [(row["company"], row["number"], row["url"]) for row in done["trackingInfo"]] == rows


def test_a_mail_is_sent_only_when_asked_for_and_counted(caller: Caller) -> None:
    quiet, loud = caller.sell(2)
    caller.fulfill(quiet, trackingInfo={"number": "1"})
    done = caller.fulfill(loud, trackingInfo={"number": "2"}, notifyCustomer=True)["fulfillment"]
    caller.data(TRACK, id=done["id"], t={"number": "3"}, notify=True)
    caller.data(TRACK, id=done["id"], t={"number": "4"})
    assert [caller.order(order_id)["fulfillments"][0]["mails"] for order_id in (quiet, loud)] == [0, 2]


def test_cancelling_opens_a_new_fulfillment_order_beside_the_closed_one(caller: Caller) -> None:
    order_id, mugs, cups = two_lines(caller)
    done = caller.fulfill(order_id)["fulfillment"]
    for _ in range(2):  # cancelling twice succeeds and changes nothing more
        payload = caller.data(FULFILLMENT_CANCEL, id=done["id"])["fulfillmentCancel"]
        assert payload == {"fulfillment": {"status": "CANCELLED", "displayStatus": "CANCELED"}, "userErrors": []}
    order = caller.order(order_id)
    old, new = order["fulfillmentOrders"]
    assert (old["status"], [each["remaining"] for each in old["lines"]]) == ("CLOSED", [2, 3])
    assert (new["status"], {each["lineId"]: each["remaining"] for each in new["lines"]}) == ("OPEN", {mugs: 2, cups: 3})
    assert (order["closed"], order["fulfillmentStatus"]) == (False, "UNFULFILLED")


def test_cancelling_a_part_gives_the_units_back_to_the_same_fulfillment_order(caller: Caller) -> None:
    order_id, mugs, _ = two_lines(caller)
    done = caller.fulfill(order_id, {mugs: 2})["fulfillment"]
    caller.data(FULFILLMENT_CANCEL, id=done["id"])
    only = caller.order(order_id)["fulfillmentOrders"]
    assert [(entry["status"], [each["remaining"] for each in entry["lines"]]) for entry in only] == [("OPEN", [2, 3])]


def test_tracking_can_be_changed_even_on_a_cancelled_fulfillment(caller: Caller) -> None:
    done = caller.fulfill(caller.sell()[0], trackingInfo={"number": "1"})["fulfillment"]
    caller.data(FULFILLMENT_CANCEL, id=done["id"])
    payload = caller.data(TRACK, id=done["id"], t={"company": "FedEx", "number": "2"})["fulfillmentTrackingInfoUpdate"]
    assert payload["fulfillment"]["trackingInfo"][0]["number"] == "2"


def test_unknown_fulfillments_are_refused(caller: Caller) -> None:
    payload = caller.data(FULFILLMENT_CANCEL, id=gid("Fulfillment", 5))["fulfillmentCancel"]
    assert payload["userErrors"] == [{"field": ["id"], "message": "Fulfillment not found."}]
    payload = caller.data(TRACK, id=gid("Fulfillment", 5), t={})["fulfillmentTrackingInfoUpdate"]
    assert payload["userErrors"] == [{"field": ["fulfillmentId"], "message": "Fulfillment does not exist."}]


def test_a_fulfillment_shows_in_the_account(caller: Caller) -> None:
    order_id = caller.sell()[0]
    caller.fulfill(order_id, trackingInfo={"company": "UPS", "number": "1Z"}, notifyCustomer=True)
    state = caller.world.control("state", {})
    assert json.loads(json.dumps(state)) == state
    assert state["shops"][SHOP]["counters"]["mails"] == 1
    assert state["shops"][SHOP]["orders"][0]["fulfillments"][0]["tracking"][0]["number"] == "1Z"
