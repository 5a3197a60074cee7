"""How the work on one order ends: what was seen, planned and done of it -> settled, looked at again, deferred or parked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mappings.causes import Cause, State, state_of
from mappings.plans import Plan, Standing, Step
from mappings.returns import ReturnStep
from syncd.flows.intend import Intent
from syncd.flows.work import NOT_SHOWN, NOTHING, Flow, Known, Outcome, Result, Seen, Unreadable
from syncd.hints import split_subject
from syncd.store.marks import Claimed
from syncd.store.schema import OrderRow
from syncd.store.statements import OrderRef

CLOSED = {State.SHIPPED, State.CANCELLED, State.EXCLUDED}
TROUBLED = {State.PARKED, State.HELD}
STOPPED_WAIT_S = 60.0
SECOND_LOOK_S = 30.0
"""Longer than what a vendor shows is behind."""


@dataclass
class Verdict:
    """What the batch learned and did about one subject."""

    claimed: Claimed
    looked_at: datetime
    """From when on a change may have been missed by the look: it began then."""
    plan: Plan | None = None
    seen: Seen | None = None
    unreadable: Unreadable | None = None
    known: Known = field(default_factory=Known)
    done: list[tuple[Intent, Outcome]] = field(default_factory=list)
    is_stopped: bool = False
    """The brake keeps its steps from being carried out."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is to be carried out now."""
        return self.plan.steps if self.plan and not self.is_stopped else ()

    @property
    def has_news(self) -> bool:
        """Whether what the order's state is made of may have changed."""
        is_bug = self.unreadable is not None and self.unreadable.code == "bug"
        return self.plan is not None or bool(self.done) or is_bug

    @property
    def has_others_to_try(self) -> bool:
        """Whether the order has returns beside the one that was refused just now."""
        tried = {intent.step.return_key for intent, _ in self.done if isinstance(intent.step, ReturnStep)}
        return any(not one.outcome and not one.refusals and one.return_key not in tried for one in self.known.returns)

    @property
    def worst(self) -> Outcome | None:
        """The outcome that decides: a refusal before doubt, doubt before a conflict, anything before success."""
        ranking = (Result.REFUSED, Result.UNKNOWN, Result.CONFLICT, Result.POSTPONED)
        outcomes = [outcome for _, outcome in self.done]
        return next((outcome for result in ranking for outcome in outcomes if outcome.result is result), None)


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


def ending_of(
    flow: Flow, verdict: Verdict, now: datetime, delay_s: Callable[[int], float], most_attempts: int
) -> Ending:
    """The decision table of settling, first row that applies."""
    claimed, plan, worst = verdict.claimed, verdict.plan, verdict.worst
    retry_at = now + timedelta(seconds=delay_s(claimed.attempts))
    if verdict.unreadable:
        return _not_seen(flow, verdict, verdict.unreadable, now, retry_at)
    assert plan is not None
    # The brake: what would be cancelled waits for a person, what was planned beside it is planned anew.
    if verdict.is_stopped:
        if any(step.kind == "cancel_order" for step in plan.steps):
            row = _order_row(flow, verdict, Cause.BRAKE_PULLED, "", now)
            return Ending(claimed, "park", now, Cause.BRAKE_PULLED, "its cancellation waits for a person", order=row)
        at = now + timedelta(seconds=STOPPED_WAIT_S)
        return Ending(claimed, "defer", at, Cause.BRAKE_PULLED, "planned beside a flood of cancellations", False)
    # One return of several is refused: the others go first, then it is tried once more.
    if worst and worst.result is Result.REFUSED and verdict.has_others_to_try and not claimed.attempts:
        return Ending(claimed, "defer", retry_at, worst.code, worst.text)
    # The vendor refuses the document, or doubts did not end while others got through: a person must look. What was accepted just
    # now is shown late, whatever failed before.
    is_late = worst and worst.code == NOT_SHOWN and claimed.error_code != NOT_SHOWN
    is_given_up = worst and worst.is_of_this_order and claimed.attempts >= most_attempts and not is_late
    if worst and (worst.result is Result.REFUSED or is_given_up):
        row = _order_row(flow, verdict, worst.cause or flow.refused, worst.text or worst.code, now)
        return Ending(claimed, "park", now, worst.code, worst.text, order=row)
    # In doubt, or not sent at all: look again soon.
    if worst:
        at = now + timedelta(seconds=worst.wait_s) if worst.wait_s is not None else retry_at
        order = _order_row(flow, verdict, _under_way(verdict, worst), "", now) if flow.decides_state else None
        return Ending(claimed, "defer", at, worst.code, worst.text, worst.result is not Result.POSTPONED, order)
    # All is done. A state that only exists until the steps are confirmed is over now.
    cause = Cause.IN_SHIPSTATION if plan.cause is Cause.QUEUED else plan.cause
    order = _order_row(flow, verdict, cause, plan.detail, now)
    # A write of ours may still appear. That wait is no success: what failed before it stays counted.
    doubts = [one.package_key for one in verdict.known.packages if one.intended_at]
    doubts += [one.return_key for one in verdict.known.returns if one.intended_at]
    is_in_doubt = any(key not in plan.resolved for key in doubts)
    if plan.look_again_at and claimed.attempts and is_in_doubt and not flow.decides_state:
        return Ending(claimed, "defer", plan.look_again_at, "in_doubt", counts_attempt=False, order=order)
    if plan.look_again_at:
        return Ending(claimed, "look_again", plan.look_again_at, order=order)
    return Ending(claimed, "settle", now, order=order)


