"""Which consignment the units of each package came from. Voided packages hold nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import cast

from mappings.keys import line_of
from mappings.plans import Consignment, Package, Standing
from mappings.shipstation_shapes import Order, OrderItem

Units = Counter[int]
"""Shopify line item id -> units."""


@dataclass
class Packed:
    """What was packed, by order key. `pending` is the part of it that Shopify does not know yet."""

    gone: dict[str, Units] = field(default_factory=dict)
    pending: dict[str, Units] = field(default_factory=dict)
    stray: Units = field(default_factory=Counter)
    """Pending units of packages that fit no consignment of ours."""
    guessed: dict[str, Units] = field(default_factory=dict)
    """The part of `gone` whose packages name another order than this: found by the line alone."""

    def of(self, order_key: str) -> Units:
        return self.gone.get(order_key, Counter())


def units_of(document: Order | None) -> Units:
    """Units by line item of a ShipStation order; items that are not ours (adjustments, free samples) count nothing."""
    units: Units = Counter()
    for item in (document or {}).get("items") or []:
        line = line_of(item.get("lineItemKey"))
        if line and not item.get("adjustment"):
            units[line[1]] += item.get("quantity") or 0
    return units


def items_without(items: Iterable[OrderItem], units: Units) -> list[OrderItem]:
    """What is left of these rows without so many units of each line. Rows that are not ours stay."""
    left, rest = Counter(units), list[OrderItem]()
    for item in items:
        line = None if item.get("adjustment") else line_of(item.get("lineItemKey"))
        quantity = item.get("quantity") or 0
        taken = min(left[line[1]], quantity) if line else 0
        if line:
            left[line[1]] -= taken
        if not line or quantity > taken:
            rest.append(cast(OrderItem, {**item, "quantity": quantity - taken}))
    return rest


def counted(units: Units) -> str:
    """For a person: `2 of line 7001`."""
    return ", ".join(f"{count} of line {line_id}" for line_id, count in sorted(units.items()))


def package_order(package: Package) -> tuple[str, int]:
    """Sort key: the vendor's numbers count up, fulfillments come before shipments."""
    return package.package_key[:1], int(package.package_key[1:])


def packed_units(
    consignments: Sequence[Consignment], packages: Sequence[Package], whole: Set[str] = frozenset()
) -> Packed:
    """Each unit goes to the consignment that its package names, as far as that held it, then to one that still lacks it.

    A split child and a merged order carry foreign keys; their lines are found by the line item keys alone. Where a person
    cancelled one of the orders, that may be the one that they were split off, so that the `whole` ones, which hold all that we
    sent just now, lack nothing.
    """
    packed = Packed()
    room = {c.order_key: units_of(c.applied) for c in consignments}
    whole = whole if any(is_cancelled_there(c) for c in consignments) else frozenset()
    sources = [c for c in consignments if c.standing is not Standing.CANCELLED and c.order_key not in whole]
    others = [c.order_key for c in sorted(sources, key=lambda c: c.n)]
    for package in whole_packages(consignments, packages):
        own = [package.order_key] if package.order_key in room else []
        pending = untold(package)
        for part, is_pending in ((Counter(package.lines) - pending, False), (pending, True)):
            for line_id, units in part.items():
                for key in [*own, *others]:
                    fits = min(units, max(room[key][line_id], 0))
                    units -= _put(packed, is_pending, key, line_id, fits, room)
                    if fits and key not in own:
                        packed.guessed.setdefault(key, Counter())[line_id] += fits
                for key in own:  # more than it held: overpacked, and still gone
                    units -= _put(packed, is_pending, key, line_id, units, room)
                if is_pending:
                    packed.stray[line_id] += units
    return packed


def is_cancelled_there(consignment: Consignment) -> bool:
    return was_cancelled_there(consignment.standing, consignment.applied)


def was_cancelled_there(standing: Standing, applied: Order | None) -> bool:
    """Not by us: what we cancel is whole."""
    return standing is Standing.CANCELLED and (applied or {}).get("orderStatus") != "cancelled"


def untold(package: Package) -> Units:
    """What of an unvoided package's lines Shopify does not know yet."""
    lines = Counter(package.lines or {})
    if package.fulfillment_gid is None:
        return lines
    return Counter() if package.told is None else lines - Counter(package.told)


def whole_packages(consignments: Sequence[Consignment], packages: Sequence[Package]) -> list[Package]:
    """The unvoided packages in a fixed order, each with lines. One of which ShipStation told no lines took all that the
    others of its consignment left; a second such one has none. Good for sums, not for telling a customer."""
    held = {c.order_key: units_of(c.applied) for c in consignments}
    live = sorted((p for p in packages if not p.voided), key=package_order)
    for package in live:
        if package.lines is not None and package.order_key in held:
            held[package.order_key] -= Counter(package.lines)
    whole = []
    for package in live:
        if package.lines is None:
            package = replace(package, lines=held.pop(package.order_key or "", Counter[int]()), told=None)
        whole.append(package)
    return whole


def _put(packed: Packed, is_pending: bool, order_key: str, line_id: int, units: int, room: dict[str, Units]) -> int:
    room[order_key][line_id] -= units
    packed.gone.setdefault(order_key, Counter())[line_id] += units
    if is_pending:
        packed.pending.setdefault(order_key, Counter())[line_id] += units
    return units
