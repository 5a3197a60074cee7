"""What asking for rates costs, how long an answer serves, and that nothing of it ever fails an order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlmodel import Session

from mappings.rates import Parcel, Question, Quotes
from syncd.budget import WindowBudget
from syncd.errors import TransientError
from syncd.flows.rates import KEPT_S, Rates
from syncd.sandbox.memory import MemoryHttp
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.rates import V1Rates
from syncd.shipstation.wire import Wire
from syncd.simulation.ports import SeededRng
from tests.shipstation.account import BASE, KEYS, Account
from tests.simulated import InlineDb

T = TypeVar("T")

THREE = ("ups", "fedex", "stamps_com")


class FragileDb(InlineDb):
    fails = False

    async def run(self, fn: Callable[[Session], T], ahead: bool = False) -> T:
        if self.fails:
            raise TransientError("store_busy", "database is locked")
        return await super().run(fn, ahead)


def parcel(weight_grams: int = 450) -> Parcel:
    return Parcel(501, "US", "TX", "78703", weight_grams, "package", "none", True)


class Asked:
    def __init__(self, limit: int = 40) -> None:
        self.account = Account(requests_per_window=limit)
        self.db, clock = FragileDb(), self.account.clock
        budget = WindowBudget(self.db, clock, "shipstation", limit, 60)
        wire = Wire(MemoryHttp({BASE: self.account.world}), clock, SeededRng(), budget, BASE)
        self.rates = Rates([V1Rates(ShipStationClient(wire, self.account.ring((KEYS,))))], clock)

    async def quotes(self, *questions: Question) -> list[Quotes]:
        found = await self.account.do(self.rates.quotes(questions))
        return [found[question] for question in questions]

    def calls(self) -> int:
        return self.account.world.calls.by_path.get("POST /shipments/getrates", 0)


@pytest.fixture
def asked() -> Asked:
    return Asked()


async def test_an_answer_serves_for_an_hour(asked: Asked) -> None:
    (first,) = await asked.quotes(Question(parcel(), THREE))
    assert (first.unanswered, len({rate.carrier for rate in first.rates})) == (None, 3)
    assert await asked.quotes(Question(parcel(), THREE)) == [first]
    assert asked.calls() == 3
    await asked.account.do(asked.account.clock.sleep(KEPT_S + 1))
    assert await asked.quotes(Question(parcel(), THREE)) == [first]
    assert asked.calls() == 6


async def test_of_many_parcels_as_many_are_priced_as_a_quarter_of_the_window_takes_and_the_rest_later(
    asked: Asked,
) -> None:
    questions = [Question(parcel(50 * number), THREE) for number in range(1, 6)]
    quotes = await asked.quotes(*questions)
    assert [one.unanswered for one in quotes] == [None, None, None, "budget", "budget"]
    assert asked.calls() == 9
    await asked.account.do(asked.account.clock.sleep(61))
    assert [one.unanswered for one in await asked.quotes(*questions)] == [None] * 5
    assert asked.calls() == 15


async def test_more_carriers_than_the_share_has_calls_are_known_after_two_windows() -> None:
    asked, many = Asked(limit=20), (*THREE, "endicia", "usps", "ups_walleted", "nobody")
    (early,) = await asked.quotes(Question(parcel(), many))
    await asked.account.do(asked.account.clock.sleep(61))
    (late,) = await asked.quotes(Question(parcel(), many))
    assert (early.unanswered, late.unanswered, asked.calls()) == ("budget", None, 6)
    assert {rate.carrier for rate in late.rates} == set(many) - {"nobody"}


async def test_a_database_that_is_busy_costs_the_rates_and_not_the_order(asked: Asked) -> None:
    await asked.quotes(Question(parcel(), THREE))
    asked.db.fails = True
    (known, unknown) = await asked.quotes(Question(parcel(), THREE), Question(parcel(900), THREE))
    assert (known.unanswered, unknown.unanswered) == (None, "failed")


async def test_a_database_that_is_busy_from_the_start_costs_no_more(asked: Asked) -> None:
    asked.db.fails = True
    assert await asked.quotes(Question(parcel(), THREE)) == [Quotes(unanswered="failed")]
