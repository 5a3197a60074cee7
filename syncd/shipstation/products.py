"""ShipStation's products through V1: all, one by id, those of a SKU, and the PUT that replaces one whole.

Only the list can be asked by SKU, and nothing says that it compares exactly. There is no call that makes or deletes a product,
and none for several at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from mappings.shipstation_shapes import Product, WholeProduct
from syncd.budget import Call, Urgency
from syncd.errors import RejectedError, TransientError
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.lists import LARGEST_PAGE, Listing, Page, pages, whole_rows
from syncd.shipstation.wire import NOT_FOUND

BEFORE_ALL = datetime(2010, 1, 1, tzinfo=UTC)
"""ShipStation is younger."""

PRODUCTS = Listing(
    "/products",
    "products",
    "productId",
    "startDate",
    "createDate",
    {"sortBy": "CreateDate", "sortDir": "ASC", "showInactive": "true"},
    Product,
)


def products(client: ShipStationClient) -> AsyncIterator[Page[Any]]:
    """Oldest first, inactive ones too."""
    return pages(client, PRODUCTS, BEFORE_ALL, Urgency.CATALOG)


async def product_by_id(client: ShipStationClient, product_id: int) -> dict[str, Any] | None:
    """Whole, as the vendor shows it; None where there is none. Whoever asks holds the turn for its PUT, and waits no longer."""
    try:
        row = await client.get(f"/products/{product_id}", urgency=Urgency.ORDERS)
    except RejectedError as error:
        if error.code == NOT_FOUND:
            return None
        raise
    (read,) = whole_rows({"products": [row]}, "products", "productId", WholeProduct)
    if read["productId"] != product_id:
        raise TransientError("malformed", "another product came")
    return dict(read)


async def products_of_sku(client: ShipStationClient, sku: str) -> list[int]:
    """Ids of those with exactly this SKU."""
    params: dict[str, str | int] = {"sku": sku, "showInactive": "true", "pageSize": LARGEST_PAGE}
    rows = whole_rows(await client.get("/products", params, Urgency.CATALOG), "products", "productId", Product)
    return [row["productId"] for row in rows if row.get("sku") == sku]


async def put_product(client: ShipStationClient, body: dict[str, Any], turn: Call) -> None:
    """`body` is the whole product: what it leaves out is empty afterwards."""
    await client.put(f"/products/{body['productId']}", body, Urgency.CATALOG, turn)
