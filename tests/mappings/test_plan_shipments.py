from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mappings.causes import Cause
from mappings.plan_shipments import HELD_LOOK_S, plan_shipments
from mappings.plans import (
    AdoptFulfillment,
    CancelFulfillment,
    Consignment,
    CreateFulfillment,
    FulfillmentStep,
    Package,
    Plan,
    Profile,
    Standing,
    UpdateTracking,
    VoidLabel,
)
from mappings.shopify_shapes import OrderShipped
from mappings.voided import LOOK_SOON_S
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
    of: OrderShipped | None,
    packages: list[Package],
    consignments: list[Consignment] | None = None,
    profile: Profile = PROFILE,
    labels_read_at: datetime | None = None,
    trouble: str = "",
) -> Plan:
    return plan_shipments(profile, of, packages, NOW, SETTLES_S, consignments or [], labels_read_at, trouble)


def created(plan: Plan) -> dict[str, dict[str, dict[str, int]]]:
    """Package key -> fulfillment order number -> line place -> units, ids shortened."""
    return {
        step.package_key: {
            fo.rpartition("/")[2]: {of.rpartition("/")[2]: n for of, n in lines.items()}
            for fo, lines in step.lines.items()
        }
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
                lines={
                    gid("FulfillmentOrder", 1): {
                        gid("FulfillmentOrderLineItem", 100): 2,
                        gid("FulfillmentOrderLineItem", 101): 1,
                    }
                },
                tracking_number="TRACK1",
                tracking_company="UPS",
                tracking_url=None,
                notify_customer=True,
            ),
        ),
    )
    silent = planned(
        order_shipped([OPEN]), [package("s1", {7: 3, 8: 1})], profile=replace(PROFILE, notify_customer="never")
    )
    assert silent.cause is Cause.SHIPPED
    assert [step.notify_customer for step in silent.steps if isinstance(step, CreateFulfillment)] == [False]


@pytest.mark.parametrize(("package_key", "mails_now"), [("s1", False), ("f1", True)])
def test_a_mail_at_the_first_scan_waits_for_it_only_where_there_is_a_label(package_key: str, mails_now: bool) -> None:
    at_scan = replace(PROFILE, notify_customer="scan")
    [step] = planned(order_shipped([OPEN]), [package(package_key, {7: 3, 8: 1})], profile=at_scan).steps
    assert isinstance(step, CreateFulfillment)
    assert step.notify_customer is mails_now


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
def test_nothing_is_written_when_it_does_not_fit(
    of: OrderShipped | None, packages: list[Package], cause: Cause, detail: str
) -> None:
    assert planned(of, packages, trouble=detail) == Plan(cause, (), detail)


def test_what_does_not_fit_is_looked_at_once_more() -> None:
    """One answer may lack a row, and nobody would ask again."""
    plan = planned(order_shipped([OPEN]), [package("s1", {9: 1})])
    assert (plan.cause, plan.look_again_at) == (Cause.OVERSHIPPED, NOW + timedelta(seconds=LOOK_SOON_S))


def test_one_look_that_shows_nothing_of_a_doubtful_call_does_not_end_the_doubt_about_it() -> None:
    """Where a person would be told: the answer may lack the fulfillment, which without a number is known by our intent alone."""
    tried = package("s1", {7: 3}, tracking_number=None, intended_at=later(-90))
    gone = order_shipped([fulfillment_order(1, {7: 0})])
    detail = "package s1: line 7: 3 packed, 0 left"
    assert planned(gone, [tried]).resolved == ()
    assert planned(gone, [tried], trouble=detail).resolved == ("s1",)


def test_what_left_although_its_goods_are_held_is_looked_at_again() -> None:
    """The end of all holds is seen by the orders flow; that of one of several is not."""
    detail = "package s1: left although Shopify holds its goods"
    plan = planned(order_shipped([fulfillment_order(1, {7: 1}, **HELD)]), [package("s1", {7: 1})], trouble=detail)
    assert plan == Plan(Cause.FULFILLMENT_HOLD, (), detail, NOW + timedelta(seconds=HELD_LOOK_S))


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
    plan = planned(
        order_shipped([OPEN]), [tried, package("s2", {7: 1})], trouble="package s2: line 7: 1 packed, 0 left"
    )
    assert (plan.steps, plan.look_again_at) == ((), later(60))
    assert plan.cause is Cause.OVERSHIPPED
    settled = planned(order_shipped([OPEN]), [replace(tried, intended_at=later(-90))])
    assert list(created(settled)) == ["s1"]


