"""Which key pairs of ShipStation were used and refused, by any replica. Keys are known by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, or_, select
from sqlmodel import Session

from syncd.store.schema import KeyUse, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

KEY_USES = table_of(KeyUse)
COLUMNS = KEY_USES.c


@dataclass(frozen=True)
class KeyUseRow:
    """`used_since` is when the use began that `last_used_at` ended, or has not ended yet."""

    key_id: str
    ends_in: str
    used_since: datetime | None
    last_used_at: datetime | None
    refused_at: datetime | None

    @property
    def is_refused(self) -> bool:
        """Whether the last thing known of it is a refusal."""
        return self.refused_at is not None and (self.last_used_at is None or self.refused_at >= self.last_used_at)


def note_use(key_id: str, ends_in: str, now: datetime, idle: timedelta) -> Work[None]:
    """After a refusal or an idle time as long as `idle` a new use begins."""
    goes_on = and_(
        COLUMNS.last_used_at > now - idle,
        or_(COLUMNS.refused_at.is_(None), COLUMNS.refused_at < COLUMNS.last_used_at),
    )

    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), KEY_USES).values(
            key_id=key_id, ends_in=ends_in, used_since=now, last_used_at=now
        )
        changes = {"used_since": case((goes_on, COLUMNS.used_since), else_=now), "last_used_at": now}
        session.connection().execute(insert.on_conflict_do_update(index_elements=[COLUMNS.key_id], set_=changes))

    return work


def note_refusal(key_id: str, ends_in: str, now: datetime) -> Work[None]:
    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), KEY_USES).values(key_id=key_id, ends_in=ends_in, refused_at=now)
        session.connection().execute(
            insert.on_conflict_do_update(index_elements=[COLUMNS.key_id], set_={"refused_at": now})
        )

    return work


def key_uses() -> Work[Sequence[KeyUseRow]]:
    """The one used last first."""
    statement = select(*COLUMNS).order_by(COLUMNS.last_used_at.desc().nulls_last(), COLUMNS.key_id)
    return lambda session: [KeyUseRow(**row._mapping) for row in session.connection().execute(statement)]
