"""Stock in a story: who counts it, what lies there, and what is offered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from syncd.operate.stock import push_stock
from syncd.settings.whole import Settings
from syncd.simulation.day import Day, settings_of, store_settings
from syncd.simulation.desk import desk_of
from syncd.simulation.sidelines.shelves import PLACE, SCAN_S, SHELF

EVERY_ENGINE = pytest.mark.parametrize("engine", ["sqlite", "postgres"], indirect=True)


def owned_by(owner: str, **more: Any) -> Settings:
    shelf = {"inventory_location": SHELF, "owner": owner, **more}
    return settings_of(
        stores={"main": store_settings(stock={str(PLACE): shelf})},
        sync={
            "start_at": "2000-01-01T00:00:00Z",
            "order_poll_s": 20.0,
            "shipment_poll_s": 20.0,
            "stock_scan_s": SCAN_S,
        },
    )


def count_both(day: Day, counts: Mapping[str, tuple[int, int]]) -> None:
    """SKU -> on hand in Shopify, in ShipStation."""
    for sku, (here, there) in counts.items():
        day.shopify.people.count(sku, here, PLACE)
        day.shipstation.stock.count(sku, SHELF, there)


def offered(day: Day, sku: str) -> tuple[int, int]:
    """On hand and available in Shopify."""
    (shop,) = day.shopify.state()["shops"].values()
    row = next(one for one in shop["inventory"] if one["sku"] == sku and one["locationId"] == PLACE)
    return row["onHand"], row["available"]


def lying(day: Day, sku: str) -> tuple[int, int]:
    """On hand and available in ShipStation."""
    level = next(one for one in day.shipstation.stock.levels() if (one.sku, one.location.location_id) == (sku, SHELF))
    return level.on_hand, level.available


async def push(day: Day) -> dict[str, Any]:
    return await push_stock(await desk_of(day), ["main"])


async def a_look(day: Day) -> None:
    await day.passes(SCAN_S + 10)
