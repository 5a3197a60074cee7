"""Days from seeds: each is lived through the same way every time, and none ends with anything lost, doubled, wrong or stuck."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import groupby

import pytest

from syncd.simulation.people import DEEDS
from syncd.simulation.seed import Outcome, run_seed
from syncd.simulation.swarm import Sum, account_text, as_json, repro
from syncd.simulation.trouble import Trouble
from syncd.simulation.weather import KINDS, drawn_weather

SEEDS = (300, 302, 304, 305, 306, 308)
MOST_KINDS = 30
DIGEST = "from syncd.simulation.seed import run_seed; print(run_seed(11, 4).digest)"


def _digest_in_a_process(hash_seed: str) -> str:
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run([sys.executable, "-c", DIGEST], env=env, check=True, capture_output=True, text=True).stdout


def test_one_seed_is_one_history_whatever_the_order_of_sets() -> None:
    assert _digest_in_a_process("1") == _digest_in_a_process("2")


def test_other_seeds_are_other_histories() -> None:
    assert run_seed(11, 3).digest != run_seed(12, 3).digest


def test_seeds_differ_in_what_goes_wrong_and_every_kind_comes_up() -> None:
    drawn = [drawn_weather(seed, 10) for seed in range(200)]
    assert {kind for weather in drawn for kind in weather.rates} == set(KINDS)
    assert {weather.traffic for weather in drawn} == {"steady", "flash", "trickle"}
    assert {weather.alone for weather in drawn} == {None, "webhooks", "feeds"}
    assert {weather.fates.replicas for weather in drawn} == {1, 2, 3}
    assert {weather.amnesia for weather in drawn} == {None, "lost", "rolled_back"}


def test_a_few_days_full_of_faults_end_well() -> None:
    outcomes = [run_seed(seed, 12) for seed in SEEDS]
    assert {outcome.seed: outcome.problems for outcome in outcomes if outcome.problems} == {}
    fired = Counter[str]()
    for outcome in outcomes:
        fired.update(outcome.faults)
    assert len(fired) >= MOST_KINDS, sorted(set(KINDS) - set(fired))
    assert sum(outcome.kills for outcome in outcomes) > 10


def test_on_busy_days_people_stay_with_one_order_and_all_ends_well() -> None:
    usual, busy = (run_seed(305, 12, is_kept=True, deeds=deeds) for deeds in (1, 4))
    assert busy.problems == []
    assert most_in_a_row(busy) > most_in_a_row(usual)


def most_in_a_row(outcome: Outcome) -> int:
    """Deeds of people about one order, one after the other."""
    told = [line.split() for line in outcome.history or ()]
    about = [tuple(words[2:]) for words in told if words[1] in DEEDS]
    return max(len(list(group)) for _, group in groupby(about))


def test_a_mistake_of_the_simulation_fails_its_seed_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def mistaken(_: object) -> None:
        raise KeyError("differing")

    monkeypatch.setattr(Trouble, "heal", mistaken)
    (problem,) = run_seed(11, 3).problems
    assert problem.startswith("bug: Traceback")
    assert "KeyError: 'differing'" in problem


def test_the_account_names_each_failed_seed_and_how_to_repeat_it() -> None:
    total = Sum(first=1, orders_each=5)
    total.add(Outcome(1, 5, weather={"sidelines": {"stock": "shipstation on_hand"}}))
    total.add(Outcome(2, 5, problems=["lost: #1001"], weather={"sidelines": {"stock": "shopify on_hand"}}))
    assert repro(2, 5) in account_text(total)
    assert "stock in 2 seeds, returns in 0 seeds" in account_text(total)
    assert as_json(total)["problems"] == {"lost": 1}


def test_a_day_on_which_people_cannot_act_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end without a fault, and prove nothing."""

    def trips(day: object, number: int) -> None:
        raise AttributeError("no such thing in this town")

    for name in DEEDS:
        monkeypatch.setitem(DEEDS, name, trips)
    (problem,) = run_seed(11, 12).problems
    assert "people or bad luck ended before the day did" in problem
