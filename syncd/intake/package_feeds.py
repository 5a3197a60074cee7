"""What left the warehouse, as ShipStation lists it: new labels, voided labels, and orders marked as shipped without a label.

The rows are the observation itself. Asking per order would cost a call each, of forty a minute; a page brings 500.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from mappings.keys import is_label, line_of, split_order_key
from mappings.packages import packages_of_fulfillment, packages_of_shipment, return_package, returns_of_shipment
from mappings.plans import Package, Standing
from mappings.shipstation_shapes import ShipmentItem
from syncd.budget import Urgency
from syncd.hints import Lane, Mark, order_subject
from syncd.intake.feeds import OVERLAP, moved, times_of
from syncd.intake.keyless import KeylessItems
from syncd.intake.marked import Contents, MarkedOrders
from syncd.intake.news import FIRST_ASK
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.shipstation.lists import Page
from syncd.shipstation.orders_api import OrdersApi
from syncd.store.consignments import (
    ConsignmentUpdate,
    consignments_by_shipstation_id,
    record_consignments,
    reopen_voided,
    stores_of_orders,
)
from syncd.store.cursors import advance, cursor
from syncd.store.journal import NewEntry, doubt
from syncd.store.journeys import begin_journeys, orders_of_packages
from syncd.store.marks import mark
from syncd.store.memory import last_gap, recall_from
from syncd.store.packages import SeenPackage, record_packages, recorded_packages
from syncd.store.returns import SeenReturnLabel, record_returns
from syncd.store.statements import OrderRef
from syncd.store.transaction import Work

log = get_logger("feeds")


@dataclass(frozen=True)
class Owners:
    """What our rows say of the orders on one page: order key by ShipStation id, store by Shopify order id."""

    keys: Mapping[int, str]
    stores: Mapping[int, str]
    items: Mapping[int, Sequence[ShipmentItem]] = field(default_factory=dict)
    """By ShipStation's fulfillment id: what was in an order that was marked as shipped, where that had to be looked up."""
    outbound: Mapping[str, Collection[OrderRef]] = field(default_factory=dict)
    """Package key -> the orders of which something left in it, of packages that come back."""


Pages = Callable[[datetime], AsyncIterator[Page[Any]]]


@dataclass(frozen=True)
class PackageList:
    """One list of ShipStation: `pages` since a moment of `time_member`. Only a sorted one may move its cursor page by page."""

    name: str
    pages: Pages
    time_member: str
    is_sorted: bool


def package_lists(shipstation: OrdersApi, urgency: Urgency = Urgency.TRACKING) -> list[PackageList]:
    return [
        PackageList("shipstation.shipments", lambda at: shipstation.shipments_since(at, urgency), "createDate", True),
        PackageList("shipstation.voids", lambda at: shipstation.shipments_voided_since(at, urgency), "voidDate", False),
        PackageList(
            "shipstation.fulfillments", lambda at: shipstation.fulfillments_since(at, urgency), "createDate", True
        ),
    ]


