"""Stories of rules that choose by rates: chosen once, remembered, told in the journal, and never a reason for an order to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mappings.rules_file import rules_of_file
from syncd.operate.explain import explain_order, plan_order_now, plan_text
from syncd.operate.rule_trials import trials_text, try_rules
from syncd.ports import Request, Response
from syncd.sandbox.shipstation.catalog import CARRIERS
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.sandbox.shipstation.rates import Parcel, rates_of
from syncd.sandbox.shipstation.units import ounces
from syncd.settings.whole import Settings
from syncd.simulation.day import ACCOUNT, Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from tests.stories.bodies import HOME
from tests.stories.test_rules import MUG, choice, open_orders, sold

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)

ON_V1 = {"v2_api_key": "", "orders_api": "v1"}
V1_WITH_V2_KEY = {"orders_api": "v1"}
ON_V2 = {"orders_api": "v2"}

CHEAPEST = 'rate = { choose = "cheapest", fallback = { carrier = "fedex", service = "fedex_ground" } }'
NAMED = (
    'rate = { choose = "cheapest", among = ["ups", "fedex"], fallback = { carrier = "ups", service = "ups_ground" } }'
)
IN_TWO_DAYS = (
    'rate = { choose = "cheapest", within_days = 2, fallback = { carrier = "fedex", service = "fedex_2day_am" } }'
)
FASTEST = 'rate = { choose = "fastest", within_days = 3 }'


def fates_of(then: str, shipstation: Mapping[str, Any] = V1_WITH_V2_KEY, when: str = "") -> Fates:
    text = f'[rules_settings]\nmode = "all"\n[[rules]]\nname = "by rate"\nwhen = {{ {when} }}\nthen = {{ {then} }}\n'
    rules = rules_of_file(text, "rules.toml")
    settings = settings_of(shipstation=shipstation).model_copy(update={"rules": rules})
    parts: Any = "split" if shipstation is ON_V2 else "labels"
    return Fates(account=replace(ACCOUNT, parts_style=parts), settings=settings)


def on(then: str, *ways: Mapping[str, Any]) -> pytest.MarkDecorator:
    names = {id(ON_V1): "V1", id(V1_WITH_V2_KEY): "V1 with a V2 key", id(ON_V2): "V2"}
    params = [pytest.param(fates_of(then, way), id=names[id(way)]) for way in ways or (ON_V1, V1_WITH_V2_KEY, ON_V2)]
    return pytest.mark.parametrize("fates", params)


@pytest.fixture
async def day(day: Day) -> Day:
    """What the start costs is over, and V1's window open."""
    await day.passes(65)
    return day


def offers(day: Day) -> dict[tuple[str, str], tuple[Decimal, int]]:
    """(carrier, service) -> (price, days) of every rate for a mug, as the sandbox has them."""
    parcel = Parcel("US", HOME["zip"], ounces({"value": 450, "units": "grams"}))
    found = rates_of(parcel, [one.provider_id for one in CARRIERS], day.shipstation.account.options)
    return {(one.carrier.code, one.service_code): (one.amount, one.days) for one in found if not one.refusal}


def best(day: Day, days: int = 99, among: tuple[str, ...] = ()) -> tuple[str, str]:
    fitting = [
        (amount, took, *service)
        for service, (amount, took) in offers(day).items()
        if took <= days and (not among or service[0] in among)
    ]
    return min(fitting)[2:]


async def told(day: Day, order_id: int) -> dict[str, Any]:
    story = await explain_order(await desk_of(day), f"main/{order_id}", offline=True)
    return dict(story["history"][0]["facts"].get("rate") or {})


def only(day: Day, order_id: int) -> dict[str, Any]:
    (there,) = open_orders(day, order_id)
    return there


def dearer(day: Day, *services: str) -> None:
    options = day.shipstation.account.options
    day.shipstation.account.options = replace(options, surcharge_cents=tuple((one, 5000) for one in services))


