"""The forecast counts what is left of the open window, and then whole windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.operate.forecast import Pace, drain_forecast
from syncd.store.budgets import Ledger, Told

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PACE = Pace(batch=100, calls=40, window_s=60)


def open_window(used: int, ends_s: float) -> Ledger:
    ends = NOW.timestamp() + ends_s
    return Ledger({float(number): None for number in range(used)}, Told(ends, ends, ends, used))


@pytest.mark.parametrize(
    ("waiting", "ledger", "seconds"),
    [
        pytest.param(0, open_window(38, 20), 0, id="nothing waits"),
        pytest.param(3_800, Ledger(), 0, id="one window takes all"),
        pytest.param(3_801, Ledger(), 60, id="the first window opens with the first call"),
        pytest.param(100, open_window(38, 20), 20, id="the open window is spent"),
        pytest.param(3_900, open_window(37, 20), 20, id="one now, the rest in the next window"),
        pytest.param(4_000, open_window(38, 20), 80, id="two more windows"),
        pytest.param(100, Ledger(blocked_until=NOW + timedelta(seconds=45)), 45, id="the vendor wants no call"),
    ],
)
def test_orders_are_drained_as_fast_as_the_windows_open(waiting: int, ledger: Ledger, seconds: float) -> None:
    forecast = drain_forecast(waiting, PACE, ledger, NOW)
    assert forecast["seconds"] == pytest.approx(seconds)
    assert forecast["orders_per_minute"] == 3_800
    assert forecast["at"] == (NOW + timedelta(seconds=seconds)).isoformat(timespec="seconds")