class PackageFeed:
    def __init__(
        self,
        source: PackageList,
        shipstation: OrdersApi,
        prefixes: Mapping[str, str],
        db: Db,
        clock: Clock,
        begin_at: datetime,
    ) -> None:
        """`prefixes`: store -> what it puts before its order numbers."""
        self.name = source.name
        self._source = source
        self._stores = tuple(prefixes)
        self._db = db
        self._clock = clock
        self._begin_at = begin_at
        self._marked = MarkedOrders(shipstation, db, prefixes.values())
        self._keyless = KeylessItems(shipstation, db)

    async def reread(self, since: datetime) -> int:
        """For the sweep: all since then once more, whatever the cursor says. Returns how many orders had news."""
        gap_at, total = await self._db.run(last_gap), 0
        async for page in self._source.pages(max(since, self._begin_at - OVERLAP)):
            total += await self._take(page, gap_at, None, None)
        return total

    async def poll(self) -> int:
        """Whose goods are in a parcel our rows tell: what was read before they were known again is read once more."""
        began, gap_at = self._clock.now(), await self._db.run(last_gap)
        is_recalled = await self._db.run(recall_from) is None
        known = await self._db.run(cursor(self._source.name))
        watermark = known.watermark if known and known.watermark else self._begin_at
        watermark, position, total = moved(watermark, (), began), known.position if known else None, 0
        async for page in self._source.pages(watermark - OVERLAP):
            if page.unreadable:
                log.warning("feed.unreadable", feed=self._source.name, count=page.unreadable)
            watermark = moved(watermark, times_of(page.rows, self._source.time_member), self._clock.now())
            is_certain = self._source.is_sorted and is_recalled
            total += await self._take(page, gap_at, watermark if is_certain else None, position)
        if is_recalled:
            await self._db.run(advance(self._source.name, watermark, began.isoformat(), self._clock.now()))
        return total

    async def _take(
        self, page: Page[Any], gap_at: datetime | None, watermark: datetime | None, position: str | None
    ) -> int:
        rows = await self._keyless.read_again(page.rows)
        owners = await self._owners(rows)
        seen = [one for parcel in rows for one in seen_packages(parcel, owners) if one.store in self._stores]
        doubts = _perhaps_told(rows, seen, gap_at) if gap_at else {}
        back = self._coming_back(rows, owners, seen)
        return len(await self._db.run(self._keep(seen, back, watermark, position, doubts)))

    def _coming_back(
        self, parcels: Sequence[Any], owners: Owners, seen: Sequence[SeenPackage]
    ) -> list[SeenReturnLabel]:
        """What left may stand on the same page as what brings it back."""
        outbound = {key: set(found) for key, found in owners.outbound.items()}
        for package in (one for one in seen if not one.voided):
            outbound.setdefault(package.package_key, set()).add((package.store, package.order_id))
        owners = replace(owners, outbound=outbound)
        return [one for parcel in parcels for one in seen_returns(parcel, owners) if one.store in self._stores]

    async def _owners(self, parcels: Sequence[Any]) -> Owners:
        contents = await self._marked.contents(parcels)
        whole = [*parcels, *({"shipmentItems": one.items} for one in contents.values())]
        known = await self._db.run(_owners_of(whole, self._stores))
        keys = {row["orderId"]: own for row in parcels if (own := _key_read(row, contents))}
        keys.update(known.keys)
        return replace(known, keys=keys, items={key: one.items for key, one in contents.items()})

    def _keep(
        self,
        seen: Sequence[SeenPackage],
        back: Sequence[SeenReturnLabel],
        watermark: datetime | None,
        position: str | None,
        doubts: Mapping[str, datetime],
    ) -> Work[list[OrderRef]]:
        """Packages, the standing of their orders, marks and cursor move together. `position`: when the last look began that
        reached the end; a page of this one changes nothing about it. `doubts`: see `_perhaps_told`."""
        now = self._clock.now()

        def work(session: Session) -> list[OrderRef]:
            _doubt_new(seen, doubts)(session)
            changed = record_packages(seen, now)(session)
            returning = record_returns(back, now)(session)
            begin_journeys(_labels(seen, changed), now, now + FIRST_ASK)(session)
            news = [one for one in seen if one.order_key and (one.store, one.order_id) in changed]
            shipped = {one.order_key for one in news if one.order_key and not one.voided}
            voided = {one.order_key for one in news if one.order_key and one.voided}
            record_consignments([ConsignmentUpdate(key, Standing.SHIPPED) for key in sorted(shipped)], now)(session)
            if voided:
                reopen_voided(voided, now)(session)
            subjects = [order_subject(store, order_id) for store, order_id in changed]
            # what the list told is written down already: nothing more is worth waiting for before Shopify hears of it
            told = [Mark("shipments", subject, Lane.URGENT) for subject in subjects]
            mark([*told, *(Mark("orders", subject) for subject in subjects)], now)(session)
            if watermark:
                advance(self._source.name, watermark, position, now)(session)
            return [*changed, *returning]

        return work


def _labels(seen: Sequence[SeenPackage], changed: Collection[OrderRef]) -> list[str]:
    """Whom a carrier follows; what was marked as shipped without a label nobody does."""
    news = [one for one in seen if (one.store, one.order_id) in changed and not one.voided]
    return [one.package_key for one in news if is_label(one.package_key)]


def _perhaps_told(parcels: Sequence[Any], seen: Sequence[SeenPackage], gap_at: datetime) -> dict[str, datetime]:
    """Package key -> when it was made, of those from before a gap in our memory: where one is new to us, Shopify may have been
    told of it all the same."""
    times = {_package_key(parcel): times_of([parcel], "createDate") for parcel in parcels}
    return {one.package_key: at for one in seen for at in times.get(one.package_key, ()) if at < gap_at}


