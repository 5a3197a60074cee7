"""The decision about returns: each rule of the table, and that no state of the world makes money move that should not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.plan_returns import NOT_LEFT_S, WAITS, plan_returns
from mappings.returns import (
    MoneyStep,
    OnLabel,
    Payment,
    ProcessReturn,
    Return,
    ReturnPolicy,
    ReturnsPlan,
    SeenForReturn,
    SeenLine,
    SeenReturn,
    SeenReturnLine,
    SentLine,
    total,
    without_return_notes,
)
from mappings.text import clean_lines

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTLES_S = 60.0
AUTOMATIC = ReturnPolicy(refund="automatic", refund_limit=Decimal(50))
TEN = (Payment("gid://shopify/OrderTransaction/1", "shopify_payments", Decimal("10.00"), "USD"),)
COMING = Return("s1", "9400", "stamps_com", None, {7: 2}, is_told=True)
HERE = replace(COMING, received_at=NOW - timedelta(hours=1))
SEEN = SeenForReturn(
    order_gid="gid://shopify/Order/1",
    note="",
    tags=(),
    currency="USD",
    is_foreign=False,
    net_payment=Decimal("30.00"),
    refund_notes={},
    lines={7: SeenLine(refundable=2, unfulfilled=0)},
    sent=(SentLine("F7", 7, 2),),
    payments=TEN,
)
OURS = SeenReturn("R1", "OPEN", (SeenReturnLine("RL", "F7", 7, "RFL", 2, 0, 0, COMING.marker),), ("RFO",), frozenset())
RECEIVED = replace(OURS.lines[0], processed=2, refunded=2)
FOUR = replace(SEEN, lines={7: SeenLine(4, 0)}, sent=(SentLine("F7", 7, 4),), is_returning=True)
"""Twice as many were sold as come back."""
BY_HAND = SeenReturn("R2", "OPEN", (replace(OURS.lines[0], gid="RL2", note="by hand"),), ("RFO2",), frozenset())
EXCHANGE = replace(BY_HAND, has_terms=True)
OTHER_GOODS, STRANGE = (replace(BY_HAND.lines[0], line_id=line_id) for line_id in (8, 0))


def plan(policy: ReturnPolicy, one: Return, seen: SeenForReturn = SEEN) -> ReturnsPlan:
    return plan_returns(policy, [one], {one.return_key: seen}, {}, NOW, SETTLES_S)


def kinds(found: ReturnsPlan) -> list[str]:
    return [step.kind for step in found.steps]


@pytest.mark.parametrize(
    ("policy", "one", "seen", "expected"),
    [
        pytest.param(ReturnPolicy(), replace(COMING, is_told=False), SEEN, ["note_return"], id="noted"),
        pytest.param(ReturnPolicy(), COMING, SEEN, [], id="noted once"),
        pytest.param(ReturnPolicy(), HERE, SEEN, [], id="arrived, no policy"),
        pytest.param(AUTOMATIC, COMING, SEEN, [], id="not arrived"),
        pytest.param(AUTOMATIC, HERE, SEEN, ["refund_return"], id="arrived, within the limit"),
        pytest.param(replace(AUTOMATIC, refund_limit=Decimal(9)), HERE, SEEN, [], id="above the limit"),
        pytest.param(AUTOMATIC, HERE, replace(SEEN, paid_for_nothing=True), [], id="money went back for no goods"),
        pytest.param(
            AUTOMATIC,
            replace(HERE, suggested=Decimal(10), approved=Decimal(10)),
            replace(SEEN, paid_for_nothing=True),
            ["refund_return"],
            id="money went back for no goods, and somebody agreed",
        ),
        pytest.param(
            AUTOMATIC, HERE, replace(SEEN, sent=(SentLine("F7", 7, 4),)), [], id="others of its line were paid by hand"
        ),
        pytest.param(
            AUTOMATIC,
            HERE,
            replace(SEEN, lines={7: SeenLine(3, 1)}),
            ["refund_return"],
            id="others of its line were refunded or removed before they left",
        ),
        pytest.param(AUTOMATIC, HERE, replace(SEEN, was_returned=True), [], id="somebody's return or exchange is over"),
        pytest.param(
            replace(AUTOMATIC, on_label="return"),
            replace(HERE, return_gid="R1", is_labelled=True),
            replace(SEEN, returns=(OURS,), was_returned=True),
            ["process_return"],
            id="received in Shopify after another return was over",
        ),
        pytest.param(AUTOMATIC, replace(HERE, outcome="refunded"), SEEN, [], id="done"),
        pytest.param(AUTOMATIC, HERE, replace(SEEN, refund_notes={"g": COMING.marker}), [], id="our refund is there"),
        pytest.param(AUTOMATIC, HERE, replace(SEEN, is_foreign=True), [], id="another currency"),
        pytest.param(AUTOMATIC, HERE, replace(SEEN, net_payment=Decimal(9)), [], id="above what was paid"),
        pytest.param(AUTOMATIC, HERE, replace(SEEN, lines={7: SeenLine(1, 0)}), [], id="refunded elsewhere"),
        pytest.param(AUTOMATIC, replace(HERE, lines=None), SEEN, [], id="unknown goods"),
        pytest.param(AUTOMATIC, replace(HERE, intended_at=NOW), SEEN, [], id="in doubt"),
        pytest.param(
            replace(AUTOMATIC, restocks=False), HERE, replace(SEEN, lines={7: SeenLine(2, 1)}), [], id="partly shipped"
        ),
        pytest.param(replace(AUTOMATIC, on_label="return"), COMING, SEEN, ["open_return"], id="opened"),
        pytest.param(
            replace(AUTOMATIC, on_label="return"), COMING, replace(SEEN, returns=(OURS,)), ["label_return"], id="found"
        ),
        pytest.param(
            replace(AUTOMATIC, on_label="return"),
            replace(HERE, return_gid="R1", is_labelled=True),
            replace(SEEN, returns=(OURS,)),
            ["process_return"],
            id="received in Shopify",
        ),
        pytest.param(
            replace(AUTOMATIC, on_label="return"),
            replace(HERE, return_gid="R1", is_labelled=True, lines={7: 1}),
            replace(SEEN, returns=(OURS,)),
            [],
            id="holds other units",
        ),
        pytest.param(
            replace(AUTOMATIC, on_label="return"),
            replace(HERE, return_gid="R1", is_labelled=True),
            replace(SEEN, returns=(replace(OURS, status="CANCELED"),)),
            [],
            id="cancelled in Shopify",
        ),
        pytest.param(
            replace(AUTOMATIC, on_label="return"),
            replace(HERE, return_gid="R1", is_labelled=True),
            replace(SEEN, returns=(OURS,), lines={7: SeenLine(1, 0)}),
            [],
            id="refunded by hand while it is open",
        ),
        pytest.param(AUTOMATIC, HERE, replace(SEEN, is_returning=True), [], id="a person's return is open"),
        pytest.param(
            replace(AUTOMATIC, on_label="return"),
            replace(HERE, return_gid="R1", is_labelled=True),
            replace(SEEN, returns=(replace(OURS, has_terms=True),), is_returning=True),
            [],
            id="other goods in exchange",
        ),
        pytest.param(
            replace(AUTOMATIC, on_label="return"),
            replace(HERE, return_gid="R1", is_labelled=True),
            replace(SEEN, returns=(replace(OURS, lines=(RECEIVED,), has_terms=True),)),
            [],
            id="exchanged by hand",
        ),
        *(
            pytest.param(
                replace(AUTOMATIC, on_label="return"),
                replace(HERE, return_gid="R1", is_labelled=True),
                replace(FOUR, returns=(OURS, beside)),
                steps,
                id=name,
            )
            for name, beside, steps in (
                ("an exchange of others of its line is open", EXCHANGE, []),
                ("an exchange of others of its line is over", replace(EXCHANGE, status="CLOSED"), []),
                ("somebody asked to return others of its line", replace(BY_HAND, status="REQUESTED"), []),
                ("a return of goods that nobody knows is open", replace(BY_HAND, lines=(STRANGE,)), []),
                ("an exchange was cancelled", replace(EXCHANGE, status="CANCELED"), ["process_return"]),
                ("an exchange of other goods is open", replace(EXCHANGE, lines=(OTHER_GOODS,)), ["process_return"]),
            )
        ),
        pytest.param(
            replace(AUTOMATIC, on_label="return"),
            COMING,
            replace(SEEN, lines={7: SeenLine(1, 0)}),
            [],
            id="refunded by hand before it is opened",
        ),
    ],
)
def test_each_return_has_the_steps_of_its_case(
    policy: ReturnPolicy, one: Return, seen: SeenForReturn, expected: list[str]
) -> None:
    assert kinds(plan(policy, one, seen)) == expected


@pytest.mark.parametrize(("restocks", "expected"), [(True, ["P1", "P2"]), (False, [None, None])])
def test_what_came_back_is_for_sale_again_where_it_left(restocks: bool, expected: list[str | None]) -> None:
    """Not where the order's first package left."""
    policy = replace(AUTOMATIC, on_label="return", restocks=restocks)
    one = replace(HERE, return_gid="R1", is_labelled=True)
    parts = tuple(replace(OURS.lines[0], gid=f"L{n}", fulfillment_line_gid=f"F{n}", units=1) for n in (1, 2))
    sent = tuple(SentLine(f"F{n}", 7, 1, f"P{n}") for n in (1, 2))
    (step,) = plan(policy, one, replace(SEEN, sent=sent, returns=(replace(OURS, lines=parts),))).steps
    assert isinstance(step, ProcessReturn)
    assert [line.location_gid for line in step.lines] == expected


