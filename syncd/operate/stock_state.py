"""How the stock of one store stands: what a person allowed, and what the last look showed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from syncd.store.stock import Control

WAITS = {
    "release": "Nothing is written yet. Are the numbers right? Then run `syncd stock push {store}` once.",
    "thaw": "Frozen: nothing is written until `syncd stock thaw {store}`.",
    "push": "So many would stop being sold that a person is asked first: run `syncd stock push {store}` if that is right.",
}
"""What a person must do before anything is written."""


def control_facts(control: Control | None, now: datetime) -> dict[str, Any]:
    control = control or Control()
    return {
        "released_at": control.released_at.isoformat() if control.released_at else None,
        "is_frozen": control.is_frozen(now),
        "frozen_until": control.frozen_until.isoformat() if control.frozen_until else None,
        "looked_at": control.looked_at.isoformat() if control.looked_at else None,
    }


def stock_facts(control: Control, now: datetime) -> dict[str, Any]:
    """Counts of all shelves together. `differing` are those that the last look left as they were."""
    report: Any = json.loads(control.report) if control.report else {"shelves": [], "unread": ""}
    shelves = report["shelves"]
    return {
        **control_facts(control, now),
        "agreeing": sum(one["agreeing"] + one["written"] for one in shelves),
        "differing": sum(one["differing"] - one["written"] for one in shelves),
        "unknown": sum(one["unknown_count"] for one in shelves),
        "doubled": sum(one["doubled_count"] for one in shelves),
        "waits_for": sorted({one["waits_for"] for one in shelves} - {""}),
        "unread": report["unread"],
    }


def stock_line(store: str, facts: Mapping[str, Any]) -> str:
    if facts["unread"]:
        return f"stock of {store}: cannot be read: {facts['unread']}"
    line = f"stock of {store}: {facts['agreeing']} SKUs agree, {facts['differing']} differ"
    line += "".join(f", {facts[kind]} {kind}" for kind in ("unknown", "doubled") if facts[kind])
    return "".join([line, *(f"\n  -> {WAITS[kind].format(store=store)}" for kind in facts["waits_for"])])
