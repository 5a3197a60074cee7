from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.causes import Cause
from mappings.plan_shipments import plan_shipments
from mappings.plans import AdoptFulfillment, Consignment, CreateFulfillment, Package, Plan, Profile, Standing
from mappings.shopify_shapes import OrderShipped
from tests.mappings.builders import (
    HERE,
    NOW,
    PROFILE,
    THERE,
    consignment,
    fulfillment,
    fulfillment_order,
    gid,
    later,
    order_shipped,
    package,
)

SETTLES_S = 90.0
OPEN = fulfillment_order(1, {7: 3, 8: 1})


def planned(
    of: OrderShipped | None, packages: list[Package], consignments: list[Consignment] | None = None, profile: Profile = PROFILE
) -> Plan:
    return plan_shipments(profile, of, packages, NOW, SETTLES_S, consignments or [])


def created(plan: Plan) -> dict[str, dict[str, dict[str, int]]]:
    """Package key -> fulfillment order number -> line place -> units, ids shortened."""
    return {
        step.package_key: {fo.rpartition("/")[2]: {of.rpartition("/")[2]: n for of, n in lines.items()} for fo, lines in step.lines.items()}
        for step in plan.steps
        if isinstance(step, CreateFulfillment)
    }


def test_a_package_becomes_one_fulfillment_with_exact_lines() -> None:
    plan = planned(order_shipped([OPEN]), [package("s1", {7: 2, 8: 1})])
    assert plan == Plan(
        Cause.PARTLY_SHIPPED,
        (
            CreateFulfillment(
                package_key="s1",
                order_gid=gid("Order", 5001),
                lines={gid("FulfillmentOrder", 1): {gid("FulfillmentOrderLineItem", 100): 2, gid("FulfillmentOrderLineItem", 101): 1}},
                tracking_number="TRACK1",
                tracking_company="UPS",
                tracking_url=None,
                notify_customer=True,
            ),
        ),
    )
    silent = planned(order_shipped([OPEN]), [package("s1", {7: 3, 8: 1})], profile=replace(PROFILE, notify_customer=False))
    assert silent.cause is Cause.SHIPPED
    assert [step.notify_customer for step in silent.steps if isinstance(step, CreateFulfillment)] == [False]


MOVED = [fulfillment_order(1, {7: 1}), fulfillment_order(2, {7: 2}, THERE)]


@pytest.mark.parametrize(
    ("fulfillment_orders", "packages", "expected"),
    [
        pytest.param(
            [fulfillment_order(2, {7: 2}), fulfillment_order(1, {7: 1})], [package("s1", {7: 3})],
            {"s1": {"1": {"100": 1}, "2": {"200": 2}}}, id="several fulfillment orders of one place",
        ),
        pytest.param(
            [OPEN], [package("s2", {7: 1}), package("s10", {7: 1}), package("s1", {7: 1})],
            {"s1": {"1": {"100": 1}}, "s2": {"1": {"100": 1}}, "s10": {"1": {"100": 1}}}, id="same number, three packages",
        ),
        pytest.param(MOVED, [package("s1", {7: 1})], {"s1": {"1": {"100": 1}}}, id="the place of its consignment first"),
        pytest.param(MOVED, [package("s1", {7: 2})], {"s1": {"2": {"200": 2}}}, id="moved after the label"),
        pytest.param(
            [fulfillment_order(1, {7: (1, 1)}, status="CLOSED"), fulfillment_order(2, {7: 1})], [package("s1", {7: 1})],
            {"s1": {"2": {"200": 1}}}, id="never from a closed ghost",
        ),
        pytest.param([fulfillment_order(1, {7: 1}, status="IN_PROGRESS")], [package("s1", {7: 1})], {"s1": {"1": {"100": 1}}}, id="partly done"),
        pytest.param([OPEN], [package("s1", {7: 1}, voided=True)], {}, id="voided"),
        pytest.param([OPEN], [package("s1", {7: 1}, fulfillment_gid="f")], {}, id="reported"),
        pytest.param([OPEN], [], {}, id="no package"),
        pytest.param([OPEN], [package("f1", None)], {"f1": {"1": {"100": 3, "101": 1}}}, id="no lines: all of its place"),
        pytest.param(
            [OPEN], [package("f1", None), package("s1", {7: 2})], {"s1": {"1": {"100": 2}}, "f1": {"1": {"100": 1, "101": 1}}},
            id="no lines: what the others leave",
        ),
        pytest.param(
            [fulfillment_order(1, {7: 1}, deliveryMethod={"methodType": "PICK_UP"}), fulfillment_order(2, {7: 1})],
            [package("s1", {7: 1})], {"s1": {"2": {"200": 1}}}, id="pick-up last",
        ),
    ],
)  # fmt: skip
def test_allocation(fulfillment_orders: Any, packages: list[Package], expected: object) -> None:
    plan = planned(order_shipped(fulfillment_orders), packages)
    assert created(plan) == expected
    assert plan.detail == ""


HELD: dict[str, Any] = {"status": "ON_HOLD"}


