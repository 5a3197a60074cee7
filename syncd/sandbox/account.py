"""The account: both worlds' own books laid side by side, with what the daemon says of each order. It trusts the daemon in nothing.

At rest: lost = doubled = unexplained = 0, one fulfillment and one mail for each package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Units = Counter[str]
"""Line item key (`<order id>:<line id>`) -> units."""

PAYABLE = frozenset({"PAID", "PARTIALLY_REFUNDED"})
LIVE = frozenset({"OPEN", "IN_PROGRESS"})
AT_REST = frozenset(
    {"waiting", "excluded", "held", "in_shipstation", "partly_shipped", "shipped", "cancelled", "parked"}
)
UNDONE = frozenset({"in_shipstation", "partly_shipped"})
VOID_SETTLES = timedelta(hours=2)
"""The daemon waits a quarter of an hour for a new label, from when it saw the void; it may have been down before."""
WITH_GOODS_THERE = frozenset({"in_shipstation", "partly_shipped", "parked"})


@dataclass
class Account:
    """Counts, and the names of whatever does not add up."""

    orders: int = 0
    states: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    shipstation_orders: int = 0
    packages: int = 0
    fulfillments: int = 0
    mails: int = 0
    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    not_told: list[str] = field(default_factory=list)
    """Packages without exactly one fulfillment of exactly their lines."""
    told_in_vain: list[str] = field(default_factory=list)
    """Fulfillments that still show a label voided long ago."""
    mails_wrong: list[str] = field(default_factory=list)
    calls: int = 0
    most_in_a_window: int = 0
    refused_429: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.problems

    @property
    def problems(self) -> list[str]:
        return [
            *self.missing,
            *self.doubled,
            *self.unexplained,
            *self.not_told,
            *self.told_in_vain,
            *self.mails_wrong,
        ]


def draw_account(
    shopify: Mapping[str, Any], shipstation: Mapping[str, Any], told: Iterable[Mapping[str, Any]]
) -> Account:
    """`shopify` and `shipstation` are the worlds' states, `told` what `syncd status --orders --json` says: ref, state, cause."""
    account = Account()
    verdicts = {one["ref"].rpartition("/")[2]: one for one in told}
    placed, resting = _placed(shipstation), _resting(shipstation)
    packages, voided = _packages(shipstation), _voided_long_ago(shipstation)
    for shop in shopify["shops"].values():
        for order in shop["orders"]:
            verdict, parcels = verdicts.get(str(order["id"])), packages.get(str(order["id"]), [])
            _count_order(account, order, verdict, placed, resting, _left_untold(order, parcels))
            told_in_part = (verdict or {}).get("cause") == "overshipped"
            _count_packages(account, order, parcels, told_in_part)
            if (verdict or {}).get("state") != "parked":
                account.told_in_vain += _told_in_vain(order, voided)
    account.shipstation_orders = sum(order["status"] != "cancelled" for order in shipstation["orders"].values())
    calls = shipstation["calls"]
    account.calls, account.most_in_a_window, account.refused_429 = (
        calls["total"],
        calls["most_in_a_window"],
        calls["refused_429"],
    )
    return account


def _placed(shipstation: Mapping[str, Any]) -> Units:
    """Units that lie in orders there, neither cancelled nor gone yet."""
    marked = {row["orderId"] for row in shipstation["fulfillments"] if not row["voided"]}
    placed: Units = Counter()
    for order in shipstation["orders"].values():
        if order["status"] != "cancelled" and not order["gone"] and order["orderId"] not in marked:
            placed.update(_units(order["items"]))
    for shipment in shipstation["shipments"]:
        if not shipment["voided"] and not shipment["isReturnLabel"] and shipment["orderId"] not in marked:
            placed.subtract(_units(shipment["items"]))
    return placed


def _resting(shipstation: Mapping[str, Any]) -> Units:
    """Units in orders on hold: they lie there, and nobody can send them."""
    units: Units = Counter()
    for order in shipstation["orders"].values():
        if order["status"] == "on_hold" and not order["gone"]:
            units.update(_units(order["items"]))
    return units


def _units(items: Sequence[Mapping[str, Any]]) -> Units:
    units: Units = Counter()
    for item in items:
        if not item["adjustment"] and item["lineItemKey"]:
            units[item["lineItemKey"]] += item["quantity"]
    return units


