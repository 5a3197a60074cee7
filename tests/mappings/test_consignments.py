from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.consignments import Allotment, added, allot
from mappings.keys import order_key
from mappings.packed import units_of
from mappings.plans import Consignment, Package, Standing
from tests.mappings.builders import HERE, ORDER_ID, THERE, consignment, package

Lines = Mapping[int, int]
SHIPPED, CANCELLED, INTENDED = Standing.SHIPPED, Standing.CANCELLED, Standing.INTENDED
ELSEWHERE = "{00000000-0000-0000-0000-000000000000}"


def allotted(
    remaining: Mapping[int, Lines],
    consignments: list[Consignment] | None = None,
    packages: list[Package] | None = None,
    slack: Lines | None = None,
    frozen: frozenset[int] = frozenset(),
    reopened: Lines | None = None,
    groups: Mapping[int, str] | None = None,
) -> Allotment:
    places = {where: Counter(units) for where, units in remaining.items()}
    known, packed = consignments or [], packages or []
    return allot("main", ORDER_ID, places, known, packed, Counter(slack or {}), Counter(reopened or {}), frozen, groups)


def given_units(found: Allotment) -> dict[str, dict[int, int]]:
    return {one.order_key.removeprefix(f"main-{ORDER_ID}-"): dict(one.units) for one in found.assignments}


@pytest.mark.parametrize(
    ("remaining", "consignments", "packages", "expected"),
    [
        pytest.param({HERE: {7: 2}}, [], [], {"81-1": {7: 2}}, id="new order"),
        pytest.param({HERE: {7: 2}, THERE: {7: 1, 8: 1}}, [], [], {"81-1": {7: 2}, "82-1": {7: 1, 8: 1}}, id="two locations"),
        pytest.param({HERE: {7: 2}}, [consignment({7: 2})], [], {"81-1": {7: 2}}, id="nothing changed"),
        pytest.param({HERE: {7: 3, 8: 1}}, [consignment({7: 2})], [], {"81-1": {7: 3, 8: 1}}, id="edited, more"),
        pytest.param({HERE: {7: 1}}, [consignment({7: 2, 8: 1})], [], {"81-1": {7: 1}}, id="edited, less"),
        pytest.param({}, [consignment({7: 2})], [], {"81-1": {}}, id="nothing left"),
        pytest.param({HERE: {7: 2}}, [consignment(standing=INTENDED)], [], {"81-1": {7: 2}}, id="answer lost, same key again"),
        pytest.param({HERE: {7: 1}}, [consignment({7: 1}, CANCELLED)], [], {"81-2": {7: 1}}, id="cancelled before, new key"),
        pytest.param(
            {HERE: {7: 1}}, [consignment({7: 2}, SHIPPED)], [package("s1", {7: 2}, fulfillment_gid="f")], {"81-2": {7: 1}},
            id="more after the label",
        ),
        pytest.param({HERE: {7: 2}}, [consignment({7: 2}, SHIPPED)], [], {}, id="shipped, package not heard of yet"),
        pytest.param({HERE: {7: 2}}, [consignment({7: 2}, SHIPPED)], [package("s1", {7: 2})], {}, id="packed, not reported yet"),
        pytest.param(
            {HERE: {7: 1}}, [consignment({7: 2}, SHIPPED)], [package("s1", {7: 1}, fulfillment_gid="f")], {},
            id="half packed: the rest may sit in a split child",
        ),
        pytest.param(
            {HERE: {7: 1}}, [consignment({7: 2})], [package("s1", {7: 1}, fulfillment_gid="f")], {"81-1": {7: 2}},
            id="half packed and still open",
        ),
        pytest.param(
            {HERE: {7: 2}}, [consignment({7: 2})], [package("s1", {7: 2}, voided=True)], {"81-1": {7: 2}}, id="void reopens",
        ),
        pytest.param(
            {HERE: {7: 3}}, [consignment({7: 2}, SHIPPED), consignment({7: 1}, n=2)], [package("s1", {7: 2})], {"81-2": {7: 1}},
            id="second consignment beside a locked one",
        ),
        pytest.param(
            {HERE: {7: 3}}, [consignment({7: 2}), consignment({7: 1}, n=2)], [], {"81-1": {7: 2}, "81-2": {7: 1}},
            id="two open after a void",
        ),
        pytest.param(
            {HERE: {7: 1}}, [consignment({7: 2}), consignment({7: 1}, n=2)], [], {"81-1": {7: 1}, "81-2": {}},
            id="two open, less wanted: the newer gives first",
        ),
        pytest.param(
            {HERE: {7: 2}}, [consignment({7: 2}, SHIPPED)], [package("s9", {7: 2}, order_key=ELSEWHERE)], {},
            id="packed from a split child or after a merge",
        ),
        pytest.param(
            {HERE: {7: 2}}, [consignment({7: 2}, CANCELLED), consignment({7: 2}, SHIPPED, n=2)],
            [package("s9", {7: 1}, order_key=ELSEWHERE, fulfillment_gid="f")], {"81-3": {7: 1}},
            id="packed from a child of the order that was not cancelled",
        ),
        pytest.param({HERE: {7: 2}}, [consignment({7: 2}, SHIPPED)], [package("f1", None)], {}, id="marked as shipped: no lines"),
        pytest.param(
            {}, [consignment({7: 2}, SHIPPED)], [package("f1", None, fulfillment_gid="f")], {}, id="no lines, and reported",
        ),
        pytest.param(
            {THERE: {7: 2}}, [consignment({7: 2}, SHIPPED)], [package("s1", {7: 2})], {}, id="moved in Shopify after the label",
        ),
        pytest.param(
            {THERE: {7: 2}}, [consignment({7: 2})], [], {"81-1": {}, "82-1": {7: 2}}, id="moved in Shopify before the label",
        ),
    ],
)  # fmt: skip
def test_units_go_to_exactly_one_consignment(
    remaining: Mapping[int, Lines], consignments: list[Consignment], packages: list[Package], expected: dict[str, Lines]
) -> None:
    found = allotted(remaining, consignments, packages)
    assert given_units(found) == expected
    assert not found.excess


