"""Lists of ShipStation's V1 API, read to their end: moving rows are not lost, and a row that breaks its page is stepped over.

A page is a place in a sorted list, and the list moves while we read it. So each page begins at the time of the last row seen,
not at a count of rows, wherever the sort allows it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from mappings.decoding import MalformedError, decoded
from mappings.pacific import PACIFIC, filter_start, filter_text
from mappings.shipstation_shapes import Order
from syncd.budget import Urgency
from syncd.errors import TransientError
from syncd.logs import get_logger
from syncd.shipstation.client import ShipStationClient

LARGEST_PAGE = 500
SPLITS = (500, 250, 125, 25, 5, 1)  # each divides the one before, so that every part is a page of its own size
MOST_SKIPPED = 3  # in one page: more is an outage
MOST_PAGES = 2000
MOST_IDLE = 2
"""Pages in a row without a row that is new to us: a full page of one second may come once more before the count of it goes on. A
list that repeats a page for ever would take all calls of an hour, and nobody would be told."""
POISON = "http_500"

Row = TypeVar("Row", bound=Mapping[str, Any])


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows that the iterator has not given before. `unreadable` counts those that the vendor could not show, or counted and did
    not show."""

    rows: list[Row]
    unreadable: int = 0


@dataclass(frozen=True)
class Listing:
    """How one list is asked. `time_member` is the sorted time of a row; None when the sort is not by the filter's time."""

    path: str
    name: str
    id_member: str
    start_filter: str
    time_member: str | None
    params: Mapping[str, str]
    shape: Any
    """What a row must look like."""


@dataclass
class _Chunk:
    rows: list[dict[str, Any]]
    unreadable: int
    total: int


async def pages(
    client: ShipStationClient, listing: Listing, since: datetime, urgency: Urgency
) -> AsyncIterator[Page[Any]]:
    """Ends on an empty page, or a short one that the vendor says is the last. Their count of pages is not trusted."""
    start, number = filter_start(since), 1
    known: dict[int, str] = {}
    idle = 0
    for _ in range(MOST_PAGES):
        chunk = await _Reader(client, listing, start, urgency).read(LARGEST_PAGE, number)
        fresh = [row for row in chunk.rows if _is_fresh(row, listing, known)]
        seen = len(chunk.rows) + chunk.unreadable
        counted = min(LARGEST_PAGE, chunk.total - (number - 1) * LARGEST_PAGE)
        yield Page(fresh, chunk.unreadable + max(0, counted - seen))
        is_short = seen < LARGEST_PAGE and (number - 1) * LARGEST_PAGE + seen >= chunk.total
        if not seen or is_short:
            return
        idle = 0 if fresh or chunk.unreadable else idle + 1
        if idle > MOST_IDLE:
            raise TransientError("endless_list", f"{listing.name} shows the same page again and again")
        following = None if chunk.unreadable else _following(chunk.rows[-1], listing)
        if following is not None and following > start:
            start, number = following, 1
        else:
            number += 1
    raise TransientError("endless_list", f"{listing.name} has more than {MOST_PAGES} pages")


def _is_fresh(row: dict[str, Any], listing: Listing, known: dict[int, str]) -> bool:
    """Pages overlap. A row that changed meanwhile is fresh again."""
    version = str(row.get(listing.time_member)) if listing.time_member else ""
    if known.get(row[listing.id_member]) == version:
        return False
    known[row[listing.id_member]] = version
    return True


def _following(row: Mapping[str, Any], listing: Listing) -> datetime | None:
    """Where to begin after this row: its own second again, and one before. None to go on by counting."""
    try:
        wall = datetime.fromisoformat(str(row.get(listing.time_member or ""))).replace(tzinfo=None, microsecond=0)
        before = wall - timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    comes_twice = wall.replace(tzinfo=PACIFIC, fold=0).utcoffset() != wall.replace(tzinfo=PACIFIC, fold=1).utcoffset()
    return None if comes_twice else before


