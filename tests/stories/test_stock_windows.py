"""Stories of stock while the two sides tell different things of one order: nothing is offered that another one needs."""

from __future__ import annotations

import pytest

from syncd.operate.sweeping import sweep_by_hand
from syncd.simulation.day import Day, Fates
from syncd.simulation.desk import desk_of
from syncd.simulation.sidelines.shelves import SCAN_S, SKUS
from tests.stories.counting import EVERY_ENGINE, count_both, lying, offered, owned_by, push


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
