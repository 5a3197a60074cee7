"""Stories of goods that come back: what is noted of the label, and when money goes back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from syncd.errors import RejectedError
from syncd.operate.doctor import check_vendors
from syncd.operate.returns import (
    approve_refunds,
    make_label,
    receive_return,
    refunds_text,
    waiting_refunds,
)
from syncd.operate.status import read_status, status_text
from syncd.operate.wake import retry_orders
from syncd.sandbox.shopify import returning
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import SHOP, Day, Fates
from syncd.simulation.desk import desk_of
from tests.flows.test_holes import Refuses
from tests.orders_api import ON_V1_ALONE
from tests.stories.coming_back import (
    PLACE,
    arrives,
    assert_both_sides,
    comes_back,
    count_shelves,
    label_back,
    money,
    policy,
    sent_back,
    state_of,
    story_of,
    units_worth,
)
from tests.stories.packing import BOTH, an_order, label

pytestmark = BOTH

AUTOMATIC = policy(refund="automatic", refund_limit=1000)


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=policy())


@pytest.fixture(autouse=True)
async def counted_shelves(day: Day) -> None:
    count_shelves(day)


async def test_a_return_label_is_noted_and_tagged_and_no_money_moves(day: Day) -> None:
    order_id, coming = await sent_back(day)
    order = day.sold()[order_id]
    assert order.tags[-1:] == ["return"]
    assert order.note is not None
    assert order.note.endswith(f"label {coming.tracking_number} [syncd return s{coming.shipment_id}]")
    await arrives(day, coming)
    await receive_return(await desk_of(day), str(order_id), None)
    await day.rest()
    assert money(day, order_id)[1] == 0
    assert "refund policy is off" in refunds_text(await waiting_refunds(await desk_of(day)))
    writes = day.writes()
    await day.rest()
    assert day.writes() == writes
    assert "A return label was made in ShipStation" in await story_of(day, order_id)
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=policy(on_label="off"))])
async def test_a_store_may_want_to_hear_nothing_of_returns(day: Day) -> None:
    order_id, _ = await sent_back(day)
    assert "return" not in day.sold()[order_id].tags
    assert day.calls("OrderReturning") == []
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=policy(note_on_customer=True, tag="coming-back"))])
async def test_the_customer_is_noted_too_where_that_is_switched_on(day: Day) -> None:
    order_id, coming = await sent_back(day)
    order = day.sold()[order_id]
    assert f"s{coming.shipment_id}" in (order.customer_note or "")
    assert "coming-back" in order.tags
    await assert_both_sides(day)


async def test_what_we_note_never_comes_back_to_the_warehouse(day: Day) -> None:
    (order_id,) = day.sell(lines=1, quantity=3)
    day.shopify.people.edit(order_id, note="Ring twice.")
    await day.rest()
    (there,) = day.there(order_id)
    parcel = label(day, there, 1)
    await day.rest()
    pushed = len(day.calls("createorders"))
    await comes_back(day, parcel, 1)
    assert "[syncd return" in (day.sold()[order_id].note or "")
    assert len(day.calls("createorders")) == pushed
    assert not any(b"[syncd return" in (call.body or b"") for call in day.calls("createorders"))
    await assert_both_sides(day)


@ON_V1_ALONE
@pytest.mark.parametrize("fates", [Fates(settings=policy(refund="suggest"))])
async def test_a_refund_waits_for_a_person_and_is_made_once(day: Day) -> None:
    order_id, coming = await sent_back(day, quantity=3, units=2)
    await arrives(day, coming)
    worth = units_worth(day, order_id, 2)
    desk = await desk_of(day)
    assert "returns on their way: 0, that ask for a person: 1" in status_text(
        await read_status(day.db, day.clock, day.settings, day.db)
    )
    assert f"{worth.normalize():f}" in refunds_text(await waiting_refunds(desk))
    assert money(day, order_id)[1] == 0
    await approve_refunds(desk, [str(order_id)])
    await day.rest()
    assert money(day, order_id)[1] == worth
    (refund,) = day.order(order_id)["refunds"]
    assert (list(refund["lines"].values()), refund["restockTypes"]) == ([2], ["RETURN"])
    with pytest.raises(RejectedError, match="no return of it waits"):
        await approve_refunds(desk, [str(order_id)])
    await retry_orders(desk, [str(order_id)])
    await day.rest()
    assert len(day.order(order_id)["refunds"]) == 1
    told = await story_of(day, order_id)
    for words in ("arrived, says the carrier", "A person agreed to pay back", "Money was paid back for the return"):
        assert words in told
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_below_the_limit_nobody_is_asked(day: Day) -> None:
    order_id, coming = await sent_back(day)
    assert money(day, order_id)[1] == 0
    await arrives(day, coming)
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    assert state_of(day, order_id) == {"outcome": "refunded", "detail": "", "received_by": "carrier"}
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=policy(refund="automatic", refund_limit=1))])
async def test_above_the_limit_a_person_is_asked(day: Day) -> None:
    order_id, coming = await sent_back(day)
    await arrives(day, coming)
    assert money(day, order_id)[1] == 0
    await approve_refunds(await desk_of(day), [f"s{coming.shipment_id}"])
    await day.rest()
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
@pytest.mark.parametrize("status", [200, 400])
async def test_one_return_that_cannot_be_asked_about_keeps_no_other_waiting(day: Day, status: int) -> None:
    _, unreadable = await sent_back(day)
    order_id, coming = await sent_back(day)
    day.network.vendors = Refuses(day.network.vendors, f"/v2/labels/se-{unreadable.shipment_id}/track", status)
    await day.passes(130)
    await arrives(day, coming)
    assert state_of(day, order_id)["outcome"] == "refunded"
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_what_somebody_refunded_by_hand_is_not_refunded_again(day: Day) -> None:
    order_id, coming = await sent_back(day)
    (line,) = [one["id"] for one in day.order(order_id)["lines"]]
    day.shopify.people.refund(order_id, lines={line: 2}, restock_type="RETURN")
    before = money(day, order_id)
    await arrives(day, coming)
    assert money(day, order_id) == before
    assert state_of(day, order_id)["outcome"] == "elsewhere"
    await assert_both_sides(day)


@ON_V1_ALONE
@pytest.mark.parametrize(
    "fates",
    [
        Fates(settings=policy(on_label=on_label, refund="automatic", refund_limit=1000))
        for on_label in ("note", "return")
    ],
    ids=["note", "return"],
)
async def test_what_somebody_refunded_by_hand_of_a_line_of_more_units_is_not_paid_again_unasked(day: Day) -> None:
    order_id, coming = await sent_back(day, quantity=4, units=2)
    (line,) = [one["id"] for one in day.order(order_id)["lines"]]
    day.shopify.people.refund(order_id, lines={line: 2}, restock_type="RETURN")
    before = money(day, order_id)
    await arrives(day, coming)
    assert money(day, order_id) == before
    assert "to pay back" in refunds_text(await waiting_refunds(await desk_of(day)))


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_after_an_exchange_in_shopify_nothing_is_paid_unasked(day: Day) -> None:
    order_id, coming = await sent_back(day)
    order, shop = day.sold()[order_id], day.shopify.people.shop(None)
    (part,) = order.fulfillments[0].lines
    opened = returning.open_return(shop, order, [(part.id, 2, "by hand")])
    opened.exchanged.append(part.line)
    returning.process(shop, opened, {opened.lines[0].id: 2}, {(opened.lines[0].id, PLACE): 2}, Decimal(0), "by hand")
    returning.close(shop, opened)
    await arrives(day, coming)
    assert money(day, order_id)[1] == 0
    assert "to pay back" in refunds_text(await waiting_refunds(await desk_of(day)))


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_after_money_went_back_for_no_goods_nothing_is_paid_unasked(day: Day) -> None:
    order_id, coming = await sent_back(day)
    day.shopify.people.refund(order_id, amount=units_worth(day, order_id, 1))
    await arrives(day, coming)
    assert money(day, order_id)[1] == units_worth(day, order_id, 1)
    assert "to pay back" in refunds_text(await waiting_refunds(await desk_of(day)))
    await approve_refunds(await desk_of(day), [str(order_id)])
    await day.rest()
    assert money(day, order_id)[1] > units_worth(day, order_id, 1)


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_what_somebody_takes_back_in_shopify_is_paid_back_there(day: Day) -> None:
    order_id, coming = await sent_back(day)
    order, shop = day.sold()[order_id], day.shopify.people.shop(None)
    (part,) = order.fulfillments[0].lines
    opened = returning.open_return(shop, order, [(part.id, 2, "by hand")])
    await arrives(day, coming)
    assert money(day, order_id)[1] == 0
    assert "is open in Shopify" in refunds_text(await waiting_refunds(await desk_of(day)))
    returning.process(shop, opened, {opened.lines[0].id: 2}, {(opened.lines[0].id, PLACE): 2}, Decimal(5), "by hand")
    returning.close(shop, opened)
    await retry_orders(await desk_of(day), [str(order_id)])
    await day.rest()
    assert money(day, order_id)[1] == 5
    assert state_of(day, order_id)["outcome"] == "elsewhere"
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_a_voided_return_label_brings_nothing_and_pays_nothing(day: Day) -> None:
    order_id, coming = await sent_back(day)
    day.shipstation.labels.void_label(coming.shipment_id)
    await day.rest()
    with pytest.raises(RejectedError, match="nothing of this order is on its way back"):
        await receive_return(await desk_of(day), str(order_id), None)
    await day.passes(200)
    assert money(day, order_id)[1] == 0
    await assert_both_sides(day)


@pytest.mark.parametrize("operation", ["Refund", "NoteOrder", "AddTags"])
@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_a_lost_answer_repeats_nothing(day: Day, operation: str) -> None:
    day.shopify.faults.set([FaultRule("error_500_after", operation=operation, times=1)])
    order_id, coming = await sent_back(day)
    await day.passes(120)
    await arrives(day, coming)
    await day.passes(200)
    await day.rest()
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    assert (day.sold()[order_id].note or "").count("[syncd return") == 1
    await assert_both_sides(day)


async def test_an_operator_buys_one_return_label_and_not_a_second_by_mistake(day: Day) -> None:
    order_id, there = await an_order(day)
    desk = await desk_of(day)
    with pytest.raises(RejectedError, match="nothing to send back"):
        await make_label(desk, str(order_id), None, False)
    label(day, there)
    await day.rest()
    made = await make_label(desk, str(order_id), None, False)
    assert made["label"].endswith("label.pdf")
    await day.rest()
    assert "return" in day.sold()[order_id].tags
    with pytest.raises(RejectedError, match="has a return label already"):
        await make_label(desk, str(order_id), None, False)
    await make_label(desk, str(order_id), None, True)
    await day.rest()
    assert len(day.rows("SELECT return_key FROM returns")) == 2
    with pytest.raises(RejectedError, match="name one of its returns"):
        await receive_return(desk, str(order_id), None)
    await assert_both_sides(day)


async def test_a_missing_scope_keeps_the_return_waiting_and_nothing_else(day: Day) -> None:
    scopes = ["read_orders" if scope == "write_orders" else scope for scope in SHOP.scopes]
    day.shopify.people.set_options({"scopes": scopes})
    order_id, there = await an_order(day)
    parcel = label(day, there)
    await day.rest()
    lines = {item.line_item_key: 1 for item in parcel.items}
    day.shipstation.labels.buy_label(there["orderId"], lines=lines, return_label=True)
    await day.passes(60)
    assert await day.cause(order_id) == "shipped"
    (other,) = day.sell()
    await day.passes(60)
    assert day.there(other)
    found = await check_vendors(day.settings, (await desk_of(day)).vendors)
    assert any(one["check"] == "store main scope write_orders" for one in found)
    day.shopify.people.set_options({"scopes": list(SHOP.scopes)})
    await day.passes(120)
    await day.rest()
    assert day.sold()[order_id].tags[-1:] == ["return"]
    await assert_both_sides(day)


@pytest.mark.parametrize(
    "fates",
    [
        Fates(settings=policy(on_label=on_label, refund="automatic", refund_limit=1000, restocks=False))
        for on_label in ("note", "return")
    ],
    ids=["note", "return"],
)
async def test_goods_that_are_not_for_sale_again_are_paid_back_all_the_same(day: Day) -> None:
    order_id, coming = await sent_back(day)
    await arrives(day, coming)
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    await assert_both_sides(day)


@ON_V1_ALONE
@pytest.mark.parametrize("fates", [Fates(settings=policy(refund="automatic", refund_limit=1000, restocks=False))])
async def test_goods_that_are_not_for_sale_again_are_paid_back_once_the_rest_has_left(day: Day) -> None:
    order_id, there = await an_order(day)
    parcel = label(day, there, 1)
    await day.rest()
    await arrives(day, await comes_back(day, parcel, 1))
    assert state_of(day, order_id)["detail"] == "partly_shipped"
    label(day, there)
    await day.rest()
    assert state_of(day, order_id)["outcome"] == "refunded"
    assert money(day, order_id)[1] == units_worth(day, order_id, 1)
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=policy(refund="suggest"))])
async def test_a_suggested_refund_that_somebody_made_by_hand_asks_nobody_any_more(day: Day) -> None:
    order_id, coming = await sent_back(day)
    await arrives(day, coming)
    assert "to pay back" in refunds_text(await waiting_refunds(await desk_of(day)))
    writes, looks = day.writes(), len(day.calls("OrderReturning"))
    day.shopify.people.edit(order_id, note=f"Called.\n{day.sold()[order_id].note}")
    await day.rest()
    assert day.writes() == writes
    assert len(day.calls("OrderReturning")) > looks
    (line,) = [one["id"] for one in day.order(order_id)["lines"]]
    day.shopify.people.refund(order_id, lines={line: 2}, restock_type="RETURN")
    await day.rest()
    assert state_of(day, order_id)["outcome"] == "elsewhere"
    assert "to pay back" not in refunds_text(await waiting_refunds(await desk_of(day)))
    looks = len(day.calls("OrderReturning"))
    day.shopify.people.edit(order_id, note=f"Called again.\n{day.sold()[order_id].note}")
    await day.rest()
    assert len(day.calls("OrderReturning")) == looks
    await assert_both_sides(day)


async def test_returns_of_many_orders_wait_for_no_other_where_the_shop_answers_slowly(day: Day) -> None:
    """One after the other their calls left later than their effect could be looked for, and all was begun anew (seed 320076)."""
    orders = [await an_order(day) for _ in range(8)]
    parcels = [label(day, there) for _, there in orders]
    await day.rest()
    day.network.latency_s = (4.0, 5.0)
    for parcel in parcels:
        label_back(day, parcel, 2)
    await day.passes(120)
    await day.rest()
    written = day.rows("SELECT outcome FROM journal WHERE step = 'note_return'")
    assert [one["outcome"] for one in written] == ["confirmed"] * 8
    await assert_both_sides(day)
