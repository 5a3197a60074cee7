"""A command that does what a duty of the daemon does waits for the duty's turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from syncd.intake.shifts import Passed, Shift
from syncd.operate.desk import Desk

LONGEST_LOOK_S = 900.0
TURN_S = 5.0


async def in_turn(desk: Desk, shift: Shift, run: Callable[[], Awaitable[int]]) -> int | None:
    """After a look of the daemon that is under way; None where that takes too long."""
    wanted_at = desk.clock.now()
    while desk.clock.now() < wanted_at + timedelta(seconds=LONGEST_LOOK_S):
        done = await shift.do(run, wanted_at)
        if not isinstance(done, Passed):
            return done
        await desk.clock.sleep(TURN_S)
    return None
