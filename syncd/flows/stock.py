"""ShipStation's stock <-> Shopify's, shelf by shelf, in the direction of its declared owner.

The unit of work is one look at everything: ShipStation tells no changes of stock and finds no lists of SKUs. Its turn is the
mark, the shift of whoever looks is the claim; from there on it goes the way of all work: observe, plan, intend, apply, settle.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from mappings import canonical
from mappings.causes import Cause
from mappings.stock import (
    Difference,
    Offered,
    Shelf,
    ShelfPlan,
    ShelfRef,
    Sight,
    consent_of,
    held_units,
    is_flood,
    left_from,
    plan_shelf,
)
from syncd.accounts import Accounts
from syncd.errors import AccessError, SyncError
from syncd.flows.stock_report import report_of
from syncd.flows.stock_writes import StockWriter, Written
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.shipstation.v2_client import ACCOUNT, ShipStationV2Client
from syncd.shipstation.v2_stock import Shelves, stock_at
from syncd.shopify.client import ShopifyClient
from syncd.shopify.stock import levels_at
from syncd.store.stock import (
    Control,
    HeldGoods,
    abandon_open,
    held_goods,
    keep_report,
    keys_in_shipstation,
    stock_controls,
)
from syncd.store.transaction import together

log = get_logger("stock")

NAME = "stock"
KEYS_AT_ONCE = 200


class Ours(NamedTuple):
    """SKU -> units that ShipStation holds for us, or that left without Shopify having been told; and what of them left."""

    held: Counter[str]
    left: Counter[str]


Held = dict[ShelfRef, Ours]
NOTHING = Ours(Counter(), Counter())

TAKEN_BACK = (Cause.CANCELLED_AFTER_LABEL, Cause.OVERSHIPPED)
"""Goods left that Shopify no longer counts as sold: nobody tells it of their package, it may stay so for good."""


@dataclass(frozen=True)
class StockBounds:
    """`settles_s`: how long a write without an answer may still be carried out. The other two are the brake's."""

    settles_s: float
    brake_share: float
    brake_least: int


@dataclass(frozen=True)
class Seen:
    """One look: the plans of all shelves that could be read, and why the stores of the others could not."""

    plans: tuple[ShelfPlan, ...]
    unread: Mapping[str, SyncError]


