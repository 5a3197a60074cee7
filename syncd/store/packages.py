"""The parcels that left or are about to, and which Shopify fulfillment stands for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, String, Update, and_, bindparam, case, func, or_, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows
from sqlmodel.sql.expression import SelectOfScalar

from syncd.store.schema import PackageRow, table_of
from syncd.store.statements import OrderRef, dialect_of, given_orders, of_orders, upsert
from syncd.store.transaction import Work

PACKAGES = table_of(PackageRow)


@dataclass(frozen=True)
class SeenPackage:
    """A parcel as ShipStation shows it. None for `order_key` and `lines` means that it did not say: what is known stays."""

    package_key: str
    store: str
    order_id: int
    voided: bool
    tracking_number: str | None
    carrier_code: str | None
    service_code: str | None
    ship_date: str | None
    order_key: str | None = None
    lines: str | None = None
    more_numbers: str | None = None


def packages_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, list[PackageRow]]]:
    """Every subject is a key of the answer; voided packages are among them. Index: ix_packages_order."""
    wanted = list(subjects)
    stores, given = given_orders(wanted)

    def work(session: Session) -> dict[OrderRef, list[PackageRow]]:
        found: dict[OrderRef, list[PackageRow]] = {subject: [] for subject in wanted}
        for row in session.exec(_of_orders(stores), params=given):
            found[row.store, row.order_id].append(row)
        return found

    return work


@cache
def _of_orders(stores: int) -> SelectOfScalar[PackageRow]:
    return select_rows(PackageRow).where(of_orders(PACKAGES, stores)).order_by(col(PackageRow.package_key))


def record_packages(packages: Sequence[SeenPackage], now: datetime) -> Work[list[OrderRef]]:
    """Keeps what ShipStation shows and returns the orders for which something was new or different.

    Which fulfillment stands for a package is never touched here: that is Shopify's word.
    """
    last = {(one.package_key, one.store, one.order_id): one for one in packages}
    times = {"created_at": now, "updated_at": now, "seen_at": now}
    rows = [asdict(one) | times | {"voided_at": now if one.voided else None} for _, one in sorted(last.items())]
    still_there = update(PACKAGES).where(PACKAGES.c.package_key.in_({key for key, _, _ in last})).values(seen_at=now)

    def work(session: Session) -> list[OrderRef]:
        if not rows:
            return []
        connection = session.connection()
        changed = {(row.store, row.order_id) for row in connection.execute(_package_upsert(dialect_of(session)), rows)}
        connection.execute(still_there)
        return sorted(changed)

    return work


@cache
def _package_upsert(dialect: str) -> Any:
    """Rows that say nothing new are neither written nor returned."""
    insert = upsert(dialect, PACKAGES)
    old, new = PACKAGES.c, insert.excluded
    # what was in a parcel that is void by now is what was in it: its order may have been changed since
    lines = case((new.voided, func.coalesce(old.lines, new.lines)), else_=func.coalesce(new.lines, old.lines))
    is_told_as_it_was = and_(old.fulfillment_gid.is_not(None), old.told.is_(None), lines.is_distinct_from(old.lines))
    values: dict[str, Any] = {
        name: new[name]
        for name in ("voided", "tracking_number", "more_numbers", "carrier_code", "service_code", "ship_date")
    } | {
        "order_key": func.coalesce(new.order_key, old.order_key),
        "lines": lines,
        # a look that lacked some of it was told as all of it: the rest is still to be told
        "told": case((is_told_as_it_was, old.lines), else_=old.told),
    }
    return insert.on_conflict_do_update(
        index_elements=[old.package_key, old.store, old.order_id],
        set_=values
        | {
            "updated_at": new.updated_at,
            "voided_at": case((new.voided, func.coalesce(old.voided_at, new.voided_at)), else_=None),
        },
        where=or_(*(old[name].is_distinct_from(value) for name, value in values.items())),
    ).returning(old.store, old.order_id)


def recorded_packages(keys: Iterable[str]) -> Work[set[str]]:
    """Those of these packages that are known. Index: the primary key."""
    statement = select(PACKAGES.c.package_key).where(PACKAGES.c.package_key.in_(list(keys)))
    return lambda session: set(session.connection().execute(statement).scalars())


def adopt_fulfillment(
    package_key: str, store: str, order_id: int, gid: str | None, told: str | None = None
) -> Work[bool]:
    """This Shopify fulfillment stands for this package; None: none does any more. A voided package of the order gives it up.

    False, and nothing changes, when the package is unknown or the fulfillment stands for another one. Index:
    uq_packages_fulfillment_gid.
    """
    given = {"b_key": package_key, "b_store": store, "b_order_id": order_id, "b_gid": gid}

    def work(session: Session) -> bool:
        connection = session.connection()
        connection.execute(_given_up(), given)
        return connection.execute(_adopted(), given | {"b_told": told}).rowcount > 0

    return work


def note_taken_back(keys: Iterable[str], store: str, order_id: int) -> Work[None]:
    """The fulfillment of these voided packages is cancelled: it holds nothing of them, and it stays theirs. Index: the primary key."""
    columns = PACKAGES.c
    of_order = and_(columns.store == store, columns.order_id == order_id, columns.voided.is_(True))
    statement = update(PACKAGES).where(columns.package_key.in_(list(keys)), of_order).values(told="{}")

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


@cache
def _adopted() -> Update:
    other = PACKAGES.alias("other")
    elsewhere = select(other.c.package_key).where(
        other.c.fulfillment_gid == bindparam("b_gid", type_=String()),  # equal to nothing when None
        ~_is_given(other),
    )
    return (
        update(PACKAGES)
        .where(_is_given(PACKAGES), ~elsewhere.exists())
        .values(fulfillment_gid=bindparam("b_gid", type_=String()), told=bindparam("b_told"))
    )


def _is_given(packages: FromClause) -> ColumnElement[bool]:
    columns = packages.c
    return and_(
        columns.package_key == bindparam("b_key"),
        columns.store == bindparam("b_store"),
        columns.order_id == bindparam("b_order_id"),
    )


@cache
def _given_up() -> Update:
    columns = PACKAGES.c
    return (
        update(PACKAGES)
        .where(columns.fulfillment_gid == bindparam("b_gid", type_=String()), columns.voided.is_(True))
        .where(columns.store == bindparam("b_store"), columns.order_id == bindparam("b_order_id"))
        .where(columns.package_key != bindparam("b_key"))
        .values(fulfillment_gid=None)
    )
