"""A load generator: so many connections, each with one request under way, over bare sockets. It does not need wrk.

Only the webhook id differs between requests, by chance as Shopify's do; ids are not signed, so a request costs one joined write.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import time
from dataclasses import dataclass, field
from random import Random
from typing import cast

HOST = "127.0.0.1"


@dataclass
class Counted:
    """`waits_ms` is one entry for each good answer since `begin_at`."""

    begin_at: float
    end_at: float
    good: int = 0
    bad: int = 0
    waits_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """A signed webhook, all but its id."""

    before_id: bytes
    after_id: bytes


def signed_message(store: str, secret: bytes, body: bytes, topic: str = "orders/updated") -> Message:
    signature = base64.b64encode(hmac.digest(secret, body, "sha256")).decode()
    head = (
        f"POST /webhooks/shopify/{store} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Shopify-Topic: {topic}\r\nX-Shopify-Hmac-Sha256: {signature}\r\n"
        f"X-Shopify-Shop-Domain: main-shop.myshopify.com\r\nX-Shopify-Webhook-Id: "
    )
    return Message(head.encode(), b"\r\n\r\n" + body)


class Connection(asyncio.Protocol):
    """Sends the next request as soon as an answer is whole. Answers have no body, so the empty line ends them."""

    def __init__(self, message: Message, rng: Random, counted: Counted) -> None:
        self._message = message
        self._rng = rng
        self._counted = counted
        self._read = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is not derived from it
        self._send()

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self._read.endswith(b"\r\n\r\n"):
            now = time.perf_counter()
            self._count(now, self._read.startswith(b"HTTP/1.1 200 "))
            self._read = b""
            if now < self._counted.end_at:
                self._send()
            else:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if time.perf_counter() < self._counted.end_at:
            self._counted.bad += 1
        if not self.ended.done():
            self.ended.set_result(None)

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        webhook_id = b"%032x" % self._rng.getrandbits(128)
        self._transport.write(b"".join((self._message.before_id, webhook_id, self._message.after_id)))

    def _count(self, now: float, is_good: bool) -> None:
        if not is_good:
            self._counted.bad += 1
        elif self._counted.begin_at <= now < self._counted.end_at:
            self._counted.good += 1
            self._counted.waits_ms.append((now - self._sent_at) * 1000)


async def post_all(port: int, message: Message, connections: int, warm_s: float, seconds: float) -> Counted:
    begin_at = time.perf_counter() + warm_s
    counted, rng = Counted(begin_at, begin_at + seconds), Random(1)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Connection(message, rng, counted), HOST, port) for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.ended for _, protocol in made))
    return counted
