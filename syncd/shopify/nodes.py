"""Bulk reads by id: every order asked for comes back whole, as not found, or as unreadable. Never as half of itself.

Lists arrive in pages of which the first is part of the bulk read; the rest is fetched here before anybody sees the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.decoding import MalformedError, decoded
from mappings.shopify_shapes import order_gid
from syncd.errors import RejectedError, TransientError
from syncd.logs import get_logger
from syncd.shopify import documents
from syncd.shopify.client import MAX_COST_EXCEEDED, REPEATS, Answer, GraphqlError, ShopifyClient

FIRST_CHUNK = 25
LARGEST_CHUNK = 100
MOST_POINTS = 900.0  # of the 1000 that one query may ask for
MOST_FULFILLMENTS = 100  # a plain list: it does not say that there are more
MOST_PAGES = 100
POISON = frozenset({"http_500", "internal_server_error"})
MOST_FAILURES = 8  # in a row, halves of halves: more is an outage and not one order

CUSTOMER_FIELDS = frozenset({"email", "phone", "shippingAddress", "billingAddress"})
"""Null, with an error, for an app without access to protected customer data. An order without a permitted address gets its
own cause, so it is not unreadable."""


@dataclass(frozen=True)
class Unreadable:
    """The order exists or not, we could not tell. Never to be taken for an empty one."""

    code: str
    text: str


Found = dict[int, Any | Unreadable | None]


class _IncompleteError(Exception):
    """A list of this order could not be completed."""


async def orders_by_id(
    client: ShopifyClient, document: str, shape: Any, order_ids: Iterable[int], urgent: bool
) -> Found:
    """Raises only for trouble of the whole store. What does not have the `shape` is unreadable."""
    waiting = list(dict.fromkeys(order_ids))
    found: Found = {}
    largest = LARGEST_CHUNK
    while waiting:
        size = min(_chunk_size(client, document), largest)
        chunk, rest = waiting[:size], waiting[size:]
        try:
            found |= await _Chunks(client, document, shape, urgent).read(chunk, REPEATS)
        except RejectedError as error:
            if error.code != MAX_COST_EXCEEDED or len(chunk) == 1:
                raise
            largest = len(chunk) // 2
            client.unit_costs[document] = max(MOST_POINTS / largest, client.unit_costs.get(document, 0.0))
            continue
        waiting = rest
    return found


def _chunk_size(client: ShopifyClient, document: str) -> int:
    points = client.unit_costs.get(document)
    if points is None:
        return FIRST_CHUNK
    return max(1, min(LARGEST_CHUNK, int(MOST_POINTS / points))) if points > 0 else LARGEST_CHUNK


class _Chunks:
    """One chunk, in halves when the server fails on it: a single order that it cannot show must not hide the others."""

    def __init__(self, client: ShopifyClient, document: str, shape: Any, urgent: bool) -> None:
        self._client = client
        self._document = document
        self._shape = shape
        self._urgent = urgent
        self._failures_in_a_row = 0

    async def read(self, order_ids: Sequence[int], repeats: int = 0) -> Found:
        try:
            found = await self._whole(order_ids, repeats)
            self._failures_in_a_row = 0
            return found
        except TransientError as error:
            self._failures_in_a_row += 1
            if error.code not in POISON or len(order_ids) == 1 or self._failures_in_a_row > MOST_FAILURES:
                raise
            return await self._halves(order_ids, error)

    async def _halves(self, order_ids: Sequence[int], error: TransientError) -> Found:
        middle = len(order_ids) // 2
        found: Found = {}
        for part in (order_ids[:middle], order_ids[middle:]):
            try:
                found |= await self.read(part)
            except TransientError:
                found |= {order_id: Unreadable(error.code, error.text) for order_id in part}
        if all(isinstance(order, Unreadable) for order in found.values()):
            raise error
        return found

    async def _whole(self, order_ids: Sequence[int], repeats: int) -> Found:
        variables = {"ids": [order_gid(order_id) for order_id in order_ids]}
        answer = await self._client.query_partly(self._document, variables, self._urgent, repeats)
        nodes = answer.data.get("nodes")
        if not isinstance(nodes, list) or len(nodes) != len(order_ids):
            raise TransientError("malformed", f"{len(order_ids)} nodes were asked for and others came")
        problems, found = _problems(self._client, answer), Found()
        for place, order_id in enumerate(order_ids):
            order = problems.get(place) or await _order(self._client, order_id, nodes[place], self._shape, self._urgent)
            found[order_id] = order
            await self._client.breathe()
        return found


def _problems(client: ShopifyClient, answer: Answer) -> dict[int, Unreadable]:
    """By place. A denied scope is the whole store's trouble and is raised; denied customer data is nobody's."""
    problems: dict[int, Unreadable] = {}
    denied: set[str] = set()
    for error in answer.errors:
        is_denied = error.code == "ACCESS_DENIED"
        if is_denied and len(error.path) > 2 and error.path[2] in CUSTOMER_FIELDS:
            denied.add(str(error.path[2]))
        elif is_denied or error.node is None:
            raise client.error_of(error, is_write=False)
        else:
            problems.setdefault(error.node, _unreadable(error))
    if denied:
        get_logger(__name__).warning("customer_data.denied", store=client.store, names=",".join(sorted(denied)))
    return problems


def _unreadable(error: GraphqlError) -> Unreadable:
    return Unreadable(error.code.lower() or "graphql_error", error.message)


async def _order(client: ShopifyClient, order_id: int, node: Any, shape: Any, urgent: bool) -> Any | Unreadable | None:
    if node is None:
        return None
    try:
        if node["id"] != order_gid(order_id):
            return Unreadable("malformed", "another order came")
        return decoded(shape, await _completed(client, node, urgent))
    except (_IncompleteError, RejectedError, TransientError) as error:
        return Unreadable("incomplete", str(error))
    except MalformedError as error:
        return Unreadable("malformed", str(error))
    except (KeyError, TypeError, AttributeError) as error:
        return Unreadable("malformed", f"{type(error).__name__} while its lists were read")


async def _completed(client: ShopifyClient, order: dict[str, Any], urgent: bool) -> dict[str, Any]:
    pages = _Pages(client, urgent)
    if "lineItems" in order:
        order["lineItems"] = await pages.all_of(order, "lineItems", documents.MORE_LINE_ITEMS, "order")
    order["fulfillmentOrders"] = await pages.all_of(
        order, "fulfillmentOrders", documents.MORE_FULFILLMENT_ORDERS, "order"
    )
    for part in order["fulfillmentOrders"]["nodes"]:
        part["lineItems"] = await pages.all_of(
            part, "lineItems", documents.MORE_FULFILLMENT_ORDER_LINES, "fulfillmentOrder"
        )
    if len(order.get("fulfillments", ())) >= MOST_FULFILLMENTS:
        raise _IncompleteError(f"it has {MOST_FULFILLMENTS} fulfillments or more")
    for part in order.get("fulfillments", ()):
        part["fulfillmentLineItems"] = await pages.all_of(
            part, "fulfillmentLineItems", documents.MORE_FULFILLMENT_LINES, "fulfillment"
        )
    return order


class _Pages:
    def __init__(self, client: ShopifyClient, urgent: bool) -> None:
        self._client = client
        self._urgent = urgent

    async def all_of(self, owner: Mapping[str, Any], name: str, document: str, root: str) -> dict[str, list[Any]]:
        """The list `name` of `owner` with all its pages; `document` reads the rest of it below `root`."""
        connection = owner[name]
        nodes = list(connection["nodes"])
        for _ in range(MOST_PAGES):
            page = connection["pageInfo"]
            if not page["hasNextPage"]:
                return {"nodes": _whole(nodes)}
            if not page["endCursor"]:
                break
            data = await self._client.query(document, {"id": owner["id"], "after": page["endCursor"]}, self._urgent)
            if not data.get(root):
                raise _IncompleteError(f"{name} went away while it was read")
            connection = data[root][name]
            nodes += connection["nodes"]
        raise _IncompleteError(f"{name} does not end")


def _whole(nodes: list[Any]) -> list[Any]:
    if any(node is None for node in nodes):
        raise _IncompleteError("a row is missing")
    ids = [node["id"] for node in nodes if "id" in node]
    if len(set(ids)) < len(ids):
        # it changed between two pages: what moved to a later page came twice, what moved to an earlier one not at all
        raise _IncompleteError("it changed while it was read")
    return nodes
