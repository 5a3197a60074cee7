"""What a sweep learned for certain of one consignment: as its row keeps it, and as the journal of its order tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from mappings import canonical
from mappings.plans import Standing
from mappings.shipstation_shapes import Order
from syncd.intake.remembered import applied_of, ref_of
from syncd.store.consignments import ConsignmentUpdate
from syncd.store.journal import NewEntry
from syncd.store.schema import ConsignmentRow

WORDS = {
    Standing.CANCELLED: "cancelled_there",
    Standing.OPEN: "restored_there",
    Standing.SHIPPED: "shipped_there",
}


@dataclass(frozen=True)
class Lesson:
    """One such thing; `found` is the journal's word for it."""

    row: ConsignmentRow
    found: str
    standing: Standing | None = None
    shipstation_order_id: int | None = None
    applied: Order | None = None
    """What of our document still holds there."""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changes_row(self) -> bool:
        return bool(self.standing or self.shipstation_order_id or self.applied)

    def entry(self) -> NewEntry:
        facts = json.dumps({"found": self.found, **self.facts})
        return NewEntry("sweep", "sweep", *ref_of(self.row), "sweep", self.row.order_key, facts)

    def update(self) -> ConsignmentUpdate:
        return ConsignmentUpdate(
            self.row.order_key,
            self.standing or self.row.standing,
            self.shipstation_order_id,
            canonical.dumps(self.applied) if self.applied else None,
        )


def without_hold(row: ConsignmentRow) -> Order:
    return cast(Order, {**(applied_of(row) or {}), "orderStatus": "awaiting_shipment"})
