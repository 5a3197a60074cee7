"""One answer of a vendor that lacks something which the next one shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from syncd.ports import Http, Request, Response


class OneAnswer:
    """The vendors; the first answer to `asked`, a part of the address or of the document, that `spoil` finds fit for it is
    spoiled. `spoil` is given the decoded body, and tells whether it changed it."""

    def __init__(self, vendors: Http, asked: str, spoil: Callable[[Any], Any]) -> None:
        self._vendors = vendors
        self._asked = asked
        self._spoil = spoil
        self.is_spent = False

    async def send(self, request: Request) -> Response:
        response = await self._vendors.send(request)
        if self.is_spent or self._asked not in request.url + (request.body or b"").decode():
            return response
        body = json.loads(response.body)
        if not self._spoil(body):
            return response
        self.is_spent = True
        return replace(response, body=json.dumps(body).encode())
