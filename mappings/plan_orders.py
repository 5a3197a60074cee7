"""The plan of the orders flow: one Shopify order, what we placed of it, what ShipStation shows -> steps and the order's state.

Total and deterministic. A second look after the steps were applied plans nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta

from mappings.addresses import missing_parts
from mappings.by_hand import WORDS, lost_by_cancelling, lost_in_a_move, without_the_move
from mappings.carry_over import (
    cancelled_as_observed,
    edited_there,
    has_other_units,
    is_on_hold,
    is_regrouped,
    is_silent_on_groups,
    same_destination,
)
from mappings.causes import Cause
from mappings.conflicts import update_of
from mappings.consignments import added
from mappings.doubts import doubts
from mappings.eligibility import judgments, look_later
from mappings.guesses import in_question, lying
from mappings.guesses import troubles as doubted
from mappings.keys import is_label
from mappings.order_changes import Change, Picture, picture
from mappings.order_state import state_of_order
from mappings.order_troubles import Trouble, troubles_of, worst_of
from mappings.orders import order_number
from mappings.packed import Units, units_of
from mappings.plans import Consignment, Package, Plan, Profile, Side, Standing, Step, UpsertOrder, VoidLabel
from mappings.rates import NOTHING_QUOTED, Quoted
from mappings.recalled import is_forgotten, presumed
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from mappings.unanswered import SHOWN_LATE
from mappings.voided import LOOK_SOON_S

REREAD_S = 60.0
"""How soon to look again when ShipStation's side of an order could not be read."""


def plan_order(
    profile: Profile,
    order: OrderToShip | None,
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
    observed: Mapping[str, Order | None],
    now: datetime,
    waived: Set[Cause] = frozenset(),
    take: Side | None = None,
    quoted: Quoted = NOTHING_QUOTED,
) -> Plan:
    """`order` is None when Shopify shows no such order. `observed`: order key -> ShipStation's order as read just now, None
    when ShipStation answered that it has none, absent when it was not read. `waived`: doubts that a person waived.
    `take`: whose value a person wants where both sides changed a field. `quoted`: what the carriers answered to `questions`.

    Consignments and packages must have been read before the Shopify order was.
    """
    if order is None:
        return Plan(Cause.NOT_FOUND)
    observed = _proven(observed, consignments, now)
    seen = picture(profile, order, consignments, packages, observed, now, waived, quoted)
    held = _held_for_doubt(profile, seen, waived)
    arrived = _arrived(consignments, observed)
    as_wanted = _as_wanted(seen, arrived, observed)
    left = [change for change in seen.changes if change.order_key not in held.keys() | as_wanted.keys()]
    decisions = [*held.values(), *(one for change in left for one in _decide(change, seen, observed, take))]
    upserts = tuple(one for one in decisions if isinstance(one, UpsertOrder))
    there = lying(seen, packages, observed)
    sure = _placing_nothing_twice(upserts, there, seen)
    first = _taken_back_first(sure, seen)
    untied = () if first else _untangled(sure, seen, observed, take)
    steps = first or tuple(one for one in untied if isinstance(one, UpsertOrder))
    voids = _voids(profile, order, consignments, packages)
    troubles = [one for one in (*decisions, *untied) if isinstance(one, Trouble)]
    troubles += troubles_of(profile, order, seen, packages, observed)
    troubles += doubted([step for step in upserts if step not in sure], there, observed)
    cause = worst_of(troubles) or state_of_order(order, seen, steps)
    details = sorted({trouble.detail for trouble in troubles}) + _remarks(profile, seen)
    conflicts = tuple(conflict for trouble in troubles for conflict in trouble.conflicts)
    again = _look_again(order, seen, cause, now)
    if 0 < len(steps) < len(sure):
        again = now + timedelta(seconds=LOOK_SOON_S)
    return Plan(
        cause,
        (*steps, *voids),
        "; ".join(details),
        again,
        tuple(sorted(arrived)),
        conflicts=conflicts,
        recalled=(*seen.recalled, *as_wanted.values(), *_forgotten(consignments, steps, seen)),
        choices=tuple(seen.choices.items()),
        judged=tuple(one.cause for one in judgments(order, profile, now)),
    )


def _proven(
    observed: Mapping[str, Order | None], consignments: Sequence[Consignment], now: datetime
) -> dict[str, Order | None]:
    """Without the absence of what ShipStation accepted a moment ago: reads may lag behind writes."""
    late = {one.order_key for one in consignments if one.pushed_at and one.pushed_at > now - SHOWN_LATE}
    return {key: order for key, order in observed.items() if order is not None or key not in late}


