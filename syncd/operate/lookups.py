"""`syncd shipstation ...`: what the account holds, as the vendor shows it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncd.budget import Urgency
from syncd.errors import RejectedError, TransientError
from syncd.operate.desk import Desk
from syncd.shipstation import v2_reads
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.v2_client import ShipStationV2Client

LARGEST_PAGE = 500


@dataclass(frozen=True)
class Lookup:
    """One V1 list. `member` is empty for a bare array; `columns`: heading -> path into the row, dots between members."""

    path: str
    member: str
    columns: Mapping[str, str]
    search: str = ""
    """The parameter that takes what is looked for."""
    params: Mapping[str, str | int] | None = None


LOOKUPS: Mapping[str, Lookup] = {
    "orders": Lookup(
        "/orders",
        "orders",
        {
            "id": "orderId",
            "number": "orderNumber",
            "status": "orderStatus",
            "key": "orderKey",
            "store": "advancedOptions.storeId",
            "warehouse": "advancedOptions.warehouseId",
            "modified": "modifyDate",
        },
        "orderNumber",
        {"sortBy": "ModifyDate", "sortDir": "DESC"},
    ),
    "shipments": Lookup(
        "/shipments",
        "shipments",
        {
            "id": "shipmentId",
            "order": "orderNumber",
            "carrier": "carrierCode",
            "service": "serviceCode",
            "tracking": "trackingNumber",
            "shipped": "shipDate",
            "voided": "voided",
        },
        "orderNumber",
        {"sortBy": "CreateDate", "sortDir": "DESC"},
    ),
    "products": Lookup(
        "/products",
        "products",
        {
            "id": "productId",
            "sku": "sku",
            "name": "name",
            "oz": "weightOz",
            "hs code": "customsTariffNo",
            "active": "active",
        },
        "sku",
    ),
    "customers": Lookup(
        "/customers",
        "customers",
        {"id": "customerId", "name": "name", "city": "city", "country": "countryCode"},
    ),
    "warehouses": Lookup("/warehouses", "", {"id": "warehouseId", "name": "warehouseName", "default": "isDefault"}),
    "carriers": Lookup("/carriers", "", {"code": "code", "name": "name", "balance": "balance", "primary": "primary"}),
}

INVENTORY_COLUMNS = {"id": "inventory_location_id", "name": "name", "warehouse": "inventory_warehouse_id"}

Answer = dict[str, Any]
"""`columns`, `rows` as the vendor has them, and `total`."""


def v2_of(desk: Desk) -> ShipStationV2Client:
    if desk.vendors.shipstation_v2 is None:
        raise RejectedError("no_v2_key", "this needs ShipStation's V2 API: set shipstation.v2_api_key")
    return desk.vendors.shipstation_v2


async def look_up(desk: Desk, name: str, search: str, limit: int) -> Answer:
    """`limit` is at most 500: one call."""
    if name == "inventory-locations":
        rows = await v2_reads.inventory_locations(v2_of(desk))
        return {"columns": INVENTORY_COLUMNS, "rows": rows[:limit], "total": len(rows)}
    lookup = LOOKUPS[name]
    if search and not lookup.search:
        raise RejectedError("no_search", f"ShipStation cannot search {name}; leave the text out")
    return await _listed(desk.vendors.shipstation, lookup, search, limit)


async def _listed(client: ShipStationClient, lookup: Lookup, search: str, limit: int) -> Answer:
    size = {"pageSize": min(limit, LARGEST_PAGE)} if lookup.member else {}
    wanted = {lookup.search: search} if search else {}
    body = await client.get(lookup.path, {**(lookup.params or {}), **size, **wanted}, Urgency.CATALOG)
    rows = body.get(lookup.member) if lookup.member and isinstance(body, dict) else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TransientError("malformed", f"{lookup.path} is no list")
    total = body.get("total", len(rows)) if isinstance(body, dict) else len(rows)
    return {"columns": dict(lookup.columns), "rows": rows[:limit], "total": total}


def look_up_text(answer: Mapping[str, Any]) -> str:
    """A table with as many columns as it has headings; long cells are cut."""
    heads = list(answer["columns"])
    table = [heads, *([_cell(row, path) for path in answer["columns"].values()] for row in answer["rows"])]
    widths = [max(len(row[number]) for row in table) for number in range(len(heads))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join([*lines, f"{len(answer['rows'])} of {answer['total']}"])


def _cell(row: Mapping[str, Any], path: str) -> str:
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
