"""Goods that come back, in both worlds' own books: what each return label must have done to its Shopify order, and nothing else.

It trusts the daemon in nothing but what only the daemon was told: that a person received goods, agreed to an amount, or is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MARK = re.compile(r"\[syncd return s(\d+)\]")
PAID_FROM_THE_SHELF = ("NO_RESTOCK", "RETURN")

Policy = Mapping[str, Any]
"""The table `returns` of a store's settings."""
Order = Mapping[str, Any]


@dataclass(frozen=True)
class _Label:
    """`units`: Shopify line id -> units of this order. `told`: the daemon's row of it, empty where it has none."""

    number: int
    tracking_number: str
    is_voided: bool
    units: Mapping[str, int]
    has_arrived: bool
    told: Mapping[str, Any]

    @property
    def mark(self) -> str:
        return f"[syncd return s{self.number}]"

    @property
    def was_received(self) -> bool:
        return self.has_arrived or self.told.get("received_by") == "person"

    @property
    def is_with_a_person(self) -> bool:
        """Asked about, or given up because somebody else did it or wants nothing paid."""
        return bool(self.told.get("detail")) or self.told.get("outcome") in ("elsewhere", "declined")


def judge_returns(
    shopify: Mapping[str, Any],
    shipstation: Mapping[str, Any],
    policies: Mapping[str, Policy],
    told: Iterable[Mapping[str, Any]],
) -> list[str]:
    """A sentence for all that is wrong. `policies` by domain; shops without one are left out. `told`: the daemon's rows of returns."""
    rows = {(row["return_key"], int(row["order_id"])): row for row in told}
    return [
        f"{order['name']}: {problem}"
        for domain, policy in policies.items()
        for order in shopify["shops"][domain]["orders"]
        for problem in _of_order(order, policy, list(_labels(shipstation, order, rows)))
    ]


def _labels(
    shipstation: Mapping[str, Any], order: Order, rows: Mapping[tuple[str, int], Mapping[str, Any]]
) -> Iterator[_Label]:
    lines = {f"{order['id']}:{line['id']}": str(line["id"]) for line in order["lines"]}
    for row in shipstation["shipments"]:
        units: Counter[str] = Counter()
        for item in row["items"] if row["isReturnLabel"] else ():
            if item["lineItemKey"] in lines:
                units[lines[item["lineItemKey"]]] += item["quantity"]
        if units:
            number = row["shipmentId"]
            told = rows.get((f"s{number}", order["id"]), {})
            has_arrived = number in shipstation["delivered"]
            yield _Label(number, row["trackingNumber"], row["voided"], dict(units), has_arrived, told)


def _of_order(order: Order, policy: Policy, labels: list[_Label]) -> Iterator[str]:
    yield from _strangers(order, labels)
    yield from _money_adds_up(order)
    for label in labels:
        yield from _note(order, policy, label)
        yield from _opened(order, policy, label)
        yield from _paid_back(order, policy, label)
    count = order["tags"].count(policy["tag"])
    is_noted = policy["on_label"] == "note" and any(label.mark in (order["note"] or "") for label in labels)
    if is_noted and count != 1:
        yield f"has the tag {policy['tag']!r} {count} times"


def _strangers(order: Order, labels: list[_Label]) -> Iterator[str]:
    """Our marks without a label behind them."""
    known = {str(label.number) for label in labels}
    words = [order["note"] or "", order["customerNote"] or "", *(one["note"] or "" for one in order["refunds"])]
    words += [note for one in order["returns"] for note in one["notes"]]
    for number in sorted(set(MARK.findall("\n".join(words))) - known):
        yield f"tells of a return s{number} that brings nothing of it"


def _money_adds_up(order: Order) -> Iterator[str]:
    amounts = sum((Decimal(one["amount"]) for one in order["refunds"]), Decimal(0))
    if Decimal(order["refunded"]) != amounts or amounts > Decimal(order["received"]):
        yield f"{order['refunded']} went back in refunds of {amounts}, of {order['received']} that were paid"


