"""When the orders that wait will be in ShipStation, as far as its limit decides that: full calls, each window spent when it opens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncd.budget import Urgency, ceiling
from syncd.store.budgets import Ledger


@dataclass(frozen=True)
class Pace:
    """Orders in a call, calls in a window, and its length."""

    batch: int
    calls: int
    window_s: float

    @property
    def orders_per_minute(self) -> int:
        return int(self.batch * ceiling(Urgency.ORDERS, self.calls) * 60 / self.window_s)


def drain_forecast(waiting: int, pace: Pace, ledger: Ledger, now: datetime) -> dict[str, Any]:
    """For the status. Some of those who wait may have nothing to send, so that it is done earlier."""
    seconds = drained_in_s(math.ceil(waiting / pace.batch), pace, ledger, now)
    return {
        "orders": waiting,
        "orders_per_minute": pace.orders_per_minute,
        "seconds": round(seconds, 1),
        "at": (now + timedelta(seconds=seconds)).isoformat(timespec="seconds"),
    }


def drained_in_s(calls: int, pace: Pace, ledger: Ledger, now: datetime) -> float:
    """Until the last of so many calls may leave."""
    blocked_s = max(0.0, (ledger.blocked_until - now).total_seconds()) if ledger.blocked_until else 0.0
    most = ceiling(Urgency.ORDERS, pace.calls)
    later = calls - max(0, most - ledger.used)
    if later <= 0:
        return blocked_s if calls else 0.0
    opens_s = ledger.runs_out(ledger.used - 1) - now.timestamp() if ledger.used else pace.window_s
    return max(blocked_s, opens_s, 0.0) + (math.ceil(later / most) - 1) * pace.window_s


def forecast_text(forecast: dict[str, Any]) -> str:
    return (
        f"{forecast['orders']} orders wait for ShipStation: sent within {forecast['seconds']:.0f} s, "
        f"at {forecast['orders_per_minute']} a minute"
    )
