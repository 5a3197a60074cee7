"""Parcels in which an item shows no key of ours, or which show no item, read once more: the warehouse's own sample, or goods whose
key was left out?

Taken for the warehouse's own, goods would stay open in Shopify for good; a parcel without any key would pass for the whole order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mappings.keys import line_of
from mappings.packed import units_of
from mappings.shipstation_shapes import Shipment
from syncd.budget import Urgency
from syncd.intake.remembered import applied_of
from syncd.ports import Db
from syncd.shipstation.orders_api import OrdersApi
from syncd.store.consignments import consignments_by_shipstation_id
from syncd.store.packages import recorded_packages
from syncd.store.schema import ConsignmentRow


class KeylessItems:
    def __init__(self, shipstation: OrdersApi, db: Db) -> None:
        self._shipstation = shipstation
        self._db = db

    async def read_again(self, rows: Sequence[Any]) -> list[Any]:
        """The same rows; those that are new to us and may hide goods of ours as a second look shows them. Raises what the
        vendor does."""
        hiding = {row["shipmentId"]: row for row in rows if (_keyless(row) or _is_empty(row)) and row.get("orderId")}
        if not hiding:
            return list(rows)
        known = await self._db.run(recorded_packages(f"s{key}" for key in hiding))
        ours = await self._db.run(consignments_by_shipstation_id({row["orderId"] for row in hiding.values()}))
        doubtful = {
            row["orderId"]
            for key, row in hiding.items()
            if f"s{key}" not in known and _may_hide_ours(row, ours.get(row["orderId"], ()))
        }
        again: dict[int, Shipment] = {}
        for order_id in sorted(doubtful):
            shown = await self._shipstation.shipments_of_order(order_id, Urgency.TRACKING)
            again |= {one["shipmentId"]: one for one in shown if one["shipmentId"] in hiding}
        return [again.get(row.get("shipmentId"), row) for row in rows]


def _keyless(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    keys = [(item, item.get("lineItemKey") or "") for item in row.get("shipmentItems") or ()]
    return [item for item, key in keys if line_of(key) is None and not key.endswith(":adjustment")]


def _is_empty(row: Mapping[str, Any]) -> bool:
    """A label that left with nothing in it. What comes back may be asked of the package that it was made for."""
    return "shipmentId" in row and not row.get("shipmentItems") and not row.get("isReturnLabel")


def _may_hide_ours(row: Mapping[str, Any], consignments: Sequence[ConsignmentRow]) -> bool:
    keyless = _keyless(row)
    return _may_be_ours(keyless, consignments) if keyless else _may_be_parted(consignments)


def _may_be_parted(consignments: Sequence[ConsignmentRow]) -> bool:
    """A single unit is not: it is what is in the parcel."""
    documents = [applied_of(one) for one in consignments]
    return any(document is None or units_of(document).total() > 1 for document in documents)


def _may_be_ours(items: Sequence[Mapping[str, Any]], consignments: Sequence[ConsignmentRow]) -> bool:
    """Whether one of them may be goods that we sent there: of their article, or of none that is told."""
    documents = [document for one in consignments if (document := applied_of(one))]
    sold = {item.get("sku") for document in documents for item in document["items"]}
    is_known = len(documents) == len(consignments)
    return bool(consignments) and any(not is_known or not item.get("sku") or item.get("sku") in sold for item in items)
