"""The port's side of the inbox: a webhook is on disk before it is answered.

With the drivers alone: what else reaches a database costs the port's process more memory and time than all the rest of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from syncd.store.faults import postgres_fault, sqlite_fault

if TYPE_CHECKING:
    from psycopg import AsyncConnection

SQLITE_INSERT = """
INSERT INTO deliveries (store, topic, webhook_id, received_at, body) VALUES (?, ?, ?, ?, ?)
"""
POSTGRES_INSERT = """
INSERT INTO deliveries (store, topic, webhook_id, received_at, body)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::bytea[])
"""
"""Columns as arrays, sent as they are: half the time of a row each."""
FINISH = "DELETE FROM deliveries WHERE id = ? AND store = ? AND webhook_id = ?"
"""A number alone may be another's by now: SQLite counts from the beginning again once all were read."""
FINISHED_AT_ONCE = 25


class Arrival(NamedTuple):
    """A verified webhook. `webhook_id` is the sender's and the same in every repeat."""

    store: str
    topic: str
    webhook_id: str
    received_at: datetime
    body: bytes


Finished = tuple[int, str, str]
"""A webhook that was read: its number, store and id."""


class Keeper(Protocol):
    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        """Returns once they are on disk. Raises `SyncError` when none of them was kept."""


@dataclass(frozen=True)
class Place:
    """Where the deliveries lie: a SQLite file, or a PostgreSQL database."""

    is_file: bool
    address: str
    on_connect: Sequence[str]
    """What a connection is prepared with."""


def utc_text(moment: datetime) -> str:
    """As SQLite holds an instant: text of one width, which sorts as the times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def sqlite_rows(arrivals: Sequence[Arrival]) -> list[tuple[str, str, str, str, bytes]]:
    return [(one.store, one.topic, one.webhook_id, utc_text(one.received_at), one.body) for one in arrivals]


def postgres_columns(arrivals: Sequence[Arrival]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*arrivals, strict=True)))


class InboxFile:
    """A SQLite file with deliveries, of which this process is the only one that writes much: two that do would wait for each other.
    `pragmas` make a commit last through a power cut."""

    def __init__(self, path: str, pragmas: Sequence[str]) -> None:
        self._path = path
        self._pragmas = pragmas
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inbox")
        self._connection: sqlite3.Connection | None = None

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        await self._done(SQLITE_INSERT, sqlite_rows(arrivals))

    async def finish(self, read: Sequence[Finished]) -> None:
        """Forgets them, with the names and addresses in them. A few at a time: somebody may wait for what arrives meanwhile."""
        for first in range(0, len(read), FINISHED_AT_ONCE):
            await self._done(FINISH, read[first : first + FINISHED_AT_ONCE])

    async def close(self) -> None:
        await self._in_thread(self._disconnect)
        self._thread.shutdown()

    async def _done(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        await self._in_thread(lambda: self._commit(statement, rows))

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _commit(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        try:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(statement, rows)
            connection.execute("COMMIT")
        except BaseException as error:
            self._disconnect()  # the next one gets a connection whose state is known
            raise (sqlite_fault(error) if isinstance(error, sqlite3.Error) else None) or error from error

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            for pragma in self._pragmas:
                self._connection.execute(pragma)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


class InboxTable:
    """The same in PostgreSQL, where the daemon itself says what was read. `session` prepares a connection."""

    def __init__(self, url: str, session: str) -> None:
        self._url = url
        self._session = session
        self._connection: AsyncConnection[Any] | None = None

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        import psycopg

        try:
            connection = await self._connected()
            await connection.execute(POSTGRES_INSERT.encode(), postgres_columns(arrivals))
        except psycopg.Error as error:
            await self.close()
            raise (
                postgres_fault(error, isinstance(error, psycopg.OperationalError), is_invalidated=False) or error
            ) from error

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    async def _connected(self) -> AsyncConnection[Any]:
        """Each statement is a transaction. No prepared ones: they break behind pgbouncer."""
        from psycopg import AsyncConnection

        if self._connection is None:
            connection = await AsyncConnection.connect(
                self._url, autocommit=True, prepare_threshold=None, connect_timeout=10
            )
            await connection.execute(self._session.encode())
            self._connection = connection
        return self._connection
