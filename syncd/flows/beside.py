"""Orders beside each other: whoever waits for an answer keeps no other order waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


async def in_turns(steps: Sequence[tuple[str, S]], apply: Callable[[str, S], Awaitable[T]]) -> list[T]:
    """What became of each (subject, step): those of one subject one after the other."""
    by_subject: dict[str, list[int]] = {}
    for position, (subject, _) in enumerate(steps):
        by_subject.setdefault(subject, []).append(position)
    outcomes: dict[int, T] = {}

    async def in_turn(positions: Sequence[int]) -> None:
        for position in positions:
            outcomes[position] = await apply(*steps[position])

    await asyncio.gather(*map(in_turn, by_subject.values()))
    return [outcomes[position] for position in range(len(steps))]
