"""Whether an answer about a ShipStation order shows all that lies in it. An update replaces the whole order, so that what an answer
left out would be erased there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.carry_over import CHANGEABLE, is_silent_on_groups
from mappings.shipstation_shapes import Order

TELL_OF_GROUPS = frozenset({"mergedOrSplit", "parentId"})
"""Members of the advanced options without which one that was split or merged would pass for whole."""


def may_be_short(observed: Order | None, applied: Order | None) -> bool:
    """An open order shows a row or a member less than we wrote: a person may have taken it out, or the answer left it out. Which of
    them, a second look tells."""
    if observed is None or applied is None or observed.get("orderStatus") not in CHANGEABLE:
        return False
    if _items(applied).keys() - _items(observed).keys():
        return True
    # what an API without these members leaves out of every answer is no news
    return not is_silent_on_groups(observed) and (
        not (observed.get("advancedOptions") or {}).keys() >= TELL_OF_GROUPS or _lacks(observed, applied)
    )


def _lacks(shown: Any, ours: Mapping[str, Any]) -> bool:
    if not isinstance(shown, Mapping):
        return any(value is not None for value in ours.values())
    rows = _items(shown)
    return (
        any(value is not None and name not in shown for name, value in ours.items())
        or any(_lacks(shown.get(name), value) for name, value in ours.items() if isinstance(value, Mapping))
        or any(_lacks(rows.get(key), item) for key, item in _items(ours).items())
    )


def _items(document: Mapping[str, Any]) -> dict[Any, Mapping[str, Any]]:
    return {item.get("lineItemKey"): item for item in document.get("items") or []}
