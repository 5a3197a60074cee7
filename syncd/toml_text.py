"""TOML as this program writes it: for a merchant's first settings, and for a daemon that shall meet the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

Path = tuple[str, ...]


def toml_text(values: Mapping[str, Any], notes: Mapping[Path, str] | None = None) -> str:
    """`values` as tomllib would read them: tables, and in them texts, numbers, true and false. `notes`: what stands beside a key,
    or in lines of its own above a table; () is the head of the file."""
    return "\n".join(_tables(values, (), notes or {}))


def _tables(values: Mapping[str, Any], path: Path, notes: Mapping[Path, str]) -> Iterator[str]:
    lines = [f"# {line}".rstrip() for line in notes.get(path, "").splitlines()]
    rows = [_line(key, one, notes.get((*path, key))) for key, one in values.items() if not isinstance(one, Mapping)]
    if path and (lines or rows):
        lines.append(f"[{'.'.join(map(_key, path))}]")
    if lines or rows:
        yield "\n".join([*lines, *rows, ""])
    for key, one in values.items():
        if isinstance(one, Mapping):
            yield from _tables(one, (*path, key), notes)


def _line(key: str, value: Any, note: str | None) -> str:
    line = f"{_key(key)} = {_value(value)}"
    return f"{line}  # {note}" if note else line


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else _value(key)


def _value(value: str | float | bool) -> str:
    """A text of JSON is one of TOML, except for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
