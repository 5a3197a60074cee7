"""The port: verify, commit, only then answer. Nothing is parsed here and no address from a body is ever called."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from syncd.errors import RejectedError, SyncError
from syncd.intake.gate import Allowance, Gate
from syncd.intake.inbox import SHIPSTATION, SIGNED, Inbox
from syncd.intake.sockets import BACKLOG
from syncd.intake.tally import Tally
from syncd.logs import get_logger
from syncd.ports import Clock
from syncd.shipstation.signatures import PublishedKeys, event_id, refusal
from syncd.shipstation.webhooks import is_secret
from syncd.shopify.webhooks import is_authentic

log = get_logger("intake")

KEEPALIVE_S = 15.0
LARGE_BODY = 64 * 1024
MOST_LARGE_BODIES = 16
"""Under way at once: each may grow to the longest body before anyone knows whether it is signed."""
LONGEST_HEADER = 100
NOWHERE = URL("/")
LINES_PER_S = 2.0
LINES_AT_ONCE = 20.0


@dataclass(frozen=True)
class Door:
    """One store's: its permanent address, and whose signatures let in."""

    shop: str
    secrets: Sequence[bytes]


@dataclass(frozen=True)
class Doors:
    """What opens the webhook routes, by store name; without `shipstation_secrets` every call of ShipStation is refused."""

    shops: Mapping[str, Door]
    shipstation_secrets: Sequence[str]
    longest_body: int


class Webhooks:
    """What is answered to a webhook, as a status. Nothing is written for those that are refused."""

    def __init__(self, doors: Doors, inbox: Inbox, clock: Clock, tally: Tally, keys: PublishedKeys) -> None:
        self._doors = doors
        self._keys = keys
        self._tally = tally
        self._inbox = inbox
        self._clock = clock
        self._lines = Allowance(LINES_PER_S, LINES_AT_ONCE)

    @property
    def longest_body(self) -> int:
        return self._doors.longest_body

    async def shopify_posted(self, store: str, headers: Mapping[str, str], body: bytes) -> int:
        """`headers` knows no case. They are not signed: a wrong shop shows a mix-up, a right one proves nothing."""
        door = self._doors.shops.get(store)
        if not is_authentic(body, headers.get("X-Shopify-Hmac-Sha256", ""), door.secrets if door else ()):
            self._refused(store if door else "unknown", "signature")
            return 401
        if door and headers.get("X-Shopify-Shop-Domain", door.shop).lower() != door.shop:
            self._refused(store, "shop")
            return 401
        topic, webhook_id = _plain(headers.get("X-Shopify-Topic", "")), _plain(headers.get("X-Shopify-Webhook-Id", ""))
        return await self._keep(store, topic, webhook_id, body)

    async def shipstation_posted(self, secret: str, body: bytes) -> int:
        """The path is the secret; a wrong one looks like any other wrong address."""
        if not is_secret(secret, self._doors.shipstation_secrets):
            self._refused(SHIPSTATION, "secret")
            return 404
        return await self._keep(SHIPSTATION, "", "", body)

    async def shipstation_v2_posted(self, secret: str, headers: Mapping[str, str], body: bytes) -> int:
        """The secret in the path, and the vendor's signature over the body. Without its keys nothing is let in: the feeds bring it."""
        if not is_secret(secret, self._doors.shipstation_secrets):
            self._refused(SHIPSTATION, "secret")
            return 404
        if status := await refusal(self._keys, headers, body, self._clock.now()):
            self._refused(SHIPSTATION, "signature")
            return status
        return await self._keep(SHIPSTATION, SIGNED, event_id(headers, body), body)

    def _refused(self, store: str, reason: str) -> None:
        """A flood of them must not become a flood of lines."""
        self._tally.refused(store)
        if self._lines.takes(store, self._clock.monotonic()):
            log.warning("webhook.refused", store=store, reason=reason)

    async def _keep(self, store: str, topic: str, webhook_id: str, body: bytes) -> int:
        try:
            await self._inbox.keep(store, topic, webhook_id, body)
        except SyncError as error:
            log.error("webhook.postponed", store=store, error_code=error.code, error_text=error.text)
            return 503
        self._tally.accepted(store)
        return 200


