"""Each check of a sideline finds a daemon that breaks it, and says nothing of one that does not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from syncd.operate.sweeping import sweep_by_hand
from syncd.ports import Request
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from syncd.simulation.people import DEEDS
from syncd.simulation.sidelines.articles import LATE_S
from syncd.simulation.sidelines.drawn import MANNERS, Chosen, drawn_sidelines, settings_for, sidelines_of
from syncd.simulation.sidelines.shelves import SCAN_S, SHELF, SKUS, free_units
from syncd.simulation.sidelines.sideline import Sideline
from syncd.simulation.virtual_time import VirtualLoop
from tests.simulation.mutants.planting import Change, planted
from tests.simulation.mutants.table import MUTANTS

REST_S = 25.0
Story = Callable[[Day, Any], Awaitable[None]]


async def _lived(chosen: Chosen, story: Story, changes: Sequence[Change]) -> list[str]:
    """What the sideline says of a day with this story."""
    day = Day(Fates(settings=settings_of(**settings_for(chosen))))
    (sideline,) = sidelines_of(day, chosen)
    try:
        with planted(changes):
            return await _told(day, sideline, story)
    finally:
        await day.end()


async def _told(day: Day, sideline: Sideline, story: Story) -> list[str]:
    sideline.begin()
    day.network.before = sideline.arrives
    working = asyncio.create_task(sideline.work())
    await day.start()
    await day.until(day.is_subscribed)
    await story(day, sideline)
    found = [*await sideline.judge(), *sideline.broken()]
    working.cancel()
    return found


async def _article_changed(day: Day, sideline: Any) -> None:
    """Long after the warehouse moved its product."""
    day.sell(1, lines=1)
    await day.passes(60.0)
    sideline.move_shelf(1)
    await day.passes(LATE_S)
    sideline.edit(0)
    await day.passes(30.0)


async def _scanned(day: Day, sideline: Any) -> None:
    day.sell(1)
    await day.rest(quiet_s=REST_S)
    DEEDS["label"](day, 0)
    for _ in range(2):
        await day.passes(40.0)
        sideline.scan(0)
    await day.passes(70.0)


async def _label_alone(day: Day, sideline: Any) -> None:
    """It does not arrive."""
    day.sell(1)
    await day.rest(quiet_s=REST_S)
    DEEDS["ship_all"](day, 1)
    await day.rest(quiet_s=REST_S)
    sideline.send_back(2)
    await day.passes(100.0)


async def _counted_meanwhile(day: Day, sideline: Any) -> None:
    """Somebody types a number while the daemon writes another one."""
    day.shipstation.stock.count(SKUS[0], SHELF, 5)

    def typed(request: Request) -> None:
        if b"SetLevels" in (request.body or b"") and not sideline.edited_at:
            sideline.type_over(5000)
        sideline.arrives(request)

    day.network.before = typed
    await day.passes(2 * SCAN_S)


CASES = [
    ("level_written_blind", "stock", "shipstation on_hand", _counted_meanwhile),
    ("paid_before_arrival", "returns", "automatic", _label_alone),
    ("noted_again", "returns", "automatic", _label_alone),
    ("product_sent_bare", "catalog", "push", _article_changed),
    ("event_told_again", "news", "tell", _scanned),
]


@pytest.mark.parametrize(("mutant", "name", "manner", "story"), CASES, ids=[case[0] for case in CASES])
def test_a_planted_bug_is_seen_and_a_sound_daemon_is_not_blamed(
    mutant: str, name: str, manner: str, story: Story
) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(_lived({name: manner}, story, ())) == []
        assert runner.run(_lived({name: manner}, story, MUTANTS[mutant].changes)) != []


async def _cancelled_there(day: Day, _: Any) -> None:
    """ShipStation offers its goods, and the daemon cannot know that before it looks."""
    (order_id,) = day.sell(1)
    await day.rest(quiet_s=REST_S)
    before = free_units(day)
    there = day.there(order_id)[0]
    day.shipstation.desk.cancel(there["orderId"])
    goods = Counter({item["sku"]: item["quantity"] for item in there["items"] if not item["adjustment"]})
    assert free_units(day) == before + goods
    await sweep_by_hand(await desk_of(day))
    assert free_units(day) == before


def test_the_window_after_an_order_was_cancelled_in_shipstation_ends_once_the_daemon_has_seen_it() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(_lived({"stock": "shipstation on_hand"}, _cancelled_there, ())) == []


def test_seeds_draw_each_sideline_in_each_manner_and_most_seeds_have_few() -> None:
    drawn = [drawn_sidelines(seed) for seed in range(400)]
    for name, manners in MANNERS.items():
        assert {one[name] for one in drawn if name in one} == set(manners)
    counts = Counter(len(one) for one in drawn)
    assert counts[0] > 40
    assert counts[1] > counts[3]
