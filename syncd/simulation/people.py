"""What customers, merchants, the warehouse and bad luck do in a random day. Each deed picks its object by a number, and may be refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from syncd.sandbox.shipstation.records import Item, Shipment
from syncd.sandbox.shipstation.records import Order as ShipStationOrder
from syncd.sandbox.shopify.state import Order
from syncd.simulation.day import Day

Deed = Callable[[Day, int], Awaitable[Any] | Any]

LOCATIONS = (82734627, 82734628)
TYPED = "Gate"
"""How every street begins that the warehouse types."""


def pick(some: list[Any], number: int) -> Any:
    """Raises `ValueError` when there is nothing to pick from: then nothing happens."""
    if not some:
        raise ValueError("nothing there")
    return some[number % len(some)]


def orders(day: Day) -> list[dict[str, Any]]:
    return [order for shop in day.shopify.state()["shops"].values() for order in shop["orders"]]


def _order(day: Day, number: int) -> Order:
    found: Order = pick(day.focus.among(list(day.sold().values()), lambda one: {one.id}), number)
    day.touched.add(found.id)
    return found


def _order_id(day: Day, number: int) -> int:
    return _order(day, number).id


def _there(day: Day, number: int) -> ShipStationOrder:
    account = day.shipstation.account
    account.release_due_holds()
    there = [one for one in account.orders.values() if one.gone is None]
    found: ShipStationOrder = pick(day.focus.among(there, shopify_orders), number)
    day.touched |= shopify_orders(found)
    return found


def _goods(order: ShipStationOrder | Shipment) -> list[Item]:
    return [item for item in order.items if not item.adjustment and item.line_item_key]


def shopify_orders(order: ShipStationOrder | Shipment) -> set[int]:
    """Ids of those whose lines lie in it."""
    return {int((item.line_item_key or "").partition(":")[0]) for item in _goods(order)}


def _line(day: Day, number: int) -> tuple[int, int]:
    """Order id and line id."""
    order = _order(day, number)
    return order.id, pick(order.lines, number // 7).id


def sell(day: Day, number: int) -> None:
    mix = [{}, {"two_locations": 1.0}, {"unpaid": 1.0}, {"pickup": 1.0}][number % 4 if number % 3 == 0 else 0]
    day.sell(1, lines=1 + number % 2, quantity=1 + number // 2 % 3, mix=mix)


def pay(day: Day, number: int) -> None:
    day.shopify.people.pay(_order_id(day, number))


def cancel(day: Day, number: int) -> None:
    day.shopify.people.cancel(_order_id(day, number))


def change_quantity(day: Day, number: int) -> None:
    order_id, line_id = _line(day, number)
    day.shopify.people.edit(order_id, quantities={line_id: number // 11 % 4})


def move_house(day: Day, number: int) -> None:
    day.shopify.people.edit(_order_id(day, number), address={"address1": f"{number} New Road"})


def refund(day: Day, number: int) -> None:
    order_id, line_id = _line(day, number)
    day.shopify.people.refund(order_id, lines={line_id: 1}, restock_type=["CANCEL", "NO_RESTOCK"][number // 5 % 2])


def hold(day: Day, number: int) -> None:
    day.shopify.people.hold(_order_id(day, number))


def hold_some(day: Day, number: int) -> None:
    order_id, line_id = _line(day, number)
    day.shopify.people.hold(order_id, lines={line_id: 1})


def exchange(day: Day, number: int) -> None:
    new = {"title": "Other color", "sku": f"NEW-{number}", "price": "5.00", "quantity": 1, "grams": 100}
    day.shopify.people.exchange(_order_id(day, number), [new])


def release(day: Day, number: int) -> None:
    day.shopify.people.release(_order_id(day, number))


def move(day: Day, number: int) -> None:
    day.shopify.people.move_fulfillment_order(_order_id(day, number), LOCATIONS[number // 3 % 2])


def label(day: Day, number: int) -> None:
    day.shipstation.labels.buy_label(_there(day, number).order_id)


def label_one_unit(day: Day, number: int) -> None:
    order = _there(day, number)
    day.shipstation.labels.buy_label(order.order_id, {pick(_goods(order), number // 3).line_item_key: 1})


def void(day: Day, number: int) -> None:
    labels = [one for one in day.shipstation.account.shipments.values() if one.voided_at is None]
    shipment = pick(day.focus.among(labels, shopify_orders), number)
    day.touched |= shopify_orders(shipment)
    day.shipstation.labels.void_label(shipment.shipment_id)


def mark_shipped(day: Day, number: int) -> None:
    order = _there(day, number)
    if order.status == "shipped":
        raise ValueError("people do not mark twice")
    day.shipstation.labels.mark_shipped(order.order_id, "fedex", f"7700{number:08d}{order.order_id}")


def ship_all(day: Day, number: int) -> None:
    for shipment in day.shipstation.labels.ship_all(batch=number % 2 == 0):
        day.touched |= shopify_orders(shipment)


def split(day: Day, number: int) -> None:
    order = _there(day, number)
    day.shipstation.desk.split(order.order_id, {pick(_goods(order), number // 3).line_item_key: 1})


def merge(day: Day, number: int) -> None:
    day.shipstation.desk.merge([_there(day, number).order_id, _there(day, number // 2 + 1).order_id])


def annotate(day: Day, number: int) -> None:
    day.shipstation.edit(_there(day, number).order_id, {"internalNotes": f"shelf {number}"})


def type_address(day: Day, number: int) -> None:
    order = _there(day, number)
    there = dict(order.content.details.get("shipTo") or {})
    day.shipstation.edit(order.order_id, {"shipTo": there | {"street1": f"{TYPED} {number}"}})


def hold_there(day: Day, number: int) -> None:
    day.shipstation.desk.hold(_there(day, number).order_id)


def release_there(day: Day, number: int) -> None:
    day.shipstation.desk.release(_there(day, number).order_id)


def cancel_there(day: Day, number: int) -> None:
    day.shipstation.desk.cancel(_there(day, number).order_id)


async def crash(day: Day, number: int) -> None:
    """And after that once more, in the middle of what the new life finds."""
    day.kill()
    await day.start(dies_after=5 + number % 60)
    await day.passes(3.0)
    day.kill()
    await day.start()


DEEDS: dict[str, Deed] = {
    deed.__name__: deed
    for deed in (
        sell, pay, cancel, change_quantity, move_house, refund, hold, hold_some, exchange, release, move,
        label, label_one_unit, ship_all, void, mark_shipped, split, merge, annotate, type_address, hold_there, release_there,
        cancel_there, crash,
    )
}  # fmt: skip
