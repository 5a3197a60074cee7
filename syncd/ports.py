"""The five ways in which the core reaches the world. The daemon, the tests and the simulator each bring their own.

Nothing else may ask for the time, for chance, for a network, for the database or for a task: ruff bans the names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from sqlmodel import Session

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """One HTTP call. `timeout_s` covers the whole exchange; redirects are never followed. `is_public`: never to an address of a
    private network."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = 30.0
    is_public: bool = False


@dataclass(frozen=True)
class Response:
    """An answer that arrived whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Clock(Protocol):
    def now(self) -> datetime:
        """The present time, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""

    async def sleep(self, seconds: float) -> None: ...


class Rng(Protocol):
    def random(self) -> float:
        """Between 0 (included) and 1 (excluded)."""

    def token(self) -> str:
        """32 hexadecimal digits that nobody else gets."""


class Http(Protocol):
    async def send(self, request: Request) -> Response:
        """Raises `TransientError` when the request surely never left, `UncertainError` when it may have arrived."""


class Db(Protocol):
    async def run(self, fn: Callable[[Session], T], ahead: bool = False) -> T:
        """`fn` is one transaction. It reads and writes rows and never waits for anything else. `ahead`: before what was asked
        earlier and is in no such hurry, because a call to a vendor waits for it."""


class Spawn(Protocol):
    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs `work` beside the caller. What it raises is logged and stops the daemon: no task dies in silence."""


@dataclass(frozen=True)
class Ports:
    """All five, as one process of the daemon gets them. `inbox` is the database with the webhooks."""

    clock: Clock
    rng: Rng
    http: Http
    db: Db
    inbox: Db
    spawn: Spawn
