"""Everything that must be right before orders can flow: one line each, ok or fault, and the cure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from syncd.adapters import SystemClock, SystemRng
from syncd.errors import SyncError
from syncd.http import AiohttpHttp
from syncd.operate.checks import Finding, fault, note, ok, trouble
from syncd.operate.desk import open_vendors, passing_database
from syncd.operate.outbound_checks import check_receivers
from syncd.operate.shipstation_checks import check_expiry, check_key_pairs, check_orders_api, check_shipstation
from syncd.operate.shop_checks import check_store
from syncd.operate.stock_checks import check_stock
from syncd.settings.whole import Settings
from syncd.store.engine import Schema, check_schema
from syncd.store.file_systems import network_warning
from syncd.store.migrations import is_sqlite
from syncd.store.sqlite import file_of
from syncd.wiring import Vendors


async def run_checks(settings: Settings) -> Finding:
    """Each check runs whatever the others found, except that nothing can be asked without a usable database."""
    found = [
        ok("settings", f"{len(settings.stores)} stores"),
        *_database(settings),
        *check_expiry(settings, SystemClock().now().date()),
    ]
    if any(one["check"] == "database" and one["result"] == "fault" for one in found):
        return found
    with _database_for_calls(settings.database.url) as url:
        try:
            async with open_vendors(settings, url) as vendors:
                found += await check_vendors(settings, vendors)
        except SyncError as error:
            found.append(fault("settings", error.text, "Correct the setting that is named."))
    return found + await _receivers(settings)


async def _receivers(settings: Settings) -> Finding:
    http = AiohttpHttp()
    try:
        return await check_receivers(settings.outbound, http, SystemClock(), SystemRng())
    finally:
        await http.close()


def _database_for_calls(url: str) -> AbstractContextManager[str]:
    return passing_database() if check_schema(url) is Schema.EMPTY else nullcontext(url)


async def check_vendors(settings: Settings, vendors: Vendors) -> Finding:
    """Both sides, each whatever the others say."""
    found = await _guarded("shipstation", partial(check_key_pairs, settings, vendors))
    found += await _guarded("shipstation", partial(check_shipstation, settings, vendors))
    if any(store.stock for store in settings.stores.values()):
        found += await _guarded("stock", partial(check_stock, settings, vendors))
    found += await _guarded("orders by V2", partial(check_orders_api, settings, vendors))
    for name, store in settings.stores.items():
        found += await _guarded(f"store {name}", partial(check_store, settings, name, store, vendors.shops[name]))
    return found


async def _guarded(name: str, check: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await check()
    except SyncError as error:
        return [trouble(name, error)]


def _database(settings: Settings) -> Finding:
    url = settings.database.url
    try:
        schema = check_schema(url)
    except Exception as error:
        return [
            fault(
                "database",
                f"cannot be opened ({type(error).__name__})",
                "Check database.url, and that the server or folder is there.",
            )
        ]
    if schema is Schema.AT_HEAD:
        warning = network_warning(file_of(url)) if is_sqlite(url) else ""
        return [ok("database", "schema at head"), *([note("database", warning)] if warning else [])]
    if schema is Schema.EMPTY and is_sqlite(url):
        return [note("database", "empty", "The daemon sets it up at its first start; `syncd migrate` does it now.")]
    if schema is Schema.EMPTY:
        return [fault("database", "empty", "Run `syncd migrate`.")]
    return [
        fault(
            "database",
            f"schema is {schema}",
            "Run `syncd migrate`; if it is newer than this program, start the newer program.",
        )
    ]


def checks_text(checks: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"{one['result']:6}{one['check']}: {one['text']}" + (f"\n      -> {one['cure']}" if one["cure"] else "")
        for one in checks
    )
