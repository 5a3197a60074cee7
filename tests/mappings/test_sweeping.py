"""What the units of one order add up to, in a bulk look at ShipStation."""

from __future__ import annotations

from collections import Counter

import pytest

from mappings.causes import Cause
from mappings.plans import Standing
from mappings.sweeping import Placed, Sight, judge

MINE, OTHER = 5001, 5002
LINE = 7001


@pytest.mark.parametrize("standing", [Standing.OPEN, Standing.SHIPPED])
@pytest.mark.parametrize("status", ["awaiting_shipment", "shipped"])
@pytest.mark.parametrize(("units", "cause"), [(2, None), (3, Cause.DOUBLED_THERE), (1, Cause.UNITS_CHANGED_THERE)])
def test_what_was_merged_lies_in_what_absorbed_it(
    standing: Standing, status: str, units: int, cause: Cause | None
) -> None:
    """Whatever we think of it: one that counts as shipped, because its void was never seen, is merged all the same."""
    placed = Placed("main-5001-82734627-1", standing, 90001, Counter({LINE: 2}))
    held = {OTHER: Counter({7002: 1}), MINE: Counter({LINE: units})}
    survivor = Sight(90002, "main-5002-82734627-1", "#1002", status, held, frozenset({90001}), True)
    found = judge(MINE, [placed], [survivor], (), (), {})
    assert (found.cause if found else None) is cause


def test_what_was_merged_after_its_parcel_left_is_there_twice() -> None:
    """The void that must have come before is shown no more: labels of an order that was merged are on no list."""
    placed = Placed("main-5001-82734627-1", Standing.SHIPPED, 90001, Counter({LINE: 2}))
    held = {OTHER: Counter({7002: 1}), MINE: Counter({LINE: 2})}
    survivor = Sight(90002, "main-5002-82734627-1", "#1002", "awaiting_shipment", held, frozenset({90001}), True)
    found = judge(MINE, [placed], [survivor], (), (), {placed.order_key: Counter({LINE: 2})})
    assert found is not None
    assert found.cause is Cause.DOUBLED_THERE


def _after_a_split(units: int) -> tuple[list[Placed], list[Sight]]:
    """Of one order a person split off line 7002 and cancelled the rest, which was placed anew with so many units of line 7002."""
    anew = Counter({LINE: 1, 7002: units})
    placed = [
        Placed("main-5001-82734627-1", Standing.CANCELLED, 90001, Counter({LINE: 1, 7002: 1}), True),
        Placed("main-5001-82734627-2", Standing.OPEN, 90003, anew),
    ]
    sights = [
        Sight(90001, placed[0].order_key, "#1001", "cancelled", {MINE: Counter({LINE: 1})}, frozenset(), True),
        Sight(90002, "made-up", "#1001-1", "shipped", {MINE: Counter({7002: 1})}, frozenset(), True),
        Sight(90003, placed[1].order_key, "#1001-2", "awaiting_shipment", {MINE: anew}, frozenset(), False),
    ]
    return placed, sights


def test_what_left_in_a_part_of_a_cancelled_order_is_not_there_twice() -> None:
    placed, sights = _after_a_split(0)
    assert judge(MINE, placed, sights, (), (), {"": Counter({7002: 1})}) is None


def test_what_lies_in_a_part_of_a_cancelled_order_and_was_placed_anew_is_there_twice() -> None:
    placed, sights = _after_a_split(1)
    found = judge(MINE, placed, sights, (), (), {})
    assert found is not None
    assert found.cause is Cause.DOUBLED_THERE


@pytest.mark.parametrize(
    ("by_a_person", "anew", "left", "copies", "cause"),
    [
        pytest.param(True, 0, 0, 0, Cause.CHANGED_ON_BOTH_SIDES, id="it lives on"),
        pytest.param(False, 0, 0, 0, Cause.DOUBLED_THERE, id="Shopify wants none of it"),
        pytest.param(True, 2, 0, 0, Cause.CHANGED_ON_BOTH_SIDES, id="beside the rest, after a void"),
        pytest.param(True, 3, 0, 0, Cause.DOUBLED_THERE, id="beside all of it"),
        pytest.param(True, 2, 1, 0, None, id="it left"),
        pytest.param(True, 0, 0, 1, Cause.DOUBLED_THERE, id="and in a copy"),
        pytest.param(True, 2, 1, 1, Cause.DOUBLED_THERE, id="it left, and a copy lies there"),
    ],
)
def test_what_lives_on_in_a_part_of_a_cancelled_order(
    by_a_person: bool, anew: int, left: int, copies: int, cause: Cause | None
) -> None:
    """Of three, one was split off. It is there twice only beside more than the other two."""
    rest, one = Counter({LINE: anew}), Counter({LINE: 1})
    placed = [Placed("main-5001-82734627-1", Standing.CANCELLED, 90001, Counter({LINE: 3}), by_a_person)]
    placed += [Placed("main-5001-82734627-2", Standing.OPEN, 90003, rest)] if anew else []
    status = "shipped" if left else "awaiting_shipment"
    sights = [
        Sight(90001, placed[0].order_key, "#1001", "cancelled", {MINE: Counter({LINE: 2})}, frozenset(), True),
        Sight(90002, "made-up", "#1001-1", status, {MINE: one}, frozenset(), True),
        Sight(90003, "main-5001-82734627-2", "#1001-2", "awaiting_shipment", {MINE: rest}, frozenset(), False),
        *[Sight(90004, "copy", "#1001-3", "awaiting_shipment", {MINE: one}, frozenset(), False)][:copies],
    ]
    found = judge(MINE, placed, sights, (), (), {"": Counter({LINE: left})})
    assert (found.cause if found else None) is cause


@pytest.mark.parametrize(("standing", "cause"), [(Standing.OPEN, Cause.UNITS_CHANGED_THERE), (Standing.SHIPPED, None)])
def test_what_an_order_lacks_is_missed_unless_it_left_like_that(standing: Standing, cause: Cause | None) -> None:
    """ShipStation may go on to call shipped what lies there again since its label was voided (dense seed 11088)."""
    placed = [Placed("main-5001-82734627-1", standing, 90001, Counter({LINE: 3}))]
    sights = [Sight(90001, placed[0].order_key, "#1001", "shipped", {MINE: Counter({LINE: 1})}, frozenset(), False)]
    found = judge(MINE, placed, sights, (), (), {})
    assert (found.cause if found else None) is cause


@pytest.mark.parametrize(
    ("held", "status", "is_found"),
    [
        (0, "awaiting_shipment", True),
        (0, "on_hold", False),
        (0, "shipped", False),
        (1, "awaiting_shipment", False),
    ],
)
def test_a_free_part_is_told_only_where_its_own_parent_is_on_hold(held: int, status: str, is_found: bool) -> None:
    """Of a line at two places the one at the first was split, and one of the two orders is on hold."""
    two, one = Counter({LINE: 2}), Counter({LINE: 1})
    keys = ("main-5001-82734627-1", "main-5001-82734628-1")
    placed = [Placed(key, Standing.OPEN, 90001 + n, two, False, held == n) for n, key in enumerate(keys)]
    sights = [
        Sight(90001, keys[0], "#1001", "on_hold", {MINE: one}, frozenset(), True),
        Sight(90002, keys[1], "#1001-2", "on_hold", {MINE: two}, frozenset(), False),
        Sight(90003, "made-up", "#1001-1", status, {MINE: one}, frozenset(), True),
    ]
    found = judge(MINE, placed, sights, (), (), {})
    assert (found is not None and "90003: free" in found.detail) is is_found
