"""How one sandbox shop is set up. Facts that Shopify does not document are options, so that both answers can be tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

Range = tuple[float, float]

BUCKETS = {"standard": (2000, 100), "advanced": (4000, 200), "plus": (20000, 1000)}
"""Plan -> points in the bucket, points restored per second."""

ALL_SCOPES = (
    "write_orders",
    "read_all_orders",
    "write_order_edits",
    "write_customers",
    "write_merchant_managed_fulfillment_orders",
    "write_third_party_fulfillment_orders",
    "write_fulfillments",
    "write_returns",
    "write_inventory",
    "write_products",
    "read_locations",
)


@dataclass(frozen=True)
class LocationOptions:
    location_id: int
    name: str
    country_code: str = "US"
    is_fulfillment_service: bool = False


@dataclass(frozen=True)
class WebhookOptions:
    """`doubled` and `lost` are shares between 0 and 1. `removal`: whether a subscription goes when one delivery used up its
    retries, or after eight failed attempts in a row of whatever deliveries (the documentation can be read both ways)."""

    enabled: bool = True
    delay_s: Range = (0.2, 2.0)
    doubled: float = 0.0
    lost: float = 0.0
    shuffled: bool = False
    coalesced: bool = True
    removal: Literal["exhausted", "failures"] = "exhausted"
    old_secret_signs_s: float = 3600.0


@dataclass(frozen=True)
class ShopOptions:
    """One shop and the app that is installed in it. An empty `static_token` means that only granted tokens are known."""

    domain: str = "main-shop.myshopify.com"
    name: str = "Main Shop"
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 - opens nothing but the sandbox
    static_token: str = "shpat_sandbox"  # noqa: S105
    scopes: tuple[str, ...] = ALL_SCOPES
    plan: Literal["standard", "advanced", "plus"] = "standard"
    locations: tuple[LocationOptions, ...] = (
        LocationOptions(82734627, "Main Warehouse"),
        LocationOptions(82734628, "Second Warehouse"),
    )
    currency: str = "USD"
    timezone: str = "America/New_York"
    order_prefix: str = "#"
    routing_delay_s: Range = (1.0, 20.0)
    risk_delay_s: Range = (2.0, 40.0)
    index_lag_s: float = 0.0
    index_shuffled: bool = False
    """Every change takes its own share of the lag: a later one may be found first."""
    nodes_cost: Literal["list", "each"] = "list"
    webhooks: WebhookOptions = field(default_factory=WebhookOptions)
    routing_complete_webhook: bool = True
    hold_touches_order: bool = False
    auto_archive: bool = True
    level_2_data: bool = True
    """False: names, addresses, mails and phones come as null with an error beside the data."""
    access: Literal["ok", "revoked", "frozen", "forbidden", "locked", "blocked"] = "ok"
    organization_matches: bool = True
    """False: the token endpoint answers `shop_not_permitted`."""
    oldest_version: str = "2026-01"
    """Requests for older versions are answered by this one."""


def changed(options: ShopOptions, changes: Mapping[str, Any]) -> ShopOptions:
    """The options with JSON values put in. Raises ValueError with a sentence for unknown names."""
    known = {entry.name for entry in fields(ShopOptions)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise ValueError(f"There is no shop option named {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    return replace(options, **{name: _typed(options, name, value) for name, value in changes.items()})


def _typed(options: ShopOptions, name: str, value: Any) -> Any:
    if name == "webhooks" and isinstance(value, Mapping):
        known = {entry.name for entry in fields(WebhookOptions)}
        if not set(value) <= known:
            raise ValueError(f"Webhook options are {', '.join(sorted(known))}.")
        return replace(options.webhooks, **{key: _frozen(entry) for key, entry in value.items()})
    if name == "locations":
        return tuple(entry if isinstance(entry, LocationOptions) else LocationOptions(**entry) for entry in value)
    return _frozen(value)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