def _packages(shipstation: Mapping[str, Any]) -> dict[str, list[tuple[str, Units]]]:
    """Shopify order id -> (tracking number, units) of each package with goods of that order."""
    parcels = [
        (row["orderId"], row["trackingNumber"], _units(row["items"]))
        for row in shipstation["shipments"]
        if not row["voided"] and not row["isReturnLabel"]
    ]
    found: dict[str, list[tuple[str, Units]]] = {}
    for _, number, units in [*parcels, *_marked(shipstation, parcels)]:
        by_order: dict[str, Units] = {}
        for key, count in units.items():
            by_order.setdefault(key.partition(":")[0], Counter())[key] += count
        for order_id, lines in by_order.items():
            found.setdefault(order_id, []).append((number, lines))
    return found


def _voided_long_ago(shipstation: Mapping[str, Any]) -> set[str]:
    """Tracking numbers of which every label was voided before the last `VOID_SETTLES`."""
    rows = [*shipstation["shipments"], *shipstation["fulfillments"]]
    until = datetime.fromisoformat(shipstation["now"]) - VOID_SETTLES
    standing = {
        row["trackingNumber"] for row in rows if not row["voidedAt"] or datetime.fromisoformat(row["voidedAt"]) > until
    }
    return {row["trackingNumber"] for row in rows} - standing - {None, ""}


def _told_in_vain(order: Mapping[str, Any], voided: set[str]) -> Iterable[str]:
    for one in order["fulfillments"]:
        if one["status"] == "SUCCESS" and any(info["number"] in voided for info in one["tracking"]):
            yield f"{order['name']}: fulfillment {one['name']} stands for a voided label"


def _marked(
    shipstation: Mapping[str, Any], parcels: Sequence[tuple[int, str, Units]]
) -> Iterable[tuple[int, str, Units]]:
    """Orders marked as shipped: all that is in no labelled parcel left under that number."""
    orders = {order["orderId"]: order for order in shipstation["orders"].values()}
    for row in shipstation["fulfillments"]:
        if not row["voided"] and row["orderId"] in orders:
            labelled = sum((units for order_id, _, units in parcels if order_id == row["orderId"]), Counter[str]())
            yield row["orderId"], row["trackingNumber"], _units(orders[row["orderId"]]["items"]) - labelled


def _wanted(order: Mapping[str, Any]) -> Units:
    """Units that Shopify wants shipped and that nobody holds back."""
    wanted: Units = Counter()
    if order["cancelledAt"] or order["test"] or order["financialStatus"] not in PAYABLE or order["risk"] == "CANCEL":
        return wanted
    shippable = {line["id"] for line in order["lines"] if line["requiresShipping"]}
    for one in order["fulfillmentOrders"]:
        if one["status"] in LIVE and not one["holds"] and one["deliveryMethod"] in (None, "SHIPPING"):
            for line in one["lines"]:
                if line["lineId"] in shippable:
                    wanted[f"{order['id']}:{line['lineId']}"] += line["remaining"]
    return wanted


def _held(order: Mapping[str, Any]) -> Units:
    """Units that may rest in ShipStation, on hold: those that Shopify holds, all of a cancelled order or of a suspected fraud."""
    if order["cancelledAt"]:
        return Counter({f"{order['id']}:{line['id']}": line["quantity"] for line in order["lines"]})
    held: Units = Counter()
    for one in order["fulfillmentOrders"]:
        if one["holds"] or (order["risk"] == "CANCEL" and one["status"] in LIVE):
            for line in one["lines"]:
                held[f"{order['id']}:{line['lineId']}"] += line["remaining"]
    return held


def _left_untold(order: Mapping[str, Any], packages: Sequence[tuple[str, Units]]) -> Units:
    """Units that left and that Shopify still wants, because it was not told: none of them is missing. That each package is told
    is judged by itself."""
    told: Units = Counter()
    for one in order["fulfillments"]:
        if one["status"] == "SUCCESS":
            told.update({f"{order['id']}:{line_id}": units for line_id, units in one["lines"].items()})
    return sum((lines for _, lines in packages), Counter[str]()) - told


def _is_unpaid_rest(order: Mapping[str, Any]) -> bool:
    """Units that wait for money, or for a place to leave from: nobody wants them shipped just now, and they are not done."""
    return any(line["requiresShipping"] and line["remaining"] > 0 for line in order["lines"])


