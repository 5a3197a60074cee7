"""Messages to help desks: kept before they are sent, until they arrived or three days are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select, text, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from syncd.store.schema import IS_UNSENT, JournalEntry, OutboundMessage, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

MESSAGES = table_of(OutboundMessage)
JOURNAL = table_of(JournalEntry)


@dataclass(frozen=True)
class NewMessage:
    """`about` is the same for the same event, so that it is kept once for each endpoint."""

    endpoint: str
    about: str
    webhook_id: str
    event: str
    body: str


def journal_lines(after_id: int, steps: Sequence[str], limit: int) -> Work[list[JournalEntry]]:
    """Oldest first. Index: the primary key."""
    statement = (
        select_rows(JournalEntry)
        .where(col(JournalEntry.id) > after_id, col(JournalEntry.step).in_(steps))
        .order_by(col(JournalEntry.id))
        .limit(limit)
    )
    return lambda session: list(session.exec(statement))


def lines_by_id(ids: Sequence[int]) -> Work[list[JournalEntry]]:
    statement = select_rows(JournalEntry).where(col(JournalEntry.id).in_(ids)).order_by(col(JournalEntry.id))
    return lambda session: list(session.exec(statement)) if ids else []


def last_line(after_id: int, before: datetime) -> Work[int]:
    """The last line of the journal from before that time; `after_id` where there is none."""
    statement = select(func.max(JOURNAL.c.id)).where(JOURNAL.c.id > after_id, JOURNAL.c.opened_at < before)
    return lambda session: session.connection().execute(statement).scalar() or after_id


def keep_messages(messages: Sequence[NewMessage], now: datetime) -> Work[None]:
    times = {"created_at": now, "next_at": now, "attempts": 0, "outcome": "waiting"}
    rows = [asdict(one) | times for one in messages]

    def work(session: Session) -> None:
        if rows:
            insert = upsert(dialect_of(session), MESSAGES)
            index = [MESSAGES.c.endpoint, MESSAGES.c.about]
            session.connection().execute(insert.on_conflict_do_nothing(index_elements=index), rows)

    return work


def due_messages(now: datetime, limit: int) -> Work[list[OutboundMessage]]:
    """Index: ix_outbound_messages_unsent."""
    statement = (
        select_rows(OutboundMessage)
        .where(text(IS_UNSENT), col(OutboundMessage.next_at) <= now)
        .order_by(col(OutboundMessage.next_at), col(OutboundMessage.id))
        .limit(limit)
    )
    return lambda session: list(session.exec(statement))


def end_try(message_id: int, outcome: str, next_at: datetime, code: str) -> Work[None]:
    """`outcome` is sent, waiting or given_up."""
    values = {"outcome": outcome, "next_at": next_at, "code": code, "attempts": MESSAGES.c.attempts + 1}
    statement = update(MESSAGES).where(MESSAGES.c.id == message_id).values(values)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def latest_messages(limit: int) -> Work[list[OutboundMessage]]:
    """Newest first; those that are not sent before all others."""
    is_sent = col(OutboundMessage.outcome) == "sent"
    statement = select_rows(OutboundMessage).order_by(is_sent, col(OutboundMessage.id).desc()).limit(limit)
    return lambda session: list(session.exec(statement))


def try_again(message_ids: Sequence[int], now: datetime) -> Work[int]:
    """Those that are not sent, all of them without ids: for three days from now on."""
    where = MESSAGES.c.outcome != "sent"
    statement = (
        update(MESSAGES).where(where, MESSAGES.c.id.in_(message_ids)) if message_ids else update(MESSAGES).where(where)
    )
    values = statement.values(outcome="waiting", next_at=now, created_at=now, attempts=0)
    return lambda session: session.connection().execute(values).rowcount


def prune_messages(before: datetime, limit: int) -> Work[int]:
    """Forgets those that ended, kept before that time. Call again while it returns `limit`."""
    is_over = MESSAGES.c.outcome != "waiting"
    oldest = select(MESSAGES.c.id).where(is_over, MESSAGES.c.created_at < before).limit(limit)
    statement = delete(MESSAGES).where(MESSAGES.c.id.in_(oldest))
    return lambda session: session.connection().execute(statement).rowcount


class Unsent(NamedTuple):
    """Messages that did not arrive. `oldest_at` is when the oldest of those was kept that are still tried."""

    waiting: int = 0
    given_up: int = 0
    oldest_at: datetime | None = None


def unsent_messages() -> Work[Unsent]:
    columns = MESSAGES.c
    found = select(columns.outcome, func.count(), func.min(columns.created_at)).where(columns.outcome != "sent")

    def work(session: Session) -> Unsent:
        rows = {row[0]: row for row in session.connection().execute(found.group_by(columns.outcome))}
        waiting, given_up = rows.get("waiting"), rows.get("given_up")
        return Unsent(waiting[1] if waiting else 0, given_up[1] if given_up else 0, waiting[2] if waiting else None)

    return work
