"""From settings to clients, profiles and flows: how the parts are put together, for the daemon and for the commands beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from anyascii import anyascii

from mappings.catalog import CatalogMode
from mappings.plans import FraudGate, Profile
from mappings.returns import ReturnPolicy
from mappings.stock import Shelf
from syncd.accounts import Accounts
from syncd.budget import CostBudget, WindowBudget
from syncd.errors import SettingsError
from syncd.flows.catalog import CatalogBounds, CatalogWriter
from syncd.flows.catalog_look import CatalogLook
from syncd.flows.deliveries import DeliveriesFlow, Manner
from syncd.flows.doubts import Doubts
from syncd.flows.orders import OrdersFlow
from syncd.flows.rates import Rates
from syncd.flows.returns import ReturnsFlow
from syncd.flows.shipments import ShipmentsFlow
from syncd.flows.stock import StockBounds, StockFlow
from syncd.intake.shifts import Shift
from syncd.intake.sweeps import Sweep, SweepBounds, sweeps
from syncd.ports import Clock, Db, Http, Rng
from syncd.settings.groups import Limits, ShipStation
from syncd.settings.stores import Store
from syncd.settings.whole import Settings
from syncd.shipstation.client import ACCOUNT, ShipStationClient
from syncd.shipstation.keys import KeyRing
from syncd.shipstation.orders_api import OrdersApi
from syncd.shipstation.rates import RateSource, V1Rates, V2Rates
from syncd.shipstation.v1_orders import V1Orders
from syncd.shipstation.v2_client import ACCOUNT as V2_ACCOUNT
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_names import KnownNames
from syncd.shipstation.v2_orders import V2Orders
from syncd.shipstation.wire import Wire
from syncd.shopify.access import endpoint
from syncd.shopify.client import ShopifyClient
from syncd.shopify.tokens import ClientCredentials, StaticToken, TokenSource
from syncd.store.cursors import advance, cursor

FIRST_START = "first_start"


@dataclass(frozen=True)
class Vendors:
    """One client for each shop, by store name, and one for the ShipStation account."""

    shops: Mapping[str, ShopifyClient]
    shipstation: ShipStationClient
    orders: OrdersApi
    """By way of the API that the settings choose."""
    shipstation_v2: ShipStationV2Client | None
    """None without a key of its own."""


@dataclass(frozen=True)
class Flows:
    orders: OrdersFlow
    shipments: ShipmentsFlow
    returns: ReturnsFlow
    accounts: Accounts


def connect(settings: Settings, http: Http, db: Db, clock: Clock, rng: Rng) -> Vendors:
    """Opens nothing yet. Raises `SettingsError` for a shop or an API version that cannot be."""
    limits, account = settings.limits, settings.shipstation
    window = WindowBudget(db, clock, ACCOUNT, account.requests_per_window, account.window_s, limits.longest_call_s)
    keys = KeyRing(db, clock, account.key_pairs())
    timeouts = (limits.read_timeout_s, limits.write_timeout_s)
    shipstation = ShipStationClient(Wire(http, clock, rng, window, account.v1_url, *timeouts), keys)
    shops = {name: _shop_client(name, store, limits, http, clock, rng) for name, store in settings.stores.items()}
    v2 = _v2_client(account, limits, http, db, clock, rng)
    orders: OrdersApi = V1Orders(shipstation, window)
    if v2 and account.orders_api == "v2":
        currencies = {name: store.currency for name, store in settings.stores.items()}
        orders = V2Orders(v2, KnownNames(v2, shipstation, clock, currencies), clock)
    return Vendors(shops, shipstation, orders, v2)


def _v2_client(
    account: ShipStation, limits: Limits, http: Http, db: Db, clock: Clock, rng: Rng
) -> ShipStationV2Client | None:
    key = account.v2_api_key.get_secret_value()
    if not key:
        return None
    budget = WindowBudget(
        db, clock, V2_ACCOUNT, account.v2_requests_per_window, account.window_s, limits.longest_call_s
    )
    timeouts = (limits.read_timeout_s, limits.write_timeout_s)
    return ShipStationV2Client(Wire(http, clock, rng, budget, account.v2_url, *timeouts), key)


def _shop_client(name: str, store: Store, limits: Limits, http: Http, clock: Clock, rng: Rng) -> ShopifyClient:
    try:
        place = endpoint(store.shop, store.api_version, store.url)
    except ValueError as error:
        raise SettingsError([f"stores.{name}: {error}."]) from error
    tokens: TokenSource = StaticToken(name, store.access_token.get_secret_value())
    if not store.access_token.get_secret_value():
        secret = store.client_secret.get_secret_value()
        tokens = ClientCredentials(http, clock, name, place.token_url, store.client_id, secret)
    return ShopifyClient(
        http, clock, rng, CostBudget(clock), tokens, place, name, limits.read_timeout_s, limits.write_timeout_s
    )


def profiles(settings: Settings, start_at: datetime) -> dict[str, Profile]:
    return {
        name: Profile(
            store=name,
            shipstation_store_id=store.shipstation_store_id,
            order_prefix=store.order_prefix,
            warehouses=store.locations,
            start_at=start_at,
            grace_s=settings.sync.grace_s,
            ship_authorized=store.ship_authorized,
            ship_pending=store.ship_pending,
            ship_partly_paid=store.ship_partly_paid,
            ship_test_orders=store.ship_test_orders,
            ship_zero_value=store.ship_zero_value,
            oldest_days=store.oldest_days,
            fraud=FraudGate(store.fraud.hold_on, store.fraud.wait_s),
            on_hold=store.on_hold,
            on_cancel=store.on_cancel,
            void_on_cancel=store.void_on_cancel,
            missing_weight="hold" if store.missing_weight == "hold" else "send",
            default_grams=store.missing_weight if isinstance(store.missing_weight, Decimal) else None,
            non_roman="hold" if store.non_roman == "hold" else "send",
            to_latin=anyascii if store.non_roman == "transliterate" else None,
            incomplete_customs=store.incomplete_customs,
            rules=settings.rules,
            returns=ReturnPolicy(**store.returns.model_dump()),
            notify_customer=settings.sync.notify_customer,
            notify_on_relabel=settings.sync.notify_on_relabel,
            void_grace_s=settings.sync.void_grace_s,
            carriers=own_carriers(settings),
        )
        for name, store in settings.stores.items()
    }


def all_sweeps(
    settings: Settings, vendors: Vendors, shift_of: Callable[[str], Shift], clock: Clock, start_at: datetime
) -> list[Sweep]:
    return sweeps(vendors.shops, vendors.orders, order_prefixes(settings), shift_of, clock, start_at)


def order_prefixes(settings: Settings) -> dict[str, str]:
    return {name: store.order_prefix for name, store in settings.stores.items()}


def sweep_bounds(settings: Settings) -> SweepBounds:
    return SweepBounds(settings.sync.sweep_s, timedelta(days=settings.sync.sweep_days))


def shelves(settings: Settings) -> list[Shelf]:
    """All that is to be compared, of all stores."""
    return [
        Shelf(
            name,
            location_id,
            one.place,
            one.owner,
            one.quantity,
            one.buffer,
            one.buffers,
            one.floor,
            one.floors,
        )
        for name, store in settings.stores.items()
        for location_id, one in store.stock.items()
    ]


def stock_flow(
    settings: Settings, vendors: Vendors, accounts: Accounts, db: Db, clock: Clock, rng: Rng
) -> StockFlow | None:
    """None where no store names a shelf. `db` is that of the shift in which it writes."""
    found = shelves(settings)
    if not found or vendors.shipstation_v2 is None:
        return None
    limits = settings.limits
    bounds = StockBounds(2 * limits.write_timeout_s, limits.brake_share, limits.brake_least)
    return StockFlow(found, vendors.shops, vendors.shipstation_v2, accounts, db, clock, rng, bounds)


def catalog_modes(settings: Settings) -> dict[str, CatalogMode]:
    """Of the stores whose articles are compared with ShipStation's products."""
    return {name: store.catalog for name, store in settings.stores.items() if store.catalog != "off"}


