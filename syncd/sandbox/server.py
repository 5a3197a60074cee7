"""Serves worlds over HTTP and posts the webhooks that they owe. No behaviour of a vendor lives here.

Several worlds share one port under path prefixes, or take a port each by calling `serve` once per world. Whatever stands
behind a prefix is answered by its world, except `POST <prefix>/_control/<action>`, which carries a JSON object to
`World.control` and brings its JSON answer back (400 and `{"error": sentence}` when the world refuses).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from syncd.ports import Request
from syncd.sandbox.routes import Routes
from syncd.sandbox.worlds import Delivery, LostAnswer, World

LARGEST_BODY = 64 * 1024 * 1024
CONTROL = "/_control/"
POLL_S = 0.05
IN_FLIGHT = 8
WEBHOOK_TIMEOUT_S = 5.0


class Running:
    """A started server. `address` is its base, such as `http://127.0.0.1:49152`; `stop` ends it and its deliveries."""

    def __init__(self, runner: web.AppRunner, address: str, courier: Courier) -> None:
        self.address = address
        self._runner = runner
        self._courier = courier

    async def stop(self) -> None:
        await self._courier.stop()
        await self._runner.cleanup()


async def serve(worlds: World | Mapping[str, World], host: str = "127.0.0.1", port: int = 0) -> Running:
    """`worlds` is one world, or path prefixes ("" or "/shop") to worlds. Port 0 takes any free one."""
    mounts = worlds if isinstance(worlds, Mapping) else {"": worlds}
    courier = Courier(list(mounts.values()))
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", _Front(Routes(mounts), courier).answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0]
    courier.start()
    return Running(runner, f"http://{host}:{bound[1]}", courier)


class _Front:
    def __init__(self, routes: Routes, courier: Courier) -> None:
        self._routes = routes
        self._courier = courier

    async def answer(self, request: web.Request) -> web.StreamResponse:
        found = self._routes.find(request.raw_path)
        if found is None:
            return web.json_response({"error": "no world at this path"}, status=404)
        world, path = found
        body = await request.read()
        self._courier.wake()  # runs after this handler, which does not wait again
        if path.startswith(CONTROL) and request.method == "POST":
            return _control(world, path.removeprefix(CONTROL), body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            answer = world.answer(Request(request.method, path, headers, body or None))
        except LostAnswer:
            return _drop(request)
        return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)


def _control(world: World, action: str, body: bytes) -> web.Response:
    try:
        arguments: Any = json.loads(body or b"{}")
        if not isinstance(arguments, dict):
            raise ValueError("The body must be a JSON object.")
        return web.json_response(world.control(action, arguments))
    except ValueError as problem:
        return web.json_response({"error": str(problem)}, status=400)


def _drop(request: web.Request) -> web.Response:
    """Closes the connection at once; the response that aiohttp demands goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


class Courier:
    """Posts due webhooks, a few at a time, and tells each world how they ended."""

    def __init__(self, worlds: list[World]) -> None:
        self._worlds = worlds
        self._woken = asyncio.Event()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._posts: set[asyncio.Task[None]] = set()
        self._rounds: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._rounds = asyncio.create_task(self._run(), name="sandbox webhooks")

    def wake(self) -> None:
        """Something happened in a world: look for due webhooks now."""
        self._woken.set()

    async def stop(self) -> None:
        """Posts under way are broken off: their receivers may be gone already. Raises what went wrong meanwhile."""
        tasks = [task for task in (self._rounds, *self._posts) if task is not None]
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                self._woken.clear()
                for world in self._worlds:
                    await self._post_due(world, session)
                await self._pause()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), POLL_S)
        except TimeoutError:
            return

    async def _post_due(self, world: World, session: aiohttp.ClientSession) -> None:
        for delivery in world.due_deliveries():
            await self._slots.acquire()
            task = asyncio.create_task(self._post(world, delivery, session))
            self._posts.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._posts.discard(task)
        self._slots.release()

    async def _post(self, world: World, delivery: Delivery, session: aiohttp.ClientSession) -> None:
        status: int | None = None
        try:
            async with session.post(
                delivery.url, data=delivery.body, headers=delivery.headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = None
        finally:
            world.delivery_ended(delivery.delivery_id, status)
