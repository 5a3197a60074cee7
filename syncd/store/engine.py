"""Opens the database that the settings name, and refuses one that must not be used."""

from __future__ import annotations

import os

from syncd.store.migrations import Schema, check_schema, is_sqlite, migrate
from syncd.store.postgres import PostgresDb, postgres_engine
from syncd.store.sqlite import SqliteDb, check_file, file_of, prepare_file, sqlite_engine, take_file_lock
from syncd.store.transaction import T, UnusableStoreError, Work

__all__ = ["AheadDb", "Schema", "UnusableStoreError", "check_schema", "migrate", "open_daemon_db", "open_db"]


class AheadDb:
    """The same database as a port of its own, for what goes before all other work in it: a webhook's sender waits."""

    def __init__(self, db: SqliteDb | PostgresDb) -> None:
        self._db = db

    async def run(self, fn: Work[T]) -> T:
        return await self._db.run_ahead(fn)


REFUSALS = {
    Schema.EMPTY: "the database is empty: run `syncd migrate`",
    Schema.BEHIND: "the database is older than this program: run `syncd migrate`",
    Schema.FOREIGN: "the database is of a newer release or not ours: start the newer program, or correct database.url",
}


def open_db(url: str, connections: int = 4) -> SqliteDb | PostgresDb:
    """For commands beside the daemon. Raises `UnusableStoreError` unless the schema is at head."""
    require_head(url)
    if is_sqlite(url):
        return SqliteDb(sqlite_engine(url))
    return PostgresDb(postgres_engine(url, connections), connections)


def open_daemon_db(url: str, connections: int = 4) -> SqliteDb | PostgresDb:
    """For the daemon, which is alone on its SQLite file, looks it over first and creates an empty one.

    PostgreSQL is never created on the side: several replicas start at once, and someone else may own the schema.
    """
    if not is_sqlite(url):
        return open_db(url, connections)
    path = file_of(url)
    prepare_file(path)
    lock = take_file_lock(path)
    try:
        check_file(path, url)
        if check_schema(url) is Schema.EMPTY:
            migrate(url)
        require_head(url)
    except BaseException:
        os.close(lock)
        raise
    return SqliteDb(sqlite_engine(url), lock)


def require_head(url: str) -> None:
    if (schema := check_schema(url)) is not Schema.AT_HEAD:
        raise UnusableStoreError(f"schema_{schema}", REFUSALS[schema])
