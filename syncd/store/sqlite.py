"""The database for one container: SQLite with one writer, which commits whatever waits as a group."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from itertools import count
from pathlib import Path
from queue import Empty, PriorityQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, StaticPool

from syncd.errors import TransientError
from syncd.store.faults import UnusableStoreError, sqlite_fault
from syncd.store.transaction import Work, run_alone, store_error

T = TypeVar("T")

GROUP_LIMIT = 128
OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING

TRUNCATE_LOG = "truncate_log"
"""In `info` of a connection: empty the log after this commit."""

BEGIN = "BEGIN IMMEDIATE"
PRAGMAS = (
    "PRAGMA busy_timeout=5000",  # for the command line beside the daemon
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # with NORMAL a power cut loses webhooks that we have acknowledged
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # a deleted name stays in the file otherwise
    "PRAGMA trusted_schema=OFF",
    "PRAGMA journal_size_limit=67108864",
)

INBOX_PRAGMAS = ("PRAGMA page_size=65536", *PRAGMAS, "PRAGMA wal_autocheckpoint=125")
"""Webhooks are appended and forgotten in turn, so that many share a page: of the usual ones each would take one and a half. The log
is copied as often as it is by default, after 8 MB of it: who copies more keeps somebody waiting for longer."""


def sqlite_engine(url: str, in_memory: bool = False, begin: str = BEGIN) -> Engine:
    """Every transaction begins with BEGIN IMMEDIATE: the driver's own way lost 346 of 400 updates without an error. Another
    `begin` is for one that does not write what it computed from what it read."""
    pool = StaticPool if in_memory else NullPool
    engine = create_engine(url, poolclass=pool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        driver_connection = connection.connection.driver_connection
        assert isinstance(driver_connection, sqlite3.Connection)
        try:
            driver_connection.execute(begin)  # by SQLAlchemy it takes six times as long
        except sqlite3.Error as error:
            raise DBAPIError.instance(begin, None, error, sqlite3.Error) from error

    return engine


def file_of(url: str) -> Path:
    """The database file. Raises `UnusableStoreError` for a database in memory, which would forget its promises."""
    name = make_url(url).database
    if not name or name == ":memory:" or name.startswith("file:"):
        raise UnusableStoreError("store_url", "database.url must name a file, such as sqlite:///./data/syncd.db")
    return Path(name)


def prepare_file(path: Path) -> None:
    """Creates folder and file where they are missing, readable by us alone: the file holds addresses."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise UnusableStoreError("store_old", f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise UnusableStoreError("store_unwritable", f"cannot create {path}: {error.strerror}") from error
    _sync_folders(path)


