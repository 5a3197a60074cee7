"""What no step can make right about an order, and which of it names the order's cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.addresses import missing_parts
from mappings.carry_over import (
    same_destination,
)
from mappings.causes import Cause
from mappings.consignments import Assignment
from mappings.order_changes import Picture, is_mapped
from mappings.packed import counted
from mappings.plans import Conflict, Consignment, Package, Profile, Standing
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip

_WORST_FIRST = (
    Cause.CANCELLED_AFTER_LABEL,
    Cause.OVERSHIPPED,
    Cause.EDITED_AFTER_LABEL,
    Cause.FRAUD_REVIEW,
    Cause.CHANGED_ON_BOTH_SIDES,
    Cause.MERGED_PARENT_UNKNOWN,
    Cause.ADDRESS_INCOMPLETE,
    Cause.LOCATION_NOT_MAPPED,
    Cause.NON_ROMAN_ADDRESS,
    Cause.CUSTOMS_INCOMPLETE,
    Cause.MISSING_WEIGHT,
    Cause.UNREADABLE,
)


@dataclass(frozen=True)
class Trouble:
    """Why something that should be done is not. `detail` names ids and counts only."""

    cause: Cause
    detail: str
    conflicts: tuple[Conflict, ...] = ()


def troubles_of(
    profile: Profile,
    order: OrderToShip,
    seen: Picture,
    packages: Sequence[Package],
    observed: Mapping[str, Order | None],
) -> list[Trouble]:
    """What cannot be made equal by any step."""
    troubles = [
        _excess(seen, key, f"{counted(units)} no longer wanted") for key, units in seen.allotment.excess.items()
    ]
    held = [
        one for one in seen.consignments if one.location_id in seen.paused and one.order_key in seen.allotment.locked
    ]
    troubles += [_excess(seen, one.order_key, "on hold in Shopify after its label") for one in held]
    for line_id, units in sorted(seen.overmarked.items()):
        detail = f"line {line_id}: {units} units more were marked as shipped than Shopify had left"
        troubles.append(Trouble(Cause.OVERSHIPPED, detail))
    for line_id, units in sorted(seen.reopened.items()):
        detail = f"line {line_id}: {units} shipped units are open again in Shopify, their label stands"
        troubles.append(Trouble(Cause.EDITED_AFTER_LABEL, detail))
    if order["cancelledAt"]:
        left = [package.package_key for package in packages if not package.voided]
        troubles += [Trouble(Cause.CANCELLED_AFTER_LABEL, f"package {key}: its label is not voided") for key in left]
    else:
        troubles += [trouble for one in seen.consignments if (trouble := _moved(seen, one))]
    vanished = [one for one in seen.allotment.assignments if _is_vanished(one, observed)]
    troubles += [
        Trouble(Cause.MERGED_PARENT_UNKNOWN, f"{one.order_key}: ShipStation has no such order") for one in vanished
    ]
    return troubles if seen.barrier else troubles + _unmapped(profile, seen)


def _is_vanished(one: Assignment, observed: Mapping[str, Order | None]) -> bool:
    known = one.consignment is not None and one.consignment.standing is Standing.OPEN
    return known and bool(one.outstanding) and one.order_key in observed and observed[one.order_key] is None


def _excess(seen: Picture, key: str, what: str) -> Trouble:
    gate = seen.barrier
    if gate is None or not (gate.withdraws or gate.pauses):
        return Trouble(Cause.EDITED_AFTER_LABEL, f"{key}: {what}")
    fraud = gate.cause is Cause.FRAUD_REVIEW
    return Trouble(Cause.FRAUD_REVIEW if fraud else Cause.CANCELLED_AFTER_LABEL, f"{key}: {what}")


def _moved(seen: Picture, consignment: Consignment) -> Trouble | None:
    """Another destination after the label. An address that is no longer readable is not another one, nor is that of a stranger's
    order into which the warehouse merged this one: it is all that is left after a gap in our memory."""
    wanted, applied = seen.documents.get(consignment.order_key), consignment.applied
    if consignment.standing is not Standing.SHIPPED or not applied or not wanted:
        return None
    if applied["orderKey"] != consignment.order_key:
        return None
    if missing_parts(wanted["shipTo"]) or same_destination(wanted, applied):
        return None
    return Trouble(Cause.EDITED_AFTER_LABEL, f"{consignment.order_key}: another address")


def _unmapped(profile: Profile, seen: Picture) -> list[Trouble]:
    places = [str(where) for where in seen.allotment.unplaced if not is_mapped(profile, where)]
    places += ["deleted"] if None in seen.routing.free else []
    return [Trouble(Cause.LOCATION_NOT_MAPPED, f"location {where}") for where in places]


def worst_of(troubles: Sequence[Trouble]) -> Cause | None:
    found = {trouble.cause for trouble in troubles}
    return next((cause for cause in _WORST_FIRST if cause in found), None)
