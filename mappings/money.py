"""An order's amounts and each consignment's share of them, exact to the cent, in shop currency (V1 knows no currency)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from mappings.eligibility import shippable_units
from mappings.packed import Units
from mappings.shopify_shapes import LineItem, MoneyBag, OrderToShip, number_of

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Amounts:
    """Of an order or of one consignment. ShipStation adds up items, adjustment, tax and shipping to its order total."""

    paid: Decimal
    tax: Decimal
    shipping: Decimal
    adjustment: Decimal
    """What the items' unit prices miss of the total: uneven discounts, goods that are not shipped, tips, duties."""


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def amount_of(bag: MoneyBag | None) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"]) if bag else Decimal(0)


def unit_price(line: LineItem) -> Decimal:
    """After all discounts, in whole cents. Shopify's value is itself an average over the line."""
    return cents(amount_of(line["discountedUnitPriceAfterAllDiscountsSet"]))


def unit_tax(line: LineItem) -> Decimal:
    tax = sum((amount_of(tax_line["priceSet"]) for tax_line in line["taxLines"]), Decimal(0))
    return cents(tax / line["quantity"]) if line["quantity"] else Decimal(0)


def order_amounts(order: OrderToShip) -> Amounts:
    """Where prices include the tax, it is not shown beside them once more: ShipStation would add it."""
    total = cents(amount_of(order["currentTotalPriceSet"]))
    shipping = cents(amount_of(order["currentShippingPriceSet"]))
    tax = Decimal(0) if order["taxesIncluded"] else cents(amount_of(order["currentTotalTaxSet"]))
    lines = order["lineItems"]["nodes"]
    goods = sum((unit_price(line) * line["currentQuantity"] for line in lines if line["requiresShipping"]), Decimal(0))
    paid = min(cents(amount_of(order["totalReceivedSet"])), total)
    return Amounts(paid, tax, shipping, total - tax - shipping - goods)


def share(order: OrderToShip, before: Units, mine: Units) -> Amounts:
    """The part of the consignment with the units `mine`, when those made earlier hold `before`.

    Cumulative rounding: what all up to this one should have, minus what all before it have. So the parts add up to the
    whole, whenever they were made, and a later consignment never changes an earlier one.
    """
    whole = order_amounts(order)
    lines = order["lineItems"]["nodes"]
    everything = shippable_units(lines)
    prices = {number_of(line["id"]): unit_price(line) for line in lines}
    if not _value(everything, prices):
        prices = dict.fromkeys(prices, Decimal(1))

    all_value = _value(everything, prices)
    earlier, with_mine = (_value(units & everything, prices) for units in (before, before + mine))

    def part(amount: Decimal) -> Decimal:
        return cents(amount * with_mine / all_value) - cents(amount * earlier / all_value) if all_value else Decimal(0)

    return Amounts(part(whole.paid), part(whole.tax), part(whole.shipping), part(whole.adjustment))


def _value(units: Units, prices: dict[int, Decimal]) -> Decimal:
    return sum((prices.get(line_id, Decimal(0)) * count for line_id, count in Counter(units).items()), Decimal(0))
