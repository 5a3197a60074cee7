"""What became of an order that was written, by the vendor's answer and by what reads back."""

from __future__ import annotations

from dataclasses import replace

from mappings.carry_over import regrouping
from mappings.packed import units_of
from mappings.plans import UpsertOrder
from mappings.shipstation_shapes import Order
from mappings.v2_documents import is_our_hold
from syncd.flows.looks import CONFLICT_WAIT_S, outcome_of
from syncd.flows.work import NOT_SHOWN, Outcome, Result
from syncd.shipstation.writes import RowOutcome

LOCKED = frozenset({"shipped", "cancelled"})
WEIGHTY = frozenset({"cancelled", "on_hold"})
"""What we ask for by these must be so afterwards, and so must be the units: goods would leave otherwise, or lie nowhere."""


def outcome_of_row(row: RowOutcome | None, probe_s: float) -> Outcome:
    if row is None:
        return Outcome(Result.UNKNOWN, "row_missing", "ShipStation's answer did not speak of it")
    if row.error is not None:
        return outcome_of(row.error, probe_s)
    return Outcome(Result.CONFIRMED, far_id=str(row.order_id))


def judged(step: UpsertOrder, outcome: Outcome, truth: Order | None) -> Outcome:
    """The outcome in the light of what reads back: gone or closed there, the world has moved. A success that does not show
    yet may be an old copy of the order, so that it stays in doubt: taken for a failure, our hold would pass for the warehouse's."""
    if truth is None:
        return moved("it cannot be found") if step.document.get("orderId") else _not_shown_yet(outcome)
    if truth["orderId"] != step.document.get("orderId", truth["orderId"]):
        return moved(f"it was merged or deleted meanwhile, and made anew as {truth['orderId']}")
    # it was whole when we looked: what we sent holds units that lie in another order too, or drove some out
    if problem := regrouping(truth):
        return moved(problem)
    sent, read = step.document["orderStatus"], truth.get("orderStatus")
    if sent != read and read in LOCKED:
        return moved(f"it reads back as {read}")
    is_left = sent != read and (sent in WEIGHTY or is_our_hold(truth))  # nobody else would ever end a hold of ours
    if is_left and outcome.result is Result.CONFIRMED:
        return Outcome(Result.UNKNOWN, NOT_SHOWN, f"it still reads back as {read}")
    if units_of(truth) != units_of(step.document) and outcome.result is Result.CONFIRMED:
        return Outcome(Result.UNKNOWN, NOT_SHOWN, "it still reads back with other units")
    return outcome


def moved(problem: str) -> Outcome:
    return Outcome(Result.CONFLICT, "changed_meanwhile", problem, wait_s=CONFLICT_WAIT_S)


def _not_shown_yet(outcome: Outcome) -> Outcome:
    """Of the first that we sent under a key, the cancelled order that takes its place. Reads may lag behind for a while."""
    if outcome.result is Result.CONFIRMED:
        return Outcome(Result.UNKNOWN, NOT_SHOWN, "accepted, and not shown yet")
    return replace(outcome, wait_s=None) if outcome.result is Result.CONFLICT else outcome
