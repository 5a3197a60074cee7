"""What V2 does to orders, which it calls shipments: create once, replace, cancel, tag by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.desk import Desk
from syncd.sandbox.shipstation.records import Draft, Order
from syncd.sandbox.shipstation.refusals import Conflict, Invalid, Locked, NotFound, Refusal
from syncd.sandbox.shipstation.v2_bodies import Names, hold_day, se_id, shipment_draft


class V2Orders:
    def __init__(self, account: Account, desk: Desk) -> None:
        self._account = account
        self._desk = desk
        self._names = Names(self._store, self._warehouse, self._tag_id)

    def seen(self, order_id: int) -> Order:
        order = self._account.order_seen(order_id)
        if order is None:
            raise NotFound(f"There is no shipment se-{order_id}.")
        return order

    def create(self, row: Any) -> Order | Refusal:
        """No upsert: the same external_shipment_id once more is refused (how, is an option)."""
        try:
            draft = shipment_draft(row, self._names, self._account.now())
            self._refuse_twin(draft)
        except Refusal as refusal:
            return self._refused(refusal)
        return self._held(self._account.upsert(draft).order, row)

    def put(self, order_id: int, body: Mapping[str, Any]) -> Order:
        """The body replaces everything but the identity. Not after a label was bought."""
        before = self._account.order(order_id)
        if not before.is_open:
            raise Locked(f"Shipment se-{order_id} is {before.status} and cannot be modified.")
        draft = shipment_draft(body, self._names, self._account.now())
        kept = replace(draft.content, order_date=before.content.order_date, tag_ids=before.content.tag_ids)
        # V2 does not know of a hold without a date, so it does not end it either
        stays = before.hold_until is None or self._account.options.v2_release_style == "ignored"
        status = "on_hold" if before.status == "on_hold" and stays else draft.status
        return self._held(self._account.rewrite(before, replace(draft, content=kept, status=status)), body)

    def cancel(self, order_id: int) -> None:
        order = self._account.order(order_id)
        if any(row.voided_at is None and not row.is_return for row in self._account.shipments_of(order_id)):
            raise Locked("Labels must be voided before a shipment can be cancelled.")
        if order.status != "cancelled":
            self._account.change(order, status="cancelled", hold_until=None)

    def tag(self, order_id: int, name: str) -> None:
        self._desk.tag(order_id, self._tag_id(name))

    def untag(self, order_id: int, name: str) -> None:
        self._desk.untag(order_id, self._tag_id(name))

    def tag_names(self) -> dict[int, str]:
        return {tag_id: name for tag_id, name, _ in self._account.options.tags}

    def _refuse_twin(self, draft: Draft) -> None:
        number = draft.content.order_number
        if draft.key and self._account.is_key_in_use(draft.key):
            raise Conflict(f"The external_shipment_id {draft.key} is in use already.")
        must_differ = number and self._account.options.v2_number_style == "unique"
        if must_differ and any(order.content.order_number == number for order in self._account.orders.values()):
            raise Conflict(f"The shipment_number {number} is in use already.")

    def _refused(self, refusal: Refusal) -> Refusal:
        if isinstance(refusal, Conflict) and self._account.options.v2_twin_style == "status_400":
            raise refusal
        return refusal

    def _held(self, order: Order, body: Mapping[str, Any]) -> Order:
        until = hold_day(body)
        return self._account.hold(order, until.date()) if until and order.status == "on_hold" else order

    def _store(self, wanted: str | None) -> int | None:
        return se_id(wanted, "store_id")

    def _warehouse(self, wanted: str | None) -> int | None:
        known = {row.warehouse_id for row in self._account.options.warehouses}
        warehouse_id = se_id(wanted, "warehouse_id")
        if warehouse_id is not None and warehouse_id not in known:
            raise Invalid("warehouse_id", f"There is no warehouse {wanted}.")
        return warehouse_id

    def _tag_id(self, name: str) -> int:
        """Tags are made when they are first used."""
        options = self._account.options
        for tag_id, known, _ in options.tags:
            if known == name:
                return tag_id
        fresh = self._account.next_id("tag")
        self._account.options = replace(options, tags=(*options.tags, (fresh, name, "#FFFFFF")))
        return fresh
