"""By hand: see which cancellations were stopped, and let them through."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mappings.causes import Cause
from syncd.operate.desk import Desk
from syncd.store.brakes import brake_state, release_brake
from syncd.store.marks import parked_marks, release_parked
from syncd.store.transaction import together

FLOW = "orders"
FREE_S = 900.0
"""After a release the brake stays out of the way for so long."""


async def read_brake(desk: Desk) -> dict[str, Any]:
    state, marks = await desk.db.run(together(brake_state(FLOW), parked_marks()))
    stopped = sorted(one.subject for one in marks if one.flow == FLOW and one.error_code == Cause.BRAKE_PULLED)
    return {
        "pulled_at": state.pulled_at.isoformat() if state.pulled_at else None,
        "reason": state.reason,
        "stopped": stopped,
    }


async def release_stopped(desk: Desk) -> int:
    """How many orders were waiting for it. They are looked at afresh: what is no longer to be cancelled is not."""
    now = desk.clock.now()
    _, count = await desk.db.run(
        together(release_brake(FLOW, now + timedelta(seconds=FREE_S)), release_parked(FLOW, Cause.BRAKE_PULLED, now))
    )
    return int(count)


def brake_text(brake: dict[str, Any]) -> str:
    if not brake["pulled_at"]:
        return "The brake is not pulled: cancellations flow."
    lines = [
        f"PULLED since {brake['pulled_at'][:19]}: {brake['reason']}.",
        f"{len(brake['stopped'])} orders wait. Are their cancellations right? Then run `syncd brake release`.",
    ]
    return "\n".join([*lines, *(f"  {subject}" for subject in brake["stopped"][:20])])
