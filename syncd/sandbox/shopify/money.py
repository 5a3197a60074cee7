"""Amounts: the arithmetic of an order's totals, and the two spellings that Shopify uses for them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from syncd.sandbox.shopify.state import ZERO, Line, Order, ShippingLine, Tax, Totals

WITHOUT_CENTS = {"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "UGX", "PYG", "RWF"}
WITH_MILLS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


@lru_cache(maxsize=256)
def _step(currency: str) -> Decimal:
    places = 0 if currency in WITHOUT_CENTS else 3 if currency in WITH_MILLS else 2
    return Decimal(1).scaleb(-places)


def rounded(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(_step(currency), ROUND_HALF_UP)


@lru_cache(maxsize=65536)
def decimal_text(amount: Decimal) -> str:
    """As GraphQL spells it: `10.0`, `8.35`."""
    text = f"{amount:f}"
    if "." not in text:
        return f"{text}.0"
    text = text.rstrip("0")
    return f"{text}0" if text.endswith(".") else text


@lru_cache(maxsize=65536)
def money_text(amount: Decimal, currency: str) -> str:
    """As webhooks spell it: `10.00`, and `1000` yen."""
    return f"{rounded(amount, currency):f}"


def unit_price_after_discounts(line: Line) -> Decimal:
    """Approximate by Shopify's own words: it covers refunded units as well."""
    if not line.discount or not line.quantity:
        return line.price
    return rounded((line.price * line.quantity - line.discount) / line.quantity, line.order.currency)


def recount(order: Order) -> None:
    """Brings the current totals up to date with lines and shipping lines."""
    order.totals = _totals(order, current=True)


def count_original(order: Order) -> None:
    order.original = _totals(order, current=False)
    recount(order)


def _totals(order: Order, current: bool) -> Totals:
    discounts = sum((_share(line.discount, line, current) for line in order.lines), ZERO)
    goods = sum((line.price * _quantity(line, current) for line in order.lines), ZERO)
    shipping = sum((entry.discounted_price for entry in _shipping(order, current)), ZERO)
    tax = sum((_share(_sum(line.taxes), line, current) for line in order.lines), ZERO)
    tax += sum((_sum(entry.taxes) for entry in _shipping(order, current)), ZERO)
    total = goods - discounts + shipping + (ZERO if order.taxes_included else tax) + order.correction
    parts = (goods - discounts, shipping, tax, discounts, max(ZERO, total))
    return Totals(*(rounded(part, order.currency) for part in parts))


def _quantity(line: Line, current: bool) -> int:
    return line.current_quantity if current else line.quantity


def _share(amount: Decimal, line: Line, current: bool) -> Decimal:
    if not amount or not line.quantity:
        return ZERO
    return amount * _quantity(line, current) / line.quantity


def _shipping(order: Order, current: bool) -> list[ShippingLine]:
    return [entry for entry in order.shipping_lines if not (current and entry.is_removed)]


def _sum(taxes: list[Tax]) -> Decimal:
    return sum((tax.price for tax in taxes), ZERO)
