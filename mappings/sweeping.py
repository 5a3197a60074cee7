"""What a bulk look at ShipStation says of the orders we placed there: standings, survivors of a merge, units that do not add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from mappings.carry_over import (
    CHANGEABLE,
    edited_there,
    has_other_units,
    is_on_hold,
    is_regrouped,
    is_silent_on_groups,
    same_destination,
)
from mappings.causes import Cause
from mappings.consignments import added
from mappings.keys import line_of, split_order_key
from mappings.pacific import from_pacific
from mappings.packed import Units, counted, units_of
from mappings.plans import Consignment, Standing
from mappings.shipstation_shapes import Order

EDITED_BY_HAND = ("shipTo", "customerNotes", "internalNotes", "giftMessage", "requestedShippingService")
"""Our fields that people change there and that can be compared: dates and amounts come back in other spellings."""


@dataclass(frozen=True)
class Placed:
    """One consignment as we remember it. `units` are those of the document that ShipStation last accepted."""

    order_key: str
    standing: Standing
    shipstation_order_id: int | None
    units: Units
    is_cancelled_there: bool = False
    """By a person, who may have split it before: what we cancel is whole."""
    is_held: bool = False
    """Open, and on hold by us because Shopify does not let it go."""


@dataclass(frozen=True)
class Sight:
    """One ShipStation order. `units`: Shopify order id -> units of its lines in it, empty when nothing of it is ours."""

    order_id: int
    order_key: str
    number: str
    status: str
    units: Mapping[int, Units]
    absorbed: frozenset[int]
    is_regrouped: bool | None
    """Split or merged there; None where nobody tells."""

    @property
    def is_alive(self) -> bool:
        return self.status != "cancelled"


class Finding(NamedTuple):
    """What is wrong with one order and cannot be made right by us. `detail` names ids and counts only."""

    cause: Cause
    detail: str


def sight_of(order: Order) -> Sight:
    units: dict[int, Units] = {}
    for item in order.get("items") or []:
        line = line_of(item.get("lineItemKey"))
        if line and not item.get("adjustment"):
            units.setdefault(line[0], Counter())[line[1]] += item.get("quantity") or 0
    return Sight(
        order_id=order["orderId"],
        order_key=order.get("orderKey") or "",
        number=order.get("orderNumber") or "",
        status=order.get("orderStatus") or "",
        units=units,
        absorbed=frozenset((order.get("advancedOptions") or {}).get("mergedIds") or ()),
        is_regrouped=None if is_silent_on_groups(order) else is_regrouped(order),
    )


def standing_seen(standing: Standing, status: str, has_packages: bool) -> Standing | None:
    """What the status teaches us; None when it is what we thought. Packages tell more than a status does: where one is
    known, whether the order counts as shipped is theirs to say."""
    is_open = standing is Standing.OPEN or (standing is Standing.SHIPPED and not has_packages)
    if is_open and status == "cancelled":
        return Standing.CANCELLED
    if standing is Standing.CANCELLED and status in CHANGEABLE:
        return Standing.OPEN
    if standing is Standing.OPEN and status == "shipped" and not has_packages:
        return Standing.SHIPPED
    return None


def is_hold_lifted(applied: Order | None, status: str) -> bool:
    """We put it on hold, and somebody there let it go: whether Shopify still holds it is for the plan to see."""
    return is_on_hold(applied) and status in CHANGEABLE - {"on_hold"}


def edited_fields(observed: Order, applied: Order) -> tuple[str, ...]:
    """Names of our fields that somebody changed in ShipStation. Nothing can be said of an order that was split or merged."""
    if is_regrouped(observed):
        return ()
    items = ("items",) if has_other_units(observed, applied) else ()
    return (*edited_there(observed, applied, EDITED_BY_HAND), *items)


def is_of(shopify_order_id: int, sight: Sight) -> bool:
    """By its key, whatever lies in it."""
    parts = split_order_key(sight.order_key)
    return parts is not None and parts[1] == shopify_order_id


def survivor_of(placed: Placed, shopify_order_id: int, sights: Iterable[Sight]) -> Sight | None:
    """The order that absorbed this one: it says so, or all that we placed lies in it beside what was its own."""
    candidates = [one for one in sights if one.is_alive and one.order_id != placed.shipstation_order_id]
    for one in candidates:
        if placed.shipstation_order_id in one.absorbed:
            return one
    holding = [
        one
        for one in candidates
        if _may_hold_others(one, shopify_order_id) and not placed.units - one.units.get(shopify_order_id, Counter())
    ]
    return holding[0] if placed.units and len(holding) == 1 else None


def survivor_of_lost(shopify_order_id: int, known: Iterable[Consignment], sights: Iterable[Sight]) -> Sight | None:
    """The order that absorbed one of which we never had an answer: it holds more of the Shopify order than those of its
    `known` consignments that lie in it."""
    family = list(known)
    for one in sights:
        ids = {one.order_id, *one.absorbed}
        ours = added(units_of(own.applied) for own in family if own.shipstation_order_id in ids)
        is_merged = bool(one.absorbed) or (one.is_regrouped is None and _may_hold_others(one, shopify_order_id))
        if one.is_alive and is_merged and one.units.get(shopify_order_id, Counter()) - ours:
            return one
    return None


def _may_hold_others(sight: Sight, shopify_order_id: int) -> bool:
    """Where nobody tells of a merge, the lines of this order in the ShipStation order of another one do."""
    if sight.is_regrouped is not None:
        return sight.is_regrouped
    parts = split_order_key(sight.order_key)
    return parts is not None and parts[1] != shopify_order_id


def has_left_behind(placed: Iterable[Placed], parcels: Mapping[str, Units]) -> bool:
    """Whether an order that left held more than its parcels: the rest may lie in a part that somebody split off. `parcels` as
    `judge` takes them."""
    behind: Units = Counter()
    for one in placed:
        if one.standing is Standing.SHIPPED:
            behind.update(one.units - parcels.get(one.order_key, Counter()))
    return bool(behind - parcels.get("", Counter()))


def is_twin(observed: Order, ours: Order, shopify_order_id: int) -> bool:
    """Whether an order that we did not make is the same sale, imported by somebody else: its number has to be checked before.

    A direct connection keys its orders and lines by Shopify's ids; otherwise the address has to be the same.
    """
    if observed.get("orderStatus") == "cancelled" or sight_of(observed).units:
        return False
    lines = {line[1] for item in ours.get("items") or [] if (line := line_of(item.get("lineItemKey")))}
    theirs = {item.get("lineItemKey") for item in observed.get("items") or []}
    by_ids = str(shopify_order_id) in (observed.get("orderKey") or "") or bool(theirs & {str(one) for one in lines})
    has_address = bool((observed.get("shipTo") or {}).get("street1"))
    return by_ids or (has_address and same_destination(observed, ours))


def judge(
    shopify_order_id: int,
    placed: Sequence[Placed],
    sights: Iterable[Sight],
    twins: Sequence[int],
    vanished: Sequence[str],
    parcels: Mapping[str, Units],
) -> Finding | None:
    """The decision table of one order; the first row that applies decides. `sights`: all orders there that hold lines of it;
    a consignment that is not among them is taken to be as we left it. `twins`: ids of the same sale imported by others.
    `parcels`: what of it left, by order key of ours, blank for all that left under another."""
    mine = {one.order_id: one for one in sights if shopify_order_id in one.units or one.order_id in _ids(placed)}
    expected, lying = _sums(shopify_order_id, placed, mine, parcels)
    others = [one for one in mine.values() if one.is_alive and one.order_id not in _ids(placed) and one.units]
    strangers = [one.order_id for one in others]
    # Somebody else sends the same goods.
    if twins:
        return Finding(Cause.DOUBLED_THERE, f"ShipStation orders {_listed(twins)} are the same sale")
    over = lying - expected
    # Not there twice: it lives on in parts of what a person cancelled. Shopify may want it or not, which is for the plan to see.
    if over and strangers and not over - _living_on(shopify_order_id, placed, mine, parcels):
        parts = _listed([one.order_id for one in others if one.status in CHANGEABLE] or strangers)
        return Finding(
            Cause.CHANGED_ON_BOTH_SIDES, f"ShipStation orders {parts}: split off one that was cancelled there"
        )
    if over and strangers:
        return Finding(Cause.DOUBLED_THERE, f"ShipStation orders {_listed(strangers)}: {counted(over)} too many")
    # Gone, and nobody has it.
    if vanished:
        return Finding(Cause.MERGED_PARENT_UNKNOWN, f"{', '.join(vanished)}: ShipStation has no such order")
    if over:
        return Finding(Cause.UNITS_CHANGED_THERE, f"{counted(over)} more than Shopify wants")
    if lack := expected - lying:
        return Finding(Cause.UNITS_CHANGED_THERE, f"{counted(lack)} less than Shopify wants")
    # All there, and some of it may leave.
    if free := _freed(shopify_order_id, placed, mine, others):
        return Finding(
            Cause.CHANGED_ON_BOTH_SIDES,
            f"ShipStation orders {_listed(free)}: free to leave, split off one that we put on hold",
        )
    return None


def _freed(order_id: int, placed: Sequence[Placed], mine: Mapping[int, Sight], others: Iterable[Sight]) -> list[int]:
    """Ids of `others` that are not on hold, and hold what is missing in orders that are. Nothing can be written to such a part."""
    holders = [(one, sight) for one in placed if one.is_held and (sight := _holder(one, mine))]
    parted = added(one.units - sight.units.get(order_id, Counter()) for one, sight in holders)
    free = [one for one in others if one.status in CHANGEABLE - {"on_hold"}]
    return [one.order_id for one in free if one.units.get(order_id, Counter()) & parted]


def _sums(
    order_id: int, placed: Sequence[Placed], mine: Mapping[int, Sight], parcels: Mapping[str, Units]
) -> tuple[Units, Units]:
    """(expected, lying). What was shipped is as it was shipped: nobody can change it any more, unless its labels were voided. Of what a
    person cancelled only what had been split off it, and has left, is still to be there. What was merged should not have left before."""
    expected: Units = Counter()
    lying: Units = Counter()
    left = parcels.get("", Counter[int]())
    # where nobody tells of a split, goods of the order in one that we did not make do
    is_split = any(one.is_alive and one.order_id not in _ids(placed) and one.units for one in mine.values())
    for one in placed:
        sight = _holder(one, mine)
        if one.standing is Standing.CANCELLED:
            parted = (one.units - sight.units.get(order_id, Counter()) if sight else Counter[int]()) & left
            expected.update(parted)
            left = left - parted
            continue
        is_whole = sight is not None and not (is_split if sight.is_regrouped is None else sight.is_regrouped)
        is_final = sight is not None and sight.status == "shipped" and one.standing is Standing.SHIPPED and is_whole
        expected.update(sight.units.get(order_id, Counter()) if sight and is_final else one.units)
        if sight is None:
            lying.update(one.units)
        elif sight.order_id != one.shipstation_order_id:
            lying.update(parcels.get(one.order_key, Counter()))
    for sight in mine.values():
        if sight.is_alive:
            lying.update(sight.units.get(order_id, Counter()))
    return expected, lying


def _living_on(
    order_id: int, placed: Sequence[Placed], mine: Mapping[int, Sight], parcels: Mapping[str, Units]
) -> Units:
    """What was split off orders before a person cancelled them, and has not left. Not of lines of which parts and living orders
    hold more together than such an order did: it may have been placed anew while it lay there."""
    beside = added(one.units for one in placed if one.standing is not Standing.CANCELLED)
    apart: Units = Counter()
    held: Units = Counter()
    for one in placed:
        sight = _holder(one, mine)
        if one.is_cancelled_there and sight:
            apart += one.units - sight.units.get(order_id, Counter())
            held |= one.units
    twice = apart + beside - held
    return Counter({line: units for line, units in (apart - parcels.get("", Counter())).items() if not twice[line]})


def _holder(placed: Placed, mine: Mapping[int, Sight]) -> Sight | None:
    """Its ShipStation order, or the one that absorbed that."""
    its_id = placed.shipstation_order_id or 0
    return mine.get(its_id) or next((one for one in mine.values() if its_id in one.absorbed), None)


def _ids(placed: Sequence[Placed]) -> set[int]:
    return {one.shipstation_order_id for one in placed if one.shipstation_order_id}


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(str(one) for one in sorted(ids))


def modified_at(order: Order) -> datetime | None:
    """None where ShipStation does not say."""
    try:
        return from_pacific(order["modifyDate"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
