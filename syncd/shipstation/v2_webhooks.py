"""The subscriptions that bring V2's signed webhooks."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from syncd.budget import Urgency
from syncd.errors import RejectedError
from syncd.shipstation.v2_client import ShipStationV2Client, rows_of

PATH = "/v2/environment/webhooks"
TAKEN = "http_409"


class V2Subscription(NamedTuple):
    webhook_id: str
    event: str
    url: str


async def v2_subscriptions(client: ShipStationV2Client) -> list[V2Subscription]:
    """A bare array, unlike every other list of V2."""
    rows = rows_of(await client.get(PATH), "webhooks", PATH)
    return [V2Subscription(str(row.get("webhook_id")), str(row.get("event")), str(row.get("url"))) for row in rows]


async def v2_subscribe(client: ShipStationV2Client, event: str, url: str, name: str) -> None:
    """Another replica may have been quicker."""
    try:
        await client.post(PATH, {"name": name, "event": event, "url": url}, Urgency.CATALOG)
    except RejectedError as error:
        if error.code != TAKEN:
            raise


async def v2_unsubscribe(client: ShipStationV2Client, webhook_id: str) -> None:
    await client.delete(f"{PATH}/{quote(webhook_id, safe='')}", Urgency.CATALOG)
