"""ShipStation's side of what is to be changed there: found by id, by key, or in what absorbed it; with what was split off it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mappings.carry_over import is_regrouped, is_silent_on_groups
from mappings.keys import split_order_key
from mappings.packed import units_of
from mappings.parts import left_in_parts, merged_away, owner_of, with_items, with_parts
from mappings.plans import Consignment, Standing
from mappings.shipstation_shapes import Order
from mappings.shown_whole import may_be_short
from mappings.sweeping import Placed, Sight, sight_of, survivor_of, survivor_of_lost
from syncd.budget import Urgency
from syncd.shipstation.orders_api import OrdersApi


@dataclass(frozen=True)
class Sought:
    """A consignment whose ShipStation order must be read, and how it can be found there."""

    consignment: Consignment
    family: tuple[Consignment, ...]
    """All consignments of its order."""
    number_stem: str
    created_at: datetime
    """When the Shopify order was made: ShipStation's cannot be older."""

    @property
    def is_unsure(self) -> bool:
        """What ShipStation shows is then all that we know of what we sent: what was split off it since would be placed anew."""
        return self.consignment.standing is Standing.INTENDED or self.consignment.applied is None


async def truth_of(shipstation: OrdersApi, sought: Mapping[str, Sought]) -> dict[str, Order | None]:
    """By order key. Looked for by id where we know it, from a list where there are many; else by key, for an order whose answer
    was lost."""
    # merged orders have one id between them
    ids = {key: order_id for key, one in sought.items() if (order_id := one.consignment.shipstation_order_id)}
    since = min(one.created_at for one in sought.values())
    by_id = await shipstation.orders_by_id(ids.values(), Urgency.ORDERS, since)
    found = {key: by_id[order_id] for key, order_id in ids.items()}
    for key, one in sought.items():
        if one.consignment.shipstation_order_id is None:
            found[key] = await shipstation.order_by_key(key, one.number_stem, Urgency.ORDERS)
    short = {key: ids[key] for key in ids if may_be_short(found[key], sought[key].consignment.applied)}
    # what a second look does not show either, somebody took out
    again = await shipstation.orders_by_id(short.values(), Urgency.ORDERS) if short else {}
    found |= {key: again[order_id] for key, order_id in short.items()}
    whole = await _with_parts(shipstation, sought, {key: order for key, order in found.items() if order})
    return found | whole | await _survivors(shipstation, [one for key, one in sought.items() if found[key] is None])


async def _with_parts(
    shipstation: OrdersApi, sought: Mapping[str, Sought], found: Mapping[str, Order]
) -> dict[str, Order]:
    """Those of which nobody knows whether something was split off, with it. What was merged into another sale since, and, where
    nobody tells of a split, what has another number, is found only among what was changed last."""
    unsure = {key for key, order in found.items() if sought[key].is_unsure and _may_be_split(order)}
    cancelled = {key for key, order in found.items() if order.get("orderStatus") == "cancelled"} - unsure
    is_split = any(_may_be_split(found[key]) for key in unsure | cancelled)
    lately = await shipstation.orders_changed_last(Urgency.ORDERS) if is_split else []
    whole, in_doubt = {}, {key: found[key] for key in unsure}
    for key in sorted(unsure | cancelled):
        parts = await _parts(shipstation, sought[key], found[key])
        around = list({one["orderId"]: one for one in (*lately, *parts)}.values())
        own_parts = [one for one in around if owner_of(one, in_doubt) in (key, None)]
        own = with_parts(found[key], own_parts) if key in unsure else left_in_parts(found[key], key, around)
        away = merged_away(key, sought[key].family, around)
        whole[key] = with_items(own, [*(own.get("items") or []), *away]) if away else own
    return whole


def _may_be_split(order: Order) -> bool:
    return is_regrouped(order) or is_silent_on_groups(order)


async def _parts(shipstation: OrdersApi, one: Sought, shown: Order) -> list[Order]:
    """The orders among which its parts are. What is split off a merged one bears the number of that."""
    number = shown.get("orderNumber") or ""
    stems = {one.number_stem} | ({number} if not number.startswith(one.number_stem) else set())
    return [one for stem in sorted(stems) for one in await shipstation.orders_beginning(stem, Urgency.ORDERS)]


async def _survivors(shipstation: OrdersApi, absent: Sequence[Sought]) -> dict[str, Order]:
    """Order key -> the order into which the warehouse merged it, if that was lately. The sweep looks further back."""
    if not absent:
        return {}
    orders = {one["orderId"]: one for one in await shipstation.orders_changed_last(Urgency.ORDERS)}
    sights = [sight_of(order) for order in orders.values()]
    survivors = {one.consignment.order_key: _survivor_of(one, sights) for one in absent}
    return {key: orders[one.order_id] for key, one in survivors.items() if one}


def _survivor_of(absent: Sought, sights: Sequence[Sight]) -> Sight | None:
    one, parts = absent.consignment, split_order_key(absent.consignment.order_key)
    if parts is None:
        return None
    if one.shipstation_order_id is None:
        return survivor_of_lost(parts[1], absent.family, sights)
    placed = Placed(one.order_key, one.standing, one.shipstation_order_id, units_of(one.applied))
    return survivor_of(placed, parts[1], sights) if one.applied else None
