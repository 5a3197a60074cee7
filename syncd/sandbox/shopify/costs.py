"""What a call costs in points. The formula was fitted on recorded calls (exact for most); Shopify publishes only its outline.

connection of n = 2 + F(n) * (1 + children), F(n) = max(1, floor(2 ln n)); object = 1 + children; scalar = 0; mutation = 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from syncd.sandbox.shopify.selecting import Selected

HIGHEST_COST = 1000
SAMPLES = 4
_MUTATIONS = {"fulfillmentTrackingInfoUpdate": 50, "refundCreate": 20, "orderCapture": 20}


def rows_cost(count: int) -> int:
    """F(n): 1 -> 1, 5 -> 3, 10 -> 4, 50 -> 7, 100 -> 9, 250 -> 11."""
    return 0 if count <= 0 else max(1, math.floor(2 * math.log(count)))


class Tariff:
    """`variables` give the page sizes; `nodes_each` makes every entry of `nodes` cost by itself."""

    def __init__(self, variables: Any, nodes_each: bool) -> None:
        self._variables = variables
        self._nodes_each = nodes_each

    def requested(self, fields: Iterable[Selected]) -> int:
        """`fields` are those that can cost something."""
        return sum(self._requested(entry) for entry in fields)

    def _requested(self, entry: Selected) -> int:
        if entry.owner == "Mutation":
            payload = next(iter(entry.priced.values()))
            return _MUTATIONS.get(entry.name, 10) + sum(self._children(child) for child in payload)
        if entry.type_name.endswith("Connection"):
            arguments = entry.arguments(self._variables)
            size = arguments.get("first") if arguments.get("first") is not None else arguments.get("last")
            rows = sum(1 + self._children(node) for node in _row_fields(entry))
            return 2 + rows_cost(size or 0) * rows
        cost = 1 + self._children(entry)
        return cost * len(entry.arguments(self._variables)["ids"]) if self._is_each(entry) else cost

    def _children(self, entry: Selected) -> int:
        """An interface costs as much as the dearest type behind it."""
        return max((self.requested(fields) for fields in entry.priced.values()), default=0)

    def _is_each(self, entry: Selected) -> bool:
        return self._nodes_each and entry.coordinate == "QueryRoot.nodes"

    def actual(self, fields: Iterable[Selected], data: dict[str, Any]) -> int:
        """The same on what came back: absent objects cost nothing, connections by the rows that they have."""
        return sum(self._actual(entry, data.get(entry.key)) for entry in fields)

    def _actual(self, entry: Selected, value: Any) -> int:
        if entry.owner == "Mutation":
            payload = next(iter(entry.priced.values()))
            return _MUTATIONS.get(entry.name, 10) + sum(
                self._inside(child, (value or {}).get(child.key)) for child in payload
            )
        if value is None or value == []:
            return 0
        if entry.type_name.endswith("Connection"):
            return 2 + self._rows(entry, value)
        if self._is_each(entry):
            return sum(1 + self._inside(entry, each) for each in value if each is not None)
        return 1 + self._inside(entry, value)

    def _inside(self, entry: Selected, value: Any) -> int:
        """The children of an object, or of the dearest of some entries of a list: pricing all would take as long as reading."""
        if value is None:
            return 0
        if isinstance(value, list):
            some = value[:: max(1, len(value) // SAMPLES)]
            return max((self._inside(entry, each) for each in some), default=0)
        fitting = (name for name, fields in entry.children.items() if len(fields) == len(value))
        return max((self.actual(entry.priced[name], value) for name in fitting), default=0)

    def _rows(self, connection: Selected, value: dict[str, Any]) -> int:
        total = 0
        for child in next(iter(connection.priced.values())):
            rows = value[child.key]
            if child.name == "nodes":
                total += rows_cost(len(rows)) * (1 + self._inside(child, rows))
            elif child.name == "edges":
                for node in next(iter(child.priced.values())):
                    total += rows_cost(len(rows)) * (1 + self._inside(node, [row[node.key] for row in rows]))
        return total


def _row_fields(connection: Selected) -> list[Selected]:
    """What is selected of one row, whether by `nodes` or by `edges { node }`."""
    fields = next(iter(connection.priced.values()))
    nodes = [child for child in fields if child.name == "nodes"]
    for edges in (child for child in fields if child.name == "edges"):
        nodes += next(iter(edges.priced.values()))
    return nodes
