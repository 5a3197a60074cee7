"""Orders of any age come in as REST-shaped bodies: recorded deliveries, old exports, documentation samples.

Real bodies lack fields, hold amounts that do not parse and times with blanks. What is unreadable becomes zero, nothing, or now;
what is readable stays: payment state, cancellation, test flag, fulfillments, refunds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from syncd.sandbox.shopify.money import count_original, recount
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.state import (
    ZERO,
    Address,
    Fulfillment,
    FulfillmentLine,
    Line,
    LineGroup,
    Order,
    Refund,
    RefundLine,
    ShippingLine,
    Tax,
    Tracking,
    Units,
    Variant,
)
from syncd.sandbox.shopify.times import parsed

Body = Mapping[str, Any]

FINANCIAL = {
    "PENDING", "AUTHORIZED", "PARTIALLY_PAID", "PAID", "PARTIALLY_REFUNDED", "REFUNDED", "VOIDED", "EXPIRED",
}  # fmt: skip
REASONS = {"CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "OTHER", "STAFF"}


def order_of(shop: Shop, body: Body) -> Order:
    """The order with its waiting units. Not yet filed in the shop."""
    created_at = parsed(body.get("created_at")) or parsed(body.get("processed_at")) or shop.stamp()
    order = Order(
        id=_free_id(shop, body.get("id")),
        name="",
        number=_number(shop, body),
        created_at=created_at.replace(microsecond=0),
        processed_at=(parsed(body.get("processed_at")) or created_at).replace(microsecond=0),
        updated_at=shop.stamp(),
        currency=_currency(body.get("currency"), shop.options.currency),
    )
    order.name = _text(body.get("name")) or f"{shop.options.order_prefix}{order.number}"
    _read_flags(order, body)
    _read_people(shop, order, body)
    for entry in _dicts(body.get("line_items")):
        order.lines.append(line_of(shop, order, entry, body))
    order.shipping_lines = [_shipping_line(shop, order, entry) for entry in _dicts(body.get("shipping_lines"))]
    _read_money(order, body)
    _read_refunds(shop, order, body)
    _read_work(shop, order, body)
    return order


def _free_id(shop: Shop, given: Any) -> int:
    return given if isinstance(given, int) and given not in shop.orders else shop.ids.next()


def _number(shop: Shop, body: Body) -> int:
    given = body.get("order_number")
    if isinstance(given, int):
        return given
    shop.last_order_number += 1
    return shop.last_order_number


def _read_flags(order: Order, body: Body) -> None:
    status = body.get("financial_status")
    order.financial_status = (
        None if status is None else str(status).upper() if str(status).upper() in FINANCIAL else "PENDING"
    )
    order.cancelled_at = parsed(body.get("cancelled_at"))
    reason = str(body.get("cancel_reason") or "other").upper()
    order.cancel_reason = (reason if reason in REASONS else "OTHER") if order.cancelled_at else None
    order.closed_at = parsed(body.get("closed_at")) or order.cancelled_at
    order.test = body.get("test") is True
    order.note = _text(body.get("note"))
    order.po_number = _text(body.get("po_number"))
    order.source_name = _text(body.get("source_name"))
    order.tags = _tags(body.get("tags"))
    metafields = body.get("metafields")
    order.metafields = dict(metafields) if isinstance(metafields, dict) else {}
    order.attributes = _pairs(body.get("note_attributes"))
    order.taxes_included = body.get("taxes_included") is True
    order.discount_codes = [str(entry.get("code")) for entry in _dicts(body.get("discount_codes"))]
    gateways = body.get("payment_gateway_names")
    order.gateway = str(gateways[0]) if isinstance(gateways, list) and gateways else "manual"


def _tags(given: Any) -> list[str]:
    return [tag.strip() for tag in (given if isinstance(given, list) else str(given or "").split(",")) if tag.strip()]


def _read_people(shop: Shop, order: Order, body: Body) -> None:
    customer = body.get("customer")
    order.customer_id = (
        customer.get("id") if isinstance(customer, dict) and isinstance(customer.get("id"), int) else None
    )
    order.customer_tags = _tags(customer.get("tags")) if isinstance(customer, dict) else []
    order.email = _text(body.get("email")) or _text(body.get("contact_email"))
    order.phone = _text(body.get("phone"))
    order.shipping_address = address_of(shop, body.get("shipping_address"))
    order.billing_address = address_of(shop, body.get("billing_address"))


def address_of(shop: Shop, given: Any) -> Address | None:
    if not isinstance(given, dict):
        return None
    texts = ("first_name", "last_name", "company", "address1", "address2", "city", "province", "province_code", "zip")
    country_code = str(given.get("country_code") or "").upper()
    address = Address(shop.ids.next(), **{name: _text(given.get(name), keep_empty=True) for name in texts})
    address.country = _text(given.get("country"))
    address.country_code_v2 = country_code if len(country_code) == 2 and country_code.isalpha() else None
    address.phone = _text(given.get("phone"))
    parts = [part for part in (address.first_name, address.last_name) if part]
    address.name = _text(given.get("name"), keep_empty=True) if "name" in given else " ".join(parts) or None
    return address


def rest_address(address: Address | None) -> dict[str, Any]:
    """The fields that `address_of` reads; the full name follows from the parts."""
    if address is None:
        return {}
    texts = ("first_name", "last_name", "company", "address1", "address2", "city", "province", "province_code", "zip")
    known: dict[str, Any] = {name: getattr(address, name) for name in (*texts, "country", "phone")}
    return known | {"country_code": address.country_code_v2}


def line_of(shop: Shop, order: Order, entry: Body, body: Body) -> Line:
    """Anonymised bodies may call all their lines by one number: then they get numbers of their own."""
    quantity = max(0, _count(entry.get("quantity"), 1))
    known = {line.id for line in order.lines}
    line_id = entry.get("id")
    line = Line(
        id=line_id if isinstance(line_id, int) and line_id not in known else shop.ids.next(),
        order=order,
        title=_text(entry.get("title")) or _text(entry.get("name")) or "Untitled",
        quantity=quantity,
        price=amount_of(entry.get("price")),
        variant_title=_text(entry.get("variant_title")),
        sku=_text(entry.get("sku"), keep_empty=True),
        vendor=_text(entry.get("vendor")),
        current_quantity=quantity,
        requires_shipping=entry.get("requires_shipping") is not False,
        is_gift_card=entry.get("gift_card") is True,
        taxable=entry.get("taxable") is not False,
        grams=max(0, _count(entry.get("grams"), 0)),
        image_url=_text(entry.get("image_url")),
    )
    allocations = sum((amount_of(each.get("amount")) for each in _dicts(entry.get("discount_allocations"))), ZERO)
    line.discount = min(allocations or amount_of(entry.get("total_discount")), line.price * quantity)
    line.taxes = [_tax(each) for each in _dicts(entry.get("tax_lines"))]
    line.properties = _pairs(entry.get("properties"))
    line.variant = _variant(shop, entry, line)
    line.group = _group(entry, body)
    return line


def _variant(shop: Shop, entry: Body, line: Line) -> Variant | None:
    """`barcode`, `product_type`, the customs codes and an order's metafields are not part of any webhook: sales of our own bring them along."""
    variant_id, product_id = entry.get("variant_id"), entry.get("product_id")
    if not isinstance(variant_id, int) or entry.get("product_exists") is False:
        return None
    listed = shop.variants.get(variant_id)
    if listed and listed.is_edited:
        line.sku, line.title, line.variant_title = listed.sku, listed.title, listed.variant_title
        line.grams = listed.grams
        return listed
    sold = Variant(
        id=variant_id,
        product_id=product_id if isinstance(product_id, int) else shop.ids.next(),
        title=line.title,
        product_type=_text(entry.get("product_type")) or "",
        sku=line.sku,
        barcode=_text(entry.get("barcode")),
        harmonized_system_code=_text(entry.get("harmonized_system_code")),
        country_code_of_origin=_text(entry.get("country_code_of_origin")),
        requires_shipping=line.requires_shipping,
        variant_title=line.variant_title,
        grams=line.grams,
    )
    codes = entry.get("country_harmonized_system_codes")
    sold.country_codes = {str(country): str(code) for country, code in codes.items()} if isinstance(codes, dict) else {}
    shop.variants[variant_id] = sold
    return sold


