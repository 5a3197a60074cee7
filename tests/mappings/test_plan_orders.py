"""The plan of the orders flow, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from mappings.causes import Cause
from mappings.keys import order_key
from mappings.packed import units_of
from mappings.plan_orders import needs_shipstation_truth
from mappings.plans import Consignment, Package, Plan, Standing
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import (
    HERE,
    NOW,
    ORDER_ID,
    PROFILE,
    THERE,
    address,
    fulfillment_order,
    later,
    line,
    order,
    package,
)
from tests.mappings.planned import KEY, NOTHING_WANTED, WHOLE, planned, sent, shown, upserts

SECOND = order_key("main", ORDER_ID, HERE, 2)
HELD: dict[str, Any] = {
    "status": "ON_HOLD",
    "fulfillmentHolds": [{"id": "gid://shopify/FulfillmentHold/1", "reason": "OTHER"}],
}


def taken_back(consignment: Consignment) -> Consignment:
    """We cancelled it, and ShipStation accepted that."""
    document = cast(Order, {**(consignment.applied or {}), "orderStatus": "cancelled"})
    return replace(consignment, standing=Standing.CANCELLED, applied=document)


def test_a_paid_order_is_created_once() -> None:
    plan = planned(WHOLE)
    assert (plan.cause, [step.kind for step in plan.steps]) == (Cause.QUEUED, ["create_order"])
    assert units_of(upserts(plan)[0].document) == {7001: 2}
    assert planned(WHOLE, sent(WHOLE)) == Plan(Cause.IN_SHIPSTATION)


def test_two_locations_are_two_orders_that_share_the_money() -> None:
    whole = order([line(7001, 3, "3.33")], [fulfillment_order(1, {7001: 2}), fulfillment_order(2, {7001: 1}, THERE)])
    documents = [step.document for step in upserts(planned(whole))]
    assert [(one["orderNumber"], units_of(one)) for one in documents] == [("#1001", {7001: 2}), ("#1001-2", {7001: 1})]
    assert [one["amountPaid"] for one in documents] == [Decimal("6.66"), Decimal("3.33")]
    assert planned(whole, sent(whole)) == Plan(Cause.IN_SHIPSTATION)


@pytest.mark.parametrize(
    ("of", "cause"),
    [
        pytest.param(None, Cause.NOT_FOUND, id="Shopify shows none"),
        pytest.param(order(displayFinancialStatus="PENDING"), Cause.UNPAID, id="unpaid"),
        pytest.param(order(cancelledAt="2026-11-20T17:30:00Z"), Cause.CANCELLED, id="cancelled before it was sent"),
        pytest.param(order(test=True), Cause.TEST_ORDER, id="test"),
        pytest.param(order([line(7001, requiresShipping=False)]), Cause.NOTHING_TO_SHIP, id="digital"),
        pytest.param(
            order([line(7001, requiresShipping=False)], displayFinancialStatus="PENDING"), Cause.NOTHING_TO_SHIP,
            id="digital and unpaid",
        ),
        pytest.param(order([line(7001)], []), Cause.NOT_ROUTED, id="not routed"),
        pytest.param(order([line(7001, 2, currentQuantity=0)], []), Cause.REFUNDED, id="all removed"),
        pytest.param(
            order([line(7001)], [fulfillment_order(1, deliveryMethod={"methodType": "PICK_UP"})]), Cause.PICKUP, id="pickup"
        ),
        pytest.param(
            order([line(7001)], [fulfillment_order(1, requestStatus="ACCEPTED")]), Cause.OTHER_SERVICE, id="other service"
        ),
        pytest.param(order([line(7001)], [fulfillment_order(1, **HELD)]), Cause.FULFILLMENT_HOLD, id="hold"),
        pytest.param(
            order([line(7001)], [fulfillment_order(1, status="SCHEDULED", fulfillAt="2026-12-01T00:00:00Z")]),
            Cause.SCHEDULED, id="scheduled",
        ),
        pytest.param(
            order([line(7001)], [fulfillment_order(1, {7001: (0, 1)}, status="CLOSED")]), Cause.FULFILLED_ELSEWHERE,
            id="fulfilled by someone else",
        ),
        pytest.param(
            order([line(7001)], [fulfillment_order(1, {7001: (0, 1)}, status="CLOSED")], displayFinancialStatus="PENDING"),
            Cause.FULFILLED_ELSEWHERE, id="fulfilled though unpaid",
        ),
        pytest.param(order([line(7001)], [fulfillment_order(1, location=None)]), Cause.LOCATION_NOT_MAPPED, id="location deleted"),
        pytest.param(order(shippingAddress=None), Cause.ADDRESS_INCOMPLETE, id="no address"),
        pytest.param(order(shippingAddress=address(zip=None)), Cause.ADDRESS_INCOMPLETE, id="no zip"),
    ],
)  # fmt: skip
def test_no_step_and_the_reason(of: OrderToShip | None, cause: Cause) -> None:
    plan = planned(of)
    assert (plan.cause, plan.steps) == (cause, ())


def test_a_location_that_is_not_shown_is_looked_at_again() -> None:
    plan = planned(order([line(7001)], [fulfillment_order(1, location=None)]))
    assert plan.look_again_at is not None
    assert plan.look_again_at > NOW


def test_a_free_order_ships() -> None:
    assert planned(order([line(7001, 1, "0.00")])).cause is Cause.QUEUED


def test_an_unmapped_location_does_not_hold_up_the_others() -> None:
    whole = order([line(7001, 2)], [fulfillment_order(1, {7001: 1}), fulfillment_order(2, {7001: 1}, THERE)])
    plan = planned(whole, profile=replace(PROFILE, warehouses={HERE: 501}))
    assert plan.cause is Cause.LOCATION_NOT_MAPPED
    assert [step.order_key for step in upserts(plan)] == [KEY]
    assert plan.detail == f"location {THERE}"


@pytest.mark.parametrize(
    ("of", "at"),
    [
        pytest.param(order([line(7001)], []), later(15 * 60), id="not routed: a quarter of an hour at most"),
        pytest.param(
            order([line(7001)], [], createdAt=(NOW - timedelta(minutes=5)).isoformat()), later(5 * 60),
            id="not routed: as long again as it is old",
        ),
        pytest.param(
            order([line(7001)], [], createdAt=(NOW - timedelta(days=2)).isoformat()), later(6 * 3600), id="not routed, old"
        ),
        pytest.param(order([line(7001)], [], createdAt=NOW.isoformat()), later(5), id="not routed, brand new"),
        pytest.param(
            order([line(7001)], [fulfillment_order(1, status="SCHEDULED", fulfillAt="2026-11-20T19:00:00Z")]), later(3600),
            id="scheduled",
        ),
        pytest.param(
            order([line(7001)], [fulfillment_order(1, status="SCHEDULED", fulfillAt="2026-11-20T17:00:00Z")]), later(60),
            id="due already",
        ),
        pytest.param(order(), None, id="nothing to wait for"),
    ],
)  # fmt: skip
def test_waits_name_their_end(of: OrderToShip, at: object) -> None:
    assert planned(of).look_again_at == at


def test_an_edit_updates_the_open_order_as_a_whole_and_keeps_what_the_warehouse_did() -> None:
    [known] = sent(WHOLE)
    edited = order([line(7001, 2), line(7002)])
    truth = shown(known, orderStatus="on_hold", carrierCode="fedex", orderTotal=Decimal(20))
    plan = planned(edited, [known], observed=truth)
    [step] = upserts(plan)
    assert (step.kind, plan.cause) == ("update_order", Cause.IN_SHIPSTATION)
    assert step.fields == ("amountPaid", "items", "weight")
    document: dict[str, Any] = {**step.document}
    assert (document["orderId"], document["orderStatus"], document["carrierCode"], document["tagIds"]) == (
        41,
        "on_hold",
        "fedex",
        [3],
    )
    assert [item.get("warehouseLocation") for item in document["items"]] == ["A7", None]
    assert not {"orderTotal", "modifyDate"} & document.keys()
    assert planned(edited, [replace(known, applied=step.applied)], observed=truth).steps == ()


def test_a_correction_by_the_warehouse_survives_a_change_of_something_else() -> None:
    [known] = sent(WHOLE)
    corrected = {**(known.applied or {})["shipTo"], "street1": "118 LINDEN AVE"}
    truth = shown(known, shipTo=corrected)
    noted = order([line(7001, 2)], note="Ring twice")
    [step] = upserts(planned(noted, [known], observed=truth))
    assert step.document["shipTo"] == corrected
    assert step.document["customerNotes"] == "Ring twice"
    assert planned(noted, [replace(known, applied=step.applied)], observed=truth).steps == ()


def test_a_weight_from_the_scales_is_kept() -> None:
    [known] = sent(WHOLE)
    scales = {"value": Decimal(40), "units": "ounces"}
    plan = planned(order([line(7001, 2), line(7002)]), [known], observed=shown(known, weight=scales))
    assert upserts(plan)[0].document["weight"] == scales


def test_items_of_the_warehouse_stay() -> None:
    [known] = sent(WHOLE)
    sample = {"lineItemKey": None, "sku": "SAMPLE", "quantity": 1, "name": "Sample"}
    truth = shown(known)
    cast(Any, truth[KEY])["items"].append(sample)
    [step] = upserts(planned(order([line(7001, 2), line(7002)]), [known], observed=truth))
    assert [item.get("sku") for item in step.document["items"]] == ["MUG-7001", "MUG-7002", "SAMPLE"]


@pytest.mark.parametrize(("of", "cause"), NOTHING_WANTED)
def test_an_open_order_is_cancelled_when_nothing_of_it_is_wanted(of: OrderToShip, cause: Cause) -> None:
    [known] = sent(WHOLE)
    assert needs_shipstation_truth(PROFILE, of, [known], [], NOW) == (KEY,)
    plan = planned(of, [known], observed=shown(known))
    [step] = upserts(plan)
    assert (step.kind, plan.cause, step.document["orderStatus"]) == ("cancel_order", cause, "cancelled")
    assert step.document.get("orderId") == 41
    closed = replace(known, standing=Standing.CANCELLED, applied=step.applied)
    assert (planned(of, [closed]).cause, planned(of, [closed]).steps) == (cause, ())


@pytest.mark.parametrize(("of", "cause"), NOTHING_WANTED)
def test_nothing_is_cancelled_without_looking(of: OrderToShip, cause: Cause) -> None:
    plan = planned(of, sent(WHOLE))
    assert (plan.cause, plan.steps, plan.look_again_at) == (Cause.UNREADABLE, (), later(60))


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(None, id="Shopify shows none"),
        pytest.param(order([line(7001, 2)], []), id="routing at work"),
        pytest.param(order([line(7001, 2)], displayFinancialStatus="PENDING"), id="payment pending again"),
        pytest.param(order([line(7001, 2)], displayFinancialStatus="PARTIALLY_PAID"), id="a line was added, unpaid"),
    ],
)
def test_what_is_no_evidence_takes_nothing_back(of: OrderToShip | None) -> None:
    [known] = sent(WHOLE)
    steps = upserts(planned(of, [known], observed=shown(known)))
    assert all(units_of(step.document) == {7001: 2} and step.kind == "update_order" for step in steps)


def test_an_unpaid_addition_waits_while_the_rest_goes_out() -> None:
    [known] = sent(WHOLE)
    edited = order(
        [line(7001, 2), line(7002)], displayFinancialStatus="PARTIALLY_PAID", totalReceivedSet=WHOLE["totalReceivedSet"]
    )
    plan = planned(edited, [known], observed=shown(known))
    assert plan.cause is Cause.IN_SHIPSTATION
    assert plan.detail == "1 unit kept back: partly paid"
    assert all(units_of(step.document) == {7001: 2} for step in upserts(plan))


def test_moved_goods_are_taken_back_before_they_are_placed_anew() -> None:
    """The label may have been bought a moment ago: then the cancellation is refused, and nothing may lie there twice."""
    moved = order([line(7001, 2)], [fulfillment_order(1, {7001: 2}, THERE)])
    [known] = sent(WHOLE)
    plan = planned(moved, [known], observed=shown(known))
    assert [(step.kind, step.order_key) for step in upserts(plan)] == [("cancel_order", KEY)]
    assert plan.look_again_at == later(1)
    [step] = upserts(planned(moved, [taken_back(known)]))
    assert (step.kind, step.location_id) == ("create_order", THERE)
    assert upserts(planned(moved, [known], observed=shown(known, orderStatus="shipped"))) == []


def test_lines_of_two_locations_that_changed_places_wait_for_each_other_only_once() -> None:
    """Each of the two orders gives what the other one is to get."""
    lines = [line(7001, 1), line(7002, 1)]
    before = order(lines, [fulfillment_order(9001, {7001: 1}), fulfillment_order(9002, {7002: 1}, THERE)])
    after = order(lines, [fulfillment_order(9003, {7002: 1}), fulfillment_order(9004, {7001: 1}, THERE)])
    known = {one.order_key: replace(one, shipstation_order_id=number) for number, one in enumerate(sent(before), 41)}
    done = []
    while steps := upserts(
        planned(
            after, list(known.values()), observed={key: of for one in known.values() for key, of in shown(one).items()}
        )
    ):
        assert len(steps) == 1, "what one takes back is placed only after it was accepted"
        (step,) = steps
        standing = Standing.CANCELLED if step.kind == "cancel_order" else Standing.OPEN
        number = 41 + len(known)
        known[step.order_key] = Consignment(
            step.order_key, step.location_id, "", step.n, standing, number, step.applied
        )
        done.append((step.kind, step.location_id, dict(units_of(step.applied))))
    assert done == [
        ("cancel_order", HERE, {7001: 1}),
        ("update_order", THERE, {7001: 1}),
        ("create_order", HERE, {7002: 1}),
    ]


def test_what_an_order_keeps_because_it_cannot_get_its_new_goods_is_not_placed_elsewhere() -> None:
    """The first holds on to its goods, so that the second may not be changed, so that the third gets nothing."""
    lines, third = [line(7001, 1), line(7002, 1)], THERE + 1
    before = order(lines, [fulfillment_order(9001, {7001: 1}), fulfillment_order(9002, {7002: 1}, THERE)])
    after = order(lines, [fulfillment_order(9003, {7001: 1}, THERE), fulfillment_order(9004, {7002: 1}, third)])
    first, second = sent(before)
    observed = {**shown(first, advancedOptions={"mergedOrSplit": True}), **shown(second)}
    plan = planned(after, [first, second], observed=observed)
    assert (plan.cause, plan.steps) == (Cause.CHANGED_ON_BOTH_SIDES, ())


def test_after_a_hold_is_released_the_goods_go_out_under_a_new_key() -> None:
    [known] = sent(WHOLE)
    [step] = upserts(planned(WHOLE, [taken_back(known)]))
    assert (step.kind, step.order_key, step.document["orderNumber"]) == ("create_order", SECOND, "#1001-2")
    assert step.document["amountPaid"] == Decimal("20.00")


DONE = [fulfillment_order(1, {7001: (0, 2)}, status="CLOSED")]
HALF = [fulfillment_order(1, {7001: (1, 2)}, status="IN_PROGRESS")]


@pytest.mark.parametrize(
    ("fulfillment_orders", "packages", "cause"),
    [
        pytest.param(DONE, [package("s1", {7001: 2}, fulfillment_gid="f")], Cause.SHIPPED, id="all reported"),
        pytest.param(None, [package("s1", {7001: 2})], Cause.TELLING_SHOPIFY, id="all packed"),
        pytest.param(HALF, [package("s1", {7001: 1}, fulfillment_gid="f")], Cause.PARTLY_SHIPPED, id="half reported"),
        pytest.param(None, [package("s1", {7001: 1})], Cause.PARTLY_SHIPPED, id="half packed"),
        pytest.param(None, [package("s1", {7001: 2}, voided=True)], Cause.IN_SHIPSTATION, id="voided"),
        pytest.param(DONE, [package("f1", None, fulfillment_gid="f")], Cause.SHIPPED, id="marked as shipped"),
        pytest.param(
            DONE,
            [package("s1", {7001: 2}, voided=True, fulfillment_gid="f")],
            Cause.LABEL_VOIDED,
            id="voided after the report",
        ),
    ],
)
def test_progress(fulfillment_orders: Any, packages: list[Package], cause: Cause) -> None:
    plan = planned(order([line(7001, 2)], fulfillment_orders), sent(WHOLE, Standing.SHIPPED), packages)
    assert (plan.cause, plan.steps) == (cause, ())


def test_a_void_after_the_report_keeps_the_reopened_order() -> None:
    """ShipStation waits for a new label while Shopify still counts the units as gone."""
    [known] = sent(WHOLE)
    voided = package("s1", {7001: 2}, voided=True, fulfillment_gid="f")
    assert planned(order([line(7001, 2)], DONE), [known], [voided], shown(known)).steps == ()


def test_what_was_refunded_after_its_label_was_voided_is_taken_back() -> None:
    """Shopify counts all of it as gone, for good: its fulfillment order shows a refunded unit as one that was sent."""
    [known] = sent(WHOLE)
    voided = package("s1", {7001: 2}, voided=True, fulfillment_gid="f")
    refunded = order([line(7001, 2, currentQuantity=1)], DONE, displayFinancialStatus="PARTIALLY_REFUNDED")
    [step] = upserts(planned(refunded, [known], [voided], shown(known)))
    assert (step.kind, units_of(step.document)) == ("update_order", {7001: 1})


def test_a_fulfillment_cancelled_by_hand_does_not_send_the_goods_twice() -> None:
    reopened = [fulfillment_order(1, {7001: (2, 2)}, status="CLOSED"), fulfillment_order(2, {7001: 2})]
    plan = planned(
        order([line(7001, 2)], reopened), sent(WHOLE, Standing.SHIPPED), [package("s1", {7001: 2}, fulfillment_gid="f")]
    )
    assert (plan.cause, plan.steps) == (Cause.EDITED_AFTER_LABEL, ())
    again = planned(
        order([line(7001, 2)], reopened),
        [taken_back(one) for one in sent(WHOLE)],
        [package("s1", {7001: 2}, voided=True)],
    )
    assert [step.order_key for step in upserts(again)] == [SECOND]


def test_a_fully_returned_order_stays_shipped() -> None:
    returned = order([line(7001, 2, currentQuantity=0)], DONE, displayFinancialStatus="REFUNDED")
    plan = planned(returned, sent(WHOLE, Standing.SHIPPED), [package("s1", {7001: 2}, fulfillment_gid="f")])
    assert (plan.cause, plan.steps) == (Cause.SHIPPED, ())


def test_held_units_are_named_beside_the_state() -> None:
    parts = [fulfillment_order(1, {7001: 1}), fulfillment_order(2, {7001: 1}, **HELD)]
    assert planned(order([line(7001, 2)], parts)).detail == "1 unit kept back: fulfillment hold"
