"""Each check of what must always hold finds a daemon that breaks it, and says nothing of one that does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.contextvars import bound_contextvars

from syncd.hints import Lane, Mark
from syncd.operate.subscriptions import EVERY_S
from syncd.operate.sweeping import sweep_by_hand
from syncd.ports import Request, Response
from syncd.simulation.calls import call_of
from syncd.simulation.day import ACCOUNT, Day, Fates
from syncd.simulation.desk import desk_of
from syncd.simulation.laws import Laws
from syncd.simulation.ledger import judge_ledger, judge_subscriptions
from syncd.simulation.verdict import judge_at_rest
from syncd.simulation.watch import Watch
from syncd.simulation.written import writes_orders
from syncd.store.inbox import remember_read, store_deliveries, take_deliveries
from syncd.store.journal import ClosedEntry, NewEntry, close_intents, open_intents
from syncd.store.keeping import Arrival
from syncd.store.marks import Claimed, claim, mark, park, settle
from syncd.store.transaction import Work
from tests.simulation.mutants.planting import planted
from tests.simulation.mutants.table import MUTANTS

LEASE_S = 60.0
REST_S = 25.0
pytestmark = pytest.mark.usefixtures("virtual_time")


@pytest.fixture
def watch(day: Day) -> Watch:
    watch = Watch(day)
    vendors = day.network.vendors

    class Watched:
        async def send(self, request: Request) -> Response:
            call = call_of(request)
            watch.leaves(call, None)
            watch.arrived(call)
            response = await vendors.send(request)
            watch.carried_out(call, response)
            return response

    day.network.vendors = Watched()
    return watch


async def an_order_is_sent(day: Day) -> int:
    (order_id,) = day.sell()
    await day.rest(quiet_s=REST_S)
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest(quiet_s=REST_S)
    return order_id


async def test_an_ordinary_order_breaks_nothing(day: Day, watch: Watch) -> None:
    order_id = await an_order_is_sent(day)
    assert watch.sent == {order_id: 1}
    assert watch.seen() + judge_ledger(day, watch, 0) + list(judge_subscriptions(day)) == []


async def _sent(day: Day) -> None:
    await an_order_is_sent(day)


async def _cancelled_there(day: Day) -> None:
    """And changed here, so that ShipStation's side is looked at."""
    (order_id,) = day.sell(quantity=2, lines=1)
    await day.rest(quiet_s=REST_S)
    day.shipstation.desk.cancel(day.there(order_id)[0]["orderId"])
    day.shopify.people.edit(order_id, address={"address1": "1 New Road"})
    await day.rest(quiet_s=REST_S)


async def _changed(day: Day) -> None:
    """Again and again, in what ShipStation is not told."""
    (order_id,) = day.sell()
    for number in range(8):
        await day.rest(quiet_s=REST_S)
        day.shopify.people.tag(order_id, add=[f"tag {number}"])
    await day.rest(quiet_s=REST_S)


@pytest.mark.parametrize(
    ("mutant", "law", "story"),
    [
        ("step_ended_twice", "S7 create_order", _cancelled_there),
        ("read_before_marked", "S18 webhook", _sent),
        ("sent_at_each_look", "S19 order", _changed),
    ],
)
async def test_a_planted_bug_breaks_the_law(
    mutant: str, law: str, story: Callable[[Day], object], day: Day, watch: Watch
) -> None:
    with planted(MUTANTS[mutant].changes):
        await story(day)  # type: ignore[misc]
        found = watch.seen() + judge_ledger(day, watch, 0)
    assert [one for one in found if one.startswith(law)], found


async def test_whoever_lost_its_lease_may_not_end_it(day: Day) -> None:
    await day.stop()
    laws, now = Laws(day.engine, LEASE_S), day.clock.now()
    await day.db.run(mark([Mark("orders", "main/1")], now))
    late = await day.db.run(claim("orders", 1, now, "first token", LEASE_S, 0.0))
    later = now + timedelta(seconds=LEASE_S + 1)
    assert await day.db.run(claim("orders", 1, later, "second token", LEASE_S, 0.0))
    with bound_contextvars(batch_id="first token"[:8]):
        await day.db.run(settle("orders", late, "first token"))
        assert laws.broken() == []
        with planted(MUTANTS["settled_without_token"].changes):
            await day.db.run(settle("orders", late, "first token"))
    assert laws.broken() == ["S11 orders of main/1 was ended by a batch that did not hold it any more"]


