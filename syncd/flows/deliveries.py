"""Carriers' news -> Shopify: fulfillment events, each change of status once and in order, for carriers that Shopify does not
follow itself; and, where the merchant wants that, one mail to the customer once the carrier has the package.

`fulfillmentEventCreate` cannot be repeated safely: every event is in the journal before it leaves, and what Shopify shows is
read before anything is told. Without an answer we wait as long as it may still be carried out. Of a mail nothing can be read:
it is asked for once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mappings.carriers import more_tracking
from mappings.carriers import tracking as carrier_of
from mappings.news import (
    NewsEvent,
    is_followed_by_shopify,
    is_perhaps_scanned_by,
    is_with_carrier,
    shopify_events,
    untold_events,
)
from mappings.plans import UpdateTracking
from syncd.accounts import Accounts
from syncd.errors import SyncError
from syncd.flows.looks import outcome_of
from syncd.flows.settle import closed_entry
from syncd.flows.work import Outcome, Result
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.shopify.client import ShopifyClient
from syncd.shopify.events import events_of, tell_event
from syncd.shopify.writes import update_tracking
from syncd.store.journal import (
    MAIL,
    ClosedEntry,
    NewEntry,
    close_intents,
    history,
    known_again_at,
    open_entries_of,
    open_intents,
)
from syncd.store.journeys import UntoldPackage, settle_news, tell_later, untold_packages
from syncd.store.schema import JournalEntry

log = get_logger("deliveries")

NAME = "deliveries"
STEP = "create_fulfillment_event"
EVERY_S = 30.0
MOST_AT_ONCE = 100
WAIT_S = 900.0
"""Until the next try for a package that Shopify does not know yet, or of a store that keeps us out."""


@dataclass(frozen=True)
class Manner:
    """What the merchant wants told. `mails_again`: about a package that took over the fulfillment of a voided one."""

    tells_events: bool
    mails_at_scan: bool
    mails_again: bool


@dataclass
class Look:
    """What Shopify showed by fulfillment, None where that was taken back; and the stores that could not be read."""

    shown: dict[str, Sequence[NewsEvent] | None] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)


class DeliveriesFlow:
    """`db` is that of the shift in the daemon: what a replica writes that slept through its shift is refused."""

    name = NAME

    def __init__(
        self,
        shops: Mapping[str, ShopifyClient],
        carriers: Mapping[str, tuple[str, str]],
        manner: Manner,
        accounts: Accounts,
        db: Db,
        clock: Clock,
        rng: Rng,
        settles_s: float,
    ) -> None:
        self._shops = shops
        self._carriers = carriers
        self._manner = manner
        self._accounts = accounts
        self._db = db
        self._clock = clock
        self._rng = rng
        self._settles_s = settles_s

    async def run(self) -> int:
        """How many events were told."""
        await self._resolve()
        rows = await self._db.run(untold_packages(self._clock.now(), MOST_AT_ONCE))
        parts: dict[str, list[UntoldPackage]] = {}
        for row in rows:
            parts.setdefault(row.package_key, []).append(row)
        open_ones = [part for part in parts.values() if any(self._is_ours(row) for row in part)]
        done = [(key, part[0].heard) for key, part in parts.items() if part not in open_ones]
        await self._db.run(settle_news(done))
        look = await self._look(
            (row.store, row.fulfillment_gid) for part in open_ones for row in part if self._has_events(row)
        )
        return sum([await self._package(part, look) for part in open_ones])

    async def _resolve(self) -> None:
        """What can no longer be carried out is looked for, whatever became of its package: its label may be void by now. Of a mail
        nothing can be read: it counts as asked for."""
        settled = self._clock.now() - timedelta(seconds=self._settles_s)
        entries = await self._db.run(open_entries_of(NAME, settled, MOST_AT_ONCE))
        doubts = [entry for entry in entries if entry.store in self._shops]
        look = await self._look((entry.store, _fulfillment(entry)) for entry in doubts if entry.step == STEP)
        closed = [
            ClosedEntry(entry.id or 0, "confirmed" if _has_happened(entry, look) else "abandoned")
            for entry in doubts
            if entry.step == MAIL or _fulfillment(entry) in look.shown
        ]
        await self._db.run(close_intents(closed, self._clock.now()))

    def _is_ours(self, row: UntoldPackage) -> bool:
        """Whether there may be something for us to tell."""
        is_wanted = self._manner.mails_at_scan or self._has_events(row)
        return row.store in self._shops and not row.voided and is_wanted

    def _has_events(self, row: UntoldPackage) -> bool:
        company, _ = self._carrier(row)
        is_free = row.store in self._shops and not row.voided
        return self._manner.tells_events and is_free and not is_followed_by_shopify(company)

    def _carrier(self, row: UntoldPackage) -> tuple[str | None, str | None]:
        return carrier_of(row.carrier_code, row.service_code, row.tracking_number, self._carriers)

    async def _look(self, fulfillments: Iterable[tuple[str, str | None]]) -> Look:
        """At (store, fulfillment), None for one that Shopify does not know yet."""
        look, wanted = Look(), set(fulfillments)
        for store in sorted({store for store, _ in wanted}):
            client = self._shops[store]
            gids = sorted(gid for one, gid in wanted if one == store and gid)
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
        """How many events were told, and the seconds to wait until the rest may be."""
        gid = row.fulfillment_gid
        if gid is None:
            return 0, WAIT_S
        entries = await self._db.run(history(row.store, row.order_id))
        mail_wait_s = await self._mail(row, gid, entries)
        if not self._has_events(row):
            return 0, mail_wait_s
        ours = [one for one in entries if (one.flow, one.step, one.key) == (NAME, STEP, row.package_key)]
        count, wait_s = await self._events(row, gid, ours, look)
        return count, min((one for one in (mail_wait_s, wait_s) if one), default=0.0)

    async def _mail(self, row: UntoldPackage, gid: str, entries: Sequence[JournalEntry]) -> float:
        """The seconds to wait until it may be asked for. A package is mailed about once, an overpacked one with two fulfillments too;
        a fulfillment whose label was replaced again only where the merchant wants that."""
        mails = [entry for entry in entries if (entry.flow, entry.step) == (NAME, MAIL)]
        asked = [entry for entry in mails if entry.outcome != "abandoned"]
        replaced = [entry for entry in asked if _fulfillment(entry) == gid and not self._manner.mails_again]
        is_known = replaced or any(entry.key == row.package_key for entry in asked)
        if not self._manner.mails_at_scan or is_known or not is_with_carrier(json.loads(row.news)):
            return 0.0
        forgotten_by = known_again_at(entries, row.package_key)
        if forgotten_by and is_perhaps_scanned_by(json.loads(row.news), forgotten_by):
            return 0.0
        company, url = self._carrier(row)
        number = row.tracking_number
        more = more_tracking(row.carrier_code, row.service_code, json.loads(row.more_numbers or "[]"), self._carriers)
        step = UpdateTracking(
            row.package_key, gid, row.package_key, number, company if number else None, url, True, more
        )
        client, until = self._shops[row.store], _half(self._clock.now(), self._settles_s)
        outcome = await self._carried_out(row, MAIL, {"fulfillment": gid}, lambda: update_tracking(client, step, until))
        return outcome.wait_s or WAIT_S if outcome.result is Result.POSTPONED else 0.0

    async def _events(
        self, row: UntoldPackage, gid: str, ours: Sequence[JournalEntry], look: Look
    ) -> tuple[int, float]:
        """As `_order`. A fulfillment that was taken back is told nothing; one that is not shown is looked for again."""
        if row.store in look.unread or gid not in look.shown:
            return 0, WAIT_S
        if any(entry.outcome in ("intended", "unknown") for entry in ours):
            return 0, self._settles_s  # it may still be carried out
        shown = look.shown[gid]
        if shown is None:
            return 0, 0.0
        # what was confirmed a moment ago may not be shown yet
        confirmed = [_told(entry) for entry in ours if entry.outcome == "confirmed" and _fulfillment(entry) == gid]
        there = [*shown, *confirmed]
        return await self._tell(row, gid, untold_events(shopify_events(json.loads(row.news)), there))

    async def _tell(self, row: UntoldPackage, gid: str, events: Sequence[NewsEvent]) -> tuple[int, float]:
        for count, event in enumerate(events):
            outcome = await self._tell_one(row, gid, event)
            if outcome.result is Result.REFUSED:
                return count, 0.0
            if outcome.result is not Result.CONFIRMED:
                return count, self._settles_s if outcome.result is Result.UNKNOWN else outcome.wait_s or WAIT_S
        return len(events), 0.0

    async def _tell_one(self, row: UntoldPackage, gid: str, event: NewsEvent) -> Outcome:
        facts = {"fulfillment": gid, "status": event.status, "at": event.at.isoformat()}
        client, until = self._shops[row.store], _half(self._clock.now(), self._settles_s)
        return await self._carried_out(row, STEP, facts, lambda: tell_event(client, gid, event, until))

    async def _carried_out(
        self, row: UntoldPackage, step: str, facts: Mapping[str, str], call: Callable[[], Awaitable[None]]
    ) -> Outcome:
        """A store without the scope for it goes on with its orders: this alone waits."""
        entry = NewEntry(self._rng.token(), NAME, row.store, row.order_id, step, row.package_key, json.dumps(facts))
        (entry_id,) = await self._db.run(open_intents([entry], self._clock.now()))
        try:
            await call()
            outcome = Outcome(Result.CONFIRMED)
        except SyncError as error:
            outcome = outcome_of(error, WAIT_S)
        await self._db.run(close_intents([closed_entry(entry_id, outcome)], self._clock.now()))
        is_told = outcome.result is Result.CONFIRMED
        (log.info if is_told else log.warning)(
            "delivery.told" if is_told else f"step.{outcome.result}",
            store=row.store,
            package_key=row.package_key,
            step=step,
            status=facts.get("status"),
            error_code=outcome.code or None,
            error_text=outcome.text or None,
        )
        return outcome


def _told(entry: JournalEntry) -> NewsEvent:
    facts = json.loads(entry.facts or "{}")
    return NewsEvent(facts["status"], datetime.fromisoformat(facts["at"]))


def _fulfillment(entry: JournalEntry) -> str:
    return str(json.loads(entry.facts or "{}")["fulfillment"])


def _has_happened(entry: JournalEntry, look: Look) -> bool:
    return entry.step == MAIL or _told(entry) in (look.shown[_fulfillment(entry)] or ())


def _half(now: datetime, settles_s: float) -> datetime:
    """Half of the time in which it may appear is for leaving, half for being answered."""
    return now + timedelta(seconds=settles_s / 2)
