"""Real order bodies go through the whole daemon: each ends in ShipStation or in a named exclusion, none crashes, none is dropped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mappings.causes import Cause, State
from syncd.simulation.day import Day, Fates, settings_of, store_settings

FOLDER = Path(os.environ.get("SYNCD_SHARED", Path(__file__).parents[2] / "shared")) / "payloads" / "shopify-orders"
FILES = sorted(path.name for path in FOLDER.glob("*.json"))

SENT = {State.IN_SHIPSTATION, State.PARTLY_SHIPPED}
EXPLAINED = {State.EXCLUDED, State.SHIPPED, State.CANCELLED, State.PARKED, State.HELD}


def bodies(path: Path) -> list[dict[str, Any]]:
    """Some files hold the body inside an envelope."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return content if isinstance(content, list) else [content.get("order", content)]


@pytest.mark.parametrize("name", FILES or ["the folder is not here"])
@pytest.mark.parametrize(
    "fates", [Fates(settings=settings_of(stores={"main": store_settings(locations={})}))], ids=["all locations"]
)
async def test_a_real_order_ends_in_shipstation_or_in_a_named_exclusion(day: Day, shared: Path, name: str) -> None:
    order_ids = [
        day.shopify.people.import_order(body) for body in bodies(shared / "payloads" / "shopify-orders" / name)
    ]
    await day.rest()
    account = await day.assert_clean()
    assert account.orders == len(order_ids)
    for order_id in order_ids:
        told = (await day.told())[order_id]
        assert told["state"] in SENT | EXPLAINED, told
        assert told["cause"] != Cause.BUG
        is_there = any(one["status"] == "awaiting_shipment" for one in day.there(order_id))
        assert is_there == (told["state"] in SENT), told
    day.shipstation.labels.ship_all()
    await day.rest()
    await day.assert_clean()
    assert not any(state in SENT | {"queued"} for state in (await day.account()).states)
