"""Fulfillment events of one store: what Shopify shows of packages on their way, and the write that adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mappings.news import NewsEvent
from mappings.shopify_shapes import FulfillmentEvents, FulfillmentWithEvents
from syncd.shopify import documents
from syncd.shopify.client import ShopifyClient

MOST_IDS = 25


async def events_of(client: ShopifyClient, fulfillment_gids: Sequence[str]) -> dict[str, list[NewsEvent] | None]:
    """As Shopify shows them; None for fulfillments that were taken back. What is not shown at all is left out: that may pass."""
    found: dict[str, list[NewsEvent] | None] = {}
    for start in range(0, len(fulfillment_gids), MOST_IDS):
        variables = {"ids": fulfillment_gids[start : start + MOST_IDS]}
        nodes = (await client.read(documents.FULFILLMENT_EVENTS, variables, FulfillmentEvents))["nodes"]
        found |= {node["id"]: _events(node) if node["status"] == "SUCCESS" else None for node in nodes if node}
    return found


async def tell_event(client: ShopifyClient, fulfillment_gid: str, event: NewsEvent, leaves_before: datetime) -> None:
    """Not idempotent: after `UncertainError` its effect is looked for before anything else."""
    wish = {"fulfillmentId": fulfillment_gid, "status": event.status, "happenedAt": event.at.isoformat()}
    await client.mutate(documents.TELL_EVENT, {"event": wish}, "fulfillmentEventCreate", leaves_before=leaves_before)


def _events(node: FulfillmentWithEvents) -> list[NewsEvent]:
    rows = node["events"]["nodes"]
    return [NewsEvent(row["status"], datetime.fromisoformat(row["happenedAt"])) for row in rows]
