"""Stock: what the warehouse has free, what Shopify offers, and what people do to both."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress

from mappings.stock import Owner, consent_of
from syncd.errors import SyncError
from syncd.operate.stock import push_stock
from syncd.sandbox.shipstation.records import OPEN_STATUSES, Item
from syncd.sandbox.shopify.goods import PHYSICAL
from syncd.sandbox.shopify.state import Order
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of
from syncd.simulation.people import pick
from syncd.simulation.sidelines.sideline import Deed, Sideline
from syncd.simulation.verdict import is_told_to_a_person
from syncd.wiring import shelves

PLACE, SHELF = 82734627, 701
"""The location, and the inventory location that its goods lie at."""
SKUS = tuple(one.sku or "" for one in PHYSICAL)
SCAN_S = 60.0
COUNTED = 60
OLDEST_LOOK_S = 600.0
"""What a write was computed from is not older: a look, and its calls' turns."""
LONGEST_S = 3600.0
STILL_BELIEVED = """SELECT shipstation_order_id FROM consignments
    WHERE standing = 'open' AND coalesce(seen_status, '') <> 'cancelled'"""


def lay_out(day: Day, units: int) -> None:
    """So many of each article on both sides."""
    for sku in SKUS:
        day.shopify.people.count(sku, units, PLACE)
        day.shipstation.stock.count(sku, SHELF, units)


def agree(day: Day) -> None:
    """As a person does who runs `syncd stock push`."""
    consent = consent_of(one for one in shelves(day.settings) if one.store == "main")
    day.execute(f"INSERT INTO stock_controls (store, released_as) VALUES ('main', '{consent}')")


def here(day: Day) -> dict[str, tuple[int, int]]:
    """SKU -> on hand and available in Shopify."""
    levels = day.shopify.people.shop(None).stock.levels()
    return {one.variant.sku or "": (one.on_hand, one.available) for one in levels if one.location_id == PLACE}


def there(day: Day) -> dict[str, tuple[int, int]]:
    """The same in ShipStation."""
    levels = day.shipstation.stock.levels()
    return {one.sku: (one.on_hand, one.available) for one in levels if one.location.location_id == SHELF}


def free_units(day: Day) -> Counter[str]:
    """All that ever came to the shelf, less all that was sold and not taken back, but for what ShipStation let go."""
    free = _let_go(day) + _cancelled_unseen(day)
    for movement in day.shipstation.stock.ledger:
        if movement.kind not in ("shipped", "voided"):
            free[movement.sku] += movement.delta
    for order in day.sold().values():
        for line in order.lines if order.cancelled_at is None else ():
            free[line.sku or ""] -= line.current_quantity
    return free


def _let_go(day: Day) -> Counter[str]:
    """Units of orders that ShipStation counts as shipped and that are in no package: it holds them for nobody, and so offers
    them, until the daemon has placed them anew."""
    account, units = day.shipstation.account, Counter[str]()
    for order in account.orders.values():
        if order.status == "shipped" and not account.fulfillments_of(order.order_id):
            left = _goods(order.items)
            for shipment in account.shipments_of(order.order_id):
                if shipment.voided_at is None and not shipment.is_return:
                    left.subtract(_goods(shipment.items))
            units += left
    return units


def _cancelled_unseen(day: Day) -> Counter[str]:
    """Units of orders that somebody cancelled in ShipStation by hand: it holds them for nobody, and so offers them, until a sweep
    or another look has shown that to the daemon."""
    units = Counter[str]()
    if not day.shipstation.desk.cancelled:
        return units
    believed = {row["shipstation_order_id"] for row in day.rows(STILL_BELIEVED)}
    for order_id in day.shipstation.desk.cancelled & believed:
        units += _goods(day.shipstation.account.orders[order_id].items)
    return units


def _left_behind(day: Day) -> Counter[str]:
    """Units in open parts that somebody split off an order that left: ShipStation holds them, and we do not know it."""
    orders, units = day.shipstation.account.orders, Counter[str]()
    for order in orders.values():
        parent = orders.get(order.parent_id or 0)
        if parent and parent.status == "shipped" and order.status in OPEN_STATUSES:
            units += _goods(order.items)
    return units


def _goods(items: Iterable[Item]) -> Counter[str]:
    goods: Counter[str] = Counter()
    for item in items:
        if not item.adjustment:
            goods[item.sku or ""] += item.quantity
    return goods


def stale_writes(day: Day) -> list[str]:
    """Writes over what they had not been computed from."""
    writes = day.shopify.people.shop(None).stock.writes
    return [
        f"stock: {one.variant_id} was {one.before}, written as if it were {one.compared}"
        for one in writes
        if one.compared != one.before
    ]


