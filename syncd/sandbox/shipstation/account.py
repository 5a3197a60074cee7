"""The state of one ShipStation account, without any wire format: orders and what is kept beside them.

An order is found by id or by key. Reads may lag behind writes (`stale_read_s`), so every change keeps the row before it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same seed makes the same day
from typing import Any

from syncd.sandbox.shipstation.options import ShipStationOptions
from syncd.sandbox.shipstation.pacific import midnight
from syncd.sandbox.shipstation.records import Draft, Fulfillment, Item, Order, Product, Shipment
from syncd.sandbox.shipstation.refusals import Invalid, Locked, NotFound
from syncd.sandbox.shipstation.units import ounces
from syncd.sandbox.worlds import Now

OrderRef = int | str  # an order id or an order key


@dataclass(frozen=True)
class Upserted:
    """`before` is None for a new order. `ignored`: the order was locked and the change was silently dropped."""

    order: Order
    before: Order | None
    ignored: bool = False


class Account:
    def __init__(self, now: Now, seed: int, options: ShipStationOptions) -> None:
        self.now = now
        self.options = options
        self.orders: dict[int, Order] = {}
        self.shipments: dict[int, Shipment] = {}
        self.fulfillments: dict[int, Fulfillment] = {}
        self.products: dict[str, Product] = {}
        self.poisoned: set[int] = set()  # orders that break every list page that they stand on
        self._rng = Random(f"{seed} account")
        self._last_ids: dict[str, int] = {}
        self._by_key: dict[str, int] = {}
        self._gone_keys: set[str] = set()
        self._shipments_by_order: dict[int, list[int]] = {}
        self._fulfillments_by_order: dict[int, list[int]] = {}
        self._customers: dict[str, int] = {}
        self._versions: dict[int, list[tuple[datetime, Order]]] = {}
        self._holds: list[tuple[datetime, int]] = []

    # Reads

    def order(self, ref: OrderRef) -> Order:
        """The order as it is now. Deleted and merged-away orders are not found."""
        self.release_due_holds()
        order_id = self._by_key.get(ref) if isinstance(ref, str) else ref
        order = None if order_id is None else self.orders.get(order_id)
        if order is None or order.gone:
            raise NotFound(f"There is no order {ref}.")
        return order

    def orders_seen(self) -> Iterator[Order]:
        """All orders in ascending id, as readers see them at this moment."""
        for order_id in self.orders:
            order = self.order_seen(order_id)
            if order is not None:
                yield order

    def order_seen(self, order_id: int) -> Order | None:
        order = self.orders.get(order_id)
        if order is not None and self.options.stale_read_s > 0:
            seen = [version for at, version in self._versions[order_id] if at <= self._horizon()]
            order = seen[-1] if seen else None
        return None if order is None or order.gone else order

    def shipments_seen(self) -> Iterator[Shipment]:
        """Labels of merged-away orders return nothing, as observed at the vendor."""
        horizon = self._horizon()
        for shipment in self.shipments.values():
            if shipment.created_at > horizon or self.orders[shipment.order.order_id].gone == "merged":
                continue
            hidden_void = shipment.voided_at is not None and shipment.voided_at > horizon
            yield replace(shipment, voided_at=None) if hidden_void else shipment

    def fulfillments_seen(self) -> Iterator[Fulfillment]:
        horizon = self._horizon()
        return (row for row in self.fulfillments.values() if row.created_at <= horizon)

    def shipments_of(self, order_id: int) -> list[Shipment]:
        return [self.shipments[shipment_id] for shipment_id in self._shipments_by_order.get(order_id, ())]

    def fulfillments_of(self, order_id: int) -> list[Fulfillment]:
        return [self.fulfillments[row_id] for row_id in self._fulfillments_by_order.get(order_id, ())]

    def _horizon(self) -> datetime:
        return self.now() - timedelta(seconds=self.options.stale_read_s)

    def product(self, product_id: int) -> Product:
        for product in self.products.values():
            if product.product_id == product_id:
                return product
        raise NotFound(f"There is no product {product_id}.")

    def is_key_in_use(self, key: str) -> bool:
        """By an order that is neither deleted nor merged away."""
        return key in self._by_key

    def is_locked(self, draft: Draft) -> bool:
        """Whether an upsert of this draft would meet a shipped or cancelled order."""
        target = self._target(draft)
        return target is not None and not target.is_open

    # Writes

    def upsert(self, draft: Draft) -> Upserted:
        """Creates, or replaces the whole content. Raises `NotFound`, `Locked`, `Invalid`."""
        before = self._target(draft)
        if before is None:
            return Upserted(self._create(draft), None)
        if not before.is_open:
            if self.options.locked_order_style == "silent_200":
                return Upserted(before, before, ignored=True)
            raise Locked(f"Order {before.content.order_number} is {before.status} and cannot be modified.")
        return Upserted(self.rewrite(before, draft), before)

    def rewrite(self, order: Order, draft: Draft) -> Order:
        """Replaces the content of an order and keeps its identity, its store and its family."""
        return self.change(
            order,
            status=draft.status,
            content=draft.content,
            items=self._identified(draft.items, order.items),
            customer_id=self._customer(draft),
            hold_until=order.hold_until if draft.status == "on_hold" else None,
        )

    def change(self, order: Order, **fields: Any) -> Order:
        """Stores the order with these fields changed and its modification time moved."""
        changed = replace(order, modified_at=self.now(), **fields)
        if changed.gone and self._by_key.get(order.key) == order.order_id:
            del self._by_key[order.key]
            self._gone_keys.add(order.key)
        return self._put(changed)

    def branch(self, order: Order, **fields: Any) -> Order:
        """A new order that starts as a copy, as a split makes it."""
        key = fields.pop("key", None) or self.token()
        fresh = replace(order, order_id=self.next_id("order"), key=key, created_at=self.now(), **fields)
        if key not in self._by_key:
            self._by_key[key] = fresh.order_id
        return self._put(replace(fresh, modified_at=self.now()))

    def hold(self, order: Order, until: date | None) -> Order:
        held = self.change(order, status="on_hold", hold_until=until)
        if until is not None:
            heapq.heappush(self._holds, (midnight(until), order.order_id))
        return held

    def release_due_holds(self) -> None:
        """Holds end by the clock, at midnight Pacific of their date."""
        while self._holds and self._holds[0][0] <= self.now():
            due_at, order_id = heapq.heappop(self._holds)
            order = self.orders[order_id]
            if order.gone is None and order.status == "on_hold" and _held_until(order) == due_at:
                self.change(order, status="awaiting_shipment", hold_until=None)

    def add_shipment(self, shipment: Shipment) -> None:
        self.shipments[shipment.shipment_id] = shipment
        self._shipments_by_order.setdefault(shipment.order.order_id, []).append(shipment.shipment_id)

    def add_fulfillment(self, row: Fulfillment) -> None:
        self.fulfillments[row.fulfillment_id] = row
        self._fulfillments_by_order.setdefault(row.order.order_id, []).append(row.fulfillment_id)

    def put_product(self, product: Product) -> None:
        """Orders find products by their SKU; one that got another is found by that alone."""
        del self.products[self.product(product.product_id).sku]
        self.products[product.sku] = replace(product, modified_at=self.now())

    def next_id(self, kind: str) -> int:
        """Ascending, one series per kind, in ranges that cannot be taken for one another."""
        first = {"order": 90_000_001, "item": 700_000_001, "shipment": 33_000_001, "fulfillment": 24_000_001}
        self._last_ids[kind] = self._last_ids.get(kind, first.get(kind, 100_001) - 1) + 1
        return self._last_ids[kind]

    def token(self) -> str:
        """32 hexadecimal digits: a made-up order key or the name of an import."""
        return f"{self._rng.getrandbits(128):032x}"

    def _target(self, draft: Draft) -> Order | None:
        is_ignored = draft.key in self._gone_keys and self.options.gone_id_style == "ignored"
        if draft.order_id is not None and not is_ignored:
            return self.order(draft.order_id)
        if draft.key is None:
            return None
        if draft.key in self._by_key:
            return self.orders[self._by_key[draft.key]]
        if draft.key in self._gone_keys and self.options.gone_key_style == "refused":
            raise NotFound(f"There is no order {draft.key}.")
        return None

    def _create(self, draft: Draft) -> Order:
        order = Order(
            order_id=self.next_id("order"),
            key=draft.key or self.token(),
            store_id=self._store_for(draft.store_id),
            status=draft.status,
            created_at=self.now(),
            modified_at=self.now(),
            content=draft.content,
            items=self._identified(draft.items, ()),
            customer_id=self._customer(draft),
        )
        self._by_key[order.key] = order.order_id
        return self._put(order)

    def _store_for(self, store_id: int | None) -> int:
        active = [store for store in self.options.stores if store.active]
        if store_id is None:
            manual = [store for store in active if store.marketplace_id == 0]
            if not manual:
                raise Invalid("advancedOptions.storeId", "No active manual store.")
            return manual[0].store_id
        if store_id not in {store.store_id for store in active}:
            raise Invalid("advancedOptions.storeId", f"Invalid store id {store_id}.")
        return store_id

    def _identified(self, items: tuple[Item, ...], before: tuple[Item, ...]) -> tuple[Item, ...]:
        """Gives lines their ids. How the vendor matches them on update is unknown, hence an option."""
        known = {item.line_item_key: item for item in before if item.line_item_key}
        if self.options.item_match == "replace":
            known = {}
        rows = []
        for item in items:
            old = known.pop(item.line_item_key, None) if item.line_item_key else None
            rows.append(
                replace(
                    item,
                    item_id=old.item_id if old else self.next_id("item"),
                    product_id=self._product_of(item),
                    created_at=old.created_at if old else self.now(),
                    modified_at=self.now(),
                )
            )
        return tuple(rows)

    def _product_of(self, item: Item) -> int | None:
        """Products come into being with the first order that brings their SKU."""
        if not item.sku or item.adjustment:
            return None
        if item.sku not in self.products:
            self.products[item.sku] = Product(
                product_id=self.next_id("product"),
                sku=item.sku,
                name=item.name,
                price=item.unit_price,
                weight_oz=ounces(item.details.get("weight")),
                created_at=self.now(),
                modified_at=self.now(),
            )
        return self.products[item.sku].product_id

    def _customer(self, draft: Draft) -> int | None:
        username = draft.content.details.get("customerUsername")
        if not username:
            return None
        if username not in self._customers:
            self._customers[username] = self.next_id("customer")
        return self._customers[username]

    def _put(self, order: Order) -> Order:
        self.orders[order.order_id] = order
        versions = self._versions.setdefault(order.order_id, [])
        versions.append((self.now(), order))
        while len(versions) > 1 and versions[1][0] <= self._horizon():
            versions.pop(0)
        return order


def _held_until(order: Order) -> datetime | None:
    return midnight(order.hold_until) if order.hold_until else None
