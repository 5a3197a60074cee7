"""The `Http` port without a network: calls go straight to the worlds. For the simulator and for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from syncd.errors import TransientError, UncertainError
from syncd.ports import Request, Response
from syncd.sandbox.routes import Routes
from syncd.sandbox.worlds import LostAnswer, World


class MemoryHttp:
    """`routes` maps base addresses, such as `https://ssapi.shipstation.com`, to worlds."""

    def __init__(self, routes: Mapping[str, World]) -> None:
        self._routes = Routes(routes)

    async def send(self, request: Request) -> Response:
        found = self._routes.find(request.url)
        if found is None:
            raise TransientError("connection_refused", "nobody listens at this address")
        world, path = found
        try:
            return world.answer(replace(request, url=path))
        except LostAnswer as lost:
            raise UncertainError("connection_lost", "the connection broke before an answer came") from lost
