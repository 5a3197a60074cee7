from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mappings.causes import Cause
from mappings.eligibility import bar, barrier, routing
from mappings.plans import FACTS, FraudGate, Profile
from tests.mappings.builders import HERE, NOW, PROFILE, THERE, fulfillment_order, later, line, money, order

PENDING_RISK = {"recommendation": "NONE", "assessments": [{"riskLevel": "LOW"}, {"riskLevel": "PENDING"}]}
START = replace(PROFILE, start_at=datetime(2026, 11, 20, 12, tzinfo=UTC))


def risk(recommendation: str) -> dict[str, Any]:
    return {"recommendation": recommendation, "assessments": [{"riskLevel": "HIGH"}]}


def fraud(**gate: Any) -> Profile:
    return replace(PROFILE, fraud=FraudGate(**gate))


PREORDER = {
    "processedAt": "2026-09-01T00:00:00Z",
    "fulfillmentOrders": {"nodes": [fulfillment_order(1, fulfillAt="2026-11-20T00:00:00Z")]},
}


@pytest.mark.parametrize(
    ("facts", "profile", "cause"),
    [
        pytest.param({}, PROFILE, None, id="paid"),
        pytest.param({"displayFinancialStatus": "PARTIALLY_REFUNDED"}, PROFILE, None, id="partially refunded ships"),
        pytest.param({"displayFinancialStatus": "PENDING"}, PROFILE, Cause.UNPAID, id="pending"),
        pytest.param({"displayFinancialStatus": "AUTHORIZED"}, PROFILE, Cause.AUTHORIZED_ONLY, id="authorized"),
        pytest.param(
            {"displayFinancialStatus": "AUTHORIZED"}, replace(PROFILE, ship_authorized=True), None, id="late capture"
        ),
        pytest.param({"displayFinancialStatus": "PARTIALLY_PAID"}, PROFILE, Cause.PARTLY_PAID, id="partly paid"),
        pytest.param({"displayFinancialStatus": "REFUNDED"}, PROFILE, Cause.REFUNDED, id="refunded"),
        pytest.param({"displayFinancialStatus": "VOIDED"}, PROFILE, Cause.UNPAID, id="voided"),
        pytest.param({"displayFinancialStatus": "EXPIRED"}, PROFILE, Cause.UNPAID, id="expired"),
        pytest.param({"displayFinancialStatus": None}, PROFILE, Cause.UNPAID, id="no status"),
        pytest.param({"displayFinancialStatus": "NEW_WORD"}, PROFILE, Cause.UNPAID, id="unknown status"),
        pytest.param(
            {"cancelledAt": "2026-11-20T17:20:00Z", "test": True}, PROFILE, Cause.CANCELLED, id="cancelled first"
        ),
        pytest.param({"test": True}, PROFILE, Cause.TEST_ORDER, id="test"),
        pytest.param({"test": True}, replace(PROFILE, ship_test_orders=True), None, id="test orders wanted"),
        pytest.param({"processedAt": "2026-11-20T11:59:59Z"}, START, Cause.BEFORE_START, id="history imported later"),
        pytest.param({"createdAt": "2026-11-19T00:00:00Z"}, START, Cause.BEFORE_START, id="made before the start"),
        pytest.param({"processedAt": "2026-11-20T12:00:00Z"}, START, None, id="at the start"),
        pytest.param({"risk": risk("CANCEL")}, PROFILE, Cause.FRAUD_REVIEW, id="risk says cancel"),
        pytest.param({"risk": risk("INVESTIGATE")}, PROFILE, None, id="risk says investigate"),
        pytest.param(
            {"risk": risk("INVESTIGATE")}, fraud(hold_on="investigate"), Cause.FRAUD_REVIEW, id="investigate holds"
        ),
        pytest.param(
            {"risk": risk("ACCEPT")}, fraud(hold_on="investigate"), None, id="accepted in spite of a high level"
        ),
        pytest.param({"risk": risk("NONE")}, PROFILE, Cause.FRAUD_REVIEW, id="no recommendation, a high level"),
        pytest.param({"risk": risk("CANCEL")}, fraud(hold_on="never"), None, id="never held"),
        pytest.param({"risk": PENDING_RISK}, PROFILE, Cause.RISK_PENDING, id="risk pending"),
        pytest.param({"risk": PENDING_RISK}, fraud(wait_s=45 * 60), None, id="risk pending for too long"),
        pytest.param({"risk": PENDING_RISK}, fraud(hold_on="never"), None, id="risk pending, not asked for"),
        pytest.param(
            {"displayFinancialStatus": "PENDING"}, replace(PROFILE, ship_pending=True), None, id="payment terms"
        ),
        pytest.param(
            {"displayFinancialStatus": "EXPIRED"}, replace(PROFILE, ship_pending=True), Cause.UNPAID, id="expired terms"
        ),
        pytest.param(
            {"displayFinancialStatus": "PARTIALLY_PAID"},
            replace(PROFILE, ship_partly_paid=True),
            None,
            id="a deposit will do",
        ),
        pytest.param({"currentTotalPriceSet": money("0.00")}, PROFILE, None, id="free"),
        pytest.param(
            {"currentTotalPriceSet": money("0.00")},
            replace(PROFILE, ship_zero_value=False),
            Cause.ZERO_VALUE,
            id="free, unwanted",
        ),
        pytest.param(
            {"processedAt": "2026-11-13T17:59:59Z"}, replace(PROFILE, oldest_days=7), Cause.TOO_OLD, id="too old"
        ),
        pytest.param(
            {"processedAt": "2026-11-13T18:00:00Z"}, replace(PROFILE, oldest_days=7), None, id="just young enough"
        ),
        pytest.param(PREORDER, replace(PROFILE, oldest_days=7), None, id="a pre-order on its day"),
        pytest.param({}, replace(PROFILE, grace_s=45 * 60 + 1), Cause.GRACE_PERIOD, id="in the grace period"),
        pytest.param({}, replace(PROFILE, grace_s=45 * 60), None, id="grace period just over"),
        pytest.param({"processedAt": "2026-11-21T23:59:59Z"}, PROFILE, None, id="the shop's clock is ahead of ours"),
    ],
)
def test_the_order_as_a_whole(facts: dict[str, Any], profile: Profile, cause: Cause | None) -> None:
    found = barrier(order(**facts), profile, NOW)
    assert (found.cause if found else None) == cause


