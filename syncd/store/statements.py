"""Where the two engines differ, or where one of them must be led to its index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, false, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

OrderRef = tuple[str, int]
"""Store and Shopify order id."""


def dialect_of(session: Session) -> str:
    return session.get_bind().dialect.name


def upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Both engines share `on_conflict_do_update` and `on_conflict_do_nothing`; only the class differs."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def given_orders(orders: Iterable[OrderRef]) -> tuple[int, dict[str, Any]]:
    """From how many stores they are, and the values for `of_orders`."""
    by_store: dict[str, list[int]] = {}
    for store, order_id in orders:
        by_store.setdefault(store, []).append(order_id)
    given: dict[str, Any] = {}
    for number, (store, ids) in enumerate(sorted(by_store.items())):
        given |= {f"b_store_{number}": store, f"b_orders_{number}": ids}
    return len(by_store), given


def of_orders(table: Table, stores: int) -> ColumnElement[bool]:
    """The rows of some orders of so many stores. Pairs in one IN list would make SQLite read the whole table; a list for each
    store does not."""
    store_column: Column[str] = table.c.store
    order_column: Column[int] = table.c.order_id
    return or_(
        false(),
        *(
            and_(
                store_column == bindparam(f"b_store_{number}"),
                order_column.in_(bindparam(f"b_orders_{number}", type_=order_column.type, expanding=True)),
            )
            for number in range(stores)
        ),
    )
