"""The V2 face of the sandbox's account: shipments, labels, stock, tracking, signed webhooks, and what a plan does not have."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from syncd.ports import Request, Response
from tests.sandbox.shipstation_caller import Caller

Document = dict[str, Any]


class V2Caller(Caller):
    def send(self, method: str, url: str, body: Any = None) -> Response:
        if not url.startswith("/v2/"):
            return super().send(method, url, body)
        content = None if body is None else json.dumps(body).encode()
        return self.world.answer(Request(method, url, {"api-key": "sandbox-v2-key"}, content))

    def ship(self, *bodies: Document) -> list[Document]:
        rows: list[Document] = self.post("/v2/shipments", {"shipments": list(bodies)})["shipments"]
        return rows

    def refused(self, method: str, url: str, body: Any = None) -> tuple[int, str]:
        """Status and error code."""
        answer = self.send(method, url, body)
        return answer.status, json.loads(answer.body)["errors"][0]["error_code"]


def shipment_body(key: str = "shop-1001", **fields: Any) -> Document:
    body: Document = {
        "external_shipment_id": key,
        "shipment_number": "1001",
        "create_sales_order": True,
        "store_id": "se-1002",
        "warehouse_id": "se-501",
        "ship_to": {
            "name": "Ann Lee",
            "phone": "5125550100",
            "address_line1": "1 Main St",
            "city_locality": "Austin",
            "state_province": "TX",
            "postal_code": "78701",
            "country_code": "US",
            "address_residential_indicator": "yes",
        },
        "items": [
            {"external_order_item_id": "li-1", "sku": "MUG", "name": "Mug", "quantity": 2, "unit_price": 9.5},
            {"external_order_item_id": "li-2", "sku": "CUP", "name": "Cup", "quantity": 3, "unit_price": 4},
        ],
        "packages": [{"weight": {"value": 24, "unit": "ounce"}}],
        "tags": [{"name": "VIP"}, {"name": "fragile"}],
        "amount_paid": {"currency": "usd", "amount": 31},
    }
    return body | fields


def test_a_shipment_is_the_order_that_v1_shows_under_the_same_number() -> None:
    caller = V2Caller()
    [made] = caller.ship(shipment_body())
    order = caller.get(f"/orders/{made['shipment_id'].removeprefix('se-')}")
    assert (order["orderKey"], order["orderStatus"], order["shipTo"]["street1"]) == (
        "shop-1001",
        "awaiting_shipment",
        "1 Main St",
    )
    assert [(row["lineItemKey"], row["quantity"]) for row in order["items"]] == [("li-1", 2), ("li-2", 3)]
    assert (order["weight"]["value"], order["weight"]["units"]) == (24, "ounces")
    assert caller.get("/v2/shipments/external_shipment_id/shop-1001")["tags"] == [{"name": "VIP"}, {"name": "fragile"}]


def test_what_was_read_can_be_put_back_without_changing_anything() -> None:
    caller = V2Caller()
    [made] = caller.ship(shipment_body())
    read = caller.get(f"/v2/shipments/{made['shipment_id']}")
    caller.wait(5)
    put = json.loads(caller.send("PUT", f"/v2/shipments/{made['shipment_id']}", read).body)
    assert {**put, "modified_at": None, "items": None} == {**read, "modified_at": None, "items": None}
    assert [row["external_order_item_id"] for row in put["items"]] == ["li-1", "li-2"]


@pytest.mark.parametrize("style", ["row_error", "status_400"])
def test_the_same_key_twice_is_refused_and_never_an_update(style: str) -> None:
    caller = V2Caller(v2_twin_style=style)
    caller.ship(shipment_body())
    answer = caller.send("POST", "/v2/shipments", {"shipments": [shipment_body(shipment_number="changed")]})
    assert (answer.status == 400) == (style == "status_400")
    assert b"in use already" in answer.body
    assert caller.get("/v2/shipments")["shipments"][0]["shipment_number"] == "1001"


def test_good_rows_stay_when_others_fail_and_long_ids_are_cut_without_a_word() -> None:
    caller = V2Caller()
    bad = shipment_body("shop-2") | {"ship_to": {"name": "Nobody"}}
    rows = caller.ship(shipment_body("k" * 60), bad)
    assert (rows[0]["external_shipment_id"], rows[0]["errors"]) == ("k" * 50, [])
    assert "shipment_id" not in rows[1]
    assert rows[1]["errors"] == ["address_line1 should not be empty."]


def test_a_hold_has_a_date_and_ends_by_the_clock() -> None:
    caller = V2Caller()
    [made] = caller.ship(shipment_body(hold_until_date="2026-11-22T08:00:00Z"))
    assert (made["shipment_status"], made["hold_until_date"]) == ("pending", "2026-11-22T08:00:00.000Z")
    assert caller.get(f"/orders/{made['shipment_id'][3:]}")["orderStatus"] == "on_hold"
    caller.wait(3 * 86400)
    assert caller.get(f"/v2/shipments/{made['shipment_id']}")["hold_until_date"] is None


def test_cancelling_needs_voided_labels_and_a_body() -> None:
    caller = V2Caller()
    [made] = caller.ship(shipment_body())
    url = f"/v2/shipments/{made['shipment_id']}/cancel"
    label = caller.post(f"/v2/labels/shipment/{made['shipment_id']}", {})
    assert caller.refused("PUT", url, {}) == (400, "invalid_status")
    voided = json.loads(caller.send("PUT", f"/v2/labels/{label['label_id']}/void", {}).body)
    assert (voided["approved"], voided["voided_label_ids"]) == (True, [int(label["label_id"][3:])])
    assert caller.send("PUT", url).status == 411
    assert caller.send("PUT", url, {}).status == 204
    assert caller.get(f"/v2/shipments/{made['shipment_id']}")["shipment_status"] == "cancelled"


def test_pages_name_the_next_one_until_the_end() -> None:
    caller = V2Caller()
    for number in range(5):
        caller.ship(shipment_body(f"shop-{number}"))
        caller.wait(1)
    seen, url = [], "/v2/shipments?page_size=2&sort_by=created_at&sort_dir=asc"
    while url:
        page = caller.get(url)
        seen += [row["external_shipment_id"] for row in page["shipments"]]
        url = page["links"]["next"].get("href", "").removeprefix("https://api.shipstation.com")
    assert seen == [f"shop-{number}" for number in range(5)]
    beyond = caller.get("/v2/shipments?page=9&page_size=2")
    assert (beyond["shipments"], beyond["pages"], beyond["total"]) == ([], 3, 5)
    assert caller.get("/v2/labels")["pages"] == 0


def test_a_label_takes_goods_off_the_shelf_and_its_void_puts_them_back() -> None:
    caller = V2Caller()
    caller.world.stock.count("MUG", 701, 10)
    [made] = caller.ship(shipment_body())
    assert levels(caller) == {"MUG": (10, 2, 8)}
    label = caller.post(f"/v2/labels/shipment/{made['shipment_id']}", {})
    assert levels(caller) == {"MUG": (8, 0, 8)}
    caller.send("PUT", f"/v2/labels/{label['label_id']}/void", {})
    assert levels(caller) == {"MUG": (10, 2, 8)}


def levels(caller: V2Caller) -> dict[str, tuple[int, int, int]]:
    rows = caller.get("/v2/inventory")["inventory"]
    return {row["sku"]: (row["on_hand"], row["allocated"], row["available"]) for row in rows}


def test_stock_is_changed_by_transactions_that_answer_nothing() -> None:
    caller = V2Caller()
    shelf = {"inventory_location_id": "se-701", "sku": "MUG"}
    for kind, quantity in (("adjust", 7), ("increment", 3), ("decrement", 1)):
        answer = caller.send("POST", "/v2/inventory", {**shelf, "transaction_type": kind, "quantity": quantity})
        assert (answer.status, answer.body) == (204, b"")
    assert levels(caller)["MUG"][0] == 9
    moved = {**shelf, "transaction_type": "modify", "quantity": 4, "new_inventory_location_id": "se-702"}
    caller.send("POST", "/v2/inventory", moved)
    rows = caller.get("/v2/inventory?inventory_location_id=se-702")["inventory"]
    assert [(row["on_hand"], row["inventory_warehouse_id"]) for row in rows] == [(4, "se-602")]
    unknown = {**moved, "inventory_location_id": "se-9"}
    assert caller.refused("POST", "/v2/inventory", unknown) == (404, "invalid_identifier")


def test_the_carrier_tells_its_story_and_the_webhook_brings_it_signed() -> None:
    caller = V2Caller()
    wish = {"name": "news", "event": "track_event_v2", "url": "https://sync.test/v2", "headers": []}
    caller.post("/v2/environment/webhooks", wish)
    assert caller.refused("POST", "/v2/environment/webhooks", wish) == (409, "webhook_event_type_conflict")
    [made] = caller.ship(shipment_body())
    label = caller.post(f"/v2/labels/shipment/{made['shipment_id']}", {})
    caller.world.carriage.scan(int(label["label_id"][3:]), "IT", "OUT_FOR_DELIVERY", "Out for delivery")
    told = caller.get(f"/v2/labels/{label['label_id']}/track")
    assert (told["status_code"], told["events"][0]["description"]) == ("IT", "Out for delivery")
    caller.wait(60)
    [delivery] = caller.world.due_deliveries()
    body = json.loads(delivery.body)
    assert (body["resource_type"], body["data"]) == ("TRACK_EVENT_V2", told)
    verify(caller, delivery.headers, delivery.body)


def verify(caller: V2Caller, headers: dict[str, str], body: bytes) -> None:
    """By the vendor's recipe, with the published key. Raises when the signature is wrong."""
    [key] = json.loads(caller.world.answer(Request("GET", "/jwks", {})).body)["keys"]
    assert key["kid"] == headers["x-shipengine-rsa-sha256-key-id"]
    modulus = int.from_bytes(base64.urlsafe_b64decode(key["n"] + "=="))
    public = rsa.RSAPublicNumbers(65537, modulus).public_key()
    message = headers["x-shipengine-timestamp"].encode() + b"." + body
    signature = base64.b64decode(headers["x-shipengine-rsa-sha256-signature"])
    public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


