"""Stock: what a person allowed for each store, what the last look showed, and which goods ShipStation holds for us."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, text, union, update
from sqlmodel import Session

from syncd.store.consignments import consignments_by_key, consignments_of
from syncd.store.journal import open_entries
from syncd.store.packages import packages_of
from syncd.store.schema import (
    IS_IN_SHIPSTATION,
    IS_OPEN,
    IS_UNTOLD,
    ConsignmentRow,
    JournalEntry,
    OrderRow,
    PackageRow,
    StockControl,
    table_of,
)
from syncd.store.statements import OrderRef, dialect_of, given_orders, of_orders, upsert
from syncd.store.transaction import Work

HOLDS_NOTHING = ("shipped", "cancelled")
"""What ShipStation says of orders whose units it counts as free."""

CONTROLS = table_of(StockControl)
CONSIGNMENTS = table_of(ConsignmentRow)
PACKAGES = table_of(PackageRow)
ORDERS = table_of(OrderRow)
JOURNAL = table_of(JournalEntry)


@dataclass(frozen=True)
class Control:
    """`report` is the JSON of the last look; `released_as` says for which shelves and owners somebody released it."""

    released_at: datetime | None = None
    released_as: str | None = None
    frozen_at: datetime | None = None
    frozen_until: datetime | None = None
    looked_at: datetime | None = None
    report: str | None = None

    def is_frozen(self, now: datetime) -> bool:
        return self.frozen_at is not None and (self.frozen_until is None or now < self.frozen_until)


@dataclass(frozen=True)
class HeldGoods:
    """One consignment that ShipStation has or had: the document it accepted, and the lines (JSON: Shopify line -> units, None
    for all) of its packages of which Shopify was told."""

    store: str
    location_id: int
    applied: str
    told: tuple[str | None, ...]
    unnamed: tuple[str, ...] = ()
    """Lines of told packages of its order that name none of its consignments, where it is the only living one: such a package
    left in a part that somebody split off, or merged with another order."""
    cancelled: tuple[str, ...] = ()
    """Where there are such packages: the documents of its order's cancelled consignments, which they may have left too."""
    untold: tuple[str | None, ...] = ()
    """Lines of its packages that left without Shopify having been told; below, of those that are as `unnamed`."""
    untold_unnamed: tuple[str, ...] = ()
    doubtful: tuple[str | None, ...] = ()
    """The same of those whose telling has no answer yet; None, for all, while a change of its order in ShipStation has none."""
    is_shipped: bool = False
    """ShipStation holds nothing of it any more."""


def stock_controls() -> Work[dict[str, Control]]:
    """By store; those that nobody touched and nobody looked at are left out."""
    columns = CONTROLS.c
    statement = select(*columns)

    def work(session: Session) -> dict[str, Control]:
        rows = session.connection().execute(statement)
        return {
            row.store: Control(
                row.released_at, row.released_as, row.frozen_at, row.frozen_until, row.looked_at, row.report
            )
            for row in rows
        }

    return work


def release_stock(store: str, released_as: str, now: datetime) -> Work[None]:
    """From now on differences are written without being asked. Released twice for the same, it keeps the first time."""
    is_new = CONTROLS.c.released_as.is_distinct_from(released_as)
    return _set(store, {"released_at": now, "released_as": released_as}, is_new)


def freeze_stock(store: str, now: datetime, until: datetime | None) -> Work[None]:
    return _set(store, {"frozen_at": now, "frozen_until": until})


def thaw_stock(store: str) -> Work[None]:
    return _set(store, {"frozen_at": None, "frozen_until": None})


def keep_report(store: str, report: str, now: datetime) -> Work[None]:
    return _set(store, {"looked_at": now, "report": report})


def _set(store: str, values: Mapping[str, Any], where: Any = None) -> Work[None]:
    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), CONTROLS).values(store=store, **values)
        statement = insert.on_conflict_do_update(index_elements=[CONTROLS.c.store], set_=values, where=where)
        session.connection().execute(statement)

    return work


def keys_in_shipstation() -> Work[list[str]]:
    """Consignments that are open, or of whose packages Shopify was not told. Indexes: ix_consignments_open, ix_packages_untold."""
    opened = select(CONSIGNMENTS.c.order_key).where(text(IS_IN_SHIPSTATION))
    untold = select(PACKAGES.c.order_key).where(text(IS_UNTOLD), PACKAGES.c.order_key.is_not(None))
    return lambda session: sorted(session.connection().execute(union(opened, untold)).scalars())


