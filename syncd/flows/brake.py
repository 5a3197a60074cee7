"""The brake: what would cancel a large share of its orders at once is more often a mistake than a wish, so a person is asked.

It sits between plan and intent: of what it stops nothing was sent and nothing was written down.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from mappings.consignments import LIVE
from mappings.plans import Plan
from syncd.flows.work import Known
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.store.brakes import BrakeState, brake_state, pull_brake

log = get_logger("brake")

MINUTE_S = 60.0


class Planned(NamedTuple):
    """How many ShipStation orders the plan of one order cancels, of how many that are open or made."""

    cancels: int
    consignments: int


class _Plan(NamedTuple):
    at: float
    subject: str
    planned: Planned


class Brake:
    """Counts the last minute, so that a flood does not slip through in small batches. `share` of at least `least` cancellations."""

    def __init__(self, flow: str, share: float, least: int, db: Db, clock: Clock) -> None:
        self._flow = flow
        self._share = share
        self._least = least
        self._db = db
        self._clock = clock
        self._minute: deque[_Plan] = deque()

    async def stops(self, batch: Mapping[str, Planned]) -> tuple[bool, bool]:
        """By subject. (Whether this batch's cancellations must wait, whether all of the batch must.) Pulls the brake where it
        has to."""
        self._count(batch)
        if not any(one.cancels for one in batch.values()):
            return False, False
        state = await self._db.run(brake_state(self._flow))
        if state.pulled_at:
            return True, False
        total = self._last_minute()
        is_flood = total.cancels >= self._least and total.cancels > self._share * total.consignments
        if not is_flood or self._is_released(state):
            return False, False
        reason = f"{total.cancels} of {total.consignments} ShipStation orders would be cancelled within a minute"
        await self._db.run(pull_brake(self._flow, reason, self._clock.now()))
        log.error("brake.pulled", flow=self._flow, count=total.cancels, of=total.consignments)
        return True, True

    def _is_released(self, state: BrakeState) -> bool:
        return state.released_until is not None and self._clock.now() < state.released_until

    def _count(self, batch: Mapping[str, Planned]) -> None:
        now = self._clock.monotonic()
        self._minute += [_Plan(now, subject, planned) for subject, planned in batch.items()]
        while self._minute and self._minute[0].at <= now - MINUTE_S:
            self._minute.popleft()

    def _last_minute(self) -> Planned:
        """An order that is planned again and again, because its cancellation gets no answer, counts once."""
        most: dict[str, Planned] = {}
        for _, subject, one in self._minute:
            most[subject] = max(one, most.get(subject, one))
        return Planned(sum(one.cancels for one in most.values()), sum(one.consignments for one in most.values()))


def planned(plan: Plan | None, known: Known) -> Planned:
    steps = plan.steps if plan else ()
    cancels = sum(step.kind == "cancel_order" for step in steps)
    made = sum(step.kind == "create_order" for step in steps)
    return Planned(cancels, sum(one.standing in LIVE for one in known.consignments) + made)
