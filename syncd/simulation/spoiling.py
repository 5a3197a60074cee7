"""Answers that arrive and are wrong: JSON of the wrong shape, batches that lie, data with holes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from syncd.ports import Response

JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}
Place = tuple[Any, Any]
"""A dict or list, and the key or index in it."""

OTHER_TYPE: dict[type, Callable[[Any], Any]] = {
    str: lambda value: int(value) if value.isdecimal() else {"text": value},
    int: str,
    float: str,
    bool: lambda value: "yes" if value else "no",
    dict: lambda _: [],
    list: lambda _: None,
}
PASSING_WORDS = ("An error has occurred.", "Timeout expired.", "Transaction was deadlocked, try again.")
FINAL_WORDS = "The country of the shipping address is not known."


def spoiled(kind: str, response: Response, rng: Random) -> Response:
    """The same answer with one thing changed somewhere. What is no JSON stays as it is."""
    try:
        body = json.loads(response.body)
    except ValueError:
        return response
    if kind == "json_null":
        return replace(response, body=b"null")
    places = list(_places(body))
    if not places:
        return response
    if kind == "json_extra":
        _add(body, places, rng)
    elif kind == "json_missing":
        inside, key = rng.choice(places)
        del inside[key]
    else:
        inside, key = rng.choice(places)
        change = OTHER_TYPE.get(type(inside[key]))
        inside[key] = change(inside[key]) if change else inside[key]
    return replace(response, body=json.dumps(body).encode())


def _places(value: Any) -> Iterator[Place]:
    """Every member of the document. Costs are left out: they are no order's business and most of many answers. So are the lines
    of a parcel as rows: no sum stands beside them, so that nobody could tell which is missing."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "extensions":
                yield value, key
                yield from (one for one in _places(inner) if key != "shipmentItems" or one[0] is not inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield value, index
            yield from _places(inner)


def _add(body: Any, places: list[Place], rng: Random) -> None:
    inside = [one for one, _ in places if isinstance(one, dict)]
    if inside:
        rng.choice(inside)["somethingNew"] = {"of": ["a", "later", "version", 7, None]}


def _nodes(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[list[Any], int, tuple[Any, ...]]]:
    """Every row of every list of nodes: the list, the row's place in it, and the path to the list."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        if key == "nodes" and isinstance(inner, list):
            yield from ((inner, index, (*path, key)) for index in range(len(inner)))
        yield from _nodes(inner, (*path, key))


def with_row_doubled(response: Response, rng: Random) -> Response:
    """Half of the time the second row says the contrary."""

    def double(rows: list[Any]) -> list[Any]:
        row = rng.choice(rows)
        other = {**row, "success": not row.get("success")} if rng.random() < 0.5 else row
        return [*rows, other]

    return _with_rows(response, double)


def with_row_failed(response: Response, order_key: str, words: str) -> Response:
    """The answer of a call from which this row was left out, as if it had been refused."""
    row = {"orderId": None, "orderNumber": None, "orderKey": order_key, "success": False, "errorMessage": words}
    return _with_rows(response, lambda rows: [*rows, row])


def _with_rows(response: Response, change: Callable[[list[Any]], list[Any]]) -> Response:
    body = json.loads(response.body)
    if not body.get("results"):
        return response
    return replace(response, body=json.dumps(body | {"results": change(body["results"])}).encode())


def with_hole(response: Response, rng: Random, is_told: bool) -> Response:
    """One of the nodes, or a row of a list inside of one, is null; `is_told`: an error beside the data says so."""
    body = json.loads(response.body)
    holes = list(_nodes(body.get("data") or {}, ()))
    if not holes:
        return response
    nodes, index, path = rng.choice(holes)
    nodes[index] = None
    if is_told:
        error = {"message": "Internal error", "path": [*path, index], "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
        body.setdefault("errors", []).append(error)
    return replace(response, body=json.dumps(body).encode())
