"""The story of one order, as a support person reads it: what happened, when and why. Pure: rows in, sentences out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from mappings.carriers import tracking_company
from mappings.causes import MEANINGS, ROUTINE, SOON_OVER, Cause, State, state_of
from mappings.deliveries import EXCEPTIONS, STATUS_WORDS
from mappings.keys import is_label
from mappings.rates import WHY
from syncd.store.schema import JournalEntry, OrderRow, PackageRow


class Event(NamedTuple):
    at: datetime
    text: str


FIELDS = {
    "items": "the goods",
    "shipTo": "the address",
    "billTo": "the billing address",
    "customerNotes": "the customer's note",
    "internalNotes": "the internal note",
    "gift": "the gift wish",
    "giftMessage": "the gift message",
    "requestedShippingService": "the shipping choice",
    "amountPaid": "the amounts",
    "taxAmount": "the amounts",
    "shippingAmount": "the amounts",
    "weight": "the weight",
    "internationalOptions": "the customs declaration",
    "advancedOptions": "the warehouse",
    "customerEmail": "the customer's address for mail",
    "orderStatus": "",
}

DONE = {
    "create_order": "Sent to ShipStation: {units} as {key}.",
    "update_order": "Shopify's order changed, so it was changed in {there} too: {fields}.",
    "hold_order": "Put on hold in {there}.",
    "release_order": "Released from hold in {there}.",
    "cancel_order": "Cancelled in {there}.",
    "void_label": "Its label was taken back in ShipStation, because the order was cancelled.",
    "create_fulfillment_event": "Shopify was told about package {key}: {status}.",
    "mail_at_scan": "The carrier has package {key}: Shopify was asked to mail the customer.",
    "create_fulfillment": "Shopify was told of a package with {units}: {company} {number}.",
    "adopt_fulfillment": "Shopify knew package {key} already.",
    "update_tracking": "Shopify's fulfillment now shows the new label {number} instead of the voided one.",
    "cancel_fulfillment": "Shopify's fulfillment of package {key} was taken back: the label is void, and no new one has exactly its goods.",
    "note_return": "The return was noted on Shopify's order.",
    "open_return": "A return of {units} was opened in Shopify.",
    "label_return": "Shopify's return got its label {number}.",
    "refund_return": "Money was paid back for the return: {amount} {currency}.",
    "process_return": "The return was received in Shopify and money paid back: {amount} {currency}.",
    "close_return": "Shopify's return was closed.",
    "buy_return_label": "A return label was bought in ShipStation.",
    "return_received": "The return {key} arrived, says the {by}.",
    "refund_approved": "A person agreed to pay back {amount} for the return {key}.",
    "refund_declined": "A person decided that nothing is paid back for the return {key}.",
    "return_label": "A return label was made in ShipStation: {number}.",
    "return_label_voided": "The return label {number} was voided.",
    "release": "A person released it: it may go in spite of doubts.",
    "resolve": "A person decided that the values of {take} stand.",
}
TRIED = {
    "create_order": "Sending it to ShipStation",
    "update_order": "Changing it in ShipStation",
    "hold_order": "Putting it on hold in ShipStation",
    "release_order": "Releasing it in ShipStation",
    "cancel_order": "Cancelling it in ShipStation",
    "void_label": "Taking back its label in ShipStation",
    "create_fulfillment": "Telling Shopify of a package",
    "create_fulfillment_event": "Telling Shopify what the carrier says of a package",
    "mail_at_scan": "Asking Shopify to mail the customer",
    "recall_package": "Telling Shopify of a package, at a time of which the database remembers nothing,",
    "adopt_fulfillment": "Recognizing a package in Shopify",
    "update_tracking": "Telling Shopify of a new label",
    "cancel_fulfillment": "Taking back a fulfillment in Shopify",
    "note_return": "Noting the return in Shopify",
    "open_return": "Opening a return in Shopify",
    "label_return": "Giving Shopify's return its label",
    "refund_return": "Paying back money for the return",
    "process_return": "Receiving the return in Shopify and paying back money",
    "close_return": "Closing Shopify's return",
    "buy_return_label": "Buying a return label in ShipStation",
}
ENDED = {
    "refused": "was refused",
    "unknown": "brought no answer; what became of it is looked for",
    "intended": "has begun",
    "abandoned": "had to wait",
}
SWEPT = {
    "cancelled_there": "The full look found it cancelled in ShipStation by hand.",
    "restored_there": "The full look found that somebody restored it in ShipStation.",
    "shipped_there": "The full look found it shipped in ShipStation.",
    "hold_lifted": "The full look found that somebody in ShipStation lifted the hold.",
    "merged": "The warehouse merged it into ShipStation order {survivor}.",
    "gone": "ShipStation no longer shows its order {shipstation_order}.",
    "edited": "The warehouse changed {fields} in ShipStation; that stays so.",
    "right_again": "The full look found everything right again.",
}
BEGINNING, END = 20, 40
STOPPED = frozenset({State.PARKED, State.HELD, State.EXCLUDED})


def story(order: OrderRow | None, packages: Iterable[PackageRow], entries: Sequence[JournalEntry]) -> list[Event]:
    """Oldest first. What happened at the same moment keeps the order in which it was written down."""
    events = [*_of_packages(packages), *_of_journal(entries)]
    if order and order.cause == Cause.SHIPPED:
        # A label that got a new one within one look never made it less than shipped.
        ends = max((order.since, *(event.at for event in events)))
        events.append(Event(ends, _verdict(Cause.SHIPPED, "")))
    return sorted(events, key=lambda event: event.at)


def story_lines(events: Sequence[Event]) -> list[str]:
    """One line each, the day told once. Times are UTC. Of a story that is too long to be read, its beginning and its end."""
    lines: list[str] = []
    day = ""
    left_out = len(events) - BEGINNING - END
    for place, event in enumerate(events):
        if left_out > 1 and BEGINNING <= place < BEGINNING + left_out:
            lines += [f"  ... {left_out} more lines, which --json shows ..."] if place == BEGINNING else []
            continue
        today = f"{event.at:%A, %d %B %Y}"
        if today != day:
            lines.append(f"{today} (UTC)")
            day = today
        lines.append(f"  {event.at:%H:%M:%S}  {event.text}")
    return lines


def carrier_name(row: PackageRow) -> str | None:
    return tracking_company(row.carrier_code, row.service_code)


def _of_packages(packages: Iterable[PackageRow]) -> Iterator[Event]:
    for row in packages:
        label = f"{carrier_name(row) or 'carrier unknown'} {row.tracking_number or 'without a number'}"
        lines = json.loads(row.lines) if row.lines else {}
        goods = f" with {units_text(sum(lines.values()))}" if lines else ""
        what = "got its label in ShipStation" if is_label(row.package_key) else "was marked as shipped in ShipStation"
        yield Event(row.created_at, f"A package{goods} {what}: {label}.")
        if row.voided and row.voided_at:
            yield Event(row.voided_at, f"The warehouse voided the label {row.tracking_number or row.package_key}.")


def _of_journal(entries: Sequence[JournalEntry]) -> Iterator[Event]:
    parts = {entry.key for entry in entries if entry.step == "create_order"}
    for entry in entries:
        facts: dict[str, Any] = json.loads(entry.facts) if entry.facts else {}
        there = f"ShipStation ({entry.key})" if len(parts) > 1 else "ShipStation"
        if entry.step == "state":
            yield from _turn(entry.opened_at, facts)
        elif entry.step == "sweep":
            yield Event(entry.opened_at, _swept(facts))
        elif entry.step == "news":
            yield Event(entry.opened_at, _news(entry.key, facts))
        elif text := _step(entry, facts, there):
            yield Event(entry.opened_at, text)


def _turn(at: datetime, facts: Mapping[str, Any]) -> Iterator[Event]:
    """Why the order is where it is now."""
    cause = Cause(facts["cause"])
    was = Cause(facts["was"]) if facts["was"] else None
    if was in SOON_OVER:
        yield Event(datetime.fromisoformat(facts["was_since"]), f"Waiting: {MEANINGS[was].sentence}")
    if cause not in ROUTINE:
        yield Event(at, _verdict(cause, facts["detail"]))
    elif cause is not Cause.SHIPPED and was and state_of(was) in STOPPED:
        yield Event(at, f"It goes on: {MEANINGS[cause].sentence}")


def _verdict(cause: Cause, detail: str) -> str:
    meaning = MEANINGS[cause]
    remark = f" [{detail}]" if detail else ""
    to_do = f" To do: {meaning.next_step}" if meaning.state is State.PARKED else ""
    return f"{_NAMES[meaning.state]}: {meaning.sentence}{remark}{to_do}"


_NAMES = {
    State.WAITING: "Waiting",
    State.EXCLUDED: "Not sent",
    State.HELD: "Held",
    State.QUEUED: "On its way",
    State.IN_SHIPSTATION: "In ShipStation",
    State.PARTLY_SHIPPED: "Partly shipped",
    State.SHIPPED: "Done",
    State.CANCELLED: "Cancelled",
    State.PARKED: "Needs a person",
}


def _swept(facts: Mapping[str, Any]) -> str:
    found = facts["found"]
    if found in SWEPT:
        return SWEPT[found].format_map({**facts, "fields": _fields(facts.get("fields") or ())})
    return f"The full look found something wrong: {MEANINGS[Cause(found)].sentence} [{facts.get('detail', '')}]"


def _news(package_key: str, facts: Mapping[str, Any]) -> str:
    words = EXCEPTIONS[facts["detail"]][0] if facts["detail"] in EXCEPTIONS else STATUS_WORDS[facts["status"]]
    return f"The carrier says of package {package_key}: {words}"


def _step(entry: JournalEntry, facts: Mapping[str, Any], there: str) -> str:
    if entry.outcome in ("confirmed", "noted"):
        return _done(entry, facts, there)
    tried = TRIED.get(entry.step, entry.step)
    why = f" ({entry.code}{': ' + entry.text if entry.text else ''})" if entry.code else ""
    # A later line tells what became of it.
    if entry.outcome == "abandoned" and not entry.code:
        return ""
    return f"{tried} {ENDED.get(entry.outcome, entry.outcome)}{why}."


def _done(entry: JournalEntry, facts: Mapping[str, Any], there: str) -> str:
    words = {
        "key": entry.key,
        "there": there,
        "units": units_text(facts.get("units") or 0),
        "fields": _fields(facts.get("fields") or ()),
        "company": facts.get("company") or "",
        "status": str(facts.get("status") or "").lower().replace("_", " "),
        "number": facts.get("tracking_number") or "without a number",
        **{name: facts.get(name) or "" for name in ("amount", "currency", "by")},
        "take": str(facts.get("take") or "").replace("shipstation", "ShipStation").replace("shopify", "Shopify"),
    }
    step = "return_label_voided" if entry.step == "return_label" and facts.get("voided") else entry.step
    text = DONE.get(step, step).format_map(words)
    text += f" {rate_text(facts['rate'])}" if "rate" in facts else ""
    rules = ", ".join(facts.get("rules") or ())
    return f"{text} Rules that applied: {rules}." if rules else text


def rate_text(facts: Mapping[str, Any]) -> str:
    if without := facts.get("without"):
        instead = f"{facts['service']}, the fallback, was set" if facts["service"] else "it went without a service"
        return f"No rate was chosen, because {WHY[without]}: {instead}."
    days = f", {_counted(facts['days'], 'day')}" if "days" in facts else ""
    price = f"{facts['amount']} {facts['currency'].upper()}".rstrip()
    return f"By its rate {facts['service']} was chosen: {price}{days}, out of {_counted(facts['compared'], 'rate')}."


def units_text(count: int) -> str:
    return _counted(count, "unit")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _fields(names: Iterable[str]) -> str:
    words = list(dict.fromkeys(word for name in names if (word := FIELDS.get(name, name))))
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words) or "its status"
