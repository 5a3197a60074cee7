"""Bad luck of both vendors: which call goes wrong, and what goes wrong the same way at both.

A rule names a kind, what it is for and a chance; the first rule that fires decides. What counts is whether the call was
carried out before it went wrong, so each kind says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random  # noqa: TID251 - seeded: the same seed makes the same day
from typing import Generic, Literal, TypeVar

from syncd.ports import Response
from syncd.sandbox.worlds import LostAnswer

SharedKind = Literal[
    "error_500_before",  # not carried out
    "error_500_after",  # carried out, then 500
    "lost_request",  # not carried out, the connection drops
    "lost_answer",  # carried out, the connection drops
    "html",  # not carried out, a page of a proxy, by default with status 200
    "truncated",  # carried out, half of the body arrives
]
JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}


@dataclass
class Rule:
    """`times` counts down; None never ends."""

    kind: str
    probability: float = field(default=1.0, kw_only=True)
    times: int | None = field(default=None, kw_only=True)
    status: int = field(default=200, kw_only=True)  # of html


SomeRule = TypeVar("SomeRule", bound=Rule)


class FaultLayer(Generic[SomeRule]):
    page = b"<html><head><title>Be right back</title></head><body><h1>We are working on it</h1></body></html>"
    error: bytes
    """The body of a 500."""

    def __init__(self, seed: int) -> None:
        self.fired: dict[str, int] = {}
        self.rng = Random(f"{seed} faults")
        self._rules: list[SomeRule] = []

    def keep(self, rules: list[SomeRule]) -> None:
        self._rules = [replace(rule) for rule in rules]

    def drawn(self, fits: Callable[[SomeRule], bool]) -> SomeRule | None:
        for rule in self._rules:
            if not fits(rule) or rule.times == 0 or self.rng.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
            self.fired[rule.kind] = self.fired.get(rule.kind, 0) + 1
            return rule
        return None

    def spoil(self, kind: SharedKind, status: int, serve: Callable[[], Response]) -> Response:
        """Raises `LostAnswer` as the kind has it."""
        match kind:
            case "error_500_before":
                return Response(500, JSON_HEADERS, self.error)
            case "error_500_after":
                serve()
                return Response(500, JSON_HEADERS, self.error)
            case "lost_request":
                raise LostAnswer
            case "lost_answer":
                serve()
                raise LostAnswer
            case "html":
                return Response(status, {"content-type": "text/html"}, self.page)
            case "truncated":
                answer = serve()
                return replace(answer, body=answer.body[: len(answer.body) // 2])
