"""What goes wrong at the vendors, kind by kind: nothing is lost, nothing doubled, and work goes on by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncd.errors import TransientError, UncertainError
from syncd.hints import Mark, order_subject
from syncd.ports import Request, Response
from syncd.sandbox.shipstation.faults import FaultRule as ShipStationRule
from syncd.sandbox.shopify.faults import FaultRule as ShopifyRule
from syncd.shipstation.client import ACCOUNT
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.written import pushed, writes_orders
from syncd.store.budgets import block
from syncd.store.marks import mark
from tests.flows.sold import placed, ship


@pytest.mark.parametrize("access", ["expired", "plan"])
async def test_shipstation_locked_out_pauses_and_resumes_without_an_attempt(day: Day, access: str) -> None:
    day.shipstation.set_options({"access": access})
    day.sell(3)
    await day.passes(100)
    paused = day.rows("SELECT account, paused_code FROM budgets WHERE paused_since IS NOT NULL")
    assert paused == [{"account": "shipstation", "paused_code": "http_401" if access == "expired" else "plan_402"}]
    assert {row["attempts"] for row in day.rows("SELECT attempts FROM marks")} == {0}
    asked = len(day.network.sent)
    await day.passes(120)
    assert len(day.network.sent) - asked < 40
    day.shipstation.set_options({"access": "ok"})
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 3}
    assert day.rows("SELECT account FROM budgets WHERE paused_since IS NOT NULL") == []


@pytest.mark.parametrize("access", ["revoked", "frozen"])
async def test_a_shop_that_keeps_us_out_pauses_and_resumes_without_an_attempt(day: Day, access: str) -> None:
    (order_id,) = await placed(day)
    day.shopify.people.set_options({"access": access})
    if access == "revoked":
        day.shopify.revoke_tokens()
    ship(day, order_id)
    (unseen,) = day.sell()
    await day.passes(100)
    assert [row["account"] for row in day.rows("SELECT account FROM budgets WHERE paused_since IS NOT NULL")] == [
        "shopify:main"
    ]
    assert {row["attempts"] for row in day.rows("SELECT attempts FROM marks")} == {0}
    assert await day.cause(unseen) == "app_refused" or access == "frozen"  # a frozen shop sends no webhook
    day.shopify.people.set_options({"access": "ok"})
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"shipped": 1, "in_shipstation": 1}


async def test_tokens_that_die_at_once_are_replaced(day: Day) -> None:
    day.shopify.revoke_tokens()
    await placed(day, 2)
    day.shopify.revoke_tokens()
    day.shipstation.labels.ship_all()
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"shipped": 2}


async def test_a_drained_bucket_delays_and_costs_no_attempt(day: Day) -> None:
    day.shopify.drain_bucket()
    day.shopify.faults.set([ShopifyRule("throttled", operation="query", times=12)])
    day.sell(5)
    await day.passes(20)
    assert {row["attempts"] for row in day.rows("SELECT attempts FROM marks")} <= {0}
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 5}


async def test_somebody_else_spending_the_window_causes_no_429_of_ours_twice(day: Day) -> None:
    """Not while all feeds and sweeps begin at once."""
    await day.rest()
    day.shipstation.spend(38)
    day.sell(30)
    await day.rest()
    account = await day.account()
    assert account.is_clean
    assert account.refused_429 <= 1
    assert {row["attempts"] for row in day.rows("SELECT attempts FROM marks")} == {0}


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(limits={"lease_s": 5}))])
async def test_what_waits_for_its_turn_longer_than_its_lease_stays_claimed(day: Day) -> None:
    """Else another replica claims it, waits behind us, and when our turn comes nobody owns what it is for."""
    await day.rest()
    opens_at = day.clock.now() + timedelta(seconds=45)
    await day.db.run(block(ACCOUNT, day.clock.now(), opens_at, 120.0))
    day.sell(3)
    await day.passes(15)
    claimed = day.rows("SELECT lease_until FROM marks WHERE flow = 'orders' AND marked > settled")
    assert len(claimed) == 3
    assert all(str(row["lease_until"]) > day.clock.now().isoformat() for row in claimed)
    await day.rest()
    await day.assert_clean()


@pytest.mark.parametrize(
    "fates", [Fates(settings=settings_of(limits={"batch": 4, "batches_in_flight": 1, "lease_s": 60}))]
)
async def test_what_a_jump_of_the_clock_lets_one_batch_claim_twice_is_sent_once(day: Day) -> None:
    """There is nothing to do for two of a batch, so that it looks for company when its leases seem to be over."""
    idle = await placed(day, 2)
    await day.stop()
    for order_ids in (idle, day.sell(2), day.sell(4)):
        marks = [Mark("orders", order_subject("main", order_id)) for order_id in order_ids]
        await day.db.run(mark(marks, day.clock.now()))
        await day.passes(5)

    def jump(request: Any) -> None:
        if b"OrdersToShip" in (request.body or b""):
            day.network.before = None
            day.first.jump(100.0)

    day.network.before = jump
    await day.start()
    await day.rest()
    keys = [row["key"] for row in day.rows("SELECT key FROM journal WHERE step = 'create_order'")]
    assert len(keys) == len(set(keys)) == 8
    assert (await day.assert_clean()).states == {"in_shipstation": 8}


async def test_both_vendors_failing_for_a_while_delay_and_park_nothing(day: Day) -> None:
    day.shopify.faults.set([ShopifyRule("error_500_before")])
    day.shipstation.faults.set([ShipStationRule("error_500_before")])
    day.sell(4)
    await day.passes(240)
    day.shopify.faults.set([])
    day.shipstation.faults.set([])
    await day.rest(longest_s=3600)
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 4}


@pytest.mark.parametrize("seed", range(6))
async def test_any_mixture_of_bad_luck_ends_with_clean_books(day: Day, seed: int) -> None:
    kinds: list[Any] = ["error_500_before", "error_500_after", "lost_request", "lost_answer", "html", "truncated"]
    day.shopify.faults.set(
        [ShopifyRule(kind, probability=0.04) for kind in [*kinds, "throttled", "internal_error_in_200"]]
    )
    day.shipstation.faults.set(
        [ShipStationRule(kind, probability=0.04) for kind in [*kinds, "row_missing", "row_reorder"]]
    )
    orders = day.sell(6, seed=seed, over_s=20.0)
    await day.passes(30)
    for order_id in orders[:2]:
        day.shopify.people.cancel(order_id)
    await day.until(lambda: all(one["status"] == "cancelled" for order_id in orders[:2] for one in day.there(order_id)))
    day.shipstation.labels.ship_all()
    await day.passes(40)
    day.shopify.faults.set([])
    day.shipstation.faults.set([])
    await day.rest(longest_s=3600)
    await day.assert_clean()


CHANGING = Fates(settings=settings_of(sync={"settle_s": 0.5}))


@pytest.mark.parametrize("fates", [CHANGING])
@pytest.mark.parametrize("happens", ["label", "hold", "cancel", "edit"])
async def test_what_happens_between_looking_and_writing_is_seen(day: Day, happens: str) -> None:
    """At the moment an update arrives, the world is another one already."""
    (order_id,) = await placed(day, lines=1, quantity=3)
    (there,) = day.there(order_id)
    line = day.order(order_id)["lines"][0]["id"]

    def meanwhile(request: Any) -> None:
        if not writes_orders(request):
            return
        day.network.before = None
        if happens == "label":
            day.shipstation.labels.buy_label(there["orderId"])
        elif happens == "hold":
            day.shipstation.desk.hold(there["orderId"])
        elif happens == "cancel":
            day.shopify.people.cancel(order_id)
        else:
            day.shopify.people.edit(order_id, quantities={line: 1})

    day.network.before = meanwhile
    day.shopify.people.edit(order_id, quantities={line: 2})
    await day.rest()
    account = await day.account()
    assert account.missing == account.unexplained == day.over_fulfilled() == []
    assert account.doubled == [] or happens == "label"  # told as far as the order still wants it
    expected = {"label": "parked", "hold": "in_shipstation", "cancel": "cancelled", "edit": "in_shipstation"}
    assert (await day.told())[order_id]["state"] == expected[happens]
    if happens == "edit":
        assert [item["quantity"] for item in day.there(order_id)[0]["items"]] == [1]
    assert pushed(day.calls("createorders"))


@pytest.mark.parametrize("error", [TransientError("store_full"), UncertainError("store_commit")])
@pytest.mark.parametrize("after_s", [0.0, 1.5, 3.0])
async def test_a_database_that_is_away_for_a_while_is_waited_for(day: Day, error: Exception, after_s: float) -> None:
    orders = await placed(day, 2)
    day.sell(2)
    day.shipstation.labels.ship_all()
    day.shipstation.set_options({"access": "plan"})
    await day.passes(after_s)
    day.db.fails_with = error
    await day.passes(15)
    day.shipstation.set_options({"access": "ok"})
    await day.passes(15)
    day.db.fails_with = None
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"shipped": len(orders), "in_shipstation": 2}


async def test_an_account_that_was_lost_in_an_earlier_life_is_resumed(day: Day) -> None:
    await placed(day)
    day.shopify.people.set_options({"access": "frozen"})
    await day.until(lambda: day.rows("SELECT account FROM budgets WHERE paused_since IS NOT NULL"))
    day.kill()
    day.shopify.people.set_options({"access": "ok"})
    await day.start()
    await day.rest()
    assert day.rows("SELECT account FROM budgets WHERE paused_since IS NOT NULL") == []


async def test_a_mistake_of_ours_about_one_order_parks_that_one_and_no_other(day: Day) -> None:
    """It fails the whole batch, wherever it happens: here on the way to ShipStation."""
    orders = day.sell(20)
    broken = orders[13]

    def fail(request: Any) -> None:
        if writes_orders(request) and str(broken) in (request.body or b"").decode():
            raise LookupError("a mistake")

    day.network.before = fail
    await day.rest()
    causes = {order_id: one["cause"] for order_id, one in (await day.told()).items()}
    assert causes.pop(broken) == "bug"
    assert set(causes.values()) == {"in_shipstation"}
    assert day.died == []
    day.network.before = None
    day.shopify.people.edit(broken, note="corrected")
    await day.rest()
    account = await day.assert_clean()
    assert account.states == {"in_shipstation": 20}


async def test_a_mistake_after_a_fulfillment_was_written_does_not_write_it_twice(day: Day) -> None:
    """The parts of a batch that failed half-way are read again, intents included."""
    orders = await placed(day, 4, lines=1, quantity=2)
    broken = day.order(orders[2])["fulfillmentOrders"][0]["id"]

    def fail(request: Any) -> None:
        if "fulfillmentCreate" in (request.body or b"").decode() and str(broken) in (request.body or b"").decode():
            raise LookupError("a mistake")

    day.network.before = fail
    for order_id in orders:
        (there,) = day.there(order_id)
        day.shipstation.labels.mark_shipped(there["orderId"], "fedex")
    await day.rest()
    day.network.before = None
    assert [len(day.fulfillments(order_id)) for order_id in orders] == [1, 1, 0, 1]
    assert await day.cause(orders[2]) == "bug"
    assert day.over_fulfilled() == []
    assert len(day.calls("fulfillmentCreate")) == 3


async def test_what_was_under_way_when_the_daemon_died_is_no_edit_of_the_warehouse(day: Day) -> None:
    """It arrived, nobody heard so, and the customer moves once more before somebody looks."""
    (order_id,) = await placed(day)

    def dies(request: Any) -> None:
        if writes_orders(request):
            day.network.before = None
            day.kill()

    day.network.before = dies
    day.shopify.people.edit(order_id, address={"address1": "1 First Street"})
    await day.until(lambda: not day.first.is_up)
    day.shopify.people.edit(order_id, address={"address1": "2 Second Street"})
    await day.start()
    await day.rest()
    (there,) = day.there(order_id)
    assert (await day.cause(order_id), there["shipTo"]["street1"]) == ("in_shipstation", "2 Second Street")


async def test_a_package_that_is_told_while_shopify_is_read_asks_for_nobody(day: Day) -> None:
    """The answer is slow: what it shows is older than what our rows say by the time it is here."""
    (order_id,) = await placed(day, lines=1, quantity=2)
    vendors = day.network.vendors

    class Slow:
        async def send(self, request: Request) -> Response:
            response = await vendors.send(request)
            if b"OrdersToShip" in (request.body or b""):
                day.network.vendors = vendors
                ship(day, order_id)
                await day.until(lambda: day.fulfillments(order_id), longest_s=25)
                await day.passes(2)
            return response

    day.network.vendors = Slow()
    day.shopify.people.tag(order_id, add=["look again"])
    await day.rest()
    assert len(day.there(order_id)) == 1
    assert "edited_after_label" not in str(day.rows("SELECT facts FROM journal WHERE step = 'state'"))
