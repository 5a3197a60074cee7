"""Whether the shelves of the settings exist on both sides, and no goods are offered twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mappings.stock import Shelf
from syncd.operate.checks import Check, Finding, fault, note, ok
from syncd.settings.whole import Settings
from syncd.shipstation.v2_reads import inventory_locations
from syncd.shopify.reads import locations
from syncd.wiring import Vendors, shelves


async def check_stock(settings: Settings, vendors: Vendors) -> Finding:
    assert vendors.shipstation_v2 is not None, "the settings demand its key where a shelf is named"
    rows = await inventory_locations(vendors.shipstation_v2)
    warehouse_of = {str(row.get("inventory_location_id")): str(row.get("inventory_warehouse_id")) for row in rows}
    known, found = shelves(settings), list[Check]()
    for name in sorted({shelf.store for shelf in known}):
        own = [shelf for shelf in known if shelf.store == name]
        active = {one.location_id for one in await locations(vendors.shops[name]) if one.is_active}
        problems = [
            *_unknown(name, own, active, warehouse_of),
            *_overlaps(name, own, warehouse_of),
            *_counted_back(name, own, known, warehouse_of),
        ]
        found += problems or [_well(name, own)]
    return found


def _unknown(name: str, own: Sequence[Shelf], active: Collection[int], warehouse_of: Mapping[str, str]) -> Finding:
    places = {*warehouse_of, *warehouse_of.values()}
    here = [
        fault(
            f"store {name} stock",
            f"{one.location_id} is not an active location of the shop",
            f"Use one of {', '.join(map(str, sorted(active)))} in [stores.{name}.stock].",
        )
        for one in own
        if one.location_id not in active
    ]
    return here + [
        fault(
            f"store {name} stock",
            f"ShipStation's inventory has no {one.place}",
            f"Use one of {', '.join(sorted(places))} for location {one.location_id}.",
        )
        for one in own
        if one.place not in places
    ]


def _overlaps(name: str, own: Sequence[Shelf], warehouse_of: Mapping[str, str]) -> Finding:
    """A warehouse with all its locations beside one of these."""
    by_place = {shelf.place: shelf for shelf in own}
    return [
        fault(
            f"store {name} stock",
            f"locations {by_place[warehouse].location_id} and {shelf.location_id} would offer the goods of {shelf.place} twice",
            f"Name inventory locations for both, or take {shelf.place} out.",
        )
        for shelf in own
        if (warehouse := warehouse_of.get(shelf.place)) in by_place
    ]


def _counted_back(name: str, own: Sequence[Shelf], known: Sequence[Shelf], warehouse_of: Mapping[str, str]) -> Finding:
    """A warehouse that another shop sells from, beside one of its locations that this shop counts."""
    return [
        fault(
            f"store {name} stock",
            f"the goods of {shelf.place} are counted in {name}, and {other.store} sells them too: what it sold is counted back",
            f'Set owner = "shipstation" for both, or owner = "none" for {name}, or take {shelf.place} out.',
        )
        for shelf in own
        for other in known
        if shelf.owner == "shopify" and other.place == warehouse_of.get(shelf.place)
    ]


def _well(name: str, own: Sequence[Shelf]) -> Check:
    if all(shelf.owner == "none" for shelf in own):
        return note(
            f"store {name} stock",
            "compared and never written: no shelf has an owner",
            "Set owner, once `syncd stock diff` looks right.",
        )
    return ok(f"store {name} stock", f"{len(own)} shelves, owned by {', '.join(sorted({one.owner for one in own}))}")
