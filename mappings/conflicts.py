"""An update where both sides changed the same field: the warehouse's value stands until a person says whose shall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from mappings.carry_over import contested_fields, has_other_units, updated_order
from mappings.plans import Conflict, Side
from mappings.shipstation_shapes import Order

OF_THE_UNITS = frozenset({"items", "amountPaid", "taxAmount", "shippingAmount", "weight", "internationalOptions"})
"""What follows from the units: where those are contested, the rest would fit neither side."""


@dataclass(frozen=True)
class Update:
    """`document` is to be sent, `applied` to be remembered once it was: with the old value of each conflict, so that it is
    found again at every look. Nothing is to be sent when `fields` is empty."""

    document: Order
    applied: Order
    fields: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


def update_of(truth: Order, wanted: Order, applied: Order, fields: tuple[str, ...], take: Side | None) -> Update:
    contested = set() if take == "shopify" else set(contested_fields(truth, wanted, applied, fields))
    # What shows there is no change of the warehouse where it is what Shopify wants.
    is_changed = has_other_units(truth, applied) and has_other_units(truth, wanted)
    units = {"items"} if take != "shopify" and "items" in fields and is_changed else set()
    left_alone = contested | (OF_THE_UNITS if units else set())
    sent = tuple(field for field in fields if field not in left_alone)
    document = updated_order(truth, wanted, applied, sent)
    # ShipStation's value was chosen: Shopify's counts as applied from now on. Not so units, which must be somewhere.
    open_fields = (set() if take == "shipstation" else contested) | units
    kept = {field: _get(applied, field) for field in fields if field in open_fields or (units and field in left_alone)}
    done = tuple(field for field in fields if field not in kept)
    conflicts = tuple(
        Conflict(wanted["orderKey"], field, _get(wanted, field), _get(truth, field)) for field in sorted(open_fields)
    )
    return Update(document, cast(Order, {**wanted, **kept}), done, conflicts)


def _get(document: Order, field: str) -> Any:
    return cast(dict[str, Any], document).get(field)
