"""What we were about to do, written before the call, and what came of it. An intent without an outcome is uncertain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Update, and_, bindparam, delete, func, insert, select, text, tuple_, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows
from sqlmodel.sql.expression import SelectOfScalar

from syncd.store.schema import IS_OPEN, IS_TO_BE_ASKED, JournalEntry, JourneyRow, PackageRow, table_of
from syncd.store.statements import OrderRef, given_orders, of_orders
from syncd.store.transaction import Work

JOURNAL = table_of(JournalEntry)
COLUMNS = JOURNAL.c
MAIL = "mail_at_scan"
TELL_OF_MAILS = (MAIL, "recall_package", "adopt_fulfillment")

OPEN = insert(JOURNAL).returning(COLUMNS.id, sort_by_parameter_order=True)
ADD = insert(JOURNAL)
CLOSE = (
    update(JOURNAL)
    .where(COLUMNS.id == bindparam("b_id"), text(IS_OPEN))
    .values(
        outcome=bindparam("b_outcome"),
        closed_at=bindparam("b_now"),
        code=bindparam("b_code"),
        text=bindparam("b_text"),
        duration_ms=bindparam("b_duration_ms"),
    )
)


OLDEST_OPEN = select(func.min(COLUMNS.opened_at)).where(COLUMNS.step == bindparam("b_step"), text(IS_OPEN))


@dataclass(frozen=True)
class NewEntry:
    """`step` is its kind, `key` an order key or package key, `facts` JSON with names of fields and counts only."""

    batch_id: str
    flow: str
    store: str
    order_id: int
    step: str
    key: str
    facts: str | None = None


@dataclass(frozen=True)
class ClosedEntry:
    """`outcome` is confirmed, refused, unknown or abandoned; unknown stays open."""

    id: int
    outcome: str
    code: str | None = None
    text: str | None = None
    duration_ms: int | None = None


def open_intents(entries: Sequence[NewEntry], now: datetime) -> Work[list[int]]:
    """Commit this before the call. Returns the ids in the order of `entries`."""
    rows = [vars(entry) | {"opened_at": now, "outcome": "intended"} for entry in entries]

    def work(session: Session) -> list[int]:
        return list(session.connection().execute(OPEN, rows).scalars()) if rows else []

    return work


def doubt(entries: Iterable[tuple[NewEntry, datetime]]) -> Work[None]:
    """Steps that may have been taken at that time, or any time after it, without our remembering: open until their effect is
    found or surely is not there."""
    rows = [vars(entry) | {"opened_at": at, "outcome": "unknown"} for entry, at in entries]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(ADD, rows)

    return work


def note(entries: Sequence[NewEntry], now: datetime) -> Work[None]:
    """What is no step of ours and still part of the story: a change of state, what a sweep found. Closed from the start."""
    rows = [vars(entry) | {"opened_at": now, "closed_at": now, "outcome": "noted"} for entry in entries]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(ADD, rows)

    return work


def close_intents(outcomes: Sequence[ClosedEntry], now: datetime) -> Work[None]:
    """Also for entries that were unknown, once their effect was found or surely is not there. What another replica has ended, whose
    turn it was meanwhile, stays as that one knows it."""
    rows = [
        {f"b_{name}": value for name, value in vars(one).items()} | {"b_now": now}
        for one in sorted(outcomes, key=lambda one: one.id)
    ]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(CLOSE, rows)

    return work


def close_superseded(entries: Sequence[int], now: datetime) -> Work[None]:
    """These steps were confirmed, so older ones of the same flow and key are no longer in doubt: their effect, if any, is this."""

    def work(session: Session) -> None:
        if entries:
            session.connection().execute(_supersede(), {"b_entries": entries, "b_now": now})

    return work


@cache
def _supersede() -> Update:
    later = JOURNAL.alias("later")
    is_older = select(later.c.id).where(
        later.c.id.in_(bindparam("b_entries", type_=COLUMNS.id.type, expanding=True)),
        later.c.flow == COLUMNS.flow,
        later.c.store == COLUMNS.store,
        later.c.order_id == COLUMNS.order_id,
        later.c.key == COLUMNS.key,
        later.c.id > COLUMNS.id,
    )
    return (
        update(JOURNAL)
        .where(text(IS_OPEN), is_older.exists())
        .values(outcome="abandoned", closed_at=bindparam("b_now"))
    )


def close_settled(flow: str, keys: Sequence[tuple[OrderRef, str]], now: datetime) -> Work[None]:
    """(order, key): the vendor's side was looked at and is final, so that nothing more can come of open steps. Index: ix_journal_open."""
    same = {"b_flow": flow, "b_now": now}
    rows = [same | {"b_store": store, "b_order_id": order_id, "b_key": key} for (store, order_id), key in sorted(keys)]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(_close_of_keys(), rows)

    return work


