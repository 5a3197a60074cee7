"""Looking at several stores at once, and what a failure means for the orders that were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mappings.access import access_cause
from syncd.accounts import Accounts
from syncd.errors import (
    AccessError,
    ConflictError,
    RejectedError,
    SyncError,
    ThrottledError,
    TransientError,
    UncertainError,
)
from syncd.flows.work import Outcome, Result, Sighting, Unreadable
from syncd.hints import order_subject, split_subject
from syncd.shopify.client import ShopifyClient
from syncd.shopify.reads import Unreadable as UnreadableOrder

BulkRead = Callable[[ShopifyClient, Iterable[int]], Awaitable[Mapping[int, Any]]]

CONFLICT_WAIT_S = 2.0
NOT_ALIKE = Unreadable("incomplete", "two looks at the order did not show the same")
"""What is decided once is decided by two looks in a row that show the same: what a call without an answer came to, and money that
goes back. One answer may lack a row, and nobody would ask for it again."""


async def look_at_stores(
    shops: Mapping[str, ShopifyClient], accounts: Accounts, subjects: Sequence[str], read: BulkRead, by: str
) -> dict[str, Sighting | Unreadable]:
    """One bulk read per store, beside each other; `by` is who reads. A store that is no longer configured, or that keeps us out, is unreadable."""
    by_store: dict[str, list[int]] = {}
    for subject in subjects:
        store, order_id = split_subject(subject)
        by_store.setdefault(store, []).append(order_id)
    parts = await asyncio.gather(*(_look(shops, accounts, store, ids, read, by) for store, ids in by_store.items()))
    return {subject: seen for part in parts for subject, seen in part.items()}


async def _look(
    shops: Mapping[str, ShopifyClient], accounts: Accounts, store: str, order_ids: list[int], read: BulkRead, by: str
) -> dict[str, Sighting | Unreadable]:
    def all_of(reason: Unreadable) -> dict[str, Sighting | Unreadable]:
        return {order_subject(store, order_id): reason for order_id in order_ids}

    if store not in shops:
        return all_of(
            Unreadable("store_unknown", "this store is no longer in the settings", wait_s=900.0, counts_attempt=False)
        )
    client = shops[store]
    if refusal := accounts.refusal(client.account):
        return all_of(unreadable_of(refusal, accounts.probe_s))
    try:
        seen = await read(client, order_ids)
    except SyncError as error:
        if isinstance(error, AccessError):
            await accounts.lost(error, by)
        return all_of(unreadable_of(error, accounts.probe_s))
    await accounts.answered(client.account, by)
    return {order_subject(store, order_id): _sighting(seen.get(order_id)) for order_id in order_ids}


def _sighting(order: Any) -> Sighting | Unreadable:
    if isinstance(order, UnreadableOrder):
        return Unreadable(order.code, order.text)
    if order is None:
        return Sighting(None, "", None, {})
    return Sighting(order, order["name"], datetime.fromisoformat(order["updatedAt"]), {})


def unreadable_of(error: SyncError, probe_s: float) -> Unreadable:
    """Trouble of a whole account is not the order's: nothing is counted."""
    if isinstance(error, AccessError):
        cause = access_cause(error.account, error.code)
        return Unreadable(error.code, error.text, wait_s=probe_s, counts_attempt=False, cause=cause)
    if isinstance(error, ThrottledError):
        return Unreadable(error.code, error.text, wait_s=error.retry_after_s, counts_attempt=False)
    return Unreadable(error.code, error.text)


def outcome_of(error: SyncError, probe_s: float) -> Outcome:
    """What a write that failed means for its step."""
    match error:
        case AccessError():
            cause = access_cause(error.account, error.code)
            return Outcome(Result.POSTPONED, error.code, error.text, wait_s=probe_s, cause=cause)
        case ThrottledError():
            return Outcome(Result.POSTPONED, error.code, error.text, wait_s=error.retry_after_s)
        case TransientError():
            return Outcome(Result.POSTPONED, error.code, error.text, wait_s=CONFLICT_WAIT_S)
        case ConflictError():
            return Outcome(Result.CONFLICT, error.code, error.text, wait_s=CONFLICT_WAIT_S)
        case RejectedError():
            return Outcome(Result.REFUSED, error.code, error.text)
        case UncertainError():
            return Outcome(Result.UNKNOWN, error.code, error.text)
    return Outcome(Result.UNKNOWN, error.code, error.text)
