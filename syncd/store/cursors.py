"""How far each feed has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from syncd.store.schema import Cursor, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

CURSORS = table_of(Cursor)
COLUMNS = CURSORS.c


@dataclass(frozen=True)
class CursorRow:
    """`watermark` is the vendor's time, `position` what else is to be remembered of its list."""

    watermark: datetime | None
    position: str | None
    updated_at: datetime


def cursor(name: str) -> Work[CursorRow | None]:
    """None before the first look."""
    statement = select(COLUMNS.watermark, COLUMNS.position, COLUMNS.updated_at).where(COLUMNS.name == name)

    def work(session: Session) -> CursorRow | None:
        row = session.connection().execute(statement).one_or_none()
        return CursorRow(row.watermark, row.position, row.updated_at) if row else None

    return work


def whole_looks(names: Sequence[str]) -> Work[datetime | None]:
    """When the last look began that read these lists to their end, of all of them the earliest; None when one never was."""
    statement = select(COLUMNS.name, COLUMNS.position).where(COLUMNS.name.in_(names), COLUMNS.position.is_not(None))

    def work(session: Session) -> datetime | None:
        began = {row.name: datetime.fromisoformat(row.position) for row in session.connection().execute(statement)}
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

    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), CURSORS).values(
            name=name, watermark=watermark, position=position, updated_at=now
        )
        new = insert.excluded
        changes = {"watermark": new.watermark, "position": new.position, "updated_at": new.updated_at}
        session.connection().execute(insert.on_conflict_do_update(index_elements=[COLUMNS.name], set_=changes))

    return work
