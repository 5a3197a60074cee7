"""Carriers' news -> fulfillment events of Shopify: each change of status once and in order, for carriers that Shopify does not
follow itself.

`fulfillmentEventCreate` cannot be repeated safely: every event is in the journal before it leaves, and what Shopify shows is
read before anything is told. Without an answer we wait as long as it may still be carried out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mappings.carriers import tracking as carrier_of
from mappings.news import NewsEvent, is_followed_by_shopify, shopify_events, untold_events
from syncd.accounts import Accounts
from syncd.errors import SyncError
from syncd.flows.looks import outcome_of
from syncd.flows.settle import closed_entry
from syncd.flows.work import Outcome, Result
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.shopify.client import ShopifyClient
from syncd.shopify.events import events_of, tell_event
from syncd.store.journal import ClosedEntry, NewEntry, close_intents, history, open_intents
from syncd.store.journeys import UntoldPackage, settle_news, tell_later, untold_packages
from syncd.store.schema import JournalEntry

log = get_logger("deliveries")

NAME = "deliveries"
STEP = "create_fulfillment_event"
EVERY_S = 30.0
MOST_AT_ONCE = 100
WAIT_S = 900.0
"""Until the next try for a package that Shopify does not know yet, or of a store that keeps us out."""


@dataclass
class Look:
    """What Shopify showed by fulfillment, since when at least, and the stores that could not be read."""

    at: datetime
    shown: dict[str, Sequence[NewsEvent]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)


class DeliveriesFlow:
    """`db` is that of the shift in the daemon: what a replica writes that slept through its shift is refused."""

    name = NAME

    def __init__(
        self,
        shops: Mapping[str, ShopifyClient],
        carriers: Mapping[str, tuple[str, str]],
        accounts: Accounts,
        db: Db,
        clock: Clock,
        rng: Rng,
        settles_s: float,
    ) -> None:
        self._shops = shops
        self._carriers = carriers
        self._accounts = accounts
        self._db = db
        self._clock = clock
        self._rng = rng
        self._settles_s = settles_s

    async def run(self) -> int:
        """How many events were told."""
        rows = await self._db.run(untold_packages(self._clock.now(), MOST_AT_ONCE))
        parts: dict[str, list[UntoldPackage]] = {}
        for row in rows:
            parts.setdefault(row.package_key, []).append(row)
        open_ones = [part for part in parts.values() if any(self._is_ours(row) for row in part)]
        done = [(key, part[0].heard) for key, part in parts.items() if part not in open_ones]
        await self._db.run(settle_news(done))
        look = await self._look([row for part in open_ones for row in part if self._is_ours(row)])
        return sum([await self._package(part, look) for part in open_ones])

    def _is_ours(self, row: UntoldPackage) -> bool:
        """Whether its events are for us to tell."""
        company, _ = carrier_of(row.carrier_code, row.service_code, row.tracking_number, self._carriers)
        return row.store in self._shops and not row.voided and not is_followed_by_shopify(company)

    async def _look(self, rows: Sequence[UntoldPackage]) -> Look:
        look = Look(self._clock.now())
        for store in sorted({row.store for row in rows}):
            client = self._shops[store]
            gids = sorted({row.fulfillment_gid for row in rows if row.store == store and row.fulfillment_gid})
            try:
                if refusal := self._accounts.refusal(client.account):
                    raise refusal
                look.shown.update(await events_of(client, gids))
            except SyncError as error:
                look.unread.add(store)
                log.warning("deliveries.postponed", store=store, error_code=error.code, error_text=error.text)
        return look

    async def _package(self, part: Sequence[UntoldPackage], look: Look) -> int:
        """All orders of one package. It is settled once nothing is left to be told of any."""
        key, count, waits = part[0].package_key, 0, list[float]()
        for row in part:
            if self._is_ours(row):
                told, wait_s = await self._order(row, look)
                count += told
                waits += [wait_s] if wait_s else []
        if waits:
            await self._db.run(tell_later([key], self._clock.now() + timedelta(seconds=min(waits))))
        else:
            await self._db.run(settle_news([(key, part[0].heard)]))
        return count

    async def _order(self, row: UntoldPackage, look: Look) -> tuple[int, float]:
        """How many events were told, and the seconds to wait until the rest may be. A fulfillment that is gone is told nothing."""
        gid = row.fulfillment_gid
        if row.store in look.unread or gid is None:
            return 0, WAIT_S
        entries = await self._db.run(history(row.store, row.order_id))
        ours = [
            entry for entry in entries if entry.flow == NAME and entry.step == STEP and entry.key == row.package_key
        ]
        doubts = [entry for entry in ours if entry.outcome in ("intended", "unknown")]
        if any(look.at < entry.opened_at + timedelta(seconds=self._settles_s) for entry in doubts):
            return 0, self._settles_s  # it may still be carried out
        if gid not in look.shown:
            await self._resolve(doubts, ())
            return 0, 0.0
        await self._resolve(doubts, look.shown[gid])
        # what was confirmed a moment ago may not be shown yet
        confirmed = [_told(entry) for entry in ours if entry.outcome == "confirmed" and _is_of(entry, gid)]
        there = [*look.shown[gid], *confirmed]
        return await self._tell(row, gid, untold_events(shopify_events(json.loads(row.news)), there))

    async def _resolve(self, doubts: Sequence[JournalEntry], there: Sequence[NewsEvent]) -> None:
        closed = [ClosedEntry(entry.id or 0, "confirmed" if _told(entry) in there else "abandoned") for entry in doubts]
        await self._db.run(close_intents(closed, self._clock.now()))

    async def _tell(self, row: UntoldPackage, gid: str, events: Sequence[NewsEvent]) -> tuple[int, float]:
        for count, event in enumerate(events):
            outcome = await self._tell_one(row, gid, event)
            if outcome.result is Result.REFUSED:
                return count, 0.0
            if outcome.result is not Result.CONFIRMED:
                return count, self._settles_s if outcome.result is Result.UNKNOWN else outcome.wait_s or WAIT_S
        return len(events), 0.0

    async def _tell_one(self, row: UntoldPackage, fulfillment_gid: str, event: NewsEvent) -> Outcome:
        """A store without the scope for it goes on with its orders: this alone waits."""
        now = self._clock.now()
        facts = {"fulfillment": fulfillment_gid, "status": event.status, "at": event.at.isoformat()}
        entry = NewEntry(self._rng.token(), NAME, row.store, row.order_id, STEP, row.package_key, json.dumps(facts))
        (entry_id,) = await self._db.run(open_intents([entry], now))
        try:
            await tell_event(self._shops[row.store], fulfillment_gid, event, _half(now, self._settles_s))
            outcome = Outcome(Result.CONFIRMED)
        except SyncError as error:
            outcome = outcome_of(error, WAIT_S)
        await self._db.run(close_intents([closed_entry(entry_id, outcome)], self._clock.now()))
        is_told = outcome.result is Result.CONFIRMED
        (log.info if is_told else log.warning)(
            "delivery.told" if is_told else f"step.{outcome.result}",
            store=row.store,
            package_key=row.package_key,
            status=event.status,
            error_code=outcome.code or None,
            error_text=outcome.text or None,
        )
        return outcome


def _told(entry: JournalEntry) -> NewsEvent:
    facts = json.loads(entry.facts or "{}")
    return NewsEvent(facts["status"], datetime.fromisoformat(facts["at"]))


def _is_of(entry: JournalEntry, gid: str) -> bool:
    return bool(json.loads(entry.facts or "{}")["fulfillment"] == gid)


def _half(now: datetime, settles_s: float) -> datetime:
    """Half of the time in which it may appear is for leaving, half for being answered."""
    return now + timedelta(seconds=settles_s / 2)
