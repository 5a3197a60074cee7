"""Rules tried on real orders: which fire and why, and what another set of rules would have done. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mappings.rates import RateWish
from mappings.rules import (
    Rules,
    Verdict,
    consignment_verdict,
    order_verdict,
    part_facts,
    reasons,
    split_groups,
    whole_order,
)
from mappings.rules_file import RulesError
from mappings.shopify_shapes import OrderToShip, number_of
from syncd.errors import SettingsError
from syncd.hints import order_subject
from syncd.operate.desk import Desk, find_order
from syncd.settings.reading import read_rules
from syncd.shopify.reads import Unreadable, orders_to_ship
from syncd.store.orders import newest_orders
from syncd.store.statements import OrderRef

CURRENT = "current"
"""Stands for the rules of the settings where a file of rules may be named."""

Trial = dict[str, Any]


def rules_from(desk: Desk, source: str) -> Rules:
    """Raises `SettingsError` with every problem of the file."""
    if source == CURRENT:
        return desk.settings.rules
    try:
        return read_rules(Path(source))
    except RulesError as error:
        raise SettingsError(error.problems) from error


async def try_rules(desk: Desk, source: str, texts: Sequence[str]) -> list[Trial]:
    """One trial for each order, in their sequence."""
    rules = rules_from(desk, source)
    refs = [await find_order(desk, text) for text in texts]
    found = await _read(desk, refs, rules)
    return [_trial(rules, ref, found[ref]) for ref in refs]


async def compare_rules(desk: Desk, old: str, new: str, texts: Sequence[str], last: int) -> dict[str, Any]:
    """What differs for these orders, or for the `last` newest that we know."""
    before, after = rules_from(desk, old), rules_from(desk, new)
    refs = [await find_order(desk, text) for text in texts] or list(await desk.db.run(newest_orders(last)))
    known = [ref for ref in refs if ref[0] in desk.vendors.shops]
    found = await _read(desk, known, Rules(rules=before.rules + after.rules))
    trials = [(_trial(before, ref, found[ref]), _trial(after, ref, found[ref])) for ref in known]
    told = [
        {"ref": one["ref"], "order": one["order"], "old": one["result"], "new": other["result"]}
        for one, other in trials
        if one["result"] != other["result"]
    ]
    unreadable = [one["ref"] for one, _ in trials if one["unreadable"]]
    return {"looked_at": len(trials) - len(unreadable), "unreadable": unreadable, "different": told}


async def _read(desk: Desk, refs: Sequence[OrderRef], rules: Rules) -> dict[OrderRef, OrderToShip | Unreadable | None]:
    """With all that these rules look at."""
    found: dict[OrderRef, OrderToShip | Unreadable | None] = {}
    for store in dict.fromkeys(store for store, _ in refs):
        ids = [order_id for name, order_id in refs if name == store]
        seen = await orders_to_ship(desk.vendors.shops[store], ids, rules)
        found |= {(store, order_id): seen.get(order_id) for order_id in ids}
    return found


def _trial(rules: Rules, ref: OrderRef, order: OrderToShip | Unreadable | None) -> Trial:
    trial: Trial = {"ref": order_subject(*ref), "order": "", "unreadable": "", "result": {}, "rules": {}}
    if order is None or isinstance(order, Unreadable):
        reason = "Shopify shows no such order to the app" if order is None else f"{order.code} {order.text}".strip()
        return trial | {"unreadable": reason}
    whole, groups = order_verdict(rules, order), split_groups(rules, order)
    parts = _parts(order, groups)
    result: dict[str, Any] = {"order": _told(whole)}
    asked = {"order": reasons(rules, whole_order(order))}
    for name, units in parts.items():
        part = f"part {name}" if name else "the rest" if len(parts) > 1 else "all of it"
        result[part] = {"units": sum(units.values())} | _told(consignment_verdict(rules, order, units))
        asked[part] = reasons(rules, part_facts(order, units))
    return trial | {
        "order": order["name"],
        "result": result,
        "rules": {key: dict(pairs) for key, pairs in asked.items()},
    }


def _parts(order: OrderToShip, groups: Mapping[int, str]) -> dict[str, Counter[int]]:
    """All that was to be shipped, by split group, as if it left from one location."""
    parts: dict[str, Counter[int]] = {}
    for line, units in whole_order(order).lines:
        line_id = number_of(line["id"])
        parts.setdefault(groups.get(line_id, ""), Counter())[line_id] += units
    return dict(sorted(parts.items()))


def _told(verdict: Verdict) -> dict[str, Any]:
    """As JSON has it."""
    return {name: list(value) if isinstance(value, tuple) else _plain(value) for name, value in verdict.then.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, RateWish):
        return f"{value} (asked for when it is sent)"
    return value if isinstance(value, bool | int | str) else float(value)


def trials_text(trials: Sequence[Trial]) -> str:
    return "\n".join(line for trial in trials for line in _trial_lines(trial))


def _trial_lines(trial: Trial) -> list[str]:
    if trial["unreadable"]:
        return [f"{trial['ref']}: {trial['unreadable']}"]
    lines = [f"{trial['order']} ({trial['ref']})"]
    for name, result in trial["result"].items():
        lines.append(f"  {name}: {_actions(result)}")
        lines += [f"    {rule}: {reason}" for rule, reason in trial["rules"][name].items()]
    return lines


def _actions(result: Mapping[str, Any]) -> str:
    units = f"{result['units']} units, " if "units" in result else ""
    told = [f"{name} {_word(value)}" for name, value in result.items() if name != "units"]
    return units + (", ".join(told) or "no rule decides anything")


def _word(value: Any) -> str:
    return (
        " + ".join(map(str, value)) if isinstance(value, list) else str(value).lower() if value is True else str(value)
    )


def comparison_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{answer['looked_at']} orders looked at, {len(answer['different'])} would come out otherwise"]
    lines += [f"{ref}: could not be read" for ref in answer["unreadable"]]
    for one in answer["different"]:
        lines.append(f"{one['order']} ({one['ref']})")
        for name in dict.fromkeys([*one["old"], *one["new"]]):
            before, after = one["old"].get(name), one["new"].get(name)
            if before != after:
                lines.append(f"  {name}: {_or_none(before)} -> {_or_none(after)}")
    return "\n".join(lines)


def _or_none(result: Mapping[str, Any] | None) -> str:
    return _actions(result) if result else "none"
