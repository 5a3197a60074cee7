"""By hand: the full look of the sweep now, beside a running daemon and within the same budget."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.accounts import Accounts
from syncd.adapters import SystemRng
from syncd.intake.shifts import Shift
from syncd.intake.sweeps import sweep_now
from syncd.operate.desk import Desk
from syncd.wiring import all_sweeps, sweep_bounds


async def sweep_by_hand(desk: Desk) -> dict[str, int]:
    """Name of each list -> how many orders it marked. Raises `SyncError` for what a vendor refuses."""
    rng = SystemRng()
    found = all_sweeps(
        desk.settings, desk.vendors, lambda name: Shift(name, desk.db, desk.clock, rng), desk.clock, desk.start_at
    )
    return await sweep_now(found, sweep_bounds(desk.settings), Accounts(desk.db, desk.clock), desk.clock)


def sweep_text(marked: Mapping[str, int]) -> str:
    lines = [f"{name.removesuffix('.sweep'):32} {count} orders to look at again" for name, count in marked.items()]
    return "\n".join([*lines, "What is wrong and cannot be made right is in `syncd parked` within a minute."])
