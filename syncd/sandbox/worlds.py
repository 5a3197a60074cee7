"""What the sandbox's two worlds have in common: they answer requests and owe webhooks. No sockets, no clock of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from syncd.ports import Request, Response

Now = Callable[[], datetime]


@dataclass(frozen=True)
class Delivery:
    """One webhook that is due now: POST `body` to `url`."""

    delivery_id: str
    url: str
    headers: dict[str, str]
    body: bytes


class LostAnswer(Exception):
    """The call may have been carried out and its answer never arrives: the server drops the connection."""


class World(Protocol):
    def answer(self, request: Request) -> Response:
        """Answers one API call. `request.url` may be a full address or begin with the path; only path and query count.

        Raises `LostAnswer` when the caller shall not learn what became of it.
        """

    def due_deliveries(self) -> list[Delivery]:
        """Takes the webhooks whose time has come. Each must be ended with `delivery_ended`."""

    def delivery_ended(self, delivery_id: str, status: int | None) -> None:
        """What the receiver answered, None for no answer: decides about repeats."""

    def control(self, action: str, arguments: dict[str, Any]) -> Any:
        """What customers, merchants and warehouse staff do, by name, with JSON arguments and a JSON answer.

        Raises ValueError with a sentence for an unknown action or bad arguments.
        """
