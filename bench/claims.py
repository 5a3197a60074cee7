"""What it costs to claim a hundred orders out of a table of many, with half of the rows due.

Three figures of the same claims: the statement as the driver answers it, the claim as the program gets it (statement, rows and
objects), and the whole transaction with its commit. Each claim is settled before the next, which is not timed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, text
from sqlmodel import Session

from bench.acks import database, own_postgres
from syncd.store.marks import claim, settle
from syncd.store.migrations import engine_of, migrate

BATCH = 100
TARGETS_MS = {"sqlite": 1.0, "postgres": 3.0}
MARKED_AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
NOW = MARKED_AT + timedelta(hours=2)
FILL = """
INSERT INTO marks (flow, subject, marked, marked_at, hint_at, lane, settled, claimed, parked, attempts)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
SELECT 'orders', 'main/' || i, 1, :time, :time, 1, i % 2, 0, 0, 0 FROM n
"""


@contextmanager
def filled(engine: Engine, rows: int) -> Iterator[Engine]:
    on_sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        if not on_sqlite:
            connection.exec_driver_sql(
                "SET LOCAL statement_timeout = 0"
            )  # a busy machine takes longer than the daemon waits
        connection.execute(
            text(FILL), {"rows": rows, "time": "2026-11-21T10:00:00.000000Z" if on_sqlite else MARKED_AT}
        )
    if not on_sqlite:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE marks")  # as autovacuum does soon after
    yield engine
    engine.dispose()


def measure(engine: Engine, claims: int) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of statement, claim and transaction."""
    statement: list[float] = []
    began = 0.0

    def before(*_: Any) -> None:
        nonlocal began
        began = time.perf_counter()

    def after(*_: Any) -> None:
        statement.append((time.perf_counter() - began) * 1000)

    whole, committed = [], []
    with engine.connect() as connection:
        for number in range(claims):
            token = f"{number:032x}"
            event.listen(engine, "before_cursor_execute", before)
            event.listen(engine, "after_cursor_execute", after)
            at = time.perf_counter()
            with connection.begin(), Session(connection, join_transaction_mode="rollback_only") as session:
                session.connection()
                asked = time.perf_counter()
                claimed = claim("orders", BATCH, NOW, token, 60, 2)(session)
                whole.append((time.perf_counter() - asked) * 1000)
            committed.append((time.perf_counter() - at) * 1000)
            event.remove(engine, "before_cursor_execute", before)
            event.remove(engine, "after_cursor_execute", after)
            assert len(claimed) == BATCH
            with connection.begin(), Session(connection, join_transaction_mode="rollback_only") as session:
                settle("orders", claimed, token)(session)
    return statement[-claims:], whole, committed


def row(name: str, rows: int, found: tuple[list[float], ...]) -> str:
    p50 = [statistics.median(times) for times in found]
    p99 = statistics.quantiles(found[0], n=100)[98]
    return f"{name:9} {rows:9,} {p50[0]:10.2f} {p99:9.2f} {p50[1]:10.2f} {p50[2]:12.2f} {TARGETS_MS[name]:7.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.claims", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--claims", type=int, default=40, help="how many of a hundred each; 10,000 rows hold 50")
    parser.add_argument("--engines", nargs="+", choices=list(TARGETS_MS), default=list(TARGETS_MS))
    wishes = parser.parse_args()
    print("claims of 100 rows, half of the table due; milliseconds")
    print("engine         rows  statement       p99      claim  with commit     aim")
    with ExitStack() as stack:
        server = stack.enter_context(own_postgres()) if "postgres" in wishes.engines else None
        for name in wishes.engines:
            for rows in wishes.rows:
                with ExitStack() as one:
                    url = one.enter_context(database(name, server))
                    migrate(url)
                    found = measure(one.enter_context(filled(engine_of(url), rows)), wishes.claims)
                    print(row(name, rows, found), flush=True)


if __name__ == "__main__":
    main()