async def test_what_somebody_works_on_may_not_be_claimed(day: Day) -> None:
    await day.stop()
    laws, now = Laws(day.engine, LEASE_S), day.clock.now()
    await day.db.run(mark([Mark("orders", "main/1")], now))
    assert await day.db.run(claim("orders", 1, now, "first", LEASE_S, 0.0))
    with planted(MUTANTS["leases_ignored"].changes):
        assert await day.db.run(claim("orders", 1, now, "second", LEASE_S, 0.0))
    assert laws.broken() == ["S10 orders of main/1 was claimed while somebody worked on it"]


async def test_a_step_needs_the_lease_and_may_not_pass_over_a_cancellation(day: Day) -> None:
    await day.stop()
    laws, now = Laws(day.engine, LEASE_S), day.clock.now()
    step = NewEntry("token", "orders", "main", 1, "update_order", "main-1-2-1")
    await day.db.run(mark([Mark("orders", "main/1")], now))
    await day.db.run(claim("orders", 1, now, "token", LEASE_S, 0.0))
    await day.db.run(open_intents([step, step], now))
    assert laws.broken() == []
    await day.db.run(open_intents([replace(step, batch_id="late")], now))
    await day.db.run(mark([Mark("orders", "main/1", Lane.URGENT)], now))
    await day.db.run(open_intents([replace(step, step="cancel_order"), step], now))
    assert laws.broken() == [
        "S10 update_order of main-1-2-1 was begun without the lease of its order",
        "S20 update_order of main-1-2-1 was begun although its cancellation was told",
    ]


async def test_a_refusal_is_told_and_never_settled(day: Day) -> None:
    await day.stop()
    laws, now = Laws(day.engine, LEASE_S), day.clock.now()
    for number, end in enumerate((parked, settle)):
        await day.db.run(mark([Mark("orders", f"main/{number}")], now))
        claimed = await day.db.run(claim("orders", 1, now, "token", LEASE_S, 0.0))
        step = NewEntry("token", "orders", "main", number, "create_order", f"main-{number}-2-1")
        (intent,) = await day.db.run(open_intents([step], now))
        await day.db.run(close_intents([ClosedEntry(intent, "refused")], now))
        await day.db.run(end("orders", claimed, "token"))
    assert laws.broken() == ["S18 a refusal of orders of main/1 was settled and told to nobody"]


def parked(flow: str, claimed: Sequence[Claimed], token: str) -> Work[None]:
    return park(flow, {one.subject: ("refused", "") for one in claimed}, token)


async def test_a_throttled_call_was_never_made(day: Day) -> None:
    await day.stop()
    laws, now = Laws(day.engine, LEASE_S), day.clock.now()
    await day.db.run(mark([Mark("orders", "main/1")], now))
    await day.db.run(claim("orders", 1, now, "token", LEASE_S, 0.0))
    steps = [NewEntry("token", "orders", "main", 1, "create_order", f"main-1-{place}-1") for place in (1, 2)]
    first, second = await day.db.run(open_intents(steps, now))
    closed = [ClosedEntry(first, "abandoned", "http_429"), ClosedEntry(second, "unknown", "http_429")]
    await day.db.run(close_intents(closed, now))
    assert laws.broken() == ["S19 create_order of main-1-2-1 was throttled and counts as perhaps made"]


async def test_a_state_that_hides_a_trouble_is_found_at_rest(day: Day, watch: Watch) -> None:
    await an_order_is_sent(day)
    day.execute("UPDATE orders SET trouble = 'rejected_by_shopify'")
    assert [one[:2] for one in judge_ledger(day, watch, 0)] == ["L5"]


