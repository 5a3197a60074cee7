"""One GraphQL call to one store: points from its budget, a token, and every way of failing as one of the six errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from mappings.decoding import MalformedError, decoded
from syncd.budget import CostBudget
from syncd.errors import (
    AccessError,
    ConflictError,
    RejectedError,
    SyncError,
    ThrottledError,
    TransientError,
    UncertainError,
)
from syncd.http import json_bytes, json_of
from syncd.logs import get_logger
from syncd.ports import Clock, Http, Request, Response, Rng
from syncd.shopify.access import Endpoint
from syncd.shopify.tokens import TokenSource

REPEATS = 2
FIRST_DELAY_S = 0.5
UNKNOWN_COST = 50.0
THROTTLED_S = 30.0
MAX_COST_EXCEEDED = "max_cost_exceeded"
MOST_POINTS_EVER = 1_000_000

ACCESS_STATUSES = {
    401: "the access token is not accepted",
    402: "the shop is frozen",
    403: "the shop forbids it",
    404: "there is no such shop or API version",
    423: "the shop is locked",
    430: "our calls are blocked as suspicious",
}

# Nothing was executed and nothing ever will be: our document and the version that answers do not fit. No order's fault.
DOCUMENT_CODES = frozenset(
    "undefinedField undefinedDirective missingRequiredArguments argumentLiteralsIncompatible argumentNotAccepted "
    "selectionMismatch variableNotUsed variableMismatch variableRequiresValidType variableNotDefined undefinedType parse_error PARSE_ERROR".split()
)
INPUT_CODES = frozenset(
    "INVALID_VARIABLE BAD_REQUEST INVALID_FIELD_ARGUMENTS MAX_INPUT_SIZE_EXCEEDED RESOURCE_NOT_FOUND".split()
)

# Plain user errors carry no code, so the sentence decides. These say that the fulfillment orders are not what we saw.
MOVED = re.compile(
    r"line item quantity requested|does not exist|fulfillment not found|unfulfillable status|assigned to a single location",
    re.IGNORECASE,
)


TYPED_REFUSALS: Mapping[str, type[ConflictError | TransientError]] = {
    "CHANGE_FROM_QUANTITY_STALE": ConflictError,
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": ConflictError,
    "IDEMPOTENCY_CONCURRENT_REQUEST": TransientError,
}
"""Of typed user errors, by code: the world moved, or the same request is still being carried out."""


@dataclass(frozen=True)
class GraphqlError:
    """One entry of `errors`. `path` begins at the root field; empty when the entry names no place."""

    code: str
    message: str
    path: tuple[str | int, ...]

    @property
    def node(self) -> int | None:
        """Which of the asked `nodes` it belongs to."""
        if len(self.path) > 1 and self.path[0] == "nodes" and isinstance(self.path[1], int):
            return self.path[1]
        return None


@dataclass(frozen=True)
class Answer:
    """Data and the errors in it, both. `cost` is what the query asked for, None when that was not told."""

    data: Mapping[str, Any]
    errors: Sequence[GraphqlError]
    cost: float | None


class ShopifyClient:
    def __init__(
        self,
        http: Http,
        clock: Clock,
        rng: Rng,
        budget: CostBudget,
        tokens: TokenSource,
        endpoint: Endpoint,
        store: str,
        read_timeout_s: float = 60.0,
        write_timeout_s: float = 30.0,
    ) -> None:
        self.store = store
        self.account = f"shopify:{store}"
        self.unit_costs: dict[str, float] = {}
        """Points for each id asked for, by document, as last told."""
        self._http = http
        self._clock = clock
        self._rng = rng
        self._budget = budget
        self._tokens = tokens
        self._endpoint = endpoint
        self._read_timeout_s = read_timeout_s
        self._write_timeout_s = write_timeout_s
        self._mismatch_told = False
        self._log = get_logger(__name__)

    async def clock_ahead(self) -> timedelta | None:
        """Of the shop's clock, which every answer tells, also to somebody without a token; None where it does not."""
        response = await self._http.send(Request("GET", self._endpoint.graphql_url, timeout_s=self._read_timeout_s))
        told = _date(response.headers.get("date", ""))
        return self._clock.now() - told if told else None

    async def query(self, document: str, variables: Mapping[str, Any], urgent: bool = False) -> Mapping[str, Any]:
        """The whole data. Repeated twice when the network or the server fails; any error in the answer is raised."""
        answer = await self.query_partly(document, variables, urgent)
        if answer.errors:
            raise self.error_of(answer.errors[0], is_write=False)
        return answer.data

    async def read(self, document: str, variables: Mapping[str, Any], shape: Any, urgent: bool = False) -> Any:
        """The whole data as the TypedDict `shape`. What is not of that shape is a `TransientError`: nothing of it counts."""
        try:
            return decoded(shape, await self.query(document, variables, urgent))
        except MalformedError as error:
            raise TransientError("malformed", str(error)) from error

    async def query_partly(
        self, document: str, variables: Mapping[str, Any], urgent: bool = False, repeats: int = REPEATS
    ) -> Answer:
        """As `query`, but errors that belong to single `nodes` come back beside the data, for the caller to sort out."""
        for attempt in range(repeats + 1):
            try:
                answer = await self._call(document, variables, urgent, is_write=False)
                self._raise_unplaced(answer)
                return answer
            except (TransientError, ThrottledError) as error:
                if attempt == repeats:
                    raise
                await self._clock.sleep(self._delay_s(error, attempt))
        raise AssertionError("not reached")

    async def breathe(self) -> None:
        """Between two orders of a large answer: webhooks want theirs too."""
        await self._clock.sleep(0)

    async def mutate(
        self,
        document: str,
        variables: Mapping[str, Any],
        payload_name: str,
        urgent: bool = False,
        leaves_before: datetime | None = None,
    ) -> Mapping[str, Any]:
        """The payload, free of user errors. Never repeated: `UncertainError` means that it may have been done. What waited past
        `leaves_before`, for points or because the process slept, is not sent: another replica may have looked by then."""
        answer = await self._call(document, variables, urgent, is_write=True, leaves_before=leaves_before)
        payload = answer.data.get(payload_name)
        if answer.errors and payload is not None:
            raise UncertainError("partial_answer", _text(answer.errors[0]))
        if answer.errors:
            raise self.error_of(answer.errors[0], is_write=True)
        if not isinstance(payload, dict):
            raise UncertainError("no_payload", "the answer holds neither payload nor errors")
        if refusals := payload.get("userErrors"):
            raise _refusal(refusals)
        return payload

    def error_of(self, error: GraphqlError, is_write: bool) -> SyncError:
        """The table of top-level errors."""
        text = _text(error)
        match error.code:
            case "ACCESS_DENIED":
                return AccessError(self.account, "access_denied", text)
            case "THROTTLED":
                return ThrottledError("throttled", THROTTLED_S, text)
            case "MAX_COST_EXCEEDED":
                return RejectedError(MAX_COST_EXCEEDED, text)
            case code if code in DOCUMENT_CODES:
                return AccessError(self.account, "document_refused", text)
            case code if code in INPUT_CODES:
                return RejectedError(code.lower(), text)
            case code:
                return (UncertainError if is_write else TransientError)(code.lower() or "graphql_error", text)

    def _raise_unplaced(self, answer: Answer) -> None:
        for error in answer.errors:
            if error.node is None:
                raise self.error_of(error, is_write=False)

    async def _call(
        self,
        document: str,
        variables: Mapping[str, Any],
        urgent: bool,
        is_write: bool,
        leaves_before: datetime | None = None,
    ) -> Answer:
        units = max(1, len(variables.get("ids", ())))
        estimate = self.unit_costs.get(document, UNKNOWN_COST / units) * units
        await self._budget.spend(estimate, urgent)
        body: Any = None
        try:
            response = await self._send(document, variables, is_write, leaves_before)
            body = self._body(response, is_write)
        finally:
            self._budget.note(estimate, _told_cost(body))
        cost = _amount(_told_cost(body), "requestedQueryCost")
        if cost is not None:
            self.unit_costs[document] = cost / units
        return self._answer(body, cost, is_write, _request_id(response))

    async def _send(
        self, document: str, variables: Mapping[str, Any], is_write: bool, leaves_before: datetime | None
    ) -> Response:
        token = await self._tokens.token()
        payload = json_bytes({"query": document, "variables": variables})
        response = await self._post(payload, token, is_write, leaves_before)
        if response.status == 401:  # nothing was executed, so this is safe for a write too
            response = await self._post(payload, await self._tokens.renewed(token), is_write, leaves_before)
        self._compare_version(response)
        return response

    async def _post(self, payload: bytes, token: str, is_write: bool, leaves_before: datetime | None) -> Response:
        if leaves_before and self._clock.now() >= leaves_before:
            raise TransientError("too_late", "it waited too long to be sent safely")
        headers = {"Content-Type": "application/json", "Accept": "application/json", "X-Shopify-Access-Token": token}
        timeout_s = self._write_timeout_s if is_write else self._read_timeout_s
        try:
            return await self._http.send(Request("POST", self._endpoint.graphql_url, headers, payload, timeout_s))
        except UncertainError as error:
            if is_write:
                raise
            raise TransientError(error.code, error.text) from error

    def _body(self, response: Response, is_write: bool) -> Any:
        """The table of statuses; the JSON of a good one."""
        status, text = response.status, f"request {_request_id(response)}"
        unusable = UncertainError if is_write else TransientError
        if status in ACCESS_STATUSES or 300 <= status < 400:
            raise AccessError(self.account, f"http_{status}", f"{ACCESS_STATUSES.get(status, 'redirected')}; {text}")
        if status == 429:
            raise ThrottledError("http_429", _retry_after_s(response), text)
        if status >= 500 or status == 408:
            raise unusable(f"http_{status}", text)
        if status != 200:
            raise RejectedError(f"http_{status}", text)
        try:
            body = json_of(response)
        except ValueError as error:
            raise unusable("not_json", text) from error
        if not isinstance(body, dict):
            raise unusable("not_json", text)
        return body

    def _answer(self, body: dict[str, Any], cost: float | None, is_write: bool, request_id: str) -> Answer:
        errors = _errors(body.get("errors"), request_id)
        if any(error.code == "THROTTLED" for error in errors):
            raise ThrottledError("throttled", self._budget.wait_s(cost or UNKNOWN_COST) or 1.0, f"request {request_id}")
        search = _member(body.get("extensions"), "search")
        if any(_member(entry, "warnings") for entry in (search if isinstance(search, list) else ())):
            # an unknown field in a search matches everything
            raise AccessError(self.account, "document_refused", f"a search was not understood; request {request_id}")
        data = body.get("data")
        if not isinstance(data, dict) and not errors:
            raise (UncertainError if is_write else TransientError)("no_data", f"request {request_id}")
        return Answer(data if isinstance(data, dict) else {}, errors, cost)

    def _delay_s(self, error: SyncError, attempt: int) -> float:
        jitter = 0.5 + self._rng.random()
        if isinstance(error, ThrottledError):
            # a long pause is for the account, not for the one call that holds a lease meanwhile
            if error.retry_after_s > THROTTLED_S / 2:
                raise error
            return error.retry_after_s + jitter
        return float(FIRST_DELAY_S * 4**attempt) * jitter

    def _compare_version(self, response: Response) -> None:
        served = response.headers.get("x-shopify-api-version", self._endpoint.version)
        if served != self._endpoint.version and not self._mismatch_told:
            self._mismatch_told = True
            self._log.warning("version.mismatched", store=self.store, version=served)


