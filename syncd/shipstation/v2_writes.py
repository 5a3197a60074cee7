"""What is written through V2 beside orders and stock: return labels."""

from __future__ import annotations

from typing import NamedTuple

from mappings.v2_documents import number_of
from syncd.budget import Urgency
from syncd.errors import UncertainError
from syncd.shipstation.v2_client import ShipStationV2Client


class ReturnLabel(NamedTuple):
    """`return_key` is that of our row: `s` and V1's shipment id."""

    return_key: str
    tracking_number: str | None
    carrier_code: str | None
    service_code: str | None
    file_url: str | None


async def buy_return_label(client: ShipStationV2Client, package_key: str) -> ReturnLabel:
    """Costs money and takes no key: after `UncertainError` nobody knows whether there is one."""
    body = await client.post(f"/v2/labels/se-{package_key[1:]}/return", {}, Urgency.TRACKING)
    number = number_of(body.get("label_id")) if isinstance(body, dict) else None
    if number is None:
        raise UncertainError("no_label", "neither a label nor a reason came back")
    files = body.get("label_download") or {}
    return ReturnLabel(
        f"s{number}",
        body.get("tracking_number"),
        body.get("carrier_code"),
        body.get("service_code"),
        files.get("pdf") or files.get("href"),
    )
