"""One call to ShipStation's V1 API: a grant from the budget, a key pair, and every way of failing as one of the six errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from syncd.budget import Call, Urgency, WindowBudget
from syncd.errors import AccessError, RejectedError, SyncError, ThrottledError, TransientError, UncertainError
from syncd.http import json_bytes, json_of
from syncd.ports import Clock, Http, Request, Response, Rng
from syncd.settings import KeyPair
from syncd.shipstation.keys import Keys, OnlyKey

ACCOUNT = "shipstation"
REPEATS = 2
FIRST_DELAY_S = 0.5
WINDOW_S = 60.0
TOO_MANY = "too many requests"
NOT_FOUND = "http_404"

ACCESS_CODES = {
    401: ("http_401", "the API keys are not accepted: wrong, expired or withdrawn"),
    402: ("plan_402", "the plan does not include API access"),
    403: ("http_403", "the API keys may not do this"),
    405: ("http_405", "this call is not offered: a wrong base address, or not in the plan"),
    423: ("http_423", "the account is locked"),
    430: ("http_430", "our calls are blocked"),
}
Repeatable = Callable[[str], str]

MESSAGE_MEMBERS = ("ExceptionMessage", "Message", "message", "ModelState")


class ShipStationClient:
    def __init__(
        self,
        http: Http,
        clock: Clock,
        rng: Rng,
        budget: WindowBudget,
        base_url: str,
        keys: Keys,
        read_timeout_s: float = 60.0,
        write_timeout_s: float = 30.0,
    ) -> None:
        self._http = http
        self._clock = clock
        self._rng = rng
        self._budget = budget
        self._base_url = base_url.rstrip("/")
        self._keys = keys
        self._read_timeout_s = read_timeout_s
        self._write_timeout_s = write_timeout_s

    def only_with(self, pair: KeyPair) -> ShipStationClient:
        """The same, with this pair alone."""
        return ShipStationClient(
            self._http,
            self._clock,
            self._rng,
            self._budget,
            self._base_url,
            OnlyKey(pair),
            self._read_timeout_s,
            self._write_timeout_s,
        )

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        urgency: Urgency = Urgency.ORDERS,
        repeats: int = REPEATS,
    ) -> Any:
        """The JSON. Repeated when the network or the server fails; `RejectedError` with code `http_404` for what is not there."""
        query = f"?{urlencode(params)}" if params else ""
        for attempt in range(repeats + 1):
            try:
                return await self._call("GET", path + query, None, urgency)
            except TransientError:
                if attempt == repeats:
                    raise
                await self._clock.sleep(FIRST_DELAY_S * 4**attempt * (0.5 + self._rng.random()))
        raise AssertionError("not reached")

    async def post(
        self, path: str, body: Any, urgency: Urgency, granted: Call | None = None, repeatable: Repeatable = str
    ) -> Any:
        """The JSON. Never repeated: `UncertainError` means that it may have been done. `granted`: the budget was asked before.
        `repeatable`: what we may repeat of the vendor's words, which may quote the body."""
        return await self._call("POST", path, json_bytes(body), urgency, granted, repeatable)

    async def delete(self, path: str, urgency: Urgency) -> Any:
        return await self._call("DELETE", path, None, urgency)

    async def _call(
        self,
        method: str,
        target: str,
        body: bytes | None,
        urgency: Urgency,
        granted: Call | None = None,
        repeatable: Repeatable = str,
    ) -> Any:
        is_write = method != "GET"
        for login in await self._keys.logins():
            call, granted = granted or await self._budget.grant(urgency), None
            response = await self._exchange(method, target, body, call, login.authorization)
            if response.status != 401:
                await self._keys.accepted(login)
                break
            await self._keys.refused(login)
        # a 401 carried nothing out, so the next pair may repeat even a write
        return await self._result(response, is_write, repeatable)

    async def _exchange(self, method: str, target: str, body: bytes | None, call: Call, authorization: str) -> Response:
        headers = {"Authorization": authorization, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        timeout_s = self._read_timeout_s if method == "GET" else self._write_timeout_s
        request = Request(method, self._base_url + target, headers, body, timeout_s)
        try:
            return await self._budget.carry(call, self._http.send(request))
        except UncertainError as error:
            if method != "GET":
                raise
            raise TransientError(error.code, error.text) from error

    async def _result(self, response: Response, is_write: bool, repeatable: Repeatable) -> Any:
        try:
            body, is_json = json_of(response), True
        except ValueError:
            body, is_json = None, is_write and not response.body
        if response.status == 429 or _message(body).lower().startswith(TOO_MANY):
            # a mature client saw this sentence under other statuses as well
            wait_s = _reset_s(response)
            await self._budget.throttled(wait_s)
            raise ThrottledError("http_429", wait_s)
        if not 200 <= response.status < 300:
            raise _error_of(response.status, repeatable(_message(body)), is_write)
        if not is_json:
            raise _unusable(is_write)("not_json", f"{len(response.body)} bytes that are no JSON")
        return body


def _error_of(status: int, message: str, is_write: bool) -> SyncError:
    """The table of statuses."""
    if status in ACCESS_CODES:
        code, text = ACCESS_CODES[status]
        return AccessError(ACCOUNT, code, text)
    if 300 <= status < 400:
        return AccessError(ACCOUNT, f"http_{status}", "redirected: is the base address right?")
    if status >= 500 or status == 408:
        return _unusable(is_write)(f"http_{status}", message)
    return RejectedError(f"http_{status}", message)


def _unusable(is_write: bool) -> type[UncertainError | TransientError]:
    return UncertainError if is_write else TransientError


def _message(body: Any) -> str:
    """The vendor's words in an error body, whose shape is not documented; "" when there are none."""
    if not isinstance(body, dict):
        return ""
    words = [body[name] for name in MESSAGE_MEMBERS if body.get(name)]
    texts = [word if isinstance(word, str) else "; ".join(_leaves(word)) for word in words]
    return " | ".join(dict.fromkeys(texts))


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}: {leaf}" for name, inner in value.items() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [str(value)]


def _reset_s(response: Response) -> float:
    """Until the window ends; a second more, because the vendor rounds. `Retry-After` is not documented."""
    for name in ("x-rate-limit-reset", "retry-after"):
        text = response.headers.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 5:
            return int(text) + 1.0
    return WINDOW_S
