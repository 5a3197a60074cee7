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
