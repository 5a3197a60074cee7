"""A layer of bad luck around the account: on top of what goes wrong anywhere, batches that lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from syncd.ports import Request, Response
from syncd.sandbox.faults import JSON_HEADERS, FaultLayer, Rule, SharedKind

Kind = (
    SharedKind
    | Literal[
        "row_missing",  # one row of a batch is not in the answer; it may or may not have been carried out
        "row_reorder",  # the rows of a batch come back in another order
    ]
)
Serve = Callable[[Request], Response]

NOTHING_DONE = Response(200, JSON_HEADERS, b'{"hasErrors":false,"results":[]}')


@dataclass
class FaultRule(Rule):
    """`path` is lower case and matches its beginning, "" matches all."""

    kind: Kind
    path: str = ""

    def fits(self, path: str, request: Request) -> bool:
        return path.startswith(self.path) and (not self.kind.startswith("row_") or bool(_rows(request)))


class Faults(FaultLayer[FaultRule]):
    error = b'{"Message":"An error has occurred.","ExceptionMessage":"Object reference not set to an instance of an object."}'

    def set(self, rules: list[FaultRule]) -> None:
        """Replaces all rules; an empty list brings the good weather back."""
        self.keep(rules)  # control reads the type of a rule from this signature

    def around(self, request: Request, path: str, serve: Serve) -> Response:
        """Raises `LostAnswer` as the rules have it."""
        rule = self.drawn(lambda rule: rule.fits(path, request))
        if rule is None:
            return serve(request)
        if rule.kind == "row_missing":
            return self._without_a_row(request, serve)
        if rule.kind == "row_reorder":
            return self._reordered(serve(request))
        return self.spoil(rule.kind, rule.status, lambda: serve(request))

    def _without_a_row(self, request: Request, serve: Serve) -> Response:
        rows = _rows(request)
        victim = self.rng.randrange(len(rows))
        rest = rows[:victim] + rows[victim + 1 :]
        if self.rng.random() < 0.5:  # a batch of none would be refused as such
            return serve(replace(request, body=json.dumps(rest).encode())) if rest else NOTHING_DONE
        return _with_results(serve(request), lambda results: results[:victim] + results[victim + 1 :])

    def _reordered(self, answer: Response) -> Response:
        return _with_results(answer, lambda results: self.rng.sample(results, len(results)))


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
