"""What an operator does about goods that come back: buy a return label, say that they arrived, agree to a refund or decline it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from mappings.keys import is_label
from mappings.plan_returns import WAITS
from syncd.adapters import SystemRng
from syncd.errors import RejectedError, SyncError, UncertainError
from syncd.hints import order_subject
from syncd.operate.desk import Desk, find_order
from syncd.settings.stores import ReturnsSettings
from syncd.shipstation.v2_writes import buy_return_label
from syncd.store.journal import ClosedEntry, NewEntry, close_intents, open_entries, open_intents
from syncd.store.orders import order_rows
from syncd.store.returns import (
    FLOW,
    SeenReturnLabel,
    approve,
    decline,
    receive,
    record_returns,
    returns_of,
    unfinished_returns,
)
from syncd.store.schema import PackageRow, ReturnRow
from syncd.store.statements import OrderRef
from syncd.store.transaction import together

BUY = "buy_return_label"


def return_scopes(returns: ReturnsSettings) -> dict[str, str]:
    """What the policy of a store needs from Shopify, each with what it is for."""
    wanted = {}
    if returns.on_label == "note":
        wanted["write_orders"] = "note and tag returns"
    if returns.on_label == "return":
        wanted["write_returns"] = "open returns, and receive them"
    if returns.refund != "off":
        wanted["write_orders"] = "pay back money"
    if returns.note_on_customer:
        wanted["write_customers"] = "note returns on the customer"
    return wanted


async def make_label(desk: Desk, text: str, package: str | None, again: bool) -> dict[str, Any]:
    """Buys a return label for one package. A second one for the same order must be asked for. Raises `RejectedError`."""
    if desk.vendors.shipstation_v2 is None:
        raise RejectedError("no_v2_key", "return labels are made by ShipStation's V2 API: set shipstation.v2_api_key")
    ref = await find_order(desk, text)
    if not again:
        await _refuse_second(desk, ref)
    outbound = _outbound((await desk.db.run(order_rows(*ref))).packages, package)
    entry = NewEntry(SystemRng().token(), FLOW, *ref, BUY, f"{outbound.package_key} return", "{}")
    (entry_id,) = await desk.db.run(open_intents([entry], desk.clock.now()))
    try:
        label = await buy_return_label(desk.vendors.shipstation_v2, outbound.package_key)
    except SyncError as error:
        outcome = "unknown" if isinstance(error, UncertainError) else "refused"
        closed = ClosedEntry(entry_id, outcome, error.code, error.text)
        await desk.db.run(close_intents([closed], desk.clock.now()))
        raise
    now = desk.clock.now()
    seen = SeenReturnLabel(
        label.return_key,
        *ref,
        False,
        label.tracking_number,
        label.carrier_code,
        label.service_code,
        outbound.lines,
        outbound.package_key,
    )
    await desk.db.run(together(close_intents([ClosedEntry(entry_id, "confirmed")], now), record_returns([seen], now)))
    return {
        "ref": order_subject(*ref),
        "return": label.return_key,
        "tracking_number": label.tracking_number,
        "label": label.file_url,
    }


async def _refuse_second(desk: Desk, ref: OrderRef) -> None:
    known = (await desk.db.run(returns_of([ref]))).get(ref, [])
    if live := [row for row in known if not row.voided]:
        number = live[0].tracking_number or live[0].return_key
        raise RejectedError("label_exists", f"the order has a return label already, {number}; add --again for another")
    entries = (await desk.db.run(open_entries([ref]))).get(ref, [])
    if any(entry.step == BUY for entry in entries):
        words = "an earlier try got no answer; look in ShipStation whether the label is there, then add --again"
        raise RejectedError("label_in_doubt", words)


def _outbound(packages: Sequence[PackageRow], package: str | None) -> PackageRow:
    live = [row for row in packages if not row.voided and is_label(row.package_key)]
    chosen = [row for row in live if package in (None, row.package_key, row.tracking_number)]
    if len(chosen) == 1:
        return chosen[0]
    if not live:
        raise RejectedError("no_package", "no package of this order has a label: there is nothing to send back")
    keys = ", ".join(f"{row.package_key} ({row.tracking_number})" for row in live)
    raise RejectedError("which_package", f"name one of its packages with --package: {keys}")


async def receive_return(desk: Desk, text: str, return_key: str | None) -> list[str]:
    """Somebody has the goods in their hands. Raises `RejectedError` where it is not clear which ones."""
    ref = await find_order(desk, text)
    known = (await desk.db.run(returns_of([ref]))).get(ref, [])
    coming = [row for row in known if row.received_at is None and not row.outcome]
    waiting = [row for row in coming if row.return_key == return_key or (return_key is None and not row.voided)]
    if not waiting:
        words = "nothing of this order is on its way back; its returns: " + (_listed(known) or "none")
        raise RejectedError("no_return", words)
    if len(waiting) > 1:
        raise RejectedError("which_return", f"name one of its returns with --return: {_listed(waiting)}")
    (row,) = waiting
    await desk.db.run(receive(ref, row.return_key, "person", desk.clock.now()))
    policy = desk.settings.stores[ref[0]].returns.refund
    then = {
        "off": "No money goes back by itself: refund it in Shopify.",
        "suggest": "`syncd refunds list` shows within a minute what to pay back.",
        "automatic": "Money goes back within a minute, or `syncd refunds list` asks for it where it is above the limit.",
    }
    return [f"{order_subject(*ref)}: return {row.return_key} arrived. {then[policy]}"]


def _listed(rows: Sequence[ReturnRow]) -> str:
    return ", ".join(f"{row.return_key} ({row.tracking_number})" for row in rows)


async def waiting_refunds(desk: Desk) -> dict[str, Any]:
    """What arrived and was not paid back yet, with what it waits for."""
    rows = await desk.db.run(unfinished_returns())
    return {"refunds": [_refund(desk, row) for row in rows]}


def _refund(desk: Desk, row: ReturnRow) -> dict[str, Any]:
    is_off = _pays_nothing(desk, row)
    return {
        "ref": order_subject(row.store, row.order_id),
        "return": row.return_key,
        "units": sum(json.loads(row.lines).values()) if row.lines else None,
        "received_at": row.received_at.isoformat() if row.received_at else None,
        "received_by": row.received_by,
        "amount": row.suggested,
        "currency": row.currency,
        "approved": row.approved,
        "waits_for": row.detail or ("policy" if is_off else "approval" if row.suggested != row.approved else "work"),
    }


def _pays_nothing(desk: Desk, row: ReturnRow) -> bool:
    store = desk.settings.stores.get(row.store)
    return store is None or store.returns.refund == "off"


async def approve_refunds(desk: Desk, texts: Sequence[str]) -> list[str]:
    """Agrees to what `syncd refunds list` shows at this moment, and to nothing above it. An order or a return key each."""
    told = []
    for text in texts:
        told += [await _approve(desk, row) for row in await _suggested(desk, text)]
    return told


async def _waiting(desk: Desk, text: str) -> list[ReturnRow]:
    """Of an order, or of a return key."""
    rows = await desk.db.run(unfinished_returns())
    if chosen := [row for row in rows if row.return_key == text]:
        return chosen
    ref = await find_order(desk, text)
    return [row for row in rows if (row.store, row.order_id) == ref]


async def _suggested(desk: Desk, text: str) -> list[ReturnRow]:
    chosen = await _waiting(desk, text)
    if asked := [row for row in chosen if row.suggested and not row.detail]:
        return asked
    reason = next((WAITS[row.detail] for row in chosen if row.detail), "no return of it waits for a refund")
    raise RejectedError("nothing_to_approve", f"{text}: {reason}")


async def _approve(desk: Desk, row: ReturnRow) -> str:
    ref = (row.store, row.order_id)
    if desk.settings.stores[row.store].returns.refund == "off":
        words = f'store {row.store} pays nothing back: set refund = "suggest" in [stores.{row.store}.returns]'
        raise RejectedError("refunds_off", words)
    done = await desk.db.run(approve(ref, row.return_key, Decimal(row.suggested or 0), desk.clock.now()))
    what = f"{row.suggested} {row.currency or ''}".strip()
    words = f"{what} go back within a minute" if done else "it changed meanwhile; see `syncd refunds list`"
    return f"{order_subject(*ref)}: return {row.return_key}: {words}"


async def decline_refunds(desk: Desk, texts: Sequence[str]) -> list[str]:
    """Ends what `syncd refunds list` shows without money. An order or a return key each."""
    return [line for text in texts for line in await _declined(desk, text)]


async def _declined(desk: Desk, text: str) -> list[str]:
    chosen = await _waiting(desk, text)
    if not chosen:
        raise RejectedError("nothing_to_decline", f"{text}: no return of it waits for a refund")
    if len({row.return_key for row in chosen}) > 1:
        raise RejectedError("which_return", f"{text}: name one of its returns: {_listed(chosen)}")
    return [await _decline(desk, row) for row in chosen]


async def _decline(desk: Desk, row: ReturnRow) -> str:
    """What is about to be paid is not taken back by a word that comes too late."""
    ref, name = (row.store, row.order_id), f"{order_subject(row.store, row.order_id)}: return {row.return_key}"
    if _refund(desk, row)["waits_for"] == "work" or not await desk.db.run(
        decline(ref, row.return_key, desk.clock.now())
    ):
        raise RejectedError("refund_under_way", f"{name}: something is being done about it; see `syncd refunds list`")
    return f"{name}: nothing is paid back. A return of it that is open in Shopify stays open: close it there."


def refunds_text(answer: Mapping[str, Any]) -> str:
    if not answer["refunds"]:
        return "Nothing that arrived waits for a refund."
    return "\n".join(_refund_line(one) for one in answer["refunds"])


def _refund_line(one: Mapping[str, Any]) -> str:
    units = f"{one['units']} units" if one["units"] else "unknown goods"
    arrived = f"arrived {one['received_at'][:16]}" if one["received_at"] else "on its way"
    head = f"{one['ref']}  return {one['return']}, {units}, {arrived}: "
    if one["waits_for"] == "policy" and one["received_at"]:
        return head + "the store's refund policy is off: refund it in Shopify."
    if one["waits_for"] in WAITS:
        return head + WAITS[one["waits_for"]]
    if one["waits_for"] == "approval" and one["amount"]:
        return head + f"{one['amount']} {one['currency']} to pay back; `syncd refunds approve {one['return']}` does it."
    return head + "on its way."
