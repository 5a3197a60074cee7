"""Webhook subscriptions: what should be there is created, what points to us and should not be is removed. Run at start and hourly.

Shopify drops a subscription after eight failed deliveries in a row and tells nobody but a mailbox.
"""

from __future__ import annotations

from collections.abc import Awaitable

from syncd.accounts import Accounts
from syncd.errors import AccessError, RejectedError, SyncError
from syncd.logs import get_logger
from syncd.settings import Settings
from syncd.shipstation import reads as shipstation_reads
from syncd.shipstation import writes as shipstation_writes
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.webhooks import EVENTS
from syncd.shopify import reads, writes
from syncd.shopify.client import ShopifyClient
from syncd.shopify.webhooks import TOPICS
from syncd.wiring import Vendors

log = get_logger("subscriptions")


def shopify_address(settings: Settings, store: str) -> str:
    return f"{settings.server.public_url.rstrip('/')}/webhooks/shopify/{store}"


def shipstation_address(settings: Settings) -> str:
    """Holds the secret: never to be logged."""
    return f"{settings.server.public_url.rstrip('/')}/webhooks/shipstation/{settings.shipstation.webhook_secret.get_secret_value()}"


async def subscribe_all(settings: Settings, vendors: Vendors, accounts: Accounts) -> None:
    """Nothing is subscribed without a public address. Trouble is told and tried again an hour later: the feeds find everything."""
    if not settings.server.public_url:
        return
    for store, client in vendors.shops.items():
        await _guarded(client.account, accounts, _subscribe_shop(client, shopify_address(settings, store)))
    if settings.shipstation.webhook_secret.get_secret_value():
        await _guarded(
            "shipstation", accounts, _subscribe_shipstation(vendors.shipstation, shipstation_address(settings))
        )


async def _guarded(account: str, accounts: Accounts, work: Awaitable[None]) -> None:
    try:
        await work
    except AccessError as error:
        await accounts.lost(error)
    except SyncError as error:
        log.warning("subscriptions.postponed", account=account, error_code=error.code, error_text=error.text)


async def _subscribe_shop(client: ShopifyClient, address: str) -> None:
    """Other subscriptions of the app, to other addresses, are somebody's and stay."""
    there = {one.topic: one for one in await reads.subscriptions(client) if one.uri == address}
    wanted = {writes.topic_enum(topic): topic for topic in TOPICS}
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


async def _subscribe_shipstation(client: ShipStationClient, address: str) -> None:
    there = {one.event for one in await shipstation_reads.subscriptions(client) if one.url == address}
    missing = [event for event in EVENTS if event not in there]
    for event in missing:
        await shipstation_writes.subscribe(client, event, address, f"syncd {event.lower()}"[:50])
    if missing:
        log.info("webhooks.subscribed", account="shipstation", count=len(missing))
