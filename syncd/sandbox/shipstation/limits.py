"""The request budget of one key pair: so many calls in a fixed window, told in three headers on every answer."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from syncd.sandbox.shipstation.options import ShipStationOptions

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Grant:
    is_allowed: bool
    headers: dict[str, str]


@dataclass
class _Window:
    started_at: datetime
    calls: int = 0
    foreign: int = 0


class RateLimit:
    """Refused calls do not lengthen the wait. `most_calls` is the largest number of calls in one window, refused ones included."""

    def __init__(self) -> None:
        self.most_calls = 0
        self._windows: dict[str, _Window] = {}

    def take(self, key: str, now: datetime, options: ShipStationOptions) -> Grant:
        window = self._window(key, now, options)
        window.calls += 1
        self.most_calls = max(self.most_calls, window.calls)
        used = window.calls + window.foreign
        left_s = (window.started_at + timedelta(seconds=options.window_s) - now).total_seconds()
        rounded = math.ceil(left_s) if options.reset_rounded == "up" else math.floor(left_s)
        headers = {
            "x-rate-limit-limit": str(options.requests_per_window),
            "x-rate-limit-remaining": str(max(0, options.requests_per_window - used)),
            "x-rate-limit-reset": str(max(0, rounded)),
        }
        return Grant(used <= options.requests_per_window, headers)

    def spend(self, key: str, calls: int, now: datetime, options: ShipStationOptions) -> None:
        """Somebody else uses the same key pair. `most_calls` does not count these."""
        self._window(key, now, options).foreign += calls

    def standing(self, now: datetime, options: ShipStationOptions) -> tuple[int, float]:
        """Calls in the window that was opened last, of any key pair, and the seconds that are left of it; none where it is over."""
        last = max(self._windows.values(), key=lambda window: window.started_at, default=None)
        left_s = options.window_s - (now - last.started_at).total_seconds() if last else 0.0
        return (last.calls, left_s) if last and left_s > 0 else (0, 0.0)

    def _window(self, key: str, now: datetime, options: ShipStationOptions) -> _Window:
        window = self._windows.get(key)
        if window is None or now >= window.started_at + timedelta(seconds=options.window_s):
            window = self._windows[key] = _Window(_start(now, options))
        return window


def _start(now: datetime, options: ShipStationOptions) -> datetime:
    if options.window_style == "first_request":
        return now
    return now - timedelta(seconds=(now - EPOCH).total_seconds() % options.window_s)


@dataclass
class CallCounts:
    """What was asked of the account so far."""

    total: int = 0
    refused: int = 0  # answered 429
    by_path: Counter[str] = field(default_factory=Counter)

    def count(self, path: str) -> None:
        self.total += 1
        self.by_path[path] += 1
