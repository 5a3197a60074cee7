"""How the catalogue of one store stood at the last look, for the status page and the metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

KINDS = ("agreeing", "differing", "edited", "missing", "doubled", "weightless")


def catalog_facts(looked_at: datetime, report: str) -> dict[str, Any]:
    """`differing` are those that the daemon had still to write when it looked, or only reports."""
    found: Any = json.loads(report)
    counts = {kind: found.get("agreeing" if kind == "agreeing" else f"{kind}_count", 0) for kind in KINDS}
    return {"looked_at": looked_at.isoformat(), **counts, "unread": found["unread"]}


def catalog_line(store: str, facts: Mapping[str, Any]) -> str:
    if facts["unread"]:
        return f"catalogue of {store}: cannot be read: {facts['unread']}"
    line = f"catalogue of {store}: {facts['agreeing']} products agree, {facts['differing']} differ"
    return line + "".join(f", {facts[kind]} {kind}" for kind in KINDS[2:] if facts[kind])
