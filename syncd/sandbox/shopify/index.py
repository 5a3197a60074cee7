"""The search index of one kind of object: sorted by the time of the last change, and late by as much as the shop's option says."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

from syncd.sandbox.shopify.paging import Page, cursor, opened, page_size
from syncd.sandbox.shopify.searching import Getter, lower_bound, parse, predicate
from syncd.sandbox.shopify.times import parsed, utc_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """What the index believes: the object as it is, but found and sorted under an `updated_at` that may be old."""

    entry: T
    entry_id: int
    updated_at: datetime


class ChangeIndex(Generic[T]):
    """`entries` is the living collection; only those that were indexed can be found."""

    def __init__(self, entries: Mapping[int, T], now: Callable[[], datetime]) -> None:
        self._entries = entries
        self._now = now
        self._keys: list[tuple[datetime, int]] = []
        self._indexed: dict[int, datetime] = {}
        self._waiting: list[tuple[datetime, datetime, int]] = []

    def changed(self, entry_id: int, updated_at: datetime, lag_s: float) -> None:
        if lag_s <= 0 and not self._waiting:
            self._put(entry_id, updated_at)
        else:
            heappush(self._waiting, (self._now() + timedelta(seconds=lag_s), updated_at, entry_id))

    def _put(self, entry_id: int, updated_at: datetime) -> None:
        before = self._indexed.get(entry_id)
        if before is not None and before >= updated_at:
            return  # a later change was quicker
        if before is not None:
            del self._keys[bisect_left(self._keys, (before, entry_id))]
        insort(self._keys, (updated_at, entry_id))
        self._indexed[entry_id] = updated_at

    def catch_up(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._now():
            _, updated_at, entry_id = heappop(self._waiting)
            self._put(entry_id, updated_at)

    def rows(self, since: datetime | None = None, after: tuple[datetime, int] | None = None) -> Iterator[Row[T]]:
        """Ascending by time of change, then id."""
        start = bisect_left(self._keys, (since, 0)) if since else 0
        if after is not None:
            start = max(start, bisect_left(self._keys, (after[0], after[1] + 1)))
        for position in range(start, len(self._keys)):
            updated_at, entry_id = self._keys[position]
            yield Row(self._entries[entry_id], entry_id, updated_at)


@dataclass(frozen=True)
class Listing:
    """Fields to search by, keys to sort by other than UPDATED_AT. A sort key gives a number or a text of a row."""

    fields: Mapping[str, Getter]
    sort_keys: Mapping[str, Getter]


def listed(index: ChangeIndex[T], listing: Listing, args: dict[str, Any], warnings: list[dict[str, Any]]) -> Page[T]:
    """One page of a root list with `query`, `sortKey`, `reverse` and either `first`/`after` or `last`/`before`."""
    index.catch_up()
    size = page_size(args)
    node = parse(args.get("query") or "")
    matches = predicate(node, listing.fields, warnings)
    key = _sort_value(listing, args["sortKey"])
    since = lower_bound(node, "updated_at")
    forward = args.get("first") is not None
    if args["sortKey"] == "UPDATED_AT" and forward and not args.get("reverse"):
        rows = index.rows(since, _time_position(args.get("after")))
        found = _take(filter(matches, rows), size + 1)
        return _page(found[:size], key, len(found) > size, bool(args.get("after")))
    rows_sorted = sorted(filter(matches, index.rows(since)), key=lambda row: (key(row), row.entry_id))
    if args.get("reverse"):
        rows_sorted.reverse()
    return _slice(rows_sorted, key, args, size, forward)


def _take(rows: Iterator[Row[T]], count: int) -> list[Row[T]]:
    taken: list[Row[T]] = []
    for row in rows:
        taken.append(row)
        if len(taken) >= count:
            break
    return taken


def _sort_value(listing: Listing, sort_key: str) -> Getter:
    if sort_key == "UPDATED_AT":
        return lambda row: utc_text(row.updated_at)
    return listing.sort_keys.get(sort_key, lambda row: row.entry_id)


def _time_position(after: str | None) -> tuple[datetime, int] | None:
    if not after:
        return None
    last_id, last_value = opened(after)
    moment = parsed(last_value)
    return None if moment is None else (moment, last_id)


def _slice(rows: list[Row[T]], key: Getter, args: dict[str, Any], size: int, forward: bool) -> Page[T]:
    positions = [(key(row), row.entry_id) for row in rows]
    start, end = 0, len(rows)
    if args.get("after"):
        start = _beyond(positions, args["after"], bool(args.get("reverse")))
    if args.get("before"):
        end = _beyond(positions, args["before"], bool(args.get("reverse"))) - 1
    start, end = (start, min(end, start + size)) if forward else (max(start, end - size), end)
    return _page(rows[start:end], key, end < len(rows), start > 0)


def _beyond(positions: list[tuple[Any, int]], text: str, reverse: bool) -> int:
    """The first position that lies beyond the cursor, whether or not the cursor's own row is still there."""
    last_id, last_value = opened(text)
    for number, (value, entry_id) in enumerate(positions):
        mine, its = (value, entry_id), (last_value if last_value is not None else value, last_id)
        if (mine < its) if reverse else (mine > its):
            return number
    return len(positions)


def _page(rows: list[Row[T]], key: Getter, has_next: bool, has_previous: bool) -> Page[T]:
    values = {id(row.entry): (row.entry_id, key(row)) for row in rows}
    return Page([row.entry for row in rows], lambda entry: cursor(*values[id(entry)]), has_next, has_previous)
