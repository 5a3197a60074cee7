"""ShipStation's clock: naive wall time of Los Angeles in both directions. Inside, times are aware and in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
AROUND_CHANGE = timedelta(hours=2)


def to_pacific(moment: datetime) -> str:
    """`2026-11-20T09:15:00`. In the autumn night the hour from 1 to 2 names two moments; nothing tells them apart."""
    if moment.tzinfo is None:
        raise ValueError("a time without zone cannot be converted")
    return moment.astimezone(PACIFIC).replace(tzinfo=None).isoformat(timespec="seconds")


def from_pacific(text: str) -> datetime:
    """Seven fractional digits, a blank instead of the T, a date alone (midnight) and doubled quotes all occur in answers.

    Of the two moments of the autumn hour this is the earlier one, so that a watermark never skips. A value that carries
    a zone (newer samples do) keeps it.
    """
    whole, _, fraction = text.strip().strip('"').partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    zone = fraction[len(digits) :]
    moment = datetime.fromisoformat(whole + zone)
    micros = int(digits[:6].ljust(6, "0")) if digits else 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=PACIFIC, fold=0)
    return moment.replace(microsecond=micros).astimezone(UTC)


def filter_start(since: datetime) -> datetime:
    """The wall time from which a list must be asked so that nothing after `since` is missed: filters compare wall times,
    an hour of which comes twice in autumn. A second earlier, because whether a filter includes its bound is not told."""
    before, after = (
        moment.astimezone(PACIFIC).utcoffset() for moment in (since - AROUND_CHANGE, since + AROUND_CHANGE)
    )
    early = since if before == after else since - AROUND_CHANGE
    return early.astimezone(PACIFIC).replace(tzinfo=None).replace(microsecond=0) - timedelta(seconds=1)


def filter_text(wall: datetime) -> str:
    return f"{wall:%Y-%m-%d %H:%M:%S}"


def from_shopify(text: str) -> datetime:
    """Shopify's times carry a zone: `2026-11-20T10:00:00Z`. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time of Shopify carries a zone")
    return moment.astimezone(UTC)
