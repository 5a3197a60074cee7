"""The V2 API in front of an account: the same world as V1, told in shipments and labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from syncd.ports import Request, Response
from syncd.sandbox.shipstation import v2_documents as documents
from syncd.sandbox.shipstation import v2_lists as lists
from syncd.sandbox.shipstation.account import Account
from syncd.sandbox.shipstation.carriage import Carriage
from syncd.sandbox.shipstation.catalog import CARRIERS
from syncd.sandbox.shipstation.desk import Desk
from syncd.sandbox.shipstation.labels import Labels
from syncd.sandbox.shipstation.notices import Notices
from syncd.sandbox.shipstation.rates import Parcel, Rate, parcel_of, rates_of
from syncd.sandbox.shipstation.records import Order, Shipment
from syncd.sandbox.shipstation.refusals import Invalid, NotFound, Refusal
from syncd.sandbox.shipstation.stock import Stock
from syncd.sandbox.shipstation.units import ounces
from syncd.sandbox.shipstation.v1_bodies import amount, json_body, required_text, text, whole
from syncd.sandbox.shipstation.v1_documents import dumps
from syncd.sandbox.shipstation.v2_bodies import CARRIER_CODES, an_object, moment, rows, se_id
from syncd.sandbox.shipstation.v2_errors import JSON_HEADERS, error_answer, refusal_answer
from syncd.sandbox.shipstation.v2_orders import V2Orders
from syncd.sandbox.shipstation.v2_webhooks import V2Webhooks

INVENTORY = ("/v2/inventory", "/v2/products", "/v2/warehouses", "/v2/environment")
"""What an account with nothing but the Inventory add-on may call."""
LARGEST_PRODUCT_PAGE = 100


@dataclass(frozen=True)
class Call:
    """`ids` are the parts of the path that stand for something, in order: `se-` numbers or names."""

    asked: lists.Asked
    ids: tuple[str, ...]
    raw_body: bytes | None

    @property
    def body(self) -> Mapping[str, Any]:
        if not self.raw_body:
            raise Invalid("body", "A request body is required.")
        return an_object(json_body(self.raw_body), "body")

    @property
    def row_id(self) -> int:
        return se_id(self.ids[0], "id") or 0


Action = Callable[[Call], Any]


class V2Front:
    def __init__(
        self,
        account: Account,
        desk: Desk,
        labels: Labels,
        stock: Stock,
        carriage: Carriage,
        webhooks: V2Webhooks,
        notices: Notices,
    ) -> None:
        self._account = account
        self._labels = labels
        self._stock = stock
        self._carriage = carriage
        self._webhooks = webhooks
        self._notices = notices
        self._orders = V2Orders(account, desk)
        self._actions: list[tuple[str, re.Pattern[str], Action]] = [
            (method, re.compile(f"^{path.replace('{}', '([^/]+)')}$"), action)
            for method, path, action in self._routes()
        ]

    def _routes(self) -> list[tuple[str, str, Action]]:
        return [
            ("GET", "/v2/shipments", self._shipments),
            ("POST", "/v2/shipments", self._create_shipments),
            ("GET", "/v2/shipments/external_shipment_id/{}", lambda call: self._shipment_by_key(call.ids[0])),
            ("GET", "/v2/shipments/{}", lambda call: self._shown(self._orders.seen(call.row_id))),
            ("PUT", "/v2/shipments/{}", self._put_shipment),
            ("PUT", "/v2/shipments/{}/cancel", self._cancel_shipment),
            ("GET", "/v2/shipments/{}/rates", self._rates_of_shipment),
            ("POST", "/v2/shipments/{}/tags/{}", self._tag),
            ("DELETE", "/v2/shipments/{}/tags/{}", self._untag),
            ("GET", "/v2/labels", self._labels_page),
            ("POST", "/v2/labels/shipment/{}", self._buy_label),
            ("GET", "/v2/labels/{}", lambda call: self._label_shown(self._label(call))),
            ("PUT", "/v2/labels/{}/void", self._void_label),
            ("POST", "/v2/labels/{}/return", self._return_label),
            ("GET", "/v2/labels/{}/track", self._track),
            ("GET", "/v2/fulfillments", self._fulfillments),
            ("POST", "/v2/fulfillments", self._create_fulfillments),
            ("POST", "/v2/rates", self._rates),
            ("POST", "/v2/rates/estimate", self._estimate),
            ("GET", "/v2/inventory", self._inventory),
            ("POST", "/v2/inventory", self._change_inventory),
            ("GET", "/v2/inventory_locations", self._inventory_locations),
            ("GET", "/v2/inventory_warehouses", self._inventory_warehouses),
            ("GET", "/v2/products", self._products),
            ("GET", "/v2/warehouses", self._warehouses),
            ("GET", "/v2/carriers", self._carriers),
            ("GET", "/v2/tags", self._tags),
            ("GET", "/v2/environment/webhooks", lambda call: self._webhooks.listed()),
            ("POST", "/v2/environment/webhooks", lambda call: self._webhooks.subscribe(call.body)),
            ("DELETE", "/v2/environment/webhooks/{}", lambda call: self._webhooks.unsubscribe(call.row_id)),
        ]

    def answer(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        if gate := self._gate(parts.path):
            return gate
        for method, pattern, action in self._actions:
            found = pattern.match(parts.path)
            if found and method == request.method.upper():
                asked = lists.Asked(parts.path, dict(parse_qsl(parts.query)))
                return self._carried_out(action, Call(asked, found.groups(), request.body), method)
        known = any(pattern.match(parts.path) for _, pattern, _ in self._actions)
        status, words = (405, "The method is not allowed.") if known else (404, "The resource was not found.")
        return error_answer(status, "validation", "unspecified", words)

    def _carried_out(self, action: Action, call: Call, method: str) -> Response:
        if method == "PUT" and not call.raw_body and self._account.options.v2_empty_put_style == "411":
            return Response(411, {"content-type": "text/html"}, b"<h2>Length Required</h2>")
        try:
            document = action(call)
        except Refusal as refusal:
            return refusal_answer(refusal)
        if document is None:
            return Response(204, {}, b"")
        return Response(200, JSON_HEADERS, dumps(document))

    def _gate(self, path: str) -> Response | None:
        """Parts of the API that this plan does not have."""
        options = self._account.options
        is_inventory = path.startswith(("/v2/inventory", "/v2/inventory_"))
        is_closed = (options.v2_access == "inventory_only" and not path.startswith(INVENTORY)) or (
            options.v2_access == "no_inventory" and is_inventory
        )
        if not is_closed:
            return None
        words = "Your plan does not include this feature."
        return error_answer(options.v2_gate_style, "account_status", "invalid_billing_plan", words)

    # Shipments

    def _shipments(self, call: Call) -> Any:
        found = lists.listed_shipments(call.asked, self._account.orders_seen())
        return lists.page_of(call.asked, "shipments", found, self._shown, lists.LARGEST_PAGE)

    def _create_shipments(self, call: Call) -> Any:
        wanted = rows(call.body, "shipments")
        if not wanted:
            raise Invalid("shipments", "At least one shipment is required.")
        made = [self._orders.create(row) for row in wanted]
        orders = [row for row in made if isinstance(row, Order)]
        self._notices.orders_imported(orders)
        answers = [
            self._shown(row) | {"errors": [], "address_validation": None}
            if isinstance(row, Order)
            else {
                "external_shipment_id": an_object(sent, "shipments").get("external_shipment_id"),
                "errors": [str(row)],
            }
            for sent, row in zip(wanted, made, strict=True)
        ]
        return {"has_errors": len(orders) < len(made), "shipments": answers}

    def _shipment_by_key(self, key: str) -> Any:
        return self._shown(self._orders.seen(self._account.order(key).order_id))

    def _put_shipment(self, call: Call) -> Any:
        return self._shown(self._orders.put(call.row_id, call.body))

    def _cancel_shipment(self, call: Call) -> None:
        self._orders.cancel(call.row_id)

    def _tag(self, call: Call) -> Any:
        self._orders.tag(call.row_id, call.ids[1])
        return {"shipment_id": call.ids[0], "tag": {"name": call.ids[1]}}

    def _untag(self, call: Call) -> None:
        self._orders.untag(call.row_id, call.ids[1])

    def _shown(self, order: Order) -> dict[str, Any]:
        return documents.shipment_document(order, self._orders.tag_names())

    # Labels and what carriers tell

    def _labels_page(self, call: Call) -> Any:
        found = lists.listed_labels(call.asked, self._account.shipments_seen())
        return lists.page_of(call.asked, "labels", found, self._label_shown, lists.LARGEST_PAGE)

    def _buy_label(self, call: Call) -> Any:
        order = self._account.order(call.row_id)
        details = order.content.details
        chosen = {"carrier_code": details["carrierCode"], "service_code": details["serviceCode"]}
        shipment = self._labels.buy_label(call.row_id, **{name: code for name, code in chosen.items() if code})
        return self._label_shown(shipment)

    def _return_label(self, call: Call) -> Any:
        outbound = self._label(call)
        made = self._labels.buy_label(
            outbound.order.order_id,
            {item.line_item_key: item.quantity for item in outbound.items if item.line_item_key},
            outbound.carrier_code,
            outbound.service_code,
            return_label=True,
        )
        linked = replace(made, outbound_id=outbound.shipment_id)
        self._account.shipments[made.shipment_id] = linked
        return self._label_shown(linked)

    def _void_label(self, call: Call) -> Any:
        """A refusal is a 200 as well: what counts is `approved`."""
        label = self._label(call)
        if label.voided_at is not None:
            return {"approved": False, "message": "Already voided", "reason_code": "label_already_voided"}
        self._labels.void_label(label.shipment_id)
        return {"approved": True, "message": "Label voided", "voided_label_ids": [label.shipment_id]}

    def _track(self, call: Call) -> Any:
        label = self._label(call)
        return documents.tracking_document(label, self._carriage.journey(label.shipment_id))

    def _label(self, call: Call) -> Shipment:
        label = self._account.shipments.get(call.row_id)
        if label is None:
            raise NotFound(f"There is no label {call.ids[0]}.")
        return label

    def _label_shown(self, shipment: Shipment) -> Any:
        return documents.label_document(shipment, self._carriage.journey(shipment.shipment_id))

    def _fulfillments(self, call: Call) -> Any:
        found = lists.listed_fulfillments(call.asked, self._account.fulfillments_seen())
        return lists.page_of(call.asked, "fulfillments", found, documents.fulfillment_document, lists.LARGEST_PAGE)

    def _create_fulfillments(self, call: Call) -> Any:
        """200 even when rows failed."""
        answers = [self._marked(an_object(row, "fulfillments")) for row in rows(call.body, "fulfillments")]
        return {"has_errors": any(row["error_message"] for row in answers), "fulfillments": answers}

    def _marked(self, row: Mapping[str, Any]) -> dict[str, Any]:
        shipment_id = text(row, "shipment_id")
        try:
            order = self._account.order(se_id(shipment_id, "shipment_id") or 0)
            shipped_on: date | None = found.date() if (found := moment(row, "ship_date")) else None
            code = required_text(row, "carrier_code")
            self._labels.mark_shipped(order.order_id, code, required_text(row, "tracking_number"), shipped_on)
        except Refusal as refusal:
            return {"shipment_id": shipment_id, "shipment_number": None, "error_message": str(refusal)}
        return {"shipment_id": shipment_id, "shipment_number": order.content.order_number, "error_message": None}

    # Rates

    def _rates(self, call: Call) -> Any:
        order = self._account.order(se_id(required_text(call.body, "shipment_id"), "shipment_id") or 0)
        carrier_ids = _carrier_ids(an_object(call.body.get("rate_options") or {}, "rate_options"))
        return self._shown(order) | {"rate_response": self._rate_response(order, carrier_ids)}

    def _estimate(self, call: Call) -> Any:
        """A bare array; what cannot be had stands in it too."""
        body = call.body
        carrier_ids = _carrier_ids(body)
        places = [
            required_text(body, f"{end}_{part}") for end in ("from", "to") for part in ("country_code", "postal_code")
        ]
        weight = an_object(body.get("weight") or {}, "weight")
        units = {"gram": "grams", "ounce": "ounces", "pound": "pounds"}.get(str(weight.get("unit")), "")
        parcel = Parcel(places[2], places[3], ounces({"value": weight.get("value"), "units": units}))
        found = rates_of(parcel, carrier_ids, self._account.options)
        return [documents.rate_document(rate, number) for number, rate in enumerate(found, 1)]

    def _rates_of_shipment(self, call: Call) -> Any:
        return self._rate_response(self._orders.seen(call.row_id), list(CARRIER_CODES))

    def _rate_response(self, order: Order, carrier_ids: list[int]) -> dict[str, Any]:
        found = rates_of(parcel_of(order), carrier_ids, self._account.options)
        shown = [(rate, documents.rate_document(rate, number)) for number, rate in enumerate(found, 1)]
        return {
            "rates": [document for rate, document in shown if rate.refusal is None],
            "invalid_rates": [document for rate, document in shown if rate.refusal],
            "rate_request_id": documents.se(order.order_id),
            "shipment_id": documents.se(order.order_id),
            "created_at": documents.moment_text(self._account.now()),
            "status": "completed" if any(_is_valid(rate) for rate in found) else "error",
            "errors": [],
        }

    # Stock

    def _inventory(self, call: Call) -> Any:
        found = lists.listed_levels(call.asked, self._stock.levels())
        return lists.page_of(call.asked, "inventory", found, documents.inventory_document, lists.LARGEST_PAGE)

    def _change_inventory(self, call: Call) -> None:
        body = call.body
        kind = required_text(body, "transaction_type")
        if kind not in ("increment", "decrement", "adjust", "modify"):
            raise Invalid("transaction_type", f"{kind} is not a valid transaction_type.")
        quantity, new_location = whole(body, "quantity"), text(body, "new_inventory_location_id")
        if quantity is None:
            raise Invalid("quantity", "quantity is required.")
        location_id = se_id(required_text(body, "inventory_location_id"), "inventory_location_id") or 0
        self._stock.change(
            kind,  # type: ignore[arg-type]  # one of the four, checked above
            location_id,
            required_text(body, "sku"),
            quantity,
            text(body, "reason") or "",
            amount(an_object(body.get("cost") or {}, "cost"), "amount"),
            se_id(new_location, "new_inventory_location_id"),
        )

    def _inventory_locations(self, call: Call) -> Any:
        known = list(self._account.options.inventory_locations)
        shown = documents.inventory_location_document
        return lists.page_of(call.asked, "inventory_locations", known, shown, lists.LARGEST_PAGE)

    def _inventory_warehouses(self, call: Call) -> Any:
        known = {row.inventory_warehouse_id: row for row in self._account.options.inventory_locations}
        shown = documents.inventory_warehouse_document
        return lists.page_of(call.asked, "inventory_warehouses", list(known.values()), shown, lists.LARGEST_PAGE)

    # The rest of the account

    def _products(self, call: Call) -> Any:
        found = lists.listed_products(call.asked, self._account.products.values())
        return lists.page_of(call.asked, "products", found, documents.product_document, LARGEST_PRODUCT_PAGE)

    def _warehouses(self, call: Call) -> Any:
        return {"warehouses": [documents.warehouse_document(row) for row in self._account.options.warehouses]}

    def _carriers(self, call: Call) -> Any:
        shown = [documents.carrier_document(carrier) for carrier in CARRIERS]
        return {"carriers": shown, "request_id": self._account.token(), "errors": []}

    def _tags(self, call: Call) -> Any:
        return {"tags": [{"name": name} for name in self._orders.tag_names().values()]}


def _carrier_ids(body: Any) -> list[int]:
    carrier_ids = [se_id(str(one), "carrier_ids") or 0 for one in rows(body, "carrier_ids")]
    if not carrier_ids:
        raise Invalid("rate_options.carrier_ids", "carrier_ids must have at least 1 item.")
    unknown = [one for one in carrier_ids if one not in CARRIER_CODES]
    if unknown:
        raise NotFound(f"There is no carrier se-{unknown[0]}.")
    return carrier_ids


def _is_valid(rate: Rate) -> bool:
    return rate.refusal is None
