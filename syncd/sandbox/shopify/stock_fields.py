"""How stock is shown and set by GraphQL: inventory levels of a location and of an item, and `inventorySetQuantities`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from syncd.sandbox.shopify.call import Call
from syncd.sandbox.shopify.fields import Resolver, inventory_item
from syncd.sandbox.shopify.options import LocationOptions
from syncd.sandbox.shopify.paging import Page, cursor, opened, page_size
from syncd.sandbox.shopify.problems import Problem
from syncd.sandbox.shopify.reading import number_of
from syncd.sandbox.shopify.stock import NAMES, Level, Wanted, level_gid
from syncd.sandbox.shopify.views import InventoryItem

_INVALID_NAMES = "The quantity names must be one or more of the following"
_UNCOMPARED = "InventoryQuantityInput must include the following argument: changeFromQuantity."


class Quantity(NamedTuple):
    name: str
    quantity: int


class Group(NamedTuple):
    """What one call changed."""

    id: int
    created_at: datetime
    reason: str
    reference_document_uri: str | None
    changes: list[dict[str, Any]]


def _levels_at(location: LocationOptions, args: dict[str, Any], call: Call) -> Page[Level]:
    """Forward only, in the order of the items."""
    after = opened(args["after"])[0] if args.get("after") else 0
    found, has_next = call.shop.stock.page_at(location.location_id, after, page_size(args))
    return Page(found, lambda level: cursor(level.variant.id), has_next, bool(after))


def _level_of(item: InventoryItem, args: dict[str, Any], call: Call) -> Level | None:
    level: Level | None = call.shop.stock.level(item.id - 1, number_of(args["locationId"], "Location"))
    return level


def _quantities(level: Level, args: dict[str, Any], call: Call) -> list[Quantity]:
    if unknown := [name for name in args["names"] if name not in NAMES]:
        raise Problem(f"{_INVALID_NAMES}: {', '.join(NAMES)}. Got: {', '.join(unknown)}.", "BAD_REQUEST")
    return [Quantity(name, level.quantity(name)) for name in args["names"]]


STOCK_FIELDS: dict[str, Resolver] = {
    "Location.inventoryLevels": _levels_at,
    "InventoryItem.inventoryLevel": _level_of,
    "InventoryLevel.id": lambda level, args, call: level_gid(level),
    "InventoryLevel.isActive": lambda level, args, call: True,
    "InventoryLevel.item": lambda level, args, call: inventory_item(level.variant),
    "InventoryLevel.location": lambda level, args, call: call.shop.location(level.location_id),
    "InventoryLevel.quantities": _quantities,
}


def set_quantities(args: dict[str, Any], call: Call) -> dict[str, Any]:
    given, shop = args["input"], call.shop
    if any("changeFromQuantity" not in one for one in given["quantities"]):
        raise Problem(_UNCOMPARED, "INVALID_FIELD_ARGUMENTS")
    wanted = [
        Wanted(
            number_of(one["inventoryItemId"], "InventoryItem") - 1,
            number_of(one["locationId"], "Location"),
            one["quantity"],
            one["changeFromQuantity"],
        )
        for one in given["quantities"]
    ]
    done = shop.stock.set_quantities(given["name"], given["reason"], wanted)
    shop.stock.tell([(one.variant_id, one.location_id) for one, _ in done])
    changes = [{"name": given["name"], "delta": delta, "quantity_after_change": None} for _, delta in done if delta]
    uri = given.get("referenceDocumentUri")
    group = Group(shop.ids.next(), shop.stamp(), given["reason"], uri, changes) if changes else None
    return {"inventoryAdjustmentGroup": group}
