"""What is written to one store: fulfillments, and the subscriptions that bring its webhooks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mappings.plans import CreateFulfillment, UpdateTracking
from syncd.errors import ConflictError, RejectedError, UncertainError
from syncd.shopify import documents
from syncd.shopify.client import ShopifyClient

TAKEN = "has already been taken"
FULFILLMENT = re.compile(r"gid://shopify/Fulfillment/[0-9]{1,19}(\?.*)?", re.ASCII)


async def create_fulfillment(client: ShopifyClient, step: CreateFulfillment, leaves_before: datetime) -> str:
    """The new fulfillment's gid. Not idempotent: after `UncertainError` its effect is looked for before anything else.

    `ConflictError`: the fulfillment orders are not what the plan saw.
    """
    payload = await client.mutate(
        documents.CREATE_FULFILLMENT, {"fulfillment": _input(step)}, "fulfillmentCreate", True, leaves_before
    )
    gid = _fulfillment(payload).get("id")
    if not isinstance(gid, str) or not FULFILLMENT.fullmatch(gid):
        raise UncertainError("no_fulfillment", "neither a fulfillment nor a reason came back")
    return gid


async def update_tracking(client: ShopifyClient, step: UpdateTracking, leaves_before: datetime) -> None:
    """`ConflictError`: the fulfillment was cancelled or is gone."""
    variables = {"id": step.fulfillment_gid, "tracking": _tracking(step), "notify": step.notify_customer}
    payload = await client.mutate(
        documents.UPDATE_TRACKING, variables, "fulfillmentTrackingInfoUpdate", True, leaves_before
    )
    if _fulfillment(payload).get("status") != "SUCCESS":
        raise ConflictError("fulfillment_cancelled", "somebody cancelled it meanwhile")


async def cancel_fulfillment(client: ShopifyClient, gid: str) -> None:
    """Idempotent."""
    payload = await client.mutate(documents.CANCEL_FULFILLMENT, {"id": gid}, "fulfillmentCancel", urgent=True)
    if _fulfillment(payload).get("status") != "CANCELLED":
        raise UncertainError("not_cancelled", "the answer does not show it as cancelled")


def _fulfillment(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    found = payload.get("fulfillment")
    return found if isinstance(found, dict) else {}


def _tracking(step: CreateFulfillment | UpdateTracking) -> dict[str, Any]:
    """One number, or all of a label for several packages: Shopify takes either the singular or the plural members."""
    if step.more_tracking and step.tracking_number:
        rows = [(step.tracking_number, step.tracking_url), *step.more_tracking]
        urls = [url for _, url in rows if url]
        known: dict[str, Any] = {"numbers": [number for number, _ in rows], "company": step.tracking_company}
        known["urls"] = urls if len(urls) == len(rows) else None
    else:
        known = {"number": step.tracking_number, "company": step.tracking_company, "url": step.tracking_url}
    return {name: value for name, value in known.items() if value}


def _input(step: CreateFulfillment) -> dict[str, Any]:
    # without a list of lines Shopify fulfills everything that is left
    assert step.lines
    assert all(lines and all(units > 0 for units in lines.values()) for lines in step.lines.values())
    parts = [
        {
            "fulfillmentOrderId": gid,
            "fulfillmentOrderLineItems": [{"id": line_gid, "quantity": units} for line_gid, units in lines.items()],
        }
        for gid, lines in step.lines.items()
    ]
    known = _tracking(step)
    return {
        "lineItemsByFulfillmentOrder": parts,
        "notifyCustomer": step.notify_customer,
        **({"trackingInfo": known} if known else {}),
    }


async def subscribe(client: ShopifyClient, topic: str, uri: str) -> str | None:
    """The subscription's gid, None when this topic goes to this address already. `topic` as in webhooks: `orders/create`."""
    variables = {"topic": topic_enum(topic), "subscription": {"uri": uri, "format": "JSON"}}
    try:
        payload = await client.mutate(documents.SUBSCRIBE, variables, "webhookSubscriptionCreate")
    except RejectedError as error:
        if TAKEN in error.text:
            return None
        raise
    subscription = payload.get("webhookSubscription")
    if not isinstance(subscription, dict) or not isinstance(subscription.get("id"), str):
        raise UncertainError("no_subscription", "the answer holds no id")
    return str(subscription["id"])


async def unsubscribe(client: ShopifyClient, gid: str) -> None:
    await client.mutate(documents.UNSUBSCRIBE, {"id": gid}, "webhookSubscriptionDelete")


def topic_enum(topic: str) -> str:
    """ORDERS_CREATE for `orders/create`."""
    return topic.replace("/", "_").upper()
