"""Stories of lost access: an account that does not let us in is paused alone, costs no order an attempt, and resumes by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncd.operate.keys import read_keys
from syncd.operate.status import read_status, status_text
from syncd.sandbox.shipstation.faults import FaultRule as ShipStationRule
from syncd.sandbox.shopify.options import ALL_SCOPES
from syncd.simulation.day import PUBLIC, SECRET, SHOP, Day, Fates, settings_of
from syncd.simulation.desk import desk_of

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
OLD, NEW = ("sandbox-key", "sandbox-secret"), ("next-key-0123456789", "next-secret")
ACCOUNT = {
    "api_key": OLD[0],
    "api_secret": OLD[1],
    "next_api_key": NEW[0],
    "next_api_secret": NEW[1],
    "key_expires_on": "2026-12-02",
    "next_key_expires_on": "2027-05-01",
    "v1_url": "https://ship.test",
    "webhook_secret": SECRET,
}
TWO_PAIRS = pytest.mark.parametrize("fates", [Fates(settings=settings_of(shipstation=ACCOUNT))], ids=["two-pairs"])


async def told(day: Day) -> dict[str, Any]:
    return await read_status(day.db, day.clock, day.settings, day.db)


async def causes_of_pauses(day: Day) -> dict[str, str]:
    return {one["account"]: one["cause"] for one in (await told(day))["paused"]}


def attempts(day: Day) -> set[int]:
    return {row["attempts"] for row in day.rows("SELECT attempts FROM marks")}


@BOTH
@TWO_PAIRS
async def test_the_next_key_pair_takes_over_at_once_and_is_remembered(day: Day) -> None:
    day.shipstation.add_key(*NEW)
    day.sell(3)
    await day.rest()
    day.shipstation.expire_key(OLD[0])
    day.sell(3)
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 6}
    assert attempts(day) == {0}
    first, second = await read_keys(await desk_of(day))
    assert (first["state"], second["state"], second["days_left"]) == ("refused", "in_use", 162)
    assert "It may be deleted after" in first["advice"]


@TWO_PAIRS
async def test_a_start_after_the_first_pair_expired_costs_no_refused_call(day: Day) -> None:
    day.shipstation.add_key(*NEW)
    day.shipstation.expire_key(OLD[0])
    await day.passes(60)
    await day.stop()
    asked = len(day.network.sent)
    await day.start()
    await day.passes(60)
    used = {one.headers["Authorization"] for one in day.network.sent[asked:] if one.url.startswith("https://ship.test")}
    assert len(used) == 1


@TWO_PAIRS
async def test_an_expiry_within_two_weeks_is_told(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    await day.passes(60)
    assert "expires in 12 days" in status_text(await told(day))
    assert capsys.readouterr().out.count("key_pair.expiring") == 1
    body = await day.duties.reports.metrics() if day.duties else b""
    assert b'syncd_shipstation_key_days_left{setting="shipstation.api_key"} 12.0' in body


PAUSES: list[tuple[str, str]] = [
    ("expired", "key_refused"),
    ("plan", "plan_402"),
    ("forbidden", "forbidden"),
    ("locked", "account_locked"),
    ("blocked", "calls_blocked"),
]


@pytest.mark.parametrize(("access", "cause"), PAUSES, ids=[access for access, _ in PAUSES])
async def test_a_shipstation_that_keeps_us_out_names_why_and_lets_orders_wait(
    day: Day, access: str, cause: str
) -> None:
    day.shipstation.set_options({"access": access})
    (order_id,) = day.sell()
    await day.passes(90)
    assert await causes_of_pauses(day) == {"shipstation": cause}
    assert await day.cause(order_id) == cause
    assert attempts(day) == {0}
    day.shipstation.set_options({"access": "ok"})
    await day.passes(90)
    await day.rest()
    assert await causes_of_pauses(day) == {}
    assert (await day.assert_clean()).states == {"in_shipstation": 1}


async def test_the_sentence_about_the_plan_says_plan(day: Day) -> None:
    day.shipstation.set_options({"access": "plan"})
    await day.passes(60)
    (line,) = [line for line in status_text(await told(day)).splitlines() if line.startswith("PAUSED")]
    assert "plan" in line


def _uninstall(day: Day) -> None:
    day.shopify.uninstall()


def _without_scope(day: Day) -> None:
    day.shopify.people.revoke_scopes(["read_orders", "write_orders"])


def _access(name: str) -> Callable[[Day], None]:
    return lambda day: day.shopify.people.set_options({"access": name})


SHOP_PAUSES: dict[str, tuple[Callable[[Day], None], str]] = {
    "uninstalled": (_uninstall, "app_refused"),
    "scope": (_without_scope, "scope_missing"),
    "frozen": (_access("frozen"), "shop_frozen"),
    "locked": (_access("locked"), "account_locked"),
    "blocked": (_access("blocked"), "calls_blocked"),
    "forbidden": (_access("forbidden"), "forbidden"),
}


@pytest.mark.parametrize(("shuts", "cause"), SHOP_PAUSES.values(), ids=SHOP_PAUSES)
async def test_a_shop_that_keeps_us_out_names_why_and_resumes_by_itself(
    day: Day, shuts: Callable[[Day], None], cause: str
) -> None:
    shuts(day)
    day.sell(2)
    await day.passes(150)
    assert await causes_of_pauses(day) == {"shopify:main": cause}
    assert attempts(day) <= {0}
    day.shopify.people.set_options({"access": "ok", "scopes": list(ALL_SCOPES)})
    await day.passes(150)
    await day.rest()
    assert await causes_of_pauses(day) == {}
    assert (await day.assert_clean()).states == {"in_shipstation": 2}


async def test_a_missing_scope_is_told_once_however_many_other_calls_are_answered(
    day: Day, capsys: pytest.CaptureFixture[str]
) -> None:
    _without_scope(day)
    await day.passes(600)
    out = capsys.readouterr().out
    assert (out.count("access.lost"), out.count("account.resumed")) == (1, 0)


OUTAGE_S = 1800
RARE = settings_of(sync={"start_at": "2000-01-01T00:00:00Z", "order_poll_s": 300, "shipment_poll_s": 300})


@BOTH
@pytest.mark.parametrize("fates", [Fates(settings=RARE)], ids=["rare"])
async def test_orders_wait_out_an_outage_without_access_and_drain_by_themselves(day: Day) -> None:
    day.shipstation.set_options({"access": "expired"})
    day.sell(10, over_s=600.0)
    await day.passes(OUTAGE_S)
    assert attempts(day) == {0}
    day.shipstation.set_options({"access": "ok"})
    await day.passes(180)
    await day.rest()
    assert (await day.assert_clean()).states == {"in_shipstation": 10}


ALWAYS_500 = ShipStationRule("error_500_before", path="/orders/createorders")
HASTY = settings_of(limits={"longest_wait_s": 5, "attempts": 3})


@pytest.mark.parametrize("fates", [Fates(settings=HASTY)], ids=["hasty"])
async def test_orders_are_not_parked_for_an_outage_of_all_writes(day: Day) -> None:
    day.shipstation.faults.set([ALWAYS_500])
    day.sell(3)
    await day.passes(200)
    assert min(attempts(day)) > 3
    day.shipstation.faults.set([])
    await day.rest()
    assert (await day.assert_clean()).states == {"in_shipstation": 3}


# webhooks


async def test_subscriptions_deleted_by_somebody_are_back_within_ten_minutes(day: Day) -> None:
    day.shopify.people.unsubscribe()
    day.shipstation.unsubscribe()
    (order_id,) = day.sell()
    await day.until(day.is_subscribed, longest_s=600)
    await day.rest()
    assert await day.cause(order_id) == "in_shipstation"


async def test_an_event_that_is_told_twice_is_told_once_again(day: Day) -> None:
    """A call whose answer was lost had been carried out."""
    await day.until(day.is_subscribed)
    known = day.shipstation.webhooks.subscriptions
    before = dict(known)
    first = next(iter(before.values()))
    day.shipstation.webhooks.subscribe(first.event, first.url, None, "again")
    assert known != before
    await day.until(lambda: known == before, longest_s=600)


ROTATED = replace(SHOP, webhooks=replace(SHOP.webhooks, old_secret_signs_s=0.0))


@pytest.mark.parametrize("fates", [Fates(shop=ROTATED)], ids=["at-once"])
async def test_a_wrong_client_secret_raises_an_alarm_within_a_minute_and_polling_carries_on(day: Day) -> None:
    await day.rest()
    day.shopify.people.rotate_secret("brand-new")
    (order_id,) = day.sell()
    await day.passes(60)
    (alarm,) = (await told(day))["alarms"]
    assert alarm["name"] == "webhooks:main"
    assert "stores.main.client_secret" in alarm["text"]
    await day.rest()
    assert await day.cause(order_id) == "in_shipstation"


SLOW_TO_ROTATE = replace(SHOP, webhooks=replace(SHOP.webhooks, old_secret_signs_s=60.0))


@pytest.mark.parametrize("fates", [Fates(shop=SLOW_TO_ROTATE)], ids=["after-a-minute"])
async def test_both_secrets_are_good_while_shopify_still_signs_with_the_old_one(day: Day) -> None:
    await day.stop()
    stores = {"main": {**day.settings.stores["main"].model_dump(), "client_secret": "brand-new"}}
    stores["main"]["previous_client_secret"] = SHOP.client_secret
    day.configure(settings_of(stores=stores))
    day.shopify.people.rotate_secret("brand-new")
    await day.start()
    (early,) = day.sell()
    await day.passes(60)
    (late,) = day.sell()
    await day.rest()
    assert [await day.cause(order_id) for order_id in (early, late)] == ["in_shipstation"] * 2
    assert (await told(day))["alarms"] == []


async def test_a_new_webhook_secret_leaves_the_former_path_open(day: Day) -> None:
    await day.stop()
    secrets = {**ACCOUNT, "webhook_secret": "another-0123456789abc", "previous_webhook_secret": SECRET}
    day.configure(settings_of(shipstation=secrets))
    await day.start()
    await day.passes(30)
    assert await day.webhooks.shipstation_posted(SECRET, b"{}") == 200
    addresses = {one.url for one in day.shipstation.webhooks.subscriptions.values()}
    assert addresses == {f"{PUBLIC}/webhooks/shipstation/another-0123456789abc"}
