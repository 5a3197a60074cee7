"""Between rows and plans: the three transactions of a batch. The store stays ignorant of what its documents mean."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlmodel import Session

from mappings import canonical
from mappings.causes import Cause, State, state_of
from mappings.plans import (
    AdoptFulfillment,
    CancelFulfillment,
    Consignment,
    CreateFulfillment,
    Package,
    Plan,
    Ruling,
    Standing,
    Step,
    UpdateTracking,
    UpsertOrder,
    VoidLabel,
)
from mappings.shipstation_shapes import Order
from syncd.flows.work import Flow, Known, Outcome, Result, Sighting, Unreadable
from syncd.hints import Mark, split_subject
from syncd.store.cursors import whole_looks
from syncd.store.journal import (
    ClosedEntry,
    NewEntry,
    close_intents,
    close_settled,
    close_superseded,
    open_entries,
    open_intents,
)
from syncd.store.links import (
    ConsignmentUpdate,
    adopt_fulfillment,
    consignments_of,
    packages_of,
    record_consignments,
    record_orders,
    record_troubles,
    record_unseen,
    take_order_keys,
    troubles_of,
)
from syncd.store.marks import Claimed, claim, defer, look_again, mark, park, settle
from syncd.store.rulings import StoredRuling, rulings_of, take_side
from syncd.store.schema import ConsignmentRow, JournalEntry, OrderRow, PackageRow
from syncd.store.statements import OrderRef
from syncd.store.transaction import Work

CLOSED = {State.SHIPPED, State.CANCELLED, State.EXCLUDED}
TROUBLED = {State.PARKED, State.HELD}
STOPPED_WAIT_S = 60.0
LABEL_LISTS = ("shipstation.shipments", "shipstation.fulfillments")
"""The feeds in which new labels appear."""


@dataclass(frozen=True)
class Intent:
    """One step of one subject, about to be applied."""

    subject: str
    step: Step
    entry_id: int = 0


@dataclass
class Verdict:
    """What the batch learned and did about one subject."""

    claimed: Claimed
    plan: Plan | None = None
    sighting: Sighting | None = None
    unreadable: Unreadable | None = None
    known: Known = field(default_factory=Known)
    done: list[tuple[Intent, Outcome]] = field(default_factory=list)
    is_stopped: bool = False
    """The brake keeps its steps from being carried out."""

    @property
    def has_news(self) -> bool:
        """Whether what the order's state is made of may have changed."""
        return self.plan is not None or (self.unreadable is not None and self.unreadable.code == "bug")

    @property
    def worst(self) -> Outcome | None:
        """The outcome that decides: a refusal before doubt, doubt before a conflict, anything before success."""
        ranking = (Result.REFUSED, Result.UNKNOWN, Result.CONFLICT, Result.POSTPONED)
        outcomes = [outcome for _, outcome in self.done]
        return next((outcome for result in ranking for outcome in outcomes if outcome.result is result), None)


@dataclass(frozen=True)
class Settled:
    settled: int
    deferred: int
    parked: int


def key_of(step: Step) -> str:
    if isinstance(step, VoidLabel):
        return f"{step.package_key} label"  # of its own: a doubt about it is none about the package's fulfillment
    return step.order_key if isinstance(step, UpsertOrder) else step.package_key


def claim_work(
    flow: str, now: datetime, token: str, limit: int, lease_s: float, fold_s: float
) -> Work[dict[Claimed, Known]]:
    """Transaction 1: leases, and what we remember of each order. It is read before Shopify is: see `plan_order`."""

    def work(session: Session) -> dict[Claimed, Known]:
        claimed = claim(flow, limit, now, token, lease_s, fold_s)(session)
        known = read_known([split_subject(one.subject) for one in claimed])(session)
        return {one: known[split_subject(one.subject)] for one in claimed}

    return work


def read_known(refs: Sequence[OrderRef]) -> Work[dict[OrderRef, Known]]:
    def work(session: Session) -> dict[OrderRef, Known]:
        consignments, packages = consignments_of(refs)(session), packages_of(refs)(session)
        intents, troubles = open_entries(refs)(session), troubles_of(refs)(session)
        rulings, labels_read_at = rulings_of(refs)(session), whole_looks(LABEL_LISTS)(session)
        return {
            ref: Known(
                tuple(_consignment(row, intents.get(ref, ())) for row in consignments[ref]),
                tuple(_package(row, intents.get(ref, ())) for row in packages[ref]),
                _trouble(troubles.get(ref)),
                ruling=_ruling(rulings.get(ref)),
                labels_read_at=labels_read_at,
            )
            for ref in refs
        }

    return work


