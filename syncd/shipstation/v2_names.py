"""Ids by which the two APIs call the same carrier and the same tag, asked for when one is met that is not known yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from mappings.keys import split_order_key
from mappings.v2_documents import Names
from syncd.budget import Urgency
from syncd.errors import SyncError
from syncd.ports import Clock
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.reads import tag_names
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_reads import carriers

ASKED_AGAIN = timedelta(hours=1)
"""What nobody knows is not asked for again sooner."""


class KnownNames:
    """`currencies`: store -> that of its amounts. Tags are made by people, and only V1 tells which number which name has."""

    def __init__(
        self, v2: ShipStationV2Client, v1: ShipStationClient, clock: Clock, currencies: Mapping[str, str]
    ) -> None:
        self._v2 = v2
        self._v1 = v1
        self._clock = clock
        self._currencies = currencies
        self._carriers: Mapping[str, str] = {}
        self._tags: Mapping[int, str] = {}
        self._asked_at: dict[str, datetime] = {}

    async def of_documents(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Learns what is needed to write these."""
        rows = list(documents)
        if {row["carrierCode"] for row in rows if row.get("carrierCode")} - self._carriers.keys():
            await self._learn_carriers()
        if {tag_id for row in rows for tag_id in row.get("tagIds") or ()} - self._tags.keys():
            await self._learn_tags()

    async def of_shipments(self, shipments: Iterable[Mapping[str, Any]]) -> Names:
        """Learns what is needed to read these."""
        rows = list(shipments)
        if {row["carrier_id"] for row in rows if row.get("carrier_id")} - set(self._carriers.values()):
            await self._learn_carriers()
        if {tag["name"] for row in rows for tag in row.get("tags") or () if tag.get("name")} - set(self._tags.values()):
            await self._learn_tags()
        return self.of_order(None)

    def of_order(self, order_key: str | None) -> Names:
        parts = split_order_key(order_key)
        return Names(self._currencies.get(parts[0], "") if parts else "", self._carriers, self._tags)

    async def _learn_carriers(self) -> None:
        if self._may_ask("carriers"):
            self._carriers = {one.code: one.carrier_id for one in await carriers(self._v2)}

    async def _learn_tags(self) -> None:
        if self._may_ask("tags"):
            with suppress(SyncError):  # orders go by V2 alone while V1 does not answer
                self._tags = await tag_names(self._v1, Urgency.ORDERS)

    def _may_ask(self, what: str) -> bool:
        now = self._clock.now()
        if what in self._asked_at and now - self._asked_at[what] < ASKED_AGAIN:
            return False
        self._asked_at[what] = now
        return True
