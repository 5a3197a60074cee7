"""One ShipStation account of the sandbox: who may call, how often, what goes wrong, and what people do to it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError, validate_call

from syncd.ports import Request, Response
from syncd.sandbox.shipstation.account import Account, OrderRef
from syncd.sandbox.shipstation.carriage import Carriage
from syncd.sandbox.shipstation.desk import Desk
from syncd.sandbox.shipstation.dump import account_dump, order_dump
from syncd.sandbox.shipstation.faults import Faults
from syncd.sandbox.shipstation.labels import Labels
from syncd.sandbox.shipstation.limits import CallCounts, RateLimit
from syncd.sandbox.shipstation.notices import Notices
from syncd.sandbox.shipstation.options import ShipStationOptions
from syncd.sandbox.shipstation.records import Fulfillment, Order, Shipment
from syncd.sandbox.shipstation.stock import Level, Stock
from syncd.sandbox.shipstation.v1_bodies import order_draft
from syncd.sandbox.shipstation.v1_documents import dumps, fulfillment_document, order_document, shipment_document
from syncd.sandbox.shipstation.v1_front import JSON_HEADERS, V1Front, route_of
from syncd.sandbox.shipstation.v2_documents import tracking_document
from syncd.sandbox.shipstation.v2_errors import error_answer
from syncd.sandbox.shipstation.v2_front import V2Front
from syncd.sandbox.shipstation.v2_webhooks import V2Webhooks
from syncd.sandbox.shipstation.webhooks import Webhooks
from syncd.sandbox.worlds import Delivery, Now

TOO_MANY = b'{"message":"Too Many Requests"}'
DENIED = b'{"Message":"Authorization has been denied for this request."}'
NOT_IN_PLAN = b'{"Message":"Your plan does not include API access."}'

REFUSALS = {"forbidden": 403, "locked": 423, "blocked": 430}

ALL_OPTIONS = TypeAdapter(ShipStationOptions)


class ShipStationWorld:
    """Deterministic: the same calls at the same times with the same seed give the same answers."""

    def __init__(self, now: Now, seed: int = 0, options: ShipStationOptions | None = None) -> None:
        self.account = Account(now, seed, options or ShipStationOptions())
        self.webhooks = Webhooks(self.account, seed)
        self.v2_webhooks = V2Webhooks(self.account, self.webhooks.owe_signed, self._tracked)
        notices = Notices(self.account, self.webhooks, self.v2_webhooks)
        self.desk = Desk(self.account)
        self.stock = Stock(self.account)
        self.carriage = Carriage(self.account, self.v2_webhooks.scanned)
        self.labels = Labels(self.account, self.desk, notices, self.stock, seed)
        self.faults = Faults(seed)
        self.calls = CallCounts()
        self._limit = RateLimit()
        self._v2_limit = RateLimit()
        self._front = V1Front(self.account, self.desk, self.labels, self.webhooks, notices)
        self._v2_front = V2Front(
            self.account, self.desk, self.labels, self.stock, self.carriage, self.v2_webhooks, notices
        )
        self._controls: dict[str, Callable[..., Any]] = {
            "buy_label": self.labels.buy_label,
            "void_label": self.labels.void_label,
            "mark_shipped": self.labels.mark_shipped,
            "scan": self.carriage.scan,
            "count": self.stock.count,
            "ship_all": self.labels.ship_all,
            "hold": self.desk.hold,
            "release": self.desk.release,
            "cancel": self.desk.cancel,
            "split": self.desk.split,
            "merge": self.desk.merge,
            "native_import": self.desk.native_import,
            "delete": self.desk.delete,
            "tag": self.desk.tag,
            "untag": self.desk.untag,
            "edit": self.edit,
            "state": self.state,
            "options": self.set_options,
            "faults": self.faults.set,
            "poison": self.poison,
            "spend": self.spend,
            "add_key": self.add_key,
            "expire_key": self.expire_key,
            "unsubscribe": self.unsubscribe,
        }

    def answer(self, request: Request) -> Response:
        """Raises `LostAnswer` when a fault wants it."""
        self.account.release_due_holds()
        path = route_of(request.url)
        self.calls.count(f"{request.method.upper()} {path}")
        if path == "/jwks":
            return Response(200, JSON_HEADERS, dumps(self.webhooks.signer.jwks()))
        return self._v2_answer(request, path) if path.startswith("/v2/") else self._v1_answer(request, path)

    def _v1_answer(self, request: Request, path: str) -> Response:
        key, secret = _credentials(request)
        grant = self._limit.take(key, self.account.now(), self.account.options)
        if not grant.is_allowed:
            self.calls.refused += 1
            answer = Response(429, JSON_HEADERS, TOO_MANY)
        else:
            answer = self._denial(key, secret) or self.faults.around(request, path, self._front.answer)
        return replace(answer, headers={**answer.headers, **grant.headers})

    def _v2_answer(self, request: Request, path: str) -> Response:
        """200 calls a minute; a refused one is told how long to wait."""
        options = self.account.options
        key = next((value for name, value in request.headers.items() if name.lower() == "api-key"), "")
        limit = replace(options, requests_per_window=options.v2_requests_per_window)
        grant = self._v2_limit.take(key, self.account.now(), limit)
        if not grant.is_allowed:
            self.calls.refused += 1
            refused = error_answer(429, "validation", "rate_limit_exceeded", "You have exceeded your rate limit.")
            return replace(refused, headers={**refused.headers, "retry-after": grant.headers["x-rate-limit-reset"]})
        if key not in options.v2_keys or options.v2_access == "expired":
            return error_answer(401, "security", "unauthorized", "The API key is invalid or has expired.")
        if options.v2_access == "plan":
            return error_answer(402, "account_status", "invalid_billing_plan", "Your plan does not include API access.")
        return self.faults.around(request, path, self._v2_front.answer)

    def _tracked(self, shipment: Shipment) -> dict[str, Any]:
        return tracking_document(shipment, self.carriage.journey(shipment.shipment_id))

    def due_deliveries(self) -> list[Delivery]:
        return self.webhooks.due()

    def delivery_ended(self, delivery_id: str, status: int | None) -> None:
        self.webhooks.ended(delivery_id, status)

    def next_due(self) -> datetime | None:
        """When the next webhook is due, as far as is known now."""
        return self.webhooks.next_due()

    def control(self, action: str, arguments: dict[str, Any]) -> Any:
        """Runs the Python method of that name; `order` is an order id or an order key. Bad arguments raise ValueError."""
        method = self._controls.get(action)
        if method is None:
            raise ValueError(f"There is no action {action}. Known: {', '.join(sorted(self._controls))}.")
        self.account.release_due_holds()
        try:
            result = validate_call(method)(**arguments)
        except ValidationError as problems:
            raise ValueError(_sentence(problems)) from problems
        return json.loads(dumps(_shown(result)))

    def edit(self, order: OrderRef, fields: dict[str, Any]) -> Order:
        """A person changes these members, in V1 spelling. Objects are merged, lists replaced; shipped orders too."""
        target = self.account.order(order)
        document = order_document(target)
        for name, value in fields.items():
            old = document.get(name)
            document[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        draft = order_draft(document, self.account.options)
        edited = self.account.rewrite(target, draft)
        return edited if "items" in fields else self.account.change(edited, items=target.items)

    def state(self) -> dict[str, Any]:
        """The account and what happened to it. Amounts are Decimals here and JSON numbers through `control`."""
        self.account.release_due_holds()
        calls, left_s = self._limit.standing(self.account.now(), self.account.options)
        return account_dump(self.account) | {
            "calls": {
                "total": self.calls.total,
                "by_path": dict(self.calls.by_path),
                "window": {"calls": calls, "left_s": left_s},
                "most_in_a_window": self._limit.most_calls,
                "most_in_a_v2_window": self._v2_limit.most_calls,
                "refused_429": self.calls.refused,
            },
            "delivered": self.carriage.delivered(),
            "inventory": [_level_dump(level) for level in self.stock.levels()],
            "webhooks": {
                "delivered": self.webhooks.delivered,
                "failed": self.webhooks.failed,
                "dropped": self.webhooks.dropped,
            },
            "faults": dict(self.faults.fired),
        }

    def set_options(self, changes: dict[str, Any]) -> None:
        """Changes how the account behaves from now on, by field of `ShipStationOptions`."""
        unknown = set(changes) - set(ALL_OPTIONS.dump_python(self.account.options))
        if unknown:
            raise ValueError(f"There is no option {min(unknown)}.")
        merged = ALL_OPTIONS.dump_python(self.account.options) | changes
        self.account.options = ALL_OPTIONS.validate_python(merged)

    def poison(self, order: OrderRef, poisoned: bool = True) -> None:
        """Every list page that holds this order answers 500, until it is cured with `poisoned` false."""
        order_id = self.account.order(order).order_id
        if poisoned:
            self.account.poisoned.add(order_id)
        else:
            self.account.poisoned.discard(order_id)

    def spend(self, requests: int, key: str | None = None) -> None:
        """Somebody else uses this many requests of the present window of the key, by default the first one."""
        self._limit.spend(key or self.account.options.keys[0][0], requests, self.account.now(), self.account.options)

    def add_key(self, key: str, secret: str) -> None:
        """The owner generates another pair; both are good."""
        options = self.account.options
        self.account.options = replace(options, keys=(*options.keys, (key, secret)))

    def expire_key(self, key: str) -> None:
        """Its pair is refused from now on, as after its last day or when it is deleted."""
        options = self.account.options
        left = tuple(pair for pair in options.keys if pair[0] != key)
        if left == options.keys:
            raise ValueError(f"There is no key {key}.")
        self.account.options = replace(options, keys=left)

    def unsubscribe(self) -> int:
        """Somebody deletes all webhooks of the account. How many there were."""
        gone = list(self.webhooks.subscriptions)
        for webhook_id in gone:
            self.webhooks.unsubscribe(webhook_id)
        return len(gone)

    def _denial(self, key: str, secret: str) -> Response | None:
        options = self.account.options
        if (key, secret) not in options.keys or options.access == "expired":
            return Response(401, JSON_HEADERS, DENIED)
        if options.access == "plan":
            return Response(402, JSON_HEADERS, NOT_IN_PLAN)
        status = REFUSALS.get(options.access)
        return Response(status, JSON_HEADERS, b"") if status else None


def _credentials(request: Request) -> tuple[str, str]:
    """Of Basic authentication; two empty strings when there are none."""
    header = next((value for name, value in request.headers.items() if name.lower() == "authorization"), "")
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    key, _, secret = decoded.partition(":")
    return key, secret


def _shown(result: Any) -> Any:
    match result:
        case Order():
            return order_dump(result)
        case Shipment():
            return shipment_document(result, with_items=True)
        case Fulfillment():
            return fulfillment_document(result)
        case list():
            return [_shown(row) for row in result]
    return result


def _sentence(problems: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}" for row in problems.errors())


def _level_dump(level: Level) -> dict[str, Any]:
    return {
        "sku": level.sku,
        "locationId": level.location.location_id,
        "onHand": level.on_hand,
        "allocated": level.allocated,
        "available": level.available,
    }
