"""What both of ShipStation's APIs share of a call: sent through a budget, silence told by what was asked, reads repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from syncd.budget import Call, WindowBudget
from syncd.errors import TransientError, UncertainError
from syncd.ports import Clock, Http, Request, Response, Rng

T = TypeVar("T")

REPEATS = 2
FIRST_DELAY_S = 0.5
WINDOW_S = 60.0
LONGEST_PAUSE_S = 600.0
"""Nobody sends anything meanwhile. Windows last a minute: whoever tells of hours is asked again, and may refuse again."""
NOT_FOUND = "http_404"


@dataclass(frozen=True)
class Wire:
    http: Http
    clock: Clock
    rng: Rng
    budget: WindowBudget
    base_url: str
    read_timeout_s: float = 60.0
    write_timeout_s: float = 30.0

    async def send(
        self, method: str, target: str, body: bytes | None, call: Call, login: Mapping[str, str]
    ) -> Response:
        """Whatever came back. `TransientError` for a read without an answer; `UncertainError` for a write, which may be done."""
        headers = {**login, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        timeout_s = self.read_timeout_s if method == "GET" else self.write_timeout_s
        request = Request(method, self.base_url.rstrip("/") + target, headers, body, timeout_s)
        try:
            return await self.budget.carry(call, self.http.send(request))
        except UncertainError as error:
            if method != "GET":
                raise
            raise TransientError(error.code, error.text) from error

    async def repeated(self, read: Callable[[], Awaitable[T]], repeats: int = REPEATS) -> T:
        """The answer of a read, asked again when the network or the server fails."""
        for attempt in range(repeats + 1):
            try:
                return await read()
            except TransientError:
                if attempt == repeats:
                    raise
                await self.clock.sleep(FIRST_DELAY_S * 4**attempt * (0.5 + self.rng.random()))
        raise AssertionError("not reached")


def target_of(path: str, params: Mapping[str, str | int] | None) -> str:
    return f"{path}?{urlencode(params)}" if params else path


def unusable(is_write: bool) -> type[UncertainError | TransientError]:
    """What an answer is that says nothing about the call."""
    return UncertainError if is_write else TransientError


def is_wordless(status: int, message: str, is_write: bool) -> bool:
    """A write that was refused without a word may have been refused because it was made before: that is looked up, not believed."""
    return is_write and status != 404 and not message


def wait_s(response: Response, *names: str) -> float:
    """Until the window ends, by the first of these headers that tells it; a second more, because the vendor rounds."""
    for name in names:
        text = response.headers.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 5:
            return min(int(text) + 1.0, LONGEST_PAUSE_S)
    return WINDOW_S
