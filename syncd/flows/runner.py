"""Claim, observe, plan, intend, apply, settle: written once. No transaction is open while we wait for a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from syncd.errors import SyncError
from syncd.flows.brake import Brake, planned
from syncd.flows.claim import claim_work, read_known
from syncd.flows.ending import Verdict
from syncd.flows.intend import Intent, intend, key_of
from syncd.flows.settle import Settled, settle_work
from syncd.flows.work import Flow, Known, Outcome, Result, Sighting, Unreadable
from syncd.hints import split_subject
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.store.marks import Claimed, due_summary, renew
from syncd.waiting import first_of, growing_wait_s

log = get_logger("runner")

PATIENT_WITH_BACKLOG = 4
"""How much longer than for orders to come a batch that is not full waits while there are more to be looked at."""

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


STORE_RETRY_S = 1.0
AT_ONCE = 25
"""Orders in one transaction, and looked at without a break: a webhook wants its own in between."""
ABSENT = "order_not_shown"
LOOKS_FOR_AN_ABSENT_ORDER = 3
"""So many looks must have failed, with growing waits and the last one for the same reason, before an order that is not shown
counts as not there."""
APART_S = 0.1
"""Between two looks that find nothing: a flood of webhooks wakes us hundreds of times a second, and each look takes the store."""
SOONEST_S = 0.5
"""When something becomes due is known only roughly: see `due_summary`."""


class Runner:
    """One flow's workers. `wake` makes them look at once; otherwise they look when something becomes due, and every `idle_s`.

    `told` is called when a batch has ended: it may have marked what is another flow's.
    """

    def __init__(
        self, flow: Flow, db: Db, clock: Clock, rng: Rng, bounds: Bounds, told: Callable[[], None] = lambda: None
    ) -> None:
        self._flow = flow
        self._db = db
        self._clock = clock
        self._rng = rng
        self._bounds = bounds
        self._brake = Brake(flow.name, bounds.brake_share, bounds.brake_least, db, clock)
        self._told = told
        self._wake = asyncio.Event()
        self._next_look_s = bounds.idle_s
        self._planning = asyncio.Lock()
        self._running: dict[asyncio.Task[None], float] = {}
        """With when it began."""
        self._partial: asyncio.Task[None] | None = None
        self._patient_until = clock.monotonic()
        self._is_waiting_for_store = False
        self.beat = clock.monotonic()

    def wake(self) -> None:
        self._wake.set()

    def under_way(self) -> list[tuple[str, float]]:
        """Each batch, and for how many seconds it has lasted."""
        now = self._clock.monotonic()
        return [(task.get_name(), now - began) for task, began in self._running.items()]

    async def work(self, stopping: asyncio.Event) -> None:
        """Runs batches until told to stop, then finishes those in flight. Raises what a batch raised: that is our bug."""
        while not stopping.is_set():
            self.beat = self._clock.monotonic()
            self._wake.clear()
            self._raise_failures()
            if not await self._start_batch_or_wait():
                await first_of(self._clock, APART_S, stopping)
                await first_of(self._clock, self._next_look_s - APART_S, self._wake, stopping)
        await asyncio.gather(*self._running)

    async def _start_batch_or_wait(self) -> bool:
        """A database that is busy, full or away is waited for. Going and coming back are told once each."""
        self._next_look_s = self._bounds.idle_s
        try:
            started = await self._start_batch()
        except SyncError as error:
            if not self._is_waiting_for_store:
                log.warning("store.lost", flow=self._flow.name, error_code=error.code, error_text=error.text)
            self._is_waiting_for_store = True
            self._next_look_s = STORE_RETRY_S
            return False
        if self._is_waiting_for_store:
            log.info("store.answered", flow=self._flow.name)
        self._is_waiting_for_store = False
        return started

    async def _start_batch(self) -> bool:
        """Starts one where there is room and reason, and tells whether it did."""
        now, bounds = self._clock.now(), self._bounds
        if len(self._running) >= bounds.batches_in_flight:
            return False
        due = await self._db.run(due_summary(self._flow.name, now, bounds.fold_s))
        is_partial = due.count < bounds.batch
        if due.count == 0:
            self._look_again_by(due.next_due_at, now)
            return False
        if is_partial and self._waits_for_company():
            self._next_look_s = min(bounds.idle_s, max(self._patient_until - self._clock.monotonic(), SOONEST_S))
            return False
        token = self._rng.token()
        if work := await self._claim(token, now, bounds.batch):
            task = asyncio.create_task(self._run(token, work), name=f"{self._flow.name} batch")
            self._running[task] = self._clock.monotonic()
            self._partial = task if is_partial else self._partial
            task.add_done_callback(lambda _: self._batch_ended())
        return bool(work)

    async def _claim(self, token: str, now: datetime, limit: int) -> dict[Claimed, Known]:
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

    def _look_again_by(self, due_at: datetime | None, now: datetime) -> None:
        if due_at is not None:
            self._next_look_s = min(self._bounds.idle_s, max((due_at - now).total_seconds(), SOONEST_S))

    def _batch_ended(self) -> None:
        self._wake.set()
        self._told()

    def _waits_for_company(self) -> bool:
        """Full batches never wait. Others go one at a time, and not too soon after calls were spent: few orders, dear slots."""
        is_under_way = self._partial is not None and not self._partial.done()
        return is_under_way or self._clock.monotonic() < self._patient_until

    def _raise_failures(self) -> None:
        ended = {task for task in self._running if task.done()}
        for task in ended:
            del self._running[task]
        for task in ended:
            task.result()

    async def _run(self, token: str, work: Mapping[Claimed, Known]) -> None:
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
            company += await self._looked_at(token, await self._claim(token, now, missing))
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
        intents = await self._db.run(intend(self._flow.name, token, intents, intended_at), ahead=True)
        self._patient_until = self._clock.monotonic() + self._flow.patience_s()
        looked_at = min((verdict.looked_at for verdict in ready), default=intended_at)
        steps = [(intent.subject, intent.step) for intent in intents]
        outcomes = await self._flow.apply(steps, turn, intended_at, looked_at)
        verdicts = {verdict.claimed.subject: verdict for verdict in ready}
        for intent, outcome in zip(intents, outcomes, strict=True):
            verdicts[intent.subject].done.append((intent, outcome))
            _tell(intent, outcome)
        await self._settle(token, ready, began)

    @asynccontextmanager
    async def _kept(self, token: str, subjects: Sequence[str]) -> AsyncIterator[None]:
        """What waits for calls keeps its leases: else others would claim it, wait behind us, and nobody would ever end it."""
        keeping = asyncio.create_task(self._keep(token, subjects))
        try:
            yield
        finally:
            keeping.cancel()

    async def _keep(self, token: str, subjects: Sequence[str]) -> None:
        while True:
            await self._clock.sleep(self._bounds.lease_s / 3)
            until = self._clock.now() + timedelta(seconds=self._bounds.lease_s)
            with suppress(SyncError):  # the next one may still come in time
                await self._db.run(renew(self._flow.name, subjects, token, until))

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
