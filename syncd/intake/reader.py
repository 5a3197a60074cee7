"""From kept webhooks to marks: read, marked, and their bodies forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

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
from syncd.store.inbox import TakenDelivery, take_deliveries
from syncd.store.privacy import NewRequest, ask
from syncd.store.transaction import together
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
    """Where deliveries lie: `db` shows them, and `finish` says which were read, with what is wrong with those that cannot be."""

    db: Db
    finish: Callable[[Sequence[int], Mapping[int, str], datetime], Awaitable[None]]
    arrived: asyncio.Event


class Reader:
    """Turns kept deliveries into marks and nudges, and forgets their bodies. They lie elsewhere than the marks: whoever dies between
    the two reads them again, which marks once more what is marked. `shops`: the permanent address by store."""

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
        asked, problems = self._privacy(opened)
        hints = [hint for delivery, said in opened for hint in hints_of(delivery, said)]
        now = self._clock.now()
        marks = [hint for hint in hints if isinstance(hint, Mark)]
        await self._db.run(
            together(
                mark_told(marks, now),
                ask(asked, now),
                hear(self._news(opened), self._delivery_news == "tell", self._clock),
            )
        )
        # Before they count as read: a connection that breaks at that commit leaves nothing to be read again.
        if asked:
            self.asked.set()
        for feed in sorted({hint.feed for hint in hints if isinstance(hint, Nudge)}):
            self._nudge(feed)
        if marks:
            self._wake()
        await self._letters.finish([delivery.id for delivery in taken], problems, now)
        for delivery in taken:
            if delivery.id in problems:
                log.warning("webhook.unreadable", store=delivery.store, reason=problems[delivery.id])
        return len(taken)

    def _news(self, opened: Sequence[Opened]) -> dict[str, Document]:
        """By package, the last of each. What is not signed may come from anybody who saw our address."""
        if self._delivery_news == "off":
            return {}
        signed = [said for one, said in opened if one.store == SHIPSTATION and one.topic == SIGNED]
        return dict(found for said in signed if (found := news_of_webhook(said)))

    def _privacy(self, opened: Sequence[Opened]) -> tuple[list[NewRequest], dict[int, str]]:
        """Requests under privacy law, and what is wrong with deliveries that cannot be read."""
        asked, problems = [], {}
        for delivery, said in opened:
            if said is None:
                problems[delivery.id] = f"{len(delivery.body)} bytes that are no JSON object"
            elif delivery.topic in PRIVACY_TOPICS and delivery.store in self._shops:
                try:
                    one = privacy_asked(delivery.store, self._shops[delivery.store], delivery.topic, said)
                    asked.append(NewRequest(one.kind, one.store, one.customer_id, one.order_ids))
                except MalformedError as error:
                    problems[delivery.id] = str(error)
        return asked, problems


def hints_of(delivery: TakenDelivery, said: dict[str, Any] | None) -> Sequence[Hint]:
    """What one kept delivery asks us to look at again. Never raises: nonsense nudges the feed it pretends to come from."""
    if delivery.store == SHIPSTATION:
        return shipstation_hints(said)
    if delivery.topic in PRIVACY_TOPICS:
        return ()
    return shopify_hints(delivery.store, delivery.topic, said)
