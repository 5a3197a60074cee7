"""A layer of bad luck around the account: server errors, lost answers, pages that are no JSON, batches that lie.

A rule names a kind, a path and a chance; the first rule that fires decides. What counts is whether the call was carried
out before it went wrong, so each kind says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded: the same seed makes the same day
from typing import Any, Literal

from syncd.ports import Request, Response
from syncd.sandbox.worlds import LostAnswer

Kind = Literal[
    "error_500_before",  # not carried out
    "error_500_after",  # carried out, then 500
    "lost_request",  # not carried out, the connection drops
    "lost_answer",  # carried out, the connection drops
    "html",  # not carried out, a page of a proxy, by default with status 200
    "truncated",  # carried out, half of the body arrives
    "row_missing",  # one row of a batch is not in the answer; it may or may not have been carried out
    "row_reorder",  # the rows of a batch come back in another order
]
Serve = Callable[[Request], Response]

JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}
HTML_PAGE = b"<html><head><title>Be right back</title></head><body><h1>We are working on it</h1></body></html>"
ERROR_BODY = (
    b'{"Message":"An error has occurred.","ExceptionMessage":"Object reference not set to an instance of an object."}'
)


@dataclass
class FaultRule:
    """`path` is lower case and matches its beginning, "" matches all. `times` counts down; None never ends."""

    kind: Kind
    path: str = ""
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

    def around(self, request: Request, path: str, serve: Serve) -> Response:
        """Raises `LostAnswer` as the rules have it."""
        rule = self._drawn(path, request)
        if rule is None:
            return serve(request)
        self.fired[rule.kind] = self.fired.get(rule.kind, 0) + 1
        return self._spoil(rule, request, serve)

    def _drawn(self, path: str, request: Request) -> FaultRule | None:
        for rule in self._rules:
            fits = path.startswith(rule.path) and (not rule.kind.startswith("row_") or _rows(request))
            if not fits or rule.times == 0 or self._rng.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
            return rule
        return None

    def _spoil(self, rule: FaultRule, request: Request, serve: Serve) -> Response:
        match rule.kind:
            case "error_500_before":
                return Response(500, JSON_HEADERS, ERROR_BODY)
            case "error_500_after":
                serve(request)
                return Response(500, JSON_HEADERS, ERROR_BODY)
            case "lost_request":
                raise LostAnswer
            case "lost_answer":
                serve(request)
                raise LostAnswer
            case "html":
                return Response(rule.status, {"content-type": "text/html"}, HTML_PAGE)
            case "truncated":
                answer = serve(request)
                return replace(answer, body=answer.body[: len(answer.body) // 2])
            case "row_missing":
                return self._without_a_row(request, serve)
            case "row_reorder":
                return self._reordered(serve(request))

    def _without_a_row(self, request: Request, serve: Serve) -> Response:
        rows = _rows(request)
        victim = self._rng.randrange(len(rows))
        if self._rng.random() < 0.5:
            return serve(replace(request, body=json.dumps(rows[:victim] + rows[victim + 1 :]).encode()))
        return _with_results(serve(request), lambda results: results[:victim] + results[victim + 1 :])

    def _reordered(self, answer: Response) -> Response:
        return _with_results(answer, lambda results: self._rng.sample(results, len(results)))


def _rows(request: Request) -> list[Any]:
    """The rows of a batch; empty for any other call."""
    try:
        rows = json.loads(request.body or b"null")
    except ValueError:
        return []
    return rows if isinstance(rows, list) else []


def _with_results(answer: Response, change: Callable[[list[Any]], list[Any]]) -> Response:
    document = json.loads(answer.body)
    if "results" not in document:  # the whole batch was refused
        return answer
    return replace(answer, body=json.dumps(document | {"results": change(document["results"])}).encode())
