"""Whether an answer about a ShipStation order shows all that lies in it. An update replaces the whole order, so that what an answer
left out would be erased there; and of an order that left before we knew it, the answer is all that we know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mappings.carry_over import CHANGEABLE, DESTINATION, is_silent_on_groups
from mappings.packed import units_of
from mappings.plans import Package
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


def has_left(order: Order) -> bool:
    return order.get("orderStatus") == "shipped"


def is_short_of_packed(order: Order, packages: Sequence[Package]) -> bool:
    """Whether it shows less than its own packages hold. Of one that has left a row of the answer is missing then: nobody takes
    goods out of it."""
    own = [Counter(one.lines or {}) for one in packages if not one.voided and one.order_key == order.get("orderKey")]
    return bool(sum(own, Counter[int]()) - units_of(order))


def shows_destination(observed: Order) -> bool:
    """ShipStation shows each part of an address, empty ones too: where one is missing, the answer is not whole."""
    return (observed.get("shipTo") or {}).keys() >= DESTINATION


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
