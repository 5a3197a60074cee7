"""What a person decided about one order: it may go in spite of doubts, and whose value stands where both sides changed a field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, func, or_, select, update
from sqlmodel import Session

from syncd.store.journal import ClosedEntry, NewEntry, close_intents, open_intents
from syncd.store.schema import OrderRow, table_of
from syncd.store.statements import OrderRef, given_orders, of_orders
from syncd.store.transaction import Work

ORDERS = table_of(OrderRow)


@dataclass(frozen=True)
class StoredRuling:
    """`waived`: what was said against the order when a person released it, None if nobody did. `take` is shopify or shipstation
    until it was carried out."""

    waived: frozenset[str] | None = None
    take: str | None = None


def rulings_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, StoredRuling]]:
    """Orders of which nobody decided anything are left out. Index: the primary key."""
    stores, given = given_orders(subjects)

    def work(session: Session) -> dict[OrderRef, StoredRuling]:
        rows = session.connection().execute(_rulings(stores), given)
        return {(row.store, row.order_id): StoredRuling(_waived(row), row.take) for row in rows}

    return work


def _waived(row: Any) -> frozenset[str] | None:
    return frozenset(name for name in (row.waived or "").split(",") if name) if row.released_at else None


@cache
def _rulings(stores: int) -> Select[Any]:
    columns = ORDERS.c
    return select(columns.store, columns.order_id, columns.released_at, columns.waived, columns.take).where(
        of_orders(ORDERS, stores), or_(columns.released_at.is_not(None), columns.take.is_not(None))
    )


def release_order(store: str, order_id: int, now: datetime) -> Work[bool]:
    """With all that is said against it so far, whatever was waived before. Of one that was not looked at since an earlier version
    only the cause tells. False when the order was never looked at."""
    before, more = func.coalesce(ORDERS.c.waived + ",", ""), func.coalesce(ORDERS.c.judged, ORDERS.c.cause)
    return _decided(store, order_id, released_at=now, waived=before + more)


def take_side(store: str, order_id: int, side: str | None) -> Work[bool]:
    """False when the order was never looked at. None: carried out, so that it does not settle the next conflict unasked."""
    return _decided(store, order_id, take=side)


def told(decision: Work[bool], entry: NewEntry, now: datetime, *consequences: Work[Any]) -> Work[bool]:
    """The decision, its line in the journal and what follows from it, all or nothing. False: there is no such order."""

    def work(session: Session) -> bool:
        if not decision(session):
            return False
        (entry_id,) = open_intents([entry], now)(session)
        close_intents([ClosedEntry(entry_id, "confirmed")], now)(session)
        for consequence in consequences:
            consequence(session)
        return True

    return work


def _decided(store: str, order_id: int, **values: object) -> Work[bool]:
    statement = update(ORDERS).where(ORDERS.c.store == store, ORDERS.c.order_id == order_id).values(**values)
    return lambda session: session.connection().execute(statement).rowcount > 0
