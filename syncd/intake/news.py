"""What carriers tell of packages under way: by signed webhooks, and by asking slowly for those of which nobody told.

A journey that is new here began when its label was first seen; news of strangers' labels are no news.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from mappings.news import Document, is_older, kept_news, last_at, next_ask, status_of
from mappings.v2_documents import number_of
from syncd.budget import Urgency
from syncd.errors import RejectedError, TransientError
from syncd.ports import Clock, Db
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_reads import tracking
from syncd.store.journal import NewEntry, note
from syncd.store.journeys import Journey, ask_again, ask_later, due_asks, journeys_of, keep_news, orders_of_packages
from syncd.store.transaction import Work

NAME = "shipstation.tracking"
FLOW = "deliveries"
EVERY_S = 60.0
MOST_ASKS = 20
"""In one look: news must leave the account's calls to goods."""
FIRST_ASK = timedelta(hours=4)
"""After the label was seen: before, it lies in the warehouse."""
AFTER_FAILURE = timedelta(minutes=15)


class TrackingFeed:
    """Asks for packages of which no webhook told for hours, those that wait longest first. One that cannot be read is asked about
    later, the others now."""

    name = NAME

    def __init__(self, shipstation: ShipStationV2Client, tells: bool, db: Db, clock: Clock) -> None:
        self._shipstation = shipstation
        self._tells = tells
        self._db = db
        self._clock = clock

    async def poll(self) -> int:
        changed = 0
        for journey in await self._db.run(due_asks(self._clock.now(), MOST_ASKS)):
            try:
                news = await self._asked(journey)
            except TransientError:
                await self._db.run(ask_later(journey.package_key, self._clock.now() + AFTER_FAILURE))
                continue
            changed += await self._db.run(hear({journey.package_key: news}, self._tells, self._clock))
        return changed

    async def _asked(self, journey: Journey) -> Document:
        """A label of which V2 refuses to tell is asked about later, and must not keep the others waiting."""
        number = number_of(journey.package_key.removeprefix("s"))
        assert number is not None, "journeys are those of labels"
        try:
            told = await tracking(self._shipstation, number, Urgency.CATALOG)
        except RejectedError:
            told = None
        return kept_news(told or {})


def hear(news: Mapping[str, Document], tells: bool, clock: Clock) -> Work[int]:
    """Keeps what is new by package key, and writes a line into the story of each order. How many packages had news."""

    def work(session: Session) -> int:
        if not news:
            return 0
        known, now = journeys_of(news, to_change=True)(session), clock.now()
        changed = []
        for key, journey in known.items():
            before: Document | None = json.loads(journey.news) if journey.news else None
            fresh = news[key] if not is_older(news[key], before) else before or news[key]
            ask_at = next_ask(status_of(fresh), journey.begun_at, now)
            if fresh == before or (before is None and not fresh["events"]):
                ask_again(key, ask_at, now)(session)
                continue
            keep_news(key, json.dumps(fresh), ask_at, tells, now)(session)
            changed += [(key, fresh)] if _is_turn(fresh, before) else []
        owners = orders_of_packages([key for key, _ in changed])(session)
        note([entry for key, fresh in changed for entry in _entries(key, fresh, owners.get(key, ()))], now)(session)
        return len(changed)

    return work


def _is_turn(news: Document, before: Document | None) -> bool:
    """Worth a line: not every scan is."""
    was = (before or {}).get("status_detail_code") if status_of(before) == "exception" else None
    return status_of(news) != status_of(before) or (
        status_of(news) == "exception" and news["status_detail_code"] != was
    )


def _entries(key: str, news: Mapping[str, Any], owners: Sequence[tuple[str, int]]) -> list[NewEntry]:
    facts = {
        "status": status_of(news),
        "code": news["status_code"],
        "detail": news["status_detail_code"],
        "estimated": news["estimated_delivery_date"],
        "delivered": news["actual_delivery_date"],
        "at": last_at(news),
    }
    return [NewEntry("news", FLOW, store, order_id, "news", key, json.dumps(facts)) for store, order_id in owners]
