"""What is doubtful about a ShipStation order that is about to be made, and whether the merchant wants it held for that.

A person may waive all of it. What ShipStation has already is never taken back for a doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

from mappings.addresses import is_non_roman
from mappings.causes import Cause
from mappings.orders import AS_WRITTEN
from mappings.plans import Profile
from mappings.shipstation_shapes import CustomsItem, Order


@dataclass(frozen=True)
class Doubt:
    """`detail` names keys and counts, never contents. `holds`: the order waits for a person."""

    cause: Cause
    detail: str
    holds: bool


def doubts(profile: Profile, document: Order) -> list[Doubt]:
    found = []
    if count := _weightless(document):
        found.append((Cause.MISSING_WEIGHT, f"{count} items without weight", profile.missing_weight))
    if is_non_roman(document.get("shipTo") or {}):
        found.append((Cause.NON_ROMAN_ADDRESS, "address in another script", profile.non_roman))
    elif AS_WRITTEN in (document.get("internalNotes") or ""):
        found.append((Cause.NON_ROMAN_ADDRESS, "address transliterated", "send"))
    if count := _undeclared(document):
        found.append((Cause.CUSTOMS_INCOMPLETE, f"{count} items not fit for customs", profile.incomplete_customs))
    return [Doubt(cause, f"{document['orderKey']}: {words}", policy == "hold") for cause, words, policy in found]


def _weightless(document: Order) -> int:
    return sum(1 for item in document.get("items") or [] if not item.get("adjustment") and not item.get("weight"))


def _undeclared(document: Order) -> int:
    """Customs items without tariff code, country of origin or description; goods that stay in the country need none."""
    international = document.get("internationalOptions") or {}
    return sum(not _is_declared(item) for item in international.get("customsItems") or [])


def _is_declared(item: CustomsItem) -> bool:
    return bool(item.get("harmonizedTariffCode") and item.get("countryOfOrigin") and item.get("description"))
