"""How far each feed has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Executable, bindparam, select
from sqlmodel import Session

from syncd.store.schema import Cursor, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

CURSORS = table_of(Cursor)
COLUMNS = CURSORS.c

ONE = select(COLUMNS.watermark, COLUMNS.position, COLUMNS.updated_at).where(COLUMNS.name == bindparam("b_name"))
WHOLE = select(COLUMNS.name, COLUMNS.position).where(
    COLUMNS.name.in_(bindparam("b_names", type_=COLUMNS.name.type, expanding=True)), COLUMNS.position.is_not(None)
)


@dataclass(frozen=True)
class CursorRow:
    """`watermark` is the vendor's time, `position` what else is to be remembered of its list."""

    watermark: datetime | None
    position: str | None
    updated_at: datetime


def cursor(name: str) -> Work[CursorRow | None]:
    """None before the first look."""

    def work(session: Session) -> CursorRow | None:
        row = session.connection().execute(ONE, {"b_name": name}).one_or_none()
        return CursorRow(row.watermark, row.position, row.updated_at) if row else None

    return work


def whole_looks(names: Sequence[str]) -> Work[datetime | None]:
    """When the last look began that read these lists to their end, of all of them the earliest; None when one never was."""

    def work(session: Session) -> datetime | None:
        rows = session.connection().execute(WHOLE, {"b_names": list(names)})
        began = {row.name: datetime.fromisoformat(row.position) for row in rows}
        return min(began.values()) if len(began) == len(names) else None

    return work


def all_cursors() -> Work[dict[str, CursorRow]]:
    """For the status page."""
    statement = select(COLUMNS.name, COLUMNS.watermark, COLUMNS.position, COLUMNS.updated_at)

    def work(session: Session) -> dict[str, CursorRow]:
        rows = session.connection().execute(statement)
        return {row.name: CursorRow(row.watermark, row.position, row.updated_at) for row in rows}

    return work


def advance(name: str, watermark: datetime | None, position: str | None, now: datetime) -> Work[None]:
    """Call it in the transaction that marks what was read. It may also go back: reading twice does no harm, skipping does."""

    row = {"name": name, "watermark": watermark, "position": position, "updated_at": now}

    def work(session: Session) -> None:
        session.connection().execute(_advance(dialect_of(session)), row)

    return work


@cache
def _advance(dialect: str) -> Executable:
    insert = upsert(dialect, CURSORS)
    new = insert.excluded
    changes = {"watermark": new.watermark, "position": new.position, "updated_at": new.updated_at}
    return insert.on_conflict_do_update(index_elements=[COLUMNS.name], set_=changes)
