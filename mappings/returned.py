"""What else there is about the goods of one return: other labels of their package, money that went back, returns by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.returns import Return, SeenForReturn, SeenLine, SeenReturn

Units = Mapping[int, int]
NOT_TO_BE = frozenset({"CANCELED", "DECLINED"})
"""Of Shopify's returns: they hold nothing."""


@dataclass(frozen=True)
class Others:
    """What else there is about the goods of a return. `paid`: by us, Shopify line -> units. `packed`: what other returns have of its
    package, likewise; `perhaps_packed`: what settled ones have that may be of it. `by_hand`: Shopify's returns that are for no label
    of ours."""

    paid: Units
    packed: Units
    perhaps_packed: Units
    by_hand: tuple[SeenReturn, ...]


def others_of(one: Return, returns: Sequence[Return], seen: SeenForReturn) -> Others:
    labels = [found for one in returns for found in (by_gid(one, seen), by_label(one, seen)) if found]
    by_hand = [found for found in seen.returns if found not in labels and found.status not in NOT_TO_BE]
    perhaps = _perhaps_packed(one, returns, seen)
    return Others(_paid_by_us(returns, seen), _packed(one, returns, seen), perhaps, tuple(by_hand))


def refund_gid(one: Return, seen: SeenForReturn) -> str | None:
    """Of the refund that bears our mark for it."""
    return next((gid for gid, note in seen.refund_notes.items() if one.marker in note), None)


def by_gid(one: Return, seen: SeenForReturn) -> SeenReturn | None:
    """The Shopify return that we remember for it."""
    return next((found for found in seen.returns if found.gid == one.return_gid), None)


def by_label(one: Return, seen: SeenForReturn) -> SeenReturn | None:
    """The Shopify return that shows its label or our mark."""
    for found in seen.returns:
        if found.status not in ("OPEN", "CLOSED"):
            continue
        if any(one.marker in line.note for line in found.lines) or one.tracking_number in found.numbers:
            return found
    return None


def _in_shop(one: Return, seen: SeenForReturn) -> SeenReturn | None:
    found = by_gid(one, seen) or by_label(one, seen)
    return found if found and found.status not in NOT_TO_BE else None


def is_too_much(one: Return, others: Others) -> bool:
    """More than its package held, with what other returns have of it. Where nobody knows what it held, one return is believed."""
    if one.outbound_key is None or (one.outbound_lines is None and not others.packed):
        return False
    held = one.outbound_lines or {}
    return any(units + others.packed.get(line, 0) > held.get(line, 0) for line, units in (one.lines or {}).items())


def beside(one: Return, others: Others) -> list[bool]:
    """Of each return that somebody made in Shopify for units of the same lines, whether it is over. One whose lines Shopify does not
    know any more may be for any."""
    lines = {0, *(one.lines or ())}
    found = [each for each in others.by_hand if any(line.line_id in lines for line in each.lines)]
    return [each.status == "CLOSED" for each in found]


def may_be_paid(one: Return, seen: SeenForReturn, others: Others) -> bool:
    """Whether something was settled that may have been for these goods: money without goods that are named, other units of their
    lines, a return in Shopify that is over, or another label of what may be their package."""
    was_returned = seen.was_returned and one.return_gid is None
    is_settled = seen.paid_for_nothing or was_returned or bool(beside(one, others)) or _may_be_too_much(one, others)
    return is_settled or any(paid_by_others(line, seen, others.paid) > 0 for line in one.lines or ())


def _may_be_too_much(one: Return, others: Others) -> bool:
    """Only of lines that others brought back: with those it may be the second label of one package."""
    held = one.most_lines if one.outbound_key is None else one.outbound_lines
    return held is not None and any(
        others.perhaps_packed.get(line, 0) and units + others.perhaps_packed.get(line, 0) > held.get(line, 0)
        for line, units in (one.lines or {}).items()
    )


def paid_by_others(line_id: int, seen: SeenForReturn, ours: Units) -> int:
    """Units that left and were paid back by somebody else. What was refunded or removed before it left is none of them: it is
    neither refundable nor unfulfilled nor sent."""
    line = seen.lines.get(line_id, SeenLine(0, 0))
    sent = sum(one.units for one in seen.sent if one.line_id == line_id)
    return sent - (line.refundable - line.unfulfilled) - ours.get(line_id, 0)


def _paid_by_us(returns: Sequence[Return], seen: SeenForReturn) -> Units:
    """Line -> units. By our marks and not by what we remember: an answer may have been lost."""
    notes = "\n".join(seen.refund_notes.values())
    units: Counter[int] = Counter()
    for one in returns:
        units.update(one.lines or {} if one.marker in notes else {})
    return units


def _packed(one: Return, returns: Sequence[Return], seen: SeenForReturn) -> Units:
    """Line -> units of its package that other returns of it have. Where both are open in Shopify, the one that is paid first has them."""
    is_open = _in_shop(one, seen) is not None
    units: Counter[int] = Counter()
    for other in returns:
        if other.return_key != one.return_key and other.outbound_key == one.outbound_key:
            units.update(other.lines or {} if _has_its_units(other, seen, is_open) else {})
    return units


def _perhaps_packed(one: Return, returns: Sequence[Return], seen: SeenForReturn) -> Units:
    """The same of those that were paid or received, where it is not told of both which package they were made for."""
    units: Counter[int] = Counter()
    for other in returns:
        if other.return_key != one.return_key and None in (one.outbound_key, other.outbound_key):
            units.update(other.lines or {} if _has_its_units(other, seen, is_late=True) else {})
    return units


def _has_its_units(other: Return, seen: SeenForReturn, is_late: bool) -> bool:
    """Settled in whatever way, or opened in Shopify. `is_late`: that is not enough."""
    found = _in_shop(other, seen)
    is_held = found is not None and (found.is_processed or not is_late)
    return bool(other.outcome) or refund_gid(other, seen) is not None or is_held
