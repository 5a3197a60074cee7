"""What the warehouse split off one of our orders, and where that lies now: each unit of it was placed once, and is not placed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from mappings.carry_over import is_silent_on_groups
from mappings.consignments import added
from mappings.keys import line_of, split_order_key
from mappings.packed import items_without, units_of
from mappings.plans import Consignment
from mappings.shipstation_shapes import Order, OrderItem


def with_parts(order: Order, others: Iterable[Order], absorbed: Iterable[int] = ()) -> Order:
    """As it was before the warehouse split it: what was split off, and off that, lies in it again. It tells of the split, also where
    ShipStation did not: what was put together here must not be written there. `absorbed`: orders whose parts count as its own."""
    root = {order["orderId"], *absorbed}
    family, items = set(root), list(order.get("items") or [])
    for part in sorted(others, key=lambda one: one["orderId"]):  # a part is younger than what it was split off
        is_child = (part.get("advancedOptions") or {}).get("parentId") in family
        if (is_child or _is_part_by_its_lines(part, order)) and part["orderId"] not in family:
            family.add(part["orderId"])
            items += part.get("items") or []
    if family == root:
        return order
    return with_items(order, items)


def with_items(order: Order, items: Sequence[OrderItem]) -> Order:
    """Put together here: it reads as split, so that it is never written."""
    return cast(
        Order, {**order, "items": [*items], "advancedOptions": {**order["advancedOptions"], "mergedOrSplit": True}}
    )


def merged_away(order_key: str, family: Iterable[Consignment], others: Sequence[Order]) -> list[OrderItem]:
    """Goods of this Shopify order in living orders of other sales, but for those of its consignments (`family`) that were merged
    there whole: they were split off, and then merged."""
    ours = split_order_key(order_key)
    if ours is None:
        return []
    hosts = [one for one in others if one.get("orderStatus") != "cancelled" and _is_of_another_sale(one, ours[1])]
    ids = {order_id for one in hosts for order_id in (one["orderId"], *_merged_ids(one))}
    known = added(units_of(one.applied) for one in family if one.shipstation_order_id in ids)
    ours_there = [item for host in hosts for item in host.get("items") or [] if _is_of(item, ours[1])]
    return items_without(ours_there, known)


def _is_of(item: OrderItem, order_id: int) -> bool:
    line = line_of(item.get("lineItemKey"))
    return line is not None and line[0] == order_id and not item.get("adjustment")


def _is_of_another_sale(order: Order, order_id: int) -> bool:
    ours = split_order_key(order.get("orderKey"))
    is_part = (order.get("advancedOptions") or {}).get("parentId")
    return ours[1] != order_id if ours else bool(_merged_ids(order)) and not is_part


def _merged_ids(order: Order) -> Sequence[int]:
    return (order.get("advancedOptions") or {}).get("mergedIds") or ()


def left_in_parts(order: Order, order_key: str, others: Iterable[Order]) -> Order:
    """Of one that was cancelled: what parts of the same Shopify order hold that we did not make, whatever they were split off. Of a
    part that shares its key the parcel counts as its own: what left in it lies there no more."""
    ours = split_order_key(order_key)
    items = [
        item
        for part in others
        if _is_split_off(part) and part.get("orderStatus") not in {"cancelled", *_gone(part, order_key)}
        for item in part.get("items") or []
        if ours and (line := line_of(item.get("lineItemKey"))) and line[0] == ours[1]
    ]
    return cast(Order, {**order, "items": items})


def _gone(part: Order, order_key: str) -> set[str]:
    return {"shipped"} if part.get("orderKey") == order_key else set()


def _is_split_off(order: Order) -> bool:
    """Where parts share the key of what they were split off, their parent tells."""
    return bool((order.get("advancedOptions") or {}).get("parentId")) or not split_order_key(order.get("orderKey"))


def owner_of(part: Order, orders: Mapping[str, Order]) -> str | None:
    """The order key of what it was split off, where nobody tells: of the `orders` of its sale that are in doubt the one with most of its
    lines. None for what is no part by its lines."""
    of_its_sale = [key for key, order in sorted(orders.items()) if _is_part_by_its_lines(part, order)]
    return max(of_its_sale, key=lambda key: len(units_of(part).keys() & units_of(orders[key]).keys()), default=None)


def _is_part_by_its_lines(part: Order, order: Order) -> bool:
    """Where nobody tells of a split: goods of the same Shopify order under a key that is none of ours."""
    if not is_silent_on_groups(part) or split_order_key(part.get("orderKey")):
        return False
    ours = split_order_key(order.get("orderKey"))
    lines = [line_of(item.get("lineItemKey")) for item in part.get("items") or []]
    return ours is not None and any(line is not None and line[0] == ours[1] for line in lines)
