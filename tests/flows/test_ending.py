"""How the work on an order ends that failed before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mappings.causes import Cause
from mappings.plans import Plan, VoidLabel
from syncd.flows.ending import Verdict, ending_of
from syncd.flows.intend import Intent
from syncd.flows.orders import OrdersFlow
from syncd.flows.work import NOT_SHOWN, Outcome, Result, Seen, Unreadable
from syncd.hints import Lane
from syncd.store.marks import Claimed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOST_ATTEMPTS = 8
STEP = Intent("main/1", VoidLabel("s41", 1, 40))


def ending(verdict: Verdict) -> str:
    flow = object.__new__(OrdersFlow)  # only what kind of flow it is counts here
    return ending_of(flow, verdict, NOW, lambda attempts: 1.0, MOST_ATTEMPTS).kind


def claimed(attempts: int, error_code: str | None) -> Claimed:
    return Claimed("main/1", 1, Lane.FRESH, attempts, NOW, error_code)


@pytest.mark.parametrize(
    ("attempts", "before", "expected"),
    [(0, None, "defer"), (1, "bug", "park"), (2, "in_doubt", "park")],
)
def test_a_mistake_of_ours_is_put_before_a_person_the_second_time(
    attempts: int, before: str | None, expected: str
) -> None:
    assert ending(Verdict(claimed(attempts, before), NOW, unreadable=Unreadable("bug", "the plan failed"))) == expected


@pytest.mark.parametrize(
    ("attempts", "before", "result", "code", "expected"),
    [
        pytest.param(7, "http_500", Result.UNKNOWN, "http_500", "defer", id="goes on"),
        pytest.param(8, "in_doubt", Result.UNKNOWN, "http_500", "park", id="did not end"),
        pytest.param(8, "http_503", Result.UNKNOWN, NOT_SHOWN, "defer", id="accepted just now"),
        pytest.param(8, NOT_SHOWN, Result.UNKNOWN, NOT_SHOWN, "park", id="accepted twice"),
        pytest.param(8, "http_500", Result.POSTPONED, "throttled", "defer", id="not sent"),
        pytest.param(0, None, Result.REFUSED, "refused", "park", id="refused"),
    ],
)
def test_a_doubt_that_does_not_end_is_put_before_a_person(
    attempts: int, before: str | None, result: Result, code: str, expected: str
) -> None:
    done = [(STEP, Outcome(result, code, "in its words"))]
    seen = Seen("#1", None, None, ())
    assert ending(Verdict(claimed(attempts, before), NOW, Plan(Cause.QUEUED), seen, done=done)) == expected