def _arrived(consignments: Sequence[Consignment], observed: Mapping[str, Order | None]) -> set[str]:
    """Order keys of lost answers that need none any more: what was sent is there, split or merged since, and nothing may be
    written to it."""
    unsure = {one.order_key for one in consignments if one.standing is Standing.INTENDED}
    return {key for key in unsure if (order := observed.get(key)) and is_regrouped(order)}


def _as_wanted(seen: Picture, arrived: Set[str], observed: Mapping[str, Order | None]) -> dict[str, Consignment]:
    """Those of them that hold what Shopify wants for where it wants it, with what we must have written."""
    found = {}
    for one in seen.allotment.assignments:
        truth, wanted = observed.get(one.order_key), seen.documents.get(one.order_key)
        if not (one.order_key in arrived and one.consignment and truth and wanted):
            continue
        is_told = is_on_hold(truth) == is_on_hold(wanted) and not edited_there(truth, wanted, WORDS)
        if is_told and units_of(one.consignment.applied) == units_of(wanted) and same_destination(truth, wanted):
            found[one.order_key] = replace(one.consignment, applied=presumed(truth, wanted))
    return found


def _forgotten(consignments: Sequence[Consignment], steps: Sequence[Step], seen: Picture) -> list[Consignment]:
    """The forgotten ones that are written to, with what we must have written before: the answer may be lost."""
    written = {step.order_key for step in steps if isinstance(step, UpsertOrder)}
    forgotten = {one.order_key for one in consignments if is_forgotten(one)} & written
    found = [one.consignment for one in seen.allotment.assignments if one.order_key in forgotten]
    return [one for one in found if one and one.applied]


def needs_shipstation_truth(
    profile: Profile,
    order: OrderToShip | None,
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
    now: datetime,
    waived: Set[Cause] = frozenset(),
    quoted: Quoted = NOTHING_QUOTED,
) -> tuple[str, ...]:
    """Order keys that must be read before the plan may send anything under them, those of lost answers included. Where no
    ShipStation order id is known, list the orders by number, from `order_number_stem` on, and look for the key."""
    if order is None:
        return ()
    seen = picture(profile, order, consignments, packages, {}, now, waived, quoted)
    changed = [
        one.order_key for one in seen.changes if one.needs_truth and (not _missing(one) or _beside_the_address(one))
    ]
    return (*changed, *sorted(in_question(seen) - set(changed)))


def order_number_stem(profile: Profile, order: OrderToShip) -> str:
    """What the numbers of all consignments of the order begin with."""
    return order_number(profile, order, 1)


def _decide(
    change: Change, seen: Picture, observed: Mapping[str, Order | None], take: Side | None
) -> Sequence[UpsertOrder | Trouble]:
    """The decision table of one ShipStation order. Shipped and cancelled ones never get here: nothing is assigned to them."""
    key, consignment = change.order_key, change.assignment.consignment
    applied = consignment.applied if consignment else None
    uncertain = consignment is None or (
        # one whose id we know was accepted once, whatever became of our document of it
        applied is None and consignment.standing is Standing.INTENDED and consignment.shipstation_order_id is None
    )
    truth = observed.get(key)
    # Create or update: not to an address that no label can be made for.
    if missing := _missing(change):
        trouble = Trouble(Cause.ADDRESS_INCOMPLETE, f"{key}: address without {', '.join(missing)}")
        rest = _with_the_old_address(change, applied)
        return [trouble, *(_decide(rest, seen, observed, take) if rest else ())]
    # Not read: it may have shipped.
    if change.needs_truth and key not in observed:
        return [Trouble(Cause.UNREADABLE, f"{key}: not read in ShipStation")]
    # Create, also once more when the first answer was lost. No longer wanted: the lost one may still arrive, so its key is
    # taken by a cancelled order.
    if truth is None and uncertain and (document := change.wanted or change.tombstone):
        return [_upsert(change, document)]
    # It was accepted once and is gone: merged into another, or deleted. Made anew, the goods could leave twice.
    if truth is None:
        return [Trouble(Cause.MERGED_PARENT_UNKNOWN, f"{key}: ShipStation has no such order")]
    # Split or merged by the warehouse: every write would double or lose goods. Under another key it is another sale's, whatever
    # it shows since.
    if (
        is_regrouped(truth, applied, change.wanted)
        or _has_left_as_a_part(truth, applied, seen)
        or truth.get("orderKey", key) != key
    ):
        return [Trouble(Cause.CHANGED_ON_BOTH_SIDES, f"{key}: split or merged in ShipStation")]
    # Moved, as a whole or some units of it, and the warehouse's hold or words would not move with them.
    if take != "shopify" and (lost := lost_in_a_move(change, truth, seen)):
        rest = without_the_move(change, seen)
        return [*lost, *(_updated(rest, rest.wanted, truth, applied or truth, take) if rest and rest.wanted else ())]
    # Cancel: nothing of it is wanted any more, and it is still open.
    if change.wanted is None:
        return [_upsert(change, cancelled_as_observed(truth, key), seen=truth)]
    # Update: Shopify's fields, and the warehouse's for the rest.
    return _updated(change, change.wanted, truth, applied or truth, take)