def test_no_lines_and_goods_that_are_held_since_they_left() -> None:
    """Told without them, the package would count as told, and they would stay open in Shopify once the hold is over."""
    both = [fulfillment_order(1, {7: 1}), fulfillment_order(2, {8: 1}, **HELD)]
    sent = [consignment({7: 1, 8: 1}, Standing.SHIPPED)]
    plan = planned(order_shipped(both), [package("f1", None)], sent)
    assert (created(plan), plan.cause) == ({}, Cause.FULFILLMENT_HOLD)
    apart = planned(order_shipped(both), [package("f1", None)], [consignment({7: 1}, Standing.SHIPPED)])
    assert created(apart) == {"f1": {"1": {"100": 1}}}


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


F1, F2 = gid("Fulfillment", 1), gid("Fulfillment", 2)
CLOSED = fulfillment_order(1, {7: (0, 3)}, status="CLOSED")
VOIDED = package("s1", {7: 3}, voided=True, voided_at=later(-60), fulfillment_gid=F1)
TOLD = fulfillment(1, {7: 3})
NEW = package("s2", {7: 3}, tracking_number="NEW")
HAND = package("f2", None, tracking_number="HAND")


def steps(plan: Plan) -> list[tuple[str, str]]:
    return [(step.kind, step.package_key) for step in plan.steps if isinstance(step, FulfillmentStep | VoidLabel)]


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param([VOIDED, NEW], [("update_tracking", "s2")], id="the same goods"),
        pytest.param([VOIDED, replace(NEW, order_key=None)], [("update_tracking", "s2")], id="from a part split off"),
        pytest.param([VOIDED, replace(NEW, lines={7: 2})], [("cancel_fulfillment", "s1")], id="a part of them"),
        pytest.param([VOIDED, replace(NEW, lines=None)], [], id="nobody knows what is in the new package"),
        pytest.param([VOIDED, replace(NEW, intended_at=later(-30))], [], id="the new one is in doubt"),
        pytest.param([replace(VOIDED, intended_at=later(-30)), NEW], [], id="the cancellation is in doubt"),
        pytest.param(
            [replace(VOIDED, intended_at=later(-90)), NEW], [("update_tracking", "s2")], id="the doubt is over"
        ),
        pytest.param(
            [VOIDED, replace(NEW, tracking_number="TRACK1")], [("adopt_fulfillment", "s2")], id="done already"
        ),
        pytest.param([VOIDED, package("s2", {7: 3}, location=THERE, tracking_number="NEW")], [], id="another place"),
        pytest.param([VOIDED], [], id="given time"),
    ],
)
def test_what_becomes_of_the_fulfillment_of_a_voided_label(packages: list[Package], expected: object) -> None:
    assert steps(planned(order_shipped([CLOSED], [TOLD]), packages, labels_read_at=later(0))) == expected


def test_a_new_label_mails_only_where_the_merchant_wants_it() -> None:
    for wants in (False, True):
        plan = planned(
            order_shipped([CLOSED], [TOLD]), [VOIDED, NEW], profile=replace(PROFILE, notify_on_relabel=wants)
        )
        [step] = plan.steps
        assert isinstance(step, UpdateTracking)
        assert (step.fulfillment_gid, step.instead_of, step.tracking_number) == (F1, "s1", "NEW")
        assert step.notify_customer is wants


@pytest.mark.parametrize("mailed", [False, True])
def test_what_was_told_in_silence_until_its_scan_and_is_then_marked_as_shipped_is_mailed_about_once(
    mailed: bool,
) -> None:
    packages, at_scan = [replace(VOIDED, mailed=mailed), HAND], replace(PROFILE, notify_customer="scan")
    [step] = planned(order_shipped([CLOSED], [TOLD]), packages, [consignment({7: 3})], at_scan).steps
    assert isinstance(step, UpdateTracking)
    assert step.notify_customer is not mailed


@pytest.mark.parametrize(
    ("voided_at", "labels_read_at", "standing", "cancels", "look_again_at"),
    [
        pytest.param(later(-60), later(0), Standing.OPEN, False, later(840), id="within the grace"),
        pytest.param(later(-901), None, Standing.OPEN, False, later(60), id="over, and labels never read"),
        pytest.param(
            later(-901), later(-2), Standing.OPEN, False, later(60), id="over, and labels read before its end"
        ),
        pytest.param(later(-901), later(-1), Standing.OPEN, True, later(1), id="over, and labels read since"),
        pytest.param(later(-60), None, Standing.CANCELLED, True, later(1), id="cancelled in ShipStation"),
    ],
)
def test_a_voided_label_without_a_new_one_is_taken_back_in_time(
    voided_at: datetime, labels_read_at: datetime | None, standing: Standing, cancels: bool, look_again_at: datetime
) -> None:
    voided, known = replace(VOIDED, voided_at=voided_at), [consignment({7: 3}, standing)]
    plan = planned(order_shipped([CLOSED], [TOLD]), [voided], known, labels_read_at=labels_read_at)
    assert plan.steps == ((CancelFulfillment("s1", F1),) if cancels else ())
    assert plan.look_again_at == look_again_at
    done = planned(order_shipped([CLOSED], [fulfillment(1, {7: 3}, status="CANCELLED")]), [voided], known)
    assert (done.steps, done.look_again_at) == ((), None)