@pytest.mark.parametrize(
    ("of", "packages", "cause", "detail"),
    [
        pytest.param(None, [package("s1", {7: 1})], Cause.NOT_FOUND, "", id="no such order"),
        pytest.param(
            order_shipped([fulfillment_order(1, {8: 1})]), [package("s1", {7: 4})], Cause.OVERSHIPPED,
            "package s1: line 7: 4 packed, 0 left", id="none of it is left",
        ),
        pytest.param(
            order_shipped([OPEN]), [package("s1", {9: 1})], Cause.OVERSHIPPED, "package s1: line 9: 1 packed, 0 left", id="strange line"
        ),
        pytest.param(
            order_shipped(MOVED), [package("s1", {7: 3})], Cause.EDITED_AFTER_LABEL,
            "package s1: its goods now belong to several locations", id="from two places",
        ),
        pytest.param(
            order_shipped([fulfillment_order(1, {7: 1}, **HELD)]), [package("s1", {7: 1})], Cause.FULFILLMENT_HOLD,
            "package s1: left although Shopify holds its goods", id="held",
        ),
        pytest.param(
            order_shipped([], cancelled=True), [package("s1", {7: 1})], Cause.CANCELLED_AFTER_LABEL,
            "package s1: its label is not voided", id="cancelled",
        ),
        pytest.param(
            order_shipped([OPEN]), [package("f1", None), package("f2", None, tracking_number="T2")], Cause.LINES_UNKNOWN,
            "package f1: lines unknown; package f2: lines unknown", id="two without lines",
        ),
        pytest.param(
            order_shipped([OPEN]), [package("s1", None, order_key=None)], Cause.LINES_UNKNOWN, "package s1: lines unknown", id="no key"
        ),
        pytest.param(order_shipped([]), [package("f1", None)], Cause.LINES_UNKNOWN, "package f1: lines unknown", id="nothing left"),
    ],
)  # fmt: skip
def test_nothing_is_written_when_it_does_not_fit(of: OrderShipped | None, packages: list[Package], cause: Cause, detail: str) -> None:
    assert planned(of, packages) == Plan(cause, (), detail)


def test_one_misfit_does_not_hold_up_the_other_package() -> None:
    plan = planned(order_shipped([OPEN]), [package("s1", {7: 4}), package("s2", {7: 3})])
    assert plan.cause is Cause.OVERSHIPPED
    assert list(created(plan)) == ["s2"]


@pytest.mark.parametrize(
    ("there", "parcel", "adopted"),
    [
        pytest.param(fulfillment(1, {7: 1}), package("s1", {7: 1}), True, id="same number and lines"),
        pytest.param(fulfillment(1, {7: 2}), package("s1", {7: 1}), False, id="other lines"),
        pytest.param(fulfillment(1, {7: 1}, "OTHER"), package("s1", {7: 1}), False, id="other number"),
        pytest.param(fulfillment(1, {7: 1}, status="CANCELLED"), package("s1", {7: 1}), False, id="cancelled"),
        pytest.param(fulfillment(1, {7: 3}), package("f1", None), True, id="no lines: the number will do"),
        pytest.param(fulfillment(1, {7: 1}, None), package("s1", {7: 1}, tracking_number=None), False, id="no number, not tried yet"),
        pytest.param(
            fulfillment(1, {7: 1}, None), package("s1", {7: 1}, tracking_number=None, intended_at=later(-10)), True,
            id="no number, after our try",
        ),
        pytest.param(
            fulfillment(1, {7: 1}, None, created=later(-9999)), package("s1", {7: 1}, tracking_number=None, intended_at=later(-300)),
            False, id="no number, older than our try",
        ),
    ],
)  # fmt: skip
def test_what_is_there_already_is_adopted(there: Any, parcel: Package, adopted: bool) -> None:
    plan = planned(order_shipped([OPEN], [there]), [parcel])
    assert [isinstance(step, AdoptFulfillment) for step in plan.steps] == [adopted]


def test_a_fulfillment_is_adopted_by_one_package_only() -> None:
    twins = [package("s1", {7: 1}), package("s2", {7: 1})]
    plan = planned(order_shipped([OPEN], [fulfillment(1, {7: 1})]), twins)
    assert [step.kind for step in plan.steps] == ["adopt_fulfillment", "create_fulfillment"]
    owned = [replace(twins[0], fulfillment_gid=gid("Fulfillment", 1)), twins[1]]
    assert list(created(planned(order_shipped([OPEN], [fulfillment(1, {7: 1})]), owned))) == ["s2"]


def test_a_write_without_an_answer_is_given_time_and_keeps_its_units() -> None:
    tried = package("s1", {7: 3}, intended_at=later(-30))
    plan = planned(order_shipped([OPEN]), [tried, package("s2", {7: 1})])
    assert (plan.steps, plan.look_again_at) == ((), later(60))
    assert plan.cause is Cause.OVERSHIPPED
    settled = planned(order_shipped([OPEN]), [replace(tried, intended_at=later(-90))])
    assert list(created(settled)) == ["s1"]


def test_no_lines_and_a_second_consignment_of_the_place() -> None:
    both = [consignment({7: 1, 8: 1}, Standing.SHIPPED), consignment({7: 2}, n=2)]
    plan = planned(order_shipped([OPEN]), [package("f1", None)], both)
    assert created(plan) == {"f1": {"1": {"100": 1, "101": 1}}}
    forgotten = [replace(both[0], applied=None), both[1]]
    assert planned(order_shipped([OPEN]), [package("f1", None)], forgotten).cause is Cause.LINES_UNKNOWN


def test_no_lines_and_a_sibling_with_lines_of_the_same_consignment() -> None:
    known = [consignment({7: 3}, Standing.SHIPPED)]
    reported = package("s1", {7: 1}, fulfillment_gid="f")
    rest = fulfillment_order(1, {7: (2, 3)}, HERE, status="IN_PROGRESS")
    assert created(planned(order_shipped([rest]), [reported, package("f1", None)], known)) == {"f1": {"1": {"100": 2}}}


def test_no_number_no_company() -> None:
    [step] = planned(order_shipped([OPEN]), [package("s1", {7: 1}, tracking_number=None)]).steps
    assert isinstance(step, CreateFulfillment)
    assert (step.tracking_number, step.tracking_company, step.tracking_url) == (None, None, None)
