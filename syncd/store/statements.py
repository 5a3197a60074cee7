"""Where the two engines differ, or where one of them must be led to its index."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, ColumnElement, Table, and_, false, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

OrderRef = tuple[str, int]
"""Store and Shopify order id."""


def dialect_of(session: Session) -> str:
    return session.get_bind().dialect.name


def upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Both engines share `on_conflict_do_update` and `on_conflict_do_nothing`; only the class differs."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def of_orders(table: Table, orders: Iterable[OrderRef]) -> ColumnElement[bool]:
    """The rows of these orders. Pairs in one IN list would make SQLite read the whole table; a list for each store does not."""
    by_store: dict[str, list[int]] = {}
    for store, order_id in orders:
        by_store.setdefault(store, []).append(order_id)
    store_column: Column[str] = table.c.store
    order_column: Column[int] = table.c.order_id
    conditions = [and_(store_column == store, order_column.in_(ids)) for store, ids in sorted(by_store.items())]
    return or_(false(), *conditions)
