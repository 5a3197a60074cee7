"""What is read through V2: labels and their tracking, rates, stock, and what an account consists of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from mappings.v2_documents import number_of
from syncd.budget import Call, Urgency
from syncd.errors import RejectedError, TransientError
from syncd.shipstation.reads import Origin, origins_of
from syncd.shipstation.v2_client import ShipStationV2Client, rows_of
from syncd.shipstation.wire import NOT_FOUND

PAGE_SIZE = 500
PRODUCT_PAGE_SIZE = 100


class Level(NamedTuple):
    """Units of one SKU at one inventory location, ids as the vendor writes them (`se-701`)."""

    sku: str
    location_id: str
    warehouse_id: str
    on_hand: int
    allocated: int
    available: int


class Carrier(NamedTuple):
    """`services`: code -> name."""

    carrier_id: str
    code: str
    name: str
    services: dict[str, str]
    packages: dict[str, str]


class Rate(NamedTuple):
    """`amount` counts everything that the label would cost. `refusal` says why the service cannot carry the parcel."""

    carrier_code: str
    service_code: str
    service: str
    amount: float
    currency: str
    days: int | None
    refusal: str


async def tracking(client: ShipStationV2Client, shipment_id: int, urgency: Urgency) -> dict[str, Any] | None:
    """What the carrier tells of one label; None where it knows none. The id is V1's shipment id."""
    try:
        body = await client.get(f"/v2/labels/se-{shipment_id}/track", None, urgency)
    except RejectedError as error:
        if error.code == NOT_FOUND:
            return None
        raise
    if not isinstance(body, dict) or not isinstance(body.get("events", []), list):
        raise TransientError("malformed", "no tracking in the answer")
    return body


async def label_file(client: ShipStationV2Client, return_key: str, urgency: Urgency) -> str | None:
    """Where a label can be printed. The key is that of our row: `s` and V1's shipment id."""
    body = await client.get(f"/v2/labels/se-{return_key[1:]}", None, urgency)
    files = body.get("label_download") if isinstance(body, dict) else None
    address = files.get("pdf") or files.get("href") if isinstance(files, dict) else None
    return str(address) if address else None


async def rates(client: ShipStationV2Client, order_id: int, carrier_ids: Sequence[str]) -> list[Rate]:
    """Of every service of these carriers. The id is V1's order id."""
    wish = {"shipment_id": f"se-{order_id}", "rate_options": {"carrier_ids": list(carrier_ids)}}
    body = await client.post("/v2/rates", wish, Urgency.CATALOG)
    answer = body.get("rate_response") if isinstance(body, dict) else None
    if not isinstance(answer, dict):
        raise TransientError("malformed", "no rates in the answer")
    found = [*rows_of(answer, "rates", "/v2/rates"), *rows_of(answer, "invalid_rates", "/v2/rates")]
    return [_rate(row) for row in found]


async def estimates(
    client: ShipStationV2Client, wish: Mapping[str, Any], granted: Call
) -> list[tuple[str | None, Rate]]:
    """(package type, rate) of every service of the carriers that `wish` names, for a parcel that is not there yet."""
    rows = rows_of(await client.post("/v2/rates/estimate", wish, Urgency.RATES, granted), "rates", "/v2/rates/estimate")
    return [(row.get("package_type"), _rate(row)) for row in rows]


def _rate(row: dict[str, Any]) -> Rate:
    parts = ("shipping_amount", "insurance_amount", "confirmation_amount", "other_amount", "tax_amount")
    amounts = [row.get(part) or {} for part in parts]
    return Rate(
        str(row.get("carrier_code")),
        str(row.get("service_code")),
        str(row.get("service_type")),
        round(sum(float(one.get("amount") or 0) for one in amounts), 2),
        str(amounts[0].get("currency") or ""),
        row.get("delivery_days"),
        "; ".join(str(text) for text in row.get("error_messages") or ()),
    )


async def levels(client: ShipStationV2Client, urgency: Urgency, sku: str | None = None) -> AsyncIterator[list[Level]]:
    """All stock, by pages. There is no way to ask for what changed."""
    params: dict[str, str | int] = {"page_size": PAGE_SIZE, **({"sku": sku} if sku else {})}
    async for rows in client.pages("/v2/inventory", "inventory", params, urgency):
        yield [_level(row) for row in rows]


def _level(row: dict[str, Any]) -> Level:
    """Numbers may come as text; what is no number at all makes the row unusable, never zero."""
    try:
        counts = [int(row[name]) for name in ("on_hand", "allocated", "available")]
        return Level(str(row["sku"]), str(row["inventory_location_id"]), str(row["inventory_warehouse_id"]), *counts)
    except (KeyError, TypeError, ValueError) as error:
        raise TransientError("malformed", f"a stock level without {error}") from error


async def carriers(client: ShipStationV2Client) -> list[Carrier]:
    """Also those that a 207 could tell of."""
    rows = rows_of(await client.get("/v2/carriers"), "carriers", "/v2/carriers")
    return [
        Carrier(
            str(row.get("carrier_id")),
            str(row.get("carrier_code")),
            str(row.get("friendly_name") or row.get("nickname") or ""),
            {str(one.get("service_code")): str(one.get("name")) for one in row.get("services") or ()},
            {str(one.get("package_code")): str(one.get("name")) for one in row.get("packages") or ()},
        )
        for row in rows
    ]


async def origins(client: ShipStationV2Client) -> dict[int | None, Origin]:
    """From where each warehouse sends, by V1's id of it; None: the default one."""
    rows = await _all(client, "/v2/warehouses", "warehouses")
    parts = ("country_code", "state_province", "city_locality", "postal_code")
    return origins_of(
        (number_of(row.get("warehouse_id")), row.get("is_default"), row.get("origin_address"), parts) for row in rows
    )


async def inventory_locations(client: ShipStationV2Client) -> list[dict[str, Any]]:
    return await _all(client, "/v2/inventory_locations", "inventory_locations")


async def inventory_warehouses(client: ShipStationV2Client) -> list[dict[str, Any]]:
    return await _all(client, "/v2/inventory_warehouses", "inventory_warehouses")


async def _all(client: ShipStationV2Client, path: str, member: str) -> list[dict[str, Any]]:
    pages = client.pages(path, member, {"page_size": PAGE_SIZE})
    return [row async for rows in pages for row in rows]


def moment(text: object) -> datetime | None:
    """A time of V2, which names a zone, UTC in practice; without one it is taken for that. None for what is none."""
    try:
        told = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC) if told else None
