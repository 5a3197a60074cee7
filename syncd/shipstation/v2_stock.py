"""Stock through V2: how much lies at the places that matter to us, and what changes it.

There is no comparison and no key against doing it twice, so changes are written as differences: what the warehouse does at the
same moment stays.
"""

from __future__ import annotations

from collections.abc import Collection

from mappings.stock import Lying
from syncd.budget import Urgency
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_reads import Level, levels

REASON = "Counted in Shopify"
Shelves = dict[str, dict[str, Lying]]
"""Id of an inventory location or inventory warehouse -> SKU -> units."""


async def stock_at(client: ShipStationV2Client, places: Collection[str], sku: str | None = None) -> Shelves:
    """All pages of one look. A row that came twice because the list moved meanwhile counts once; the units of a warehouse are
    those of all its locations."""
    rows: dict[tuple[str, str, str], Level] = {}
    async for page in levels(client, Urgency.CATALOG, sku):
        for row in page:
            for place in {row.location_id, row.warehouse_id} & set(places):
                rows[place, row.sku, row.location_id] = row
    found: Shelves = {place: {} for place in places}
    for (place, name, _), row in rows.items():
        before = found[place].get(name, Lying(0, 0))
        found[place][name] = Lying(before.on_hand + row.on_hand, before.available + row.available)
    return found


async def change_on_hand(client: ShipStationV2Client, location_id: str, sku: str, units: int) -> None:
    """So many units more, or fewer. After `UncertainError` only a look tells whether it was done."""
    body = {
        "transaction_type": "increment" if units > 0 else "decrement",
        "inventory_location_id": location_id,
        "sku": sku,
        "quantity": abs(units),
        "reason": REASON,
    }
    await client.post("/v2/inventory", body, Urgency.CATALOG)
