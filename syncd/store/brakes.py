"""Whether the cancellations of a flow are stopped, for all replicas, and until when a person lets them through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from syncd.store.schema import Brake, table_of
from syncd.store.statements import dialect_of, upsert
from syncd.store.transaction import Work

BRAKES = table_of(Brake)
COLUMNS = BRAKES.c


@dataclass(frozen=True)
class BrakeState:
    """`pulled_at` is None while cancellations flow."""

    pulled_at: datetime | None = None
    reason: str = ""
    released_until: datetime | None = None


def brake_state(flow: str) -> Work[BrakeState]:
    statement = select(COLUMNS.pulled_at, COLUMNS.reason, COLUMNS.released_until).where(COLUMNS.flow == flow)

    def work(session: Session) -> BrakeState:
        row = session.connection().execute(statement).one_or_none()
        return BrakeState(row.pulled_at, row.reason, row.released_until) if row else BrakeState()

    return work


def pull_brake(flow: str, reason: str, now: datetime) -> Work[None]:
    """Pulled twice, it keeps the first time and reason."""

    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), BRAKES).values(
            flow=flow, pulled_at=now, reason=reason, released_until=None
        )
        changes = {"pulled_at": now, "reason": reason, "released_until": None}
        statement = insert.on_conflict_do_update(
            index_elements=[COLUMNS.flow], set_=changes, where=COLUMNS.pulled_at.is_(None)
        )
        session.connection().execute(statement)

    return work


def release_brake(flow: str, until: datetime) -> Work[None]:
    """Until then it is not pulled again."""

    def work(session: Session) -> None:
        insert = upsert(dialect_of(session), BRAKES).values(flow=flow, pulled_at=None, reason="", released_until=until)
        changes = {"pulled_at": None, "reason": "", "released_until": until}
        session.connection().execute(insert.on_conflict_do_update(index_elements=[COLUMNS.flow], set_=changes))

    return work
