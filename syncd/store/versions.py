"""Which version of an order we last looked at, and what is news beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session

from syncd.store.orders import ORDERS
from syncd.store.statements import OrderRef, given_orders, of_orders
from syncd.store.transaction import Work

CLOCK_MARGIN = timedelta(seconds=5)


@dataclass(frozen=True)
class SeenVersion:
    """Which version of an order and of its fulfillment orders we last looked at, and when."""

    updated_at: datetime | None
    routing_updated_at: datetime | None
    seen_at: datetime


def seen_versions(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, SeenVersion]]:
    """Orders never looked at are left out. Index: the primary key."""
    stores, given = given_orders(subjects)

    def work(session: Session) -> dict[OrderRef, SeenVersion]:
        rows = session.connection().execute(_versions(stores), given)
        return {
            (row.store, row.order_id): SeenVersion(row.shopify_updated_at, row.routing_updated_at, row.seen_at)
            for row in rows
        }

    return work


@cache
def _versions(stores: int) -> Select[Any]:
    columns = ORDERS.c
    versions = (columns.shopify_updated_at, columns.routing_updated_at, columns.seen_at)
    return select(columns.store, columns.order_id, *versions).where(of_orders(ORDERS, stores))


def is_other_version(updated_at: datetime, seen: SeenVersion | None) -> bool:
    """Versions have whole seconds: one that we saw in its own second may have changed again in it."""
    if seen is None or seen.updated_at is None:  # never read; what was given up is left alone until it changes
        return _is_unseen(updated_at, seen)
    return seen.updated_at != updated_at or _is_unseen(updated_at, seen)


def is_newer_routing(updated_at: datetime, seen: SeenVersion | None) -> bool:
    """Also later than all that the look showed: it may have been noted by a clock that was ahead."""
    known = seen.routing_updated_at if seen else None
    return _is_unseen(updated_at, seen) or (known is not None and updated_at > known)


def _is_unseen(updated_at: datetime, seen: SeenVersion | None) -> bool:
    """Not looked at since it changed; vendor and we read different clocks, hence the margin."""
    return seen is None or seen.seen_at - CLOCK_MARGIN < updated_at
