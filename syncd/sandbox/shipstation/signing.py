"""Signs V2 webhooks as the vendor does, and shows the public key as a JWKS (docs.shipstation.com, webhook validation, 2026-11).

RSASSA-PKCS1-v1_5 with SHA-256 over `timestamp + "." + raw body`.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cached_property

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_ID = "sandbox-key-1"
BITS = 2048


class Signer:
    """The key is made when it is first needed, and lives as long as the sandbox does."""

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=BITS)

    def headers(self, body: bytes, now: datetime) -> dict[str, str]:
        timestamp = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        signature = self._key.sign(timestamp.encode() + b"." + body, padding.PKCS1v15(), hashes.SHA256())
        return {
            "x-shipengine-rsa-sha256-key-id": KEY_ID,
            "x-shipengine-rsa-sha256-signature": base64.b64encode(signature).decode(),
            "x-shipengine-timestamp": timestamp,
        }

    def jwks(self) -> dict[str, object]:
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": KEY_ID,
            "n": _encoded(numbers.n),
            "e": _encoded(numbers.e),
        }
        return {"keys": [key]}


def _encoded(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()
