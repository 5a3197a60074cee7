"""The sandbox as a command: both worlds on one port, in real time, with settings for a daemon that shall meet them."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syncd.sandbox.server import Running, serve
from syncd.sandbox.shipstation import ShipStationOptions, ShipStationWorld
from syncd.sandbox.shopify import ShopifyWorld, ShopOptions
from syncd.sandbox.shopify.options import LocationOptions
from syncd.toml_text import toml_text

SHOPS = (
    ShopOptions(
        domain="main-shop.myshopify.com",
        name="Main Shop",
        client_secret="sandbox-secret-main",  # noqa: S106 - opens nothing but the sandbox
        routing_delay_s=(0.1, 2.0),
        risk_delay_s=(0.2, 3.0),
    ),
    ShopOptions(
        domain="outlet-shop.myshopify.com",
        name="Outlet",
        client_secret="sandbox-secret-outlet",  # noqa: S106
        locations=(LocationOptions(93845738, "Outlet Store"), LocationOptions(93845739, "Garage")),
        routing_delay_s=(0.1, 2.0),
        risk_delay_s=(0.2, 3.0),
    ),
)
STORES = {"main": (SHOPS[0], 1001), "outlet": (SHOPS[1], 1002)}
WAREHOUSES = (501, 502)
WEBHOOK_SECRET = "sandbox-0123456789abcdef"  # noqa: S105


@dataclass(frozen=True)
class Wishes:
    host: str
    port: int
    bodies: tuple[Path, ...]
    sell: int
    seed: int
    write_config: Path | None
    public_url: str
    time_scale: float


def run_sandbox(wishes: Wishes) -> None:
    """Serves until SIGTERM or Ctrl-C."""
    asyncio.run(_serve(wishes))


async def _serve(wishes: Wishes) -> None:
    shopify = ShopifyWorld(_now, wishes.seed, SHOPS)
    shipstation = ShipStationWorld(
        _now, wishes.seed, ShipStationOptions(window_s=60.0 / wishes.time_scale, notify_delay_s=(0.5, 5.0))
    )
    running = await serve({"/shopify": shopify, "/shipstation": shipstation}, wishes.host, wishes.port)
    if wishes.write_config:
        wishes.write_config.write_text(settings_for(running.address, wishes), encoding="utf-8")
    _fill(shopify, wishes)
    _announce(running, wishes)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
    await running.stop()


def _now() -> datetime:
    return datetime.now(UTC)


def _fill(shopify: ShopifyWorld, wishes: Wishes) -> None:
    shop = SHOPS[0].domain
    for path in wishes.bodies:
        body: Any = json.loads(path.read_text(encoding="utf-8"))
        shopify.control("import_order", {"shop": shop, "body": body})
    if wishes.sell:
        shopify.control("sell", {"shop": shop, "count": wishes.sell, "seed": wishes.seed})


def _announce(running: Running, wishes: Wishes) -> None:
    print(f"sandbox ready at {running.address}", flush=True)
    for name, (shop, _) in STORES.items():
        print(f"  store {name}: {running.address}/shopify/{shop.domain}", flush=True)
    print(f"  ShipStation V1: {running.address}/shipstation", flush=True)
    if wishes.write_config:
        print(f"  settings: {wishes.write_config}   (syncd --config {wishes.write_config} run)", flush=True)


def settings_for(address: str, wishes: Wishes) -> str:
    """TOML with which the daemon meets this sandbox. Its database lies beside the file."""
    folder = (wishes.write_config or Path()).resolve().parent
    return toml_text(
        {
            "database": {"url": f"sqlite:///{folder / 'syncd.db'}"},
            "server": {"public_url": wishes.public_url},
            "sync": {"start_at": "2000-01-01T00:00:00Z"},
            "shipstation": {
                "api_key": "sandbox-key",
                "api_secret": "sandbox-secret",
                "v1_url": f"{address}/shipstation",
                "v2_api_key": "sandbox-v2-key",
                "v2_url": f"{address}/shipstation",
                "jwks_url": f"{address}/shipstation/jwks",
                "webhook_secret": WEBHOOK_SECRET,
                "window_s": 60.0 / wishes.time_scale,
            },
            "stores": {name: _store_settings(address, *store) for name, store in STORES.items()},
        }
    )


def _store_settings(address: str, shop: ShopOptions, store_id: int) -> dict[str, Any]:
    places = zip(shop.locations, WAREHOUSES, strict=True)
    return {
        "shop": shop.domain,
        "url": f"{address}/shopify/{shop.domain}",
        "client_id": shop.client_id,
        "client_secret": shop.client_secret,
        "shipstation_store_id": store_id,
        "locations": {str(location.location_id): warehouse for location, warehouse in places},
    }
