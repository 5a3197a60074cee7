"""Whether the codes and ids that rules write are those of the ShipStation account: a wrong one would be dropped there silently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from mappings.rates import ANY_PACKAGE, RateWish
from mappings.rules import Rule, Rules
from syncd.shipstation import reads
from syncd.shipstation.client import ShipStationClient


class Misfit(NamedTuple):
    rule: str
    text: str
    cure: str


class _Use(NamedTuple):
    """One carrier that a rule names, itself or where it chooses by rates, and what is named of it."""

    rule: str
    carrier: str
    service: str | None = None
    package: str | None = None


async def misfits(rules: Rules, client: ShipStationClient) -> list[Misfit]:
    """Asks only for what the rules use."""
    uses = [use for rule in rules.rules for use in _uses(rule)]
    carriers = set(await reads.carriers(client)) if uses else set()
    found = _missing("carrier", [(use.rule, use.carrier) for use in uses], carriers)
    for carrier in dict.fromkeys(use.carrier for use in uses if use.carrier in carriers):
        here = [use for use in uses if use.carrier == carrier]
        if services := [(use.rule, use.service) for use in here if use.service]:
            found += _missing("service", services, set(await reads.services(client, carrier)), carrier)
        if packages := [(use.rule, use.package) for use in here if use.package]:
            found += _missing("package", packages, set(await reads.packages(client, carrier)), carrier)
    if warehouses := _named(rules, "warehouse"):
        found += _missing("warehouse", warehouses, {one.warehouse_id for one in await reads.warehouses(client)})
    if tags := _named(rules, "tags"):
        found += _missing("tag", tags, set(await reads.tag_names(client)))
    return found


def _uses(rule: Rule) -> Iterator[_Use]:
    then = rule.then
    if "carrier" in then:
        yield _Use(rule.name, then["carrier"], then.get("service"), then.get("package"))
    if "rate" not in then:
        return
    wish: RateWish = then["rate"]
    for one in wish.among:
        carrier, _, service = one.partition("/")
        yield _Use(rule.name, carrier, service or None, None if wish.package == ANY_PACKAGE else wish.package)
    if wish.fallback:
        yield _Use(rule.name, *wish.fallback)


def _named(rules: Rules, action: str) -> list[tuple[str, Any]]:
    """(rule, id)"""
    return [(rule.name, value) for rule in rules.rules if action in rule.then for value in _values(rule.then[action])]


def _missing(word: str, named: Iterable[tuple[str, Any]], there: set[Any], carrier: str = "") -> list[Misfit]:
    where = f" of {carrier}" if carrier else ""
    return [
        Misfit(rule, f"there is no {word} {value}{where}", _cure(word, there))
        for rule, value in dict.fromkeys(named)
        if value not in there
    ]


def _values(value: Any) -> Iterable[Any]:
    return value if isinstance(value, tuple) else (value,)


def _cure(word: str, there: set[Any]) -> str:
    known = ", ".join(map(str, sorted(there)))
    return f"Use one of {known}." if known else f"The account has no {word} yet: make one in ShipStation."
