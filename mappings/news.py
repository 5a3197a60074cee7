"""What is kept of a carrier's news about one package, when to ask for more, and which events Shopify is told of. Pure.

Kept without places, signatures and coordinates: status, the carrier's words and times are enough to tell where goods are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from mappings.carriers import SHOPIFY_COMPANIES
from mappings.deliveries import OUT_FOR_DELIVERY, STATUS

Document = dict[str, Any]
DeliveryNews = Literal["off", "follow", "tell"]

KEPT = (
    "status_code",
    "status_detail_code",
    "status_description",
    "carrier_status_description",
    "exception_description",
    "tracking_url",
    "estimated_delivery_date",
    "actual_delivery_date",
)
KEPT_OF_EVENTS = ("occurred_at", "status_code", "status_detail_code", "carrier_status_description", "description")
LABEL_OF_RESOURCE = re.compile(r"/labels/se-([0-9]{1,18})/track\b", re.ASCII)
MOST_EVENTS = 100
LONGEST_TEXT = 300

ENDS_AFTER = timedelta(days=60)
"""So long a package is followed that is never delivered."""
OLD_AFTER = timedelta(days=14)
SOON, LATER, RARELY = timedelta(hours=2), timedelta(hours=8), timedelta(hours=24)
NEARLY_THERE = frozenset({"out_for_delivery", "delivery_attempted", "at_pickup_point"})

SHOPIFY_STATUS = {
    "AC": "CARRIER_PICKED_UP",
    "IT": "IN_TRANSIT",
    "AT": "ATTEMPTED_DELIVERY",
    "SP": "READY_FOR_PICKUP",
    "DE": "DELIVERED",
    "EX": "FAILURE",
}
"""ShipStation's code -> Shopify's FulfillmentEventStatus. Nothing is told before the carrier has the package."""


SCANNED = SHOPIFY_STATUS.keys() - {"EX"}
"""An exception may come before the carrier has it."""


class NewsEvent(NamedTuple):
    """`status` is Shopify's; `at` has whole seconds, as Shopify keeps it."""

    status: str
    at: datetime


def kept_news(told: Mapping[str, Any]) -> Document:
    """Of V2's answer, or of the `data` of its webhook."""
    events = [row for row in told.get("events") or () if isinstance(row, dict)][:MOST_EVENTS]
    return _only(told, KEPT) | {"events": [_only(row, KEPT_OF_EVENTS) for row in events]}


def news_of_webhook(body: Any) -> tuple[str, Document] | None:
    """(package key, news) of a signed TRACK_EVENT_V2; None for anything else. The label has V1's shipment id."""
    if not isinstance(body, dict) or body.get("resource_type") != "TRACK_EVENT_V2":
        return None
    label, told = LABEL_OF_RESOURCE.search(str(body.get("resource_url"))), body.get("data")
    if label is None or not isinstance(told, dict) or not isinstance(told.get("events", []), list):
        return None
    return f"s{label[1]}", kept_news(told)


def status_of(news: Mapping[str, Any] | None) -> str:
    """Our word for where the package is."""
    if news is None:
        return "unknown"
    if news.get("status_detail_code") == OUT_FOR_DELIVERY:
        return "out_for_delivery"
    return STATUS.get(str(news.get("status_code")), STATUS["UN"])[0]


def is_older(news: Mapping[str, Any], known: Mapping[str, Any] | None) -> bool:
    """Webhooks overtake each other: what knows less of the journey than we do is no news."""
    if known is None:
        return False
    last, last_known = _last_at(news), _last_at(known)
    return last_known is not None and (last is None or last < last_known)


def next_ask(status: str, begun_at: datetime, now: datetime) -> datetime | None:
    """When the carrier is asked again, should no webhook tell before; None for a journey that is over."""
    age = now - begun_at
    if status == "delivered" or age > ENDS_AFTER:
        return None
    if age > OLD_AFTER:
        return now + RARELY
    return now + (SOON if status in NEARLY_THERE else LATER)


def is_with_carrier(news: Mapping[str, Any]) -> bool:
    """Scanned, or any further."""
    return any(row.get("status_code") in SCANNED for row in (news, *news["events"]))


def is_perhaps_scanned_by(news: Mapping[str, Any], moment: datetime) -> bool:
    """Of what is with its carrier: whether that was so by then, as far as anybody tells."""
    first = min(
        _moments(row.get("occurred_at") for row in news["events"] if row.get("status_code") in SCANNED), default=None
    )
    return first is None or first <= moment


def is_followed_by_shopify(company: str | None) -> bool:
    """Events of ours would double its own."""
    return company in SHOPIFY_COMPANIES


def shopify_events(news: Mapping[str, Any]) -> list[NewsEvent]:
    """Oldest first, each change of status once, none twice within one second. ShipStation lists the newest first, which
    decides within one second."""
    rows = reversed(news["events"])
    told = dict.fromkeys(event for row in rows if (event := _event(row)))
    found = sorted(told, key=lambda event: event.at)
    return [one for place, one in enumerate(found) if place == 0 or found[place - 1].status != one.status]


def untold_events(wanted: Sequence[NewsEvent], there: Collection[NewsEvent]) -> list[NewsEvent]:
    """What Shopify is still to be told, in order. Nothing from before the last event that it shows: an event told later would
    set the package back."""
    if not there:
        return list(wanted)
    last = max(there, key=lambda event: event.at)
    later = [one for one in wanted if one.at >= last.at and one not in there]
    return later[1:] if later and later[0].status == last.status else later


def _event(row: Mapping[str, Any]) -> NewsEvent | None:
    at = _moment(row.get("occurred_at"))
    is_last_mile = row.get("status_detail_code") == OUT_FOR_DELIVERY
    status = OUT_FOR_DELIVERY if is_last_mile else SHOPIFY_STATUS.get(str(row.get("status_code")))
    return NewsEvent(status, at.replace(microsecond=0)) if at and status else None


def last_at(news: Mapping[str, Any]) -> str | None:
    """When the last that its carrier tells of came about, in ISO 8601."""
    moment = _last_at(news)
    return moment.isoformat() if moment else None


def is_by(text: str, moment: datetime) -> bool:
    """`text`: see `last_at`."""
    return datetime.fromisoformat(text) <= moment


def _last_at(news: Mapping[str, Any]) -> datetime | None:
    return max(_moments(row.get("occurred_at") for row in news["events"]), default=None)


def _moments(texts: Iterable[object]) -> list[datetime]:
    return [moment for text in texts if (moment := _moment(text))]


def _moment(text: object) -> datetime | None:
    """Without a zone it is UTC: carriers' local times have a field of their own."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _only(row: Mapping[str, Any], names: Sequence[str]) -> Document:
    """Texts as long as a sentence."""
    values = {name: row.get(name) for name in names}
    return {name: value[:LONGEST_TEXT] if isinstance(value, str) else None for name, value in values.items()}
