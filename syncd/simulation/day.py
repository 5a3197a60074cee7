"""The whole daemon and both vendors in one process: people act, time passes, the daemon is killed, and an account is drawn."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Engine, and_, bindparam, func, select, text

from syncd.duties import Duties
from syncd.intake.server import Webhooks
from syncd.operate.status import list_orders
from syncd.ports import Request
from syncd.sandbox.account import Account, draw_account
from syncd.sandbox.memory import MemoryHttp
from syncd.sandbox.returns_account import judge_returns
from syncd.sandbox.shipstation import ShipStationOptions, ShipStationWorld
from syncd.sandbox.shopify import ShopifyWorld, ShopOptions
from syncd.sandbox.shopify.state import Order
from syncd.sandbox.worlds import Delivery
from syncd.settings.whole import Settings
from syncd.shipstation.webhooks import EVENTS
from syncd.shopify.webhooks import topics_of
from syncd.simulation.courier import Courier, posted
from syncd.simulation.focus import Focus
from syncd.simulation.ports import START, InlineDb, Life, LoopClock, Network, SeededRng
from syncd.simulation.replica import Replica
from syncd.simulation.written import writes_orders
from syncd.store.mark_updates import MARKS
from syncd.store.schema import IS_WAITING, Row
from syncd.store.sqlite import sqlite_engine

SHOP = ShopOptions(routing_delay_s=(0.5, 3.0), risk_delay_s=(0.5, 4.0))
ORDERS_API = "SYNCD_TEST_ORDERS_API"
"""By which API orders go where the settings of a day do not say: whole files of stories are told on V2 by it."""
ON_V2 = os.environ.get(ORDERS_API) == "v2"
ACCOUNT = ShipStationOptions(notify_delay_s=(0.5, 3.0), parts_style="split" if ON_V2 else "labels")
"""V2 tells what is in a parcel by its order alone."""
SECRET = "0123456789abcdef-ship"  # noqa: S105 - opens nothing but the sandbox
PUBLIC = "https://sync.test"
PLAIN = {"all": 0.0}
"""A mixture of sales without any peculiarity: paid, from the first location, to a complete address at home."""

FEED_S = 20.0

IS_NEAR = and_(text(IS_WAITING), MARKS.c.marked_at <= bindparam("b_soon"))
NEAR_MARKS = select(func.count()).select_from(MARKS).where(IS_NEAR)
SOME_NEAR_MARKS = select(MARKS).where(IS_NEAR).limit(3)


def store_settings(**changes: Any) -> dict[str, Any]:
    return {
        "shop": SHOP.domain,
        "url": f"https://shop.test/{SHOP.domain}",
        "client_id": SHOP.client_id,
        "client_secret": SHOP.client_secret,
        "shipstation_store_id": 1001,
        "locations": {"82734627": 501, "82734628": 502},
        **changes,
    }


SECOND_SHOP = replace(SHOP, domain="second-shop.myshopify.com", name="Second Shop")


def second_store(**changes: Any) -> dict[str, Any]:
    """The settings of `SECOND_SHOP`, which counts its orders from #1001 on too."""
    place = {"shop": SECOND_SHOP.domain, "url": f"https://shop.test/{SECOND_SHOP.domain}"}
    return store_settings(**{**place, "shipstation_store_id": 1002, **changes})


def settings_of(**changes: Mapping[str, Any]) -> Settings:
    """Settings for `SHOP`, `ACCOUNT` and feeds that look often; `changes` go over them by group."""
    groups: dict[str, Any] = {
        "server": {"public_url": PUBLIC},
        "shipstation": {
            "api_key": "sandbox-key",
            "api_secret": "sandbox-secret",
            "v1_url": "https://ship.test",
            "v2_api_key": "sandbox-v2-key",
            "v2_url": "https://ship.test",
            "orders_api": "v2" if ON_V2 else "v1",
            "jwks_url": "https://ship.test/jwks",
            "webhook_secret": SECRET,
        },
        "sync": {"start_at": "2000-01-01T00:00:00Z", "order_poll_s": FEED_S, "shipment_poll_s": FEED_S},
        "limits": {"longest_wait_s": 30},
        "stores": {"main": store_settings()},
    }
    for name, change in changes.items():
        groups[name] = {**groups.get(name, {}), **change}
    return Settings.model_validate(groups)


@dataclass
class Fates:
    """What the worlds are like. Set before the day begins."""

    shop: ShopOptions = SHOP
    account: ShipStationOptions = ACCOUNT
    settings: Settings = field(default_factory=settings_of)
    seed: int = 1
    more_shops: tuple[ShopOptions, ...] = ()
    replicas: int = 1
    begin_at: datetime = START
    vendors_ahead_s: float = 0.0
    """How far their clocks are ahead of ours, all day long. Days with webhooks know of no such thing."""


