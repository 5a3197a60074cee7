"""Shapes for tests: small, complete, and typed. Numbers stand for ids; line 7001 of order 5001 ships from location 81."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from mappings.keys import order_key
from mappings.plans import Consignment, Package, Profile, Standing
from mappings.shipstation_shapes import Order, OrderItem
from mappings.shopify_shapes import (
    Attribute,
    Fulfillment,
    FulfillmentOrder,
    LineItem,
    MailingAddress,
    MoneyBag,
    OrderShipped,
    OrderToShip,
)

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
PLACED_AT = "2026-11-20T17:15:00Z"
PROFILE = Profile(store="main", shipstation_store_id=1001)
ORDER_ID = 5001
HERE = 81
THERE = 82


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


def money(amount: str) -> MoneyBag:
    return {"shopMoney": {"amount": amount, "currencyCode": "USD"}}


def attribute(key: str, value: str | None) -> Attribute:
    return {"key": key, "value": value}


def address(**parts: str | None) -> MailingAddress:
    whole: MailingAddress = {
        "name": "Megan Alderton",
        "firstName": "Megan",
        "lastName": "Alderton",
        "company": None,
        "address1": "118 Linden Avenue",
        "address2": None,
        "city": "Brooklyn",
        "province": "New York",
        "provinceCode": "NY",
        "zip": "11229",
        "countryCodeV2": "US",
        "phone": None,
    }
    whole.update(parts)  # type: ignore[typeddict-item]
    return whole


def line(line_id: int = 7001, quantity: int = 1, price: str = "10.00", **rest: object) -> LineItem:
    whole: LineItem = {
        "id": gid("LineItem", line_id),
        "name": f"Mug {line_id}",
        "title": f"Mug {line_id}",
        "variantTitle": None,
        "sku": f"MUG-{line_id}",
        "vendor": "Mugs",
        "quantity": quantity,
        "currentQuantity": quantity,
        "requiresShipping": True,
        "isGiftCard": False,
        "customAttributes": [],
        "weight": {"value": 350.0, "unit": "GRAMS"},
        "image": None,
        "originalUnitPriceSet": money(price),
        "discountedUnitPriceAfterAllDiscountsSet": money(price),
        "taxLines": [],
        "lineItemGroup": None,
        "variant": None,
        "product": None,
    }
    whole.update(rest)  # type: ignore[typeddict-item]
    return whole


def fulfillment_order(
    number: int = 9001,
    lines: Mapping[int, int | tuple[int, int]] | None = None,
    location: int | None = HERE,
    **rest: object,
) -> FulfillmentOrder:
    """`lines`: line id -> remaining, or (remaining, total)."""
    lines = {7001: 1} if lines is None else lines
    pairs = {key: value if isinstance(value, tuple) else (value, value) for key, value in lines.items()}
    whole: FulfillmentOrder = {
        "id": gid("FulfillmentOrder", number),
        "status": "OPEN",
        "requestStatus": "UNSUBMITTED",
        "updatedAt": PLACED_AT,
        "fulfillAt": None,
        "deliveryMethod": {"methodType": "SHIPPING"},
        "assignedLocation": {
            "name": "Main",
            "countryCode": "US",
            "location": {"id": gid("Location", location)} if location else None,
        },
        "fulfillmentHolds": [],
        "internationalDuties": None,
        "lineItems": {
            "nodes": [
                {
                    "id": gid("FulfillmentOrderLineItem", number * 100 + place),
                    "totalQuantity": total,
                    "remainingQuantity": remaining,
                    "requiresShipping": True,
                    "lineItem": {"id": gid("LineItem", line_id)},
                }
                for place, (line_id, (remaining, total)) in enumerate(pairs.items())
            ]
        },
    }
    whole.update(rest)  # type: ignore[typeddict-item]
    return whole


def order(
    lines: list[LineItem] | None = None, fulfillment_orders: list[FulfillmentOrder] | None = None, **rest: object
) -> OrderToShip:
    """Paid, of today; without `fulfillment_orders` all of it is open at `HERE`. Its total is the sum of the lines."""
    lines = [line()] if lines is None else lines
    if fulfillment_orders is None:
        open_lines: dict[int, int | tuple[int, int]] = {
            int(one["id"].rpartition("/")[2]): one["currentQuantity"] for one in lines if one["requiresShipping"]
        }
        fulfillment_orders = [fulfillment_order(9001, open_lines)]
    total = sum(
        round(float(one["discountedUnitPriceAfterAllDiscountsSet"]["shopMoney"]["amount"]) * 100)
        * one["currentQuantity"]
        for one in lines
    )
    whole: OrderToShip = {
        "id": gid("Order", ORDER_ID),
        "legacyResourceId": str(ORDER_ID),
        "name": "#1001",
        "createdAt": PLACED_AT,
        "processedAt": PLACED_AT,
        "updatedAt": PLACED_AT,
        "cancelledAt": None,
        "test": False,
        "displayFinancialStatus": "PAID",
        "tags": [],
        "note": None,
        "email": "megan.alderton@example.com",
        "phone": None,
        "poNumber": None,
        "sourceName": "web",
        "taxesIncluded": False,
        "customAttributes": [],
        "risk": {"recommendation": "NONE", "assessments": []},
        "shippingAddress": address(),
        "billingAddress": address(),
        "currentTotalPriceSet": money(f"{total / 100:.2f}"),
        "currentTotalTaxSet": money("0.00"),
        "currentShippingPriceSet": money("0.00"),
        "totalReceivedSet": money(f"{total / 100:.2f}"),
        "shippingLines": {"nodes": [{"title": "Standard", "code": "STANDARD", "isRemoved": False}]},
        "lineItems": {"nodes": lines},
        "fulfillmentOrders": {"nodes": fulfillment_orders},
    }
    whole.update(rest)  # type: ignore[typeddict-item]
    return whole


def order_shipped(
    fulfillment_orders: list[FulfillmentOrder], fulfillments: list[Fulfillment] | None = None, cancelled: bool = False
) -> OrderShipped:
    return {
        "id": gid("Order", ORDER_ID),
        "legacyResourceId": str(ORDER_ID),
        "name": "#1001",
        "updatedAt": PLACED_AT,
        "cancelledAt": PLACED_AT if cancelled else None,
        "fulfillmentOrders": {"nodes": fulfillment_orders},
        "fulfillments": fulfillments or [],
    }


def fulfillment(
    number: int,
    lines: Mapping[int, int],
    tracking: str | None = "TRACK1",
    status: str = "SUCCESS",
    created: datetime = NOW,
) -> Fulfillment:
    return {
        "id": gid("Fulfillment", number),
        "status": status,
        "createdAt": created.isoformat(),
        "trackingInfo": [{"company": "UPS", "number": tracking, "url": None}] if tracking else [],
        "fulfillmentLineItems": {
            "nodes": [
                {"quantity": units, "lineItem": {"id": gid("LineItem", line_id)}} for line_id, units in lines.items()
            ]
        },
    }


def package(
    package_key: str = "s1", lines: Mapping[int, int] | None = None, n: int = 1, location: int = HERE, **rest: object
) -> Package:
    values: dict[str, object] = {
        "package_key": package_key,
        "order_key": order_key("main", ORDER_ID, location, n),
        "voided": False,
        "tracking_number": "TRACK1",
        "carrier_code": "ups",
        "service_code": "ups_ground",
        "lines": lines,
    }
    return Package(**(values | rest))  # type: ignore[arg-type]


def consignment(
    units: Mapping[int, int] | None = None,
    standing: Standing = Standing.OPEN,
    n: int = 1,
    location: int = HERE,
    applied: Order | None = None,
) -> Consignment:
    """With `units` the applied document holds just the items; pass a whole one as `applied` where its fields matter."""
    key = order_key("main", ORDER_ID, location, n)
    if units is not None and applied is None:
        items: list[OrderItem] = [
            {"lineItemKey": f"{ORDER_ID}:{line_id}", "quantity": count} for line_id, count in units.items()
        ]
        applied = {"orderKey": key, "orderStatus": "awaiting_shipment", "items": items}
    return Consignment(key, location, "", n, standing, 40 + n if applied else None, applied)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)
