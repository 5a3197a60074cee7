"""What must hold at every instant, judged by the vendors' own books and the daemon's database, never by what the daemon says."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from datetime import timedelta
from typing import Any

from syncd.intake.inbox import SHIPSTATION, SIGNED
from syncd.ports import Response
from syncd.sandbox.shipstation.records import Order as ShipStationOrder
from syncd.sandbox.shopify.state import Order
from syncd.sandbox.worlds import Delivery
from syncd.shipstation.signatures import event_id
from syncd.simulation.calls import CREATE_FULFILLMENT, TOLD, Call
from syncd.simulation.day import Day
from syncd.simulation.laws import Laws
from syncd.simulation.people import TYPED, shopify_orders
from syncd.simulation.sidelines.sideline import Sideline
from syncd.simulation.written import pushed, writes_orders

HALVED_WITHIN = timedelta(seconds=2)
"""A batch without an answer is sent once more, half by half."""
LONG_READ = timedelta(minutes=5)
"""Nobody holds on for so long to what he read."""
PAYABLE = frozenset({"PAID", "PARTIALLY_REFUNDED"})

UNNAMED = """
SELECT count(*) FROM (
  SELECT webhook_id FROM deliveries WHERE store = 'shipstation' AND topic <> :signed
  UNION SELECT webhook_id FROM read_deliveries WHERE store = 'shipstation' AND topic <> :signed
)
"""


class Watch:
    """`broken` holds one sentence for each violation; `befallen` what happened to which Shopify order, and how often."""

    def __init__(self, day: Day) -> None:
        self.broken: list[str] = []
        self.befallen: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.laws = Laws(day.engine, day.settings.limits.lease_s)
        self.sent = Counter[int]()
        """Documents that left for ShipStation, by Shopify order."""
        self.harmed = Counter[int]()
        """Of these, how many went wrong on their way."""
        self.sidelines: list[Sideline] = []
        self.writes = 0
        """Calls that arrived and change where goods go, but for those about `tried_again` alone."""
        self.tried_again: Set[int] = frozenset()
        """Shopify orders that ShipStation refused: whoever looks at one of them may try once more."""
        self.made: set[int] = set()
        """ShipStation orders that were ever made by a call."""
        self.doubled_unseen: dict[int, list[str]] = {}
        """By Shopify order whose regrouping no read showed yet when we wrote: lines that are there twice since. A person must
        have been told of it by the time all is at rest."""
        self._whole_when_sent: dict[int, Set[str]] = {}
        """By a request that the vendor will carry out late: the order keys of its documents that nobody had split or merged when it left."""
        self._day = day
        stores = ", ".join(f"'{name}'" for name in (*day.settings.stores, SHIPSTATION))
        read = f"SELECT 1 FROM read_deliveries WHERE store IN ({stores}) AND webhook_id = :id"
        """With all stores by their names: the index begins with them."""
        self._stored = f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = :id) OR EXISTS ({read})"
        self._unnamed = 0
        """Webhooks of V1 that were acknowledged: they have no id."""

    def befell(self, order_key: str, what: str) -> None:
        self.befallen[order_id_of(order_key)][what] += 1

    def seen(self) -> list[str]:
        """All that was broken so far."""
        beside = [problem for one in self.sidelines for problem in one.broken()]
        return [*self.broken, *self.laws.broken(), *beside]

    def leaves(self, call: Call, kind: str | None) -> None:
        """`kind` will go wrong with it."""
        keys = {row["orderKey"] for row in self._documents(call)}
        orders = [order_id_of(key) for key in keys]
        self.sent.update(orders)
        self.harmed.update(orders if kind else ())
        if keys and kind == "late_commit":
            self._whole_when_sent[id(call.request)] = keys - self._regrouped()

    def broke(self, call: Call) -> None:
        """One order of this batch made it fail for all."""
        self.harmed.update(order_id_of(row["orderKey"]) for row in self._documents(call))

    def _documents(self, call: Call) -> list[dict[str, Any]]:
        """What it writes of orders: whole documents, and of one that V2 cancels its key and state alone."""
        if not writes_orders(call.request):
            return []
        orders = self._day.shipstation.account.orders
        return [
            row if "orderKey" in row else {**row, "orderKey": orders[row["orderId"]].key}
            for row in pushed([call.request])
        ]

    # S1: a webhook is stored before it is acknowledged

    def acked(self, delivery: Delivery) -> None:
        webhook_id = delivery.headers.get("X-Shopify-Webhook-Id", "")
        if "/shipstation-v2/" in delivery.url:
            webhook_id = event_id(delivery.headers, delivery.body)
        if webhook_id:
            is_stored = self._count(self._stored, id=webhook_id)
            self._expect(bool(is_stored), f"S1 webhook {webhook_id} was acknowledged and is not stored")
            return
        self._unnamed += 1
        stored = self._count(UNNAMED, signed=SIGNED)
        self._expect(stored >= self._unnamed, f"S1 {self._unnamed} ShipStation webhooks acked, {stored} stored")

    # S3, S6: nothing is sent that nobody ordered, and nothing that was not written down before

    def arrived(self, call: Call) -> None:
        for sideline in self.sidelines:
            sideline.arrives(call.request)
        if documents := self._documents(call):
            self.writes += not {order_id_of(row["orderKey"]) for row in documents} <= self.tried_again
            self._judge_documents(documents, self._whole_when_sent.pop(id(call.request), frozenset()))
        elif call.site in TOLD:
            self.writes += 1
            fact = _told_fact(call)
            found = self._count(
                "SELECT count(*) FROM journal WHERE flow = 'shipments' AND facts LIKE :fact", fact=f"%{fact}%"
            )
            self._expect(found > 0, f"S6 {call.site} of {fact} arrived without an intent")

    def _judge_documents(self, documents: Sequence[dict[str, Any]], whole_when_sent: Set[str]) -> None:
        sold, there = self._day.sold(), dict[str, ShipStationOrder]()
        for one in self._day.shipstation.account.orders.values():
            there.setdefault(one.key, one)
        for row in documents:
            self._judge_document(
                row, sold.get(order_id_of(row["orderKey"])), there.get(row["orderKey"]), whole_when_sent
            )

    def _regrouped(self) -> Set[str]:
        return {one.key for one in self._day.shipstation.account.orders.values() if _is_regrouped(one)}

    def _judge_document(
        self, row: dict[str, Any], order: Order | None, there: ShipStationOrder | None, whole_when_sent: Set[str]
    ) -> None:
        key = row["orderKey"]
        found = self._count("SELECT count(*) FROM journal WHERE flow = 'orders' AND key = :key", key=key)
        self._expect(found > 0, f"S6 order {key} arrived without an intent")
        if order is None:
            self._break(f"S3 order {key} stands for no Shopify order")
        elif row["orderStatus"] == "awaiting_shipment" and not self.befallen[order.id]:
            is_wanted = order.financial_status in PAYABLE and not order.cancelled_at and not order.test
            self._expect(is_wanted, f"S3 order {key} of {order.name}: {order.financial_status}, test {order.test}")
        if order and there and there.is_open:
            self._judge_change(row, order, there)
        if there and _is_regrouped(there) and (key in whole_when_sent or self._is_unseen(there)):
            for order_id in shopify_orders(there):
                self.doubled_unseen.setdefault(order_id, [])

    def _is_unseen(self, there: ShipStationOrder) -> bool:
        """A person split or merged it, and reads lag so far behind that they still show it as it was; or did so a moment after it was
        made, before the batch that made it without an answer was sent once more in halves (`docs/reliability.md`, by design)."""
        seen = self._day.shipstation.account.order_seen(there.order_id)
        is_new = there.created_at > self._day.vendors_now() - HALVED_WITHIN
        return is_new or (seen is not None and not seen.is_merged_or_split)

    # what is there stays there unless somebody wants it otherwise

    def _judge_change(self, row: dict[str, Any], order: Order, there: ShipStationOrder) -> None:
        if row["orderStatus"] == "cancelled" and not self.befallen[order.id]:
            is_wanted = order.financial_status in PAYABLE and not order.cancelled_at and order.risk_level == "LOW"
            self._expect(not is_wanted, f"order {there.key} is cancelled, and nobody wanted it")
        if "shipTo" in row and there.modified_at < self._day.vendors_now() - LONG_READ:
            self._judge_typed(row, there)

    def _judge_typed(self, row: dict[str, Any], there: ShipStationOrder) -> None:
        note = str(there.content.details.get("internalNotes") or "")
        if note.startswith("shelf"):
            self._expect(row.get("internalNotes") == note, f"order {there.key}: the warehouse's note is overwritten")
        street = str((there.content.details.get("shipTo") or {}).get("street1"))
        if street.startswith(TYPED) and row["orderStatus"] != "cancelled":
            self._expect(row["shipTo"]["street1"] == street, f"order {there.key}: the typed address is overwritten")

    # S2, S4, S5, S14: nothing is there twice

    def carried_out(self, call: Call, response: Response) -> None:
        if writes_orders(call.request):
            self.judge_orders()
        elif call.site == CREATE_FULFILLMENT:
            self.judge_fulfillments()

    def judge_orders(self) -> None:
        alive = [one for one in self._day.shipstation.account.orders.values() if one.gone is None]
        self.made |= {one.order_id for one in alive}
        keys = Counter(one.key for one in alive if one.status != "cancelled")
        for key, count in keys.items():
            if count != 1:
                self._break(f"S2 {count} active ShipStation orders with the key {key}")
        placed: defaultdict[str, int] = defaultdict(int)
        for one in alive:
            for row in self._contents(one):
                for item in row.items:
                    if not item.adjustment and item.line_item_key:
                        placed[item.line_item_key] += item.quantity
        ordered = {f"{o.id}:{line.id}": line.quantity for o in self._day.sold().values() for line in o.lines}
        for key, units in placed.items():
            if units > ordered.get(key, 0) and "force" not in self.befallen[int(key.partition(":")[0])]:
                problem = f"S2 line {key}: {units} units in ShipStation, {ordered.get(key, 0)} ordered"
                unseen = self.doubled_unseen.get(int(key.partition(":")[0]))
                if unseen is None:
                    self._break(problem)
                elif problem not in unseen:
                    unseen.append(problem)

    def _contents(self, order: ShipStationOrder) -> Sequence[Any]:
        """What holds the units that this order stands for: itself while it is open, its packages once it is closed."""
        account = self._day.shipstation.account
        if order.status == "cancelled":
            return ()
        if order.is_open or account.fulfillments_of(order.order_id):
            return (order,)
        return [one for one in account.shipments_of(order.order_id) if not one.voided_at and not one.is_return]

    def judge_fulfillments(self) -> None:
        for order in self._day.sold().values():
            if order.fulfillments:
                self._judge_fulfilled(order)

    def _judge_fulfilled(self, order: Order) -> None:
        """Of every such order after every deed: words are found only where something is wrong."""
        packages: defaultdict[str | None, int] = defaultdict(int)
        mails: defaultdict[str, int] = defaultdict(int)
        fulfilled: defaultdict[int, int] = defaultdict(int)
        for one in order.fulfillments:
            if len(one.mailed) > 1:
                self._break(f"S14 {order.name}: {len(one.mailed)} mails about fulfillment {one.name}")
            for mailed in filter(None, one.mailed):
                mails[mailed] += 1
            if one.status == "SUCCESS":
                for row in one.tracking:
                    packages[row.number] += 1
                for part in one.lines:
                    fulfilled[part.line.id] += part.quantity
        for number, count in packages.items():
            if count != 1 and _told(order, number) - self._packed(
                number
            ):  # the rest of an overpacked box may be wanted later
                self._break(f"S4 {order.name}: {count} live fulfillments of package {number}")
        for number, count in mails.items():
            if count > 1:
                self._break(f"S14 {order.name}: {count} mails about package {number}")
        for line in order.lines:
            if fulfilled[line.id] > line.quantity:
                self._break(f"S5 {order.name}: line {line.id} is over-fulfilled")

    def _packed(self, number: str | None) -> Counter[str]:
        units: Counter[str] = Counter()
        for shipment in self._day.shipstation.account.shipments.values():
            if number and shipment.tracking_number == number:
                units.update({item.line_item_key or "": item.quantity for item in shipment.items})
        return units

    # S12: within the vendors' limits

    def judge_calls(self) -> None:
        """Not where a clock was set: one life, or replica, reads in the ledger what another wrote by its own (docs/replicas.md)."""
        if any(one.was_set for one in self._day.replicas):
            return
        calls = self._day.shipstation.state()["calls"]
        limit = self._day.shipstation.account.options.requests_per_window
        most = calls["most_in_a_window"]
        self._expect(most <= limit, f"S12 {most} calls in a window of {limit}")

    def _count(self, statement: str, **values: Any) -> int:
        """By the driver itself: this is asked after each webhook."""
        with self._day.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            return int(driver.execute(statement, values).fetchone()[0])

    def _expect(self, holds: bool, problem: str) -> None:
        if not holds:
            self._break(problem)

    def _break(self, problem: str) -> None:
        if problem not in self.broken:
            self.broken.append(problem)


def order_id_of(order_key: str) -> int:
    return int(order_key.split("-")[1])


def _is_regrouped(there: ShipStationOrder) -> bool:
    return there.is_merged_or_split or there.gone == "merged"


def _told_fact(call: Call) -> str:
    """What the journal's facts must hold of a call to Shopify: the tracking number, or the fulfillment."""
    variables = json.loads(call.request.body or b"{}")["variables"]
    if call.site == CREATE_FULFILLMENT:
        return str((variables["fulfillment"].get("trackingInfo") or {}).get("number") or "units")
    return str(variables["id"])


def _told(order: Order, number: str | None) -> Counter[str]:
    """Units by lineItemKey that live fulfillments tell of this package."""
    units: Counter[str] = Counter()
    for one in order.fulfillments:
        if one.status == "SUCCESS" and any(row.number == number for row in one.tracking):
            units.update({f"{order.id}:{part.line.id}": part.quantity for part in one.lines})
    return units
