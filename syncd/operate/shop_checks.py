"""What one shop shows: login, currency, scopes, clock, API version, locations, webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from syncd.adapters import SystemClock
from syncd.operate.checks import Check, Finding, fault, note, ok, webhooks
from syncd.operate.first_start import WORTH_A_WORD
from syncd.operate.returns import return_scopes
from syncd.operate.subscriptions import shopify_address
from syncd.settings.stores import Store
from syncd.settings.whole import Settings
from syncd.shopify import reads
from syncd.shopify.access import REQUIRED_SCOPES, missing_scopes, supported_until
from syncd.shopify.client import ShopifyClient
from syncd.shopify.webhooks import topics_of
from syncd.shopify.writes import topic_enum


async def check_store(settings: Settings, name: str, store: Store, client: ShopifyClient) -> Finding:
    access = await reads.shop_access(client)
    found = [ok(f"store {name} login", f"{access.name}, plan {access.plan}, {access.currency_code}")]
    found += _currency(settings, name, store, access.currency_code)
    found += _scopes(settings, name, access.scopes)
    found += [await _clock(name, client), _version(name, store), *await _locations(name, store, client)]
    found += _catalog(name, store)
    if not settings.server.public_url:
        return [*found, note(f"store {name} webhooks", "off: orders are found by polling", "Set server.public_url.")]
    there = {one.topic for one in await reads.subscriptions(client) if one.uri == shopify_address(settings, name)}
    topics = topics_of(store)
    missing_topics = [topic for topic in topics if topic_enum(topic) not in there]
    return [*found, webhooks(f"store {name} webhooks", missing_topics, len(topics))]


def _currency(settings: Settings, name: str, store: Store, currency_code: str) -> Finding:
    """V1 knows no currency."""
    if settings.shipstation.orders_api == "v1" or store.currency == currency_code.lower():
        return []
    text = f"amounts go to ShipStation as {store.currency}, and the shop counts in {currency_code.lower()}"
    return [fault(f"store {name} currency", text, f'Set stores.{name}.currency to "{currency_code.lower()}".')]


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


async def _clock(name: str, client: ShopifyClient) -> Check:
    ahead = await client.clock_ahead()
    if ahead is None:
        return note(f"store {name} clock", "the shop does not tell the time")
    apart = f"{abs(ahead).total_seconds():.0f} s"
    if abs(ahead) <= WORTH_A_WORD:
        return ok(f"store {name} clock", f"{apart} from this machine's")
    way = "ahead of" if ahead > timedelta() else "behind"
    cure = "Let the machine follow a time server."
    return fault(f"store {name} clock", f"this machine is {apart} {way} the shop", cure)


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
