"""What the warehouse does: buys labels for packages, voids them, marks orders as shipped without a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random  # noqa: TID251 - seeded: the same seed makes the same day

from syncd.sandbox.shipstation.account import Account, OrderRef
from syncd.sandbox.shipstation.catalog import CARRIERS, display_name, made_up_tracking_number
from syncd.sandbox.shipstation.desk import Desk
from syncd.sandbox.shipstation.notices import Notices
from syncd.sandbox.shipstation.pacific import wall
from syncd.sandbox.shipstation.records import Fulfillment, Item, Order, Shipment
from syncd.sandbox.shipstation.refusals import Locked, NotFound, Refusal
from syncd.sandbox.shipstation.stock import Stock
from syncd.sandbox.shipstation.units import identity, take, take_regardless

MOST_PACKAGES = 3


class Labels:
    def __init__(self, account: Account, desk: Desk, notices: Notices, stock: Stock, seed: int) -> None:
        self._account = account
        self._desk = desk
        self._notices = notices
        self._stock = stock
        self._rng = Random(f"{seed} labels")

    def buy_label(
        self,
        order: OrderRef,
        lines: Mapping[str, int] | None = None,
        carrier_code: str = "stamps_com",
        service_code: str = "usps_priority_mail",
        return_label: bool = False,
        force: bool = False,
        parcels: int = 1,
    ) -> Shipment:
        """Packs `lines` (units by lineItemKey), or all that is not packed yet, and sends the package.

        A second label for the same units, or one for an order that is not to be shipped, needs `force`. One label
        may be for several `parcels`, each with a number: V2 shows all of them, V1 the first.
        """
        target = self._account.order(order)
        packed = take_regardless(target.items, lines) if return_label or force else self._pack(target, lines)
        if not return_label and not force:
            target, packed = self._parted(target, packed)
        more = tuple(made_up_tracking_number(carrier_code, self._rng) for _ in range(parcels - 1))
        batch_id = self._account.next_id("batch")
        shipment = self._add(target, packed, (carrier_code, service_code), return_label, batch_id, more)
        if not return_label:
            self._notices.labels_made(target.store_id, shipment.batch_id)
        return shipment

    def void_label(self, shipment_id: int) -> Shipment:
        shipment = self._account.shipments.get(shipment_id)
        if shipment is None:
            raise NotFound(f"There is no shipment {shipment_id}.")
        if shipment.voided_at is not None:
            raise Refusal("The label has been voided already.")
        voided = replace(shipment, voided_at=self._account.now())
        self._account.shipments[shipment_id] = voided
        if not shipment.is_return:
            self._stock.goods_returned(shipment.order, shipment.items, f"label {shipment_id}")
        order = self._account.orders[shipment.order.order_id]
        if order.status == "shipped" and order.gone is None and not self._is_on_its_way(order):
            status = self._account.options.status_after_void
            if status != order.status:
                self._account.change(order, status=status, content=replace(order.content, ship_date=None))
        return voided

    def mark_shipped(
        self, order: OrderRef, carrier_code: str, tracking_number: str | None = None, ship_date: date | None = None
    ) -> Fulfillment:
        """Not idempotent: marking an order again adds a second fulfillment."""
        target = self._account.order(order)
        if target.status == "cancelled":
            raise Locked(f"Order {target.content.order_number} is cancelled and cannot be shipped.")
        self._stock.goods_left(target, self._unpacked(target), "marked as shipped")
        row = Fulfillment(
            fulfillment_id=self._account.next_id("fulfillment"),
            order=target,
            created_at=self._account.now(),
            ship_date=ship_date or self._today(),
            carrier_name=display_name(carrier_code),
            tracking_number=tracking_number,
        )
        self._account.add_fulfillment(row)
        self._ship(target, row.ship_date)
        self._notices.marked_shipped(row)
        return row

    def ship_all(self, batch: bool = False) -> list[Shipment]:
        """Every order that awaits shipment leaves, in one to three packages. `batch`: one notice per store for all."""
        self._account.release_due_holds()
        batch_id = self._account.next_id("batch") if batch else None
        waiting = [order for order in self._account.orders.values() if _awaits_shipment(order)]
        shipments = [shipment for order in waiting for shipment in self._ship_whole(order, batch_id)]
        notices = dict.fromkeys((shipment.order.store_id, shipment.batch_id) for shipment in shipments)
        for store_id, made in notices:
            self._notices.labels_made(store_id, made)
        return shipments

    def _ship_whole(self, order: Order, batch_id: int | None) -> list[Shipment]:
        units = [item for item in self._unpacked(order) for _ in range(item.quantity)]
        self._rng.shuffle(units)
        packages = min(len(units), self._rng.randint(1, MOST_PACKAGES))
        shipments = []
        for number in range(packages):
            counts = Counter(item.item_id for item in units[number::packages])
            packed = tuple(replace(item, quantity=counts[item.item_id]) for item in order.items if counts[item.item_id])
            batch = batch_id or self._account.next_id("batch")
            part, packed = self._parted(self._account.order(order.order_id), packed)
            shipments.append(self._add(part, packed, self._any_service(order), False, batch))
        return shipments

    def _parted(self, order: Order, packed: tuple[Item, ...]) -> tuple[Order, tuple[Item, ...]]:
        """The order that the label is bought for: where parcels are told apart by orders, a part is split off first."""
        rest = sum(item.quantity for item in self._unpacked(order)) - sum(item.quantity for item in packed)
        if self._account.options.parts_style == "labels" or not rest:
            return order, packed
        if not order.is_open:
            raise Locked(
                f"Order {order.content.order_number} is {order.status}: a label stands for all that is left of it."
            )
        part = self._desk.split(order.order_id, {item.line_item_key or "": item.quantity for item in packed})
        return part, part.items

    def _any_service(self, order: Order) -> tuple[str, str]:
        abroad = (order.content.details.get("shipTo") or {}).get("country") != "US"
        fitting = [
            (carrier.code, code)
            for carrier in CARRIERS
            for code, _, is_international in carrier.services
            if is_international == abroad or len(carrier.services) == 1
        ]
        return self._rng.choice(fitting)

    def _add(
        self,
        order: Order,
        packed: tuple[Item, ...],
        service: tuple[str, str],
        is_return: bool,
        batch_id: int,
        more_numbers: tuple[str, ...] = (),
    ) -> Shipment:
        carrier_code, service_code = service
        shipment = Shipment(
            shipment_id=self._account.next_id("shipment"),
            order=order,
            created_at=self._account.now(),
            ship_date=self._today(),
            carrier_code=carrier_code,
            service_code=service_code,
            tracking_number=made_up_tracking_number(carrier_code, self._rng),
            cost=Decimal(self._rng.randint(250, 4000)) / 100,
            is_return=is_return,
            batch_id=batch_id,
            items=packed,
            more_numbers=more_numbers,
        )
        self._account.add_shipment(shipment)
        if not is_return:
            self._stock.goods_left(order, packed, f"label {shipment.shipment_id}")
            self._ship(self._account.orders[order.order_id], shipment.ship_date)
        return shipment

    def _ship(self, order: Order, ship_date: date) -> None:
        content = replace(order.content, ship_date=ship_date)
        self._account.change(order, status="shipped", content=content, hold_until=None)

    def _pack(self, order: Order, lines: Mapping[str, int] | None) -> tuple[Item, ...]:
        if order.status not in ("awaiting_shipment", "shipped"):
            raise Locked(f"Order {order.content.order_number} is {order.status}: no label can be bought.")
        return take(self._unpacked(order), lines)

    def _unpacked(self, order: Order) -> tuple[Item, ...]:
        """Lines with the units that are in no live package. Marking as shipped covers everything."""
        if any(row.voided_at is None for row in self._account.fulfillments_of(order.order_id)):
            return ()
        packed: Counter[str] = Counter()
        for shipment in self._account.shipments_of(order.order_id):
            if shipment.voided_at is None and not shipment.is_return:
                packed.update(identity(item) for item in shipment.items for _ in range(item.quantity))
        rest = []
        for item in order.items:
            gone = min(packed[identity(item)], item.quantity)
            packed[identity(item)] -= gone
            rest.append(replace(item, quantity=item.quantity - gone))
        return tuple(item for item in rest if item.quantity > 0 and not item.adjustment)

    def _is_on_its_way(self, order: Order) -> bool:
        shipments = self._account.shipments_of(order.order_id)
        fulfillments = self._account.fulfillments_of(order.order_id)
        return any(row.voided_at is None and not row.is_return for row in shipments) or any(
            row.voided_at is None for row in fulfillments
        )

    def _today(self) -> date:
        return wall(self._account.now()).date()


def _awaits_shipment(order: Order) -> bool:
    return order.gone is None and order.status == "awaiting_shipment"