def held_goods(order_keys: Sequence[str], taken_back: Collection[str]) -> Work[list[HeldGoods]]:
    """What these consignments are made of. Left out: those that are cancelled or of closed orders, those that ShipStation let go,
    those that left for an order whose goods were taken back in Shopify, and those whose document is not known. `taken_back`: the
    causes of such orders. Indexes: the primary keys, ix_packages_order, ix_journal_open."""

    def work(session: Session) -> list[HeldGoods]:
        known = consignments_by_key(order_keys)(session).values()
        rows = [row for row in known if row.standing != "cancelled" and not _is_let_go(row)]
        refs = [(row.store, row.order_id) for row in rows]
        over = _orders_over(refs, taken_back)(session)
        packages, siblings = packages_of(refs)(session), consignments_of(refs)(session)
        doubts = open_entries(refs)(session)
        return [
            _held(
                row,
                siblings[row.store, row.order_id],
                packages[row.store, row.order_id],
                {entry.key for entry in doubts.get((row.store, row.order_id), ())},
            )
            for row in rows
            if row.applied and not _is_over(row, over)
        ]

    return work


def _orders_over(refs: Sequence[OrderRef], taken_back: Collection[str]) -> Work[dict[OrderRef, bool]]:
    """Orders that are closed (True), or whose goods were taken back after they had left (False). Index: the primary key."""
    columns = ORDERS.c
    stores, given = given_orders(refs)
    is_over = or_(columns.closed_at.is_not(None), columns.cause.in_(taken_back), columns.trouble.in_(taken_back))
    statement = select(columns.store, columns.order_id, columns.closed_at).where(of_orders(ORDERS, stores), is_over)
    return lambda session: {
        (row.store, row.order_id): row.closed_at is not None for row in session.connection().execute(statement, given)
    }


def _is_over(row: ConsignmentRow, over: Mapping[OrderRef, bool]) -> bool:
    """Shopify counts its goods as sold no more. Of goods taken back that is said of what left: what ShipStation still holds is
    missing in ShipStation's free units until it is withdrawn."""
    is_closed = over.get((row.store, row.order_id))
    return is_closed is True or (is_closed is False and row.standing == "shipped")


def _is_let_go(row: ConsignmentRow) -> bool:
    """ShipStation, looked at since we wrote it, goes on to say shipped after its label was voided, or a person cancelled it there:
    it offers the goods, and the order needs them."""
    seen_at = row.seen_at if row.seen_status in HOLDS_NOTHING else None
    return row.standing == "open" and seen_at is not None and seen_at > row.updated_at


def _held(
    row: ConsignmentRow, siblings: Sequence[ConsignmentRow], packages: Iterable[PackageRow], doubts: Set[str]
) -> HeldGoods:
    """`doubts`: the keys of all that we began for its order and have no answer to."""
    cancelled = [one for one in siblings if one.standing == "cancelled"]
    is_alone = len(siblings) - len(cancelled) == 1
    named, unnamed = _packages_in(row, packages, is_alone)
    left = tuple(lines for one in unnamed if one.fulfillment_gid and (lines := _sent(one)) is not None)
    untold = tuple(one.lines for one in unnamed if _is_untold(one) and one.lines)
    return HeldGoods(
        row.store,
        row.location_id,
        row.applied or "",
        tuple(_sent(one) for one in named if one.fulfillment_gid),
        left,
        tuple(one.applied for one in cancelled if (left or untold) and one.applied),
        tuple(one.lines for one in named if _is_untold(one)),
        untold,
        _in_doubt(row, [*named, *unnamed], doubts),
        row.standing == "shipped",
    )


def _packages_in(
    row: ConsignmentRow, packages: Iterable[PackageRow], is_alone: bool
) -> tuple[list[PackageRow], list[PackageRow]]:
    """Those that name this consignment, and those that may be of it because they name none and it is the only living one."""
    known = list(packages)
    named = [one for one in known if one.order_key == row.order_key]
    return named, [one for one in known if is_alone and one.order_key is None]


def _in_doubt(row: ConsignmentRow, packages: Iterable[PackageRow], doubts: Set[str]) -> tuple[str | None, ...]:
    if row.order_key in doubts:
        return (None,)
    return tuple(one.lines for one in packages if _is_untold(one) and one.package_key in doubts)


def _is_untold(package: PackageRow) -> bool:
    return package.fulfillment_gid is None and not package.voided


def _sent(package: PackageRow) -> str | None:
    """Lines that Shopify counts as sent, so that no order needs them there: of a voided label too, while its fulfillment stands."""
    return package.told if package.voided and package.told is not None else package.lines


def abandon_open(flow: str, before: datetime) -> Work[int]:
    """What was intended before this time and can no longer happen: everything is compared anew. How many there were."""
    is_old = JOURNAL.c.opened_at < before
    statement = update(JOURNAL).where(JOURNAL.c.flow == flow, text(IS_OPEN), is_old)
    closed = statement.values(outcome="abandoned", closed_at=before)
    return lambda session: session.connection().execute(closed).rowcount


def open_keys(flow: str, store: str, location_id: int) -> Work[set[str]]:
    """What was sent and may still be carried out. Index: ix_journal_open."""
    columns = JOURNAL.c
    statement = select(columns.key).where(
        columns.store == store, columns.order_id == location_id, columns.flow == flow, text(IS_OPEN)
    )
    return lambda session: set(session.connection().execute(statement).scalars())
