"""How things stand: orders by state and cause, what waits, how fresh the feeds are, what the accounts still allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from mappings.access import access_cause
from mappings.causes import MEANINGS, Cause, State
from syncd import __version__
from syncd.hints import order_subject
from syncd.operate.catalog_state import catalog_facts, catalog_line
from syncd.operate.forecast import Pace, drain_forecast, forecast_text
from syncd.operate.keys import expiry_advice, expiry_text, key_report
from syncd.operate.stock_state import stock_facts, stock_line
from syncd.ports import Clock, Db
from syncd.settings.whole import Settings
from syncd.shipstation.client import ACCOUNT
from syncd.store.alarms import standing_alarms
from syncd.store.brakes import BrakeState, brake_state
from syncd.store.budgets import PausedAccount, current_ledger, paused_accounts
from syncd.store.catalog import catalog_looks
from syncd.store.cursors import all_cursors
from syncd.store.inbox import unreadable_deliveries, waiting_deliveries
from syncd.store.journeys import journey_counts
from syncd.store.marks import due_summary, parked_marks, under_way
from syncd.store.orders import all_orders, state_counts
from syncd.store.outbound import Unsent, unsent_messages
from syncd.store.returns import count_returns
from syncd.store.schema import OrderRow
from syncd.store.stock import stock_controls
from syncd.store.transaction import Work, together

FLOWS = ("orders", "shipments")
OVERDUE = timedelta(hours=1)
"""So long after its time a carrier is still not asked: more packages are under way than can be asked about."""


async def read_status(db: Db, clock: Clock, settings: Settings, inbox: Db) -> dict[str, Any]:
    """One consistent look: everything is read in one transaction, but for the webhooks, which lie elsewhere."""
    unread = await inbox.run(waiting_deliveries())
    status: dict[str, Any]
    status, unreadable = await db.run(together(_status(settings, clock.now()), unreadable_deliveries()))
    return status | {"webhooks_unread": unread, "webhooks_unreadable": unreadable}


def _status(settings: Settings, now: datetime) -> Work[dict[str, Any]]:
    def work(session: Session) -> dict[str, Any]:
        counts = state_counts()(session)
        waiting = {flow: _waiting(flow, now)(session) for flow in FLOWS}
        by_state: dict[str, int] = dict.fromkeys(State, 0)
        for _, state, _, count in counts:
            by_state[state] = by_state.get(state, 0) + count
        return {
            "version": __version__,
            "at": now.isoformat(),
            "orders": by_state,
            "causes": [
                {"store": store, "state": state, "cause": cause, "count": n} for store, state, cause, n in counts
            ],
            "waiting": waiting,
            "drain": _drain(settings, waiting["orders"], now)(session),
            "parked_marks": len(parked_marks()(session)),
            "feeds": {name: _feed(row.watermark, row.updated_at, now) for name, row in all_cursors()(session).items()},
            "brake": _brake(brake_state("orders")(session)),
            "stock": {store: stock_facts(one, now) for store, one in sorted(stock_controls()(session).items())},
            "catalog": {
                store: catalog_facts(*look)
                for store, look in sorted(catalog_looks()(session).items())
                if store in settings.stores and settings.stores[store].catalog != "off"
            },
            "journeys": journey_counts(now - OVERDUE)(session),
            "returns": count_returns()(session),
            "outbound": _outbound(unsent_messages()(session), now),
            "paused": [_pause(one) for one in paused_accounts(now)(session)],
            "alarms": [
                {"name": one.name, "text": one.text, "since": one.since.isoformat()}
                for one in standing_alarms(now)(session)
            ],
            "keys": key_report(settings.shipstation.key_pairs(), now)(session),
        }

    return work


def _waiting(flow: str, now: datetime) -> Work[dict[str, Any]]:
    def work(session: Session) -> dict[str, Any]:
        due = due_summary(flow, now, 0.0, limit=100_000)(session)
        oldest_s = (now - due.oldest_marked_at).total_seconds() if due.oldest_marked_at else 0.0
        busy = under_way(flow, now)(session)
        return {"due": due.count, "under_way": busy, "oldest_s": round(max(oldest_s, 0.0), 1)}

    return work


def _drain(settings: Settings, waiting: Mapping[str, Any], now: datetime) -> Work[dict[str, Any]]:
    account = settings.shipstation
    pace = Pace(settings.limits.batch, account.requests_per_window, account.window_s)

    def work(session: Session) -> dict[str, Any]:
        ledger = current_ledger(ACCOUNT, now, account.window_s + settings.limits.longest_call_s)(session)
        return drain_forecast(waiting["due"] + waiting["under_way"], pace, ledger, now)

    return work


def _pause(paused: PausedAccount) -> dict[str, str]:
    cause = access_cause(paused.account, paused.code)
    return {
        "account": paused.account,
        "code": paused.code,
        "cause": cause,
        "text": paused.text,
        "since": paused.since.isoformat(),
        "sentence": MEANINGS[cause].sentence,
        "next_step": MEANINGS[cause].next_step,
    }


def _brake(state: BrakeState) -> dict[str, str] | None:
    return {"since": state.pulled_at.isoformat(), "reason": state.reason} if state.pulled_at else None


def _outbound(unsent: Unsent, now: datetime) -> dict[str, Any]:
    oldest_s = round((now - unsent.oldest_at).total_seconds(), 1) if unsent.oldest_at else 0.0
    return {"waiting": unsent.waiting, "given_up": unsent.given_up, "oldest_s": oldest_s}


def _feed(watermark: datetime | None, looked_at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "read_to": watermark.isoformat() if watermark else None,
        "looked_s_ago": round((now - looked_at).total_seconds(), 1),
    }


def status_text(status: Mapping[str, Any]) -> str:
    lines = [f"syncd {status['version']}, {sum(status['orders'].values())} orders"]
    for state, count in status["orders"].items():
        if count:
            causes = [f"{one['cause']} {one['count']}" for one in status["causes"] if one["state"] == state]
            lines.append(f"  {state:15} {count:7}   {', '.join(causes)}")
    for flow, waiting in status["waiting"].items():
        lines.append(
            f"waiting in {flow}: {waiting['due']}"
            + (f", the oldest for {waiting['oldest_s']:.0f} s" if waiting["due"] else "")
        )
    if status["drain"]["orders"]:
        lines.append(forecast_text(status["drain"]))
    if status["webhooks_unread"]:
        lines.append(f"webhooks not read yet: {status['webhooks_unread']}")
    if status["webhooks_unreadable"]:
        lines.append(
            f"webhooks that could not be read: {status['webhooks_unreadable']} (the feeds bring what they told of)"
        )
    for name, feed in sorted(status["feeds"].items()):
        if feed["read_to"]:
            lines.append(f"feed {name}: read to {feed['read_to'][:19]}, looked {feed['looked_s_ago']:.0f} s ago")
    if brake := status["brake"]:
        lines.append(f"BRAKE PULLED since {brake['since'][:19]}: {brake['reason']}. Run `syncd brake`.")
    lines += [stock_line(store, facts) for store, facts in status["stock"].items()]
    lines += [catalog_line(store, facts) for store, facts in status["catalog"].items()]
    if any(status["returns"].values()):
        words = "returns on their way: {on_their_way}, that ask for a person: {ask_for_a_person} (`syncd refunds list`)"
        lines.append(words.format_map(status["returns"]))
    if status["outbound"]["waiting"] or status["outbound"]["given_up"]:
        words = "messages to help desks: {waiting} waiting, {given_up} given up. `syncd outbound list` shows them."
        lines.append(words.format_map(status["outbound"]))
    if any(status["journeys"].values()):
        words = "packages on their way: {under_way}, with news that Shopify still has to hear: {untold}"
        lines.append(words.format_map(status["journeys"]))
    for one in status["paused"]:
        lines.append(
            f"PAUSED {one['account']} since {one['since'][:19]}: {one['sentence']} ({one['code']}: {one['text']})"
        )
        lines.append(f"  -> {one['next_step']}")
    for one in status["alarms"]:
        lines.append(f"ALARM since {one['since'][:19]}: {one['text']}")
    lines += [line for one in status["keys"] for line in _key_lines(one)]
    return "\n".join(lines)


def _key_lines(one: Mapping[str, Any]) -> list[str]:
    """Of the pair in use; `syncd keys` tells of all."""
    if one["state"] != "in_use":
        return []
    end = f", {expiry_text(one['days_left'])}" if one["days_left"] is not None else ""
    line = f"ShipStation key: {one['setting']} in use since {one['used_since'][:19]}{end}"
    advice = expiry_advice(one["setting"], one["days_left"]) if one["setting"] else ""
    return [line, f"  -> {advice}"] if advice else [line]


async def list_orders(db: Db) -> list[dict[str, Any]]:
    """Every order with its state: one row each, without any content."""
    return [_order(row) for row in await db.run(all_orders())]


async def parked_orders(db: Db) -> list[dict[str, Any]]:
    return [_order(row) for row in await db.run(all_orders(State.PARKED))]


def _order(row: OrderRow) -> dict[str, Any]:
    meaning = MEANINGS[Cause(row.cause)]
    return {
        "order": row.name,
        "ref": order_subject(row.store, row.order_id),
        "state": row.state,
        "cause": row.cause,
        "detail": row.detail,
        "since": row.since.isoformat(),
        "next_step": meaning.next_step,
    }


def orders_text(orders: Sequence[Mapping[str, Any]]) -> str:
    if not orders:
        return "None."
    width = max(len(one["order"]) for one in orders)
    return "\n".join(_order_lines(one, width) for one in orders)


def _order_lines(one: Mapping[str, Any], width: int) -> str:
    line = f"{one['order']:{width}}  {one['ref']}  {one['state']}  {one['cause']}"
    if one["detail"]:
        line += f"  ({one['detail']})"
    return f"{line}\n{'':{width}}  -> {one['next_step']}" if one["state"] == State.PARKED else line
