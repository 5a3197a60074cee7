"""Random edits, moves, holds, labels, voids, lost answers and missed reads: at rest both sides agree or a person is told."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mappings.causes import State, state_of
from mappings.consignments import added
from mappings.plan_orders import needs_shipstation_truth, plan_order
from mappings.plan_shipments import plan_shipments
from mappings.plans import (
    AdoptFulfillment,
    CancelFulfillment,
    CreateFulfillment,
    Plan,
    Step,
    UpdateTracking,
    UpsertOrder,
)
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import number_of
from tests.mappings.builders import HERE, NOW, PROFILE, THERE
from tests.mappings.vendors import LINES, Memory, ShipStation, Shopify, first_sale

SETTLES_S = 90.0
places = st.sampled_from([HERE, THERE])
lines = st.sampled_from(LINES)
answers = st.sampled_from(["", "", "before", "after"])
"""An answer arrives, or the call is lost on its way there, or on its way back."""


class Plans(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.shopify, self.shipstation, self.memory = Shopify(), ShipStation(), Memory()
        self.now: datetime = NOW
        self.heard_at: datetime | None = None

    @initialize()
    def sale(self) -> None:
        first_sale(self.shopify)

    # What people do.

    @precondition(lambda self: not self.shopify.cancelled)
    @rule(place=places, line=lines, units=st.integers(1, 2))
    def customer_adds(self, place: int, line: int, units: int) -> None:
        self.shopify.add(place, Counter({line: units}))

    @rule(line=lines)
    def merchant_removes(self, line: int) -> None:
        for work in self.shopify.works:
            if work.status in {"OPEN", "IN_PROGRESS"} and work.remaining[line]:
                return self.shopify.take(work, Counter({line: 1}))
        return None

    @rule(line=lines)
    def merchant_moves(self, line: int) -> None:
        for work in self.shopify.works:
            if work.status in {"OPEN", "IN_PROGRESS"} and work.remaining[line]:
                self.shopify.take(work, Counter({line: 1}))
                return self.shopify.add(THERE if work.location == HERE else HERE, Counter({line: 1}))
        return None

    @rule()
    def merchant_holds_or_releases(self) -> None:
        for work in self.shopify.works:
            if work.status in {"OPEN", "ON_HOLD"}:
                work.status = "ON_HOLD" if work.status == "OPEN" else "OPEN"
                return

    @precondition(lambda self: not any(status == "SUCCESS" for _, _, status, _ in self.shopify.sent.values()))
    @rule(really=st.integers(0, 5))
    def merchant_cancels(self, really: int) -> None:
        if really == 0:
            self.shopify.cancelled = True
            for work in self.shopify.works:
                work.remaining, work.total, work.status = Counter(), Counter(), "CLOSED"

    @rule(which=st.integers(0, 3))
    def merchant_cancels_a_fulfillment(self, which: int) -> None:
        live = [number for number, (_, _, status, _) in self.shopify.sent.items() if status == "SUCCESS"]
        if which < len(live):
            self.shopify.cancel_fulfillment(live[which])

    @rule(which=st.integers(0, 3), part=st.booleans())
    def warehouse_buys_a_label(self, which: int, part: bool) -> None:
        there = self.shipstation
        open_keys = [key for key in there.orders if there.unpacked(key) and not there.is_held(key)]
        if which < len(open_keys):
            units = self.shipstation.unpacked(open_keys[which])
            self.shipstation.buy(open_keys[which], Counter({min(units): 1}) if part else units)

    @rule(which=st.integers(0, 3))
    def warehouse_voids(self, which: int) -> None:
        live = [label for label in self.shipstation.labels if not label.voided]
        if which < len(live):
            self.shipstation.void(live[which])

    # What the daemon does, with answers lost on the way.

    @rule()
    def feeds(self) -> None:
        self._hear()

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def _hear(self) -> None:
        self.memory.hear(self.shipstation, self.now)
        self.heard_at = self.now

    @rule(lost=answers, read=st.booleans())
    def orders_flow(self, lost: str, read: bool) -> None:
        self._orders(lost, read)

    @rule(lost=answers)
    def shipments_flow(self, lost: str) -> None:
        self._shipments(lost)

    def _orders(self, lost: str = "", read: bool = True) -> Plan:
        memory = self.memory
        known, packages = list(memory.consignments.values()), list(memory.packages.values())
        order = self.shopify.to_ship()
        keys = needs_shipstation_truth(PROFILE, order, known, packages, self.now)
        observed: dict[str, Order | None] = {key: self.shipstation.orders.get(key) for key in keys if read}
        plan = plan_order(PROFILE, order, known, packages, observed, self.now)
        memory.observe(observed)
        for step in plan.steps:
            assert isinstance(step, UpsertOrder)
            memory.intend(step)
            if lost != "before":
                self.shipstation.upsert(step.document)
            if not lost:
                memory.accepted(step, self.shipstation.orders[step.order_key]["orderId"])
        return plan

    def _shipments(self, lost: str = "") -> Plan:
        memory = self.memory
        packages, known = list(memory.packages.values()), list(memory.consignments.values())
        order, trouble = self.shopify.shipped(), memory.trouble
        plan = plan_shipments(PROFILE, order, packages, self.now, SETTLES_S, known, self.heard_at, trouble)
        memory.trouble = plan.detail
        for key in plan.resolved:
            memory.resolved(key)
        for step in plan.steps:
            self._write(step, lost)
        return plan

    def _write(self, step: Step, lost: str) -> None:
        memory = self.memory
        if isinstance(step, AdoptFulfillment):
            return memory.reported(step, number_of(step.fulfillment_gid))
        assert isinstance(step, CreateFulfillment | UpdateTracking | CancelFulfillment)
        memory.tried(step.package_key, self.now)
        if lost == "before":
            return None
        if isinstance(step, CreateFulfillment):
            number = self.shopify.fulfill(step)
        elif isinstance(step, UpdateTracking):
            self.shopify.update_tracking(step)
            number = number_of(step.fulfillment_gid)
        else:
            self.shopify.cancel_fulfillment(number_of(step.fulfillment_gid))
        if lost:
            return None
        return (
            memory.resolved(step.package_key) if isinstance(step, CancelFulfillment) else memory.reported(step, number)
        )

    # What must be true once everybody rests.

    def teardown(self) -> None:
        for _ in range(8):
            self.now += timedelta(seconds=PROFILE.void_grace_s + SETTLES_S + 1)
            self._hear()
            # The sweep: what ShipStation shows of every order that we know.
            self.memory.observe({key: self.shipstation.orders.get(key) for key in self.memory.consignments})
            plans = [self._shipments(), self._orders()]
        assert [plan.steps for plan in plans] == [(), ()]
        self._each_package_reported_once()
        # A package whose goods Shopify holds is a person's case too: until then its units are in doubt.
        if not {State.PARKED, State.HELD} & {state_of(plan.cause) for plan in plans}:
            self._units_agree()

    def _each_package_reported_once(self) -> None:
        packages = self.memory.packages.values()
        stands = {one.tracking_number for one in packages if not one.voided}
        ours = [one.fulfillment_gid for one in packages if one.fulfillment_gid]
        assert len(ours) == len(set(ours))
        assert {number for _, number, status, _ in self.shopify.sent.values() if status == "SUCCESS"} <= stands
        told = added(lines for lines, _, status, _ in self.shopify.sent.values() if status == "SUCCESS")
        assert not told - added(Counter(one.lines) for one in packages if not one.voided)

    def _units_agree(self) -> None:
        """All that is free to go lies in ShipStation, unpacked, exactly once, and what is held at most on hold."""
        free = added(work.remaining for work in self.shopify.works if work.status in {"OPEN", "IN_PROGRESS"})
        held = added(work.remaining for work in self.shopify.works if work.status == "ON_HOLD")
        there = self.shipstation
        placed = added(there.unpacked(key) for key in there.orders if not there.is_held(key))
        on_hold = added(there.unpacked(key) for key in there.orders if there.is_held(key))
        assert free == placed
        assert not on_hold - held


TestPlans = Plans.TestCase
TestPlans.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
