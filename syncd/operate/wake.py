"""By hand: look again now. It is the same path as any webhook's, so it is always safe."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.hints import Lane, Mark, order_subject
from syncd.operate.desk import Desk, find_order
from syncd.store.marks import mark, release
from syncd.store.transaction import together

FLOWS = ("orders", "shipments", "returns")


async def mark_orders(desk: Desk, orders: Sequence[str]) -> list[str]:
    subjects = [order_subject(*await find_order(desk, text)) for text in orders]
    marks = [Mark(flow, subject, Lane.URGENT) for flow in FLOWS for subject in subjects]
    await desk.db.run(mark(marks, desk.clock.now()))
    return [f"{subject}: will be looked at within a few seconds while the daemon runs" for subject in subjects]


async def retry_orders(desk: Desk, orders: Sequence[str]) -> list[str]:
    """As `mark`, and what was parked or deferred waits no longer and begins counting its attempts anew."""
    told = []
    for text in orders:
        subject = order_subject(*await find_order(desk, text))
        now = desk.clock.now()
        marks = [Mark(flow, subject, Lane.URGENT) for flow in FLOWS]
        *released, _ = await desk.db.run(together(*(release(flow, subject, now) for flow in FLOWS), mark(marks, now)))
        told.append(f"{subject}: {'released and ' if any(released) else ''}will be looked at within a few seconds")
    return told
