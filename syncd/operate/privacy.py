"""What people have a right to, carried out: their data told or dropped. By Shopify's webhooks, or by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from mappings.privacy import DATA_REQUEST, REDACT_SHOP
from syncd.errors import RejectedError, SyncError
from syncd.hints import order_subject
from syncd.logs import get_logger
from syncd.operate.desk import Desk, find_order
from syncd.ports import Clock, Db
from syncd.store.journal import history
from syncd.store.orders import order_rows
from syncd.store.privacy import finish_request, redact, requests, truncate_log
from syncd.store.schema import PrivacyRequest
from syncd.store.statements import OrderRef
from syncd.store.transaction import Work
from syncd.waiting import first_of

log = get_logger("privacy")

LOOK_S = 20.0


class PrivacyDuty:
    """Carries out what was asked for. What fails is tried again: a request stays open until it is done."""

    def __init__(self, db: Db, inbox: Db, clock: Clock, asked: asyncio.Event) -> None:
        self._db = db
        self._inbox = inbox
        self._clock = clock
        self._asked = asked

    async def work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            self._asked.clear()
            try:
                for request in await self._db.run(requests(only_open=True)):
                    if request.kind != DATA_REQUEST:  # before all else: what fails then, is asked for again
                        await self._inbox.run(truncate_log)
                    await self._db.run(_carried_out(request, self._clock))
                    log.warning("privacy.done", store=request.store, topic=request.kind)
            except SyncError as error:
                log.warning("privacy.postponed", error_code=error.code, error_text=error.text)
            await first_of(self._clock, LOOK_S, self._asked, stopping)


def _carried_out(request: PrivacyRequest, clock: Clock) -> Work[None]:
    order_ids, now = json.loads(request.orders), clock.now()

    def work(session: Session) -> None:
        if request.kind == DATA_REQUEST:
            answer: Any = [_remembered((request.store, order_id))(session) for order_id in order_ids]
        elif order_ids or request.kind == REDACT_SHOP:
            answer = redact(request.store, order_ids, now)(session)
        else:  # a customer without orders: we know customers by their orders alone
            answer = {"orders": 0}
        finish_request(request.id or 0, json.dumps(answer, ensure_ascii=False), now)(session)

    return work


def _remembered(ref: OrderRef) -> Work[dict[str, Any]]:
    """All that we hold of one order."""

    def work(session: Session) -> dict[str, Any]:
        rows, entries = order_rows(*ref)(session), history(*ref)(session)
        return {
            "ref": order_subject(*ref),
            "order": rows.order.model_dump(mode="json") if rows.order else None,
            "consignments": [row.model_dump(mode="json") for row in rows.consignments],
            "packages": [row.model_dump(mode="json") for row in rows.packages],
            "journal": [row.model_dump(mode="json") for row in entries],
        }

    return work


async def tell_data(desk: Desk, orders: Sequence[str]) -> list[dict[str, Any]]:
    """For one customer's orders: what is remembered here."""
    return [await desk.db.run(_remembered(await find_order(desk, text))) for text in orders]


async def told_requests(desk: Desk) -> list[dict[str, Any]]:
    """What Shopify asked for, without the answers."""
    return [_told(one) for one in await desk.db.run(requests(only_open=False))]


async def answer_of(desk: Desk, number: int) -> Any:
    """Raises `RejectedError` where there is none."""
    found = {one.id: one for one in await desk.db.run(requests(only_open=False))}
    if number not in found or not (answer := found[number].answer):
        raise RejectedError("request_unknown", f"there is no answer to a request {number}: see `syncd data-request`")
    return json.loads(answer)


async def redact_by_hand(desk: Desk, orders: Sequence[str], store: str) -> list[dict[str, Any]]:
    """`store` without orders: all of it."""
    by_store: dict[str, list[int]] = {}
    for text in orders:
        found_in, order_id = await find_order(desk, text)
        by_store.setdefault(found_in, []).append(order_id)
    if not orders:
        if store not in desk.vendors.shops:
            raise RejectedError(
                "store_unknown", f"there is no store {store!r}; the settings have {', '.join(desk.vendors.shops)}"
            )
        by_store[store] = []
    await desk.inbox.run(truncate_log)
    now = desk.clock.now()
    return [{"store": name, **await desk.db.run(redact(name, ids, now))} for name, ids in by_store.items()]


def _told(request: PrivacyRequest) -> dict[str, Any]:
    return {
        "request": request.id,
        "kind": request.kind,
        "store": request.store,
        "orders": json.loads(request.orders),
        "received_at": request.received_at.isoformat(),
        "done_at": request.done_at.isoformat() if request.done_at else None,
        "has_answer": request.answer is not None,
    }


def requests_text(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"{row['request']}  {row['kind']}  {row['store']}  {len(row['orders']) or 'all'} orders  "
        f"{'done ' + row['done_at'][:19] if row['done_at'] else 'open'}"
        for row in rows
    ]
    return "\n".join(lines) or "None."


def redacted_text(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for row in rows:
        lines.append(f"{row['store']}: {row['orders']} orders, {row['documents_dropped']} documents dropped")
        if row["remains_in_shipstation"]:
            numbers = ", ".join(map(str, row["remains_in_shipstation"]))
            lines.append(f"  ShipStation still holds the addresses of its orders {numbers}: delete them there")
    return "\n".join(lines)
