"""Which schema a database has, and how it gets ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from syncd.store.postgres import postgres_engine
from syncd.store.sqlite import file_of, one_at_a_time, prepare_file, sqlite_engine
from syncd.store.transaction import store_error

MIGRATION_LOCK = 7_301_946_552_118  # any number that nobody else takes


class Schema(StrEnum):
    AT_HEAD = "at_head"
    EMPTY = "empty"
    BEHIND = "behind"  # one of ours, but older
    FOREIGN = "foreign"  # of a newer release, or not ours at all


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def engine_of(url: str) -> Engine:
    return sqlite_engine(url) if is_sqlite(url) else postgres_engine(url, connections=1)


def scripts() -> Config:
    """The migrations in the installed package, or else in the checkout."""
    packaged = Path(str(files("syncd") / "_alembic"))
    config = Config()
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "alembic"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


@cache
def head() -> str:
    """The revision that this program needs."""
    revision = ScriptDirectory.from_config(scripts()).get_current_head()
    assert revision is not None
    return revision


def check_schema(url: str) -> Schema:
    """Changes nothing; a SQLite file that does not exist is empty."""
    if is_sqlite(url) and not file_of(url).exists():
        return Schema.EMPTY
    with _connected(url) as connection:
        return _schema(connection)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """Raises `TransientError` when the database cannot be reached or is held by someone else."""
    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise store_error(error) from error
    finally:
        engine.dispose()


def _schema(connection: Connection) -> Schema:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        return Schema.FOREIGN if inspect(connection).get_table_names() else Schema.EMPTY
    if revision == head():
        return Schema.AT_HEAD
    try:
        ScriptDirectory.from_config(scripts()).get_revision(revision)
    except CommandError:
        return Schema.FOREIGN
    return Schema.BEHIND


def migrate(url: str) -> None:
    """Brings the schema to our head: all of it in one transaction, or nothing. Two that migrate at once take turns."""
    with ExitStack() as stack:
        if is_sqlite(url):
            prepare_file(file_of(url))
            stack.enter_context(one_at_a_time(file_of(url)))
        upgrade(stack.enter_context(_connected(url)))


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Rebuilding a table on SQLite with foreign keys on would delete the rows that point to it, without an error.

    The switch is ignored inside a transaction, so it comes before.
    """
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        _pragma(connection, "foreign_keys=OFF")
    with connection.begin():
        if not on_sqlite:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # rewriting a large table takes its time
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        config = scripts()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        if on_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
            raise RuntimeError(f"the migration breaks {len(broken)} foreign keys")
    if on_sqlite:
        _pragma(connection, "foreign_keys=ON")


def _pragma(connection: Connection, pragma: str) -> None:
    """Past SQLAlchemy, which would begin a transaction."""
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(f"PRAGMA {pragma}")


def is_at_head(session: Session) -> bool:
    """For the readiness of a running daemon: somebody may have migrated the database under it."""
    return MigrationContext.configure(session.connection()).get_current_revision() == head()
