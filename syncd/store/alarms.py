"""Alarms that stand: what a person should know of and no order tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, delete, select
from sqlmodel import Session

from syncd.store.schema import Alarm, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

ALARMS = table_of(Alarm)
COLUMNS = ALARMS.c


@dataclass(frozen=True)
class Standing:
    name: str
    text: str
    since: datetime


def raise_alarm(name: str, text: str, now: datetime, until: datetime) -> Work[None]:
    """Raised again while it stands, it keeps its beginning."""

    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), ALARMS).values(name=name, text=text, since=now, until=until)
        changes = {"text": text, "until": until, "since": case((COLUMNS.until > now, COLUMNS.since), else_=now)}
        session.connection().execute(insert.on_conflict_do_update(index_elements=[COLUMNS.name], set_=changes))

    return work


def clear_alarm(name: str) -> Work[None]:
    statement = delete(ALARMS).where(COLUMNS.name == name)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def standing_alarms(now: datetime) -> Work[Sequence[Standing]]:
    statement = select(COLUMNS.name, COLUMNS.text, COLUMNS.since).where(COLUMNS.until > now).order_by(COLUMNS.name)
    return lambda session: [Standing(**row._mapping) for row in session.connection().execute(statement)]