def _count_order(
    account: Account,
    order: Mapping[str, Any],
    verdict: Mapping[str, Any] | None,
    placed: Units,
    resting: Units,
    untold: Units,
) -> None:
    name = f"{order['name']} ({order['id']})"
    account.orders += 1
    state = verdict["state"] if verdict else "unknown"
    account.states[state] += 1
    account.causes[verdict["cause"] if verdict else "unknown"] += 1
    wanted = _wanted(order)
    there = Counter({key: units for line in order["lines"] if (units := placed[key := f"{order['id']}:{line['id']}"])})
    may_rest = _held(order) & resting
    is_untold_rest = state == "held" and bool(
        untold
    )  # what left although it is held; the others of its parcel's order lie there
    if state not in AT_REST or (there - may_rest and state not in WITH_GOODS_THERE and not is_untold_rest):
        account.unexplained.append(f"{name}: state {state} with {sum(there.values())} units in ShipStation")
    if state in UNDONE and not (+there or wanted or _held(order) or _is_unpaid_rest(order)):
        account.unexplained.append(f"{name}: state {state} although nothing is left to ship")
    if state == "parked":
        return  # the cause says what a person must do; nothing may be doubled all the same
    if missing := wanted - there - untold:
        account.missing.append(f"{name}: {dict(missing)}, state {state}")
    if too_many := there - wanted - may_rest:
        account.doubled.append(f"{name}: {dict(too_many)}, state {state}")


def _count_packages(
    account: Account, order: Mapping[str, Any], packages: Sequence[tuple[str, Units]], told_in_part: bool
) -> None:
    """`told_in_part`: more left than Shopify has, which it was told as far as it accepts, and a person of the rest."""
    live = [one for one in order["fulfillments"] if one["status"] == "SUCCESS"]
    numbers = {number for number, _ in packages}
    ours = [one for one in live if any(info["number"] in numbers for info in one["tracking"])]
    account.packages += len(packages)
    account.fulfillments += len(ours)
    account.mails += sum(one["mails"] for one in ours)
    left = list(ours)
    for number, lines in packages:
        telling = _telling(order, left, number, lines, told_in_part)
        if not telling:
            account.not_told.append(f"{order['name']}: package {number}")
            continue
        left = [one for one in left if one not in telling]
        mailed = [named for one in telling for named in one["mailed"]]
        # One of them may have told of a label that was voided before this package took its fulfillment over.
        if not mailed or mailed.count(number) > 1 or any(one["mails"] > 1 for one in telling):
            account.mails_wrong.append(f"{order['name']}: {len(mailed)} mails for {number}")
    account.doubled += [f"{order['name']}: fulfillment {one['name']} stands for no package" for one in left]


def _telling(
    order: Mapping[str, Any], left: Sequence[Mapping[str, Any]], number: str, lines: Units, in_part: bool
) -> Sequence[Mapping[str, Any]]:
    """The fulfillment that tells of the package, or the two of an overpacked box whose rest was wanted later."""
    same = [one for one in left if any(info["number"] == number for info in one["tracking"])]
    ways = [*([one] for one in same), same]
    return next((told for told in ways if told and _is_told(order, told, lines, in_part)), ())


def _is_told(order: Mapping[str, Any], told: Iterable[Mapping[str, Any]], lines: Units, in_part: bool) -> bool:
    said: Units = Counter()
    for one in told:
        said.update({f"{order['id']}:{line_id}": units for line_id, units in one["lines"].items()})
    return not said - lines if in_part else said == lines


def account_text(account: Account, limit: int) -> str:
    """The account as a person reads it."""
    states = ", ".join(f"{state} {count}" for state, count in sorted(account.states.items()))
    causes = ", ".join(f"{cause} {count}" for cause, count in sorted(account.causes.items()))
    lines = [
        f"orders       {account.orders}: {states}",
        f"causes       {causes}",
        f"ShipStation  {account.shipstation_orders} orders, {account.packages} packages",
        f"Shopify      {account.fulfillments} fulfillments for them, {account.mails} mails",
        f"calls        {account.calls} to ShipStation, at most {account.most_in_a_window} in a window of {limit}, refused {account.refused_429}",
        f"missing {len(account.missing)}, doubled {len(account.doubled)}, unexplained {len(account.unexplained)}, "
        f"packages not told {len(account.not_told)}, told in vain {len(account.told_in_vain)}, mails wrong {len(account.mails_wrong)}",
    ]
    for problem in account.problems[:20]:
        lines.append(f"  {problem}")
    return "\n".join(lines)
