"""A ShipStation account of the sandbox and our client, under one simulated clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import SecretStr

from mappings.shipstation_shapes import Order
from syncd.budget import Urgency, WindowBudget
from syncd.ports import Http, Request, Response
from syncd.sandbox.memory import MemoryHttp
from syncd.sandbox.shipstation import ShipStationOptions, ShipStationWorld
from syncd.settings.groups import KeyPair
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.keys import KeyRing
from syncd.shipstation.lists import Page
from syncd.shipstation.wire import Wire
from syncd.simulation.ports import START, SeededRng
from tests.simulated import InlineDb, SimulatedClock

T = TypeVar("T")
BASE = "https://ssapi.example.test"
KEYS = ("sandbox-key", "sandbox-secret")


class Account:
    def __init__(self, http: Http | None = None, keys: tuple[tuple[str, str], ...] = (KEYS,), **options: Any) -> None:
        self.clock = SimulatedClock(options.pop("start", START))
        options.setdefault("requests_per_window", 10_000)
        limit = options["requests_per_window"]
        self.world = ShipStationWorld(self.clock.now, 0, ShipStationOptions(**options))
        self.db = InlineDb()
        self.budget = WindowBudget(self.db, self.clock, "shipstation", limit, 60)
        wire = Wire(http or MemoryHttp({BASE: self.world}), self.clock, SeededRng(), self.budget, BASE)
        self.client = ShipStationClient(wire, self.ring(keys))

    def ring(self, keys: tuple[tuple[str, str], ...]) -> KeyRing:
        """As a process has it that just started."""
        names = ("api_key", "next_api_key")
        return KeyRing(
            self.db,
            self.clock,
            [
                KeyPair(name, SecretStr(key), SecretStr(secret))
                for name, (key, secret) in zip(names, keys, strict=False)
            ],
        )

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        (result,) = await self.clock.run(work)
        return result

    async def all_of(self, found: AsyncIterator[Page[Any]]) -> Page[Any]:
        """All pages as one."""

        async def read() -> Page[Any]:
            pages = [page async for page in found]
            return Page([row for page in pages for row in page.rows], sum(page.unreadable for page in pages))

        return await self.do(read())

    def calls(self) -> int:
        return self.world.calls.total


class Scripted:
    """Answers in turn; an exception is raised instead. The last one stays."""

    def __init__(self, *answers: Response | Exception | Callable[[Request], Response]) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def document(key: str, **fields: Any) -> Order:
    order: Order = {
        "orderNumber": key,
        "orderKey": key,
        "orderDate": "2026-11-20 09:15:00",
        "orderStatus": "awaiting_shipment",
        "billTo": {"name": "Ann Lee"},
        "shipTo": {"name": "Ann Lee", "street1": "1 Main St", "city": "Austin", "state": "TX", "country": "US"},
        "items": [{"lineItemKey": f"{key}:1", "name": "Mug", "quantity": 2, "unitPrice": Decimal("9.50")}],
        "amountPaid": Decimal("25.30"),
    }
    return {**order, **fields}  # type: ignore[typeddict-item]


ORDERS = Urgency.ORDERS