def _package_key(parcel: Any) -> str:
    return f"f{parcel['fulfillmentId']}" if "fulfillmentId" in parcel else f"s{parcel['shipmentId']}"


def _doubt_new(seen: Sequence[SeenPackage], doubts: Mapping[str, datetime]) -> Work[None]:
    """A step whose answer was lost and one that is not remembered are one case: its effect is looked for first."""

    def work(session: Session) -> None:
        known = recorded_packages(doubts)(session) if doubts else set()
        new = [one for one in seen if one.package_key in doubts.keys() - known]
        doubt(
            (
                NewEntry("recall", "shipments", one.store, one.order_id, "recall_package", one.package_key),
                doubts[one.package_key],
            )
            for one in new
        )(session)

    return work


def _key_read(row: Any, contents: Mapping[int, Contents]) -> str | None:
    found = contents.get(row.get("fulfillmentId") or 0)
    return found.order_key if found else None


def _owners_of(parcels: Sequence[Any], stores: Sequence[str]) -> Work[Owners]:
    ids = {parcel["orderId"] for parcel in parcels if parcel.get("orderId")}
    lines = [line_of(item.get("lineItemKey")) for parcel in parcels for item in parcel.get("shipmentItems") or ()]
    order_ids = {line[0] for line in lines if line}
    outbound = {key for parcel in parcels if (key := _outbound_key(parcel))}

    def work(session: Session) -> Owners:
        rows = consignments_by_shipstation_id(ids)(session)
        keys = {order_id: found[0].order_key for order_id, found in rows.items() if len(found) == 1}
        return Owners(
            keys,
            stores_of_orders(stores, order_ids)(session),
            outbound=orders_of_packages(outbound, voided=False)(session),
        )

    return work


def seen_packages(parcel: Any, owners: Owners) -> list[SeenPackage]:
    """The parts of one parcel by Shopify order. Parcels without anything of ours give none."""
    known_key = owners.keys.get(parcel.get("orderId") or 0)
    if "fulfillmentId" in parcel:
        parts = packages_of_fulfillment(parcel, known_key, owners.items.get(parcel["fulfillmentId"]))
    else:
        parts = packages_of_shipment(parcel, known_key)
    found = [(_store_of(order_id, package, owners), order_id, package) for order_id, package in parts]
    return [_seen(store, order_id, package, parcel) for store, order_id, package in found if store]


def seen_returns(parcel: Any, owners: Owners) -> list[SeenReturnLabel]:
    """The parts of a return label by Shopify order; none of any other parcel. One that does not tell what it brings belongs to
    whoever had something in the package that it was made for: its ShipStation order may be a part without our key, or a merged one."""
    parts = returns_of_shipment(parcel, owners.keys.get(parcel.get("orderId") or 0)) if "shipmentId" in parcel else []
    found = [(_store_of(order_id, package, owners), order_id, package) for order_id, package in parts]
    outbound = _outbound_key(parcel)
    senders = owners.outbound.get(outbound or "", ())
    if senders and all(package.lines is None for _, package in parts):
        found = [(store, order_id, return_package(parcel)) for store, order_id in sorted(senders)]
    return [
        SeenReturnLabel(
            package.package_key,
            store,
            order_id,
            package.voided,
            package.tracking_number,
            package.carrier_code,
            package.service_code,
            json.dumps(package.lines) if package.lines is not None else None,
            outbound,
        )
        for store, order_id, package in found
        if store
    ]


def _outbound_key(parcel: Any) -> str | None:
    """Of the package that a return label was made for."""
    return f"s{parcel['outboundShipmentId']}" if parcel.get("outboundShipmentId") else None


def _store_of(order_id: int, package: Package, owners: Owners) -> str | None:
    key = split_order_key(package.order_key)
    return key[0] if key and key[1] == order_id else owners.stores.get(order_id)


def _seen(store: str, order_id: int, package: Package, parcel: Any) -> SeenPackage:
    return SeenPackage(
        package_key=package.package_key,
        store=store,
        order_id=order_id,
        voided=package.voided,
        tracking_number=package.tracking_number,
        more_numbers=json.dumps(package.more_numbers) if package.more_numbers else None,
        carrier_code=package.carrier_code,
        service_code=package.service_code,
        ship_date=parcel.get("shipDate"),
        order_key=package.order_key,
        lines=json.dumps(package.lines) if package.lines is not None else None,
    )
