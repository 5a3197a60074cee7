"""The whole daemon under random people: whatever they do, in any order, at rest both sides agree or a person is told why not,
by either of ShipStation's APIs.

50 examples; `pytest --hypothesis-profile=nightly tests/test_convergence.py` tries 2,000.
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from syncd.hints import Mark
from syncd.operate.sweeping import sweep_by_hand
from syncd.sandbox.shopify.options import WebhookOptions
from syncd.simulation.day import ACCOUNT, SHOP, Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from syncd.simulation.people import DEEDS, orders, sell
from syncd.simulation.virtual_time import VirtualLoop
from syncd.store.marks import mark

QUIET_S = 700.0
SHORT_S = 6.0
"""Long enough for marks to fold and be worked through; no feed has to look."""
LUCK = WebhookOptions(delay_s=(0.2, 8.0), doubled=0.3, lost=0.3, shuffled=True)
FATES = Fates(
    replace(SHOP, webhooks=LUCK),
    replace(ACCOUNT, webhook_drop=0.3, webhook_double=0.3, webhook_shuffle=True),
    settings_of(sync={"void_grace_s": 60.0}),
)

deeds = st.tuples(st.sampled_from(sorted(DEEDS)), st.integers(0, 400), st.integers(0, 12))
"""What, to whom, and how many seconds later the next one follows."""


FATES_OF = {
    "v1": FATES,
    "v2": replace(
        FATES,
        account=replace(FATES.account, parts_style="split"),
        settings=settings_of(sync={"void_grace_s": 60.0}, shipstation={"orders_api": "v2"}),
    ),
}

LOCKED_WITHOUT_END = [
    ("void", 162, 5), ("merge", 274, 0), ("crash", 225, 0), ("refund", 399, 0), ("release_there", 252, 12),
    ("void", 399, 9), ("cancel_there", 88, 12),
]  # fmt: skip
"""Nobody's write succeeded, and a locked order was tried again 246 times in a quarter of an hour."""


@example(api="v1", first=9, script=LOCKED_WITHOUT_END)
@given(api=st.sampled_from(sorted(FATES_OF)), first=st.integers(0, 40), script=st.lists(deeds, max_size=7))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_people_do_both_sides_agree_at_rest(api: str, first: int, script: list[tuple[str, int, int]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_lived(api, first, script))


async def _lived(api: str, first: int, script: list[tuple[str, int, int]]) -> None:
    day = Day(replace(FATES_OF[api], seed=1 + first))
    try:
        await day.start()
        sell(day, first)
        sell(day, first + 1)
        await day.passes(first / 4)
        for name, number, wait_s in script:
            await _done(day, name, number)
            await day.passes(wait_s)
        await _come_to_rest(day)
        await _assert_agreement(day)
        await _assert_nothing_left_to_do(day)
    finally:
        await day.end()


async def _done(day: Day, name: str, number: int) -> None:
    """What the vendors refuse does not happen."""
    try:
        outcome = DEEDS[name](day, number)
    except (ValueError, LookupError):
        return
    if inspect.isawaitable(outcome):
        await outcome


async def _come_to_rest(day: Day) -> None:
    """The feeds find what the webhooks lost, the sweep what the feeds cannot know."""
    await day.rest()
    await day.stop()
    await day.passes(QUIET_S)
    await day.start()
    await day.rest(quiet_s=SHORT_S)
    await sweep_by_hand(await desk_of(day))
    await day.rest(quiet_s=SHORT_S)


async def _assert_agreement(day: Day) -> None:
    account, told = await day.account(), await day.told()
    parked = {order["name"] for order in orders(day) if _is_told_to_a_person(told[order["id"]])}
    # What they had before a line was added goes out; the account knows nothing of that.
    partly_paid = {order["name"] for order in orders(day) if order["financialStatus"] == "PARTIALLY_PAID"}
    assert account.missing == []
    assert [one for one in account.unexplained if _name(one) not in parked] == []
    assert [one for one in account.doubled if _name(one) not in parked | partly_paid] == []
    assert [one for one in account.not_told if _name(one) not in parked] == []
    assert [one for one in account.mails_wrong if _name(one) not in parked] == []
    assert all(one["mails"] <= 1 for order in orders(day) for one in order["fulfillments"])
    assert account.refused_429 == 0
    assert day.over_fulfilled() == []


def _is_told_to_a_person(told: dict[str, Any]) -> bool:
    """Parked, or a package left although Shopify holds its goods, which the hold's detail says."""
    return told["state"] == "parked" or (told["state"] == "held" and "package" in told["detail"])


def _name(problem: str) -> str:
    return problem.partition(":")[0].partition(" (")[0]


async def _assert_nothing_left_to_do(day: Day) -> None:
    writes = day.writes()
    subjects = [one["ref"] for one in (await day.told()).values()]
    await day.db.run(mark([Mark(flow, one) for flow in ("orders", "shipments") for one in subjects], day.clock.now()))
    await day.rest(quiet_s=SHORT_S)
    assert day.writes() == writes
