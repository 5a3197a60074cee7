"""A duty has one replica at a time: the others wait for a dead one's shift to run out, and a late one writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from syncd.adapters import SystemRng
from syncd.errors import ConflictError, TransientError
from syncd.intake.shifts import SHIFT_S, Passed, Shift
from syncd.ports import Db
from syncd.simulation.ports import LoopClock
from syncd.store.cursors import advance, cursor
from syncd.store.leases import drop_lease
from tests.simulated import InlineDb

pytestmark = pytest.mark.usefixtures("virtual_time")


@pytest.fixture
def db() -> Iterator[InlineDb]:
    db = InlineDb()
    yield db
    db.close()


def shift(db: Db) -> Shift:
    return Shift("polls", db, LoopClock(), SystemRng())


async def look() -> int:
    return 7


async def test_a_duty_that_takes_long_stays_with_who_began_it(db: InlineDb) -> None:
    clock, ours, theirs = LoopClock(), shift(db), shift(db)

    async def long_look() -> int:
        await clock.sleep(10 * SHIFT_S)
        await ours.run(advance("polls", clock.now(), None, clock.now()))
        return 1

    looking = asyncio.create_task(ours.do(long_look, clock.now()))
    for _ in range(9):
        await clock.sleep(SHIFT_S)
        assert await theirs.do(look, clock.now()) is Passed.BUSY
    assert await looking == 1
    assert await theirs.do(look, clock.now()) == 7


async def test_the_shift_of_a_dead_replica_runs_out(db: InlineDb) -> None:
    clock, theirs = LoopClock(), shift(db)
    died = asyncio.create_task(shift(db).do(lambda: clock.sleep(1e9), clock.now()))
    await clock.sleep(1)
    for task in asyncio.all_tasks() - {asyncio.current_task(), died}:
        task.cancel()  # nobody renews it any more
    await clock.sleep(SHIFT_S - 2)
    assert await theirs.do(look, clock.now()) is Passed.BUSY
    await clock.sleep(1)
    assert await theirs.do(look, clock.now()) == 7
    died.cancel()


async def test_who_slept_through_its_shift_writes_nothing(db: InlineDb) -> None:
    clock, ours, theirs = LoopClock(), shift(db), shift(db)

    async def sleeper() -> int:
        await db.run(drop_lease("polls", ours._token, None, None))  # as good as run out
        assert await theirs.do(look, clock.now()) == 7
        await ours.run(advance("polls", clock.now(), None, clock.now()))
        return 1

    with pytest.raises(ConflictError, match="another replica"):
        await ours.do(sleeper, clock.now())
    assert await db.run(cursor("polls")) is None


async def test_what_somebody_did_since_it_was_wanted_is_not_done_again(db: InlineDb) -> None:
    clock, wanted_at = LoopClock(), LoopClock().now()
    await clock.sleep(1)
    assert await shift(db).do(look, wanted_at) == 7
    assert await shift(db).do(look, wanted_at) is Passed.DONE
    assert await shift(db).do(look, clock.now().replace(year=2100), rest_s=5) == 7
    assert await shift(db).do(look, clock.now().replace(year=2100)) is Passed.BUSY
    await clock.sleep(5)
    assert await shift(db).do(look, clock.now()) == 7


async def test_a_duty_that_failed_is_done_by_the_next(db: InlineDb) -> None:
    async def fail() -> int:
        raise TransientError("http_500")

    wanted_at = LoopClock().now()
    with pytest.raises(TransientError, match="http_500"):
        await shift(db).do(fail, wanted_at)
    assert await shift(db).do(look, wanted_at) == 7
