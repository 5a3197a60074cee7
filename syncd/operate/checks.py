"""One line of `syncd doctor`: what was checked, how it stands, and the cure."""

from __future__ import annotations

from collections.abc import Sequence

from mappings.access import access_cause
from mappings.causes import MEANINGS
from syncd.errors import AccessError, SyncError

Check = dict[str, str]
Finding = list[Check]


def ok(name: str, text: str) -> Check:
    return {"check": name, "result": "ok", "text": text, "cure": ""}


def fault(name: str, text: str, cure: str) -> Check:
    return {"check": name, "result": "fault", "text": text, "cure": cure}


def note(name: str, text: str, cure: str = "") -> Check:
    return {"check": name, "result": "note", "text": text, "cure": cure}


def trouble(name: str, error: SyncError) -> Check:
    """Of what one side answered instead."""
    if isinstance(error, AccessError):
        meaning = MEANINGS[access_cause(error.account, error.code)]
        return fault(f"{name} login", f"{meaning.sentence} ({error.code}: {error.text})", meaning.next_step)
    return fault(name, f"{error.code}: {error.text}", "Check the network and the address, then run doctor again.")


def webhooks(name: str, missing: Sequence[str], wanted: int) -> Check:
    if missing:
        return note(
            name,
            f"{len(missing)} of {wanted} are not subscribed yet: {', '.join(missing)}",
            "The daemon subscribes them when it starts, and every five minutes.",
        )
    return ok(name, f"{wanted} subscribed")
