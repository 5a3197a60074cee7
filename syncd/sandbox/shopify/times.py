"""Times as Shopify spells them: UTC with `Z` in GraphQL, the shop's own offset in webhooks. Both have whole seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


def whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def utc_text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def shop_text(moment: datetime, timezone: str) -> str:
    """`2026-11-20T10:00:00-05:00`; the offset follows daylight saving."""
    return moment.astimezone(zone(timezone)).isoformat(timespec="seconds")


def parsed(text: object) -> datetime | None:
    """A time in any spelling that a real body had, blanks included; without offset it counts as UTC. None if unreadable."""
    if not isinstance(text, str):
        return None
    tidy = re.sub(r"(?<=:)\s+|\s+(?=:)", "", text.strip()).replace(" ", "T", 1)
    try:
        moment = datetime.fromisoformat(tidy)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
