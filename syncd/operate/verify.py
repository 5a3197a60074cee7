"""The recount of both sides by bulk reads, beside a running daemon and within its budget. Only looks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mappings.account import KINDS, Account, Parcels, Told, draw_account
from mappings.causes import Cause, State
from mappings.pacific import from_pacific
from mappings.packages import packages_of_fulfillment, packages_of_shipment
from mappings.plans import Package
from mappings.shopify_shapes import OrderShipped
from mappings.sweeping import Sight, sight_of
from syncd.budget import Urgency
from syncd.errors import RejectedError
from syncd.hints import order_subject
from syncd.intake.twins import twins_among
from syncd.operate.desk import Desk
from syncd.shopify.reads import Unreadable, orders_created_since, orders_shipped
from syncd.store.consignments import consignments_of
from syncd.store.marks import moving_subjects
from syncd.store.orders import orders_of
from syncd.store.packages import packages_of
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
    twins: dict[int, set[int]] = field(default_factory=dict)

    def parcels(self) -> dict[int, Parcels]:
        ids = self.packages.keys() | self.marked.keys() | self.twins.keys()
        return {
            one: Parcels(
                self.packages.get(one, {}), frozenset(self.marked.get(one, ())), frozenset(self.twins.get(one, ()))
            )
            for one in ids
        }


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
    """Orders made since then, or since the start of the synchronization if that is later. Raises `SyncError`.

    ShipStation is read before Shopify, and our rows last: what moves meanwhile shows as changed lately, and is not judged.
    """
    now = desk.clock.now()
    since = max(moment(since_text, now), desk.start_at)
    still_at = now - timedelta(seconds=max(SETTLES_S, 2 * desk.settings.sync.shipment_poll_s))
    warehouse = await _warehouse(desk, since - MARGIN, still_at)
    orders, refs, unreadable = await _orders(desk, since)
    told = await _told(desk, refs, warehouse.fresh, still_at)
    account = draw_account(orders, told, list(warehouse.sights.values()), warehouse.parcels(), still_at)
    if account.differences:
        names = {one.order for one in account.differences}
        doubtful = [ref for order, ref in zip(orders, refs, strict=True) if order["name"] in names]
        await _look_closer(desk, warehouse, doubtful[:MOST_LOOKS])
        account = draw_account(orders, told, list(warehouse.sights.values()), warehouse.parcels(), still_at)
    return _as_answer(account, since, unreadable)


async def _told(desk: Desk, refs: Sequence[OrderRef], fresh: Set[int], still_at: datetime) -> dict[int, Told]:
    """`fresh`: Shopify order ids with parcels that are on their way."""
    moving, told = await desk.db.run(moving_subjects(desk.clock.now())), dict[int, Told]()
    for start in range(0, len(refs), AT_ONCE):
        some = refs[start : start + AT_ONCE]
        packages = await desk.db.run(packages_of(some))
        for row in await desk.db.run(orders_of(some)):
            ref = (row.store, row.order_id)
            moves = row.since > still_at or row.order_id in fresh or order_subject(*ref) in moving
            gids = {one.fulfillment_gid: one.package_key for one in packages[ref] if one.fulfillment_gid}
            told[row.order_id] = Told(State(row.state), Cause(row.cause), moves, gids)
    return told


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
    shipstation, seen = desk.vendors.orders, _Warehouse()
    void_settles_at = still_at - timedelta(seconds=desk.settings.sync.void_grace_s)
    async for orders in shipstation.orders_created_since(since, Urgency.SWEEP):
        seen.sights |= {one.order_id: one for one in map(sight_of, orders.rows) if one.units}
        strangers = [order for order in orders.rows if order["orderId"] not in seen.sights]
        for (_, order_id), ids in (await twins_among(desk.db, desk.vendors.shops, strangers)).items():
            seen.twins.setdefault(order_id, set()).update(ids)
    async for shipments in shipstation.shipments_since(since, Urgency.SWEEP):
        for shipment in shipments.rows:
            _add(
                seen,
                packages_of_shipment(shipment, _key(seen, shipment["orderId"])),
                shipment,
                still_at,
                void_settles_at,
            )
    async for fulfillments in shipstation.fulfillments_since(since, Urgency.SWEEP):
        for row in fulfillments.rows:
            parts = packages_of_fulfillment(row, _key(seen, row["orderId"]))
            _add(seen, parts, row, still_at, void_settles_at)
            if any(not package.voided for _, package in parts):
                for order_id in _units_of(seen, row["orderId"]):
                    seen.marked.setdefault(order_id, set()).add(row["orderId"])
    return seen


def _add(
    seen: _Warehouse,
    parts: Sequence[tuple[int, Package]],
    parcel: Mapping[str, Any],
    still_at: datetime,
    void_settles_at: datetime,
) -> None:
    """Packages by order. Of one that was made or voided a moment ago, Shopify need not have been told."""
    is_fresh = _is_after(parcel.get("createDate"), still_at) or _is_after(parcel.get("voidDate"), void_settles_at)
    for order_id, package in parts:
        seen.packages.setdefault(order_id, {})[package.package_key] = package
        if is_fresh:
            seen.fresh.add(order_id)


def _is_after(time: str | None, moment: datetime) -> bool:
    return bool(time) and from_pacific(str(time)) > moment


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
    found = await desk.vendors.orders.orders_by_id(unlisted, Urgency.SWEEP)
    warehouse.sights |= {order_id: sight_of(order) for order_id, order in found.items() if order}


def _as_answer(account: Account, since: datetime, unreadable: Sequence[str]) -> dict[str, Any]:
    return {
        "since": since.isoformat(),
        **{kind: account.count(kind) for kind in KINDS},
        **vars(account),  # `asdict` takes a Counter's pairs for its keys
        "differences": [asdict(one) for one in account.differences],
        "unreadable": list(unreadable),
    }


WORDS = {
    "missing": (
        "MISSING",
        "goods that nobody will send",
        "Run `syncd sweep` ten minutes after its last change, then `syncd explain ORDER`.",
    ),
    "doubled": (
        "DOUBLED",
        "goods that may be sent twice",
        "Stop their labels. Cancel the order in ShipStation that is too much.",
    ),
    "unexplained": (
        "UNEXPLAINED",
        "orders without a reason",
        "Run `syncd mark ORDER`; if it stays, `syncd explain ORDER`.",
    ),
    "not_told": (
        "NOT TOLD",
        "packages that Shopify does not know",
        "Run `syncd retry ORDER`, then `syncd explain ORDER`.",
    ),
    "told_twice": (
        "TOLD TWICE",
        "packages with two fulfillments",
        "Cancel the fulfillment in Shopify that is too much.",
    ),
    "told_in_vain": (
        "TOLD IN VAIN",
        "fulfillments without a package",
        "Cancel the fulfillment in Shopify if the goods did not leave.",
    ),
}
"""Kind of a difference -> its heading, what it counts, and what to do."""
MOST_SHOWN = 20


def account_text(account: Mapping[str, Any]) -> str:
    """The verdict first, then what to do about each kind, then the figures."""
    found = len(account["differences"])
    many = f"{found} {'DIFFERENCE' if found == 1 else 'DIFFERENCES'}: look at them now" if found else "Both sides agree"
    lines = [f"{many}. Orders made since {account['since'][:16].replace('T', ' ')} UTC, recounted from both vendors."]
    for kind, (heading, what, cure) in WORDS.items():
        if rows := [one for one in account["differences"] if one["kind"] == kind]:
            lines += [
                f"{heading} - {what}: {len(rows)}",
                *(f"  {one['order']}: {one['text']}" for one in rows[:MOST_SHOWN]),
            ]
            lines += [f"  ... {len(rows) - MOST_SHOWN} more, which --json shows"] if len(rows) > MOST_SHOWN else []
            lines.append(f"  To do: {cure}")
    if account["unreadable"]:
        lines.append(f"Shopify could not show {len(account['unreadable'])}: {', '.join(account['unreadable'][:10])}")
    return "\n".join(lines + _figures(account))


def _figures(account: Mapping[str, Any]) -> list[str]:
    states = ", ".join(f"{state} {count}" for state, count in sorted(account["states"].items()))
    causes = ", ".join(f"{cause} {count}" for cause, count in sorted(account["causes"].items()))
    return [
        f"Shopify      {account['orders']} orders, {account['units_wanted']} units to ship, {account['fulfillments']} fulfillments",
        f"ShipStation  {account['shipstation_orders']} orders with {account['units_there']} units not packed, {account['packages']} packages",
        f"states       {states or 'none'}",
        f"causes       {causes or 'none'}",
        f"eligible     {account['eligible']}: mapped once {account['mapped_once']}, parked {account['states'].get('parked', 0)} (see `syncd parked`), "
        f"on the way {account['on_the_way']} (not judged)",
        "differences  " + ", ".join(f"{kind.replace('_', ' ')} {account[kind]}" for kind in KINDS),
        "mails        cannot be seen from outside: Shopify sends one with each fulfillment that was made with notification",
    ]