def test_what_was_to_be_sent_besides_is_taken_back_when_the_rest_was_moved_after_its_label() -> None:
    found = allotted({THERE: {7: 1}}, [consignment({7: 1}, SHIPPED), consignment({7: 1}, n=2)], [])
    assert given_units(found) == {"81-2": {}}


def test_what_is_locked_and_no_longer_wanted_is_reported() -> None:
    found = allotted({HERE: {7: 1}}, [consignment({7: 3, 8: 1}, SHIPPED)], [])
    assert found.excess == {order_key("main", ORDER_ID, HERE, 1): Counter({7: 2, 8: 1})}


def test_what_left_from_one_location_and_is_wanted_at_another_is_not_sent_again_before_its_label_is_read() -> None:
    found = allotted({THERE: {7: 3}}, [consignment({7: 2}, SHIPPED)], [])
    assert given_units(found) == {"82-1": {7: 1}}
    there = consignment({7: 2}, Standing.OPEN, 1, THERE)
    assert given_units(allotted({THERE: {7: 2}}, [consignment({7: 2}, SHIPPED), there], [])) == {"82-1": {7: 2}}


def test_what_was_split_off_before_its_label_and_moved_is_not_placed_anew_while_the_label_is_not_reported() -> None:
    found = allotted({THERE: {7: 5}}, [consignment({7: 5}, SHIPPED)], [package("s1", {7: 4})])
    assert given_units(found) == {}


def test_what_left_for_another_location_keeps_nothing_in_the_open_order_beside_it() -> None:
    beside = [consignment({7: 1}, Standing.OPEN, 1), consignment({7: 1}, SHIPPED, 2)]
    assert given_units(allotted({THERE: {7: 1}}, beside, [])) == {"81-1": {}}