class Day:
    """`first` is the replica that stories tell of; there are more where `Fates.replicas` says so."""

    def __init__(self, fates: Fates | None = None, engine: Engine | None = None) -> None:
        fates = fates or Fates()
        self.settings = fates.settings
        self.clock = LoopClock(begin_at=fates.begin_at)
        self._vendors_ahead = timedelta(seconds=fates.vendors_ahead_s)
        self.shopify = ShopifyWorld(self.vendors_now, fates.seed, (fates.shop, *fates.more_shops))
        self.shipstation = ShipStationWorld(self.vendors_now, fates.seed, fates.account)
        vendors = MemoryHttp({"https://shop.test": self.shopify, "https://ship.test": self.shipstation})
        self.network = Network(vendors, Random(f"{fates.seed} network"))
        self.engine = engine or tables_in_memory()
        self.db = InlineDb(self.engine)
        self.died: list[tuple[str, BaseException]] = []
        """Tasks of the daemon that raised: its own mistakes."""
        self.touched: set[int] = set()
        """Ids of the Shopify orders that the last deed of a person was about. Whoever asks empties it first."""
        self.focus = Focus()
        rng = SeededRng(fates.seed)
        self.replicas = [
            Replica(self.settings, rng, self.network, fates.begin_at, self._task_failed) for _ in range(fates.replicas)
        ]
        self.first = self.replicas[0]
        self.courier = Courier(self.shopify, self.shipstation, self.replicas, self.clock)
        self._courier = asyncio.create_task(self.courier.work())

    # the daemon

    def configure(self, settings: Settings) -> None:
        """Of every life that begins from now on."""
        self.settings = settings
        for replica in self.replicas:
            replica.settings = settings

    @property
    def life(self) -> Life:
        return self.first.life

    @property
    def duties(self) -> Duties | None:
        return self.first.duties

    @property
    def webhooks(self) -> Webhooks:
        """What the port answers, while there is one."""
        assert self.first.webhooks
        return self.first.webhooks

    async def start(self, dies_after: int | None = None, dies_sending: int | None = None) -> None:
        """A new life of the first replica on the same database."""
        await self.first.start(self.db, dies_after, dies_sending)

    def kill(self) -> None:
        self.first.kill()

    async def stop(self) -> None:
        """As SIGTERM does."""
        await self.first.stop()

    async def end(self) -> None:
        """Everything stops, also what still waits in lives that are over. Raises the first mistake of the daemon."""
        for replica in self.replicas:
            replica.bury()
        here = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not here]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.db.close()
        self.engine.dispose()
        if self.died:
            raise self.died[0][1]

    def _task_failed(self, name: str, error: BaseException) -> None:
        self.died.append((name, error))

    async def posted(self, delivery: Delivery) -> int:
        """What the port would answer."""
        return await posted(self.first, delivery)

    # time

    def vendors_now(self) -> datetime:
        return self.clock.now() + self._vendors_ahead

    async def passes(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, is_so: Callable[[], Any | Awaitable[Any]], longest_s: float = 600.0) -> None:
        """Looks every second."""
        ends = self.clock.monotonic() + longest_s
        while True:
            answer = is_so()
            if answer if not asyncio.iscoroutine(answer) else await answer:
                return
            assert self.clock.monotonic() < ends, f"not so after {longest_s} s"
            await asyncio.sleep(1.0)

    async def rest(self, longest_s: float = 900.0, quiet_s: float | None = None) -> None:
        """Until nothing is left to do for `quiet_s`, by default as long as every feed needs to look once more."""
        begun, ends = self.clock.monotonic(), self.clock.monotonic() + longest_s
        quiet_s = quiet_s or self.settings.sync.order_poll_s + 5.0
        while self.clock.monotonic() < begun + quiet_s:
            await asyncio.sleep(1.0)
            if busy := self._busy():
                assert self.clock.monotonic() < ends, f"no rest after {longest_s} s: {busy}"
                begun = self.clock.monotonic()

    def _busy(self) -> str:
        """What is still to be done soon, in words."""
        if not any(replica.is_up for replica in self.replicas):
            return "the daemon does not run"
        soon = (self.clock.now() + timedelta(seconds=60)).replace(microsecond=999_999)
        with self.engine.connect() as connection:
            if count := connection.execute(NEAR_MARKS, {"b_soon": soon}).scalar_one():
                found = connection.execute(SOME_NEAR_MARKS, {"b_soon": soon}).mappings()
                return f"{count} marks wait, such as {[dict(row) for row in found]}"
        doubt = """SELECT step, key FROM journal WHERE outcome IN ('intended', 'unknown')
            AND NOT EXISTS (SELECT 1 FROM marks WHERE marked > settled AND marked <= parked)
            AND NOT EXISTS (SELECT 1 FROM orders WHERE state = 'parked' AND (orders.store, orders.order_id) = (journal.store, journal.order_id))"""
        return str(self.rows("SELECT topic FROM deliveries") or self.rows(doubt) or "")

    # people

    def sell(self, count: int = 1, **wishes: Any) -> list[int]:
        """Plain orders unless `mix` says otherwise. Their ids."""
        mix = {**PLAIN, **wishes.pop("mix", {})}
        return self.shopify.people.sell(count=count, mix=mix, **wishes)

    def sold(self) -> dict[int, Order]:
        """Every Shopify order of every shop, by its id."""
        shops = [self.shopify.people.shop(domain) for domain in self.shopify.shops]
        return {order.id: order for shop in shops for order in shop.orders.values()}

    def is_subscribed(self) -> bool:
        stores = self.settings.stores.values()
        known = [len(self.shopify.shops[store.shop].outbox.subscriptions) for store in stores]
        enough = known == [len(topics_of(store)) for store in stores] and len(
            self.shipstation.webhooks.subscriptions
        ) == len(EVENTS)
        return enough or not self.settings.server.public_url

    # books

    def execute(self, statement: str) -> None:
        """By hand, behind the daemon's back."""
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def rows(self, statement: str) -> list[Mapping[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(statement))]

    async def told(self) -> dict[int, dict[str, Any]]:
        """Order id -> what `syncd status --orders` says of it."""
        return {int(one["ref"].rpartition("/")[2]): one for one in await self._orders()}

    async def _orders(self) -> list[dict[str, Any]]:
        """Nothing goes wrong while we judge."""
        books = InlineDb(self.engine)
        try:
            return await list_orders(books)
        finally:
            books.close()

    async def cause(self, order_id: int) -> str:
        told = (await self.told()).get(order_id)
        return str(told["cause"]) if told else ""

    async def account(self) -> Account:
        return draw_account(self.shopify.state(), self.shipstation.state(), await self._orders())

    async def assert_clean(self) -> Account:
        """Nothing lost, doubled or unexplained; one fulfillment and one mail for each package; no 429."""
        account = await self.account()
        assert account.is_clean, account
        assert account.refused_429 == 0
        assert self.over_fulfilled() == []
        assert self.wrong_returns() == []
        return account

    def wrong_returns(self) -> list[str]:
        policies = {store.shop: store.returns.model_dump() for store in self.settings.stores.values()}
        told = self.rows("SELECT return_key, order_id, received_by, approved, outcome, detail FROM returns")
        return judge_returns(self.shopify.state(), self.shipstation.state(), policies, told)

    def over_fulfilled(self) -> list[str]:
        return [
            f"{order['name']} line {line['id']}"
            for shop in self.shopify.state()["shops"].values()
            for order in shop["orders"]
            for line in order["lines"]
            if line["fulfilled"] > line["quantity"]
        ]

    def order(self, order_id: int) -> dict[str, Any]:
        shops = self.shopify.state()["shops"].values()
        found: dict[str, Any] = next(one for shop in shops for one in shop["orders"] if one["id"] == order_id)
        return found

    def there(self, order_id: int) -> list[dict[str, Any]]:
        """The ShipStation orders of one Shopify order, cancelled ones too."""
        orders = self.shipstation.state()["orders"].values()
        return [order for order in orders if order["orderKey"].split("-")[1:2] == [str(order_id)]]

    def fulfillments(self, order_id: int) -> list[dict[str, Any]]:
        return [one for one in self.order(order_id)["fulfillments"] if one["status"] == "SUCCESS"]

    def calls(self, kind: str) -> list[Request]:
        """Requests that arrived: `createorders`, by either API, `fulfillmentCreate` or another part of their address or document."""
        if kind == "createorders":
            return [one for one in self.network.sent if writes_orders(one)]
        return [one for one in self.network.sent if kind in one.url or kind.encode() in (one.body or b"")]

    def writes(self) -> int:
        """Calls that change goods at a vendor."""
        return len(self.calls("createorders")) + len(self.calls("fulfillmentCreate"))


def tables_in_memory() -> Engine:
    engine = sqlite_engine("sqlite://", in_memory=True)
    Row.metadata.create_all(engine)
    return engine
