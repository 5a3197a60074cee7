"""Whether goods have come back: the carriers are asked, through V2, about the returns for which that matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from mappings.deliveries import is_all_there
from syncd.budget import Urgency
from syncd.errors import RejectedError, TransientError
from syncd.ports import Clock, Db
from syncd.settings.whole import Settings
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_reads import tracking
from syncd.store.returns import asked, receive, returns_on_their_way

NAME = "returns.receipts"
AT_ONCE = 100
"""Half of what V2 allows in a minute."""
OLDEST = timedelta(days=90)
"""What has not come back by then is received by a person or never."""


def awaiting_stores(settings: Settings) -> list[str]:
    """Only money waits for the receipt."""
    return [name for name, store in settings.stores.items() if store.returns.refund != "off"]


class Receipts:
    def __init__(self, shipstation: ShipStationV2Client, stores: Sequence[str], db: Db, clock: Clock) -> None:
        self._shipstation = shipstation
        self._stores = stores
        self._db = db
        self._clock = clock

    async def poll(self) -> int:
        """How many have arrived. One that cannot be read is asked about once all others were, and keeps none of them waiting."""
        arrived = 0
        since = self._clock.now() - OLDEST
        for row in await self._db.run(returns_on_their_way(self._stores, since, AT_ONCE)):
            told = await self._told(row.return_key)
            now = self._clock.now()
            if told and is_all_there(told):
                ref = (row.store, row.order_id)
                arrived += await self._db.run(receive(ref, row.return_key, "carrier", now))
            else:
                await self._db.run(asked(row, now))
        return arrived

    async def _told(self, return_key: str) -> Mapping[str, Any] | None:
        try:
            return await tracking(self._shipstation, int(return_key[1:]), Urgency.CATALOG)
        except (TransientError, RejectedError):
            return None
