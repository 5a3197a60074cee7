"""What rules can do: one table, each action with what it reads. The documentation is checked against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mappings import rule_values as values


@dataclass(frozen=True)
class Action:
    """`about`: decided once for the order before anything is sent, or for each consignment by what is in it."""

    about: Literal["order", "consignment"]
    read: Callable[[Any], Any]
    meaning: str


def _order(read: Callable[[Any], Any], meaning: str) -> Action:
    return Action("order", read, meaning)


def _each(read: Callable[[Any], Any], meaning: str) -> Action:
    return Action("consignment", read, meaning)


ACTIONS: Mapping[str, Action] = {
    "exclude": _order(
        values.flag,
        "never sent to ShipStation, with the cause `excluded_by_rule`; an order that lies there already goes on as before",
    ),
    "hold": _order(
        values.hold,
        "nothing more is sent: `true` until `syncd release ORDER`, a number for so many days after the order was placed",
    ),
    "split": _order(
        values.group,
        "the lines that meet the rule's line conditions become a ShipStation order of their own, one for each name",
    ),
    "carrier": _each(values.code, "carrier code, such as `stamps_com`"),
    "service": _each(values.code, "service code of that carrier, such as `usps_priority_mail`"),
    "rate": _each(
        values.rate,
        "chooses carrier and service by their rates: the cheapest, or the fastest, of all or of those named; see below",
    ),
    "package": _each(values.code, "package code of that carrier, such as `package`"),
    "confirmation": _each(
        values.confirmation, "`none`, `delivery`, `signature`, `adult_signature` or `direct_signature`"
    ),
    "insurance": _each(
        values.insurance,
        "insures the goods at their price, by `carrier`, `shipsurance`, `provider`, `xcover` or `parcelguard`; `none` does not",
    ),
    "warehouse": _each(values.identity, "ShipStation warehouse id, instead of the location's"),
    "tags": _each(values.identities, "ShipStation tag ids; the tags of all rules that hit are added up"),
    "custom_field1": _each(values.line, "text of custom field 1, instead of `<order name>@<store>`"),
    "custom_field2": _each(values.line, "text of custom field 2"),
    "custom_field3": _each(values.line, "text of custom field 3"),
    "note": _each(values.line, "one more line in the internal notes"),
}

ADDED_UP = frozenset({"tags", "note"})
"""Actions of which every rule that hits counts. Of the others the first rule decides."""
