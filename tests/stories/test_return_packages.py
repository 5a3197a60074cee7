"""Stories of several return labels of one package, of packages with goods of several sales, and of refunds that a person declines."""

from __future__ import annotations

import pytest

from syncd.errors import RejectedError
from syncd.operate.returns import (
    approve_refunds,
    decline_refunds,
    make_label,
    receive_return,
    refunds_text,
    waiting_refunds,
)
from syncd.operate.wake import retry_orders
from syncd.sandbox.shopify.faults import FaultRule
from syncd.simulation.day import SHOP, Day, Fates
from syncd.simulation.desk import desk_of
from tests.orders_api import ON_V1_ALONE
from tests.stories.coming_back import (
    arrives,
    assert_both_sides,
    comes_back,
    count_shelves,
    money,
    policy,
    sent_back,
    state_of,
    units_worth,
)
from tests.stories.packing import BOTH, Shipment, an_order, label

pytestmark = BOTH

AUTOMATIC = policy(refund="automatic", refund_limit=1000)


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=policy())


@pytest.fixture(autouse=True)
async def counted_shelves(day: Day) -> None:
    count_shelves(day)


@ON_V1_ALONE
@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_two_returns_of_one_line_are_both_paid_by_us_without_a_question(day: Day) -> None:
    _, there = await an_order(day, quantity=2)
    parcel = label(day, there)
    await day.rest()
    coming = [await comes_back(day, parcel, 1) for _ in range(2)]
    day.shopify.faults.set([FaultRule("error_500_after", operation="Refund", times=1)])
    await arrives(day, coming[0])
    await arrives(day, coming[1])
    await day.passes(200)
    await day.rest()
    assert [one["outcome"] for one in day.rows("SELECT outcome FROM returns")] == ["refunded", "refunded"]
    await assert_both_sides(day)


async def two_labels_of_one_package(day: Day) -> tuple[int, list[Shipment]]:
    """Of four units two left in each of two packages; a customer who lost the label of the first one got another."""
    order_id, there = await an_order(day, quantity=4)
    parcel = label(day, there, 2)
    label(day, there)
    await day.rest()
    desk, package = await desk_of(day), f"s{parcel.shipment_id}"
    made = [await make_label(desk, str(order_id), package, again) for again in (False, True)]
    await day.passes(120)
    await day.rest()
    return order_id, [day.shipstation.account.shipments[int(one["return"][1:])] for one in made]


@pytest.mark.parametrize(
    "fates",
    [
        Fates(settings=policy(on_label=on_label, refund="automatic", refund_limit=1000))
        for on_label in ("note", "return")
    ],
    ids=["note", "return"],
)
async def test_two_return_labels_of_one_package_pay_back_no_more_than_it_held(day: Day) -> None:
    order_id, coming = await two_labels_of_one_package(day)
    await arrives(day, coming[0])
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    await arrives(day, coming[1])
    await day.passes(200)
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    assert "Another return of the same package" in refunds_text(await waiting_refunds(await desk_of(day)))
    told = day.rows("SELECT outcome, detail FROM returns ORDER BY return_key")
    assert told == [{"outcome": "refunded", "detail": ""}, {"outcome": "", "detail": "package_returned"}]
    await assert_both_sides(day)


@ON_V1_ALONE
@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
@pytest.mark.parametrize("unknown", [(0,), (1,), (0, 1)], ids=["of the first", "of the second", "of both"])
async def test_a_second_label_of_perhaps_the_same_package_is_not_paid_unasked(
    day: Day, unknown: tuple[int, ...]
) -> None:
    """Rows from before an upgrade, and labels that V1 alone showed, do not tell which package they were made for. V2 lists these
    labels again a little later, and then they tell it."""
    order_id, coming = await two_labels_of_one_package(day)
    for number in unknown:
        day.execute(f"UPDATE returns SET outbound_key = NULL WHERE return_key = 's{coming[number].shipment_id}'")
    await arrives(day, coming[0])
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    await arrives(day, coming[1])
    await day.passes(200)
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    assert "to pay back" in refunds_text(await waiting_refunds(await desk_of(day)))
    await approve_refunds(await desk_of(day), [f"s{coming[1].shipment_id}"])
    await day.rest()
    assert [one["outcome"] for one in day.rows("SELECT outcome FROM returns")] == ["refunded", "refunded"]
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_the_label_that_was_used_is_paid_where_the_other_one_of_its_package_was_not(day: Day) -> None:
    order_id, coming = await two_labels_of_one_package(day)
    await arrives(day, coming[1])
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    assert "Nothing" in refunds_text(await waiting_refunds(await desk_of(day)))
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


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_what_was_merged_into_an_order_after_its_label_was_voided_came_back_in_no_return_of_that(
    day: Day,
) -> None:
    """372014 on V2, which shows a package by what its order holds by now."""
    orders = day.sell(2, lines=1, quantity=1)
    await day.rest()
    survivor, absorbed = (day.there(order_id)[0]["orderId"] for order_id in orders)
    parcel = day.shipstation.labels.buy_label(survivor)
    coming = await comes_back(day, parcel, 1)
    day.shipstation.labels.void_label(parcel.shipment_id)
    day.shipstation.desk.merge([survivor, absorbed])
    await day.rest()
    day.shipstation.labels.buy_label(survivor)
    await day.rest()
    await arrives(day, coming)
    assert money(day, orders[1])[1] == 0