@BOTH
@on(CHEAPEST)
async def test_the_cheapest_of_all_is_set_before_the_warehouse_sees_it(day: Day) -> None:
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == best(day)
    facts = await told(day, order_id)
    assert facts["service"] == "/".join(best(day))
    assert (Decimal(facts["amount"]), facts["compared"]) == (offers(day)[best(day)][0], len(offers(day)))
    await day.assert_clean()


@on(NAMED)
async def test_only_those_that_the_rule_names_are_asked(day: Day) -> None:
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == best(day, among=("ups", "fedex"))
    await day.assert_clean()


@on(IN_TWO_DAYS, V1_WITH_V2_KEY, ON_V2)
async def test_within_days_means_the_cheapest_of_those_that_arrive_in_time(day: Day) -> None:
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == best(day, days=2)
    assert (await told(day, order_id))["days"] == 2
    assert best(day) != best(day, days=2)
    await day.assert_clean()


@on(FASTEST, V1_WITH_V2_KEY, ON_V2)
async def test_the_fastest_is_the_one_with_the_fewest_days_and_of_these_the_cheapest(day: Day) -> None:
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == best(day, days=2)
    await day.assert_clean()


@BOTH
@on(CHEAPEST)
async def test_a_price_that_changes_moves_no_order_neither_by_an_edit_nor_by_a_restart(day: Day) -> None:
    order_id = sold(day, {**MUG, "quantity": 2})
    await day.rest()
    before = choice(only(day, order_id))
    dearer(day, before[1] or "")
    day.kill()
    await day.start()
    writes = day.writes()
    await day.rest()
    assert day.writes() == writes
    (line,) = day.order(order_id)["lines"]
    day.shopify.people.edit(order_id, quantities={line["id"]: 1}, address={"address1": "7 New Road"})
    await day.rest()
    assert choice(only(day, order_id)) == before
    assert day.writes() == writes + 1
    await day.assert_clean()


@on(CHEAPEST)
async def test_orders_of_like_parcels_share_one_answer(day: Day) -> None:
    for _ in range(5):
        sold(day, MUG)
        await day.rest()
    asked = len(day.calls("/getrates")) + len(day.calls("/rates/estimate"))
    assert asked in (1, len(CARRIERS))
    assert len({choice(one) for one in day.shipstation.state()["orders"].values()}) == 1
    await day.assert_clean()


@on(CHEAPEST)
async def test_carriers_that_refuse_leave_the_fallback(day: Day) -> None:
    options = day.shipstation.account.options
    day.shipstation.account.options = replace(options, no_rates_from=tuple(one.code for one in CARRIERS))
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == ("fedex", "fedex_ground")
    assert await told(day, order_id) == {"service": "fedex/fedex_ground", "without": "refused"}
    await day.assert_clean()


@on(CHEAPEST)
async def test_one_carrier_that_refuses_leaves_the_choice_among_the_others(day: Day) -> None:
    options = day.shipstation.account.options
    day.shipstation.account.options = replace(options, no_rates_from=(best(day)[0],))
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == best(day)
    await day.assert_clean()


@pytest.mark.parametrize("kind", ["lost_answer", "error_500_before", "html", "truncated"])
@on(CHEAPEST)
async def test_an_answer_that_does_not_come_leaves_the_fallback(day: Day, kind: Any) -> None:
    day.shipstation.faults.set([FaultRule(kind, path="/v2/rates"), FaultRule(kind, path="/shipments/getrates")])
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == ("fedex", "fedex_ground")
    assert (await told(day, order_id))["without"] in ("failed", "late")
    await day.assert_clean()


