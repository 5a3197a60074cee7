"""The feeds by themselves: no webhook and no sweep helps them, so what they pass over nobody finds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from syncd.accounts import Accounts
from syncd.adapters import SystemRng
from syncd.errors import TransientError
from syncd.intake.feeds import AGAIN_S, Feed, Feeds
from syncd.intake.shifts import Shift
from syncd.ports import Http, Request, Response
from syncd.sandbox.shopify.faults import FaultRule
from syncd.sandbox.shopify.options import WebhookOptions
from syncd.simulation.day import ACCOUNT, FEED_S, SHOP, Day, Fates, settings_of
from syncd.simulation.ports import LoopClock
from tests.simulated import InlineDb

pytestmark = pytest.mark.usefixtures("virtual_time")

NEVER_S = 10**7
FEEDS_ALONE = Fates(
    shop=replace(SHOP, webhooks=WebhookOptions(enabled=False)),
    account=replace(ACCOUNT, webhooks=False),
    settings=settings_of(server={"public_url": ""}, sync={"order_poll_s": FEED_S, "sweep_s": NEVER_S}),
)


@pytest.fixture
def db() -> Iterator[InlineDb]:
    db = InlineDb()
    yield db
    db.close()


async def test_a_nudge_that_comes_during_a_look_is_another_look(db: InlineDb) -> None:
    """What it tells of may have happened after the list was read."""
    clock, stopping, looks = LoopClock(), asyncio.Event(), list[datetime]()

    async def poll() -> int:
        looks.append(clock.now())
        await clock.sleep(1.0)
        if len(looks) == 1:
            feeds.nudge("labels")
        await clock.sleep(1.0)
        return 0

    feed = Feed(Shift("labels", db, clock, SystemRng()), "shipstation", 3600.0, poll)
    feeds = Feeds([feed], Accounts(db, clock), db, clock, lambda: None)
    working = asyncio.create_task(feeds.work(feed, stopping))
    await clock.sleep(60.0)
    stopping.set()
    await working
    assert len(looks) == 2


async def test_a_nudge_whose_look_failed_is_a_look_a_minute_later(db: InlineDb) -> None:
    """360089: Shopify told of a move, the list was read, and the database was busy. Where looks are seldom, that took hours."""
    clock, stopping, looks = LoopClock(), asyncio.Event(), list[datetime]()

    async def poll() -> int:
        looks.append(clock.now())
        if len(looks) == 1:
            raise TransientError("store_busy", "database is locked")
        return 0

    feed = Feed(Shift("moves", db, clock, SystemRng()), "shopify:main", 36_000.0, poll, looks_at_start=False)
    feeds = Feeds([feed], Accounts(db, clock), db, clock, lambda: None)
    working = asyncio.create_task(feeds.work(feed, stopping))
    feeds.nudge("moves")
    for _ in range(10):
        await clock.sleep(15.0)
        await feeds.check()
    stopping.set()
    await working
    assert len(looks) == 2
    assert AGAIN_S <= (looks[1] - looks[0]).total_seconds() < 2 * AGAIN_S


@pytest.mark.parametrize("fates", [FEEDS_ALONE], ids=["feeds-alone"])
async def test_an_order_that_changes_again_in_the_second_in_which_it_was_read_is_news(day: Day) -> None:
    """Shopify's times have whole seconds: both changes bear the same one."""
    (order_id,) = day.sell()
    await day.rest()
    later = asyncio.get_running_loop().call_later

    def move_to(street: str) -> None:
        day.shopify.people.edit(order_id, address={"address1": street})

    def while_it_is_read(request: Request) -> None:
        if b"OrdersToShip" in (request.body or b""):
            day.network.before = None
            move_to("2 Second Street")
            later(0.001, move_to, "3 Third Street")

    day.network.before = while_it_is_read
    move_to("1 First Street")
    await day.rest()
    (there,) = day.there(order_id)
    assert there["shipTo"]["street1"] == "3 Third Street"


@pytest.mark.parametrize("fates", [FEEDS_ALONE], ids=["feeds-alone"])
async def test_a_machine_whose_clock_is_ahead_misses_nothing(day: Day) -> None:
    """Cursors go by the vendors' times."""
    day.first.jump(3600.0)
    await day.passes(3 * FEED_S)
    (order_id,) = day.sell()
    await day.until(lambda: day.there(order_id))
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.until(lambda: day.fulfillments(order_id))


@pytest.mark.parametrize("fates", [FEEDS_ALONE], ids=["feeds-alone"])
async def test_a_clock_that_is_set_back_by_hours_stops_no_feed(day: Day) -> None:
    """Who began before the time of day was known, as machines do when they start."""
    day.first.jump(18_000.0)
    await day.passes(3 * FEED_S)
    day.first.jump(-18_000.0)
    (order_id,) = day.sell()
    await day.until(lambda: day.there(order_id))
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.until(lambda: day.fulfillments(order_id))


class FarAhead:
    """The vendors; while `spoils` their lists tell times of the year 9999."""

    TIME = re.compile(rb'("(?:updatedAt|createDate|created_at)": ?)"[^"]*"')

    def __init__(self, vendors: Http) -> None:
        self.spoils = True
        self._vendors = vendors

    async def send(self, request: Request) -> Response:
        response = await self._vendors.send(request)
        is_list = b"OrdersSince" in (request.body or b"") or re.search(
            r"/(shipments|labels|fulfillments)\?", request.url
        )
        if not (self.spoils and is_list):
            return response
        time = b"9999-12-31T23:59:59" + (b"" if b'"createDate"' in response.body else b"Z")
        return Response(response.status, response.headers, self.TIME.sub(rb'\1"' + time + rb'"', response.body))


@pytest.mark.parametrize("fates", [FEEDS_ALONE], ids=["feeds-alone"])
async def test_a_row_of_the_year_9999_is_not_the_last_that_a_feed_reads(day: Day) -> None:
    day.network.vendors = vendors = FarAhead(day.network.vendors)
    (order_id,) = day.sell()
    await day.until(lambda: day.there(order_id))
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.until(lambda: day.fulfillments(order_id))
    await day.passes(3 * FEED_S)
    vendors.spoils = False
    (later_id,) = day.sell()
    await day.until(lambda: day.there(later_id))
    day.shipstation.labels.buy_label(day.there(later_id)[0]["orderId"])
    await day.until(lambda: day.fulfillments(later_id))


async def test_a_payment_that_no_webhook_told_is_found_although_the_last_one_said_unpaid(day: Day) -> None:
    (order_id,) = day.sell(mix={"unpaid": 1.0})
    await day.rest()
    day.shopify.people.unsubscribe()
    day.shopify.people.pay(order_id)
    await day.rest()
    assert await day.cause(order_id) == "in_shipstation"


@pytest.mark.parametrize("fates", [FEEDS_ALONE], ids=["feeds-alone"])
async def test_what_a_late_look_at_a_package_finds_reaches_the_state_of_its_order(day: Day) -> None:
    """Shopify fails for a while when it is asked about packages, so that the order was looked at before."""
    (order_id,) = day.sell()
    await day.rest()
    day.shopify.faults.set([FaultRule("error_500_before", times=9, operation="OrdersShipped")])
    for number in ("797000111222", "797000111333"):
        day.shipstation.labels.mark_shipped(day.there(order_id)[0]["orderId"], "fedex", number)
    await day.rest()
    assert await day.cause(order_id) == "lines_unknown"
