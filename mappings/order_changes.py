"""What Shopify wants, laid against what we placed: the changes that ShipStation's orders call for, before looking at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from mappings.carry_over import CHANGEABLE, changed_fields, has_other_units, is_on_hold, is_regrouped
from mappings.causes import Cause
from mappings.consignments import Allotment, Assignment, added, allot
from mappings.eligibility import Barrier, Routing, barrier, routing, shippable_units
from mappings.keys import split_order_key
from mappings.orders import cancelled_order, ordinal_in, shipstation_order
from mappings.packed import Units, packed_units, units_of, untold, whole_packages
from mappings.plans import Consignment, Package, Profile, Standing
from mappings.rates import NOTHING_QUOTED, Choice, Question, Quoted
from mappings.rating import Rating, rating_of, with_choice
from mappings.recalled import as_left_there, is_forgotten, own_part, presumed
from mappings.ruled_fields import with_rules
from mappings.rules import consignment_verdict, split_groups
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip


@dataclass(frozen=True)
class Change:
    """`wanted` is the whole new document, None to cancel. `fields`: what differs from the applied one, empty when new."""

    assignment: Assignment
    wanted: Order | None
    fields: tuple[str, ...] = ()
    tombstone: Order | None = None
    """A cancelled order without items, for a key that may have arrived and of which nothing is wanted."""
    rules: tuple[str, ...] = ()
    """The names of the rules that had a hand in it."""
    choice: Choice | None = None
    """Of carrier and service by their rates, where it was made just now."""

    @property
    def order_key(self) -> str:
        return self.assignment.order_key

    @property
    def needs_truth(self) -> bool:
        """Only what is new goes out without looking. One whose answer was lost may have shipped since."""
        return self.assignment.consignment is not None


@dataclass(frozen=True)
class Picture:
    barrier: Barrier | None
    routing: Routing
    allotment: Allotment
    consignments: tuple[Consignment, ...]
    """As observed."""
    documents: Mapping[str, Order]
    """Order key -> what Shopify would have it be now, for all that are neither cancelled nor to be cancelled."""
    changes: tuple[Change, ...]
    paused: Mapping[int, Units]
    """By location: units that may not leave now and, as far as they are in ShipStation, stay there on hold."""
    reopened: Units
    """Packed, reported to Shopify, and open there again although the label stands: sent once more they would leave twice."""
    voided: Units
    """Shopify counts them as gone, and their label was voided."""
    recalled: tuple[Consignment, ...]
    """Of which our document was gone, and which are as Shopify wants them: with what we must have written."""
    overmarked: Units
    """Left in an order that was marked as shipped, and more than Shopify had left of it by then."""
    ratings: Mapping[str, Rating]
    """Order key -> carrier and service, of those for which a rule wants them chosen by rates."""

    @property
    def choices(self) -> dict[str, Choice]:
        """Those that were made just now."""
        return {key: one.choice for key, one in self.ratings.items() if one.choice and one.is_new}

    @property
    def withdraws(self) -> bool:
        return self.barrier is not None and self.barrier.withdraws


def picture(
    profile: Profile,
    order: OrderToShip,
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
    observed: Mapping[str, Order | None],
    now: datetime,
    released: bool,
    quoted: Quoted = NOTHING_QUOTED,
) -> Picture:
    order_id, groups = int(order["legacyResourceId"]), split_groups(profile.rules, order)
    seen = tuple(_regrouped(as_observed(one, observed.get(one.order_key)), one, groups) for one in consignments)
    gate = barrier(order, profile, now, released)
    routes = routing(order)
    paused = _paused(profile, gate, routes, seen, packages)
    remaining = {where: units for where, units in routes.free.items() if where is not None} | paused
    reported = _reported(seen, packages)
    voided = _still_fulfilled(routes, seen, packages, reported, shippable_units(order["lineItems"]["nodes"]))
    slack = routes.unrouted + voided
    reopened = (reported - routes.fulfilled) & added(remaining.values())
    if gate and gate.withdraws:
        remaining, slack, reopened = {}, Counter(), Counter()
    locations = remaining.keys() | {one.location_id for one in seen}
    frozen = locations if gate else paused.keys() | {where for where in locations if not is_mapped(profile, where)}
    whole = {one.order_key for one in seen if _is_whole(one, observed.get(one.order_key))}
    allotment = allot(
        profile.store, order_id, remaining, seen, packages, slack, reopened, frozenset(frozen), groups, whole
    )
    numbers = ordinals(profile, order, seen, allotment.assignments)
    documents, ratings = _documents(profile, order, allotment, seen, routes, numbers, quoted)
    documents |= _on_hold(allotment, documents, paused, is_final=bool(order["cancelledAt"]))
    forgotten = {one.order_key for one in consignments if is_forgotten(one)}
    unanswered = _unanswered(consignments, forgotten)
    allotment = replace(allotment, assignments=tuple(_presumed(allotment, documents, observed, forgotten, unanswered)))
    unknown = {one.order_key for one in consignments if one.applied is None} - forgotten
    uncertain = frozenset(unanswered.keys() | unknown)
    found = _changes(profile, order, allotment, documents, numbers, uncertain)
    choices = {key: one.choice for key, one in ratings.items() if one.is_new}
    changes = tuple(
        replace(change, rules=_rules_of(profile, order, change.assignment), choice=choices.get(change.order_key))
        for change in found
    )
    unchanged = forgotten - {change.order_key for change in changes}
    recalled = [one.consignment for one in allotment.assignments if one.consignment and one.order_key in unchanged]
    return Picture(
        gate,
        routes,
        allotment,
        seen,
        documents,
        changes,
        paused,
        reopened,
        voided,
        tuple(recalled),
        _overmarked(routes, seen, packages, reported),
        ratings,
    )


def _is_whole(one: Consignment, observed: Order | None) -> bool:
    return (
        observed is not None
        and one.applied is not None
        and not is_regrouped(observed, one.applied)
        and not has_other_units(observed, one.applied)
    )


def _unanswered(consignments: Sequence[Consignment], forgotten: Set[str]) -> dict[str, str | None]:
    """Order key -> the internal note before the step whose answer is outstanding."""
    return {
        one.order_key: (one.applied or {}).get("internalNotes")
        for one in consignments
        if one.standing is Standing.INTENDED and one.order_key not in forgotten
    }


def questions(
    profile: Profile,
    order: OrderToShip,
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
    observed: Mapping[str, Order | None],
    now: datetime,
    released: bool = False,
) -> list[Question]:
    """What the carriers are to be asked before `plan_order` is called with the same."""
    seen = picture(profile, order, consignments, packages, observed, now, released)
    return [one.question for one in seen.ratings.values() if one.question]


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


def _regrouped(seen: Consignment, known: Consignment, groups: Mapping[int, str]) -> Consignment:
    """Where our memory of it is gone, its lines tell which part of the order it was."""
    names = {groups.get(line_id, "") for line_id in units_of(seen.applied)} if is_forgotten(known) else set()
    return replace(seen, split_group=names.pop()) if len(names) == 1 else seen


def learned_from(consignment: Consignment, observed: Order | None) -> Consignment:
    """What of it is to be remembered: of an open order whose document is gone only a plan can tell what of it is ours."""
    seen = as_observed(consignment, observed)
    if is_forgotten(consignment):
        return replace(seen, applied=None) if seen.standing is Standing.OPEN else seen
    is_known = consignment.applied is not None and consignment.standing is not Standing.INTENDED
    if is_known or not seen.applied or seen.standing is not Standing.OPEN:
        return seen
    note = (consignment.applied or {}).get("internalNotes")
    return replace(
        seen, applied={**seen.applied, "internalNotes": note}
    )  # whose the one there is, only an answer tells


def _applied(consignment: Consignment, observed: Order) -> Order | None:
    """A hold or a cancellation that is not ours is the warehouse's: it is no part of what we applied. A hold of ours that is gone
    was lifted there."""
    known = consignment.applied
    if is_forgotten(consignment):
        return as_left_there(consignment, observed)
    if consignment.standing is Standing.INTENDED or known is None:
        own = _own_part(consignment, observed)
        return own if _is_ours(own.get("orderStatus"), consignment) else {**own, "orderStatus": "awaiting_shipment"}
    is_lifted = is_on_hold(known) and observed.get("orderStatus") in CHANGEABLE and not is_on_hold(observed)
    return {**known, "orderStatus": "awaiting_shipment"} if is_lifted else known


def _is_ours(status: str | None, consignment: Consignment) -> bool:
    in_doubt = {"on_hold": consignment.hold_in_doubt, "cancelled": consignment.cancel_in_doubt}
    return in_doubt.get(status or "", True) or (consignment.applied or {}).get("orderStatus") == status


def _own_part(consignment: Consignment, observed: Order) -> Order:
    parts = split_order_key(consignment.order_key)
    return own_part(observed, parts[1]) if parts else observed


def is_mapped(profile: Profile, location_id: int | None) -> bool:
    return location_id is not None and (not profile.warehouses or location_id in profile.warehouses)


def _paused(
    profile: Profile,
    gate: Barrier | None,
    routes: Routing,
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
) -> dict[int, Units]:
    """By location. A hold on some of its units takes those out of ShipStation, so that the others can leave."""
    if gate and gate.cause is Cause.CANCELLED:
        return _left_there(consignments, packages) if gate.pauses else {}
    if gate and gate.pauses:
        free = {where: units for where, units in routes.free.items() if where is not None}
        return {where: free.get(where, Counter()) + routes.held.get(where, Counter()) for where in free | routes.held}
    if profile.on_hold == "withdraw" or (gate and gate.withdraws):
        return {}
    return {where: units for where, units in routes.held.items() if where not in routes.free}


def _left_there(consignments: Sequence[Consignment], packages: Sequence[Package]) -> dict[int, Units]:
    """What of a cancelled order lies in ShipStation: Shopify shows nothing as remaining any more."""
    packed = packed_units(consignments, packages)
    left: dict[int, Units] = {}
    for one in consignments:
        if one.standing is not Standing.CANCELLED:
            told = packed.of(one.order_key) - packed.pending.get(one.order_key, Counter())
            left.setdefault(one.location_id, Counter()).update(units_of(one.applied) - told)
    return left


def _on_hold(
    allotment: Allotment, documents: Mapping[str, Order], paused: Mapping[int, Units], is_final: bool
) -> dict[str, Order]:
    """The documents of what is paused. Of a cancelled order nothing but the status changes: Shopify shows no amounts any more."""
    held: dict[str, Order] = {}
    for one in allotment.assignments:
        if one.location_id in paused and one.order_key in documents:
            applied = one.consignment.applied if one.consignment else None
            document = applied if is_final and applied else documents[one.order_key]
            held[one.order_key] = {**document, "orderStatus": "on_hold"}
    return held


def _reported(consignments: Sequence[Consignment], packages: Sequence[Package]) -> Units:
    """Units in unvoided packages that Shopify knows."""
    whole = whole_packages(consignments, packages)
    return added(Counter(package.lines or {}) - untold(package) for package in whole)


def _overmarked(
    routes: Routing, consignments: Sequence[Consignment], packages: Sequence[Package], reported: Units
) -> Units:
    """Such a package tells no lines, so Shopify was told of what it had left: a refund may have been quicker than our change."""
    marked = {one.package_key for one in packages if one.lines is None and one.fulfillment_gid and not one.voided}
    if not marked:
        return Counter()
    whole = whole_packages(consignments, packages)
    units = added(Counter(package.lines or {}) for package in whole if package.package_key in marked)
    live = added([*routes.free.values(), *routes.barred.values()])
    return (reported - routes.fulfilled - live) & units


def _still_fulfilled(
    routes: Routing, consignments: Sequence[Consignment], packages: Sequence[Package], reported: Units, shippable: Units
) -> Units:
    """Units whose label was voided while Shopify still counts them as gone: the warehouse is to send them again, but for those
    that were refunded meanwhile."""
    live = added([*routes.free.values(), *routes.barred.values()])
    held = {one.order_key: units_of(one.applied) for one in consignments}
    voided: Units = Counter()
    for package in packages:
        if package.voided and package.fulfillment_gid:
            lines = package.lines if package.told is None else package.told
            voided.update(lines if lines is not None else held.get(package.order_key or "", {}))
    return voided & (routes.fulfilled - reported) & (shippable - reported - live)


def _presumed(
    allotment: Allotment,
    documents: Mapping[str, Order],
    observed: Mapping[str, Order | None],
    forgotten: Set[str],
    unanswered: Mapping[str, str | None],
) -> Iterator[Assignment]:
    """Those whose document is gone with what we must have written. Where an answer was lost, all that shows may be ours, except
    an internal note that was neither the old one nor is the new: that is a person's. `unanswered`: with the old one."""
    for one in allotment.assignments:
        truth, wanted = observed.get(one.order_key), documents.get(one.order_key)
        if one.consignment and truth and wanted and one.order_key in forgotten:
            yield replace(one, consignment=replace(one.consignment, applied=presumed(truth, wanted)))
        elif one.consignment and one.consignment.applied and truth and wanted and one.order_key in unanswered:
            notes = [note or "" for note in (unanswered[one.order_key], wanted.get("internalNotes"))]
            ours: Order = {**one.consignment.applied, "internalNotes": wanted.get("internalNotes")}
            is_ours = (truth.get("internalNotes") or "") in notes
            yield one if is_ours else replace(one, consignment=replace(one.consignment, applied=ours))
        else:
            yield one


