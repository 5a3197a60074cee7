"""What people in ShipStation decided or typed in an order whose goods, or some of them, are to leave in another one: that one is made
from Shopify alone, and would go without the warehouse's hold, to the old address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from mappings.carry_over import edited_there, is_on_hold
from mappings.causes import Cause
from mappings.conflicts import OF_THE_UNITS
from mappings.consignments import added
from mappings.order_changes import Change, Picture
from mappings.order_troubles import Trouble
from mappings.packed import Units, items_without, units_of
from mappings.plans import Conflict
from mappings.shipstation_shapes import Order

WORDS = ("customerNotes", "giftMessage", "requestedShippingService")
"""What belongs to the goods wherever they leave from, beside the address. An internal note belongs to the place: it stays in the old order."""


def lost_in_a_move(change: Change, truth: Order, seen: Picture) -> Sequence[Trouble]:
    """Of an order that is to give units away: nothing is lost where they are wanted nowhere else."""
    applied, given = _given(change)
    if not given & _wanted_elsewhere(change, seen):
        return ()
    anew = [seen.documents[key] for key, units in _more(seen).items() if units & given]
    return lost_by_cancelling(truth, applied, anew)


def without_the_move(change: Change, seen: Picture) -> Change | None:
    """What else is to become of such an order does not wait for whoever decides on the move: least of all a hold of Shopify, and units
    that are wanted nowhere any more, which might leave with the others."""
    applied, given = _given(change)
    if applied is None:
        return None
    by_others = added(_given(one)[1] for one in seen.changes if one.order_key < change.order_key)
    refunded = given - (_wanted_elsewhere(change, seen) - by_others)
    fields = tuple(field for field in change.fields if field not in OF_THE_UNITS) if change.wanted else ()
    kept = {name: value for name, value in applied.items() if name in OF_THE_UNITS}
    if refunded:
        kept["items"], fields = items_without(applied.get("items") or (), refunded), (*fields, "items")
    wanted = cast(Order, {**(change.wanted or applied), **kept})
    return replace(change, wanted=wanted, fields=fields) if fields else None


def _given(change: Change) -> tuple[Order | None, Units]:
    consignment = change.assignment.consignment
    applied = consignment.applied if consignment else None
    return applied, units_of(applied) - units_of(change.wanted)


def _more(seen: Picture) -> Mapping[str, Units]:
    """By order key: units that it is to hold beside those that it holds."""
    before = {one.order_key: units_of(one.applied) for one in seen.consignments}
    return {key: units_of(order) - before.get(key, Counter()) for key, order in seen.documents.items()}


def _wanted_elsewhere(change: Change, seen: Picture) -> Units:
    own = change.assignment.location_id
    return added([*_more(seen).values(), *(units for where, units in seen.allotment.unplaced.items() if where != own)])


def lost_by_cancelling(truth: Order, applied: Order | None, anew: Sequence[Order]) -> Sequence[Trouble]:
    """`anew`: the documents to be placed instead. What these say too is not lost; nor is the hold that we set ourselves."""
    if applied is None:
        return ()
    fields = edited_there(truth, applied, ("shipTo", *WORDS))
    if anew:
        fields = tuple(name for name in fields if any(edited_there(truth, one, [name]) for one in anew))
    if is_on_hold(truth) and not is_on_hold(applied):
        fields = ("orderStatus", *fields)
    key, new = applied["orderKey"], anew[0] if anew else applied
    conflicts = tuple(Conflict(key, name, _get(new, name), _get(truth, name)) for name in fields)
    names = ", ".join("hold" if name == "orderStatus" else name for name in fields)
    detail = f"{key}: its goods are to leave elsewhere in Shopify, where {names} of ShipStation would be lost"
    return [Trouble(Cause.CHANGED_ON_BOTH_SIDES, detail, conflicts)] if fields else ()


def _get(document: Order, field: str) -> Any:
    return cast(dict[str, Any], document).get(field)
