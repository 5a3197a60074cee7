"""Lists of ShipStation's V2 API, read to their end although they move while we read: oldest first, each page from the last row on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from syncd.budget import Urgency
from syncd.errors import TransientError
from syncd.shipstation.lists import MOST_IDLE
from syncd.shipstation.v2_client import MOST_PAGES, ShipStationV2Client, has_next, rows_of
from syncd.shipstation.v2_reads import PAGE_SIZE, moment

MARGIN = timedelta(seconds=1)
"""Whether a filter includes its bound is not told."""

Row = dict[str, Any]


@dataclass(frozen=True)
class V2Listing:
    """`start_filter` is compared with `time_member`, by which the list is sorted."""

    path: str
    member: str
    id_member: str
    start_filter: str
    time_member: str


SHIPMENTS_CREATED = V2Listing("/v2/shipments", "shipments", "shipment_id", "created_at_start", "created_at")
SHIPMENTS_MODIFIED = V2Listing("/v2/shipments", "shipments", "shipment_id", "modified_at_start", "modified_at")
LABELS_CREATED = V2Listing("/v2/labels", "labels", "label_id", "created_at_start", "created_at")
FULFILLMENTS_CREATED = V2Listing(
    "/v2/fulfillments", "fulfillments", "fulfillment_id", "create_date_start", "created_at"
)


class V2Page(NamedTuple):
    """Rows that were not given before. `unshown`: so many more the vendor counted in this page."""

    rows: list[Row]
    unshown: int


@dataclass
class _Known:
    """Pages overlap. A row that changed meanwhile is fresh again."""

    listing: V2Listing
    versions: dict[str, str] = field(default_factory=dict)

    def fresh(self, rows: list[Row]) -> list[Row]:
        found = []
        for row in rows:
            row_id, version = str(row.get(self.listing.id_member)), str(row.get(self.listing.time_member))
            if self.versions.get(row_id) != version:
                self.versions[row_id] = version
                found.append(row)
        return found


async def pages_since(
    client: ShipStationV2Client, listing: V2Listing, since: datetime, urgency: Urgency
) -> AsyncIterator[V2Page]:
    """All rows since, oldest first, in pages of up to 500. A page may be empty."""
    start, number, idle, known = since - MARGIN, 1, 0, _Known(listing)
    for _ in range(MOST_PAGES):
        body = await client.get(listing.path, _asked(listing, start, number), urgency)
        rows = rows_of(body, listing.member, listing.path)
        fresh = known.fresh(rows)
        yield V2Page(fresh, unshown(body, rows, number))
        if not rows or not has_next(body):
            return
        idle = 0 if fresh else idle + 1
        if idle > MOST_IDLE:
            raise TransientError("endless_list", f"{listing.path} shows the same page again and again")
        last = moment(rows[-1].get(listing.time_member))
        if last is not None and last - MARGIN > start:
            start, number = last - MARGIN, 1
        else:
            number += 1
    raise TransientError("endless_list", f"{listing.path} has more than {MOST_PAGES} pages")


def unshown(body: Any, rows: Sequence[Row], number: int = 1) -> int:
    """How many rows of this page the vendor counts and does not show."""
    total = body.get("total") if isinstance(body, dict) else None
    counted = min(PAGE_SIZE, total - (number - 1) * PAGE_SIZE) if isinstance(total, int) else 0
    return max(0, counted - len(rows))


def _asked(listing: V2Listing, start: datetime, number: int) -> dict[str, str | int]:
    return {
        listing.start_filter: start.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "sort_by": listing.time_member,
        "sort_dir": "asc",
        "page": number,
        "page_size": PAGE_SIZE,
    }


async def labels_voided_since(
    client: ShipStationV2Client, since: datetime, urgency: Urgency
) -> AsyncIterator[list[Row]]:
    """No filter tells of fresh voids: from the last one back, until they are older. Those that come meanwhile push the others
    to later pages, so that a row may come twice and none is missed."""
    params: dict[str, str | int] = {
        "label_status": "voided",
        "sort_by": "voided_at",
        "sort_dir": "desc",
        "page_size": PAGE_SIZE,
    }
    async for rows in client.pages("/v2/labels", "labels", params, urgency):
        yield [row for row in rows if not _is_before(row, since)]
        if _is_before(rows[-1], since):
            return


def _is_before(label: Row, since: datetime) -> bool:
    """Not so where the vendor does not say when."""
    voided_at = moment(label.get("voided_at"))
    return voided_at is not None and voided_at < since
