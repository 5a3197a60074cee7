"""A story of calls that never come to an end, whatever limits they have."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import pytest

from syncd.ports import Request
from syncd.simulation.day import Day, Fates, settings_of


async def never(request: Request) -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=settings_of(limits={"idle_s": 20}))


async def test_looks_and_batches_that_hang_are_told_of_once_an_hour(
    day: Day, capsys: pytest.CaptureFixture[str]
) -> None:
    day.sell()
    day.network.exchange = never  # type: ignore[method-assign]
    await day.passes(3600.0 + 300.0)
    told = [line for line in capsys.readouterr().out.splitlines() if "work.slow" in line]
    for name in ("orders batch", "feed main.orders", "feed shipstation.shipments"):
        assert len([line for line in told if line.endswith(f"task='{name}'")]) == 1, told
