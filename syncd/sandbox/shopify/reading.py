"""The root of every query: one object by its id, lists with search and sorting, the shop and the app's own rights."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from syncd.sandbox.shopify.call import Call
from syncd.sandbox.shopify.fields import Resolver, inventory_item
from syncd.sandbox.shopify.index import Listing, Row, listed
from syncd.sandbox.shopify.options import LocationOptions
from syncd.sandbox.shopify.paging import Page, page
from syncd.sandbox.shopify.problems import Problem, invalid_id
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.standing import fulfillment_summary
from syncd.sandbox.shopify.state import Order
from syncd.sandbox.shopify.views import Installation, InventoryItem, Job
from syncd.sandbox.shopify.webhooks import Subscription

_GID = re.compile(r"gid://shopify/(\w+)/(\d+)(\?.*)?")

Find = Callable[[Shop, int], Any]


def parse_gid(text: str) -> tuple[str, int]:
    match = _GID.fullmatch(text)
    if match is None or not int(match.group(2)):
        raise invalid_id(text)
    return match.group(1), int(match.group(2))


def number_of(text: str, kind: str) -> int:
    """The number in an id that must be of this kind; an id of another kind is a top-level error."""
    found, number = parse_gid(text)
    if found != kind:
        raise invalid_id(text)
    return number


def _line(shop: Shop, number: int) -> Any:
    return next((line for order in shop.orders.values() for line in order.lines if line.id == number), None)


def _inventory_item(shop: Shop, number: int) -> Any:
    variant = shop.variants.get(number - 1)
    return inventory_item(variant) if variant else None


FINDERS: Mapping[str, Find] = {
    "Order": lambda shop, number: shop.orders.get(number),
    "FulfillmentOrder": lambda shop, number: shop.fulfillment_orders.get(number),
    "Fulfillment": lambda shop, number: shop.fulfillments.get(number),
    "LineItem": _line,
    "Location": lambda shop, number: shop.location(number),
    "InventoryItem": _inventory_item,
    "WebhookSubscription": lambda shop, number: shop.outbox.subscriptions.get(number),
}


def _node(text: str, call: Call) -> Any:
    kind, number = parse_gid(text)
    find = FINDERS.get(kind)
    if find is None:
        return None
    call.require_node(kind)
    return find(call.shop, number)


def _nodes(source: None, args: dict[str, Any], call: Call) -> list[Any]:
    return [_node(text, call) for text in args["ids"]]


def _one(kind: str) -> Resolver:
    find = FINDERS[kind]
    return lambda source, args, call: find(call.shop, number_of(args["id"], kind))


def _location(source: None, args: dict[str, Any], call: Call) -> LocationOptions | None:
    if args.get("id") is None:
        return call.shop.options.locations[0]
    return call.shop.location(number_of(args["id"], "Location"))


def _status(row: Row[Order]) -> list[str]:
    order = row.entry
    if order.cancelled_at:
        return ["cancelled", "closed"]
    return ["closed"] if order.closed_at else ["open", "not_closed"]


_FULFILLMENT_WORDS = {
    "UNFULFILLED": ["unfulfilled", "unshipped"],
    "PARTIALLY_FULFILLED": ["partial", "unfulfilled"],
    "FULFILLED": ["fulfilled", "shipped"],
    "ON_HOLD": ["on_hold", "unfulfilled", "unshipped"],
    "SCHEDULED": ["scheduled", "unfulfilled", "unshipped"],
}

ORDERS = Listing(
    fields={
        "": lambda row: [row.entry.name, row.entry.email or ""],
        "id": lambda row: row.entry_id,
        "name": lambda row: [row.entry.name, row.entry.name.lstrip("#")],
        "created_at": lambda row: row.entry.created_at,
        "processed_at": lambda row: row.entry.processed_at,
        "updated_at": lambda row: row.updated_at,
        "financial_status": lambda row: row.entry.financial_status,
        "fulfillment_status": lambda row: _FULFILLMENT_WORDS.get(fulfillment_summary(row.entry), []),
        "status": _status,
        "test": lambda row: row.entry.test,
        "tag": lambda row: row.entry.tags,
        "email": lambda row: row.entry.email,
        "source_name": lambda row: row.entry.source_name,
        "po_number": lambda row: row.entry.po_number,
        "sku": lambda row: [line.sku or "" for line in row.entry.lines],
    },
    sort_keys={
        "CREATED_AT": lambda row: row.entry.created_at.isoformat(),
        "PROCESSED_AT": lambda row: row.entry.processed_at.isoformat(),
        "ORDER_NUMBER": lambda row: row.entry.number,
        "TOTAL_PRICE": lambda row: float(row.entry.original.total),
        "CURRENT_TOTAL_PRICE": lambda row: float(row.entry.totals.total),
    },
)

FULFILLMENT_ORDERS = Listing(
    fields={
        "id": lambda row: row.entry_id,
        "status": lambda row: row.entry.status,
        "assigned_location_id": lambda row: row.entry.location_id,
        "updated_at": lambda row: row.updated_at,
        "_live": lambda row: row.entry.is_live,
    },
    sort_keys={},
)


def _search(args: dict[str, Any], listing: Listing, index: Any, call: Call) -> Page[Any]:
    warnings: list[dict[str, Any]] = []
    found: Page[Any] = listed(index, listing, args, warnings)
    if warnings:
        call.warnings.append({"query": args.get("query"), "warnings": warnings})
    return found


def _orders(source: None, args: dict[str, Any], call: Call) -> Page[Any]:
    return _search(args, ORDERS, call.shop.order_index, call)


def _fulfillment_orders(source: None, args: dict[str, Any], call: Call) -> Page[Any]:
    if not args.get("includeClosed"):
        query = args.get("query")
        args = {**args, "query": f"({query}) AND _live:true" if query else "_live:true"}
    return _search(args, FULFILLMENT_ORDERS, call.shop.fulfillment_order_index, call)


def _inventory_items(source: None, args: dict[str, Any], call: Call) -> Page[InventoryItem]:
    return page([inventory_item(one) for _, one in sorted(call.shop.variants.items())], args)


class _Numbered:
    """Gives a location an `id`, which pages need for their cursors."""

    def __init__(self, location: LocationOptions) -> None:
        self.location = location
        self.id = location.location_id


def _locations(source: None, args: dict[str, Any], call: Call) -> Page[LocationOptions]:
    """By default without those of fulfillment services."""
    shown = [
        _Numbered(entry)
        for entry in sorted(call.shop.options.locations, key=lambda entry: entry.name)
        if args.get("includeLegacy") or not entry.is_fulfillment_service
    ]
    found = page(shown, args)
    cursors = {entry.id: found.cursor_of(entry) for entry in found.nodes}
    nodes = [entry.location for entry in found.nodes]
    return Page(nodes, lambda location: cursors[location.location_id], found.has_next, found.has_previous)


def _subscriptions(source: None, args: dict[str, Any], call: Call) -> Page[Subscription]:
    wanted = [
        entry
        for entry in call.shop.outbox.subscriptions.values()
        if (not args.get("topics") or entry.topic in args["topics"])
        and (not args.get("uri") or entry.uri == args["uri"])
        and (not args.get("format") or entry.format == args["format"])
    ]
    return page(wanted, args)


def _installation(source: None, args: dict[str, Any], call: Call) -> Installation:
    return Installation(580111, tuple(sorted(call.granted)))


def _job(source: None, args: dict[str, Any], call: Call) -> Job:
    text = args["id"]
    if not text.startswith("gid://shopify/Job/"):
        raise invalid_id(text)
    found: Job | None = call.shop.jobs.get(text)
    if found is None:
        raise Problem("Job not found", "RESOURCE_NOT_FOUND")
    return found


ROOT_READS: dict[str, Resolver] = {
    "QueryRoot.node": lambda source, args, call: _node(args["id"], call),
    "QueryRoot.nodes": _nodes,
    "QueryRoot.order": _one("Order"),
    "QueryRoot.orders": _orders,
    "QueryRoot.fulfillment": _one("Fulfillment"),
    "QueryRoot.fulfillmentOrder": _one("FulfillmentOrder"),
    "QueryRoot.fulfillmentOrders": _fulfillment_orders,
    "QueryRoot.location": _location,
    "QueryRoot.locations": _locations,
    "QueryRoot.shop": lambda source, args, call: call.shop,
    "QueryRoot.currentAppInstallation": _installation,
    "QueryRoot.inventoryItem": _one("InventoryItem"),
    "QueryRoot.inventoryItems": _inventory_items,
    "QueryRoot.job": _job,
    "QueryRoot.webhookSubscription": _one("WebhookSubscription"),
    "QueryRoot.webhookSubscriptions": _subscriptions,
}
