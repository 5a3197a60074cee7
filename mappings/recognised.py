"""What of a package Shopify knows already, and what must be in one of which ShipStation told no lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mappings.fulfillable import Slot, units_left
from mappings.keys import split_order_key
from mappings.pacific import from_shopify
from mappings.packed import Units, units_of
from mappings.plans import Consignment, Package
from mappings.shopify_shapes import Fulfillment
from mappings.voided import Orphan, lines_of, numbers_of

CLOCK_SKEW_S = 120.0
"""How far Shopify's clock may be behind ours when a fulfillment without tracking number is recognised by its time."""


def existing(candidates: Iterable[Fulfillment], package: Package, lines: Units | None) -> Fulfillment | None:
    """The live fulfillment of the same number and lines among those that no other package owns. Without a number only one that came
    after we tried to write it; without lines the number must do."""
    for one in candidates:
        numbers = numbers_of(one)
        if package.tracking_number:
            alike = package.tracking_number in numbers
        else:
            alike = not numbers and _came_after(one, package.intended_at)
        if alike and (lines is None or lines == lines_of(one) or _is_part(package, one, lines)):
            return one
    return None


def _is_part(package: Package, fulfillment: Fulfillment, lines: Units) -> bool:
    """What we tried to write of an overpacked box."""
    return package.intended_at is not None and not lines_of(fulfillment) - lines


def _came_after(fulfillment: Fulfillment, intended_at: datetime | None) -> bool:
    if intended_at is None:
        return False
    return from_shopify(fulfillment["createdAt"]) >= intended_at - timedelta(seconds=CLOCK_SKEW_S)


def told_with(package: Package, more: Units) -> Units | None:
    """What Shopify knows of the package once it took `more`; None when that is all."""
    told = Counter(package.told or {}) + more
    return told if Counter(package.lines or {}) - told else None


def place_of(package: Package) -> int | None:
    parts = split_order_key(package.order_key)
    return parts[2] if parts else None


def all_that_is_left(
    package: Package,
    packages: Sequence[Package],
    consignments: Sequence[Consignment],
    slots: Sequence[Slot],
    held: Sequence[Slot],
    orphans: Iterable[Orphan],
) -> Units:
    """What a package without lines must hold: all that its consignment still has, voided labels' goods included, and goods that
    Shopify holds since they left. Empty when that is not certain, because another package of it has no lines either, or other
    consignments of the place could own the units."""
    location_id = place_of(package)
    alike = [p for p in packages if p.order_key == package.order_key]
    if location_id is None or sum(p.lines is None and not p.voided for p in alike) > 1:
        return Counter()
    left = units_left(slots, location_id)
    freed = [one for one in orphans if one.package.order_key == package.order_key]
    here = [one for one in consignments if one.location_id == location_id]
    own = next((one for one in here if one.order_key == package.order_key), None)
    if own is None or own.applied is None:
        return left if len(here) <= 1 and not freed else Counter()
    return sum((one.lines for one in freed), left + units_left(held, location_id)) & _unpacked(own, alike)


def _unpacked(consignment: Consignment, packages: Sequence[Package]) -> Units:
    units = units_of(consignment.applied)
    for package in packages:
        if not package.voided:
            units = units - Counter(package.lines or {})
    return units