def _trouble(stored: tuple[str, str] | None) -> tuple[Cause | None, str]:
    return (Cause(stored[0]), stored[1]) if stored else (None, "")


def _ruling(stored: StoredRuling | None) -> Ruling:
    return Ruling(stored.released, cast(Any, stored.take)) if stored else Ruling()


def _consignment(row: ConsignmentRow, intents: Iterable[JournalEntry]) -> Consignment:
    """While an answer is outstanding nobody knows what ShipStation accepted last, whatever we noted before."""
    applied = cast(Order, canonical.loads(row.applied)) if row.applied else None
    doubts = [entry.step for entry in intents if entry.key == row.order_key]
    return Consignment(
        order_key=row.order_key,
        location_id=row.location_id,
        split_group=row.split_group,
        n=row.n,
        standing=Standing.INTENDED if doubts else Standing(row.standing),
        shipstation_order_id=row.shipstation_order_id,
        applied=applied,
        hold_in_doubt="hold_order" in doubts,
    )


def _package(row: PackageRow, intents: Iterable[JournalEntry]) -> Package:
    intended = [entry.opened_at for entry in intents if entry.key == row.package_key]
    return Package(
        package_key=row.package_key,
        order_key=row.order_key,
        voided=row.voided,
        tracking_number=row.tracking_number,
        carrier_code=row.carrier_code,
        service_code=row.service_code,
        lines=_lines(row.lines),
        fulfillment_gid=row.fulfillment_gid,
        intended_at=max(intended, default=None),
        voided_at=row.voided_at,
        told=_lines(row.told),
    )


def _lines(stored: str | None) -> dict[int, int] | None:
    return {int(line): units for line, units in json.loads(stored).items()} if stored else None


def intend(flow: str, token: str, intents: Sequence[Intent], now: datetime) -> Work[list[Intent]]:
    """Transaction 2: every step is on disk before its call, and a new order's key is taken. Returns them with their entries."""
    keys = [
        _intended_row(intent.subject, intent.step, now) for intent in intents if isinstance(intent.step, UpsertOrder)
    ]

    def work(session: Session) -> list[Intent]:
        take_order_keys(keys)(session)
        ids = open_intents([_entry(flow, token, intent) for intent in intents], now)(session)
        return [Intent(intent.subject, intent.step, entry_id) for intent, entry_id in zip(intents, ids, strict=True)]

    return work


def _intended_row(subject: str, step: UpsertOrder, now: datetime) -> ConsignmentRow:
    store, order_id = split_subject(subject)
    return ConsignmentRow(
        order_key=step.order_key,
        store=store,
        order_id=order_id,
        location_id=step.location_id,
        split_group=step.split_group,
        n=step.n,
        standing=Standing.INTENDED,
        created_at=now,
        updated_at=now,
    )


def _entry(flow: str, token: str, intent: Intent) -> NewEntry:
    store, order_id = split_subject(intent.subject)
    return NewEntry(
        token, flow, store, order_id, intent.step.kind, key_of(intent.step), json.dumps(_facts(intent.step))
    )


def _facts(step: Step) -> dict[str, object]:
    """What the story of an order tells of a step: names and counts, never contents."""
    if isinstance(step, UpsertOrder):
        units = sum(item["quantity"] for item in step.document["items"] if not item.get("adjustment"))
        return {"fields": list(step.fields), "units": units} | ({"rules": list(step.rules)} if step.rules else {})
    if isinstance(step, CreateFulfillment):
        units = sum(units for lines in step.lines.values() for units in lines.values())
        return {"units": units, "company": step.tracking_company, "tracking_number": step.tracking_number}
    if isinstance(step, UpdateTracking):
        number = {"company": step.tracking_company, "tracking_number": step.tracking_number}
        return {"fulfillment": step.fulfillment_gid, "instead_of": step.instead_of, **number}
    if isinstance(step, VoidLabel):
        return {"shipstation_order": step.shipstation_order_id}
    return {"fulfillment": step.fulfillment_gid}


