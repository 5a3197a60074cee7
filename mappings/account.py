"""The recount: what both vendors show of each order, laid side by side. It trusts our rows only for the cause of an order.

Mails are not in it: no API shows them. One mail goes with each fulfillment that was made with notification.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mappings.causes import Cause, State
from mappings.consignments import added
from mappings.eligibility import bar, remaining_units
from mappings.packed import Units, counted
from mappings.plans import Package
from mappings.shopify_shapes import Fulfillment, OrderShipped, number_of
from mappings.sweeping import Sight
from mappings.voided import lines_of, numbers_of

EXPLAINED = frozenset({State.WAITING, State.EXCLUDED, State.HELD, State.PARKED})
"""Their cause says why goods that Shopify would let go do not lie in ShipStation."""
MAY_HAVE_GOODS = frozenset({State.QUEUED, State.IN_SHIPSTATION, State.PARTLY_SHIPPED, State.PARKED})
VOIDED_LATELY = frozenset({Cause.LABEL_VOIDED})


@dataclass(frozen=True)
class Told:
    """What we say of an order. `moves`: something about it waits to be done, so that both sides may differ for a moment.
    `fulfillments`: gid -> package key, as we remember to have told Shopify of them."""

    state: State
    cause: Cause
    moves: bool
    fulfillments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parcels:
    """The packages of one order by package key, and the ids of ShipStation orders that were marked as shipped without a label.
    `twins`: ids of orders there that are the same sale and not made by us."""

    packages: Mapping[str, Package]
    marked_order_ids: frozenset[int] = frozenset()
    twins: frozenset[int] = frozenset()


KINDS = ("missing", "doubled", "unexplained", "not_told", "told_twice", "told_in_vain")


@dataclass(frozen=True)
class Difference:
    """`kind` is one of `KINDS`. `text` tells a person what is where, and what it should be."""

    order: str
    kind: str
    text: str


@dataclass
class Account:
    """`on_the_way` orders are not judged. `eligible`: those that are ours to ship, and of them `mapped_once`: as many units there
    as Shopify wants, no more, no less."""

    orders: int = 0
    eligible: int = 0
    mapped_once: int = 0
    on_the_way: int = 0
    states: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    units_wanted: int = 0
    units_there: int = 0
    shipstation_orders: int = 0
    packages: int = 0
    fulfillments: int = 0
    differences: list[Difference] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(one.kind == kind for one in self.differences)


def draw_account(
    orders: Iterable[OrderShipped],
    told: Mapping[int, Told],
    sights: Sequence[Sight],
    parcels: Mapping[int, Parcels],
    still_at: datetime,
) -> Account:
    """`told` and `parcels` by Shopify order id. Orders that either side changed after `still_at` are on the way."""
    account = Account(shipstation_orders=sum(one.is_alive and bool(one.units) for one in sights))
    by_order: dict[int, list[Sight]] = {}
    for sight in sights:
        for order_id in sight.units:
            by_order.setdefault(order_id, []).append(sight)
    for order in orders:
        order_id = int(order["legacyResourceId"])
        one = _Order(order, told.get(order_id), by_order.get(order_id, []), parcels.get(order_id, Parcels({})))
        _count(account, one, datetime.fromisoformat(order["updatedAt"]) > still_at)
    return account


class _Order:
    """One order's side of everything."""

    def __init__(self, order: OrderShipped, told: Told | None, sights: Sequence[Sight], parcels: Parcels) -> None:
        self.name = order["name"]
        self.told = told
        self.parcels = parcels
        self.wanted = _wanted(order)
        self.fulfillments = [one for one in order["fulfillments"] if one["status"] == "SUCCESS"]
        self.live = [one for one in parcels.packages.values() if not one.voided]
        order_id = int(order["legacyResourceId"])
        self.there: Units = Counter()
        resting: Units = Counter()
        for sight in sights:
            if sight.is_alive and sight.order_id not in parcels.marked_order_ids:
                self.there.update(sight.units[order_id])
                if sight.status == "on_hold":
                    resting.update(sight.units[order_id])
        for package in self.live:
            self.there.subtract(package.lines or {})
        self.there = +self.there
        self.resting = resting & self.there
        """On hold there: nobody can send them."""
        self.untold, self.superfluous = _matched(self.fulfillments, self.live)

    def left_untold(self) -> Units:
        """Units that left without Shopify knowing: it still wants them shipped. Of a package without lines that is anything."""
        alone = [package for package, other in self.untold if other is None]
        if any(package.lines is None for package in alone):
            return self.wanted
        return added(Counter(package.lines) for package in alone)

    def open_again(self) -> Units:
        """Units of voided labels that Shopify still takes for fulfilled."""
        voided = {package.tracking_number for package in self.parcels.packages.values() if package.voided} - {None}
        return added(lines_of(fulfillment) for fulfillment in self.superfluous if numbers_of(fulfillment) & voided)


def _matched(
    fulfillments: Sequence[Fulfillment], live: Sequence[Package]
) -> tuple[list[tuple[Package, Fulfillment | None]], list[Fulfillment]]:
    """(untold, superfluous): packages without a fulfillment of their own, each with the one that may be meant for it; and
    the fulfillments that no package is left for."""
    left = list(fulfillments)
    alone = []
    for package in sorted(live, key=lambda p: (p.lines is None, p.package_key)):
        match = next((fulfillment for fulfillment in left if _stands_for(fulfillment, package)), None)
        if match:
            left.remove(match)
        else:
            alone.append(package)
    untold = []
    for package in alone:
        other = next((fulfillment for fulfillment in left if _is_meant_for(fulfillment, package, live)), None)
        if other:
            left.remove(other)
        untold.append((package, other))
    return untold, left


