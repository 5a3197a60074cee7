"""How one ShipStation account of the sandbox behaves where the vendor's word is missing, and what it consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LockedOrderStyle = Literal["row_failure", "status_400", "silent_200"]
Access = Literal["ok", "expired", "plan", "forbidden", "locked", "blocked"]
V2Access = Literal["ok", "expired", "plan", "inventory_only", "no_inventory"]


@dataclass(frozen=True)
class Store:
    """`marketplace_id` 0 is a manual store: the only kind that orders of an API belong in."""

    store_id: int
    name: str
    marketplace_id: int = 0
    marketplace_name: str = "ShipStation"
    active: bool = True
    account_name: str | None = None
    integration_url: str | None = None


@dataclass(frozen=True)
class Warehouse:
    warehouse_id: int
    name: str
    is_default: bool = False


@dataclass(frozen=True)
class InventoryLocation:
    """A shelf of the Inventory add-on. `ships_from` is the warehouse whose orders take goods from it, if any."""

    location_id: int
    name: str
    inventory_warehouse_id: int
    inventory_warehouse_name: str
    ships_from: int | None = None


@dataclass(frozen=True)
class ShipStationOptions:
    """Every field that names a style stands for a fact that no primary source settles."""

    keys: tuple[tuple[str, str], ...] = (("sandbox-key", "sandbox-secret"),)
    access: Access = "ok"
    requests_per_window: int = 40
    window_s: float = 60.0
    window_style: Literal["first_request", "aligned"] = "first_request"
    reset_rounded: Literal["up", "down"] = "up"

    locked_order_style: LockedOrderStyle = "row_failure"
    gone_key_style: Literal["creates", "refused"] = "creates"  # an upsert by the key of a deleted or merged order
    gone_id_style: Literal["refused", "ignored"] = "refused"  # the same where the upsert names its id too
    item_match: Literal["replace", "line_item_key"] = "replace"  # whether an update keeps orderItemIds
    pages_style: Literal["computed", "zero"] = "computed"
    offset_style: Literal["ignored", "honoured"] = "ignored"  # of dates that arrive with a zone
    status_after_void: Literal["awaiting_shipment", "shipped"] = "awaiting_shipment"
    split_number_style: Literal["suffix", "same"] = "suffix"
    split_key_style: Literal["own", "shared"] = "own"  # "shared": an upsert by key then hits the parent
    parts_style: Literal["labels", "split"] = "labels"  # goods in several parcels: labels of one order, or split first
    notify_mark_as_shipped: bool = False
    product_sku_style: Literal["renames", "refused", "ignored"] = "renames"  # what a PUT with another SKU does

    stale_read_s: float = 0.0  # reads show the account as it was this long ago
    webhook_host: str = "ssapi.shipstation.com"
    notify_delay_s: tuple[float, float] = (2.0, 30.0)
    webhooks: bool = True
    webhook_drop: float = 0.0  # probability
    webhook_double: float = 0.0  # probability
    webhook_shuffle: bool = False  # later ones may overtake earlier ones
    webhook_attempts: int = 1
    webhook_retry_s: float = 60.0

    stores: tuple[Store, ...] = (Store(1001, "Sandbox Store 1"), Store(1002, "Sandbox Store 2"))
    warehouses: tuple[Warehouse, ...] = (Warehouse(501, "Main", is_default=True), Warehouse(502, "Second"))
    tags: tuple[tuple[int, str, str], ...] = ((8362, "VIP", "#FFFFFF"), (8363, "Rush", "#FF0000"))

    no_rates_from: tuple[str, ...] = ()  # codes of carriers that refuse every parcel
    surcharge_cents: tuple[tuple[str, int], ...] = ()  # service code, and how much dearer it became

    v2_keys: tuple[str, ...] = ("sandbox-v2-key",)
    v2_access: V2Access = "ok"
    v2_requests_per_window: int = 200
    v2_twin_style: Literal["row_error", "status_400"] = "row_error"  # the same external_shipment_id once more
    v2_number_style: Literal["free", "unique"] = "free"  # whether shipment_number may come twice
    v2_release_style: Literal["null", "ignored"] = "null"  # whether a PUT without hold_until_date ends a hold
    v2_gate_style: Literal[402, 403, 405] = 403
    v2_empty_put_style: Literal["411", "accepted"] = "411"
    inventory_locations: tuple[InventoryLocation, ...] = (
        InventoryLocation(701, "Shelf A", 601, "Main stock", ships_from=501),
        InventoryLocation(702, "Shelf B", 602, "Second stock", ships_from=502),
    )
