"""The catalogue: the shop's articles, ShipStation's products, and what people change on both sides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from mappings.catalog import OURS
from syncd.errors import SyncError
from syncd.operate.catalog import check_catalog, push_catalog
from syncd.ports import Request
from syncd.sandbox.shipstation.records import Product
from syncd.sandbox.shipstation.v1_documents import product_document
from syncd.sandbox.shopify.state import Variant
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of
from syncd.simulation.people import pick
from syncd.simulation.sidelines.sideline import Deed, Sideline

THEIRS = ("warehouseLocation", "internalNotes")
SCAN_S = 120.0
LONGEST_S = 2 * 3600.0
LATE_S = 100.0
"""A PUT may be so long on its way: what the warehouse changed meanwhile is overwritten, as the documentation says."""


class Articles(Sideline):
    """`edited_at`: when somebody in the warehouse last changed a member of a product."""

    def __init__(self, day: Day, arrives_s: float = LATE_S) -> None:
        self.edited_at: dict[tuple[int, str], float] = {}
        self.deeds: Mapping[str, Deed] = {deed.__name__: deed for deed in (self.edit, self.rename, self.move_shelf)}
        self.day = day
        self._arrives_s = arrives_s
        self._broken: list[str] = []

    def arrives(self, request: Request) -> None:
        """No PUT changes what is not ours."""
        if request.method != "PUT" or "/products/" not in request.url:
            return
        body = json.loads(request.body or b"{}", parse_float=Decimal)
        there = self.day.shipstation.account.product(int(request.url.rpartition("/")[2]))
        now = self.day.clock.monotonic()
        for name, value in product_document(there).items():
            edited_at = self.edited_at.get((there.product_id, name), -self._arrives_s)
            is_ours = name in OURS or name == "modifyDate"
            if not is_ours and body.get(name) != value and now - edited_at >= self._arrives_s:
                self._broken.append(f"catalog: {now:.0f}: {name} of {there.sku} from {value} to {body.get(name)}")

    async def settle(self) -> None:
        """A person takes the shop's side of what was changed on both, and waits until it is so."""
        ends = self.day.clock.monotonic() + LONGEST_S
        await self._pushed()
        await self.day.passes(2 * SCAN_S)
        while await self.judge() and self.day.clock.monotonic() < ends:
            await self._pushed()
            await self.day.passes(SCAN_S)

    async def judge(self) -> list[str]:
        """Every product that is there says what its article says."""
        try:
            stores = (await check_catalog(await desk_of(self.day), []))["stores"]
        except SyncError as error:
            return [f"catalog: not readable: {error}"]
        kinds = ("differing", "edited", "refused", "doubled")
        unread = [f"catalog: not readable: {one['unread']}" for one in stores if one["unread"]]
        return unread or [f"catalog: {kind} {one[kind]}" for one in stores for kind in kinds if one[kind]]

    def broken(self) -> list[str]:
        return list(self._broken)

    async def _pushed(self) -> None:
        while True:
            try:
                await push_catalog(await desk_of(self.day), ["main"])
                return
            except SyncError:
                await self.day.passes(5.0)

    # people

    def edit(self, number: int) -> None:
        variant = pick(articles(self.day), number)
        changes: list[dict[str, Any]] = [
            {"grams": 100 + number},
            {"title": f"Name {number}"},
            {"barcode": f"{number:013d}"},
            {"harmonized_system_code": f"69{number:04d}", "country_code_of_origin": "PT"},
        ]
        self.day.shopify.people.edit_article(variant.id + 1, **changes[number // 11 % 4])

    def rename(self, number: int) -> None:
        variant = pick(articles(self.day), number)
        self.day.shopify.people.edit_article(variant.id + 1, sku=f"NEW-{variant.id % 1000}-{number}")

    def move_shelf(self, number: int) -> None:
        """Somebody in the warehouse changes what is the warehouse's, and sometimes what is ours too."""
        there = pick(products(self.day), number)
        changes: dict[str, Any] = {THEIRS[number % 2]: f"shelf {number}"}
        weight = Decimal(number + 1) if number % 3 == 0 else there.weight_oz
        for name in changes:
            self.edited_at[there.product_id, name] = self.day.clock.monotonic()
        details = {**there.details, **changes}
        self.day.shipstation.account.put_product(replace(there, details=details, weight_oz=weight))


def articles(day: Day) -> list[Variant]:
    shop = day.shopify.people.shop(None)
    return [one for _, one in sorted(shop.variants.items()) if one.sku and one.requires_shipping]


def products(day: Day) -> list[Product]:
    return sorted(day.shipstation.account.products.values(), key=lambda one: one.product_id)
