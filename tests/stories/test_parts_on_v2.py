"""Stories of parts that people split off where nobody tells of it, as on V2: each unit lies once, and what is not wanted stays."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.ports import Request
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.simulation.day import Day, Fates
from tests.stories.sweeping import swept
from tests.stories.test_orders_on_v2 import CREATE, fates_of, only, sold

ELSEWHERE = 82734628
LOOK = f"{CREATE}/external_shipment_id/"


@pytest.fixture
def fates() -> Fates:
    return fates_of()


def lying(day: Day) -> dict[int, int]:
    """Line -> units in all ShipStation orders that are not cancelled."""
    units: dict[int, int] = {}
    for one in day.shipstation.account.orders.values():
        for item in one.items if one.status != "cancelled" and not one.gone else ():
            if not item.adjustment:
                line = int((item.line_item_key or "").split(":")[1])
                units[line] = units.get(line, 0) + item.quantity
    return units


def two(day: Day, order_id: int) -> list[dict[str, Any]]:
    there = [one for one in day.there(order_id) if one["status"] != "cancelled"]
    return sorted(there, key=lambda one: one["warehouseId"])


async def test_what_was_split_off_one_of_two_orders_of_a_sale_is_no_part_of_the_other(day: Day) -> None:
    """376000: no answer to either creation was read before all had left."""
    day.shipstation.faults.set([FaultRule("lost_answer", path=CREATE), FaultRule("error_500_before", path=LOOK)])
    (order_id,) = day.sell(mix={"two_locations": 1.0}, lines=2, quantity=2)
    await day.until(lambda: day.there(order_id))
    there = day.there(order_id)[0]
    day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 1})
    day.shipstation.labels.ship_all()
    day.shipstation.faults.set([])
    await day.rest()
    await day.assert_clean()
    assert (await day.cause(order_id), len(day.fulfillments(order_id))) == ("shipped", 3)


async def test_a_hold_of_units_is_a_persons_case_where_others_of_their_line_left_in_a_part(day: Day) -> None:
    """376056: what lies there looked like what is wanted, and the held unit was free to leave."""
    order_id = await sold(day, quantity=2, lines=2)
    there, (_, line) = only(day, order_id), day.order(order_id)["lines"]
    part = day.shipstation.desk.split(there["orderId"], {f"{order_id}:{line['id']}": 1})
    day.shipstation.labels.buy_label(part.order_id)
    await day.rest()
    assert len(day.fulfillments(order_id)) == 1
    day.shopify.people.hold(order_id, lines={line["id"]: 1})
    await day.rest()
    assert await day.cause(order_id) == "changed_on_both_sides"


async def test_what_is_split_off_between_the_look_and_the_change_is_not_put_back(day: Day) -> None:
    """376020: PUT replaces all lines, and the read just before it showed them gone."""
    reads = 0

    def splits_before_the_second_read(request: Request) -> None:
        nonlocal reads
        if request.method == "GET" and request.url.endswith(f"/shipments/se-{there['orderId']}"):
            reads += 1
            if reads == 2:
                day.shipstation.desk.split(there["orderId"], {there["items"][0]["lineItemKey"]: 2})

    order_id = await sold(day, quantity=2, lines=2)
    there = only(day, order_id)
    day.network.before = splits_before_the_second_read
    day.shopify.people.edit(order_id, quantities={day.order(order_id)["lines"][1]["id"]: 1})
    await day.rest()
    assert reads >= 2
    assert [item["quantity"] for item in only(day, order_id)["items"]] == [2]
    assert await day.cause(order_id) == "changed_on_both_sides"


async def test_the_part_of_a_cancelled_order_is_not_placed_once_more(day: Day) -> None:
    """A {l1: 2, l2: 1}, B {l2: 1}. l2 split off A, the rest of A cancelled there; B has a change too."""
    order_id = await sold(day, quantity=2, lines=2)
    l2 = day.order(order_id)["lines"][1]["id"]
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={l2: 1})
    await day.rest()
    a, _ = two(day, order_id)
    day.shipstation.desk.split(a["orderId"], {f"{order_id}:{l2}": 1})
    day.shipstation.desk.cancel(a["orderId"])
    day.shopify.people.edit(order_id, address={"address1": "7 New Road"})
    await day.rest()
    assert lying(day)[l2] <= 2
    assert await day.cause(order_id) == "changed_on_both_sides"


async def test_what_was_split_off_an_order_in_doubt_is_not_put_back(day: Day) -> None:
    """A {l1: 1, l2: 1} is known; the answer to B {l1: 1, l2: 1} is lost, l2 split off B; A has a change too."""

    def loses(request: Request) -> None:
        if request.method == "POST" and request.url.endswith(CREATE):
            day.network.before = None
            day.shipstation.faults.set(
                [FaultRule("lost_answer", path=CREATE), FaultRule("error_500_before", path=LOOK)]
            )

    order_id = await sold(day, quantity=2, lines=2)
    l1, l2 = (one["id"] for one in day.order(order_id)["lines"])
    day.network.before = loses
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={l1: 1, l2: 1})
    await day.until(lambda: len(day.there(order_id)) == 2)
    _, b = two(day, order_id)
    day.shipstation.desk.split(b["orderId"], {f"{order_id}:{l2}": 1})
    day.shopify.people.edit(order_id, address={"address1": "7 New Road"})
    await day.passes(60)
    day.shipstation.faults.set([])
    await day.rest()
    assert lying(day) == {l1: 2, l2: 2}


@pytest.mark.parametrize("deed", ["hold", "address"])
async def test_an_order_that_is_whole_is_changed_though_a_part_of_another_has_left(day: Day, deed: str) -> None:
    """A {l: 2}, B {l: 2}; one split off B leaves, and is guessed to be A's."""
    order_id = await sold(day, quantity=4, lines=1)
    (line,) = (one["id"] for one in day.order(order_id)["lines"])
    day.shopify.people.move_fulfillment_order(order_id, ELSEWHERE, lines={line: 2})
    await day.rest()
    a, b = two(day, order_id)
    part = day.shipstation.desk.split(b["orderId"], {f"{order_id}:{line}": 1})
    day.shipstation.labels.buy_label(part.order_id)
    await day.rest()
    if deed == "hold":
        day.shopify.people.hold(order_id)
    else:
        day.shopify.people.edit(order_id, address={"address1": "7 New Road"})
    await day.rest()
    await swept(day)
    (now,) = (one for one in day.there(order_id) if one["orderId"] == a["orderId"])
    assert now["status"] == "on_hold" if deed == "hold" else now["shipTo"]["street1"] == "7 New Road"
