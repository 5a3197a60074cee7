"""Stories of goods that come back: what Shopify is told of the label, and when money goes back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from syncd.errors import RejectedError
from syncd.operate.doctor import check_vendors
from syncd.operate.explain import explain_order
from syncd.operate.explained import explain_text
from syncd.operate.returns import (
    approve_refunds,
    make_label,
    receive_return,
    refunds_text,
    waiting_refunds,
)
from syncd.operate.status import read_status, status_text
from syncd.operate.wake import retry_orders
from syncd.ports import Http, Request, Response
from syncd.sandbox.shopify import returning
from syncd.sandbox.shopify.faults import FaultRule
from syncd.sandbox.shopify.goods import PHYSICAL
from syncd.settings.whole import Settings
from syncd.simulation.day import SHOP, Day, Fates, settings_of, store_settings
from syncd.simulation.desk import desk_of
from tests.flows.test_holes import Refuses
from tests.orders_api import ON_V1_ALONE
from tests.stories.packing import BOTH, Shipment, an_order, label

pytestmark = BOTH
SKUS = tuple(article.sku for article in PHYSICAL if article.sku)
PLACE, SHELF, COUNTED = 82734627, 701, 100
"""Where the goods of plain orders lie in Shopify and in ShipStation, and how many of each."""


def policy(**returns: Any) -> Settings:
    return settings_of(stores={"main": store_settings(returns=returns)}, sync={"return_tracking_s": 60})


AUTOMATIC = policy(refund="automatic", refund_limit=1000)


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=policy())


@pytest.fixture(autouse=True)
async def counted_shelves(day: Day) -> None:
    for sku in SKUS:
        day.shopify.people.count(sku, COUNTED, PLACE)
        day.shipstation.stock.count(sku, SHELF, COUNTED)


async def assert_both_sides(day: Day) -> None:
    """Labels, notes, returns and money as the policy wants them, and every unit where it lies."""
    await day.assert_clean()
    here = {one["sku"]: one["onHand"] for one in shop_of(day)["inventory"]}
    there = {one["sku"]: one["onHand"] for one in day.shipstation.state()["inventory"]}
    left, back = units_moved(day)
    assert here == {sku: COUNTED - left[sku] + back[sku] for sku in SKUS}
    assert there == {sku: COUNTED - left[sku] for sku in SKUS}, "the warehouse counts by itself what comes back"


def shop_of(day: Day) -> Any:
    (shop,) = day.shopify.state()["shops"].values()
    return shop


def units_moved(day: Day) -> tuple[Counter[str], Counter[str]]:
    """By SKU: what left, and what is for sale again."""
    left, back = Counter[str](), Counter[str]()
    for order in shop_of(day)["orders"]:
        skus = {str(line["id"]): line["sku"] for line in order["lines"]}
        for one in order["fulfillments"]:
            left.update({skus[line]: units for line, units in one["lines"].items() if one["status"] == "SUCCESS"})
        for one in order["refunds"]:
            is_ours = "[syncd return" in (one["note"] or "")
            if one["restockTypes"] == ["RETURN"] and (day.settings.stores["main"].returns.restocks or not is_ours):
                back.update({skus[line]: units for line, units in one["lines"].items()})
    return left, back


async def sent_back(day: Day, quantity: int = 2, units: int = 0) -> tuple[int, Shipment]:
    """An order that was sent, and the label by which its goods, or some units, come back."""
    order_id, there = await an_order(day, quantity=quantity)
    parcel = label(day, there)
    await day.rest()
    return order_id, await comes_back(day, parcel, units or quantity)


async def comes_back(day: Day, parcel: Shipment, units: int, only: str | None = None) -> Shipment:
    """As made from the label of the package: V2 tells nothing else about what comes back. `only`: of this line."""
    lines = {item.line_item_key: units for item in parcel.items if only in (None, item.line_item_key)}
    made = day.shipstation.labels.buy_label(parcel.order.order_id, lines=lines, return_label=True)
    day.shipstation.account.shipments[made.shipment_id] = replace(made, outbound_id=parcel.shipment_id)
    await day.rest()
    return made


async def arrives(day: Day, coming: Shipment) -> None:
    day.shipstation.carriage.scan(coming.shipment_id, "DE")
    await day.passes(70)
    await day.rest()


def money(day: Day, order_id: int) -> tuple[Decimal, Decimal]:
    """Paid, paid back."""
    order = day.order(order_id)
    return Decimal(order["received"]), Decimal(order["refunded"])


def units_worth(day: Day, order_id: int, units: int) -> Decimal:
    """With their tax."""
    (line,) = day.sold()[order_id].lines
    each = line.price + sum((tax.price for tax in line.taxes), Decimal(0)) / line.quantity
    return (each * units).quantize(Decimal("0.01"))


async def story_of(day: Day, order_id: int) -> str:
    return explain_text(await explain_order(await desk_of(day), str(order_id), offline=True))


def state_of(day: Day, order_id: int) -> Mapping[str, Any]:
    (row,) = day.rows(f"SELECT outcome, detail, received_by FROM returns WHERE order_id = {order_id}")
    return row


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


@pytest.mark.parametrize("fates", [Fates(settings=policy(on_label="return", refund="automatic", refund_limit=1000))])
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
@pytest.mark.parametrize("fates", [Fates(settings=policy(on_label="return", refund="automatic", refund_limit=1000))])
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


MOVED = "Return line item has an invalid quantity."
"""What Shopify says where the order is not any more as it was seen."""


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


@pytest.mark.parametrize("fates", [Fates(settings=policy(on_label="return", refund="automatic", refund_limit=1000))])
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
@pytest.mark.parametrize("fates", [Fates(settings=policy(on_label="return", refund="automatic", refund_limit=1000))])
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


@pytest.mark.parametrize("operation", ["OpenReturn", "LabelReturn", "ProcessReturn", "CloseReturn"])
@pytest.mark.parametrize("fates", [Fates(settings=policy(on_label="return", refund="automatic", refund_limit=1000))])
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


@pytest.mark.parametrize("fates", [Fates(settings=policy(on_label="return", refund="automatic", refund_limit=1000))])
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


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_a_parcel_of_two_sales_that_comes_back_is_told_to_both(day: Day) -> None:
    orders = day.sell(2, lines=1, quantity=1)
    await day.rest()
    survivor, absorbed = (day.there(order_id)[0]["orderId"] for order_id in orders)
    day.shipstation.desk.merge([survivor, absorbed])
    parcel = day.shipstation.labels.buy_label(survivor)
    await day.rest()
    coming = await comes_back(day, parcel, 1)
    assert [f"s{coming.shipment_id}" in (day.sold()[order_id].note or "") for order_id in orders] == [True, True]
    await arrives(day, coming)
    assert [money(day, order_id)[1] for order_id in orders] == [units_worth(day, order_id, 1) for order_id in orders]
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
