"""Webhook subscriptions: what should be there is created, what points to us and should not be is removed. Every few minutes.

Shopify drops a subscription after eight failed deliveries in a row and tells nobody but a mailbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from syncd.accounts import Accounts
from syncd.errors import AccessError, RejectedError, SyncError
from syncd.logs import get_logger
from syncd.settings.whole import Settings
from syncd.shipstation import reads as shipstation_reads
from syncd.shipstation import writes as shipstation_writes
from syncd.shipstation.client import ACCOUNT, ShipStationClient
from syncd.shipstation.v2_client import ACCOUNT as V2_ACCOUNT
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_webhooks import V2Subscription, v2_subscribe, v2_subscriptions, v2_unsubscribe
from syncd.shipstation.webhooks import EVENTS, TRACKING_EVENTS, V2_EVENTS
from syncd.shopify import reads, writes
from syncd.shopify.client import ShopifyClient
from syncd.shopify.webhooks import topics_of
from syncd.wiring import Vendors

log = get_logger("subscriptions")

NAME = "subscriptions"
EVERY_S = 300.0

Known = TypeVar("Known", shipstation_reads.Subscription, V2Subscription)
Restoring = Callable[[], Awaitable[bool]]
"""Tells whether any subscription was missing."""


def shopify_address(settings: Settings, store: str) -> str:
    return f"{settings.server.public_url.rstrip('/')}/webhooks/shopify/{store}"


def shipstation_addresses(settings: Settings) -> list[str]:
    """The present one, then the former one where there is one. They hold secrets: never to be logged."""
    public_url = settings.server.public_url.rstrip("/")
    return [f"{public_url}/webhooks/shipstation/{secret}" for secret in settings.shipstation.webhook_secrets()]


def shipstation_v2_addresses(settings: Settings) -> list[str]:
    """As above, of the webhooks that are signed as well."""
    public_url = settings.server.public_url.rstrip("/")
    return [f"{public_url}/webhooks/shipstation-v2/{secret}" for secret in settings.shipstation.webhook_secrets()]


def v2_events(settings: Settings) -> tuple[str, ...]:
    """Those of V2 that anything of ours waits for."""
    of_packages = V2_EVENTS if settings.shipstation.orders_api == "v2" else ()
    return of_packages + (TRACKING_EVENTS if settings.sync.news_used != "off" else ())


async def restore_all(settings: Settings, vendors: Vendors, accounts: Accounts) -> set[str]:
    """The accounts of which webhooks were missing. Nothing is subscribed without a public address.

    Trouble is told and tried again minutes later: the feeds find everything.
    """
    if not settings.server.public_url:
        return set()
    parts: dict[str, Restoring] = {
        client.account: partial(
            _restore_shop, client, shopify_address(settings, store), topics_of(settings.stores[store])
        )
        for store, client in vendors.shops.items()
    }
    if settings.shipstation.webhook_secret.get_secret_value():
        parts[ACCOUNT] = partial(_restore_shipstation, vendors.shipstation, *shipstation_addresses(settings))
        events = v2_events(settings)
        if vendors.shipstation_v2 and events:
            restore_v2 = partial(_restore_v2, vendors.shipstation_v2, events, *shipstation_v2_addresses(settings))
            parts[V2_ACCOUNT] = restore_v2
    return {account for account, restore in parts.items() if await _guarded(account, accounts, restore)}


async def _guarded(account: str, accounts: Accounts, restore: Restoring) -> bool:
    if accounts.refusal(account):
        return False
    try:
        had_gaps = await restore()
    except AccessError as error:
        await accounts.lost(error, NAME)
    except SyncError as error:
        log.warning("subscriptions.postponed", account=account, error_code=error.code, error_text=error.text)
    else:
        await accounts.answered(account, NAME)
        return had_gaps
    return False


async def _restore_shop(client: ShopifyClient, address: str, topics: Sequence[str]) -> bool:
    """Whether any was missing. Other subscriptions of the app, to other addresses, are somebody's and stay."""
    there = {one.topic: one for one in await reads.subscriptions(client) if one.uri == address}
    wanted = {writes.topic_enum(topic): topic for topic in topics}
    missing = [topic for enum, topic in wanted.items() if enum not in there]
    refused = []
    for topic in missing:
        try:
            await writes.subscribe(client, topic, address)
        except (
            RejectedError
        ) as error:  # a topic that the app's scopes do not cover, or an address that Shopify dislikes
            refused.append(topic)
            log.warning("subscription.refused", store=client.store, topic=topic, error_text=error.text)
    for enum, one in there.items():
        if enum not in wanted:
            await writes.unsubscribe(client, one.gid)
    if missing:
        log.info("webhooks.subscribed", store=client.store, count=len(missing) - len(refused))
    return len(missing) > len(refused)


async def _restore_shipstation(client: ShipStationClient, address: str, former: str = "") -> bool:
    """Whether any was missing."""
    there = await shipstation_reads.subscriptions(client)
    present = {one.event for one in there if one.url == address}
    missing = [event for event in EVENTS if event not in present]
    for event in missing:
        await shipstation_writes.subscribe(client, event, address, f"syncd {event.lower()}"[:50])
    for one in _surplus(there, address, former):
        await shipstation_writes.unsubscribe(client, one.webhook_id)
    if missing:
        log.info("webhooks.subscribed", account=ACCOUNT, count=len(missing))
    return bool(missing)


async def _restore_v2(client: ShipStationV2Client, events: Sequence[str], address: str, former: str = "") -> bool:
    """As for V1."""
    there = await v2_subscriptions(client)
    missing = [event for event in events if event not in {one.event for one in there if one.url == address}]
    for event in missing:
        await v2_subscribe(client, event, address, f"syncd {event}")
    for one in _surplus(there, address, former):
        await v2_unsubscribe(client, one.webhook_id)
    if missing:
        log.info("webhooks.subscribed", account=V2_ACCOUNT, count=len(missing))
    return bool(missing)


def _surplus(there: Sequence[Known], address: str, former: str) -> list[Known]:
    """Those to the former address, which go once the new ones are there; and all but one of each event at the present one: a call
    whose answer was lost, or was nonsense, may have been repeated."""
    kept = {one.event: one.webhook_id for one in reversed(there) if one.url == address}
    again = [one for one in there if one.url == address and one.webhook_id != kept[one.event]]
    return again + [one for one in there if former and one.url == former]
