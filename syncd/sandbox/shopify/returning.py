"""Goods come back: returns are opened, get a label, are received, refunded and closed. Refusals have the recorded words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from syncd.sandbox.shopify import changing
from syncd.sandbox.shopify.money import rounded, unit_price_after_discounts
from syncd.sandbox.shopify.problems import Refusal
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.state import (
    ZERO,
    Line,
    Order,
    Refund,
    Return,
    ReturnLine,
    ReverseDelivery,
)


def net_payment(order: Order) -> Decimal:
    return order.received - order.refunded


def worth(order: Order, units: Mapping[int, int]) -> Decimal:
    """What these units cost, with their share of the tax; never more than is left of what was paid."""
    lines = {line.id: line for line in order.lines}
    total = sum((unit_worth(lines[line_id]) * count for line_id, count in units.items()), ZERO)
    return min(rounded(total, order.currency), net_payment(order))


def unit_worth(line: Line) -> Decimal:
    """With its share of the tax, not rounded."""
    price = unit_price_after_discounts(line)
    if line.order.taxes_included or not line.quantity:
        return price
    return price + sum((tax.price for tax in line.taxes), ZERO) / line.quantity


def open_return(shop: Shop, order: Order, asked: Sequence[tuple[int, int, str]]) -> Return:
    """`asked`: fulfillment line id, units, the reason's note. Un-archives the order."""
    parts = {part.id: part for done in order.fulfillments if done.status == "SUCCESS" for part in done.lines}
    free = returnable(order)
    for position, (part_id, quantity, _) in enumerate(asked):
        path = ["returnLineItems", str(position)]
        if part_id not in parts:
            raise Refusal([*path, "fulfillmentLineItemId"], "Fulfillment Line Item was not found.", "NOT_FOUND")
        free[part_id] -= quantity
        if quantity <= 0 or free[part_id] < 0:
            raise Refusal([*path, "quantity"], "Return line item has an invalid quantity.", "INVALID")
    opened = Return(shop.ids.next(), order, f"{order.name}-R{len(order.returns) + 1}", shop.stamp())
    opened.lines = [ReturnLine(shop.ids.next(), parts[part_id], count, note) for part_id, count, note in asked]
    order.returns.append(opened)
    order.closed_at = order.cancelled_at
    _tell(shop, order)
    return opened


def returnable(order: Order) -> Counter[int]:
    """Fulfillment line id -> units that left, are not refunded, and are in no other return."""
    free, back = Counter[int](), Counter[int]()
    refundable = {line.id: line.current_quantity for line in order.lines}
    for one in order.returns:
        for line in one.lines if one.status not in ("CANCELED", "DECLINED") else ():
            back[line.part.id] += line.quantity
            refundable[line.part.line.id] -= line.quantity - line.refunded
    for done in order.fulfillments:
        for part in done.lines if done.status == "SUCCESS" else ():
            free[part.id] = max(0, min(part.quantity - back[part.id], refundable[part.line.id]))
            refundable[part.line.id] -= free[part.id]
    return free


def attach(
    shop: Shop, target: Return, units: Mapping[int, int], number: str | None, url: str | None, label_url: str | None
) -> ReverseDelivery:
    """`units`: return line id -> units; empty for all that has no delivery yet."""
    left = {line.id: line.quantity for line in target.lines}
    for delivery in target.deliveries:
        for line_id, count in delivery.units.items():
            left[line_id] -= count
    wanted = dict(units) or {line_id: count for line_id, count in left.items() if count}
    if not wanted or any(count > left.get(line_id, 0) for line_id, count in wanted.items()):
        raise Refusal(["reverseDeliveryLineItems"], "cannot deliver more items than are returned", "INVALID")
    made = ReverseDelivery(shop.ids.next(), number, url, label_url, wanted)
    target.deliveries.append(made)
    _tell(shop, target.order)
    return made


def process(
    shop: Shop,
    target: Return,
    units: Mapping[int, int],
    restocked: Mapping[tuple[int, int], int],
    amount: Decimal,
    note: str | None,
) -> None:
    """`units`: return line id -> units; `restocked`: return line id and location -> those for sale again. Confirms the receipt;
    with an `amount` the units are refunded in the same go."""
    lines = {line.id: line for line in target.lines}
    if target.status != "OPEN":
        raise Refusal(["returnId"], "Return status is invalid.", "INVALID_STATE")
    for line_id, count in units.items():
        if line_id not in lines or not 0 < count <= lines[line_id].quantity - lines[line_id].processed:
            raise Refusal(["returnLineItems"], "Return line item has an invalid quantity.", "INVALID")
    if amount > net_payment(target.order):
        words = f"Refund amount ${amount} is greater than net payment received ${net_payment(target.order)}"
        raise Refusal(None, words, "INVALID")
    counts: Counter[int] = Counter()
    for line_id, count in units.items():
        counts[lines[line_id].part.line.id] += count
    if amount:
        # each unit of a return was fulfilled; what is restocked is put back below
        target.refunds.append(_refunded(shop, target.order, counts, amount, note))
    for line_id, count in units.items():
        lines[line_id].processed += count
        lines[line_id].refunded += count if amount else 0
    for (line_id, location_id), count in restocked.items():
        shop.stock.goods_back(lines[line_id].part.line, location_id, count)
    _tell(shop, target.order)


def _refunded(shop: Shop, order: Order, counts: Mapping[int, int], amount: Decimal, note: str | None) -> Refund:
    lines = {line.id: line for line in order.lines}
    if any(count > lines[line_id].current_quantity for line_id, count in counts.items()):
        raise Refusal(["returnLineItems"], "Quantity cannot refund more items than were purchased", "INVALID")
    return changing.refund_returned(shop, order, counts, amount, note)


def close(shop: Shop, target: Return) -> None:
    """Closing twice succeeds."""
    if target.status not in ("OPEN", "CLOSED"):
        raise Refusal(["id"], "Return status is invalid.", "INVALID_STATE")
    target.status = "CLOSED"
    _tell(shop, target.order)


def status_of(order: Order) -> str:
    found = {one.status for one in order.returns}
    words = {"REQUESTED": "RETURN_REQUESTED", "OPEN": "IN_PROGRESS", "CLOSED": "RETURNED"}
    return next((word for status, word in words.items() if status in found), "NO_RETURN")


def _tell(shop: Shop, order: Order) -> None:
    shop.touch(order)
    shop.tell_order(order, "ORDERS_UPDATED")
