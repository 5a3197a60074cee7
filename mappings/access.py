"""Why an account does not let us in: the cause behind the vendors' statuses and words, the same for orders, status and doctor."""

from __future__ import annotations

from mappings.causes import Cause

SHOPIFY = "shopify:"
"""What the accounts of shops begin with."""

SHOPIFY_CAUSES = {
    "http_402": Cause.SHOP_FROZEN,
    "access_denied": Cause.SCOPE_MISSING,
    "document_refused": Cause.QUERY_REFUSED,
    "invalid_client": Cause.APP_REFUSED,
    "app_not_installed": Cause.APP_REFUSED,
    "shop_not_permitted": Cause.APP_REFUSED,
}
SHIPSTATION_CAUSES = {
    "plan_402": Cause.PLAN_402,
    "http_401": Cause.KEY_REFUSED,
    "v2_http_401": Cause.KEY_REFUSED,
    "v2_gate_402": Cause.PLAN_402,
    "v2_gate_403": Cause.FORBIDDEN,
    "v2_gate_405": Cause.FORBIDDEN,
}
CAUSES = {
    "http_403": Cause.FORBIDDEN,
    "http_405": Cause.FORBIDDEN,
    "http_423": Cause.ACCOUNT_LOCKED,
    "http_430": Cause.CALLS_BLOCKED,
}
"""Of both vendors."""

CALL_CODES = frozenset(
    {"access_denied", "document_refused", "http_403", "http_405", "v2_gate_402", "v2_gate_403", "v2_gate_405"}
)
"""Refusals of one kind of call: that another call is answered proves nothing about them."""


def access_cause(account: str, code: str) -> Cause:
    """`account` is `shopify:<store>` or one of ShipStation's, `code` that of the refusal."""
    own = SHOPIFY_CAUSES if account.startswith(SHOPIFY) else SHIPSTATION_CAUSES
    return own.get(code) or CAUSES.get(code, Cause.ACCESS_LOST)
