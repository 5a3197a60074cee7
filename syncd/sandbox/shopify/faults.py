"""A layer of bad luck around the shops: on top of what goes wrong anywhere, throttles out of nowhere and errors inside a 200."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from syncd.ports import Response
from syncd.sandbox.faults import JSON_HEADERS, FaultLayer, Rule, SharedKind

Kind = (
    SharedKind
    | Literal[
        "internal_error_in_200",  # carried out or not, by chance: nobody knows from the answer
        "throttled",  # not carried out, as if the bucket were empty
    ]
)


@dataclass(frozen=True)
class Target:
    """What a call is: `token`, `query` or `mutation`, its operation name, and the shop."""

    shop: str
    kind: str
    operation: str


@dataclass
class FaultRule(Rule):
    """`operation` is the name of a GraphQL operation, or `query`, `mutation`, `token`; "" matches all, and so does an empty
    `shop`."""

    kind: Kind
    operation: str = ""
    shop: str = ""

    def fits(self, target: Target) -> bool:
        if self.kind == "throttled" and target.kind == "token":
            return False
        return self.operation in ("", target.operation, target.kind) and self.shop in ("", target.shop)


class Faults(FaultLayer[FaultRule]):
    error = b'{"errors":"Internal Server Error"}'

    def set(self, rules: list[FaultRule]) -> None:
        """Replaces all rules; an empty list brings the good weather back."""
        self.keep(rules)  # control reads the type of a rule from this signature

    def around(self, target: Target, serve: Callable[[], Response], throttle: Callable[[], Response]) -> Response:
        """Raises `LostAnswer` as the rules have it."""
        rule = self.drawn(lambda rule: rule.fits(target))
        if rule is None:
            return serve()
        if rule.kind == "throttled":
            return throttle()
        if rule.kind == "internal_error_in_200":
            if self.rng.random() < 0.5:
                serve()
            return Response(200, JSON_HEADERS, self._internal_error())
        return self.spoil(rule.kind, rule.status, serve)

    def _internal_error(self) -> bytes:
        request_id = f"{self.rng.getrandbits(64):016x}"
        text = (
            "Internal error. Looks like something went wrong on our end.\n"
            f"Request ID: {request_id} (include this in support requests)."
        )
        error = {"message": text, "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}}
        return json.dumps({"errors": [error]}).encode()
