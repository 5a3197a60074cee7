"""The address at which help desks ask where packages are: who is let in, and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from syncd.errors import RejectedError, TransientError
from syncd.intake.gate import Bounds, Gate
from syncd.intake.server import Door, Doors, Listener, Port, Reports, Tracking, Webhooks
from syncd.intake.sockets import listening, number_of

TOKEN = "0123456789abcdef01234567"


async def found(ref: str) -> dict[str, Any]:
    match ref:
        case "1001" | "#1001" | "main/5310000032768":
            return {"order": "#1001", "status": "delivered"}
        case "1002":
            raise RejectedError("order_ambiguous", "1002 could be main/2, other/2; name one of them")
        case "1003":
            raise TransientError("http_500")
    raise RejectedError("order_unknown", f"no store has an order {ref}")


async def well() -> tuple[bool, dict[str, Any]]:
    return True, {}


async def measured() -> bytes:
    return b""


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Of a port that knows the orders of `found`."""
    gate = Gate(Bounds(100, 100, 5.0, ()), asyncio.get_running_loop().time)
    webhooks: Any = Webhooks.__new__(Webhooks)
    webhooks._doors = Doors({"main": Door("main.myshopify.com", ())}, (), 4096)
    port = Port(webhooks, Reports(well, well, well, measured), gate, Tracking(TOKEN, found))
    listener, sockets = Listener(port.app, gate), listening("127.0.0.1", 0)
    await listener.start(sockets)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{number_of(sockets)}") as session:
        yield session
    await listener.stop()


async def asked(session: aiohttp.ClientSession, path: str, authorization: str = f"Bearer {TOKEN}") -> tuple[int, Any]:
    async with session.get(path, headers={"Authorization": authorization}) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if is_json else None


@pytest.mark.parametrize("ref", ["1001", "%231001", "main/5310000032768"])
async def test_an_order_is_found_as_people_write_it(session: aiohttp.ClientSession, ref: str) -> None:
    assert await asked(session, f"/orders/{ref}/tracking") == (200, {"order": "#1001", "status": "delivered"})


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"]
)
async def test_nobody_else_is_told_anything(session: aiohttp.ClientSession, authorization: str) -> None:
    assert await asked(session, "/orders/1001/tracking", authorization) == (401, None)


@pytest.mark.parametrize(("ref", "status"), [("9999", 404), ("1002", 409), ("1003", 503)])
async def test_what_cannot_be_told_has_a_status(session: aiohttp.ClientSession, ref: str, status: int) -> None:
    assert (await asked(session, f"/orders/{ref}/tracking"))[0] == status
