"""What people have a right to: requests until they are done, and which orders must never again be remembered with names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, insert, select, true, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from syncd.store.inbox import forget_deliveries
from syncd.store.schema import (
    ConsignmentRow,
    JournalEntry,
    JourneyRow,
    Mark,
    OrderRow,
    PackageRow,
    PrivacyRequest,
    RedactedOrder,
    table_of,
)
from syncd.store.sqlite import TRUNCATE_LOG
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

REQUESTS = table_of(PrivacyRequest)
REDACTED = table_of(RedactedOrder)
CONSIGNMENTS = table_of(ConsignmentRow)
JOURNAL = table_of(JournalEntry)
ORDERS = table_of(OrderRow)
MARKS = table_of(Mark)
PACKAGES = table_of(PackageRow)
JOURNEYS = table_of(JourneyRow)


@dataclass(frozen=True)
class NewRequest:
    """`kind` is Shopify's topic. No order ids: all of the store."""

    kind: str
    store: str
    customer_id: int | None
    order_ids: Sequence[int]


def ask(requests: Sequence[NewRequest], now: datetime) -> Work[None]:
    rows = [
        {
            "kind": one.kind,
            "store": one.store,
            "customer_id": one.customer_id,
            "orders": json.dumps(list(one.order_ids)),
            "received_at": now,
        }
        for one in requests
    ]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(insert(REQUESTS), rows)

    return work


def requests(only_open: bool) -> Work[list[PrivacyRequest]]:
    """Oldest first."""
    statement = select_rows(PrivacyRequest).order_by(col(PrivacyRequest.id))
    if only_open:
        statement = statement.where(col(PrivacyRequest.done_at).is_(None))
    return lambda session: list(session.exec(statement))


def finish_request(request_id: int, answer: str, now: datetime) -> Work[None]:
    statement = update(REQUESTS).where(REQUESTS.c.id == request_id).values(done_at=now, answer=answer)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def forget_answers(before: datetime) -> Work[int]:
    """Answers to data requests are copies of what they tell of."""
    statement = update(REQUESTS).where(REQUESTS.c.done_at < before, REQUESTS.c.answer.is_not(None)).values(answer=None)
    return lambda session: session.connection().execute(statement).rowcount


def redact(store: str, order_ids: Sequence[int], now: datetime) -> Work[dict[str, Any]]:
    """Drops all that tells of a person from these orders, or from all of the store; ids, quantities and tracking numbers
    stay, without which goods would be sent or told twice. Returns counts, and which ShipStation orders hold the rest."""

    def of(table: Table) -> ColumnElement[bool]:
        return and_(table.c.store == store, table.c.order_id.in_(order_ids) if order_ids else true())

    def work(session: Session) -> dict[str, Any]:
        connection = session.connection()
        known = connection.execute(select(ORDERS.c.order_id).where(of(ORDERS))).scalars()
        ids = sorted({*order_ids, *known})
        _bury(session, store, ids, now)
        where = of(CONSIGNMENTS)
        remains = connection.execute(select(CONSIGNMENTS.c.shipstation_order_id).where(where)).scalars()
        dropped = connection.execute(
            update(CONSIGNMENTS).where(where, CONSIGNMENTS.c.applied.is_not(None)).values(applied=None)
        )
        connection.execute(update(JOURNAL).where(of(JOURNAL)).values(text=None))
        connection.execute(update(ORDERS).where(of(ORDERS)).values(detail="", trouble_detail=None, finding_detail=None))
        labels = select(PACKAGES.c.package_key).where(of(PACKAGES))
        over = {"news": None, "settled": JOURNEYS.c.heard, "ask_at": None, "ended_at": now}
        connection.execute(update(JOURNEYS).where(JOURNEYS.c.package_key.in_(labels)).values(over))
        subjects = [f"{store}/{order_id}" for order_id in ids]
        connection.execute(update(MARKS).where(MARKS.c.subject.in_(subjects)).values(error_text=None))
        _drop_answers(session, store, set(ids))
        if not order_ids:
            forget_deliveries(store)(session)
        truncate_log(session)
        return {
            "orders": len(ids),
            "documents_dropped": dropped.rowcount,
            "remains_in_shipstation": sorted({one for one in remains if one}),
        }

    return work


def _bury(session: Session, store: str, order_ids: Iterable[int], now: datetime) -> None:
    rows = [{"store": store, "order_id": order_id, "redacted_at": now} for order_id in order_ids]
    if rows:
        statement = upsert(dialect_of(session), REDACTED).on_conflict_do_nothing()
        session.connection().execute(statement, rows)


def _drop_answers(session: Session, store: str, order_ids: set[int]) -> None:
    for request in session.exec(select_rows(PrivacyRequest).where(col(PrivacyRequest.answer).is_not(None))):
        if request.store == store and order_ids & set(json.loads(request.orders)):
            request.answer = None
            session.add(request)


def truncate_log(session: Session) -> None:
    """SQLite keeps what was deleted in its log until that is emptied, which cannot be done inside a transaction."""
    session.connection().info[TRUNCATE_LOG] = True
