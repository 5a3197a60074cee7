"""What was written of the stock of one SKU, when, and what came of it: from the journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syncd.operate.desk import Desk
from syncd.store.journal import history
from syncd.store.schema import JournalEntry
from syncd.wiring import shelves

SIDES = {"set_levels": "shopify", "change_stock": "shipstation"}
"""Which side each step writes to."""


async def stock_history(desk: Desk, sku: str) -> list[dict[str, Any]]:
    """Oldest first, of all shelves, as far back as the journal is kept."""
    found: list[dict[str, Any]] = []
    for shelf in shelves(desk.settings):
        found += _of_sku(sku, await desk.db.run(history(shelf.store, shelf.location_id)))
    return sorted(found, key=lambda one: str(one["at"]))


def _of_sku(sku: str, entries: Iterable[JournalEntry]) -> list[dict[str, Any]]:
    found = []
    for entry in entries:
        side = SIDES.get(entry.step)
        change = json.loads(entry.facts or "{}").get("changes", {}).get(sku) if side else None
        if change:
            found.append(
                {
                    "at": entry.opened_at.isoformat(),
                    "store": entry.store,
                    "location": entry.order_id,
                    "written_to": side,
                    "name": entry.key if side == "shopify" else "on_hand",
                    "before": change[0],
                    "wanted": change[1],
                    "outcome": entry.outcome,
                    "reason": entry.text or entry.code or "",
                }
            )
    return found


def history_text(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return "Nothing was written. `syncd stock diff` compares both sides now."
    return "\n".join(
        f"{one['at'][:19]}  {one['store']}, location {one['location']}: {one['name']} in {one['written_to']}"
        f" {one['before']} -> {one['wanted']}, {one['outcome']}" + (f" ({one['reason']})" if one["reason"] else "")
        for one in found
    )