class Shelves(Sideline):
    """`edited_at`: when a person changed numbers; `oversold`: what was offered and had not been free within the window."""

    def __init__(self, day: Day, owner: Owner, window_s: float = OLDEST_LOOK_S) -> None:
        self.edited_at: dict[str, float] = {}
        self.oversold: list[str] = []
        known: list[Deed] = [self.type_over]
        if owner == "shipstation":
            known += [self.receive, self.lose, self.give_back]
        self.deeds: Mapping[str, Deed] = {deed.__name__: deed for deed in known}
        self.bars = frozenset({"move", "rename"})
        """From there on nobody knows at which of two places the goods lie, or which are the same."""
        self.day = day
        self._owner = owner
        self._window_s = window_s
        self._free: deque[tuple[float, Counter[str]]] = deque()
        self._seen_writes = 0

    def begin(self) -> None:
        lay_out(self.day, COUNTED)
        agree(self.day)
        self.look()

    def look(self) -> None:
        now = self.day.clock.monotonic()
        self._free.append((now, free_units(self.day)))
        while self._free[0][0] < now - self._window_s:
            self._free.popleft()

    def judge_offers(self, skus: Iterable[str]) -> None:
        """Shopify never offers more than the warehouse had free within the window."""
        now, offered = self.day.clock.monotonic(), here(self.day)
        for sku in skus:
            available, most = offered[sku][1], max(units[sku] for _, units in self._free)
            if available > max(most, 0) and now - self.edited_at.get(sku, -self._window_s) > self._window_s:
                self.oversold.append(f"stock: {now:.0f}: {available} {sku} offered, at most {most} were free")

    async def work(self) -> None:
        """Each write must have been right a short while ago, also where nobody could write for hours."""
        while True:
            await asyncio.sleep(1.0)
            self.look()
            shop = self.day.shopify.people.shop(None)
            fresh, self._seen_writes = shop.stock.writes[self._seen_writes :], len(shop.stock.writes)
            self.judge_offers(sorted({shop.variants[one.variant_id].sku or "" for one in fresh}))

    async def settle(self) -> None:
        """A person who is asked whether so many articles may stop being sold says yes."""
        await self.day.passes(2 * SCAN_S)
        ends = self.day.clock.monotonic() + LONGEST_S
        while await self.judge() and self.day.clock.monotonic() < ends:
            if self._is_braked():
                with suppress(SyncError):
                    await push_stock(await desk_of(self.day), ["main"])
            await self.day.passes(SCAN_S)

    def _is_braked(self) -> bool:
        reports = self.day.rows("SELECT report FROM stock_controls WHERE report IS NOT NULL")
        return any(shelf["waits_for"] == "push" for row in reports for shelf in json.loads(row["report"])["shelves"])

    async def judge(self) -> list[str]:
        """What lies there is what lies here, but for goods of orders that a person must look at: a package of one may have left of
        which Shopify cannot be told. Of less than nothing one of them may say nothing (seed 240124). What lies in a part of an order that left is offered too little."""
        asked = {number for number, one in (await self.day.told()).items() if is_told_to_a_person(one)}
        unclear = {line.sku for number in asked for line in self.day.sold()[number].lines}
        ours, theirs, behind = here(self.day), there(self.day), _left_behind(self.day)
        return [
            f"stock: {ours[sku][0]} {sku} on hand in Shopify, {theirs[sku][0]} in ShipStation"
            for sku in SKUS
            if sku not in unclear
            and ours[sku][0] != theirs[sku][0]
            and not 0 <= max(theirs[sku][0], 0) - self._wished(ours[sku][0]) <= behind[sku]
        ]

    def _wished(self, on_hand: int) -> int:
        """A shop may sell more than it has, and no shelf holds less than nothing."""
        return max(on_hand, 0) if self._owner == "shopify" else on_hand

    def broken(self) -> list[str]:
        return [*(self.oversold if self._owner == "shipstation" else ()), *stale_writes(self.day)]

    # people

    def receive(self, number: int) -> None:
        self.day.shipstation.stock.change("increment", SHELF, SKUS[number % 10], 1 + number % 7, "received")

    def lose(self, number: int) -> None:
        sku = SKUS[number % 10]
        there_now = max(there(self.day)[sku][1], 0)
        self.day.shipstation.stock.change("decrement", SHELF, sku, min(there_now, 1 + number % 40), "broken")

    def give_back(self, number: int) -> None:
        """Goods come back: Shopify restocks them, and the warehouse puts them on the shelf."""
        order: Order = pick([one for one in self.day.sold().values() if one.fulfillments], number)
        line = pick(order.lines, number // 3)
        self.day.touched.add(order.id)
        self.day.shopify.people.refund(order.id, lines={line.id: 1}, restock_type="RETURN")
        self.day.shipstation.stock.change("increment", SHELF, line.sku or "", 1, "came back")
        self.edited_at[line.sku or ""] = self.day.clock.monotonic()

    def type_over(self, number: int) -> None:
        """Somebody corrects a number in Shopify's admin by hand."""
        sku = SKUS[number % 10]
        self.day.shopify.people.count(sku, here(self.day)[sku][0] + number % 9, PLACE)
        self.edited_at[sku] = self.day.clock.monotonic()
