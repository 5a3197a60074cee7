"""The Shopify side of the sandbox: which shop a call is for, whether it is let in, and what people do in the shops."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from random import Random  # noqa: TID251 - seeded: the same for one seed
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError, validate_call

from syncd.ports import Request, Response
from syncd.sandbox.faults import JSON_HEADERS
from syncd.sandbox.shopify.dump import shop_dump
from syncd.sandbox.shopify.executing import Prepared, prepared
from syncd.sandbox.shopify.faults import Faults, Target
from syncd.sandbox.shopify.graphql_endpoint import Endpoint, read_body
from syncd.sandbox.shopify.options import ShopOptions
from syncd.sandbox.shopify.people import People
from syncd.sandbox.shopify.shop import Ids, Shop
from syncd.sandbox.shopify.tokens import Tokens
from syncd.sandbox.worlds import Delivery, Now

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10", "2027-01")
"""Those that answer on 2026-11-20, the release candidate last; `unstable` always does."""

REFUSALS = {
    "frozen": (402, "Unavailable Shop"),
    "forbidden": (403, "Forbidden"),
    "locked": (423, "Locked"),
    "blocked": (430, "Security Rejection"),
}
"""Of every call, by `access`."""

_GRAPHQL = re.compile(r"/admin/api/(?P<version>[\w-]+)/graphql\.json")
_UNKNOWN_LOGIN = "[API] Invalid API key or access token (unrecognized login or wrong password)"


@dataclass(frozen=True)
class _Place:
    """One shop with its two doors."""

    shop: Shop
    endpoint: Endpoint
    tokens: Tokens


class ShopifyWorld:
    """Deterministic: the same calls at the same times with the same seed give the same answers."""

    def __init__(self, now: Now, seed: int = 0, shops: Sequence[ShopOptions] = (ShopOptions(),)) -> None:
        self._now = now
        self._ids = Ids()
        self._rng = Random(f"{seed} world")
        self._places: dict[str, _Place] = {}
        for options in shops:
            shop = Shop(options, now, self._ids, f"{seed} {options.domain}")
            tokens = Tokens(shop, Random(f"{seed} {options.domain} tokens"))
            self._places[options.domain] = _Place(shop, Endpoint(shop), tokens)
        self.shops = {domain: place.shop for domain, place in self._places.items()}
        self.people = People(self.shops)
        self.faults = Faults(seed)
        people = self.people
        self._controls: dict[str, Callable[..., Any]] = {
            "sell": people.sell,
            "import_order": people.import_order,
            "pay": people.pay,
            "pay_part": people.pay_part,
            "assess_risk": people.assess_risk,
            "schedule": people.schedule,
            "deliver_by": people.deliver_by,
            "exchange": people.exchange,
            "declare": people.declare,
            "count": people.count,
            "list_again": people.list_again,
            "edit_article": people.edit_article,
            "cancel": people.cancel,
            "hold": people.hold,
            "release": people.release,
            "edit": people.edit,
            "tag": people.tag,
            "refund": people.refund,
            "fulfill": people.fulfill,
            "cancel_fulfillment": people.cancel_fulfillment,
            "move_fulfillment_order": people.move_fulfillment_order,
            "rotate_secret": people.rotate_secret,
            "options": people.set_options,
            "state": self.state,
            "faults": self.faults.set,
            "revoke_tokens": self.revoke_tokens,
            "revoke_scopes": people.revoke_scopes,
            "unsubscribe": people.unsubscribe,
            "uninstall": self.uninstall,
            "drain_bucket": self.drain_bucket,
        }

    def answer(self, request: Request) -> Response:
        """Raises `LostAnswer` when a fault wants it."""
        domain, _, path = urlsplit(request.url).path.lstrip("/").partition("/")
        place = self._places.get(domain)
        if place is None:
            return self._json(404, {"errors": "Not Found"})
        place.shop.catch_up()
        if refusal := REFUSALS.get(place.shop.options.access):
            status, text = refusal
            return self._json(status, {"errors": text})
        if path == "admin/oauth/access_token":
            return self._token(place, request)
        match = _GRAPHQL.fullmatch(f"/{path}")
        if match is None or request.method != "POST":
            return self._json(404, {"errors": "Not Found"})
        return self._graphql(place, request, _served_version(match["version"], place.shop.options))

    def _token(self, place: _Place, request: Request) -> Response:
        def serve() -> Response:
            content_type = _header(request, "content-type")
            status, body = place.tokens.grant(content_type, request.body or b"")
            return self._json(status, body)

        target = Target(place.shop.options.domain, "token", "token")
        return self.faults.around(target, serve, serve)

    def _graphql(self, place: _Place, request: Request, version: str) -> Response:
        if not place.tokens.is_valid(_header(request, "x-shopify-access-token")):
            place.shop.calls.refused += 1
            return self._json(401, {"errors": _UNKNOWN_LOGIN}, version)
        given = read_body(request.body)
        if given is None:
            return self._json(400, {"errors": {"query": "Required parameter missing or invalid"}}, version)
        debug = _header(request, "shopify-graphql-cost-debug") == "1"

        def serve() -> Response:
            return self._json(200, place.endpoint.answer(given, version, debug), version)

        def throttle() -> Response:
            return self._json(200, place.endpoint.throttled(10), version)

        return self.faults.around(_target(place.shop, given), serve, throttle)

    def due_deliveries(self) -> list[Delivery]:
        deliveries: list[Delivery] = []
        for domain, shop in self.shops.items():
            shop.catch_up()
            deliveries += shop.outbox.due(domain)
        return deliveries

    def delivery_ended(self, delivery_id: str, status: int | None) -> None:
        self.shops[delivery_id.partition("/")[0]].outbox.ended(delivery_id, status)

    def next_due(self) -> datetime | None:
        """When something happens by itself or a webhook is due: how far a simulated clock may jump."""
        times = [due for shop in self.shops.values() if (due := shop.next_due()) is not None]
        return min(times, default=None)

    def control(self, action: str, arguments: dict[str, Any]) -> Any:
        """Runs the Python method of that name. Bad arguments raise ValueError."""
        method = self._controls.get(action)
        if method is None:
            raise ValueError(f"There is no action {action}. Known: {', '.join(sorted(self._controls))}.")
        try:
            return validate_call(method)(**arguments)
        except ValidationError as problems:
            raise ValueError(_sentence(problems)) from problems

    def state(self, shop: str | None = None) -> dict[str, Any]:
        """Domain -> the shop's orders and counters, for one shop or all."""
        chosen = list(self.shops) if shop is None else [self.people.shop(shop).options.domain]
        for domain in chosen:
            self.shops[domain].catch_up()
        return {
            "shops": {domain: shop_dump(self.shops[domain]) for domain in chosen},
            "faults": dict(self.faults.fired),
        }

    def revoke_tokens(self, shop: str | None = None) -> None:
        """Every granted token dies; new ones can be had."""
        self._places[self.people.shop(shop).options.domain].tokens.revoke()

    def uninstall(self, shop: str | None = None) -> None:
        """The owner removes the app: its tokens and its webhooks are gone, and one last webhook tells of it."""
        place = self.people.shop(shop)
        place.outbox.tell(["APP_UNINSTALLED"], 0, {"id": 1, "domain": place.options.domain})
        self.people.unsubscribe(shop=shop)
        self.people.set_options({"access": "revoked"}, shop)
        self.revoke_tokens(shop)

    def drain_bucket(self, shop: str | None = None) -> None:
        """Somebody else with the same app spends all points."""
        place = self._places[self.people.shop(shop).options.domain]
        place.endpoint.bucket.drain(place.shop.now())

    def _json(self, status: int, body: Any, version: str = "") -> Response:
        told = {
            "x-request-id": f"{self._rng.getrandbits(128):032x}-sandbox",
            "date": format_datetime(self._now(), True),
        }
        headers = JSON_HEADERS | told
        if version:
            headers["x-shopify-api-version"] = version
        return Response(status, headers, json.dumps(body, ensure_ascii=False).encode())


def _target(shop: Shop, given: dict[str, Any]) -> Target:
    found = prepared(given["query"], given.get("operationName"))
    if not isinstance(found, Prepared):
        return Target(shop.options.domain, "query", "")
    return Target(shop.options.domain, "query" if found.is_query else "mutation", found.name)


def _served_version(asked: str, options: ShopOptions) -> str:
    """A version that is no longer accessible, or never was, is answered by the oldest accessible one."""
    if asked == "unstable" or (asked in VERSIONS and asked >= options.oldest_version):
        return asked
    return options.oldest_version


def _header(request: Request, name: str) -> str:
    return next((value for key, value in request.headers.items() if key.lower() == name), "")


def _sentence(problems: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}" for row in problems.errors())
