"""A shipment as V2 shows it, as far as its translation goes into it: what is of another kind makes the row malformed."""

from __future__ import annotations

from typing import Any, Required, TypedDict

Members = dict[str, Any]


class V2Item(TypedDict, total=False):
    weight: Members
    options: list[Members]


class V2Package(TypedDict, total=False):
    weight: Members
    insured_value: Members


class V2Customs(TypedDict, total=False):
    customs_items: list[Members]


class V2Shipment(TypedDict, total=False):
    """One without items must not pass for an empty one."""

    items: Required[list[V2Item]]
    packages: list[V2Package]
    ship_to: Members
    advanced_options: Members
    tags: list[Members]
    carrier_id: str
    hold_until_date: str
    amount_paid: Members
    tax_paid: Members
    shipping_paid: Members
    total_weight: Members
    customs: V2Customs


class V2Whole(TypedDict):
    """What a PUT is laid over: it replaces the shipment, and a member that the answer left out would be erased there. Those that
    the vendor documents as always shown."""

    ship_to: Members
    advanced_options: Members
    packages: list[V2Package]
    tags: list[Members]


class V2Label(TypedDict, total=False):
    packages: list[Members]
