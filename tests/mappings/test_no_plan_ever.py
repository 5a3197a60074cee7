"""Whatever our rows, Shopify and ShipStation say, and however little they fit: no plan touches what is closed, places more than
is left to ship, or cancels because something is not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.carry_over import CHANGEABLE
from mappings.consignments import added
from mappings.eligibility import location_of, remaining_units
from mappings.keys import order_key
from mappings.packed import packed_units, units_of
from mappings.plan_orders import plan_order
from mappings.plans import Consignment, Package, Plan, Standing, UpsertOrder
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import HERE, NOW, ORDER_ID, PROFILE, THERE, consignment, fulfillment_order, line, order
from tests.mappings.builders import package as builder_package

LINES = (7001, 7002)
Units = Counter[int]

counts = st.fixed_dictionaries({line_id: st.integers(0, 3) for line_id in LINES})
statuses = st.sampled_from(["OPEN", "IN_PROGRESS", "ON_HOLD", "SCHEDULED", "INCOMPLETE", "CLOSED", "CANCELLED"])
THERE_SHOWN = ["awaiting_payment", "awaiting_shipment", "on_hold", "shipped", "cancelled", "pending_fulfillment"]
truths = st.sampled_from(["not read", "none", *THERE_SHOWN])


@dataclass(frozen=True)
class World:
    order: OrderToShip
    consignments: list[Consignment]
    packages: list[Package]
    observed: dict[str, Order | None]

    def plan(self) -> Plan:
        return plan_order(PROFILE, self.order, self.consignments, self.packages, self.observed, NOW)

    def steps(self) -> list[UpsertOrder]:
        return [step for step in self.plan().steps if isinstance(step, UpsertOrder)]


@st.composite
def orders(draw: st.DrawFn) -> OrderToShip:
    parts = [
        fulfillment_order(9000 + n, {k: (min(left, 3), 3) for k, left in draw(counts).items()}, place, status=status)
        for n, (place, status) in enumerate(
            draw(st.lists(st.tuples(st.sampled_from([HERE, THERE]), statuses), max_size=3))
        )
    ]
    lines = [line(line_id, 3, currentQuantity=draw(st.integers(0, 3))) for line_id in LINES]
    paid = draw(
        st.sampled_from(["PAID", "PAID", "PARTIALLY_PAID", "PENDING", "PARTIALLY_REFUNDED", "REFUNDED", "VOIDED"])
    )
    cancelled_at = draw(st.sampled_from([None, None, None, "2026-11-20T17:30:00Z"]))
    return order(lines, parts, displayFinancialStatus=paid, cancelledAt=cancelled_at)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    known: list[Consignment] = []
    observed: dict[str, Order | None] = {}
    for n in range(1, 1 + draw(st.integers(0, 3))):
        units = draw(st.one_of(st.none(), counts))
        standing = draw(st.sampled_from(Standing)) if units else Standing.INTENDED
        one = consignment(units, standing, n, draw(st.sampled_from([HERE, THERE])))
        known.append(one)
        shown = draw(truths)
        if shown != "not read":
            lost = consignment(draw(counts), Standing.INTENDED, n, one.location_id)
            observed[one.order_key] = None if shown == "none" else _shown(one.applied or lost.applied, shown, n)
    packages = [
        builder_package(
            f"s{n}", {k: units for k, units in draw(counts).items() if units} or {7001: 1},
            draw(st.integers(1, 3)), draw(st.sampled_from([HERE, THERE])), voided=draw(st.booleans()),
            fulfillment_gid=draw(st.sampled_from([None, f"gid://shopify/Fulfillment/{n}"])),
        )
        for n in range(draw(st.integers(0, 2)))
    ]  # fmt: skip
    return World(draw(orders()), known, packages, observed)


def _shown(applied: Order | None, status: str, n: int) -> Order:
    shown = {**(applied or {}), "orderStatus": status, "orderId": 40 + n}
    return cast(Order, shown)


@given(worlds())
@settings(deadline=None)
def test_no_plan_writes_to_what_is_closed_or_was_not_looked_at(world: World) -> None:
    ours = {one.order_key for one in world.consignments}
    for step in world.steps():
        if step.order_key in ours:
            assert step.order_key in world.observed
        truth = world.observed.get(step.order_key)
        assert truth is None or truth.get("orderStatus") in CHANGEABLE


@given(worlds())
@settings(deadline=None)
def test_no_plan_places_more_than_is_left_to_ship_from_there(world: World) -> None:
    before = {one.order_key: units_of(_now(world, one)) for one in world.consignments}
    after = dict(before)
    for step in world.steps():
        is_cancelled = step.document["orderStatus"] == "cancelled"
        after[step.order_key] = Counter() if is_cancelled else units_of(step.document)
    for place in (HERE, THERE):
        left, was, now = (
            _left(world.order, place),
            _outstanding(world, before, place),
            _outstanding(world, after, place),
        )
        assert all(now[line_id] <= max(left[line_id], was[line_id]) for line_id in LINES)


def _left(of: OrderToShip, place: int) -> Units:
    """What Shopify has yet to ship from there, held or free."""
    parts = [
        one
        for one in of["fulfillmentOrders"]["nodes"]
        if location_of(one) == place and one["status"] in {"OPEN", "IN_PROGRESS", "ON_HOLD"}
    ]
    return added(remaining_units(one) for one in parts)


def _now(world: World, one: Consignment) -> Order | None:
    """What ShipStation has of it as far as anybody knows."""
    if shown := world.observed.get(one.order_key):
        return None if shown["orderStatus"] == "cancelled" else shown
    return None if one.standing is Standing.CANCELLED else one.applied


def _outstanding(world: World, units: Mapping[str, Units], place: int) -> Units:
    packed = packed_units(world.consignments, world.packages)
    return added(of - packed.of(key) for key, of in units.items() if key.split("-")[2] == str(place))


@given(worlds())
@settings(deadline=None)
def test_no_plan_cancels_because_something_is_not_seen(world: World) -> None:
    """Neither an order without fulfillment orders, which is not routed just now, nor a ShipStation order that does not show."""
    unrouted = {**world.order, "fulfillmentOrders": {"nodes": []}}
    lines = [line(line_id, 9, currentQuantity=9) for line_id in LINES]
    hidden = World({**unrouted, "lineItems": {"nodes": lines}}, world.consignments, [], world.observed)  # type: ignore[typeddict-item]
    if hidden.order["cancelledAt"] or hidden.order["displayFinancialStatus"] in {"REFUNDED", "VOIDED"}:
        return
    for step in hidden.steps():
        truth = hidden.observed.get(step.order_key)
        # A key of which nothing is wanted and that may still arrive is taken by a cancelled order without goods.
        assert step.document["orderStatus"] != "cancelled" or not +units_of(truth)
        assert not units_of(truth) - units_of(step.document)


@given(worlds())
@settings(deadline=None)
def test_an_order_that_shopify_does_not_show_is_left_alone(world: World) -> None:
    plan = plan_order(PROFILE, None, world.consignments, world.packages, world.observed, NOW)
    assert plan.steps == ()


def test_the_worlds_know_keys_of_every_place() -> None:
    """Or packages would never belong to a consignment, and the properties say little."""
    assert consignment({7001: 1}, n=2, location=THERE).order_key == order_key("main", ORDER_ID, THERE, 2)
