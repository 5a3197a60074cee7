"""By hand: compare the stock of both sides, write what differs, and stop or resume the daemon's own writing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from mappings.stock import consent_of
from syncd.accounts import Accounts
from syncd.adapters import SystemRng
from syncd.errors import RejectedError
from syncd.flows.stock import NAME, StockFlow
from syncd.flows.stock_report import report_of
from syncd.intake.shifts import Shift
from syncd.operate.desk import Desk
from syncd.operate.in_turn import in_turn
from syncd.operate.stock_state import WAITS, control_facts
from syncd.ports import Db
from syncd.store.stock import Control, freeze_stock, release_stock, stock_controls, thaw_stock
from syncd.store.transaction import together
from syncd.wiring import shelves, stock_flow

LISTED = 20


async def stock_differences(desk: Desk, stores: Sequence[str]) -> dict[str, Any]:
    """Both sides as they are now. Writes nothing."""
    chosen = _chosen(desk, stores)
    seen = await _flow(desk, desk.db).look()
    reports = {store: json.loads(report) for store, report in report_of(seen.plans, seen.unread, {})}
    controls = await desk.db.run(stock_controls())
    return {"stores": [_answer(desk, store, reports.get(store), controls.get(store)) for store in chosen]}


async def push_stock(desk: Desk, stores: Sequence[str]) -> dict[str, Any]:
    """Writes what differs now, and from now on the daemon does it without being asked."""
    chosen = _chosen(desk, stores)
    now, controls = desk.clock.now(), await desk.db.run(stock_controls())
    for store in chosen:
        _refuse_push(desk, store, controls.get(store))
    shift = Shift(NAME, desk.db, desk.clock, SystemRng())
    flow = _flow(desk, shift)
    await desk.db.run(together(*(release_stock(store, flow.consent(store), now) for store in chosen)))
    written = await in_turn(desk, shift, partial(flow.run, forced=chosen))
    controls = await desk.db.run(stock_controls())
    found = [_answer(desk, store, _report(controls.get(store)), controls.get(store)) for store in chosen]
    return {"stores": found, "busy": written is None, "written": written or 0}


async def freeze_stores(desk: Desk, stores: Sequence[str], hours: float | None) -> list[str]:
    chosen, now = _chosen(desk, stores), desk.clock.now()
    until = now + timedelta(hours=hours) if hours else None
    await desk.db.run(together(*(freeze_stock(store, now, until) for store in chosen)))
    ends = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until `syncd stock thaw`"
    return [f"{store}: no stock is written {ends}; differences are still reported." for store in chosen]


async def thaw_stores(desk: Desk, stores: Sequence[str]) -> list[str]:
    chosen = _chosen(desk, stores)
    await desk.db.run(together(*(thaw_stock(store) for store in chosen)))
    return [
        f"{store}: stock is written again from the next look on, or at once by `syncd stock push`." for store in chosen
    ]


def _chosen(desk: Desk, stores: Sequence[str]) -> list[str]:
    """All that name shelves, where nobody chose."""
    known = [name for name, store in desk.settings.stores.items() if store.stock]
    if not known:
        raise RejectedError("stock_off", "no store names where its stock lies; set [stores.<name>.stock.<location id>]")
    if unknown := [store for store in stores if store not in known]:
        raise RejectedError("stock_off", f"store {unknown[0]} names no shelves; those that do: {', '.join(known)}")
    return list(stores) or known


def _refuse_push(desk: Desk, store: str, control: Control | None) -> None:
    if all(shelf.owner == "none" for shelf in desk.settings.stores[store].stock.values()):
        raise RejectedError(
            "stock_unowned", f'no shelf of {store} has an owner; set owner = "shipstation" or "shopify"'
        )
    if control and control.is_frozen(desk.clock.now()):
        raise RejectedError("stock_frozen", f"the stock of {store} is frozen; run `syncd stock thaw {store}` first")


def _flow(desk: Desk, db: Db) -> StockFlow:
    accounts = Accounts(desk.db, desk.clock)
    flow = stock_flow(desk.settings, desk.vendors, accounts, db, desk.clock, SystemRng())
    assert flow is not None, "somebody names a shelf, so there is a key"
    return flow


def _report(control: Control | None) -> Any:
    return json.loads(control.report) if control and control.report else None


def _answer(desk: Desk, store: str, report: Any, control: Control | None) -> dict[str, Any]:
    wanted = consent_of(one for one in shelves(desk.settings) if one.store == store)
    facts = {
        "is_released": control is not None and control.released_as == wanted,
        **control_facts(control, desk.clock.now()),
    }
    return {"store": store, **facts, **(report or {"shelves": [], "unread": ""})}


def is_different(answer: Mapping[str, Any]) -> bool:
    return any(shelf["differing"] for store in answer["stores"] for shelf in store["shelves"])


def stock_text(answer: Mapping[str, Any]) -> str:
    lines = [line for store in answer["stores"] for line in _store_lines(store)]
    if answer.get("busy"):
        lines.append("The daemon has been looking at the stock all the time: run this again in a few minutes.")
    return "\n".join(lines)


def _store_lines(store: Mapping[str, Any]) -> list[str]:
    if store["unread"]:
        return [f"{store['store']}: cannot be read: {store['unread']}"]
    lines = [line for shelf in store["shelves"] for line in _shelf_lines(store["store"], shelf)]
    waits = {shelf["waits_for"] for shelf in store["shelves"]} | ({"thaw"} if store["is_frozen"] else set())
    is_owned = any(shelf["owner"] != "none" and shelf["differing"] for shelf in store["shelves"])
    if is_owned and not store["is_released"]:
        waits.add("release")
    return [*lines, *(text.format(store=store["store"]) for kind, text in WAITS.items() if kind in waits)]


def _shelf_lines(store: str, shelf: Mapping[str, Any]) -> list[str]:
    owners = {"none": "nobody: report only", "shopify": "Shopify", "shipstation": "ShipStation"}
    head = f"{store}, location {shelf['location']} <-> {shelf['place']}, owned by {owners[shelf['owner']]}"
    counts = f"  {shelf['agreeing']} SKUs agree, {shelf['differing']} differ"
    lines = [head, counts + (f", {shelf['written']} written" if shelf["written"] else "")]
    for one in shelf["differences"][:LISTED]:
        lines.append(f"    {one['sku']:24} {shelf['writes']} {one['before']} -> {one['wanted']}")
    if shelf["differing"] > LISTED:
        lines.append(f"    and {shelf['differing'] - LISTED} more: --json lists 200 of each kind")
    for kind, words in LEFT_ALONE.items():
        if count := shelf[f"{kind}_count"]:
            lines.append(f"  {count} {words}: {', '.join(shelf[kind][:LISTED])}{' ...' if count > LISTED else ''}")
    if shelf["unnamed"]:
        lines.append(f"  {shelf['unnamed']} articles without a SKU")
    lines += [f"  refused: {text}" for text in shelf["refused"][:LISTED]]
    return lines + ([f"  stopped by {shelf['stopped_by']}; the next look goes on"] if shelf["stopped_by"] else [])


LEFT_ALONE = {
    "unknown": "SKUs without stock in ShipStation",
    "unlisted": "SKUs in ShipStation that this location does not stock",
    "doubled": "SKUs of several articles, never guessed",
}
