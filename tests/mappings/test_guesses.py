"""A part that was split off by hand left: of which of two orders it was, its parcel does not tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mappings.causes import Cause
from mappings.keys import order_key
from mappings.packed import units_of
from mappings.plan_orders import needs_shipstation_truth, plan_order
from mappings.plans import Consignment, Package, Plan, Standing, UpsertOrder
from mappings.shipstation_shapes import Order
from tests.mappings.builders import HERE, NOW, ORDER_ID, PROFILE, THERE, fulfillment_order, line, order, package

HERE_KEY = order_key("main", ORDER_ID, HERE, 1)
THERE_KEY = order_key("main", ORDER_ID, THERE, 1)
BOTH_PLACES = [
    fulfillment_order(9001, {7001: 1}),
    fulfillment_order(9002, {7001: 1}, THERE),
]
AFTER = order(
    [line(7001, 2)],
    [
        fulfillment_order(9001, {7001: (0, 1)}, status="CLOSED"),
        fulfillment_order(9002, {7001: 1}, THERE),
    ],
)
BEFORE = order([line(7001, 2)], BOTH_PLACES)
PART = package("s9", {7001: 1}, order_key=None, fulfillment_gid="gid://shopify/Fulfillment/1")


def sent() -> list[Consignment]:
    """One unit at each place; the warehouse cancelled the second order by now."""
    plan = plan_order(PROFILE, order([line(7001, 2)], BOTH_PLACES), [], [], {}, NOW)
    steps = [step for step in plan.steps if isinstance(step, UpsertOrder)]
    here, there = (
        Consignment(step.order_key, step.location_id, "", 1, Standing.OPEN, number, step.applied)
        for number, step in enumerate(sorted(steps, key=lambda step: step.location_id), 41)
    )
    return [here, replace(there, standing=Standing.CANCELLED)]


def placed(plan: Plan) -> dict[str, dict[int, int]]:
    return {step.order_key: dict(units_of(step.document)) for step in plan.steps if isinstance(step, UpsertOrder)}


def shown(one: Consignment, **rest: Any) -> Order:
    assert one.applied
    return {**one.applied, "orderId": one.shipstation_order_id, **rest}  # type: ignore[typeddict-item]


def looked(here: dict[str, Any], there: dict[str, Any], packages: Sequence[Package] = (PART,)) -> Plan:
    """`there`: what the parts of the cancelled order hold."""
    one, other = sent()
    observed = {HERE_KEY: shown(one, **here), THERE_KEY: shown(other, orderStatus="cancelled", **there)}
    return plan_order(PROFILE, AFTER if packages else BEFORE, [one, other], packages, observed, NOW)


def test_shipstation_is_asked_before_such_a_line_is_placed_anew() -> None:
    assert needs_shipstation_truth(PROFILE, AFTER, sent(), [PART], NOW) == (HERE_KEY, THERE_KEY)
    unread = plan_order(PROFILE, AFTER, sent(), [PART], {}, NOW)
    assert (placed(unread), unread.cause) == ({}, Cause.UNREADABLE)


def test_what_still_lies_in_the_other_order_is_taken_back_before_it_is_placed_anew() -> None:
    """Nobody split it, so that the part was the cancelled order's: this one holds the unit that Shopify wants elsewhere."""
    steps = [step for step in looked({}, {}).steps if isinstance(step, UpsertOrder)]
    assert [(step.kind, step.order_key) for step in steps] == [("cancel_order", HERE_KEY)]


@pytest.mark.parametrize(
    ("here", "cause"),
    [
        ({"orderStatus": "shipped"}, Cause.EDITED_AFTER_LABEL),
        ({"advancedOptions": {"mergedOrSplit": True}}, Cause.CHANGED_ON_BOTH_SIDES),
    ],
    ids=["it left", "split as well"],
)
def test_what_cannot_be_taken_back_is_not_placed_again(here: dict[str, Any], cause: Cause) -> None:
    plan = looked(here, {})
    assert (placed(plan), plan.cause) == ({}, cause)


def test_what_was_taken_out_of_the_other_order_is_placed_anew() -> None:
    assert placed(looked({"items": []}, {})) == {order_key("main", ORDER_ID, THERE, 2): {7001: 1}}


