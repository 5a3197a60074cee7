"""One call to ShipStation's V2 API: its own key and budget, its error envelope, and lists page by page.

docs.shipstation.com, V2 (2026-11): 200 calls a minute, a refused one is told `Retry-After`; errors come in an envelope, also
under 200 and 207; parts of the API are sold separately.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from syncd.budget import Call, Urgency, WindowBudget
from syncd.errors import AccessError, RejectedError, SyncError, ThrottledError, TransientError
from syncd.http import json_bytes, json_of
from syncd.ports import Response
from syncd.shipstation.wire import Wire, is_wordless, target_of, unusable, wait_s

ACCOUNT = "shipstation_v2"
MOST_PAGES = 2000
GATES = frozenset({402, 403, 405})
GATED_CODES = frozenset({"invalid_billing_plan", "subscription_inactive", "trial_expired"})


class ShipStationV2Client:
    def __init__(self, wire: Wire, api_key: str) -> None:
        self._wire = wire
        self._api_key = api_key

    @property
    def budget(self) -> WindowBudget:
        return self._wire.budget

    async def get(
        self, path: str, params: Mapping[str, str | int] | None = None, urgency: Urgency = Urgency.CATALOG
    ) -> Any:
        """The JSON. Repeated when the network or the server fails; `RejectedError` with code `http_404` for what is not there."""
        target = target_of(path, params)
        return await self._wire.repeated(lambda: self._call("GET", target, None, urgency))

    async def post(self, path: str, body: Any, urgency: Urgency, granted: Call | None = None) -> Any:
        """The JSON, None for an empty answer. Never repeated: `UncertainError` means that it may have been done. `granted`: the
        budget was asked before."""
        return await self._call("POST", path, json_bytes(body), urgency, granted)

    async def put(self, path: str, body: Any, urgency: Urgency) -> Any:
        """As `post`. Without a body the vendor answers 411, so send `{}`."""
        return await self._call("PUT", path, json_bytes(body), urgency)

    async def delete(self, path: str, urgency: Urgency) -> Any:
        return await self._call("DELETE", path, None, urgency)

    async def pages(
        self, path: str, member: str, params: Mapping[str, str | int], urgency: Urgency = Urgency.CATALOG
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """The rows of a list, page by page, until no next page is linked. Only the number of the page is taken from the vendor's
        link, never its address."""
        before: list[dict[str, Any]] = []
        for number in range(1, MOST_PAGES + 1):
            body = await self.get(path, {**params, "page": number}, urgency)
            rows = rows_of(body, member, path)
            if rows:
                yield rows
            if not rows or not has_next(body):
                return
            if rows == before:
                raise TransientError("endless_list", f"{path} shows the same page again")
            before = rows
        raise TransientError("endless_list", f"{path} has more than {MOST_PAGES} pages")

    async def _call(
        self, method: str, target: str, body: bytes | None, urgency: Urgency, granted: Call | None = None
    ) -> Any:
        call = granted or await self._wire.budget.grant(urgency)
        response = await self._wire.send(method, target, body, call, {"API-Key": self._api_key})
        return await self._result(response, target, is_write=method != "GET")

    async def _result(self, response: Response, target: str, is_write: bool) -> Any:
        if response.status == 429:
            retry_s = wait_s(response, "retry-after")
            await self._wire.budget.throttled(retry_s)
            raise ThrottledError("http_429", retry_s)
        try:
            body = json_of(response) if response.body else None
        except ValueError as error:
            if 200 <= response.status < 300:
                raise unusable(is_write)("not_json", f"{len(response.body)} bytes that are no JSON") from error
            body = None
        if not 200 <= response.status < 300:
            raise _error_of(response.status, body, target, is_write)
        if body is None and not is_write:
            raise TransientError("not_json", "an empty answer")
        return body


def rows_of(body: Any, member: str, path: str) -> list[dict[str, Any]]:
    """Raises `TransientError` for what is no list, with the vendor's reason where a 2xx carries one: it must not be taken for an
    empty list."""
    rows = body if isinstance(body, list) else body.get(member) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TransientError("malformed", _message(body) or f"no {member} in the answer to {path}")
    return rows


def has_next(body: Any) -> bool:
    links = body.get("links") if isinstance(body, dict) else None
    following = links.get("next") if isinstance(links, dict) else None
    return isinstance(following, dict) and bool(following.get("href"))


def _error_of(status: int, body: Any, target: str, is_write: bool) -> SyncError:
    """The table of statuses."""
    message, codes = _message(body), {str(error.get("error_code")) for error in _errors(body)}
    if status == 401:
        return AccessError(ACCOUNT, "v2_http_401", "the V2 API key is not accepted: wrong, expired or withdrawn")
    if status in GATES or codes & GATED_CODES:
        part = target.split("?")[0].split("/")[2]
        words = f"the plan does not include this part of the V2 API: {part}"
        return AccessError(f"{ACCOUNT}:{part}", f"v2_gate_{status}", words)
    if 300 <= status < 400:
        return AccessError(ACCOUNT, f"v2_http_{status}", "redirected: is shipstation.v2_url right?")
    if status >= 500 or status == 408 or is_wordless(status, message, is_write):
        return unusable(is_write)(f"http_{status}", message)
    return RejectedError(f"http_{status}", message, _field(body))


def _errors(body: Any) -> list[Mapping[str, Any]]:
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _message(body: Any) -> str:
    """The vendor's codes and words; "" when there are none."""
    return "; ".join(f"{error.get('error_code')}: {error.get('message')}" for error in _errors(body))


def _field(body: Any) -> str | None:
    return next((str(error["field_name"]) for error in _errors(body) if error.get("field_name")), None)
