"""What Shopify wants, laid against what we placed: the changes that ShipStation's orders call for, before looking at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from mappings.carry_over import changed_fields, has_other_units, is_regrouped
from mappings.causes import Cause
from mappings.consignments import LIVE, Allotment, Assignment, added, allot
from mappings.eligibility import Barrier, Routing, barrier, routing, shippable_units
from mappings.observed import as_observed, in_its_group
from mappings.orders import cancelled_order, ordinal_in, shipstation_order
from mappings.packed import Units, is_cancelled_there, units_of
from mappings.plans import Consignment, Package, Profile, Standing
from mappings.rates import NOTHING_QUOTED, Choice, Question, Quoted
from mappings.rating import Rating, rating_of, with_choice
from mappings.recalled import is_forgotten, presumed
from mappings.ruled_fields import with_rules
from mappings.rules import consignment_verdict, split_groups
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from mappings.unanswered import hands_off
from mappings.unsettled import overmarked_units, paused_units, reported_units, still_fulfilled


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
    waived: Set[Cause],
    quoted: Quoted = NOTHING_QUOTED,
) -> Picture:
    order_id, groups = int(order["legacyResourceId"]), split_groups(profile.rules, order)
    seen = tuple(in_its_group(as_observed(one, observed.get(one.order_key)), one, groups) for one in consignments)
    routes = routing(order)
    gate = barrier(order, profile, now, waived, bool(seen), _is_begun(seen, routes, groups))
    paused = paused_units(profile, gate, routes, seen, packages)
    remaining = {where: units for where, units in routes.free.items() if where is not None} | paused
    reported = reported_units(seen, packages)
    voided = still_fulfilled(routes, seen, packages, reported, shippable_units(order["lineItems"]["nodes"]))
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
    sure = {
        one.order_key: hands_off(one, known, observed.get(one.order_key), documents.get(one.order_key), now)
        for one, known in zip(seen, consignments, strict=True)
    }
    allotment = replace(allotment, assignments=tuple(_presumed(allotment, documents, observed, forgotten, sure)))
    unanswered = {one.order_key for one in consignments if one.standing is Standing.INTENDED or one.applied is None}
    uncertain = frozenset(unanswered - forgotten)
    found = _changes(profile, order, allotment, documents, numbers, uncertain)
    changes = tuple(_explained(change, profile, order, ratings) for change in found)
    unchanged = forgotten - {change.order_key for change in changes}
    recalled = [one.consignment for one in allotment.assignments if one.consignment and one.order_key in unchanged]
    recalled += [now for now, before in zip(sure.values(), seen, strict=True) if now is not before]
    return Picture(
        gate,
        routes,
        allotment,
        tuple(sure.values()),
        documents,
        changes,
        paused,
        reopened,
        voided,
        tuple(recalled),
        overmarked_units(routes, seen, packages, reported),
        ratings,
    )


def _is_begun(consignments: Sequence[Consignment], routes: Routing, groups: Mapping[int, str]) -> bool:
    """Something of it lies there, or was taken back by us, and where it lay nothing is wanted any more: it was moved."""
    units = [*routes.free.items(), *routes.held.items()]
    wanted = {(where, groups.get(line_id, "")) for where, lines in units for line_id in lines}
    moved = [one for one in consignments if one.standing is Standing.CANCELLED and not is_cancelled_there(one)]
    is_moved = any((one.location_id, one.split_group) not in wanted for one in moved)
    return is_moved or any(one.standing in LIVE for one in consignments)


def _is_whole(one: Consignment, observed: Order | None) -> bool:
    return (
        observed is not None
        and one.applied is not None
        and not is_regrouped(observed, one.applied)
        and not has_other_units(observed, one.applied)
    )


def questions(
    profile: Profile,
    order: OrderToShip,
    consignments: Sequence[Consignment],
    packages: Sequence[Package],
    observed: Mapping[str, Order | None],
    now: datetime,
    waived: Set[Cause] = frozenset(),
) -> list[Question]:
    """What the carriers are to be asked before `plan_order` is called with the same."""
    seen = picture(profile, order, consignments, packages, observed, now, waived)
    return [one.question for one in seen.ratings.values() if one.question]


def is_mapped(profile: Profile, location_id: int | None) -> bool:
    return location_id is not None and (not profile.warehouses or location_id in profile.warehouses)


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


def _presumed(
    allotment: Allotment,
    documents: Mapping[str, Order],
    observed: Mapping[str, Order | None],
    forgotten: Set[str],
    known: Mapping[str, Consignment],
) -> Iterator[Assignment]:
    """Those whose document is gone with what we must have written."""
    for one in allotment.assignments:
        truth, wanted, consignment = observed.get(one.order_key), documents.get(one.order_key), known.get(one.order_key)
        if consignment and truth and wanted and one.order_key in forgotten:
            consignment = replace(consignment, applied=presumed(truth, wanted))
        yield replace(one, consignment=consignment)


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


def _explained(change: Change, profile: Profile, order: OrderToShip, ratings: Mapping[str, Rating]) -> Change:
    """With the rules that had a hand in it, and how its service was chosen, where that was just now."""
    rating = ratings.get(change.order_key)
    choice = rating.choice if rating and rating.is_new else None
    return replace(change, rules=_rules_of(profile, order, change.assignment), choice=choice)


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
