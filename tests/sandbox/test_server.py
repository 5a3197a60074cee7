"""The thin servers around worlds: routing, control, dropped connections, webhooks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from syncd.errors import TransientError, UncertainError
from syncd.ports import Request, Response
from syncd.sandbox.memory import MemoryHttp
from syncd.sandbox.routes import Routes
from syncd.sandbox.server import Running, serve
from syncd.sandbox.worlds import Delivery, LostAnswer


class Echo:
    """A world that says what it was asked, and owes whatever webhooks it was given."""

    def __init__(self, name: str = "echo") -> None:
        self.name = name
        self.owed: list[Delivery] = []
        self.ended: dict[str, int | None] = {}

    def answer(self, request: Request) -> Response:
        if request.url.startswith("/lost"):
            raise LostAnswer
        said = {
            "world": self.name,
            "method": request.method,
            "url": request.url,
            "body": (request.body or b"").decode(),
        }
        return Response(201, {"x-said": request.headers.get("x-say", "")}, json.dumps(said).encode())

    def due_deliveries(self) -> list[Delivery]:
        due, self.owed = self.owed, []
        return due

    def delivery_ended(self, delivery_id: str, status: int | None) -> None:
        self.ended[delivery_id] = status

    def control(self, action: str, arguments: dict[str, Any]) -> Any:
        if action != "shout":
            raise ValueError(f"There is no action {action}.")
        return {"heard": arguments}


@pytest.fixture
async def worlds() -> tuple[Echo, Echo]:
    return Echo("outer"), Echo("inner")


@pytest.fixture
async def server(worlds: tuple[Echo, Echo]) -> AsyncIterator[Running]:
    running = await serve({"": worlds[0], "/shop": worlds[1]})
    yield running
    await running.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a/x?y=1", "/x?y=1"),
        ("https://a", "/"),
        ("https://a?y", "/?y"),
        ("https://a.evil/x", None),
        ("https://other/x", None),
    ],
)
def test_a_prefix_is_taken_off_at_a_segment_boundary(url: str, expected: str | None) -> None:
    found = Routes({"https://a": Echo()}).find(url)
    assert (found[1] if found else None) == expected


async def test_the_longest_prefix_wins_and_the_call_passes_unchanged(
    server: Running, client: aiohttp.ClientSession
) -> None:
    url = f"{server.address}/shop/Orders/%C3%A9?page=1&a=b%20c"
    async with client.put(url, data=b"{}", headers={"X-Say": "hello"}) as answer:
        said = json.loads(await answer.read())
        assert (answer.status, answer.headers["x-said"]) == (201, "hello")
    assert said == {"world": "inner", "method": "PUT", "url": "/Orders/%C3%A9?page=1&a=b%20c", "body": "{}"}


async def test_control_brings_the_answer_or_the_sentence(server: Running, client: aiohttp.ClientSession) -> None:
    async with client.post(f"{server.address}/shop/_control/shout", json={"word": "hi"}) as answer:
        assert (answer.status, await answer.json()) == (200, {"heard": {"word": "hi"}})
    async with client.post(f"{server.address}/_control/whisper") as answer:
        assert (answer.status, await answer.json()) == (400, {"error": "There is no action whisper."})
    async with client.post(f"{server.address}/_control/shout", data=b"[1]") as answer:
        assert answer.status == 400


async def test_a_lost_answer_drops_the_connection(server: Running, client: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientError):
        await client.post(f"{server.address}/lost", data=b"x")


async def test_due_webhooks_are_posted_and_their_end_reported(worlds: tuple[Echo, Echo], server: Running) -> None:
    heard: list[tuple[bytes, str]] = []
    arrived = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        heard.append((await request.read(), request.headers["X-Topic"]))
        arrived.set()
        raise web.HTTPFound("/elsewhere")

    app = web.Application()
    app.router.add_post("/hook", receive)
    receiver = web.AppRunner(app, access_log=None)
    await receiver.setup()
    await web.TCPSite(receiver, "127.0.0.1", 0).start()
    port = receiver.addresses[0][1]
    worlds[1].owed.append(Delivery("d1", f"http://127.0.0.1:{port}/hook", {"X-Topic": "t"}, b'{"a":1}'))
    worlds[0].owed.append(Delivery("d2", "http://127.0.0.1:1/nobody", {}, b"{}"))
    worlds[0].owed.append(Delivery("d3", "not an address", {}, b"{}"))
    async with asyncio.timeout(2), aiohttp.ClientSession() as session:
        await arrived.wait()
        while len(worlds[0].ended) + len(worlds[1].ended) < 3:
            await (await session.get(server.address)).read()
    await receiver.cleanup()
    assert heard == [(b'{"a":1}', "t")]
    assert worlds[1].ended == {"d1": 302}
    assert worlds[0].ended == {"d2": None, "d3": None}


async def test_in_memory_the_same_worlds_answer() -> None:
    http = MemoryHttp({"https://ss.test": Echo("outer"), "https://ss.test/v2/": Echo("inner")})
    inner = await http.send(Request("GET", "https://ss.test/v2/labels?page=2"))
    assert json.loads(inner.body)["world"] == "inner"
    assert json.loads(inner.body)["url"] == "/labels?page=2"
    assert json.loads((await http.send(Request("GET", "https://ss.test"))).body)["url"] == "/"


async def test_in_memory_a_lost_answer_is_uncertain_and_an_unknown_host_surely_unreached() -> None:
    http = MemoryHttp({"https://ss.test": Echo()})
    with pytest.raises(UncertainError):
        await http.send(Request("GET", "https://ss.test/lost"))
    with pytest.raises(TransientError):
        await http.send(Request("GET", "https://ss.test.evil/lost"))