def test_a_voided_label_is_looked_at_again_after_the_doubt_about_another_package_that_kept_it() -> None:
    """The other one is adopted, which by itself is no reason to look again."""
    old = replace(VOIDED, lines={7: 1}, voided_at=later(-999))
    new = replace(NEW, lines={7: 2}, intended_at=later(-10))
    there = [fulfillment(1, {7: 1}), fulfillment(2, {7: 2}, "NEW")]
    plan = planned(order_shipped([CLOSED], there), [old, new], labels_read_at=later(0))
    assert (steps(plan), plan.look_again_at) == ([("adopt_fulfillment", "s2")], later(80))


def test_a_fulfillment_of_a_voided_label_that_an_answer_lacks_is_looked_for_again() -> None:
    """One row that is missing once must not leave it standing for good."""
    lacking = planned(order_shipped([CLOSED]), [VOIDED])
    assert (lacking.steps, lacking.look_again_at) == ((), later(60))
    others = [fulfillment(number, {8: 1}, "OTHER") for number in range(2, 102)]
    assert planned(order_shipped([CLOSED], others), [VOIDED]).look_again_at is None


def test_a_label_voided_in_doubt_is_looked_for_before_it_is_forgotten() -> None:
    tried = replace(VOIDED, fulfillment_gid=None, intended_at=later(-30))
    assert planned(order_shipped([OPEN]), [tried]).look_again_at == later(60)
    assert planned(order_shipped([CLOSED], [TOLD]), [tried]).steps == (AdoptFulfillment("s1", F1),)
    forgotten = planned(order_shipped([OPEN]), [replace(tried, intended_at=later(-90))])
    assert (forgotten.steps, forgotten.resolved, forgotten.look_again_at) == ((), ("s1",), None)


@pytest.mark.parametrize("left", [0, 3], ids=["all of it", "with as many left"])
def test_a_new_label_takes_over_what_a_lost_answer_had_told_of_the_voided_one(left: int) -> None:
    """Else it is told beside it, with a mail, or passes for too much where nothing is left."""
    tried, shown = replace(VOIDED, fulfillment_gid=None, intended_at=later(-90)), fulfillment_order(1, {7: (left, 6)})
    found = planned(order_shipped([shown], [TOLD]), [tried, NEW], labels_read_at=later(0))
    assert steps(found) == [("adopt_fulfillment", "s1"), ("update_tracking", "s2")]
    assert found.cause in (Cause.SHIPPED, Cause.PARTLY_SHIPPED)
    alone = planned(order_shipped([shown], [TOLD]), [tried], labels_read_at=later(0))
    assert steps(alone) == [("adopt_fulfillment", "s1")]


def test_an_overpacked_box_is_told_in_part_and_the_rest_once_it_fits() -> None:
    box = package("s1", {7: 4})
    once = planned(order_shipped([OPEN]), [box])
    assert (once.steps, once.cause, once.look_again_at) == ((), Cause.OVERSHIPPED, later(1))
    [part] = planned(order_shipped([OPEN]), [box], trouble=once.detail).steps
    assert isinstance(part, CreateFulfillment)
    assert (part.told, part.notify_customer) == ({7: 3}, True)
    known = replace(box, fulfillment_gid=F1, told={7: 3})
    waits = planned(order_shipped([CLOSED], [TOLD]), [known])
    assert (waits.steps, waits.cause) == ((), Cause.OVERSHIPPED)
    [rest] = planned(order_shipped([CLOSED, fulfillment_order(2, {7: 1})], [TOLD]), [known]).steps
    assert isinstance(rest, CreateFulfillment)
    assert (rest.lines, rest.told, rest.notify_customer) == (
        {gid("FulfillmentOrder", 2): {gid("FulfillmentOrderLineItem", 200): 1}}, None, False,
    )  # fmt: skip
    both = [TOLD, fulfillment(2, {7: 1})]
    void = replace(known, fulfillment_gid=F2, told=None, voided=True, voided_at=later(-999))
    taken_back = planned(order_shipped([CLOSED], both), [void], labels_read_at=NOW)
    assert [step.fulfillment_gid for step in taken_back.steps if isinstance(step, CancelFulfillment)] == [F1, F2]