def _sync_folders(path: Path) -> None:
    """A new folder is lost with the power, and the database in it, unless the folder above it was synced. At every start: who made
    it may have died before. Folders that we may not read were not made by us."""
    for folder in path.absolute().parents:
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def take_file_lock(path: Path) -> int:
    """The descriptor that holds the lock: two daemons on one file would each believe to be the only writer."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise UnusableStoreError("store_locked", f"another syncd runs on {path}: stop it first") from error
    return lock


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Waits for whoever is at it, by a lock of the folder: who switches a new file to its write-ahead log refuses everybody else at
    once, because SQLite does not wait its busy timeout for that (https://www.sqlite.org/c3ref/busy_handler.html)."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # where folders cannot be locked the second one is refused as before
            folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def lay_out(path: Path, pragmas: Sequence[str]) -> None:
    """Makes the file where there is nothing in it yet: the size of its pages is for ever."""
    prepare_file(path)
    with one_at_a_time(path):
        if path.stat().st_size == 0:
            try:
                with contextlib.closing(sqlite3.connect(path)) as connection:
                    for pragma in pragmas:
                        connection.execute(pragma)
            except sqlite3.Error as error:
                raise sqlite_fault(error) or error from error


def check_file(path: Path, url: str) -> None:
    """Refuses a damaged file before anything is built on it."""
    try:
        with sqlite_engine(url).connect() as connection:
            answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except DBAPIError as error:
        raise store_error(error) from error
    if answer != "ok":
        raise UnusableStoreError("store_damaged", f"{path} is damaged ({answer}): restore a backup")


class Rank(IntEnum):
    """What is run first, and committed without waiting for the others."""

    AHEAD = 0
    USUAL = 1
    END = 2


@dataclass
class Job:
    work: Work[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def resolve(self) -> None:
        if self.future.done():  # its caller was cancelled
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteDb:
    """One thread owns one connection. It takes what waits of one rank, at most `group_limit`, and commits it at once: one fsync for
    all of them."""

    def __init__(self, engine: Engine, lock: int | None = None, group_limit: int = GROUP_LIMIT) -> None:
        self._engine = engine
        self._lock = lock
        self._group_limit = group_limit
        self._numbers = count()
        self._jobs: PriorityQueue[tuple[Rank, int, Job | None]] = PriorityQueue()
        """None is the end."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="store writer", daemon=True)
        self._thread.start()

    async def run(self, fn: Work[T], ahead: bool = False) -> T:
        """Raises `TransientError` store_busy or store_full, and whatever `fn` raises; then nothing of it is stored."""
        if self._closed:
            raise TransientError("store_closed")
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = self._loop.create_future()
        self._put(Rank.AHEAD if ahead else Rank.USUAL, Job(fn, future))
        return await future

    async def close(self) -> None:
        """Finishes what waits, then lets go of the file."""
        if self._closed:
            return
        self._closed = True
        self._put(Rank.END, None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)

    def _put(self, rank: Rank, job: Job | None) -> None:
        self._jobs.put((rank, next(self._numbers), job))

    def _write(self) -> None:
        connection: Connection | None = None
        while True:
            rank, _, job = self._jobs.get()
            if job is None:
                break
            group = [job]
            try:
                connection = connection or self._engine.connect()
                commit_group(connection, group, partial(self._more, rank))
                empty_log(connection)
            except BaseException as error:  # the thread must outlive whatever it was
                fail(group, error)
                discard(connection)
                connection = None
            self._resolve(group)
        if connection:
            connection.close()

    def _more(self, rank: Rank, group: list[Job]) -> Job | None:
        """What may join the group. Nothing while somebody wants to go ahead, who shall not wait for its end."""
        with contextlib.suppress(Empty):
            if len(group) < self._group_limit:
                entry = self._jobs.get_nowait()
                if entry[0] is rank:
                    return entry[2]
                self._jobs.put(entry)
        return None

    def _resolve(self, group: list[Job]) -> None:
        def resolve() -> None:
            for job in group:
                job.resolve()

        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it everyone who waited
            self._loop.call_soon_threadsafe(resolve)


def commit_group(connection: Connection, group: list[Job], more: Callable[[list[Job]], Job | None]) -> None:
    """One transaction, of the first job and of what `more` gives meanwhile, which is added to `group`. A failing function is undone
    alone; a failing COMMIT fails all that had succeeded."""
    first = group[0]
    with connection.begin() as transaction:
        run_job(connection, first, run_alone)
        if first.error is not None:
            transaction.rollback()
            return
        while job := more(group):
            group.append(job)
            run_job(connection, job, run_in_savepoint)


def run_job(connection: Connection, job: Job, run: Callable[[Connection, Work[Any]], Any]) -> None:
    try:
        job.result = run(connection, job.work)
    except BaseException as error:  # it belongs to the caller
        job.error = store_error(error)
        if not is_open(connection):
            raise


def empty_log(connection: Connection) -> None:
    """Where a transaction asked for it: what was deleted is in the log until then. A reader in the way is waited for shortly;
    the next group tries again."""
    driver_connection = connection.connection.driver_connection
    if not connection.info.get(TRUNCATE_LOG) or not isinstance(driver_connection, sqlite3.Connection):
        return
    driver_connection.execute("PRAGMA busy_timeout=200")
    is_busy, *_ = driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    driver_connection.execute(PRAGMAS[0])
    if not is_busy:
        del connection.info[TRUNCATE_LOG]


def run_in_savepoint(connection: Connection, work: Work[T]) -> T:
    """As `run_alone`, but what it did is undone when it raises."""
    savepoint = connection.begin_nested()
    try:
        result = run_alone(connection, work)
    except BaseException:
        if is_open(connection):
            savepoint.rollback()
        raise
    savepoint.commit()
    return result


def is_open(connection: Connection) -> bool:
    """A full disk makes SQLite roll back the whole transaction by itself; what followed would then commit line by line."""
    driver_connection = connection.connection.driver_connection
    return isinstance(driver_connection, sqlite3.Connection) and driver_connection.in_transaction


def fail(group: list[Job], error: BaseException) -> None:
    for job in group:
        job.error = job.error or store_error(error)


def discard(connection: Connection | None) -> None:
    """After a failure of the transaction itself the next group gets a connection whose state is known."""
    if connection is not None:
        with contextlib.suppress(DBAPIError):
            connection.invalidate()
        connection.close()
