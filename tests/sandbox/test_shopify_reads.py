"""How the sandbox's Shopify answers reads: prices, throttle, refused documents, search, pages."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from syncd.shopify import documents
from tests.sandbox.shopify_caller import SHOP, Caller, Document, gid

SINCE = "updated_at:>='2026-11-20T00:00:00Z'"


def cost(answer: Document) -> Document:
    found: Document = answer["extensions"]["cost"]
    return found


@pytest.mark.parametrize(
    ("query", "points"),
    [
        pytest.param("{ shop { name } }", 1, id="object"),
        pytest.param("{ orders(first: 1) { nodes { id } } }", 3, id="one row"),
        pytest.param("{ orders(first: 5) { nodes { id } } }", 5, id="five rows"),
        pytest.param("{ orders(first: 100) { edges { node { id } } } }", 11, id="hundred rows as edges"),
        pytest.param("{ orders(first: 250) { pageInfo { endCursor } nodes { id } } }", 13, id="page info is free"),
        pytest.param("{ orders(first: 10) { nodes { shippingAddress { zip } } } }", 10, id="objects in rows"),
        pytest.param(
            "{ orders(first: 10) { nodes { totalPriceSet { shopMoney { amount } } } } }", 6, id="money is free"
        ),
        pytest.param("{ orders(first: 1) { nodes { lineItems(first: 50) { nodes { id } } } } }", 12, id="nested"),
    ],
)
def test_a_query_is_priced_by_the_fitted_formula(query: str, points: int) -> None:
    assert cost(Caller().ask(query))["requestedQueryCost"] == points


def test_the_recorded_price_of_a_fulfillment_is_met() -> None:
    caller = Caller()
    order_id = caller.sell(lines=1)[0]
    target = caller.order(order_id)["fulfillmentOrders"][0]
    given = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": gid("FulfillmentOrder", target["id"])}]}
    answer = caller.ask(
        """mutation Create($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) { fulfillment { id
          trackingInfo { number } fulfillmentLineItems(first: 5) { nodes { id quantity lineItem { id } } } }
          userErrors { field message } } }""",
        f=given | {"trackingInfo": {"number": "1Z"}},
    )
    assert (cost(answer)["requestedQueryCost"], cost(answer)["actualQueryCost"]) == (19, 15)


def test_what_was_reserved_and_not_used_comes_back() -> None:
    caller = Caller()
    answer = cost(caller.ask("{ orders(first: 250) { nodes { id } } }"))
    assert answer["actualQueryCost"] == 2
    assert answer["throttleStatus"] == {"maximumAvailable": 2000, "currentlyAvailable": 1998, "restoreRate": 100}


def test_an_empty_bucket_throttles_with_status_200_and_refills() -> None:
    caller = Caller()
    caller.world.control("drain_bucket", {})
    answer = caller.ask("{ orders(first: 250) { nodes { id } } }")
    assert answer["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in answer
    assert cost(answer)["actualQueryCost"] is None
    caller.wait(1)
    assert "data" in caller.ask("{ orders(first: 250) { nodes { id } } }")


def test_a_query_above_a_thousand_points_is_never_executed() -> None:
    lines = "lineItems(first: 250) { nodes { variant { id } } }"
    query = f"{{ orders(first: 250) {{ nodes {{ a: {lines} b: {lines} c: {lines} d: {lines} }} }} }}"
    error = Caller(plan="plus").ask(query)["errors"][0]
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert error["message"].startswith(f"Query cost is {error['extensions']['cost']}, which exceeds")


def test_nodes_can_be_priced_one_by_one() -> None:
    query = "query N($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { shippingAddress { zip } } } }"
    ids = [gid("Order", 1)] * 10
    assert cost(Caller().ask(query, ids=ids))["requestedQueryCost"] == 2
    assert cost(Caller(nodes_cost="each").ask(query, ids=ids))["requestedQueryCost"] == 20


def test_the_debug_header_shows_the_price_of_each_root_field() -> None:
    answer = Caller().send("{ shop { plan { publicDisplayName } } }", Shopify_GraphQL_Cost_Debug="1")
    fields = json.loads(answer.body)["extensions"]["cost"]["fields"]
    assert fields == [{"path": ["shop"], "definedCost": 1, "requestedTotalCost": 2, "requestedChildrenCost": 1}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ shop { nonsense } }", "undefinedField"),
        ('mutation { fulfillmentCancel(id: "x") { userErrors { code } } }', "undefinedField"),
        ("{ orders(first: 1, bad: 2) { nodes { id } } }", "argumentNotAccepted"),
        ("{ order { id } }", "missingRequiredArguments"),
        ("{ shop }", "selectionMismatch"),
        ("query Q($unused: Int) { shop { id } }", "variableNotUsed"),
        ("{ shop @nothing { id } }", "undefinedDirective"),
        ('{ orders(first: "x") { nodes { id } } }', "argumentLiteralsIncompatible"),
        ("{ shop ", "PARSE_ERROR"),
        ("{ orders { nodes { id } } }", "BAD_REQUEST"),
        ('{ order(id: "gid://shopify/Product/1") { id } }', "RESOURCE_NOT_FOUND"),
        ('{ order(id: "gid://shopify/Order/0") { id } }', "RESOURCE_NOT_FOUND"),
        ('{ node(id: "7") { id } }', "RESOURCE_NOT_FOUND"),
        ('{ orders(first: 1, after: "bm9uc2Vuc2U=", sortKey: UPDATED_AT) { nodes { id } } }', "BAD_REQUEST"),
    ],
)
def test_a_wrong_document_gets_shopify_s_code(query: str, code: str) -> None:
    answer = Caller().ask(query)
    assert answer["errors"][0]["extensions"]["code"] == code
    assert "cost" in answer["extensions"]


def test_a_wrong_variable_is_named_with_its_place() -> None:
    error = Caller().ask(documents.CREATE_FULFILLMENT, fulfillment={"lineItemsByFulfillmentOrder": [{}]})["errors"][0]
    assert error["message"] == "Variable $fulfillment of type FulfillmentInput! was provided invalid value"
    assert error["extensions"]["problems"][0]["path"] == ["lineItemsByFulfillmentOrder", 0]


def test_more_than_250_ids_are_too_many() -> None:
    answer = Caller().ask(documents.ORDERS_SHIPPED, ids=[gid("Order", 1)] * 251)
    assert answer["errors"][0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_an_order_that_does_not_exist_is_null_without_an_error() -> None:
    assert Caller().data('{ order(id: "gid://shopify/Order/5") { id } }') == {"order": None}


def test_the_feed_gives_every_order_once_in_ascending_order() -> None:
    caller = Caller()
    sold = [caller.sell()[0] for _ in range(7)]
    query = documents.ORDERS_SINCE.replace("first: 250", "first: 3")
    seen, after, pages = [], None, 0
    while True:
        page = caller.data(query, query=SINCE, after=after)["orders"]
        seen += [int(node["legacyResourceId"]) for node in page["nodes"]]
        after, pages = page["pageInfo"]["endCursor"], pages + 1
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert (seen, pages) == (sold, 3)


def test_an_order_that_changes_between_two_pages_is_met_again_at_the_end() -> None:
    caller = Caller()
    sold = [caller.sell()[0] for _ in range(4)]
    query = documents.ORDERS_SINCE.replace("first: 250", "first: 2")
    first = caller.data(query, query=SINCE)["orders"]
    caller.world.control("edit", {"order": sold[0], "note": "changed"})
    caller.wait(1)
    caller.world.control("edit", {"order": sold[2], "note": "changed"})
    second = caller.data(query, query=SINCE, after=first["pageInfo"]["endCursor"])["orders"]
    third = caller.data(query, query=SINCE, after=second["pageInfo"]["endCursor"])["orders"]
    met = [int(node["legacyResourceId"]) for page in (first, second, third) for node in page["nodes"]]
    assert met == [sold[0], sold[1], sold[3], sold[0], sold[2]]


def test_a_window_leaves_out_what_changed_before_it() -> None:
    caller = Caller()
    caller.sell()
    late = caller.sell()[0]
    moment = caller.order(late)["updatedAt"]
    for operator, expected in ((">=", [late]), (">", [])):
        nodes = caller.data(documents.ORDERS_SINCE, query=f"updated_at:{operator}'{moment}'")["orders"]["nodes"]
        assert [int(node["legacyResourceId"]) for node in nodes] == expected


def test_search_lags_behind_and_reads_by_id_do_not() -> None:
    caller = Caller(index_lag_s=120)
    order_id = caller.sell()[0]
    assert caller.data(documents.ORDERS_SINCE, query=SINCE)["orders"]["nodes"] == []
    assert caller.data(documents.ORDERS_SHIPPED, ids=[gid("Order", order_id)])["nodes"][0] is not None
    caller.wait(90)
    assert len(caller.data(documents.ORDERS_SINCE, query=SINCE)["orders"]["nodes"]) == 1


def test_an_unknown_search_field_matches_everything_and_warns() -> None:
    caller = Caller()
    caller.sell(3)
    answer = caller.ask(documents.ORDER_BY_NAME, query="nickname:#1001")
    assert len(answer["data"]["orders"]["nodes"]) == 3
    assert answer["extensions"]["search"][0]["warnings"][0]["code"] == "invalid_field"
    assert "search" not in caller.ask(documents.ORDER_BY_NAME, query="name:#1001")["extensions"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name:#1002", ["#1002"]),
        ("name:1002", ["#1002"]),
        ("name:'#1001' OR name:'#1003'", ["#1001", "#1003"]),
        ("-name:#1002", ["#1001", "#1003"]),
        ("NOT (name:#1001 OR name:#1002)", ["#1003"]),
        ("name:#100* AND name:#1003", ["#1003"]),
        ("name:#1001,#1002", ["#1001", "#1002"]),
        ("financial_status:paid test:false status:open", ["#1001", "#1002", "#1003"]),
        ("financial_status:nonsense", []),
        ("updated_at:>='not a date'", []),
        ("id:1", []),
    ],
)
def test_search_follows_the_grammar(query: str, names: list[str]) -> None:
    caller = Caller()
    caller.sell(3)
    found = caller.data(documents.ORDER_BY_NAME, query=query)["orders"]["nodes"]
    assert sorted(node["name"] for node in found) == names


def test_closed_fulfillment_orders_are_listed_only_when_asked_for() -> None:
    caller = Caller()
    caller.fulfill(caller.sell()[0])
    with_closed = caller.data(documents.FULFILLMENT_ORDERS_SINCE, query=SINCE)["fulfillmentOrders"]["nodes"]
    open_only = caller.data("{ fulfillmentOrders(first: 5) { nodes { id } } }")["fulfillmentOrders"]["nodes"]
    assert (len(with_closed), open_only) == (1, [])


def test_lines_of_a_long_order_come_in_pages() -> None:
    caller = Caller()
    order_id = caller.sell(lines=12)[0]
    query = """query L($id: ID!, $after: String) { order(id: $id) {
        lineItems(first: 5, after: $after) { pageInfo { hasNextPage endCursor } nodes { id } } } }"""
    pages, after = [], None
    for _ in range(3):
        page = caller.data(query, id=gid("Order", order_id), after=after)["order"]["lineItems"]
        pages.append([node["id"] for node in page["nodes"]])
        after = page["pageInfo"]["endCursor"]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert len({line for page in pages for line in page}) == 12


def test_the_newest_order_comes_first_when_asked_for() -> None:
    caller = Caller()
    for _ in range(3):
        caller.sell()
    query = "{ orders(first: 5, sortKey: CREATED_AT, reverse: true) { nodes { createdAt } } }"
    times = [node["createdAt"] for node in caller.data(query)["orders"]["nodes"]]
    assert all(one > other for one, other in pairwise(times))


def test_shop_and_rights_and_places_are_told() -> None:
    access = Caller().data(documents.SHOP_ACCESS)
    assert access["shop"]["myshopifyDomain"] == SHOP
    assert {"handle": "read_orders"} in access["currentAppInstallation"]["accessScopes"]
    nodes = Caller().data(documents.LOCATIONS)["locations"]["nodes"]
    assert [node["id"] for node in nodes] == [gid("Location", 82734627), gid("Location", 82734628)]
