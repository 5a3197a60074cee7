"""What stories of packages share: an order in ShipStation, labels for parts of it, and what Shopify was told."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.simulation.day import Day, settings_of

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)
GRACE_S = 150.0
SETTINGS = settings_of(sync={"void_grace_s": GRACE_S})
Shipment = Any


async def an_order(day: Day, lines: int = 1, quantity: int = 2) -> tuple[int, dict[str, Any]]:
    """Its id, and the ShipStation order that stands for it."""
    (order_id,) = day.sell(lines=lines, quantity=quantity)
    await day.rest()
    (there,) = day.there(order_id)
    return order_id, there


def keys(there: dict[str, Any]) -> list[str]:
    return [item["lineItemKey"] for item in there["items"] if not item["adjustment"]]


def label(day: Day, there: dict[str, Any], *units: int, **more: Any) -> Shipment:
    """A label for so many units of each line; for all that is not packed yet when nothing is said."""
    lines = {key: count for key, count in zip(keys(there), units, strict=False) if count}
    return day.shipstation.labels.buy_label(there["orderId"], lines=lines or None, **more)


async def void(day: Day, *shipments: Shipment) -> None:
    for shipment in shipments:
        day.shipstation.labels.void_label(shipment.shipment_id)
    await day.rest()


def numbers(day: Day, order_id: int) -> dict[str, int]:
    """Tracking number -> units, of what Shopify shows as sent."""
    return {one["tracking"][0]["number"]: sum(one["lines"].values()) for one in day.fulfillments(order_id)}


async def assert_told(day: Day, order_id: int, *shipments: Shipment) -> None:
    """Shopify shows exactly these packages, each once, and the order is shipped."""
    account = await day.assert_clean()
    assert account.packages == account.fulfillments == account.mails == len(shipments)
    assert numbers(day, order_id).keys() == {one.tracking_number for one in shipments}
    assert await day.cause(order_id) == "shipped"