def _group(entry: Body, body: Body) -> LineGroup | None:
    group_id = entry.get("sales_line_item_group_id")
    for group in _dicts(body.get("line_item_groups")):
        if group_id is not None and group.get("id") == group_id:
            return LineGroup(group_id, _text(group.get("title")) or "Bundle", _count(group.get("quantity"), 1))
    return None


def _shipping_line(shop: Shop, order: Order, entry: Body) -> ShippingLine:
    price = amount_of(entry.get("price"))
    return ShippingLine(
        id=entry["id"] if isinstance(entry.get("id"), int) else shop.ids.next(),
        order=order,
        title=_text(entry.get("title")) or "Shipping",
        price=price,
        discounted_price=amount_of(entry["discounted_price"]) if entry.get("discounted_price") is not None else price,
        code=_text(entry.get("code")),
        source=_text(entry.get("source")),
        phone=_text(entry.get("phone")),
        is_removed=entry.get("is_removed") is True,
        taxes=[_tax(each) for each in _dicts(entry.get("tax_lines"))],
    )


def _tax(entry: Body) -> Tax:
    rate = entry.get("rate")
    return Tax(
        _text(entry.get("title")) or "Tax",
        float(rate) if isinstance(rate, int | float) else None,
        amount_of(entry.get("price")),
    )


