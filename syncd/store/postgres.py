"""The database for several replicas: PostgreSQL through a bounded pool of threads, one connection for each."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from syncd.errors import TransientError, UncertainError
from syncd.store.transaction import Work, store_error

T = TypeVar("T")

TRIES = 5
WORTH_ANOTHER_TRY = {"40001", "40P01"}  # serialization failure, deadlock

SESSION = """
SELECT set_config('statement_timeout', '30s', false), set_config('idle_in_transaction_session_timeout', '30s', false),
  CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
  THEN set_config('synchronous_commit', 'on', false) END
"""
"""A transaction left open slows every claim; and some hosts acknowledge commits that a crash takes back."""


DEAD_PEER = {"keepalives_idle": 10, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 40_000}
"""A server that vanished with its machine closes no connection: the system's own limits are a quarter of an hour, and two hours."""


def postgres_url(url: str) -> URL:
    """What hosts hand out names no driver, or is spelled postgres://; SQLAlchemy knows neither."""
    name, separator, rest = url.partition("://")
    return make_url(f"postgresql+psycopg{separator}{rest}" if name in ("postgres", "postgresql") else url)


def postgres_engine(url: str, connections: int = 4) -> Engine:
    """No prepared statements: they break behind pgbouncer and, once each, after a migration."""
    engine = create_engine(
        postgres_url(url),
        isolation_level="READ COMMITTED",
        pool_size=connections + 1,  # one for what goes ahead
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"prepare_threshold": None, "connect_timeout": 10, "application_name": "syncd", **DEAD_PEER},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.execute(SESSION)
        connection.commit()

    return engine


class PostgresDb:
    """Each function is a transaction of its own at READ COMMITTED."""

    def __init__(self, engine: Engine, connections: int = 4) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="store")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="store ahead")
        self._closed = False

    async def run(self, fn: Work[T], ahead: bool = False) -> T:
        """Raises `TransientError` when nothing is stored, `UncertainError` when the connection broke during COMMIT."""
        if self._closed:
            raise TransientError("store_closed")
        return await asyncio.get_running_loop().run_in_executor(self._ahead if ahead else self._threads, self._run, fn)

    async def close(self) -> None:
        self._closed = True
        for threads in (self._ahead, self._threads):
            await asyncio.get_running_loop().run_in_executor(None, threads.shutdown)
        self._engine.dispose()

    def _run(self, fn: Work[T]) -> T:
        tries = 0
        while True:
            tries += 1
            try:
                return self._attempt(fn)
            except DBAPIError as error:
                if tries == TRIES or getattr(error.orig, "sqlstate", None) not in WORTH_ANOTHER_TRY:
                    raise store_error(error) from error
            except StopIteration as error:
                raise store_error(error) from error

    def _attempt(self, fn: Work[T]) -> T:
        with Session(self._engine, expire_on_commit=False) as session:
            result = fn(session)
            session.flush()
            try:
                session.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise UncertainError("store_commit", type(error.orig).__name__) from error
                raise
            return result
