"""The judge of returns: whatever is wrong on one side is named, and what is right is not."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from syncd.sandbox.returns_account import judge_returns

LABEL = {"shipmentId": 7, "orderId": 3, "trackingNumber": "94R", "isReturnLabel": True, "voided": False}
ITEM = {"lineItemKey": "5:11", "quantity": 2}
REFUND = {"amount": "20.0", "note": "[syncd return s7]", "lines": {"11": 2}, "restockTypes": ["RETURN"]}
OPENED = {
    "name": "#5-R1",
    "status": "CLOSED",
    "lines": {"11": 2},
    "processed": {"11": 2},
    "tracking": ["94R"],
    "notes": ["[syncd return s7]"],
}
POLICY = {
    "on_label": "note",
    "refund": "automatic",
    "refund_limit": 50,
    "restocks": True,
    "tag": "return",
    "note_on_customer": False,
}
RETURN = POLICY | {"on_label": "return"}
ROW = {"return_key": "s7", "order_id": 5, "received_by": "carrier", "approved": None, "outcome": "", "detail": ""}


def order(**changes: Any) -> dict[str, Any]:
    """One line of two units at 10 each, whose label arrived and was paid back."""
    return {
        "id": 5,
        "name": "#5",
        "note": "Return of 2 units [syncd return s7]",
        "customerNote": None,
        "tags": ["return"],
        "lines": [{"id": 11, "unitWorth": "10.00"}],
        "received": "25.0",
        "refunded": "20.0",
        "refunds": [REFUND],
        "returns": [],
        **changes,
    }


UNPAID: dict[str, Any] = {"refunds": [], "refunded": "0.0"}
UNNOTED: dict[str, Any] = {"note": None, "tags": []}
TWICE: dict[str, Any] = {"refunds": [REFUND, REFUND | {"amount": "5.0"}], "refunded": "25.0"}


def judged(found: dict[str, Any], policy: dict[str, Any], label: dict[str, Any], row: dict[str, Any]) -> list[str]:
    delivered = [7] if label.pop("arrived", True) else []
    shipments = [{**deepcopy(LABEL), "items": [ITEM], **label}]
    shopify, shipstation = {"shops": {"a.shop": {"orders": [found]}}}, {"shipments": shipments, "delivered": delivered}
    return judge_returns(shopify, shipstation, {"a.shop": policy}, [ROW | row])


@pytest.mark.parametrize(
    ("found", "policy", "label", "row"),
    [
        (order(), POLICY, {}, {}),
        (order(**UNNOTED, returns=[OPENED]), RETURN, {}, {}),
        (order(**UNPAID), POLICY, {"arrived": False}, {}),
        (order(**UNPAID), POLICY | {"refund": "off"}, {}, {}),
        (order(**UNPAID), POLICY | {"refund": "suggest", "refund_limit": 0}, {}, {}),
        (order(), POLICY | {"refund": "suggest", "refund_limit": 0}, {}, {"approved": "20.00"}),
        (order(), POLICY, {"arrived": False}, {"received_by": "person"}),
        (order(**UNPAID), POLICY, {}, {"detail": "nothing_to_refund"}),
        (order(**UNPAID, **UNNOTED), POLICY, {"voided": True, "arrived": False}, {}),
    ],
    ids=["noted", "returned", "under-way", "off", "asked", "agreed", "received-by-hand", "with-a-person", "voided"],
)
def test_what_is_right_has_no_name(
    found: dict[str, Any], policy: dict[str, Any], label: dict[str, Any], row: dict[str, Any]
) -> None:
    assert judged(found, policy, dict(label), row) == []


@pytest.mark.parametrize(
    ("found", "policy", "label", "words"),
    [
        (order(**UNPAID), POLICY, {}, "20.00 are not paid back"),
        (order(**TWICE), POLICY, {}, "2 refunds for return s7"),
        (order(), POLICY, {"arrived": False}, "has not arrived"),
        (order(), POLICY | {"refund_limit": 19}, {}, "up to 19"),
        (order(), POLICY | {"refund": "off"}, {}, "by policy off"),
        (order(refunds=[REFUND | {"amount": "21.0"}], refunded="21.0"), POLICY, {}, "worth 20.00"),
        (order(refunds=[REFUND | {"lines": {"11": 1}}]), POLICY, {}, "brought {'11': 2}"),
        (order(refunded="30.0"), POLICY, {}, "30.0 went back in refunds of 20.0"),
        (order(received="15.0"), POLICY, {}, "of 15.0 that were paid"),
        (order(refunds=[REFUND | {"restockTypes": ["NO_RESTOCK"]}]), POLICY, {}, "went back as ['NO_RESTOCK']"),
        (order(), POLICY | {"restocks": False}, {}, "went back as ['RETURN']"),
        (order(note=None), POLICY, {}, "the note of the order tells 0 times"),
        (order(note="[syncd return s7] [syncd return s7]"), POLICY, {}, "the note of the order tells 2 times"),
        (order(customerNote="[syncd return s7]"), POLICY, {}, "the note of the customer tells 1 times"),
        (order(), POLICY | {"note_on_customer": True}, {}, "the note of the customer tells 0 times"),
        (order(tags=[]), POLICY, {}, "has the tag 'return' 0 times"),
        (order(note="[syncd return s7] [syncd return s8]"), POLICY, {}, "a return s8 that brings nothing"),
        (order(returns=[OPENED]), POLICY, {}, "1 Shopify returns"),
        (order(**UNNOTED), RETURN, {}, "0 Shopify returns"),
        (order(**UNNOTED, returns=[OPENED | {"lines": {"11": 1}}]), RETURN, {}, "#5-R1 holds {'11': 1}"),
        (order(**UNNOTED, returns=[OPENED | {"tracking": []}]), RETURN, {}, "under []"),
        (order(**UNNOTED, returns=[OPENED | {"status": "OPEN"}]), RETURN, {}, "#5-R1 is OPEN"),
    ],
)
def test_what_is_wrong_is_named(
    found: dict[str, Any], policy: dict[str, Any], label: dict[str, Any], words: str
) -> None:
    assert words in "\n".join(judged(found, policy, dict(label), {}))
