"""Whether the codes and ids that rules write are those of the ShipStation account: a wrong one would be dropped there silently."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from mappings.rules import Rules
from syncd.shipstation import reads
from syncd.shipstation.client import ShipStationClient


class Misfit(NamedTuple):
    rule: str
    text: str
    cure: str


async def misfits(rules: Rules, client: ShipStationClient) -> list[Misfit]:
    """Asks only for what the rules use."""
    carriers = _used(rules, "carrier")
    found = _missing(rules, "carrier", set(await reads.carriers(client)) if carriers else set())
    unknown = {one.text for one in found}
    for carrier in carriers:
        if f"there is no carrier {carrier}" in unknown:
            continue
        found += _missing(rules, "service", set(await reads.services(client, carrier)), carrier)
        if any("package" in rule.then and rule.then["carrier"] == carrier for rule in rules.rules):
            found += _missing(rules, "package", set(await reads.packages(client, carrier)), carrier)
    if _used(rules, "warehouse"):
        found += _missing(rules, "warehouse", {one.warehouse_id for one in await reads.warehouses(client)})
    if _used(rules, "tags"):
        found += _missing(rules, "tags", set(await reads.tag_names(client)))
    return found


def _used(rules: Rules, action: str) -> list[Any]:
    return list(dict.fromkeys(rule.then[action] for rule in rules.rules if action in rule.then))


def _missing(rules: Rules, action: str, there: set[Any], carrier: str | None = None) -> list[Misfit]:
    word = {"tags": "tag"}.get(action, action)
    where = f" of {carrier}" if carrier else ""
    return [
        Misfit(rule.name, f"there is no {word} {value}{where}", _cure(word, there))
        for rule in rules.rules
        if action in rule.then and carrier in (None, rule.then.get("carrier"))
        for value in _values(rule.then[action])
        if value not in there
    ]


def _values(value: Any) -> Iterable[Any]:
    return value if isinstance(value, tuple) else (value,)


def _cure(word: str, there: set[Any]) -> str:
    known = ", ".join(map(str, sorted(there)))
    return f"Use one of {known}." if known else f"The account has no {word} yet: make one in ShipStation."
