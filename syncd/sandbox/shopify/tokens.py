"""Access: the client credentials grant, tokens that run out by the simulated clock, and who is let in.

shopify.dev, client credentials grant, read 2026-11: form and JSON are both accepted, 86399 seconds, no refresh token.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same for one seed
from typing import Any
from urllib.parse import parse_qsl

from syncd.sandbox.shopify.shop import Shop

LIFETIME_S = 86_399
Answer = tuple[int, dict[str, Any]]


class Tokens:
    """The tokens of one shop's app. A new one leaves earlier ones valid: what Shopify does is not documented."""

    def __init__(self, shop: Shop, rng: Random) -> None:
        self._shop = shop
        self._rng = rng
        self._until: dict[str, datetime] = {}

    def grant(self, content_type: str, body: bytes) -> Answer:
        self._shop.calls.tokens += 1
        given = _form(content_type, body)
        options = self._shop.options
        if given.get("grant_type") != "client_credentials":
            return _error("unsupported_grant_type", "The grant type is not supported.")
        if given.get("client_id") != options.client_id or options.access == "revoked":
            return _error("invalid_client", "The client is unknown or the app is not installed.")
        if not self._shop.outbox.accepts_secret(str(given.get("client_secret"))):
            return _error("invalid_client", "The client secret is wrong.")
        if not options.organization_matches:
            return _error("shop_not_permitted", "Client credentials cannot be performed on this shop.")
        token = f"shpat_{self._rng.getrandbits(128):032x}"
        self._until[token] = self._shop.now() + timedelta(seconds=LIFETIME_S)
        return 200, {"access_token": token, "scope": _scope_text(options.scopes), "expires_in": LIFETIME_S}

    def is_valid(self, token: str) -> bool:
        if self._shop.options.access == "revoked":
            return False
        if self._shop.options.static_token and token == self._shop.options.static_token:
            return True
        until = self._until.get(token)
        return until is not None and self._shop.now() < until

    def revoke(self) -> None:
        """All granted tokens die at once; new ones can be had."""
        self._until.clear()


def _scope_text(scopes: tuple[str, ...]) -> str:
    """Leaves out what another scope implies."""
    implied = {f"read_{scope[6:]}" for scope in scopes if scope.startswith("write_")}
    return ",".join(sorted(set(scopes) - implied))


def _form(content_type: str, body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    if "json" not in content_type:
        return dict(parse_qsl(text))
    try:
        given = json.loads(text)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _error(code: str, text: str) -> Answer:
    return 400, {"error": code, "error_description": text}
