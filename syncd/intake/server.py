"""The port: verify, commit, only then answer. Nothing is parsed here and no address from a body is ever called."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from syncd.errors import SyncError
from syncd.intake.inbox import SHIPSTATION, Inbox
from syncd.logs import get_logger
from syncd.shipstation.webhooks import is_secret
from syncd.shopify.webhooks import is_authentic

log = get_logger("intake")

KEEPALIVE_S = 15.0
BACKLOG = 1024


@dataclass(frozen=True)
class Doors:
    """What opens the webhook routes: secrets by store name; an empty `shipstation_secret` refuses every call."""

    secrets: Mapping[str, Sequence[bytes]]
    shipstation_secret: str
    longest_body: int
    body_s: float


class Webhooks:
    def __init__(self, doors: Doors, inbox: Inbox) -> None:
        self._doors = doors
        self._inbox = inbox

    @property
    def longest_body(self) -> int:
        return self._doors.longest_body

    async def from_shopify(self, request: web.Request) -> web.Response:
        return _answer(
            await self.shopify_posted(request.match_info["store"], request.headers, await self._body(request))
        )

    async def from_shipstation(self, request: web.Request) -> web.Response:
        return _answer(await self.shipstation_posted(request.match_info["secret"], await self._body(request)))

    async def shopify_posted(self, store: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status to answer with. 401 and nothing written when the signature does not fit. `headers` knows no case."""
        secrets = self._doors.secrets.get(store, ())
        if not is_authentic(body, headers.get("X-Shopify-Hmac-Sha256", ""), secrets):
            log.warning("webhook.refused", store=store if secrets else "unknown", reason="signature")
            return 401
        topic = headers.get("X-Shopify-Topic", "")[:100]
        return await self._keep(store, topic, headers.get("X-Shopify-Webhook-Id", "")[:100], body)

    async def shipstation_posted(self, secret: str, body: bytes) -> int:
        """The path is the secret; a wrong one looks like any other wrong address."""
        if not is_secret(secret, self._doors.shipstation_secret):
            log.warning("webhook.refused", store=SHIPSTATION, reason="secret")
            return 404
        return await self._keep(SHIPSTATION, "", "", body)

    async def _keep(self, store: str, topic: str, webhook_id: str, body: bytes) -> int:
        try:
            await self._inbox.keep(store, topic, webhook_id, body)
        except SyncError as error:
            log.error("webhook.postponed", store=store, error_code=error.code, error_text=error.text)
            return 503
        return 200

    async def _body(self, request: web.Request) -> bytes:
        """The raw bytes, whole, in time, uncompressed: what the signature is over."""
        if request.headers.get("Content-Encoding"):
            raise web.HTTPUnsupportedMediaType
        if request.content.is_eof():  # all of it came with the headers: no timer is needed
            return await request.read()
        try:
            async with asyncio.timeout(self._doors.body_s):
                return await request.read()
        except TimeoutError:
            if request.transport:
                request.transport.close()
            raise web.HTTPRequestTimeout from None


def _answer(status: int) -> web.Response:
    return web.Response(status=status, headers={"Retry-After": "5"} if status == 503 else None)


Report = Callable[[], Awaitable[tuple[bool, Mapping[str, Any]]]]
"""Whether all is well, and the figures behind it."""


@dataclass(frozen=True)
class Reports:
    health: Report
    ready: Report
    status: Report
    metrics: Callable[[], Awaitable[bytes]]


def build_app(webhooks: Webhooks, reports: Reports) -> web.Application:
    app = web.Application(client_max_size=webhooks.longest_body)
    app.router.add_post("/webhooks/shopify/{store}", webhooks.from_shopify)
    app.router.add_post("/webhooks/shipstation/{secret}", webhooks.from_shipstation)
    for path, report in (("/healthz", reports.health), ("/readyz", reports.ready), ("/status.json", reports.status)):
        app.router.add_get(path, _as_json(report))
    app.router.add_get("/metrics", _as_metrics(reports.metrics))
    return app


def _as_json(report: Report) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        try:
            well, figures = await report()
        except SyncError as error:
            well, figures = False, {"error": error.code}
        return web.json_response(dict(figures), status=200 if well else 503)

    return answer


def _as_metrics(metrics: Callable[[], Awaitable[bytes]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        try:
            body = await metrics()
        except SyncError as error:
            return web.Response(status=503, text=error.code)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return answer


class Listener:
    """The bound port. `stop` closes it and lets requests in flight finish."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        # The bare AppRunner keeps idle connections for an hour and unpacks bodies: a bomb, and never what was signed.
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_S, auto_decompress=False)
        self._host, self._port = host, port

    async def start(self) -> int:
        """Returns the port, which differs from the one asked for when that was 0."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=BACKLOG).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        await self._runner.cleanup()
