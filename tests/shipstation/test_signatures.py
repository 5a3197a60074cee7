"""Signed webhooks of the V2 API: what is let in, what is not, and how seldom the vendor is asked for its keys."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from multidict import CIMultiDict

from mappings.decoding import MalformedError
from syncd.errors import TransientError
from syncd.ports import Request, Response
from syncd.sandbox.shipstation.signing import KEY_ID, Signer
from syncd.shipstation.signatures import PublishedKeys, event_id, keys_of, refusal
from syncd.shipstation.webhooks import SHIPMENTS, hints_of
from syncd.shopify.webhooks import json_object
from syncd.simulation.day import SECRET, Day
from tests.mappings.builders import NOW

BODY = b'{"resource_url":"https://api.shipstation.com/v2/labels?batch_id=1","resource_type":"LABEL_CREATED_V2"}'
SIGNER = Signer()


class HandClock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.passed_s += seconds


class Vendor:
    """Publishes keys, or fails."""

    def __init__(self, said: Any = None) -> None:
        self.said = said or SIGNER.jwks()
        self.fails = False
        self.asked = 0

    async def send(self, request: Request) -> Response:
        self.asked += 1
        if self.fails:
            raise TransientError("connect_failed")
        return Response(200, {}, json.dumps(self.said).encode())


def signed(**changes: str) -> CIMultiDict[str]:
    return CIMultiDict(SIGNER.headers(BODY, NOW) | changes)


def keys(vendor: Vendor, clock: HandClock | None = None) -> PublishedKeys:
    return PublishedKeys(vendor, clock or HandClock(), "https://keys.test/jwks")


async def test_what_shipstation_signed_is_let_in() -> None:
    assert await refusal(keys(Vendor()), signed(), BODY, NOW) is None
    assert hints_of(json_object(BODY)) == [SHIPMENTS]


PREFIX = "x-shipengine-"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({}, BODY, 404, id="no signature"),
        pytest.param(signed(**{PREFIX + "rsa-sha256-signature": ""}), BODY, 404, id="empty signature"),
        pytest.param(signed(**{PREFIX + "rsa-sha256-signature": "AAAA"}), BODY, 401, id="another signature"),
        pytest.param(signed(**{PREFIX + "rsa-sha256-signature": "\xff!"}), BODY, 401, id="no base64"),
        pytest.param(signed(), BODY + b" ", 401, id="another body"),
        pytest.param(CIMultiDict(Signer().headers(BODY, NOW)), BODY, 401, id="another key of that name"),
        pytest.param(signed(**{PREFIX + "rsa-sha256-key-id": "made-up"}), BODY, 401, id="unknown key"),
        pytest.param(signed(**{PREFIX + "timestamp": "2026-11-20T10:00:01Z"}), BODY, 400, id="another time"),
        pytest.param(CIMultiDict(SIGNER.headers(BODY, NOW - timedelta(minutes=6))), BODY, 400, id="old"),
        pytest.param(CIMultiDict(SIGNER.headers(BODY, NOW + timedelta(minutes=6))), BODY, 400, id="of the future"),
        pytest.param(signed(**{PREFIX + "timestamp": "yesterday"}), BODY, 400, id="no time"),
    ],
)
async def test_what_it_did_not_sign_is_refused(headers: Any, body: bytes, status: int) -> None:
    assert await refusal(keys(Vendor()), CIMultiDict(headers), body, NOW) in {status, 401}
    assert await refusal(keys(Vendor()), CIMultiDict(headers), body, NOW) is not None


async def test_without_the_vendors_keys_nothing_is_let_in_and_it_is_asked_once_a_minute() -> None:
    vendor, clock = Vendor(), HandClock()
    vendor.fails = True
    published = keys(vendor, clock)
    assert [await refusal(published, signed(), BODY, NOW) for _ in range(50)] == [401] * 50
    assert vendor.asked == 1
    vendor.fails = False
    clock.passed_s += 61
    assert await refusal(published, signed(), BODY, NOW) is None


async def test_made_up_key_ids_do_not_make_us_ask_and_old_keys_serve_while_new_ones_cannot_be_had() -> None:
    vendor, clock = Vendor(), HandClock()
    published = keys(vendor, clock)
    assert await published.key(KEY_ID)
    for number in range(100):
        assert await published.key(f"made-up-{number}") is None
    assert vendor.asked == 1
    vendor.fails = True
    clock.passed_s += 2 * 86_400
    assert await published.key(KEY_ID)
    assert vendor.asked == 2
    vendor.fails, vendor.said = False, {"keys": []}
    clock.passed_s += 61
    assert await published.key(KEY_ID)


def _key(**changes: Any) -> dict[str, Any]:
    keys: Any = SIGNER.jwks()["keys"]
    return {"keys": [{**keys[0], **changes}]}


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"keys": None},
        {"keys": [{}]},
        _key(kty="oct"),
        _key(alg="none"),
        _key(use="enc"),
        _key(n="AQAB"),
        _key(e=""),
    ],
)
def test_only_strong_rsa_keys_for_signatures_are_used(said: Any) -> None:
    with pytest.raises(MalformedError):
        keys_of(said)


def test_a_repeat_has_the_same_id() -> None:
    assert event_id(signed(), BODY) == event_id(signed(), BODY) != event_id(signed(), BODY + b" ")


async def test_a_signed_webhook_reaches_the_inbox_once_and_an_unsigned_one_never(day: Day) -> None:
    assert day.duties is not None
    headers = CIMultiDict(day.shipstation.webhooks.signer.headers(BODY, day.clock.now()))
    post = day.webhooks.shipstation_v2_posted
    assert [await post(SECRET, headers, BODY) for _ in range(3)] == [200] * 3
    assert await post(SECRET, CIMultiDict(), BODY) == 404
    assert await post("wrong", headers, BODY) == 404
    assert await post(SECRET, headers, BODY + b" ") == 401
    await day.passes(5)
    assert len(day.rows("SELECT id FROM read_deliveries WHERE store = 'shipstation'")) == 1
    assert day.rows("SELECT id FROM deliveries") == []
