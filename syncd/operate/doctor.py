"""Everything that must be right before orders can flow: one line each, ok or fault, and the cure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from functools import partial
from typing import Any

from mappings.carriers import is_trackable
from syncd.adapters import SystemClock, SystemRng
from syncd.budget import Urgency
from syncd.errors import AccessError, SyncError
from syncd.http import AiohttpHttp
from syncd.operate.checks import Check, Finding, fault, note, ok, trouble
from syncd.operate.desk import open_vendors, passing_database
from syncd.operate.keys import expiry_advice, expiry_text
from syncd.operate.native_stores import native_connections
from syncd.operate.outbound_checks import check_receivers
from syncd.operate.returns import return_scopes
from syncd.operate.rule_codes import misfits
from syncd.operate.stock_checks import check_stock
from syncd.operate.subscriptions import shipstation_addresses, shipstation_v2_addresses, shopify_address, v2_events
from syncd.settings.groups import KeyPair
from syncd.settings.stores import Store
from syncd.settings.whole import Settings
from syncd.shipstation import reads as shipstation_reads
from syncd.shipstation.v2_webhooks import v2_subscriptions
from syncd.shipstation.webhooks import EVENTS
from syncd.shopify import reads
from syncd.shopify.access import REQUIRED_SCOPES, missing_scopes, supported_until
from syncd.shopify.client import ShopifyClient
from syncd.shopify.webhooks import topics_of
from syncd.shopify.writes import topic_enum
from syncd.store.engine import Schema, check_schema
from syncd.store.file_systems import network_warning
from syncd.store.migrations import is_sqlite
from syncd.store.sqlite import file_of
from syncd.wiring import Vendors


async def run_checks(settings: Settings) -> Finding:
    """Each check runs whatever the others found, except that nothing can be asked without a usable database."""
    found = [
        ok("settings", f"{len(settings.stores)} stores"),
        *_database(settings),
        *_key_expiry(settings, SystemClock().now().date()),
    ]
    if any(one["check"] == "database" and one["result"] == "fault" for one in found):
        return found
    with _database_for_calls(settings.database.url) as url:
        try:
            async with open_vendors(settings, url) as vendors:
                found += await check_vendors(settings, vendors)
        except SyncError as error:
            found.append(fault("settings", error.text, "Correct the setting that is named."))
    return found + await _receivers(settings)


async def _receivers(settings: Settings) -> Finding:
    http = AiohttpHttp()
    try:
        return await check_receivers(settings.outbound, http, SystemClock(), SystemRng())
    finally:
        await http.close()


def _database_for_calls(url: str) -> AbstractContextManager[str]:
    return passing_database() if check_schema(url) is Schema.EMPTY else nullcontext(url)


async def check_vendors(settings: Settings, vendors: Vendors) -> Finding:
    """Both sides, each whatever the others say."""
    found = await _guarded("shipstation", partial(_key_pairs, settings, vendors))
    found += await _guarded("shipstation", partial(_shipstation, settings, vendors))
    if any(store.stock for store in settings.stores.values()):
        found += await _guarded("stock", partial(check_stock, settings, vendors))
    found += await _guarded("orders by V2", partial(_orders_api, settings, vendors))
    for name, store in settings.stores.items():
        found += await _guarded(f"store {name}", partial(_store, settings, name, store, vendors.shops[name]))
    return found


async def _guarded(name: str, check: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await check()
    except SyncError as error:
        return [trouble(name, error)]


def _database(settings: Settings) -> Finding:
    url = settings.database.url
    try:
        schema = check_schema(url)
    except Exception as error:
        return [
            fault(
                "database",
                f"cannot be opened ({type(error).__name__})",
                "Check database.url, and that the server or folder is there.",
            )
        ]
    if schema is Schema.AT_HEAD:
        warning = network_warning(file_of(url)) if is_sqlite(url) else ""
        return [ok("database", "schema at head"), *([note("database", warning)] if warning else [])]
    if schema is Schema.EMPTY and is_sqlite(url):
        return [note("database", "empty", "The daemon sets it up at its first start; `syncd migrate` does it now.")]
    if schema is Schema.EMPTY:
        return [fault("database", "empty", "Run `syncd migrate`.")]
    return [
        fault(
            "database",
            f"schema is {schema}",
            "Run `syncd migrate`; if it is newer than this program, start the newer program.",
        )
    ]


def _key_expiry(settings: Settings, today: date) -> Finding:
    return [_expiry(f"shipstation.{pair.name}", pair, today) for pair in settings.shipstation.key_pairs()]


def _expiry(name: str, pair: KeyPair, today: date) -> Check:
    days_left = (pair.expires_on - today).days if pair.expires_on else None
    advice = expiry_advice(name, days_left)
    if days_left is None:
        return note(name, "its expiry is not known", advice)
    if days_left < 0:
        return fault(name, expiry_text(days_left), advice)
    return note(name, expiry_text(days_left), advice) if advice else ok(name, expiry_text(days_left))


async def _orders_api(settings: Settings, vendors: Vendors) -> Finding:
    """Whether the plan lets orders go by V2, where they are to."""
    if settings.shipstation.orders_api == "v1":
        return []
    await vendors.orders.orders_changed_last(Urgency.CATALOG)
    return [ok("orders by V2", "let in")]


async def _key_pairs(settings: Settings, vendors: Vendors) -> Finding:
    """Each pair by itself: the one to rotate to is otherwise first tried when the other is dead. One of them is enough: without
    any the next check says so."""
    return [await _key_pair(pair, vendors) for pair in settings.shipstation.key_pairs()]


async def _key_pair(pair: KeyPair, vendors: Vendors) -> Check:
    name = f"shipstation.{pair.name} login"
    try:
        await vendors.shipstation.only_with(pair).get("/stores", urgency=Urgency.CATALOG)
    except AccessError as error:
        cure = "Take the pair out of the settings once `syncd keys` says that it may be deleted, or correct it."
        return note(name, f"{error.code}: {error.text}", cure)
    return ok(name, "let in")


async def _shipstation(settings: Settings, vendors: Vendors) -> Finding:
    stores = {one.store_id: one for one in await shipstation_reads.stores(vendors.shipstation)}
    found = [ok("shipstation login", f"{len(stores)} stores in the account")]
    for name, store in settings.stores.items():
        found.append(_shipstation_store(name, store, stores))
        found += _native(name, store, stores)
    warehouses = {one.warehouse_id for one in await shipstation_reads.warehouses(vendors.shipstation)}
    wanted = {warehouse for store in settings.stores.values() for warehouse in store.locations.values()}
    known = ", ".join(map(str, sorted(warehouses)))
    found += [
        fault("shipstation warehouse", f"{one} does not exist", f"Use one of {known} in the locations table.")
        for one in sorted(wanted - warehouses)
    ]
    if wanted and wanted <= warehouses:
        found.append(ok("shipstation warehouses", ", ".join(map(str, sorted(wanted)))))
    found += await _rules(settings, vendors)
    found.append(carriers_check(await shipstation_reads.carriers(vendors.shipstation), settings))
    return found + await _shipstation_webhooks(settings, vendors)


def carriers_check(codes: Sequence[str], settings: Settings) -> Check:
    """Whether a customer gets a link for the packages of every carrier of the account."""
    own = {code.lower() for code in settings.carriers}
    unknown = sorted({code for code in codes if code.lower() not in own and not is_trackable(code)})
    if not unknown:
        return ok("shipstation carriers", f"{len(set(codes))} with a tracking link")
    return note(
        "shipstation carriers",
        f"no tracking link for: {', '.join(unknown)}",
        f"Name the company, and the address of its tracking page with {{number}} in it, under [carriers.{unknown[0]}].",
    )


def _native(name: str, store: Store, stores: Mapping[int, shipstation_reads.Store]) -> Finding:
    same, silent = native_connections(store.shop, stores.values())
    check = f"store {name} imported once"
    off = "Deactivate it in ShipStation (Settings > Selling Channels > Store Setup) before syncd runs: two importers make every order twice."
    certain = [
        fault(check, f"ShipStation imports {store.shop} itself: store {one.store_id} {one.name}", off) for one in same
    ]
    return certain + [
        note(
            check,
            f"ShipStation's own Shopify store {one.store_id} {one.name} does not say which shop it imports",
            f"If it is {store.shop}: {off}",
        )
        for one in silent
    ]


async def _rules(settings: Settings, vendors: Vendors) -> Finding:
    """ShipStation takes a code that it does not know without a word, and the order then has none."""
    rules = settings.rules.rules
    if not rules:
        return []
    wrong = await misfits(settings.rules, vendors.shipstation)
    found = [fault(f"rule {one.rule}", one.text, one.cure) for one in wrong]
    return found or [ok("rules", f"{len(rules)}, and every code of theirs is known")]


def _shipstation_store(name: str, store: Store, stores: Mapping[int, shipstation_reads.Store]) -> Check:
    check = f"store {name} in ShipStation"
    wanted = store.shipstation_store_id
    if wanted is None:
        return note(
            check, "no store id: orders go to the first manual store", f"Set stores.{name}.shipstation_store_id."
        )
    there = stores.get(wanted)
    if there is None:
        manual = ", ".join(str(one.store_id) for one in stores.values() if one.is_manual)
        return fault(check, f"{wanted} does not exist", f"Use one of the manual stores: {manual}.")
    if not there.is_active:
        return fault(check, f"{wanted} is not active", "Activate it in ShipStation, or use another.")
    if not there.is_manual:
        return fault(
            check,
            f"{wanted} is connected to {there.marketplace}",
            "Use a manual store: a connected one imports the same orders by itself.",
        )
    return ok(check, f"{wanted} {there.name}")


async def _shipstation_webhooks(settings: Settings, vendors: Vendors) -> Finding:
    if not settings.server.public_url or not settings.shipstation.webhook_secret.get_secret_value():
        return [
            note(
                "shipstation webhooks",
                "off: packages are found by polling",
                "Set server.public_url and shipstation.webhook_secret.",
            )
        ]
    address = shipstation_addresses(settings)[0]
    there = {one.event for one in await shipstation_reads.subscriptions(vendors.shipstation) if one.url == address}
    found = [_webhooks("shipstation webhooks", [event for event in EVENTS if event not in there], len(EVENTS))]
    wanted, client = v2_events(settings), vendors.shipstation_v2
    if wanted and client:
        address = shipstation_v2_addresses(settings)[0]
        there = {one.event for one in await v2_subscriptions(client) if one.url == address}
        missing = [event for event in wanted if event not in there]
        found.append(_webhooks("shipstation V2 webhooks", missing, len(wanted)))
    return found


def _currency(settings: Settings, name: str, store: Store, currency_code: str) -> Finding:
    """V1 knows no currency."""
    if settings.shipstation.orders_api == "v1" or store.currency == currency_code.lower():
        return []
    text = f"amounts go to ShipStation as {store.currency}, and the shop counts in {currency_code.lower()}"
    return [fault(f"store {name} currency", text, f'Set stores.{name}.currency to "{currency_code.lower()}".')]


def _webhooks(name: str, missing: Sequence[str], wanted: int) -> Check:
    if missing:
        return note(
            name,
            f"{len(missing)} of {wanted} are not subscribed yet: {', '.join(missing)}",
            "The daemon subscribes them when it starts, and every five minutes.",
        )
    return ok(name, f"{wanted} subscribed")


async def _store(settings: Settings, name: str, store: Store, client: ShopifyClient) -> Finding:
    access = await reads.shop_access(client)
    found = [ok(f"store {name} login", f"{access.name}, plan {access.plan}, {access.currency_code}")]
    found += _currency(settings, name, store, access.currency_code)
    found += _scopes(settings, name, access.scopes)
    found += [_version(name, store), *await _locations(name, store, client)]
    found += _catalog(name, store)
    if not settings.server.public_url:
        return [*found, note(f"store {name} webhooks", "off: orders are found by polling", "Set server.public_url.")]
    there = {one.topic for one in await reads.subscriptions(client) if one.uri == shopify_address(settings, name)}
    topics = topics_of(store)
    missing_topics = [topic for topic in topics if topic_enum(topic) not in there]
    return [*found, _webhooks(f"store {name} webhooks", missing_topics, len(topics))]


def _catalog(name: str, store: Store) -> Finding:
    """Who does not want it need not hear of it."""
    told = {
        "report": note(
            f"store {name} catalogue",
            "compared and never written",
            'Set catalog = "push" once `syncd catalog check` looks right.',
        ),
        "push": ok(f"store {name} catalogue", "ShipStation's products follow its articles"),
    }
    return [told[store.catalog]] if store.catalog in told else []


def _scopes(settings: Settings, name: str, granted: Sequence[str]) -> Finding:
    wanted = dict(REQUIRED_SCOPES)
    if "customer_tag" in settings.rules.conditions:
        wanted["read_customers"] = "read the customer's tags that rules ask for"
    if any(shelf.owner == "shipstation" for shelf in settings.stores[name].stock.values()):
        wanted["write_inventory"] = "read and set stock"
    elif settings.stores[name].stock:
        wanted["read_inventory"] = "read stock"
    if settings.stores[name].catalog == "push":
        wanted.setdefault("read_inventory", "be told of changed articles by webhook")
    wanted |= return_scopes(settings.stores[name].returns)
    if settings.sync.delivery_news == "tell":
        wanted["write_fulfillments"] = "tell Shopify where packages are"
    cure = "Release a version of the app with it in the Dev Dashboard and approve it in the shop."
    missing = missing_scopes(granted, wanted)
    return [
        fault(f"store {name} scope {scope}", f"missing; without it the app may not {wanted[scope]}", cure)
        for scope in missing
    ] or [ok(f"store {name} scopes", "all granted")]


def _version(name: str, store: Store) -> Check:
    last: date = supported_until(store.api_version)
    days = (last - SystemClock().now().date()).days
    if days < 0:
        return fault(
            f"store {name} API version",
            f"{store.api_version} ended on {last}",
            "Update syncd, or set a newer api_version.",
        )
    return ok(f"store {name} API version", f"{store.api_version}, until {last}")


async def _locations(name: str, store: Store, client: ShopifyClient) -> Finding:
    there = {one.location_id: one for one in await reads.locations(client) if one.is_active}
    if not store.locations:
        return [
            note(
                f"store {name} locations",
                "all ship from ShipStation's default warehouse",
                f"Set [stores.{name}.locations] to say which is which.",
            )
        ]
    unknown = sorted(set(store.locations) - set(there))
    unmapped = [f"{one.location_id} ({one.name})" for one in there.values() if one.location_id not in store.locations]
    found = [
        fault(
            f"store {name} location",
            f"{one} is not an active location of the shop",
            f"Use one of {', '.join(map(str, sorted(there)))}.",
        )
        for one in unknown
    ]
    if unmapped:
        found.append(
            note(
                f"store {name} locations",
                f"not mapped: {', '.join(unmapped)}",
                "Orders from these are parked with location_not_mapped.",
            )
        )
    return found or [ok(f"store {name} locations", f"{len(store.locations)} mapped")]


def checks_text(checks: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"{one['result']:6}{one['check']}: {one['text']}" + (f"\n      -> {one['cure']}" if one["cure"] else "")
        for one in checks
    )