@cache
def _close_of_keys() -> Update:
    return (
        update(JOURNAL)
        .where(
            COLUMNS.store == bindparam("b_store"),
            COLUMNS.order_id == bindparam("b_order_id"),
            COLUMNS.flow == bindparam("b_flow"),
            COLUMNS.key == bindparam("b_key"),
            text(IS_OPEN),
        )
        .values(outcome="abandoned", closed_at=bindparam("b_now"))
    )


def open_entries(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, list[JournalEntry]]]:
    """(store, order id) -> what may or may not have happened, oldest first; the others are left out. Index: ix_journal_open or ix_journal_order."""
    stores, given = given_orders(subjects)

    def work(session: Session) -> dict[OrderRef, list[JournalEntry]]:
        found: dict[OrderRef, list[JournalEntry]] = {}
        for row in session.exec(_open_statement(stores), params=given):
            found.setdefault((row.store, row.order_id), []).append(row)
        return found

    return work


@cache
def _open_statement(stores: int) -> SelectOfScalar[JournalEntry]:
    is_wanted = and_(of_orders(JOURNAL, stores), text(IS_OPEN))
    return select_rows(JournalEntry).where(is_wanted).order_by(col(JournalEntry.id))


def open_entries_of(flow: str, before: datetime, limit: int) -> Work[list[JournalEntry]]:
    """What was begun by then and may or may not have happened, whatever its order, oldest first. Index: ix_journal_open."""
    is_wanted = and_(COLUMNS.flow == flow, text(IS_OPEN), COLUMNS.opened_at <= before)
    statement = select_rows(JournalEntry).where(is_wanted).order_by(col(JournalEntry.id)).limit(limit)
    return lambda session: list(session.exec(statement))


def mailed_fulfillments(orders: Iterable[OrderRef]) -> Work[set[str]]:
    """Those of these orders about which the customer was, or may have been, mailed at a scan: gids. Index: ix_journal_order."""
    stores, given = given_orders(orders)
    is_asked = and_(of_orders(JOURNAL, stores), COLUMNS.step == MAIL, COLUMNS.outcome != "abandoned")
    statement = select(COLUMNS.facts).where(is_asked)

    def work(session: Session) -> set[str]:
        rows = session.connection().execute(statement, given).scalars() if stores else ()
        return {json.loads(facts)["fulfillment"] for facts in rows}

    return work


def history(store: str, order_id: int) -> Work[list[JournalEntry]]:
    """All that we did to one order, oldest first. Index: ix_journal_order."""
    statement = (
        select_rows(JournalEntry)
        .where(col(JournalEntry.store) == store, col(JournalEntry.order_id) == order_id)
        .order_by(col(JournalEntry.id))
    )
    return lambda session: list(session.exec(statement))


def known_again_at(entries: Iterable[JournalEntry], package_key: str) -> datetime | None:
    """When a package from before a gap in our memory turned out to be told already; None for any other. What was so by then is
    no news."""
    own = [entry for entry in entries if entry.key == package_key]
    is_recalled = any(entry.step == "recall_package" for entry in own)
    adopted = [entry.opened_at for entry in own if entry.step == "adopt_fulfillment"]
    return max(adopted, default=None) if is_recalled else None


def prune_journal(before: datetime, limit: int = 5_000) -> Work[int]:
    """Forgets closed entries that were opened before this time, oldest first; open ones stay, and while a package of the order is
    on its way what tells whether its customer was mailed. Call again while it returns `limit`."""
    packages, journeys = table_of(PackageRow), table_of(JourneyRow)
    on_its_way = (
        select(packages.c.store, packages.c.order_id)
        .join(journeys, journeys.c.package_key == packages.c.package_key)
        .where(text(IS_TO_BE_ASKED))
    )
    is_needed = and_(COLUMNS.step.in_(TELL_OF_MAILS), tuple_(COLUMNS.store, COLUMNS.order_id).in_(on_its_way))
    oldest = (
        select(COLUMNS.id)
        .where(COLUMNS.opened_at < before, COLUMNS.outcome.not_in(["intended", "unknown"]), ~is_needed)
        .order_by(COLUMNS.id)
        .limit(limit)
    )
    statement = delete(JOURNAL).where(COLUMNS.id.in_(oldest))
    return lambda session: session.connection().execute(statement).rowcount


def in_doubt_since(step: str) -> Work[datetime | None]:
    """When the oldest step of this kind was about to be done of which nobody knows the outcome. Index: ix_journal_open."""
    return lambda session: session.connection().execute(OLDEST_OPEN, {"b_step": step}).scalar_one()