def catalog_look(settings: Settings, vendors: Vendors, accounts: Accounts, db: Db, clock: Clock) -> CatalogLook | None:
    """None where no store wants one. `db` is that of the shift in which it writes."""
    modes = catalog_modes(settings)
    return CatalogLook(modes, vendors.shops, vendors.shipstation, accounts, db, clock) if modes else None


def catalog_writer(
    settings: Settings, vendors: Vendors, accounts: Accounts, db: Db, clock: Clock, rng: Rng
) -> CatalogWriter | None:
    """None where no store wants its catalogue looked at."""
    modes, limits = catalog_modes(settings), settings.limits
    bounds = CatalogBounds(
        limits.lease_s,
        settings.sync.settle_s,
        limits.idle_s,
        limits.longest_wait_s,
        2 * limits.write_timeout_s,
    )
    return CatalogWriter(modes, vendors.shops, vendors.shipstation, accounts, db, clock, rng, bounds) if modes else None


def deliveries_flow(
    settings: Settings, vendors: Vendors, accounts: Accounts, db: Db, clock: Clock, rng: Rng
) -> DeliveriesFlow:
    """`db` is that of the shift in which it tells."""
    settles_s = 2 * settings.limits.write_timeout_s
    sync = settings.sync
    manner = Manner(sync.delivery_news == "tell", sync.notify_customer == "scan", sync.notify_on_relabel)
    return DeliveriesFlow(vendors.shops, own_carriers(settings), manner, accounts, db, clock, rng, settles_s)


def own_carriers(settings: Settings) -> dict[str, tuple[str, str]]:
    """The merchant's words: carrier code in small letters -> company and address."""
    return {code.lower(): (one.company, one.url) for code, one in settings.carriers.items()}


async def start_of_sync(settings: Settings, db: Db, clock: Clock) -> datetime:
    """The configured start, or else the first start of the daemon on this database; before that it would be now."""
    known = settings.sync.start_at or await known_start(db)
    return known or clock.now()


async def known_start(db: Db) -> datetime | None:
    known = await db.run(cursor(FIRST_START))
    return known.watermark if known else None


async def remember_start(db: Db, start_at: datetime, now: datetime) -> None:
    await db.run(advance(FIRST_START, start_at, None, now))


def rate_sources(vendors: Vendors) -> list[RateSource]:
    """The better one first: V2 asks all carriers at once, in a window of its own, and tells days."""
    v1, v2 = vendors.shipstation, vendors.shipstation_v2
    return [*([V2Rates(v2)] if v2 else []), V1Rates(v1)]


def build_flows(settings: Settings, vendors: Vendors, db: Db, clock: Clock, start_at: datetime) -> Flows:
    accounts = Accounts(db, clock)
    known = profiles(settings, start_at)
    # A write whose answer was lost may be carried out for as long again as we were willing to wait for it.
    settles_s = 2 * settings.limits.write_timeout_s
    rates = Rates(rate_sources(vendors), clock)
    return Flows(
        OrdersFlow(known, vendors.shops, vendors.orders, accounts, rates, clock),
        ShipmentsFlow(known, vendors.shops, accounts, settles_s, Doubts(clock)),
        ReturnsFlow(known, vendors.shops, vendors.shipstation_v2, accounts, settles_s, Doubts(clock)),
        accounts,
    )