@on(CHEAPEST)
async def test_a_slow_vendor_is_not_waited_for_and_not_asked_again_at_once(day: Day) -> None:
    vendors = day.network.vendors

    class Slow:
        async def send(self, request: Request) -> Response:
            if "rates" in request.url:
                await asyncio.sleep(25.0)
            return await vendors.send(request)

    day.network.vendors = Slow()
    first = sold(day, MUG)
    began = day.clock.monotonic()
    await day.until(lambda: day.there(first))
    assert day.clock.monotonic() - began < 25
    asked = len(day.calls("rates"))
    second = sold(day, {**MUG, "grams": 900})
    await day.until(lambda: day.there(second))
    assert len(day.calls("rates/estimate")) + len(day.calls("getrates")) <= asked + len(CARRIERS)
    await day.rest()
    assert {choice(only(day, one)) for one in (first, second)} == {("fedex", "fedex_ground")}
    assert await told(day, first) == {"service": "fedex/fedex_ground", "without": "late"}
    await day.assert_clean()


@pytest.mark.parametrize("fates", [pytest.param(fates_of(CHEAPEST, ON_V1), id="V1")])
async def test_a_window_that_others_need_leaves_the_fallback(day: Day) -> None:
    order_ids = [sold(day, {**MUG, "grams": 300 + 300 * number}) for number in range(8)]
    await day.rest()
    reasons = [(await told(day, order_id)).get("without") for order_id in order_ids]
    assert "budget" in reasons
    assert None in reasons
    fallen = {choice(only(day, one)) for one, why in zip(order_ids, reasons, strict=True) if why}
    assert fallen == {("fedex", "fedex_ground")}
    await day.assert_clean()


def spent_on_v2(limit: int) -> Fates:
    fates = fates_of(CHEAPEST, {**ON_V2, "v2_requests_per_window": limit})
    return replace(fates, account=replace(fates.account, parts_style="split", v2_requests_per_window=limit))


@pytest.mark.parametrize("fates", [pytest.param(spent_on_v2(20), id="V2")])
async def test_in_a_small_window_of_v2_orders_go_before_rates(day: Day) -> None:
    order_ids = [sold(day, {**MUG, "grams": 300 + 300 * number}) for number in range(12)]
    await day.rest()
    reasons = {(await told(day, order_id)).get("without") for order_id in order_ids}
    assert "budget" in reasons
    assert reasons <= {"budget", None}
    await day.assert_clean()


@pytest.mark.parametrize("access", ["inventory_only", "plan", "expired"])
@on(CHEAPEST, V1_WITH_V2_KEY)
async def test_where_v2_tells_no_rates_v1_is_asked(day: Day, access: Any) -> None:
    day.shipstation.account.options = replace(day.shipstation.account.options, v2_access=access)
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == best(day)
    assert day.calls("/getrates")
    await day.assert_clean()


@on(CHEAPEST)
async def test_a_refusal_for_too_many_calls_leaves_the_fallback_and_the_order_goes(day: Day) -> None:
    vendors = day.network.vendors

    class Busy:
        async def send(self, request: Request) -> Response:
            if "/getrates" in request.url or "/rates/estimate" in request.url:
                return Response(
                    429, {"x-rate-limit-reset": "7", "retry-after": "7"}, b'{"message":"Too Many Requests"}'
                )
            return await vendors.send(request)

    day.network.vendors = Busy()
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == ("fedex", "fedex_ground")
    assert await told(day, order_id) == {"service": "fedex/fedex_ground", "without": "budget"}
    await day.assert_clean()


def test_days_need_the_api_that_tells_them() -> None:
    given = {**settings_of(shipstation=ON_V1).model_dump(), "rules": fates_of(FASTEST).settings.rules}
    with pytest.raises(ValueError, match="V1's rates tell no days") as caught:
        Settings.model_validate(given)
    assert "rule 'by rate' asks how many days" in str(caught.value)


@on('rate = { choose = "cheapest" }')
async def test_without_rate_and_fallback_an_order_goes_without_a_service(day: Day) -> None:
    options = day.shipstation.account.options
    day.shipstation.account.options = replace(options, no_rates_from=tuple(one.code for one in CARRIERS))
    order_id = sold(day, MUG)
    await day.rest()
    assert choice(only(day, order_id)) == (None, None)
    assert await told(day, order_id) == {"service": "", "without": "refused"}
    story = await explain_order(await desk_of(day), f"main/{order_id}", offline=True)
    assert "No rate was chosen, because no carrier gave a rate: it went without a service." in str(story)
    await day.assert_clean()


