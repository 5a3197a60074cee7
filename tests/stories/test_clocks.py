"""Stories of clocks that are set, or that differ from one replica to the next, while an answer is outstanding."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from syncd.errors import TransientError
from syncd.operate.doctor import check_vendors
from syncd.ports import Http, Request, Response
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from syncd.store.memory import beat
from syncd.wiring import remember_start
from tests.stories.packing import SETTINGS, an_order, label, numbers


class Late:
    """The vendors; the first fulfillment is made so late that nobody waits for its answer any more."""

    def __init__(self, vendors: Http, late_s: float) -> None:
        self.has_begun = asyncio.Event()
        self._vendors = vendors
        self._late_s = late_s

    async def send(self, request: Request) -> Response:
        if b"mutation CreateFulfillment" in (request.body or b"") and not self.has_begun.is_set():
            self.has_begun.set()
            await asyncio.sleep(self._late_s)
        return await self._vendors.send(request)


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=SETTINGS)


@pytest.mark.parametrize("ahead_s", [80.0, -80.0])
@pytest.mark.parametrize("dies", [False, True], ids=["the same process", "the next one"])
async def test_a_parcel_is_told_once_whatever_the_time_of_day_was_when_its_call_left(
    day: Day, ahead_s: float, dies: bool
) -> None:
    """Whoever looks for the effect must have waited for it by a clock that nobody sets. Shopify takes a part of the goods twice."""
    order_id, there = await an_order(day)
    day.network.vendors = vendors = Late(day.network.vendors, late_s=50.0)
    parcel = label(day, there, 1)
    await vendors.has_begun.wait()
    await day.passes(35.0)
    day.first.jump(ahead_s)
    if dies:
        day.kill()
        await day.start()
    await day.rest()
    assert numbers(day, order_id) == {parcel.tracking_number: 1}
    await day.assert_clean()


@pytest.mark.parametrize("dies", [False, True], ids=["the same process", "the next one"])
async def test_what_was_put_off_by_a_clock_that_is_set_back_since_does_not_wait_until_then(
    day: Day, dies: bool
) -> None:
    """Who began before the time of day was known, while the network was not there yet either."""
    day.first.jump(18_000.0)
    day.shopify.faults.set([FaultRule("error_500_before", times=1_000_000, operation="OrdersToShip")])
    (order_id,) = day.sell()
    await day.passes(120.0)
    if dies:
        day.kill()
    day.first.jump(-18_000.0)
    day.shopify.faults.set([])
    if dies:
        await day.start()
    await day.until(lambda: day.there(order_id))


@pytest.mark.parametrize("dies", [False, True], ids=["the same process", "the next one"])
async def test_a_gap_found_by_a_clock_that_is_set_back_since_is_over_once_all_is_read(day: Day, dies: bool) -> None:
    """Until then nothing older is sent."""
    day.kill()
    await day.db.run(beat(day.clock.now() - timedelta(days=1)))
    day.first.jump(18_000.0)
    day.network.before = _away
    await day.start()
    await day.passes(30.0)
    if dies:
        day.kill()
    day.first.jump(-18_000.0)
    day.network.before = None
    if dies:
        await day.start()
    (order_id,) = day.sell()
    await day.until(lambda: day.there(order_id))


async def test_subscriptions_are_looked_at_though_the_clock_was_set_back_by_hours(day: Day) -> None:
    """What begins every few minutes is begun by the time of day."""
    day.first.jump(-18_000.0)
    await day.passes(60.0)
    day.shopify.people.unsubscribe()
    await day.until(day.is_subscribed)


@pytest.fixture
def first_start(fates: Fates) -> Fates:
    """A daemon to which nobody said from when on."""
    fates.settings = settings_of(sync={"start_at": None})
    return fates


async def starts_anew(day: Day, ahead_s: float) -> None:
    """On a database that remembers no start."""
    day.kill()
    day.execute("DELETE FROM cursors")
    day.first.jump(ahead_s)
    await day.start()


async def test_orders_are_sent_from_the_first_start_on_though_its_clock_was_ahead(first_start: Fates, day: Day) -> None:
    """It is never set right: all that was sold within five hours would have been before the start."""
    await starts_anew(day, 18_000.0)
    (order_id,) = day.sell()
    await day.until(lambda: day.there(order_id))


async def test_nothing_from_before_the_first_start_is_sent_though_its_clock_was_behind(
    first_start: Fates, day: Day
) -> None:
    """It left by another way."""
    day.kill()
    (order_id,) = day.sell()
    await day.passes(3600.0)
    await starts_anew(day, -18_000.0)
    await day.passes(600.0)
    assert await day.cause(order_id) in ("", "before_start")
    assert day.there(order_id) == []


async def test_a_first_start_without_a_network_waits_for_the_time_of_day(first_start: Fates, day: Day) -> None:
    """Its clock is ahead, and is set right only when the network is there."""
    day.kill()
    day.execute("DELETE FROM cursors")
    day.first.jump(18_000.0)
    day.network.before = _away
    starting = asyncio.create_task(day.start())
    await day.passes(120.0)
    day.network.before = None
    await starting
    day.first.jump(-18_000.0)
    (order_id,) = day.sell()
    await day.until(lambda: day.there(order_id))


async def test_a_start_noted_by_a_clock_that_was_ahead_is_corrected(first_start: Fates, day: Day) -> None:
    """By a version that believed it."""
    day.kill()
    later = day.clock.now() + timedelta(hours=5)
    await remember_start(day.db, later, later)
    await day.start()
    (order_id,) = day.sell()
    await day.until(lambda: day.there(order_id))


def _away(request: Request) -> None:
    raise TransientError("connect_failed", "the network is not there yet")


@pytest.mark.parametrize(
    ("fates", "words"),
    [
        (Fates(vendors_ahead_s=-7200.0), "ahead of the shop"),
        (Fates(vendors_ahead_s=400.0), "behind the shop"),
        (Fates(vendors_ahead_s=200.0), "from this machine's"),
    ],
    ids=["ahead", "behind", "near"],
)
async def test_doctor_compares_the_clock_of_this_machine_with_the_shop_s(day: Day, fates: Fates, words: str) -> None:
    found = {one["check"]: one for one in await check_vendors(day.settings, (await desk_of(day)).vendors)}
    told = found["store main clock"]
    (seconds,) = [int(word) for word in told["text"].split() if word.isdigit()]
    assert seconds == pytest.approx(abs(fates.vendors_ahead_s), abs=2)
    assert told["text"].endswith(words)
    assert told["result"] == ("fault" if "the shop" in words else "ok")
