"""A small model of both vendors for one order, with only what they promise, and our memory beside it.

ShipStation upserts by key and refuses closed orders; Shopify fulfills from one place and no more than remains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from mappings.consignments import added
from mappings.observed import as_observed
from mappings.packed import units_of
from mappings.plans import (
    AdoptFulfillment,
    Consignment,
    CreateFulfillment,
    Package,
    Standing,
    UpdateTracking,
    UpsertOrder,
)
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import Fulfillment, OrderShipped, OrderToShip, number_of
from tests.mappings.builders import (
    HERE,
    NOW,
    PLACED_AT,
    fulfillment,
    fulfillment_order,
    gid,
    line,
    order,
    order_shipped,
)

Units = Counter[int]
LINES = (7001, 7002)


@dataclass
class Work:
    """A fulfillment order. `total` and `remaining` by line."""

    number: int
    location: int
    remaining: Units
    total: Units
    status: str = "OPEN"


@dataclass
class Shopify:
    works: list[Work] = field(default_factory=list)
    sent: dict[int, tuple[Units, str, str, list[tuple[Work, Units]]]] = field(default_factory=dict)
    """Fulfillment number -> lines, tracking number, status, where the units came from."""
    cancelled: bool = False

    def work(self, location: int) -> Work:
        for one in self.works:
            if one.location == location and one.status in {"OPEN", "IN_PROGRESS"}:
                return one
        self.works.append(Work(len(self.works) + 1, location, Counter(), Counter()))
        return self.works[-1]

    def add(self, location: int, units: Units) -> None:
        one = self.work(location)
        one.remaining, one.total = one.remaining + units, one.total + units

    def take(self, one: Work, units: Units) -> None:
        one.remaining, one.total = one.remaining - units, one.total - units
        self._settle(one)

    def fulfill(self, step: CreateFulfillment) -> int:
        """As fulfillmentCreate: asserts what Shopify would refuse."""
        by_gid = {gid("FulfillmentOrder", one.number): one for one in self.works}
        parts = [(by_gid[number], self._units(by_gid[number], lines)) for number, lines in step.lines.items()]
        assert parts
        assert len({one.location for one, _ in parts}) == 1
        for one, units in parts:
            assert one.status in {"OPEN", "IN_PROGRESS"}
            assert units
            assert not units - one.remaining
            one.remaining = one.remaining - units
            self._settle(one)
        number = len(self.sent) + 1
        self.sent[number] = (added(units for _, units in parts), step.tracking_number or "", "SUCCESS", parts)
        return number

    def update_tracking(self, step: UpdateTracking) -> None:
        number = number_of(step.fulfillment_gid)
        lines, _, status, parts = self.sent[number]
        assert status == "SUCCESS"
        self.sent[number] = (lines, step.tracking_number or "", status, parts)

    def cancel_fulfillment(self, number: int) -> None:
        """Once more does nothing."""
        lines, tracking, status, parts = self.sent[number]
        if status == "CANCELLED":
            return
        self.sent[number] = (lines, tracking, "CANCELLED", parts)
        for one, units in parts:
            if one.status == "CLOSED":
                one.remaining = one.remaining + units  # the ghost
                self.works.append(Work(len(self.works) + 1, one.location, units, units))
            else:
                one.remaining = one.remaining + units
                self._settle(one)

    def to_ship(self) -> OrderToShip:
        sold = added(one.remaining for one in self.works if one.status not in {"CLOSED", "CANCELLED"})
        sold = sold + added(lines for lines, _, status, _ in self.sent.values() if status == "SUCCESS")
        lines = [line(number, 99, currentQuantity=sold[number]) for number in LINES]
        return order(lines, self._nodes(), cancelledAt=PLACED_AT if self.cancelled else None)

    def shipped(self) -> OrderShipped:
        rows: list[Fulfillment] = [
            fulfillment(number, lines, tracking, status, NOW)
            for number, (lines, tracking, status, _) in self.sent.items()
        ]
        return order_shipped(self._nodes(), rows, self.cancelled)

    def _nodes(self) -> list:  # type: ignore[type-arg]
        return [
            fulfillment_order(
                one.number,
                {number: (one.remaining[number], one.total[number]) for number in LINES if one.total[number]},
                one.location,
                status=one.status,
            )
            for one in self.works
        ]

    def _units(self, one: Work, lines: Mapping[str, int]) -> Units:
        places = [number for number in LINES if one.total[number]]
        return Counter({places[number_of(line_gid) % 100]: units for line_gid, units in lines.items()})

    def _settle(self, one: Work) -> None:
        if one.status in {"OPEN", "IN_PROGRESS"}:
            begun = one.total - one.remaining
            one.status = "CLOSED" if not +one.remaining else "IN_PROGRESS" if begun else "OPEN"


@dataclass
class Label:
    shipment_id: int
    order_key: str
    lines: Units
    voided: bool = False


@dataclass
class ShipStation:
    orders: dict[str, Order] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)

    def upsert(self, document: Order) -> None:
        key = document["orderKey"]
        before = self.orders.get(key)
        if before is not None:
            assert before["orderStatus"] in {"awaiting_shipment", "on_hold"}, "a step on a closed order"
            assert document.get("orderId", before["orderId"]) == before["orderId"]
        order_id = before["orderId"] if before else len(self.orders) + 41
        self.orders[key] = cast(Order, {**document, "orderId": order_id})

    def packed(self, key: str) -> Units:
        return added(label.lines for label in self.labels if label.order_key == key and not label.voided)

    def unpacked(self, key: str) -> Units:
        document = self.orders[key]
        return Counter() if document["orderStatus"] == "cancelled" else units_of(document) - self.packed(key)

    def is_held(self, key: str) -> bool:
        return self.orders[key]["orderStatus"] == "on_hold"

    def buy(self, key: str, lines: Units) -> None:
        self.labels.append(Label(len(self.labels) + 1, key, lines))
        self.orders[key]["orderStatus"] = "shipped"

    def void(self, label: Label) -> None:
        label.voided = True
        if not self.packed(label.order_key) and self.orders[label.order_key]["orderStatus"] == "shipped":
            self.orders[label.order_key]["orderStatus"] = "awaiting_shipment"


@dataclass
class Memory:
    """What the store would keep."""

    consignments: dict[str, Consignment] = field(default_factory=dict)
    packages: dict[str, Package] = field(default_factory=dict)
    trouble: str = ""
    """What the last plan of the packages could not make right."""

    def hear(self, shipstation: ShipStation, now: datetime) -> None:
        """The shipment feeds."""
        for label in shipstation.labels:
            key = f"s{label.shipment_id}"
            package = Package(key, label.order_key, label.voided, f"T{label.shipment_id}", "ups", None, label.lines)
            known = self.packages.get(key)
            self.packages[key] = replace(known, voided=label.voided) if known else package
            if label.voided and not self.packages[key].voided_at:
                self.packages[key] = replace(self.packages[key], voided_at=now)

    def observe(self, observed: Mapping[str, Order | None]) -> None:
        for key, document in observed.items():
            self.consignments[key] = as_observed(self.consignments[key], document)

    def intend(self, step: UpsertOrder) -> None:
        fresh = Consignment(step.order_key, step.location_id, step.split_group, step.n, Standing.INTENDED)
        known = self.consignments.get(step.order_key, fresh)
        held, cancelled = known.hold_in_doubt or step.kind == "hold_order", step.kind == "cancel_order"
        cancelled = cancelled or known.cancel_in_doubt
        unsure = replace(known, standing=Standing.INTENDED, hold_in_doubt=held, cancel_in_doubt=cancelled)
        self.consignments[step.order_key] = unsure

    def accepted(self, step: UpsertOrder, order_id: int) -> None:
        standing = Standing.CANCELLED if step.kind == "cancel_order" else Standing.OPEN
        known = self.consignments[step.order_key]
        self.consignments[step.order_key] = replace(
            known,
            standing=standing,
            applied=step.applied,
            shipstation_order_id=order_id,
            hold_in_doubt=False,
            cancel_in_doubt=False,
        )

    def tried(self, package_key: str, now: datetime) -> None:
        self.packages[package_key] = replace(self.packages[package_key], intended_at=now)

    def reported(self, step: CreateFulfillment | AdoptFulfillment | UpdateTracking, number: int) -> None:
        fulfillment = gid("Fulfillment", number)
        for key, other in self.packages.items():
            if other.fulfillment_gid == fulfillment and key != step.package_key:
                assert other.voided
                self.packages[key] = replace(other, fulfillment_gid=None)
        told = None if isinstance(step, UpdateTracking) else step.told
        package = self.packages[step.package_key]
        self.packages[step.package_key] = replace(package, fulfillment_gid=fulfillment, intended_at=None, told=told)

    def resolved(self, package_key: str) -> None:
        self.packages[package_key] = replace(self.packages[package_key], intended_at=None)


def first_sale(shopify: Shopify) -> None:
    shopify.add(HERE, Counter({LINES[0]: 2, LINES[1]: 1}))
