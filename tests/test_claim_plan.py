"""The claim must stay cheap however many rows there are: it reads its partial index in order, and never sorts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlmodel import Session

from syncd.store.marks import claim, due_summary
from syncd.store.migrations import engine_of
from syncd.store.transaction import Work

ROWS = 50_000
FILL = """
INSERT INTO marks (flow, subject, marked, marked_at, hint_at, lane, settled, claimed, parked, attempts)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
SELECT 'orders', 'main/' || i, 1, :time, :time, 1, i % 2, 0, 0, 0 FROM n
"""
MARKED_AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def full(database_url: str) -> Iterator[Engine]:
    """Half of the rows are due. PostgreSQL has statistics, as autovacuum gathers them; SQLite never has any."""
    engine = engine_of(database_url)
    on_sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        connection.execute(
            text(FILL), {"rows": ROWS, "time": "2026-11-21T10:00:00.000000Z" if on_sqlite else MARKED_AT}
        )
        if not on_sqlite:
            connection.exec_driver_sql("ANALYZE marks")
    yield engine
    engine.dispose()


def plans(engine: Engine, work: Work[Any]) -> list[str]:
    """How the engine runs each statement of `work`."""
    sent: list[tuple[str, Any]] = []
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    with Session(engine) as session:
        connection = session.connection()
        event.listen(engine, "before_cursor_execute", remember)
        work(session)
        event.remove(engine, "before_cursor_execute", remember)
        answers = [connection.exec_driver_sql(f"{explain} {statement}", given) for statement, given in sent]
        return ["\n".join(str(row[-1]) for row in answer) for answer in answers]


def is_cheap(plan: str) -> bool:
    """No sorting, and no table read from end to end."""
    return not any(dear in plan for dear in ("Sort", "TEMP B-TREE", "Seq Scan", "SCAN marks"))


def test_the_claim_reads_its_partial_index_in_order(full: Engine) -> None:
    (plan,) = plans(full, claim("orders", 100, NOW, "token", 60, 2))
    assert "ix_marks_waiting" in plan
    assert is_cheap(plan), plan


def test_the_summary_stays_on_the_partial_index(full: Engine) -> None:
    (summary,) = plans(full, due_summary("orders", NOW, 2, limit=100))
    assert summary.count("ix_marks_waiting") == 4  # what is due, and the oldest of each of three lanes
    assert is_cheap(summary), summary


def test_the_next_time_is_found_among_the_waiting_only(full: Engine) -> None:
    *_, next_times = plans(full, due_summary("orders", MARKED_AT, 2))
    # half of all rows wait here: PostgreSQL is right to read the table
    assert "ix_marks_waiting" in next_times or full.dialect.name == "postgresql"
    assert "sqlite_autoindex" not in next_times
