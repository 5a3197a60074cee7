"""Which scope a field, a mutation or a webhook topic asks for. From the scope data of API 2026-10."""

from __future__ import annotations

from collections.abc import Iterable

_FULFILLMENT_ORDERS = ("merchant_managed", "assigned", "third_party")
_READ_FULFILLMENT_ORDERS = tuple(f"read_{kind}_fulfillment_orders" for kind in _FULFILLMENT_ORDERS)
_WRITE_FULFILLMENT_ORDERS = tuple(f"write_{kind}_fulfillment_orders" for kind in _FULFILLMENT_ORDERS)
_MOVE_FULFILLMENT_ORDERS = ("write_merchant_managed_fulfillment_orders", "write_third_party_fulfillment_orders")

FIELD_SCOPES: dict[str, tuple[str, ...]] = {
    "QueryRoot.order": ("read_orders",),
    "QueryRoot.orders": ("read_orders",),
    "QueryRoot.fulfillment": ("read_orders", "read_fulfillments"),
    "QueryRoot.fulfillmentOrder": _READ_FULFILLMENT_ORDERS,
    "QueryRoot.fulfillmentOrders": _READ_FULFILLMENT_ORDERS,
    "QueryRoot.location": ("read_locations", "read_inventory"),
    "QueryRoot.locations": ("read_locations", "read_inventory"),
    "Order.customer": ("read_customers",),
    "Order.fulfillmentOrders": _READ_FULFILLMENT_ORDERS,
    "LineItem.variant": ("read_products",),
    "LineItem.product": ("read_products",),
    "ProductVariant.inventoryItem": ("read_inventory", "read_products"),
    "QueryRoot.inventoryItem": ("read_inventory", "read_products"),
    "QueryRoot.inventoryItems": ("read_inventory", "read_products"),
    "InventoryItem.variants": ("read_products",),
    "Location.inventoryLevels": ("read_inventory",),
    "InventoryItem.inventoryLevel": ("read_inventory",),
    "Mutation.fulfillmentCreate": _WRITE_FULFILLMENT_ORDERS,
    "Mutation.fulfillmentTrackingInfoUpdate": _WRITE_FULFILLMENT_ORDERS,
    "Mutation.fulfillmentEventCreate": ("write_fulfillments",),
    "Mutation.fulfillmentCancel": _WRITE_FULFILLMENT_ORDERS,
    "Mutation.fulfillmentOrderHold": _MOVE_FULFILLMENT_ORDERS,
    "Mutation.fulfillmentOrderReleaseHold": _MOVE_FULFILLMENT_ORDERS,
    "Mutation.fulfillmentOrderMove": _MOVE_FULFILLMENT_ORDERS,
    "Mutation.orderCancel": ("write_orders",),
    "Mutation.customerUpdate": ("write_customers",),
    "Mutation.orderUpdate": ("write_orders",),
    "Mutation.refundCreate": ("write_orders",),
    "Mutation.returnClose": ("write_returns",),
    "Mutation.returnCreate": ("write_returns",),
    "Mutation.returnProcess": ("write_returns",),
    "Mutation.reverseDeliveryCreateWithShipping": ("write_returns",),
    "Order.returns": ("read_returns",),
    "Mutation.tagsAdd": ("write_orders",),
    "Mutation.tagsRemove": ("write_orders",),
    "Mutation.inventorySetQuantities": ("write_inventory",),
}
"""Field coordinate -> scopes, one of which is enough."""

NODE_SCOPES = {
    "Order": ("read_orders",),
    "LineItem": ("read_orders",),
    "Fulfillment": ("read_orders", "read_fulfillments"),
    "FulfillmentEvent": ("read_orders",),
    "FulfillmentOrder": _READ_FULFILLMENT_ORDERS,
    "Location": ("read_locations", "read_inventory"),
    "InventoryItem": ("read_inventory", "read_products"),
}
"""The same for objects that are reached by `node` and `nodes`."""

PROTECTED_FIELDS = frozenset(
    {"Order.email", "Order.phone"}
    | {
        f"MailingAddress.{name}"
        for name in ("name", "firstName", "lastName", "company", "address1", "address2", "city", "zip", "phone")
    }
)
"""Level 2 customer data: null with an error for apps that are not approved for it."""

_TOPIC_SCOPES = (
    ("FULFILLMENT_ORDERS_", _READ_FULFILLMENT_ORDERS),
    ("FULFILLMENT_HOLDS_", _READ_FULFILLMENT_ORDERS),
    ("FULFILLMENTS_", ("read_fulfillments",)),
    ("FULFILLMENT_EVENTS_", ("read_fulfillments",)),
    ("ORDERS_", ("read_orders",)),
    ("ORDER_TRANSACTIONS_", ("read_orders",)),
    ("REFUNDS_", ("read_orders",)),
    ("RETURNS_", ("read_returns",)),
    ("REVERSE_", ("read_returns",)),
    ("PRODUCTS_", ("read_products",)),
    ("INVENTORY_", ("read_inventory",)),
    ("LOCATIONS_", ("read_locations",)),
)


def with_implied(scopes: Iterable[str]) -> frozenset[str]:
    """`write_x` includes `read_x`."""
    granted = set(scopes)
    return frozenset(granted | {f"read_{scope[6:]}" for scope in granted if scope.startswith("write_")})


def topic_scopes(topic: str) -> tuple[str, ...]:
    return next((scopes for prefix, scopes in _TOPIC_SCOPES if topic.startswith(prefix)), ())


def in_words(scopes: tuple[str, ...]) -> str:
    return " or ".join(f"`{scope}`" for scope in scopes) + " access scope."
