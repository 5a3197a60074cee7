"""One GraphQL call: what each answer and each silence means, and that no half answer passes for a whole one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncd.errors import (
    AccessError,
    ConflictError,
    RejectedError,
    SyncError,
    ThrottledError,
    TransientError,
    UncertainError,
)
from syncd.ports import Response
from syncd.sandbox.shopify.faults import FaultRule
from syncd.shopify import reads
from tests.shopify.store import Scripted, Store, failed, said

QUERY = "query Q { shop { id } }"
MUTATION = "mutation M { fulfillmentCreate { userErrors { message } } }"
LOST = UncertainError("answer_lost")
REFUSED = TransientError("connect_failed")
HTML = Response(200, {}, b"<html>")


def _http(status: int, body: bytes = b"{}") -> Response:
    return Response(status, {"x-request-id": "r-1"}, body)


READS = {
    "frozen": (_http(402), AccessError, "http_402"),
    "forbidden": (_http(403), AccessError, "http_403"),
    "no_shop": (_http(404), AccessError, "http_404"),
    "locked": (_http(423), AccessError, "http_423"),
    "redirect": (_http(301), AccessError, "http_301"),
    "too_many": (_http(429), ThrottledError, "http_429"),
    "suspicious": (_http(430), AccessError, "http_430"),
    "bad_gateway": (_http(502, b"<html>"), TransientError, "http_502"),
    "bad_request": (_http(400), RejectedError, "http_400"),
    "html": (HTML, TransientError, "not_json"),
    "no_object": (_http(200, b"[]"), TransientError, "not_json"),
    "nothing": (_http(200, b"{}"), TransientError, "no_data"),
    "null": (said(data=None), TransientError, "no_data"),
    "lost": (LOST, TransientError, "answer_lost"),
    "refused": (REFUSED, TransientError, "connect_failed"),
    "scope": (failed("ACCESS_DENIED", path=["shop"], data={"shop": None}), AccessError, "access_denied"),
    "document": (failed("undefinedField"), AccessError, "document_refused"),
    "variable": (failed("INVALID_VARIABLE"), RejectedError, "invalid_variable"),
    "cost": (failed("MAX_COST_EXCEEDED"), RejectedError, "max_cost_exceeded"),
    "internal": (failed("INTERNAL_SERVER_ERROR"), TransientError, "internal_server_error"),
    "unknown": (failed("", data={"shop": {}}), TransientError, "graphql_error"),
    "sentence": (said(errors="Internal Server Error"), TransientError, "graphql_error"),
    "search": (
        said(data={"shop": {}}, extensions={"search": [{"warnings": [{"code": "invalid_field"}]}]}),
        AccessError,
        "document_refused",
    ),
}
WRITES = {
    "bad_gateway": (_http(502), UncertainError, "http_502"),
    "html": (HTML, UncertainError, "not_json"),
    "null": (said(data=None), UncertainError, "no_data"),
    "no_payload": (said(data={"fulfillmentCreate": None}), UncertainError, "no_payload"),
    "lost": (LOST, UncertainError, "answer_lost"),
    "refused": (REFUSED, TransientError, "connect_failed"),
    "throttled": (failed("THROTTLED"), ThrottledError, "throttled"),
    "scope": (failed("ACCESS_DENIED", data={"fulfillmentCreate": None}), AccessError, "access_denied"),
    "variable": (failed("INVALID_VARIABLE"), RejectedError, "invalid_variable"),
    "internal": (failed("INTERNAL_SERVER_ERROR"), UncertainError, "internal_server_error"),
    "half": (
        failed("ACCESS_DENIED", data={"fulfillmentCreate": {"fulfillment": {"id": "x"}, "userErrors": []}}),
        UncertainError,
        "partial_answer",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "code"), READS.values(), ids=READS)
async def test_what_a_query_may_meet(answer: Response | Exception, kind: type[SyncError], code: str) -> None:
    http = Scripted(answer)
    store = Store(http)
    with pytest.raises(SyncError) as caught:
        await store.do(store.client.query(QUERY, {}))
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert http.asked == (3 if kind is TransientError else 1)


@pytest.mark.parametrize(("answer", "kind", "code"), WRITES.values(), ids=WRITES)
async def test_what_a_mutation_may_meet_and_that_it_is_never_repeated(
    answer: Response | Exception, kind: type[SyncError], code: str
) -> None:
    http = Scripted(answer)
    store = Store(http)
    with pytest.raises(SyncError) as caught:
        await store.do(store.client.mutate(MUTATION, {}, "fulfillmentCreate"))
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert http.asked == 1


USER_ERRORS = {
    "Invalid fulfillment order line item quantity requested.": ConflictError,
    "Fulfillment order does not exist.": ConflictError,
    "Fulfillment order line item does not exist.": ConflictError,
    "Fulfillment order 123 has an unfulfillable status= closed.": ConflictError,
    "All fulfillment orders must be assigned to a single location. Multiple locations with ids [1, 2].": ConflictError,
    "All fulfillment orders must belong to the same order. Multiple orders with ids [1, 2].": RejectedError,
    "Quantity must be greater than 0": RejectedError,
    "Tracking number is too long": RejectedError,
}


@pytest.mark.parametrize(("message", "kind"), USER_ERRORS.items())
async def test_what_a_user_error_means(message: str, kind: type[SyncError]) -> None:
    payload = {"fulfillment": None, "userErrors": [{"field": ["fulfillment", "0"], "message": message}]}
    store = Store(Scripted(said(data={"fulfillmentCreate": payload})))
    with pytest.raises(SyncError) as caught:
        await store.do(store.client.mutate(MUTATION, {}, "fulfillmentCreate"))
    assert type(caught.value) is kind
    if isinstance(caught.value, RejectedError):
        assert caught.value.field == "fulfillment.0"


async def test_the_request_id_is_kept() -> None:
    store = Store(Scripted(_http(502)))
    with pytest.raises(TransientError, match="request r-1"):
        await store.do(store.client.query(QUERY, {}))


async def test_a_token_is_renewed_once_when_it_is_refused() -> None:
    store = Store()
    await store.do(reads.shop_access(store.client))
    store.world.control("revoke_tokens", {})
    await store.do(reads.shop_access(store.client))
    assert store.http.operations().count("token") == 2
    store.world.control("options", {"changes": {"access": "revoked"}})
    with pytest.raises(AccessError) as caught:
        await store.do(reads.shop_access(store.client))
    assert caught.value.account == "shopify:main"


async def test_a_throttled_query_waits_and_goes_through() -> None:
    store = Store()
    store.world.faults.set([FaultRule("throttled", operation="query", times=1)])
    assert (await store.do(reads.shop_access(store.client))).domain == "main-shop.myshopify.com"
    assert store.clock.monotonic() > 0


@pytest.mark.parametrize(("told", "wait_s"), [("120", 120), ("1e9", 600), ("inf", 600), ("nan", 600)])
async def test_a_long_pause_is_given_back_to_the_account(told: str, wait_s: float) -> None:
    store = Store(Scripted(Response(429, {"retry-after": told}, b"")))
    with pytest.raises(ThrottledError) as caught:
        await store.do(store.client.query(QUERY, {}))
    assert caught.value.retry_after_s == wait_s
    assert store.clock.monotonic() == 0


@pytest.mark.parametrize("name", ["graphql-throttled-with-cost", "graphql-throttled-float-numbers"])
async def test_a_real_throttle_is_understood(shared: Path, name: str) -> None:
    body = (shared / "payloads" / "shopify-graphql" / f"{name}.json").read_bytes()
    store = Store(Scripted(Response(200, {}, body)))
    with pytest.raises(ThrottledError):
        await store.do(store.client.mutate(MUTATION, {}, "x"))


async def test_a_real_denial_is_understood(shared: Path) -> None:
    body = (shared / "payloads" / "shopify-graphql" / "graphql-protected-customer-data-denied.json").read_bytes()
    store = Store(Scripted(Response(200, {}, body)))
    with pytest.raises(AccessError, match="not approved"):
        await store.do(store.client.query(QUERY, {}))


async def test_after_somebody_emptied_the_bucket_only_the_query_that_found_out_is_throttled() -> None:
    store = Store()
    order_ids = await store.sell(40)
    store.world.control("drain_bucket", {})
    await store.clock.run(*(reads.orders_to_ship(store.client, [order_id]) for order_id in order_ids))
    (shop,) = store.world.shops.values()
    assert shop.calls.throttled == 1


async def test_the_bucket_is_told_after_every_call() -> None:
    cost = {
        "requestedQueryCost": 9,
        "throttleStatus": {"maximumAvailable": 1000, "currentlyAvailable": 1, "restoreRate": 50},
    }
    store = Store(Scripted(said(data={"shop": {}}, extensions={"cost": cost})))
    await store.do(store.client.query(QUERY, {}))
    assert store.client.unit_costs[QUERY] == 9
    assert store.budget.wait_s(51) == pytest.approx(1)


async def test_a_version_that_fell_forward_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"data": {"shop": {}}}).encode()
    store = Store(Scripted(Response(200, {"x-shopify-api-version": "2027-01"}, body)))
    await store.do(store.client.query(QUERY, {}))
    await store.do(store.client.query(QUERY, {}))
    assert capsys.readouterr().out.count("version.mismatched") == 1
