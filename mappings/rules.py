"""The merchant's rules: what they make of an order, and of each consignment of it. Pure, deterministic, the same for every shop.

Rules are asked twice: about the whole order (exclude, hold, split), then about each consignment by what is in it (the rest).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from mappings.pacific import from_shopify
from mappings.rule_actions import ACTIONS, ADDED_UP
from mappings.rule_conditions import CONDITIONS, Facts
from mappings.shopify_shapes import LineItem, OrderToShip, number_of


@dataclass(frozen=True)
class Rule:
    """`when` and `then` by the names of `CONDITIONS` and `ACTIONS`, their values as those tables read them."""

    name: str
    when: Mapping[str, Any]
    then: Mapping[str, Any]
    stop: bool = False


@dataclass(frozen=True)
class Rules:
    """`mode`: whether the first rule that hits is the only one, or all that hit count."""

    mode: Literal["first", "all"] = "all"
    rules: tuple[Rule, ...] = ()

    @property
    def conditions(self) -> frozenset[str]:
        return frozenset(name for rule in self.rules for name in rule.when)

    @property
    def wants_rates(self) -> bool:
        return any("rate" in rule.then for rule in self.rules)

    @property
    def metafields(self) -> tuple[str, ...]:
        """`namespace.key` of all that rules ask for."""
        asked = [name.partition("=")[0] for rule in self.rules for name in rule.when.get("metafield", ())]
        return tuple(dict.fromkeys(asked))


@dataclass(frozen=True)
class Verdict:
    """What the rules say of one subject. `hits`: the names of the rules that did something, in their order."""

    hits: tuple[str, ...] = ()
    then: Mapping[str, Any] = field(default_factory=dict)
    by: Mapping[str, str] = field(default_factory=dict)
    """Action -> the name of the (first) rule that decided it."""


NOTHING = Verdict()


def order_verdict(rules: Rules, order: OrderToShip) -> Verdict:
    """exclude, hold and split; which lines a split takes says `split_groups`."""
    return _judged(rules, whole_order(order), "order")


def split_groups(rules: Rules, order: OrderToShip) -> dict[int, str]:
    """Line item id -> the name of its part. Lines that no rule splits off are left out; the first rule decides."""
    facts = whole_order(order)
    groups: dict[int, str] = {}
    for rule in _hitting(rules, facts):
        if "split" in rule.then:
            lines = [line for line, _ in facts.lines if _line_fits(rule, line)]
            groups = {number_of(line["id"]): rule.then["split"] for line in lines} | groups
    return groups


def consignment_verdict(rules: Rules, order: OrderToShip, units: Counter[int]) -> Verdict:
    """Everything else, by the lines and units of one consignment."""
    return _judged(rules, part_facts(order, units), "consignment")


def part_facts(order: OrderToShip, units: Counter[int]) -> Facts:
    """`units`: line item id -> units of one consignment."""
    lines = [(line, units[number_of(line["id"])]) for line in order["lineItems"]["nodes"]]
    return Facts(order, [(line, count) for line, count in lines if count > 0])


def held_until(order: OrderToShip, verdict: Verdict) -> datetime | None:
    """When a hold by rule ends by itself; None when a person must end it."""
    days = verdict.then.get("hold")
    return None if days is True or days is None else from_shopify(order["processedAt"]) + timedelta(days=float(days))


def whole_order(order: OrderToShip) -> Facts:
    """All that is to be shipped or was, without refunded and removed units."""
    lines = order["lineItems"]["nodes"]
    wanted = [(line, line["currentQuantity"]) for line in lines if line["requiresShipping"]]
    return Facts(order, [(line, count) for line, count in wanted if count > 0])


def failed_condition(rule: Rule, facts: Facts) -> str | None:
    """The first condition that does not hold, in the rule's own order; None when the rule hits."""
    lines = [line for line, _ in facts.lines]
    for name, value in rule.when.items():
        condition = CONDITIONS[name]
        if condition.scope == "line":
            lines = [line for line in lines if condition.holds(value, line)]
            if not lines:
                return name
        elif not condition.holds(value, facts):
            return name
    return None


def reasons(rules: Rules, facts: Facts) -> list[tuple[str, str]]:
    """(name, what became of it) of every rule, in words."""
    told: list[tuple[str, str]] = []
    ended_by = ""
    for rule in rules.rules:
        failed = failed_condition(rule, facts)
        if ended_by:
            told.append((rule.name, f"not asked, {ended_by} was the last"))
        else:
            told.append((rule.name, f"no, {failed} does not hold" if failed else "hit"))
            ended_by = rule.name if failed is None and (rule.stop or rules.mode == "first") else ""
    return told


def has_line_condition(rule: Rule) -> bool:
    return any(CONDITIONS[name].scope == "line" for name in rule.when)


def _line_fits(rule: Rule, line: LineItem) -> bool:
    wanted = [(CONDITIONS[name], value) for name, value in rule.when.items()]
    return all(condition.holds(value, line) for condition, value in wanted if condition.scope == "line")


def _hitting(rules: Rules, facts: Facts) -> list[Rule]:
    hits: list[Rule] = []
    for rule in rules.rules:
        if failed_condition(rule, facts) is None:
            hits.append(rule)
            if rule.stop or rules.mode == "first":
                break
    return hits


def _judged(rules: Rules, facts: Facts, about: Literal["order", "consignment"]) -> Verdict:
    names: list[str] = []
    then: dict[str, Any] = {}
    by: dict[str, str] = {}
    for rule in _hitting(rules, facts):
        actions = [(name, value) for name, value in rule.then.items() if ACTIONS[name].about == about]
        for name, value in actions:
            if name in ADDED_UP:
                then[name] = (*then.get(name, ()), *(value if isinstance(value, tuple) else (value,)))
            elif not _clashes(name, rule, then):
                then.setdefault(name, value)
            by.setdefault(name, rule.name)
        names += [rule.name] if actions else []
    return Verdict(tuple(names), then, by)


_OF_A_CARRIER = frozenset({"carrier", "service", "package"})


def _clashes(name: str, rule: Rule, then: Mapping[str, Any]) -> bool:
    """A service of one carrier is never joined to another one that an earlier rule chose, nor to one that rates shall choose."""
    if name == "rate":
        return "carrier" in then
    return name in _OF_A_CARRIER and (
        "rate" in then or then.get("carrier", rule.then["carrier"]) != rule.then["carrier"]
    )
