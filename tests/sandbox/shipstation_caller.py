"""Calls the ShipStation world as a client would, under a clock that the test turns."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.ports import Request, Response
from syncd.sandbox.shipstation import ShipStationOptions, ShipStationWorld

Document = dict[str, Any]

NOON_PACIFIC = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)


class Caller:
    """`world` under a clock that stands still until `wait`."""

    def __init__(self, start: datetime = NOON_PACIFIC, seed: int = 0, **options: Any) -> None:
        self.time = start
        options.setdefault("requests_per_window", 10_000)
        self.world = ShipStationWorld(lambda: self.time, seed, ShipStationOptions(**options))
        self.credentials = ("sandbox-key", "sandbox-secret")

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def send(self, method: str, url: str, body: Any = None) -> Response:
        encoded = base64.b64encode(":".join(self.credentials).encode()).decode()
        content = None if body is None else json.dumps(body).encode()
        return self.world.answer(Request(method, url, {"Authorization": f"Basic {encoded}"}, content))

    def get(self, url: str) -> Any:
        answer = self.send("GET", url)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def post(self, url: str, body: Any) -> Any:
        answer = self.send("POST", url, body)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def push(self, *orders: Document) -> list[Document]:
        rows: list[Document] = self.post("/orders/createorders", list(orders))["results"]
        return rows

    def create(self, **fields: Any) -> Document:
        """One new order as the API shows it."""
        created: Document = self.post("/orders/createorder", order_body(**fields))
        return created


def order_body(key: str | None = "shop-1001", **fields: Any) -> Document:
    """The minimal body of the vendor's pages with two lines of two and three units."""
    body: Document = {
        "orderNumber": "1001",
        "orderKey": key,
        "orderDate": "2026-11-20 09:15:00",
        "paymentDate": "2026-11-20 09:15:10",
        "orderStatus": "awaiting_shipment",
        "customerUsername": "cust-77",
        "customerEmail": "c@example.test",
        "billTo": {"name": "Ann Lee"},
        "shipTo": {
            "name": "Ann Lee",
            "street1": "1 Main St",
            "city": "Austin",
            "state": "TX",
            "postalCode": "78701",
            "country": "US",
            "phone": "5125550100",
            "residential": True,
        },
        "items": [item_body("li-1", 2), item_body("li-2", 3, sku="CUP", unitPrice=4)],
        "amountPaid": 37.3,
        "taxAmount": 1.6,
        "shippingAmount": 4.7,
        "requestedShippingService": "Standard",
        "advancedOptions": {"storeId": 1002, "customField1": "tag:vip", "source": "shopify"},
        "tagIds": [8362],
    }
    return body | fields


def item_body(key: str, quantity: int, **fields: Any) -> Document:
    row: Document = {
        "lineItemKey": key,
        "sku": "MUG",
        "name": "Mug",
        "quantity": quantity,
        "unitPrice": 9.5,
        "taxAmount": 0.8,
        "weight": {"value": 12, "units": "ounces"},
        "options": [{"name": "Colour", "value": "Red"}],
    }
    return row | fields


def units(items: list[Document]) -> dict[str, int]:
    """Units by lineItemKey."""
    return {row["lineItemKey"]: row["quantity"] for row in items}
