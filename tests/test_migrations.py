"""The migrations make the schema of the models, all of it or nothing, and refuse what is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, MetaData, Table, event, insert

from syncd.store.engine import UnusableStoreError, open_daemon_db
from syncd.store.migrations import Schema, check_schema, engine_of, head, migrate, scripts, upgrade
from syncd.store.schema import OrderRow, Row, table_of
from tests.postgres import Server

SQLITE_SCHEMA = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' AND sql IS NOT NULL"
POSTGRES_SCHEMA = """
SELECT table_name || '.' || column_name,
  concat_ws(' ', ordinal_position, data_type, character_maximum_length, is_nullable, column_default, is_identity)
  FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass
UNION ALL SELECT relname, array_to_string(reloptions, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace
  AND relkind = 'r' AND relname <> 'alembic_version'
"""

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADDED = {"judged", "waived"}
OLD_ORDERS = Table(
    "orders", MetaData(), *(Column(one.name, one.type) for one in table_of(OrderRow).c if one.name not in ADDED)
)
"""Before any of these was added."""


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    engine = engine_of(empty_url)
    yield engine
    engine.dispose()


def schema_text(engine: Engine) -> dict[str, str]:
    """What the engine itself says it has: also the words of partial indexes, which `alembic check` does not compare."""
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(SQLITE_SCHEMA if is_sqlite else POSTGRES_SCHEMA)
        return {row[0]: in_order(row[1]) if is_sqlite else row[1] for row in rows}


def in_order(definition: str) -> str:
    """SQLite writes a column that was added later behind the constraints of its table, and the name of a table made anew in quotes."""
    head, _, body = definition.partition("(")
    parts = re.split(r",\s*(?![^()]*\))", body.rstrip().removesuffix(")"))
    return (
        head.replace('"', "") + "\n".join(sorted(part.strip() for part in parts))
        if "CREATE TABLE" in head
        else definition
    )


def test_the_migrations_make_the_schema_of_the_models(engine: Engine, empty_url: str) -> None:
    migrate(empty_url)
    migrated = schema_text(engine)
    with engine.begin() as connection:
        Row.metadata.drop_all(connection)
    assert len(schema_text(engine)) == 0
    with engine.begin() as connection:
        Row.metadata.create_all(connection)
    assert migrated == schema_text(engine)
    assert "ix_marks_waiting" in migrated


def test_the_next_generated_migration_would_be_empty(engine: Engine, empty_url: str) -> None:
    migrate(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Row.metadata) == []


def test_there_is_one_head_and_files_are_named_by_their_number() -> None:
    directory = ScriptDirectory.from_config(scripts())
    assert directory.get_heads() == [head()]
    for script in directory.walk_revisions():
        name = Path(script.path).name
        assert re.fullmatch(r"0001_initial\.py|\d{4}_(pre|post)_[a-z0-9_]+\.py", name), name
        assert name.startswith(f"{script.revision}_")


def test_the_state_of_a_schema_is_told(engine: Engine, empty_url: str) -> None:
    assert check_schema(empty_url) is Schema.EMPTY
    migrate(empty_url)
    migrate(empty_url)
    assert check_schema(empty_url) is Schema.AT_HEAD
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert check_schema(empty_url) is Schema.FOREIGN


def test_a_database_of_someone_else_is_foreign(engine: Engine, empty_url: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE wp_posts (id INTEGER)")
    assert check_schema(empty_url) is Schema.FOREIGN


def test_asking_about_a_file_does_not_create_it(tmp_path: Path) -> None:
    assert check_schema(f"sqlite:///{tmp_path / 'none.db'}") is Schema.EMPTY
    assert list(tmp_path.iterdir()) == []


def test_a_migration_that_fails_half_way_leaves_nothing(engine: Engine, empty_url: str) -> None:
    def stop(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "CREATE TABLE orders" in statement:
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", stop)
    with engine.connect() as connection, pytest.raises(KeyboardInterrupt):
        upgrade(connection)
    event.remove(engine, "before_cursor_execute", stop)
    assert check_schema(empty_url) is Schema.EMPTY
    migrate(empty_url)
    assert check_schema(empty_url) is Schema.AT_HEAD


def test_two_that_migrate_at_once_both_succeed(empty_url: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(migrate, [empty_url, empty_url]))
    assert check_schema(empty_url) is Schema.AT_HEAD


def test_down_and_up_again_is_the_same(engine: Engine, empty_url: str) -> None:
    migrate(empty_url)
    before = schema_text(engine)
    with engine.begin() as connection:
        config = scripts()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert schema_text(engine) == {}
    migrate(empty_url)
    assert schema_text(engine) == before


def test_returns_from_before_know_no_package_and_stay(engine: Engine, empty_url: str) -> None:
    row = "'s1', 'main', 5, false, false, false, '2026-11-20', 'refunded', '', 0, '2026-11-20', '2026-11-20'"
    columns = (
        "return_key, store, order_id, voided, is_told, is_labelled, asked_at, outcome, detail, refusals, created_at"
    )
    with engine.connect() as connection:
        upgrade(connection, "0001")
    assert check_schema(empty_url) is Schema.BEHIND
    with engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO returns ({columns}, updated_at) VALUES ({row})")
    migrate(empty_url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT return_key, outcome, outbound_key FROM returns").all()
    assert [tuple(one) for one in found] == [("s1", "refunded", None)]


def test_what_was_released_before_causes_were_kept_stays_released(engine: Engine) -> None:
    with engine.connect() as connection:
        upgrade(connection, "0001")
    with engine.begin() as connection:
        for order_id, released_at in ((1, NOON), (2, None)):
            row = {"store": "main", "order_id": order_id, "name": "", "state": "held", "cause": "fraud_review"}
            times = {"since": NOON, "seen_at": NOON, "released_at": released_at}
            connection.execute(insert(OLD_ORDERS).values(**row, **times, detail=""))
    with engine.connect() as connection:
        upgrade(connection)
        waived = connection.exec_driver_sql("SELECT waived FROM orders ORDER BY order_id").scalars().all()
    assert waived == ["fraud_review,risk_pending,held_by_rule", None]


DELIVERY = "INSERT INTO deliveries (store, topic, webhook_id, received_at, body) VALUES ('main', 'orders/paid', '{}', '2026-11-20', '{{}}')"


def test_webhooks_that_wait_stay_and_those_that_were_read_are_known_where_one_database_has_both(engine: Engine) -> None:
    with engine.connect() as connection:
        upgrade(connection, "0003")
    with engine.begin() as connection:
        for webhook_id in ("read", "waits"):
            connection.exec_driver_sql(DELIVERY.format(webhook_id))
        connection.exec_driver_sql(
            "UPDATE deliveries SET taken_at = '2026-11-20', body = NULL, problem = 'no JSON' WHERE webhook_id = 'read'"
        )
    with engine.connect() as connection:
        upgrade(connection)
        assert connection.exec_driver_sql("SELECT webhook_id FROM deliveries").scalars().all() == ["waits"]
        known = connection.exec_driver_sql("SELECT webhook_id, problem FROM read_deliveries").all()
    assert [tuple(one) for one in known] == ([] if engine.dialect.name == "sqlite" else [("read", "no JSON")])


def test_a_webhook_that_waits_twice_is_no_hindrance_on_the_way_down(engine: Engine, empty_url: str) -> None:
    migrate(empty_url)
    with engine.begin() as connection:
        for _ in range(2):
            connection.exec_driver_sql(DELIVERY.format("again"))
        config = scripts()
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        assert connection.exec_driver_sql("SELECT webhook_id FROM deliveries").scalars().all() == ["again"]


def test_rebuilding_a_table_cannot_cascade_into_its_children(tmp_path: Path) -> None:
    """With foreign keys on, SQLite deletes the children when a batch migration drops the old table, without an error."""
    engine = engine_of(f"sqlite:///{tmp_path / 'syncd.db'}")
    seen: list[int] = []

    def look(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if "CREATE TABLE" in statement:
            driver_connection = connection.connection.driver_connection
            assert driver_connection is not None
            seen.extend(driver_connection.execute("PRAGMA foreign_keys").fetchone())

    event.listen(engine, "before_cursor_execute", look)
    with engine.connect() as connection:
        upgrade(connection)
        assert set(seen) == {0}
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_postgres_is_not_migrated_on_the_side(postgres: Server) -> None:
    with postgres.fresh() as url:
        with pytest.raises(UnusableStoreError, match="syncd migrate"):
            open_daemon_db(url)
        assert check_schema(url) is Schema.EMPTY
