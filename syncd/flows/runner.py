"""When a flow works: as long as anything is due, at once where it is woken, and in the company of others where calls are dear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from syncd.errors import SyncError
from syncd.flows.batch import Batches, Bounds
from syncd.flows.work import Flow
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.store.marks import due_summary
from syncd.waiting import first_of

log = get_logger("runner")

STORE_RETRY_S = 1.0
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
        self._batches = Batches(flow, db, clock, rng, bounds)
        self._told = told
        self._wake = asyncio.Event()
        self._next_look_s = bounds.idle_s
        self._running: dict[asyncio.Task[None], float] = {}
        """With when it began."""
        self._partial: asyncio.Task[None] | None = None
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
            self._next_look_s = min(
                bounds.idle_s, max(self._batches.patient_until - self._clock.monotonic(), SOONEST_S)
            )
            return False
        token = self._rng.token()
        if work := await self._batches.claim(token, now, bounds.batch):
            task = asyncio.create_task(self._batches.run(token, work), name=f"{self._flow.name} batch")
            self._running[task] = self._clock.monotonic()
            self._partial = task if is_partial else self._partial
            task.add_done_callback(lambda _: self._batch_ended())
        return bool(work)

    def _look_again_by(self, due_at: datetime | None, now: datetime) -> None:
        if due_at is not None:
            self._next_look_s = min(self._bounds.idle_s, max((due_at - now).total_seconds(), SOONEST_S))

    def _batch_ended(self) -> None:
        self._wake.set()
        self._told()

    def _waits_for_company(self) -> bool:
        """Full batches never wait. Others go one at a time, and not too soon after calls were spent: few orders, dear slots."""
        is_under_way = self._partial is not None and not self._partial.done()
        return is_under_way or self._clock.monotonic() < self._batches.patient_until

    def _raise_failures(self) -> None:
        ended = {task for task in self._running if task.done()}
        for task in ended:
            del self._running[task]
        for task in ended:
            task.result()
