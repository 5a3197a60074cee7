"""Shopify's unit weights -> grams -> ShipStation's weight. Exact in Decimal, rounded once, at the end, to 0.01 g."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from mappings.shipstation_shapes import Weight
from mappings.shopify_shapes import Weight as ShopifyWeight

GRAMS_PER_UNIT = {
    "GRAMS": Decimal(1),
    "KILOGRAMS": Decimal(1000),
    "OUNCES": Decimal("28.349523125"),
    "POUNDS": Decimal("453.59237"),
}

_STEP = Decimal("0.01")


def grams(weight: ShopifyWeight | None) -> Decimal | None:
    """None when no weight is known. Zero says the same in Shopify: it is what an unset weight looks like."""
    if weight is None or weight["unit"] not in GRAMS_PER_UNIT:
        return None
    # The value may be a float or a Decimal, depending on who parsed it; through text both are exact.
    exact = Decimal(str(weight["value"])) * GRAMS_PER_UNIT[weight["unit"]]
    return exact if exact > 0 else None


def shipstation_weight(weight_grams: Decimal | None) -> Weight | None:
    """Half a hundredth is rounded up, and nothing that weighs something is rounded down to nothing."""
    if weight_grams is None:
        return None
    rounded = weight_grams.quantize(_STEP, ROUND_HALF_UP)
    return {"value": max(rounded, _STEP), "units": "grams"}


def total_weight(lines: Iterable[tuple[Decimal | None, int]]) -> Weight | None:
    """Of (grams per unit, units). None when one line has no weight: half a sum would buy postage that is too cheap."""
    total = Decimal(0)
    for weight_grams, units in lines:
        if units and weight_grams is None:
            return None
        total += (weight_grams or Decimal(0)) * units
    return shipstation_weight(total) if total else None


def same_weight(a: Weight | None, b: Weight | None) -> bool:
    """Within a gram: ShipStation may answer in ounces what it was told in grams."""
    return abs(_weighed(a) - _weighed(b)) <= 1


def _weighed(weight: Weight | None) -> Decimal:
    return weight["value"] * GRAMS_PER_UNIT.get(weight["units"].upper(), Decimal(1)) if weight else Decimal(0)
