"""Goods that come back: labels, their arrival, and the money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from syncd.errors import SyncError
from syncd.operate.returns import approve_refunds, waiting_refunds
from syncd.sandbox.shipstation.records import Shipment
from syncd.sandbox.shopify.state import Order, Refund
from syncd.simulation.day import ON_V2, Day
from syncd.simulation.desk import desk_of
from syncd.simulation.people import pick, shopify_orders
from syncd.simulation.sidelines.sideline import Deed, Sideline

POLICIES: Mapping[str, Mapping[str, Any]] = {
    "off": {"refund": "off"},
    "suggest": {"refund": "suggest"},
    "automatic": {"refund": "automatic", "refund_limit": 1000},
    "return": {"on_label": "return", "refund": "automatic", "refund_limit": 1000},
}
ASKS_S = 60.0
LONGEST_S = 3600.0
OURS = "[syncd return "


class Comebacks(Sideline):
    """`approved`: the returns of which a person agreed that money goes back."""

    def __init__(self, day: Day, policy: str) -> None:
        self.approved: set[str] = set()
        known: list[Deed] = [self.send_back, self.arrive]
        if policy == "suggest":
            known.append(self.approve)
        self.deeds: Mapping[str, Deed] = {deed.__name__: deed for deed in known}
        self._day = day
        self._policy = policy

    async def settle(self) -> None:
        ends = self._day.clock.monotonic() + LONGEST_S
        while await self.judge() and self._day.clock.monotonic() < ends:
            await self._day.passes(ASKS_S)
        await self._day.rest(LONGEST_S)

    async def judge(self) -> list[str]:
        return [*self._untold(), *self._undecided()]

    def broken(self) -> list[str]:
        """No refund without a policy, none before the goods arrived, none twice, none above what was paid."""
        return [problem for order in self._day.sold().values() for problem in self._overpaid(order)]

    def _overpaid(self, order: Order) -> Iterator[str]:
        labels = {key_of(one): one for one in self._labels()}
        if order.refunded > order.received:
            yield f"returns: {order.name} was paid back {order.refunded} of {order.received}"
        for line_id, units in sum((_units(one) for one in order.refunds), Counter[int]()).items():
            line = next(one for one in order.lines if one.id == line_id)
            if units > line.quantity:
                yield f"returns: {units} units of line {line_id} of {order.name} were paid back, {line.quantity} were sold"
        for key, refunds in _by_return(order).items():
            if len(refunds) > 1:
                yield f"returns: {len(refunds)} refunds for return {key} of {order.name}"
            if not self._may_be_paid(key, labels):
                yield f"returns: return {key} of {order.name} was paid back although nobody wanted it"
            back = self._brought(labels[key]) if key in labels else 0
            if sum(_units(refunds[0]).values()) > back:
                yield f"returns: {dict(_units(refunds[0]))} of {order.name} were paid back, {back} units came back in {key}"

    def _brought(self, label: Shipment) -> int:
        """Units, as far as the label tells: on V2 it stands for all that its package held."""
        parcel = self._day.shipstation.account.shipments.get(label.outbound_id or 0) if ON_V2 else None
        return sum((item.quantity for item in (parcel or label).items), 0)

    def _may_be_paid(self, key: str, labels: Mapping[str, Shipment]) -> bool:
        if self._policy == "suggest":
            return key in self.approved
        return self._policy != "off" and key in labels and self._has_arrived(labels[key])

    def _untold(self) -> Iterator[str]:
        """Each label is noted at its order once."""
        if self._policy == "return":
            return
        sold = self._day.sold()
        for label in self._labels():
            for order_id in sorted(shopify_orders(label) & sold.keys()):
                noted = (sold[order_id].note or "").count(f"{OURS}{key_of(label)}]")
                if noted > 1 or (noted == 0 and label.voided_at is None):
                    yield f"returns: {key_of(label)} stands {noted} times in the note of {sold[order_id].name}"

    def _undecided(self) -> Iterator[str]:
        """What arrived is paid back, or there is a reason why not."""
        if self._policy == "off":
            return
        for label in self._labels():
            if self._has_arrived(label) and label.voided_at is None:
                rows = self._day.rows(f"SELECT * FROM returns WHERE return_key = '{key_of(label)}'")
                if not rows or any(not (row["outcome"] or row["detail"] or row["suggested"]) for row in rows):
                    yield f"returns: {key_of(label)} arrived, and nothing was decided: {rows}"

    def _labels(self) -> list[Shipment]:
        return [one for one in self._day.shipstation.account.shipments.values() if one.is_return]

    def _has_arrived(self, label: Shipment) -> bool:
        return self._day.shipstation.carriage.journey(label.shipment_id).delivered_at is not None

    # people

    def send_back(self, number: int) -> None:
        """A customer gets a label, made from the label of the package, for one unit or for all that was in it. Nobody gets more of
        them than units."""
        shipments = self._day.shipstation.account.shipments
        parcel = pick([one for one in shipments.values() if not one.is_return and not one.voided_at], number)
        units = {
            item.line_item_key: item.quantity for item in parcel.items if item.line_item_key and not item.adjustment
        }
        if sum(one.outbound_id == parcel.shipment_id for one in shipments.values()) >= sum(units.values()):
            raise ValueError("a label for each unit is enough")
        if number % 2:
            units = dict.fromkeys(list(units)[:1], 1)
        self._day.touched |= shopify_orders(parcel)
        label = self._day.shipstation.labels.buy_label(parcel.order.order_id, lines=units, return_label=True)
        shipments[label.shipment_id] = replace(label, outbound_id=parcel.shipment_id)

    def arrive(self, number: int) -> None:
        label = pick([one for one in self._labels() if not self._has_arrived(one)], number)
        self._day.touched |= shopify_orders(label)
        self._day.shipstation.carriage.scan(label.shipment_id, "DE")

    async def approve(self, number: int) -> None:
        """Of what waits for that."""
        desk = await desk_of(self._day)
        try:
            chosen = str(pick((await waiting_refunds(desk))["refunds"], number)["return"])
            self.approved.add(chosen)
            await approve_refunds(desk, [chosen])
        except SyncError as error:
            raise ValueError("refused") from error


def key_of(label: Shipment) -> str:
    return f"s{label.shipment_id}"


def _units(refund: Refund) -> Counter[int]:
    return Counter({part.line.id: part.quantity for part in refund.lines})


def _by_return(order: Order) -> dict[str, list[Refund]]:
    """Return key -> what was paid back for it by us."""
    found: dict[str, list[Refund]] = {}
    for one in order.refunds:
        if OURS in (one.note or ""):
            key = (one.note or "").rpartition(OURS)[2].partition("]")[0]
            found.setdefault(key, []).append(one)
    return found
