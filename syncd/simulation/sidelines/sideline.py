"""What all sidelines have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from syncd.ports import Request

Deed = Callable[[int], Awaitable[Any] | Any]
"""Picks its object by the number; raises `ValueError` or `LookupError` when nothing happens."""


class Sideline(Protocol):
    """Whoever has nothing to do at the first three leaves them out."""

    deeds: Mapping[str, Deed]
    bars: frozenset[str] = frozenset()
    """Deeds of a day's people after which nobody could say what must be so."""

    def begin(self) -> None:
        """Before the daemon runs."""
        return

    async def work(self) -> None:
        """Looks on until it is cancelled."""
        return

    def arrives(self, request: Request) -> None:
        """A request of the daemon is about to be carried out."""
        return

    async def settle(self) -> None:
        """All is quiet: until nothing is left to do, or for as long as one may wait for that."""

    async def judge(self) -> list[str]:
        """At rest: a sentence for everything that is not as it should be."""

    def broken(self) -> list[str]:
        """What may never be, whatever else goes wrong, also after the database was lost."""
