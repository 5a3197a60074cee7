"""Who is let into the sandbox's Shopify, what an app may see, which version answers, and what goes wrong on purpose."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from syncd.ports import Request, Response
from syncd.sandbox.shopify import ShopifyWorld, ShopOptions
from syncd.sandbox.shopify.options import ALL_SCOPES
from syncd.sandbox.worlds import LostAnswer
from syncd.shopify import documents
from tests.sandbox.shopify_caller import MORNING, SHOP, Caller, Document, gid

SHOP_NAME = "query ShopName { shop { name } }"
GOOD = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}


def grant(caller: Caller, given: Document, as_json: bool = False) -> tuple[int, Document]:
    kind = "application/json" if as_json else "application/x-www-form-urlencoded"
    body = json.dumps(given) if as_json else urlencode(given)
    request = Request("POST", f"/{SHOP}/admin/oauth/access_token", {"Content-Type": kind}, body.encode())
    answer = caller.world.answer(request)
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("as_json", [True, False])
def test_credentials_get_a_token_for_a_day(as_json: bool) -> None:
    caller = Caller(scopes=("write_orders", "read_orders", "read_locations"))
    status, body = grant(caller, GOOD, as_json)
    assert (status, body["expires_in"], body["scope"]) == (200, 86399, "read_locations,write_orders")
    caller.token = body["access_token"]
    assert caller.send(SHOP_NAME).status == 200
    caller.wait(86399)
    answer = caller.send(SHOP_NAME)
    assert (answer.status, type(json.loads(answer.body)["errors"])) == (401, str)


@pytest.mark.parametrize(
    ("options", "change", "code"),
    [
        ({}, {"client_secret": "wrong"}, "invalid_client"),
        ({}, {"client_id": "wrong"}, "invalid_client"),
        ({"access": "revoked"}, {}, "invalid_client"),
        ({"organization_matches": False}, {}, "shop_not_permitted"),
        ({}, {"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_refused_grant_says_why(options: Document, change: Document, code: str) -> None:
    status, body = grant(Caller(**options), GOOD | change)
    assert (status, body["error"]) == (400, code)


def test_both_secrets_are_good_for_an_hour_after_a_rotation() -> None:
    caller = Caller()
    caller.world.control("rotate_secret", {"secret": "fresh"})
    assert [grant(caller, GOOD | {"client_secret": secret})[0] for secret in ("sandbox-secret", "fresh")] == [200, 200]
    caller.wait(3600)
    assert [grant(caller, GOOD | {"client_secret": secret})[0] for secret in ("sandbox-secret", "fresh")] == [400, 200]


def test_revoked_tokens_die_at_once_and_new_ones_can_be_had() -> None:
    caller = Caller(static_token="")
    caller.token = grant(caller, GOOD)[1]["access_token"]
    caller.world.control("revoke_tokens", {})
    assert caller.send(SHOP_NAME).status == 401
    caller.token = grant(caller, GOOD)[1]["access_token"]
    assert caller.send(SHOP_NAME).status == 200


def test_a_frozen_shop_answers_402_and_thaws() -> None:
    caller = Caller()
    caller.world.control("options", {"changes": {"access": "frozen"}})
    assert (caller.send(SHOP_NAME).status, grant_status(caller)) == (402, 402)
    caller.world.control("options", {"changes": {"access": "ok"}})
    assert caller.send(SHOP_NAME).status == 200


def grant_status(caller: Caller) -> int:
    return grant(caller, GOOD)[0]


def test_an_unknown_option_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="no shop option named colour"):
        Caller().world.control("options", {"changes": {"colour": "red"}})


def test_shops_do_not_see_each_other() -> None:
    shops = (ShopOptions(domain="a.myshopify.com"), ShopOptions(domain="b.myshopify.com", static_token="shpat_b"))
    world = ShopifyWorld(lambda: MORNING, 0, shops)
    order_id = world.control("sell", {"shop": "a.myshopify.com"})[0]

    def ask(domain: str, token: str) -> Response:
        body = json.dumps({"query": f'{{ order(id: "{gid("Order", order_id)}") {{ id }} }}'}).encode()
        url = f"https://sandbox.example/{domain}/admin/api/2026-10/graphql.json"
        return world.answer(Request("POST", url, {"x-shopify-access-token": token}, body))

    assert ask("b.myshopify.com", "shpat_sandbox").status == 401
    assert json.loads(ask("b.myshopify.com", "shpat_b").body)["data"] == {"order": None}
    assert json.loads(ask("a.myshopify.com", "shpat_sandbox").body)["data"]["order"] is not None
    assert ask("c.myshopify.com", "shpat_b").status == 404
    with pytest.raises(ValueError, match="There is no shop None"):
        world.control("sell", {})


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("2026-10", "2026-10"),
        ("2026-04", "2026-04"),
        ("2025-07", "2026-01"),
        ("2031-01", "2026-01"),
        ("unstable", "unstable"),
    ],
)
def test_a_version_that_is_gone_is_answered_by_the_oldest(asked: str, served: str) -> None:
    caller = Caller()
    caller.version = asked
    answer = caller.send(SHOP_NAME)
    assert (answer.status, answer.headers["x-shopify-api-version"]) == (200, served)
    assert answer.headers["x-request-id"]


def test_a_version_can_be_retired_in_mid_run() -> None:
    caller = Caller()
    caller.world.control("options", {"changes": {"oldest_version": "2027-01"}})
    assert caller.send(SHOP_NAME).headers["x-shopify-api-version"] == "2027-01"


def test_a_missing_scope_closes_its_field_and_delivers_the_rest() -> None:
    caller = Caller(scopes=("read_orders",))
    caller.sell()
    answer = caller.ask("{ shop { name } fulfillmentOrders(first: 1) { nodes { id } } }")
    error = answer["errors"][0]
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert "read_merchant_managed_fulfillment_orders" in error["extensions"]["requiredAccess"]
    assert error["path"] == ["fulfillmentOrders"]
    order = caller.ask("{ orders(first: 1) { nodes { id lineItems(first: 1) { nodes { variant { id } title } } } } }")
    assert order["data"]["orders"]["nodes"][0]["lineItems"]["nodes"][0]["variant"] is None
    assert order["errors"][0]["path"][-1] == "variant"


def test_a_mutation_without_its_scope_changes_nothing() -> None:
    scopes = tuple(scope for scope in ALL_SCOPES if not scope.endswith("fulfillment_orders"))
    caller = Caller(scopes=(*scopes, "read_merchant_managed_fulfillment_orders"))
    order_id = caller.sell()[0]
    target = gid("FulfillmentOrder", caller.order(order_id)["fulfillmentOrders"][0]["id"])
    answer = caller.ask(
        documents.CREATE_FULFILLMENT, fulfillment={"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": target}]}
    )
    assert answer["data"] == {"fulfillmentCreate": None}
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert caller.order(order_id)["fulfillments"] == []


def test_nodes_are_closed_without_their_scope() -> None:
    answer = Caller(scopes=("read_products",)).ask(documents.ORDERS_SHIPPED, ids=[gid("Order", 1)])
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_without_level_2_persons_are_null_with_an_error_each() -> None:
    caller = Caller(level_2_data=False)
    order_id = caller.sell()[0]
    answer = caller.ask(documents.ORDERS_TO_SHIP, ids=[gid("Order", order_id)])
    order = answer["data"]["nodes"][0]
    assert order["email"] is None
    assert (order["shippingAddress"]["zip"], order["shippingAddress"]["countryCodeV2"]) == (None, "US")
    assert ["nodes", 0, "shippingAddress", "address1"] in [error["path"] for error in answer["errors"]]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"ACCESS_DENIED"}


def test_a_body_that_is_no_request_gets_400_and_another_path_404() -> None:
    caller = Caller()
    headers = {"X-Shopify-Access-Token": "shpat_sandbox"}
    url = f"/{SHOP}/admin/api/2026-10/graphql.json"
    assert caller.world.answer(Request("POST", url, headers, b"{")).status == 400
    assert caller.world.answer(Request("GET", url, headers)).status == 404
    assert caller.world.answer(Request("POST", f"/{SHOP}/admin/api/2026-10/orders.json", headers)).status == 404


def with_fault(kind: str, **more: Any) -> Caller:
    caller = Caller()
    caller.world.control("faults", {"rules": [{"kind": kind, "operation": "Create", "times": 1, **more}]})
    return caller


def try_to_fulfill(caller: Caller) -> tuple[int, Response | None]:
    """The order, and the answer to the fulfillment unless it was lost."""
    order_id = caller.sell()[0]
    target = gid("FulfillmentOrder", caller.order(order_id)["fulfillmentOrders"][0]["id"])
    mutation = """mutation Create($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) {
        fulfillment { id } userErrors { message } } }"""
    given = {"f": {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": target}]}}
    try:
        return order_id, caller.send(mutation, given)
    except LostAnswer:
        return order_id, None


@pytest.mark.parametrize(
    ("kind", "status", "is_done"),
    [
        ("error_500_before", 500, False),
        ("error_500_after", 500, True),
        ("lost_request", None, False),
        ("lost_answer", None, True),
        ("html", 200, False),
        ("truncated", 200, True),
        ("throttled", 200, False),
    ],
)
def test_a_fault_is_or_is_not_carried_out(kind: str, status: int | None, is_done: bool) -> None:
    caller = with_fault(kind)
    order_id, answer = try_to_fulfill(caller)
    assert (answer.status if answer else None) == status
    assert bool(caller.order(order_id)["fulfillments"]) is is_done
    assert caller.world.control("state", {})["faults"] == {kind: 1}
    assert try_to_fulfill(caller)[1] is not None


def test_an_internal_error_in_200_is_carried_out_or_not() -> None:
    caller = with_fault("internal_error_in_200", times=None)
    done = []
    for _ in range(12):
        order_id, answer = try_to_fulfill(caller)
        assert answer is not None
        assert json.loads(answer.body)["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        done.append(bool(caller.order(order_id)["fulfillments"]))
    assert set(done) == {True, False}


def test_faults_can_be_kept_to_tokens_or_to_one_operation() -> None:
    caller = Caller()
    caller.world.control("faults", {"rules": [{"kind": "error_500_before", "operation": "token"}]})
    assert (grant_status(caller), caller.send(SHOP_NAME).status) == (500, 200)
    caller.world.control("faults", {"rules": [{"kind": "html", "operation": "ShopName", "status": 502}]})
    assert (grant_status(caller), caller.send(SHOP_NAME).status) == (200, 502)
    caller.world.control("faults", {"rules": []})
    assert caller.send(SHOP_NAME).status == 200
