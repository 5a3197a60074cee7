"""An order changed in its shop: what was in the way of its packages or returns may have changed with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from syncd.hints import Mark, order_subject, split_subject
from syncd.store.marks import mark, waiting_among
from syncd.store.orders import troubles_of
from syncd.store.returns import FLOW as RETURNS_FLOW
from syncd.store.returns import orders_to_look_at
from syncd.store.statements import OrderRef
from syncd.store.transaction import Work
from syncd.store.versions import SeenVersion, is_newer_routing, is_other_version, seen_versions

SHIPMENTS_FLOW = "shipments"


class Version(NamedTuple):
    """Of an order and of the newest of its fulfillment orders, as a look shows them."""

    updated_at: datetime | None
    routing_updated_at: datetime | None

    def is_news(self, seen: SeenVersion | None) -> bool:
        return bool(
            (self.updated_at and is_other_version(self.updated_at, seen))
            or (self.routing_updated_at and is_newer_routing(self.routing_updated_at, seen))
        )


def mark_told(marks: Sequence[Mark], now: datetime) -> Work[None]:
    """What webhooks ask for, and all that is unfinished of the orders that they name: some tell of what is in no version of an order."""
    orders = [split_subject(one.subject) for one in marks if one.flow == "orders"]
    return lambda session: mark([*marks, *_unfinished(session, orders)], now)(session)


def look_at_changed(shown: Mapping[OrderRef, Version], now: datetime) -> Work[None]:
    """Of the orders that a look shows other than the look before did, all that is unfinished is looked at: a move tells no webhook of
    fulfillments, and any webhook may be lost. Before the look is noted."""

    def work(session: Session) -> None:
        before = seen_versions(shown)(session)
        changed = [ref for ref, version in shown.items() if version.is_news(before.get(ref))]
        mark(_unfinished(session, changed), now)(session)

    return work


def _unfinished(session: Session, orders: Collection[OrderRef]) -> list[Mark]:
    """Packages of orders with one that could not be told, or something else that waits for a person; returns that somebody may have
    settled in the shop, or whose units may have left; and what may just be decided by what the order was like before."""
    if not orders:
        return []
    subjects = [order_subject(*ref) for ref in orders]
    packages = waiting_among(SHIPMENTS_FLOW, subjects)(session)
    packages |= {order_subject(*ref) for ref in troubles_of(orders)(session)}
    returns = [order_subject(*ref) for ref in orders_to_look_at(orders)(session)]
    return [Mark(SHIPMENTS_FLOW, one) for one in sorted(packages)] + [Mark(RETURNS_FLOW, one) for one in returns]
