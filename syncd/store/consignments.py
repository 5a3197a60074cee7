"""Which ShipStation order stands for which part of an order, and the document that it last accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, func, select, tuple_, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows
from sqlmodel.sql.expression import SelectOfScalar

from syncd.store.schema import ConsignmentRow, OrderRow, PackageRow, RedactedOrder, table_of
from syncd.store.statements import OrderRef, dialect_of, given_orders, of_orders, upsert
from syncd.store.transaction import Work

CONSIGNMENTS = table_of(ConsignmentRow)
PACKAGES = table_of(PackageRow)
ORDERS = table_of(OrderRow)
REDACTED = table_of(RedactedOrder)


@dataclass(frozen=True)
class NewConsignment:
    """An order key that is about to be taken, or was found in ShipStation. A table's row takes a hundred times as long to make."""

    order_key: str
    store: str
    order_id: int
    location_id: int
    split_group: str
    n: int
    standing: str
    shipstation_order_id: int | None = None
    applied: str | None = None


@dataclass(frozen=True)
class ConsignmentUpdate:
    """What we learned of one consignment. None keeps what is there."""

    order_key: str
    standing: str
    shipstation_order_id: int | None = None
    applied: str | None = None
    pushed_at: datetime | None = None
    split_group: str | None = None


def consignments_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, list[ConsignmentRow]]]:
    """Every subject is a key of the answer. Index: the unique group."""
    wanted = list(subjects)
    stores, given = given_orders(wanted)

    def work(session: Session) -> dict[OrderRef, list[ConsignmentRow]]:
        found: dict[OrderRef, list[ConsignmentRow]] = {subject: [] for subject in wanted}
        for row in session.exec(_of_orders(stores), params=given):
            found[row.store, row.order_id].append(row)
        return found

    return work


@cache
def _of_orders(stores: int) -> SelectOfScalar[ConsignmentRow]:
    return select_rows(ConsignmentRow).where(of_orders(CONSIGNMENTS, stores)).order_by(col(ConsignmentRow.order_key))


def consignments_by_shipstation_id(ids: Iterable[int]) -> Work[dict[int, list[ConsignmentRow]]]:
    """Several consignments under one id were merged in ShipStation. Ids that we do not know are left out."""
    statement = (
        select_rows(ConsignmentRow)
        .where(col(ConsignmentRow.shipstation_order_id).in_(list(ids)))
        .order_by(col(ConsignmentRow.order_key))
    )

    def work(session: Session) -> dict[int, list[ConsignmentRow]]:
        found: dict[int, list[ConsignmentRow]] = {}
        for row in session.exec(statement):
            assert row.shipstation_order_id is not None
            found.setdefault(row.shipstation_order_id, []).append(row)
        return found

    return work


def stores_of_orders(stores: Sequence[str], order_ids: Iterable[int]) -> Work[dict[int, str]]:
    """Which store placed these orders in ShipStation; those that two stores placed, or none, are left out. Index: the unique group."""
    columns = CONSIGNMENTS.c
    statement = (
        select(columns.order_id, func.min(columns.store).label("store"))
        .where(columns.store.in_(list(stores)), columns.order_id.in_(list(order_ids)))
        .group_by(columns.order_id)
        .having(func.count(columns.store.distinct()) == 1)
    )
    return lambda session: {row.order_id: row.store for row in session.connection().execute(statement)}


def consignments_by_key(keys: Iterable[str]) -> Work[dict[str, ConsignmentRow]]:
    statement = select_rows(ConsignmentRow).where(col(ConsignmentRow.order_key).in_(list(keys)))
    return lambda session: {row.order_key: row for row in session.exec(statement)}


def take_order_keys(consignments: Sequence[NewConsignment], now: datetime) -> Work[None]:
    """Remembers keys before ShipStation hears of them. A key that is taken already stays as it is.

    Another key for the same group and number is a mistake of ours and raises: it would be a second order for the same goods.
    """
    values = [
        vars(one) | {"created_at": now, "updated_at": now}
        for one in sorted(consignments, key=lambda one: one.order_key)
    ]

    def work(session: Session) -> None:
        if values:
            insert = upsert(dialect_of(session), CONSIGNMENTS)
            statement = insert.on_conflict_do_nothing(index_elements=[CONSIGNMENTS.c.order_key])
            session.connection().execute(statement, values)

    return work


def record_consignments(updates: Sequence[ConsignmentUpdate], now: datetime) -> Work[None]:
    """Keys that were never taken are passed over. No document of a redacted order is kept."""
    rows = [
        {f"b_{name}": value for name, value in vars(one).items()} | {"b_now": now}
        for one in sorted(updates, key=lambda one: one.order_key)
    ]
    documents = [one.order_key for one in updates if one.applied]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(_record_statement(), rows)
        if documents:
            session.connection().execute(_forget_statement(), {"b_keys": documents})

    return work


@cache
def _record_statement() -> Update:
    columns = CONSIGNMENTS.c
    kept_unless_given = ("shipstation_order_id", "applied", "pushed_at", "split_group")
    values: dict[str, Any] = {
        name: func.coalesce(bindparam(f"b_{name}", type_=columns[name].type), columns[name])
        for name in kept_unless_given
    }
    return (
        update(CONSIGNMENTS)
        .where(columns.order_key == bindparam("b_order_key"))
        .values(standing=bindparam("b_standing"), updated_at=bindparam("b_now"), **values)
    )


@cache
def _forget_statement() -> Update:
    columns = CONSIGNMENTS.c
    is_redacted = select(REDACTED.c.order_id).where(
        REDACTED.c.store == columns.store, REDACTED.c.order_id == columns.order_id
    )
    is_given = columns.order_key.in_(bindparam("b_keys", type_=columns.order_key.type, expanding=True))
    return update(CONSIGNMENTS).where(is_given, is_redacted.exists()).values(applied=None)


def remember_choices(choices: Mapping[str, str]) -> Work[None]:
    """Order key -> JSON. Keys that were never taken are passed over. Index: the primary key."""
    columns = CONSIGNMENTS.c
    statement = (
        update(CONSIGNMENTS).where(columns.order_key == bindparam("b_order_key")).values(choice=bindparam("b_choice"))
    )
    rows = [{"b_order_key": key, "b_choice": text} for key, text in sorted(choices.items())]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(statement, rows)

    return work


def reopen_voided(keys: Iterable[str], now: datetime) -> Work[None]:
    """Of these consignments, those shipped of which no label stands: ShipStation may let them be changed again. Index: ix_packages_order."""
    columns, packages = CONSIGNMENTS.c, PACKAGES.c
    stands = select(packages.package_key).where(
        packages.store == columns.store,
        packages.order_id == columns.order_id,
        packages.order_key == columns.order_key,
        packages.voided.is_(False),
    )
    statement = (
        update(CONSIGNMENTS)
        .where(columns.order_key.in_(sorted(keys)), columns.standing == "shipped", ~stands.exists())
        .values(standing="open", updated_at=now)
    )

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def forget_documents(before: datetime, limit: int = 5_000) -> Work[int]:
    """Drops the documents of orders that closed before this time; ids and digests stay. Call again while it returns `limit`."""
    columns = CONSIGNMENTS.c
    closed = select(ORDERS.c.store, ORDERS.c.order_id).where(ORDERS.c.closed_at < before)
    some = (
        select(columns.order_key)
        .where(columns.applied.is_not(None), tuple_(columns.store, columns.order_id).in_(closed))
        .limit(limit)
    )
    statement = update(CONSIGNMENTS).where(columns.order_key.in_(some)).values(applied=None)
    return lambda session: session.connection().execute(statement).rowcount
