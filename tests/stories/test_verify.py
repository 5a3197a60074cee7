"""Stories of the recount: clean where all is right, and each difference by order where somebody was at work."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.errors import RejectedError
from syncd.operate.verify import account_text, moment, recount
from syncd.sandbox.shopify.state import Fulfillment
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of
from syncd.simulation.ports import START

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


async def recounted(day: Day, seconds: float = 300.0) -> dict[str, Any]:
    """With the daemon away, so that nothing is repaired meanwhile, and long enough for nothing to be on its way."""
    await day.stop()
    await day.passes(seconds)
    return await recount(await desk_of(day), "")


async def shipped(day: Day, *units: int) -> tuple[int, list[int]]:
    """An order of two units of one line whose labels hold so many each. Its id, and theirs."""
    (order_id,) = day.sell(lines=1, quantity=2)
    await day.rest()
    key = f"{order_id}:{day.order(order_id)['lines'][0]['id']}"
    there = day.there(order_id)[0]["orderId"]
    labels = [day.shipstation.labels.buy_label(there, {key: count}) for count in units]
    await day.rest()
    await day.stop()
    return order_id, [label.shipment_id for label in labels]


def fulfillment_of(day: Day, order_id: int) -> Fulfillment:
    """Shopify's own record, to be changed behind everybody's back."""
    (shop,) = day.shopify.shops.values()
    return next(one for one in shop.fulfillments.values() if one.order.id == order_id)


def kinds(account: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in account["differences"]]


@BOTH
async def test_a_day_that_went_right_recounts_without_a_difference(day: Day) -> None:
    order_ids = day.sell(6, lines=2, quantity=2)
    await day.rest()
    day.shopify.people.cancel(order_ids[0])
    day.shopify.people.hold(order_ids[1])
    await day.rest()
    for order_id in order_ids[2:5]:
        (order,) = day.there(order_id)
        day.shipstation.labels.buy_label(order["orderId"])
    await day.rest()
    account = await recounted(day)
    assert account["differences"] == []
    assert (account["orders"], account["packages"], account["fulfillments"]) == (6, 3, 3)
    assert (account["eligible"], account["mapped_once"], account["on_the_way"]) == (6, 6, 0)
    assert account_text(account).startswith("Both sides agree.")
    assert "states       cancelled 1, held 1, in_shipstation 1, shipped 3" in account_text(account)
    assert json.loads(json.dumps(account))["states"] == account["states"]
    assert "missing 0, doubled 0, unexplained 0" in account_text(account)


async def test_what_vanished_from_shipstation_is_missing(day: Day) -> None:
    order_id, _ = day.sell(2)
    await day.rest()
    day.shipstation.desk.delete(day.there(order_id)[0]["orderId"])
    account = await recounted(day)
    assert [(one["order"], one["kind"]) for one in account["differences"]] == [(day.order(order_id)["name"], "missing")]


async def test_a_fulfillment_that_somebody_cancelled_is_a_package_not_told(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest()
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest()
    day.execute("UPDATE packages SET fulfillment_gid = NULL")
    await day.stop()
    day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"], force=True)
    account = await recounted(day)
    assert account["not_told"] == 1


async def test_a_second_order_with_our_lines_is_doubled(day: Day) -> None:
    (order_id,) = day.sell(lines=1, quantity=2)
    await day.rest()
    await day.stop()
    ours = day.shipstation.account.order(day.there(order_id)[0]["orderId"])
    day.shipstation.account.branch(ours, key="copied by hand")
    account = await recounted(day)
    assert kinds(account) == ["doubled"]
    line_id = day.order(order_id)["lines"][0]["id"]
    assert f"ShipStation would ship 2 of line {line_id} more than Shopify wants" in account_text(account)


async def test_the_same_sale_from_a_direct_connection_is_doubled(day: Day) -> None:
    order_id, _ = day.sell(2)
    await day.rest()
    await day.stop()
    ours = day.there(order_id)[0]
    twin = day.shipstation.desk.native_import(ours["orderId"], 2002, str(order_id), ours["orderNumber"].lstrip("#"))
    account = await recounted(day)
    (difference,) = account["differences"]
    assert (difference["order"], difference["kind"]) == (day.order(order_id)["name"], "doubled")
    assert str(twin.order_id) in difference["text"]


async def test_an_order_that_we_never_looked_at_is_unexplained(day: Day) -> None:
    day.sell()
    await day.rest()
    await day.stop()
    day.execute("DELETE FROM orders")
    assert kinds(await recounted(day)) == ["unexplained"]


async def test_a_package_that_left_while_we_were_away_is_not_told(day: Day) -> None:
    order_id, _ = await shipped(day)
    label = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    account = await recounted(day)
    assert kinds(account) == ["not_told"]
    assert f"({label.tracking_number}) left, and Shopify has no fulfillment for it" in account_text(account)


async def test_a_fulfillment_with_another_number_names_both(day: Day) -> None:
    order_id, _ = await shipped(day, 2)
    number = day.fulfillments(order_id)[0]["tracking"][0]["number"]
    fulfillment_of(day, order_id).tracking[0].number = "1Z-TYPED-BY-HAND"
    account = await recounted(day)
    assert kinds(account) == ["not_told"]
    assert f"({number}) left, and Shopify's fulfillment" in account_text(account)
    assert "of its goods shows 1Z-TYPED-BY-HAND" in account_text(account)


async def test_a_fulfillment_with_other_goods_names_both(day: Day) -> None:
    order_id, _ = await shipped(day, 2)
    fulfillment_of(day, order_id).lines[0].quantity = 1
    account = await recounted(day)
    line_id = day.order(order_id)["lines"][0]["id"]
    assert kinds(account) == ["not_told"]
    assert f"holds 2 of line {line_id}, and Shopify's fulfillment" in account_text(account)


async def test_a_package_that_is_told_twice_is_named(day: Day) -> None:
    order_id, _ = await shipped(day, 1)
    told = fulfillment_of(day, order_id)
    (shop,) = day.shopify.shops.values()
    again = replace(told, id=told.id + 1)
    shop.fulfillments[again.id] = again
    told.order.fulfillments.append(again)
    account = await recounted(day)
    assert kinds(account) == ["told_twice"]
    assert "Cancel the fulfillment in Shopify that is too much." in account_text(account)


async def test_a_fulfillment_whose_label_is_void_is_told_in_vain_once_its_time_is_over(day: Day) -> None:
    _, (shipment_id,) = await shipped(day, 1)
    day.shipstation.labels.void_label(shipment_id)
    assert kinds(await recounted(day)) == []
    await day.passes(day.settings.sync.void_grace_s)
    account = await recount(await desk_of(day), "")
    assert kinds(account) == ["told_in_vain"]
    assert f"package s{shipment_id}, whose label is void" in account_text(account)


async def test_a_fulfillment_whose_package_is_nowhere_is_told_in_vain(day: Day) -> None:
    _, (shipment_id,) = await shipped(day, 2)
    del day.shipstation.account.shipments[shipment_id]
    account = await recounted(day)
    assert "told_in_vain" in kinds(account)
    assert f"package s{shipment_id}, which ShipStation does not have" in account_text(account)


async def test_what_somebody_else_fulfilled_is_theirs(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest()
    day.shopify.people.fulfill(order_id)
    await day.rest()
    assert kinds(await recounted(day)) == []


async def test_while_things_move_nothing_is_called_a_difference(day: Day) -> None:
    order_ids = day.sell(3)
    await day.rest()
    day.shipstation.labels.ship_all()
    await day.passes(0.5)
    account = await recount(await desk_of(day), "")
    assert account["differences"] == []
    assert account["on_the_way"] == len(order_ids)


async def test_only_orders_made_since_the_given_time_are_counted(day: Day) -> None:
    day.sell(2)
    await day.rest()
    await day.stop()
    await day.passes(7200)
    assert (await recount(await desk_of(day), "1h"))["orders"] == 0
    assert (await recount(await desk_of(day), "3h"))["orders"] == 2


def test_a_time_is_a_date_an_instant_or_an_age() -> None:
    assert moment("36h", START) == START - timedelta(hours=36)
    assert moment("", START) == START - timedelta(days=7)
    assert moment("2026-11-20", START).isoformat() == "2026-11-20T00:00:00+00:00"
    with pytest.raises(RejectedError, match="no time"):
        moment("yesterday", START)
