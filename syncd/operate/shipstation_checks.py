"""What ShipStation shows of its account: logins, stores, warehouses, carriers, webhooks, and the codes that rules name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from mappings.carriers import is_trackable
from syncd.budget import Urgency
from syncd.errors import AccessError
from syncd.operate.checks import Check, Finding, fault, note, ok, webhooks
from syncd.operate.keys import expiry_advice, expiry_text
from syncd.operate.native_stores import native_connections
from syncd.operate.rule_codes import misfits
from syncd.operate.subscriptions import shipstation_addresses, shipstation_v2_addresses, v2_events
from syncd.settings.groups import KeyPair
from syncd.settings.stores import Store
from syncd.settings.whole import Settings
from syncd.shipstation import reads as shipstation_reads
from syncd.shipstation.v2_webhooks import v2_subscriptions
from syncd.shipstation.webhooks import EVENTS
from syncd.wiring import Vendors


def check_expiry(settings: Settings, today: date) -> Finding:
    return [_expiry(f"shipstation.{pair.name}", pair, today) for pair in settings.shipstation.key_pairs()]


def _expiry(name: str, pair: KeyPair, today: date) -> Check:
    days_left = (pair.expires_on - today).days if pair.expires_on else None
    advice = expiry_advice(name, days_left)
    if days_left is None:
        return note(name, "its expiry is not known", advice)
    if days_left < 0:
        return fault(name, expiry_text(days_left), advice)
    return note(name, expiry_text(days_left), advice) if advice else ok(name, expiry_text(days_left))


async def check_key_pairs(settings: Settings, vendors: Vendors) -> Finding:
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


async def check_orders_api(settings: Settings, vendors: Vendors) -> Finding:
    """Whether the plan lets orders go by V2, where they are to."""
    if settings.shipstation.orders_api == "v1":
        return []
    await vendors.orders.orders_changed_last(Urgency.CATALOG)
    return [ok("orders by V2", "let in")]


async def check_shipstation(settings: Settings, vendors: Vendors) -> Finding:
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
    found = [webhooks("shipstation webhooks", [event for event in EVENTS if event not in there], len(EVENTS))]
    wanted, client = v2_events(settings), vendors.shipstation_v2
    if wanted and client:
        address = shipstation_v2_addresses(settings)[0]
        there = {one.event for one in await v2_subscriptions(client) if one.url == address}
        missing = [event for event in wanted if event not in there]
        found.append(webhooks("shipstation V2 webhooks", missing, len(wanted)))
    return found
