"""A small storm of the benchmark's kind: no answer, however mutilated, is a mistake of ours, a success, or a loss."""

from __future__ import annotations

import pytest

from bench.mutations import stormy_day


@pytest.mark.parametrize("seed", [1, 8, 12])
async def test_mutilated_answers_break_double_and_lose_nothing(virtual_time: None, seed: int) -> None:
    ended = await stormy_day(seed)
    assert ended.mutated.total() > 15
    assert (ended.problems, dict(ended.bugs)) == ([], {})