def test_a_waived_doubt_lets_the_order_go_and_an_unpaid_one_stays() -> None:
    assert barrier(order(risk=risk("CANCEL")), PROFILE, NOW, {Cause.FRAUD_REVIEW}) is None
    assert barrier(order(processedAt="2026-01-01T00:00:00Z"), replace(PROFILE, oldest_days=7), NOW, FACTS) is None
    unpaid = barrier(order(displayFinancialStatus="PENDING"), PROFILE, NOW, FACTS | {Cause.FRAUD_REVIEW})
    assert unpaid
    assert unpaid.cause is Cause.UNPAID


def test_waits_say_when_to_look_again() -> None:
    grace = barrier(order(), replace(PROFILE, grace_s=3600), NOW)
    assert grace
    assert grace.until == later(900)
    pending = barrier(order(risk=PENDING_RISK), PROFILE, NOW)
    assert pending
    assert pending.until == later(15 * 60)  # an hour after it was made, at the latest
    fresh = barrier(order(risk=PENDING_RISK, createdAt=NOW.isoformat()), PROFILE, NOW)
    assert fresh
    assert fresh.until == later(5)


HELD = [{"id": "gid://shopify/FulfillmentHold/1", "reason": "OTHER"}]


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        pytest.param({}, None, id="open"),
        pytest.param({"status": "IN_PROGRESS"}, None, id="in progress"),
        pytest.param({"deliveryMethod": None}, None, id="no delivery method"),
        pytest.param({"deliveryMethod": {"methodType": "NONE"}}, Cause.NOTHING_TO_SHIP, id="nothing to deliver"),
        pytest.param({"deliveryMethod": {"methodType": "PICK_UP"}}, Cause.PICKUP, id="pickup"),
        pytest.param({"deliveryMethod": {"methodType": "PICKUP_POINT"}}, Cause.PICKUP, id="pickup point"),
        pytest.param({"deliveryMethod": {"methodType": "LOCAL"}}, Cause.PICKUP, id="local delivery"),
        pytest.param({"deliveryMethod": {"methodType": "RETAIL"}}, Cause.PICKUP, id="carried out"),
        pytest.param({"requestStatus": "SUBMITTED"}, Cause.OTHER_SERVICE, id="submitted"),
        pytest.param({"requestStatus": "ACCEPTED", "status": "IN_PROGRESS"}, Cause.OTHER_SERVICE, id="accepted"),
        pytest.param({"requestStatus": "REJECTED"}, Cause.OTHER_SERVICE, id="rejected, still there"),
        pytest.param({"status": "INCOMPLETE"}, Cause.OTHER_SERVICE, id="the service gave up"),
        pytest.param({"status": "ON_HOLD", "fulfillmentHolds": HELD}, Cause.FULFILLMENT_HOLD, id="on hold"),
        pytest.param({"fulfillmentHolds": HELD}, Cause.FULFILLMENT_HOLD, id="hold on an open one"),
        pytest.param({"status": "SCHEDULED", "fulfillAt": "2026-12-01T00:00:00Z"}, Cause.SCHEDULED, id="scheduled"),
        pytest.param({"status": "OPEN", "fulfillAt": "2026-12-01T00:00:00Z"}, None, id="opened early"),
        pytest.param({"status": "NEW_WORD"}, Cause.UNREADABLE, id="unknown status"),
    ],
)
def test_one_fulfillment_order(facts: dict[str, Any], cause: Cause | None) -> None:
    assert bar(fulfillment_order(**facts)) == cause


