"""ShipStation V1 speaks naive Pacific wall time, both ways. The account itself keeps UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Los_Angeles")


def wall(moment: datetime) -> datetime:
    """Naive Pacific time. The autumn hour comes twice, and filters compare exactly this, as the vendor does."""
    return moment.astimezone(ZONE).replace(tzinfo=None)


def wall_text(moment: datetime | None) -> str | None:
    """Seven decimals, no zone: `2015-06-29T08:46:27.0000000`."""
    return None if moment is None else f"{wall(moment).isoformat(timespec='microseconds')}0"


def parse_wall(text: str, honour_offset: bool = False) -> datetime:
    """Naive wall time as written; a zone is dropped unless it is to be honoured. Raises ValueError."""
    parsed = datetime.fromisoformat(text.strip())
    if parsed.tzinfo is None:
        return parsed
    return wall(parsed) if honour_offset else parsed.replace(tzinfo=None)


def moment_of(wall_time: datetime) -> datetime:
    """UTC. An ambiguous hour is taken as its first turn, a missing one by the offset before the gap."""
    return wall_time.replace(tzinfo=ZONE).astimezone(UTC)


def midnight(day: date) -> datetime:
    return moment_of(datetime.combine(day, time()))