def test_a_return_that_was_paid_although_somebody_declined_it_meanwhile_is_still_closed() -> None:
    policy, one = replace(AUTOMATIC, on_label="return"), replace(HERE, return_gid="R1", is_labelled=True)
    (step,) = plan(policy, one, replace(SEEN, returns=(OURS,))).steps
    assert step.news(None).outcome == ""
    paid = replace(SEEN, returns=(replace(OURS, lines=(RECEIVED,)),), refund_notes={"g": one.marker})
    assert kinds(plan(policy, one, paid)) == ["close_return"]


def test_one_step_at_a_time_for_an_order() -> None:
    other = replace(HERE, return_key="s2", lines={7: 1})
    found = plan_returns(AUTOMATIC, [HERE, other], {"s1": SEEN, "s2": SEEN}, {}, NOW, SETTLES_S)
    assert kinds(found) == ["refund_return"]
    assert found.wait_s == 0


def test_what_can_no_longer_happen_is_resolved_by_what_is_seen() -> None:
    late = replace(HERE, intended_at=NOW - timedelta(seconds=SETTLES_S))
    found = plan(AUTOMATIC, late, replace(SEEN, refund_notes={"g": HERE.marker}))
    assert (found.steps, found.resolved) == ((), ("s1",))


def test_more_than_a_person_agreed_to_is_asked_anew() -> None:
    policy = ReturnPolicy(refund="suggest")
    (news,) = plan(policy, HERE).news
    assert news.suggested == Decimal("10.00")
    agreed = replace(HERE, suggested=Decimal("10.00"), approved=Decimal("10.00"))
    assert kinds(plan(policy, agreed)) == ["refund_return"]
    dearer = replace(SEEN, payments=(replace(TEN[0], amount=Decimal("10.01")),))
    assert kinds(plan(policy, agreed, dearer)) == []


