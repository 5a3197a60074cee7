"""Labels that were voided while a call about them had no answer: what it may still do keeps packages of the same goods back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.plans import Package
from tests.mappings.builders import consignment, fulfillment, fulfillment_order, later, order_shipped, package
from tests.mappings.test_plan_shipments import CLOSED, F1, HAND, NEW, TOLD, VOIDED, planned, steps

IN_DOUBT = package("s1", {7: 1}, tracking_number="LATE", voided=True, voided_at=later(-5), intended_at=later(-30))
NEXT = package("s2", {7: 1}, tracking_number="NEW")
SETTLED = later(-90)


def test_a_late_change_of_tracking_keeps_its_fulfillment_from_a_third_label() -> None:
    """Its number would be written over that of the third."""
    second = replace(IN_DOUBT, package_key="s2", lines=VOIDED.lines)
    third, shown = replace(NEW, package_key="s3"), order_shipped([CLOSED], [TOLD])
    plan = planned(shown, [VOIDED, second, third])
    assert (steps(plan), plan.look_again_at) == ([], later(60))
    settled = planned(shown, [VOIDED, replace(second, intended_at=SETTLED), third])
    assert steps(settled) == [("update_tracking", "s3")]


@pytest.mark.parametrize(
    ("voided", "expected"),
    [
        pytest.param(IN_DOUBT, [], id="the same goods"),
        pytest.param(replace(IN_DOUBT, lines={7: 2, 8: 1}), [], id="some of them"),
        pytest.param(replace(IN_DOUBT, lines=None), [], id="nobody knows which goods"),
        pytest.param(replace(IN_DOUBT, lines={8: 1}), [("create_fulfillment", "s2")], id="other goods"),
        pytest.param(replace(IN_DOUBT, intended_at=SETTLED), [("create_fulfillment", "s2")], id="the doubt is over"),
    ],
)
def test_a_late_fulfillment_keeps_its_goods_from_the_next_label(voided: Package, expected: object) -> None:
    """Where as many more are open Shopify takes both, each with a mail about the same parcel."""
    plan = planned(order_shipped([fulfillment_order(1, {7: 3, 8: 1})]), [voided, NEXT])
    assert steps(plan) == expected


def test_what_is_marked_as_shipped_waits_for_goods_that_are_being_taken_back() -> None:
    """It holds all that is left: without them they would stay open in Shopify for good."""
    voided = package("s1", {7: 1}, voided=True, voided_at=later(-999), fulfillment_gid=F1, intended_at=later(-30))
    shown = order_shipped([fulfillment_order(1, {7: (2, 3)})], [fulfillment(1, {7: 1})])
    plan = planned(shown, [voided, HAND], [consignment({7: 3})])
    assert (steps(plan), plan.look_again_at) == ([], later(60))
    elsewhere = replace(voided, order_key=None)
    assert steps(planned(shown, [elsewhere, HAND], [consignment({7: 2})])) == [("create_fulfillment", "f2")]
