"""By hand: compare Shopify's articles with ShipStation's products, and have written what differs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from syncd.accounts import Accounts
from syncd.adapters import SystemRng
from syncd.errors import RejectedError
from syncd.flows.catalog import NAME
from syncd.flows.catalog_look import CatalogLook, reports_of
from syncd.intake.shifts import Shift
from syncd.operate.desk import Desk
from syncd.operate.in_turn import in_turn
from syncd.ports import Db
from syncd.store.marks import parked_marks
from syncd.wiring import catalog_look, catalog_modes

LISTED = 20

LEFT_ALONE = {
    "missing": "SKUs that ShipStation does not know yet: their first order makes the product",
    "doubled": "SKUs of several articles or products, never guessed",
    "weightless": "SKUs without a weight in Shopify",
}


async def check_catalog(desk: Desk, stores: Sequence[str]) -> dict[str, Any]:
    """Both sides as they are now. Writes nothing, not even to our rows."""
    chosen = _chosen(desk, stores)
    reports = dict(reports_of(await _look(desk, desk.db).look()))
    refused = await _refused(desk)
    return {"stores": [{"store": one, **json.loads(reports[one]), "refused": refused.get(one, [])} for one in chosen]}


async def push_catalog(desk: Desk, stores: Sequence[str]) -> dict[str, Any]:
    """Has the daemon write whatever differs now, also what was refused before or changed in ShipStation since."""
    chosen, modes = _chosen(desk, stores), catalog_modes(desk.settings)
    for store in chosen:
        if modes[store] != "push":
            raise RejectedError("catalog_not_pushed", f'set stores.{store}.catalog = "push"; it is "{modes[store]}"')
    shift = Shift(NAME, desk.db, desk.clock, SystemRng())
    run: Callable[[], Awaitable[int]] = partial(_look(desk, shift).run, forced=chosen)
    marked = await in_turn(desk, shift, run)
    return {"stores": chosen, "busy": marked is None, "marked": marked or 0}


async def _refused(desk: Desk) -> dict[str, list[str]]:
    """By store: what ShipStation refused, in its words. It is tried again once Shopify changes it."""
    found: dict[str, list[str]] = {}
    for one in await desk.db.run(parked_marks()):
        if one.flow == NAME:
            store, _, item = one.subject.rpartition("/")
            found.setdefault(store, []).append(f"article {item}: {one.error_code}: {one.error_text}")
    return found


def _chosen(desk: Desk, stores: Sequence[str]) -> list[str]:
    """All that are not off, where nobody chose."""
    known = list(catalog_modes(desk.settings))
    if not known:
        raise RejectedError("catalog_off", 'no store follows its articles; set stores.<name>.catalog = "report"')
    if unknown := [store for store in stores if store not in known]:
        raise RejectedError(
            "catalog_off", f"store {unknown[0]} is off or unknown; those that are on: {', '.join(known)}"
        )
    return list(stores) or known


def _look(desk: Desk, db: Db) -> CatalogLook:
    look = catalog_look(desk.settings, desk.vendors, Accounts(desk.db, desk.clock), db, desk.clock)
    assert look is not None, "somebody is chosen"
    return look


def is_different(answer: Mapping[str, Any]) -> bool:
    return any(store["unread"] or store["differing_count"] or store["edited_count"] for store in answer["stores"])


def check_text(answer: Mapping[str, Any]) -> str:
    return "\n".join(line for store in answer["stores"] for line in _store_lines(store))


def push_text(answer: Mapping[str, Any]) -> str:
    if answer["busy"]:
        return "The daemon has been looking at the catalogue all the time: run this again in a few minutes."
    return f"{answer['marked']} articles to be written. The daemon does it, with two or three calls for each."


def _store_lines(store: Mapping[str, Any]) -> list[str]:
    if store["unread"]:
        return [f"{store['store']}: cannot be read: {store['unread']}"]
    lines = [f"{store['store']}: {store['agreeing']} products agree, {store['differing_count']} differ"]
    lines += [f"    {one['sku']:24} {', '.join(one['fields'])}" for one in store["differing"][:LISTED]]
    if store["edited_count"]:
        lines.append(
            f"  {store['edited_count']} were changed in ShipStation since, and stay so until `syncd catalog push`"
        )
        lines += [f"    {one['sku']:24} {', '.join(one['fields'])}" for one in store["edited"][:LISTED]]
    for kind, words in LEFT_ALONE.items():
        if count := store[f"{kind}_count"]:
            lines.append(f"  {count} {words}: {', '.join(store[kind][:LISTED])}{' ...' if count > LISTED else ''}")
    if store["unnamed"]:
        lines.append(f"  {store['unnamed']} articles without a SKU")
    return lines + [f"  refused: {text}" for text in store["refused"][:LISTED]]
