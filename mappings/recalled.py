"""A database that was lost or rolled back: what ShipStation shows teaches again what we did there and remember no more.

Which order stands for which consignment its key tells. What we last wrote it does not tell: there it is taken to be what
Shopify wants, except where goods would go wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple, cast

from mappings.carry_over import (
    CHANGEABLE,
    is_on_hold,
    is_regrouped,
    is_silent_on_groups,
    same_destination,
)
from mappings.conflicts import OF_THE_UNITS
from mappings.keys import line_of, order_key, split_order_key
from mappings.packed import units_of
from mappings.parts import with_parts
from mappings.plans import Consignment, Standing
from mappings.shipstation_shapes import Order
from mappings.sweeping import Sight, sight_of


class Recalled(NamedTuple):
    """One consignment as its ShipStation order shows it. `applied`: what is final can be remembered as it reads; of what is
    open only a plan can tell what of it is ours."""

    order_key: str
    store: str
    order_id: int
    location_id: int
    n: int
    standing: Standing
    shipstation_order_id: int
    applied: Order | None


def is_forgotten(consignment: Consignment) -> bool:
    """ShipStation has it, and our document of it is gone: dropped with age, or lost with the database."""
    is_there = consignment.shipstation_order_id is not None and consignment.standing is not Standing.INTENDED
    return consignment.applied is None and is_there


def recalled(order: Order, stores: Iterable[str]) -> Recalled | None:
    """None for what is not ours, and for a part split off, for which its parent stands."""
    parts = split_order_key(order.get("orderKey"))
    if parts is None or parts[0] not in stores or (order.get("advancedOptions") or {}).get("parentId"):
        return None
    return _recalled(order, parts[0], parts[1], parts[2], parts[3])


def is_part(order: Order) -> bool:
    """Split off by the warehouse, and holding goods of ours. Where nobody tells of splits, its key is none of ours."""
    advanced = order.get("advancedOptions") or {}
    is_silent_part = is_silent_on_groups(order) and split_order_key(order.get("orderKey")) is None
    return bool(advanced.get("parentId") or is_silent_part) and bool(sight_of(order).units)


def root_of(part: Order, parts: Mapping[int, Order]) -> int:
    """Id of the ShipStation order that it was split off, perhaps through other `parts`. Where nobody tells, its own."""
    seen = set[int]()
    while part["orderId"] not in seen:
        seen.add(part["orderId"])
        parent = (part.get("advancedOptions") or {}).get("parentId")
        if not parent or parent not in parts:
            return parent or part["orderId"]
        part = parts[parent]
    return part["orderId"]


def in_place_of(root_key: str, absorbed: Set[int], part: Order) -> Order:
    """The part as if it were the order that it was split off, whose key tells the place: what that absorbed may lie in it."""
    advanced = part.get("advancedOptions") or {}
    merged = sorted({*(advanced.get("mergedIds") or ()), *absorbed})
    return cast(
        Order, {**part, "orderKey": root_key, "advancedOptions": {**advanced, "parentId": None, "mergedIds": merged}}
    )


def is_as_it_reads(standing: Standing, applied: Order | None) -> bool:
    """Final, and no document of ours: what was split off before it was read is missing."""
    return standing in {Standing.SHIPPED, Standing.CANCELLED} and applied is not None and "orderId" in applied


def before_the_split(order: Order, known: Order | None, order_id: int, parts: Iterable[Order]) -> Order | None:
    """What such an order held for this Shopify order; None where its parts teach nothing: what is `known` of it may have parts from
    before an earlier gap. Cancelled after a split, it was not by us: what we cancel is whole. What was split off an order that it
    absorbed later is a part of that."""
    whole = own_part(with_parts(order, parts, sight_of(order).absorbed), order_id)
    if not units_of(whole) > units_of(known):
        return None
    return _before_its_cancellation(whole)


def absorbed_by(
    survivor: Order, sight: Sight, known: Sequence[Consignment], store: str, order_id: int
) -> Recalled | None:
    """The consignment of another Shopify order, perhaps of another store, that the warehouse merged into this one. Its own key is
    gone with it, its place must have been the same. None where it is known, or not certain."""
    parts = split_order_key(survivor.get("orderKey"))
    told = {one.shipstation_order_id for one in known}
    if (
        parts is None
        or not sight.is_alive
        or order_id not in sight.units
        or told & {None, sight.order_id, *sight.absorbed}
    ):
        return None
    n = max((one.n for one in known if one.location_id == parts[2]), default=0) + 1
    return _recalled(survivor, store, order_id, parts[2], n)


def _recalled(order: Order, store: str, order_id: int, location_id: int, n: int) -> Recalled:
    status = order.get("orderStatus") or ""
    standing = Standing.OPEN if status in CHANGEABLE else Standing.SHIPPED
    if status == "cancelled":
        standing = Standing.CANCELLED
    applied = None if standing is Standing.OPEN else own_part(order, order_id)
    key = order_key(store, order_id, location_id, n)
    return Recalled(key, store, order_id, location_id, n, standing, order["orderId"], applied)


def own_part(order: Order, order_id: int) -> Order:
    """Without the goods of other Shopify orders that the warehouse merged into it."""
    owned = [(item, line_of(item.get("lineItemKey"))) for item in order.get("items") or []]
    return {**order, "items": [item for item, line in owned if line is None or line[0] == order_id]}


def as_left_there(forgotten: Consignment, observed: Order) -> Order | None:
    """What a forgotten order holds; None for an open one that the warehouse split or merged: it is taken to hold what is
    wanted, and the sweep counts what its parts hold together. One that was open when it was read was not cancelled by us."""
    parts = split_order_key(forgotten.order_key)
    is_open = observed.get("orderStatus") in CHANGEABLE
    if parts is None or (is_open and is_regrouped(observed)):
        return None
    own = own_part(observed, parts[1])
    return own if forgotten.standing is Standing.CANCELLED else _before_its_cancellation(own)


def _before_its_cancellation(order: Order) -> Order:
    return {**order, "orderStatus": "awaiting_shipment"} if order.get("orderStatus") == "cancelled" else order


def presumed(observed: Order, wanted: Order) -> Order:
    """What we must have written to a forgotten order. Where ShipStation shows something else than Shopify wants, it is
    presumed to be the warehouse's hand, which stays: only units are Shopify's, a hold is as it is wanted, and about another
    address a person decides."""
    is_ours = is_on_hold(observed) and is_on_hold(wanted)
    base = {**wanted, "orderStatus": "on_hold" if is_ours else "awaiting_shipment"}
    if is_regrouped(observed):
        return cast(Order, base)
    if units_of(observed) != units_of(wanted):
        base |= {field: value for field, value in observed.items() if field in OF_THE_UNITS}
    if not same_destination(observed, wanted):
        base["shipTo"] = dict.fromkeys(wanted["shipTo"])
    return cast(Order, base)
