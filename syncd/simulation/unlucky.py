"""The network and the database with bad luck: at every call something may go wrong, before it is carried out or after."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from typing import Protocol, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from syncd.errors import TransientError, UncertainError
from syncd.ports import Http, Request, Response
from syncd.sandbox.shipstation.faults import FaultRule as ShipRule
from syncd.sandbox.shopify.faults import FaultRule as ShopRule
from syncd.simulation.calls import CREATE_ORDERS, Call, call_of
from syncd.simulation.day import Day
from syncd.simulation.luck import History, Luck
from syncd.simulation.ports import InlineDb
from syncd.simulation.spoiling import (
    FINAL_WORDS,
    JSON_HEADERS,
    PASSING_WORDS,
    spoiled,
    with_hole,
    with_row_doubled,
    with_row_failed,
)

T = TypeVar("T")

EVERYWHERE = (
    "timeout_before", "timeout_after", "conn_reset", "e500_before", "e500_after", "e502_html", "e503", "e429", "e429_noheader",
    "json_trunc", "json_html", "json_null", "json_extra", "json_missing", "json_type",
)  # fmt: skip
OF_BATCHES = ("batch_rowfail", "batch_reorder", "batch_missing", "batch_dup", "batch_poison")
OF_SHOPS = ("gql_throttle", "gql_internal")
OF_NODES = ("gql_partial", "gql_nullnode")
OF_THE_VENDORS = {
    "e500_before": "error_500_before",
    "e500_after": "error_500_after",
    "e502_html": "html",
    "json_html": "html",
    "json_trunc": "truncated",
    "batch_missing": "row_missing",
    "batch_reorder": "row_reorder",
    "gql_throttle": "throttled",
    "gql_internal": "internal_error_in_200",
}
"""What the sandboxes' own layers of bad luck do, by their names."""

FOR_EVER_S = 10.0**9
POISON_S = (60.0, 600.0)
FULL_S = (2.0, 30.0)
UNAVAILABLE = Response(503, {"content-type": "text/plain"}, b"Service Unavailable")


class Watcher(Protocol):
    """Sees every call when it leaves and when the vendor carries it out, and learns what befell which order."""

    def leaves(self, call: Call, kind: str | None) -> None: ...
    def arrived(self, call: Call) -> None: ...
    def carried_out(self, call: Call, response: Response) -> None: ...
    def befell(self, order_key: str, what: str) -> None: ...
    def broke(self, call: Call) -> None: ...


