"""May this order ship, and which of its units? Two decision tables over what Shopify said; no knowledge of ShipStation.

Facts about fulfillment orders: shopify.dev, FulfillmentOrder, 2026-10.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from mappings.causes import Cause
from mappings.pacific import from_shopify
from mappings.plans import Profile
from mappings.rules import held_until, order_verdict
from mappings.shopify_shapes import FulfillmentOrder, LineItem, MoneyBag, OrderToShip, number_of

SOONEST_LOOK_S = 5.0
YOUNG_S, YOUNG_LOOK_S = 86400.0, 900.0
LATEST_LOOK_S = 6 * 3600.0

ENDED = frozenset({"CLOSED", "CANCELLED"})
"""A closed fulfillment order may show remaining units again after its fulfillment was cancelled: they live in another one."""


@dataclass(frozen=True)
class Barrier:
    """Why an order as a whole may not ship now, and when that may change by itself.

    One that `withdraws` takes back what ShipStation has, one that `pauses` puts it on hold there; any other only keeps
    more from going there.
    """

    cause: Cause
    until: datetime | None = None
    withdraws: bool = False
    pauses: bool = False
    detail: str = ""
    """Whose decision it was."""


@dataclass(frozen=True)
class Routing:
    """The units of one order by what Shopify lets us do with them. Keys are line item ids; only lines that need shipping count."""

    free: dict[int | None, Counter[int]]
    """By location id, None for a deleted location: may leave now."""
    barred: dict[Cause, Counter[int]]
    """Remaining, but not ours to send now."""
    held: dict[int, Counter[int]]
    """By location id: those of them that a fulfillment hold keeps back."""
    fulfilled: Counter[int]
    unrouted: Counter[int]
    """Sold, not fulfilled, and in no fulfillment order just now: routing is at work, which is no evidence of anything."""
    until: datetime | None
    """When the first scheduled fulfillment order becomes due."""
    countries: dict[int | None, str]
    """Country of each location, that of ended fulfillment orders included."""


def barrier(
    order: OrderToShip,
    profile: Profile,
    now: datetime,
    waived: Set[Cause] = frozenset(),
    is_there: bool = False,
    is_begun: bool = False,
) -> Barrier | None:
    """The decision table of the order as a whole; the first row that applies decides. `waived`: doubts that a person waived.
    `is_there`: it was sent once. Then no row that only keeps more from going there hides a risk, which stops what is there.
    `is_begun`: something of it lies there, or is on its way to another location."""
    found = _first_barrier(order, profile, now, waived, is_there, is_begun)
    risk = _risk(order, profile, now) if is_there else None
    return risk if risk and risk.cause not in waived and _stops(risk) and not (found and _stops(found)) else found


def _stops(found: Barrier) -> bool:
    return found.withdraws or found.pauses


def _first_barrier(
    order: OrderToShip, profile: Profile, now: datetime, waived: Set[Cause], is_there: bool, is_begun: bool
) -> Barrier | None:
    if order["cancelledAt"]:
        holds = profile.on_cancel == "hold"
        return Barrier(Cause.CANCELLED, withdraws=not holds, pauses=holds)
    if cause := _not_wanted(order, profile):
        return Barrier(cause)
    said = order_verdict(profile.rules, order)
    # A rule that hits too late excludes nothing: moved to another location the order would lie nowhere.
    if said.then.get("exclude") and not is_begun:
        return Barrier(Cause.EXCLUDED_BY_RULE, detail=f"rule {said.by['exclude']}")
    if found := _payment(order, profile):
        return found
    doubts = _doubts(order, profile, now, is_there)
    return next((one for one in doubts if one.cause not in waived), None) or _grace(order, profile, now)


def _grace(order: OrderToShip, profile: Profile, now: datetime) -> Barrier | None:
    """From when it was placed, which no edit moves. Where the shop's clock is ahead of ours that may still be to come: without a
    grace period nothing waits for it."""
    ends = from_shopify(order["processedAt"]) + timedelta(seconds=profile.grace_s)
    return Barrier(Cause.GRACE_PERIOD, ends) if profile.grace_s and ends > now else None


def look_later(order: OrderToShip, now: datetime) -> datetime:
    """As long again as the order is old, a quarter of an hour at most on its first day: an answer may have left out what is awaited,
    and nothing else would tell. Hours for one that has waited for days."""
    age_s = (now - from_shopify(order["createdAt"])).total_seconds()
    latest_s = YOUNG_LOOK_S if age_s < YOUNG_S else LATEST_LOOK_S
    return now + timedelta(seconds=min(max(age_s, SOONEST_LOOK_S), latest_s))


def routing(order: OrderToShip) -> Routing:
    fulfillment_orders = order["fulfillmentOrders"]["nodes"]
    free: dict[int | None, Counter[int]] = {}
    barred: dict[Cause, Counter[int]] = {}
    held: dict[int, Counter[int]] = {}
    countries = {location_of(one): one["assignedLocation"]["countryCode"] or "" for one in fulfillment_orders}
    for fulfillment_order in fulfillment_orders:
        units = remaining_units(fulfillment_order)
        if fulfillment_order["status"] in ENDED or not units:
            continue
        location_id = location_of(fulfillment_order)
        if cause := bar(fulfillment_order):
            barred.setdefault(cause, Counter()).update(units)
            if cause is Cause.FULFILLMENT_HOLD and location_id is not None:
                held.setdefault(location_id, Counter()).update(units)
        else:
            free.setdefault(location_id, Counter()).update(units)
    fulfilled = fulfilled_units(fulfillment_orders)
    live = sum([*free.values(), *barred.values()], Counter[int]())
    unrouted = shippable_units(order["lineItems"]["nodes"]) - fulfilled - live
    return Routing(free, barred, held, fulfilled, unrouted, _first_due(fulfillment_orders), countries)


def bar(fulfillment_order: FulfillmentOrder) -> Cause | None:
    """The decision table of one live fulfillment order: None when its units may leave now."""
    delivery = fulfillment_order["deliveryMethod"]
    method = delivery["methodType"] if delivery else "SHIPPING"
    status = fulfillment_order["status"]
    if method == "NONE":
        return Cause.NOTHING_TO_SHIP
    if method != "SHIPPING":
        return Cause.PICKUP
    # Also a refused or withdrawn request: the goods still lie with that service until somebody moves them.
    if fulfillment_order["requestStatus"] != "UNSUBMITTED" or status == "INCOMPLETE":
        return Cause.OTHER_SERVICE
    if status == "ON_HOLD" or fulfillment_order["fulfillmentHolds"]:
        return Cause.FULFILLMENT_HOLD
    # The status decides, not `fulfillAt`: opened early, a fulfillment order may keep its later date.
    if status == "SCHEDULED":
        return Cause.SCHEDULED
    return None if status in {"OPEN", "IN_PROGRESS"} else Cause.UNREADABLE


def remaining_units(fulfillment_order: FulfillmentOrder) -> Counter[int]:
    units: Counter[int] = Counter()
    for line in fulfillment_order["lineItems"]["nodes"]:
        if line["requiresShipping"] and line["remainingQuantity"] > 0:
            units[number_of(line["lineItem"]["id"])] += line["remainingQuantity"]
    return units


def fulfilled_units(fulfillment_orders: Iterable[FulfillmentOrder]) -> Counter[int]:
    """What Shopify counts as gone, whoever sent it."""
    units: Counter[int] = Counter()
    for fulfillment_order in fulfillment_orders:
        for line in fulfillment_order["lineItems"]["nodes"]:
            # A cancelled one was replaced: its units, whatever it shows, are in another.
            if line["requiresShipping"] and fulfillment_order["status"] != "CANCELLED":
                units[number_of(line["lineItem"]["id"])] += max(line["totalQuantity"] - line["remainingQuantity"], 0)
    return +units


def shippable_units(lines: Iterable[LineItem]) -> Counter[int]:
    """Without refunded and removed units. Price does not matter: a free gift is packed too."""
    return +Counter({number_of(line["id"]): line["currentQuantity"] for line in lines if line["requiresShipping"]})


def location_of(fulfillment_order: FulfillmentOrder) -> int | None:
    location = fulfillment_order["assignedLocation"]["location"]
    return number_of(location["id"]) if location else None


def _not_wanted(order: OrderToShip, profile: Profile) -> Cause | None:
    if order["test"] and not profile.ship_test_orders:
        return Cause.TEST_ORDER
    # The earlier of the two: a history imported from another shop system carries its old dates in processedAt only.
    began = min(from_shopify(order["processedAt"]), from_shopify(order["createdAt"]))
    return Cause.BEFORE_START if profile.start_at and began < profile.start_at else None


def _payment(order: OrderToShip, profile: Profile) -> Barrier | None:
    """A zero total is PAID. PARTIALLY_REFUNDED says nothing about the goods: a refund of money alone shows it too."""
    status = order["displayFinancialStatus"] or ""
    trusted = {
        "AUTHORIZED": profile.ship_authorized,
        "PARTIALLY_PAID": profile.ship_partly_paid,
        "PENDING": profile.ship_pending,
    }
    if status in {"PAID", "PARTIALLY_REFUNDED"} or trusted.get(status):
        return None
    return _PAYMENT.get(status, Barrier(Cause.UNPAID))


_PAYMENT = {
    "AUTHORIZED": Barrier(Cause.AUTHORIZED_ONLY),
    # Also an order that was paid and got another line since: what it had goes out, the new line waits.
    "PARTIALLY_PAID": Barrier(Cause.PARTLY_PAID),
    "REFUNDED": Barrier(Cause.REFUNDED, withdraws=True),
    "VOIDED": Barrier(Cause.UNPAID, withdraws=True),
    "EXPIRED": Barrier(Cause.UNPAID, withdraws=True),
}


def _doubts(order: OrderToShip, profile: Profile, now: datetime, is_there: bool) -> Iterator[Barrier]:
    """What a person may waive. No age stops what was sent once: moved to another location it would lie nowhere."""
    if not profile.ship_zero_value and not amount(order["currentTotalPriceSet"]):
        yield Barrier(Cause.ZERO_VALUE)
    if (
        profile.oldest_days is not None
        and not is_there
        and now - _due_since(order) > timedelta(days=profile.oldest_days)
    ):
        yield Barrier(Cause.TOO_OLD)
    yield from judgments(order, profile, now)


def judgments(order: OrderToShip, profile: Profile, now: datetime) -> Iterator[Barrier]:
    """What others say of the order: Shopify's analysis and the merchant's rules. It may come at any time."""
    yield from (one for one in (_risk(order, profile, now), _held_by_rule(order, profile, now)) if one)


def _held_by_rule(order: OrderToShip, profile: Profile, now: datetime) -> Barrier | None:
    """Nothing more is sent; what ShipStation has already is the warehouse's to decide."""
    said = order_verdict(profile.rules, order)
    until = held_until(order, said)
    if "hold" not in said.then or (until and until <= now):
        return None
    return Barrier(Cause.HELD_BY_RULE, until, detail=f"rule {said.by['hold']}")


