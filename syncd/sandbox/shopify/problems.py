"""The two ways in which an operation is refused: a top-level error with a code, and user errors inside the payload."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError


class Problem(GraphQLError):
    """Becomes an entry of `errors`; the field it comes from is null, everything else is delivered."""

    def __init__(self, message: str, code: str, **extensions: Any) -> None:
        super().__init__(message, extensions={"code": code, **extensions})


class Refusal(Exception):
    """Becomes a user error. Nothing was changed. `code` only shows on typed user errors."""

    def __init__(self, field: list[str] | None, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.code = code


def invalid_id(text: str) -> Problem:
    return Problem(f"Invalid id: {text}", "RESOURCE_NOT_FOUND")
