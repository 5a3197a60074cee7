"""A layer of bad luck around the shops: lost answers, server errors, pages that are no JSON, throttles out of nowhere.

A rule names a kind, an operation and a chance; the first rule that fires decides. What counts is whether the call was carried
out before it went wrong, so each kind says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded: the same for one seed
from typing import Literal

from syncd.ports import Response
from syncd.sandbox.worlds import LostAnswer

Kind = Literal[
    "error_500_before",  # not carried out
    "error_500_after",  # carried out, then 500
    "lost_request",  # not carried out, the connection drops
    "lost_answer",  # carried out, the connection drops
    "internal_error_in_200",  # carried out or not, by chance: nobody knows from the answer
    "html",  # not carried out, a page of a proxy, by default with status 200
    "truncated",  # carried out, half of the body arrives
    "throttled",  # not carried out, as if the bucket were empty
]

JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}
_PAGE = (
    b"<!DOCTYPE html><html><head><title>Something went wrong</title></head><body>Try again in a minute.</body></html>"
)
_ERROR = b'{"errors":"Internal Server Error"}'


@dataclass(frozen=True)
class Target:
    """What a call is: `token`, `query` or `mutation`, its operation name, and the shop."""

    shop: str
    kind: str
    operation: str


@dataclass
class FaultRule:
    """`operation` is the name of a GraphQL operation, or `query`, `mutation`, `token`; "" matches all, and so does an empty
    `shop`. `times` counts down; None never ends."""

    kind: Kind
    operation: str = ""
    shop: str = ""
    probability: float = 1.0
    times: int | None = None
    status: int = 200  # of html


class Faults:
    def __init__(self, seed: int) -> None:
        self.fired: dict[str, int] = {}
        self._rng = Random(f"{seed} faults")
        self._rules: list[FaultRule] = []

    def set(self, rules: list[FaultRule]) -> None:
        """Replaces all rules; an empty list brings the good weather back."""
        self._rules = [replace(rule) for rule in rules]

    def around(self, target: Target, serve: Callable[[], Response], throttle: Callable[[], Response]) -> Response:
        """Raises `LostAnswer` as the rules have it."""
        rule = self._drawn(target)
        if rule is None:
            return serve()
        self.fired[rule.kind] = self.fired.get(rule.kind, 0) + 1
        return self._spoil(rule, serve, throttle)

    def _drawn(self, target: Target) -> FaultRule | None:
        for rule in self._rules:
            fits = rule.operation in ("", target.operation, target.kind) and rule.shop in ("", target.shop)
            if not fits or rule.times == 0 or self._rng.random() >= rule.probability:
                continue
            if rule.kind == "throttled" and target.kind == "token":
                continue
            if rule.times is not None:
                rule.times -= 1
            return rule
        return None

    def _spoil(self, rule: FaultRule, serve: Callable[[], Response], throttle: Callable[[], Response]) -> Response:
        match rule.kind:
            case "error_500_before":
                return Response(500, JSON_HEADERS, _ERROR)
            case "error_500_after":
                serve()
                return Response(500, JSON_HEADERS, _ERROR)
            case "lost_request":
                raise LostAnswer
            case "lost_answer":
                serve()
                raise LostAnswer
            case "internal_error_in_200":
                if self._rng.random() < 0.5:
                    serve()
                return Response(200, JSON_HEADERS, self._internal_error())
            case "html":
                return Response(rule.status, {"content-type": "text/html"}, _PAGE)
            case "truncated":
                answer = serve()
                return replace(answer, body=answer.body[: len(answer.body) // 2])
            case "throttled":
                return throttle()

    def _internal_error(self) -> bytes:
        request_id = f"{self._rng.getrandbits(64):016x}"
        text = (
            "Internal error. Looks like something went wrong on our end.\n"
            f"Request ID: {request_id} (include this in support requests)."
        )
        error = {"message": text, "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}}
        return json.dumps({"errors": [error]}).encode()