def amount(bag: MoneyBag) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])


def _due_since(order: OrderToShip) -> datetime:
    """Since when it could have been sent: a pre-order is not old on its day."""
    dates = [one["fulfillAt"] for one in order["fulfillmentOrders"]["nodes"]]
    return max(from_shopify(date) for date in [order["processedAt"], *dates] if date)


def _risk(order: OrderToShip, profile: Profile, now: datetime) -> Barrier | None:
    """Shopify's recommendation sums up all assessments; where it gives none, the highest level counts. INVESTIGATE does not
    hold unless asked for: Shopify gives it freely."""
    gate = profile.fraud
    if gate.hold_on == "never":
        return None
    levels = {assessment["riskLevel"] for assessment in order["risk"]["assessments"]}
    advice = order["risk"]["recommendation"]
    if advice not in _ADVICE:
        advice = "CANCEL" if "HIGH" in levels else "INVESTIGATE" if "MEDIUM" in levels else ""
    if advice == "CANCEL" or (advice == "INVESTIGATE" and gate.hold_on == "investigate"):
        return Barrier(Cause.FRAUD_REVIEW, withdraws=profile.on_hold == "withdraw", pauses=profile.on_hold == "hold")
    waits_until = from_shopify(order["createdAt"]) + timedelta(seconds=gate.wait_s)
    if "PENDING" not in levels or waits_until <= now:
        return None
    return Barrier(Cause.RISK_PENDING, min(look_later(order, now), waits_until))


_ADVICE = frozenset({"ACCEPT", "INVESTIGATE", "CANCEL"})


def _first_due(fulfillment_orders: Iterable[FulfillmentOrder]) -> datetime | None:
    times = [one["fulfillAt"] for one in fulfillment_orders if one["status"] == "SCHEDULED"]
    return min((from_shopify(time) for time in times if time), default=None)
