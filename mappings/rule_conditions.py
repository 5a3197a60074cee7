"""The conditions of rules: one table, each with what it reads and when it holds. The documentation is checked against it.

`line` conditions speak of one line, `goods` of all lines looked at, `order` of the order as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from mappings import rule_values as values
from mappings.addresses import is_military, is_po_box
from mappings.shopify_shapes import Attribute, LineItem, OrderToShip
from mappings.weights import grams


@dataclass(frozen=True)
class Facts:
    """What a rule is asked about: an order, and the lines with their units that matter just now."""

    order: OrderToShip
    lines: Sequence[tuple[LineItem, int]]

    @property
    def units(self) -> int:
        return sum(units for _, units in self.lines)

    @property
    def weight_grams(self) -> Decimal | None:
        """None when a line has no weight: half a sum would choose a service that is too small."""
        parts = [(grams(line["weight"]), units) for line, units in self.lines]
        known = [weight * units for weight, units in parts if weight is not None]
        return sum(known, Decimal(0)) if parts and len(known) == len(parts) else None


Holds = Callable[[Any, Any], bool]
"""(what stands in the rule, the facts or one line) -> does it hold?"""


@dataclass(frozen=True)
class Condition:
    scope: Literal["order", "line", "goods"]
    read: Callable[[Any], Any]
    holds: Holds
    meaning: str


def _tags(facts: Facts) -> set[str]:
    return {tag.strip().casefold() for tag in facts.order["tags"]}


def _country(facts: Facts) -> str:
    address = facts.order["shippingAddress"]
    return (address["countryCodeV2"] or "").casefold() if address else ""


def _province(facts: Facts) -> set[str]:
    address = facts.order["shippingAddress"]
    return (
        {(name or "").strip().casefold() for name in (address["provinceCode"], address["province"])}
        if address
        else set()
    )


def _titles(facts: Facts) -> list[str]:
    lines = facts.order["shippingLines"]["nodes"]
    return [line["title"].strip().casefold() for line in lines if not line["isRemoved"]]


def _methods(facts: Facts) -> set[str]:
    deliveries = [one["deliveryMethod"] for one in facts.order["fulfillmentOrders"]["nodes"]]
    return {(delivery["methodType"] if delivery else "shipping").casefold() for delivery in deliveries}


def _has_pair(wanted: Iterable[str], pairs: Iterable[tuple[str, str]]) -> bool:
    """`key` alone: it is there and not empty; `key=value`: it has just this value."""
    known = {key.strip().casefold(): value.strip().casefold() for key, value in pairs}
    keys = [one.partition("=") for one in wanted]
    return any(known.get(key.strip()) == value.strip() if sign else bool(known.get(key)) for key, sign, value in keys)


def _pairs(attributes: Iterable[Attribute]) -> list[tuple[str, str]]:
    return [(one["key"], one["value"] or "") for one in attributes]


def _fits(title: str, wanted: Iterable[str]) -> bool:
    return any(title.startswith(one[:-1]) if one.endswith("*") else title == one for one in wanted)


def _product_type(line: LineItem) -> str:
    return line["product"]["productType"].strip().casefold() if line["product"] else ""


def _heavier(weight: Decimal | None, limit: Decimal) -> bool:
    return weight is not None and weight > limit


def _not_heavier(weight: Decimal | None, limit: Decimal) -> bool:
    return weight is not None and weight <= limit


def _sku(line: LineItem) -> str:
    return (line["sku"] or "").strip().casefold()


def _total(facts: Facts) -> Decimal:
    return Decimal(facts.order["currentTotalPriceSet"]["shopMoney"]["amount"])


def _order(read: Callable[[Any], Any], holds: Callable[[Any, Facts], bool], meaning: str) -> Condition:
    return Condition("order", read, holds, meaning)


def _goods(read: Callable[[Any], Any], holds: Callable[[Any, Facts], bool], meaning: str) -> Condition:
    return Condition("goods", read, holds, meaning)


def _line(read: Callable[[Any], Any], holds: Callable[[Any, LineItem], bool], meaning: str) -> Condition:
    return Condition("line", read, holds, meaning)


CONDITIONS: Mapping[str, Condition] = {
    "any_tag": _order(values.texts, lambda v, f: not _tags(f).isdisjoint(v), "the order has one of these tags"),
    "all_tags": _order(values.texts, lambda v, f: _tags(f).issuperset(v), "the order has all of these tags"),
    "no_tag": _order(values.texts, lambda v, f: _tags(f).isdisjoint(v), "the order has none of these tags"),
    "customer_tag": _order(
        values.texts,
        lambda v, f: not {tag.casefold() for tag in f.order.get("customerTags", ())}.isdisjoint(v),
        "the customer has one of these tags; needs the scope `read_customers`",
    ),
    "metafield": _order(
        values.metafields,
        lambda v, f: _has_pair([one.casefold() for one in v], f.order.get("metafields", {}).items()),
        "a metafield of the order, `namespace.key` (not empty) or `namespace.key=value`",
    ),
    "attribute": _order(
        values.texts,
        lambda v, f: _has_pair(v, _pairs(f.order["customAttributes"])),
        "a note attribute of the order, `key` (not empty) or `key=value`",
    ),
    "country": _order(values.countries, lambda v, f: _country(f) in v, "it goes to one of these countries"),
    "not_country": _order(
        values.countries,
        lambda v, f: bool(_country(f)) and _country(f) not in v,
        "it goes to a country, and to none of these",
    ),
    "province": _order(
        values.texts,
        lambda v, f: not _province(f).isdisjoint(v),
        "it goes to one of these provinces or states, by code or name",
    ),
    "po_box": _order(
        values.flag,
        lambda v, f: is_po_box(f.order["shippingAddress"]) is v,
        "`true`: the address is a post office box; `false`: it is none",
    ),
    "military": _order(
        values.flag,
        lambda v, f: is_military(f.order["shippingAddress"]) is v,
        "`true`: the address is military mail (APO, FPO, DPO); `false`: it is not",
    ),
    "total_over": _order(values.amount, lambda v, f: _total(f) > v, "the order's total is more than this"),
    "total_under": _order(values.amount, lambda v, f: _total(f) <= v, "the order's total is this or less"),
    "shipping_title": _order(
        values.texts,
        lambda v, f: any(_fits(title, v) for title in _titles(f)),
        "the buyer chose one of these ways of shipping; `Express*` means all that begin so",
    ),
    "delivery_method": _order(
        values.texts,
        lambda v, f: not _methods(f).isdisjoint(v),
        "Shopify's delivery method of a part of the order: `shipping`, `local`, `pick_up`, `pickup_point`, `retail`, `none`",
    ),
    "channel": _order(
        values.texts,
        lambda v, f: (f.order["sourceName"] or "").strip().casefold() in v,
        "where it was sold, Shopify's source name: `web`, `pos`, `subscription_contract`, ...",
    ),
    "weight_over": _goods(
        values.weight_grams, lambda v, f: _heavier(f.weight_grams, v), "the goods weigh more than this"
    ),
    "weight_under": _goods(
        values.weight_grams, lambda v, f: _not_heavier(f.weight_grams, v), "the goods weigh this or less"
    ),
    "units_over": _goods(values.count, lambda v, f: f.units > v, "there are more units than this"),
    "sku": _line(values.texts, lambda v, line: _sku(line) in v, "a line with one of these SKUs"),
    "sku_prefix": _line(values.texts, lambda v, line: _sku(line).startswith(v), "a line whose SKU begins so"),
    "product_type": _line(
        values.texts, lambda v, line: _product_type(line) in v, "a line whose product has one of these types"
    ),
    "vendor": _line(
        values.texts,
        lambda v, line: (line["vendor"] or "").strip().casefold() in v,
        "a line of one of these vendors",
    ),
    "property": _line(
        values.texts,
        lambda v, line: _has_pair(v, _pairs(line["customAttributes"])),
        "a line with this property, `key` (not empty) or `key=value`",
    ),
    "unit_weight_over": _line(
        values.weight_grams,
        lambda v, line: _heavier(grams(line["weight"]), v),
        "a line of which one unit weighs more than this",
    ),
}
