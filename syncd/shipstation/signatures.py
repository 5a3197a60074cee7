"""Webhooks of ShipStation's V2 API are signed: who signed, when, and with which of the keys that ShipStation publishes.

RSASSA-PKCS1-v1_5 with SHA-256 over `timestamp + "." + raw body` (docs.shipstation.com, webhook validation, 2026-11). The algorithm
is fixed: a key's or a caller's own word about it is not asked.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mappings.decoding import MalformedError, decoded
from mappings.shipstation_shapes import JsonWebKeys
from syncd.errors import SyncError
from syncd.http import json_of
from syncd.logs import get_logger
from syncd.ports import Clock, Http, Request

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

log = get_logger(__name__)

KEY_ID, SIGNATURE, TIMESTAMP = (
    "x-shipengine-rsa-sha256-key-id",
    "x-shipengine-rsa-sha256-signature",
    "x-shipengine-timestamp",
)
OLDEST = timedelta(minutes=5)
SMALLEST_BITS = 2048
MOST_KEYS = 20
AGAIN_S = 60.0
"""Keys are asked for at most this often, whatever key ids strangers make up."""
FRESH_S = 86_400.0
TIMEOUT_S = 10.0
LONGEST_HEADER = 1024


class PublishedKeys:
    """The keys at the vendor's address. Old ones serve while new ones cannot be had; an unknown id is asked about once a minute."""

    def __init__(self, http: Http, clock: Clock, url: str) -> None:
        self._http = http
        self._clock = clock
        self._url = url
        self._keys: dict[str, RSAPublicKey] = {}
        self._asked_at: float | None = None
        self._told_at = 0.0
        self._turn = asyncio.Lock()

    async def key(self, key_id: str) -> RSAPublicKey | None:
        """None for a key that is not published, as far as we know."""
        async with self._turn:
            now = self._clock.monotonic()
            is_wanted = key_id not in self._keys or now - self._told_at > FRESH_S
            if is_wanted and (self._asked_at is None or now - self._asked_at >= AGAIN_S):
                self._asked_at = now
                await self._ask()
            return self._keys.get(key_id)

    async def _ask(self) -> None:
        try:
            response = await self._http.send(Request("GET", self._url, {"Accept": "application/json"}, None, TIMEOUT_S))
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            self._keys = keys_of(json_of(response))
            self._told_at = self._clock.monotonic()
        except (SyncError, ValueError) as error:
            log.warning("keys.postponed", error_code="jwks", error_text=str(error)[:200])


def keys_of(said: Any) -> dict[str, RSAPublicKey]:
    """By id. Keys of other kinds, and weak ones, are left out. Raises `MalformedError` for what is no set of keys."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    keys: dict[str, RSAPublicKey] = {}
    for key in decoded(JsonWebKeys, said)["keys"][:MOST_KEYS]:
        if key["kty"] != "RSA" or key.get("alg", "RS256") != "RS256" or key.get("use", "sig") != "sig":
            continue
        try:
            n, e = _number(key.get("n", "")), _number(key.get("e", ""))
            if n.bit_length() >= SMALLEST_BITS:
                keys[key["kid"]] = RSAPublicNumbers(e, n).public_key()
        except ValueError:
            continue
    if not keys:
        raise MalformedError("holds no key that could be used")
    return keys


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


async def refusal(keys: PublishedKeys, headers: Mapping[str, str], body: bytes, now: datetime) -> int | None:
    """The status to refuse with; None for what ShipStation signed. `headers` knows no case."""
    key_id, signature, timestamp = (headers.get(name, "")[:LONGEST_HEADER] for name in (KEY_ID, SIGNATURE, TIMESTAMP))
    if not (key_id and signature and timestamp):
        return 404
    if not _is_recent(timestamp, now):
        return 400
    key = await keys.key(key_id)
    return None if key is not None and is_signed(key, signature, timestamp, body) else 401


def is_signed(key: RSAPublicKey, signature: str, timestamp: str, body: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, timestamp.encode("utf-8", "replace") + b"." + body, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def event_id(headers: Mapping[str, str], body: bytes) -> str:
    """The same for every repeat of one delivery: V2 numbers them not."""
    return hashlib.sha256(headers.get(TIMESTAMP, "").encode("utf-8", "replace") + b"." + body).hexdigest()


def _is_recent(timestamp: str, now: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(timestamp)
        return moment.tzinfo is not None and abs(now - moment) <= OLDEST
    except (ValueError, OverflowError):
        return False
