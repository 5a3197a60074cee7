"""Marked articles -> ShipStation's products: each is looked at again on both sides, and its product replaced whole, with ours in it.

There is no comparison and no version at the vendor: what somebody changes there between our look and our PUT, some hundred
milliseconds later, is lost. So every PUT is made of a look of its own, and none is ever sent twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from mappings.catalog import Article, CatalogMode, Link, changed_product, differing, is_plain, wish_digest
from syncd.accounts import Accounts
from syncd.budget import Call, Urgency
from syncd.errors import AccessError, RejectedError, SyncError, UncertainError
from syncd.flows.leases import kept
from syncd.flows.looks import outcome_of
from syncd.flows.settle import closed_entry
from syncd.flows.work import Outcome, Result
from syncd.hints import order_subject, split_subject
from syncd.logs import get_logger
from syncd.ports import Clock, Db, Rng
from syncd.shipstation.client import ACCOUNT, ShipStationClient
from syncd.shipstation.products import product_by_id, products_of_sku, put_product
from syncd.shopify.catalog import articles_of
from syncd.shopify.client import ShopifyClient
from syncd.store.catalog import drop_links, links_of, note_written
from syncd.store.journal import ClosedEntry, NewEntry, close_intents, open_entries, open_intents
from syncd.store.marks import Claimed, claim, defer, give_back, park, renew, settle
from syncd.store.transaction import Work, together
from syncd.waiting import first_of, growing_wait_s

log = get_logger("catalog")

NAME = "catalog"
STEP = "put_product"
AT_ONCE = 20
"""Articles of one claim: a read of Shopify brings them all, ShipStation takes two calls for each."""


@dataclass(frozen=True)
class CatalogBounds:
    """`settles_s`: how long a PUT without an answer may still be carried out."""

    lease_s: float
    fold_s: float
    idle_s: float
    longest_wait_s: float
    settles_s: float


class CatalogWriter:
    """Works on what was marked, of the stores whose mode is push. `wake` makes it look at once."""

    def __init__(
        self,
        modes: Mapping[str, CatalogMode],
        shops: Mapping[str, ShopifyClient],
        shipstation: ShipStationClient,
        accounts: Accounts,
        db: Db,
        clock: Clock,
        rng: Rng,
        bounds: CatalogBounds,
    ) -> None:
        self._modes = modes
        self._shops = shops
        self._shipstation = shipstation
        self._accounts = accounts
        self._db = db
        self._clock = clock
        self._rng = rng
        self._bounds = bounds
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            self._wake.clear()
            try:
                worked = await self._do_some(stopping)
            except SyncError as error:
                log.warning("catalog.postponed", error_code=error.code, error_text=error.text)
                worked = 0
            if not worked:
                await first_of(self._clock, self._bounds.idle_s, self._wake, stopping)

    async def _do_some(self, stopping: asyncio.Event) -> int:
        if self._accounts.refusal(ACCOUNT):
            return 0
        token, bounds = self._rng.token(), self._bounds
        now = self._clock.now()
        claimed = await self._db.run(claim(NAME, AT_ONCE, now, token, bounds.lease_s, bounds.fold_s))
        by_store: dict[str, list[Claimed]] = {}
        for one in claimed:
            by_store.setdefault(split_subject(one.subject)[0], []).append(one)
        for store, marks in by_store.items():
            await self._of_store(store, marks, token, stopping)
        return len(claimed)

    async def _of_store(self, store: str, marks: Sequence[Claimed], token: str, stopping: asyncio.Event) -> None:
        item_ids = [split_subject(one.subject)[1] for one in marks]
        articles: Mapping[int, Article] = {}
        if self._modes.get(store) == "push":
            client = self._shops[store]
            try:
                articles = await articles_of(client, item_ids)
            except SyncError as error:
                for one in marks:
                    await self._fail(one, token, await self._outcome(error))
                return
            await self._accounts.answered(client.account, NAME)
        links, doubts = await self._db.run(together(links_of(store, item_ids), _doubts(store, item_ids)))
        for one, item_id in zip(marks, item_ids, strict=True):
            until = self._clock.now() + timedelta(seconds=self._bounds.lease_s)
            if stopping.is_set():
                await self._db.run(give_back(NAME, [one.subject], token))
            elif await self._db.run(renew(NAME, [one.subject], token, until)):
                link = Link(*links[item_id]) if item_id in links else None
                await self._one(one, token, articles.get(item_id), link, doubts.get(item_id, ()))

    async def _one(
        self, one: Claimed, token: str, article: Article | None, link: Link | None, doubts: Sequence[int]
    ) -> None:
        """What has no product waits for its first order; whose product it is cannot be told while another has its SKU.
        `doubts`: journal entries of it without an outcome, which this look ends."""
        outcome = Outcome(Result.CONFIRMED)
        if article and link and is_plain(article) and (doubts or link.written != wish_digest(article)):
            async with kept(self._db, self._clock, NAME, token, [one.subject], self._bounds.lease_s):
                outcome = await self._brought_about(token, article, link)
        if outcome.result is Result.CONFIRMED:
            ended = close_intents([ClosedEntry(entry_id, "abandoned") for entry_id in doubts], self._clock.now())
            await self._db.run(together(settle(NAME, [one], token), ended))
        else:
            await self._fail(one, token, outcome)

    async def _brought_about(self, token: str, article: Article, link: Link) -> Outcome:
        try:
            # before the look: on a busy day windows go by until an article has its turn
            turn = await self._shipstation.budget.grant(Urgency.CATALOG)
            product, names = await self._looked_at(article, link, turn)
            outcome = Outcome(Result.CONFIRMED)
            if names:
                outcome = await self._put(token, article, link, product, names, turn)
        except SyncError as error:
            return await self._outcome(error)
        except Exception:  # our mistake about one article must not end the work on all others
            log.exception("catalog.failed", store=link.store, sku=article.sku)
            return Outcome(Result.REFUSED, "bug", "the work failed")
        await self._accounts.answered(ACCOUNT, NAME)
        return outcome

    async def _looked_at(self, article: Article, link: Link, turn: Call) -> tuple[dict[str, Any], Sequence[str]]:
        """The product, and the names of what is to be changed: nothing where another product has the SKU by now. Then the turn is
        given back."""
        names: Sequence[str] = ()
        try:
            product = await product_by_id(self._shipstation, link.product_id)
            if product and "sku" in differing(article, product):
                if await products_of_sku(self._shipstation, article.sku):
                    return product, names
                # once more: that question had to wait for its turn, and a PUT carries all that was read
                product = await product_by_id(self._shipstation, link.product_id)
            names = await self._to_change(article, link, product)
            return product or {}, names
        finally:
            if not names:
                await self._shipstation.budget.unsent(turn)

    async def _to_change(self, article: Article, link: Link, product: dict[str, Any] | None) -> Sequence[str]:
        """None for what lost its own product: the next look finds another one."""
        if product is None:
            await self._db.run(drop_links([link.product_id]))
            return ()
        names = differing(article, product)
        if not names:
            await self._db.run(note_written(link, wish_digest(article)))
        return names

    async def _put(
        self, token: str, article: Article, link: Link, product: dict[str, Any], names: Sequence[str], turn: Call
    ) -> Outcome:
        body = changed_product(article, product)
        facts = {"sku": article.sku, "changes": {name: [str(product.get(name)), str(body[name])] for name in names}}
        entry = NewEntry(token, NAME, link.store, link.item_id, STEP, f"product/{link.product_id}", json.dumps(facts))
        until = self._clock.now() + timedelta(seconds=self._bounds.lease_s)
        entry_id = await self._db.run(_intend_if_ours(entry, self._clock.now(), until))
        if entry_id is None:
            await self._shipstation.budget.unsent(turn)
            return Outcome(Result.POSTPONED, "taken_over", "another replica works on this article")
        try:
            await put_product(self._shipstation, body, turn)
            if "sku" in names:
                await self._refuse_kept_sku(article, link)
            outcome = Outcome(Result.CONFIRMED)
        except SyncError as error:
            outcome = await self._outcome(error)
        works: list[Work[Any]] = [close_intents([closed_entry(entry_id, outcome)], self._clock.now())]
        if outcome.result is Result.CONFIRMED:
            works.append(note_written(link, wish_digest(article)))
        await self._db.run(together(*works))
        _tell(link, article, names, outcome)
        return outcome

    async def _refuse_kept_sku(self, article: Article, link: Link) -> None:
        """Whether a PUT renames is not documented: a vendor that does not is told of instead of being asked for ever."""
        try:
            product = await product_by_id(self._shipstation, link.product_id)
        except SyncError as error:
            raise UncertainError(error.code, error.text) from error
        if product is not None and product.get("sku") != article.sku:
            raise RejectedError(
                "sku_kept", f"ShipStation keeps the SKU {product.get('sku')} of product {link.product_id}"
            )

    async def _outcome(self, error: SyncError) -> Outcome:
        if isinstance(error, AccessError):
            await self._accounts.lost(error, NAME)
        return outcome_of(error, self._accounts.probe_s)

    async def _fail(self, one: Claimed, token: str, outcome: Outcome) -> None:
        """Parked where ShipStation refuses it; else deferred, each time for longer."""
        bounds, subject = self._bounds, one.subject
        if outcome.result is Result.REFUSED:
            await self._db.run(park(NAME, {subject: (outcome.code, outcome.text)}, token))
            return
        least_s = bounds.settles_s if outcome.result is Result.UNKNOWN else outcome.wait_s or 0.0
        wait_s = max(least_s, growing_wait_s(one.attempts, bounds.longest_wait_s, self._rng))
        retry_at = self._clock.now() + timedelta(seconds=wait_s)
        await self._db.run(defer(NAME, {subject: (retry_at, outcome.code, outcome.text)}, token, outcome.cause is None))


def _doubts(store: str, item_ids: Sequence[int]) -> Work[dict[int, list[int]]]:
    """By item id: entries of the journal of which nobody knows whether they were carried out."""

    def work(session: Session) -> dict[int, list[int]]:
        found = open_entries([(store, item_id) for item_id in item_ids])(session)
        return {ref[1]: [entry.id or 0 for entry in rows if entry.flow == NAME] for ref, rows in found.items()}

    return work


def _intend_if_ours(entry: NewEntry, now: datetime, until: datetime) -> Work[int | None]:
    """The id, or None where another took the article over while it waited for its turn: who lost its mark could write what is older,
    and nobody would ever look what came of it."""
    subject = order_subject(entry.store, entry.order_id)

    def work(session: Session) -> int | None:
        if not renew(NAME, [subject], entry.batch_id, until)(session):
            return None
        (entry_id,) = open_intents([entry], now)(session)
        return entry_id

    return work


def _tell(link: Link, article: Article, names: Sequence[str], outcome: Outcome) -> None:
    is_done = outcome.result is Result.CONFIRMED
    (log.info if is_done else log.warning)(
        "product.updated" if is_done else f"step.{outcome.result}",
        store=link.store,
        sku=article.sku,
        product_id=link.product_id,
        fields=list(names),
        error_code=outcome.code or None,
        error_text=outcome.text or None,
    )
