"""Where stories give an operator's commands: beside the daemon, on its database, its clock and its network."""

from __future__ import annotations

from syncd.operate.desk import Desk
from syncd.simulation.day import Day
from syncd.simulation.ports import Life, LivingHttp, SeededRng
from syncd.wiring import connect, start_of_sync


async def desk_of(day: Day) -> Desk:
    http = LivingHttp(day.network, Life())
    vendors = connect(day.settings, http, day.db, day.clock, SeededRng(7))
    return Desk(day.settings, day.db, day.db, day.clock, vendors, await start_of_sync(day.settings, day.db, day.clock))
