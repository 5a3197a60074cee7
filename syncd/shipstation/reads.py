"""What is read from ShipStation: orders by id and number, the feeds of what changed and what left, and what the doctor looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from mappings.shipstation_shapes import Fulfillment, Order, Shipment
from syncd.budget import Urgency
from syncd.errors import RejectedError, TransientError
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.lists import LARGEST_PAGE, Listing, Page, pages, read_rows, whole_rows
from syncd.shipstation.wire import NOT_FOUND

__all__ = ["Page"]

FEW = 3

ORDERS_MODIFIED = Listing(
    "/orders",
    "orders",
    "orderId",
    "modifyDateStart",
    "modifyDate",
    {"sortBy": "ModifyDate", "sortDir": "ASC"},
    Order,
)
ORDERS_CREATED = Listing(
    "/orders",
    "orders",
    "orderId",
    "createDateStart",
    "createDate",
    {"sortBy": "CreateDate", "sortDir": "ASC"},
    Order,
)
SHIPMENTS_CREATED = Listing(
    "/shipments",
    "shipments",
    "shipmentId",
    "createDateStart",
    "createDate",
    {"sortBy": "CreateDate", "sortDir": "ASC", "includeShipmentItems": "true"},
    Shipment,
)
# there is no sort by the time of the void
SHIPMENTS_VOIDED = Listing(
    "/shipments",
    "shipments",
    "shipmentId",
    "voidDateStart",
    None,
    {"sortBy": "CreateDate", "sortDir": "ASC", "includeShipmentItems": "true"},
    Shipment,
)
FULFILLMENTS_CREATED = Listing(
    "/fulfillments",
    "fulfillments",
    "fulfillmentId",
    "createDateStart",
    "createDate",
    {"sortBy": "CreateDate", "sortDir": "ASC"},
    Fulfillment,
)


class Store(NamedTuple):
    """`is_manual`: not connected to a shop of its own, so that orders of an API belong in it."""

    store_id: int
    name: str
    is_manual: bool
    is_active: bool
    marketplace: str
    account_name: str = ""
    integration_url: str = ""


class Warehouse(NamedTuple):
    warehouse_id: int
    name: str
    is_default: bool


class Origin(NamedTuple):
    """Where a warehouse sends from; empty what nobody entered."""

    country: str
    state: str
    city: str
    postal_code: str


class Subscription(NamedTuple):
    webhook_id: int
    event: str
    url: str


def orders_since(client: ShipStationClient, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Order]]:
    """Orders modified since, oldest change first."""
    return pages(client, ORDERS_MODIFIED, since, urgency)


def orders_created_since(client: ShipStationClient, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Order]]:
    """Orders made since, whatever became of them, oldest first."""
    return pages(client, ORDERS_CREATED, since, urgency)


def shipments_since(client: ShipStationClient, since: datetime, urgency: Urgency) -> AsyncIterator[Page[Shipment]]:
    """Labels bought since, with their items. Some are voided by now, some are return labels."""
    return pages(client, SHIPMENTS_CREATED, since, urgency)


def shipments_voided_since(
    client: ShipStationClient, since: datetime, urgency: Urgency
) -> AsyncIterator[Page[Shipment]]:
    """Labels voided since, however old they are."""
    return pages(client, SHIPMENTS_VOIDED, since, urgency)


def fulfillments_since(
    client: ShipStationClient, since: datetime, urgency: Urgency
) -> AsyncIterator[Page[Fulfillment]]:
    """Orders marked as shipped since, without a label of ShipStation's."""
    return pages(client, FULFILLMENTS_CREATED, since, urgency)


async def orders_by_id(
    client: ShipStationClient, order_ids: Iterable[int], urgency: Urgency, created_since: datetime | None = None
) -> dict[int, Order | None]:
    """One entry for each id; None for 404: deleted, or merged into another order.

    With `created_since`, no later than the oldest of them, many are read from a list; only those that it does not show are
    asked for one by one, because absence from a list proves nothing.
    """
    wanted = list(dict.fromkeys(order_ids))
    found: dict[int, Order | None] = {}
    if created_since is not None and len(wanted) > FEW:
        found |= await _listed(client, set(wanted), urgency, created_since)
    for order_id in wanted:
        if order_id not in found:
            found[order_id] = await order_by_id(client, order_id, urgency)
    return found


async def order_by_id(client: ShipStationClient, order_id: int, urgency: Urgency) -> Order | None:
    try:
        order: Any = await client.get(f"/orders/{order_id}", urgency=urgency)
    except RejectedError as error:
        if error.code == NOT_FOUND:
            return None
        raise
    (read,) = whole_rows({"orders": [order]}, "orders", "orderId", Order)
    if read["orderId"] != order_id:
        raise TransientError("malformed", "another order came")
    return cast(Order, read)


