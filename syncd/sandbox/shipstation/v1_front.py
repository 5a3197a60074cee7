"""The V1 API in front of an account: paths and bodies in, documents and status codes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from syncd.ports import Request, Response
from syncd.sandbox.shipstation import v1_documents as documents
from syncd.sandbox.shipstation import v1_lists as lists
from syncd.sandbox.shipstation.account import Account, Upserted
from syncd.sandbox.shipstation.catalog import CARRIERS, CARRIERS_BY_CODE, Carrier
from syncd.sandbox.shipstation.desk import Desk
from syncd.sandbox.shipstation.labels import Labels
from syncd.sandbox.shipstation.notices import Notices
from syncd.sandbox.shipstation.rates import Parcel, rates_of
from syncd.sandbox.shipstation.records import Draft, Order
from syncd.sandbox.shipstation.refusals import Invalid, Locked, NotFound, Refusal
from syncd.sandbox.shipstation.units import ounces
from syncd.sandbox.shipstation.v1_bodies import day, json_body, order_draft, required_text, required_whole, text, whole
from syncd.sandbox.shipstation.v1_products import replaced_product
from syncd.sandbox.shipstation.v1_queries import Query, page_of
from syncd.sandbox.shipstation.webhooks import Webhooks

LARGEST_BATCH = 100
JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}


@dataclass(frozen=True)
class Call:
    """`row_id` is the number at the end of the path, 0 when there is none."""

    request: Request
    query: Query
    row_id: int

    @property
    def body(self) -> Any:
        return json_body(self.request.body)


class PoisonedPage(Exception):
    """A list page holds an order that the vendor cannot render."""


def route_of(url: str) -> str:
    """The path in lower case without its number: `/Orders/123` is `/orders/{id}`. Working clients write either case."""
    path = "/" + urlsplit(url).path.strip("/").lower()
    if path.startswith("/v2/"):
        return re.sub(r"/(se-\d+|external_shipment_id/.+|tags/.+)(?=/|$)", "/{id}", path)
    return re.sub(r"/\d+$", "/{id}", "/orders" if path == "/orders/list" else path)


class V1Front:
    def __init__(self, account: Account, desk: Desk, labels: Labels, webhooks: Webhooks, notices: Notices) -> None:
        self._account = account
        self._desk = desk
        self._labels = labels
        self._webhooks = webhooks
        self._notices = notices
        self._actions: dict[tuple[str, str], Callable[[Call], Any]] = {
            ("POST", "/orders/createorder"): self._create_order,
            ("POST", "/orders/createorders"): self._create_orders,
            ("GET", "/orders"): self._orders,
            ("GET", "/orders/listbytag"): self._orders_by_tag,
            ("GET", "/orders/{id}"): self._order,
            ("DELETE", "/orders/{id}"): self._delete_order,
            ("POST", "/orders/holduntil"): self._hold_until,
            ("POST", "/orders/restorefromhold"): self._restore_from_hold,
            ("POST", "/orders/addtag"): self._add_tag,
            ("POST", "/orders/removetag"): self._remove_tag,
            ("POST", "/orders/markasshipped"): self._mark_as_shipped,
            ("POST", "/orders/createlabelfororder"): self._create_label,
            ("GET", "/shipments"): self._shipments,
            ("POST", "/shipments/voidlabel"): self._void_label,
            ("POST", "/shipments/getrates"): self._rates,
            ("GET", "/fulfillments"): self._fulfillments,
            ("GET", "/products"): self._products,
            ("GET", "/products/{id}"): self._product,
            ("PUT", "/products/{id}"): self._put_product,
            ("GET", "/customers"): self._customers,
            ("GET", "/stores"): self._stores,
            ("GET", "/stores/{id}"): self._store,
            ("GET", "/warehouses"): self._warehouses,
            ("GET", "/warehouses/{id}"): self._warehouse,
            ("GET", "/carriers"): lambda call: [documents.carrier_document(carrier) for carrier in CARRIERS],
            ("GET", "/carriers/listservices"): self._services,
            ("GET", "/carriers/listpackages"): self._packages,
            ("GET", "/accounts/listtags"): self._tags,
            ("GET", "/webhooks"): self._list_webhooks,
            ("POST", "/webhooks/subscribe"): self._subscribe,
            ("DELETE", "/webhooks/{id}"): self._unsubscribe,
        }

    def answer(self, request: Request) -> Response:
        route = route_of(request.url)
        action = self._actions.get((request.method.upper(), route))
        if action is None:
            known = any(path == route for _, path in self._actions)
            return _answer(405 if known else 404, {"Message": "No action was found that matches the request."})
        try:
            return _answer(200, action(self._call(request)))
        except NotFound as refusal:
            return _answer(404, {"Message": str(refusal)})
        except Invalid as refusal:
            state = {refusal.field: [str(refusal)]}
            return _answer(400, {"Message": "The request is invalid.", "ModelState": state})
        except Refusal as refusal:
            return _answer(400, {"Message": str(refusal)})
        except PoisonedPage:
            return _answer(500, {"Message": "An error has occurred.", "ExceptionMessage": "Value cannot be null."})

    def _call(self, request: Request) -> Call:
        parts = urlsplit(request.url)
        parameters = {name.lower(): value for name, value in parse_qsl(parts.query)}
        last = parts.path.rstrip("/").rpartition("/")[2]
        return Call(request, Query(parameters, self._account.options), int(last) if last.isdecimal() else 0)

    # Orders

    def _create_order(self, call: Call) -> Any:
        upserted = self._account.upsert(order_draft(call.body, self._account.options))
        self._announce([upserted])
        return documents.order_document(self._account.orders[upserted.order.order_id])

    def _create_orders(self, call: Call) -> Any:
        rows = call.body
        if not isinstance(rows, list) or not 1 <= len(rows) <= LARGEST_BATCH:
            raise Invalid("orders", f"The request must hold between 1 and {LARGEST_BATCH} orders.")
        drafts = [self._read(row) for row in rows]
        self._refuse_whole_batch(drafts)
        upserts: list[Upserted] = []
        results = [self._result(row, draft, upserts) for row, draft in zip(rows, drafts, strict=True)]
        self._announce(upserts)
        return {"hasErrors": any(not result["success"] for result in results), "results": results}

    def _read(self, row: Any) -> Draft | Refusal:
        try:
            return order_draft(row, self._account.options)
        except Refusal as refusal:
            return refusal

    def _refuse_whole_batch(self, drafts: list[Draft | Refusal]) -> None:
        if self._account.options.locked_order_style != "status_400":
            return
        for draft in drafts:
            if isinstance(draft, Draft) and self._account.is_locked(draft):
                raise Locked(f"Order {draft.content.order_number} cannot be modified.")

    def _result(self, row: Any, draft: Draft | Refusal, upserts: list[Upserted]) -> dict[str, Any]:
        """One row of the answer. Good rows stay when others fail."""
        try:
            if isinstance(draft, Refusal):
                raise draft
            upserted = self._account.upsert(draft)
        except Refusal as refusal:
            sent = row if isinstance(row, dict) else {}
            return _result_row(None, sent.get("orderNumber"), sent.get("orderKey"), str(refusal))
        upserts.append(upserted)
        order = upserted.order
        return _result_row(order.order_id, order.content.order_number, order.key, None)

    def _announce(self, upserts: list[Upserted]) -> None:
        """One notice per import. Edits and orders that nobody paid for send none."""
        self._notices.orders_imported([upserted.order for upserted in upserts if _is_news(upserted)])

    def _orders(self, call: Call) -> Any:
        return self._order_page(lists.listed_orders(self._account.orders_seen(), call.query), call)

    def _orders_by_tag(self, call: Call) -> Any:
        if call.query.text("orderStatus") is None or call.query.whole("tagId") is None:
            raise Invalid("tagId", "orderStatus and tagId are required.")
        return self._orders(call)

    def _order_page(self, found: list[Order], call: Call) -> Any:
        page = page_of(call.query)
        rows = page.of(found)
        if any(order.order_id in self._account.poisoned for order in rows):
            raise PoisonedPage
        rendered = [documents.order_document(order) for order in rows]
        return page.envelope("orders", rendered, len(found), self._account.options)

    def _order(self, call: Call) -> Any:
        order = self._account.order_seen(call.row_id)
        if order is None:
            raise NotFound(f"There is no order {call.row_id}.")
        return documents.order_document(order)

    def _delete_order(self, call: Call) -> Any:
        self._desk.delete(call.row_id)
        return _done("The requested order has been deleted.")

    def _hold_until(self, call: Call) -> Any:
        body = call.body
        until = day(body, "holdUntilDate") if isinstance(body, dict) else None
        if until is None:
            raise Invalid("holdUntilDate", "'Hold Until Date' must not be empty.")
        self._desk.hold(required_whole(body, "orderId"), until)
        return _done("Order held successfully.")

    def _restore_from_hold(self, call: Call) -> Any:
        self._desk.release(required_whole(call.body, "orderId"))
        return _done("The requested order has been restored")

    def _add_tag(self, call: Call) -> Any:
        self._desk.tag(required_whole(call.body, "orderId"), self._known_tag(call))
        return _done("Tag added successfully.")

    def _remove_tag(self, call: Call) -> Any:
        self._desk.untag(required_whole(call.body, "orderId"), self._known_tag(call))
        return _done("Tag removed successfully.")

    def _known_tag(self, call: Call) -> int:
        tag_id = required_whole(call.body, "tagId")
        if tag_id not in {known for known, _, _ in self._account.options.tags}:
            raise NotFound(f"There is no tag {tag_id}.")
        return tag_id

    def _mark_as_shipped(self, call: Call) -> Any:
        body = call.body
        order_id, carrier = required_whole(body, "orderId"), required_text(body, "carrierCode")
        row = self._labels.mark_shipped(order_id, carrier, text(body, "trackingNumber"), day(body, "shipDate"))
        return {"orderId": row.order.order_id, "orderNumber": row.order.content.order_number}

    # Shipments and fulfillments

    def _create_label(self, call: Call) -> Any:
        body = call.body
        order_id, service = required_whole(body, "orderId"), required_text(body, "serviceCode")
        carrier = required_text(body, "carrierCode")
        shipment = self._labels.buy_label(order_id, carrier_code=carrier, service_code=service)
        return documents.shipment_document(shipment, with_items=True) | {"labelData": "JVBERi0xLjQK"}

    def _shipments(self, call: Call) -> Any:
        found = lists.listed_shipments(self._account.shipments_seen(), call.query)
        page, with_items = page_of(call.query), call.query.flag("includeShipmentItems")
        rendered = [documents.shipment_document(row, with_items) for row in page.of(found)]
        return page.envelope("shipments", rendered, len(found), self._account.options)

    def _void_label(self, call: Call) -> Any:
        """A refusal is a 200 as well: what counts is `approved`."""
        try:
            self._labels.void_label(required_whole(call.body, "shipmentId"))
        except (NotFound, Invalid):
            raise
        except Refusal as refusal:
            return {"approved": False, "message": str(refusal)}
        return {"approved": True, "message": "Label voided successfully"}

    def _rates(self, call: Call) -> Any:
        """Of one carrier. It tells neither days nor the currency; what cannot be had is not in it."""
        body = call.body
        carrier = CARRIERS_BY_CODE.get(required_text(body, "carrierCode"))
        if carrier is None:
            raise Invalid("carrierCode", "Invalid carrier code.")
        required_text(body, "fromPostalCode")
        parcel = Parcel(
            required_text(body, "toCountry"), required_text(body, "toPostalCode"), ounces(body.get("weight"))
        )
        found = [rate for rate in rates_of(parcel, [carrier.provider_id], self._account.options) if not rate.refusal]
        if not found:
            raise Refusal("No applicable services available.")
        return [documents.rate_document(rate) for rate in found]

    def _fulfillments(self, call: Call) -> Any:
        found = lists.listed_fulfillments(self._account.fulfillments_seen(), call.query)
        page = page_of(call.query)
        rendered = [documents.fulfillment_document(row) for row in page.of(found)]
        return page.envelope("fulfillments", rendered, len(found), self._account.options)

    # The rest of the account

    def _products(self, call: Call) -> Any:
        found = lists.listed_products(self._account.products.values(), call.query)
        page = page_of(call.query)
        rendered = [documents.product_document(row) for row in page.of(found)]
        return page.envelope("products", rendered, len(found), self._account.options)

    def _product(self, call: Call) -> Any:
        return documents.product_document(self._account.product(call.row_id))

    def _put_product(self, call: Call) -> Any:
        product = replaced_product(self._account.product(call.row_id), call.body, self._account)
        self._account.put_product(product)
        return _done("The requested product has been updated")

    def _customers(self, call: Call) -> Any:
        """Those with a user name, as they were in their last order."""
        last = {order.customer_id: order for order in self._account.orders_seen() if order.customer_id}
        page = page_of(call.query)
        found = [last[customer_id] for customer_id in sorted(last)]
        rendered = [documents.customer_document(order) for order in page.of(found)]
        return page.envelope("customers", rendered, len(found), self._account.options)

    def _stores(self, call: Call) -> Any:
        """Bare arrays, unpaged, as are warehouses, carriers, services and tags."""
        marketplace = call.query.whole("marketplaceId")
        return [
            documents.store_document(store)
            for store in self._account.options.stores
            if (store.active or call.query.flag("showInactive")) and marketplace in (None, store.marketplace_id)
        ]

    def _store(self, call: Call) -> Any:
        for store in self._account.options.stores:
            if store.store_id == call.row_id:
                return documents.store_document(store) | {"statusMappings": None}
        raise NotFound(f"There is no store {call.row_id}.")

    def _warehouses(self, call: Call) -> Any:
        return [documents.warehouse_document(row) for row in self._account.options.warehouses]

    def _warehouse(self, call: Call) -> Any:
        for warehouse in self._account.options.warehouses:
            if warehouse.warehouse_id == call.row_id:
                return documents.warehouse_document(warehouse)
        raise NotFound(f"There is no warehouse {call.row_id}.")

    def _services(self, call: Call) -> Any:
        return documents.service_documents(_carrier(call))

    def _packages(self, call: Call) -> Any:
        return documents.package_documents(_carrier(call))

    def _tags(self, call: Call) -> Any:
        return [{"tagId": tag_id, "name": name, "color": color} for tag_id, name, color in self._account.options.tags]

    def _list_webhooks(self, call: Call) -> Any:
        return {"webhooks": [documents.webhook_document(row) for row in self._webhooks.subscriptions.values()]}

    def _subscribe(self, call: Call) -> Any:
        body = call.body
        url, event = required_text(body, "target_url"), required_text(body, "event")
        row = self._webhooks.subscribe(event, url, whole(body, "store_id"), text(body, "friendly_name") or "")
        return {"id": row.webhook_id}

    def _unsubscribe(self, call: Call) -> Any:
        self._webhooks.unsubscribe(call.row_id)
        return None


def _is_news(upserted: Upserted) -> bool:
    if upserted.ignored or upserted.order.status == "awaiting_payment":
        return False
    if upserted.before is None:
        return True
    return upserted.before.status == "awaiting_payment" and upserted.order.status != "cancelled"


def _result_row(order_id: int | None, number: Any, key: Any, error: str | None) -> dict[str, Any]:
    return {
        "orderId": order_id,
        "orderNumber": number,
        "orderKey": key,
        "success": error is None,
        "errorMessage": error,
    }


def _done(message: str) -> dict[str, Any]:
    return {"success": True, "message": message}


def _carrier(call: Call) -> Carrier:
    carrier = CARRIERS_BY_CODE.get(call.query.text("carrierCode") or "")
    if carrier is None:
        raise Invalid("carrierCode", "Invalid carrier code.")
    return carrier


def _answer(status: int, document: Any) -> Response:
    """No document is an empty body, as deletions of webhooks answer."""
    return Response(status, JSON_HEADERS, b"" if document is None else documents.dumps(document))
