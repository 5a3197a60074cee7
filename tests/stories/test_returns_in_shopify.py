"""Stories of goods that come back by a return that we open in Shopify."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from syncd.errors import RejectedError
from syncd.operate.returns import approve_refunds, decline_refunds, receive_return, refunds_text, waiting_refunds
from syncd.operate.wake import retry_orders
from syncd.ports import Http, Request, Response
from syncd.sandbox.shopify import returning
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import Day, Fates
from syncd.simulation.desk import desk_of
from syncd.store.returns import count_returns
from tests.orders_api import ON_V1_ALONE
from tests.stories.coming_back import (
    PLACE,
    arrives,
    assert_both_sides,
    comes_back,
    count_shelves,
    money,
    policy,
    sent_back,
    state_of,
    story_of,
    units_worth,
)
from tests.stories.packing import BOTH, Shipment, an_order, label

pytestmark = BOTH

MOVED = "Return line item has an invalid quantity."
"""What Shopify says where the order is not any more as it was seen."""


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=policy(on_label="return", refund="automatic", refund_limit=1000))


@pytest.fixture(autouse=True)
async def counted_shelves(day: Day) -> None:
    count_shelves(day)


async def test_a_return_is_opened_labelled_received_refunded_and_closed_in_shopify(day: Day) -> None:
    order_id, coming = await sent_back(day)
    (opened,) = day.order(order_id)["returns"]
    assert (opened["status"], list(opened["lines"].values()), opened["tracking"]) == (
        "OPEN",
        [2],
        [coming.tracking_number],
    )
    assert opened["labels"] == [f"https://api.shipstation.com/v2/downloads/1/{coming.shipment_id}/label.pdf"]
    assert "return" not in day.sold()[order_id].tags
    await receive_return(await desk_of(day), str(order_id), None)
    await day.rest()
    (closed,) = day.order(order_id)["returns"]
    assert (closed["status"], closed["processed"]) == ("CLOSED", closed["lines"])
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    assert state_of(day, order_id) == {"outcome": "refunded", "detail": "", "received_by": "person"}
    assert "A return of 2 units was opened in Shopify." in await story_of(day, order_id)
    await assert_both_sides(day)


@ON_V1_ALONE
@pytest.mark.parametrize("is_open", [False, True], ids=["no return", "open return"])
async def test_units_refunded_by_hand_do_not_keep_another_return_of_the_order_waiting(day: Day, is_open: bool) -> None:
    (order_id,) = day.sell(1, lines=2)
    await day.rest()
    parcel = label(day, day.there(order_id)[0])
    await day.rest()
    first, second = (item.line_item_key for item in parcel.items if item.line_item_key and not item.adjustment)
    line = int(first.partition(":")[2])
    units = next(one.quantity for one in day.sold()[order_id].lines if one.id == line)
    if not is_open:
        day.shopify.people.refund(order_id, lines={line: units}, restock_type="RETURN")
    coming = [await comes_back(day, parcel, 1, only) for only in (first, second)]
    if is_open:
        day.shopify.people.refund(order_id, lines={line: units}, restock_type="RETURN")
    await arrives(day, coming[0])
    await arrives(day, coming[1])
    told = day.rows("SELECT outcome, detail, refusals FROM returns ORDER BY return_key")
    ours = {"outcome": "refunded", "detail": "", "refusals": 0}
    by_hand = ("", "return_left_open") if is_open else ("elsewhere", "refunded_elsewhere")
    assert told == [{"outcome": by_hand[0], "detail": by_hand[1], "refusals": 0}, ours]
    await assert_both_sides(day)


class OpensNothing:
    """A shop that refuses every return, or those of one label."""

    def __init__(self, vendors: Http, words: str, key: str = "") -> None:
        self._vendors = vendors
        self._words = words
        self._key = key.encode()

    async def send(self, request: Request) -> Response:
        body = request.body or b""
        if b"returnCreate" not in body or self._key not in body:
            return await self._vendors.send(request)
        error = {"field": None, "message": self._words, "code": "INVALID"}
        answer = {"data": {"returnCreate": {"return": None, "userErrors": [error]}}}
        return Response(200, {"content-type": "application/json"}, json.dumps(answer).encode())


async def test_a_return_that_shopify_refuses_to_the_end_is_shown_to_a_person(day: Day) -> None:
    vendors = day.network.vendors
    day.network.vendors = OpensNothing(vendors, MOVED)
    order_id, coming = await sent_back(day)
    await arrives(day, coming)
    assert "Shopify refused it" in refunds_text(await waiting_refunds(await desk_of(day)))
    day.network.vendors = vendors
    await retry_orders(await desk_of(day), [str(order_id)])
    await day.rest()
    assert state_of(day, order_id) == {"outcome": "refunded", "detail": "", "received_by": "carrier"}
    await assert_both_sides(day)


@ON_V1_ALONE
@pytest.mark.parametrize("words", [MOVED, "The order cannot be returned."], ids=["moved", "never"])
async def test_a_return_that_shopify_refuses_keeps_no_other_of_the_order_waiting(day: Day, words: str) -> None:
    (order_id,) = day.sell(1, lines=2)
    await day.rest()
    parcel = label(day, day.there(order_id)[0])
    await day.rest()
    keys = [item.line_item_key for item in parcel.items if item.line_item_key and not item.adjustment]
    coming = [
        day.shipstation.labels.buy_label(parcel.order.order_id, lines={key: 1}, return_label=True) for key in keys
    ]
    vendors = day.network.vendors
    day.network.vendors = OpensNothing(vendors, words, f"s{coming[0].shipment_id}]")
    await day.rest()
    assert len(day.order(order_id)["returns"]) == 1
    await arrives(day, coming[0])
    await arrives(day, coming[1])
    told = day.rows("SELECT outcome, detail FROM returns ORDER BY return_key")
    assert told == [{"outcome": "", "detail": "refused"}, {"outcome": "refunded", "detail": ""}]
    day.network.vendors = vendors
    await retry_orders(await desk_of(day), [str(order_id)])
    await day.rest()
    assert [one["outcome"] for one in day.rows("SELECT outcome FROM returns")] == ["refunded", "refunded"]
    await assert_both_sides(day)


@pytest.mark.parametrize("operation", ["OpenReturn", "LabelReturn", "ProcessReturn", "CloseReturn"])
async def test_a_lost_answer_about_a_return_opens_and_pays_it_once(day: Day, operation: str) -> None:
    day.shopify.faults.set([FaultRule("error_500_after", operation=operation, times=1)])
    order_id, coming = await sent_back(day)
    await day.passes(200)
    await arrives(day, coming)
    await day.passes(200)
    await day.rest()
    (closed,) = day.order(order_id)["returns"]
    assert (closed["status"], closed["tracking"]) == ("CLOSED", [coming.tracking_number])
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    await assert_both_sides(day)


async def test_a_return_that_somebody_opened_by_hand_is_left_to_them(day: Day) -> None:
    order_id, there = await an_order(day)
    parcel = label(day, there)
    await day.rest()
    order = day.sold()[order_id]
    (part,) = order.fulfillments[0].lines
    returning.open_return(day.shopify.people.shop(None), order, [(part.id, 2, "by hand")])
    await arrives(day, await comes_back(day, parcel, 2))
    assert len(order.returns) == 1
    assert money(day, order_id)[1] == 0
    assert "Shopify has no such units" in refunds_text(await waiting_refunds(await desk_of(day)))
    await assert_both_sides(day)


async def test_a_return_with_an_exchange_is_paid_by_whoever_agreed_to_it(day: Day) -> None:
    order_id, there = await an_order(day)
    parcel = label(day, there)
    await day.rest()
    order, shop = day.sold()[order_id], day.shopify.people.shop(None)
    (part,) = order.fulfillments[0].lines
    opened = returning.open_return(shop, order, [(part.id, 2, "by hand")])
    opened.exchanged.append(part.line)
    coming = await comes_back(day, parcel, 2)
    returning.attach(shop, opened, {}, coming.tracking_number, None, None)
    await arrives(day, coming)
    assert money(day, order_id)[1] == 0
    assert "gives other goods in exchange or keeps a fee" in refunds_text(await waiting_refunds(await desk_of(day)))
    returning.process(shop, opened, {opened.lines[0].id: 2}, {(opened.lines[0].id, PLACE): 2}, Decimal(5), "by hand")
    await retry_orders(await desk_of(day), [str(order_id)])
    await day.rest()
    assert money(day, order_id)[1] == 5
    assert state_of(day, order_id)["outcome"] == "elsewhere"


@ON_V1_ALONE
@pytest.mark.parametrize("is_over", [False, True], ids=["open", "over"])
async def test_an_exchange_beside_a_return_of_ours_is_looked_at_by_a_person_before_ours_is_paid(
    day: Day, is_over: bool
) -> None:
    """Two of four units are exchanged, and the label that comes back may bring just those."""
    order_id, there = await an_order(day, quantity=4)
    parcel = label(day, there)
    await day.rest()
    order, shop = day.sold()[order_id], day.shopify.people.shop(None)
    (part,) = order.fulfillments[0].lines
    exchange = returning.open_return(shop, order, [(part.id, 2, "by hand")])
    exchange.exchanged.append(part.line)
    coming = await comes_back(day, parcel, 2)
    assert len(order.returns) == 2
    if is_over:
        settled(day, exchange)
    await arrives(day, coming)
    assert money(day, order_id)[1] == 0
    if not is_over:
        assert "Somebody's return of the same goods" in refunds_text(await waiting_refunds(await desk_of(day)))
        settled(day, exchange)
        await day.rest()
        assert money(day, order_id)[1] == 0
    assert "to pay back" in refunds_text(await waiting_refunds(await desk_of(day)))
    await approve_refunds(await desk_of(day), [str(order_id)])
    await day.rest()
    assert state_of(day, order_id)["outcome"] == "refunded"
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)


def settled(day: Day, exchange: Any) -> None:
    """Received and closed by hand; other goods were given for it."""
    shop, (line,) = day.shopify.people.shop(None), exchange.lines
    returning.process(shop, exchange, {line.id: 2}, {(line.id, PLACE): 2}, Decimal(0), "by hand")
    returning.close(shop, exchange)


async def test_what_is_received_in_shopify_without_money_waits_for_whoever_pays_it(day: Day) -> None:
    order_id, coming = await sent_back(day)
    (opened,), shop = day.sold()[order_id].returns, day.shopify.people.shop(None)
    returning.process(shop, opened, {opened.lines[0].id: 2}, {(opened.lines[0].id, PLACE): 2}, Decimal(0), None)
    await arrives(day, coming)
    assert "not all of it was paid back" in refunds_text(await waiting_refunds(await desk_of(day)))
    assert state_of(day, order_id)["detail"] == "received_unpaid"
    assert money(day, order_id)[1] == 0
    (line,) = [one["id"] for one in day.order(order_id)["lines"]]
    day.shopify.people.refund(order_id, lines={line: 2}, restock_type="NO_RESTOCK")
    await day.rest()
    assert state_of(day, order_id)["outcome"] == "elsewhere"
    assert "Nothing" in refunds_text(await waiting_refunds(await desk_of(day)))


async def test_money_that_is_kept_on_purpose_leaves_the_list_by_a_word_of_a_person(day: Day) -> None:
    order_id, coming = await sent_back(day)
    (opened,), shop = day.sold()[order_id].returns, day.shopify.people.shop(None)
    returning.process(shop, opened, {opened.lines[0].id: 2}, {(opened.lines[0].id, PLACE): 2}, Decimal(0), None)
    await arrives(day, coming)
    desk = await desk_of(day)
    assert "not all of it was paid back" in refunds_text(await waiting_refunds(desk))
    await decline_refunds(desk, [str(order_id)])
    await retry_orders(desk, [str(order_id)])
    await day.rest()
    assert "Nothing" in refunds_text(await waiting_refunds(desk))
    assert (await day.db.run(count_returns()))["ask_for_a_person"] == 0
    assert money(day, order_id)[1] == 0
    assert state_of(day, order_id) == {"outcome": "declined", "detail": "", "received_by": "carrier"}
    assert "A person decided that nothing is paid back" in await story_of(day, order_id)
    with pytest.raises(RejectedError, match="no return of it waits"):
        await decline_refunds(desk, [str(order_id)])


async def told_late(day: Day, parcel: Shipment, units: int) -> None:
    """The return label is seen while Shopify was not told of its parcel, and again a long time after that."""
    await comes_back(day, parcel, units)
    await day.passes(200)
    await day.rest()


@pytest.mark.parametrize("kind", ["error_500_before", "error_500_after"])
async def test_a_return_label_in_the_box_is_opened_once_its_parcel_is_told_late(day: Day, kind: Any) -> None:
    order_id, there = await an_order(day)
    day.shopify.faults.set([FaultRule(kind, operation="CreateFulfillment", times=1)])
    await told_late(day, label(day, there), 2)
    assert await day.cause(order_id) == "shipped"
    assert [one["status"] for one in day.order(order_id)["returns"]] == ["OPEN"]
    assert state_of(day, order_id)["detail"] == ""
    await assert_both_sides(day)


async def test_a_return_label_of_held_goods_is_opened_once_they_are_released(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shopify.people.hold(order_id)
    await told_late(day, label(day, there), 2)
    assert state_of(day, order_id)["detail"] == "not_returnable"
    day.shopify.people.release(order_id)
    await day.rest()
    assert [one["status"] for one in day.order(order_id)["returns"]] == ["OPEN"]
    assert state_of(day, order_id)["detail"] == ""
    await assert_both_sides(day)


async def test_a_voided_return_label_of_held_goods_asks_nobody(day: Day) -> None:
    order_id, there = await an_order(day)
    day.shopify.people.hold(order_id)
    parcel = label(day, there)
    coming = await comes_back(day, parcel, 2)
    assert state_of(day, order_id)["detail"] == "not_returnable"
    assert (await day.db.run(count_returns()))["ask_for_a_person"] == 1
    day.shipstation.labels.void_label(coming.shipment_id)
    await day.rest()
    assert (await day.db.run(count_returns()))["ask_for_a_person"] == 0
    looks = len(day.calls("OrderReturning"))
    day.shopify.people.release(order_id)
    await day.rest()
    assert len(day.calls("OrderReturning")) == looks
    assert day.order(order_id)["returns"] == []
    await assert_both_sides(day)


async def test_a_return_left_open_is_over_when_somebody_closes_it(day: Day) -> None:
    order_id, coming = await sent_back(day)
    (line,) = [one["id"] for one in day.order(order_id)["lines"]]
    day.shopify.people.refund(order_id, lines={line: 2}, restock_type="RETURN")
    await arrives(day, coming)
    assert state_of(day, order_id)["detail"] == "return_left_open"
    (opened,) = day.sold()[order_id].returns
    returning.close(day.shopify.people.shop(None), opened)
    await day.rest()
    assert state_of(day, order_id)["outcome"] == "elsewhere"
    await assert_both_sides(day)


async def test_goods_are_paid_back_once_somebody_cancels_the_return_by_hand_that_held_them(day: Day) -> None:
    order_id, there = await an_order(day)
    parcel = label(day, there)
    await day.rest()
    order, shop = day.sold()[order_id], day.shopify.people.shop(None)
    (part,) = order.fulfillments[0].lines
    by_hand = returning.open_return(shop, order, [(part.id, 2, "by hand")])
    await arrives(day, await comes_back(day, parcel, 2))
    assert state_of(day, order_id)["detail"] == "not_returnable"
    by_hand.status = "CANCELED"
    shop.touch(order)
    shop.tell_order(order, "ORDERS_UPDATED")
    await day.rest()
    assert state_of(day, order_id)["outcome"] == "refunded"
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    await assert_both_sides(day)