@pytest.mark.parametrize("outcome", ["refunded", ""], ids=["remembered", "answer lost"])
def test_what_we_paid_back_ourselves_makes_nobody_asked_about_the_rest(outcome: str) -> None:
    paid = replace(HERE, return_key="s0", outcome=outcome)
    seen = replace(SEEN, sent=(SentLine("F7", 7, 4),), refund_notes={"g": paid.marker})
    found = plan_returns(AUTOMATIC, [paid, HERE], {"s0": seen, "s1": seen}, {}, NOW, SETTLES_S)
    assert [(step.kind, step.return_key) for step in found.steps] == [("refund_return", "s1")]


LOST = replace(HERE, return_key="s0", outbound_key="s9", outbound_lines={7: 2}, received_at=None)
USED = replace(LOST, return_key="s1", received_at=HERE.received_at)
OPENED_FOR_LOST = replace(OURS, lines=(replace(OURS.lines[0], note=LOST.marker),))


@pytest.mark.parametrize(
    ("on_label", "lost", "used", "seen", "expected"),
    [
        pytest.param("note", LOST, USED, FOUR, ["refund_return"], id="the other one is on its way"),
        pytest.param("note", replace(LOST, outcome="refunded"), USED, FOUR, [], id="the other one is paid"),
        pytest.param("note", LOST, USED, replace(FOUR, refund_notes={"g": LOST.marker}), [], id="without an answer"),
        pytest.param(
            "note",
            replace(LOST, outcome="refunded", lines={7: 1}),
            replace(USED, lines={7: 1}),
            replace(FOUR, refund_notes={"g": LOST.marker}),
            ["refund_return"],
            id="each brings a part",
        ),
        pytest.param(
            "note",
            replace(LOST, outcome="refunded", outbound_key="s8"),
            USED,
            replace(FOUR, refund_notes={"g": LOST.marker}),
            ["refund_return"],
            id="of another package",
        ),
        pytest.param(
            "note",
            replace(LOST, outcome="refunded", outbound_key=None),
            replace(USED, outbound_key=None, outbound_lines=None),
            replace(FOUR, refund_notes={"g": LOST.marker}),
            ["refund_return"],
            id="of a package that nobody knows",
        ),
        pytest.param("note", LOST, replace(USED, lines={7: 3}), FOUR, [], id="more than it held"),
        pytest.param(
            "note", LOST, replace(USED, outbound_lines=None), FOUR, ["refund_return"], id="held nobody knows what"
        ),
        pytest.param(
            "note", replace(LOST, outcome="refunded"), replace(USED, outbound_lines=None), FOUR, [], id="and paid"
        ),
        pytest.param("return", LOST, USED, replace(FOUR, returns=(OPENED_FOR_LOST,)), ["label_return"], id="opened"),
        pytest.param(
            "return",
            replace(LOST, return_gid="R1", is_labelled=True),
            USED,
            replace(FOUR, returns=(OPENED_FOR_LOST,)),
            [],
            id="the other one has its units in Shopify",
        ),
        pytest.param(
            "return",
            replace(LOST, return_gid="R1", is_labelled=True),
            USED,
            replace(FOUR, returns=(replace(OPENED_FOR_LOST, status="CANCELED"),)),
            ["open_return"],
            id="the other one was cancelled in Shopify",
        ),
        pytest.param(
            "return",
            replace(LOST, return_gid="R1", is_labelled=True),
            replace(USED, return_gid="R2", is_labelled=True),
            replace(FOUR, returns=(OPENED_FOR_LOST, BY_HAND)),
            ["process_return"],
            id="both were opened, and one is here",
        ),
    ],
)
def test_all_returns_of_one_package_bring_back_no_more_than_it_held(
    on_label: OnLabel, lost: Return, used: Return, seen: SeenForReturn, expected: list[str]
) -> None:
    """Four units were sold, two of them in this package."""
    seen = replace(seen, is_returning=False)
    policy = replace(AUTOMATIC, on_label=on_label)
    found = plan_returns(policy, [lost, used], {one.return_key: seen for one in (lost, used)}, {}, NOW, SETTLES_S)
    assert kinds(found) == expected
    assert expected or "package_returned" in {one.detail for one in found.news if one.return_key == "s1"}


