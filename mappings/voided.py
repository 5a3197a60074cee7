"""Labels that were voided after Shopify had been told of them: the same goods get a new label, or they do not leave.

One new label for exactly the same goods takes over the fulfillment: only its tracking changes, and no second mail goes out.
Goods that were packed otherwise, or that do not leave at all, have their fulfillment cancelled; what is then open again in
Shopify is what still lies in ShipStation, and each new package is told as any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mappings.keys import split_order_key
from mappings.packed import Units
from mappings.plans import CancelFulfillment, Consignment, Package, Standing
from mappings.shopify_shapes import Fulfillment, OrderShipped, number_of

LOOK_SOON_S = 1.0
"""After a cancellation: its units are open again as soon as it is answered."""
REREAD_S = 60.0
MOST_SHOWN = 100
"""Fulfillments that one answer shows."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Orphan:
    """A live fulfillment whose package was voided."""

    fulfillment: Fulfillment
    package: Package
    locked_until: datetime | None
    """While what was last sent about it may still take effect."""

    @property
    def lines(self) -> Units:
        return lines_of(self.fulfillment)


def is_one_not_shown(order: OrderShipped, packages: Iterable[Package]) -> bool:
    """Shopify deletes no fulfillment: one of a voided label that is missing from an answer may stand, and must be looked for again."""
    shown = {one["id"] for one in order["fulfillments"]}
    gone = {one.fulfillment_gid for one in packages if one.voided and one.fulfillment_gid} - shown
    return bool(gone) and len(shown) < MOST_SHOWN


def lines_of(fulfillment: Fulfillment) -> Units:
    units: Units = Counter()
    for line in fulfillment["fulfillmentLineItems"]["nodes"]:
        units[number_of(line["lineItem"]["id"])] += line["quantity"]
    return +units


def numbers_of(fulfillment: Fulfillment) -> set[str]:
    return {(info["number"] or "").strip() for info in fulfillment["trackingInfo"]} - {""}


def orphans_of(order: OrderShipped, packages: Sequence[Package], now: datetime, write_settles_s: float) -> list[Orphan]:
    """Also further fulfillments of the same number that nobody owns: an overpacked box may have got two."""
    owners = {package.fulfillment_gid: package for package in packages if package.fulfillment_gid}
    by_number = {p.tracking_number: p for p in packages if p.voided and p.fulfillment_gid and p.tracking_number}
    orphans = []
    for one in sorted(order["fulfillments"], key=lambda one: number_of(one["id"])):
        shared = next((by_number[number] for number in numbers_of(one) if number in by_number), None)
        owner = owners.get(one["id"], shared)
        if one["status"] == "SUCCESS" and owner and owner.voided:
            orphans.append(Orphan(one, owner, in_doubt_until(owner, now, write_settles_s)))
    return orphans


def in_doubt_until(package: Package, now: datetime, write_settles_s: float) -> datetime | None:
    """None when nothing was sent, or so long ago that it took effect or never will."""
    if package.intended_at is None:
        return None
    settled = (package.in_doubt_since or package.intended_at) + timedelta(seconds=write_settles_s)
    return settled if now < settled else None


def same_goods(orphans: Iterable[Orphan], package: Package, lines: Units) -> Orphan | None:
    """The fulfillment that can stand for this package as it is; one of its own consignment if there are several."""
    alike = [one for one in orphans if one.lines == lines and _is_same_place(one.package, package)]
    return min(alike, key=lambda one: one.package.order_key != package.order_key, default=None)


def in_the_way(orphans: Sequence[Orphan], package: Package, shortage: Units) -> list[Orphan]:
    """The fulfillments that hold units of which this package is short, no more of them than needed."""
    needed = []
    for one in orphans:
        if _is_same_place(one.package, package) and shortage & one.lines:
            needed.append(one)
            shortage = shortage - one.lines
    return needed


def cancelled(orphan: Orphan) -> CancelFulfillment:
    return CancelFulfillment(orphan.package.package_key, orphan.fulfillment["id"])


def stays_until(
    orphan: Orphan,
    grace_s: float,
    consignments: Sequence[Consignment],
    labels_read_at: datetime | None,
    now: datetime,
) -> datetime | None:
    """Until when a new label may still come; None when the goods will not leave. A time that is over counts only once
    ShipStation's lists were read to their end after it: a label that we did not see is no evidence."""
    own = next((one for one in consignments if one.order_key == orphan.package.order_key), None)
    if own and own.standing is Standing.CANCELLED:
        return None
    ends = (orphan.package.voided_at or LONG_AGO) + timedelta(seconds=grace_s if orphan.package.voided_at else 0)
    if labels_read_at and labels_read_at >= ends:
        return None
    return ends if ends > now else now + timedelta(seconds=REREAD_S)


def _is_same_place(a: Package, b: Package) -> bool:
    """A label of a split or merged order does not say from which consignment its goods are."""
    places = {key[1:3] for key in (split_order_key(a.order_key), split_order_key(b.order_key)) if key}
    return len(places) < 2
