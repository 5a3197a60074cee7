"""What our rows say of an order, as the sweep's judgement takes it; and the orders whose goods no list of late changes shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from mappings.carry_over import is_on_hold
from mappings.causes import State
from mappings.packed import Units, units_of, was_cancelled_there
from mappings.plans import Standing
from mappings.sweeping import Placed, has_left_behind
from syncd.intake.remembered import applied_of
from syncd.ports import Db
from syncd.store.consignments import consignments_of
from syncd.store.packages import packages_of
from syncd.store.schema import ConsignmentRow, PackageRow
from syncd.store.statements import OrderRef
from syncd.store.sweeps import orders_in

AT_ONCE = 500


async def left_behind(db: Db, stores: Collection[str]) -> set[OrderRef]:
    """Orders of which some may lie in a part whose parent left, perhaps long ago: nothing of ours is open there any more."""
    refs = [ref for ref in await db.run(orders_in(State.PARTLY_SHIPPED)) if ref[0] in stores]
    found: set[OrderRef] = set()
    for start in range(0, len(refs), AT_ONCE):
        rows = await db.run(consignments_of(refs[start : start + AT_ONCE]))
        packages = await db.run(packages_of(list(rows)))
        behind = {
            ref
            for ref, placed in rows.items()
            if has_left_behind(map(placed_of, placed), parcels_of(placed, packages[ref]))
        }
        found |= behind
    return found


def placed_of(row: ConsignmentRow) -> Placed:
    standing, applied = Standing(row.standing), applied_of(row)
    is_cancelled_there = was_cancelled_there(standing, applied)
    is_held = standing is Standing.OPEN and is_on_hold(applied)
    return Placed(row.order_key, standing, row.shipstation_order_id, units_of(applied), is_cancelled_there, is_held)


def parcels_of(rows: Sequence[ConsignmentRow], packages: Iterable[PackageRow]) -> dict[str, Units]:
    """Units that left, by order key of ours; blank for all that left under another."""
    parcels = {row.order_key: Counter[int]() for row in rows} | {"": Counter[int]()}
    for one in packages:
        if one.lines and not one.voided:
            units = {int(line_id): count for line_id, count in json.loads(one.lines).items()}
            parcels[one.order_key if one.order_key in parcels else ""].update(units)
    return parcels