def settle_work(
    flow: Flow,
    token: str,
    verdicts: Sequence[Verdict],
    now: datetime,
    delay_s: Callable[[int], float],
    most_attempts: int,
) -> Work[Settled]:
    """Transaction 3: what was learned, then how each mark ends. A subject whose lease ran out keeps what ShipStation or
    Shopify confirmed, for that is true; its mark belongs to whoever took it over."""

    def work(session: Session) -> Settled:
        for write in _lessons(flow, verdicts, now):
            write(session)
        endings = [_ending(flow, verdict, now, delay_s, most_attempts) for verdict in verdicts]
        for write in _end_marks(flow.name, token, endings):
            write(session)
        remember = record_orders if flow.decides_state else record_troubles
        remember([ending.order for ending in endings if ending.order])(session)
        record_unseen([ending.unseen for ending in endings if ending.unseen])(session)
        for verdict, ending in zip(verdicts, endings, strict=True):
            if verdict.known.ruling.take and ending.kind in {"settle", "look_again"}:
                take_side(*split_subject(verdict.claimed.subject), None)(session)
        counts = Counter(ending.kind for ending in endings)
        return Settled(counts["settle"] + counts["look_again"], counts["defer"], counts["park"])

    return work


def _lessons(flow: Flow, verdicts: Sequence[Verdict], now: datetime) -> Iterable[Work[Any]]:
    """Consignments, packages, journal, and the subjects at which the other flow must look."""
    done = [pair for verdict in verdicts for pair in verdict.done]
    learned = [_learned(one) for verdict in verdicts if verdict.sighting for one in verdict.sighting.learned]
    confirmed = [(intent, outcome) for intent, outcome in done if outcome.result is Result.CONFIRMED]
    yield record_consignments(
        learned + [_confirmed(i.step, o, now) for i, o in confirmed if isinstance(i.step, UpsertOrder)], now
    )
    for intent, outcome in confirmed:
        if not isinstance(intent.step, UpsertOrder | VoidLabel) and outcome.far_id:
            yield _adopted(intent.step, intent.subject, outcome.far_id, now)
    yield close_intents([_closed(intent, outcome) for intent, outcome in done], now)
    yield close_superseded([intent.entry_id for intent, _ in confirmed], now)
    yield close_settled(flow.name, [pair for verdict in verdicts for pair in _final(flow, verdict)], now)
    if not flow.decides_state:
        yield mark([Mark("orders", verdict.claimed.subject) for verdict in verdicts if verdict.has_news], now)


def _final(flow: Flow, verdict: Verdict) -> list[tuple[OrderRef, str]]:
    """What no step can change any more: orders that ShipStation closed, packages whose label is void."""
    ref = split_subject(verdict.claimed.subject)
    if verdict.sighting is None:
        return []
    if flow.decides_state:
        closed = [
            one.order_key for one in verdict.sighting.learned if one.standing in (Standing.SHIPPED, Standing.CANCELLED)
        ]
        voided = [f"{one.package_key} label" for one in verdict.known.packages if one.voided]
        return [(ref, key) for key in [*closed, *voided]]
    return [(ref, key) for key in verdict.plan.resolved] if verdict.plan else []


def _learned(consignment: Consignment) -> ConsignmentUpdate:
    applied = consignment.applied
    return ConsignmentUpdate(
        consignment.order_key,
        consignment.standing,
        consignment.shipstation_order_id,
        canonical.dumps(applied) if applied else None,
        canonical.digest(applied) if applied else None,
    )


def _adopted(
    step: CreateFulfillment | AdoptFulfillment | UpdateTracking | CancelFulfillment,
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
        applied_digest=canonical.digest(step.applied),
        pushed_at=now,
    )


def _closed(intent: Intent, outcome: Outcome) -> ClosedEntry:
    """What was never sent is abandoned; what may have arrived stays open until its effect is found or surely missing."""
    kinds = {
        Result.CONFIRMED: "confirmed",
        Result.REFUSED: "refused",
        Result.CONFLICT: "refused",
        Result.POSTPONED: "abandoned",
    }
    return ClosedEntry(
        intent.entry_id, kinds.get(outcome.result, "unknown"), outcome.code or None, outcome.text or None
    )


@dataclass(frozen=True)
class Ending:
    """How one mark ends: settle, look_again, defer or park. `order` is the state to remember."""

    claimed: Claimed
    kind: str
    at: datetime
    code: str = ""
    text: str = ""
    counts_attempt: bool = True
    order: OrderRow | None = None
    unseen: OrderRow | None = None
    """What to remember of an order that could not be looked at, should it be new to us."""