Report = Callable[[], Awaitable[tuple[bool, Mapping[str, Any]]]]
"""Whether all is well, and the figures behind it."""

Answer = Callable[[web.Request, bytes], Awaitable[web.Response]]


@dataclass(frozen=True)
class Reports:
    health: Report
    ready: Report
    status: Report
    metrics: Callable[[], Awaitable[bytes]]


class Tracking:
    """Where the packages of one order are, for whoever shows the token. No names, no addresses, no places."""

    def __init__(self, token: str, find: Callable[[str], Awaitable[Mapping[str, Any]]]) -> None:
        self._token = token
        self._find = find

    def is_allowed(self, header: str) -> bool:
        """Of `Authorization`. Compared in constant time; without a token in the settings nobody is let in."""
        kind, _, given = header.partition(" ")
        return kind.lower() == "bearer" and is_secret(given.strip(), [self._token])

    async def answer(self, ref: str) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON. `ref` is as people write it: `1001`, `#1001`, `SHOPIFY-1001`, `main/5310000032768`, an id."""
        try:
            return 200, await self._find(ref)
        except RejectedError as error:
            return 404 if error.code == "order_unknown" else 409, {"error": error.code, "text": error.text}
        except SyncError as error:
            return 503, {"error": error.code}


class Port:
    """The routes. A body is read raw, whole and uncompressed, as it was signed, before anyone looks at it."""

    def __init__(self, webhooks: Webhooks, reports: Reports, gate: Gate, tracking: Tracking | None = None) -> None:
        self._webhooks = webhooks
        self._tracking = tracking
        self._gate = gate
        self._large_bodies = 0
        self.app = app = web.Application(client_max_size=webhooks.longest_body)
        for path, posted in (
            ("/webhooks/shopify/{store}", self._from_shopify),
            ("/webhooks/shipstation/{secret}", self._from_shipstation),
            ("/webhooks/shipstation-v2/{secret}", self._from_shipstation_v2),
        ):
            app.router.add_post(path, self._behind_gate(posted), expect_handler=_expected)
        for path, report in (
            ("/healthz", reports.health),
            ("/readyz", reports.ready),
            ("/status.json", reports.status),
        ):
            app.router.add_get(path, self._behind_gate(_as_json(report)), expect_handler=_expected)
        app.router.add_get("/metrics", self._behind_gate(_as_metrics(reports.metrics)), expect_handler=_expected)
        if tracking:
            path = "/orders/{ref:.+}/tracking"
            app.router.add_get(path, self._behind_gate(self._tracked), expect_handler=_expected)
        app.router.add_route("*", "/{other:.*}", _nothing_here, expect_handler=_expected)

    def _behind_gate(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answered(request: web.Request) -> web.Response:
            transport = request.transport
            body = await self._body(request)
            self._gate.whole(transport)
            try:
                return await answer(request, body)
            finally:
                self._gate.answered(transport)

        return answered

    async def _from_shopify(self, request: web.Request, body: bytes) -> web.Response:
        status = await self._webhooks.shopify_posted(request.match_info["store"], request.headers, body)
        return self._answer(request, status)

    async def _from_shipstation(self, request: web.Request, body: bytes) -> web.Response:
        return self._answer(request, await self._webhooks.shipstation_posted(request.match_info["secret"], body))

    async def _from_shipstation_v2(self, request: web.Request, body: bytes) -> web.Response:
        secret = request.match_info["secret"]
        return self._answer(request, await self._webhooks.shipstation_v2_posted(secret, request.headers, body))

    async def _tracked(self, request: web.Request, body: bytes) -> web.Response:
        assert self._tracking is not None, "without it there is no such route"
        if not self._tracking.is_allowed(request.headers.get("Authorization", "")):
            refused = self._answer(request, 401)
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        status, answer = await self._tracking.answer(request.match_info["ref"])
        return web.json_response(dict(answer), status=status, headers={"Cache-Control": "no-store"})

    def _answer(self, request: web.Request, status: int) -> web.Response:
        """Only who is refused is ever told to slow down: an honest sender would give up on us."""
        if status in (400, 401, 404) and self._gate.is_too_often_wrong(
            request.remote or "", request.headers.get("X-Forwarded-For", "")
        ):
            answer = web.Response(status=429, headers={"Retry-After": "60"})
            answer.force_close()
            return answer
        return web.Response(status=status, headers={"Retry-After": "5"} if status == 503 else None)

    async def _body(self, request: web.Request) -> bytes:
        if request.headers.get("Content-Encoding"):
            raise web.HTTPUnsupportedMediaType
        if request.content.is_eof():
            return await request.read()
        if (request.content_length or LARGE_BODY) < LARGE_BODY:
            return await self._arrived(request)
        if self._large_bodies >= MOST_LARGE_BODIES:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"})
        self._large_bodies += 1
        try:
            return await self._arrived(request)
        finally:
            self._large_bodies -= 1

    async def _arrived(self, request: web.Request) -> bytes:
        try:
            return await request.read()
        except (web.RequestPayloadError, ConnectionError) as error:  # cut off by its sender, or by the gate
            raise web.HTTPBadRequest from error


async def _nothing_here(_: web.Request) -> web.Response:
    return web.Response(status=404)


async def _expected(request: web.Request) -> None:
    """The library's own repeats the header in its answer, and fails where that is no text."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPExpectationFailed
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _plain(header: str) -> str:
    """Of a header that is not signed, what a database can keep."""
    header = header[:LONGEST_HEADER]
    if header.isascii() and header.isprintable():  # a sixth of the time that looking at each letter takes
        return header
    return "".join(one for one in header if " " <= one <= "~")