def test_a_fulfillment_created_between_two_reads_is_no_excess_and_frees_nothing() -> None:
    """The package was read as pending, Shopify a moment later without its units."""
    found = allotted({HERE: {7: 1}}, [consignment({7: 3}, SHIPPED)], [package("s1", {7: 2})])
    assert not found.excess
    assert not found.assignments


def test_unsettled_units_are_neither_taken_away_nor_given_out() -> None:
    assert given_units(allotted({}, [consignment({7: 2})], slack={7: 2})) == {"81-1": {7: 2}}
    assert given_units(allotted({}, [consignment({7: 2})], slack={7: 1})) == {"81-1": {7: 1}}
    assert given_units(allotted({}, slack={7: 2})) == {}


def test_units_that_left_and_are_open_again_are_not_sent_twice() -> None:
    gone = package("s1", {7: 2}, fulfillment_gid="f")
    assert given_units(allotted({HERE: {7: 2}}, [consignment({7: 2}, SHIPPED)], [gone], reopened={7: 2})) == {}


def test_a_frozen_location_gets_nothing_new_and_keeps_what_it_has() -> None:
    found = allotted({HERE: {7: 3}, THERE: {8: 1}}, [consignment({7: 2})], frozen=frozenset({HERE, THERE}))
    assert given_units(found) == {"81-1": {7: 2}}
    assert found.unplaced == {HERE: Counter({7: 1}), THERE: Counter({8: 1})}


def of_group(split_group: str, one: Consignment) -> Consignment:
    return replace(one, split_group=split_group)


@pytest.mark.parametrize(
    ("remaining", "consignments", "groups", "expected"),
    [
        pytest.param({HERE: {7: 2, 8: 1}}, [], {8: "big"}, {"81-1": {7: 2}, "81-2": {8: 1}}, id="two parts of one place"),
        pytest.param({HERE: {7: 2, 8: 1}}, [], {7: "a", 8: "a"}, {"81-1": {7: 2, 8: 1}}, id="one part"),
        pytest.param({HERE: {8: 1}, THERE: {7: 1, 8: 1}}, [], {8: "big"}, {"81-1": {8: 1}, "82-1": {7: 1}, "82-2": {8: 1}},
                     id="parts of two places"),
        pytest.param({HERE: {7: 2, 8: 1}}, [consignment({7: 2}), of_group("big", consignment({8: 1}, n=2))], {8: "big"},
                     {"81-1": {7: 2}, "81-2": {8: 1}}, id="nothing changed"),
        pytest.param({HERE: {7: 2, 8: 3}}, [consignment({7: 2}), of_group("big", consignment({8: 1}, n=2))], {8: "big"},
                     {"81-1": {7: 2}, "81-2": {8: 3}}, id="each part grows by its own lines"),
        pytest.param({HERE: {7: 2, 8: 1}}, [consignment({7: 2, 8: 1})], {8: "big"}, {"81-1": {7: 2}, "81-2": {8: 1}},
                     id="split later"),
        pytest.param({HERE: {7: 2, 8: 1}}, [consignment({7: 2}), of_group("big", consignment({8: 1}, n=2))], {},
                     {"81-1": {7: 2, 8: 1}, "81-2": {}}, id="no longer split"),
        pytest.param({HERE: {7: 2, 8: 1}}, [consignment({7: 2, 8: 1}, SHIPPED)], {8: "big"}, {}, id="shipped whole"),
        pytest.param({HERE: {7: 1, 8: 2}}, [consignment({7: 1, 8: 1}, SHIPPED)], {8: "big"}, {"81-2": {8: 1}},
                     id="shipped whole, one more since"),
        pytest.param({HERE: {7: 2, 8: 1}}, [consignment(standing=INTENDED)], {8: "big"}, {"81-1": {7: 2}, "81-2": {8: 1}},
                     id="answer lost: its own part again"),
    ],
)  # fmt: skip
def test_parts_of_one_place_are_consignments_of_their_own(
    remaining: Mapping[int, Lines], consignments: list[Consignment], groups: dict[int, str], expected: dict[str, Lines]
) -> None:
    found = allotted(remaining, consignments, groups=groups)
    assert given_units(found) == expected
    assert not found.excess


