"""TOML text -> rules. All problems are told at once, each with the line on which it stands.

`tomllib` tells no lines, so they are found by counting the `[[rules]]` headers.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from mappings.rule_actions import ACTIONS, Action
from mappings.rule_conditions import CONDITIONS, Condition
from mappings.rule_values import PartError
from mappings.rules import Rule, Rules, has_line_condition

MODES = ("first", "all")
_RULE_KEYS = ("name", "when", "then", "stop")
_WITHIN_RATE = {
    "carrier": "rate = { fallback = { carrier = ..., service = ... } }",
    "service": "rate = { fallback = { carrier = ..., service = ... } }",
    "package": "rate = { package = ... }",
}
_HEADER = re.compile(r"\s*\[\[\s*rules\s*\]\]")


class RulesError(ValueError):
    """`problems`: one sentence each, beginning with the source and the line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def rules_of_file(text: str, source: str) -> Rules:
    """A file of rules only: `[rules_settings] mode`, and `[[rules]]`. Raises `RulesError`."""
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise RulesError([f"{source}: is not valid TOML: {error}"]) from error
    strange = [name for name in values if name not in {"rules", "rules_settings"}]
    problems = [
        f"{source}{_place(text, name)}: {name} does not belong in a file of rules. It has [rules_settings] and [[rules]]."
        for name in strange
    ]
    return rules_of(values, text, source, problems)


def rules_of(values: Mapping[str, Any], text: str, source: str, problems: list[str] | None = None) -> Rules:
    """The rules among the `values` of `text`, which may hold other things too. Raises `RulesError`, with `problems` before."""
    reader = _Reader(text, source, list(problems or ()))
    rules = reader.rules(values.get("rules", []), values.get("rules_settings", {}))
    if reader.problems:
        raise RulesError(reader.problems)
    return rules


class _Reader:
    def __init__(self, text: str, source: str, problems: list[str]) -> None:
        self.problems = problems
        self._lines = text.splitlines()
        self._headers = [number for number, line in enumerate(self._lines, 1) if _HEADER.match(line)]
        self._source = source

    def rules(self, listed: Any, settings: Any) -> Rules:
        mode = settings.get("mode") if isinstance(settings, Mapping) else None
        if listed and mode not in MODES:
            self._tell(
                None,
                "mode",
                '[rules_settings] needs mode = "first" (only the first rule that hits counts) or mode = "all" (all that hit)',
            )
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            self._tell(None, "rules", "rules are written as tables: [[rules]], then name, when and then")
            listed = []
        rules = [self._rule(index, one) for index, one in enumerate(listed)]
        names = [rule.name for rule in rules]
        for index, name in enumerate(names):
            if name in names[:index]:
                self._tell(
                    index, "name", f"there are two rules with the name {name!r}; their hits could not be told apart"
                )
        return Rules("first" if mode == "first" else "all", tuple(rules))

    def _rule(self, index: int, given: Mapping[str, Any]) -> Rule:
        for key in given:
            if key not in _RULE_KEYS:
                self._tell(index, key, f"{key} is not a part of a rule{_near(key, _RULE_KEYS)}")
        name = given.get("name")
        if not isinstance(name, str) or not name.strip():
            self._tell(index, "name", "the rule needs a name: it appears in the story of each order that it hits")
        stop = given.get("stop", False)
        if not isinstance(stop, bool):
            self._tell(index, "stop", "stop wants true or false")
        when = self._values(index, "when", given.get("when"), CONDITIONS, "condition")
        then = self._values(index, "then", given.get("then"), ACTIONS, "action")
        rule = Rule(str(name).strip(), when, then, stop is True)
        if "split" in then and not has_line_condition(rule):
            lines = ", ".join(key for key, condition in CONDITIONS.items() if condition.scope == "line")
            self._tell(index, "split", f"split needs to know which lines: add one of {lines}")
        for key in ("service", "package"):
            if key in then and "carrier" not in then:
                self._tell(index, key, f"{key} needs its carrier beside it: ShipStation looks it up there")
        for key in ("carrier", "service", "package"):
            if key in then and "rate" in then:
                self._tell(index, key, f"{key} cannot stand beside rate, which chooses it; write {_WITHIN_RATE[key]}")
        return rule

    def _values(
        self, index: int, part: str, given: Any, known: Mapping[str, Condition] | Mapping[str, Action], word: str
    ) -> dict[str, Any]:
        if not isinstance(given, Mapping) or (not given and part == "then"):
            what = (
                'such as when = { any_tag = "vip" }; {} is always true'
                if part == "when"
                else "such as then = { tags = 1 }"
            )
            self._tell(index, part, f"the rule needs `{part}`, {what}")
            return {}
        read: dict[str, Any] = {}
        for key, value in given.items():
            if key not in known:
                self._tell(index, key, f"{key} is not a known {word}{_near(key, known)}")
                continue
            try:
                read[key] = known[key].read(value)
            except PartError as error:
                self._tell(index, error.part, f"{key} {error}")
            except ValueError as error:
                self._tell(index, key, f"{key} {error}")
        return read

    def _tell(self, index: int | None, key: str, sentence: str) -> None:
        ending = "" if sentence.endswith("?") else "."
        self.problems.append(f"{self._source}{self._line(index, key)}: {sentence}{ending}")

    def _line(self, index: int | None, key: str) -> str:
        """The line of the key within its rule, or of the rule's header."""
        if index is None or index >= len(self._headers):
            return _place("\n".join(self._lines), key)
        first = self._headers[index]
        last = self._headers[index + 1] - 1 if index + 1 < len(self._headers) else len(self._lines)
        named = (number for number in range(first, last + 1) if _names(key, self._lines[number - 1]))
        return f" line {next(named, first)}"


def _place(text: str, key: str) -> str:
    lines = enumerate(text.splitlines(), 1)
    number = next((number for number, line in lines if _names(key, line) or _heads(key, line)), None)
    return f" line {number}" if number else ""


def _names(key: str, line: str) -> bool:
    """Whether the key is set on this line, also within an inline table or as the table of its own."""
    code = line.partition("#")[0]
    return re.search(rf"(?:^|[\s{{,.\"']){re.escape(key)}[\"']?\s*=|\.{re.escape(key)}\s*\]", code) is not None


def _heads(key: str, line: str) -> bool:
    return re.match(rf"\s*\[+\s*{re.escape(key)}\s*[\].]", line) is not None


def _near(word: str, known: Any) -> str:
    found = get_close_matches(word, list(known), 1)
    return f"; did you mean {found[0]}?" if found else f". Known: {', '.join(known)}"
