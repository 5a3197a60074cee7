"""The `Http` port over sockets, and JSON as both vendors speak it. No vendor words here.

Faults of the network become two of the six errors: the request surely never left, or nobody knows.
"""

from __future__ import annotations

import asyncio
import encodings.utf_8_sig  # noqa: F401 - the codec of every answer; its module is not opened when files are scarce
import socket
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from mappings.canonical import dumps, loads
from mappings.outbound import is_private
from syncd import __version__
from syncd.errors import TransientError, UncertainError
from syncd.ports import Request, Response

LARGEST_BODY = 32 * 1024 * 1024
CHUNK = 64 * 1024
CONNECT_S = 10.0
CONNECTIONS = (
    100  # above the calls that we ever have in flight: waiting for a free connection must not look like a fault
)

NEVER_LEFT = (
    aiohttp.ClientConnectorError,  # refused, DNS, TLS, and the same of a proxy
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)


class AiohttpHttp:
    """One session for the whole process, opened by the first call. Texts of errors carry no address and no header."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._public: aiohttp.ClientSession | None = None
        """Finds public addresses only."""

    async def send(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._exchange(request)
        except NEVER_LEFT as error:
            raise TransientError("connect_failed", type(error).__name__) from error
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise UncertainError("answer_lost", type(error).__name__) from error

    async def close(self) -> None:
        sessions, self._session, self._public = (self._session, self._public), None, None
        for session in sessions:
            if session is not None:
                await session.close()

    async def _exchange(self, request: Request) -> Response:
        address = urlsplit(request.url)
        if request.is_public and is_private(address.hostname or ""):
            raise TransientError("private_address", "the address is not public")
        async with self._open_session(request.is_public).request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            # a proxy would look the name up by itself
            proxy=None if request.is_public else _proxy(address.scheme, address.netloc),
        ) as answer:
            body = await _body(answer)
            return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body)

    def _open_session(self, is_public: bool) -> aiohttp.ClientSession:
        if is_public:
            self._public = self._public or _session(PublicResolver())
            return self._public
        self._session = self._session or _session(None)
        return self._session


def _session(resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, resolver=resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"syncd/{__version__}"},
        # each request's own limit covers the whole exchange
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
    )


class PublicResolver(ThreadedResolver):
    """Names that lead into a private network lead nowhere, also when they did not a moment ago."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        public = [one for one in found if not is_private(one["host"])]
        if not public:
            raise OSError("the name has no public address")
        return public


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """In chunks, because a small compressed answer may become a huge one."""
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_chunked(CHUNK):
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            raise UncertainError("answer_too_large", f"more than {LARGEST_BODY} bytes")
    return b"".join(parts)


@lru_cache
def _proxy(scheme: str, host: str) -> str | None:
    """The proxy that the environment names. Not `trust_env`: that reads ~/.netrc too, and fails where it knows the host."""
    return None if proxy_bypass(host) else getproxies().get(scheme)


def json_of(response: Response) -> Any:
    """The body as JSON, fractions as Decimal. Raises ValueError for everything that is no JSON, hostile texts included."""
    try:
        return loads(response.body.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def json_bytes(value: Any) -> bytes:
    return dumps(value).encode()
