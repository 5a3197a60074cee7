"""One function over a session is one transaction: how it is run, joined with others, and what its failures mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from syncd.errors import SyncError, TransientError

T = TypeVar("T")

Work = Callable[[Session], T]
"""Reads and writes rows, never waits, and may be called again from the start."""

SQLITE_FAULTS = {
    sqlite3.SQLITE_BUSY: "store_busy",
    sqlite3.SQLITE_LOCKED: "store_busy",
    sqlite3.SQLITE_FULL: "store_full",
    sqlite3.SQLITE_IOERR: "store_io",
    sqlite3.SQLITE_READONLY: "store_io",
}
POSTGRES_FAULTS = {
    "40001": "store_busy",  # serialization failure
    "40P01": "store_busy",  # deadlock
    "55P03": "store_busy",  # lock timeout
    "57014": "store_busy",  # statement timeout
    "53100": "store_full",
    "53200": "store_full",  # memory
    "53300": "store_busy",  # too many connections
    "0A000": "store_busy",  # the table changed under a prepared statement; the next try is fine
}


class UnusableStoreError(SyncError):
    """The database must not be used as it is. `text` says why and what to do."""


def together(*works: Work[Any]) -> Work[tuple[Any, ...]]:
    """Several statements in one transaction; their results in the same order."""
    return lambda session: tuple(work(session) for work in works)


def run_alone(connection: Connection, work: Work[T]) -> T:
    """Runs inside the transaction that `connection` is in, which the caller ends."""
    with Session(connection, expire_on_commit=False, join_transaction_mode="rollback_only") as session:
        result = work(session)
        session.flush()
        return result


def store_error(error: BaseException) -> BaseException:
    """What the runner must know of a database's failure: try later, or the error itself when it is our mistake."""
    if not isinstance(error, DBAPIError):
        return error
    code = _fault(error.orig)
    if code is None and error.connection_invalidated:
        code = "store_gone"
    return TransientError(code, type(error.orig).__name__) if code else error


def _fault(orig: BaseException | None) -> str | None:
    if isinstance(orig, sqlite3.Error):
        # the low byte is the primary code, the rest says which kind of it
        return SQLITE_FAULTS.get(getattr(orig, "sqlite_errorcode", 0) & 0xFF)
    return POSTGRES_FAULTS.get(getattr(orig, "sqlstate", None) or "")
