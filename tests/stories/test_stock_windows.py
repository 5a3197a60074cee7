"""Stories of stock while the two sides tell different things of one order: nothing is offered that another one needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from syncd.intake.shipstation_sweep import QUIET as FRESH
from syncd.operate.sweeping import sweep_by_hand
from syncd.ports import Request
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import SHOP, Day, Fates
from syncd.simulation.desk import desk_of
from syncd.simulation.sidelines.shelves import PLACE, SCAN_S, SHELF, SKUS
from tests.orders_api import ON_V1_ALONE
from tests.stories.counting import EVERY_ENGINE, a_look, count_both, lying, offered, owned_by, push


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=owned_by("shipstation"))


@EVERY_ENGINE
async def test_what_a_voided_label_sent_in_shopify_does_not_stand_in_for_what_another_order_needs(day: Day) -> None:
    """ShipStation holds its goods again, and Shopify counts them as sent for a while: beside them as many of an order that
    ShipStation does not know of were offered (dense 11164)."""
    count_both(day, dict.fromkeys(SKUS, (50, 50)))
    await push(day)
    (order_id,) = day.sell(lines=len(SKUS))
    await day.rest()
    label = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest()
    day.shipstation.labels.void_label(label.shipment_id)
    day.sell(lines=len(SKUS), mix={"unpaid": 1.0})
    unpaid = [here - free for here, free in (offered(day, sku) for sku in SKUS)]
    assert any(unpaid)
    await day.passes(3 * SCAN_S)
    assert day.fulfillments(order_id) != []
    assert [offered(day, sku)[1] for sku in SKUS] == [lying(day, sku)[1] - unpaid[n] for n, sku in enumerate(SKUS)]
    await day.passes(day.settings.sync.void_grace_s)
    await day.rest(quiet_s=2 * SCAN_S)
    assert day.fulfillments(order_id) == []
    assert [offered(day, sku)[1] for sku in SKUS] == [lying(day, sku)[1] - unpaid[n] for n, sku in enumerate(SKUS)]


@EVERY_ENGINE
async def test_what_a_person_cancelled_in_shipstation_is_not_offered_once_a_sweep_has_seen_that(day: Day) -> None:
    """Also where we placed it so short a time ago that this sweep draws no conclusions yet."""
    count_both(day, dict.fromkeys(SKUS, (50, 50)))
    await push(day)
    (order_id,) = day.sell(lines=len(SKUS))
    await day.rest()
    before = [offered(day, sku) for sku in SKUS]
    day.shipstation.desk.cancel(day.there(order_id)[0]["orderId"])
    await sweep_by_hand(await desk_of(day))
    await day.passes(3 * SCAN_S)
    assert await day.cause(order_id) == "in_shipstation"
    assert [offered(day, sku) for sku in SKUS] == before


@pytest.mark.parametrize("is_late", [False, True], ids=["before it was placed anew", "afterwards"])
async def test_what_left_in_a_part_of_a_cancelled_order_is_no_unit_of_what_was_placed_anew(
    is_late: bool, day: Day
) -> None:
    """One was kept from sale for as long as the rest lay there (seed 280034 of 500 orders)."""
    count_both(day, dict.fromkeys(SKUS, (50, 50)))
    await push(day)
    (order_id,) = day.sell(lines=1, quantity=3)
    await day.rest()
    part = split_off(day, order_id)
    day.shipstation.desk.cancel(open_there(day, order_id)["orderId"])
    if is_late:
        await swept(day)
    day.shipstation.labels.buy_label(part)
    await swept(day)
    assert [item["quantity"] for item in open_there(day, order_id)["items"]] == [2]
    assert [offered(day, sku) for sku in SKUS] == [lying(day, sku) for sku in SKUS]


def split_off(day: Day, order_id: int) -> int:
    """One unit of each line, by hand. The new part's id."""
    there = open_there(day, order_id)
    return day.shipstation.desk.split(there["orderId"], {item["lineItemKey"]: 1 for item in there["items"]}).order_id


def open_there(day: Day, order_id: int) -> dict[str, Any]:
    """The first that is to leave."""
    return next(one for one in day.there(order_id) if one["status"] == "awaiting_shipment")


async def swept(day: Day) -> None:
    """What a person did away with is placed once more, and the stock is looked at."""
    await day.passes(FRESH.total_seconds())
    await sweep_by_hand(await desk_of(day))
    await day.rest(quiet_s=2 * SCAN_S)


