"""`@idempotent`: a mutation that demands a key is done once for each, and the key is kept for a day.

Since API 2026-04 the demand is made at run time; the schema does not show it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from syncd.sandbox.shopify.problems import Problem, Refusal

Payload = dict[str, Any]
KEPT = timedelta(hours=24)
_MISSING = "The @idempotent directive is required for this mutation but was not provided."
_OTHER = "The same idempotency key cannot be used with different operation parameters."
_FAILED = "A previous request with this idempotency key failed. Retry with a new idempotency key."


class _Done(NamedTuple):
    at: datetime
    fingerprint: str
    payload: Payload | None
    """None for what was refused."""


class IdempotencyKeys:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._done: dict[str, _Done] = {}

    def once(self, key: str | None, mutation: str, args: dict[str, Any], write: Callable[[], Payload]) -> Payload:
        """What comes again gets the first answer, without being done again; the order of the input's fields counts."""
        if not key or not key.strip():
            raise Problem(_MISSING, "BAD_REQUEST")
        fingerprint = f"{mutation} {json.dumps(args, default=str)}"
        known = self._done.get(key)
        if known is not None and self._now() - known.at < KEPT:
            return _repeated(known, fingerprint)
        self._done[key] = _Done(self._now(), fingerprint, None)
        payload = write()
        self._done[key] = _Done(self._now(), fingerprint, payload)
        return payload


def _repeated(known: _Done, fingerprint: str) -> Payload:
    if known.fingerprint != fingerprint:
        raise Refusal(None, _OTHER, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH")
    if known.payload is None:
        raise Refusal(None, _FAILED, "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED")
    return known.payload