ALWAYS_READ: Mapping[Any, tuple[str, ...]] = {Order: ("orderKey", "orderStatus", "items")}
"""What a document that we send may leave out: an order that is read without them must not pass for an empty one."""


class _Reader:
    """One page, in parts when the vendor fails on it: a single corrupt row makes the whole page a 500."""

    def __init__(self, client: ShipStationClient, listing: Listing, start: datetime, urgency: Urgency) -> None:
        self._client = client
        self._listing = listing
        self._start = start
        self._urgency = urgency
        self._skipped = 0

    async def read(self, size: int, number: int) -> _Chunk:
        try:
            return await self._page(size, number)
        except TransientError as error:
            if error.code != POISON:
                raise
            if size == 1:
                return self._skip(error)
        smaller = SPLITS[SPLITS.index(size) + 1]
        chunk = _Chunk([], 0, 0)
        for part in range(size // smaller):
            read = await self.read(smaller, (number - 1) * (size // smaller) + part + 1)
            chunk = _Chunk(chunk.rows + read.rows, chunk.unreadable + read.unreadable, max(chunk.total, read.total))
            if len(read.rows) + read.unreadable < smaller:
                break
        return chunk

    def _skip(self, error: TransientError) -> _Chunk:
        self._skipped += 1
        if self._skipped > MOST_SKIPPED:
            raise error
        get_logger(__name__).warning("row.skipped", feed=f"shipstation.{self._listing.name}", error_text=error.text)
        return _Chunk([], 1, 0)

    async def _page(self, size: int, number: int) -> _Chunk:
        params: dict[str, str | int] = {
            **self._listing.params,
            self._listing.start_filter: filter_text(self._start),
            "page": number,
            "pageSize": size,
        }
        # only the whole page is repeated: its parts are asked for because repeating did not help
        repeats = 2 if size == LARGEST_PAGE else 0
        body = await self._client.get(self._listing.path, params, self._urgency, repeats)
        return _chunk(body, self._listing)


def _chunk(body: Any, listing: Listing) -> _Chunk:
    rows, problems = read_rows(body, listing.name, listing.id_member, listing.shape)
    total = body.get("total")
    return _Chunk(rows, len(problems), total if isinstance(total, int) else 0)


def read_rows(body: Any, name: str, id_member: str, shape: Any) -> tuple[list[Any], list[str]]:
    """The rows of a list, and what is wrong with those that cannot be read. Raises `TransientError` for what is no list:
    it must not be taken for an empty one."""
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise TransientError("malformed", f"no {name} in the answer")
    rows, problems = [], []
    for row in found:
        try:
            rows.append(_row(row, id_member, shape))
        except MalformedError as error:
            problems.append(str(error))
            get_logger(__name__).warning("row.skipped", feed=f"shipstation.{name}", error_text=str(error))
    if problems and (len(problems) > MOST_SKIPPED or not rows):
        raise TransientError("malformed", f"{len(problems)} rows of {name}, such as: {problems[0]}")
    return rows, problems


def whole_rows(body: Any, name: str, id_member: str, shape: Any) -> list[Any]:
    """All rows of a list, or `TransientError`: where one row less would be another truth."""
    rows, problems = read_rows(body, name, id_member, shape)
    if problems:
        raise TransientError("malformed", f"{name}: {problems[0]}")
    return rows


def _row(row: Any, id_member: str, shape: Any) -> Any:
    read = decoded(shape, row)
    for name in (id_member, *ALWAYS_READ.get(shape, ())):
        if read.get(name) in (None, ""):
            raise MalformedError("is missing", name)
    items = [item["orderItemId"] for item in read.get("items", ()) if item.get("orderItemId")]
    if len(set(items)) < len(items):  # what is there twice would be sent back twice
        raise MalformedError("holds a row twice", "items")
    return read