@pytest.mark.parametrize(
    "fates", [Fates(settings=owned_by("shipstation", quantity=one)) for one in ("on_hand", "available")]
)
async def test_what_shopify_is_told_of_before_a_write_does_not_stand_in_for_what_another_order_needs(day: Day) -> None:
    """The level moved, so it was computed anew, and units that ShipStation held at the look were still counted as held."""
    count_both(day, dict.fromkeys(SKUS, (50, 50)))
    await push(day)
    (order_id,) = day.sell(lines=len(SKUS), quantity=2)
    await day.rest(quiet_s=2 * SCAN_S)
    await left_while_away(day, order_id)
    day.sell(lines=len(SKUS), quantity=2, mix={"unpaid": 1.0})
    for sku in SKUS:
        day.shipstation.stock.count(sku, SHELF, 60)
    told: list[int] = []

    def tell(request: Request) -> None:
        if b"inventorySetQuantities" in (request.body or b"") and not told:
            told.extend(day.shopify.people.fulfill(order_id))
            day.sell(lines=len(SKUS), mix={"unpaid": 1.0})

    day.network.before = tell
    await push(day)
    assert told
    assert [offered(day, sku)[1] for sku in SKUS] == [60 - unpaid(day, sku) for sku in SKUS]


async def test_what_shopify_may_have_been_told_of_does_not_stand_in_for_what_another_order_needs(day: Day) -> None:
    """The answer was lost: until it is looked up its units were still counted as held."""
    count_both(day, dict.fromkeys(SKUS, (50, 50)))
    await push(day)
    (order_id,) = day.sell(lines=len(SKUS), quantity=2)
    await day.rest(quiet_s=2 * SCAN_S)
    day.sell(lines=len(SKUS), quantity=2, mix={"unpaid": 1.0})
    day.shopify.faults.set([FaultRule("lost_answer", operation="CreateFulfillment", times=1)])
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    while not day.fulfillments(order_id):
        await day.passes(0.5)
    for sku in SKUS:
        day.shipstation.stock.count(sku, SHELF, 60)
    await push(day)
    assert day.rows("SELECT 1 FROM packages WHERE fulfillment_gid IS NULL")
    assert [offered(day, sku)[1] for sku in SKUS] == [60 - unpaid(day, sku) for sku in SKUS]
    await day.rest(quiet_s=2 * SCAN_S)
    assert [offered(day, sku)[1] for sku in SKUS] == [60 - unpaid(day, sku) for sku in SKUS]


@ON_V1_ALONE
async def test_the_rest_of_an_order_that_shopify_holds_is_not_offered_once_a_part_of_it_left(day: Day) -> None:
    """ShipStation counts the order as shipped and holds the rest for nobody, for as long as it is not placed anew."""
    count_both(day, dict.fromkeys(SKUS, (50, 50)))
    await push(day)
    (order_id,) = day.sell(lines=len(SKUS), quantity=4)
    await day.rest(quiet_s=2 * SCAN_S)
    before = [offered(day, sku) for sku in SKUS]
    await day.stop()
    there = open_there(day, order_id)
    day.shipstation.labels.buy_label(there["orderId"], lines={item["lineItemKey"]: 1 for item in there["items"]})
    day.shopify.people.hold(order_id)
    await day.start()
    await day.passes(3 * SCAN_S)
    assert day.fulfillments(order_id) == []
    assert any(unpaid(day, sku) > 1 for sku in SKUS)
    assert [offered(day, sku) for sku in SKUS] == before
    day.shopify.people.release(order_id)
    await day.rest(quiet_s=2 * SCAN_S)
    assert [offered(day, sku)[1] for sku in SKUS] == [free for _, free in before]


def unpaid(day: Day, sku: str) -> int:
    on_hand, available = offered(day, sku)
    return on_hand - available


class TestOrdersThatShipStationHasNotSeen:
    @pytest.fixture
    def fates(self) -> Fates:
        slow = replace(SHOP, routing_delay_s=(400.0, 400.0))
        return Fates(shop=slow, settings=owned_by("shipstation", quantity="available"))

    async def test_their_units_are_not_offered_again(self, day: Day) -> None:
        count_both(day, dict.fromkeys(SKUS, (50, 50)))
        await push(day)
        day.sell(3)
        before = [offered(day, sku) for sku in SKUS]
        await a_look(day)
        assert [offered(day, sku) for sku in SKUS] == before
        for sku in SKUS:
            day.shipstation.stock.count(sku, SHELF, 40)
        await a_look(day)
        assert [now - 40 for _, now in (offered(day, sku) for sku in SKUS)] == [one - 50 for _, one in before]

    async def test_their_units_are_not_offered_for_others_that_left_in_a_part_of_what_was_placed_anew(
        self, day: Day
    ) -> None:
        count_both(day, dict.fromkeys(SKUS, (50, 50)))
        await push(day)
        (order_id,) = day.sell(lines=len(SKUS), quantity=3)
        await day.passes(500.0)
        day.shipstation.desk.cancel(open_there(day, order_id)["orderId"])
        await swept(day)
        day.shipstation.labels.buy_label(split_off(day, order_id))
        await swept(day)
        day.sell(lines=len(SKUS), quantity=3)
        before = [offered(day, sku) for sku in SKUS]
        await a_look(day)
        assert [offered(day, sku) for sku in SKUS] == before


