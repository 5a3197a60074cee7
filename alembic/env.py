"""Runs the migrations on a connection that is handed in, or on the database of SYNCD_DATABASE__URL."""

import os
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection
from sqlmodel import AutoString

from syncd.store.columns import UtcTime
from syncd.store.migrations import engine_of
from syncd.store.schema import Row


def spelled(kind: str, item: Any, _: object) -> str | Literal[False]:
    """How generated migrations name our column types; the template imports `columns`, and nothing needs sqlmodel."""
    if isinstance(item, UtcTime):
        return "columns.UtcTime()"
    return "sa.String()" if isinstance(item, AutoString) else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=True,
        render_item=spelled,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with engine_of(os.environ["SYNCD_DATABASE__URL"]).connect() as own, own.begin():
        run(own)
