"""Carries out what one look planned for a shelf: every call is in the journal before it leaves, and compares before it writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

from mappings.stock import Difference, Shelf, ShelfPlan, Sight
from syncd.accounts import Accounts
from syncd.errors import AccessError, SyncError, UncertainError
from syncd.flows.looks import outcome_of
from syncd.flows.settle import closed_entry
from syncd.flows.work import Outcome, Result
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_stock import change_on_hand, stock_at
from syncd.shopify.client import ShopifyClient
from syncd.shopify.stock import MOST_LEVELS, NewLevel, levels_of, set_levels
from syncd.store.journal import NewEntry, close_intents, open_intents
from syncd.store.stock import open_keys

log = get_logger("stock")

FLOW = "stock"
ROUNDS = 3
"""So often a call whose numbers moved is computed anew; then the next look does it."""
HALVINGS = 16
"""So often in one pass over a shelf, some SKUs that sell too fast are looked for by halves: each costs up to twice the rounds."""
REPEATS = 2
REPEAT_S = 2.0


@dataclass
class Written:
    """`waits_for` is release, thaw or push where a person must act first."""

    count: int = 0
    moved: int = 0
    halvings: int = 0
    refused: list[str] = field(default_factory=list)
    """SKU and the vendor's reason."""
    waits_for: str = ""
    stopped_by: str = ""


