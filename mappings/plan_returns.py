"""The decision about the returns of one order: what Shopify is told, and whether money goes back. Pure, total, deterministic.

Money needs all of this at once: a policy that is not off, goods that arrived, units that are not refunded yet, an amount within
what was paid and within the limit or what a person agreed to, and no call about the order in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from mappings.carriers import tracking
from mappings.returned import (
    NOT_TO_BE,
    Others,
    Units,
    beside,
    by_gid,
    by_label,
    is_too_much,
    may_be_paid,
    others_of,
    paid_by_others,
    refund_gid,
)
from mappings.returns import (
    CloseReturn,
    LabelReturn,
    MoneyStep,
    NoteReturn,
    OpenReturn,
    ProcessedLine,
    ProcessReturn,
    RefundReturn,
    Return,
    ReturnNews,
    ReturnPolicy,
    ReturnsPlan,
    ReturnStep,
    SeenForReturn,
    SeenLine,
    SeenReturn,
    SeenReturnLine,
    total,
)

WAITS = {
    "lines_unknown": "ShipStation does not tell what is in it: return and refund it in Shopify by hand.",
    "not_returnable": "Shopify has no such units that left and are not in another return: see the order in Shopify.",
    "foreign_currency": "It was paid in another currency than the shop's: refund it in Shopify by hand.",
    "partly_shipped": "Some units of these lines have not left yet, and Shopify would cancel those: refund it in Shopify by hand.",
    "not_left": "Shopify was not told yet that these units left: see why its order waits; they are paid back after that.",
    "nothing_to_refund": "Shopify suggests to pay back nothing: look into the order in Shopify.",
    "above_payment": "Shopify suggests more than is left of what was paid: refund it in Shopify by hand.",
    "order_gone": "Shopify shows its order no more (deleted, or older than 60 days without the scope read_all_orders): refund it by hand, or decline it.",
    "return_gone": "Its Shopify return was cancelled or declined: refund it in Shopify by hand.",
    "refused": "Shopify refused it: `syncd explain ORDER` has its words. Correct the order, then run `syncd retry ORDER`.",
    "received_unpaid": "Its Shopify return was received there and not all of it was paid back: refund the rest in Shopify by hand, or decline it.",
    "return_differs": "Its Shopify return holds other units than the label: refund it in Shopify by hand.",
    "return_has_terms": "Its Shopify return gives other goods in exchange or keeps a fee: receive and refund it in Shopify by hand.",
    "return_open": "A return of its order is open in Shopify: receive, refund and close it there by hand.",
    "package_returned": "Another return of the same package has its units, or the package held fewer: refund in Shopify what really came, then decline it.",
    "return_beside": "Somebody's return of the same goods is open in Shopify, and may be for these: settle that one there first.",
    "refunded_elsewhere": "Its units were refunded by somebody else.",
    "return_left_open": "Its units were refunded by somebody else: close its Shopify return by hand.",
}
"""Why a return does not go on by itself, and what to do."""

MISSED_S = 60.0
NOT_LEFT_S, LATEST_LOOK_S = 900.0, 6 * 3600.0
"""For what others have to do first: how soon to look again at the earliest, and at the latest."""
ENDS_BY_OTHERS = frozenset({"not_left", "return_has_terms", "return_open", "return_beside"})
Carriers = Mapping[str, tuple[str, str]]
Decision = tuple[list[ReturnStep], ReturnNews | None]


def plan_returns(
    policy: ReturnPolicy,
    returns: Sequence[Return],
    seen: Mapping[str, SeenForReturn],
    carriers: Carriers,
    now: datetime,
    settles_s: float,
) -> ReturnsPlan:
    """One step at a time: the next one is computed from what the first one left."""
    doubts = [(now - (one.in_doubt_since or one.intended_at)).total_seconds() for one in returns if one.intended_at]
    if doubts and min(doubts) < settles_s:
        return ReturnsPlan(wait_s=settles_s - min(doubts))
    steps: list[ReturnStep] = []
    news: list[ReturnNews] = []
    for one in sorted(returns, key=lambda one: one.refusals):  # who was refused lets the others go first
        if steps or one.outcome or one.return_key not in seen:
            continue
        steps, told = _plan_one(
            policy, one, seen[one.return_key], carriers, others_of(one, returns, seen[one.return_key])
        )
        news += [told] if told else []
    planned = {step.return_key for step in steps}
    resolved = tuple(one.return_key for one in returns if one.intended_at and one.return_key not in planned)
    return ReturnsPlan(tuple(steps), tuple(news), resolved, 0.0 if steps else _wait_s(returns, news, now))


def without_order(returns: Sequence[Return]) -> tuple[ReturnNews, ...]:
    """What is told of returns whose order Shopify does not show."""
    coming = [one for one in returns if not one.outcome and (one.received_at or not one.voided)]
    return tuple(told for one in coming if (told := _waits(one, "order_gone")[1]))


def _wait_s(returns: Sequence[Return], news: Sequence[ReturnNews], now: datetime) -> float | None:
    """When to look again without a step. A list may be behind: what it misses is looked for once more. What waits for units to
    leave, or for a person in Shopify, is looked at after as long again as the goods have been back."""
    details = {one.return_key: one.detail for one in returns}
    details |= {one.return_key: one.detail for one in news if one.detail is not None}
    if any(one.return_gid or one.is_labelled for one in news):
        return 0.0
    if any(one.detail == "return_gone" for one in news):
        return MISSED_S
    back = [one.received_at or now for one in returns if details[one.return_key] in ENDS_BY_OTHERS]
    return min(max((now - max(back)).total_seconds(), NOT_LEFT_S), LATEST_LOOK_S) if back else None


def _plan_one(policy: ReturnPolicy, one: Return, seen: SeenForReturn, carriers: Carriers, others: Others) -> Decision:
    # The label was taken back and nothing arrived: nothing comes.
    if one.voided and not one.received_at:
        return [], None
    # A refund of ours, whose answer we may not have seen, or a return that was received in Shopify.
    found = by_gid(one, seen)
    refund = refund_gid(one, seen)
    if found and found.is_processed:
        return _after_receipt(one, seen, found, others.paid)
    if refund:
        return [], ReturnNews(one.return_key, refund_gid=refund, outcome="refunded", detail="")
    if policy.on_label == "note" and not one.is_told:
        return [_note(policy, one, seen)], None
    if policy.on_label == "return" and one.lines is not None:
        steps, told = _in_shopify(policy, one, seen, carriers, others)
        if steps or told or found is None:
            return steps, told
    if policy.refund == "off" or not one.received_at:
        return [], None
    return _money(policy, one, seen, others)


def _after_receipt(one: Return, seen: SeenForReturn, found: SeenReturn, ours: Units) -> Decision:
    refund = refund_gid(one, seen)
    if not refund and not found.has_terms and any(_is_unpaid(line, seen, ours) for line in found.lines):
        return _waits(one, "received_unpaid")
    if found.has_terms or not any(line.refunded for line in found.lines):
        return _refunded_elsewhere(one)
    if found.status == "OPEN":
        return [CloseReturn(one.return_key, found.gid)], None
    return [], ReturnNews(one.return_key, refund_gid=refund, outcome="refunded", detail="")


def _is_unpaid(line: SeenReturnLine, seen: SeenForReturn, ours: Units) -> bool:
    """Received without its money, which did not go back beside the return either."""
    is_owed = line.refunded < line.units and _refundable(line.line_id, seen) > 0
    return is_owed and paid_by_others(line.line_id, seen, ours) < line.units


def _note(policy: ReturnPolicy, one: Return, seen: SeenForReturn) -> NoteReturn:
    words = _words(one)
    is_asked = policy.note_on_customer and seen.customer_gid is not None
    is_there = one.marker in seen.customer_note
    return NoteReturn(
        one.return_key,
        seen.order_gid,
        policy.tag,
        None if one.marker in seen.note else _with_line(seen.note, words),
        seen.customer_gid if is_asked and not is_there else None,
        _with_line(seen.customer_note, words) if is_asked and not is_there else None,
    )


def _words(one: Return) -> str:
    count = sum(one.lines.values()) if one.lines else 0
    goods = f" of {count} unit{'s' if count > 1 else ''}" if count else ""
    return f"Return{goods}, label {one.tracking_number or 'without a number'} {one.marker}"


def _with_line(note: str, line: str) -> str:
    return f"{note}\n{line}" if note else line


def _in_shopify(policy: ReturnPolicy, one: Return, seen: SeenForReturn, carriers: Carriers, others: Others) -> Decision:
    """The Shopify return of this label. One that somebody made by hand for the same label is taken over."""
    found = by_gid(one, seen) or by_label(one, seen)
    if found is None and one.return_gid:
        return _waits(one, "return_gone")
    if found is None:
        return _opened(one, seen, is_too_much(one, others))
    told = ReturnNews(one.return_key, return_gid=found.gid, detail="") if one.return_gid != found.gid else None
    if one.is_labelled or found.status != "OPEN":
        return [], told
    if found.numbers or not found.reverse_gids:
        return [], ReturnNews(one.return_key, return_gid=found.gid, is_labelled=True)
    _, url = tracking(one.carrier_code, one.service_code, one.tracking_number, carriers)
    number = one.tracking_number
    step = LabelReturn(one.return_key, found.reverse_gids[0], number, url, seen.label_url, policy.notify_customer)
    return [step], told


def _opened(one: Return, seen: SeenForReturn, is_too_much: bool) -> Decision:
    lines = {} if is_too_much else _pick(one, seen)
    if lines:
        return [OpenReturn(one.return_key, seen.order_gid, lines, one.marker)], None
    if one.received_at and not _is_refundable(one, seen):
        return _refunded_elsewhere(one)
    return _waits(one, "package_returned" if is_too_much else "not_returnable")


def _pick(one: Return, seen: SeenForReturn) -> dict[str, int]:
    """Fulfillment line gid -> units; empty when not all of them can be found among what left, is in no return and is not
    refunded: Shopify opens no return for units that were paid back."""
    taken: Counter[str] = Counter()
    awaited: Counter[int] = Counter()
    for found in seen.returns:
        for line in found.lines if found.status not in NOT_TO_BE else ():
            taken[line.fulfillment_line_gid] += line.units
            awaited[line.line_id] += line.units - line.refunded
    picked: dict[str, int] = {}
    for line_id, units in sorted((one.lines or {}).items()):
        if units > _refundable(line_id, seen) - awaited[line_id]:
            return {}
        for sent in (sent for sent in seen.sent if sent.line_id == line_id):
            count = min(units, sent.units - taken[sent.gid])
            if count > 0:
                picked[sent.gid] = count
                units -= count
        if units > 0:
            return {}
    return picked


def _money(policy: ReturnPolicy, one: Return, seen: SeenForReturn, others: Others) -> Decision:
    if one.lines is None:
        return _waits(one, "lines_unknown")
    found = by_gid(one, seen)
    is_open = found is not None and found.status == "OPEN"
    if not _is_refundable(one, seen):
        return _waits(one, "return_left_open") if is_open else _refunded_elsewhere(one)
    if one.return_gid and not is_open:
        return _waits(one, "return_gone")
    if found and _lines_of(found, seen) != one.lines:
        return _waits(one, "return_differs")
    if reason := _doubt(policy, one, seen, found, others):
        return _waits(one, reason)
    amount = total(seen.payments)
    if not _is_agreed(policy, one, amount, may_be_paid(one, seen, others)):
        changed = one.suggested != amount or one.detail
        told = ReturnNews(one.return_key, suggested=amount, currency=seen.currency, detail="")
        return [], told if changed else None
    return [_refund(policy, one, seen, found)], None


def _lines_of(found: SeenReturn, seen: SeenForReturn) -> dict[int, int]:
    """Shopify line -> units of fulfillments that stand which the return still waits for."""
    owners = {sent.gid: sent.line_id for sent in seen.sent}
    counts: Counter[int] = Counter()
    for line in found.lines:
        counts[owners.get(line.fulfillment_line_gid, 0)] += line.units - line.processed
    return dict(counts)


def _is_refundable(one: Return, seen: SeenForReturn) -> bool:
    return all(_refundable(line_id, seen) >= units for line_id, units in (one.lines or {}).items())


def _refundable(line_id: int, seen: SeenForReturn) -> int:
    return seen.lines[line_id].refundable if line_id in seen.lines else 0


def _doubt(policy: ReturnPolicy, one: Return, seen: SeenForReturn, found: SeenReturn | None, others: Others) -> str:
    """Why a person must do it; empty when nobody has to."""
    amount = total(seen.payments)
    if found and found.has_terms:
        return "return_has_terms"
    if found is None and seen.is_returning:
        return "return_open"
    if any(not is_over for is_over in beside(one, others)):
        return "return_beside"
    if is_too_much(one, others):
        return "package_returned"
    if seen.is_foreign:
        return "foreign_currency"
    if amount <= 0:
        return "nothing_to_refund"
    if amount > seen.net_payment:
        return "above_payment"
    if found is None and not policy.restocks and any(seen.lines[line].unfulfilled for line in one.lines or ()):
        return "partly_shipped"
    if found is None and not all(_has_left(seen.lines[line], units) for line, units in (one.lines or {}).items()):
        return "not_left"
    return ""


def _has_left(line: SeenLine, units: int) -> bool:
    """As far as Shopify knows: it takes nothing back that it holds for sending."""
    return line.refundable - line.unfulfilled >= units


def _is_agreed(policy: ReturnPolicy, one: Return, amount: Decimal, may_be_paid: bool) -> bool:
    """Where the goods may be paid already, nobody is spared the question."""
    limits = [policy.refund_limit] if policy.refund == "automatic" and not may_be_paid else []
    limits += [one.approved] if one.approved is not None else []
    return any(amount <= limit for limit in limits)


def _refund(policy: ReturnPolicy, one: Return, seen: SeenForReturn, found: SeenReturn | None) -> MoneyStep:
    note = _words(one)
    if found is None:
        return RefundReturn(
            one.return_key,
            seen.order_gid,
            dict(one.lines or {}),
            seen.payments,
            policy.restocks,
            note,
            one.refusals,
            policy.notify_customer,
        )
    places = {sent.gid: sent.location_gid for sent in seen.sent} if policy.restocks else {}
    lines = (
        ProcessedLine(line.gid, line.reverse_gid, line.units - line.processed, places.get(line.fulfillment_line_gid))
        for line in found.lines
    )
    left = tuple(line for line in lines if line.units)
    return ProcessReturn(one.return_key, found.gid, left, seen.payments, note, policy.notify_customer)


def _refunded_elsewhere(one: Return) -> Decision:
    return [], ReturnNews(one.return_key, outcome="elsewhere", detail="refunded_elsewhere")


def _waits(one: Return, reason: str) -> Decision:
    return [], ReturnNews(one.return_key, detail=reason) if one.detail != reason else None
