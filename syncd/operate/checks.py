"""One line of `syncd doctor`: what was checked, how it stands, and the cure."""

from __future__ import annotations

Check = dict[str, str]
Finding = list[Check]


def ok(name: str, text: str) -> Check:
    return {"check": name, "result": "ok", "text": text, "cure": ""}


def fault(name: str, text: str, cure: str) -> Check:
    return {"check": name, "result": "fault", "text": text, "cure": cure}


def note(name: str, text: str, cure: str = "") -> Check:
    return {"check": name, "result": "note", "text": text, "cure": cure}
