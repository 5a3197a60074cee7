"""Facts that no primary source settles: the daemon is safe under every reading of them that the sandbox offers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.simulation.day import ACCOUNT, SHOP, Day, Fates, settings_of
from syncd.simulation.written import pushed, writes_orders

SHIPSTATION_READINGS: list[dict[str, Any]] = [
    {},
    {"locked_order_style": "status_400"},
    {"locked_order_style": "silent_200"},
    {"gone_key_style": "refused"},
    {"item_match": "line_item_key"},
    {"pages_style": "zero"},
    {"offset_style": "honoured"},
    {"status_after_void": "shipped"},
    {"split_number_style": "same"},
    {"notify_mark_as_shipped": True},
    {"window_style": "aligned"},
    {"reset_rounded": "down"},
    {"stale_read_s": 4.0},
    {"locked_order_style": "silent_200", "stale_read_s": 4.0, "window_style": "aligned", "pages_style": "zero"},
]
LOCKS: list[dict[str, Any]] = [
    {"locked_order_style": style, "stale_read_s": stale_s}
    for style in ("row_failure", "status_400", "silent_200")
    for stale_s in (0.0, 4.0)
]
SHOPIFY_READINGS: list[dict[str, Any]] = [
    {"nodes_cost": "each"},
    {"index_lag_s": 15.0},
    {"hold_touches_order": True},
    {"routing_complete_webhook": False},
    {"auto_archive": False},
    {"nodes_cost": "each", "index_lag_s": 15.0, "routing_complete_webhook": False},
]


def of_shipstation(reading: dict[str, Any]) -> Fates:
    return Fates(account=replace(ACCOUNT, **reading))


def of_shopify(reading: dict[str, Any]) -> Fates:
    return Fates(shop=replace(SHOP, **reading))


READINGS = [pytest.param(of_shipstation(one), id=_id) for one in SHIPSTATION_READINGS for _id in [str(one)]] + [
    pytest.param(of_shopify(one), id=str(one)) for one in SHOPIFY_READINGS
]
EACH_READING = pytest.mark.parametrize("fates", READINGS)


@EACH_READING
async def test_an_eventful_day_ends_with_clean_books(day: Day) -> None:
    """Sold, edited, cancelled, held, labelled in parts, voided and labelled anew, marked as shipped without a label."""
    edited, cancelled, held, parts, voided, marked = day.sell(6, lines=2, quantity=2)
    await day.rest()
    line = day.order(edited)["lines"][0]["id"]
    day.shopify.people.edit(edited, quantities={line: 1})
    day.shopify.people.cancel(cancelled)
    day.shopify.people.hold(held)
    (there,) = day.there(parts)
    for item in there["items"]:
        day.shipstation.labels.buy_label(there["orderId"], lines={item["lineItemKey"]: item["quantity"]})
    (there,) = day.there(voided)
    shipment = day.shipstation.labels.buy_label(there["orderId"])
    day.shipstation.labels.void_label(shipment.shipment_id)
    day.shipstation.labels.buy_label(there["orderId"], force=True)
    (there,) = day.there(marked)
    day.shipstation.labels.mark_shipped(there["orderId"], "fedex", "123456789012")
    await day.rest()
    await day.assert_clean()
    states = {order_id: one["state"] for order_id, one in (await day.told()).items()}
    assert states[parts] == states[voided] == states[marked] == "shipped"
    assert states[cancelled] == "cancelled"
    day.shopify.people.release(held)
    await day.rest()
    day.shipstation.labels.ship_all()
    await day.rest()
    account = await day.assert_clean()
    assert account.causes == {"shipped": 5, "cancelled": 1}


@pytest.mark.parametrize("fates", [pytest.param(of_shipstation(one), id=str(one)) for one in LOCKS])
async def test_a_label_bought_at_the_moment_of_a_change_is_seen(day: Day) -> None:
    """The update or cancellation arrives at an order that has just been closed; another row of the same call is fine."""
    edited, cancelled, other = day.sell(3, lines=1, quantity=2)
    await day.rest()

    def label(request: Any) -> None:
        if writes_orders(request):
            day.network.before = None
            for order_id in (edited, cancelled):
                day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])

    day.network.before = label
    for order_id in (edited, other):
        day.shopify.people.edit(order_id, quantities={day.order(order_id)["lines"][0]["id"]: 1})
    day.shopify.people.cancel(cancelled)
    await day.rest()
    causes = {order_id: one["cause"] for order_id, one in (await day.told()).items()}
    assert causes[cancelled] == "cancelled_after_label"
    assert causes[edited] in ("edited_after_label", "overshipped")
    assert causes[other] == "in_shipstation"
    account = await day.account()
    assert account.missing == account.unexplained == day.over_fulfilled() == []
    assert all(day.order(edited)["name"] in one for one in account.doubled)  # told as far as the order still wants it
    assert [item["quantity"] for item in day.there(other)[0]["items"]] == [1]
    assert day.fulfillments(cancelled) == []


@pytest.mark.parametrize(
    "fates",
    [
        pytest.param(of_shipstation({"split_number_style": number, "split_key_style": key}), id=f"{number} {key}")
        for number in ("suffix", "same")
        for key in ("own", "shared")
    ],
)
async def test_a_split_in_shipstation_is_left_alone_and_both_parts_are_told(day: Day) -> None:
    (order_id,) = day.sell(lines=2, quantity=2)
    await day.rest()
    (there,) = day.there(order_id)
    moved = there["items"][0]["lineItemKey"]
    child = day.shipstation.desk.split(there["orderId"], {moved: 1})
    before = len(pushed(day.calls("createorders")))
    day.shopify.people.edit(order_id, address={"address1": "2 Other Road"})
    await day.rest()
    assert await day.cause(order_id) == "changed_on_both_sides"
    assert len(pushed(day.calls("createorders"))) == before
    for part in (there["orderId"], child.order_id):
        day.shipstation.labels.buy_label(part)
    await day.rest()
    account = await day.account()
    assert account.doubled == account.not_told == account.mails_wrong == []
    assert len(day.fulfillments(order_id)) == 2
    assert day.over_fulfilled() == []


async def test_orders_merged_in_shipstation_are_told_each_for_its_own_lines(day: Day) -> None:
    first, second = day.sell(2, lines=1, quantity=2)
    await day.rest()
    merged = day.shipstation.desk.merge([day.there(order_id)[0]["orderId"] for order_id in (first, second)])
    day.shipstation.labels.buy_label(merged.order_id)
    await day.rest()
    account = await day.account()
    assert account.doubled == account.not_told == account.mails_wrong == []
    assert len(day.fulfillments(first)) == len(day.fulfillments(second)) == 1
    assert await day.cause(first) == await day.cause(second) == "shipped"


@pytest.mark.parametrize("style", ["creates", "refused"])
@pytest.mark.parametrize("fates", [Fates(settings=settings_of(sync={"settle_s": 0.5}))])
async def test_an_order_deleted_in_shipstation_is_never_made_anew_by_itself(day: Day, style: str) -> None:
    day.shipstation.set_options({"gone_key_style": style})
    (order_id,) = day.sell(lines=1, quantity=2)
    await day.rest()
    day.shipstation.desk.delete(day.there(order_id)[0]["orderId"])
    day.shopify.people.edit(order_id, note="please hurry")
    await day.rest()
    assert (await day.told())[order_id]["state"] == "parked"
    assert await day.cause(order_id) == "merged_parent_unknown"
    assert day.there(order_id) == []
