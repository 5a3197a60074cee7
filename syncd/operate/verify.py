"""The recount of both sides by bulk reads, beside a running daemon and within its budget. Only looks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mappings.account import Account, Parcels, Told, draw_account
from mappings.causes import Cause, State
from mappings.pacific import from_pacific
from mappings.packages import packages_of_fulfillment, packages_of_shipment
from mappings.plans import Package
from mappings.shopify_shapes import OrderShipped
from mappings.sweeping import Sight, sight_of
from syncd.budget import Urgency
from syncd.errors import RejectedError
from syncd.hints import order_subject
from syncd.operate.desk import Desk
from syncd.shipstation import reads as shipstation
from syncd.shopify.reads import Unreadable, orders_created_since, orders_shipped
from syncd.store.consignments import consignments_of
from syncd.store.marks import moving_subjects
from syncd.store.orders import all_orders
from syncd.store.statements import OrderRef

DEFAULT_SINCE = "7d"
AT_ONCE = 500
MOST_LOOKS = 50
"""Orders with a difference that are asked for one by one before it is told: a merge may have put them into an older one."""
SETTLES_S = 180.0
"""What changed so lately is on its way."""
MARGIN = timedelta(days=1)

_AGE = re.compile(r"(\d{1,5})\s*([hd])")


@dataclass
class _Warehouse:
    """ShipStation's side. `fresh`: Shopify order ids with parcels that are on their way to Shopify."""

    sights: dict[int, Sight] = field(default_factory=dict)
    packages: dict[int, dict[str, Package]] = field(default_factory=dict)
    marked: dict[int, set[int]] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)

    def parcels(self) -> dict[int, Parcels]:
        ids = self.packages.keys() | self.marked.keys()
        return {one: Parcels(self.packages.get(one, {}), frozenset(self.marked.get(one, ()))) for one in ids}


def moment(text: str, now: datetime) -> datetime:
    """Raises `RejectedError` for what is no time."""
    if found := _AGE.fullmatch(text.strip() or DEFAULT_SINCE):
        return now - int(found[1]) * timedelta(**{"hours" if found[2] == "h" else "days": 1})
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise RejectedError(
            "bad_time", f"{text!r} is no time: write 2026-11-20, 2026-11-20T08:00:00Z, 36h or 7d"
        ) from error
    return told if told.tzinfo else told.replace(tzinfo=UTC)


async def recount(desk: Desk, since_text: str) -> dict[str, Any]:
    """Orders made since then, or since the start of the synchronization if that is later. Raises `SyncError`."""
    now = desk.clock.now()
    since = max(moment(since_text, now), desk.start_at)
    still_at = now - timedelta(seconds=max(SETTLES_S, 2 * desk.settings.sync.shipment_poll_s))
    told = await _told(desk)
    warehouse = await _warehouse(desk, since - MARGIN, still_at)
    orders, refs, unreadable = await _orders(desk, since)
    account = draw_account(
        orders, _judged(told, warehouse), list(warehouse.sights.values()), warehouse.parcels(), still_at
    )
    if account.differences:
        names = {one.order for one in account.differences}
        doubtful = [ref for order, ref in zip(orders, refs, strict=True) if order["name"] in names]
        await _look_closer(desk, warehouse, doubtful[:MOST_LOOKS])
        sights = list(warehouse.sights.values())
        account = draw_account(orders, _judged(told, warehouse), sights, warehouse.parcels(), still_at)
    return _as_answer(account, since, unreadable)


async def _told(desk: Desk) -> dict[int, Told]:
    rows, moving = await desk.db.run(all_orders()), await desk.db.run(moving_subjects(desk.clock.now()))
    return {
        row.order_id: Told(State(row.state), Cause(row.cause), order_subject(row.store, row.order_id) in moving)
        for row in rows
    }


def _judged(told: Mapping[int, Told], warehouse: _Warehouse) -> dict[int, Told]:
    return {
        order_id: Told(one.state, one.cause, one.moves or order_id in warehouse.fresh) for order_id, one in told.items()
    }


async def _orders(desk: Desk, since: datetime) -> tuple[list[OrderShipped], list[OrderRef], list[str]]:
    """All orders of all stores, who they are, and those that Shopify cannot show."""
    orders: list[OrderShipped] = []
    refs: list[OrderRef] = []
    unreadable: list[str] = []
    for store, client in desk.vendors.shops.items():
        ids = [order_id async for page in orders_created_since(client, since) for order_id in page]
        for order_id, order in (await orders_shipped(client, ids)).items():
            if order is None or isinstance(order, Unreadable):
                unreadable.append(order_subject(store, order_id))
                continue
            name = order["name"] if len(desk.vendors.shops) == 1 else f"{store} {order['name']}"
            orders.append({**order, "name": name})
            refs.append((store, order_id))
    return orders, refs, unreadable


