"""V2 lists: filters, sorting, and pages that know the way to the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from syncd.sandbox.shipstation.records import Fulfillment, Order, Product, Shipment
from syncd.sandbox.shipstation.refusals import Invalid
from syncd.sandbox.shipstation.stock import Level
from syncd.sandbox.shipstation.v1_bodies import whole
from syncd.sandbox.shipstation.v2_bodies import moment, se_id
from syncd.sandbox.shipstation.v2_documents import STATUSES

DEFAULT_PAGE_SIZE = 25
LARGEST_PAGE = 500

Row = TypeVar("Row")


@dataclass(frozen=True)
class Asked:
    """One call for a list. Empty parameters count as absent."""

    path: str
    parameters: Mapping[str, str]

    def text(self, name: str) -> str | None:
        return self.parameters.get(name) or None

    def number(self, name: str) -> int | None:
        return se_id(self.text(name), name)

    def moment(self, name: str) -> datetime | None:
        return moment(self.parameters, name)


class Listed(Generic[Row]):
    """What is left of `rows` after each filter that the call names."""

    def __init__(self, asked: Asked, rows: Iterable[Row]) -> None:
        self._asked = asked
        self._rows = list(rows)

    def equal(self, name: str, found: Callable[[Row], object], is_id: bool = False) -> Listed[Row]:
        wanted = self._asked.number(name) if is_id else self._asked.text(name)
        if wanted is not None:
            self._rows = [row for row in self._rows if found(row) == wanted]
        return self

    def between(self, name: str, found: Callable[[Row], datetime | None]) -> Listed[Row]:
        """`<name>_start` and `<name>_end`, both included."""
        start, end = self._asked.moment(f"{name}_start"), self._asked.moment(f"{name}_end")
        if start is not None or end is not None:
            self._rows = [row for row in self._rows if _is_within(found(row), start, end)]
        return self

    def sorted(self, sorts: Mapping[str, Callable[[Row], Any]], first_sort: str, direction: str = "desc") -> list[Row]:
        name = self._asked.text("sort_by") or first_sort
        if name not in sorts:
            raise Invalid("sort_by", f"{name} is not a valid value for sort_by.")
        rows = sorted(self._rows, key=sorts[name])
        return rows[::-1] if (self._asked.text("sort_dir") or direction) == "desc" else rows


def listed_shipments(asked: Asked, orders: Iterable[Order]) -> list[Order]:
    return (
        Listed(asked, orders)
        .equal("shipment_status", lambda row: STATUSES.get(row.status, "pending"))
        .equal("shipment_number", lambda row: row.content.order_number)
        .equal("external_shipment_id", lambda row: row.key)
        .equal("store_id", lambda row: row.store_id, is_id=True)
        .equal("import_batch_id", lambda row: row.import_batch)
        .between("created_at", lambda row: row.created_at)
        .between("modified_at", lambda row: row.modified_at)
        .sorted(
            {
                "modified_at": lambda row: (row.modified_at, row.order_id),
                "created_at": lambda row: (row.created_at, row.order_id),
            },
            "created_at",
        )
    )


def listed_labels(asked: Asked, shipments: Iterable[Shipment]) -> list[Shipment]:
    return (
        Listed(asked, shipments)
        .equal("label_status", lambda row: "voided" if row.voided_at else "completed")
        .equal("tracking_number", lambda row: row.tracking_number)
        .equal("service_code", lambda row: row.service_code)
        .equal("external_shipment_id", lambda row: row.order.key)
        .equal("shipment_id", lambda row: row.order.order_id, is_id=True)
        .equal("batch_id", lambda row: row.batch_id, is_id=True)
        .between("created_at", lambda row: row.created_at)
        .sorted(
            {
                "created_at": lambda row: (row.created_at, row.shipment_id),
                "modified_at": lambda row: (row.voided_at or row.created_at, row.shipment_id),
                "voided_at": lambda row: (row.voided_at is not None, row.voided_at or row.created_at, row.shipment_id),
            },
            "created_at",
        )
    )


def listed_fulfillments(asked: Asked, rows: Iterable[Fulfillment]) -> list[Fulfillment]:
    return (
        Listed(asked, rows)
        .equal("tracking_number", lambda row: row.tracking_number)
        .equal("shipment_number", lambda row: row.order.content.order_number)
        .equal("shipment_id", lambda row: row.order.order_id, is_id=True)
        .equal("fulfillment_id", lambda row: row.fulfillment_id, is_id=True)
        .between("create_date", lambda row: row.created_at)
        .sorted(
            {
                "created_at": lambda row: (row.created_at, row.fulfillment_id),
                "modified_at": lambda row: (row.voided_at or row.created_at, row.fulfillment_id),
                "shipped_at": lambda row: (row.ship_date, row.fulfillment_id),
            },
            "created_at",
            "asc",
        )
    )


def listed_levels(asked: Asked, levels: Iterable[Level]) -> list[Level]:
    return (
        Listed(asked, levels)
        .equal("sku", lambda row: row.sku)
        .equal("inventory_location_id", lambda row: row.location.location_id, is_id=True)
        .equal("inventory_warehouse_id", lambda row: row.location.inventory_warehouse_id, is_id=True)
        .sorted({"sku": lambda row: (row.sku, row.location.location_id)}, "sku", "asc")
    )


def listed_products(asked: Asked, products: Iterable[Product]) -> list[Product]:
    wanted = asked.text("active")
    shown = (row for row in products if wanted is None or str(row.details.get("active", True)).lower() == wanted)
    return (
        Listed(asked, shown)
        .equal("sku", lambda row: row.sku)
        .equal("name", lambda row: row.name)
        .sorted({"product_id": lambda row: row.product_id}, "product_id", "asc")
    )


def page_of(asked: Asked, name: str, rows: list[Row], shown: Callable[[Row], Any], largest: int) -> dict[str, Any]:
    """The envelope of every list. Past the end the page is empty; without rows `pages` is 0."""
    size = min(largest, max(1, whole(asked.parameters, "page_size") or min(largest, DEFAULT_PAGE_SIZE)))
    number = max(1, whole(asked.parameters, "page") or 1)
    pages = -(-len(rows) // size)
    first = (number - 1) * size

    def link(page: int, is_there: bool = True) -> dict[str, str]:
        query = urlencode({**asked.parameters, "page": page, "page_size": size})
        return {"href": f"https://api.shipstation.com{asked.path}?{query}"} if is_there else {}

    return {
        name: [shown(row) for row in rows[first : first + size]],
        "total": len(rows),
        "page": number,
        "pages": pages,
        "links": {
            "first": link(1),
            "last": link(max(1, pages)),
            "prev": link(number - 1, number > 1),
            "next": link(number + 1, number < pages),
        },
    }


def _is_within(at: datetime | None, start: datetime | None, end: datetime | None) -> bool:
    return at is not None and (start is None or at >= start) and (end is None or at <= end)
