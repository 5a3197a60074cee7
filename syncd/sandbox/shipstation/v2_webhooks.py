"""The webhooks of V2: signed, with headers of the subscriber's own, and the tracking news inline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.records import Fulfillment, Shipment
from syncd.sandbox.shipstation.refusals import Conflict, Invalid, NotFound
from syncd.sandbox.shipstation.v1_bodies import required_text, text, whole
from syncd.sandbox.shipstation.v1_documents import dumps
from syncd.sandbox.shipstation.v2_bodies import an_object, rows

EVENTS = frozenset(
    {
        "batch",
        "carrier_connected",
        "order_source_refresh_complete",
        "rate",
        "report_complete",
        "sales_orders_imported",
        "track",
        "batch_processed_v2",
        "fulfillment_rejected_v2",
        "fulfillment_shipped_v2",
        "label_created_v2",
        "shipment_created_v2",
        "track_event_v2",
    }
)


@dataclass(frozen=True)
class V2Subscription:
    webhook_id: int
    event: str
    url: str
    store_id: int | None
    name: str
    headers: tuple[tuple[str, str], ...]


class Queue(Protocol):
    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Owes one signed webhook."""


class V2Webhooks:
    def __init__(self, account: Account, queue: Queue, tracked: Callable[[Shipment], dict[str, Any]]) -> None:
        self.subscriptions: dict[int, V2Subscription] = {}
        self._account = account
        self._queue = queue
        self._tracked = tracked

    def listed(self) -> list[dict[str, Any]]:
        """A bare array."""
        return [_document(row) for row in self.subscriptions.values()]

    def subscribe(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """409 for the same event at the same address."""
        event, url = required_text(body, "event"), required_text(body, "url")
        if event not in EVENTS:
            raise Invalid("event", f"{event} is not a valid event.")
        if any(row.event == event and row.url == url for row in self.subscriptions.values()):
            raise Conflict("There is such a webhook already.", "webhook_event_type_conflict", 409)
        given = [an_object(header, "headers") for header in rows(body, "headers")]
        headers = tuple((required_text(header, "key"), required_text(header, "value")) for header in given)
        row = V2Subscription(
            self._account.next_id("webhook"), event, url, whole(body, "store_id"), text(body, "name") or "", headers
        )
        self.subscriptions[row.webhook_id] = row
        return _document(row)

    def unsubscribe(self, webhook_id: int) -> None:
        if self.subscriptions.pop(webhook_id, None) is None:
            raise NotFound(f"There is no webhook {webhook_id}.")

    def orders_imported(self, store_id: int, batch: str) -> None:
        self._tell("shipment_created_v2", f"/v2/shipments?import_batch_id={batch}", store_id)

    def labels_made(self, store_id: int, batch_id: int) -> None:
        self._tell("label_created_v2", f"/v2/labels?batch_id=se-{batch_id}", store_id)

    def marked_shipped(self, row: Fulfillment) -> None:
        path = f"/v2/fulfillments?fulfillment_id=se-{row.fulfillment_id}"
        self._tell("fulfillment_shipped_v2", path, row.order.store_id)

    def scanned(self, shipment: Shipment) -> None:
        path = f"/v2/labels/se-{shipment.shipment_id}/track"
        self._tell("track_event_v2", path, shipment.order.store_id, self._tracked(shipment))

    def _tell(self, event: str, path: str, store_id: int, data: dict[str, Any] | None = None) -> None:
        url = f"https://api.shipstation.com{path}"
        document: dict[str, Any] = {"resource_url": url, "resource_type": event.upper()}
        body = dumps(document if data is None else document | {"data": data})
        for row in self.subscriptions.values():
            if row.event == event and row.store_id in (None, store_id):
                self._queue(row.url, body, dict(row.headers))


def _document(row: V2Subscription) -> dict[str, Any]:
    return {
        "webhook_id": f"se-{row.webhook_id}",
        "name": row.name,
        "event": row.event,
        "url": row.url,
        "headers": [{"key": key, "value": value} for key, value in row.headers],
        "store_id": row.store_id,
    }