async def _warehouse(desk: Desk, since: datetime, still_at: datetime) -> _Warehouse:
    client, seen = desk.vendors.shipstation, _Warehouse()
    async for orders in shipstation.orders_created_since(client, since, Urgency.SWEEP):
        seen.sights |= {one.order_id: one for one in map(sight_of, orders.rows) if one.units}
    async for shipments in shipstation.shipments_since(client, since, Urgency.SWEEP):
        for shipment in shipments.rows:
            _add(seen, packages_of_shipment(shipment, _key(seen, shipment["orderId"])), shipment, still_at)
    async for fulfillments in shipstation.fulfillments_since(client, since, Urgency.SWEEP):
        for row in fulfillments.rows:
            parts = packages_of_fulfillment(row, _key(seen, row["orderId"]))
            _add(seen, parts, row, still_at)
            if any(not package.voided for _, package in parts):
                for order_id in _units_of(seen, row["orderId"]):
                    seen.marked.setdefault(order_id, set()).add(row["orderId"])
    return seen


def _add(seen: _Warehouse, parts: Sequence[tuple[int, Package]], parcel: Mapping[str, Any], still_at: datetime) -> None:
    for order_id, package in parts:
        seen.packages.setdefault(order_id, {})[package.package_key] = package
        times = [parcel.get("createDate"), parcel.get("voidDate")]
        if any(from_pacific(time) > still_at for time in times if time):
            seen.fresh.add(order_id)


def _key(seen: _Warehouse, shipstation_order_id: int) -> str | None:
    sight = seen.sights.get(shipstation_order_id)
    return sight.order_key if sight else None


def _units_of(seen: _Warehouse, shipstation_order_id: int) -> list[int]:
    sight = seen.sights.get(shipstation_order_id)
    return list(sight.units) if sight else []


async def _look_closer(desk: Desk, warehouse: _Warehouse, refs: Sequence[OrderRef]) -> None:
    rows = await desk.db.run(consignments_of(refs))
    ids = {row.shipstation_order_id for some in rows.values() for row in some if row.shipstation_order_id}
    unlisted = sorted(ids - warehouse.sights.keys())[:MOST_LOOKS]
    found = await shipstation.orders_by_id(desk.vendors.shipstation, unlisted, Urgency.SWEEP)
    warehouse.sights |= {order_id: sight_of(order) for order_id, order in found.items() if order}


def _as_answer(account: Account, since: datetime, unreadable: Sequence[str]) -> dict[str, Any]:
    kinds = ("missing", "doubled", "unexplained", "not_told", "told_in_vain")
    return {
        "since": since.isoformat(),
        **{kind: account.count(kind) for kind in kinds},
        **asdict(account),
        "unreadable": list(unreadable),
    }


def account_text(account: Mapping[str, Any]) -> str:
    states = ", ".join(f"{state} {count}" for state, count in sorted(account["states"].items()))
    causes = ", ".join(f"{cause} {count}" for cause, count in sorted(account["causes"].items()))
    lines = [
        f"Orders made since {account['since'][:19]}, recounted from both vendors",
        f"Shopify      {account['orders']} orders, {account['units_wanted']} units to ship, {account['fulfillments']} fulfillments",
        f"ShipStation  {account['shipstation_orders']} orders with {account['units_there']} units not packed, {account['packages']} packages",
        f"states       {states or 'none'}",
        f"causes       {causes or 'none'}",
        f"eligible     {account['eligible']}: mapped once {account['mapped_once']}, on the way {account['on_the_way']} (not judged)",
        f"differences  missing {account['missing']}, doubled {account['doubled']}, unexplained {account['unexplained']}, "
        f"packages not told {account['not_told']}, told in vain {account['told_in_vain']}",
        "mails        cannot be seen from outside: Shopify sends one with each fulfillment that was made with notification",
    ]
    lines += [f"  {one['order']}: {one['kind']}: {one['text']}" for one in account["differences"]]
    if account["unreadable"]:
        lines.append(f"Shopify could not show {len(account['unreadable'])}: {', '.join(account['unreadable'][:10])}")
    return "\n".join(lines)
