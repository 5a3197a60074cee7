"""A hint says *look again*: at one subject, or at one feed. It carries no truth about what happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Lane(IntEnum):
    """Which marks are claimed first. Lower is more urgent."""

    URGENT = 0  # cancellations, holds
    FRESH = 1  # what just happened
    BACKFILL = 2  # first import, sweeps, replays


@dataclass(frozen=True)
class Mark:
    """Look again at `subject` in `flow`. Subjects of `orders` and `shipments` are `<store>/<Shopify order id>`."""

    flow: str
    subject: str
    lane: Lane = Lane.FRESH


@dataclass(frozen=True)
class Nudge:
    """Poll this feed now."""

    feed: str


Hint = Mark | Nudge


def order_subject(store: str, order_id: int) -> str:
    return f"{store}/{order_id}"


def split_subject(subject: str) -> tuple[str, int]:
    """The store and the Shopify order id of an order's subject."""
    store, _, order_id = subject.rpartition("/")
    return store, int(order_id)