def cancel(day: Day, order_id: int) -> None:
    day.shopify.people.cancel(order_id)


def refund_all(day: Day, order_id: int) -> None:
    units = {line.id: line.current_quantity for line in day.sold()[order_id].lines}
    day.shopify.people.refund(order_id, lines=units, restock_type="CANCEL")


@EVERY_ENGINE
@pytest.mark.parametrize(("take_back", "cause"), [(cancel, "cancelled_after_label"), (refund_all, "overshipped")])
async def test_what_left_and_was_taken_back_does_not_stand_in_for_what_another_order_needs(
    day: Day, take_back: Callable[[Day, int], None], cause: str
) -> None:
    """Nobody voids the label, so Shopify is never told of that package: for good it would have hidden units that ShipStation does
    not know of yet."""
    count_both(day, dict.fromkeys(SKUS, (50, 50)))
    await push(day)
    (order_id,) = day.sell(lines=len(SKUS))
    await day.rest(quiet_s=2 * SCAN_S)
    await day.stop()
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    take_back(day, order_id)
    day.sell(lines=len(SKUS), mix={"unpaid": 1.0})
    await day.start()
    await day.rest(quiet_s=2 * SCAN_S)
    assert (await day.told())[order_id]["cause"] == cause
    (shop,) = day.shopify.state()["shops"].values()
    unpaid = {one["sku"]: one["onHand"] - one["available"] for one in shop["inventory"] if one["locationId"] == PLACE}
    assert any(unpaid[sku] for sku in SKUS)
    assert [offered(day, sku)[1] for sku in SKUS] == [lying(day, sku)[1] - unpaid[sku] for sku in SKUS]


class TestShopifyCounts:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=owned_by("shopify"))

    @EVERY_ENGINE
    async def test_what_left_although_shopify_held_its_order_is_not_counted_back(self, day: Day) -> None:
        """Shopify takes no fulfillment of it while it holds it, and goes on to count its units as on hand."""
        count_both(day, dict.fromkeys(SKUS, (50, 50)))
        await push(day)
        (order_id,) = day.sell(lines=len(SKUS), quantity=2)
        await day.rest(quiet_s=2 * SCAN_S)
        await left_while_away(day, order_id)
        gone = [lying(day, sku) for sku in SKUS]
        day.shopify.people.hold(order_id)
        await day.start()
        await day.passes(5 * SCAN_S)
        assert await day.cause(order_id) == "fulfillment_hold"
        assert [lying(day, sku) for sku in SKUS] == gone
        day.shopify.people.release(order_id)
        await day.rest(quiet_s=2 * SCAN_S)
        assert [lying(day, sku) for sku in SKUS] == [offered(day, sku) for sku in SKUS] == gone

    async def test_nor_is_what_left_in_a_part_that_was_split_off(self, day: Day) -> None:
        count_both(day, dict.fromkeys(SKUS, (50, 50)))
        await push(day)
        (order_id,) = day.sell(lines=len(SKUS), quantity=2)
        await day.rest(quiet_s=2 * SCAN_S)
        await day.stop()
        day.shipstation.labels.buy_label(split_off(day, order_id))
        gone = [lying(day, sku)[0] for sku in SKUS]
        day.shopify.people.hold(order_id)
        await day.start()
        await day.passes(8 * SCAN_S)
        assert day.fulfillments(order_id) == []
        assert [lying(day, sku)[0] for sku in SKUS] == gone

    async def test_what_is_counted_meanwhile_is_counted_without_what_left(self, day: Day) -> None:
        count_both(day, dict.fromkeys(SKUS, (50, 50)))
        await push(day)
        (order_id,) = day.sell(lines=len(SKUS), quantity=2)
        await day.rest(quiet_s=2 * SCAN_S)
        await left_while_away(day, order_id)
        gone = [50 - lying(day, sku)[0] for sku in SKUS]
        day.shopify.people.hold(order_id)
        await day.start()
        for sku in SKUS:
            day.shopify.people.count(sku, 40, PLACE)
        await day.passes(5 * SCAN_S)
        day.shopify.people.release(order_id)
        await day.rest(quiet_s=2 * SCAN_S)
        assert [lying(day, sku) for sku in SKUS] == [offered(day, sku) for sku in SKUS]
        assert [lying(day, sku)[0] for sku in SKUS] == [40 - units for units in gone]


async def left_while_away(day: Day, order_id: int) -> None:
    await day.stop()
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