@pytest.mark.parametrize("fates", [fates_of(CHEAPEST, when='any_tag = "economy"')])
async def test_a_rule_that_hits_later_asks_then_and_leaves_the_warehouses_choice_alone(day: Day) -> None:
    free, taken = sold(day, MUG), sold(day, MUG)
    await day.rest()
    assert {choice(only(day, one)) for one in (free, taken)} == {(None, None)}
    day.shipstation.edit(only(day, taken)["orderId"], {"carrierCode": "ups", "serviceCode": "ups_ground"})
    for order_id in (free, taken):
        day.shopify.people.tag(order_id, add=["economy"])
    await day.rest()
    assert choice(only(day, free)) == best(day)
    assert choice(only(day, taken)) == ("ups", "ups_ground")
    writes = day.writes()
    dearer(day, best(day)[1])
    day.shopify.people.tag(free, add=["seen"])
    await day.rest()
    assert day.writes() == writes
    await day.assert_clean()


@on(CHEAPEST)
@pytest.mark.parametrize("died_after", range(2, 30, 4))
async def test_a_crash_at_any_call_neither_loses_nor_doubles_nor_rates_anew(day: Day, died_after: int) -> None:
    day.kill()
    await day.start(dies_after=died_after)
    order_id = sold(day, MUG)
    await day.passes(20)
    day.kill()
    rows = day.rows("SELECT choice FROM consignments")
    if rows:
        dearer(day, *{service for _, service in offers(day)} - {"fedex_2day_am"})
    await day.start()
    await day.rest()
    there = only(day, order_id)
    assert (choice(there) in {best(day), ("fedex", "fedex_2day_am")}) or rows
    if rows and rows[0]["choice"]:
        assert f'"{there["serviceCode"]}"' in rows[0]["choice"]
    await day.assert_clean()


@pytest.mark.parametrize("fates", [fates_of(CHEAPEST)])
async def test_a_lost_database_leaves_carrier_and_service_as_they_lie_there(day: Day) -> None:
    order_id = sold(day, MUG)
    await day.rest()
    before = choice(only(day, order_id))
    day.kill()
    for table in ("consignments", "marks", "orders", "cursors", "journal"):
        day.execute(f"DELETE FROM {table}")
    dearer(day, before[1] or "")
    await day.start()
    await day.rest()
    day.shopify.people.edit(order_id, address={"address1": "7 New Road"})
    await day.rest()
    assert choice(only(day, order_id)) == before
    await day.assert_clean()


@pytest.mark.parametrize("fates", [fates_of(CHEAPEST)])
async def test_a_plan_shows_what_would_be_chosen_and_remembers_nothing(day: Day) -> None:
    day.kill()
    order_id = sold(day, MUG)
    await day.passes(10)
    answer = await plan_order_now(await desk_of(day), f"main/{order_id}")
    assert f"By its rate {'/'.join(best(day))} was chosen" in plan_text(answer)
    assert day.rows("SELECT choice FROM consignments") == []
    await day.start()
    await day.rest()
    assert choice(only(day, order_id)) == best(day)
    await day.assert_clean()


@pytest.mark.parametrize("fates", [fates_of(CHEAPEST)])
async def test_the_story_and_the_trial_of_a_rule_say_it_in_words(day: Day) -> None:
    order_id = sold(day, MUG)
    await day.rest()
    desk = await desk_of(day)
    text = trials_text(await try_rules(desk, "current", [f"main/{order_id}"]))
    assert "rate cheapest, or else fedex/fedex_ground (asked for when it is sent)" in text
    answer = await explain_order(desk, f"main/{order_id}", offline=True)
    amount, days = offers(day)[best(day)]
    words = (
        f"By its rate {'/'.join(best(day))} was chosen: {amount:.2f} USD, {days} days, out of {len(offers(day))} rates."
    )
    assert words in str(answer)
