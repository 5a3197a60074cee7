"""After a gap in our memory: ShipStation's orders of that time, read by list, become consignments again before anything is sent.

Also older ones that were changed since: what was made after the gap began may have been merged into one of them.

It is a feed like any other, which has nothing to do once the gap is filled; and it tells that this database is alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session

from mappings import canonical
from mappings.carry_over import is_silent_on_groups
from mappings.plans import Consignment, Standing
from mappings.recalled import (
    Recalled,
    absorbed_by,
    before_the_split,
    in_place_of,
    is_as_it_reads,
    is_part,
    recalled,
    root_of,
)
from mappings.shipstation_shapes import Order
from mappings.sweeping import sight_of
from syncd.budget import Urgency
from syncd.intake.remembered import applied_of
from syncd.intake.shifts import Shift
from syncd.logs import get_logger
from syncd.ports import Clock
from syncd.shipstation.orders_api import OrdersApi
from syncd.store.consignments import (
    ConsignmentUpdate,
    NewConsignment,
    consignments_by_shipstation_id,
    consignments_of,
    record_consignments,
    stores_of_orders,
    take_order_keys,
)
from syncd.store.cursors import advance
from syncd.store.memory import ORDERS_READ, beat, last_gap, recall_from
from syncd.store.schema import ConsignmentRow
from syncd.store.statements import OrderRef
from syncd.store.transaction import Work

log = get_logger("feeds")

EVERY_S = 60.0
"""Several times within the silence that counts as a gap."""
PATIENCE = timedelta(minutes=10)
"""How long all orders of before wait for one that the list cannot show: it would be made a second time."""


class _Place(NamedTuple):
    """Of an order of ours: its key, the Shopify orders that are known to lie in it, and which ShipStation orders it absorbed."""

    order_key: str
    own: frozenset[int]
    absorbed: frozenset[int] = frozenset()


@dataclass
class _Strangers:
    """Lines of other sales in an order of ours: the warehouse merged them. By Shopify order id, judged when all is read."""

    survivors: dict[int, list[Order]] = field(default_factory=dict)
    places: dict[int, _Place] = field(default_factory=dict)
    """By ShipStation order id."""

    def note(self, order: Order, one: Recalled) -> None:
        sight = sight_of(order)
        self.places[order["orderId"]] = _Place(one.order_key, frozenset({one.order_id}), sight.absorbed)
        for order_id in sight.units.keys() - {one.order_id}:
            self.survivors.setdefault(order_id, []).append(order)

    def note_parts(self, parts: Mapping[int, Order]) -> None:
        """Of sales that lie in nothing but parts: a part was merged with their order, or took their goods from one that was (seed
        290128)."""
        whole = frozenset(self.survivors)
        for part in parts.values():
            if place := self.places.get(root_of(part, parts)):
                survivor = in_place_of(place.order_key, place.absorbed, part)
                for order_id in sight_of(part).units.keys() - place.own - whole:
                    self.survivors.setdefault(order_id, []).append(survivor)


class Recall:
    def __init__(
        self,
        shipstation: OrdersApi,
        stores: Sequence[str],
        shift: Shift,
        clock: Clock,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """`told` is called when all is known again."""
        self._told = told
        self._shipstation = shipstation
        self._stores = frozenset(stores)
        self._shift = shift
        self._clock = clock

    async def poll(self) -> int:
        """How many orders were found that we may not have known. One that breaks off begins again: the rest would judge merged
        orders without having seen all."""
        since = await self._shift.run(recall_from)
        total = await self._read(since) if since is not None else 0
        await self._shift.run(beat(self._clock.now()))
        return total

    async def _read(self, since: datetime) -> int:
        began, total, unshown, strangers, parts = self._clock.now(), 0, 0, _Strangers(), dict[int, Order]()
        async for page in self._shipstation.orders_since(since, Urgency.ORDERS):
            total += await self._keep(page.rows, strangers)
            parts |= {order["orderId"]: order for order in page.rows if is_part(order)}
            unshown += page.unreadable
        if unshown:
            log.warning("feed.unreadable", feed=ORDERS_READ, count=unshown)
        gap_at = await self._shift.run(last_gap)
        if unshown and gap_at and began < gap_at + PATIENCE:
            return total
        strangers.places |= await self._older_places(
            {root_of(part, parts) for part in parts.values()} - strangers.places.keys()
        )
        strangers.note_parts(parts)
        gone = await self._gone(strangers.survivors)
        await self._shift.run(self._merged(strangers.survivors, gone))
        await self._shift.run(record_consignments(await self._split(list(parts.values())), self._clock.now()))
        await self._shift.run(advance(ORDERS_READ, since, began.isoformat(), self._clock.now()))
        self._told()
        return total

    async def _keep(self, orders: Sequence[Order], strangers: _Strangers) -> int:
        found = [(order, one) for order in orders if (one := recalled(order, self._stores))]
        for order, one in found:
            strangers.note(order, one)
        await self._shift.run(take_order_keys([_new(one) for _, one in found], self._clock.now()))
        return len(found)

    async def _older_places(self, ids: Set[int]) -> dict[int, _Place]:
        """Of orders that nobody changed since their parts were split off, before the gap."""
        known = await self._shift.run(consignments_by_shipstation_id(ids))
        return {
            order_id: _Place(rows[0].order_key, frozenset(row.order_id for row in rows))
            for order_id, rows in known.items()
        }

    async def _gone(self, survivors: Mapping[int, Sequence[Order]]) -> frozenset[int]:
        """Those of what we remember that are there no more, where nobody tells what absorbed them."""
        silent = [order_id for order_id, orders in survivors.items() if any(map(is_silent_on_groups, orders))]
        ids = {row.shipstation_order_id for rows in (await self._known(silent)).values() for row in rows}
        shown = await self._shipstation.orders_by_id([one for one in ids if one], Urgency.ORDERS)
        return frozenset(order_id for order_id, order in shown.items() if order is None)

    async def _known(self, order_ids: Iterable[int]) -> Mapping[OrderRef, Sequence[ConsignmentRow]]:
        stores = await self._shift.run(stores_of_orders(sorted(self._stores), order_ids))
        return await self._shift.run(consignments_of([(store, order_id) for order_id, store in stores.items()]))

    def _merged(self, survivors: Mapping[int, Sequence[Order]], gone: frozenset[int]) -> Work[None]:
        def work(session: Session) -> None:
            stores = stores_of_orders(sorted(self._stores), survivors)(session)
            for order_id, orders in sorted(survivors.items()):
                for order in orders:
                    survivor = recalled(order, self._stores)
                    assert survivor is not None
                    store = stores.get(order_id, survivor.store)
                    known = consignments_of([(store, order_id)])(session)[store, order_id]
                    rows = [_consignment(row) for row in known]
                    sight = sight_of(order)
                    sight = replace(sight, absorbed=sight.absorbed | gone)
                    if one := absorbed_by(order, sight, rows, store, order_id):
                        take_order_keys([_new(one)], self._clock.now())(session)

        return work

    async def _split(self, parts: Sequence[Order]) -> list[ConsignmentUpdate]:
        """With what was split off them, those that left or were cancelled: read once more, because a look that breaks off begins
        again and would count their parts twice. Of what is open a plan finds the parts."""
        order_ids = {order_id for part in parts for order_id in sight_of(part).units}
        known = await self._known(order_ids)
        rows = [row for some in known.values() for row in some if _is_as_it_reads(row)]
        shown = await self._shipstation.orders_by_id([row.shipstation_order_id or 0 for row in rows], Urgency.ORDERS)
        updates = []
        for row in rows:
            order = shown[row.shipstation_order_id or 0]
            if order and (whole := before_the_split(order, applied_of(row), row.order_id, parts)):
                updates.append(ConsignmentUpdate(row.order_key, row.standing, None, canonical.dumps(whole)))
        return updates


def _new(one: Recalled) -> NewConsignment:
    return NewConsignment(
        order_key=one.order_key,
        store=one.store,
        order_id=one.order_id,
        location_id=one.location_id,
        split_group="",
        n=one.n,
        standing=one.standing,
        shipstation_order_id=one.shipstation_order_id,
        applied=canonical.dumps(one.applied) if one.applied else None,
    )


def _is_as_it_reads(row: ConsignmentRow) -> bool:
    return is_as_it_reads(Standing(row.standing), applied_of(row))


def _consignment(row: ConsignmentRow) -> Consignment:
    """As far as it matters here."""
    order_id = row.shipstation_order_id
    return Consignment(row.order_key, row.location_id, row.split_group, row.n, Standing(row.standing), order_id)
