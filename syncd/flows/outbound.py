"""The journal -> signed webhooks to help desks: each line that is news becomes one message for each endpoint that wants it.

Lines may be committed in another order than they are numbered, and steps are confirmed later: the last minutes are read again,
and what was kept already is not kept twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from mappings.carriers import tracking as carrier_of
from mappings.news import is_by
from mappings.outbound import STEPS, Line, endpoint_id, event_of, message, next_try, signed_headers
from syncd.errors import SyncError
from syncd.hints import order_subject
from syncd.http import json_bytes
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Http, Request, Rng
from syncd.settings.groups import Outbound
from syncd.store.cursors import advance, cursor
from syncd.store.journal import history, known_again_at
from syncd.store.orders import order_rows
from syncd.store.outbound import (
    NewMessage,
    due_messages,
    end_try,
    journal_lines,
    keep_messages,
    last_line,
    lines_by_id,
)
from syncd.store.schema import JournalEntry, OutboundMessage
from syncd.store.transaction import Work

log = get_logger("outbound")

NAME = "outbound"
EVERY_S = 20.0
LINES_AT_ONCE = 500
SENT_AT_ONCE = 50
READ_AGAIN = timedelta(minutes=2)
DOUBT_ENDS = timedelta(days=1)
"""A step whose outcome is still open then is no reason to read everything after it again."""
TIMEOUT_S = 10.0
OPEN = ("intended", "unknown")


class OutboundDuty:
    def __init__(
        self,
        endpoints: Sequence[Outbound],
        carriers: Mapping[str, tuple[str, str]],
        http: Http,
        db: Db,
        clock: Clock,
        rng: Rng,
    ) -> None:
        self._endpoints = {endpoint_id(one.url): one for one in endpoints}
        self._carriers = carriers
        self._http = http
        self._db = db
        self._clock = clock
        self._rng = rng

    async def run(self) -> int:
        """How many messages arrived."""
        await self._db.run(self._collect(self._clock.now()))
        due = await self._db.run(due_messages(self._clock.now(), SENT_AT_ONCE))
        by_endpoint: dict[str, list[OutboundMessage]] = {}
        for one in due:
            by_endpoint.setdefault(one.endpoint, []).append(one)
        return sum(await asyncio.gather(*(self._send_all(rows) for rows in by_endpoint.values())))

    def _collect(self, now: datetime) -> Work[None]:
        """Messages and cursor move together. What was written before the first look is nobody's news."""

        def work(session: Session) -> None:
            known = cursor(NAME)(session)
            if known is None or known.position is None:
                advance(NAME, None, json.dumps([last_line(0, now)(session), []]), now)(session)
                return
            position, open_ids = json.loads(known.position)
            fresh = journal_lines(position, STEPS, LINES_AT_ONCE)(session)
            lines = [*lines_by_id([one for one in open_ids if one <= position])(session), *fresh]
            keep_messages([one for line in lines for one in self._messages(line, session)], now)(session)
            read_to = fresh[-1].id if len(fresh) == LINES_AT_ONCE else None
            horizon = last_line(position, now - READ_AGAIN)(session)
            open_ids = [one.id for one in lines if one.outcome in OPEN and one.opened_at > now - DOUBT_ENDS]
            advance(NAME, None, json.dumps([min(horizon, read_to or horizon), open_ids]), now)(session)

        return work

    def _messages(self, entry: JournalEntry, session: Session) -> list[NewMessage]:
        line = Line(entry.step, entry.outcome == "confirmed", json.loads(entry.facts or "{}"))
        event = event_of(line)
        wanting = [name for name, one in self._endpoints.items() if event in one.events]
        ref = (entry.store, entry.order_id)
        if event is None or not wanting or _is_old(entry, history(*ref)(session)):
            return []
        rows = order_rows(*ref)(session)
        name = rows.order.name if rows.order else str(entry.order_id)
        package = next((self._package(row) for row in rows.packages if row.package_key == entry.key), {})
        body = message(event, entry.opened_at, name, order_subject(*ref), package, line)
        about = f"shipped/{entry.key}/{order_subject(*ref)}" if event == "shipped" else f"{event}/{entry.id}"
        text = json_bytes(body).decode()
        return [NewMessage(one, about, new_webhook_id(self._rng), event, text) for one in wanting]

    def _package(self, row: Any) -> dict[str, Any]:
        company, url = carrier_of(row.carrier_code, row.service_code, row.tracking_number, self._carriers)
        return {"tracking_number": row.tracking_number, "carrier": company, "tracking_url": url}

    async def _send_all(self, rows: Sequence[OutboundMessage]) -> int:
        """One after the other, oldest first. Where one does not arrive the others wait too: the receiver is down."""
        for count, row in enumerate(rows):
            if not await self._send(row):
                return count
        return len(rows)

    async def _send(self, row: OutboundMessage) -> bool:
        code = await self._posted(row)
        now, is_sent = self._clock.now(), code.startswith("2")
        at = None if is_sent else next_try(row.attempts + 1, row.created_at, now)
        outcome = "sent" if is_sent else "waiting" if at else "given_up"
        await self._db.run(end_try(row.id or 0, outcome, at or now, code))
        level = log.info if is_sent else log.warning if at else log.error
        level(f"outbound.{outcome}", endpoint=row.endpoint, event_name=row.event, error_code=None if is_sent else code)
        return is_sent

    async def _posted(self, row: OutboundMessage) -> str:
        """The status, or the code of what kept it from one. A message that arrived without our knowing comes again under its id."""
        endpoint = self._endpoints.get(row.endpoint)
        if endpoint is None:
            return "not_configured"
        try:
            return str(await post_signed(self._http, endpoint, row.webhook_id, row.body.encode(), self._clock.now()))
        except SyncError as error:
            return error.code


def _is_old(entry: JournalEntry, story: Sequence[JournalEntry]) -> bool:
    """Whether it was so, and perhaps told, before our memory was lost."""
    known_at = known_again_at(story, entry.key)
    at = json.loads(entry.facts or "{}").get("at")
    return known_at is not None and (at is None or is_by(at, known_at))


def new_webhook_id(rng: Rng) -> str:
    return f"msg_{rng.token()}"


async def post_signed(http: Http, endpoint: Outbound, webhook_id: str, body: bytes, now: datetime) -> int:
    """The status of the answer. Raises `SyncError` where there is none."""
    headers = signed_headers(endpoint.secret.get_secret_value(), webhook_id, now, body)
    request = Request("POST", endpoint.url, headers, body, TIMEOUT_S, is_public=not endpoint.allow_private)
    return (await http.send(request)).status