def _read_money(order: Order, body: Body) -> None:
    """The body's own total wins over the sum of its parts; what was received follows from the payment state."""
    count_original(order)
    total = _amount_or_none(body.get("total_price"))
    if total is not None:
        order.correction = total - order.original.total
        count_original(order)
    shown = _at(body, "total_price_set", "presentment_money")
    order.presentment_currency = _currency(_at(shown, "currency_code"), order.currency)
    shown_total = _amount_or_none(_at(shown, "amount"))
    if shown_total and order.original.total and order.presentment_currency != order.currency:
        order.presentment_rate = shown_total / order.original.total
    if order.financial_status in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED"):
        order.received = order.original.total
    elif order.financial_status == "PARTIALLY_PAID":
        outstanding = _amount_or_none(body.get("total_outstanding"))
        order.received = order.original.total - outstanding if outstanding is not None else order.original.total / 2


def _read_refunds(shop: Shop, order: Order, body: Body) -> None:
    lines = {line.id: line for line in order.lines}
    for entry in _dicts(body.get("refunds")):
        moment = parsed(entry.get("created_at")) or order.created_at
        money = sum((amount_of(each.get("amount")) for each in _dicts(entry.get("transactions"))), ZERO)
        done = Refund(shop.ids.next(), moment, _text(entry.get("note")), money)
        for each in _dicts(entry.get("refund_line_items")):
            line, count = lines.get(each.get("line_item_id")), _count(each.get("quantity"), 0)  # type: ignore[arg-type]
            if line is not None and count:
                restock_type = str(each.get("restock_type") or "no_restock").upper()
                done.lines.append(RefundLine(shop.ids.next(), line, count, restock_type))
                line.current_quantity = max(0, line.current_quantity - count)
        order.refunds.append(done)
        order.refunded += money
    for entry in _dicts(body.get("line_items")):
        line = lines.get(entry.get("id"))  # type: ignore[arg-type]
        if line is not None and isinstance(entry.get("current_quantity"), int):
            line.current_quantity = min(max(0, entry["current_quantity"]), line.quantity)
    recount(order)


