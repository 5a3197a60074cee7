"""A slow look at all articles and all products: whose product each is, what differs, and what ShipStation does not know.

It writes to no vendor. What is to be changed it marks; `CatalogWriter` looks again at each by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.catalog import (
    Article,
    CatalogMode,
    CatalogPlanner,
    Link,
    Pair,
    Product,
    StorePlan,
    links_after,
    product_of,
)
from syncd.accounts import Accounts
from syncd.errors import AccessError, SyncError
from syncd.flows.catalog import NAME
from syncd.hints import Lane, Mark, order_subject
from syncd.ports import Clock, Db
from syncd.shipstation.client import ACCOUNT, ShipStationClient
from syncd.shipstation.products import products
from syncd.shopify.catalog import articles
from syncd.shopify.client import ShopifyClient
from syncd.store.catalog import all_links, drop_links, keep_links, keep_look
from syncd.store.marks import mark, parked_marks
from syncd.store.transaction import together

MOST_LISTED = 200
"""Of each kind; the counts are of all."""
ROWS_AT_ONCE = 200
PLANNED_AT_ONCE = 50
"""Articles: webhooks want their answers in between."""


@dataclass(frozen=True)
class Seen:
    """One look: the plans of the stores that could be read, why the others could not, and the links as they were and are."""

    plans: tuple[StorePlan, ...]
    unread: Mapping[str, SyncError]
    before: tuple[Link, ...]
    after: tuple[Link, ...]


class CatalogLook:
    """`modes`: of the stores that look at their catalogue. `db` is that of the shift in the daemon."""

    def __init__(
        self,
        modes: Mapping[str, CatalogMode],
        shops: Mapping[str, ShopifyClient],
        shipstation: ShipStationClient,
        accounts: Accounts,
        db: Db,
        clock: Clock,
    ) -> None:
        self._modes = modes
        self._shops = shops
        self._shipstation = shipstation
        self._accounts = accounts
        self._db = db
        self._clock = clock

    async def look(self) -> Seen:
        """Reads both vendors to their end. Products first: one that comes into being meanwhile is found the next time."""
        there: list[Product] = []
        async for page in products(self._shipstation):
            there += [product_of(row) for row in page.rows]
        await self._accounts.answered(ACCOUNT, NAME)
        unread: dict[str, SyncError] = {}
        here: dict[str, list[Article]] = {}
        for store in self._modes:
            found = await self._articles(store)
            if isinstance(found, SyncError):
                unread[store] = found
            else:
                here[store] = found
        links = [link for row in await self._db.run(all_links()) if (link := Link(*row)).store in self._modes]
        plans = await self._planned(CatalogPlanner(here, there, links), here)
        return Seen(plans, unread, tuple(links), tuple(links_after(here, links, plans)))

    async def run(self, forced: Sequence[str] = ()) -> int:
        """How many articles were marked. `forced`: stores of which a person wants everything that differs to be written."""
        seen = await self.look()
        await self._remember(seen, forced)
        marked = 0
        for plan in seen.plans:
            if self._modes[plan.store] == "push":
                marked += await self._mark(plan, seen.before, plan.store in forced)
        reports = [keep_look(store, report, self._clock.now()) for store, report in reports_of(seen)]
        await self._db.run(together(*reports))
        return marked

    async def _planned(self, planner: CatalogPlanner, here: Mapping[str, Sequence[Article]]) -> tuple[StorePlan, ...]:
        for store, listed in here.items():
            for number, article in enumerate(listed):
                planner.judge(store, article)
                if number % PLANNED_AT_ONCE == 0:
                    await self._clock.sleep(0)
        return tuple(planner.plans.values())

    async def _articles(self, store: str) -> list[Article] | SyncError:
        """One store that cannot be read is no reason to leave the others alone."""
        client = self._shops[store]
        if refusal := self._accounts.refusal(client.account):
            return refusal
        try:
            found = [article async for page in articles(client) for article in page]
        except SyncError as error:
            if isinstance(error, AccessError):
                await self._accounts.lost(error, NAME)
            return error
        await self._accounts.answered(client.account, NAME)
        return found

    async def _remember(self, seen: Seen, forced: Sequence[str]) -> None:
        edited = {pair.product.product_id for plan in seen.plans if plan.store in forced for pair in plan.edited}
        after = [link._replace(written=None) if link.product_id in edited else link for link in seen.after]
        known, kept = set(seen.before), {(link.product_id, link.store, link.item_id) for link in after}
        gone = [link.product_id for link in seen.before if link[:3] not in kept]
        for start in range(0, len(gone), ROWS_AT_ONCE):
            await self._db.run(drop_links(gone[start : start + ROWS_AT_ONCE]))
        new = [link for link in after if link not in known]
        for start in range(0, len(new), ROWS_AT_ONCE):
            await self._db.run(keep_links(new[start : start + ROWS_AT_ONCE]))

    async def _mark(self, plan: StorePlan, before: Sequence[Link], is_forced: bool) -> int:
        """What was refused stays parked until Shopify changes it, it has another product, or a person wants it tried again."""
        parked = {one.subject for one in await self._db.run(parked_marks()) if one.flow == NAME and not is_forced}
        due = [*plan.due, *(plan.edited if is_forced else ())]
        known = {(link.item_id, link.product_id) for link in before if link.store == plan.store}
        marks = []
        for pair in due:
            subject = order_subject(plan.store, pair.article.item_id)
            if subject not in parked or (pair.article.item_id, pair.product.product_id) not in known:
                marks.append(Mark(NAME, subject, Lane.BACKFILL))
        for start in range(0, len(marks), ROWS_AT_ONCE):
            await self._db.run(mark(marks[start : start + ROWS_AT_ONCE], self._clock.now()))
        return len(marks)


def reports_of(seen: Seen) -> list[tuple[str, str]]:
    """(store, JSON) for each store that was to be looked at."""
    found: dict[str, dict[str, Any]] = {store: {"unread": str(error)} for store, error in seen.unread.items()}
    found |= {plan.store: {"unread": "", **_report(plan)} for plan in seen.plans}
    return [(store, json.dumps(report, ensure_ascii=False)) for store, report in sorted(found.items())]


def _report(plan: StorePlan) -> dict[str, Any]:
    return {
        "agreeing": sum(not pair.differing for pair in plan.pairs),
        **_pairs("differing", plan.due),
        **_pairs("edited", plan.edited),
        **_skus("missing", plan.missing),
        **_skus("doubled", plan.doubled),
        **_skus("weightless", plan.weightless),
        "unnamed": plan.unnamed,
    }


def _pairs(name: str, pairs: Sequence[Pair]) -> dict[str, Any]:
    listed = [
        {"sku": one.article.sku, "product": one.product.product_id, "fields": list(one.differing)}
        for one in pairs[:MOST_LISTED]
    ]
    return {f"{name}_count": len(pairs), name: listed}


def _skus(name: str, skus: Sequence[str]) -> dict[str, Any]:
    return {f"{name}_count": len(skus), name: sorted(skus)[:MOST_LISTED]}