class _Protocol(web.RequestHandler):
    """Repeats nothing of what is no request: the library's own answer would, and fails where that is no text."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        # a failure before any route of ours was asked
        if status == 500 and isinstance(request, web.Request) and request.match_info.http_exception:
            answer = web.Response(status=404)
            answer.force_close()
            return answer
        return super().handle_error(request, status, exc, None)


def _with_an_address(make: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
    """CONNECT without an address passes the library's parser, and then breaks its request."""

    def made(message: Any, *rest: Any) -> web.BaseRequest:
        return make(message if message.url is not None else message._replace(url=NOWHERE), *rest)

    return made


class _WithoutNonsense(logging.Filter):
    """What is no HTTP is answered with 400, and who is gone with nothing. The library writes an error for each, with a traceback
    that quotes what came."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | ConnectionError)


def _as_json(report: Report) -> Answer:
    async def answer(_: web.Request, __: bytes) -> web.Response:
        try:
            well, figures = await report()
        except SyncError as error:
            well, figures = False, {"error": error.code}
        return web.json_response(dict(figures), status=200 if well else 503)

    return answer


def _as_metrics(metrics: Callable[[], Awaitable[bytes]]) -> Answer:
    async def answer(_: web.Request, __: bytes) -> web.Response:
        try:
            body = await metrics()
        except SyncError as error:
            return web.Response(status=503, text=error.code)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return answer


def _logger() -> logging.Logger:
    logger = logging.getLogger("intake.http")
    if not logger.filters:
        logger.addFilter(_WithoutNonsense())
    return logger


class Listener:
    """On sockets that are bound. `stop` closes them and lets requests in flight finish."""

    def __init__(self, app: web.Application, gate: Gate) -> None:
        self._runner = web.AppRunner(app)
        self._gate = gate
        self._servers: list[asyncio.Server] = []

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        await self._runner.setup()
        assert self._runner.server
        self._runner.server.request_factory = _with_an_address(self._runner.server.request_factory)
        protocol = self._gate.guarded(self._protocol)
        loop = asyncio.get_running_loop()
        self._servers = [await loop.create_server(protocol, sock=one, backlog=BACKLOG) for one in sockets]
        self._gate.start()

    def _protocol(self) -> _Protocol:
        assert self._runner.server
        # the library's own keeps idle connections for an hour and unpacks bodies: a bomb, and never what was signed
        return _Protocol(
            self._runner.server,
            loop=asyncio.get_running_loop(),
            access_log=cast(logging.Logger, None),  # the library's word for none, which its types do not know
            keepalive_timeout=KEEPALIVE_S,
            auto_decompress=False,
            logger=_logger(),
        )

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        self._gate.stop()
        await self._runner.cleanup()
