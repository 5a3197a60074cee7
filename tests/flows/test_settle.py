"""How a batch that lost its lease ends: what it saw is older than what whoever took over wrote down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from mappings.causes import Cause
from mappings.plans import Plan
from syncd import hints
from syncd.flows.ending import Verdict
from syncd.flows.orders import OrdersFlow
from syncd.flows.settle import settle_work
from syncd.flows.work import Seen
from syncd.ports import Db
from syncd.store.journal import NewEntry, open_intents
from syncd.store.marks import Claimed, claim, mark
from syncd.store.schema import JournalEntry, OrderRow

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEASE_S = 60.0


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def claimed(db: Db, token: str, when: float) -> Claimed:
    (one,) = await db.run(claim("orders", 10, at(when), token, LEASE_S, settle_s=2))
    return one


async def settle(db: Db, token: str, one: Claimed, plan: Plan, when: float) -> None:
    flow = object.__new__(OrdersFlow)  # only what kind of flow it is counts here
    verdict = Verdict(one, at(when), plan, Seen("#1", None, None, ()))
    await db.run(settle_work(flow, token, [verdict], at(when), lambda attempts: 1.0, 8))


async def state(db: Db) -> str:
    def read(session: Session) -> str:
        return session.exec(select(OrderRow)).one().cause

    return await db.run(read)


async def test_who_lost_its_lease_does_not_say_in_which_state_the_order_is(db: Db) -> None:
    """A replica whose clock is ahead takes over, and the first one ends later."""
    await db.run(mark([hints.Mark("orders", "main/1")], at(0)))
    slow = await claimed(db, "slow", 10)
    quick = await claimed(db, "quick", 10 + LEASE_S)
    await settle(db, "quick", quick, Plan(Cause.FULFILLMENT_HOLD), 80)
    await settle(db, "slow", slow, Plan(Cause.UNREADABLE), 12)
    assert await state(db) == Cause.FULFILLMENT_HOLD


@pytest.mark.parametrize(("token", "expected"), [("slow", ["intended"]), ("quick", ["abandoned"])])
async def test_only_who_holds_the_order_ends_a_doubt_about_it(db: Db, token: str, expected: list[str]) -> None:
    """Whoever took over has sent it once more, and that answer is outstanding."""
    await db.run(mark([hints.Mark("orders", "main/1")], at(0)))
    claims = {"slow": await claimed(db, "slow", 10), "quick": await claimed(db, "quick", 10 + LEASE_S)}
    await db.run(open_intents([NewEntry("quick", "orders", "main", 1, "create_order", "main-1-7-1", None)], at(75)))
    await settle(db, token, claims[token], Plan(Cause.QUEUED, resolved=("main-1-7-1",)), 80)
    assert [row.outcome for row in await db.run(lambda session: session.exec(select(JournalEntry)).all())] == expected