def _not_seen(flow: Flow, verdict: Verdict, unreadable: Unreadable, now: datetime, retry_at: datetime) -> Ending:
    """We could not look: not the order's fault, so it is tried for as long as it takes, unless it is our bug."""
    claimed, code, text = verdict.claimed, unreadable.code, unreadable.text
    if code == "bug" and claimed.attempts:
        return Ending(claimed, "park", now, code, text, order=_order_row(flow, verdict, Cause.BUG, text, now))
    at = now + timedelta(seconds=unreadable.wait_s) if unreadable.wait_s is not None else retry_at
    unseen = _order_row(flow, verdict, unreadable.cause, text, now) if flow.decides_state else None
    return Ending(claimed, "defer", at, code, text, unreadable.counts_attempt, unseen=unseen)


def looked_at_once_more(ending: Ending, before: Mapping[OrderRef, tuple[str, datetime]], now: datetime) -> Ending:
    """What one look puts before a person: its answer may have lacked something, or have been old, and nobody would ask again.
    `before`: cause and since when, as remembered."""
    row = ending.order
    if ending.kind != "settle" or row is None or row.state != State.PARKED:
        return ending
    is_known = before.get((row.store, row.order_id), ("", now))[0] == row.cause
    return ending if is_known else replace(ending, kind="look_again", at=now + timedelta(seconds=SECOND_LOOK_S))


def _under_way(verdict: Verdict, worst: Outcome) -> Cause:
    """An order of which surely nothing is in ShipStation yet waits where its account is paused; any other is on its way."""
    is_new = all(one.standing is Standing.INTENDED for one in verdict.known.consignments)
    is_unsent = all(outcome.result is Result.POSTPONED for _, outcome in verdict.done)
    return worst.cause if worst.cause and is_new and is_unsent else Cause.QUEUED


def _order_row(flow: Flow, verdict: Verdict, cause: Cause, detail: str, now: datetime) -> OrderRow:
    """What the flow says of the order. What waits for a person decides the state: its own cause, what the sweep found, or a package
    that Shopify cannot be told of, which may also wait for nothing but the end of a hold (seed 270067)."""
    store, order_id = split_subject(verdict.claimed.subject)
    trouble, trouble_detail = verdict.known.trouble if flow.decides_state else (cause, detail)
    if not flow.decides_state and state_of(cause) not in TROUBLED:
        trouble, trouble_detail = None, ""
    for told, told_detail in (verdict.known.finding if flow.decides_state else NOTHING, (trouble, trouble_detail)):
        if told and state_of(cause) is not State.PARKED:
            cause, detail = told, told_detail
    state = state_of(cause)
    seen = verdict.seen
    return OrderRow(
        store=store,
        order_id=order_id,
        name=seen.name if seen else verdict.unreadable.name if verdict.unreadable else "",
        state=state,
        cause=cause,
        detail=detail,
        trouble=trouble,
        trouble_detail=trouble_detail or None,
        since=now,
        seen_at=verdict.looked_at,
        shopify_updated_at=seen.updated_at if seen else None,
        routing_updated_at=seen.routing_updated_at if seen else None,
        closed_at=now if state in CLOSED else None,
        judged=",".join(verdict.plan.judged) if verdict.plan else None,
    )
