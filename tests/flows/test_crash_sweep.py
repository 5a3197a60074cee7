"""The daemon dies at every single call to network or database of a small day, one run for each, and the books are clean every time.

A run that dies after call k differs from one that dies before call k + 1 in nothing that lasts.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from syncd.simulation.day import SHOP, Day, Fates, settings_of
from syncd.simulation.ports import Life
from syncd.simulation.virtual_time import VirtualLoop

PARTS = 60
"""The sweep is cut into tests, each of which takes its share of the calls."""

FATES = Fates(
    settings=settings_of(limits={"lease_s": 40}),
    shop=replace(SHOP, routing_delay_s=(0.5, 1.0), risk_delay_s=(0.5, 1.0)),
)


async def the_day(day: Day) -> None:
    """Two orders: one leaves in two packages, the other is cancelled."""
    ships, cancelled = day.sell(2, lines=1, quantity=2)
    await day.until(lambda: day.there(ships) and day.there(cancelled))
    (there,) = day.there(ships)
    for _ in range(2):
        day.shipstation.labels.buy_label(there["orderId"], lines={there["items"][0]["lineItemKey"]: 1})
    day.shopify.people.cancel(cancelled)
    await day.until(lambda: len(day.fulfillments(ships)) == 2)
    await day.rest()
    await day.assert_clean()
    assert [await day.cause(one) for one in (ships, cancelled)] == ["shipped", "cancelled"]
    assert len(day.fulfillments(ships)) == 2


async def _keep_alive(day: Day) -> None:
    while True:
        await asyncio.sleep(1.0)
        if day.life.is_over:
            await day.start()


def live(dies_after: int | None = None, dies_sending: int | None = None) -> Life:
    """The first life of a day. Whenever the daemon is dead, it is started again."""

    async def story() -> Life:
        day = Day(FATES)
        try:
            await day.start(dies_after, dies_sending)
            first = day.life
            keeper = asyncio.create_task(_keep_alive(day))
            await the_day(day)
            keeper.cancel()
            return first
        finally:
            await day.end()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story())


@pytest.fixture(scope="module")
def undisturbed() -> Life:
    return live()


@pytest.mark.parametrize("part", range(PARTS))
def test_a_day_with_a_crash_at_any_call_ends_with_clean_books(undisturbed: Life, part: int) -> None:
    for number in range(1 + part, undisturbed.calls + 1, PARTS):
        try:
            live(dies_after=number)
        except AssertionError as error:
            raise AssertionError(f"died after call {number} of {undisturbed.calls}: {error}") from error


@pytest.mark.parametrize("part", range(PARTS))
def test_requests_that_arrive_after_their_sender_died_double_nothing(undisturbed: Life, part: int) -> None:
    for number in range(1 + part, undisturbed.requests + 1, PARTS):
        try:
            live(dies_sending=number)
        except AssertionError as error:
            raise AssertionError(f"died sending request {number} of {undisturbed.requests}: {error}") from error