@pytest.mark.parametrize(
    ("sent", "left", "outcome", "detail"),
    [
        pytest.param(2, 2, None, "received_unpaid", id="nothing was paid"),
        pytest.param(2, 0, "elsewhere", "refunded_elsewhere", id="it was paid beside the return"),
        pytest.param(4, 4, None, "received_unpaid", id="nothing was paid of a line of more units"),
        pytest.param(4, 2, "elsewhere", "refunded_elsewhere", id="a line of more units was paid beside the return"),
    ],
)
def test_what_was_received_in_shopify_without_money_asks_a_person_until_it_is_paid(
    sent: int, left: int, outcome: str | None, detail: str
) -> None:
    policy, one = replace(AUTOMATIC, on_label="return"), replace(HERE, return_gid="R1", is_labelled=True)
    received = replace(OURS, status="CLOSED", lines=(replace(RECEIVED, refunded=0),))
    seen = replace(SEEN, returns=(received,), lines={7: SeenLine(left, 0)}, sent=(SentLine("F7", 7, sent),))
    found = plan(policy, one, seen)
    assert (found.steps, [(news.outcome, news.detail) for news in found.news]) == ((), [(outcome, detail)])
    assert detail in WAITS


def test_what_was_refunded_by_hand_is_decided_and_never_asked_of_shopify_again() -> None:
    """Shopify opens no return for such units and processes none: tried again and again, it would keep others of the order waiting."""
    policy, less = replace(AUTOMATIC, on_label="return"), replace(SEEN, lines={7: SeenLine(1, 0)})
    assert [one.detail for one in plan(policy, COMING, less).news] == ["not_returnable"]
    assert [one.outcome for one in plan(policy, HERE, less).news] == ["elsewhere"]
    opened, open_there = replace(HERE, return_gid="R1", is_labelled=True), replace(less, returns=(OURS,))
    assert [(one.outcome, one.detail) for one in plan(policy, opened, open_there).news] == [(None, "return_left_open")]
    closed = replace(less, returns=(replace(OURS, status="CLOSED"),))
    assert [one.outcome for one in plan(policy, opened, closed).news] == ["elsewhere"]


