"""One GraphQL call while it is carried out: for which shop, with which rights, and what it collects on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncd.sandbox.shopify.problems import Problem
from syncd.sandbox.shopify.scopes import FIELD_SCOPES, NODE_SCOPES, PROTECTED_FIELDS, in_words, with_implied
from syncd.sandbox.shopify.shop import Shop


@dataclass(slots=True)
class Call:
    """`closed` holds the field coordinates that this app may not read. `variables` are graphql-core's coerced ones."""

    shop: Shop
    version: str
    granted: frozenset[str]
    closed: frozenset[str]
    variables: Any = None
    keys: dict[str, str] = field(default_factory=dict)
    """Mutation -> the key of its `@idempotent`."""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    arguments: dict[int, dict[str, Any]] = field(default_factory=dict)

    def denial(self, coordinate: str) -> Problem:
        """The error of a closed field."""
        field_name = coordinate.partition(".")[2]
        if coordinate in PROTECTED_FIELDS:
            page = "https://shopify.dev/docs/apps/launch/protected-customer-data"
            text = f"This app is not approved to use the {field_name} field. See {page} for more details."
            return Problem(text, "ACCESS_DENIED", documentation=page)
        return _denied(field_name, FIELD_SCOPES[coordinate])

    def require_node(self, type_name: str) -> None:
        scopes = NODE_SCOPES.get(type_name, ())
        if scopes and not self.granted & set(scopes):
            raise _denied(type_name, scopes)


def _denied(field_name: str, scopes: tuple[str, ...]) -> Problem:
    required = in_words(scopes)
    return Problem(
        f"Access denied for {field_name} field. Required access: {required}",
        "ACCESS_DENIED",
        documentation="https://shopify.dev/api/usage/access-scopes",
        requiredAccess=required,
    )


def open_call(shop: Shop, version: str) -> Call:
    granted = with_implied(shop.options.scopes)
    closed = {coordinate for coordinate, scopes in FIELD_SCOPES.items() if not granted & set(scopes)}
    if not shop.options.level_2_data:
        closed |= PROTECTED_FIELDS
    return Call(shop, version, granted, frozenset(closed))
