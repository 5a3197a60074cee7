"""Units that are neither free to leave nor simply gone: paused, reported, their label voided, or too many marked as shipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mappings.causes import Cause
from mappings.consignments import added
from mappings.eligibility import Barrier, Routing
from mappings.packed import Units, packed_units, units_of, untold, whole_packages
from mappings.plans import Consignment, Package, Profile, Standing


def reported_units(consignments: Sequence[Consignment], packages: Sequence[Package]) -> Units:
    """Units in unvoided packages that Shopify knows."""
    whole = whole_packages(consignments, packages)
    return added(Counter(package.lines or {}) - untold(package) for package in whole)


def paused_units(
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


def overmarked_units(
    routes: Routing, consignments: Sequence[Consignment], packages: Sequence[Package], reported: Units
) -> Units:
    """Such a package tells no lines, so Shopify was told of what it had left: a refund or a fulfillment by hand may have been
    quicker than our change. What we do not remember to have told shows in the sums, if nobody else fulfilled any of it."""
    marked = {one.package_key: one for one in packages if one.lines is None and one.fulfillment_gid and not one.voided}
    if not marked:
        return Counter()
    whole = {one.package_key: Counter(one.lines or {}) for one in whole_packages(consignments, packages)}
    live = added([*routes.free.values(), *routes.barred.values()])
    untold = added(whole[key] - Counter(one.told) for key, one in marked.items() if one.told is not None)
    return (untold - live) | ((reported - routes.fulfilled - live) & added(whole[key] for key in marked))


def still_fulfilled(
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
