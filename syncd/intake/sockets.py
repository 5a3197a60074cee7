"""The port's address: taken by the daemon, so that what arrives while its port is started anew waits instead of being refused."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

from syncd.errors import SyncError
from syncd.ports import Clock

BACKLOG = 1024
LONGEST_S = 10.0
AGAIN_S = 0.05


class UnusableAddressError(SyncError):
    """`text` says why, and what to do."""


async def bound(host: str, port: int, clock: Clock) -> list[socket.socket]:
    """Sockets that listen, one for each address that `host` has. The port of a daemon that was killed may need a moment to end."""
    give_up_at = clock.monotonic() + LONGEST_S
    while True:
        try:
            return listening(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or clock.monotonic() > give_up_at:
                text = f"cannot listen on {host} port {port} ({error.strerror}): correct server.host and server.port, or end who has it"
                raise UnusableAddressError("address_unusable", text) from error
        await clock.sleep(AGAIN_S)


def listening(host: str, port: int) -> list[socket.socket]:
    """Raises `OSError`; then none of them is open."""
    found: list[socket.socket] = []
    infos = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    try:
        for family, kind, protocol, _, address in dict.fromkeys(infos):
            found.append(one := socket.socket(family, kind, protocol))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen(BACKLOG)
    except OSError:
        for one in found:
            one.close()
        raise
    return found


def number_of(sockets: Sequence[socket.socket]) -> int:
    """The port, which differs from the one asked for when that was 0."""
    return int(sockets[0].getsockname()[1])
