"""Packages on their way: what the carrier said last, when to ask it again, and whether Shopify was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, func, or_, select, text, update
from sqlmodel import Session

from syncd.store.schema import HAS_UNTOLD_NEWS, IS_TO_BE_ASKED, JourneyRow, PackageRow, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

JOURNEYS = table_of(JourneyRow)
PACKAGES = table_of(PackageRow)
COLUMNS = JOURNEYS.c


class Journey(NamedTuple):
    """`heard` counts its news."""

    package_key: str
    begun_at: datetime
    heard_at: datetime | None
    heard: int
    news: str | None


class UntoldPackage(NamedTuple):
    """A package with news for Shopify, once for each order that it belongs to."""

    package_key: str
    heard: int
    news: str
    store: str
    order_id: int
    fulfillment_gid: str | None
    voided: bool
    carrier_code: str | None
    service_code: str | None
    tracking_number: str | None
    more_numbers: str | None


def begin_journeys(package_keys: Iterable[str], now: datetime, ask_at: datetime) -> Work[None]:
    """Of labels that are new to us; the others go on."""
    times = {"begun_at": now, "ask_at": ask_at}
    rows = [{"package_key": key, **times, "heard": 0, "settled": 0} for key in sorted(set(package_keys))]

    def work(session: Session) -> None:
        if rows:
            insert = upsert(dialect_of(session), JOURNEYS).on_conflict_do_nothing()
            session.connection().execute(insert, rows)

    return work


def journeys_of(package_keys: Iterable[str], to_change: bool = False) -> Work[dict[str, Journey]]:
    """Those that are known. `to_change`: nobody else changes them before this transaction ends, and those that are over are left
    out."""
    names = (COLUMNS.package_key, COLUMNS.begun_at, COLUMNS.heard_at, COLUMNS.heard, COLUMNS.news)
    statement = select(*names).where(COLUMNS.package_key.in_(sorted(set(package_keys)))).order_by(COLUMNS.package_key)
    if to_change:
        statement = statement.where(COLUMNS.ended_at.is_(None)).with_for_update()
    return lambda session: {row.package_key: Journey(*row) for row in session.connection().execute(statement)}


def keep_news(package_key: str, news: str, ask_at: datetime | None, tells: bool, now: datetime) -> Work[None]:
    """What the carrier says now. `ask_at` None: the journey is over. Without `tells` it is no news for Shopify."""
    settled = {} if tells else {"settled": COLUMNS.heard + 1}
    values = {"news": news, "heard": COLUMNS.heard + 1, "heard_at": now, "ask_at": ask_at, **settled}
    ended = {"ended_at": now} if ask_at is None else {}
    return _update(package_key, values | ended)


def ask_again(package_key: str, ask_at: datetime | None, now: datetime) -> Work[None]:
    """It was asked and there is nothing new."""
    return _update(package_key, {"heard_at": now, "ask_at": ask_at, **({"ended_at": now} if ask_at is None else {})})


def ask_later(package_key: str, ask_at: datetime) -> Work[None]:
    """It was asked and there was no answer."""
    return _update(package_key, {"ask_at": ask_at})


def due_asks(now: datetime, limit: int) -> Work[list[Journey]]:
    """Packages that nobody told of for long, those that wait longest first. Those whose label is void are over.
    Index: ix_journeys_asked."""
    label = select(PACKAGES.c.package_key).where(PACKAGES.c.package_key == COLUMNS.package_key)
    lives = label.where(PACKAGES.c.voided.is_(False)).exists()
    names = (COLUMNS.package_key, COLUMNS.begun_at, COLUMNS.heard_at, COLUMNS.heard, COLUMNS.news)
    due = and_(text(IS_TO_BE_ASKED), COLUMNS.ask_at <= now)
    statement = select(*names).where(due, lives).order_by(COLUMNS.ask_at).limit(limit)
    over = update(JOURNEYS).where(due, ~lives).values(ask_at=None, ended_at=now)

    def work(session: Session) -> list[Journey]:
        session.connection().execute(over)
        return [Journey(*row) for row in session.connection().execute(statement)]

    return work


def untold_packages(now: datetime, limit: int) -> Work[list[UntoldPackage]]:
    """Index: ix_journeys_untold."""
    joined = JOURNEYS.join(PACKAGES, PACKAGES.c.package_key == COLUMNS.package_key)
    statement = (
        select(
            COLUMNS.package_key,
            COLUMNS.heard,
            COLUMNS.news,
            *(PACKAGES.c[name] for name in UntoldPackage._fields[3:]),
        )
        .select_from(joined)
        .where(text(HAS_UNTOLD_NEWS), or_(COLUMNS.tell_at.is_(None), COLUMNS.tell_at <= now))
        .order_by(COLUMNS.heard_at, COLUMNS.package_key)
        .limit(limit)
    )
    return lambda session: [UntoldPackage(*row) for row in session.connection().execute(statement)]


def settle_news(heard: Sequence[tuple[str, int]]) -> Work[None]:
    """(package key, what was told of it): news that came meanwhile stay to be told."""

    def work(session: Session) -> None:
        for package_key, count in heard:
            _update(package_key, {"settled": count, "tell_at": None})(session)

    return work


def tell_later(package_keys: Iterable[str], at: datetime) -> Work[None]:
    statement = update(JOURNEYS).where(COLUMNS.package_key.in_(sorted(package_keys))).values(tell_at=at)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def journey_counts(overdue_since: datetime) -> Work[dict[str, int]]:
    """Packages that are followed, those of them that were to be asked about by then, and those with news for Shopify."""
    count = select(func.count()).select_from(JOURNEYS)
    followed = count.where(text(IS_TO_BE_ASKED))
    overdue = followed.where(COLUMNS.ask_at < overdue_since)
    kinds = {"under_way": followed, "overdue": overdue, "untold": count.where(text(HAS_UNTOLD_NEWS))}
    return lambda session: {name: session.connection().execute(one).scalar_one() for name, one in kinds.items()}


def orders_of_packages(package_keys: Iterable[str], voided: bool = True) -> Work[dict[str, list[tuple[str, int]]]]:
    """Package key -> (store, order id) of each order of which something is in it. `voided`: also of those whose label was taken
    back, in which V2 shows what their order holds by now."""
    columns = PACKAGES.c
    wanted = columns.package_key.in_(sorted(set(package_keys)))
    statement = select(columns.package_key, columns.store, columns.order_id).where(wanted).order_by(columns.order_id)
    if not voided:
        statement = statement.where(~columns.voided)

    def work(session: Session) -> dict[str, list[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        for row in session.connection().execute(statement):
            found.setdefault(row.package_key, []).append((row.store, row.order_id))
        return found

    return work


def prune_journeys(before: datetime, limit: int) -> Work[int]:
    """Forgets those that began before. Call again while it returns `limit`."""
    oldest = select(COLUMNS.package_key).where(COLUMNS.begun_at < before).limit(limit)
    statement = delete(JOURNEYS).where(COLUMNS.package_key.in_(oldest))
    return lambda session: session.connection().execute(statement).rowcount


def _update(package_key: str, values: dict[str, Any]) -> Work[None]:
    statement = update(JOURNEYS).where(COLUMNS.package_key == package_key).values(values)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work
