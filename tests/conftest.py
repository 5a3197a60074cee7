"""Fixtures for all tests: an empty migrated database of either engine, and the folder with the vendors' schemas and payloads."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from sqlalchemy import Engine

from syncd.simulation.day import Day, Fates
from syncd.simulation.virtual_time import VirtualLoop
from syncd.store.engine import open_db
from syncd.store.migrations import migrate
from syncd.store.postgres import PostgresDb, postgres_engine
from syncd.store.sqlite import SqliteDb
from tests.postgres import Server, server

# The same examples in every run, so that a failure comes from a change and not from luck. The nightly profile draws more, and others.
settings.register_profile("nightly", max_examples=2000, derandomize=False)
settings.register_profile("steady", derandomize=True, max_examples=50)
settings.load_profile("steady")

# structlog's own set-up shows the local variables of every frame: ten seconds for one traceback of a batch.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """In tests of the whole daemon time passes only by waiting for it."""
    is_virtual = "virtual_time" in getattr(item, "fixturenames", ())
    return {"virtual": VirtualLoop} if is_virtual else {"real": asyncio.new_event_loop}


@pytest.fixture
def virtual_time() -> None:
    """Its name chooses the event loop."""


@pytest.fixture
def fates() -> Fates:
    """What the worlds of `day` are like; tests put others in its place."""
    return Fates()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine | None]:
    """Where `day` keeps its rows: in memory, or as the parameter says."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    with request.getfixturevalue("postgres").database() as url:
        yield postgres_engine(url, connections=2)  # one for the daemon, one for who looks on


@pytest.fixture
async def day(virtual_time: None, fates: Fates, engine: Engine | None) -> AsyncIterator[Day]:
    """The whole daemon between both sandbox worlds, started and subscribed to their webhooks."""
    day = Day(fates, engine)
    await day.start()
    await day.until(day.is_subscribed)
    yield day
    await day.end()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for each pytest process. A missing PostgreSQL is a failure: half of the store would go untested."""
    folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
    try:
        with server(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'syncd.db')}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database with our schema, once on each engine."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
    else:
        with request.getfixturevalue("postgres").database() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a schema, once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with request.getfixturevalue("postgres").fresh() as url:
            yield url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[SqliteDb | PostgresDb]:
    opened = open_db(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Official schemas and real payloads, which are not ours to pass on: beside the checkout, or where SYNCD_SHARED says."""
    folder = Path(os.environ.get("SYNCD_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("the vendors' schemas and payloads are not here: set SYNCD_SHARED to their folder")
    return folder
