"""Opens the database that the settings name, and refuses one that must not be used."""

from __future__ import annotations

import os

from syncd.store.faults import UnusableStoreError
from syncd.store.keeping import Place
from syncd.store.migrations import Schema, check_schema, is_sqlite, migrate
from syncd.store.postgres import DEAD_PEER, SESSION, PostgresDb, postgres_engine, postgres_url
from syncd.store.sqlite import (
    INBOX_PRAGMAS,
    SqliteDb,
    check_file,
    file_of,
    lay_out,
    prepare_file,
    sqlite_engine,
    take_file_lock,
)

__all__ = ["Schema", "UnusableStoreError", "check_schema", "migrate_all", "open_daemon_db", "open_db", "open_inbox"]


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


def inbox_url(url: str) -> str:
    """Where the webhooks lie: beside a SQLite file in one of their own, because two processes that write into one wait for each
    other; else in the same database."""
    if not is_sqlite(url):
        return url
    path = file_of(url)
    return f"sqlite:///{path.with_name(f'{path.stem}-inbox{path.suffix}')}"


def migrate_all(url: str) -> None:
    """Brings both files to our head, or the one database."""
    migrate(url)
    if is_sqlite(url):
        lay_out(file_of(inbox_url(url)), INBOX_PRAGMAS)
        migrate(inbox_url(url))


def place_of(url: str) -> Place:
    """Of the webhooks, for a process that does without this library."""
    if is_sqlite(url):
        return Place(True, str(file_of(inbox_url(url))), INBOX_PRAGMAS)
    given = postgres_url(url).set(drivername="postgresql")
    address = given.set(query={**{name: str(value) for name, value in DEAD_PEER.items()}, **given.query})
    return Place(False, address.render_as_string(hide_password=False), (SESSION,))


def prepare_inbox(url: str) -> None:
    """For the daemon, before anything is kept there."""
    if is_sqlite(url):
        path = file_of(inbox_url(url))
        lay_out(path, INBOX_PRAGMAS)
        check_file(path, inbox_url(url))
        _made(inbox_url(url))


def open_inbox(url: str, db: SqliteDb | PostgresDb) -> SqliteDb | PostgresDb:
    """`db` itself where it has the webhooks. Transactions that only read, and most do, keep nobody from writing."""
    if not is_sqlite(url):
        return db
    _made(inbox_url(url))
    return SqliteDb(sqlite_engine(inbox_url(url), begin="BEGIN"), group_limit=1)


def _made(url: str) -> None:
    """It has the same schema as the other file, of which it uses one table. It is not a promise to forget: made where it is missing."""
    if check_schema(url) is Schema.EMPTY:
        lay_out(file_of(url), INBOX_PRAGMAS)
        migrate(url)
    require_head(url)


def require_head(url: str) -> None:
    if (schema := check_schema(url)) is not Schema.AT_HEAD:
        raise UnusableStoreError(f"schema_{schema}", REFUSALS[schema])
