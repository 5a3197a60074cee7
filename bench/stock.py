"""How many calls and minutes a whole look at the stock takes, and the push of every number, beside the least that is possible.

Both vendors and the command run in one process in virtual time: minutes are those of the vendors' limits, answers take 20 to 300
ms each way, and the processor's own time is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

import structlog

from syncd.operate.stock import push_stock, stock_differences
from syncd.sandbox.shopify.stock import listed_variant
from syncd.shipstation.v2_reads import PAGE_SIZE
from syncd.shopify.stock import MOST_LEVELS
from syncd.simulation.day import SHOP, Day, Fates, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.virtual_time import VirtualLoop

PLACE, SHELF = 82734627, 701
Plan = Literal["standard", "plus"]


@dataclass(frozen=True)
class Measured:
    name: str
    calls: tuple[int, int, int]
    """Pages of ShipStation, pages of Shopify, writes."""
    least: tuple[int, int, int]
    minutes: float
    cpu_s: float


async def measured(skus: int, changed: int, plan: Plan) -> tuple[list[Measured], float]:
    """What was measured, and how many MB the process grew by, the sandbox's answers included."""
    shelf = {"inventory_location": SHELF, "owner": "shipstation"}
    day = Day(
        Fates(replace(SHOP, plan=plan), settings=settings_of(stores={"main": store_settings(stock={PLACE: shelf})}))
    )
    try:
        _fill(day, skus)
        desk, before_mb = await desk_of(day), _peak_mb()
        pages = (ceil(skus / PAGE_SIZE), ceil(skus / MOST_LEVELS))
        found = [await _timed(day, "look", stock_differences(desk, []), (*pages, 0))]
        found.append(await _timed(day, "push of all", push_stock(desk, []), (*pages, ceil(skus / MOST_LEVELS))))
        for number in range(changed):
            day.shipstation.stock.change("decrement", SHELF, _sku(number * (skus // changed)), 1)
        least = (*pages, ceil(changed / MOST_LEVELS))
        found.append(await _timed(day, f"push of {changed}", push_stock(desk, []), least))
        assert not (await stock_differences(desk, []))["stores"][0]["shelves"][0]["differing"]
        return found, _peak_mb() - before_mb
    finally:
        await day.end()


def _fill(day: Day, skus: int) -> None:
    shop = day.shopify.people.shop(None)
    for number in range(skus):
        shop.stock.count(listed_variant(shop, _sku(number)).id, PLACE, 5)
        day.shipstation.stock.count(_sku(number), SHELF, 1 + number % 4)


def _sku(number: int) -> str:
    return f"SKU-{number:06d}"


async def _timed(day: Day, name: str, work: object, least: tuple[int, int, int]) -> Measured:
    assert asyncio.iscoroutine(work)
    day.network.sent.clear()
    began, cpu = day.clock.monotonic(), time.process_time()
    await work
    kinds = ("/v2/inventory?", "LevelsAt", "SetLevels")
    calls = (len(day.calls(kinds[0])), len(day.calls(kinds[1])), len(day.calls(kinds[2])))
    return Measured(name, calls, least, (day.clock.monotonic() - began) / 60, time.process_time() - cpu)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(skus: int, plan: Plan, found: Sequence[Measured], grown_mb: float) -> str:
    lines = [f"stock: {skus} SKUs at one location, {plan} Shopify plan, ShipStation V2 with 200 calls a minute"]
    for one in found:
        ratio = sum(one.calls) / sum(one.least)
        lines.append(
            f"{one.name:14} {one.minutes:6.2f} min, calls {' + '.join(map(str, one.calls))} = {sum(one.calls)},"
            f" least {sum(one.least)}, ratio {ratio:.3f}; {one.cpu_s:.1f} s of CPU with both vendors"
        )
    return "\n".join([*lines, f"memory         {grown_mb:.0f} MB more at most, the sandbox's answers included"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stock", description=__doc__)
    parser.add_argument("--skus", type=int, default=80_000)
    parser.add_argument("--changed", type=int, default=200, help="so many are sold before the last push")
    parser.add_argument("--plan", choices=["standard", "plus"], default="standard")
    wishes = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        found, grown_mb = runner.run(measured(wishes.skus, wishes.changed, wishes.plan))
    print(report(wishes.skus, wishes.plan, found, grown_mb))


if __name__ == "__main__":
    main()
