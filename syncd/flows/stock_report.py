"""What one look at the stock showed and did, as JSON for status, `syncd stock diff` and whoever asks later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mappings.stock import ShelfPlan, ShelfRef
from syncd.errors import SyncError
from syncd.flows.stock_writes import Written

MOST_LISTED = 200
"""Of each kind; the counts are of all."""


def report_of(
    plans: Sequence[ShelfPlan], unread: Mapping[str, SyncError], done: Mapping[ShelfRef, Written]
) -> list[tuple[str, str]]:
    """(store, JSON) for each store that was to be looked at."""
    stores: dict[str, dict[str, Any]] = {
        store: {"shelves": [], "unread": str(error)} for store, error in unread.items()
    }
    for plan in plans:
        store = stores.setdefault(plan.sight.shelf.store, {"shelves": [], "unread": ""})
        store["shelves"].append(shelf_report(plan, done.get(plan.sight.shelf.ref, Written())))
    return [(store, json.dumps(report, ensure_ascii=False)) for store, report in sorted(stores.items())]


def shelf_report(plan: ShelfPlan, written: Written) -> dict[str, Any]:
    shelf = plan.sight.shelf
    return {
        "location": shelf.location_id,
        "place": shelf.place,
        "owner": shelf.owner,
        "writes": "on_hand" if shelf.owner == "shopify" else shelf.quantity,
        "agreeing": plan.agreeing,
        "differing": len(plan.differences),
        "differences": [
            {
                "sku": one.level.sku,
                "before": one.before,
                "wanted": one.wanted,
                "shopify": {
                    "on_hand": one.level.on_hand,
                    "committed": one.level.committed,
                    "available": one.level.available,
                },
                "shipstation": {"on_hand": one.lying.on_hand, "available": one.lying.available},
            }
            for one in plan.differences[:MOST_LISTED]
        ],
        **_listed("unknown", plan.unknown),
        **_listed("unlisted", plan.unlisted),
        **_listed("doubled", plan.doubled),
        "unnamed": plan.unnamed,
        "untracked": plan.untracked,
        "written": written.count,
        "moved": written.moved,
        "refused": written.refused[:MOST_LISTED],
        "waits_for": written.waits_for,
        "stopped_by": written.stopped_by,
    }


def _listed(name: str, skus: Sequence[str]) -> dict[str, Any]:
    return {f"{name}_count": len(skus), name: list(skus[:MOST_LISTED])}
