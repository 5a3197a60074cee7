"""What both accounts have to choose from when a settings file is made; in the words of `syncd doctor` where one does not let us in."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mappings.v2_documents import number_of
from syncd.errors import AccessError, SyncError
from syncd.operate.checks import Check, trouble
from syncd.operate.desk import open_vendors, passing_database
from syncd.settings.whole import Settings
from syncd.shipstation import reads as shipstation
from syncd.shipstation import v2_reads
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shopify import reads as shopify
from syncd.shopify.client import ShopifyClient
from syncd.wiring import Vendors

T = TypeVar("T")


@dataclass(frozen=True)
class ShopOffer:
    name: str
    currency_code: str
    locations: Sequence[shopify.Location]
    """The active ones."""


@dataclass(frozen=True)
class AccountOffer:
    stores: Sequence[shipstation.Store]
    """Those that orders of an API belong in."""
    warehouses: Sequence[shipstation.Warehouse]
    carriers: Sequence[str]
    shelves: Sequence[tuple[str, str]]
    """(id, name) of inventory locations; none without a V2 key, or without the Inventory add-on."""


async def ask_both_sides(settings: Settings, name: str) -> tuple[ShopOffer | Check, AccountOffer | Check]:
    """`name` is that of the store. A `Check` in the place of a side that could not be asked."""
    with passing_database() as url:
        async with open_vendors(settings, url) as vendors:
            shop = await _or_trouble(f"store {name}", _shop(vendors.shops[name]))
            return shop, await _or_trouble("shipstation", _account(vendors))


async def _or_trouble(name: str, asked: Awaitable[T]) -> T | Check:
    try:
        return await asked
    except SyncError as error:
        return trouble(name, error)


async def _shop(client: ShopifyClient) -> ShopOffer:
    access = await shopify.shop_access(client)
    places = [one for one in await shopify.locations(client) if one.is_active]
    return ShopOffer(access.name, access.currency_code, places)


async def _account(vendors: Vendors) -> AccountOffer:
    client = vendors.shipstation
    stores = [one for one in await shipstation.stores(client) if one.is_manual and one.is_active]
    warehouses, carriers = await shipstation.warehouses(client), await shipstation.carriers(client)
    shelves = await _shelves(vendors.shipstation_v2) if vendors.shipstation_v2 else []
    return AccountOffer(stores, warehouses, carriers, shelves)


async def _shelves(client: ShipStationV2Client) -> list[tuple[str, str]]:
    try:
        rows = await v2_reads.inventory_locations(client)
    except AccessError as error:
        if error.code == "v2_http_401":
            raise
        return []  # the plan has no Inventory add-on
    return [(str(number_of(row.get("inventory_location_id"))), str(row.get("name"))) for row in rows]
