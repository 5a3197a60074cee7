"""One function over a session is one transaction: how it is run, joined with others, and what its failures mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session

from syncd.store.faults import postgres_fault, sqlite_fault

T = TypeVar("T")

Work = Callable[[Session], T]
"""Reads and writes rows, never waits, and may be called again from the start."""


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
    # a future refuses it: who waits for that one, and all behind it, would wait for ever
    if isinstance(error, StopIteration):
        return RuntimeError("StopIteration in a transaction")
    if not isinstance(error, DBAPIError):
        return error
    if isinstance(error.orig, sqlite3.Error):
        return sqlite_fault(error.orig) or error
    return postgres_fault(error.orig, isinstance(error, OperationalError), error.connection_invalidated) or error
