"""Transactions on both engines: alone, in groups, and when they fail."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from syncd.errors import TransientError, UncertainError
from syncd.ports import Db
from syncd.store.engine import UnusableStoreError, migrate_all, open_daemon_db, open_db
from syncd.store.migrations import migrate
from syncd.store.postgres import PostgresDb, postgres_engine, postgres_url
from syncd.store.sqlite import SqliteDb, lay_out, sqlite_engine
from syncd.store.transaction import Work, together
from tests.postgres import Server

WRITE = text(
    "INSERT INTO leases (name, fence) VALUES (:name, :number) ON CONFLICT (name) DO UPDATE SET fence = excluded.fence"
)
READ = text("SELECT fence FROM leases WHERE name = :name FOR UPDATE")


def write(name: str, number: int) -> Work[int]:
    def work(session: Session) -> int:
        session.connection().execute(WRITE, {"name": name, "number": number})
        return number

    return work


def read(name: str) -> Work[int | None]:
    def work(session: Session) -> int | None:
        on_sqlite = session.get_bind().dialect.name == "sqlite"
        statement = text(READ.text.removesuffix(" FOR UPDATE")) if on_sqlite else READ
        number: int | None = session.connection().execute(statement, {"name": name}).scalar()
        return number

    return work


def add_one(name: str) -> Work[int]:
    return lambda session: write(name, (read(name)(session) or 0) + 1)(session)


def fail_after_writing(name: str) -> Work[None]:
    def work(session: Session) -> None:
        write(name, 1)(session)
        raise LookupError(name)

    return work


async def test_no_update_is_lost_between_eight_tasks(db: Db) -> None:
    await db.run(write("counter", 0))

    async def count() -> None:
        for _ in range(50):
            await db.run(add_one("counter"))

    await asyncio.gather(*(count() for _ in range(8)))
    assert await db.run(read("counter")) == 400


async def test_two_processes_on_one_file_wait_for_each_other(sqlite_url: str) -> None:
    """As the daemon and a command beside it do: what reads before it writes is neither lost nor turned away."""
    both = [SqliteDb(sqlite_engine(sqlite_url)) for _ in range(2)]
    await both[0].run(write("counter", 0))

    async def count(db: SqliteDb) -> None:
        for _ in range(50):
            await db.run(add_one("counter"))

    await asyncio.gather(*map(count, both))
    assert await both[0].run(read("counter")) == 100
    for db in both:
        await db.close()


async def test_a_failing_function_is_undone_alone(db: Db) -> None:
    works: list[Work[int | None]] = [write("a", 1), fail_after_writing("b"), write("c", 3)]
    results = await asyncio.gather(*map(db.run, works), return_exceptions=True)
    assert (results[0], results[2]) == (1, 3)
    assert isinstance(results[1], LookupError)
    assert [await db.run(read(name)) for name in "abc"] == [1, None, 3]


async def test_statements_together_are_one_transaction(db: Db) -> None:
    assert await db.run(together(write("a", 1), write("b", 2))) == (1, 2)
    with pytest.raises(LookupError):
        await db.run(together(write("a", 9), fail_after_writing("c")))
    assert await db.run(read("a")) == 1


async def test_a_wrong_statement_harms_nobody_else(db: Db) -> None:
    def wrong(session: Session) -> None:
        session.connection().execute(text("SELECT nonsense"))

    results = await asyncio.gather(*map(db.run, [write("a", 1), wrong, write("c", 3)]), return_exceptions=True)
    assert (results[0], results[2]) == (1, 3)
    assert isinstance(results[1], Exception)
    assert [await db.run(read(name)) for name in "ac"] == [1, 3]


async def test_whoever_stops_waiting_does_not_disturb_the_others(db: Db) -> None:
    first = asyncio.ensure_future(db.run(write("a", 1)))
    second = asyncio.ensure_future(db.run(write("b", 2)))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    assert await db.run(write("c", 3)) == 3


async def test_a_closed_database_says_so(db: Db, database_url: str) -> None:
    other = open_db(database_url)
    await asyncio.gather(other.run(write("a", 1)), other.run(write("b", 2)))
    await other.close()
    with pytest.raises(TransientError, match="store_closed"):
        await other.run(read("a"))
    assert await db.run(read("b")) == 2


# SQLite


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[SqliteDb]:
    db = SqliteDb(sqlite_engine(sqlite_url))
    yield db
    await db.close()


async def test_what_waits_is_committed_as_one_group(sqlite_url: str) -> None:
    engine = sqlite_engine(sqlite_url)
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    db = SqliteDb(engine)
    await asyncio.gather(*(db.run(write(f"a{number}", number)) for number in range(200)))
    assert len(commits) <= 4  # one alone, if the writer was quick, then 128 at a time
    assert await db.run(read("a199")) == 199
    await db.close()


async def test_a_full_disk_fails_the_whole_group_and_later_work_goes_on(sqlite: SqliteDb) -> None:
    def fill(session: Session) -> None:
        connection = session.connection()
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.exec_driver_sql("INSERT INTO leases (name, fence) VALUES (hex(zeroblob(1000000)), 1)")

    works: list[Work[int | None]] = [write("a", 1), fill, write("c", 3)]
    results = await asyncio.gather(*map(sqlite.run, works), return_exceptions=True)
    assert [getattr(result, "code", result) for result in results] == ["store_full", "store_full", 3]
    assert [await sqlite.run(read(name)) for name in "ac"] == [None, 3]
    assert await sqlite.run(write("a", 1)) == 1


async def test_a_commit_that_fails_fails_everyone_in_the_group(sqlite_url: str) -> None:
    engine = sqlite_engine(sqlite_url)

    def refuse(_: object) -> None:
        event.remove(engine, "commit", refuse)
        raise sqlite3.OperationalError("the disk is gone")

    event.listen(engine, "commit", refuse)
    db = SqliteDb(engine)
    results = await asyncio.gather(db.run(write("a", 1)), db.run(write("b", 2)), return_exceptions=True)
    assert isinstance(results[0], sqlite3.OperationalError)
    assert await db.run(read("a")) is None
    assert await db.run(write("c", 3)) == 3
    await db.close()


async def test_a_file_that_someone_else_holds_is_busy_not_broken(sqlite_url: str) -> None:
    engine = sqlite_engine(sqlite_url)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=1"))
    db = SqliteDb(engine)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError, match="store_busy"):
        await db.run(write("a", 1))
    other.execute("ROLLBACK")
    other.close()
    assert await db.run(write("a", 1)) == 1
    await db.close()


async def test_the_pragmas_that_keep_promises_are_set(sqlite: SqliteDb) -> None:
    def ask(session: Session) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout", "trusted_schema")
        return [session.connection().exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert await sqlite.run(ask) == ["wal", 2, 1, 1, 5000, 0]


async def test_what_is_dropped_is_gone_from_the_file(sqlite_url: str, tmp_path: Path) -> None:
    db = SqliteDb(sqlite_engine(sqlite_url))
    await db.run(write("MARKER-" * 400, 1))
    await db.run(lambda session: session.connection().execute(text("DELETE FROM leases")).rowcount)
    await db.close()
    assert not any(b"MARKER-MARKER" in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


async def test_an_empty_file_is_created_and_migrated_at_the_first_start(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "syncd.db"
    db = open_daemon_db(f"sqlite:///{path}")
    assert await db.run(write("a", 1)) == 1
    await db.close()
    assert path.stat().st_mode & 0o077 == 0


async def test_a_second_daemon_on_the_same_file_is_refused(sqlite_url: str) -> None:
    first = open_daemon_db(sqlite_url)
    with pytest.raises(UnusableStoreError, match="store_locked"):
        open_daemon_db(sqlite_url)
    beside = open_db(sqlite_url)
    assert await beside.run(write("a", 1)) == 1
    await beside.close()
    await first.close()
    await open_daemon_db(sqlite_url).close()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    path.write_bytes(b"not a database at all, but long enough to be taken for one" * 100)
    with pytest.raises(UnusableStoreError, match="store_damaged"):
        open_daemon_db(f"sqlite:///{path}")


def test_damage_in_the_middle_of_the_file_is_found(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    content = bytearray(path.read_bytes())
    content[4096 : 3 * 4096] = b"\xff" * 8192
    path.write_bytes(content)
    with pytest.raises(UnusableStoreError, match="store_damaged"):
        open_daemon_db(sqlite_url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(UnusableStoreError, match="store_url"):
        open_daemon_db(url)


async def test_what_goes_ahead_waits_neither_for_the_others_nor_for_their_commit(sqlite_url: str) -> None:
    db, elsewhere = (
        SqliteDb(sqlite_engine(sqlite_url)),
        sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), check_same_thread=False),
    )
    free, begun = threading.Event(), asyncio.Event()
    loop, ahead_was = asyncio.get_running_loop(), list[list[tuple[int]]]()

    def hold_up(session: Session) -> None:
        loop.call_soon_threadsafe(begun.set)
        free.wait(10)

    def look(_: Session) -> None:
        ahead_was.append(elsewhere.execute("SELECT fence FROM leases").fetchall())

    first = asyncio.create_task(db.run(hold_up))
    await begun.wait()
    usual = [asyncio.create_task(db.run(look)) for _ in range(3)]
    await asyncio.sleep(0)
    ahead = asyncio.create_task(db.run(write("a", 1), ahead=True))
    await asyncio.sleep(0)
    free.set()
    await asyncio.gather(first, *usual, ahead)
    assert ahead_was == [[(1,)]] * 3
    await db.close()
    elsewhere.close()


# PostgreSQL


def test_a_server_that_does_not_answer_is_a_passing_trouble(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="store_gone"):
        open_db(f"postgres://nobody@/none?host={tmp_path}")


@pytest.mark.parametrize(
    "given",
    ["postgres://u:p%40@h:5/d?sslmode=require", "postgresql://u:p%40@h:5/d?sslmode=require"],
)
def test_the_addresses_that_hosts_hand_out_are_understood(given: str) -> None:
    url = postgres_url(given)
    assert (url.drivername, url.password, url.query["sslmode"]) == ("postgresql+psycopg", "p@", "require")


def test_a_database_without_our_schema_is_not_opened(empty_url: str) -> None:
    with pytest.raises(UnusableStoreError, match="schema_empty"):
        open_db(empty_url)


@pytest.fixture
async def postgres_db(postgres: Server) -> AsyncIterator[PostgresDb]:
    with postgres.database() as url:
        db = PostgresDb(postgres_engine(url))
        yield db
        await db.close()


def cut(session: Session) -> None:
    """The server ends this very connection, as a restart or a fail-over does."""
    session.connection().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def test_a_connection_lost_before_the_commit_stored_nothing(postgres_db: PostgresDb) -> None:
    with pytest.raises(TransientError, match="store_gone"):
        await postgres_db.run(together(write("a", 1), cut))
    assert await postgres_db.run(read("a")) is None


async def test_a_connection_lost_during_the_commit_is_uncertain(postgres_db: PostgresDb) -> None:
    def cut_during_commit(session: Session) -> None:
        create = """CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON leases DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION cut()"""
        session.connection().exec_driver_sql(create)
        write("a", 1)(session)

    with pytest.raises(UncertainError, match="store_commit"):
        await postgres_db.run(cut_during_commit)
    assert await postgres_db.run(read("a")) is None


async def test_a_deadlock_is_tried_again(postgres_db: PostgresDb) -> None:
    await postgres_db.run(together(write("a", 0), write("b", 0)))
    both_hold_one = threading.Barrier(2, timeout=10)
    tries: list[str] = []

    def crosswise(first: str, second: str) -> Work[int]:
        def work(session: Session) -> int:
            tries.append(first)
            add_one(first)(session)
            if tries.count(first) == 1:
                both_hold_one.wait()
            return add_one(second)(session)

        return work

    await postgres_db.run(lambda session: session.connection().exec_driver_sql("SET deadlock_timeout = '10ms'").close())
    await asyncio.gather(postgres_db.run(crosswise("a", "b")), postgres_db.run(crosswise("b", "a")))
    assert len(tries) > 2, "the second try may meet the other one again"
    assert [await postgres_db.run(read(name)) for name in "ab"] == [2, 2]


async def test_commits_wait_for_the_disk_even_where_the_host_says_otherwise(postgres: Server) -> None:
    with postgres.database() as url:
        engine = postgres_engine(url)
        with engine.begin() as connection:
            name = connection.exec_driver_sql("SELECT current_database()").scalar()
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        engine.dispose()
        db = PostgresDb(postgres_engine(url))
        ask = "SELECT current_setting('synchronous_commit')"
        assert await db.run(lambda session: session.connection().exec_driver_sql(ask).scalar()) == "on"
        await db.close()


async def test_nobody_waits_for_ever_behind_a_mistake_of_ours(db: Db) -> None:
    """A future refuses a StopIteration."""

    def mistaken(_: Session) -> None:
        next(iter(()))

    works = asyncio.gather(db.run(mistaken), db.run(lambda _: 7), return_exceptions=True)
    failed, answer = await asyncio.wait_for(works, 5.0)
    assert isinstance(failed, Exception)
    assert answer == 7


def test_webhooks_lie_in_large_pages_in_a_file_made_anew_and_as_before_in_an_old_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'syncd.db'}"
    old, new = tmp_path / "syncd-inbox.db", tmp_path / "other-inbox.db"
    migrate(f"sqlite:///{old}")
    migrate_all(url)
    migrate_all(f"sqlite:///{tmp_path / 'other.db'}")
    pages = [sqlite3.connect(file).execute("PRAGMA page_size").fetchone()[0] for file in (old, new)]
    assert pages == [4096, 65536]


def test_a_new_file_that_somebody_holds_is_no_mistake_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "syncd-inbox.db"
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TransientError, match="store_busy"):
        lay_out(file, ["PRAGMA busy_timeout=1", "PRAGMA journal_mode=WAL"])
    holder.close()
