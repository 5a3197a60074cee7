"""Which rate is taken, which are not, and what is remembered of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.plans import Consignment, Standing
from mappings.rates import (
    WHY,
    Choice,
    Parcel,
    Quotes,
    Rate,
    RateWish,
    Service,
    choice_of,
    choice_text,
    chosen,
    fallen_back,
    parcel_of,
    rounded_up,
)
from mappings.rating import Rating, rating_of, with_choice
from mappings.shipstation_shapes import Order

GROUND = Rate("ups", "ups_ground", Decimal("8.40"), "usd", 5)
TWO_DAY = Rate("ups", "ups_2nd_day_air", Decimal("14.10"), "usd", 2)
ALSO_TWO = Rate("fedex", "fedex_2day", Decimal("15.20"), "usd", 2)
NEXT_DAY = Rate("fedex", "fedex_overnight", Decimal("41.00"), "usd", 1)
POST = Rate("stamps_com", "usps_ground", Decimal("7.90"), "usd")
ALL = Quotes((GROUND, NEXT_DAY, TWO_DAY, POST, ALSO_TWO))
CHEAPEST, FASTEST = RateWish("cheapest"), RateWish("fastest")
FALLBACK = Service("ups", "ups_ground")


def rate(carrier: str, amount: str, days: int | None = 3, currency: str = "usd") -> Rate:
    return Rate(carrier, f"{carrier}_x", Decimal(amount), currency, days)


@pytest.mark.parametrize(
    ("wish", "quotes", "taken"),
    [
        pytest.param(CHEAPEST, ALL, POST, id="cheapest, days unknown or not"),
        pytest.param(replace(CHEAPEST, within_days=5), ALL, GROUND, id="cheapest of those known to arrive in time"),
        pytest.param(replace(CHEAPEST, within_days=2), ALL, TWO_DAY, id="exactly within the days counts"),
        pytest.param(FASTEST, ALL, NEXT_DAY, id="fastest at any price"),
        pytest.param(replace(FASTEST, among=("ups",)), ALL, TWO_DAY, id="fastest of one carrier"),
        pytest.param(replace(CHEAPEST, among=("fedex", "ups/ups_2nd_day_air")), ALL, TWO_DAY, id="carrier or service"),
        pytest.param(CHEAPEST, Quotes((rate("b", "5"), rate("a", "5.00"))), rate("a", "5.00"), id="tie: the alphabet"),
        pytest.param(CHEAPEST, Quotes((rate("a", "5"), rate("b", "5", 2))), rate("b", "5", 2), id="tie: the faster"),
        pytest.param(
            CHEAPEST, Quotes((rate("a", "5", None), rate("b", "5", 9))), rate("b", "5", 9), id="tie: known days"
        ),
        pytest.param(FASTEST, Quotes((rate("a", "9", 2), rate("b", "8", 2))), rate("b", "8", 2), id="tie: the cheaper"),
    ],
)
def test_the_best_rate_is_taken(wish: RateWish, quotes: Quotes, taken: Rate) -> None:
    choice = chosen(wish, "US", quotes)
    assert (choice.carrier, choice.service, choice.amount, choice.days) == (
        taken.carrier,
        taken.service,
        taken.amount,
        taken.days,
    )
    assert (choice.without, choice.package) == (None, "package")


@pytest.mark.parametrize(
    ("wish", "quotes", "why"),
    [
        pytest.param(CHEAPEST, Quotes(), "refused", id="nobody carries it"),
        pytest.param(replace(CHEAPEST, among=("dhl",)), ALL, "none_fits", id="none of those named"),
        pytest.param(replace(FASTEST, within_days=1, among=("ups",)), ALL, "none_fits", id="none in time"),
        pytest.param(FASTEST, Quotes((POST,)), "none_fits", id="nobody says how long it takes"),
        pytest.param(CHEAPEST, Quotes(ALL.rates, "budget"), "budget", id="not all have answered"),
        pytest.param(
            CHEAPEST, Quotes((GROUND, rate("x", "1", 2, "cad"))), "currencies", id="prices that do not compare"
        ),
    ],
)
def test_without_a_rate_the_fallback_is_taken_or_nothing(wish: RateWish, quotes: Quotes, why: Any) -> None:
    choice = chosen(replace(wish, fallback=FALLBACK), "US", quotes)
    assert (choice.carrier, choice.service, choice.without, choice.amount) == ("ups", "ups_ground", why, None)
    assert chosen(wish, "US", quotes).carrier is None
    assert why in WHY


RATES = st.builds(
    Rate,
    st.sampled_from(["ups", "fedex", "usps"]),
    st.sampled_from(["ground", "air", "post"]),
    st.decimals(0, 99, places=2),
    st.just("usd"),
    st.one_of(st.none(), st.integers(1, 9)),
)
WISHES = st.builds(
    RateWish,
    st.sampled_from(["cheapest", "fastest"]),
    st.sampled_from([(), ("ups",), ("fedex/air", "usps")]),
    st.one_of(st.none(), st.integers(1, 9)),
)


@given(WISHES, st.lists(RATES, max_size=8), st.randoms())
def test_nothing_that_fits_is_better_and_the_sequence_of_the_answers_does_not_matter(
    wish: RateWish, rates: list[Rate], random: Any
) -> None:
    choice = chosen(wish, "US", Quotes(tuple(rates)))
    random.shuffle(rates)
    assert chosen(wish, "US", Quotes(tuple(rates))) == choice
    alone = [one for one in rates if chosen(wish, "US", Quotes((one,))).carrier]
    assert bool(choice.carrier) == bool(alone)
    assert choice.compared == len(alone)
    if choice.amount is not None and wish.choose == "cheapest":
        assert choice.amount == min(one.amount for one in alone)
    if choice.days is not None:
        assert wish.within_days is None or choice.days <= wish.within_days
        assert wish.choose != "fastest" or choice.days == min(one.days or 0 for one in alone)


@pytest.mark.parametrize("choice", [chosen(CHEAPEST, "US", ALL), fallen_back(CHEAPEST, "CA", "late")])
def test_a_choice_comes_back_from_its_row_as_it_was(choice: Choice) -> None:
    assert choice_of(choice_text(choice)) == choice


@pytest.mark.parametrize(
    ("weight", "asked"), [("0.01", 50), ("50", 50), ("50.01", 100), ("1000", 1000), ("1001", 1250)]
)
def test_weights_are_asked_for_rounded_up(weight: str, asked: int) -> None:
    assert rounded_up(Decimal(weight)) == asked


DOCUMENT: Order = {
    "orderKey": "main-1-2-1",
    "shipTo": {"name": "A", "street1": "1 Road", "city": "Austin", "state": "tx", "postalCode": "78703-1234", "country": "US"},
    "weight": {"value": Decimal("420"), "units": "grams"},
    "advancedOptions": {"warehouseId": 501},
}  # fmt: skip


def test_parcels_that_cost_the_same_are_one_question() -> None:
    assert parcel_of(DOCUMENT, CHEAPEST) == Parcel(501, "US", "TX", "78703", 450, "package", "none", True)
    other: Order = {**DOCUMENT, "weight": {"value": Decimal("449"), "units": "grams"}, "orderKey": "main-9-2-1"}
    assert parcel_of(other, CHEAPEST) == parcel_of(DOCUMENT, CHEAPEST)
    assert parcel_of({**DOCUMENT, "weight": None}, CHEAPEST) == "no_weight"
    assert parcel_of({**DOCUMENT, "shipTo": {"country": "US"}}, CHEAPEST) == "no_address"


def rated(consignment: Consignment | None, quotes: Quotes | None = ALL, wish: RateWish = CHEAPEST) -> Rating:
    first = rating_of(wish, DOCUMENT, consignment, {})
    return rating_of(wish, DOCUMENT, consignment, {first.question: quotes} if first.question and quotes else {})


def known(**of: Any) -> Consignment:
    return Consignment(**{"order_key": "main-1-2-1", "location_id": 2, "split_group": "", "n": 1, **of})


BY_DHL: Any = {**DOCUMENT, "carrierCode": "dhl"}
READ_THERE: Any = {**BY_DHL, "orderId": 9}
OPEN = known(standing=Standing.OPEN, shipstation_order_id=9, applied=BY_DHL)


@pytest.mark.parametrize(
    ("consignment", "quotes", "carrier"),
    [
        pytest.param(None, ALL, "stamps_com", id="new"),
        pytest.param(None, Quotes(), "ups", id="new without a rate: the fallback"),
        pytest.param(None, None, None, id="new, and nobody was asked"),
        pytest.param(OPEN, ALL, "stamps_com", id="a rule that came later"),
        pytest.param(OPEN, Quotes(), "dhl", id="which moves nothing to the fallback"),
        pytest.param(OPEN, None, "dhl", id="nor anything while nobody was asked"),
        pytest.param(replace(OPEN, choice=chosen(CHEAPEST, "US", Quotes((GROUND,)))), ALL, "ups", id="chosen already"),
        pytest.param(replace(OPEN, choice=fallen_back(CHEAPEST, "US", "late")), ALL, None, id="decided already"),
        pytest.param(replace(OPEN, choice=chosen(CHEAPEST, "CA", Quotes((GROUND,)))), ALL, "stamps_com", id="another country"),
        pytest.param(replace(OPEN, choice=chosen(FASTEST, "US", ALL)), ALL, "stamps_com", id="the rule wants something else"),
        pytest.param(replace(OPEN, applied=READ_THERE), ALL, "dhl", id="lost memory"),
        pytest.param(replace(OPEN, applied=None), ALL, None, id="not even read"),
    ],
)  # fmt: skip
def test_who_carries_it_is_decided_once(
    consignment: Consignment | None, quotes: Quotes | None, carrier: str | None
) -> None:
    rating = rated(consignment, quotes, replace(CHEAPEST, fallback=FALLBACK))
    assert with_choice(DOCUMENT, rating).get("carrierCode") == carrier
    if rating.choice:
        remembered = known(standing=Standing.OPEN, choice=rating.choice, applied=DOCUMENT)
        assert rated(remembered, Quotes()) == Rating(rating.choice)
