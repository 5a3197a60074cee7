"""What the row of a consignment remembers of it."""

from __future__ import annotations

from typing import cast

from mappings import canonical
from mappings.shipstation_shapes import Order
from syncd.store.schema import ConsignmentRow
from syncd.store.statements import OrderRef


def ref_of(row: ConsignmentRow) -> OrderRef:
    return row.store, row.order_id


def applied_of(row: ConsignmentRow) -> Order | None:
    """The document that ShipStation last accepted."""
    return cast(Order, canonical.loads(row.applied)) if row.applied else None
