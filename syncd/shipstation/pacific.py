"""ShipStation V1 speaks naive Pacific wall time, both ways; everywhere else in the daemon time is aware and UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Los_Angeles")
AROUND_CHANGE = timedelta(hours=2)


def utc_of(text: str) -> datetime:
    """The moment of a time in an answer, such as `2015-06-29T08:46:27.0000000`. An ambiguous hour is taken as its first turn.

    Raises ValueError for nonsense.
    """
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=ZONE)).astimezone(UTC)


def wall_of(moment: datetime) -> datetime:
    """Naive Pacific time."""
    return moment.astimezone(ZONE).replace(tzinfo=None)


def filter_start(since: datetime) -> datetime:
    """The wall time from which a list must be asked so that nothing after `since` is missed: filters compare wall times,
    an hour of which comes twice in autumn. A second earlier, because whether a filter includes its bound is not told."""
    before, after = (moment.astimezone(ZONE).utcoffset() for moment in (since - AROUND_CHANGE, since + AROUND_CHANGE))
    early = since if before == after else since - AROUND_CHANGE
    return wall_of(early).replace(microsecond=0) - timedelta(seconds=1)


def filter_text(wall: datetime) -> str:
    return f"{wall:%Y-%m-%d %H:%M:%S}"
