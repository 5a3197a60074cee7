"""The daemon dies at a call while goods come back: no refund without a policy, none twice, none above what was paid.

Each test takes its share of the calls; `python -m tests.test_refunds_under_fire` takes them all.
"""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal

import pytest

from syncd.errors import SyncError
from syncd.operate.returns import approve_refunds, waiting_refunds
from syncd.settings.whole import Settings
from syncd.simulation.day import Day, Fates, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.seed import bugs_told
from syncd.simulation.sidelines.comebacks import POLICIES, Comebacks
from syncd.simulation.virtual_time import VirtualLoop

REST_S, QUIET_S = 7200.0, 70.0
SAMPLE = 3
"""Crashes of each kind in one test."""


def settings(policy: str) -> Settings:
    return settings_of(
        stores={"main": store_settings(returns=POLICIES[policy])},
        sync={"return_tracking_s": 60, "order_poll_s": 60, "shipment_poll_s": 30},
        limits={"lease_s": 40, "longest_wait_s": 60, "idle_s": 10},
    )


async def lived(policy: str, dies_after: int | None, dies_sending: int | None) -> tuple[int, int]:
    """Two of three units come back, in two labels. (calls, requests) of the life in which they do."""
    day = Day(Fates(settings=settings(policy)))
    try:
        await day.start()
        (order_id,) = day.sell(lines=1, quantity=3)
        await day.rest(REST_S, QUIET_S)
        parcel = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
        await day.rest(REST_S, QUIET_S)
        await day.stop()
        keeper = asyncio.create_task(_kept_alive(day, dies_after, dies_sending))
        for _ in range(2):
            lines = {item.line_item_key: 1 for item in parcel.items if item.line_item_key}
            label = day.shipstation.labels.buy_label(parcel.order.order_id, lines=lines, return_label=True)
            day.shipstation.carriage.scan(label.shipment_id, "DE")
        await day.passes(QUIET_S)
        await day.rest(REST_S, QUIET_S)
        counted = day.life.calls, day.life.requests
        agreed = set[str]()
        if policy == "suggest":
            assert Decimal(day.order(order_id)["refunded"]) == 0
            agreed = await _agreed(day)
        await day.passes(QUIET_S)
        await day.rest(REST_S, QUIET_S)
        keeper.cancel()
        comebacks = Comebacks(day, policy)
        comebacks.approved |= agreed
        assert await comebacks.judge() + comebacks.broken() == []
        judge(day, order_id, policy)
        assert day.wrong_returns() == []
        return counted
    finally:
        await day.end()


async def _agreed(day: Day) -> set[str]:
    desk = await desk_of(day)
    keys = [one["return"] for one in (await waiting_refunds(desk))["refunds"]]
    assert len(keys) == 2
    for key in keys:
        await approve_refunds(desk, [key])
    return set(keys)


async def _kept_alive(day: Day, dies_after: int | None, dies_sending: int | None) -> None:
    while True:
        if not day.first.is_up:
            try:
                await day.start(dies_after, dies_sending)
            except SyncError:
                day.kill()
            dies_after = dies_sending = None
        await asyncio.sleep(1.0)


def judge(day: Day, order_id: int, policy: str) -> None:
    order, (line,) = day.order(order_id), day.sold()[order_id].lines
    each = line.price + sum((tax.price for tax in line.taxes), Decimal(0)) / line.quantity
    refunds = [Decimal(one["amount"]) for one in order["refunds"]]
    assert refunds == ([] if policy == "off" else [each.quantize(Decimal("0.01"))] * 2)
    assert [sum(one["lines"].values()) for one in order["refunds"]] == [1] * len(refunds)
    if policy == "return":
        assert [(one["status"], sum(one["lines"].values())) for one in order["returns"]] == [("CLOSED", 1)] * 2
        assert len({number for one in order["returns"] for number in one["tracking"]}) == 2
    else:
        assert order["returns"] == []


def live(policy: str, dies_after: int | None = None, dies_sending: int | None = None) -> tuple[int, int]:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(lived(policy, dies_after, dies_sending))


def crash(policy: str, every: int | None = None) -> int:
    """Each `every`th crash of either kind, or a sample of both. How many there were."""
    calls, requests = live(policy)
    after = range(calls, 0, -(every or calls // SAMPLE))
    sending = range(requests, 0, -(every or requests // SAMPLE))
    for number in after:
        live(policy, dies_after=number)
    for number in sending:
        live(policy, dies_sending=number)
    return len(after) + len(sending)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_crash_at_any_call_pays_nothing_twice_and_nothing_unasked(policy: str) -> None:
    assert crash(policy) > SAMPLE


if __name__ == "__main__":
    for chosen in sys.argv[1:] or POLICIES:
        with bugs_told() as bugs:
            count = crash(chosen, 1)
        assert not bugs, bugs[0]
        print(f"{chosen}: {count} crashes, nothing doubled, nothing unasked", flush=True)
