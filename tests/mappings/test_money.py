from __future__ import annotations

from collections import Counter
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mappings.money import order_amounts, share, unit_price
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import line, money, order

cents = st.integers(0, 50_000).map(lambda amount: f"{amount / 100:.2f}")


@st.composite
def priced_orders(draw: st.DrawFn) -> OrderToShip:
    lines = [
        line(7000 + n, draw(st.integers(1, 4)), draw(cents), requiresShipping=n == 0 or draw(st.booleans()))
        for n in range(draw(st.integers(1, 4)))
    ]
    return order(
        lines,
        currentTotalPriceSet=money(draw(cents)),
        currentTotalTaxSet=money(draw(cents)),
        currentShippingPriceSet=money(draw(cents)),
        totalReceivedSet=money(draw(cents)),
    )


@given(priced_orders(), st.data())
def test_shares_add_up_to_the_cent_over_any_grouping(whole: OrderToShip, data: st.DataObject) -> None:
    units = [
        int(one["id"].rpartition("/")[2])
        for one in whole["lineItems"]["nodes"]
        if one["requiresShipping"]
        for _ in range(one["quantity"])
    ]
    groups: dict[int, Counter[int]] = {}
    for unit in units:
        groups.setdefault(data.draw(st.integers(0, 3)), Counter())[unit] += 1
    before: Counter[int] = Counter()
    shares = []
    for _, mine in sorted(groups.items()):
        shares.append(share(whole, before, mine))
        before = before + mine
    amounts = order_amounts(whole)
    for name in ("paid", "tax", "shipping", "adjustment"):
        assert sum(getattr(one, name) for one in shares) == getattr(amounts, name)


@given(priced_orders())
def test_shipstation_adds_up_to_the_total_of_shopify(whole: OrderToShip) -> None:
    amounts = order_amounts(whole)
    lines = whole["lineItems"]["nodes"]
    goods = sum((unit_price(one) * one["quantity"] for one in lines if one["requiresShipping"]), Decimal(0))
    total = Decimal(whole["currentTotalPriceSet"]["shopMoney"]["amount"])
    assert goods + amounts.tax + amounts.shipping + amounts.adjustment == total


def test_a_later_consignment_leaves_the_earlier_one_alone() -> None:
    whole = order([line(7001, 3, "3.33")], currentShippingPriceSet=money("1.00"), currentTotalPriceSet=money("10.99"))
    first = share(whole, Counter(), Counter({7001: 1}))
    second = share(whole, Counter({7001: 1}), Counter({7001: 1}))
    third = share(whole, Counter({7001: 2}), Counter({7001: 1}))
    assert [one.shipping for one in (first, second, third)] == [Decimal("0.33"), Decimal("0.34"), Decimal("0.33")]


def test_free_goods_share_by_units() -> None:
    whole = order([line(7001, 2, "0.00")], currentShippingPriceSet=money("5.00"), currentTotalPriceSet=money("5.00"))
    assert share(whole, Counter(), Counter({7001: 1})).shipping == Decimal("2.50")


def test_money_refunded_later_is_not_paid() -> None:
    whole = order([line(7001, 2)], currentTotalPriceSet=money("15.00"), totalReceivedSet=money("20.00"))
    assert order_amounts(whole).paid == Decimal("15.00")
