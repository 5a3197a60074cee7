"""Since when a write without an answer is waited for: by the clock that nobody sets.

An intent bears the time of day of whoever wrote it: another replica, whose clock may differ, or ourselves before ours was set.
Whoever waits for its effect must have known of it for as long as it may take.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from mappings.plans import Package
from mappings.returns import Return
from syncd.ports import Clock

OLD = timedelta(minutes=10)
"""No clocks differ by so much."""

Doubtful = TypeVar("Doubtful", Package, Return)
_Write = tuple[str, str, datetime]


class Doubts:
    """What was written by this process, or found by it without an outcome, and when that was."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[_Write, float] = {}

    def begin(self, subject: str, key: str, intended_at: datetime) -> None:
        now_s = self._clock.monotonic()
        while self._since and now_s - next(iter(self._since.values())) > OLD.total_seconds():  # the oldest come first
            del self._since[next(iter(self._since))]
        self._since[subject, key, intended_at] = now_s

    def dated(self, subject: str, key: str, one: Doubtful) -> Doubtful:
        """With the time of day, by our clock as it is now, from which on it is to be waited for."""
        if one.intended_at is None:
            return one
        write, now = (subject, key, one.intended_at), self._clock.now()
        if write not in self._since:
            if now - one.intended_at > OLD:
                return one
            self.begin(*write)
        known_s = self._clock.monotonic() - self._since[write]
        return replace(one, in_doubt_since=now - timedelta(seconds=known_s))