class UnluckyVendors:
    """Stands where the vendors stand in the network."""

    def __init__(self, day: Day, luck: Luck, history: History, watcher: Watcher, touch: Callable[[], None]) -> None:
        """`touch`: somebody edits an order while a list is being read."""
        self._vendors: Http = day.network.vendors
        self._day = day
        self._luck = luck
        self._history = history
        self._watcher = watcher
        self._touch = touch
        self._poisoned: dict[str, float] = {}
        """Order key -> until when it breaks every batch that it is in."""

    async def send(self, request: Request) -> Response:
        call = call_of(request)
        kind = self._luck.draw(call.site, _kinds(call))
        if kind:
            self._luck.note(call.site, kind)
        self._watcher.leaves(call, kind)
        outcome = "-"
        try:
            response = await self._answer(call, kind)
            outcome = str(response.status)
            return response
        except Exception as error:
            outcome = type(error).__name__
            raise
        finally:
            digest = blake2b(request.body or b"", digest_size=6).hexdigest()
            self._history.add(self._now_s(), call.site, digest, kind, outcome)

    async def _answer(self, call: Call, kind: str | None) -> Response:
        rng = self._luck.rng
        match kind:
            case "timeout_before":
                await asyncio.sleep(call.request.timeout_s + 1.0)
                raise UncertainError("timeout")
            case "timeout_after":
                await self._serve(call)
                await asyncio.sleep(call.request.timeout_s + 1.0)
                raise UncertainError("timeout")
            case "late_commit":
                await asyncio.sleep(call.request.timeout_s * rng.uniform(1.0, 1.9))
                return await self._serve(call)
            case "conn_reset":
                if rng.random() < 0.5:
                    await self._serve(call)
                raise UncertainError("connection_lost", "the connection broke before an answer came")
            case "e503":
                return UNAVAILABLE
            case "e429":
                headers = {"x-rate-limit-reset": str(rng.randrange(1, 20)), "retry-after": str(rng.randrange(1, 20))}
                return Response(429, JSON_HEADERS | headers, b'{"message":"Too Many Requests"}')
            case "e429_noheader":
                return Response(429, JSON_HEADERS, b'{"message":"Too Many Requests"}')
            case "json_null" | "json_extra" | "json_missing" | "json_type":
                return spoiled(kind, await self._serve(call), rng)
            case "gql_partial" | "gql_nullnode":
                return with_hole(await self._serve(call), rng, is_told=kind == "gql_partial")
            case "page_shift":
                self._touch()
                return await self._serve(call)
            case "batch_dup":
                return with_row_doubled(await self._serve(call), rng)
            case "batch_rowfail":
                return await self._with_failed_row(call)
            case "batch_poison":
                self._poison(call)
                return await self._serve(call)
        return await self._by_the_vendor(call, kind)

    async def _by_the_vendor(self, call: Call, kind: str | None) -> Response:
        name = OF_THE_VENDORS.get(kind or "")
        status = 502 if kind == "e502_html" else 200
        ship, shop = self._day.shipstation.faults, self._day.shopify.faults
        if name and call.is_ship:
            ship.set([ShipRule(name, status=status)])  # type: ignore[arg-type]
        elif name:
            shop.set([ShopRule(name, status=status)])  # type: ignore[arg-type]
        try:
            return await self._serve(call)
        finally:
            ship.set([])
            shop.set([])

    async def _serve(self, call: Call) -> Response:
        if call.site == CREATE_ORDERS and (struck := self._struck(call)):
            self._luck.note(call.site, "batch_poison")
            for key in struck:
                self._watcher.befell(key, "poisoned")
            self._watcher.broke(call)
            return Response(500, JSON_HEADERS, b'{"Message":"An error has occurred."}')
        self._watcher.arrived(call)
        response = await self._vendors.send(call.request)
        self._watcher.carried_out(call, response)
        return response

    def _struck(self, call: Call) -> list[str]:
        now = self._now_s()
        return [row["orderKey"] for row in call.body if self._poisoned.get(row["orderKey"], 0.0) > now]

    def _poison(self, call: Call) -> None:
        rng = self._luck.rng
        until = FOR_EVER_S if rng.random() < 0.2 else self._now_s() + rng.uniform(*POISON_S)
        self._poisoned[rng.choice(call.body)["orderKey"]] = until

    async def _with_failed_row(self, call: Call) -> Response:
        """One row is refused: in passing, or, one time in ten, for good."""
        rng = self._luck.rng
        victim = rng.choice(call.body)["orderKey"]
        words = FINAL_WORDS if rng.random() < 0.1 else rng.choice(PASSING_WORDS)
        if words is FINAL_WORDS:
            self._watcher.befell(victim, "refused")
        rest = [row for row in call.body if row["orderKey"] != victim]
        if rest:
            response = await self._serve(replace_body(call, json.dumps(rest).encode()))
        else:
            response = Response(200, JSON_HEADERS, b'{"hasErrors":true,"results":[{}]}')
        if response.status != 200:
            return response
        return with_row_failed(response, victim, words)

    def _now_s(self) -> float:
        return self._day.clock.monotonic()


def replace_body(call: Call, body: bytes) -> Call:
    return Call(call.site, call.is_write, replace(call.request, body=body))


def _kinds(call: Call) -> tuple[str, ...]:
    kinds: tuple[str, ...] = EVERYWHERE
    if call.site == CREATE_ORDERS:
        kinds += OF_BATCHES
    if not call.is_ship and call.site != "shop token":
        kinds += OF_SHOPS
    if call.asks_nodes:
        kinds += OF_NODES
    if call.is_list:
        kinds += ("page_shift",)
    if call.is_write:
        kinds += ("late_commit",)
    return kinds


class UnluckyDb(InlineDb):
    """A database that is busy, full for a while, or gone at the moment of the commit."""

    def __init__(self, engine: Engine, luck: Luck, now_s: Callable[[], float]) -> None:
        super().__init__(engine)
        self._luck = luck
        self._now_s = now_s
        self._full_until = 0.0

    async def run(self, fn: Callable[[Session], T], ahead: bool = False) -> T:
        self.has_written = False
        kind = self._luck.draw("db", ("db_busy", "db_full", "db_disconnect_commit"))
        if kind == "db_busy":
            self._luck.note("db", kind)
            raise TransientError("store_busy", "database is locked")
        if kind == "db_full" and self._full_until < self._now_s():
            self._full_until = self._now_s() + self._luck.rng.uniform(*FULL_S)
        result = await super().run(self._refusing(fn) if self._is_full() else fn, ahead)
        if kind == "db_disconnect_commit" and self.has_written:
            self._luck.note("db", kind)
            raise TransientError("store_gone", "the connection broke at the commit")
        return result

    def _is_full(self) -> bool:
        return self._luck.has("db_full") and self._now_s() < self._full_until

    def _refusing(self, fn: Callable[[Session], T]) -> Callable[[Session], T]:
        """Reads go on; a transaction that wrote is rolled back."""

        def work(session: Session) -> T:
            before = _changes(session)
            result = fn(session)
            session.flush()
            if _changes(session) != before:
                self._luck.note("db", "db_full")
                raise TransientError("store_full", "database or disk is full")
            return result

        return work


def _changes(session: Session) -> int:
    return int(session.connection().connection.driver_connection.total_changes)  # type: ignore[union-attr]