def _changes(
    profile: Profile,
    order: OrderToShip,
    allotment: Allotment,
    documents: Mapping[str, Order],
    numbers: Mapping[str, int],
    uncertain: frozenset[str],
) -> Iterator[Change]:
    """What is `uncertain` is sent again even if it looks right: only an answer makes it certain."""
    for one in allotment.assignments:
        applied = one.consignment.applied if one.consignment else None
        wanted = documents.get(one.order_key)
        if wanted is None:
            tombstone = None if applied else _tombstone(profile, order, one, numbers[one.order_key])
            yield Change(one, None, ("orderStatus",), tombstone)
        elif applied is None:
            yield Change(one, wanted)
        elif fields := changed_fields(wanted, applied) or (("items",) if one.order_key in uncertain else ()):
            yield Change(one, wanted, fields)


def _rules_of(profile: Profile, order: OrderToShip, one: Assignment) -> tuple[str, ...]:
    splits = [
        rule.name for rule in profile.rules.rules if one.split_group and rule.then.get("split") == one.split_group
    ]
    return tuple(dict.fromkeys([*splits, *consignment_verdict(profile.rules, order, one.units).hits]))


def _tombstone(profile: Profile, order: OrderToShip, one: Assignment, ordinal: int) -> Order:
    nothing: Units = Counter()
    empty = shipstation_order(profile, order, one.order_key, one.location_id, ordinal, nothing, nothing, "")
    return cancelled_order(empty)