class StockWriter:
    def __init__(
        self,
        shipstation: ShipStationV2Client,
        accounts: Accounts,
        db: Db,
        clock: Clock,
        rng: Rng,
        settles_s: float,
    ) -> None:
        self._shipstation = shipstation
        self._accounts = accounts
        self._db = db
        self._clock = clock
        self._rng = rng
        self._settles_s = settles_s

    async def to_shopify(self, client: ShopifyClient, plan: ShelfPlan) -> Written:
        """What must no longer be sold goes first."""
        ready = [one for one in plan.differences if plan.sight.may_write(one)]
        written = Written(moved=len(plan.differences) - len(ready))
        for part in _parts(ready, MOST_LEVELS):
            await self._set(client, plan.sight, part, written)
            if written.stopped_by:
                break
        return written

    async def _set(
        self, client: ShopifyClient, sight: Sight, differences: Sequence[Difference], written: Written
    ) -> None:
        """A level that moved is read again with its call, and computed anew. What cannot be set is found by halves, and so is what
        moves again and again: it keeps no other from being set."""
        for _ in range(ROUNDS):
            outcome = await self._set_once(client, sight.shelf, differences)
            if outcome.result is Result.CONFIRMED:
                written.count += len(differences)
                return
            if outcome.result is not Result.CONFLICT:
                break
            differences = await self._anew(client, sight, differences)
            if not differences:
                return
        is_moving = outcome.result is Result.CONFLICT
        if is_moving and (len(differences) == 1 or written.halvings == HALVINGS):
            written.moved += len(differences)
        elif not is_moving and outcome.result is not Result.REFUSED:
            written.stopped_by = outcome.code
        elif len(differences) == 1:
            written.refused.append(f"{differences[0].level.sku}: {outcome.text}")
        else:
            written.halvings += is_moving
            await self._set_halves(client, sight, differences, written)

    async def _set_halves(
        self, client: ShopifyClient, sight: Sight, differences: Sequence[Difference], written: Written
    ) -> None:
        for half in _parts(differences, (len(differences) + 1) // 2):
            await self._set(client, sight, half, written)

    async def _anew(self, client: ShopifyClient, sight: Sight, differences: Sequence[Difference]) -> list[Difference]:
        levels = await levels_of(client, sight.shelf.location_id, [one.level.item_id for one in differences])
        found = (sight.difference(level) for level in levels.values())
        return [one for one in found if one and sight.may_write(one)]

    async def _set_once(self, client: ShopifyClient, shelf: Shelf, differences: Sequence[Difference]) -> Outcome:
        """A repetition under the same key is never done twice; another call gets another key."""
        token, now = self._rng.token(), self._clock.now()
        entry_id = await self._intend(token, shelf, "set_levels", shelf.quantity, differences)
        levels = [NewLevel(one.level.item_id, one.wanted, one.before) for one in differences]
        key, until = str(uuid5(NAMESPACE_URL, f"{token}/{entry_id}")), now + timedelta(seconds=self._settles_s / 2)
        for repeat in range(REPEATS + 1):
            try:
                await set_levels(client, shelf.location_id, shelf.quantity, levels, key, until)
                outcome = Outcome(Result.CONFIRMED)
            except UncertainError as error:
                if repeat < REPEATS:
                    await self._clock.sleep(REPEAT_S)
                    continue
                outcome = outcome_of(error, self._accounts.probe_s)
            except SyncError as error:
                outcome = await self._failed(error)
            break
        await self._close(entry_id, shelf, "set_levels", len(differences), outcome)
        return outcome

    async def to_shipstation(self, client: ShopifyClient, plan: ShelfPlan, ripe: Sequence[Difference]) -> Written:
        """One SKU a call: the vendor takes no more. What is not as it was seen is left to the next look."""
        written, sight = Written(moved=len(plan.differences) - len(ripe)), plan.sight
        doubtful = await self._db.run(open_keys(FLOW, sight.shelf.store, sight.shelf.location_id))
        for part in _parts(ripe, MOST_LEVELS):
            levels = await levels_of(client, sight.shelf.location_id, [one.level.item_id for one in part])
            for one in part:
                if one.level.sku in doubtful or levels.get(one.level.item_id) != one.level:
                    written.moved += 1
                elif not await self._count_one(sight.shelf, one, written):
                    return written
        return written

    async def _count_one(self, shelf: Shelf, one: Difference, written: Written) -> bool:
        """Whether the next one may be tried."""
        sku = one.level.sku
        seen = await stock_at(self._shipstation, {shelf.place}, sku)
        if seen.lying[shelf.place].get(sku) != one.lying:
            written.moved += 1
            return True
        entry_id = await self._intend(self._rng.token(), shelf, "change_stock", sku, [one])
        try:
            await change_on_hand(self._shipstation, shelf.place, sku, one.wanted - one.before)
            outcome = Outcome(Result.CONFIRMED)
        except SyncError as error:
            outcome = await self._failed(error)
        await self._close(entry_id, shelf, "change_stock", 1, outcome)
        written.count += outcome.result is Result.CONFIRMED
        if outcome.result is Result.REFUSED:
            written.refused.append(f"{sku}: {outcome.text}")
        if outcome.result in (Result.POSTPONED, Result.UNKNOWN):
            written.stopped_by = outcome.code
        return not written.stopped_by

    async def _failed(self, error: SyncError) -> Outcome:
        if isinstance(error, AccessError):
            await self._accounts.lost(error, FLOW)
        return outcome_of(error, self._accounts.probe_s)

    async def _intend(self, token: str, shelf: Shelf, step: str, key: str, differences: Sequence[Difference]) -> int:
        """`facts`: SKU -> [what stood there, what is wanted]."""
        facts = {"changes": {one.level.sku: [one.before, one.wanted] for one in differences}}
        entry = NewEntry(token, FLOW, shelf.store, shelf.location_id, step, key, json.dumps(facts))
        (entry_id,) = await self._db.run(open_intents([entry], self._clock.now()))
        return entry_id

    async def _close(self, entry_id: int, shelf: Shelf, step: str, count: int, outcome: Outcome) -> None:
        await self._db.run(close_intents([closed_entry(entry_id, outcome)], self._clock.now()))
        level = log.info if outcome.result is Result.CONFIRMED else log.warning
        level(
            "inventory.set" if outcome.result is Result.CONFIRMED else f"step.{outcome.result}",
            store=shelf.store,
            location_id=shelf.location_id,
            step=step,
            count=count,
            error_code=outcome.code or None,
            error_text=outcome.text or None,
        )


def _parts(differences: Sequence[Difference], most: int) -> list[Sequence[Difference]]:
    return [differences[start : start + most] for start in range(0, len(differences), most)]