def _wanted(order: OrderShipped) -> Units:
    wanted: Units = Counter()
    if not order["cancelledAt"]:
        for one in order["fulfillmentOrders"]["nodes"]:
            if one["status"] not in {"CLOSED", "CANCELLED"} and bar(one) is None:
                wanted.update(remaining_units(one))
    return wanted


def _count(account: Account, one: _Order, is_fresh: bool) -> None:
    told = one.told
    account.orders += 1
    account.states[told.state if told else "unknown"] += 1
    account.causes[told.cause if told else "unknown"] += 1
    account.units_wanted += one.wanted.total()
    account.units_there += one.there.total()
    account.packages += len(one.live)
    account.fulfillments += len(one.fulfillments)
    is_eligible = told is not None and told.state not in {State.WAITING, State.EXCLUDED}
    account.eligible += is_eligible
    if is_fresh or (told and told.moves):
        account.on_the_way += 1
        return
    units = list(_unit_differences(one))
    account.mapped_once += is_eligible and not units and told is not None and told.state is not State.PARKED
    account.differences += [*units, *_package_differences(one)]


def _unit_differences(one: _Order) -> Iterable[Difference]:
    """The decision table of one order's units."""
    told = one.told
    # We never looked at it.
    if told is None:
        yield Difference(one.name, "unexplained", "syncd never looked at it")
        return
    # A person is told already.
    if told.state is State.PARKED:
        return
    if one.parcels.twins:
        twins = ", ".join(str(twin) for twin in sorted(one.parcels.twins))
        yield Difference(one.name, "doubled", f"ShipStation order {twins} is the same sale, and not made by syncd")
    # Goods lie there although its state says that there are none.
    moving = one.there - one.resting
    if moving and told.state not in MAY_HAVE_GOODS:
        yield Difference(
            one.name, "unexplained", f"it counts as {told.cause}, and ShipStation would still ship {counted(moving)}"
        )
        return
    if (lack := one.wanted - one.there - one.left_untold()) and told.state not in EXPLAINED:
        yield Difference(
            one.name, "missing", f"Shopify wants {counted(lack)} shipped, and no open ShipStation order holds that"
        )
    if over := moving - one.wanted - one.open_again():
        yield Difference(one.name, "doubled", f"ShipStation would ship {counted(over)} more than Shopify wants")


def _package_differences(one: _Order) -> Iterable[Difference]:
    """Each package has one fulfillment of its own, and no voided label has one."""
    if one.told and one.told.state is State.PARKED:
        return
    for package, other in one.untold:
        yield Difference(one.name, "not_told", _untold_text(package, other))
    for fulfillment in one.superfluous:
        yield from _superfluous(one, fulfillment)


def _is_meant_for(fulfillment: Fulfillment, package: Package, live: Sequence[Package]) -> bool:
    """The same goods under a number that no package has, or the number of this one over other goods."""
    numbers = numbers_of(fulfillment)
    if package.tracking_number in numbers:
        return True
    return lines_of(fulfillment) == Counter(package.lines or {}) and not numbers & {one.tracking_number for one in live}


def _untold_text(package: Package, other: Fulfillment | None) -> str:
    name = f"package {package.package_key} ({package.tracking_number or 'without a number'})"
    if other is None:
        return f"{name} left, and Shopify has no fulfillment for it"
    gid, numbers = number_of(other["id"]), ", ".join(sorted(numbers_of(other))) or "no number"
    if package.tracking_number in numbers_of(other):
        held = counted(Counter(package.lines or {})) or "nothing that is known"
        return f"{name} holds {held}, and Shopify's fulfillment {gid} says {counted(lines_of(other))}"
    return f"{name} left, and Shopify's fulfillment {gid} of its goods shows {numbers}"


def _superfluous(one: _Order, fulfillment: Fulfillment) -> Iterable[Difference]:
    """Fulfillments that no package is left for. Those of which we know nothing were made by somebody else, and are theirs."""
    gid, numbers = number_of(fulfillment["id"]), numbers_of(fulfillment)
    packages = one.parcels.packages.values()
    live = sorted(p.package_key for p in packages if not p.voided and p.tracking_number in numbers)
    voided = sorted(p.package_key for p in packages if p.voided and p.tracking_number in numbers)
    ours = one.told.fulfillments.get(fulfillment["id"]) if one.told else None
    if live:
        yield Difference(one.name, "told_twice", f"fulfillment {gid} tells of package {live[0]} once more")
    elif voided and not (one.told and one.told.cause in VOIDED_LATELY):
        yield Difference(
            one.name, "told_in_vain", f"fulfillment {gid} tells of package {voided[0]}, whose label is void"
        )
    elif ours and ours not in one.parcels.packages:
        yield Difference(
            one.name, "told_in_vain", f"fulfillment {gid} tells of package {ours}, which ShipStation does not have"
        )


def _stands_for(fulfillment: Fulfillment, package: Package) -> bool:
    if package.tracking_number and package.tracking_number not in numbers_of(fulfillment):
        return False
    return package.lines is None or lines_of(fulfillment) == Counter(package.lines)