def _documents(
    profile: Profile,
    order: OrderToShip,
    allotment: Allotment,
    consignments: Sequence[Consignment],
    routes: Routing,
    numbers: Mapping[str, int],
    quoted: Quoted,
) -> tuple[dict[str, Order], dict[str, Rating]]:
    """In the order of their numbers, because each share of money depends on those before it."""
    known = {one.order_key: one.consignment for one in allotment.assignments}
    ratings: dict[str, Rating] = {}
    units = {one.order_key: units_of(one.applied) for one in consignments if one.standing is Standing.SHIPPED}
    units |= {one.order_key: one.units for one in allotment.assignments}
    places = {one.order_key: one.location_id for one in consignments}
    places |= {one.order_key: one.location_id for one in allotment.assignments}
    documents: dict[str, Order] = {}
    before: Units = Counter()
    for key, ordinal in numbers.items():
        if not units.get(key):
            continue
        where, mine = places[key], units[key]
        country = routes.countries.get(where, "")
        plain = shipstation_order(profile, order, key, where, ordinal, mine, before, country)
        verdict = consignment_verdict(profile.rules, order, mine)
        documents[key] = with_rules(plain, verdict)
        if key in known and (wish := verdict.then.get("rate")):
            ratings[key] = rating_of(wish, documents[key], known[key], quoted)
            documents[key] = with_choice(documents[key], ratings[key])
        before = before + mine
    return documents, ratings


def ordinals(
    profile: Profile, order: OrderToShip, consignments: Sequence[Consignment], assignments: Sequence[Assignment]
) -> dict[str, int]:
    """Order key -> its number within the order, ascending. A number once given stays; others take the lowest free ones."""
    known = {c.order_key: ordinal_in(profile, order, c.applied) for c in consignments}
    numbers = {key: number for key, number in known.items() if number}
    old = sorted((c.n, c.location_id, c.order_key) for c in consignments if c.order_key not in numbers)
    new = sorted((a.n, a.location_id, a.order_key) for a in assignments if a.consignment is None)
    for _, _, key in [*old, *new]:
        numbers[key] = next(n for n in range(1, len(numbers) + 2) if n not in numbers.values())
    return dict(sorted(numbers.items(), key=lambda item: item[1]))
