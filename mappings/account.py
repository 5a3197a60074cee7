"""The recount: what both vendors show of each order, laid side by side. It trusts our rows only for the cause of an order.

Mails are not in it: no API shows them. One mail goes with each fulfillment that was made with notification.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mappings.causes import Cause, State
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
    """What we say of an order. `moves`: something about it waits to be done, so that both sides may differ for a moment."""

    state: State
    cause: Cause
    moves: bool


@dataclass(frozen=True)
class Parcels:
    """The packages of one order by package key, and the ids of ShipStation orders that were marked as shipped without a label."""

    packages: Mapping[str, Package]
    marked_order_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Difference:
    """`kind` is missing, doubled, unexplained, not_told or told_in_vain."""

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
        yield Difference(one.name, "unexplained", "no state is known of it")
        return
    # A person is told already.
    if told.state is State.PARKED:
        return
    # Goods lie there although its state says that there are none.
    moving = one.there - one.resting
    if moving and told.state not in MAY_HAVE_GOODS:
        yield Difference(one.name, "unexplained", f"{told.state}, and ShipStation holds {counted(moving)}")
        return
    if (lack := one.wanted - one.there) and told.state not in EXPLAINED:
        yield Difference(one.name, "missing", f"{told.state}, and ShipStation lacks {counted(lack)}")
    if over := moving - one.wanted:
        yield Difference(one.name, "doubled", f"ShipStation holds {counted(over)} too many")


def _package_differences(one: _Order) -> Iterable[Difference]:
    """Each package has one fulfillment of its own, and no voided label has one."""
    if one.told and one.told.state is State.PARKED:
        return
    left = list(one.fulfillments)
    for package in sorted(one.live, key=lambda p: (p.lines is None, p.package_key)):
        match = next((fulfillment for fulfillment in left if _stands_for(fulfillment, package)), None)
        if match:
            left.remove(match)
        else:
            yield Difference(one.name, "not_told", f"package {package.package_key} has no fulfillment of its own")
    voided = {package.tracking_number for package in one.parcels.packages.values() if package.voided}
    voided -= {package.tracking_number for package in one.live}
    for fulfillment in left if not (one.told and one.told.cause in VOIDED_LATELY) else ():
        if numbers_of(fulfillment) & (voided - {None}):
            gid = number_of(fulfillment["id"])
            yield Difference(one.name, "told_in_vain", f"fulfillment {gid} stands for a voided label")


def _stands_for(fulfillment: Fulfillment, package: Package) -> bool:
    if package.tracking_number and package.tracking_number not in numbers_of(fulfillment):
        return False
    return package.lines is None or lines_of(fulfillment) == Counter(package.lines)
