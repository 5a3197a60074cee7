"""By hand: let an order go in spite of doubts, or say whose value stands. Written into the order's story."""

from __future__ import annotations

import json
from collections.abc import Sequence

from syncd.errors import RejectedError
from syncd.hints import Lane, Mark, order_subject
from syncd.operate.desk import Desk, find_order
from syncd.store.journal import NewEntry
from syncd.store.marks import mark, release
from syncd.store.rulings import release_order, take_side, told
from syncd.store.statements import OrderRef
from syncd.store.transaction import Work

BY_HAND = "by hand"


async def release_orders(desk: Desk, orders: Sequence[str]) -> list[str]:
    """Raises `RejectedError` for the first that is unknown; those before it are released."""
    lines = []
    for text in orders:
        ref = await find_order(desk, text)
        await _decide(desk, ref, release_order(*ref, desk.clock.now()), "release", {})
        lines.append(f"{order_subject(*ref)}: released; it goes out within a few seconds while the daemon runs")
    return lines


async def resolve_order(desk: Desk, text: str, side: str) -> str:
    """`side`: shopify or shipstation."""
    ref = await find_order(desk, text)
    await _decide(desk, ref, take_side(*ref, side), "resolve", {"take": side})
    return f"{order_subject(*ref)}: the values of {side} stand; carried out within a few seconds while the daemon runs"


async def _decide(desk: Desk, ref: OrderRef, decision: Work[bool], step: str, facts: dict[str, str]) -> None:
    now, subject = desk.clock.now(), order_subject(*ref)
    entry = NewEntry(BY_HAND, "orders", *ref, step, subject, json.dumps(facts))
    wake = (release("orders", subject, now), mark([Mark("orders", subject, Lane.URGENT)], now))
    if not await desk.db.run(told(decision, entry, now, *wake)):
        raise RejectedError("order_not_seen", f"{subject} was not looked at yet: run `syncd mark {subject}` first")
