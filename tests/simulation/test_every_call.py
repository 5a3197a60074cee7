"""Seven short days with one thing going wrong at one call: a crash at every third call of two of them, each fault at a sample of all.

`syncd simulate --exhaustive` takes them all, `--pairs 1` all pairs.
"""

from __future__ import annotations

import pytest

from syncd.simulation.exhaustive import CRASH, Point, live_through, pairs, single_points
from syncd.simulation.scenarios import SCENARIOS

SAMPLE = 4
PAIRS = 1
STEP = 3
PARTS = 10
"""The crashes are cut into tests, each of which takes its share of the calls."""


def every(points: list[Point], count: int) -> list[Point]:
    return points[:: max(1, len(points) // count)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_fault_at_any_call_loses_and_doubles_nothing(scenario: str) -> None:
    undisturbed = live_through(scenario)
    assert undisturbed.problems == []
    for point in every(undisturbed.possible, SAMPLE):
        assert (point, live_through(scenario, [point]).problems) == (point, [])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_two_faults_at_any_calls_lose_and_double_nothing(scenario: str) -> None:
    points = single_points(scenario)
    sample = list(pairs(every(points, 20), 190 // PAIRS))
    for pair in sample:
        assert (pair, live_through(scenario, pair).problems) == (pair, [])


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scenario", ["ship_in_two_packages", "cancel_during_push"])
def test_a_crash_at_a_call_loses_and_doubles_nothing(scenario: str, part: int, crashes: dict[str, list[Point]]) -> None:
    """After a call that changed something, and while a request is on its way and arrives much later."""
    for point in crashes[scenario][part::PARTS]:
        assert (point, live_through(scenario, [point]).problems) == (point, [])


@pytest.fixture(scope="module")
def crashes() -> dict[str, list[Point]]:
    names = ["ship_in_two_packages", "cancel_during_push"]
    return {name: [point for point in single_points(name) if point.kind.startswith(CRASH)][::STEP] for name in names}
