"""The one state of each order, and when we last looked at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from syncd.store.consignments import consignments_of
from syncd.store.packages import packages_of
from syncd.store.schema import ConsignmentRow, OrderRow, PackageRow, table_of
from syncd.store.statements import OrderRef, dialect_of, given_orders, of_orders, upsert
from syncd.store.transaction import Work

ORDERS = table_of(OrderRow)

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class OrderRows:
    """All that is remembered of one order. `order` is None before it was first looked at."""

    order: OrderRow | None
    consignments: list[ConsignmentRow]
    packages: list[PackageRow]


def record_orders(orders: Sequence[OrderRow]) -> Work[None]:
    """The verdicts of a batch. `since` moves only with state or cause, `closed_at` keeps the first time until reopened."""
    rows = [row.model_dump() for row in sorted(orders, key=lambda row: (row.store, row.order_id))]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(_order_upsert(dialect_of(session)), rows)

    return work


@cache
def _order_upsert(dialect: str) -> sqlite.Insert | postgresql.Insert:
    insert = upsert(dialect, ORDERS)
    old, new = ORDERS.c, insert.excluded
    moved = or_(old.state != new.state, old.cause != new.cause)
    values: dict[str, Any] = {name: new[name] for name in ("state", "cause", "detail", "seen_at")}
    return insert.on_conflict_do_update(
        index_elements=[old.store, old.order_id],
        set_=values
        | {
            "name": case((new.name == "", old.name), else_=new.name),  # empty when it could not be read this time
            "since": case((moved, new.since), else_=old.since),
            "shopify_updated_at": func.coalesce(new.shopify_updated_at, old.shopify_updated_at),
            "routing_updated_at": func.coalesce(new.routing_updated_at, old.routing_updated_at),
            "judged": func.coalesce(new.judged, old.judged),
            "closed_at": case((new.closed_at.is_(None), None), else_=func.coalesce(old.closed_at, new.closed_at)),
        },
    )


def record_unseen(orders: Sequence[OrderRow]) -> Work[None]:
    """Orders that could not be looked at: those never seen get the reason as their state, and still count as never seen."""
    rows = [row.model_dump() | {"seen_at": NEVER} for row in sorted(orders, key=lambda row: (row.store, row.order_id))]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(_unseen_upsert(dialect_of(session)), rows)

    return work


@cache
def _unseen_upsert(dialect: str) -> sqlite.Insert | postgresql.Insert:
    insert = upsert(dialect, ORDERS)
    old, new = ORDERS.c, insert.excluded
    values: dict[str, Any] = {name: new[name] for name in ("state", "cause", "detail", "since")}
    is_named = and_(old.name == "", new.name != "")
    return insert.on_conflict_do_update(
        index_elements=[old.store, old.order_id],
        set_=values | {"name": case((is_named, new.name), else_=old.name)},
        where=and_(old.seen_at == NEVER, or_(old.cause != new.cause, is_named)),
    )


def causes_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, tuple[str, datetime]]]:
    """(cause, since) as remembered; orders never looked at are left out. Index: the primary key."""
    stores, given = given_orders(subjects)

    def work(session: Session) -> dict[OrderRef, tuple[str, datetime]]:
        rows = session.connection().execute(_causes(stores), given)
        return {(row.store, row.order_id): (row.cause, row.since) for row in rows}

    return work


@cache
def _causes(stores: int) -> Select[Any]:
    columns = ORDERS.c
    return select(columns.store, columns.order_id, columns.cause, columns.since).where(of_orders(ORDERS, stores))


class Troubled(NamedTuple):
    """What is in an order's way beside what the order itself says: (cause, detail) each."""

    trouble: tuple[str, str] | None
    """Of a package that cannot be told to Shopify."""
    finding: tuple[str, str] | None
    """Of the sweep."""


def troubles_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, Troubled]]:
    """Orders with neither are left out."""
    stores, given = given_orders(subjects)

    def work(session: Session) -> dict[OrderRef, Troubled]:
        rows = session.connection().execute(_troubles(stores), given)
        return {(row.store, row.order_id): _troubled(row) for row in rows}

    return work


