"""Stories of orders whose last answer is outstanding while people go on working in ShipStation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from syncd.ports import Request
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.sandbox.shopify.faults import FaultRule as ShopRule
from syncd.simulation.day import Day
from syncd.simulation.seed import restore
from syncd.simulation.written import writes_orders
from tests.orders_api import ON_V1_ALONE
from tests.stories.packing import an_order, keys

WRITES, ELSEWHERE = "/orders/createorders", 82734628
BY_HAND = {"street1": "Gate 3"}
arrived_or_not = pytest.mark.parametrize("answer", ["error_500_before", "lost_answer"])


def breaks_at_the_next_write(day: Day, answer: Any) -> None:
    """From then on nothing is shown and nothing written."""

    def breaks(request: Request) -> None:
        if writes_orders(request):
            day.network.before = None
            outage = FaultRule("error_500_before", path="/orders")
            day.shipstation.faults.set([FaultRule(answer, times=1, path=WRITES), outage])

    day.network.before = breaks


async def broken(day: Day) -> None:
    await day.until(lambda: day.network.before is None)
    await day.passes(12.0)


async def mended(day: Day) -> None:
    day.shipstation.faults.set([])
    await day.rest()


def alive(day: Day, order_id: int) -> list[dict[str, Any]]:
    """The ShipStation orders in which goods of it lie, whatever their key."""
    orders = day.shipstation.state()["orders"].values()
    open_ones = [one for one in orders if not one["gone"] and one["status"] != "cancelled"]
    return [one for one in open_ones if any(_is_of(order_id, item) for item in one["items"])]


def lying(day: Day, order_id: int) -> Counter[str]:
    units: Counter[str] = Counter()
    for one in alive(day, order_id):
        units.update({item["lineItemKey"]: item["quantity"] for item in one["items"] if _is_of(order_id, item)})
    return units


def _is_of(order_id: int, item: dict[str, Any]) -> bool:
    return (item["lineItemKey"] or "").startswith(f"{order_id}:") and not item["adjustment"]


def types_an_address(day: Day, there: dict[str, Any]) -> None:
    day.shipstation.edit(there["orderId"], {"shipTo": there["shipTo"] | BY_HAND})


def street(day: Day, order_id: int) -> str:
    (there,) = day.there(order_id)
    return str(there["shipTo"]["street1"])


async def test_an_address_typed_long_before_a_lost_answer_about_something_else_stays(day: Day) -> None:
    """What nobody wrote was never ours."""
    order_id, there = await an_order(day)
    types_an_address(day, there)
    await day.passes(300.0)
    day.shipstation.faults.set([FaultRule("lost_answer", times=1, path=WRITES)])
    day.shopify.people.edit(order_id, note="Ring twice")
    await day.rest()
    assert street(day, order_id) == BY_HAND["street1"]


@ON_V1_ALONE
@arrived_or_not
async def test_another_address_that_may_not_have_arrived_before_somebody_typed_into_the_old_one_is_told(
    day: Day, answer: str
) -> None:
    order_id, _ = await an_order(day)
    await day.passes(300.0)
    breaks_at_the_next_write(day, answer)
    day.shopify.people.edit(order_id, address={"address1": "2 New Street"})
    await broken(day)
    (there,) = day.there(order_id)
    day.shipstation.edit(there["orderId"], {"shipTo": there["shipTo"] | {"street2": "Gate 3"}})
    await mended(day)
    (there,) = day.there(order_id)
    assert there["shipTo"]["street2"] == "Gate 3"
    assert there["shipTo"]["street1"] == "2 New Street" or await day.cause(order_id) == "changed_on_both_sides"


@ON_V1_ALONE
@pytest.mark.parametrize("is_new", [True, False])
async def test_words_of_a_customer_that_did_not_arrive_before_somebody_typed_others_are_told(
    day: Day, is_new: bool
) -> None:
    order_id = 0 if is_new else (await an_order(day))[0]
    await day.passes(300.0)
    breaks_at_the_next_write(day, "lost_answer" if is_new else "error_500_before")
    order_id = order_id or day.sell()[0]
    if not is_new:
        day.shopify.people.edit(order_id, note="Allergic: no nuts")
    await broken(day)
    (there,) = day.there(order_id)
    day.shipstation.edit(there["orderId"], {"customerNotes": "Ring twice"})
    if is_new:
        day.shopify.people.edit(order_id, note="Allergic: no nuts")
    await mended(day)
    content = day.shipstation.account.orders[there["orderId"]].content
    assert "Ring twice" in str(content)
    assert await day.cause(order_id) == "changed_on_both_sides"


@ON_V1_ALONE
@arrived_or_not
@pytest.mark.parametrize("is_held", [True, False])
async def test_a_hold_in_doubt_of_an_order_that_is_split_meanwhile_is_told(
    day: Day, answer: str, is_held: bool
) -> None:
    """Nothing can be written to it any more."""
    order_id, there = await an_order(day, lines=2)
    if not is_held:
        day.shopify.people.hold(order_id)
        await day.rest()
    breaks_at_the_next_write(day, answer)
    (day.shopify.people.hold if is_held else day.shopify.people.release)(order_id)
    await broken(day)
    day.shipstation.desk.split(there["orderId"], {keys(there)[1]: 1})
    await mended(day)
    wanted = "on_hold" if is_held else "awaiting_shipment"
    is_done = {one["status"] for one in alive(day, order_id)} == {wanted}
    assert is_done or await day.cause(order_id) == "changed_on_both_sides"


@ON_V1_ALONE
@arrived_or_not
@pytest.mark.parametrize("how", ["split", "merge"])
async def test_a_note_in_doubt_of_an_order_that_is_split_or_merged_meanwhile_is_told(
    day: Day, answer: str, how: str
) -> None:
    order_id, there = await an_order(day, lines=2)
    _, other = await an_order(day)
    breaks_at_the_next_write(day, answer)
    day.shopify.people.edit(order_id, note="Allergic: no nuts")
    await broken(day)
    if how == "split":
        day.shipstation.desk.split(there["orderId"], {keys(there)[1]: 1})
    else:
        day.shipstation.desk.merge([there["orderId"], other["orderId"]])
    await mended(day)
    contents = [day.shipstation.account.orders[one["orderId"]].content for one in alive(day, order_id)]
    is_shown = all("no nuts" in str(content) for content in contents)
    assert is_shown or await day.cause(order_id) == "changed_on_both_sides"


async def test_an_order_that_was_made_on_hold_by_a_lost_answer_is_released(day: Day) -> None:
    breaks_at_the_next_write(day, "error_500_before")
    (order_id,) = day.sell()
    await broken(day)
    day.shopify.people.hold(order_id)
    await day.passes(10.0)
    day.shipstation.faults.set([FaultRule("lost_answer", times=1, path=WRITES)])
    await day.rest()
    day.shopify.people.release(order_id)
    await day.rest()
    assert [one["status"] for one in day.there(order_id)] == ["awaiting_shipment"]


@ON_V1_ALONE
async def test_a_cancellation_in_doubt_of_what_is_split_and_cancelled_there_places_nothing_twice(day: Day) -> None:
    order_id, there = await an_order(day, quantity=3)
    breaks_at_the_next_write(day, "error_500_before")
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE)
    await broken(day)
    day.shipstation.desk.split(there["orderId"], {keys(there)[0]: 1})
    day.shipstation.desk.cancel(there["orderId"])
    await mended(day)
    assert max(lying(day, order_id).values()) <= 3


async def forgotten_and_edited(
    day: Day, answer: str, deed: Callable[[dict[str, Any]], None] = lambda there: None
) -> tuple[int, dict[str, Any]]:
    """The database is lost, its order edited, and of the first write after that the answer is outstanding."""
    order_id, there = await an_order(day, quantity=3)
    deed(there)
    await day.stop()
    (line,) = day.order(order_id)["lines"]
    day.shopify.people.edit(order_id, quantities={line["id"]: 2})
    restore(day, None)
    await day.passes(3600.0)
    breaks_at_the_next_write(day, answer)
    await day.start()
    await broken(day)
    return order_id, there


@arrived_or_not
@pytest.mark.parametrize("how", ["merge", "delete"])
async def test_what_is_gone_after_a_lost_database_and_a_lost_answer_is_not_made_anew(
    day: Day, answer: str, how: str
) -> None:
    _, other = await an_order(day)
    order_id, there = await forgotten_and_edited(day, answer)
    if how == "merge":
        day.shipstation.desk.merge([other["orderId"], there["orderId"]])
    else:
        day.shipstation.desk.delete(there["orderId"])
    written = len(day.calls("createorders"))
    await mended(day)
    assert len(day.calls("createorders")) == written
    assert max(lying(day, order_id).values(), default=0) <= (3 if how == "merge" else 0)


@arrived_or_not
async def test_what_was_typed_before_a_lost_database_outlives_a_lost_answer(day: Day, answer: str) -> None:
    order_id, _ = await forgotten_and_edited(day, answer, lambda there: types_an_address(day, there))
    await mended(day)
    assert street(day, order_id) == BY_HAND["street1"]


async def test_what_was_marked_as_shipped_before_its_order_was_known_is_told_where_it_lay(day: Day) -> None:
    """330091: its units stand at another location too, and no row of ours knew the order's id."""
    (order_id,) = day.sell(quantity=2, lines=1)
    await day.rest()
    line = day.order(order_id)["lines"][0]["id"]

    def loses_the_answer(request: Request) -> None:
        if writes_orders(request) and str(ELSEWHERE).encode() in (request.body or b""):
            day.network.before = None
            day.shipstation.faults.set([FaultRule("lost_answer", times=1, path=WRITES)])
            day.shopify.faults.set([ShopRule("error_500_before", operation="OrdersToShip")])

    day.network.before = loses_the_answer
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={line: 1})
    await day.until(lambda: len(day.there(order_id)) == 2)
    (moved,) = [one for one in day.there(order_id) if str(ELSEWHERE) in one["orderKey"]]
    day.shipstation.labels.mark_shipped(moved["orderId"], "fedex", "770012345678")
    await day.until(lambda: day.fulfillments(order_id))
    day.shopify.faults.set([])
    await day.rest()
    await day.assert_clean()
    assert [one["locationId"] for one in day.fulfillments(order_id)] == [ELSEWHERE]