@pytest.mark.parametrize(
    "fates",
    [
        Fates(settings=policy()),
        Fates(settings=policy(refund="suggest")),
        Fates(settings=policy(refund="automatic", refund_limit=1)),
    ],
    ids=["off", "suggest", "automatic"],
)
async def test_a_refund_that_is_declined_is_not_paid_nor_shown_any_more(day: Day) -> None:
    order_id, coming = await sent_back(day)
    await arrives(day, coming)
    desk = await desk_of(day)
    if day.settings.stores["main"].returns.refund == "off":
        await receive_return(desk, str(order_id), None)
        await day.rest()
    await decline_refunds(desk, [f"s{coming.shipment_id}"])
    await retry_orders(desk, [str(order_id)])
    await day.passes(200)
    assert "Nothing" in refunds_text(await waiting_refunds(desk))
    assert money(day, order_id)[1] == 0
    with pytest.raises(RejectedError, match="no return of it waits"):
        await approve_refunds(desk, [str(order_id)])
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_what_may_be_paid_at_this_moment_cannot_be_declined(day: Day) -> None:
    order_id, _ = await sent_back(day)
    day.shopify.faults.set([FaultRule("error_500_after", operation="Refund", times=1)])
    await receive_return(await desk_of(day), str(order_id), None)
    with pytest.raises(RejectedError, match="something is being done about it"):
        await decline_refunds(await desk_of(day), [str(order_id)])
    await day.passes(10)
    with pytest.raises(RejectedError, match="something is being done about it"):
        await decline_refunds(await desk_of(day), [str(order_id)])
    await day.passes(200)
    await day.rest()
    assert state_of(day, order_id)["outcome"] == "refunded"
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    await assert_both_sides(day)


async def test_of_several_returns_that_wait_the_one_to_decline_is_named(day: Day) -> None:
    order_id, coming = await two_labels_of_one_package(day)
    for one in coming:
        await receive_return(await desk_of(day), str(order_id), f"s{one.shipment_id}")
    await day.rest()
    with pytest.raises(RejectedError, match="name one of its returns"):
        await decline_refunds(await desk_of(day), [str(order_id)])
    await decline_refunds(await desk_of(day), [f"s{coming[0].shipment_id}"])
    told = day.rows("SELECT outcome FROM returns ORDER BY return_key")
    assert [one["outcome"] for one in told] == ["declined", ""]
    await assert_both_sides(day)


@pytest.mark.parametrize("fates", [Fates(settings=AUTOMATIC)])
async def test_of_a_return_whose_order_shopify_shows_no_more_a_person_is_told(day: Day) -> None:
    """Deleted, or too old for the scopes of the app: it was shown as on its way for ever, and could not be declined."""
    order_id, coming = await sent_back(day)
    orders = day.shopify.shops[SHOP.domain].orders
    order = orders.pop(order_id)
    await arrives(day, coming)
    assert "Shopify shows its order no more" in refunds_text(await waiting_refunds(await desk_of(day)))
    orders[order_id] = order
    await retry_orders(await desk_of(day), [str(order_id)])
    await day.rest()
    assert money(day, order_id)[1] == units_worth(day, order_id, 2)
    assert refunds_text(await waiting_refunds(await desk_of(day))) == "Nothing that arrived waits for a refund."
