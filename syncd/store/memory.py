"""Whether this database remembers all that was done, or is new, or a copy of long ago.

While the daemon runs it writes down that it lives. Where that is too long ago at a start, somebody may have worked with a
later state of this database, which is gone: until both sides were read anew, what is older than the gap is left alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from syncd.store.cursors import advance, cursor, whole_looks
from syncd.store.transaction import Work

BEAT, GAP = "memory.beat", "memory.gap"
ORDERS_READ = "shipstation.orders.recall"
READ_ANEW = (ORDERS_READ, "shipstation.shipments", "shipstation.voids", "shipstation.fulfillments")
"""Lists that were read to their end since the gap was found, or nobody knows what is in ShipStation."""
LONGEST_SILENCE = timedelta(minutes=5)
"""Of a daemon that was only started anew."""
MARGIN = timedelta(minutes=10)
"""ShipStation's clock beside ours, and what was on its way."""
CLOCK_MARGIN = timedelta(seconds=5)
"""Between the vendors' clocks and ours, for what they made about the time at which a gap was found."""


def beat(now: datetime) -> Work[None]:
    return advance(BEAT, now, None, now)


def ahead_of(session: Session, now: datetime) -> float:
    """Seconds by which the last sign of life lies ahead of now."""
    lived = cursor(BEAT)(session)
    return (lived.updated_at - now).total_seconds() if lived else 0.0


def notice_gap(begin_at: datetime, now: datetime) -> Work[bool]:
    """At each start. What is not known is what happened since the last beat, or since `begin_at`. A gap that was not read to
    its end goes on being read from where it began."""

    def work(session: Session) -> bool:
        lived, read = cursor(BEAT)(session), cursor(ORDERS_READ)(session)
        if lived and now - lived.updated_at < LONGEST_SILENCE:
            return False
        since = (lived.updated_at if lived else begin_at) - MARGIN
        if read and read.watermark and gap_in_memory(session):
            since = min(since, read.watermark)
        advance(GAP, now, None, now)(session)
        advance(ORDERS_READ, since, read.position if read else None, now)(session)
        beat(now)(session)
        return True

    return work


def gap_in_memory(session: Session) -> datetime | None:
    """When it was found, while it is not filled: what is older may be in ShipStation without our knowing."""
    gap = cursor(GAP)(session)
    if gap is None or gap.watermark is None:
        return None
    read_at = whole_looks(READ_ANEW)(session)
    return None if read_at and read_at >= gap.watermark else gap.watermark + CLOCK_MARGIN


def last_gap(session: Session) -> datetime | None:
    """When it was found, filled or not."""
    gap = cursor(GAP)(session)
    return gap.watermark + CLOCK_MARGIN if gap and gap.watermark else None


def recall_from(session: Session) -> datetime | None:
    """Since when ShipStation's orders are to be read; None when that was done."""
    read, gap = cursor(ORDERS_READ)(session), cursor(GAP)(session)
    if read is None or gap is None or gap.watermark is None:
        return None
    is_done = read.position is not None and datetime.fromisoformat(read.position) >= gap.watermark
    return None if is_done else read.watermark
