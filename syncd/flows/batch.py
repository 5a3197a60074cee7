"""One batch: claim, observe, plan, intend, apply, settle. No transaction is open while we wait for a network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from syncd.errors import SyncError
from syncd.flows.brake import Brake, planned
from syncd.flows.claim import claim_work, read_known
from syncd.flows.ending import Verdict
from syncd.flows.intend import Intent, intend, key_of
from syncd.flows.leases import kept
from syncd.flows.settle import Settled, settle_work
from syncd.flows.work import Flow, Known, Outcome, Result, Sighting, Unreadable
from syncd.hints import split_subject
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.store.marks import Claimed, due_summary, renew
from syncd.waiting import growing_wait_s

log = get_logger("runner")

PATIENT_WITH_BACKLOG = 4
"""How much longer than for orders to come a batch that is not full waits while there are more to be looked at."""
AT_ONCE = 25
"""Orders in one transaction, and looked at without a break: a webhook wants its own in between."""
ABSENT = "order_not_shown"
LOOKS_FOR_AN_ABSENT_ORDER = 3
"""So many looks must have failed, with growing waits and the last one for the same reason, before an order that is not shown
counts as not there."""

EVENTS = {
    "create_order": "order.pushed",
    "update_order": "order.updated",
    "hold_order": "order.held",
    "release_order": "order.released",
    "void_label": "label.voided",
    "cancel_order": "order.cancelled",
    "create_fulfillment": "fulfillment.created",
    "adopt_fulfillment": "fulfillment.adopted",
    "update_tracking": "tracking.updated",
    "cancel_fulfillment": "fulfillment.cancelled",
    "note_return": "return.noted",
    "open_return": "return.opened",
    "label_return": "return.labelled",
    "refund_return": "return.refunded",
    "process_return": "return.processed",
    "close_return": "return.closed",
}


@dataclass(frozen=True)
class Bounds:
    """The runner's limits, from the settings."""

    batch: int
    batches_in_flight: int
    lease_s: float
    fold_s: float
    attempts: int
    longest_wait_s: float
    brake_share: float = 1.0
    brake_least: int = 10
    idle_s: float = 1.0