def test_what_shopify_does_not_know_to_have_left_is_paid_back_once_it_does() -> None:
    """A package may have left although Shopify held its goods: it refuses to take them back, however often it is asked."""
    held = replace(SEEN, lines={7: SeenLine(refundable=2, unfulfilled=1)})
    found = plan(AUTOMATIC, replace(HERE, received_at=NOW), held)
    assert ([one.detail for one in found.news], found.wait_s) == (["not_left"], NOT_LEFT_S)
    again = plan(AUTOMATIC, replace(HERE, detail="not_left"), held)
    assert (again.steps, again.news, again.wait_s) == ((), (), 3600), "back for an hour"
    assert kinds(plan(AUTOMATIC, replace(HERE, detail="not_left"), SEEN)) == ["refund_return"]


def test_a_return_that_a_person_has_open_in_shopify_is_looked_at_until_it_ends() -> None:
    waits = replace(HERE, detail="return_open")
    assert plan(AUTOMATIC, waits, replace(SEEN, is_returning=True)).wait_s == 3600, "back for an hour"
    assert kinds(plan(AUTOMATIC, waits)) == ["refund_return"]


def test_units_that_wait_in_another_return_are_not_promised_twice() -> None:
    policy, other = (
        replace(AUTOMATIC, on_label="return"),
        replace(OURS, lines=(replace(OURS.lines[0], units=1, note=""),)),
    )
    one = replace(COMING, lines={7: 1})
    assert kinds(plan(policy, one, replace(SEEN, returns=(other,)))) == ["open_return"]
    assert kinds(plan(policy, one, replace(SEEN, returns=(other,), lines={7: SeenLine(1, 0)}))) == []


