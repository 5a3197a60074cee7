"""Holds, fraud reviews and cancellations of goods that ShipStation has: the status of its order, and whose hold it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from mappings.causes import Cause
from mappings.keys import order_key
from mappings.observed import as_observed
from mappings.packed import units_of
from mappings.plan_orders import plan_order
from mappings.plans import Consignment, Package, Plan, Profile, Standing, UpsertOrder
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import HERE, NOW, ORDER_ID, PROFILE, THERE, fulfillment_order, line, order, package

KEY = order_key("main", ORDER_ID, HERE, 1)
ON_HOLD: dict[str, Any] = {
    "status": "ON_HOLD",
    "fulfillmentHolds": [{"id": "gid://shopify/FulfillmentHold/1", "reason": "OTHER"}],
}
WHOLE = order([line(7001, 2)])
HELD = order([line(7001, 2)], [fulfillment_order(1, {7001: 2}, **ON_HOLD)])
FRAUD = order([line(7001, 2)], risk={"recommendation": "CANCEL", "assessments": []})
CANCELLED = order(
    [line(7001, 2, currentQuantity=0)],
    [fulfillment_order(1, {7001: (0, 0)}, status="CLOSED")],
    cancelledAt="2026-11-20T17:30:00Z",
)
WITHDRAW = replace(PROFILE, on_hold="withdraw")
HOLD_CANCELLED = replace(PROFILE, on_cancel="hold")


def planned(
    of: OrderToShip,
    known: list[Consignment],
    observed: Mapping[str, Order | None] | None = None,
    profile: Profile = PROFILE,
    packages: list[Package] | None = None,
) -> Plan:
    return plan_order(profile, of, known, packages or [], observed or {}, NOW)


def only(plan: Plan) -> UpsertOrder:
    (step,) = plan.steps
    assert isinstance(step, UpsertOrder)
    return step


def known(
    of: OrderToShip = WHOLE, standing: Standing = Standing.OPEN, status: str = "awaiting_shipment"
) -> Consignment:
    step = only(planned(of, []))
    applied = cast(Order, {**step.applied, "orderStatus": status})
    return Consignment(step.order_key, step.location_id, "", step.n, standing, 41, applied)


def shown(one: Consignment, status: str) -> dict[str, Order | None]:
    return {one.order_key: cast(Order, {**(one.applied or {}), "orderId": 41, "orderStatus": status})}


@pytest.mark.parametrize(("of", "cause"), [(HELD, Cause.FULFILLMENT_HOLD), (FRAUD, Cause.FRAUD_REVIEW)])
def test_what_may_not_leave_now_is_put_on_hold_with_its_units(of: OrderToShip, cause: Cause) -> None:
    one = known()
    plan = planned(of, [one], shown(one, "awaiting_shipment"))
    step = only(plan)
    assert (step.kind, step.fields, step.document["orderStatus"], plan.cause) == (
        "hold_order",
        ("orderStatus",),
        "on_hold",
        cause,
    )
    assert units_of(step.document) == {7001: 2}
    after = replace(one, applied=step.applied)
    assert (planned(of, [after]).steps, planned(of, [after]).cause) == ((), cause)


@pytest.mark.parametrize(("of", "cause"), [(HELD, Cause.FULFILLMENT_HOLD), (FRAUD, Cause.FRAUD_REVIEW)])
def test_it_is_cancelled_there_instead_where_the_store_says_so(of: OrderToShip, cause: Cause) -> None:
    one = known()
    plan = planned(of, [one], shown(one, "awaiting_shipment"), WITHDRAW)
    assert (only(plan).kind, plan.cause) == ("cancel_order", cause)


@pytest.mark.parametrize("of", [HELD, FRAUD])
def test_what_was_never_sent_is_kept_back(of: OrderToShip) -> None:
    assert planned(of, []).steps == ()


def test_a_release_makes_it_awaiting_shipment_again_at_once() -> None:
    one = known(status="on_hold")
    plan = planned(WHOLE, [one], shown(one, "on_hold"))
    step = only(plan)
    assert (step.kind, step.document["orderStatus"], plan.cause) == (
        "release_order",
        "awaiting_shipment",
        Cause.IN_SHIPSTATION,
    )
    assert planned(WHOLE, [replace(one, applied=step.applied)]) == Plan(Cause.IN_SHIPSTATION)


def test_a_hold_of_the_warehouse_is_neither_claimed_nor_lifted() -> None:
    one = known()
    truth = shown(one, "on_hold")
    assert (planned(HELD, [one], truth).steps, planned(HELD, [one], truth).cause) == ((), Cause.FULFILLMENT_HOLD)
    assert planned(WHOLE, [as_observed(one, truth[KEY])]).steps == ()
    noted = order([line(7001, 2)], [fulfillment_order(1, {7001: 2}, **ON_HOLD)], note="Ring twice")
    step = only(planned(noted, [one], truth))
    assert (step.document["orderStatus"], step.applied["orderStatus"]) == ("on_hold", "awaiting_shipment")


def test_a_hold_that_the_warehouse_lifted_is_put_back_while_shopify_holds() -> None:
    one = known(status="on_hold")
    seen = as_observed(one, shown(one, "awaiting_shipment")[KEY])
    assert only(planned(HELD, [seen], shown(seen, "awaiting_shipment"))).kind == "hold_order"
    assert planned(WHOLE, [seen]).steps == ()


def test_a_hold_without_an_answer_is_sent_again_and_stays_ours() -> None:
    one = replace(known(), standing=Standing.INTENDED, hold_in_doubt=True)
    there = shown(one, "on_hold")
    again = only(planned(HELD, [one], there))
    assert (again.document["orderStatus"], again.applied["orderStatus"]) == ("on_hold", "on_hold")
    assert only(planned(WHOLE, [one], there)).kind == "release_order"


def test_a_hold_on_some_units_takes_those_out_so_that_the_others_can_leave() -> None:
    one = known()
    parts = order([line(7001, 2)], [fulfillment_order(1, {7001: 1}), fulfillment_order(2, {7001: 1}, **ON_HOLD)])
    plan = planned(parts, [one], shown(one, "awaiting_shipment"))
    step = only(plan)
    assert (units_of(step.document), step.document["orderStatus"], plan.detail) == (
        {7001: 1},
        "awaiting_shipment",
        "1 unit kept back: fulfillment hold",
    )


def test_a_hold_at_one_location_does_not_hold_up_the_other() -> None:
    both = order([line(7001, 2)], [fulfillment_order(1, {7001: 1}), fulfillment_order(2, {7001: 1}, THERE)])
    steps = [step for step in planned(both, []).steps if isinstance(step, UpsertOrder)]
    known_ones = [Consignment(s.order_key, s.location_id, "", s.n, Standing.OPEN, 41, s.applied) for s in steps]
    half = order([line(7001, 2)], [fulfillment_order(1, {7001: 1}), fulfillment_order(2, {7001: 1}, THERE, **ON_HOLD)])
    plan = planned(half, known_ones, shown(known_ones[1], "awaiting_shipment"))
    assert (only(plan).order_key, only(plan).kind, plan.cause) == (
        known_ones[1].order_key,
        "hold_order",
        Cause.IN_SHIPSTATION,
    )


def test_what_is_locked_at_one_location_does_not_rest_because_of_a_hold_at_the_other() -> None:
    of = order(
        [line(7001, 2), line(7002)],
        [fulfillment_order(1, {7001: 2}), fulfillment_order(2, {7002: 1}, THERE, **ON_HOLD)],
    )
    assert planned(of, [known(standing=Standing.SHIPPED)]).cause is Cause.IN_SHIPSTATION


def test_a_hold_after_the_label_needs_a_person() -> None:
    one = known(standing=Standing.SHIPPED)
    assert planned(HELD, [one]).cause is Cause.EDITED_AFTER_LABEL
    assert planned(FRAUD, [one]).cause is Cause.FRAUD_REVIEW


def test_units_refunded_during_a_hold_leave_shipstation() -> None:
    one = known(status="on_hold")
    less = order([line(7001, 2, currentQuantity=1)], [fulfillment_order(1, {7001: 1}, **ON_HOLD)])
    step = only(planned(less, [one], shown(one, "on_hold")))
    assert (units_of(step.document), step.document["orderStatus"]) == ({7001: 1}, "on_hold")


def test_a_cancelled_order_is_held_there_where_the_store_says_so() -> None:
    one = known()
    plan = planned(CANCELLED, [one], shown(one, "awaiting_shipment"), HOLD_CANCELLED)
    step = only(plan)
    assert (step.kind, step.fields, plan.cause) == ("hold_order", ("orderStatus",), Cause.CANCELLED_ON_HOLD)
    assert step.document["amountPaid"] == (one.applied or {})["amountPaid"]
    after = replace(one, applied=step.applied)
    assert planned(CANCELLED, [after], profile=HOLD_CANCELLED) == Plan(Cause.CANCELLED_ON_HOLD)
    gone = replace(after, standing=Standing.CANCELLED)
    assert planned(CANCELLED, [gone], profile=HOLD_CANCELLED) == Plan(Cause.CANCELLED)


def test_a_cancelled_order_with_a_label_needs_a_person_all_the_same() -> None:
    one = known(standing=Standing.SHIPPED)
    assert planned(CANCELLED, [one], profile=HOLD_CANCELLED).cause is Cause.CANCELLED_AFTER_LABEL
    labelled = planned(CANCELLED, [one], profile=HOLD_CANCELLED, packages=[package("s1", {7001: 2})])
    assert labelled.cause is Cause.CANCELLED_AFTER_LABEL
