"""Transaction 3 of a batch: what was learned, then how each mark ends."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from mappings import canonical
from mappings.causes import Cause, is_turn
from mappings.plans import AdoptFulfillment, CreateFulfillment, FulfillmentStep, Standing, UpsertOrder
from mappings.rates import choice_text
from mappings.returns import ReturnNews, ReturnStep
from syncd.flows.ending import Ending, Verdict, ending_of, looked_at_once_more
from syncd.flows.intend import learned
from syncd.flows.work import Flow, Outcome, Result
from syncd.hints import Mark, split_subject
from syncd.store.changed import Version, look_at_changed
from syncd.store.consignments import ConsignmentUpdate, record_consignments, remember_choices
from syncd.store.journal import ClosedEntry, NewEntry, close_intents, close_settled, close_superseded, note
from syncd.store.marks import defer, look_again, mark, park, settle, still_ours
from syncd.store.orders import causes_of, record_orders, record_troubles, record_unseen
from syncd.store.packages import adopt_fulfillment, note_taken_back
from syncd.store.returns import look_at_returns, note_return
from syncd.store.rulings import take_side
from syncd.store.schema import OrderRow
from syncd.store.statements import OrderRef
from syncd.store.transaction import Work


@dataclass(frozen=True)
class Settled:
    settled: int
    deferred: int
    parked: int

    def __add__(self, more: Settled) -> Settled:
        return Settled(self.settled + more.settled, self.deferred + more.deferred, self.parked + more.parked)


def settle_work(
    flow: Flow,
    token: str,
    verdicts: Sequence[Verdict],
    now: datetime,
    delay_s: Callable[[int], float],
    most_attempts: int,
) -> Work[Settled]:
    """Transaction 3: what was learned, then how each mark ends. Of a subject that somebody took over only what the vendors answered
    is kept, for that is true; what was seen may be older than what that one saw, and did since."""

    def work(session: Session) -> Settled:
        endings = [ending_of(flow, verdict, now, delay_s, most_attempts) for verdict in verdicts]
        before: Mapping[OrderRef, tuple[str, datetime]] = {}
        if flow.decides_state:
            before = causes_of([split_subject(one.claimed.subject) for one in endings if one.order])(session)
            endings = [looked_at_once_more(one, before, now) for one in endings]
        ours = still_ours(flow.name, [one.claimed.subject for one in endings], token)(session)
        told = [one if one.claimed.subject in ours else replace(one, plan=None, seen=None) for one in verdicts]
        for write in (*_lessons(flow, told, now), *_return_lessons(told, endings, now)):
            write(session)
        for write in _end_marks(flow.name, token, endings):
            write(session)
        orders = [one.order for one in endings if one.order and one.claimed.subject in ours]
        if flow.decides_state:
            _note_turns(token, orders, before, now)(session)
        if flow.tells_trouble:
            remember = record_orders if flow.decides_state else record_troubles
            remember(orders)(session)
        record_unseen([ending.unseen for ending in endings if ending.unseen])(session)
        for verdict, ending in zip(told, endings, strict=True):
            if verdict.plan and verdict.known.ruling.take and ending.kind in {"settle", "look_again"}:
                take_side(*split_subject(verdict.claimed.subject), None)(session)
        counts = Counter(ending.kind for ending in endings)
        return Settled(counts["settle"] + counts["look_again"], counts["defer"], counts["park"])

    return work


class _Turn(NamedTuple):
    """The new verdict on one order, and the cause that it had before, None when it is new to us."""

    row: OrderRow
    was: str | None
    since: datetime

    def is_told(self, now: datetime) -> bool:
        was = Cause(self.was) if self.was else None
        return is_turn(was, Cause(self.row.cause), (now - self.since).total_seconds())

    def entry(self, token: str) -> NewEntry:
        facts = {
            "cause": self.row.cause,
            "detail": self.row.detail,
            "was": self.was,
            "was_since": self.since.isoformat(),
        }
        return NewEntry(token, "orders", self.row.store, self.row.order_id, "state", "", json.dumps(facts))


def _note_turns(
    token: str, orders: Sequence[OrderRow], before: Mapping[OrderRef, tuple[str, datetime]], now: datetime
) -> Work[None]:
    """What happened to an order beside our steps is a line in its story: held, parked, free again. A sale that goes its way
    without any of that has no such line."""
    turns = [_Turn(row, *before.get((row.store, row.order_id), (None, now))) for row in orders]
    return note([turn.entry(token) for turn in turns if turn.is_told(now)], now)


def _lessons(flow: Flow, verdicts: Sequence[Verdict], now: datetime) -> Iterable[Work[Any]]:
    """Consignments, packages, journal, and the subjects at which the other flow must look."""
    done = [pair for verdict in verdicts for pair in verdict.done]
    remembered = [learned(one) for verdict in verdicts if verdict.seen for one in verdict.seen.learned]
    remembered += [learned(one) for verdict in verdicts if verdict.plan for one in verdict.plan.recalled]
    confirmed = [(intent, outcome) for intent, outcome in done if outcome.result is Result.CONFIRMED]
    yield record_consignments(
        remembered + [_confirmed(i.step, o, now) for i, o in confirmed if isinstance(i.step, UpsertOrder)], now
    )
    chosen = [pair for verdict in verdicts if verdict.plan for pair in verdict.plan.choices]
    yield remember_choices({key: choice_text(choice) for key, choice in chosen})
    for intent, outcome in confirmed:
        if isinstance(intent.step, FulfillmentStep) and outcome.far_id:
            yield _adopted(intent.step, intent.subject, outcome.far_id, now)
    for verdict in verdicts:
        if verdict.plan and verdict.plan.taken_back:
            yield note_taken_back(verdict.plan.taken_back, *split_subject(verdict.claimed.subject))
    yield close_intents([closed_entry(intent.entry_id, outcome) for intent, outcome in done], now)
    yield close_superseded([intent.entry_id for intent, _ in confirmed], now)
    yield close_settled(flow.name, [pair for verdict in verdicts for pair in _final(flow, verdict)], now)
    if flow.decides_state:
        yield look_at_changed(_versions(verdicts), now)
    elif flow.tells_trouble:
        yield mark([Mark("orders", verdict.claimed.subject) for verdict in verdicts if verdict.has_news], now)
        told = [i.subject for i, _ in confirmed if isinstance(i.step, CreateFulfillment | AdoptFulfillment)]
        yield look_at_returns(map(split_subject, told), now)


def _versions(verdicts: Sequence[Verdict]) -> dict[OrderRef, Version]:
    return {
        split_subject(one.claimed.subject): Version(one.seen.updated_at, one.seen.routing_updated_at)
        for one in verdicts
        if one.seen
    }


def _return_lessons(verdicts: Sequence[Verdict], endings: Sequence[Ending], now: datetime) -> Iterable[Work[Any]]:
    """A conflict that did not end is a refusal: a person must look."""
    for verdict, ending in zip(verdicts, endings, strict=True):
        news = list(verdict.plan.returns) if verdict.plan else []
        for intent, outcome in verdict.done:
            if isinstance(intent.step, ReturnStep) and outcome.result is Result.CONFIRMED:
                news.append(intent.step.news(outcome.far_id))
            elif isinstance(intent.step, ReturnStep) and outcome.result in (Result.REFUSED, Result.CONFLICT):
                is_final = outcome.result is Result.REFUSED or ending.kind == "park"
                news.append(ReturnNews(intent.step.return_key, detail="refused" if is_final else None, refused=True))
        for one in news:
            told = {name: value for name, value in asdict(one).items() if value is not None}
            del told["return_key"], told["refused"]
            if "suggested" in told:
                told["suggested"] = str(told["suggested"])
            yield note_return(split_subject(verdict.claimed.subject), one.return_key, told, one.refused, now)


def _final(flow: Flow, verdict: Verdict) -> list[tuple[OrderRef, str]]:
    """What no step can change any more: orders that ShipStation closed, packages whose label is void."""
    ref = split_subject(verdict.claimed.subject)
    if verdict.seen is None:
        return []
    resolved = list(verdict.plan.resolved) if verdict.plan else []
    if flow.decides_state:
        closed = [
            one.order_key for one in verdict.seen.learned if one.standing in (Standing.SHIPPED, Standing.CANCELLED)
        ]
        voided = [f"{one.package_key} label" for one in verdict.known.packages if one.voided]
        resolved = [*closed, *voided, *resolved]
    return [(ref, key) for key in resolved]


def _adopted(
    step: FulfillmentStep,
    subject: str,
    gid: str,
    now: datetime,
) -> Work[None]:
    """Where another package was quicker to take this fulfillment, the order is looked at once more."""
    part = step.told if isinstance(step, CreateFulfillment | AdoptFulfillment) else None
    told = json.dumps(part) if part is not None else None

    def work(session: Session) -> None:
        if not adopt_fulfillment(step.package_key, *split_subject(subject), gid, told)(session):
            mark([Mark("shipments", subject)], now)(session)

    return work


def _confirmed(step: UpsertOrder, outcome: Outcome, now: datetime) -> ConsignmentUpdate:
    is_cancelled = step.document["orderStatus"] == "cancelled"
    return ConsignmentUpdate(
        step.order_key,
        Standing.CANCELLED if is_cancelled else Standing.OPEN,
        shipstation_order_id=int(outcome.far_id) if outcome.far_id else None,
        applied=canonical.dumps(step.applied),
        pushed_at=now,
    )


def closed_entry(entry_id: int, outcome: Outcome) -> ClosedEntry:
    """What was never sent is abandoned; what may have arrived stays open until its effect is found or surely missing."""
    kinds = {
        Result.CONFIRMED: "confirmed",
        Result.REFUSED: "refused",
        Result.CONFLICT: "refused",
        Result.POSTPONED: "abandoned",
    }
    return ClosedEntry(entry_id, kinds.get(outcome.result, "unknown"), outcome.code or None, outcome.text or None)


def _end_marks(flow: str, token: str, endings: Sequence[Ending]) -> Iterable[Work[Any]]:
    by_kind: dict[str, list[Ending]] = {
        kind: [one for one in endings if one.kind == kind] for kind in ("settle", "look_again", "park")
    }
    yield settle(flow, [one.claimed for one in by_kind["settle"]], token)
    yield look_again(flow, {one.claimed.subject: one.at for one in by_kind["look_again"]}, token)
    yield park(flow, {one.claimed.subject: (one.code, one.text) for one in by_kind["park"]}, token)
    for counts in (True, False):
        deferred = [one for one in endings if one.kind == "defer" and one.counts_attempt is counts]
        yield defer(flow, {one.claimed.subject: (one.at, one.code, one.text) for one in deferred}, token, counts)
