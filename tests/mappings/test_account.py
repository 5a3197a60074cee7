"""The recount row by row: what is a difference, what is explained, what is only on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from mappings.account import Account, Parcels, Told, draw_account
from mappings.causes import Cause, state_of
from mappings.keys import order_key
from mappings.plans import Package
from mappings.shopify_shapes import Fulfillment, FulfillmentOrder
from mappings.sweeping import Sight
from tests.mappings.builders import HERE, NOW, ORDER_ID, fulfillment, fulfillment_order, order_shipped, package

KEY = order_key("main", ORDER_ID, HERE, 1)
OPEN = fulfillment_order(9001, {7001: 2})
DONE = fulfillment_order(9001, {7001: (0, 2)}, status="CLOSED")
HELD = fulfillment_order(9001, {7001: 2}, status="ON_HOLD", fulfillmentHolds=[{"id": "h", "reason": "OTHER"}])


def sight(units: int, status: str = "awaiting_shipment", number: int = 41) -> Sight:
    return Sight(number, KEY, "#1001", status, {ORDER_ID: Counter({7001: units})}, frozenset(), False)


def drawn(
    cause: Cause | None,
    fulfillment_orders: list[FulfillmentOrder],
    sights: Sequence[Sight],
    packages: Sequence[Package] = (),
    fulfillments: Sequence[Fulfillment] = (),
    moves: bool = False,
    marked: frozenset[int] = frozenset(),
) -> Account:
    told = {ORDER_ID: Told(state_of(cause), cause, moves)} if cause else {}
    parcels = {ORDER_ID: Parcels({one.package_key: one for one in packages}, marked)}
    order = order_shipped(fulfillment_orders, list(fulfillments))
    return draw_account([order], told, sights, parcels, NOW)


def kinds(account: Account) -> list[str]:
    return [one.kind for one in account.differences]


PACKED = package("s1", {7001: 2})
VOIDED = package("s1", {7001: 2}, voided=True)
TOLD = fulfillment(1, {7001: 2})


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        pytest.param(drawn(Cause.IN_SHIPSTATION, [OPEN], [sight(2)]), [], id="placed once"),
        pytest.param(drawn(Cause.IN_SHIPSTATION, [OPEN], []), ["missing"], id="not placed"),
        pytest.param(drawn(Cause.IN_SHIPSTATION, [OPEN], [sight(1)]), ["missing"], id="a unit is missing"),
        pytest.param(
            drawn(Cause.IN_SHIPSTATION, [OPEN], [sight(2), sight(2, number=42)]), ["doubled"], id="placed twice"
        ),
        pytest.param(
            drawn(Cause.IN_SHIPSTATION, [OPEN], [sight(2), sight(2, "cancelled", 42)]), [], id="one is cancelled"
        ),
        pytest.param(drawn(Cause.UNPAID, [OPEN], []), [], id="excluded, and says why"),
        pytest.param(drawn(Cause.UNPAID, [OPEN], [sight(2)]), ["unexplained"], id="excluded, and lies there"),
        pytest.param(drawn(None, [OPEN], []), ["unexplained"], id="never looked at"),
        pytest.param(drawn(Cause.FULFILLMENT_HOLD, [HELD], [sight(2, "on_hold")]), [], id="held on both sides"),
        pytest.param(drawn(Cause.FULFILLMENT_HOLD, [HELD], [sight(2)]), ["unexplained"], id="held in Shopify only"),
        pytest.param(drawn(Cause.EDITED_AFTER_LABEL, [OPEN], [sight(9)]), [], id="a person knows"),
        pytest.param(drawn(Cause.IN_SHIPSTATION, [OPEN], [], moves=True), [], id="on its way"),
        pytest.param(drawn(Cause.SHIPPED, [DONE], [sight(2, "shipped")], [PACKED], [TOLD]), [], id="shipped and told"),
        pytest.param(drawn(Cause.SHIPPED, [DONE], [sight(2, "shipped")], [PACKED], []), ["not_told"], id="not told"),
        pytest.param(
            drawn(Cause.SHIPPED, [DONE], [sight(2, "shipped")], [PACKED], [fulfillment(1, {7001: 1})]),
            ["not_told"],
            id="told with other lines",
        ),
        pytest.param(
            drawn(Cause.IN_SHIPSTATION, [DONE], [sight(2)], [VOIDED], [TOLD]),
            ["told_in_vain"],
            id="void and told",
        ),
        pytest.param(
            drawn(Cause.SHIPPED, [DONE], [sight(2, "shipped")], [package("f1", None)], [TOLD], marked=frozenset({41})),
            [],
            id="marked as shipped",
        ),
    ],
)
def test_each_row_of_the_account(account: Account, expected: list[str]) -> None:
    assert kinds(account) == expected


def test_eligible_orders_are_those_that_are_ours_to_ship() -> None:
    account = drawn(Cause.IN_SHIPSTATION, [OPEN], [sight(2)])
    assert (account.eligible, account.mapped_once, account.units_wanted, account.units_there) == (1, 1, 2, 2)
    assert drawn(Cause.UNPAID, [OPEN], []).eligible == 0
