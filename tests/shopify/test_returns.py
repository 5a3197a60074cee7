"""What the store tells of goods that come back: money follows from it, so none of it is believed by halves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from mappings.returns import Return, ReturnPolicy
from syncd.errors import TransientError
from syncd.shopify.returns import order_returning
from tests.shopify.store import Scripted, Store, said

LINE = 7001
POLICY = ReturnPolicy(on_label="return", refund="automatic", refund_limit=Decimal(50), note_on_customer=True)
ARRIVED = Return("s1", "1Z9", "ups", "ups_ground", {LINE: 1}, received_at=datetime(2026, 11, 20, tzinfo=UTC))


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


MONEY = {"shopMoney": {"amount": "19.90", "currencyCode": "USD"}}
CUT = {"hasNextPage": False}
SHOWN: dict[str, Any] = {
    "lines": [{"id": gid("LineItem", LINE), "refundableQuantity": 2, "unfulfilledQuantity": 0}],
    "order": {
        "id": gid("Order", 5001),
        "name": "#1001",
        "updatedAt": "2026-11-20T10:00:00Z",
        "note": "by the door",
        "tags": ["vip"],
        "currencyCode": "USD",
        "presentmentCurrencyCode": "USD",
        "netPaymentSet": MONEY,
        "refunds": [
            {"id": gid("Refund", 1), "note": "earlier", "refundLineItems": {"nodes": [{"quantity": 1}]}},
        ],
        "fulfillments": [
            {
                "status": "SUCCESS",
                "location": {"id": gid("Location", 81)},
                "fulfillmentLineItems": {
                    "pageInfo": CUT,
                    "nodes": [
                        {"id": gid("FulfillmentLineItem", 1), "quantity": 2, "lineItem": {"id": gid("LineItem", LINE)}}
                    ],
                },
            }
        ],
        "customer": {"id": gid("Customer", 9), "note": "calls often"},
        "returns": {
            "pageInfo": CUT,
            "nodes": [
                {
                    "id": gid("Return", 3),
                    "status": "OPEN",
                    "exchangeLineItems": {"nodes": []},
                    "returnShippingFees": [],
                    "returnLineItems": {
                        "pageInfo": CUT,
                        "nodes": [
                            {
                                "id": gid("ReturnLineItem", 4),
                                "quantity": 1,
                                "processedQuantity": 0,
                                "refundedQuantity": 0,
                                "returnReasonNote": "syncd s1",
                                "fulfillmentLineItem": {
                                    "id": gid("FulfillmentLineItem", 1),
                                    "lineItem": {"id": gid("LineItem", LINE)},
                                },
                                "restockingFee": None,
                            }
                        ],
                    },
                    "reverseFulfillmentOrders": {
                        "nodes": [
                            {
                                "id": gid("ReverseFulfillmentOrder", 5),
                                "lineItems": {
                                    "nodes": [
                                        {
                                            "id": gid("ReverseFulfillmentOrderLineItem", 6),
                                            "fulfillmentLineItem": {"id": gid("FulfillmentLineItem", 1)},
                                        }
                                    ]
                                },
                                "reverseDeliveries": {"nodes": [{"deliverable": {"tracking": {"number": "RET-1"}}}]},
                            }
                        ]
                    },
                }
            ],
        },
        "returnStatus": "IN_PROGRESS",
        "suggestedRefund": {
            "suggestedTransactions": [
                {
                    "gateway": "shopify_payments",
                    "amountSet": MONEY,
                    "parentTransaction": {"id": gid("OrderTransaction", 8)},
                }
            ]
        },
    },
}


async def read(data: Any) -> Any:
    store = Store(Scripted(said(data=data)))
    found = await store.do(order_returning(store.client, 5001, ARRIVED, POLICY))
    assert found
    return found[1]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(path: tuple[Any, ...]) -> Any:
    """The same with something else at this place."""
    data = deepcopy(SHOWN)
    inside = data
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = {"text": json.dumps(inside[path[-1]])}
    return data


async def test_all_of_it_is_read() -> None:
    seen = await read(SHOWN)
    assert (seen.net_payment, seen.payments[0].amount, seen.sent[0].location_gid) == (
        Decimal("19.90"),
        Decimal("19.90"),
        gid("Location", 81),
    )
    (one,) = seen.returns
    assert (one.gid, one.lines[0].processed, set(one.numbers)) == (gid("Return", 3), 0, {"RET-1"})
    assert (one.has_terms, seen.is_returning, seen.paid_for_nothing) == (False, True, False)


@pytest.mark.parametrize(
    ("status", "is_returning", "was_returned"),
    [
        ("NO_RETURN", False, False),
        ("RETURN_REQUESTED", True, False),
        ("RETURNED", False, True),
        ("INSPECTION_COMPLETE", False, True),
    ],
)
async def test_returns_that_are_open_or_over_are_seen(status: str, is_returning: bool, was_returned: bool) -> None:
    shown = deepcopy(SHOWN)
    shown["order"]["returnStatus"] = status
    seen = await read(shown)
    assert (seen.is_returning, seen.was_returned) == (is_returning, was_returned)


@pytest.mark.parametrize("what", ["exchangeLineItems", "returnShippingFees", "restockingFee"])
async def test_what_is_not_paid_back_as_it_was_paid_is_seen(what: str) -> None:
    shown, some = deepcopy(SHOWN), {"id": gid("Any", 9)}
    (one,) = shown["order"]["returns"]["nodes"]
    (line,) = one["returnLineItems"]["nodes"]
    one["exchangeLineItems"]["nodes"] += [some] if what == "exchangeLineItems" else []
    one["returnShippingFees"] += [some] if what == "returnShippingFees" else []
    line["restockingFee"] = some if what == "restockingFee" else None
    assert (await read(shown)).returns[0].has_terms


OTHERS = ("order", "deliverable")
"""There may be none of the one, and what the other is decides its members."""


@pytest.mark.parametrize(
    "path", [path for path in places(SHOWN) if path[-1] not in OTHERS], ids=lambda p: ".".join(map(str, p))
)
async def test_something_of_another_kind_makes_all_of_it_malformed(path: tuple[Any, ...]) -> None:
    with pytest.raises(TransientError) as caught:
        await read(changed(path))
    assert caught.value.code == "malformed"
