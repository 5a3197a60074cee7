"""What a request is: its place, by which faults are counted, and what it may do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from syncd.ports import Request

CREATE_ORDERS = "ship POST /orders/createorders"
CREATE_FULFILLMENT = "shop CreateFulfillment"
TOLD = frozenset({CREATE_FULFILLMENT, "shop UpdateTracking", "shop CancelFulfillment"})
"""Calls to Shopify that change where goods go or what a customer is told."""

_OPERATION = re.compile(rb"(query|mutation) (\w+)")
_LISTS = re.compile(r"ship GET /(orders|shipments|fulfillments)$|shop \w+Since$")


@dataclass(frozen=True)
class Call:
    """`site` is `ship <method> <path>` with N for numbers, or `shop <operation>`."""

    site: str
    is_write: bool
    request: Request

    @property
    def is_ship(self) -> bool:
        return self.site.startswith("ship")

    @property
    def is_list(self) -> bool:
        return bool(_LISTS.match(self.site))

    @property
    def asks_nodes(self) -> bool:
        return self.site in ("shop OrdersToShip", "shop OrdersShipped")

    @cached_property
    def body(self) -> Any:
        return json.loads(self.request.body or b"null")


def call_of(request: Request) -> Call:
    address = urlsplit(request.url)
    if address.netloc == "ship.test":
        path = re.sub(r"\d+", "N", address.path)
        return Call(f"ship {request.method} {path}", request.method != "GET", request)
    found = _OPERATION.search(request.body or b"")
    if found is None:
        return Call("shop token", False, request)
    return Call(f"shop {found[2].decode()}", found[1] == b"mutation", request)
