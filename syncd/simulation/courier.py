"""Carries the vendors' webhooks to whichever replica is up, and ends each delivery as its answer says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from multidict import CIMultiDict

from syncd.ports import Clock
from syncd.sandbox.shipstation import ShipStationWorld
from syncd.sandbox.shopify import ShopifyWorld
from syncd.sandbox.worlds import Delivery
from syncd.simulation.replica import Replica

LOOKS_EVERY_S = 1.0
LOOKS_AT_NIGHT_S = 5.0
"""While no replica is up any more: days may pass so."""
POST_TIMEOUT_S = 5.0


class Courier:
    """`acked`, when it is set, is told of every delivery that was answered 200, at the moment of the answer."""

    def __init__(
        self, shopify: ShopifyWorld, shipstation: ShipStationWorld, replicas: Sequence[Replica], clock: Clock
    ) -> None:
        self.acked: Callable[[Delivery], None] | None = None
        self.offered = 0
        self._worlds = (shopify, shipstation)
        self._replicas = replicas
        self._clock = clock
        self._next = 0
        self._kept: list[object] = []

    async def work(self) -> None:
        while True:
            for world in self._worlds:
                for delivery in world.due_deliveries():
                    self._kept.append(asyncio.create_task(self._carry(world, delivery)))
            await asyncio.sleep(self._wait_s())

    async def _carry(self, world: ShopifyWorld | ShipStationWorld, delivery: Delivery) -> None:
        world.delivery_ended(delivery.delivery_id, await self.offer(delivery))

    async def offer(self, delivery: Delivery) -> int | None:
        """The answer; None when nobody gave one in time."""
        self.offered += 1
        up = [replica for replica in self._replicas if replica.is_up]
        if not up:
            return None
        self._next += 1
        try:
            status = await asyncio.wait_for(posted(up[self._next % len(up)], delivery), POST_TIMEOUT_S)
        except TimeoutError:
            return None
        if status == 200 and self.acked:
            self.acked(delivery)
        return status

    def _wait_s(self) -> float:
        """Until the next webhook is due, as far as that is known: what happens meanwhile may tell of more."""
        is_day = not self.offered or any(replica.is_up for replica in self._replicas)
        soon = self._clock.now() + timedelta(seconds=LOOKS_EVERY_S if is_day else LOOKS_AT_NIGHT_S)
        due = min(time for world in self._worlds if (time := world.next_due() or soon))
        return max((min(due, soon) - self._clock.now()).total_seconds(), 0.05)


async def posted(replica: Replica, delivery: Delivery) -> int:
    """What the port of this replica answers. Never, when it dies meanwhile."""
    life, webhooks = replica.life, replica.webhooks
    assert webhooks is not None
    _, folder, vendor, name = urlsplit(delivery.url).path.split("/")
    assert folder == "webhooks"
    if vendor == "shopify":
        status = await webhooks.shopify_posted(name, CIMultiDict(delivery.headers), delivery.body)
    elif vendor == "shipstation-v2":
        status = await webhooks.shipstation_v2_posted(name, CIMultiDict(delivery.headers), delivery.body)
    else:
        status = await webhooks.shipstation_posted(name, delivery.body)
    await life.go_on()
    return status
