"""What the account tells its subscribers, those of V1 and those of V2."""

from __future__ import annotations

from collections.abc import Iterable

from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.records import Fulfillment, Order
from syncd.sandbox.shipstation.v2_webhooks import V2Webhooks
from syncd.sandbox.shipstation.webhooks import Webhooks


class Notices:
    def __init__(self, account: Account, v1: Webhooks, v2: V2Webhooks) -> None:
        self._account = account
        self._v1 = v1
        self._v2 = v2

    def orders_imported(self, orders: Iterable[Order]) -> None:
        """One event for one import and store, which the orders remember."""
        batch = self._account.token()
        marked = [self._account.change(order, import_batch=batch) for order in orders]
        for store_id in dict.fromkeys(order.store_id for order in marked):
            self._v1.orders_imported(store_id, batch)
            self._v2.orders_imported(store_id, batch)

    def labels_made(self, store_id: int, batch_id: int) -> None:
        self._v1.labels_made(store_id, batch_id)
        self._v2.labels_made(store_id, batch_id)

    def marked_shipped(self, row: Fulfillment) -> None:
        """Whether V1 tells of it is unknown."""
        if self._account.options.notify_mark_as_shipped:
            self._v1.marked_shipped(row.order.store_id, row.fulfillment_id)
        self._v2.marked_shipped(row)
