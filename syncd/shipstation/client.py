"""One call to ShipStation's V1 API: a grant from the budget, a key pair, and every way of failing as one of the six errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncd.budget import Call, Urgency, WindowBudget
from syncd.errors import AccessError, RejectedError, SyncError, ThrottledError
from syncd.http import json_bytes, json_of
from syncd.ports import Response
from syncd.settings.groups import KeyPair
from syncd.shipstation.keys import Keys, OnlyKey
from syncd.shipstation.wire import REPEATS, Wire, is_wordless, target_of, unusable, wait_s

ACCOUNT = "shipstation"
TOO_MANY = "too many requests"

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
    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys

    @property
    def budget(self) -> WindowBudget:
        return self._wire.budget

    def only_with(self, pair: KeyPair) -> ShipStationClient:
        """The same, with this pair alone."""
        return ShipStationClient(self._wire, OnlyKey(pair))

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        urgency: Urgency = Urgency.ORDERS,
        repeats: int = REPEATS,
    ) -> Any:
        """The JSON. Repeated when the network or the server fails; `RejectedError` with code `http_404` for what is not there."""
        target = target_of(path, params)
        return await self._wire.repeated(lambda: self._call("GET", target, None, urgency), repeats)

    async def post(
        self, path: str, body: Any, urgency: Urgency, granted: Call | None = None, repeatable: Repeatable = str
    ) -> Any:
        """The JSON. Never repeated: `UncertainError` means that it may have been done. `granted`: the budget was asked before.
        `repeatable`: what we may repeat of the vendor's words, which may quote the body."""
        return await self._call("POST", path, json_bytes(body), urgency, granted, repeatable)

    async def put(self, path: str, body: Any, urgency: Urgency, granted: Call | None = None) -> Any:
        """As `post`: never repeated, because what it replaces may have changed since."""
        return await self._call("PUT", path, json_bytes(body), urgency, granted)

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
            call, granted = granted or await self._wire.budget.grant(urgency), None
            response = await self._wire.send(method, target, body, call, {"Authorization": login.authorization})
            if response.status != 401:
                await self._keys.accepted(login)
                break
            await self._keys.refused(login)
        # a 401 carried nothing out, so the next pair may repeat even a write
        return await self._result(response, is_write, repeatable)

    async def _result(self, response: Response, is_write: bool, repeatable: Repeatable) -> Any:
        try:
            body, is_json = json_of(response), True
        except ValueError:
            body, is_json = None, is_write and not response.body
        if response.status == 429 or _message(body).lower().startswith(TOO_MANY):
            # a mature client saw this sentence under other statuses as well
            # `Retry-After` is not documented
            reset_s = wait_s(response, "x-rate-limit-reset", "retry-after")
            await self._wire.budget.throttled(reset_s)
            raise ThrottledError("http_429", reset_s)
        if not 200 <= response.status < 300:
            raise _error_of(response.status, repeatable(_message(body)), is_write)
        if not is_json:
            raise unusable(is_write)("not_json", f"{len(response.body)} bytes that are no JSON")
        return body


def _error_of(status: int, message: str, is_write: bool) -> SyncError:
    """The table of statuses."""
    if status in ACCESS_CODES:
        code, text = ACCESS_CODES[status]
        return AccessError(ACCOUNT, code, text)
    if 300 <= status < 400:
        return AccessError(ACCOUNT, f"http_{status}", "redirected: is the base address right?")
    if status >= 500 or status == 408 or is_wordless(status, message, is_write):
        return unusable(is_write)(f"http_{status}", message)
    return RejectedError(f"http_{status}", message)


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
