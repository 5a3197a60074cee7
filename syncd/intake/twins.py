"""Orders in ShipStation that are none of ours and yet the same sale: imported by a direct connection of the shop."""

from __future__ import annotations

from collections.abc import Container, Sequence

from mappings.keys import split_order_key
from mappings.plans import Standing
from mappings.shipstation_shapes import Order
from mappings.sweeping import is_twin
from syncd.intake.remembered import applied_of
from syncd.ports import Db
from syncd.store.consignments import consignments_of
from syncd.store.statements import OrderRef
from syncd.store.sweeps import orders_named


async def twins_among(db: Db, stores: Container[str], strangers: Sequence[Order]) -> dict[OrderRef, set[int]]:
    """Our orders -> ids of those among `strangers` that carry their number and are their twins."""
    names = {order["orderId"]: _names(order.get("orderNumber") or "") for order in strangers}
    rows = await db.run(orders_named({name for some in names.values() for name in some}))
    refs: dict[str, list[OrderRef]] = {}
    for row in rows:
        if row.store in stores:
            refs.setdefault(row.name, []).append((row.store, row.order_id))
    consignments = await db.run(consignments_of([ref for some in refs.values() for ref in some])) if refs else {}
    documents = {
        ref: [document for row in rows if row.standing != Standing.CANCELLED and (document := applied_of(row))]
        for ref, rows in consignments.items()
    }
    found: dict[OrderRef, set[int]] = {}
    for order in strangers:
        for ref in {ref for name in names[order["orderId"]] for ref in refs.get(name, ())}:
            if any(is_twin(order, document, ref[1]) for document in documents[ref]):
                found.setdefault(ref, set()).add(order["orderId"])
    return found


def _names(number: str) -> set[str]:
    """How Shopify may have named an order with this number. One of ours is recognised by its lines, not here."""
    bare = number.lstrip("#")
    return {number, bare, f"#{bare}"} if bare and not split_order_key(bare) else set()