async def test_a_webhook_that_is_gone_unread_or_marked_nothing_is_a_loss(day: Day) -> None:
    await day.stop()
    laws, now = Laws(day.engine, LEASE_S), day.clock.now()
    kept = [Arrival("main", "orders/paid", str(number), now, b'{"id": 7}') for number in range(2)]
    await day.db.run(store_deliveries(kept))
    day.execute("DELETE FROM deliveries WHERE webhook_id = '0'")
    (kept_one,) = await day.db.run(take_deliveries(2))
    await day.db.run(remember_read([kept_one], {}, now))
    assert laws.broken() == [
        "S18 webhook 0 was forgotten before anybody read it",
        "S18 webhook 1 counts as read, and marked nothing",
    ]


async def test_a_consignment_stands_for_the_order_with_its_key(day: Day, watch: Watch) -> None:
    day.sell(2)
    await day.rest(quiet_s=REST_S)
    *_, last = day.shipstation.account.orders
    day.execute(f"UPDATE consignments SET shipstation_order_id = {last}")
    assert [one[:2] for one in judge_ledger(day, watch, 0)] == ["S8", "S8"]


async def test_subscriptions_that_somebody_deleted_are_missed_until_they_are_back(day: Day) -> None:
    await day.until(day.is_subscribed)
    day.shopify.people.unsubscribe(["ORDERS_PAID"])
    day.shipstation.unsubscribe()
    assert len(list(judge_subscriptions(day))) == 4
    with planted(MUTANTS["never_subscribed_again"].changes):
        await day.passes(EVERY_S + 10)
    assert [one[:2] for one in judge_subscriptions(day)] == ["L7"]
    await day.passes(EVERY_S + 10)
    assert list(judge_subscriptions(day)) == []


@pytest.mark.parametrize("fates", [Fates(account=replace(ACCOUNT, stale_read_s=20.0))], ids=["lag"])
async def test_goods_doubled_behind_reads_that_lag_must_be_before_a_person_at_rest(day: Day, watch: Watch) -> None:
    await _moved_after_a_split(day, watch)
    await day.rest(quiet_s=REST_S)
    assert watch.seen() == []
    assert [problem for problem in (await judge_at_rest(day, watch))[1] if problem.startswith("S2 line")]
    await day.passes(900)  # a sweep leaves alone what changed a moment ago
    await sweep_by_hand(await desk_of(day))
    await day.rest(quiet_s=REST_S)
    assert (await judge_at_rest(day, watch))[1] == []


async def test_goods_doubled_although_reads_showed_the_split_are_a_fault_at_once(day: Day, watch: Watch) -> None:
    def splits(request: Request) -> None:
        if writes_orders(request):
            day.network.before = None
            _split(day, order_id)

    (order_id,) = day.sell(lines=2)
    await day.rest(quiet_s=REST_S)
    day.network.before = splits
    day.shopify.people.hold(order_id)
    await day.rest(quiet_s=REST_S)
    assert [problem for problem in watch.seen() if problem.startswith("S2 line")]


async def test_goods_doubled_by_a_call_that_left_before_the_split_are_a_persons(day: Day, watch: Watch) -> None:
    """360078: the vendor carried it out twenty seconds later. Nobody could have taken it back."""

    def splits(request: Request) -> None:
        if writes_orders(request):
            day.network.before = None
            watch.leaves(call_of(request), "late_commit")
            _split(day, order_id)

    (order_id,) = day.sell(lines=2)
    await day.rest(quiet_s=REST_S)
    day.network.before = splits
    day.shopify.people.hold(order_id)
    await day.rest(quiet_s=REST_S)
    assert watch.seen() == []
    assert watch.doubled_unseen[order_id]


async def _moved_after_a_split(day: Day, watch: Watch) -> None:
    (order_id,) = day.sell(lines=2)
    await day.rest(quiet_s=60.0)
    _split(day, order_id)
    await day.passes(8.0)
    day.shopify.people.edit(order_id, address={"address1": "7 New Road"})
    watch.befallen[order_id].update(["split", "move_house"])


def _split(day: Day, order_id: int) -> None:
    (there,) = day.there(order_id)
    day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
