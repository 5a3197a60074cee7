"""What the sweep remembers: how each ShipStation order looked, and what it found wrong with an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select, text, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from syncd.store.schema import IS_IN_SHIPSTATION, ConsignmentRow, OrderRow, PackageRow, table_of
from syncd.store.statements import OrderRef, given_orders, of_orders
from syncd.store.transaction import Work

ORDERS = table_of(OrderRow)
CONSIGNMENTS = table_of(ConsignmentRow)
PACKAGES = table_of(PackageRow)


@dataclass(frozen=True)
class SeenConsignment:
    """How its ShipStation order looked. `differs`: names of our fields that were changed there, empty for none."""

    order_key: str
    status: str
    differs: str
    modified_at: datetime | None


@dataclass(frozen=True)
class OpenConsignment:
    order_key: str
    store: str
    order_id: int
    shipstation_order_id: int | None
    created_at: datetime
    updated_at: datetime


def open_consignments() -> Work[list[OpenConsignment]]:
    """Those that should be found in ShipStation, the oldest first, without their documents. Index: ix_consignments_open."""
    columns = CONSIGNMENTS.c
    statement = select(
        columns.order_key,
        columns.store,
        columns.order_id,
        columns.shipstation_order_id,
        columns.created_at,
        columns.updated_at,
    ).where(text(IS_IN_SHIPSTATION))

    def work(session: Session) -> list[OpenConsignment]:
        found = [OpenConsignment(*row) for row in session.connection().execute(statement)]
        return sorted(found, key=lambda one: (one.created_at, one.order_key))

    return work


def consignments_seen(ids: Iterable[int], keys: Iterable[str]) -> Work[list[ConsignmentRow]]:
    """By ShipStation order id or by key: whole rows, for one page. Indexes: ix_consignments_shipstation_order_id, the key."""
    statement = select_rows(ConsignmentRow).where(
        or_(
            col(ConsignmentRow.shipstation_order_id).in_(list(ids)),
            col(ConsignmentRow.order_key).in_(list(keys)),
        )
    )
    return lambda session: list(session.exec(statement))


def orders_named(names: Iterable[str]) -> Work[list[OrderRow]]:
    """Index: ix_orders_name."""
    statement = select_rows(OrderRow).where(col(OrderRow.name).in_(sorted(names)))
    return lambda session: list(session.exec(statement))


def names_of(refs: Iterable[OrderRef]) -> Work[dict[OrderRef, str]]:
    """Shopify's names of orders, such as #1001."""
    columns = ORDERS.c
    stores, given = given_orders(refs)
    statement = select(columns.store, columns.order_id, columns.name).where(of_orders(ORDERS, stores))
    return lambda session: {
        (row.store, row.order_id): row.name for row in session.connection().execute(statement, given)
    }


def packaged_keys(refs: Iterable[OrderRef]) -> Work[set[str]]:
    """Order keys of which a package is known, voided or not. Index: ix_packages_order."""
    stores, given = given_orders(refs)
    statement = select(PACKAGES.c.order_key).where(of_orders(PACKAGES, stores), PACKAGES.c.order_key.is_not(None))
    return lambda session: set(session.connection().execute(statement, given).scalars())


def record_sights(seen: Sequence[SeenConsignment], now: datetime) -> Work[None]:
    """`updated_at` stays: looking changes nothing."""
    columns = CONSIGNMENTS.c
    statement = (
        update(CONSIGNMENTS)
        .where(columns.order_key == bindparam("b_order_key"))
        .values(
            seen_status=bindparam("b_status"),
            seen_differs=bindparam("b_differs"),
            seen_modified_at=bindparam("b_modified_at", type_=columns.seen_modified_at.type),
            seen_at=now,
        )
    )
    rows = [
        {f"b_{name}": value for name, value in asdict(one).items()} for one in sorted(seen, key=lambda s: s.order_key)
    ]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(statement, rows)

    return work


def findings() -> Work[dict[OrderRef, tuple[str, str]]]:
    """(cause, detail) of every order with one. Reads the whole table, once per sweep."""
    columns = ORDERS.c
    statement = select(columns.store, columns.order_id, columns.finding, columns.finding_detail).where(
        columns.finding.is_not(None)
    )

    def work(session: Session) -> dict[OrderRef, tuple[str, str]]:
        rows = session.connection().execute(statement)
        return {(row.store, row.order_id): (row.finding, row.finding_detail or "") for row in rows}

    return work


def orders_in(state: str) -> Work[list[OrderRef]]:
    """Those that are not closed. Reads the whole table, once per sweep."""
    columns = ORDERS.c
    statement = select(columns.store, columns.order_id).where(columns.state == state, columns.closed_at.is_(None))
    return lambda session: [(row.store, row.order_id) for row in session.connection().execute(statement)]


def record_findings(found: Mapping[OrderRef, tuple[str, str] | None]) -> Work[None]:
    """None: what was wrong is right again. Orders never looked at are passed over."""
    columns = ORDERS.c
    statement = (
        update(ORDERS)
        .where(columns.store == bindparam("b_store"), columns.order_id == bindparam("b_order_id"))
        .values(finding=bindparam("b_cause"), finding_detail=bindparam("b_detail"))
    )
    rows = [
        {
            "b_store": store,
            "b_order_id": order_id,
            "b_cause": finding[0] if finding else None,
            "b_detail": finding[1] if finding else None,
        }
        for (store, order_id), finding in sorted(found.items())
    ]

    def work(session: Session) -> None:
        if rows:
            session.connection().execute(statement, rows)

    return work
