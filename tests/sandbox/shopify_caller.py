"""Calls the Shopify world as an app would, under a clock that the test turns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.ports import Request, Response
from syncd.sandbox.shopify import ShopifyWorld, ShopOptions

Document = dict[str, Any]

MORNING = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SHOP = "main-shop.myshopify.com"
PLAIN = {"all": 0.0}
"""A mixture without features: paid, taxed orders of goods at the first location."""


class Caller:
    """`world` with one shop, under a clock that stands still until `wait`."""

    def __init__(self, start: datetime = MORNING, seed: int = 0, **options: Any) -> None:
        self.time = start
        self.world = ShopifyWorld(lambda: self.time, seed, (ShopOptions(**options),))
        self.token = "shpat_sandbox"
        self.version = "2026-10"

    @property
    def shop(self) -> Any:
        return self.world.shops[SHOP]

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def send(self, query: str, variables: Document | None = None, **headers: str) -> Response:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        url = f"/{SHOP}/admin/api/{self.version}/graphql.json"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.world.answer(Request("POST", url, {"X-Shopify-Access-Token": self.token, **named}, body))

    def ask(self, query: str, /, **variables: Any) -> Document:
        """The whole answer, errors and extensions included."""
        answer = self.send(query, variables)
        assert answer.status == 200, answer.body
        document: Document = json.loads(answer.body)
        return document

    def data(self, query: str, /, **variables: Any) -> Document:
        answer = self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        found: Document = answer["data"]
        return found

    def sell(self, count: int = 1, mix: dict[str, float] | None = None, **more: Any) -> list[int]:
        """Orders that were routed and assessed."""
        order_ids: list[int] = self.world.control("sell", {"count": count, "mix": PLAIN | (mix or {}), **more})
        self.wait(60)
        return order_ids

    def order(self, order_id: int) -> Document:
        """The order in the world's account."""
        orders = self.world.control("state", {})["shops"][SHOP]["orders"]
        found: Document = next(entry for entry in orders if entry["id"] == order_id)
        return found

    def fulfill(self, order_id: int, units: dict[int, int] | None = None, **more: Any) -> Document:
        """Fulfills the first live fulfillment order: order line id -> units, None for all. Gives the payload."""
        target = live(self.order(order_id))[0]
        entry: Document = {"fulfillmentOrderId": gid("FulfillmentOrder", target["id"])}
        if units is not None:
            ids = {part["lineId"]: part["id"] for part in target["lines"]}
            entry["fulfillmentOrderLineItems"] = [
                {"id": gid("FulfillmentOrderLineItem", ids[line_id]), "quantity": count}
                for line_id, count in units.items()
            ]
        return self.create(lineItemsByFulfillmentOrder=[entry], **more)

    def create(self, **fulfillment: Any) -> Document:
        payload: Document = self.data(CREATE, f=fulfillment)["fulfillmentCreate"]
        return payload


CREATE = """mutation Create($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) {
  fulfillment { id name status trackingInfo { company number url } } userErrors { field message } } }"""


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def live(order: Document) -> list[Document]:
    return [entry for entry in order["fulfillmentOrders"] if entry["status"] not in ("CLOSED", "CANCELLED")]


def order_body(**fields: Any) -> Document:
    """A REST-shaped order with a line of two units and a line of three."""
    body: Document = {
        "financial_status": "paid",
        "currency": "USD",
        "created_at": "2026-11-19T09:00:00-05:00",
        "email": "ann@example.test",
        "line_items": [line_body(2), line_body(3, sku="CUP", price="4.00")],
        "shipping_lines": [{"title": "Standard", "code": "Standard", "source": "shopify", "price": "5.00"}],
        "shipping_address": {"first_name": "Ann", "last_name": "Lee", "address1": "1 Main St", "city": "Austin",
                             "province_code": "TX", "zip": "78701", "country_code": "US"},
    }  # fmt: skip
    return body | fields


def line_body(quantity: int, **fields: Any) -> Document:
    return {"title": "Mug", "sku": "MUG", "quantity": quantity, "price": "9.50", "grams": 300} | fields
