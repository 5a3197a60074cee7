"""Looking for one planted bug: seed after seed of the simulation, or the one test that knows it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType

from syncd.simulation.seed import run_seed
from syncd.simulation.weather import DST, Weather, drawn_weather
from tests.simulation.mutants.planting import Change, Mutant, planted

ROOT = Path(__file__).parents[3]
PLUGIN = "tests.simulation.mutants.plugin"
OFTEN = 0.01
"""The least chance at which bad luck of a kind is counted on."""
REST_S, LOST_S = 2000.0, 2000.0
"""About how long a day goes on after the last sale, and once more after its database was lost."""
LONGEST_S = 120.0
"""Of processor time. A seed that takes longer never ends: that is a way of being found, too."""


class NeverEnds(KeyboardInterrupt):
    pass


@dataclass(frozen=True)
class Find:
    """`seeds`: how many were lived, the one that found it included; 0 for a mutant that a test finds. `problem` is empty while it
    was not found."""

    name: str
    breaks: str
    by: str
    seeds: int
    problem: str
    took_s: float


def hunted(mutant: Mutant, seeds_of: range, orders: int | None, days: int) -> Find:
    """`orders` in each seed: None for as many as the mutant needs. `days`: how many seeds are lived at most."""
    began = time.perf_counter()
    by, seeds, problem = _by_test(mutant) if mutant.test else _by_seeds(mutant, seeds_of, orders or mutant.orders, days)
    return Find(mutant.name, mutant.breaks, by, seeds, problem, round(time.perf_counter() - began, 1))


def _by_seeds(mutant: Mutant, seeds_of: range, orders: int, days: int) -> tuple[str, int, str]:
    """The one that is known to find it, then of these seeds those whose weather it needs, short days first. One that fails without
    the mutant has found something else."""
    weathers = (drawn_weather(seed, orders) for seed in seeds_of if seed != mutant.seed)
    fitting = sorted((one for one in weathers if all(has(one, need) for need in mutant.needs)), key=_effort)
    known = [drawn_weather(mutant.seed, orders)] if mutant.seed else []
    fitting = [*known, *fitting][:days]
    for lived, weather in enumerate(fitting, start=1):
        problem = failure_of(mutant.changes, weather.seed, orders)
        if problem and not failure_of((), weather.seed, orders):
            return f"seed {weather.seed}", lived, problem
    return "", len(fitting), ""


def _effort(weather: Weather) -> float:
    """Roughly what a day costs: virtual seconds times the processes and all that they look at."""
    days = LOST_S if weather.amnesia else 0.0
    return (weather.span_s + REST_S + days) * weather.fates.replicas * (2 + len(weather.sidelines))


def has(weather: Weather, need: str) -> bool:
    """Whether this weather has a kind of bad luck often enough to count on, or what else the words say."""
    match need:
        case "webhooks alone" | "feeds alone":
            return weather.alone == need.partition(" ")[0]
        case "outages":
            return weather.has_outages and weather.kill_mean_s is not None
        case "kill":
            return "kill" in weather.rates and weather.kill_mean_s is not None
        case "replicas":
            return weather.fates.replicas > 1
        case "amnesia":
            return weather.amnesia is not None
        case "stock" | "returns" | "catalog" | "news":
            return need in weather.sidelines
        case "refunds":
            return weather.sidelines.get("returns") in {"automatic", "return"}
        case "clock ahead":
            return weather.fates.vendors_ahead_s < 0
        case "autumn":
            begin_at = weather.fates.begin_at
            return begin_at < DST[0] < begin_at + timedelta(seconds=weather.span_s + 300)
    return weather.rates.get(need, 0.0) >= OFTEN


def failure_of(changes: Sequence[Change], seed: int, orders: int) -> str:
    """What this seed says of the daemon with these changes; empty when all is well."""
    with planted(changes):
        try:
            with _cpu_time(LONGEST_S):
                outcome = run_seed(seed, orders)
        except NeverEnds:
            return f"no end after {LONGEST_S:.0f} s"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return outcome.problems[0].strip().splitlines()[-1] if outcome.problems else ""


@contextmanager
def _cpu_time(longest_s: float) -> Iterator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise NeverEnds

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, longest_s, 5.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _by_test(mutant: Mutant) -> tuple[str, int, str]:
    if sound := failures([mutant.test]):
        raise ValueError(f"without any mutant this fails, too: {sound[0]}")
    found = failures([mutant.test], plant=mutant.name)
    return mutant.test, 0, found[0] if found else ""


def failures(nodes: list[str], plant: str = "") -> list[str]:
    """The first lines of what fails of these tests, in a process of its own. Raises `ValueError` when they could not be run."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", PLUGIN]
    command += ["--plant", plant] if plant else []
    done = subprocess.run([*command, *nodes], cwd=ROOT, capture_output=True, text=True, env=os.environ, check=False)
    if done.returncode not in {0, 1}:
        raise ValueError(f"pytest ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return [line.removeprefix("FAILED ") for line in done.stdout.splitlines() if line.startswith("FAILED ")]
