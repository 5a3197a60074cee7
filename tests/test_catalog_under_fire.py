"""The catalogue under crashes at any call, lost answers, lost webhooks and people on both sides: no PUT changes what is not ours, no
product is doubled, and at rest every product says what its article says.

4 examples each; `pytest --hypothesis-profile=nightly tests/test_catalog_under_fire.py` tries 80.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.catalog import OURS
from syncd.operate.catalog import check_catalog, push_catalog
from syncd.ports import Request
from syncd.sandbox.shipstation.faults import FaultRule as ShipStationFault
from syncd.sandbox.shipstation.records import Product
from syncd.sandbox.shipstation.v1_documents import product_document
from syncd.sandbox.shopify.faults import FaultRule as ShopifyFault
from syncd.sandbox.shopify.state import Variant
from syncd.settings.whole import Settings
from syncd.simulation.day import ACCOUNT, SHOP, Day, Fates, settings_of, store_settings
from syncd.simulation.desk import desk_of
from tests.test_stock_under_fire import KINDS, LUCK, few, run

SCAN_S = 40.0
ARRIVES_S = 35.0
"""A PUT may be so long on its way: what the warehouse changed meanwhile is overwritten, as its documentation says."""
THEIRS = ("warehouseLocation", "internalNotes", "defaultCost")
SPOILED = ("Articles", "ArticlesOf")


def quick(poll_s: float = 20.0) -> Settings:
    feeds = {"order_poll_s": poll_s, "shipment_poll_s": poll_s, "catalog_scan_s": SCAN_S}
    return settings_of(
        stores={"main": store_settings(catalog="push")},
        sync={"start_at": "2000-01-01T00:00:00Z", **feeds},
        limits={"longest_wait_s": 30, "lease_s": 40},
    )


@dataclass
class Watched:
    """`edited_at`: when somebody in the warehouse last changed a member of a product."""

    day: Day
    edited_at: dict[tuple[int, str], float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def arrives(self, request: Request) -> None:
        if request.method != "PUT" or "/products/" not in request.url:
            return
        body = json.loads(request.body or b"{}", parse_float=Decimal)
        there = self.day.shipstation.account.product(int(request.url.rpartition("/")[2]))
        now = self.day.clock.monotonic()
        for name, value in product_document(there).items():
            edited_at = self.edited_at.get((there.product_id, name), -ARRIVES_S)
            is_ours = name in OURS or name == "modifyDate"
            if not is_ours and body.get(name) != value and now - edited_at >= ARRIVES_S:
                self.broken.append(f"{now:.0f}: {name} of {there.sku} from {value} to {body.get(name)}")


def articles(day: Day) -> list[Variant]:
    shop = day.shopify.people.shop(None)
    return [one for _, one in sorted(shop.variants.items()) if one.sku and one.requires_shipping]


def products(day: Day) -> list[Product]:
    return sorted(day.shipstation.account.products.values(), key=lambda one: one.product_id)


def edit(watched: Watched, number: int) -> None:
    variant = articles(watched.day)[number % len(articles(watched.day))]
    changes: list[dict[str, Any]] = [
        {"grams": 100 + number},
        {"title": f"Name {number}"},
        {"barcode": f"{number:013d}"},
        {"harmonized_system_code": f"69{number:04d}", "country_code_of_origin": "PT"},
    ]
    watched.day.shopify.people.edit_article(variant.id + 1, **changes[number // 11 % 4])


def rename(watched: Watched, number: int) -> None:
    variant = articles(watched.day)[number % len(articles(watched.day))]
    watched.day.shopify.people.edit_article(variant.id + 1, sku=f"NEW-{variant.id % 1000}-{number}")


def move_shelf(watched: Watched, number: int) -> None:
    """Somebody in the warehouse changes what is the warehouse's, and sometimes what is ours too."""
    there = products(watched.day)[number % len(products(watched.day))]
    changes: dict[str, Any] = {THEIRS[number % 2]: f"shelf {number}"}
    weight = Decimal(number + 1) if number % 3 == 0 else there.weight_oz
    for name in changes:
        watched.edited_at[there.product_id, name] = watched.day.clock.monotonic()
    details = {**there.details, **changes}
    watched.day.shipstation.account.put_product(replace(there, details=details, weight_oz=weight))


def spoil(watched: Watched, number: int) -> None:
    kind = KINDS[number % len(KINDS)]
    if number % 2:
        rule = ShopifyFault(kind, operation=SPOILED[number // 7 % 2], times=1)  # type: ignore[arg-type]
        watched.day.shopify.faults.set([rule])
    else:
        rules = [ShipStationFault(kind, path="/products", times=2)] if kind != "internal_error_in_200" else []  # type: ignore[arg-type]
        watched.day.shipstation.faults.set(rules)


async def crash(watched: Watched, number: int) -> None:
    day = watched.day
    day.kill()
    await day.start(dies_after=3 + number % 60)
    await day.passes(10.0 + number % 30)
    day.kill()
    await day.start()


Deed = Callable[[Watched, int], Awaitable[None] | None]
DEEDS: dict[str, Deed] = {deed.__name__: deed for deed in (edit, rename, move_shelf, spoil, crash)}
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


async def begun(day: Day) -> Watched:
    """A few articles with products that say the same."""
    await day.start()
    day.sell(3)
    await day.rest(quiet_s=SCAN_S + 10)
    watched = Watched(day)
    day.network.before = watched.arrives
    return watched


async def judged(watched: Watched, known: int) -> None:
    """At rest, after a person took the shop's side of what was changed on both."""
    day = watched.day
    await day.rest(quiet_s=SCAN_S + 10)
    await push_catalog(await desk_of(day), ["main"])
    await day.rest(quiet_s=SCAN_S + 10)
    (store,) = (await check_catalog(await desk_of(day), []))["stores"]
    assert (store["differing"], store["edited"], store["refused"], store["doubled"]) == ([], [], [], [])
    assert store["agreeing"] == len(products(day)) == known
    assert {one.sku for one in products(day)} == {one.sku for one in articles(day)}
    assert watched.broken == []
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
        edit(watched, 0)
        rename(watched, 1)
        await day.passes(SCAN_S)
        assert day.life.is_over, "this call was never made"
        day.kill()
        move_shelf(watched, 0)
        await day.start()
        await judged(watched, known)
    finally:
        await day.end()
