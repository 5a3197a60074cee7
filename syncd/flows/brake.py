"""The brake: what would cancel a large share of its orders at once is more often a mistake than a wish, so a person is asked.

It sits between plan and intent: of what it stops nothing was sent and nothing was written down.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mappings.consignments import LIVE
from mappings.plans import Plan
from syncd.flows.work import Known
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.store.brakes import BrakeState, brake_state, pull_brake

log = get_logger("brake")

MINUTE_S = 60.0


@dataclass(frozen=True)
class Planned:
    """How many ShipStation orders the plan of one order cancels, of how many that are open or made."""

    cancels: int
    consignments: int


class _Minute(NamedTuple):
    at: float
    planned: Planned


class Brake:
    """Counts the last minute, so that a flood does not slip through in small batches. `share` of at least `least` cancellations."""

    def __init__(self, flow: str, share: float, least: int, db: Db, clock: Clock) -> None:
        self._flow = flow
        self._share = share
        self._least = least
        self._db = db
        self._clock = clock
        self._minute: deque[_Minute] = deque()

    async def stops(self, batch: Sequence[Planned]) -> tuple[bool, bool]:
        """(whether this batch's cancellations must wait, whether all of the batch must). Pulls the brake where it has to."""
        total = self._with_last_minute(batch)
        if not any(one.cancels for one in batch):
            return False, False
        state = await self._db.run(brake_state(self._flow))
        if state.pulled_at:
            return True, False
        is_flood = total.cancels >= self._least and total.cancels > self._share * total.consignments
        if not is_flood or self._is_released(state):
            return False, False
        reason = f"{total.cancels} of {total.consignments} ShipStation orders would be cancelled within a minute"
        await self._db.run(pull_brake(self._flow, reason, self._clock.now()))
        log.error("brake.pulled", flow=self._flow, count=total.cancels, of=total.consignments)
        return True, True

    def _is_released(self, state: BrakeState) -> bool:
        return state.released_until is not None and self._clock.now() < state.released_until

    def _with_last_minute(self, batch: Sequence[Planned]) -> Planned:
        now = self._clock.monotonic()
        self._minute.append(
            _Minute(now, Planned(sum(one.cancels for one in batch), sum(one.consignments for one in batch)))
        )
        while self._minute[0].at <= now - MINUTE_S:
            self._minute.popleft()
        recent = [one.planned for one in self._minute]
        return Planned(sum(one.cancels for one in recent), sum(one.consignments for one in recent))


def planned(plan: Plan | None, known: Known) -> Planned:
    steps = plan.steps if plan else ()
    cancels = sum(step.kind == "cancel_order" for step in steps)
    made = sum(step.kind == "create_order" for step in steps)
    return Planned(cancels, sum(one.standing in LIVE for one in known.consignments) + made)
