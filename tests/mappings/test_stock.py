"""What a shelf's numbers should be, row by row of the decision."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.shipstation_shapes import Order
from mappings.stock import Lying, Offered, Shelf, Sight, held_units, is_flood, left_from, plan_shelf


def shelf(**changes: Any) -> Shelf:
    return Shelf(**{"store": "main", "location_id": 1, "place": "se-701", "owner": "shipstation", **changes})


def level(on_hand: int, committed: int = 0, sku: str = "A", item_id: int = 7, is_tracked: bool = True) -> Offered:
    return Offered(item_id, sku, on_hand - committed, committed, on_hand, is_tracked)


def wanted(of: Shelf, seen: Offered, lying: Lying, held: int = 0, elsewhere: int = 0) -> int:
    sight = Sight(of, {"A": lying}, {"A": held}, {"A": elsewhere})
    found = sight.difference(seen)
    before = seen.available if of.quantity == "available" else seen.on_hand
    return found.wanted if found else before


@pytest.mark.parametrize(
    ("seen", "lying", "held", "on_hand", "available"),
    [
        pytest.param(level(5), Lying(9, 9), 0, 9, 9, id="nothing was sold"),
        pytest.param(level(5, 2), Lying(9, 7), 2, 9, 7, id="what was sold waits in ShipStation"),
        pytest.param(level(5, 2), Lying(9, 9), 0, 9, 7, id="what was sold is not there yet"),
        pytest.param(level(9, 2), Lying(7, 7), 2, 9, 7, id="a label was bought and Shopify not told"),
        pytest.param(level(7), Lying(9, 7), 0, 7, 7, id="a label was voided and Shopify not told"),
        pytest.param(level(9), Lying(9, 6), 0, 6, 6, id="another channel ordered some"),
        pytest.param(level(9, 4), Lying(3, -1), 4, 3, -1, id="more was sold than there is"),
        pytest.param(level(2), Lying(0, 0), 0, 0, 0, id="the shelf is empty"),
    ],
)
def test_what_is_free_is_offered(seen: Offered, lying: Lying, held: int, on_hand: int, available: int) -> None:
    assert wanted(shelf(), seen, lying, held) == on_hand
    assert wanted(shelf(quantity="available"), seen, lying, held) == available


@pytest.mark.parametrize(("on_hand", "is_written"), [(9, True), (3, False)])
def test_only_less_is_offered_while_another_shelf_of_the_same_goods_is_unread(on_hand: int, is_written: bool) -> None:
    sight = Sight(shelf(), {"A": Lying(5, 5)}, may_rise=False)
    found = sight.difference(level(on_hand))
    assert found is not None
    assert sight.may_write(found) is is_written


@pytest.mark.parametrize(
    ("again", "offer"),
    [
        pytest.param(level(20, 5), 17, id="as it was"),
        pytest.param(level(18, 3), 17, id="two were told"),
        pytest.param(level(18, 5), 15, id="two were told and two sold"),
        pytest.param(level(20, 3), 17, id="two were told and two came back"),
        pytest.param(level(20, 6), 16, id="one was sold"),
        pytest.param(level(23, 5), 17, id="three came"),
        pytest.param(level(10, 5), 15, id="others were counted: nobody knows what left"),
    ],
)
def test_what_was_told_since_the_look_is_not_held_for_others(again: Offered, offer: int) -> None:
    first = Sight(shelf(quantity="available"), {"A": Lying(20, 20)}, {"A": 2})
    found = plan_shelf(first, [level(20, 5)]).sight.difference(again)
    assert (found.wanted if found else again.available) == offer


def test_what_other_shelves_sold_is_not_offered_twice() -> None:
    assert wanted(shelf(), level(9), Lying(9, 9), elsewhere=4) == 5


@pytest.mark.parametrize(
    ("changes", "free", "offer"),
    [
        ({"buffer": 2}, 9, 7),
        ({"buffer": 2}, 1, 0),
        ({"buffer": 2, "buffers": {"A": 5}}, 9, 4),
        ({"buffers": {"B": 5}}, 9, 9),
        ({"floor": 3}, 3, 3),
        ({"floor": 3}, 2, 0),
        ({"floor": 3, "floors": {"A": 0}}, 2, 2),
        ({"floor": 3, "buffer": 1}, 3, 0),
        ({"floor": 3, "buffer": 1}, -2, -2),
    ],
)
def test_buffers_and_floors_keep_some_back(changes: dict[str, Any], free: int, offer: int) -> None:
    assert wanted(shelf(quantity="available", **changes), level(20), Lying(free, free)) == offer


@pytest.mark.parametrize(
    ("seen", "lying", "held", "on_hand", "is_clear"),
    [
        pytest.param(level(5), Lying(9, 9), 0, 5, True, id="counted in Shopify"),
        pytest.param(level(5, 2), Lying(9, 7), 2, 5, True, id="counted beside an order"),
        pytest.param(level(9, 2), Lying(7, 7), 2, 9, False, id="a label was bought and Shopify not told"),
        pytest.param(level(7), Lying(9, 7), 0, 7, False, id="a label was voided and Shopify not told"),
    ],
)
def test_shipstation_follows_where_shopify_counts(
    seen: Offered, lying: Lying, held: int, on_hand: int, is_clear: bool
) -> None:
    found = Sight(shelf(owner="shopify"), {"A": lying}, {"A": held}).difference(seen)
    assert found is not None
    assert (found.before, found.wanted, found.is_clear) == (lying.on_hand, on_hand, is_clear)


@pytest.mark.parametrize(
    ("seen", "lying", "left", "found"),
    [
        pytest.param(level(9, 2), Lying(7, 7), 2, None, id="it left and nothing else was done"),
        pytest.param(level(6, 2), Lying(7, 7), 2, (4, True), id="counted meanwhile"),
        pytest.param(level(1, 2), Lying(0, 0), 2, None, id="more left than is counted"),
        pytest.param(level(9, 2), Lying(9, 7), 2, (7, False), id="put back, and its void not seen yet"),
    ],
)
def test_what_left_while_shopify_takes_no_word_of_it_is_not_counted_back(
    seen: Offered, lying: Lying, left: int, found: tuple[int, bool] | None
) -> None:
    one = Sight(shelf(owner="shopify"), {"A": lying}, {"A": 2}, left={"A": left}).difference(seen)
    assert (one and (one.wanted, one.is_clear)) == found


def test_skus_that_are_not_sure_are_listed_and_left_alone() -> None:
    levels = [
        level(1), level(1, sku="a", item_id=8), level(2, sku="B", item_id=9), level(3, sku="B", item_id=10),
        level(4, sku="", item_id=11), level(5, sku="C", item_id=12, is_tracked=False),
    ]  # fmt: skip
    plan = plan_shelf(Sight(shelf(), {"A": Lying(1, 1), "B": Lying(9, 9), "C": Lying(9, 9), "D": Lying(9, 9)}), levels)
    assert (plan.agreeing, plan.differences) == (1, ())
    assert (plan.unknown, plan.unlisted, plan.doubled) == (("a",), ("D",), ("B",))
    assert (plan.unnamed, plan.untracked) == (1, 1)


def test_what_must_no_longer_be_sold_comes_first() -> None:
    levels = [level(5, sku=sku, item_id=number) for number, sku in enumerate("ABCD")]
    lying = {"A": Lying(9, 9), "B": Lying(1, 1), "C": Lying(0, 0), "D": Lying(4, 4)}
    assert [one.level.sku for one in plan_shelf(Sight(shelf(), lying), levels).differences] == ["C", "B", "D", "A"]


@pytest.mark.parametrize(("stopped", "is_one"), [(9, False), (10, False), (11, True)])
def test_many_sales_that_would_stop_at_once_are_a_flood(stopped: int, is_one: bool) -> None:
    levels = [level(5, 1, sku=f"S{number}", item_id=number) for number in range(50)]
    lying = {one.sku: Lying(1, 0) if one.item_id < stopped else Lying(5, 4) for one in levels}
    held = {one.sku: 1 for one in levels}
    assert is_flood(plan_shelf(Sight(shelf(), lying, held), levels), 0.2, 10) is is_one


def test_what_left_and_was_told_is_held_no_more() -> None:
    items = [
        {"lineItemKey": "100:1", "sku": "A", "quantity": 3},
        {"lineItemKey": "100:2", "sku": "A", "quantity": 2},
        {"lineItemKey": "100:3", "sku": None, "quantity": 2},
        {"lineItemKey": None, "sku": "GIFT", "quantity": 1, "adjustment": True},
    ]
    applied = cast(Order, {"items": items})
    assert held_units(applied, []) == {"A": 5}
    assert held_units(applied, [{1: 2}, {1: 1, 2: 1}]) == {"A": 1}
    assert held_units(applied, [{1: 2}, None]) == {}


def made_of(units: int, status: str = "awaiting_shipment") -> Order:
    items = [{"lineItemKey": "9:1", "sku": "A", "quantity": units, "adjustment": False}]
    return cast(Order, {"items": items, "orderStatus": status})


@pytest.mark.parametrize(
    ("applied", "cancelled", "left"),
    [
        pytest.param(3, [], 1, id="nothing was cancelled"),
        pytest.param(2, [made_of(3)], 0, id="the rest was placed anew"),
        pytest.param(3, [made_of(3)], 1, id="all of it was placed anew"),
        pytest.param(2, [made_of(3), made_of(2)], 0, id="the rest was placed anew twice"),
        pytest.param(1, [made_of(2), made_of(2)], 0, id="what was placed anew was split and cancelled too"),
        pytest.param(2, [made_of(3, "cancelled")], 1, id="we cancelled it ourselves"),
    ],
)
def test_a_package_without_a_name_left_from_what_was_cancelled_as_far_as_that_was_not_placed_anew(
    applied: int, cancelled: list[Order], left: int
) -> None:
    assert left_from(made_of(applied), [{1: 1}], cancelled)[1] == left


units = st.integers(0, 50)


@given(st.sampled_from(["on_hand", "available"]), units, units, units, units, units, units)
def test_no_offer_is_above_what_is_free_and_writing_it_leaves_nothing_to_do(
    quantity: Any, on_hand: int, committed: int, lying: int, allocated: int, held: int, elsewhere: int
) -> None:
    of, seen, there = shelf(quantity=quantity), level(on_hand, committed), Lying(lying, lying - allocated)
    number = wanted(of, seen, there, held, elsewhere)
    after = number if quantity == "available" else number - committed
    free = there.available - elsewhere - max(0, committed - held)
    assert after == free or (quantity == "on_hand" and number == 0 and after > free)
    set_again = level(after + committed, committed)
    assert wanted(of, set_again, there, held, elsewhere) == number
