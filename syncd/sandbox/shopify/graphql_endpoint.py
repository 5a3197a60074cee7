"""One GraphQL request from its body to the body of its answer: pricing, throttle, execution, and `extensions` on everything."""

from __future__ import annotations

import json
from typing import Any

from graphql import GraphQLError

from syncd.sandbox.shopify.bucket import Bucket
from syncd.sandbox.shopify.call import Call, open_call
from syncd.sandbox.shopify.costs import HIGHEST_COST, Tariff
from syncd.sandbox.shopify.executing import Outcome, Prepared, Refused, carry_out, open_operation
from syncd.sandbox.shopify.options import BUCKETS
from syncd.sandbox.shopify.selecting import Selected, priced
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.static_errors import entry_of

LONGEST_ARRAY = 250
_COST_PAGE = "https://shopify.dev/api/usage/rate-limits"

Answer = dict[str, Any]


class Endpoint:
    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.bucket = Bucket(*BUCKETS[shop.options.plan], shop.now())

    def answer(self, given: dict[str, Any], version: str, debug: bool = False) -> Answer:
        """`given` is the request body: query, variables, operationName."""
        self._shop.calls.graphql += 1
        self.bucket.resize(*BUCKETS[self._shop.options.plan])
        variables = given.get("variables") or {}
        try:
            operation, coerced = open_operation(given["query"], given.get("operationName"), variables)
        except Refused as refused:
            return self._without_data(refused.errors)
        if problem := _too_long(variables):
            return self._without_data([problem])
        call = open_call(self._shop, version)
        call.variables = coerced
        return self._priced(operation, call, variables, debug)

    def _priced(self, operation: Prepared, call: Call, variables: dict[str, Any], debug: bool) -> Answer:
        tariff = Tariff(call.variables, self._shop.options.nodes_cost == "each")
        try:
            selection = operation.select(call.variables)
            fields = priced(selection)
            requested = tariff.requested(fields)
        except GraphQLError as error:
            return self._without_data([entry_of(error)])
        if requested > HIGHEST_COST:
            return self._without_data([_too_dear(requested)])
        if not self.bucket.take(requested, self._shop.now()):
            return self.throttled(requested)
        outcome = carry_out(operation, call, variables)
        actual = min(requested, tariff.actual(fields, outcome.data or {}))
        self.bucket.give_back(requested - actual)
        self._shop.calls.cost_used += actual
        answer = _body(outcome, call)
        answer["extensions"] = self._extensions(requested, actual, call.warnings)
        if debug:
            answer["extensions"]["cost"]["fields"] = [_priced_field(tariff, entry) for entry in fields]
        return answer

    def throttled(self, requested: int) -> Answer:
        """Nothing was executed; no `Retry-After`, and HTTP 200."""
        self._shop.calls.throttled += 1
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": _COST_PAGE}}
        return {"errors": [error], "extensions": self._extensions(requested, None, [])}

    def _without_data(self, errors: list[dict[str, Any]]) -> Answer:
        return {"errors": errors, "extensions": self._extensions(0, 0, [])}

    def _extensions(self, requested: int, actual: int | None, warnings: list[dict[str, Any]]) -> dict[str, Any]:
        extensions: dict[str, Any] = {
            "cost": {
                "requestedQueryCost": requested,
                "actualQueryCost": actual,
                "throttleStatus": self.bucket.status(self._shop.now()),
            }
        }
        if warnings:
            extensions["search"] = warnings
        return extensions


def _body(outcome: Outcome, call: Call) -> Answer:
    answer: Answer = {"errors": outcome.errors} if outcome.errors else {}
    answer["data"] = outcome.data
    return answer


def _priced_field(tariff: Tariff, entry: Selected) -> dict[str, Any]:
    total = tariff.requested([entry])
    children = sum(tariff.requested(fields) for fields in entry.priced.values())
    return {
        "path": [entry.key],
        "definedCost": max(0, total - children),
        "requestedTotalCost": total,
        "requestedChildrenCost": children,
    }


def _too_dear(cost: int) -> dict[str, Any]:
    text = (
        f"Query cost is {cost}, which exceeds the single query max cost limit ({HIGHEST_COST}).\n\n"
        f"See {_COST_PAGE} for more information on how the cost of a query is calculated.\n"
    )
    extensions = {"code": "MAX_COST_EXCEEDED", "cost": cost, "maxCost": HIGHEST_COST, "documentation": _COST_PAGE}
    return {"message": text, "extensions": extensions}


def _too_long(variables: dict[str, Any]) -> dict[str, Any] | None:
    longest = max((_longest_array(value) for value in variables.values()), default=0)
    if longest <= LONGEST_ARRAY:
        return None
    text = f"The input array size of {longest} is greater than the maximum allowed of {LONGEST_ARRAY}."
    return {"message": text, "extensions": {"code": "MAX_INPUT_SIZE_EXCEEDED"}}


def _longest_array(value: Any) -> int:
    if isinstance(value, dict):
        return max((_longest_array(each) for each in value.values()), default=0)
    if isinstance(value, list):
        return max([len(value), *(_longest_array(each) for each in value)])
    return 0


def read_body(body: bytes | None) -> dict[str, Any] | None:
    """The request, None when it is not one."""
    try:
        given = json.loads(body or b"")
    except ValueError:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("query"), str):
        return None
    if not isinstance(given.get("variables") or {}, dict):
        return None
    return given