def _ending(flow: Flow, verdict: Verdict, now: datetime, delay_s: Callable[[int], float], most_attempts: int) -> Ending:
    """The decision table of settling, first row that applies."""
    claimed, plan, worst = verdict.claimed, verdict.plan, verdict.worst
    retry_at = now + timedelta(seconds=delay_s(claimed.attempts))
    # We could not look: not the order's fault, so it is tried for as long as it takes, unless it is our bug.
    if unreadable := verdict.unreadable:
        at = now + timedelta(seconds=unreadable.wait_s) if unreadable.wait_s is not None else retry_at
        if unreadable.code == "bug" and claimed.attempts:
            return Ending(
                claimed,
                "park",
                now,
                "bug",
                unreadable.text,
                order=_order_row(flow, verdict, Cause.BUG, unreadable.text, now),
            )
        unseen = _order_row(flow, verdict, unreadable.cause, unreadable.text, now) if flow.decides_state else None
        return Ending(claimed, "defer", at, unreadable.code, unreadable.text, unreadable.counts_attempt, unseen=unseen)
    assert plan is not None
    # The brake: what would be cancelled waits for a person, what was planned beside it is planned anew.
    if verdict.is_stopped:
        if any(step.kind == "cancel_order" for step in plan.steps):
            row = _order_row(flow, verdict, Cause.BRAKE_PULLED, "", now)
            return Ending(claimed, "park", now, Cause.BRAKE_PULLED, "its cancellation waits for a person", order=row)
        at = now + timedelta(seconds=STOPPED_WAIT_S)
        return Ending(claimed, "defer", at, Cause.BRAKE_PULLED, "planned beside a flood of cancellations", False)
    # The vendor refuses the document, or doubts did not end: a person must look.
    if worst and (
        worst.result is Result.REFUSED or (worst.result is not Result.POSTPONED and claimed.attempts >= most_attempts)
    ):
        return Ending(
            claimed,
            "park",
            now,
            worst.code,
            worst.text,
            order=_order_row(flow, verdict, worst.cause or worst.cause or flow.refused, worst.text or worst.code, now),
        )
    # In doubt, or not sent at all: look again soon.
    if worst:
        at = now + timedelta(seconds=worst.wait_s) if worst.wait_s is not None else retry_at
        order = _order_row(flow, verdict, Cause.QUEUED, "", now) if flow.decides_state else None
        return Ending(claimed, "defer", at, worst.code, worst.text, worst.result is not Result.POSTPONED, order)
    # All is done. A state that only exists until the steps are confirmed is over now.
    cause = Cause.IN_SHIPSTATION if plan.cause is Cause.QUEUED else plan.cause
    order = _order_row(flow, verdict, cause, plan.detail, now)
    # A write of ours may still appear. That wait is no success: what failed before it stays counted.
    if plan.look_again_at and claimed.attempts and not flow.decides_state:
        return Ending(claimed, "defer", plan.look_again_at, "in_doubt", counts_attempt=False, order=order)
    if plan.look_again_at:
        return Ending(claimed, "look_again", plan.look_again_at, order=order)
    return Ending(claimed, "settle", now, order=order)


def _order_row(flow: Flow, verdict: Verdict, cause: Cause, detail: str, now: datetime) -> OrderRow:
    """What the flow says of the order. A package that Shopify cannot be told of decides the state, whatever else is so."""
    store, order_id = split_subject(verdict.claimed.subject)
    trouble, trouble_detail = verdict.known.trouble if flow.decides_state else (cause, detail)
    if not flow.decides_state and state_of(cause) not in TROUBLED:
        trouble, trouble_detail = None, ""
    if trouble and state_of(cause) is not State.PARKED:
        cause, detail = trouble, trouble_detail
    state = state_of(cause)
    sighting = verdict.sighting
    return OrderRow(
        store=store,
        order_id=order_id,
        name=sighting.name if sighting else "",
        state=state,
        cause=cause,
        detail=detail,
        trouble=trouble,
        trouble_detail=trouble_detail or None,
        since=now,
        seen_at=now,
        shopify_updated_at=sighting.updated_at if sighting else None,
        closed_at=now if state in CLOSED else None,
    )


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