def test_units_by_location_and_reason() -> None:
    found = routing(
        order(
            [line(7001, 9), line(7002, 2)],
            [
                fulfillment_order(1, {7001: 1, 7002: 2}),
                fulfillment_order(2, {7001: (2, 3)}, status="IN_PROGRESS"),
                fulfillment_order(3, {7001: 1}, THERE),
                fulfillment_order(4, {7001: 1}, None),
                fulfillment_order(5, {7001: 2}, status="ON_HOLD"),
                fulfillment_order(6, {7001: (1, 1)}, status="CLOSED"),
                fulfillment_order(7, {7001: (0, 4)}, status="CANCELLED"),
            ],
        )
    )
    assert found.free == {HERE: Counter({7001: 3, 7002: 2}), THERE: Counter({7001: 1}), None: Counter({7001: 1})}
    assert found.barred == {Cause.FULFILLMENT_HOLD: Counter({7001: 2})}
    assert found.fulfilled == Counter({7001: 1})
    assert found.unrouted == Counter({7001: 1})


def test_a_cancelled_fulfillment_leaves_a_closed_ghost_that_does_not_count() -> None:
    """Recorded: the closed original shows its unit as remaining again, a new open one carries the work."""
    found = routing(
        order(
            [line(7001)], [fulfillment_order(1, {7001: (1, 1)}, status="CLOSED"), fulfillment_order(2, {7001: (1, 1)})]
        )
    )
    assert found.free == {HERE: Counter({7001: 1})}
    assert not found.fulfilled
    assert not found.unrouted


def test_digital_and_removed_lines_need_no_routing() -> None:
    found = routing(order([line(7001, requiresShipping=False), line(7002, 3, currentQuantity=0)], []))
    assert not found.unrouted
    assert routing(order([line(7001, 2)], [])).unrouted == Counter({7001: 2})


def test_the_first_schedule_counts() -> None:
    dates = ["2026-12-02T00:00:00Z", "2026-12-01T00:00:00Z"]
    orders = [fulfillment_order(n, status="SCHEDULED", fulfillAt=date) for n, date in enumerate(dates, 1)]
    assert routing(order([line(7001, 2)], orders)).until == datetime(2026, 12, 1, tzinfo=UTC)