def _read_work(shop: Shop, order: Order, body: Body) -> None:
    """What left already, and what is left to do: `fulfillable_quantity` where the body has it, else what the rest implies.
    A mixed basket is no webhook's to tell: sales of our own name the `delivery_method` of a line."""
    done = _read_fulfillments(shop, order, body)
    given = {entry.get("id"): entry.get("fulfillable_quantity") for entry in _dicts(body.get("line_items"))}
    method = delivery_method(order)
    for line, entry in zip(order.lines, _dicts(body.get("line_items")), strict=True):
        left = given.get(line.id)
        if not isinstance(left, int):
            left = 0 if body.get("fulfillment_status") == "fulfilled" else line.current_quantity - done[line.id]
        if order.cancelled_at:
            left = 0
        left = max(0, min(left, line.quantity - done[line.id]))
        delivery = _text(entry.get("delivery_method")) or (method if line.requires_shipping else "NONE")
        _add_units(shop, order, line, done[line.id], left, delivery)


def _add_units(shop: Shop, order: Order, line: Line, done: int, left: int, method: str) -> None:
    location_id = shop.options.locations[0].location_id
    if done + left:
        order.units.append(Units(line, location_id, method, done + left, done))


def _read_fulfillments(shop: Shop, order: Order, body: Body) -> Counter[int]:
    """Line id -> units in fulfillments that stand; never more than were ordered."""
    lines = {line.id: line for line in order.lines}
    done: Counter[int] = Counter()
    for number, entry in enumerate(_dicts(body.get("fulfillments")), start=1):
        moment = parsed(entry.get("created_at")) or order.created_at
        status = "SUCCESS" if entry.get("status") in ("success", "open", "pending", None) else "CANCELLED"
        known = Fulfillment(
            entry["id"] if isinstance(entry.get("id"), int) else shop.ids.next(),
            order, f"{order.name}-F{number}", shop.options.locations[0].location_id, moment, moment, status,
        )  # fmt: skip
        known.tracking = _tracking(entry)
        for each in _dicts(entry.get("line_items")):
            line = lines.get(each.get("id"))  # type: ignore[arg-type]
            if line is not None:
                count = min(_count(each.get("quantity"), 0), line.quantity - done[line.id])
                if count > 0:
                    known.lines.append(FulfillmentLine(shop.ids.next(), line, count))
                    done[line.id] += count if status == "SUCCESS" else 0
        order.fulfillments.append(known)
        shop.fulfillments[known.id] = known
    return done


def _tracking(entry: Body) -> list[Tracking]:
    numbers = entry.get("tracking_numbers")
    urls = entry.get("tracking_urls")
    known = numbers if isinstance(numbers, list) and numbers else [entry.get("tracking_number")]
    places = urls if isinstance(urls, list) else []
    return [
        Tracking(_text(entry.get("tracking_company")), str(number), str(places[n]) if n < len(places) else None)
        for n, number in enumerate(known)
        if number
    ]


def delivery_method(order: Order) -> str:
    """A webhook does not tell it. Pickup shows as a free shipping line that is named like the shop's own place, without address."""
    if order.shipping_address is not None:
        return "SHIPPING"
    if order.source_name == "pos" and not order.shipping_lines:
        return "RETAIL"
    line = order.shipping_lines[0] if order.shipping_lines else None
    is_place = (
        line is not None and line.source == "shopify" and line.code == line.title and line.code not in (None, "custom")
    )
    return "PICK_UP" if is_place and line is not None and not line.price else "SHIPPING"


def amount_of(value: Any) -> Decimal:
    return _amount_or_none(value) or ZERO


def _amount_or_none(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _currency(value: Any, default: str) -> str:
    return value if isinstance(value, str) and len(value) == 3 and value.isupper() else default


def _text(value: Any, keep_empty: bool = False) -> str | None:
    if isinstance(value, str) and (value or keep_empty):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _pairs(value: Any) -> list[tuple[str, str | None]]:
    return [(str(entry.get("name")), _text(entry.get("value"), keep_empty=True)) for entry in _dicts(value)]


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