def _has_left_as_a_part(truth: Order, applied: Order | None, seen: Picture) -> bool:
    """Where nobody tells of a split, a package under another key does: what lies there still are other units, wherever they are
    wanted. What shows all that we wrote has lost nothing: then it was split off another order of the sale."""
    if not is_silent_on_groups(truth) or applied is None or not has_other_units(truth, applied):
        return False
    return bool(seen.allotment.packed.guessed.get(truth["orderKey"]))


def _updated(
    change: Change, wanted: Order, truth: Order, applied: Order, take: Side | None
) -> list[UpsertOrder | Trouble]:
    fields = change.fields
    # The warehouse put it on hold before we could: then it is the warehouse's to release.
    if is_on_hold(truth) and is_on_hold(wanted) and "orderStatus" in fields:
        wanted = {**wanted, "orderStatus": applied.get("orderStatus") or "awaiting_shipment"}
        fields = tuple(field for field in fields if field != "orderStatus")
    update = update_of(truth, wanted, applied, fields, take)
    decided: list[UpsertOrder | Trouble] = []
    if update.fields:
        decided.append(_upsert(replace(change, fields=update.fields), update.document, update.applied, truth))
    if update.conflicts:
        names = ", ".join("units" if one.field == "items" else one.field for one in update.conflicts)
        detail = f"{change.order_key}: {names} changed in Shopify and in ShipStation"
        decided.append(Trouble(Cause.CHANGED_ON_BOTH_SIDES, detail, update.conflicts))
    return decided


def _placing_nothing_twice(
    steps: tuple[UpsertOrder, ...], there: Mapping[str, Units], seen: Picture
) -> tuple[UpsertOrder, ...]:
    """`there`: see `lying`. What is left out gives nothing away either, so that it is asked once more."""
    left = _placing_none_of(there, _without_what_stays(steps, seen), seen)
    return left if len(left) == len(steps) else _placing_nothing_twice(left, there, seen)


def _without_what_stays(steps: Sequence[UpsertOrder], seen: Picture) -> tuple[UpsertOrder, ...]:
    """Without those that place what should leave another order, and lies there still: nothing can be taken out of one that was
    split, merged, changed by hand or not read."""
    lying = _units_before(seen) | _units_after(steps)
    staying = {one.order_key: lying.get(one.order_key, Counter()) - units_of(one.wanted) for one in seen.changes}
    return _placing_none_of(staying, steps, seen)


def _taken_back_first(steps: Sequence[UpsertOrder], seen: Picture) -> tuple[UpsertOrder, ...]:
    """Without those that place what another one takes away: it may be refused, because the goods have just left. They are
    planned again once ShipStation accepted it."""
    before = _units_before(seen)
    freed = {key: before.get(key, Counter()) - units for key, units in _units_after(steps).items()}
    return _placing_none_of(freed, steps, seen)


def _untangled(
    steps: Sequence[UpsertOrder], seen: Picture, observed: Mapping[str, Order | None], take: Side | None
) -> Sequence[UpsertOrder | Trouble]:
    """Where each waits for another one to give back first, as after lines of two locations changed places: one of them is taken
    back as a whole, in which people there had no hand. What it is to hold goes out under its next key."""
    before, after = _units_before(seen), _units_after(steps)
    applied = {one.order_key: one.applied for one in seen.consignments}
    kept: list[Trouble] = []
    for step in steps:
        key, truth = step.order_key, observed.get(step.order_key)
        if truth and before.get(key, Counter()) - after[key]:
            lost = lost_by_cancelling(truth, applied[key], [seen.documents[key]]) if take != "shopify" else ()
            if not lost:
                document = cancelled_as_observed(truth, key)
                return [replace(step, document=document, fields=("orderStatus",), wanted=None, choice=None)]
            kept.extend(lost)
    return kept


