"""Many seeds beside each other, and the account of all of them."""

from __future__ import annotations

import gc
import json
import math
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from syncd import __version__
from syncd.simulation.seed import Outcome, run_seed
from syncd.simulation.sidelines.drawn import MANNERS
from syncd.simulation.weather import KINDS

PROGRESS_S = 10.0
CLASSES = (
    "lost",
    "doubled",
    "wrong",
    "stuck",
    "not told",
    "mails",
    "parked",
    "no fixpoint",
    "amnesia",
    "bug",
    "task",
    "S",
    "L",
    "stock",
    "returns",
    "catalog",
    "news",
)
"""What the sentences about problems begin with."""


@dataclass
class Sum:
    """All seeds of one run."""

    first: int
    orders_each: int
    deeds: int = 1
    seeds: int = 0
    failed: dict[int, list[str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    sites: Counter[str] = field(default_factory=Counter)
    webhooks: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    sidelines: Counter[str] = field(default_factory=Counter)
    """Seeds that had them."""
    kills: int = 0
    calls: int = 0
    virtual_s: float = 0.0
    converge_s: list[float] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def orders(self) -> int:
        return self.seeds * self.orders_each

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        for mine, theirs in (
            (self.faults, outcome.faults), (self.sites, outcome.sites), (self.webhooks, outcome.webhooks),
            (self.states, outcome.states), (self.causes, outcome.causes),
        ):  # fmt: skip
            mine.update(theirs)
        self.sidelines.update(list(outcome.weather.get("sidelines", ())))
        self.kills += outcome.kills
        self.calls += outcome.calls
        self.virtual_s += outcome.virtual_s
        self.converge_s.append(outcome.converge_s)
        if outcome.problems:
            self.failed[outcome.seed] = outcome.problems
            self.problems.update(class_of(problem) for problem in outcome.problems)


def class_of(problem: str) -> str:
    return next((name for name in CLASSES if problem.startswith(name)), "other")


def simulate(first: int, seeds: int, orders: int, processes: int, is_json: bool, deeds: int = 1) -> int:
    """The exit code: 1 when any seed failed."""
    began = time.monotonic()
    total, told_at = Sum(first, orders, deeds), began
    for outcome in _outcomes(range(first, first + seeds), orders, processes, deeds):
        total.add(outcome)
        total.wall_s = time.monotonic() - began
        if outcome.problems:
            print(_failure(outcome, orders, deeds), file=sys.stderr, flush=True)
        if time.monotonic() - told_at > PROGRESS_S:
            told_at = time.monotonic()
            print(_progress(total, seeds), file=sys.stderr, flush=True)
    print(json.dumps(as_json(total)) if is_json else account_text(total))
    return int(bool(total.failed))


def _outcomes(numbers: Sequence[int], orders: int, processes: int, deeds: int) -> Iterator[Outcome]:
    """In the order of the seeds. Each process gets a start of its own: nothing of ours is inherited."""
    if processes == 1:
        collect_seldom()
        yield from (run_seed(number, orders, deeds=deeds) for number in numbers)
        return
    with multiprocessing.get_context("spawn").Pool(processes, collect_seldom) as pool:
        yield from pool.imap(partial(run_seed, orders=orders, deeds=deeds), numbers)


def collect_seldom() -> None:
    """A day makes many small objects and few cycles: the collector would look at all of them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _progress(total: Sum, seeds: int) -> str:
    rate = total.orders / total.wall_s
    return (
        f"{total.wall_s:5.0f} s  {total.seeds} of {seeds} seeds, {total.orders} orders ({rate:.0f}/s), "
        f"{total.faults.total()} faults, {total.kills} kills, {len(total.failed)} seeds failed"
    )


def _failure(outcome: Outcome, orders: int, deeds: int) -> str:
    shown = [f"  {line}" for problem in outcome.problems[:10] for line in problem.splitlines()[-1:]]
    return "\n".join([f"seed {outcome.seed} failed: {repro(outcome.seed, orders, deeds)}", *shown])


def repro(seed: int, orders: int, deeds: int = 1) -> str:
    more = f" --deeds {deeds}" if deeds > 1 else ""
    return f"syncd simulate --seed {seed} --seeds 1 --orders {orders}{more} --processes 1"


def as_json(total: Sum) -> dict[str, Any]:
    p50, p99, most = _quantiles(total.converge_s)
    return {
        "version": __version__,
        "first_seed": total.first,
        "seeds": total.seeds,
        "orders": total.orders,
        "virtual_h": round(total.virtual_s / 3600, 1),
        "wall_s": round(total.wall_s, 1),
        "sidelines": {name: total.sidelines[name] for name in MANNERS},
        "webhooks": dict(total.webhooks),
        "faults": {kind: total.faults[kind] for kind in KINDS if total.faults[kind]},
        "faults_total": total.faults.total(),
        "kills": total.kills,
        "sites_covered": len(total.sites),
        "problems": dict(total.problems),
        "failed_seeds": dict(total.failed),
        "converge_s": {"p50": p50, "p99": p99, "max": most},
        "calls_per_order": round(total.calls / max(total.orders, 1), 2),
        "states": dict(total.states),
        "causes": dict(total.causes),
        "repro": [repro(seed, total.orders_each, total.deeds) for seed in total.failed],
    }


def account_text(total: Sum) -> str:
    found = as_json(total)
    faults = ", ".join(f"{kind} {count}" for kind, count in found["faults"].items())
    causes = ", ".join(f"{cause} {count}" for cause, count in sorted(total.causes.items()))
    problems = ", ".join(f"{name} {total.problems[name]}" for name in CLASSES)
    rate = total.orders / max(total.wall_s, 0.001)
    converged = found["converge_s"]
    return "\n".join(
        [
            f"version     {__version__}, seeds {total.first} to {total.first + total.seeds - 1}",
            f"orders      {total.orders} in {total.wall_s:.0f} s ({rate:.1f}/s), {found['virtual_h']} hours of virtual time",
            f"beside      {', '.join(f'{name} in {count} seeds' for name, count in found['sidelines'].items())}",
            f"webhooks    {', '.join(f'{name} {count}' for name, count in total.webhooks.items())}",
            f"faults      {found['faults_total']} at {found['sites_covered']} places: {faults}",
            f"kills       {total.kills}",
            f"problems    {problems}",
            f"converged   p50 {converged['p50']:.0f} s, p99 {converged['p99']:.0f} s, longest {converged['max']:.0f} s",
            f"calls       {found['calls_per_order']} to ShipStation for each order",
            f"causes      {causes}",
            *(f"failed      {command}" for command in found["repro"]),
        ]
    )


def _quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    ranked = sorted(values) or [0.0]
    return ranked[len(ranked) // 2], ranked[math.ceil(len(ranked) * 0.99) - 1], ranked[-1]