def _troubled(row: Any) -> Troubled:
    return Troubled(
        (row.trouble, row.trouble_detail or "") if row.trouble else None,
        (row.finding, row.finding_detail or "") if row.finding else None,
    )


@cache
def _troubles(stores: int) -> Select[Any]:
    columns = ORDERS.c
    told = (columns.trouble, columns.trouble_detail, columns.finding, columns.finding_detail)
    has_any = or_(columns.trouble.is_not(None), columns.finding.is_not(None))
    return select(columns.store, columns.order_id, *told).where(of_orders(ORDERS, stores), has_any)


def record_troubles(orders: Sequence[OrderRow]) -> Work[None]:
    """The verdicts of the shipments flow: only `trouble` and its detail move. An order never looked at is kept as it comes."""
    rows = [row.model_dump() for row in sorted(orders, key=lambda row: (row.store, row.order_id))]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(_trouble_upsert(dialect_of(session)), rows)

    return work


@cache
def _trouble_upsert(dialect: str) -> sqlite.Insert | postgresql.Insert:
    insert = upsert(dialect, ORDERS)
    old, new = ORDERS.c, insert.excluded
    return insert.on_conflict_do_update(
        index_elements=[old.store, old.order_id],
        set_={"trouble": new.trouble, "trouble_detail": new.trouble_detail},
        where=old.trouble.is_distinct_from(new.trouble) | old.trouble_detail.is_distinct_from(new.trouble_detail),
    )


def state_counts() -> Work[list[tuple[str, str, str, int]]]:
    """Store, state, cause, number of orders. Reads the whole table: for the status page and the metrics."""
    columns = ORDERS.c
    group = (columns.store, columns.state, columns.cause)
    statement = select(*group, func.count().label("count")).group_by(*group).order_by(*group)
    return lambda session: [(row[0], row[1], row[2], row[3]) for row in session.connection().execute(statement)]


def all_orders(state: str | None = None) -> Work[list[OrderRow]]:
    """For lists that people read: all of them, or those in one state. Index: ix_orders_state."""
    statement = select_rows(OrderRow).order_by(col(OrderRow.store), col(OrderRow.order_id))
    if state is not None:
        statement = statement.where(col(OrderRow.state) == state)
    return lambda session: list(session.exec(statement))


def orders_of(subjects: Iterable[OrderRef]) -> Work[list[OrderRow]]:
    """Those never looked at are left out. Index: the primary key."""
    stores, given = given_orders(subjects)
    statement = select_rows(OrderRow).where(of_orders(ORDERS, stores))
    return lambda session: list(session.exec(statement, params=given))


def newest_orders(limit: int) -> Work[list[OrderRef]]:
    """Shopify's ids count up, in all shops together."""
    columns = ORDERS.c
    statement = select(columns.store, columns.order_id).order_by(columns.order_id.desc()).limit(limit)
    return lambda session: [(row.store, row.order_id) for row in session.connection().execute(statement)]


def known_names(names: Iterable[str]) -> Work[set[str]]:
    """Those of these that are names of orders, of whatever store. Index: ix_orders_name."""
    statement = select(ORDERS.c.name).where(ORDERS.c.name.in_(list(names)))
    return lambda session: set(session.connection().execute(statement).scalars())


def orders_by_name(name: str) -> Work[list[OrderRow]]:
    """Names such as #1001 repeat between stores. Index: ix_orders_name."""
    statement = (
        select_rows(OrderRow).where(col(OrderRow.name) == name).order_by(col(OrderRow.store), col(OrderRow.order_id))
    )
    return lambda session: list(session.exec(statement))


def order_rows(store: str, order_id: int) -> Work[OrderRows]:
    """For the explanation of one order."""

    def work(session: Session) -> OrderRows:
        ref = (store, order_id)
        order = session.get(OrderRow, ref)
        return OrderRows(order, consignments_of([ref])(session)[ref], packages_of([ref])(session)[ref])

    return work
