"""What a carrier tells of a package, in words for the person who waits for it. Pure.

Status codes: ShipStation V2 tracking (docs.shipstation.com, 2026-11). AC, AT, EX and SP are customary, not documented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict


class Event(TypedDict):
    at: str
    status: str
    carrier_says: str
    place: str


class Delivery(TypedDict):
    """One package. Times are ISO 8601; None for what nobody knows. `trouble` and `next_step` are None while all goes well."""

    tracking_number: str | None
    tracking_url: str | None
    carrier: str | None
    status: str
    status_words: str
    carrier_says: str | None
    ship_date: str | None
    estimated_delivery: str | None
    delivered_at: str | None
    trouble: str | None
    next_step: str | None
    events: list[Event]


STATUS = {
    "UN": ("unknown", "The carrier does not know this package yet."),
    "NY": ("label_made", "The label is made; the carrier has not scanned the package yet."),
    "AC": ("accepted", "The carrier has accepted the package."),
    "IT": ("in_transit", "The package is on its way."),
    "AT": ("delivery_attempted", "The carrier tried to deliver it and will try again."),
    "SP": ("at_pickup_point", "The package waits at a pick-up point."),
    "DE": ("delivered", "The package was delivered."),
    "EX": ("exception", "Something went wrong on the way."),
}
"""Code -> our word, and a sentence."""

OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
IN_THE_VAN = "The package is in the van and comes today."
STATUS_WORDS = {**dict(STATUS.values()), "out_for_delivery": IN_THE_VAN}
"""Our word -> a sentence."""

EXCEPTIONS = {
    "PARCEL_LOST": ("The carrier lost it.", "Open a claim with the carrier and send a replacement or refund."),
    "PARCEL_DAMAGED": (
        "It was damaged on the way.",
        "Ask the customer for pictures, open a claim, send a replacement.",
    ),
    "PARCEL_DISPOSED": (
        "The carrier disposed of it.",
        "Open a claim with the carrier and send a replacement or refund.",
    ),
    "RETURN_TO_SENDER": ("It comes back to the sender.", "Check the address with the customer, then ship it again."),
    "REFUSED_BY_CUSTOMER": ("The customer refused it.", "Ask the customer why; refund once it is back."),
    "CUSTOMER_MOVED": ("The customer has moved.", "Ask for the new address and have the carrier redirect it."),
    "NOT_DELIVERED": ("It could not be delivered.", "Check the address with the customer and call the carrier."),
    "NO_ACCESS_TO_RECIPIENTS_ADDRESS": (
        "The carrier had no access.",
        "Ask the customer for a door code or another place.",
    ),
    "NOT_COLLECTED_FROM_PICKUP_POINT": ("Nobody collected it.", "Tell the customer; it comes back to the sender."),
    "CUSTOMER_IDENTIFICATION_FAILED": (
        "The customer could not be identified.",
        "Tell the customer to show an identity card.",
    ),
}
"""Detail code -> what happened, and what to do next."""

UNKNOWN_EXCEPTION = "Call the carrier with the tracking number, then tell the customer."
LATE = ("It is later than the carrier expected.", "Wait a day; after that ask the carrier with the tracking number.")
NOT_ASKED = "Set shipstation.v2_api_key to see what the carrier says."


def delivery(
    package: Mapping[str, Any], company: str | None, url: str | None, told: Mapping[str, Any] | None, now: datetime
) -> Delivery:
    """`package` is ours: `tracking_number`, `ship_date`. `told` is V2's answer, None where the carrier was not asked."""
    if told is None:
        return _untold(package, company, url)
    code = str(told.get("status_code") or "UN")
    status, words = STATUS.get(code, STATUS["UN"])
    if told.get("status_detail_code") == OUT_FOR_DELIVERY:
        status, words = "out_for_delivery", IN_THE_VAN
    trouble, next_step = _trouble(code, told, now)
    return Delivery(
        tracking_number=package["tracking_number"],
        tracking_url=url or told.get("tracking_url"),
        carrier=company,
        status=status,
        status_words=words,
        carrier_says=told.get("carrier_status_description") or told.get("status_description"),
        ship_date=package["ship_date"],
        estimated_delivery=told.get("estimated_delivery_date"),
        delivered_at=told.get("actual_delivery_date"),
        trouble=trouble,
        next_step=next_step,
        events=[_event(row) for row in told.get("events") or () if isinstance(row, dict)],
    )


def is_all_there(told: Mapping[str, Any]) -> bool:
    """Whether all of a package is where it was sent to, by V2's answer: what went back on its way is delivered to its sender."""
    rows = (told, *(row for row in told.get("events") or () if isinstance(row, dict)))
    went_back = any(row.get("status_detail_code") == "RETURN_TO_SENDER" for row in rows)
    return told.get("status_code") == "DE" and told.get("status_detail_code") != "DELIVERED_IN_PART" and not went_back


def order_status(deliveries: Sequence[Delivery]) -> str:
    """Of the whole order: its worst package, and delivered only when every package is."""
    if not deliveries:
        return "nothing_shipped"
    worst_first = ("exception", "unknown", "label_made", "accepted", "delivery_attempted", "at_pickup_point")
    found = {one["status"] for one in deliveries}
    return next(
        (word for word in (*worst_first, "in_transit", "out_for_delivery", "delivered") if word in found), "unknown"
    )


def _untold(package: Mapping[str, Any], company: str | None, url: str | None) -> Delivery:
    return Delivery(
        tracking_number=package["tracking_number"],
        tracking_url=url,
        carrier=company,
        status="shipped",
        status_words="The package has left the warehouse.",
        carrier_says=None,
        ship_date=package["ship_date"],
        estimated_delivery=None,
        delivered_at=None,
        trouble=None,
        next_step=NOT_ASKED,
        events=[],
    )


def _trouble(code: str, told: Mapping[str, Any], now: datetime) -> tuple[str | None, str | None]:
    """What is wrong and what to do."""
    if code == "EX":
        known = EXCEPTIONS.get(str(told.get("status_detail_code")))
        words = str(told.get("exception_description") or STATUS["EX"][1])
        return known or (words, UNKNOWN_EXCEPTION)
    if code != "DE" and _is_past(told.get("estimated_delivery_date"), now):
        return LATE
    return None, None


def _is_past(text: object, now: datetime) -> bool:
    """A whole day later than expected: the date carries no time of day."""
    try:
        expected = datetime.fromisoformat(str(text))
    except ValueError:
        return False
    return (now - (expected if expected.tzinfo else expected.replace(tzinfo=now.tzinfo))).days >= 1


def _event(row: Mapping[str, Any]) -> Event:
    parts = (row.get("city_locality"), row.get("state_province"), row.get("country_code"))
    return Event(
        at=str(row.get("occurred_at") or ""),
        status=STATUS.get(str(row.get("status_code")), STATUS["UN"])[0],
        carrier_says=str(row.get("carrier_status_description") or row.get("description") or ""),
        place=", ".join(str(part) for part in parts if part),
    )
