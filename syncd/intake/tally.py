"""How many webhooks were refused at each door since the last one that was let in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from syncd.ports import Clock


@dataclass
class Refused:
    """Since the last delivery that was let in."""

    count: int
    since: datetime


class Tally:
    """Only of these doors: names that strangers made up are not counted."""

    def __init__(self, doors: Iterable[str], clock: Clock) -> None:
        self._doors = frozenset(doors)
        self._clock = clock
        self._rows: dict[str, Refused] = {}

    def refused(self, door: str) -> None:
        if door in self._doors:
            row = self._rows.setdefault(door, Refused(0, self._clock.now()))
            row.count += 1

    def accepted(self, door: str) -> None:
        self._rows.pop(door, None)

    async def rows(self) -> dict[str, Refused]:
        return dict(self._rows)