def test_a_frozen_location_is_not_split_anew() -> None:
    found = allotted({HERE: {7: 2, 8: 2}}, [consignment({7: 2, 8: 1})], frozen=frozenset({HERE}), groups={8: "big"})
    assert given_units(found) == {"81-1": {7: 2, 8: 1}}
    assert found.unplaced == {HERE: Counter({8: 1})}


line_ids = st.sampled_from([7, 8])
split_groups = st.dictionaries(line_ids, st.sampled_from(["a", "b"]))
units = st.dictionaries(line_ids, st.integers(1, 4), max_size=2)
places = st.sampled_from([HERE, THERE])


@st.composite
def consignment_lists(draw: st.DrawFn) -> list[Consignment]:
    standings = st.lists(st.sampled_from([Standing.OPEN, SHIPPED, CANCELLED]), max_size=3)
    return [
        of_group(draw(st.sampled_from(["", "", "a"])), consignment(draw(units), standing, n, where))
        for where in (HERE, THERE)
        for n, standing in enumerate(draw(standings), 1)
    ]


@st.composite
def package_lists(draw: st.DrawFn) -> list[Package]:
    return [
        package(
            f"s{number}",
            draw(st.none() | units),
            draw(st.integers(1, 3)),
            draw(places),
            voided=draw(st.booleans()),
            fulfillment_gid=draw(st.sampled_from([None, "f"])),
        )
        for number in range(draw(st.integers(0, 3)))
    ]


@given(st.dictionaries(places, units, max_size=2), consignment_lists(), package_lists(), units, split_groups)
def test_never_more_is_placed_than_remains_and_is_not_on_its_way(
    remaining: dict[int, dict[int, int]],
    consignments: list[Consignment],
    packages: list[Package],
    slack: dict[int, int],
    groups: dict[int, str],
) -> None:
    found = allotted(remaining, consignments, packages, slack, groups=groups)
    left = added(Counter(lines) for lines in remaining.values())
    pending = added(found.packed.pending.values()) + found.packed.stray
    outstanding = added(one.outstanding for one in found.assignments)
    had = added(units_of(one.consignment.applied) - one.packed for one in found.assignments if one.consignment)
    grown = outstanding - had
    # What is added anew never exceeds what remains beyond all that is under way.
    assert not grown - (left - pending)
    assert not outstanding - left - Counter(slack) - pending
    assert len({one.order_key for one in found.assignments}) == len(found.assignments)


@given(st.dictionaries(places, units, max_size=2), consignment_lists(), split_groups)
def test_units_are_conserved(
    remaining: dict[int, dict[int, int]], consignments: list[Consignment], groups: dict[int, str]
) -> None:
    """Without packages and doubts: for each place, placed = wanted + what is reported as excess, without what left from
    another place instead; each part only its lines."""
    found = allotted(remaining, consignments, groups=groups)
    for one in found.assignments:
        assert all(groups.get(line_id, "") == one.split_group for line_id, count in one.units.items() if count)
    for where, other in ((HERE, THERE), (THERE, HERE)):
        placed = added(one.units for one in found.assignments if one.location_id == where)
        kept = placed + _sum_at(where, found.locked, consignments)
        due = Counter(remaining.get(where, {})) + _sum_at(where, found.excess, consignments)
        assert not kept - due
        assert not due - kept - _sum_at(other, found.excess, consignments)


def _sum_at(where: int, units_by_key: Mapping[str, Counter[int]], consignments: list[Consignment]) -> Counter[int]:
    keys = {one.order_key for one in consignments if one.location_id == where}
    return added(of for key, of in units_by_key.items() if key in keys)
