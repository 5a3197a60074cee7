"""What help desks are told by webhook, how it is signed, and when it is tried again. Pure.

Standard Webhooks 1.0 (standardwebhooks.com, 2026-11): `webhook-id`, `webhook-timestamp`, `webhook-signature`. No name, address or word
of a carrier leaves: only numbers of orders and packages, and sentences of ours.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from mappings.causes import MEANINGS, Cause, State, state_of
from mappings.deliveries import EXCEPTIONS, STATUS_WORDS, UNKNOWN_EXCEPTION

EventName = Literal["delivery", "exception", "parked", "shipped"]
TYPES: Mapping[EventName, str] = {
    "delivery": "package.moved",
    "exception": "package.exception",
    "parked": "order.parked",
    "shipped": "package.shipped",
}
TEST_TYPE = "syncd.test"
"""Says nothing: whoever takes webhooks lets types pass that it does not know."""
STEPS = ("news", "state", "create_fulfillment", "adopt_fulfillment")
"""Lines of the journal that may be worth a message."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - what every such secret begins with
SHORTEST_KEY, LONGEST_KEY = 24, 64

WAITS = tuple(timedelta(seconds=one) for one in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000))
"""After the first try, the second and so on; the last one again and again."""
GIVEN_UP_AFTER = timedelta(days=3)


class Line(NamedTuple):
    """One line of an order's journal. `is_done`: its step was confirmed, or it is no step."""

    step: str
    is_done: bool
    facts: Mapping[str, Any]


def event_of(line: Line) -> EventName | None:
    """None for what is no news to a help desk."""
    match line.step:
        case "news":
            return "exception" if line.facts["status"] == "exception" else "delivery"
        case "state":
            return "parked" if state_of(Cause(line.facts["cause"])) is State.PARKED else None
        case "create_fulfillment" | "adopt_fulfillment" if line.is_done:
            return "shipped"
    return None


def message(
    event: EventName, at: datetime, order: str, ref: str, package: Mapping[str, Any], line: Line
) -> dict[str, Any]:
    """`package`: tracking number, company and address of the package that the line is about; empty for one about the order."""
    data = {"order": order, "ref": ref, **package, **_details(event, line.facts)}
    return {"type": TYPES[event], "timestamp": at.isoformat(), "data": data}


def trial_message(at: datetime) -> dict[str, Any]:
    return {"type": TEST_TYPE, "timestamp": at.isoformat(), "data": {}}


def _details(event: EventName, facts: Mapping[str, Any]) -> dict[str, Any]:
    if event == "parked":
        meaning = MEANINGS[Cause(facts["cause"])]
        return {"cause": facts["cause"], "sentence": meaning.sentence, "next_step": meaning.next_step}
    if event == "shipped":
        return {"status": "shipped", "sentence": "The package has left the warehouse."}
    sentence, next_step = STATUS_WORDS[facts["status"]], None
    if event == "exception":
        sentence, next_step = EXCEPTIONS.get(str(facts["detail"]), (sentence, UNKNOWN_EXCEPTION))
    return {
        "status": facts["status"],
        "sentence": sentence,
        "next_step": next_step,
        "estimated_delivery": facts["estimated"],
        "delivered_at": facts["delivered"],
    }


def key_of_secret(secret: str) -> bytes:
    """Raises ValueError for what is no secret of this kind."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"must begin with {SECRET_PREFIX}")
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ValueError(f"must hold {SHORTEST_KEY} to {LONGEST_KEY} bytes")
    return key


def signed_headers(secret: str, webhook_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """Signed anew at each try: receivers refuse old timestamps."""
    timestamp = str(int(now.timestamp()))
    text = f"{webhook_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key_of_secret(secret), text, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }


def next_try(attempts: int, created_at: datetime, now: datetime) -> datetime | None:
    """After so many tries that failed; None when three days are over."""
    at = now + WAITS[min(attempts, len(WAITS)) - 1]
    return at if at <= created_at + GIVEN_UP_AFTER else None


def endpoint_id(url: str) -> str:
    """Addresses may hold secrets: what is kept and shown is this."""
    return f"{urlsplit(url).hostname}#{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def is_private(host: str) -> bool:
    """An address that is not of the public network, or a name of this machine."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
