"""One order, its plan, and what ShipStation shows once that was carried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from mappings.causes import Cause
from mappings.keys import order_key
from mappings.plan_orders import plan_order
from mappings.plans import Consignment, Package, Plan, Profile, Standing, UpsertOrder
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from tests.mappings.builders import (
    HERE,
    NOW,
    ORDER_ID,
    PROFILE,
    fulfillment_order,
    line,
    order,
)

KEY = order_key("main", ORDER_ID, HERE, 1)


def planned(
    of: OrderToShip | None,
    consignments: list[Consignment] | None = None,
    packages: list[Package] | None = None,
    observed: Mapping[str, Order | None] | None = None,
    profile: Profile = PROFILE,
    waived: frozenset[Cause] = frozenset(),
) -> Plan:
    return plan_order(profile, of, consignments or [], packages or [], observed or {}, NOW, waived)


def upserts(plan: Plan) -> list[UpsertOrder]:
    return [step for step in plan.steps if isinstance(step, UpsertOrder)]


def sent(of: OrderToShip, standing: Standing = Standing.OPEN, profile: Profile = PROFILE) -> list[Consignment]:
    """What we know after the first plan of `of` was applied."""
    return [
        Consignment(step.order_key, step.location_id, "", step.n, standing, 41, step.applied)
        for step in upserts(planned(of, profile=profile))
    ]


def shown(consignment: Consignment, **rest: Any) -> dict[str, Order | None]:
    """What ShipStation shows of it: our document with the members that it adds."""
    document = cast(Order, dict(consignment.applied or {}))
    items = [{**item, "orderItemId": 900 + n, "warehouseLocation": "A7"} for n, item in enumerate(document["items"])]
    added = {"orderId": 41, "items": items, "modifyDate": "2026-11-20T10:00:00.0000000", "tagIds": [3], **rest}
    return {consignment.order_key: cast(Order, {**document, **added})}


WHOLE = order([line(7001, 2)])


NOTHING_WANTED = [
    pytest.param(order([line(7001, 2)], cancelledAt="2026-11-20T17:30:00Z"), Cause.CANCELLED, id="cancelled"),
    pytest.param(order([line(7001, 2, currentQuantity=0)], []), Cause.REFUNDED, id="all units removed"),
    pytest.param(order([line(7001, 2)], displayFinancialStatus="VOIDED"), Cause.UNPAID, id="payment voided"),
    pytest.param(
        order([line(7001, 2)], [fulfillment_order(1, {7001: (0, 2)}, status="CLOSED")]), Cause.FULFILLED_ELSEWHERE,
        id="fulfilled by someone else",
    ),
]  # fmt: skip