def test_what_lives_on_in_a_part_of_a_cancelled_order_is_not_placed_again() -> None:
    plan = looked({}, {}, packages=())
    assert (placed(plan), plan.cause) == ({}, Cause.CHANGED_ON_BOTH_SIDES)
    assert placed(looked({}, {"items": []}, packages=())) == {order_key("main", ORDER_ID, THERE, 2): {7001: 1}}


def test_what_we_cancelled_ourselves_goes_out_under_a_new_key_without_looking() -> None:
    one, other = sent()
    ours = replace(other, applied=shown(other, orderStatus="cancelled"))
    assert needs_shipstation_truth(PROFILE, BEFORE, [one, ours], [], NOW) == ()
    plan = plan_order(PROFILE, BEFORE, [one, ours], [], {}, NOW)
    assert placed(plan) == {order_key("main", ORDER_ID, THERE, 2): {7001: 1}}


def test_of_what_left_before_it_was_known_again_shipstation_is_asked_before_more_is_placed() -> None:
    """Read while open after a lost database, and labelled in part before the first plan."""
    known, _ = sent()
    left = replace(known, standing=Standing.SHIPPED, applied=None)
    both = order([line(7001, 2)], [fulfillment_order(9001, {7001: (1, 2)})])
    parcel = package("s9", {7001: 1}, order_key=HERE_KEY, fulfillment_gid="gid://shopify/Fulfillment/1")
    assert needs_shipstation_truth(PROFILE, both, [left], [parcel], NOW) == (HERE_KEY,)
    unread = plan_order(PROFILE, both, [left], [parcel], {}, NOW)
    assert (placed(unread), unread.cause) == ({}, Cause.UNREADABLE)
    for held, anew in ((2, {}), (1, {order_key("main", ORDER_ID, HERE, 2): {7001: 1}})):
        there = shown(known, orderStatus="shipped", items=[{"lineItemKey": f"{ORDER_ID}:7001", "quantity": held}])
        assert placed(plan_order(PROFILE, both, [left], [parcel], {HERE_KEY: there}, NOW)) == anew


@pytest.mark.parametrize(
    ("elsewhere", "anew"), [(1, {}), (0, {THERE_KEY: {7001: 1}})], ids=["merged into it", "no goods of ours in it"]
)
def test_what_lies_in_an_order_of_another_location_after_a_lost_database_is_not_placed_again(
    elsewhere: int, anew: dict[str, dict[int, int]]
) -> None:
    """Into which location's order it was merged is all that is known of where it was."""
    known, _ = sent()
    absorbed = replace(known, applied=None)
    there = order([line(7001, 1)], [fulfillment_order(9002, {7001: 1}, THERE)])
    assert needs_shipstation_truth(PROFILE, there, [absorbed], [], NOW) == (HERE_KEY,)
    assert placed(plan_order(PROFILE, there, [absorbed], [], {}, NOW)) == {}
    goods = [{"lineItemKey": f"{ORDER_ID}:7001", "quantity": elsewhere}, {"lineItemKey": "1:2", "quantity": 5}]
    survivor = shown(known, orderKey="main-1-2-1", items=goods, advancedOptions={"mergedOrSplit": True})
    plan = plan_order(PROFILE, there, [absorbed], [], {HERE_KEY: survivor}, NOW)
    assert (placed(plan), plan.cause) == (anew, Cause.CHANGED_ON_BOTH_SIDES)


def test_what_was_cancelled_and_placed_anew_since_a_copy_was_made_stays_where_it_is() -> None:
    """The copy of the database knows the first order as open, and nothing of the second."""
    first = sent()[0]
    second_key = order_key("main", ORDER_ID, HERE, 2)
    second = replace(first, order_key=second_key, n=2, shipstation_order_id=51, applied=None)
    whole = order([line(7001, 1)], [fulfillment_order(9001, {7001: 1})])
    assert set(needs_shipstation_truth(PROFILE, whole, [first, second], [], NOW)) == {HERE_KEY, second_key}
    observed = {
        HERE_KEY: shown(first, orderStatus="cancelled", items=[]),
        second_key: shown(replace(first, shipstation_order_id=51), orderKey=second_key),
    }
    plan = plan_order(PROFILE, whole, [first, second], [], observed, NOW)
    assert (placed(plan), plan.cause) == ({}, Cause.IN_SHIPSTATION)
