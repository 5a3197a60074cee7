"""What was in the orders that the warehouse marked as shipped without a label: the vendor's list of them shows no lines.

An order that stands as we sent it needs no look: all that is left of it went. One that was split or merged there holds other
goods than ours did, perhaps of several Shopify orders, and a part that was split off is known by its items alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mappings.carry_over import is_regrouped
from mappings.keys import split_order_key
from mappings.shipstation_shapes import Order, ShipmentItem
from syncd.budget import Urgency
from syncd.intake.feeds import OVERLAP, times_of
from syncd.intake.remembered import applied_of
from syncd.ports import Db
from syncd.shipstation.orders_api import OrdersApi
from syncd.store.consignments import consignments_by_shipstation_id
from syncd.store.journal import in_doubt_since
from syncd.store.memory import gap_in_memory, recall_from
from syncd.store.orders import known_names
from syncd.store.packages import recorded_packages

PART = re.compile(r"-[0-9]+$")
"""What ShipStation and we put behind the number of a further part."""


class Contents(NamedTuple):
    """`order_key`: that of the order, where it is one of ours and nobody split or merged it. A call of ours without an answer may
    have made it, so that no row of ours knows its id."""

    items: list[ShipmentItem]
    order_key: str | None


class MarkedOrders:
    """`prefixes`: what each store puts before its order numbers."""

    def __init__(self, shipstation: OrdersApi, db: Db, prefixes: Iterable[str]) -> None:
        self._shipstation = shipstation
        self._db = db
        self._prefixes = tuple(sorted(set(prefixes)))
        self._foreign: set[int] = set()
        """Fulfillments of others, so that they are looked into once in each life."""

    async def contents(self, rows: Sequence[Mapping[str, Any]]) -> dict[int, Contents]:
        """By fulfillment id, where they are other than what is left of our order. Raises what the vendor does."""
        fresh = await self._fresh({row["fulfillmentId"]: row for row in rows if "fulfillmentId" in row})
        ours = await self._db.run(consignments_by_shipstation_id({row["orderId"] for row in fresh.values()}))
        names = await self._db.run(known_names({name for row in fresh.values() for name in self._names(row)}))
        doubt_at = await self._db.run(in_doubt_since("create_order"))
        near = {
            key: row
            for key, row in fresh.items()
            if row["orderId"] in ours or names & self._names(row) or _came_after(row, doubt_at)
        }
        if await self._db.run(recall_from) is None:  # after a gap in our memory they may be ours all the same
            self._foreign |= fresh.keys() - near.keys()
        if not near:
            return {}
        since = min((one.created_at for rows in ours.values() for one in rows), default=None)
        orders = await self._shipstation.orders_by_id(
            {row["orderId"] for row in near.values()},
            Urgency.TRACKING,
            since - OVERLAP if since else None,
        )
        found: dict[int, Contents] = {}
        for key, row in near.items():
            order = orders.get(row["orderId"])
            if order and (row["orderId"] not in ours or is_regrouped(order, *map(applied_of, ours[row["orderId"]]))):
                found[key] = Contents(await self._unlabelled(order), _own_key(order))
        return found

    async def _fresh(self, rows: Mapping[int, Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
        """Not what hides its order: the next look reads it again. What was written down before all is known again after a gap may
        be the half of a merged order."""
        new = {key: row for key, row in rows.items() if key not in self._foreign and row.get("orderId")}
        if not new or await self._db.run(gap_in_memory) is not None:
            return new
        recorded = await self._db.run(recorded_packages(f"f{key}" for key in new))
        return {key: row for key, row in new.items() if f"f{key}" not in recorded}

    def _names(self, row: Mapping[str, Any]) -> set[str]:
        """Under which names the Shopify order may be known, if it is one of ours."""
        number = str(row.get("orderNumber") or "")
        stems = {number.removeprefix(prefix) for prefix in self._prefixes if number.startswith(prefix)}
        return stems | {PART.sub("", stem) for stem in stems}

    async def _unlabelled(self, order: Order) -> list[ShipmentItem]:
        """Its items without what left in labelled parcels."""
        labelled: Counter[str | None] = Counter()
        for parcel in await self._shipstation.shipments_of_order(order["orderId"], Urgency.TRACKING):
            if not parcel.get("voided") and not parcel.get("isReturnLabel"):
                for item in parcel.get("shipmentItems") or []:
                    labelled[item.get("lineItemKey")] += item.get("quantity") or 0
        return [
            {
                "lineItemKey": item.get("lineItemKey"),
                "quantity": (item.get("quantity") or 0) - labelled[item.get("lineItemKey")],
            }
            for item in order.get("items") or []
            if not item.get("adjustment")
        ]


def _own_key(order: Order) -> str | None:
    key = order.get("orderKey")
    return key if split_order_key(key) and not is_regrouped(order) else None


def _came_after(row: Mapping[str, Any], doubt_at: datetime | None) -> bool:
    """It may be of an order that was made by a call without an answer: neither its id nor its name need be known."""
    return doubt_at is not None and any(made_at >= doubt_at - OVERLAP for made_at in times_of([row], "createDate"))
