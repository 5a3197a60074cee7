"""The column types of our own. Migrations name them from here, so that both spell one schema."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from syncd.store.keeping import utc_text


class UtcTime(TypeDecorator[datetime]):
    """An instant. Aware in, aware UTC out; a naive time is refused.

    SQLite has no time type and hands back naive values: there it is text of one width, which sorts as the times do.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone must not be stored")
        return utc_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # each PostgreSQL driver names UTC in its own way
        return datetime.fromisoformat(value) if dialect.name == "sqlite" else value.astimezone(UTC)


RowNumber = BigInteger().with_variant(Integer(), "sqlite")
"""A key that counts by itself: SQLite does that for INTEGER only, which holds 64 bits there."""
