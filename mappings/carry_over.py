"""Our document and what ShipStation shows now -> the one to send: an update replaces the whole order, so nothing may be left out.

What Shopify did not change keeps the warehouse's hand in it; what Shopify changed is Shopify's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from mappings.canonical import differing_fields, same
from mappings.keys import line_of
from mappings.orders import OWNED_ADVANCED, OWNED_FIELDS, OWNED_INTERNATIONAL
from mappings.packed import units_of
from mappings.ruled_fields import RULED_FIELDS, changed_by_rules, ruled_advanced, ruled_value
from mappings.scripts import is_foreign_text
from mappings.shipstation_shapes import Order, OrderItem
from mappings.weights import same_weight

READ_ONLY = frozenset(
    {
        "addressVerified",
        "createDate",
        "customerId",
        "externallyFulfilled",
        "externallyFulfilledBy",
        "externallyFulfilledById",
        "externallyFulfilledByName",
        "labelMessages",
        "mergedIds",
        "mergedOrSplit",
        "modifyDate",
        "orderItemId",
        "orderTotal",
        "parentId",
        "userId",
        "WeightUnits",
        "weightUnits",
    }
)
"""Members of answers that must not be sent back, at whatever depth."""

DESTINATION = frozenset({"street1", "city", "postalCode", "country"})
"""What of an address tells one destination from another."""
CHANGEABLE = frozenset({"awaiting_payment", "awaiting_shipment", "on_hold"})
"""Statuses in which ShipStation accepts changes for certain. Others than these, shipped and cancelled mean that a
fulfillment provider has the order: not ours to touch."""

_PARTLY_OWNED: dict[str, tuple[str, ...]] = {
    "advancedOptions": OWNED_ADVANCED,
    "internationalOptions": OWNED_INTERNATIONAL,
}


def changed_fields(wanted: Order, applied: Order) -> tuple[str, ...]:
    """Names of our fields that Shopify changed since ShipStation last accepted them. Of the status only our hold is ours."""
    status = ("orderStatus",) if is_on_hold(wanted) != is_on_hold(applied) else ()
    owned = differing_fields(_owned(wanted), _owned(applied), OWNED_FIELDS)
    return (*status, *sorted({*owned, *changed_by_rules(wanted, applied)}))


def updated_order(observed: Order, wanted: Order, applied: Order, fields: Iterable[str]) -> Order:
    """`fields` as wanted, the rest as observed, a hold of the warehouse too. Names the order by id and key."""
    sent: dict[str, Any] = {**wanted, **_writable(observed)}
    for field in fields:
        sent[field] = _field(field, observed, wanted, applied)
    return cast(Order, sent | {"orderKey": wanted["orderKey"]})


def changed_meanwhile(shown: Order | None, seen: Order | None) -> str:
    """What forbids to write a change that was decided by what was `seen`; "" where all that can be written is as it was. What
    ShipStation leaves out tells nothing."""
    if (problem := regrouping(shown)) or shown is None or seen is None:
        return problem
    now, before = _writable(shown), _writable(seen)
    is_as_it_was = all(same(now[name], before[name]) for name in now.keys() & before.keys())
    return "" if is_as_it_was else "somebody edited it there meanwhile"


def regrouping(shown: Order | None) -> str:
    """The same of what is to be changed whatever else it shows; "" for what lies there as one."""
    if shown is None:
        return "it cannot be found"
    return "it was split or merged meanwhile" if is_regrouped(shown) else ""


def cancelled_as_observed(observed: Order, order_key: str) -> Order:
    return cast(Order, _writable(observed) | {"orderKey": order_key, "orderStatus": "cancelled"})


def is_on_hold(document: Order | None) -> bool:
    return document is not None and document.get("orderStatus") == "on_hold"


def is_regrouped(observed: Order, *ours: Order | None) -> bool:
    """The warehouse split or merged it: a write, even a cancellation, would double or lose goods of this or another order.

    Where nobody tells, as V2 does not, goods of several sales do, and other units than in each of `ours` have to be taken for it.
    """
    if is_silent_on_groups(observed):
        return _holds_several_sales(observed) or (
            any(ours) and all(has_other_units(observed, one) for one in ours if one)
        )
    advanced = observed.get("advancedOptions") or {}
    return bool(advanced.get("mergedOrSplit") or advanced.get("mergedIds") or advanced.get("parentId"))


def _holds_several_sales(observed: Order) -> bool:
    lines = [line_of(item.get("lineItemKey")) for item in observed.get("items") or []]
    return len({line[0] for line in lines if line}) > 1


def is_silent_on_groups(observed: Order) -> bool:
    return (observed.get("advancedOptions") or {}).get("mergedOrSplit", False) is None


def has_other_units(observed: Order, applied: Order) -> bool:
    """The warehouse took units out or put some in; where they are now is not ours to guess."""
    return units_of(observed) != units_of(applied)


def same_destination(a: Order, b: Order) -> bool:
    """Spelling does not matter: a later clean-up of ours must not look like a customer who moved. Nor does the script: then
    postal code and country must do."""
    return all(
        _letters(a, part) == _letters(b, part) or is_foreign_text(_part(a, part)) != is_foreign_text(_part(b, part))
        for part in DESTINATION
    )


def _part(document: Order, part: str) -> str:
    return cast(Mapping[str, Any], document.get("shipTo") or {}).get(part) or ""


def _letters(document: Order, part: str) -> str:
    return "".join(char for char in _part(document, part).casefold() if char.isalnum())


def _owned(document: Order) -> dict[str, Any]:
    whole = cast(dict[str, Any], document)
    parts = {field: _picked(whole.get(field), names) for field, names in _PARTLY_OWNED.items()}
    return {**whole, **parts}


def _picked(value: Mapping[str, Any] | None, names: Iterable[str]) -> dict[str, Any]:
    return {name: (value or {}).get(name) for name in names}


def _field(field: str, observed: Order, wanted: Order, applied: Order) -> Any:
    ours, theirs = cast(dict[str, Any], wanted).get(field), cast(dict[str, Any], observed).get(field)
    if field in RULED_FIELDS:
        return ruled_value(field, wanted, applied, observed)
    if field in _PARTLY_OWNED:
        merged: dict[str, Any] = _writable(theirs or {}) | _picked(ours, _PARTLY_OWNED[field])
        return merged | ruled_advanced(wanted, applied, observed) if field == "advancedOptions" else merged
    if field == "items":
        return _items(wanted["items"], observed.get("items") or [])
    if field == "weight" and not same_weight(observed.get("weight"), applied.get("weight")):
        return _writable(theirs)  # somebody put it on the scales
    return ours


def _items(wanted: list[OrderItem], observed: list[OrderItem]) -> list[dict[str, Any]]:
    """Ours, with what the warehouse added to them, and the items that only the warehouse knows (samples, inserts)."""
    theirs = {item.get("lineItemKey"): _writable(item) for item in observed}
    ours = [{**theirs.get(item["lineItemKey"], {}), **item} for item in wanted]
    extra = [_writable(item) for item in observed if not _is_ours(item)]
    return ours + extra


def _is_ours(item: OrderItem) -> bool:
    key = item.get("lineItemKey")
    return line_of(key) is not None or (key or "").endswith(":adjustment")


def _writable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _writable(item) for key, item in value.items() if key not in READ_ONLY}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value


CONTESTED = frozenset(
    "advancedOptions amountPaid billTo customerEmail customerNotes gift giftMessage internalNotes requestedShippingService"
    " shipTo shippingAmount taxAmount".split()
)
"""Fields in which the warehouse's hand is a statement about the same fact as Shopify's. Not so weights, where the scales win,
and customs items, which ShipStation rewrites by itself (its international settings); units have a rule of their own."""


def contested_fields(observed: Order, wanted: Order, applied: Order, fields: Iterable[str]) -> tuple[str, ...]:
    """Those of `fields`, which Shopify changed, that the warehouse changed too, and not to the same."""
    ours = [field for field in fields if field in CONTESTED]
    return edited_there(observed, wanted, edited_there(observed, applied, ours))


def edited_there(observed: Order, applied: Order, fields: Iterable[str]) -> tuple[str, ...]:
    """Those of `fields` that show something else than we wrote. What rules set is no edit: there the warehouse has the last word.
    Nor is what an API does not show at all: V2 knows no billing address."""
    changed = (field for field in fields if field not in RULED_FIELDS and field in observed)
    return tuple(field for field in changed if not _alike(_get(observed, field), _ours(applied, field)))


def _ours(document: Order, field: str) -> Any:
    """Of the advanced options only what is Shopify's: of what rules set, the warehouse has the last word without a conflict."""
    value = _get(document, field)
    return _picked(value, ("customField1", "source")) if field == "advancedOptions" else value


def _get(document: Order, field: str) -> Any:
    return cast(dict[str, Any], document).get(field)


def _alike(theirs: Any, ours: Any) -> bool:
    """As far as that can be told: the vendor adds members, turns null into blanks and may correct spelling."""
    if isinstance(ours, Mapping):
        shown = theirs or {}
        return all(_alike(shown.get(key), item) for key, item in ours.items() if not shown or key in shown)
    if isinstance(ours, str) or isinstance(theirs, str):
        return str(theirs or "").strip().casefold() == str(ours or "").strip().casefold()
    return not ours or isinstance(ours, list) or same(theirs, ours)
