"""Choosing units out of order lines, by lineItemKey, for a package or for a split; and units of weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from syncd.sandbox.shipstation.records import Item
from syncd.sandbox.shipstation.refusals import Refusal


def identity(item: Item) -> str:
    """What tells a line apart through updates, which may renumber it."""
    return item.line_item_key or f"sku {item.sku} {item.name}"


def take(items: tuple[Item, ...], lines: Mapping[str, int] | None) -> tuple[Item, ...]:
    """The lines with the units chosen; None takes everything that can be packed. Never more than is there, never nothing."""
    if lines is None:
        taken = tuple(item for item in items if item.quantity > 0 and not item.adjustment)
    else:
        taken = _chosen(items, dict(lines))
    if not taken:
        raise Refusal("There is nothing left to pack.")
    return taken


def take_regardless(items: tuple[Item, ...], lines: Mapping[str, int] | None) -> tuple[Item, ...]:
    """As `take`, but a line gives as many units as are asked of it."""
    if lines is None:
        return take(items, None)
    by_key = {item.line_item_key: item for item in items if item.line_item_key}
    unknown = sorted(set(lines) - set(by_key))
    if unknown:
        raise Refusal(f"The order has no line {unknown[0]}.")
    return tuple(replace(by_key[key], quantity=units) for key, units in lines.items() if units > 0)


def without(items: tuple[Item, ...], taken: tuple[Item, ...]) -> tuple[Item, ...]:
    """What stays behind; emptied lines are gone."""
    units = {item.item_id: item.quantity for item in taken}
    rest = (replace(item, quantity=item.quantity - units.get(item.item_id, 0)) for item in items)
    return tuple(item for item in rest if item.quantity > 0 or item.item_id not in units)


def _chosen(items: tuple[Item, ...], wanted: dict[str, int]) -> tuple[Item, ...]:
    taken = []
    for item in items:
        units = min(wanted.get(item.line_item_key or "", 0), item.quantity)
        if units > 0:
            wanted[item.line_item_key or ""] -= units
            taken.append(replace(item, quantity=units))
    short = [key for key, units in wanted.items() if units != 0]
    if short:
        raise Refusal(f"The order has not that many units of line {short[0]} left.")
    return tuple(taken)


def ounces(weight: Any) -> Decimal | None:
    """Of a V1 weight `{"value", "units"}`; unknown units count as ounces."""
    factors = {"ounces": Decimal(1), "pounds": Decimal(16), "grams": Decimal("0.03527396195")}
    if not weight or weight.get("value") is None:
        return None
    return Decimal(weight["value"]) * factors.get(str(weight.get("units")).lower(), Decimal(1))
