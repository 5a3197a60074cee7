"""Stock through V2: how much lies at the places that matter to us, and what changes it.

There is no comparison and no key against doing it twice, so changes are written as differences: what the warehouse does at the
same moment stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from mappings.stock import Lying
from syncd.budget import Urgency
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_reads import Level, levels

REASON = "Counted in Shopify"


@dataclass(frozen=True)
class Shelves:
    """What one look showed. A place is an inventory location, or an inventory warehouse with all its locations."""

    lying: Mapping[str, Mapping[str, Lying]]
    """Id of a place -> SKU -> units."""
    locations: Mapping[str, Set[str]]
    """Id of a place -> the inventory locations that it consists of, as far as anything has a level there."""

    def share_goods(self, one: str, other: str) -> bool:
        return one == other or not self.locations[one].isdisjoint(self.locations[other])


async def stock_at(client: ShipStationV2Client, places: Collection[str], sku: str | None = None) -> Shelves:
    """All pages of one look. A row that came twice because the list moved meanwhile counts once; the units of a warehouse are
    those of all its locations."""
    rows: dict[tuple[str, str, str], Level] = {}
    async for page in levels(client, Urgency.CATALOG, sku):
        for row in page:
            for place in {row.location_id, row.warehouse_id} & set(places):
                rows[place, row.sku, row.location_id] = row
    lying: dict[str, dict[str, Lying]] = {place: {} for place in places}
    for (place, name, _), row in rows.items():
        before = lying[place].get(name, Lying(0, 0))
        lying[place][name] = Lying(before.on_hand + row.on_hand, before.available + row.available)
    return Shelves(lying, {place: {one for at, _, one in rows if at == place} for place in places})


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
