"""What customers and merchants do, as methods: buy, pay, cancel, hold, edit, refund, fulfill, move goods, change the shop's settings.

An order is named by its id, its global id or its name; `shop` may be left out where there is only one, or with an id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from random import Random  # noqa: TID251 - seeded: the same for one seed
from typing import Any, TypeVar

from syncd.sandbox.shopify import catalog, changing, fulfilling, holding, importing, options, turning
from syncd.sandbox.shopify.problems import Refusal
from syncd.sandbox.shopify.routing import assess, take_in
from syncd.sandbox.shopify.sales import Checkout, Sale, shares
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.state import FulfillmentOrder, Hold, Line, Order, Tracking, Units
from syncd.sandbox.shopify.stock import listed_variant

T = TypeVar("T")
OrderRef = int | str
RISKS = {"LOW": "ACCEPT", "MEDIUM": "INVESTIGATE", "HIGH": "CANCEL", "NONE": "NONE"}


class People:
    def __init__(self, shops: Mapping[str, Shop]) -> None:
        self._shops = shops

    def shop(self, domain: str | None) -> Shop:
        """The shop at this moment: what has become due is done first."""
        only = next(iter(self._shops)) if domain is None and len(self._shops) == 1 else domain
        found = self._shops.get(only or "")
        if found is None:
            raise ValueError(f"There is no shop {domain}. Known: {', '.join(self._shops)}.")
        found.catch_up()
        return found

    def order(self, shop: Shop, ref: OrderRef) -> Order:
        number = int(str(ref).rpartition("/")[2]) if str(ref).rpartition("/")[2].isdigit() else None
        found = shop.orders.get(number) if number is not None else None
        found = found or next((order for order in shop.orders.values() if order.name == str(ref)), None)
        if found is None:
            raise ValueError(f"There is no order {ref} in {shop.options.domain}.")
        return found

    def _shop_of(self, ref: OrderRef, domain: str | None) -> Shop:
        """Order ids are unique over all shops; names are not."""
        owner = next((name for name, shop in self._shops.items() if ref in shop.orders), domain)
        return self.shop(domain or owner)

    def sell(
        self,
        shop: str | None = None,
        count: int = 1,
        seed: int | None = None,
        mix: dict[str, float] | None = None,
        lines: int | None = None,
        quantity: int | None = None,
        over_s: float = 0.0,
    ) -> list[int]:
        """Customers buy: now, or spread over the next seconds. `mix` replaces shares of `sales.SHARES`, `{"all": 0}` clears
        them first; `lines` and `quantity` fix the size of each order. Gives the order ids."""
        place = self.shop(shop)
        rng = place.rng if seed is None else Random(f"{seed} sales")
        checkout = Checkout(rng, shares(mix or {}), place.options.currency, len(place.options.locations))
        delays = sorted(over_s * rng.random() for _ in range(count))
        order_ids = []
        for delay in delays:
            order_id = place.ids.next()
            sale = checkout.sale(lines, quantity)
            if over_s:
                place.later(delay, partial(_place, place, order_id, sale))
            else:
                place.outbox.begin_event()
                _place(place, order_id, sale)
            order_ids.append(order_id)
        return order_ids

    def import_order(
        self, body: dict[str, Any], shop: str | None = None, risk_level: str = "LOW", at_once: bool = True
    ) -> int:
        """Takes a REST-shaped body of any age. It is told like a new order; `at_once`: routed and assessed right away."""
        place = self.shop(shop)
        if risk_level not in RISKS:
            raise ValueError(f"Risk levels are {', '.join(RISKS)}.")
        order = importing.order_of(place, body)
        take_in(place, order, (risk_level, RISKS[risk_level]), at_once)
        return order.id

    def pay(self, order: OrderRef, shop: str | None = None) -> None:
        place = self._shop_of(order, shop)
        _refused(partial(changing.pay, place, self.order(place, order)))

    def pay_part(self, order: OrderRef, shop: str | None = None) -> None:
        """A deposit of the half."""
        place = self._shop_of(order, shop)
        turning.pay_part(place, self.order(place, order))

    def assess_risk(self, order: OrderRef, level: str, shop: str | None = None) -> None:
        """Another assessment comes in: LOW, MEDIUM, HIGH, NONE, or PENDING while it is being made."""
        place = self._shop_of(order, shop)
        known = RISKS | {"PENDING": "NONE"}
        if level not in known:
            raise ValueError(f"Risk levels are {', '.join(known)}.")
        assess(place, self.order(place, order), (level, known[level]))

    def schedule(
        self,
        order: OrderRef,
        at: datetime,
        shop: str | None = None,
        fulfillment_order_id: int | None = None,
        lines: dict[int, int] | None = None,
    ) -> list[int]:
        """A pre-order, or some lines of it (order line id -> units): it opens by itself at that time. Gives the ids of its
        fulfillment orders."""
        place = self._shop_of(order, shop)
        targets = _live(self.order(place, order), fulfillment_order_id)
        for target in targets:
            units = {part.id: (lines or {}).get(part.line.id, 0) for part in target.lines}
            rest = {part.id: part.remaining - units[part.id] for part in target.lines}
            if any(units.values()) and any(rest.values()):
                holding.part(place, target, rest)
            if not lines or any(units.values()):
                turning.schedule(place, target, at)
        return [target.id for target in targets if target.status == "SCHEDULED"]

    def deliver_by(
        self, order: OrderRef, method: str | None, shop: str | None = None, fulfillment_order_id: int | None = None
    ) -> None:
        """SHIPPING, PICK_UP, LOCAL, RETAIL, PICKUP_POINT, NONE, or none at all."""
        place = self._shop_of(order, shop)
        for target in _live(self.order(place, order), fulfillment_order_id):
            turning.deliver_by(place, target, method)

    def exchange(self, order: OrderRef, add: list[dict[str, Any]], shop: str | None = None) -> int:
        """`add`: REST-shaped lines, sent once something else came back. Gives the fulfillment order id; `release` lets it go."""
        place = self._shop_of(order, shop)
        target = self.order(place, order)
        lines = [importing.line_of(place, target, entry, {}) for entry in add]
        return turning.exchange(place, target, lines).id

    def declare(
        self,
        order: OrderRef,
        code: str | None,
        origin: str | None,
        shop: str | None = None,
        by_country: Mapping[str, str] | None = None,
    ) -> None:
        """Customs data of the order's products: tariff code, country of origin, and the codes of single destinations."""
        place = self._shop_of(order, shop)
        turning.declare(place, self.order(place, order), code, origin, by_country or {})

    def cancel(self, order: OrderRef, shop: str | None = None, reason: str = "CUSTOMER", refund: bool = True) -> None:
        """Refused like in the admin once something was fulfilled."""
        place = self._shop_of(order, shop)
        if reason not in importing.REASONS:
            raise ValueError(f"Reasons are {', '.join(sorted(importing.REASONS))}.")
        _refused(partial(changing.cancel, place, self.order(place, order), reason, refund))

    def hold(
        self,
        order: OrderRef,
        shop: str | None = None,
        reason: str = "OTHER",
        fulfillment_order_id: int | None = None,
        lines: dict[int, int] | None = None,
    ) -> list[int]:
        """Holds one fulfillment order (or some lines: order line id -> units), or all that can be held. Gives their ids."""
        place = self._shop_of(order, shop)
        targets = _live(self.order(place, order), fulfillment_order_id)
        for target in targets:
            number = place.ids.next()
            units = [(part.id, (lines or {})[part.line.id]) for part in target.lines if part.line.id in (lines or {})]
            new = Hold(number, reason, None, f"merchant-{number}", None, by_app=False)
            _refused(partial(holding.hold, place, target, new, units))
        return [target.id for target in targets]

    def release(self, order: OrderRef, shop: str | None = None, fulfillment_order_id: int | None = None) -> list[int]:
        place = self._shop_of(order, shop)
        held = [entry for entry in _live(self.order(place, order), fulfillment_order_id) if entry.holds]
        for target in held:
            _refused(partial(holding.release, place, target, None))
        return [target.id for target in held]

    def move_fulfillment_order(
        self,
        order: OrderRef,
        location_id: int,
        shop: str | None = None,
        fulfillment_order_id: int | None = None,
        lines: dict[int, int] | None = None,
    ) -> list[int]:
        """Gives the ids of the fulfillment orders that are now at the location."""
        place = self._shop_of(order, shop)
        moved = []
        for target in _live(self.order(place, order), fulfillment_order_id):
            units = [(part.id, (lines or {})[part.line.id]) for part in target.lines if part.line.id in (lines or {})]
            if target.location_id != location_id and (units or not lines):
                moved.append(_refused(partial(holding.move, place, target, location_id, units)).id)
        return moved

    def fulfill(
        self,
        order: OrderRef,
        shop: str | None = None,
        fulfillment_order_id: int | None = None,
        lines: dict[int, int] | None = None,
        tracking_number: str | None = None,
        company: str | None = None,
        notify: bool = False,
    ) -> list[int]:
        """Marks as fulfilled by hand: one fulfillment for each fulfillment order, of these units (order line id -> units) or of
        all that remains. Gives their ids."""
        place = self._shop_of(order, shop)
        tracking = [Tracking(company, tracking_number, None)] if tracking_number else []
        done = []
        for target in _live(self.order(place, order), fulfillment_order_id):
            units = [(part.id, (lines or {})[part.line.id]) for part in target.lines if part.line.id in (lines or {})]
            if units or (not lines and any(part.remaining for part in target.lines)):
                asked = [(target.id, units or None)]
                done.append(_refused(partial(fulfilling.create, place, asked, tracking, notify)).id)
        return done

    def cancel_fulfillment(self, fulfillment_id: int, shop: str | None = None) -> None:
        """Its units become fulfillable again."""
        place = self.shop(shop)
        if fulfillment_id not in place.fulfillments:
            raise ValueError(f"There is no fulfillment {fulfillment_id}.")
        fulfilling.cancel(place, place.fulfillments[fulfillment_id])

    def refund(
        self,
        order: OrderRef,
        shop: str | None = None,
        lines: dict[int, int] | None = None,
        restock_type: str = "CANCEL",
        amount: Decimal | None = None,
    ) -> int:
        """`lines`: order line id -> units; none with an `amount` refunds money only. Gives the refund id."""
        place = self._shop_of(order, shop)
        if restock_type not in ("CANCEL", "RETURN", "NO_RESTOCK"):
            raise ValueError("Restock types are CANCEL, RETURN, NO_RESTOCK.")
        target = self.order(place, order)
        return _refused(partial(changing.refund, place, target, lines or {}, restock_type, amount)).id

    def edit(
        self,
        order: OrderRef,
        shop: str | None = None,
        quantities: dict[int, int] | None = None,
        add: list[dict[str, Any]] | None = None,
        address: dict[str, Any] | None = None,
        note: str | None = None,
        shipping_title: str | None = None,
        attributes: dict[str, str] | None = None,
        email: str | None = None,
    ) -> list[int]:
        """`quantities`: order line id -> new current quantity; `add`: REST-shaped lines; `address`: REST-shaped fields that
        replace those of the present shipping address. Gives the ids of added lines."""
        place = self._shop_of(order, shop)
        target = self.order(place, order)
        if target.cancelled_at:
            raise ValueError("A cancelled order cannot be edited.")
        if address is not None:
            known = importing.rest_address(target.shipping_address)
            target.shipping_address = importing.address_of(place, known | address)
        target.note = note if note is not None else target.note
        target.email = email if email is not None else target.email
        target.attributes = list(attributes.items()) if attributes is not None else target.attributes
        if shipping_title is not None and target.shipping_lines:
            target.shipping_lines[0].title = shipping_title
        added = _edit_lines(place, target, quantities or {}, add or [])
        if not quantities and not added:
            place.touch(target)
            place.tell_order(target, "ORDERS_UPDATED")
        return [line.id for line in added]

    def tag(
        self, order: OrderRef, shop: str | None = None, add: list[str] | None = None, remove: list[str] | None = None
    ) -> list[str]:
        """Capitals make no difference, as in the admin. Gives the tags that the order then has."""
        place = self._shop_of(order, shop)
        target = self.order(place, order)
        dropped = {name.casefold() for name in [*(add or []), *(remove or [])]}
        target.tags = [name for name in target.tags if name.casefold() not in dropped] + (add or [])
        place.touch(target)
        place.tell_order(target, "ORDERS_UPDATED")
        return target.tags

    def count(self, sku: str, on_hand: int, location_id: int | None = None, shop: str | None = None) -> int:
        """Somebody counts the shelf; an article that was never sold nor counted is listed first. Gives the inventory item."""
        place = self.shop(shop)
        variant = next((one for one in place.variants.values() if one.sku == sku), None) or listed_variant(place, sku)
        place.stock.count(variant.id, location_id or place.options.locations[0].location_id, on_hand)
        return variant.id + 1

    def edit_article(self, item_id: int, shop: str | None = None, **changes: Any) -> None:
        """In the admin; `changes` are named as in `catalog.CHANGEABLE`."""
        catalog.edit_article(self.shop(shop), item_id, changes)

    def list_again(self, sku: str, shop: str | None = None, tracked: bool = True) -> int:
        """One more article with this SKU, counted as none at every location. Gives the inventory item."""
        place = self.shop(shop)
        variant = listed_variant(place, sku)
        variant.tracked = tracked
        for location in place.options.locations:
            place.stock.count(variant.id, location.location_id, 0)
        return variant.id + 1

    def rotate_secret(self, secret: str, shop: str | None = None) -> None:
        """Webhooks go on being signed with the old secret for a while."""
        place = self.shop(shop)
        place.outbox.retire_secret(place.options.client_secret)
        place.options = options.changed(place.options, {"client_secret": secret})

    def revoke_scopes(self, scopes: list[str], shop: str | None = None) -> None:
        """The app has these scopes no more; `options` with `scopes` gives them back."""
        place = self.shop(shop)
        left = [scope for scope in place.options.scopes if scope not in scopes]
        place.options = options.changed(place.options, {"scopes": left})

    def unsubscribe(self, topics: list[str] | None = None, shop: str | None = None) -> int:
        """The webhooks of these topics, such as ORDERS_PAID, or all of them are gone. How many there were."""
        outbox = self.shop(shop).outbox
        gone = [one.id for one in outbox.subscriptions.values() if topics is None or one.topic in topics]
        for subscription_id in gone:
            outbox.unsubscribe(subscription_id)
        return len(gone)

    def set_options(self, changes: dict[str, Any], shop: str | None = None) -> None:
        """Changes how a shop behaves from now on, by field of `ShopOptions`."""
        place = self.shop(shop)
        place.options = options.changed(place.options, changes)


