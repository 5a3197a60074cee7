"""From kept webhooks to marks: read, marked, and their bodies forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from mappings.decoding import MalformedError
from mappings.news import DeliveryNews, Document, news_of_webhook
from mappings.privacy import TOPICS as PRIVACY_TOPICS
from mappings.privacy import privacy_asked
from syncd.errors import SyncError
from syncd.hints import Hint, Mark, Nudge
from syncd.intake.inbox import SHIPSTATION, SIGNED
from syncd.intake.news import hear
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.shipstation.webhooks import hints_of as shipstation_hints
from syncd.shopify.webhooks import hints_of as shopify_hints
from syncd.shopify.webhooks import json_object
from syncd.store.changed import mark_told
from syncd.store.inbox import TakenDelivery, WebhookRef, read_before, remember_read, take_deliveries
from syncd.store.keeping import Finished
from syncd.store.privacy import NewRequest, ask
from syncd.store.transaction import Work
from syncd.waiting import first_of

log = get_logger("intake")

TAKEN_AT_ONCE = 100
APART_S = 0.025
"""After a read that was not full: many small ones would keep the store busy for a few webhooks each."""
RETRY_S = 1.0


class Opened(NamedTuple):
    """A delivery and the object in its body; None where there is none."""

    delivery: TakenDelivery
    said: dict[str, Any] | None


class Letters(NamedTuple):
    """Where deliveries lie: `db` shows them, and `finish` says which were read."""

    db: Db
    finish: Callable[[Sequence[Finished]], Awaitable[None]]
    arrived: asyncio.Event


class Reader:
    """Turns kept deliveries into marks and nudges, and forgets their bodies. Which were read is committed with the marks, for they lie
    elsewhere: whoever dies between the two knows them again. `shops`: the permanent address by store."""

    def __init__(
        self,
        letters: Letters,
        db: Db,
        clock: Clock,
        nudge: Callable[[str], None],
        wake: Callable[[], None],
        idle_s: float,
        shops: Mapping[str, str],
        delivery_news: DeliveryNews = "off",
    ) -> None:
        self.asked = asyncio.Event()
        """Set when somebody asked for what privacy law gives."""
        self._letters = letters
        self._shops = shops
        self._delivery_news = delivery_news
        self._db = db
        self._clock = clock
        self._nudge = nudge
        self._wake = wake
        self._idle_s = idle_s

    async def work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            self._letters.arrived.clear()
            wait_s = self._idle_s
            try:
                full = await self.read_some() == TAKEN_AT_ONCE
            except SyncError as error:
                log.warning("inbox.postponed", error_code=error.code, error_text=error.text)
                full, wait_s = False, RETRY_S
            if not full:
                await first_of(self._clock, wait_s, self._letters.arrived, stopping)
                await self._clock.sleep(APART_S)

    async def read_some(self) -> int:
        taken = await self._letters.db.run(take_deliveries(TAKEN_AT_ONCE))
        if not taken:
            return 0
        opened = [Opened(delivery, json_object(delivery.body)) for delivery in taken]
        # Of what is known too, and before anything counts as read: a commit may have been carried out without an answer.
        hints = _hints(opened)
        for feed in sorted({hint.feed for hint in hints if isinstance(hint, Nudge)}):
            self._nudge(feed)
        problems = await self._db.run(self._read(opened, self._clock.now()))
        if any(delivery.topic in PRIVACY_TOPICS for delivery in taken):
            self.asked.set()
        if any(isinstance(hint, Mark) for hint in hints):
            self._wake()
        await self._letters.finish([(delivery.id, *delivery.ref) for delivery in taken])
        for (store, _), problem in problems.items():
            log.warning("webhook.unreadable", store=store, reason=problem)
        return len(taken)

    def _read(self, opened: Sequence[Opened], now: datetime) -> Work[Mapping[WebhookRef, str]]:
        """Each of them once; of two with one id the first. Why those that cannot be read cannot."""

        def work(session: Session) -> Mapping[WebhookRef, str]:
            known = read_before(one.delivery.ref for one in opened)(session)
            first = {one.delivery.ref: one for one in reversed(opened)}
            fresh = [one for one in opened if first[one.delivery.ref] is one and one.delivery.ref not in known]
            asked, problems = self._privacy(fresh)
            marks = [hint for hint in _hints(fresh) if isinstance(hint, Mark)]
            mark_told(marks, now)(session)
            ask(asked, now)(session)
            hear(self._news(fresh), self._delivery_news == "tell", self._clock)(session)
            remember_read([one.delivery for one in fresh], problems, now)(session)
            return problems

        return work

    def _news(self, opened: Sequence[Opened]) -> dict[str, Document]:
        """By package, the last of each. What is not signed may come from anybody who saw our address."""
        if self._delivery_news == "off":
            return {}
        signed = [said for one, said in opened if one.store == SHIPSTATION and one.topic == SIGNED]
        return dict(found for said in signed if (found := news_of_webhook(said)))

    def _privacy(self, opened: Sequence[Opened]) -> tuple[list[NewRequest], dict[WebhookRef, str]]:
        """Requests under privacy law, and what is wrong with deliveries that cannot be read."""
        asked, problems = [], dict[WebhookRef, str]()
        for delivery, said in opened:
            if said is None:
                problems[delivery.ref] = f"{len(delivery.body)} bytes that are no JSON object"
            elif delivery.topic in PRIVACY_TOPICS and delivery.store in self._shops:
                try:
                    one = privacy_asked(delivery.store, self._shops[delivery.store], delivery.topic, said)
                    asked.append(NewRequest(one.kind, one.store, one.customer_id, one.order_ids))
                except MalformedError as error:
                    problems[delivery.ref] = str(error)
        return asked, problems


def _hints(opened: Sequence[Opened]) -> list[Hint]:
    return [hint for delivery, said in opened for hint in hints_of(delivery, said)]


def hints_of(delivery: TakenDelivery, said: dict[str, Any] | None) -> Sequence[Hint]:
    """What one kept delivery asks us to look at again. Never raises: nonsense nudges the feed it pretends to come from."""
    if delivery.store == SHIPSTATION:
        return shipstation_hints(said)
    if delivery.topic in PRIVACY_TOPICS:
        return ()
    return shopify_hints(delivery.store, delivery.topic, said)