def test_units_that_wait_in_the_return_of_a_fulfillment_taken_back_are_not_promised_twice() -> None:
    policy, other = replace(AUTOMATIC, on_label="return"), replace(OURS.lines[0], fulfillment_line_gid="F6", note="")
    found = plan(policy, COMING, replace(SEEN, returns=(replace(OURS, lines=(other,)),)))
    assert kinds(found) == []
    assert [one.detail for one in found.news] == ["not_returnable"]


def test_every_reason_to_wait_has_a_sentence() -> None:
    cases: list[Any] = [
        replace(SEEN, is_foreign=True),
        replace(SEEN, net_payment=Decimal(9)),
        replace(SEEN, payments=()),
        replace(SEEN, is_returning=True),
    ]
    for seen in cases:
        (news,) = plan(AUTOMATIC, HERE, seen).news
        assert news.detail in WAITS


def test_our_own_words_in_a_note_are_no_news() -> None:
    assert without_return_notes(f"Ring twice.\nReturn of 2 units {COMING.marker}\nThanks") == "Ring twice.\nThanks"
    assert without_return_notes(None) == ""
    assert clean_lines(without_return_notes(f"Return {COMING.marker}")) == ""


amounts = st.decimals(min_value=0, max_value=60, places=2)
returns = st.builds(
    replace,
    st.just(COMING),
    received_at=st.sampled_from([None, NOW]),
    voided=st.booleans(),
    approved=st.none() | amounts,
    suggested=st.none() | amounts,
    outcome=st.sampled_from(["", "", "refunded", "elsewhere"]),
    intended_at=st.sampled_from([None, None, NOW, NOW - timedelta(hours=1)]),
    return_gid=st.sampled_from([None, "R1", "R9"]),
    lines=st.sampled_from([None, {7: 1}, {7: 2}, {7: 3}, {8: 1}]),
)
worlds = st.builds(
    replace,
    st.just(SEEN),
    net_payment=amounts,
    payments=st.builds(lambda amount: (replace(TEN[0], amount=amount),), amounts),
    is_foreign=st.booleans(),
    refund_notes=st.sampled_from([{}, {}, {"g": COMING.marker}, {"g": "by hand"}]),
    lines=st.builds(lambda units, left: {7: SeenLine(units, left)}, st.integers(0, 3), st.integers(0, 1)),
    returns=st.sampled_from([(), (OURS,), (replace(OURS, status="CLOSED"),), (replace(OURS, status="CANCELED"),)]),
)
policies = st.builds(
    ReturnPolicy,
    on_label=st.sampled_from(["off", "note", "return"]),
    refund=st.sampled_from(["off", "suggest", "automatic"]),
    refund_limit=amounts,
    restocks=st.booleans(),
)


@given(policies, returns, worlds)
def test_money_moves_only_where_everything_allows_it(policy: ReturnPolicy, one: Return, seen: SeenForReturn) -> None:
    moved = [step for step in plan(policy, one, seen).steps if isinstance(step, MoneyStep)]
    for step in moved:
        assert policy.refund != "off"
        assert one.received_at
        assert not one.outcome
        assert not seen.is_foreign
        assert COMING.marker not in seen.refund_notes.values()
        assert one.intended_at is None or (NOW - one.intended_at).total_seconds() >= SETTLES_S
        assert 0 < step.amount == total(seen.payments) <= seen.net_payment
        limits = [policy.refund_limit] if policy.refund == "automatic" else []
        assert any(step.amount <= limit for limit in [*limits, one.approved] if limit is not None)
    assert len(moved) <= 1