def test_a_return_label_knows_the_package_that_comes_back() -> None:
    caller = V2Caller()
    [made] = caller.ship(shipment_body())
    label = caller.post(f"/v2/labels/shipment/{made['shipment_id']}", {})
    back = caller.post(f"/v2/labels/{label['label_id']}/return", {})
    assert (back["is_return_label"], back["outbound_label_id"]) == (True, label["label_id"])
    assert caller.get(f"/orders/{made['shipment_id'][3:]}")["orderStatus"] == "shipped"


def test_rates_come_side_by_side_and_say_what_cannot_be_rated() -> None:
    caller = V2Caller()
    [made] = caller.ship(shipment_body())
    wished = {"shipment_id": made["shipment_id"], "rate_options": {"carrier_ids": ["se-12345", "se-12347"]}}
    answer = caller.post("/v2/rates", wished)["rate_response"]
    assert {row["carrier_code"] for row in answer["rates"]} == {"stamps_com", "ups"}
    assert [row["service_code"] for row in answer["invalid_rates"]] == ["usps_first_class_mail"]
    assert answer["invalid_rates"][0]["error_messages"]
    assert caller.post("/v2/rates", wished)["rate_response"]["rates"] == answer["rates"]


def test_both_apis_estimate_the_same_for_a_parcel_that_is_not_there_yet() -> None:
    caller = V2Caller()
    places = {"country_code": "US", "postal_code": "10001"}
    wished = {f"{end}_{part}": value for end in ("from", "to") for part, value in places.items()}
    weight = {"value": 450, "unit": "gram"}
    rows = caller.post("/v2/rates/estimate", {**wished, "carrier_ids": ["se-12347"], "weight": weight})
    parcel = {"carrierCode": "ups", "fromPostalCode": "78703", "toCountry": "US", "toPostalCode": "10001"}
    listed = caller.post("/shipments/getrates", {**parcel, "weight": {"value": 450, "units": "grams"}})
    assert [row["shipping_amount"]["amount"] for row in rows] == [row["shipmentCost"] for row in listed]
    assert [row["serviceCode"] for row in listed] == ["ups_ground"]
    assert "days" not in str(listed)


@pytest.mark.parametrize(
    ("access", "path", "status"),
    [
        ("inventory_only", "/v2/shipments", 403),
        ("inventory_only", "/v2/inventory", 200),
        ("no_inventory", "/v2/inventory_locations", 403),
        ("no_inventory", "/v2/labels", 200),
        ("expired", "/v2/inventory", 401),
        ("plan", "/v2/inventory", 402),
    ],
)
def test_a_plan_opens_some_doors_and_closes_others(access: str, path: str, status: int) -> None:
    assert V2Caller(v2_access=access).send("GET", path).status == status


def test_the_two_hundred_and_first_call_of_a_minute_waits() -> None:
    caller = V2Caller(v2_requests_per_window=200)
    answers = [caller.send("GET", "/v2/tags") for _ in range(201)]
    assert [answer.status for answer in answers[199:]] == [200, 429]
    assert answers[200].headers["retry-after"] == "60"
    caller.wait(60)
    assert caller.send("GET", "/v2/tags").status == 200
    assert caller.send("GET", "/orders").status == 200, "V1 counts by itself"