def _place(shop: Shop, order_id: int, sale: Sale) -> None:
    shop.last_order_number += 1
    body = {**sale.body, "id": order_id, "order_number": shop.last_order_number}
    order = importing.order_of(shop, body)
    method = sale.method or importing.delivery_method(order)
    order.units = [
        Units(
            line,
            shop.options.locations[place].location_id,
            method if line.requires_shipping else sale.digital_method,
            count,
        )
        for line, parts in zip(order.lines, sale.split, strict=True)
        for place, count in parts
    ]
    take_in(shop, order, sale.risk)


def _live(order: Order, fulfillment_order_id: int | None) -> list[FulfillmentOrder]:
    found = [entry for entry in order.fulfillment_orders if entry.is_live and fulfillment_order_id in (None, entry.id)]
    if not found:
        raise ValueError(f"Order {order.name} has no such fulfillment order to act on.")
    return found


def _edit_lines(shop: Shop, order: Order, quantities: dict[int, int], add: list[dict[str, Any]]) -> list[Line]:
    lines = {line.id: line for line in order.lines}
    additions: Counter[int] = Counter()
    removals: Counter[int] = Counter()
    for line_id, quantity in quantities.items():
        if line_id not in lines:
            raise ValueError(f"Order {order.name} has no line {line_id}.")
        difference = _refused(partial(changing.set_quantity, shop, lines[line_id], quantity))
        (additions if difference > 0 else removals)[line_id] += abs(difference)
    added = [importing.line_of(shop, order, entry, {}) for entry in add]
    for line in added:
        order.lines.append(line)
        changing.grow(shop, line, line.quantity)
        additions[line.id] += line.quantity
    if quantities or added:
        changing.committed(shop, order, additions, removals)
    return added


def _refused(act: Callable[[], T]) -> T:
    """Refusals of people's actions are sentences for `control`."""
    try:
        return act()
    except Refusal as refusal:
        raise ValueError(refusal.message) from refusal
