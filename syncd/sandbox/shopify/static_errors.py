"""graphql-core's complaints in Shopify's words: the codes that clients look at, and what stands beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode, print_ast

_CODES: tuple[tuple[str, str], ...] = (
    (r"Cannot query field '(?P<fieldName>\w+)' on type '(?P<typeName>\w+)'", "undefinedField"),
    (r"Unknown argument", "argumentNotAccepted"),
    (r"is required, but it was not provided", "missingRequiredArguments"),
    (r"must have a selection of subfields|must not have a selection", "selectionMismatch"),
    (r"Variable '\$(?P<variableName>\w+)' is never used", "variableNotUsed"),
    (r"Variable '\$(?P<variableName>\w+)' is not defined", "variableNotDefined"),
    (r"Unknown directive", "undefinedDirective"),
    (r"Unknown type", "undefinedType"),
)


def entry_of(error: GraphQLError, code: str | None = None) -> dict[str, Any]:
    """One entry of `errors`."""
    message, extensions = error.message, dict(error.extensions or {})
    if code is not None:
        extensions["code"] = code
    if "code" not in extensions:
        message, extensions = _translated(message)
    entry: dict[str, Any] = {"message": message}
    if error.locations:
        entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    entry["extensions"] = extensions
    if error.path:
        entry["path"] = list(error.path)
    return entry


def _translated(message: str) -> tuple[str, dict[str, Any]]:
    for pattern, code in _CODES:
        if found := re.search(pattern, message):
            details = found.groupdict()
            if code == "undefinedField":
                message = f"Field '{details['fieldName']}' doesn't exist on type '{details['typeName']}'"
            return message, {"code": code, **details}
    return message, {"code": "argumentLiteralsIncompatible"}


def invalid_variables(
    errors: Sequence[GraphQLError], variables: dict[str, Any], operation: OperationDefinitionNode
) -> list[dict[str, Any]]:
    return [_invalid_variable(error, variables, operation) for error in errors]


def _invalid_variable(
    error: GraphQLError, variables: dict[str, Any], operation: OperationDefinitionNode
) -> dict[str, Any]:
    found = re.search(
        r"\$(?P<name>\w+)' has invalid value(?: at (?P<place>\S+))?: (?P<text>.*)", error.message, re.DOTALL
    )
    name, place, text = found.group("name", "place", "text") if found else ("", "", error.message)
    types = {entry.variable.name.value: print_ast(entry.type) for entry in operation.variable_definitions or ()}
    steps = [int(index) if index else field for field, index in re.findall(r"\.(\w+)|\[(\d+)\]", place or "")]
    explanation = "Expected value to not be null" if "non-null" in text or "required field" in text else text
    return {
        "message": f"Variable ${name} of type {types.get(name, '')} was provided invalid value",
        "locations": [{"line": spot.line, "column": spot.column} for spot in error.locations or ()],
        "extensions": {
            "code": "INVALID_VARIABLE",
            "value": variables.get(name),
            "problems": [{"path": steps, "explanation": explanation}],
        },
    }
