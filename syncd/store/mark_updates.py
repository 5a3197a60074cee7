"""What whoever holds the lease of a mark may write of it. Each statement is built once: to build it costs more than to run it."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Select, Update, and_, bindparam, case, literal_column, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from syncd.hints import Lane
from syncd.store.schema import Mark, table_of

MARKS = table_of(Mark)
COLUMNS = MARKS.c

FREE: dict[str, Any] = {"lease_token": None, "lease_until": None}
BLAMELESS: dict[str, Any] = {"retry_at": None, "attempts": 0, "error_code": None, "error_text": None}

CAME_MEANWHILE = COLUMNS.marked > COLUMNS.claimed
IS_OURS = and_(COLUMNS.flow == bindparam("b_flow"), COLUMNS.lease_token == bindparam("b_token"))


SUBJECTS = bindparam("b_subjects", type_=COLUMNS.subject.type, expanding=True)


@cache
def held() -> Select[str]:
    return select(COLUMNS.subject).where(IS_OURS, COLUMNS.subject.in_(SUBJECTS))


@cache
def _ours() -> Update:
    """Of several subjects at once."""
    return update(MARKS).where(IS_OURS, COLUMNS.subject.in_(SUBJECTS))


@cache
def _each() -> Update:
    """Of each subject by itself."""
    return update(MARKS).where(IS_OURS, COLUMNS.subject == bindparam("b_subject"))


@cache
def settled() -> ReturningUpdate[str]:
    marked_at = case((CAME_MEANWHILE, COLUMNS.hint_at), else_=COLUMNS.marked_at)
    return _ours().values(settled=COLUMNS.claimed, marked_at=marked_at, **BLAMELESS, **FREE).returning(COLUMNS.subject)


@cache
def deferred() -> Update:
    return _each().values(
        retry_at=bindparam("b_at"),
        error_code=bindparam("b_code"),
        error_text=bindparam("b_text"),
        attempts=COLUMNS.attempts + bindparam("b_counts", type_=COLUMNS.attempts.type),
        **FREE,
    )


@cache
def marked_to_come() -> Update:
    at = bindparam("b_at", type_=COLUMNS.marked_at.type)
    return _each().values(
        settled=COLUMNS.claimed,
        marked=case((CAME_MEANWHILE, COLUMNS.marked), else_=COLUMNS.marked + 1),
        marked_at=case((CAME_MEANWHILE, COLUMNS.hint_at), else_=at),
        **BLAMELESS,
        **FREE,
    )


@cache
def parked() -> Update:
    return _each().values(
        parked=COLUMNS.claimed,
        retry_at=None,
        attempts=0,
        error_code=bindparam("b_code"),
        error_text=bindparam("b_text"),
        **FREE,
    )


@cache
def freed() -> Update:
    return _ours().values(**FREE)


@cache
def freed_where_overtaken() -> Update:
    return freed().where(COLUMNS.lane == literal_column(str(Lane.URGENT.value)), CAME_MEANWHILE)


@cache
def renewed() -> ReturningUpdate[str]:
    return _ours().values(lease_until=bindparam("b_until")).returning(COLUMNS.subject)
