"""The catalogue under crashes at any call, lost answers, lost webhooks and people on both sides: no PUT changes what is not ours, no
product is doubled, and at rest every product says what its article says.

2 examples each; `pytest --hypothesis-profile=nightly tests/test_catalog_under_fire.py` tries 80.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.operate.catalog import check_catalog, push_catalog
from syncd.sandbox.shipstation.faults import FaultRule as ShipStationFault
from syncd.sandbox.shopify.faults import FaultRule as ShopifyFault
from syncd.settings.whole import Settings
from syncd.simulation.day import ACCOUNT, SHOP, Day, Fates, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.sidelines.articles import Articles, articles, products
from tests.test_stock_under_fire import KINDS, LUCK, few, run

SCAN_S = 40.0
ARRIVES_S = 35.0
"""A PUT may be so long on its way: what the warehouse changed meanwhile is overwritten, as its documentation says."""
SPOILED = ("Articles", "ArticlesOf")


def quick(poll_s: float = 20.0) -> Settings:
    feeds = {"order_poll_s": poll_s, "shipment_poll_s": poll_s, "catalog_scan_s": SCAN_S}
    return settings_of(
        stores={"main": store_settings(catalog="push")},
        sync={"start_at": "2000-01-01T00:00:00Z", **feeds},
        limits={"longest_wait_s": 30, "lease_s": 40},
    )


def spoil(watched: Articles, number: int) -> None:
    kind = KINDS[number % len(KINDS)]
    if number % 2:
        rule = ShopifyFault(kind, operation=SPOILED[number // 7 % 2], times=1)  # type: ignore[arg-type]
        watched.day.shopify.faults.set([rule])
    else:
        rules = [ShipStationFault(kind, path="/products", times=2)] if kind != "internal_error_in_200" else []  # type: ignore[arg-type]
        watched.day.shipstation.faults.set(rules)


async def crash(watched: Articles, number: int) -> None:
    day = watched.day
    day.kill()
    await day.start(dies_after=3 + number % 60)
    await day.passes(10.0 + number % 30)
    day.kill()
    await day.start()


Deed = Callable[[Articles, int], Awaitable[None] | None]
DEEDS: dict[str, Deed] = {
    deed.__name__: deed for deed in (Articles.edit, Articles.rename, Articles.move_shelf, spoil, crash)
}
deeds = st.tuples(st.sampled_from(sorted(DEEDS)), st.integers(0, 400), st.integers(0, 40))
"""What, to whom, and how many seconds later the next one follows."""


@given(seed=st.integers(1, 40), script=st.lists(deeds, min_size=3, max_size=12))
@few
def test_products_follow_their_articles_and_the_warehouse_keeps_its_own(
    seed: int, script: list[tuple[str, int, int]]
) -> None:
    run(lived(seed, script))


async def lived(seed: int, script: list[tuple[str, int, int]]) -> None:
    day = Day(Fates(replace(SHOP, webhooks=LUCK), ACCOUNT, quick(), seed))
    try:
        watched = await begun(day)
        known = len(products(day))
        for name, number, wait_s in script:
            outcome = DEEDS[name](watched, number)
            if inspect.isawaitable(outcome):
                await outcome
            await day.passes(wait_s)
        day.shopify.faults.set([])
        day.shipstation.faults.set([])
        await judged(watched, known)
    finally:
        await day.end()


async def begun(day: Day) -> Articles:
    """A few articles with products that say the same."""
    await day.start()
    day.sell(3)
    await day.rest(quiet_s=SCAN_S + 10)
    watched = Articles(day, ARRIVES_S)
    day.network.before = watched.arrives
    return watched


async def judged(watched: Articles, known: int) -> None:
    """At rest, after a person took the shop's side of what was changed on both."""
    day = watched.day
    await day.rest(quiet_s=SCAN_S + 10)
    await push_catalog(await desk_of(day), ["main"])
    await day.rest(quiet_s=SCAN_S + 10)
    assert await watched.judge() == []
    (store,) = (await check_catalog(await desk_of(day), []))["stores"]
    assert store["agreeing"] == len(products(day)) == known
    assert {one.sku for one in products(day)} == {one.sku for one in articles(day)}
    assert watched.broken() == []
    assert (await day.account()).refused_429 == 0


DEATHS = [{"dies_after": number} for number in range(2, 78, 8)] + [{"dies_sending": n} for n in range(1, 18, 2)]
"""After a call that changed something, and while a request is on its way and arrives much later: some of all that there are."""


@pytest.mark.parametrize("death", DEATHS, ids=str)
def test_a_crash_at_a_call_leaves_one_product_that_says_it_all(death: dict[str, int]) -> None:
    run(crashed(death))


async def crashed(death: dict[str, int]) -> None:
    day = Day(Fates(settings=quick(poll_s=120.0)))
    try:
        watched = await begun(day)
        known = len(products(day))
        await day.stop()
        await day.start(**death)
        watched.edit(0)
        watched.rename(1)
        await day.passes(SCAN_S)
        assert day.life.is_over, "this call was never made"
        day.kill()
        watched.move_shelf(0)
        await day.start()
        await judged(watched, known)
    finally:
        await day.end()
