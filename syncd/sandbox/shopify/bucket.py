"""The throttle of one app in one shop."""

from __future__ import annotations

from datetime import datetime


class Bucket:
    """A leaky bucket of points: the requested cost is reserved first, what was not used comes back."""

    def __init__(self, size: int, per_second: int, now: datetime) -> None:
        self.size = size
        self.per_second = per_second
        self._level = float(size)
        self._at = now

    def resize(self, size: int, per_second: int) -> None:
        if (size, per_second) != (self.size, self.per_second):
            self.size, self.per_second = size, per_second
            self._level = float(size)

    def available(self, now: datetime) -> int:
        passed = max(0.0, (now - self._at).total_seconds())
        self._level = min(float(self.size), self._level + passed * self.per_second)
        self._at = max(now, self._at)
        return int(self._level)

    def take(self, points: int, now: datetime) -> bool:
        if points > self.available(now):
            return False
        self._level -= points
        return True

    def give_back(self, points: int) -> None:
        self._level = min(float(self.size), self._level + points)

    def drain(self, now: datetime) -> None:
        """Somebody else used it up."""
        self.available(now)
        self._level = 0.0

    def status(self, now: datetime) -> dict[str, int]:
        return {
            "maximumAvailable": self.size,
            "currentlyAvailable": self.available(now),
            "restoreRate": self.per_second,
        }
