"""In front of the port: how many connections there may be, how long a request may take to arrive, and who was wrong too often.

A place that is needed is taken from whoever has waited longest without a whole request. So neither slow clients nor many of
them keep a webhook out, and no request that arrived whole is ever cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import cast

Network = IPv4Network | IPv6Network

STRANGERS_PER_S = 20.0
STRANGERS_AT_ONCE = 100.0
MOST_STRANGERS = 4096
"""Networks of which we remember that they were wrong."""
TICKS = 5


@dataclass(frozen=True)
class Bounds:
    """`request_s`: from the first byte of a request to its last. `trusted`: proxies of ours, which speak for many."""

    connections: int
    connections_per_peer: int
    request_s: float
    trusted: Sequence[Network] = ()


class Gate:
    """Knows every connection. Those in `_waiting` have no whole request; the one that waits longest comes first."""

    def __init__(self, bounds: Bounds, now: Callable[[], float]) -> None:
        self._bounds = bounds
        self._now = now
        self._open: dict[object, Guarded] = {}
        self._waiting: dict[Guarded, float] = {}
        self._of_peer: dict[str, set[Guarded]] = {}
        self._ticking: asyncio.TimerHandle | None = None
        self.strangers = Allowance(STRANGERS_PER_S, STRANGERS_AT_ONCE)

    def guarded(self, protocol: Callable[[], asyncio.Protocol]) -> Callable[[], Guarded]:
        """The protocol factory to listen with."""
        return lambda: Guarded(protocol(), self)

    def start(self) -> None:
        """Begins to cut off those who are too slow."""
        for conn in self._overdue():
            conn.abort()
        loop = asyncio.get_running_loop()
        self._ticking = loop.call_later(self._bounds.request_s / TICKS, self.start)

    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def stop(self) -> None:
        if self._ticking:
            self._ticking.cancel()

    def _overdue(self) -> list[Guarded]:
        limit = self._now() - self._bounds.request_s
        return [conn for conn, since in self._waiting.items() if conn.has_begun and since <= limit]

    def opened(self, conn: Guarded) -> None:
        peers = self._of_peer.setdefault(conn.peer, set())
        if len(peers) >= self._bounds.connections_per_peer and not self.is_trusted(conn.peer):
            self._free(next((other for other in self._waiting if other.peer == conn.peer), None))
        if len(self._open) >= self._bounds.connections and not self._free(next(iter(self._waiting), None)):
            conn.abort()
        peers.add(conn)
        self._open[conn.transport] = conn
        self._waiting[conn] = self._now()

    def _free(self, conn: Guarded | None) -> bool:
        if conn:
            self.closed(conn)
            conn.abort()
        return conn is not None

    def closed(self, conn: Guarded) -> None:
        self._open.pop(conn.transport, None)
        self._waiting.pop(conn, None)
        peers = self._of_peer.get(conn.peer, set())
        peers.discard(conn)
        if not peers:
            self._of_peer.pop(conn.peer, None)

    def began(self, conn: Guarded) -> None:
        """The first byte of a request is here."""
        conn.has_begun = True
        self._waiting.pop(conn, None)
        self._waiting[conn] = self._now()

    def whole(self, transport: object) -> None:
        """The request that came over this transport is here to its last byte."""
        if conn := self._open.get(transport):
            self._waiting.pop(conn, None)

    def answered(self, transport: object) -> None:
        """It waits for its next request."""
        if conn := self._open.get(transport):
            conn.has_begun = False
            self._waiting[conn] = self._now()

    def is_trusted(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self._bounds.trusted)

    def is_too_often_wrong(self, peer: str, forwarded: str) -> bool:
        """Counts one more mistake of this peer, or of whom a proxy of ours spoke for last."""
        if forwarded and self.is_trusted(peer):
            peer = forwarded.rpartition(",")[2].strip()
        return not self.strangers.takes(_neighbourhood(peer), self._now())


class Guarded(asyncio.Protocol):
    """One connection: hands everything on, and says when a request begins."""

    def __init__(self, inner: asyncio.Protocol, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate
        self.has_begun = False
        self.peer = ""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is not derived from it
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if name else ""
        self._inner.connection_made(transport)
        self._gate.opened(self)

    def data_received(self, data: bytes) -> None:
        if not self.has_begun:
            self._gate.began(self)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.closed(self)
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def abort(self) -> None:
        if self.transport:
            self.transport.abort()


class Allowance:
    """So many at once and so many a second for each key. The keys that were quiet longest are forgotten."""

    def __init__(self, per_s: float, at_once: float) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._left: dict[str, tuple[float, float]] = {}

    def takes(self, key: str, now: float) -> bool:
        left, at = self._left.pop(key, (self._at_once, now))
        left = min(self._at_once, left + (now - at) * self._per_s)
        is_allowed = left >= 1
        self._left[key] = (left - is_allowed, now)
        if len(self._left) > MOST_STRANGERS:
            del self._left[next(iter(self._left))]
        return is_allowed


def _address(peer: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(peer)
    except ValueError:
        return None


def _neighbourhood(peer: str) -> str:
    """The network that one owner of addresses has at least: whoever has one, has its neighbours too."""
    address = _address(peer)
    if address is None:
        return ""
    return str(ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False))
