"""Where the commands beside the daemon work: the same database, the same clients, and ORDER as people write it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryDirectory

from syncd.adapters import SystemClock, SystemRng
from syncd.errors import RejectedError, SyncError
from syncd.http import AiohttpHttp
from syncd.ports import Clock, Db
from syncd.settings.whole import Settings
from syncd.shopify.reads import order_ids_by_name
from syncd.store.consignments import stores_of_orders
from syncd.store.engine import open_db, open_inbox
from syncd.store.migrations import migrate
from syncd.store.orders import orders_by_name
from syncd.store.statements import OrderRef
from syncd.wiring import Vendors, connect, start_of_sync

SHOPIFY_PREFIX = "SHOPIFY-"
"""How help desks like to write the numbers of this vendor's orders."""
SHORTEST_ID = 9
"""Order numbers have fewer digits, Shopify's order ids more."""


@dataclass(frozen=True)
class Desk:
    settings: Settings
    db: Db
    inbox: Db
    """With the webhooks."""
    clock: Clock
    vendors: Vendors
    start_at: datetime


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Raises `SyncError` when the database cannot be used."""
    db, http, clock = open_db(settings.database.url), AiohttpHttp(), SystemClock()
    inbox = open_inbox(settings.database.url, db)
    try:
        vendors = connect(settings, http, db, clock, SystemRng())
        yield Desk(settings, db, inbox, clock, vendors, await start_of_sync(settings, db, clock))
    finally:
        await http.close()
        await inbox.close()
        await db.close()


@asynccontextmanager
async def open_vendors(settings: Settings, database_url: str) -> AsyncIterator[Vendors]:
    """The clients alone, with their budgets in that database. Raises `SyncError` when it cannot be used."""
    db, http = open_db(database_url), AiohttpHttp()
    try:
        yield connect(settings, http, db, SystemClock(), SystemRng())
    finally:
        await http.close()
        await db.close()


@contextmanager
def passing_database() -> Iterator[str]:
    """Where a few calls are counted before there is a database: no daemon has any to count yet."""
    with TemporaryDirectory(prefix="syncd-") as folder:
        url = f"sqlite:///{folder}/syncd.db"
        migrate(url)
        yield url


async def find_order(desk: Desk, text: str) -> OrderRef:
    """`#1001`, `1001`, `SHOPIFY-1001`, `main/6832000000000`, an order id or a gid. Raises `RejectedError` when it is not one order of one store."""
    text = text.strip().removeprefix("gid://shopify/Order/")
    if text.upper().startswith(SHOPIFY_PREFIX):
        text = text[len(SHOPIFY_PREFIX) :]
    stores = list(desk.vendors.shops)
    store, slash, number = text.rpartition("/")
    if slash and number.isdigit():
        if store not in stores:
            raise RejectedError("order_unknown", f"there is no store {store!r}; the settings have {', '.join(stores)}")
        return store, int(number)
    if text.isdigit() and len(text) >= SHORTEST_ID:
        found = await desk.db.run(stores_of_orders(stores, [int(text)]))
        return await _only([(store, int(text)) for store in ([found[int(text)]] if found else stores)], text)
    return await _only(await _by_name(desk, text), text)


async def _by_name(desk: Desk, text: str) -> list[OrderRef]:
    """What we remember first; then every shop is asked, by the name as typed and with Shopify's usual #."""
    names = list(dict.fromkeys([text, f"#{text.lstrip('#')}"]))
    for name in names:
        if rows := await desk.db.run(orders_by_name(name)):
            return [(row.store, row.order_id) for row in rows]
    found: list[OrderRef] = []
    for store, client in desk.vendors.shops.items():
        for name in names:
            try:
                found += [(store, order_id) for order_id in await order_ids_by_name(client, name)]
            except SyncError as error:
                raise RejectedError(
                    "order_unknown", f"{text} is not known here, and store {store} cannot be asked: {error}"
                ) from error
    return list(dict.fromkeys(found))


async def _only(found: list[OrderRef], text: str) -> OrderRef:
    if not found:
        raise RejectedError("order_unknown", f"no store has an order {text}")
    if len(found) > 1:
        choices = ", ".join(f"{store}/{order_id}" for store, order_id in found)
        raise RejectedError("order_ambiguous", f"{text} could be {choices}; name one of them")
    return found[0]
