"""A Shopify store of the sandbox and our client, under one simulated clock."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from syncd.budget import CostBudget
from syncd.ports import Http, Request, Response
from syncd.sandbox.memory import MemoryHttp
from syncd.sandbox.shopify import ShopifyWorld, ShopOptions
from syncd.shopify.access import endpoint
from syncd.shopify.client import ShopifyClient
from syncd.shopify.tokens import ClientCredentials
from syncd.simulation.ports import SeededRng
from tests.simulated import SimulatedClock

T = TypeVar("T")
SHOP = "main-shop.myshopify.com"
ORIGIN = "http://127.0.0.1:9001"
ENDPOINT = endpoint(SHOP, "2026-10", f"{ORIGIN}/{SHOP}")


class Counting:
    """The world behind a port that remembers what was asked."""

    def __init__(self, world: ShopifyWorld) -> None:
        self._http = MemoryHttp({ORIGIN: world})
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        return await self._http.send(request)

    def operations(self) -> list[str]:
        """Names of the GraphQL operations, `token` for a request for a token."""
        return [
            "token" if request.url.endswith("access_token") else json.loads(request.body or b"")["query"].split("(")[0]
            for request in self.requests
        ]


class Store:
    def __init__(self, http: Http | None = None, **options: Any) -> None:
        self.clock = SimulatedClock()
        self.world = ShopifyWorld(self.clock.now, 0, (ShopOptions(**options),))
        self.http = Counting(self.world)
        port = http or self.http
        self.tokens = ClientCredentials(
            port, self.clock, "main", ENDPOINT.token_url, "sandbox-client", "sandbox-secret"
        )
        self.budget = CostBudget(self.clock)
        self.client = ShopifyClient(port, self.clock, SeededRng(), self.budget, self.tokens, ENDPOINT, "main")

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        (result,) = await self.clock.run(work)
        return result

    async def all_of(self, pages: AsyncIterator[list[T]]) -> list[T]:
        async def read() -> list[T]:
            return [row async for page in pages for row in page]

        return await self.do(read())

    async def sell(self, count: int = 1, **more: Any) -> list[int]:
        """Plain paid orders that were routed and assessed."""
        order_ids: list[int] = self.world.control("sell", {"count": count, "mix": {"all": 0.0}, **more})
        await self.do(self.clock.sleep(60))
        return order_ids


class Scripted:
    """Grants a token, then answers in turn; an exception is raised instead. The last answer stays."""

    def __init__(self, *answers: Response | Exception | Callable[[Request], Response]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def send(self, request: Request) -> Response:
        if request.url.endswith("access_token"):
            return Response(200, {}, b'{"access_token":"shpat_x","scope":"","expires_in":86399}')
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def said(**body: Any) -> Response:
    return Response(200, {"x-request-id": "r-1"}, json.dumps(body).encode())


def failed(code: str, message: str = "no", path: list[str | int] | None = None, data: Any = None) -> Response:
    entry = {"message": message, "extensions": {"code": code}, **({"path": path} if path else {})}
    return said(errors=[entry], data=data)
