"""One function over a session is one transaction: how it is run, joined with others, and what its failures mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
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
    sqlite3.SQLITE_CANTOPEN: "store_io",
}
SQLITE_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
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
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_error(error, error.orig)
    state: str | None = getattr(error.orig, "sqlstate", None)
    # a server that cannot be reached, stops or starts has no code, or one of these classes
    is_gone = isinstance(error, OperationalError) and (state is None or state.startswith(("08", "57P")))
    code = "store_gone" if is_gone or error.connection_invalidated else POSTGRES_FAULTS.get(state or "")
    return TransientError(code, _first_line(error.orig)) if code else error


def _sqlite_error(error: DBAPIError, orig: sqlite3.Error) -> BaseException:
    # the low byte is the primary code, the rest says which kind of it
    number = getattr(orig, "sqlite_errorcode", 0) & 0xFF
    if number in SQLITE_DAMAGE:
        return UnusableStoreError("store_damaged", f"the database is damaged ({orig}): restore a backup")
    return TransientError(SQLITE_FAULTS[number], str(orig)) if number in SQLITE_FAULTS else error


def _first_line(orig: BaseException | None) -> str:
    """The lines after it may quote a row."""
    return str(orig).partition("\n")[0]
