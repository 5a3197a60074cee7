"""The same field changed on both sides: ShipStation's value stands, both are shown, and one word of a person settles it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from mappings.causes import Cause
from mappings.packed import units_of
from mappings.plan_orders import plan_order
from mappings.plans import Consignment, Plan, Side, Standing, UpsertOrder
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import NOW, PROFILE, THERE, address, fulfillment_order, line, order

WHOLE = order([line(7001, 2)], note="Ring")
Shown = dict[str, Order | None]


def planned(of: OrderToShip, known: list[Consignment], truth: Shown | None = None, take: Side | None = None) -> Plan:
    return plan_order(PROFILE, of, known, [], truth or {}, NOW, frozenset(), take)


def only(plan: Plan) -> UpsertOrder:
    (step,) = plan.steps
    assert isinstance(step, UpsertOrder)
    return step


def known() -> Consignment:
    step = only(planned(WHOLE, []))
    return Consignment(step.order_key, step.location_id, "", step.n, Standing.OPEN, 41, step.applied)


def shown(one: Consignment, **changes: Any) -> Shown:
    return {one.order_key: cast(Order, {**(one.applied or {}), "orderId": 41, **changes})}


def corrected(one: Consignment) -> dict[str, Any]:
    return {"shipTo": {**(one.applied or {})["shipTo"], "street1": "1 Other Road", "addressVerified": "x"}}


MOVED = order([line(7001, 2)], note="Ring twice", shippingAddress=address(address1="2 New Street"))


def test_the_warehouses_value_stands_and_what_is_not_contested_is_sent() -> None:
    one = known()
    plan = planned(MOVED, [one], shown(one, **corrected(one)))
    step = only(plan)
    assert (plan.cause, step.fields) == (Cause.CHANGED_ON_BOTH_SIDES, ("customerNotes",))
    assert (step.document["shipTo"]["street1"], step.document["customerNotes"]) == ("1 Other Road", "Ring twice")
    (conflict,) = plan.conflicts
    assert (conflict.field, cast(Any, conflict.shopify)["street1"], cast(Any, conflict.shipstation)["street1"]) == (
        "shipTo",
        "2 New Street",
        "1 Other Road",
    )
    assert "Street" not in plan.detail
    again = planned(MOVED, [replace(one, applied=step.applied)], shown(one, **corrected(one)))
    assert (again.cause, again.steps) == (Cause.CHANGED_ON_BOTH_SIDES, ())


@pytest.mark.parametrize(("side", "street"), [("shopify", "2 New Street"), ("shipstation", "1 Other Road")])
def test_one_word_settles_it_for_good(side: Side, street: str) -> None:
    one = known()
    plan = planned(MOVED, [one], shown(one, **corrected(one)), side)
    step = only(plan)
    assert (plan.cause, step.document["shipTo"]["street1"]) == (Cause.IN_SHIPSTATION, street)
    after = replace(one, applied=step.applied)
    there: Shown = {one.order_key: cast(Order, {**step.document, "orderId": 41})}
    assert planned(MOVED, [after], there) == Plan(Cause.IN_SHIPSTATION)


@pytest.mark.parametrize(
    ("field", "theirs", "change"),
    [
        ("customerNotes", "Leave at the door", {"note": "Ring twice"}),
        (
            "requestedShippingService",
            "Express",
            {"shippingLines": {"nodes": [{"title": "Courier", "code": None, "isRemoved": False}]}},
        ),
        ("customerEmail", "a@example.com", {"email": "b@example.com"}),
        ("billTo", {"name": "Other"}, {"billingAddress": address(name="Third")}),
        ("internalNotes", "VIP", {"customAttributes": [{"key": "door", "value": "4"}]}),
    ],
)
def test_every_field_that_people_edit_can_be_contested(field: str, theirs: Any, change: dict[str, Any]) -> None:
    one = known()
    plan = planned(order([line(7001, 2)], **({"note": "Ring"} | change)), [one], shown(one, **{field: theirs}))
    assert [conflict.field for conflict in plan.conflicts] == [field]


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    one = known()
    plan = planned(order([line(7001, 2)], note="ring twice"), [one], shown(one, customerNotes="Ring twice "))
    assert (plan.cause, plan.conflicts) == (Cause.IN_SHIPSTATION, ())


def test_blanks_and_members_that_the_vendor_adds_are_no_change() -> None:
    one = known()
    ship_to = {**(one.applied or {})["shipTo"], "company": "", "street2": "", "residential": False}
    plan = planned(MOVED, [one], shown(one, shipTo=ship_to, internalNotes=""))
    assert (plan.cause, plan.conflicts) == (Cause.IN_SHIPSTATION, ())


def test_units_that_both_sides_changed_are_left_to_a_person_who_can_only_take_shopifys() -> None:
    one = known()
    fewer = order([line(7001, 1)], note="Ring twice")
    truth = shown(one, items=[{"lineItemKey": "5001:7001", "quantity": 3}])
    plan = planned(fewer, [one], truth)
    assert (plan.cause, only(plan).fields, "units changed" in plan.detail) == (
        Cause.CHANGED_ON_BOTH_SIDES,
        ("customerNotes",),
        True,
    )
    assert units_of(only(plan).document) == {7001: 3}
    assert planned(fewer, [one], truth, "shipstation").cause is Cause.CHANGED_ON_BOTH_SIDES
    taken = planned(fewer, [one], truth, "shopify")
    assert (taken.cause, units_of(only(taken).document)) == (Cause.IN_SHIPSTATION, {7001: 1})


@pytest.mark.parametrize("held", [0, 1, None])
def test_of_orders_that_changed_places_none_gives_goods_away_that_the_warehouse_holds(held: int | None) -> None:
    """Whichever of them is held: its goods would leave the other one without the hold."""
    lines = [line(7001, 1), line(7002, 1)]
    before = order(lines, [fulfillment_order(9001, {7001: 1}), fulfillment_order(9002, {7002: 1}, THERE)])
    after = order(lines, [fulfillment_order(9003, {7002: 1}), fulfillment_order(9004, {7001: 1}, THERE)])
    placed = [cast(UpsertOrder, step) for step in planned(before, []).steps]
    ours = [
        Consignment(one.order_key, one.location_id, "", one.n, Standing.OPEN, 41 + n, one.applied)
        for n, one in enumerate(placed)
    ]
    truth: Shown = {}
    for n, one in enumerate(ours):
        truth |= shown(one, orderId=41 + n, **({"orderStatus": "on_hold"} if held in {n, None} else {}))
    plan = planned(after, ours, truth)
    assert (plan.cause, plan.steps, plan.look_again_at) == (Cause.CHANGED_ON_BOTH_SIDES, (), None)
    assert [step.kind for step in planned(after, ours, truth, "shopify").steps] == ["cancel_order"]


def test_a_refund_at_one_of_two_places_of_a_line_cancels_what_the_warehouse_holds_there() -> None:
    """The other place is to get nothing of it."""
    before = order([line(7001, 2)], [fulfillment_order(9001, {7001: 1}), fulfillment_order(9002, {7001: 1}, THERE)])
    after = order([line(7001, 2, currentQuantity=1)], [fulfillment_order(9002, {7001: 1}, THERE)])
    step = cast(UpsertOrder, planned(before, []).steps[0])
    other = cast(UpsertOrder, planned(before, []).steps[1])
    ours = [
        Consignment(one.order_key, one.location_id, "", one.n, Standing.OPEN, 41 + n, one.applied)
        for n, one in enumerate([step, other])
    ]
    truth = shown(ours[0], orderStatus="on_hold") | shown(ours[1], orderId=42)
    assert ("cancel_order", step.order_key) in [
        (one.kind, cast(UpsertOrder, one).order_key) for one in planned(after, ours, truth).steps
    ]
