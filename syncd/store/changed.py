"""News of orders from a shop: what was in the way of their packages may have changed with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from syncd.hints import Mark, order_subject, split_subject
from syncd.store.marks import mark
from syncd.store.orders import troubles_of
from syncd.store.transaction import Work


def mark_changed(marks: Sequence[Mark], now: datetime) -> Work[None]:
    """As `mark`. Of an order with a package that could not be told, or something else that waits for a person, the packages are
    looked at too: a move tells no webhook of fulfillments, and any webhook may be lost."""

    def work(session: Session) -> None:
        orders = [split_subject(one.subject) for one in marks if one.flow == "orders"]
        troubled = troubles_of(orders)(session) if orders else {}
        mark([*marks, *(Mark("shipments", order_subject(*ref)) for ref in troubled)], now)(session)

    return work
