"""Webhooks without a signature: what they may cause is a look at a feed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.hints import Nudge
from syncd.shipstation.webhooks import FULFILLMENTS, SHIPMENTS, hints_of, is_secret
from syncd.shopify.webhooks import json_object


@pytest.mark.parametrize(
    ("kind", "hints"),
    [
        ("SHIP_NOTIFY", [SHIPMENTS]),
        ("ITEM_SHIP_NOTIFY", [SHIPMENTS]),
        ("FULFILLMENT_SHIPPED", [FULFILLMENTS]),
        ("FULFILLMENT_REJECTED", [FULFILLMENTS]),
        ("ORDER_NOTIFY", []),
        ("SOMETHING_NEW", [SHIPMENTS, FULFILLMENTS]),
        ([], [SHIPMENTS, FULFILLMENTS]),
    ],
)
def test_each_event_nudges_its_feed(kind: object, hints: list[Nudge]) -> None:
    assert hints_of({"resource_url": "https://evil.test/", "resource_type": kind}) == hints


@given(st.binary() | st.recursive(st.text(), st.lists).map(lambda value: json.dumps(value).encode()))
def test_any_body_is_survived(body: bytes) -> None:
    assert set(hints_of(json_object(body))) <= {SHIPMENTS, FULFILLMENTS}


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"resource_type":' + b"9" * 5000 + b"}", b"\x00", b'"\\ud800"'])
def test_hostile_bodies_are_survived(body: bytes) -> None:
    assert hints_of(json_object(body)) == [SHIPMENTS, FULFILLMENTS]


def test_real_bodies_are_understood(shared: Path) -> None:
    folder = shared / "payloads" / "shipstation-v1"
    assert hints_of(json_object((folder / "ss1-webhook-ship-notify-batch.json").read_bytes())) == [SHIPMENTS]
    assert hints_of(json_object((folder / "ss1-webhook-unknown-type.json").read_bytes())) == [SHIPMENTS, FULFILLMENTS]


@pytest.mark.parametrize(
    ("given_secret", "secrets", "is_let_in"),
    [
        ("s3cret", ["s3cret"], True),
        ("former", ["s3cret", "former"], True),
        ("s3cres", ["s3cret"], False),
        ("", [""], False),
        ("s", [], False),
        ("\udc80", ["s"], False),
    ],
)
def test_the_secret_in_the_path_is_compared(given_secret: str, secrets: list[str], is_let_in: bool) -> None:
    assert is_secret(given_secret, secrets) is is_let_in
