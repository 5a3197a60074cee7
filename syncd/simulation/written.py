"""What the daemon wrote of orders, as documents of V1, by whichever API it wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from mappings.v2_documents import Names, order_of
from syncd.ports import Request
from syncd.sandbox.shipstation import ShipStationOptions
from syncd.sandbox.shipstation.catalog import CARRIERS
from syncd.simulation.ports import START

V2_WRITE = re.compile(r"/v2/shipments(/se-[0-9]+(/cancel)?)?")
NAMES = Names(
    "usd",
    {one.code: f"se-{one.provider_id}" for one in CARRIERS},
    {tag_id: name for tag_id, name, _ in ShipStationOptions().tags},
)


def writes_orders(request: Request) -> bool:
    path = urlsplit(request.url).path
    return path.endswith("/orders/createorders") or (request.method != "GET" and bool(V2_WRITE.fullmatch(path)))


def pushed(requests: Sequence[Request]) -> list[dict[str, Any]]:
    """The documents of all these calls, in their order."""
    return [document for one in requests for document in _documents(one)]


def _documents(request: Request) -> Iterator[dict[str, Any]]:
    body, path = json.loads(request.body or b"[]"), urlsplit(request.url).path
    if isinstance(body, list):
        yield from body
    elif path.endswith("/cancel"):
        yield {"orderId": int(path.split("/")[-2].removeprefix("se-")), "orderStatus": "cancelled"}
    else:
        yield from (_order(row) for row in body.get("shipments", [body]))


def _order(row: Mapping[str, Any]) -> dict[str, Any]:
    return cast(dict[str, Any], order_of({"shipment_status": "pending", **row}, NAMES, START))