async def orders_beginning(client: ShipStationClient, number: str, urgency: Urgency) -> list[Order]:
    """All orders whose number begins like this, up to 500: the parts of a split one too, whatever their suffix. Raises
    `TransientError` where the vendor counts more than it shows: one that is left out would pass for goods that lie nowhere."""
    params: dict[str, str | int] = {"orderNumber": number, "pageSize": LARGEST_PAGE}
    body = await client.get("/orders", params, urgency)
    rows, total = whole_rows(body, "orders", "orderId", Order), body.get("total")
    if isinstance(total, int) and len(rows) < min(total, LARGEST_PAGE):
        raise TransientError("malformed", f"{total} orders are counted and {len(rows)} shown")
    return rows


async def orders_changed_last(client: ShipStationClient, urgency: Urgency) -> list[Order]:
    """The 500 orders that were changed last. Those that cannot be read are left out: nothing follows from not being here."""
    params: dict[str, str | int] = {"sortBy": "ModifyDate", "sortDir": "DESC", "pageSize": LARGEST_PAGE}
    rows, _ = read_rows(await client.get("/orders", params, urgency), "orders", "orderId", Order)
    return rows


async def shipments_of_order(client: ShipStationClient, order_id: int, urgency: Urgency) -> list[Shipment]:
    """The labels of one ShipStation order with their items, voided and return labels too, up to 500."""
    params: dict[str, str | int] = {"orderId": order_id, "includeShipmentItems": "true", "pageSize": LARGEST_PAGE}
    body = await client.get("/shipments", params, urgency)
    return whole_rows(body, "shipments", "shipmentId", Shipment)


async def stores(client: ShipStationClient) -> list[Store]:
    rows = await _rows(client, "/stores?showInactive=true", "storeId")
    return [
        Store(
            row["storeId"],
            str(row.get("storeName")),
            row.get("marketplaceId") == 0,
            bool(row.get("active")),
            str(row.get("marketplaceName")),
            str(row.get("accountName") or ""),
            str(row.get("integrationUrl") or ""),
        )
        for row in rows
    ]


async def warehouses(client: ShipStationClient) -> list[Warehouse]:
    rows = await _rows(client, "/warehouses", "warehouseId")
    return [Warehouse(row["warehouseId"], str(row.get("warehouseName")), bool(row.get("isDefault"))) for row in rows]


async def origins(client: ShipStationClient) -> dict[int | None, Origin]:
    """From where each warehouse sends; None: ShipStation's default one."""
    rows = await _rows(client, "/warehouses", "warehouseId")
    parts = ("country", "state", "city", "postalCode")
    return origins_of((row["warehouseId"], row.get("isDefault"), row.get("originAddress"), parts) for row in rows)


def origins_of(rows: Iterable[tuple[int | None, Any, Any, Sequence[str]]]) -> dict[int | None, Origin]:
    """Of rows of (id, whether it is the default, address, names of the members of an `Origin` in it)."""
    found: dict[int | None, Origin] = {}
    for warehouse_id, is_default, address, parts in rows:
        origin = Origin(*(str((address or {}).get(part) or "") for part in parts))
        found |= {warehouse_id: origin} if warehouse_id is not None else {}
        found |= {None: origin} if is_default else {}
    return found


async def carriers(client: ShipStationClient) -> list[str]:
    """Codes of the connected carriers."""
    return [str(row["code"]) for row in await _rows(client, "/carriers", "code")]


async def services(client: ShipStationClient, carrier_code: str) -> list[str]:
    return [
        str(row["code"])
        for row in await _rows(client, f"/carriers/listservices?carrierCode={quote(carrier_code)}", "code")
    ]


async def packages(client: ShipStationClient, carrier_code: str) -> list[str]:
    return [
        str(row["code"])
        for row in await _rows(client, f"/carriers/listpackages?carrierCode={quote(carrier_code)}", "code")
    ]


async def tag_names(client: ShipStationClient, urgency: Urgency = Urgency.CATALOG) -> dict[int, str]:
    """By id. Only people can make tags."""
    rows = await _rows(client, "/accounts/listtags", "tagId", urgency=urgency)
    return {int(row["tagId"]): str(row.get("name")) for row in rows}


async def subscriptions(client: ShipStationClient) -> list[Subscription]:
    rows = await _rows(client, "/webhooks", "WebHookID", "webhooks")
    return [Subscription(row["WebHookID"], str(row.get("HookType")), str(row.get("Url"))) for row in rows]


async def _listed(
    client: ShipStationClient, wanted: set[int], urgency: Urgency, created_since: datetime
) -> dict[int, Order | None]:
    found: dict[int, Order | None] = {}
    pages_read = 0
    async for page in pages(client, ORDERS_CREATED, created_since, urgency):
        found |= {row["orderId"]: row for row in page.rows if row["orderId"] in wanted}
        pages_read += 1
        # each page costs as much as one of the rest by itself
        if pages_read >= len(wanted) - len(found):
            break
    return found


async def _rows(
    client: ShipStationClient, path: str, key: str, member: str | None = None, urgency: Urgency = Urgency.CATALOG
) -> list[dict[str, Any]]:
    """A bare array, or the one inside `member`; each row has a `key`."""
    body = await client.get(path, urgency=urgency)
    rows = body.get(member) if member and isinstance(body, dict) else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get(key) for row in rows):
        raise TransientError("malformed", f"{path} is no list")
    return rows
