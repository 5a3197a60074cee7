"""The sandbox's own schema and executor, held against the official schema, the daemon's documents and graphql-core."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    parse,
    print_ast,
    specified_scalar_types,
    validate,
)

from syncd.sandbox.shopify import executing
from syncd.shopify import documents
from tests.sandbox.shopify_caller import Caller, gid

DOCUMENTS = {
    name: text for name, text in vars(documents).items() if name.isupper() and not name.startswith("_") and "{" in text
} | {"orders with what rules ask for": documents.orders_to_ship(True, ("shipping.class", 'odd."name"'))}


@pytest.fixture(scope="session")
def official(shared: Path) -> GraphQLSchema:
    text = (shared / "api" / "shopify-admin-2026-10.graphql").read_text(encoding="utf-8")
    return build_schema(text, assume_valid=True, no_location=False)


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    text = resources.files("syncd.sandbox.shopify").joinpath("schema.graphql").read_text(encoding="utf-8")
    return build_schema(text, assume_valid=True)


def test_every_type_field_argument_and_value_exists_in_the_official_schema(
    ours: GraphQLSchema, official: GraphQLSchema
) -> None:
    strangers = []
    for name, type_ in ours.type_map.items():
        if not name.startswith("__") and type_ not in specified_scalar_types.values():
            theirs = official.type_map.get(name)
            strangers += [name] if theirs is None else sorted(facts(type_) - facts(theirs))
    assert strangers == []


def facts(type_: GraphQLNamedType) -> set[str]:
    """One line for each thing that can be said about a type."""
    name = type_.name
    if isinstance(type_, GraphQLEnumType):
        return {f"{name}.{value}" for value in type_.values}
    if isinstance(type_, GraphQLInputObjectType):
        return {f"{name}.{field}: {entry.type}" for field, entry in type_.fields.items()}
    if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return {name}
    said = {f"{name} implements {entry.name}" for entry in type_.interfaces}
    for field, entry in type_.fields.items():
        said.add(f"{name}.{field}: {entry.type}")
        said |= {f"{name}.{field}({argument}: {each.type}{default(each)})" for argument, each in entry.args.items()}
    return said


def default(argument: Any) -> str:
    node = argument.ast_node.default_value
    return f" = {print_ast(node)}" if node else ""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_sandbox_takes_every_document_of_the_daemon(name: str, ours: GraphQLSchema) -> None:
    assert validate(ours, parse(DOCUMENTS[name])) == []


READS = {
    "ORDERS_TO_SHIP": documents.ORDERS_TO_SHIP,
    "ORDERS_SHIPPED": documents.ORDERS_SHIPPED,
    "orders with what rules ask for": documents.orders_to_ship(True, ("shipping.class",)),
    "everything": """query All($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Order {
        closed confirmed displayFulfillmentStatus fulfillable fullyPaid unpaid requiresShipping edited taxesIncluded
        currencyCode presentmentCurrencyCode totalPriceSet { presentmentMoney { amount currencyCode } }
        totalOutstandingSet { shopMoney { amount } } totalRefundedSet { shopMoney { amount } }
        lineItems(last: 20, reverse: true) { edges { cursor node { unfulfilledQuantity taxLines { title rate } } } }
        fulfillmentOrders(first: 5) { nodes { orderId orderName createdAt supportedActions { action externalUrl }
          order { id } fulfillments(first: 3) { nodes { id } } lineItems(first: 3) { pageInfo { startCursor } } } }
        fulfillments { name legacyResourceId displayStatus location { name address { countryCode } } totalQuantity
          fulfillmentOrders(first: 3) { nodes { id } } } } } }""",
}


@pytest.mark.parametrize("name", READS)
def test_compiled_queries_answer_like_graphql_core(name: str, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Caller(plan="plus")
    order_ids = caller.world.control("sell", {"count": 40, "seed": 5})
    for path in sorted((shared / "payloads" / "shopify-orders").glob("*.json")):
        order_ids.append(caller.world.control("import_order", {"body": json.loads(path.read_text(encoding="utf-8"))}))
    caller.wait(90)
    ids = [gid("Order", order_id) for order_id in order_ids] + [gid("Order", 1)]
    compiled = caller.data(READS[name], ids=ids)
    monkeypatch.setattr(executing.Prepared, "_is_compilable", lambda self: False)
    executing.prepared.cache_clear()
    assert compiled == caller.data(READS[name], ids=ids)
    monkeypatch.undo()
    executing.prepared.cache_clear()