def _refusal(user_errors: Any) -> SyncError:
    """The table of user errors; the first decides. One without a sentence tells nothing about what was done."""
    first = user_errors[0] if isinstance(user_errors, list) else None
    message = _member(first, "message")
    if not isinstance(message, str) or not message:
        return UncertainError("malformed", "the answer holds user errors that say nothing")
    if kind := TYPED_REFUSALS.get(str(_member(first, "code"))):
        return kind(str(_member(first, "code")).lower(), message)
    if MOVED.search(message):
        return ConflictError("fulfillment_order_moved", message)
    field = ".".join(str(part) for part in _listed(_member(first, "field"))) or None
    return RejectedError("user_error", message, field)


def _errors(entries: Any, request_id: str) -> list[GraphqlError]:
    """`errors` is a list of objects, and sometimes just a sentence."""
    if not entries:
        return []
    rows = entries if isinstance(entries, list) else [entries]
    return [_error(row if isinstance(row, dict) else {"message": str(row)}, request_id) for row in rows]


def _error(row: Mapping[str, Any], request_id: str) -> GraphqlError:
    extensions = row.get("extensions")
    access = _member(extensions, "requiredAccess")
    message = f"{row.get('message')}{f' (needs {access})' if access else ''}; request {request_id}"
    return GraphqlError(str(_member(extensions, "code") or ""), message, tuple(_listed(row.get("path"))))


def _text(error: GraphqlError) -> str:
    return f"{error.code}: {error.message}"


def _told_cost(body: Any) -> Mapping[str, Any] | None:
    cost = _member(_member(body, "extensions"), "cost")
    return cost if isinstance(cost, dict) else None


def _amount(told: Mapping[str, Any] | None, name: str) -> float | None:
    """None for what cannot be a cost."""
    value = (told or {}).get(name)
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or not 0 <= value <= MOST_POINTS_EVER:
        return None
    return float(value)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _request_id(response: Response) -> str:
    return response.headers.get("x-request-id", "unknown")


def _date(text: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(text)
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC)


def _retry_after_s(response: Response) -> float:
    text = response.headers.get("retry-after", "")
    try:
        return max(1.0, min(600.0, float(text)))  # in this order `nan` is the longest and not itself
    except ValueError:
        return THROTTLED_S
