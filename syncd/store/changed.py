"""News of orders from a shop: what was in the way of their packages or returns may have changed with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from syncd.hints import Mark, order_subject, split_subject
from syncd.store.marks import mark
from syncd.store.orders import troubles_of
from syncd.store.returns import FLOW as RETURNS_FLOW
from syncd.store.returns import orders_to_look_at
from syncd.store.transaction import Work


def mark_changed(marks: Sequence[Mark], now: datetime) -> Work[None]:
    """As `mark`. Of an order with a package that could not be told, or something else that waits for a person, the packages are
    looked at too: a move tells no webhook of fulfillments, and any webhook may be lost. So are the returns that somebody may have
    settled in the shop, or whose units may have left."""

    def work(session: Session) -> None:
        orders = [split_subject(one.subject) for one in marks if one.flow == "orders"]
        more = [Mark("shipments", order_subject(*ref)) for ref in (troubles_of(orders)(session) if orders else {})]
        more += [Mark(RETURNS_FLOW, order_subject(*ref)) for ref in orders_to_look_at(orders)(session)]
        mark([*marks, *more], now)(session)

    return work
