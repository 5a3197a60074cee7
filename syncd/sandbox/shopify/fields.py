"""How each field of the schema is read off the state, apart from the root. A field without an entry is the attribute of its name.

A resolver gets the object, the arguments and the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import Any

from syncd.sandbox.shopify.call import Call
from syncd.sandbox.shopify.money import unit_price_after_discounts
from syncd.sandbox.shopify.paging import Page, page
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.standing import fulfillment_summary, open_units, supported_actions, unfulfilled_quantity
from syncd.sandbox.shopify.state import (
    ZERO,
    Fulfillment,
    FulfillmentEvent,
    FulfillmentOrder,
    Line,
    Order,
    ShippingLine,
    Variant,
    gid,
)
from syncd.sandbox.shopify.views import (
    Assigned,
    Bag,
    CountryTariffCode,
    Customer,
    Delivery,
    Edge,
    InventoryItem,
    Measurement,
    Metafield,
    Money,
    Product,
    Version,
)

Reader = Callable[[Any], Any]
Resolver = Callable[[Any, dict[str, Any], Call], Any]


def _bag(amount: Callable[[Any], Decimal], order: Callable[[Any], Order]) -> Reader:
    return lambda source: Bag(amount(source), order(source))


def _order_bag(path: str) -> Reader:
    amount = attrgetter(path)
    return lambda order: Bag(amount(order), order)


def _itself(source: Any) -> Any:
    return source


def _presented(bag: Bag) -> Money:
    order = bag.order
    currency = order.presentment_currency or order.currency
    if currency == order.currency:
        return Money(bag.amount, currency)
    return Money((bag.amount * order.presentment_rate).quantize(Decimal("0.01")), currency)


def _pairs(pairs: list[tuple[str, str | None]]) -> list[dict[str, str | None]]:
    return [{"key": key, "value": value} for key, value in pairs]


def _shipping_lines(order: Order, args: dict[str, Any], call: Call) -> Page[ShippingLine]:
    lines = order.shipping_lines
    return page(lines if args.get("includeRemovals") else [line for line in lines if not line.is_removed], args)


def _assigned(entry: FulfillmentOrder, args: dict[str, Any], call: Call) -> Assigned:
    location = call.shop.location(entry.location_id)
    return Assigned(location.name, location.country_code, location) if location else Assigned("Closed", "US", None)


def _method(entry: FulfillmentOrder, args: dict[str, Any], call: Call) -> Delivery | None:
    if entry.method is None:
        return None
    titles = [line.title for line in entry.order.shipping_lines]
    return Delivery(entry.id, entry.method, titles[0] if titles else None)


def _fulfillments_of(entry: FulfillmentOrder) -> list[Fulfillment]:
    return [done for done in entry.order.fulfillments if any(taken.fulfillment_order is entry for taken in done.taken)]


def _sources_of(done: Fulfillment) -> list[FulfillmentOrder]:
    return list({taken.fulfillment_order.id: taken.fulfillment_order for taken in done.taken}.values())


def _display_status(done: Fulfillment) -> str:
    """The event that was told last moves it."""
    if done.status == "CANCELLED":
        return "CANCELED"
    return done.events[-1].status if done.events else "FULFILLED"


def _events_of(done: Fulfillment, args: dict[str, Any]) -> list[FulfillmentEvent]:
    return sorted(done.events, key=lambda one: one.happened_at) if args["sortKey"] == "HAPPENED_AT" else done.events


def _outstanding(order: Order) -> Decimal:
    return max(ZERO, order.totals.total - order.received + order.refunded)


def _product(line: Line) -> Product | None:
    variant = line.variant
    return Product(variant.product_id, variant.title, variant.product_type) if variant else None


def inventory_item(variant: Variant) -> InventoryItem:
    return InventoryItem(
        variant.id + 1,
        variant.sku,
        variant.harmonized_system_code,
        variant.country_code_of_origin,
        variant.requires_shipping,
        variant.country_codes,
        variant.tracked,
        variant,
    )


def _twins(item: InventoryItem, args: dict[str, Any], call: Call) -> int:
    """How many others have its SKU."""
    return sum(
        1 for one in call.shop.variants.values() if item.sku and one.sku == item.sku and one.id != item.variant.id
    )


def _tariff_codes(item: InventoryItem, args: dict[str, Any], call: Call) -> Page[CountryTariffCode]:
    codes = [CountryTariffCode(n, *pair) for n, pair in enumerate(sorted(item.country_codes.items()), start=1)]
    return page(codes, args)


def _customer(order: Order) -> Customer | None:
    return (
        Customer(order.customer_id, order.customer_tags, order.customer_note) if order.customer_id is not None else None
    )


def _metafield(order: Order, args: dict[str, Any], call: Call) -> Metafield | None:
    namespace, key = args.get("namespace") or "$app", args["key"]
    value = order.metafields.get(f"{namespace}.{key}")
    return None if value is None else Metafield(order.id, namespace, key, value)


def _weight(line: Line) -> dict[str, Any] | None:
    return _in_grams(line.grams) if line.grams or line.requires_shipping else None


def _in_grams(grams: int) -> dict[str, Any]:
    return {"value": float(grams), "unit": "GRAMS"}


def _plan(shop: Shop) -> dict[str, Any]:
    names = {"standard": "Basic", "advanced": "Advanced", "plus": "Shopify Plus"}
    return {
        "public_display_name": names[shop.options.plan],
        "partner_development": False,
        "shopify_plus": shop.options.plan == "plus",
    }


def _edges(found: Page[Any]) -> list[Edge]:
    return [Edge(found.cursor_of(node), node) for node in found.nodes]


def _cursor(position: int) -> Reader:
    return lambda found: found.cursor_of(found.nodes[position]) if found.nodes else None


def _first(args: dict[str, Any], entries: list[Any]) -> list[Any]:
    return entries if args.get("first") is None else entries[: args["first"]]


READERS: dict[str, Reader] = {
    "Order.closed": lambda order: order.closed_at is not None,
    "Order.confirmed": lambda order: True,
    "Order.currencyCode": lambda order: order.currency,
    "Order.presentmentCurrencyCode": lambda order: order.presentment_currency or order.currency,
    "Order.customer": _customer,
    "Order.customAttributes": lambda order: _pairs(order.attributes),
    "Order.displayFinancialStatus": lambda order: order.financial_status,
    "Order.displayFulfillmentStatus": fulfillment_summary,
    "Order.fulfillable": lambda order: bool(open_units(order).total()),
    "Order.fullyPaid": lambda order: not _outstanding(order),
    "Order.unpaid": lambda order: not order.received,
    "Order.requiresShipping": lambda order: any(line.requires_shipping for line in order.lines),
    "Order.risk": _itself,
    "OrderRiskSummary.recommendation": attrgetter("recommendation"),
    "Order.subtotalLineItemsQuantity": lambda order: sum(line.quantity for line in order.lines),
    "Order.currentTotalPriceSet": _order_bag("totals.total"),
    "Order.currentTotalTaxSet": _order_bag("totals.tax"),
    "Order.currentShippingPriceSet": _order_bag("totals.shipping"),
    "Order.currentSubtotalPriceSet": _order_bag("totals.subtotal"),
    "Order.currentTotalDiscountsSet": _order_bag("totals.discounts"),
    "Order.totalPriceSet": _order_bag("original.total"),
    "Order.totalReceivedSet": _order_bag("received"),
    "Order.totalRefundedSet": _order_bag("refunded"),
    "Order.totalOutstandingSet": _bag(_outstanding, _itself),
    "OrderRiskSummary.assessments": lambda order: [order],
    "MoneyBag.shopMoney": lambda bag: Money(bag.amount, bag.order.currency),
    "MoneyBag.presentmentMoney": _presented,
    "LineItem.unfulfilledQuantity": unfulfilled_quantity,
    "LineItem.customAttributes": lambda line: _pairs(line.properties),
    "LineItem.weight": _weight,
    "LineItem.image": lambda line: {"url": line.image_url} if line.image_url else None,
    "LineItem.originalUnitPriceSet": lambda line: Bag(line.price, line.order),
    "LineItem.discountedUnitPriceAfterAllDiscountsSet": _bag(unit_price_after_discounts, attrgetter("order")),
    "LineItem.lineItemGroup": lambda line: line.group,
    "LineItem.product": _product,
    "TaxLine.title": lambda pair: pair[0].title,
    "TaxLine.rate": lambda pair: pair[0].rate,
    "TaxLine.priceSet": lambda pair: Bag(pair[0].price, pair[1]),
    "ProductVariant.inventoryItem": inventory_item,
    "ProductVariant.title": lambda variant: variant.variant_title or "Default Title",
    "ProductVariant.product": lambda variant: Product(variant.product_id, variant.title, variant.product_type),
    "InventoryItem.measurement": lambda item: Measurement(item.id, _in_grams(item.variant.grams)),
    "ShippingLine.carrierIdentifier": lambda line: None,
    "ShippingLine.custom": lambda line: line.code == "custom",
    "ShippingLine.originalPriceSet": lambda line: Bag(line.price, line.order),
    "ShippingLine.discountedPriceSet": lambda line: Bag(line.discounted_price, line.order),
    "ShippingLine.currentDiscountedPriceSet": lambda line: Bag(line.discounted_price, line.order),
    "FulfillmentOrder.orderId": lambda entry: gid("Order", entry.order.id),
    "FulfillmentOrder.orderName": lambda entry: entry.order.name,
    "FulfillmentOrder.orderProcessedAt": lambda entry: entry.order.processed_at,
    "FulfillmentOrder.supportedActions": lambda entry: [{"action": name} for name in supported_actions(entry)],
    "FulfillmentOrder.fulfillmentHolds": lambda entry: entry.holds,
    "FulfillmentOrder.internationalDuties": lambda entry: {"incoterm": entry.incoterm} if entry.incoterm else None,
    "FulfillmentOrderSupportedAction.externalUrl": lambda action: None,
    "FulfillmentOrderLineItem.lineItem": lambda entry: entry.line,
    "FulfillmentOrderLineItem.totalQuantity": lambda entry: entry.total,
    "FulfillmentOrderLineItem.remainingQuantity": lambda entry: entry.remaining,
    "FulfillmentOrderLineItem.requiresShipping": lambda entry: entry.line.requires_shipping,
    "FulfillmentOrderLineItem.sku": lambda entry: entry.line.sku,
    "FulfillmentOrderLineItem.productTitle": lambda entry: entry.line.title,
    "FulfillmentOrderLineItem.variantTitle": lambda entry: entry.line.variant_title,
    "FulfillmentOrderLineItem.vendor": lambda entry: entry.line.vendor,
    "FulfillmentOrderLineItem.weight": lambda entry: _weight(entry.line),
    "FulfillmentHold.displayReason": lambda hold: hold.reason.replace("_", " ").capitalize(),
    "FulfillmentHold.heldByRequestingApp": lambda hold: hold.by_app,
    "Fulfillment.displayStatus": _display_status,
    "Fulfillment.totalQuantity": lambda done: sum(entry.quantity for entry in done.lines),
    "Fulfillment.requiresShipping": lambda done: any(entry.line.requires_shipping for entry in done.lines),
    "FulfillmentLineItem.lineItem": lambda entry: entry.line,
    "Location.id": lambda location: gid("Location", location.location_id),
    "Location.legacyResourceId": lambda location: location.location_id,
    "Location.isActive": lambda location: True,
    "Location.fulfillsOnlineOrders": lambda location: True,
    "Location.shipsInventory": lambda location: True,
    "Location.address": lambda location: {"country_code": location.country_code},
    "Shop.id": lambda shop: gid("Shop", sum(shop.options.domain.encode()) + 60_000_000_000),
    "Shop.name": lambda shop: shop.options.name,
    "Shop.myshopifyDomain": lambda shop: shop.options.domain,
    "Shop.ianaTimezone": lambda shop: shop.options.timezone,
    "Shop.currencyCode": lambda shop: shop.options.currency,
    "Shop.email": lambda shop: f"owner@{shop.options.domain}",
    "AppInstallation.accessScopes": lambda app: [{"handle": scope, "description": scope} for scope in app.scopes],
    "WebhookSubscription.apiVersion": lambda entry: Version(entry.api_version),
    "ApiVersion.displayName": lambda version: version.handle,
    "ApiVersion.supported": lambda version: True,
    "Job.id": attrgetter("id"),
    "OrderCancelJobResult.id": attrgetter("id"),
    "FulfillmentOrder.fulfillBy": lambda entry: None,
    "Shop.weightUnit": lambda shop: "GRAMS",
    "Shop.plan": _plan,
    "PageInfo.startCursor": _cursor(0),
    "PageInfo.endCursor": _cursor(-1),
    "PageInfo.hasNextPage": lambda found: found.has_next,
    "PageInfo.hasPreviousPage": lambda found: found.has_previous,
}

RESOLVERS: dict[str, Resolver] = {
    "Order.fulfillmentOrders": lambda order, args, call: page(order.fulfillment_orders, args),
    "Order.fulfillments": lambda order, args, call: _first(args, order.fulfillments),
    "Order.lineItems": lambda order, args, call: page(order.lines, args),
    "Order.metafield": _metafield,
    "Order.shippingLines": _shipping_lines,
    "InventoryItem.countryHarmonizedSystemCodes": _tariff_codes,
    "InventoryItem.duplicateSkuCount": _twins,
    "InventoryItem.variants": lambda item, args, call: page([item.variant], args),
    "LineItem.taxLines": lambda line, args, call: _first(args, [(tax, line.order) for tax in line.taxes]),
    "FulfillmentOrder.deliveryMethod": _method,
    "FulfillmentOrder.assignedLocation": _assigned,
    "FulfillmentOrder.lineItems": lambda entry, args, call: page(entry.lines, args),
    "FulfillmentOrder.fulfillments": lambda entry, args, call: page(_fulfillments_of(entry), args),
    "Fulfillment.location": lambda done, args, call: call.shop.location(done.location_id),
    "Fulfillment.trackingInfo": lambda done, args, call: _first(args, done.tracking),
    "Fulfillment.fulfillmentLineItems": lambda done, args, call: page(done.lines, args),
    "Fulfillment.events": lambda done, args, call: page(_events_of(done, args), args),
    "Fulfillment.fulfillmentOrders": lambda done, args, call: page(_sources_of(done), args),
}


_KEPT_AS_DICTS = {
    "Attribute", "Weight", "Image", "FulfillmentOrderInternationalDuties", "FulfillmentOrderSupportedAction",
    "LocationAddress", "ShopPlan", "AccessScope", "InventoryChange",
}  # fmt: skip


def reader(type_name: str, field_name: str, returns_id: bool) -> Reader:
    """How to read a field that needs neither arguments nor the call: the entry above, or what follows from the names."""
    if found := READERS.get(f"{type_name}.{field_name}"):
        return found
    if type_name.endswith("Connection") and field_name in ("pageInfo", "edges"):
        return _edges if field_name == "edges" else _itself
    if field_name == "id" and returns_id:
        return lambda source: f"gid://shopify/{type_name}/{source.id}"
    name = "id" if field_name == "legacyResourceId" else snake_case(field_name)
    if type_name in _KEPT_AS_DICTS:
        return lambda source: source.get(name)
    if type_name.endswith(("Payload", "Error")):
        return lambda source: source.get(field_name)
    return attrgetter(name)


def snake_case(name: str) -> str:
    """`country_code_v2` of `countryCodeV2`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
