"""What a database's own failures mean: try later, or never. Without any library, because the port loads none."""

from __future__ import annotations

import sqlite3

from syncd.errors import SyncError, TransientError

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


def sqlite_fault(error: sqlite3.Error) -> SyncError | None:
    """None for a mistake of ours."""
    # the low byte is the primary code, the rest says which kind of it
    number = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if number in SQLITE_DAMAGE:
        return UnusableStoreError("store_damaged", f"the database is damaged ({error}): restore a backup")
    return TransientError(SQLITE_FAULTS[number], str(error)) if number in SQLITE_FAULTS else None


def postgres_fault(error: BaseException | None, is_operational: bool, is_invalidated: bool) -> SyncError | None:
    """None for a mistake of ours. `is_operational`: the driver says that the server or the connection failed."""
    state: str | None = getattr(error, "sqlstate", None)
    # a server that cannot be reached, stops or starts has no code, or one of these classes
    is_gone = is_operational and (state is None or state.startswith(("08", "57P")))
    code = "store_gone" if is_gone or is_invalidated else POSTGRES_FAULTS.get(state or "")
    return TransientError(code, _first_line(error)) if code else None


def _first_line(error: BaseException | None) -> str:
    """The lines after it may quote a row."""
    return str(error).partition("\n")[0]
