"""One consignment as ShipStation shows it, and what of that is to be remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from mappings.carry_over import CHANGEABLE, CONTESTED, is_on_hold, is_regrouped
from mappings.keys import split_order_key
from mappings.packed import units_of
from mappings.plans import Consignment, Standing
from mappings.recalled import as_left_there, is_forgotten, own_part
from mappings.shipstation_shapes import Order


def as_observed(consignment: Consignment, observed: Order | None) -> Consignment:
    """The truth beats what we noted: shipped or cancelled meanwhile, or open again after a void. Which document was accepted
    last is known only if no answer is outstanding; otherwise what is there counts."""
    if observed is None:
        return consignment
    status = observed.get("orderStatus") or ""
    if status == "cancelled":
        standing = Standing.CANCELLED
    else:
        standing = Standing.OPEN if status in CHANGEABLE else Standing.SHIPPED
    order_id = observed.get("orderId") or consignment.shipstation_order_id
    return replace(
        consignment, standing=standing, shipstation_order_id=order_id, applied=_applied(consignment, observed)
    )


def learned_from(consignment: Consignment, observed: Order | None) -> Consignment:
    """What of it is to be remembered: of an open order whose document is gone only a plan can tell what of it is ours."""
    seen = as_observed(consignment, observed)
    if is_forgotten(consignment):
        return replace(seen, applied=None) if seen.standing is Standing.OPEN else seen
    is_known = consignment.applied is not None and consignment.standing is not Standing.INTENDED
    if is_known or not seen.applied:
        return seen
    # Whose the note is that shows there, only an answer tells: also of what has left, for its label may be voided.
    note = (consignment.applied or {}).get("internalNotes")
    return replace(seen, applied={**seen.applied, "internalNotes": note})


def in_its_group(seen: Consignment, known: Consignment, groups: Mapping[int, str]) -> Consignment:
    """Where our memory of it is gone, its lines tell which part of the order it was."""
    names = {groups.get(line_id, "") for line_id in units_of(seen.applied)} if is_forgotten(known) else set()
    return replace(seen, split_group=names.pop()) if len(names) == 1 else seen


def _applied(consignment: Consignment, observed: Order) -> Order | None:
    """A hold or a cancellation that is not ours is the warehouse's: it is no part of what we applied. A hold of ours that is gone
    was lifted there."""
    known = consignment.applied
    if is_forgotten(consignment):
        return as_left_there(consignment, observed)
    if consignment.standing is Standing.INTENDED or known is None:
        own = _as_far_as_in_doubt(consignment, _own_part(consignment, observed))
        return own if _is_ours(observed, consignment) else {**own, "orderStatus": "awaiting_shipment"}
    is_lifted = is_on_hold(known) and observed.get("orderStatus") in CHANGEABLE and not is_on_hold(observed)
    return {**known, "orderStatus": "awaiting_shipment"} if is_lifted else known


def _as_far_as_in_doubt(consignment: Consignment, observed: Order) -> Order:
    """What a person typed into fields that no step without an answer wrote was never ours, and stays a person's."""
    known, in_doubt = consignment.applied, consignment.fields_in_doubt
    if known is None or in_doubt is None:
        return observed
    certain = {name: value for name, value in known.items() if name in CONTESTED - in_doubt}
    return cast(Order, {**observed, **certain})


def _is_ours(observed: Order, consignment: Consignment) -> bool:
    """What we cancel is whole: of one that was split or merged somebody else cancelled the rest."""
    status = observed.get("orderStatus") or ""
    in_doubt = {
        "on_hold": consignment.hold_in_doubt,
        "cancelled": consignment.cancel_in_doubt and not is_regrouped(observed),
    }
    return in_doubt.get(status, True) or (consignment.applied or {}).get("orderStatus") == status


def _own_part(consignment: Consignment, observed: Order) -> Order:
    parts = split_order_key(consignment.order_key)
    return own_part(observed, parts[1]) if parts else observed
