"""What stories of the sweep begin with: orders that lie in ShipStation for some time, and a sweep by hand."""

from __future__ import annotations

from typing import Any

from syncd.operate.sweeping import sweep_by_hand
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of

QUIET_S = 660.0


async def later(day: Day, seconds: float = QUIET_S) -> None:
    """Time passes while the daemon is not running: it need not look every second."""
    await day.stop()
    await day.passes(seconds)
    await day.start()


async def sold(day: Day, count: int = 1, **wishes: Any) -> list[int]:
    """Orders that lie in ShipStation for some time already."""
    order_ids = day.sell(count, **wishes)
    await day.rest()
    await later(day)
    return order_ids


async def swept(day: Day) -> None:
    await later(day)
    await sweep_by_hand(await desk_of(day))
    await day.rest()


def there_of(day: Day, order_id: int) -> dict[str, Any]:
    (order,) = day.there(order_id)
    return order