class StockFlow:
    """`db` is that of the shift in the daemon: what a replica writes that slept through its shift is refused."""

    name = NAME

    def __init__(
        self,
        shelves: Sequence[Shelf],
        shops: Mapping[str, ShopifyClient],
        shipstation: ShipStationV2Client,
        accounts: Accounts,
        db: Db,
        clock: Clock,
        rng: Rng,
        bounds: StockBounds,
    ) -> None:
        self._shelves = [shelf for shelf in shelves if shelf.store in shops]
        self._shops = shops
        self._shipstation = shipstation
        self._accounts = accounts
        self._db = db
        self._clock = clock
        self._bounds = bounds
        self._writer = StockWriter(shipstation, accounts, db, clock, rng, bounds.settles_s)
        self._unclear: dict[tuple[ShelfRef, str], Difference] = {}

    async def look(self) -> Seen:
        """Observe and plan. ShipStation is read before Shopify: what is sold meanwhile makes the offer smaller, never larger."""
        before = await self._held()
        there = await stock_at(self._shipstation, {shelf.place for shelf in self._shelves})
        await self._accounts.answered(ACCOUNT, NAME)
        read = await asyncio.gather(*(self._levels(store) for store in sorted({one.store for one in self._shelves})))
        after = await self._held()
        levels = {key: rows for found in read if isinstance(found, dict) for key, rows in found.items()}
        unread = {found[0]: found[1] for found in read if isinstance(found, tuple)}
        return Seen(tuple(self._plans(there, levels, _least(before, after))), unread)

    async def run(self, forced: Sequence[str] = ()) -> int:
        """One whole pass. How many numbers were written. `forced`: stores that a person just asked for."""
        now = self._clock.now()
        await self._db.run(abandon_open(NAME, now - timedelta(seconds=self._bounds.settles_s)))
        seen = await self.look()
        controls = await self._db.run(stock_controls())
        done = {}
        for plan in seen.plans:
            done[plan.sight.shelf.ref] = await self._carried_out(plan, controls.get(plan.sight.shelf.store), forced)
        self._remember_unclear(seen.plans)
        await self._settle(seen, done)
        return sum(one.count for one in done.values())

    def consent(self, store: str) -> str:
        """What a release of this store must have been for."""
        return consent_of(shelf for shelf in self._shelves if shelf.store == store)

    def _plans(self, there: Shelves, levels: Mapping[ShelfRef, Sequence[Offered]], held: Held) -> list[ShelfPlan]:
        shelves = [shelf for shelf in self._shelves if shelf.ref in levels]
        unread = [shelf.place for shelf in self._shelves if shelf.ref not in levels]
        alone = [_alone(shelf, there, held.get(shelf.ref, NOTHING), unread) for shelf in shelves]
        waiting = {sight.shelf.ref: sight.all_unseen(levels[sight.shelf.ref]) for sight in alone}
        beside = [sight.beside(_others(sight.shelf, shelves, waiting, there)) for sight in alone]
        return [plan_shelf(sight, levels[sight.shelf.ref]) for sight in beside]

    async def _held(self) -> Held:
        """Some consignments in each transaction: in a sale they are many, and webhooks want theirs in between."""
        held: Held = {}
        keys = await self._db.run(keys_in_shipstation())
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            for goods in await self._db.run(held_goods(some, TAKEN_BACK)):
                ours = held.setdefault((goods.store, goods.location_id), Ours(Counter(), Counter()))
                for known, units in zip(ours, _units(goods), strict=True):
                    known.update(units)
        return held

    async def _levels(self, store: str) -> dict[ShelfRef, list[Offered]] | tuple[str, SyncError]:
        """One store that cannot be read is no reason to leave the others alone."""
        client = self._shops[store]
        if refusal := self._accounts.refusal(client.account):
            return store, refusal
        found: dict[ShelfRef, list[Offered]] = {}
        try:
            for shelf in self._shelves:
                if shelf.store == store:
                    pages = [page async for page in levels_at(client, shelf.location_id)]
                    found[store, shelf.location_id] = [level for page in pages for level in page]
        except AccessError as error:
            await self._accounts.lost(error, NAME)
            return store, error
        except SyncError as error:
            return store, error
        await self._accounts.answered(client.account, NAME)
        return found

    async def _carried_out(self, plan: ShelfPlan, control: Control | None, forced: Sequence[str]) -> Written:
        shelf = plan.sight.shelf
        if shelf.owner == "none" or not plan.differences:
            return Written()
        if control is None or control.released_as != self.consent(shelf.store):
            return Written(waits_for="release")
        if control.is_frozen(self._clock.now()):
            return Written(waits_for="thaw")
        if shelf.store not in forced and is_flood(plan, self._bounds.brake_share, self._bounds.brake_least):
            log.error("stock.braked", store=shelf.store, location_id=shelf.location_id, count=len(plan.differences))
            return Written(waits_for="push")
        if shelf.owner == "shipstation":
            return await self._writer.to_shopify(self._shops[shelf.store], plan)
        return await self._writer.to_shipstation(self._shops[shelf.store], plan, self._ripe(plan))

    def _ripe(self, plan: ShelfPlan) -> list[Difference]:
        """Clear ones, and those that looked just the same the last time: nothing is on its way then."""
        before, ref = self._unclear, plan.sight.shelf.ref
        return [one for one in plan.differences if one.is_clear or before.get((ref, one.level.sku)) == one]

    def _remember_unclear(self, plans: Sequence[ShelfPlan]) -> None:
        self._unclear = {
            (plan.sight.shelf.ref, one.level.sku): one for plan in plans for one in plan.differences if not one.is_clear
        }

    async def _settle(self, seen: Seen, done: Mapping[ShelfRef, Written]) -> None:
        now = self._clock.now()
        reports = [keep_report(*one, now) for one in report_of(seen.plans, seen.unread, done)]
        await self._db.run(together(*reports))


def _units(goods: HeldGoods) -> Ours:
    """What may be told or free by now is not held for us; while a call has no answer a little less is offered. Nor is the rest of
    an order that counts as shipped."""
    applied, cancelled = canonical.loads(goods.applied), [canonical.loads(one) for one in goods.cancelled]
    sent = [*map(_lines, goods.told), left_from(applied, _known(goods.unnamed), cancelled)]
    unnamed = _known([*goods.unnamed, *goods.untold_unnamed])
    gone = [*map(_lines, [*goods.told, *goods.untold]), left_from(applied, unnamed, cancelled)]
    untold = held_units(applied, sent)
    left = untold - held_units(applied, gone)
    doubtful = untold - held_units(applied, [*sent, *map(_lines, goods.doubtful)])
    return Ours((left if goods.is_shipped else untold) - doubtful, left)


def _known(texts: Iterable[str]) -> list[dict[int, int]]:
    return [lines for lines in map(_lines, texts) if lines]


def _lines(text: str | None) -> dict[int, int] | None:
    """None: all."""
    return {int(line): units for line, units in json.loads(text).items()} if text else None


def _alone(shelf: Shelf, there: Shelves, ours: Ours, unread: Sequence[str]) -> Sight:
    """Without what other shelves sold. `unread`: the places of those that could not be read."""
    may_rise = not any(there.share_goods(shelf.place, place) for place in unread)
    return Sight(shelf, there.lying[shelf.place], ours.held, may_rise=may_rise, left=ours.left)


def _others(
    shelf: Shelf, shelves: Sequence[Shelf], waiting: Mapping[ShelfRef, Counter[str]], there: Shelves
) -> list[Counter[str]]:
    """What waits at other shelves for the same goods: of a whole warehouse, it may leave from each of its locations."""
    others = [one for one in shelves if one.ref != shelf.ref and there.share_goods(one.place, shelf.place)]
    return [waiting[other.ref] for other in others]


def _least(before: Held, after: Held) -> Held:
    """What ShipStation held, and had sent, all the time that we looked."""
    both = before.keys() & after.keys()
    return {key: Ours(before[key].held & after[key].held, before[key].left & after[key].left) for key in both}
