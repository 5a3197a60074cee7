"""What we remember of each order: its state, the ShipStation orders that stand for it, and the packages that left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import String, bindparam, case, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from syncd.store.schema import ConsignmentRow, OrderRow, PackageRow, table_of
from syncd.store.statements import OrderRef, dialect_of, of_orders, upsert
from syncd.store.transaction import Work

ORDERS = table_of(OrderRow)
CONSIGNMENTS = table_of(ConsignmentRow)
PACKAGES = table_of(PackageRow)

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ConsignmentUpdate:
    """What we learned of one consignment. None keeps what is there."""

    order_key: str
    standing: str
    shipstation_order_id: int | None = None
    applied: str | None = None
    applied_digest: str | None = None
    pushed_at: datetime | None = None


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


@dataclass(frozen=True)
class SeenVersion:
    """Which version of an order we last looked at, and when."""

    updated_at: datetime | None
    seen_at: datetime


@dataclass(frozen=True)
class OrderRows:
    """All that is remembered of one order. `order` is None before it was first looked at."""

    order: OrderRow | None
    consignments: list[ConsignmentRow]
    packages: list[PackageRow]


def consignments_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, list[ConsignmentRow]]]:
    """Every subject is a key of the answer. Index: the unique group."""
    wanted = list(subjects)
    statement = (
        select_rows(ConsignmentRow).where(of_orders(CONSIGNMENTS, wanted)).order_by(col(ConsignmentRow.order_key))
    )

    def work(session: Session) -> dict[OrderRef, list[ConsignmentRow]]:
        found: dict[OrderRef, list[ConsignmentRow]] = {subject: [] for subject in wanted}
        for row in session.exec(statement):
            found[row.store, row.order_id].append(row)
        return found

    return work


def packages_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, list[PackageRow]]]:
    """Every subject is a key of the answer; voided packages are among them. Index: ix_packages_order."""
    wanted = list(subjects)
    statement = select_rows(PackageRow).where(of_orders(PACKAGES, wanted)).order_by(col(PackageRow.package_key))

    def work(session: Session) -> dict[OrderRef, list[PackageRow]]:
        found: dict[OrderRef, list[PackageRow]] = {subject: [] for subject in wanted}
        for row in session.exec(statement):
            found[row.store, row.order_id].append(row)
        return found

    return work


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


def take_order_keys(rows: Sequence[ConsignmentRow]) -> Work[None]:
    """Remembers keys before ShipStation hears of them. A key that is taken already stays as it is.

    Another key for the same group and number is a mistake of ours and raises: it would be a second order for the same goods.
    """
    values = [row.model_dump() for row in sorted(rows, key=lambda row: row.order_key)]

    def work(session: Session) -> None:
        if values:
            insert = upsert(dialect_of(session), CONSIGNMENTS)
            statement = insert.on_conflict_do_nothing(index_elements=[CONSIGNMENTS.c.order_key])
            session.connection().execute(statement, values)

    return work


def record_consignments(updates: Sequence[ConsignmentUpdate], now: datetime) -> Work[None]:
    """Keys that were never taken are passed over."""
    columns = CONSIGNMENTS.c
    kept_unless_given = ("shipstation_order_id", "applied", "applied_digest", "pushed_at")
    values: dict[str, Any] = {
        name: func.coalesce(bindparam(f"b_{name}", type_=columns[name].type), columns[name])
        for name in kept_unless_given
    }
    statement = (
        update(CONSIGNMENTS)
        .where(columns.order_key == bindparam("b_order_key"))
        .values(standing=bindparam("b_standing"), updated_at=now, **values)
    )
    rows = [
        {f"b_{name}": value for name, value in asdict(one).items()}
        for one in sorted(updates, key=lambda one: one.order_key)
    ]

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
    values: dict[str, Any] = {
        name: new[name] for name in ("voided", "tracking_number", "carrier_code", "service_code", "ship_date")
    } | {name: func.coalesce(new[name], old[name]) for name in ("order_key", "lines")}
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


def known_names(names: Iterable[str]) -> Work[set[str]]:
    """Those of these that are names of orders, of whatever store. Index: ix_orders_name."""
    statement = select(ORDERS.c.name).where(ORDERS.c.name.in_(list(names)))
    return lambda session: set(session.connection().execute(statement).scalars())


def adopt_fulfillment(
    package_key: str, store: str, order_id: int, gid: str | None, told: str | None = None
) -> Work[bool]:
    """This Shopify fulfillment stands for this package; None: none does any more. A voided package of the order gives it up.

    False, and nothing changes, when the package is unknown or the fulfillment stands for another one. Index:
    uq_packages_fulfillment_gid.
    """
    columns = PACKAGES.c
    other = PACKAGES.alias("other")
    elsewhere = select(other.c.package_key).where(
        other.c.fulfillment_gid == literal(gid, String()),  # equal to nothing when None
        or_(other.c.package_key != package_key, other.c.store != store, other.c.order_id != order_id),
    )
    statement = (
        update(PACKAGES)
        .where(columns.package_key == package_key, columns.store == store, columns.order_id == order_id)
        .where(~elsewhere.exists())
        .values(fulfillment_gid=gid, told=told)
    )
    give_up = (
        update(PACKAGES)
        .where(columns.fulfillment_gid == literal(gid, String()), columns.voided.is_(True))
        .where(columns.store == store, columns.order_id == order_id, columns.package_key != package_key)
        .values(fulfillment_gid=None)
    )

    def work(session: Session) -> bool:
        connection = session.connection()
        connection.execute(give_up)
        return connection.execute(statement).rowcount > 0

    return work


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
            "closed_at": case((new.closed_at.is_(None), None), else_=func.coalesce(old.closed_at, new.closed_at)),
        },
    )


def record_unseen(orders: Sequence[OrderRow]) -> Work[None]:
    """Orders that could not be looked at: those that are new to us get a state, and count as never seen."""
    rows = [row.model_dump() | {"seen_at": NEVER} for row in sorted(orders, key=lambda row: (row.store, row.order_id))]

    def work(session: Session) -> None:
        if rows:
            insert = upsert(dialect_of(session), ORDERS)
            statement = insert.on_conflict_do_nothing(index_elements=[ORDERS.c.store, ORDERS.c.order_id])
            session.connection().execute(statement, rows)

    return work


def troubles_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, tuple[str, str]]]:
    """(cause, detail) of the orders with a package that cannot be told to Shopify, or else with a finding of the sweep; the
    others are left out."""
    columns = ORDERS.c
    detail = case((columns.trouble.is_(None), columns.finding_detail), else_=columns.trouble_detail)
    statement = select(
        columns.store,
        columns.order_id,
        func.coalesce(columns.trouble, columns.finding).label("trouble"),
        detail.label("trouble_detail"),
    ).where(of_orders(ORDERS, subjects), or_(columns.trouble.is_not(None), columns.finding.is_not(None)))

    def work(session: Session) -> dict[OrderRef, tuple[str, str]]:
        rows = session.connection().execute(statement)
        return {(row.store, row.order_id): (row.trouble, row.trouble_detail or "") for row in rows}

    return work


def record_troubles(orders: Sequence[OrderRow]) -> Work[None]:
    """The verdicts of the shipments flow: only `trouble` and its detail move. An order never looked at is kept as it comes."""
    rows = [row.model_dump() for row in sorted(orders, key=lambda row: (row.store, row.order_id))]

    def work(session: Session) -> None:
        if rows:
            insert = upsert(dialect_of(session), ORDERS)
            new = insert.excluded
            statement = insert.on_conflict_do_update(
                index_elements=[ORDERS.c.store, ORDERS.c.order_id],
                set_={"trouble": new.trouble, "trouble_detail": new.trouble_detail},
                where=ORDERS.c.trouble.is_distinct_from(new.trouble)
                | ORDERS.c.trouble_detail.is_distinct_from(new.trouble_detail),
            )
            session.connection().execute(statement, rows)

    return work


def seen_versions(store: str, order_ids: Iterable[int]) -> Work[dict[int, SeenVersion]]:
    """For the feeds: orders never looked at are left out."""
    columns = ORDERS.c
    statement = select(columns.order_id, columns.shopify_updated_at, columns.seen_at).where(
        columns.store == store, columns.order_id.in_(list(order_ids))
    )

    def work(session: Session) -> dict[int, SeenVersion]:
        rows = session.connection().execute(statement)
        return {row.order_id: SeenVersion(row.shopify_updated_at, row.seen_at) for row in rows}

    return work


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


def newest_orders(limit: int) -> Work[list[OrderRef]]:
    """Shopify's ids count up, in all shops together."""
    columns = ORDERS.c
    statement = select(columns.store, columns.order_id).order_by(columns.order_id.desc()).limit(limit)
    return lambda session: [(row.store, row.order_id) for row in session.connection().execute(statement)]


def order_rows(store: str, order_id: int) -> Work[OrderRows]:
    """For the explanation of one order."""

    def work(session: Session) -> OrderRows:
        ref = (store, order_id)
        order = session.get(OrderRow, ref)
        return OrderRows(order, consignments_of([ref])(session)[ref], packages_of([ref])(session)[ref])

    return work


def orders_by_name(name: str) -> Work[list[OrderRow]]:
    """Names such as #1001 repeat between stores. Index: ix_orders_name."""
    statement = (
        select_rows(OrderRow).where(col(OrderRow.name) == name).order_by(col(OrderRow.store), col(OrderRow.order_id))
    )
    return lambda session: list(session.exec(statement))


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