def _placing_none_of(
    units: Mapping[str, Units], steps: Sequence[UpsertOrder], seen: Picture
) -> tuple[UpsertOrder, ...]:
    """`units`: of each order, what no other may be given."""
    before, after = _units_before(seen), _units_after(steps)

    def is_free(step: UpsertOrder) -> bool:
        more = after[step.order_key] - before.get(step.order_key, Counter())
        return not any(more & of for key, of in units.items() if key != step.order_key)

    return tuple(step for step in steps if is_free(step))


def _units_before(seen: Picture) -> dict[str, Units]:
    return {one.order_key: units_of(one.applied) for one in seen.consignments}


def _units_after(steps: Sequence[UpsertOrder]) -> dict[str, Units]:
    return {step.order_key: Counter() if step.kind == "cancel_order" else units_of(step.document) for step in steps}


def _with_the_old_address(change: Change, applied: Order | None) -> Change | None:
    """A hold, or units, must not wait for an address: that of before goes on to stand there."""
    fields = _beside_the_address(change)
    if change.wanted is None or applied is None or not fields or missing_parts(applied["shipTo"]):
        return None
    return replace(change, wanted={**change.wanted, "shipTo": applied["shipTo"]}, fields=fields)


def _beside_the_address(change: Change) -> tuple[str, ...]:
    return tuple(field for field in change.fields if field not in {"shipTo", "internationalOptions"})


def _missing(change: Change) -> tuple[str, ...]:
    return missing_parts(change.wanted["shipTo"]) if change.wanted else ()


def _upsert(change: Change, document: Order, wanted: Order | None = None, seen: Order | None = None) -> UpsertOrder:
    one = change.assignment
    return UpsertOrder(
        one.order_key,
        one.location_id,
        one.split_group,
        one.n,
        document,
        change.fields,
        wanted,
        change.rules,
        change.choice,
        seen,
    )


def _voids(
    profile: Profile, order: OrderToShip, consignments: Sequence[Consignment], packages: Sequence[Package]
) -> list[VoidLabel]:
    """Labels of a cancelled order. Not those of which Shopify told the customer: they were on their way."""
    if not (order["cancelledAt"] and profile.void_on_cancel):
        return []
    there = {one.order_key: one.shipstation_order_id for one in consignments}
    return [
        VoidLabel(one.package_key, int(order["legacyResourceId"]), order_id)
        for one in packages
        if not one.voided
        and one.fulfillment_gid is None
        and is_label(one.package_key)
        and (order_id := there.get(one.order_key or ""))
    ]


def _held_for_doubt(profile: Profile, seen: Picture, waived: Set[Cause]) -> dict[str, Trouble]:
    """New orders only: what ShipStation has stays there."""
    held: dict[str, Trouble] = {}
    for change in seen.changes:
        is_new = change.assignment.consignment is None and not _missing(change)
        found = doubts(profile, change.wanted) if change.wanted and is_new else []
        waits = [doubt for doubt in found if doubt.holds and doubt.cause not in waived]
        if waits:
            held[change.order_key] = Trouble(waits[0].cause, waits[0].detail)
    return held


def _remarks(profile: Profile, seen: Picture) -> list[str]:
    """What is worth knowing beside the cause: units that stay behind, and doubts that the merchant takes lightly."""
    behind = [_behind(units, cause) for cause, units in sorted(seen.routing.barred.items())]
    unplaced = {where: units for where, units in seen.allotment.unplaced.items() if where not in seen.paused}
    if seen.barrier and unplaced:
        why = f": {seen.barrier.detail}" if seen.barrier.detail else ""
        behind.append(_behind(added(unplaced.values()), seen.barrier.cause) + why)
    placed = [seen.documents[one.order_key] for one in seen.allotment.assignments if one.order_key in seen.documents]
    doubtful = [doubt.detail for document in placed for doubt in doubts(profile, document) if not doubt.holds]
    return behind + doubtful


def _behind(units: Units, cause: Cause) -> str:
    count = units.total()
    return f"{count} {'unit' if count == 1 else 'units'} kept back: {cause.replace('_', ' ')}"


def _look_again(order: OrderToShip, seen: Picture, cause: Cause, now: datetime) -> datetime | None:
    times = [seen.barrier.until if seen.barrier else None, seen.routing.until]
    is_unplaced = seen.routing.unrouted or None in seen.routing.free  # null also stands for a failure in passing
    if is_unplaced and not seen.withdraws:
        times.append(look_later(order, now))
    if cause is Cause.UNREADABLE:
        times.append(now + timedelta(seconds=REREAD_S))
    # What is due already and still looks the same is given a moment: the vendor's clock is not ours.
    soonest = min((time for time in times if time), default=None)
    return max(soonest, now + timedelta(seconds=REREAD_S)) if soonest and soonest <= now else soonest
