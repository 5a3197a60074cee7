"""Taking back a label. Absolute, so it may be asked for again; what became of it is read, never believed."""

from __future__ import annotations

from mappings.shipstation_shapes import Shipment
from syncd.budget import Urgency
from syncd.errors import RejectedError, TransientError
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.lists import LARGEST_PAGE, whole_rows


async def shipments_of_order(client: ShipStationClient, order_id: int, urgency: Urgency) -> list[Shipment]:
    """All labels of one ShipStation order with their items, voided ones and return labels too."""
    params: dict[str, str | int] = {"orderId": order_id, "includeShipmentItems": "true", "pageSize": LARGEST_PAGE}
    body = await client.get("/shipments", params, urgency)
    rows: list[Shipment] = whole_rows(body, "shipments", "shipmentId", Shipment)
    return [row for row in rows if row.get("orderId") == order_id]


async def void_label(
    client: ShipStationClient, order_id: int, shipment_id: int, item_prefix: str, urgency: Urgency
) -> None:
    """Returns once the label reads as void. Raises `RejectedError` when the carrier or ShipStation will not, and when the
    parcel holds anything else than items whose key begins with `item_prefix`: goods of a merged order would stay behind."""
    label = await _label(client, order_id, shipment_id, urgency)
    if label.get("voided"):
        return
    items = label.get("shipmentItems")
    if not items or not all((item.get("lineItemKey") or item_prefix).startswith(item_prefix) for item in items):
        raise RejectedError("label_shared", "the parcel holds goods of another order")
    said = await _ask(client, shipment_id, urgency)
    if not (await _label(client, order_id, shipment_id, urgency)).get("voided"):
        raise RejectedError("void_refused", said)


async def _ask(client: ShipStationClient, shipment_id: int, urgency: Urgency) -> str:
    """The vendor's words. A refusal may mean that it is void already."""
    try:
        answer = await client.post("/shipments/voidlabel", {"shipmentId": shipment_id}, urgency)
    except RejectedError as error:
        return error.text
    return str(answer.get("message") if isinstance(answer, dict) else "") or "the label was not voided"


async def _label(client: ShipStationClient, order_id: int, shipment_id: int, urgency: Urgency) -> Shipment:
    for row in await shipments_of_order(client, order_id, urgency):
        if row["shipmentId"] == shipment_id:
            return row
    raise TransientError("label_not_shown", f"ShipStation does not show label {shipment_id}")