def _note(order: Order, policy: Policy, label: _Label) -> Iterator[str]:
    is_wanted = policy["on_label"] == "note"
    yield from _noted("order", order["note"], label, is_wanted)
    yield from _noted("customer", order["customerNote"], label, is_wanted and policy["note_on_customer"])


def _noted(what: str, note: str | None, label: _Label, is_wanted: bool) -> Iterator[str]:
    """The note of a label that was voided since may stand."""
    count = (note or "").count(label.mark)
    least = 1 if is_wanted and not label.is_voided else 0
    if not least <= count <= int(is_wanted):
        yield f"the note of the {what} tells {count} times of return s{label.number}"


def _opened(order: Order, policy: Policy, label: _Label) -> Iterator[str]:
    is_wanted = policy["on_label"] == "return"
    # where the daemon opens none, a person may have opened one for the label
    ours = [one for one in order["returns"] if (_is_for if is_wanted else _is_marked)(one, label)]
    is_due = is_wanted and not label.is_voided and not label.is_with_a_person
    if not int(is_due) <= len(ours) <= int(is_wanted):
        yield f"{len(ours)} Shopify returns for return s{label.number}"
    for one in ours:
        if one["lines"] != label.units or one["tracking"] != [label.tracking_number]:
            yield f"{one['name']} holds {one['lines']} under {one['tracking']}, return s{label.number} {label.units}"


def _is_for(one: Mapping[str, Any], label: _Label) -> bool:
    return label.tracking_number in one["tracking"] or _is_marked(one, label)


def _is_marked(one: Mapping[str, Any], label: _Label) -> bool:
    return any(label.mark in note for note in one["notes"])


def _paid_back(order: Order, policy: Policy, label: _Label) -> Iterator[str]:
    paid = [one for one in order["refunds"] if label.mark in (one["note"] or "")]
    name = f"return s{label.number}"
    if len(paid) > 1:
        yield f"{len(paid)} refunds for {name}"
    for one in paid:
        yield from _rightly(order, policy, label, one)
    due = _worth(order, label, before=order["refunds"])
    if not paid and label.was_received and not label.is_with_a_person and 0 < due <= _agreed(policy, label):
        yield f"{due} are not paid back for {name}"


def _rightly(order: Order, policy: Policy, label: _Label, refund: Mapping[str, Any]) -> Iterator[str]:
    name, amount = f"return s{label.number}", Decimal(refund["amount"])
    worth = _worth(order, label, before=order["refunds"][: order["refunds"].index(refund)])
    if not label.was_received:
        yield f"{amount} were paid back for {name}, which has not arrived"
    if amount > _agreed(policy, label):
        yield f"{amount} were paid back for {name} by policy {policy['refund']} up to {_agreed(policy, label)}"
    if refund["lines"] != label.units or amount != worth:
        yield f"{amount} were paid back for {refund['lines']}, {name} brought {label.units} worth {worth}"
    if policy["on_label"] != "return" and refund["restockTypes"] != [PAID_FROM_THE_SHELF[policy["restocks"]]]:
        yield f"the goods of {name} went back as {refund['restockTypes']}"
    for one in order["returns"]:
        if _is_for(one, label) and (one["status"], one["processed"]) != ("CLOSED", label.units):
            yield f"{one['name']} is {one['status']} with {one['processed']} received, although it was paid back"


def _agreed(policy: Policy, label: _Label) -> Decimal:
    """What may go back without anybody, or with whoever agreed."""
    if policy["refund"] == "off":
        return Decimal(0)
    limit = policy["refund_limit"] if policy["refund"] == "automatic" else Decimal(0)
    return max(limit, Decimal(label.told.get("approved") or 0))


def _worth(order: Order, label: _Label, before: Iterable[Mapping[str, Any]]) -> Decimal:
    """With tax; never more than those before had left of what was paid."""
    lines = {str(line["id"]): line for line in order["lines"]}
    goods = sum((Decimal(lines[line_id]["unitWorth"]) * units for line_id, units in label.units.items()), Decimal(0))
    left = Decimal(order["received"]) - sum((Decimal(one["amount"]) for one in before), Decimal(0))
    return min(goods.quantize(Decimal("0.01"), ROUND_HALF_UP), left)
