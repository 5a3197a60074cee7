"""What people do to orders at their desk in ShipStation: hold, release, cancel, split, merge, delete, tag.

None of it sends a webhook: the vendor has no event for these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from syncd.sandbox.shipstation.account import Account, OrderRef
from syncd.sandbox.shipstation.records import Order
from syncd.sandbox.shipstation.refusals import Locked, Refusal
from syncd.sandbox.shipstation.units import take, without


class Desk:
    def __init__(self, account: Account) -> None:
        self.cancelled: set[int] = set()
        """Orders that a person cancelled here, by hand."""
        self._account = account

    def hold(self, order: OrderRef, until: date | None = None) -> Order:
        """Until midnight Pacific of that date; None holds until someone releases it."""
        return self._account.hold(self._open(order), until)

    def release(self, order: OrderRef) -> Order:
        held = self._open(order)
        if held.status != "on_hold":
            raise Refusal(f"Order {held.content.order_number} is not on hold.")
        return self._account.change(held, status="awaiting_shipment", hold_until=None)

    def cancel(self, order: OrderRef) -> Order:
        cancelled = self._account.change(self._open(order), status="cancelled", hold_until=None)
        self.cancelled.add(cancelled.order_id)
        return cancelled

    def delete(self, order: OrderRef) -> Order:
        """The order is kept but nobody sees it again."""
        return self._account.change(self._account.order(order), gone="deleted")

    def tag(self, order: OrderRef, tag_id: int) -> Order:
        tagged = self._account.order(order)
        tag_ids = tuple(dict.fromkeys((*tagged.content.tag_ids, tag_id)))
        return self._account.change(tagged, content=replace(tagged.content, tag_ids=tag_ids))

    def untag(self, order: OrderRef, tag_id: int) -> Order:
        tagged = self._account.order(order)
        tag_ids = tuple(known for known in tagged.content.tag_ids if known != tag_id)
        return self._account.change(tagged, content=replace(tagged.content, tag_ids=tag_ids))

    def split(self, order: OrderRef, lines: Mapping[str, int]) -> Order:
        """Moves units, by lineItemKey, into a new order and returns that. The money stays with the parent."""
        parent = self._open(order)
        moved = take(parent.items, lines)
        kept = without(parent.items, moved)
        if not kept:
            raise Refusal("A split leaves something behind.")
        options = self._account.options
        siblings = sum(1 for row in self._account.orders.values() if row.parent_id == parent.order_id)
        suffix = f"-{siblings + 1}" if options.split_number_style == "suffix" else ""
        content = replace(
            parent.content,
            order_number=f"{parent.content.order_number}{suffix}",
            amount_paid=Decimal(0),
            tax_amount=Decimal(0),
            shipping_amount=Decimal(0),
        )
        child = self._account.branch(
            parent,
            key=parent.key if options.split_key_style == "shared" else None,
            content=content,
            items=tuple(replace(item, item_id=self._account.next_id("item")) for item in moved),
            parent_id=parent.order_id,
            is_merged_or_split=True,
            merged_ids=(),
        )
        self._account.change(parent, items=kept, is_merged_or_split=True)
        return child

    def merge(self, orders: list[OrderRef]) -> Order:
        """The first order survives with all lines; the others answer 404 from now on."""
        survivor, *absorbed = [self._open(ref) for ref in dict.fromkeys(orders)]
        if not absorbed:
            raise Refusal("A merge takes two orders or more.")
        family = [survivor, *absorbed]
        if len({order.order_id for order in family}) < len(family):
            raise Refusal("An order cannot be merged with itself.")
        content = replace(
            survivor.content,
            amount_paid=sum((order.content.amount_paid for order in family), Decimal(0)),
            tax_amount=sum((order.content.tax_amount for order in family), Decimal(0)),
            shipping_amount=sum((order.content.shipping_amount for order in family), Decimal(0)),
        )
        for order in absorbed:
            self._account.change(order, gone="merged")
        return self._account.change(
            survivor,
            content=content,
            items=tuple(item for order in family for item in order.items),
            merged_ids=(*survivor.merged_ids, *(order.order_id for order in absorbed)),
            is_merged_or_split=True,
        )

    def native_import(
        self, order: OrderRef, store_id: int, key: str, number: str, ship_to: Mapping[str, str] | None = None
    ) -> Order:
        """The same sale once more, as a direct connection of the shop brings it: keys and lines by the shop's own ids."""
        known = self._account.order(order)
        details = {**known.content.details, "shipTo": {**known.content.details["shipTo"], **(ship_to or {})}}
        items = [replace(item, item_id=self._account.next_id("item")) for item in known.items if not item.adjustment]
        return self._account.branch(
            known,
            key=key,
            store_id=store_id,
            status="awaiting_shipment",
            content=replace(known.content, order_number=number, details=details),
            items=tuple(replace(item, line_item_key=(item.line_item_key or "").rpartition(":")[2]) for item in items),
        )

    def _open(self, ref: OrderRef) -> Order:
        order = self._account.order(ref)
        if not order.is_open:
            raise Locked(f"Order {order.content.order_number} is {order.status} and cannot be changed.")
        return order
