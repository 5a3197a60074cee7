"""What most days begin with: orders that lie in ShipStation, and a label for one of them."""

from __future__ import annotations

from typing import Any

from syncd.simulation.day import Day


async def placed(day: Day, count: int = 1, **wishes: Any) -> list[int]:
    orders = day.sell(count, **wishes)
    await day.rest()
    return orders


def ship(day: Day, order_id: int) -> None:
    (there,) = day.there(order_id)
    day.shipstation.labels.buy_label(there["orderId"])


def split_off(day: Day, order_id: int, units: int = 1) -> Any:
    (there,) = day.there(order_id)
    return day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: units})


def units_there(day: Day, order_id: int) -> int:
    """Of its lines, in whatever orders that are still to leave or left."""
    orders = [one for one in day.shipstation.state()["orders"].values() if not one["gone"]]
    items = [item for one in orders if one["status"] != "cancelled" for item in one["items"]]
    return sum(item["quantity"] for item in items if item["lineItemKey"].startswith(f"{order_id}:"))