class Batches:
    """The batches of one flow: what `claim` returned goes to `run`. `patient_until`, by the monotonic clock: how long one that is
    not full may wait for company."""

    def __init__(self, flow: Flow, db: Db, clock: Clock, rng: Rng, bounds: Bounds) -> None:
        self._flow = flow
        self._db = db
        self._clock = clock
        self._rng = rng
        self._bounds = bounds
        self._brake = Brake(flow.name, bounds.brake_share, bounds.brake_least, db, clock)
        self._planning = asyncio.Lock()
        self.patient_until = clock.monotonic()

    async def claim(self, token: str, now: datetime, limit: int) -> dict[Claimed, Known]:
        """What was claimed before the database failed is worked on."""
        bounds, work = self._bounds, dict[Claimed, Known]()
        for start in range(0, limit, AT_ONCE):
            most = min(AT_ONCE, limit - start)
            try:
                part = await self._db.run(claim_work(self._flow.name, now, token, most, bounds.lease_s, bounds.fold_s))
            except SyncError:
                if not work:
                    raise
                break
            work |= part
            if len(part) < most:
                break
        return work

    async def run(self, token: str, work: Mapping[Claimed, Known]) -> None:
        """One batch. Where it ends early, the leases run out and it is claimed again."""
        with structlog.contextvars.bound_contextvars(flow=self._flow.name, batch_id=token[:8]):
            try:
                ready = await self._looked_at(token, work)
                # a clock that jumps ends leases of ours: what was claimed once more meanwhile counts as it was seen last
                async with self._kept(token, [verdict.claimed.subject for verdict in ready]):
                    company = await self._company(token, ready)
                latest = {verdict.claimed.subject: verdict for verdict in (*ready, *company)}
                await self._carried_out(token, list(latest.values()))
            except SyncError as error:
                log.warning("batch.postponed", count=len(work), error_code=error.code, error_text=error.text)
            except Exception:
                log.exception("batch.failed", count=len(work))

    async def _company(self, token: str, ready: Sequence[Verdict]) -> list[Verdict]:
        """A call takes a hundred steps, and not every order of a batch has one: in a backlog more are looked at until it is
        all but full. Not for long while the window is open, and until it opens while it is spent; but soon enough that no
        lease of this batch can have run out and be taken anew under its own token."""
        company: list[Verdict] = []
        patience_s = PATIENT_WITH_BACKLOG * self._flow.patience_s()
        until = self._clock.monotonic() + min(patience_s, self._bounds.lease_s / 4)
        while ready and self._clock.monotonic() < until:
            now, missing = self._clock.now(), self._bounds.batch - _steps([*ready, *company])
            due = await self._db.run(due_summary(self._flow.name, now, self._bounds.fold_s))
            if missing < self._bounds.batch / 10 or due.count < self._bounds.batch:
                break
            company += await self._looked_at(token, await self.claim(token, now, missing))
        return company

    async def _looked_at(self, token: str, work: Mapping[Claimed, Known]) -> list[Verdict]:
        """Those with something to do. The others are settled."""
        try:
            return await self._look(token, work)
        except SyncError:
            raise
        except Exception:
            await self._in_halves(token, work)
            return []

    async def _carried_out(self, token: str, ready: Sequence[Verdict]) -> None:
        try:
            await self._carry_out(token, ready)
        except SyncError:
            raise
        except Exception:
            await self._in_halves(token, {verdict.claimed: verdict.known for verdict in ready})

    async def _in_halves(self, token: str, work: Mapping[Claimed, Known]) -> None:
        """A mistake of ours about one order fails its whole batch. Halves of halves find that order, and the others go on."""
        log.exception("batch.failed", count=len(work))
        if len(work) == 1:
            await self._give_up(token, next(iter(work)))
            return
        claimed, middle = list(work), len(work) // 2
        for part in (claimed[:middle], claimed[middle:]):
            await self._carried_out(token, await self._looked_at(token, await self._read_again(part)))

    async def _read_again(self, part: Sequence[Claimed]) -> dict[Claimed, Known]:
        """What failed half-way may have intents by now, and those decide what may be sent again."""
        known = await self._db.run(read_known(self._flow.name, [split_subject(claimed.subject) for claimed in part]))
        return {claimed: known[split_subject(claimed.subject)] for claimed in part}

    async def _give_up(self, token: str, claimed: Claimed) -> None:
        """Deferred for long the first time, parked the second."""
        now, attempts = self._clock.now(), self._bounds.attempts
        verdict = Verdict(claimed, now, unreadable=Unreadable("bug", "the work failed", self._bounds.longest_wait_s))
        await self._db.run(settle_work(self._flow, token, [verdict], now, self._delay_s, attempts))

    async def _look(self, token: str, work: Mapping[Claimed, Known]) -> list[Verdict]:
        began, looked_at = self._clock.monotonic(), self._clock.now()
        verdicts = []
        async with self._kept(token, [claimed.subject for claimed in work]):
            sightings = await self._flow.observe({claimed.subject: known for claimed, known in work.items()})
            async with self._planning:  # one order of all batches at a time: webhooks want their answers in between
                for claimed, known in work.items():
                    verdicts.append(self._verdict(claimed, known, sightings[claimed.subject], looked_at))
                    await self._clock.sleep(0)
        await self._apply_brake(verdicts)
        await self._settle(token, [verdict for verdict in verdicts if not verdict.steps], began)
        return [verdict for verdict in verdicts if verdict.steps]

    async def _carry_out(self, token: str, ready: Sequence[Verdict]) -> None:
        if not ready:
            return
        began = self._clock.monotonic()
        async with self._kept(token, [verdict.claimed.subject for verdict in ready]):
            turn = await self._flow.turn([step for verdict in ready for step in verdict.steps])
        ready = await self._still_ours(token, ready)
        intents = [Intent(verdict.claimed.subject, step) for verdict in ready for step in verdict.steps]
        # nothing is in doubt that only waited for its turn
        intended_at = self._clock.now()
        remembered = [one for verdict in ready if verdict.plan for one in verdict.plan.recalled]
        intents = await self._db.run(intend(self._flow.name, token, intents, remembered, intended_at), ahead=True)
        self.patient_until = self._clock.monotonic() + self._flow.patience_s()
        looked_at = min((verdict.looked_at for verdict in ready), default=intended_at)
        steps = [(intent.subject, intent.step) for intent in intents]
        outcomes = await self._flow.apply(steps, turn, intended_at, looked_at)
        verdicts = {verdict.claimed.subject: verdict for verdict in ready}
        for intent, outcome in zip(intents, outcomes, strict=True):
            verdicts[intent.subject].done.append((intent, outcome))
            _tell(intent, outcome)
        await self._settle(token, ready, began)

    def _kept(self, token: str, subjects: Sequence[str]) -> AbstractAsyncContextManager[None]:
        return kept(self._db, self._clock, self._flow.name, token, subjects, self._bounds.lease_s)

    async def _still_ours(self, token: str, ready: Sequence[Verdict]) -> list[Verdict]:
        """Not what somebody else took over while it waited for its turn, nor what would be sent and is to be cancelled since."""
        until = self._clock.now() + timedelta(seconds=self._bounds.lease_s)
        subjects = [verdict.claimed.subject for verdict in ready]
        sent = [one.claimed.subject for one in ready if any(step.kind != "cancel_order" for step in one.steps)]
        ours = await self._db.run(renew(self._flow.name, subjects, token, until, sent), ahead=True)
        return [verdict for verdict in ready if verdict.claimed.subject in ours]

    async def _settle(self, token: str, verdicts: Sequence[Verdict], began: float) -> None:
        if not verdicts:
            return
        settled = Settled(0, 0, 0)
        for start in range(0, len(verdicts), AT_ONCE):
            part, now = verdicts[start : start + AT_ONCE], self._clock.now()
            settled += await self._db.run(
                settle_work(self._flow, token, part, now, self._delay_s, self._bounds.attempts)
            )
        outcomes = [outcome for verdict in verdicts for _, outcome in verdict.done]
        log.info(
            "batch.settled",
            claimed=len(verdicts),
            settled=settled.settled,
            deferred=settled.deferred,
            parked=settled.parked,
            confirmed=sum(outcome.result is Result.CONFIRMED for outcome in outcomes),
            duration_ms=round((self._clock.monotonic() - began) * 1000),
        )

    async def _apply_brake(self, verdicts: list[Verdict]) -> None:
        counts = {verdict.claimed.subject: planned(verdict.plan, verdict.known) for verdict in verdicts}
        stops_cancels, stops_all = await self._brake.stops(counts)
        for verdict in verdicts:
            has_steps = verdict.plan is not None and bool(verdict.plan.steps)
            cancels = counts[verdict.claimed.subject].cancels > 0
            verdict.is_stopped = has_steps and (stops_all or (stops_cancels and cancels))

    def _verdict(self, claimed: Claimed, known: Known, sighting: Sighting | Unreadable, looked_at: datetime) -> Verdict:
        """A plan that raises is our bug: told with its traceback, and the batch goes on."""
        if isinstance(sighting, Unreadable):
            return Verdict(claimed, looked_at, unreadable=sighting)
        if sighting.order is None and (claimed.attempts < LOOKS_FOR_AN_ABSENT_ORDER or claimed.error_code != ABSENT):
            # a null may also stand for a failure that the answer does not tell of
            return Verdict(claimed, looked_at, unreadable=Unreadable(ABSENT, "the store does not show the order"))
        try:
            plan = self._flow.plan(claimed.subject, known, sighting, self._clock.now())
        except Exception:
            log.exception("plan.failed", order_id=claimed.subject)
            return Verdict(
                claimed,
                looked_at,
                seen=sighting.kept(),
                unreadable=Unreadable("bug", "the plan failed", wait_s=self._bounds.longest_wait_s),
            )
        return Verdict(claimed, looked_at, plan=plan, seen=sighting.kept(), known=known)

    def _delay_s(self, attempts: int) -> float:
        return growing_wait_s(attempts, self._bounds.longest_wait_s, self._rng)


def _steps(verdicts: Sequence[Verdict]) -> int:
    return sum(len(verdict.steps) for verdict in verdicts)


def _tell(intent: Intent, outcome: Outcome) -> None:
    """One line per step. Known doubts and refusals are told by the mark's line; here it is what changed."""
    event = EVENTS[intent.step.kind] if outcome.result is Result.CONFIRMED else f"step.{outcome.result}"
    level = log.info if outcome.result is Result.CONFIRMED else log.warning
    level(
        event,
        step=intent.step.kind,
        order_id=intent.subject,
        order_key=key_of(intent.step),
        error_code=outcome.code or None,
        error_text=outcome.text or None,
    )
