"""Search strings: `updated_at:>='2026-11-20T10:00:00Z' AND (tag:a OR -status:closed)` becomes a predicate.

shopify.dev/docs/api/usage/search-syntax, read 2026-11. An unknown field matches everything and leaves a warning; a value that
makes no sense for a known field matches nothing.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.sandbox.shopify.times import parsed

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<minus>-(?=\S))|(?P<field>[\w.]+):(?P<op><=|>=|<|>)?\s*
    (?P<value>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s()]+)|(?P<word>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s()]+))""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Term:
    field: str
    op: str
    value: str


@dataclass(frozen=True)
class Not:
    inner: Node


@dataclass(frozen=True)
class All:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Any_:
    parts: tuple[Node, ...]


Node = Term | Not | All | Any_
Getter = Callable[[Any], Any]
"""Gives a text, a number, a time, a truth value, or a list of texts of a row."""


def parse(text: str) -> Node:
    tokens = [match for match in _TOKEN.finditer(text) if match.group().strip()]
    node, rest = _either(tokens)
    return node if not rest else All((node, *(_term(token) for token in rest if token["field"] or token["word"])))


def _either(tokens: list[re.Match[str]]) -> tuple[Node, list[re.Match[str]]]:
    parts: list[Node] = []
    while True:
        part, tokens = _both(tokens)
        parts.append(part)
        if not (tokens and tokens[0]["word"] == "OR"):
            return (parts[0] if len(parts) == 1 else Any_(tuple(parts))), tokens
        tokens = tokens[1:]


def _both(tokens: list[re.Match[str]]) -> tuple[Node, list[re.Match[str]]]:
    parts: list[Node] = []
    while tokens and not tokens[0]["close"] and tokens[0]["word"] != "OR":
        if tokens[0]["word"] == "AND":
            tokens = tokens[1:]
            continue
        part, tokens = _single(tokens)
        parts.append(part)
    return (parts[0] if len(parts) == 1 else All(tuple(parts))), tokens


def _single(tokens: list[re.Match[str]]) -> tuple[Node, list[re.Match[str]]]:
    token, rest = tokens[0], tokens[1:]
    if (token["minus"] or token["word"] == "NOT") and rest:
        inner, rest = _single(rest)
        return Not(inner), rest
    if token["open"]:
        inner, rest = _either(rest)
        return inner, rest[1:] if rest and rest[0]["close"] else rest
    return _term(token), rest


def _term(token: re.Match[str]) -> Term:
    if token["field"]:
        return Term(token["field"], token["op"] or "", _unquoted(token["value"]))
    return Term("", "", _unquoted(token["word"] or ""))


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text)


def predicate(
    node: Node, fields: Mapping[str, Getter], warnings: list[dict[str, Any]] | None = None
) -> Callable[[Any], bool]:
    """`fields[""]` is asked for words without a field."""
    if isinstance(node, Not):
        inner = predicate(node.inner, fields, warnings)
        return lambda row: not inner(row)
    if isinstance(node, All | Any_):
        parts = [predicate(part, fields, warnings) for part in node.parts]
        return (
            (lambda row: all(part(row) for part in parts))
            if isinstance(node, All)
            else (lambda row: any(part(row) for part in parts))
        )
    getter = fields.get(node.field)
    if getter is not None:
        return _matcher(node, getter)
    if warnings is not None:
        warnings.append(
            {"field": node.field, "message": "Invalid search field for this query.", "code": "invalid_field"}
        )
    return lambda row: True


def _matcher(term: Term, getter: Getter) -> Callable[[Any], bool]:
    wanted = [_wanted(value) for value in term.value.split(",")] if not term.op else [_wanted(term.value)]
    compare = _COMPARE[term.op]
    return lambda row: any(_fits(getter(row), value, term.op, compare) for value in wanted)


@dataclass(frozen=True)
class _Wanted:
    text: str
    moment: datetime | None
    number: float | None


def _wanted(text: str) -> _Wanted:
    try:
        number = float(text)
    except ValueError:
        number = None
    return _Wanted(text.casefold(), parsed(text) if "-" in text else None, number)


def _fits(value: Any, wanted: _Wanted, op: str, compare: Callable[[Any, Any], bool]) -> bool:
    if isinstance(value, list):
        return any(_fits(entry, wanted, op, compare) for entry in value)
    if isinstance(value, bool):
        return wanted.text == str(value).lower()
    if isinstance(value, datetime):
        return wanted.moment is not None and compare(value, wanted.moment)
    if isinstance(value, int | float):
        return wanted.number is not None and compare(value, wanted.number)
    if value is None:
        return False
    text = str(value).casefold()
    if wanted.text.endswith("*") and not op:
        return text.startswith(wanted.text[:-1])
    return compare(text, wanted.text)


def lower_bound(node: Node, field: str) -> datetime | None:
    """The earliest time that can match, where every match must be at or after one."""
    if isinstance(node, Term) and node.field == field and node.op in (">", ">="):
        return parsed(node.value)
    if isinstance(node, All):
        bounds = [bound for part in node.parts if (bound := lower_bound(part, field)) is not None]
        return max(bounds, default=None)
    return None
