"""Every scenario with one thing going wrong at one call, for each call and each thing that can go wrong there; or with two."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

from syncd.errors import SyncError
from syncd.operate.sweeping import sweep_by_hand
from syncd.simulation.day import SHOP, Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from syncd.simulation.ledger import judge_ledger
from syncd.simulation.luck import History, Luck
from syncd.simulation.scenarios import SCENARIOS, stock_a_shelf
from syncd.simulation.seed import bugs_told
from syncd.simulation.sidelines.drawn import settings_for
from syncd.simulation.swarm import collect_seldom
from syncd.simulation.unlucky import UnluckyDb, UnluckyVendors
from syncd.simulation.verdict import judge_at_rest
from syncd.simulation.virtual_time import VirtualLoop
from syncd.simulation.watch import Watch

CRASH, SENDING, DB = "crash", "crash_sending", "db"
REST_S = 3 * 3600.0
QUIET_S = 100.0
SHORT_S = 8.0

FATES = Fates(
    settings=settings_of(
        limits={"lease_s": 40, "longest_wait_s": 60, "idle_s": 10},
        sync={"order_poll_s": 60, "shipment_poll_s": 60, "void_grace_s": 60.0},
    ),
    shop=replace(SHOP, routing_delay_s=(0.5, 1.0), risk_delay_s=(0.5, 1.0)),
)
STOCKED = settings_for({"stock": "shipstation on_hand"})
STOCKED_FATES = replace(
    FATES,
    settings=settings_of(
        limits=FATES.settings.limits.model_dump(),
        sync=FATES.settings.sync.model_dump() | STOCKED["sync"],
        stores=STOCKED["stores"],
    ),
)


@dataclass(frozen=True)
class Point:
    """`kind` goes wrong at the call of this number: to a vendor, or to the database for those named db_."""

    kind: str
    number: int


class PlannedLuck(Luck):
    """Goes wrong at the planned points and nowhere else; `possible` lists, call by call, what could have gone wrong."""

    def __init__(self, points: Sequence[Point]) -> None:
        super().__init__(1, {})
        self.possible: list[Point] = []
        self._points = set(points)
        self._numbers = {"db": 0, "vendors": 0}

    def draw(self, site: str, kinds: Sequence[str]) -> str | None:
        kind_of_call = "db" if site == "db" else "vendors"
        self._numbers[kind_of_call] += 1
        here = [Point(kind, self._numbers[kind_of_call]) for kind in kinds if kind != "db_full"]
        self.possible += here
        return next((point.kind for point in here if point in self._points), None)


@dataclass
class Ending:
    problems: list[str]
    possible: list[Point]


def live_through(scenario: str, points: Sequence[Point] = ()) -> Ending:
    with bugs_told() as bugs, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        ending = runner.run(_lived(scenario, points))
    ending.problems += [f"bug: {bug}" for bug in dict.fromkeys(bugs)]
    return ending


def single_points(scenario: str) -> list[Point]:
    """All of a day on which nothing goes wrong."""
    return live_through(scenario).possible


def pairs(points: Sequence[Point], every: int) -> Iterator[tuple[Point, Point]]:
    """Each `every`th pair of points at different calls."""
    found = (pair for pair in combinations(points, 2) if pair[0].number != pair[1].number)
    return (pair for number, pair in enumerate(found) if number % every == 0)


def exhaust(pairs_of: int, processes: int) -> int:
    """All single points, and one in `pairs_of` pairs (0: none). Prints each failure with its points. The exit code."""
    failed, lived = 0, 0
    with multiprocessing.get_context("spawn").Pool(processes, collect_seldom) as pool:
        for scenario in SCENARIOS:
            points = single_points(scenario)
            plans: list[tuple[Point, ...]] = [(point,) for point in points]
            plans += pairs(points, pairs_of) if pairs_of else []
            endings = pool.imap(partial(live_through, scenario), plans, chunksize=4)
            for plan, ending in zip(plans, endings, strict=True):
                lived += 1
                if ending.problems:
                    failed += 1
                    print(f"failed  {scenario} {_words(plan)}: {ending.problems[0].splitlines()[-1]}", flush=True)
            print(f"{scenario}: {len(plans)} days, {failed} failures so far", flush=True)
    print(f"{lived} days with one or two faults, {failed} failed")
    return int(failed > 0)


def _words(points: Sequence[Point]) -> str:
    return " + ".join(f"{point.kind}@{point.number}" for point in points)


async def _lived(scenario: str, points: Sequence[Point]) -> Ending:
    fates = STOCKED_FATES if scenario == stock_a_shelf.__name__ else FATES
    day, luck = Day(fates), PlannedLuck([point for point in points if not point.kind.startswith(CRASH)])
    watch = Watch(day)
    day.network.vendors = UnluckyVendors(day, luck, History(), watch, lambda: None)
    day.db = UnluckyDb(day.engine, luck, day.clock.monotonic)
    day.courier.acked = watch.acked
    ending = Ending([], luck.possible)
    try:
        calls = await _story(day, watch, scenario, points)
        luck.possible += [Point(CRASH, number) for number in range(1, calls[0] + 1)]
        luck.possible += [Point(SENDING, number) for number in range(1, calls[1] + 1)]
        ending.problems += (await judge_at_rest(day, watch))[1] + judge_ledger(day, watch, len(points))
        writes = watch.writes
        await day.stop()
        await _risen(day)
        await _swept(day)
        if watch.writes > writes:
            ending.problems.append(f"no fixpoint: {watch.writes - writes} writes after a restart")
    except AssertionError as error:
        ending.problems.append(f"stuck: {error}")
    except SyncError as error:  # one broken day must not end the thousands after it
        ending.problems.append(f"unforeseen: {error!r}")
    finally:
        ending.problems += watch.seen()
        ending.problems += [f"task {name}: {error!r}" for name, error in day.died]
        day.died.clear()
        await day.end()
    return ending


async def _story(day: Day, watch: Watch, scenario: str, points: Sequence[Point]) -> tuple[int, int]:
    """(calls, requests) of the first life."""
    crashes = {point.kind: point.number for point in points if point.kind.startswith(CRASH)}
    keeper = asyncio.create_task(_kept_alive(day, crashes.get(CRASH), crashes.get(SENDING)))
    await SCENARIOS[scenario](day, watch)
    await day.rest(REST_S, QUIET_S)
    calls = day.life.calls, day.life.requests
    keeper.cancel()
    with suppress(asyncio.CancelledError):
        await keeper
    day.life.spare()
    await _risen(day)
    await _swept(day)
    return calls


async def _kept_alive(day: Day, dies_after: int | None, dies_sending: int | None) -> None:
    while True:
        await _risen(day, dies_after, dies_sending)
        dies_after = dies_sending = None
        await asyncio.sleep(1.0)


async def _risen(day: Day, dies_after: int | None = None, dies_sending: int | None = None) -> None:
    """Up, with as many starts as it takes: the one fault may hit any of them."""
    while not day.first.is_up:
        try:
            await day.start(dies_after, dies_sending)
        except SyncError:
            day.kill()
            dies_after = dies_sending = None
            await asyncio.sleep(1.0)


async def _swept(day: Day) -> None:
    while True:
        try:
            await sweep_by_hand(await desk_of(day))
            break
        except SyncError:
            await day.passes(5.0)
    await day.rest(REST_S, SHORT_S)
