"""What rules say of a consignment -> fields of its ShipStation order, and whose word stands where the warehouse has a hand in them.

Rules propose: their values are written at creation and follow a change of the rules or of the order, until the warehouse
sets a field itself. From then on that field is the warehouse's.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from mappings.canonical import same
from mappings.rules import Verdict
from mappings.shipstation_shapes import Order

RULED_FIELDS = ("carrierCode", "serviceCode", "packageCode", "confirmation", "insuranceOptions", "tagIds")
RULED_ADVANCED = ("customField2", "customField3")
"""Within `advancedOptions`. Custom field 1, the warehouse id and the internal notes are ours anyway."""

_PLAIN = {"carrier": "carrierCode", "service": "serviceCode", "package": "packageCode", "confirmation": "confirmation"}
_ADVANCED = {
    "warehouse": "warehouseId",
    "custom_field1": "customField1",
    "custom_field2": "customField2",
    "custom_field3": "customField3",
}


CHOSEN_FIELDS = ("carrierCode", "serviceCode", "packageCode")
"""Of them what rates decide."""


def with_rules(document: Order, verdict: Verdict) -> Order:
    """The document as Shopify alone would have it, with what the rules add."""
    then = verdict.then
    added: dict[str, Any] = {field: then[action] for action, field in _PLAIN.items() if action in then}
    advanced = {field: then[action] for action, field in _ADVANCED.items() if action in then}
    if "insurance" in then:
        added["insuranceOptions"] = _insurance(then["insurance"], document)
    if "tags" in then:
        added["tagIds"] = sorted(set(then["tags"]))
    if "note" in then:
        notes = [document.get("internalNotes"), *then["note"]]
        added["internalNotes"] = "\n".join(note for note in notes if note)
    if advanced:
        added["advancedOptions"] = {**document["advancedOptions"], **advanced}
    return cast(Order, {**document, **added})


def _insurance(provider: str, document: Order) -> dict[str, Any]:
    if provider == "none":
        return {"provider": None, "insureShipment": False, "insuredValue": Decimal(0)}
    goods = sum(
        (item["unitPrice"] * item["quantity"] for item in document["items"] if not item.get("adjustment")), Decimal(0)
    )
    return {"provider": provider, "insureShipment": True, "insuredValue": goods}


def changed_by_rules(wanted: Order, applied: Order) -> tuple[str, ...]:
    """Names of the ruled fields of which the rules now say something else than ShipStation last accepted from us."""
    is_copy = "orderId" in applied
    changed = [name for name in RULED_FIELDS if _differs(wanted, applied, name, is_copy)]
    advanced = wanted.get("advancedOptions") or {}, applied.get("advancedOptions") or {}
    if any(_differs(*advanced, name, is_copy) for name in RULED_ADVANCED):
        changed.append("advancedOptions")
    return tuple(changed)


def _differs(wanted: Mapping[str, Any], applied: Mapping[str, Any], name: str, is_copy: bool) -> bool:
    """Where `applied` is a copy of what ShipStation showed, a value on which no rule speaks may be the warehouse's: it stays."""
    if is_copy and name not in wanted:
        return False
    if name == "tagIds" and is_copy:
        return not set(wanted[name]) <= set(applied.get(name) or ())
    return not _alike(wanted.get(name), applied.get(name))


def ruled_value(name: str, wanted: Order, applied: Order, observed: Order) -> Any:
    """What to send for one ruled field: the rules' word while nobody changed it in ShipStation, otherwise what is there."""
    mine, before, theirs = (cast(Mapping[str, Any], one).get(name) for one in (wanted, applied, observed))
    if name == "tagIds":
        old, new = set(before or ()), set(mine or ())
        dropped = set() if "orderId" in applied else old - new
        return sorted((set(theirs or ()) - dropped) | (new - old))
    return mine if _alike(theirs, before) else theirs


def ruled_advanced(wanted: Order, applied: Order, observed: Order) -> dict[str, Any]:
    """The ruled members of `advancedOptions`, and the warehouse id, which somebody there may have changed as well."""
    mine, before, theirs = (one.get("advancedOptions") or {} for one in (wanted, applied, observed))
    is_copy = "orderId" in applied
    return {name: _advanced(name, mine, before, theirs, is_copy) for name in ("warehouseId", *RULED_ADVANCED)}


def _advanced(
    name: str, mine: Mapping[str, Any], before: Mapping[str, Any], theirs: Mapping[str, Any], is_copy: bool
) -> Any:
    is_silent = is_copy and mine.get(name) is None
    return theirs.get(name) if is_silent or not _alike(theirs.get(name), before.get(name)) else mine.get(name)


def _alike(theirs: Any, ours: Any) -> bool:
    """The vendor fills in what nobody set: no confirmation is `none`, no insurance is an object that says so."""
    return same(_plain(theirs), _plain(ours))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        is_insured = value.get("insureShipment")
        return [value.get("provider"), value.get("insuredValue")] if is_insured else None
    if isinstance(value, list | tuple):
        return sorted(value) or None
    return None if value in ("", "none") else value
