"""ShipStation packages -> Shopify fulfillments: one for each package, with exactly its lines and its own tracking number.

A voided label takes its fulfillment back, unless a new label takes it over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from mappings.causes import Cause
from mappings.plan_shipments import plan_shipments
from mappings.plans import (
    AdoptFulfillment,
    CancelFulfillment,
    CreateFulfillment,
    FulfillmentStep,
    Plan,
    Profile,
    Step,
    UpdateTracking,
)
from mappings.shopify_shapes import Fulfillment, OrderShipped
from mappings.voided import LOOK_SOON_S
from syncd.accounts import Accounts
from syncd.budget import Call
from syncd.errors import AccessError, SyncError, UncertainError
from syncd.flows.beside import in_turns
from syncd.flows.doubts import Doubts
from syncd.flows.looks import NOT_ALIKE, look_at_stores, outcome_of
from syncd.flows.work import Known, Outcome, Result, Sighting, Unreadable
from syncd.hints import split_subject
from syncd.shopify.client import ShopifyClient
from syncd.shopify.reads import orders_shipped
from syncd.shopify.writes import cancel_fulfillment, create_fulfillment, update_tracking


class ShipmentsFlow:
    """`write_settles_s` is how long a fulfillment that was sent without an answer may still appear: twice our time limit."""

    name = "shipments"
    refused = Cause.REJECTED_BY_SHOPIFY
    decides_state = False
    tells_trouble = True

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        shops: Mapping[str, ShopifyClient],
        accounts: Accounts,
        write_settles_s: float,
        doubts: Doubts,
    ) -> None:
        self._profiles = profiles
        self._shops = shops
        self._accounts = accounts
        self._write_settles_s = write_settles_s
        self._doubts = doubts

    def patience_s(self) -> float:
        return 0.0

    async def observe(self, known: Mapping[str, Known]) -> Mapping[str, Sighting | Unreadable]:
        looked = await look_at_stores(self._shops, self._accounts, list(known), orders_shipped, self.name)
        doubtful = [subject for subject in known if any(one.intended_at for one in known[subject].packages)]
        again = await look_at_stores(self._shops, self._accounts, doubtful, orders_shipped, self.name)
        soon = replace(NOT_ALIKE, wait_s=LOOK_SOON_S)
        return looked | {s: one if _shown(one) == _shown(looked[s]) else soon for s, one in again.items()}

    def plan(self, subject: str, known: Known, sighting: Sighting, now: datetime) -> Plan:
        profile = self._profiles[split_subject(subject)[0]]
        order: OrderShipped | None = sighting.order
        return plan_shipments(
            profile,
            order,
            [self._doubts.dated(subject, one.package_key, one) for one in known.packages],
            now,
            self._write_settles_s,
            known.consignments,
            known.labels_read_at,
            known.trouble[1],
        )

    async def turn(self, steps: Sequence[Step]) -> None:
        return None

    async def apply(
        self, steps: Sequence[tuple[str, Step]], turn: Call | None, intended_at: datetime, looked_at: datetime
    ) -> Sequence[Outcome]:
        for subject, step in steps:
            if isinstance(step, FulfillmentStep):
                self._doubts.begin(subject, step.package_key, intended_at)
        return await in_turns(steps, partial(self._apply_one, intended_at))

    async def _apply_one(self, intended_at: datetime, subject: str, step: Step) -> Outcome:
        if isinstance(step, AdoptFulfillment):
            return Outcome(Result.CONFIRMED, far_id=step.fulfillment_gid)
        client = self._shops[split_subject(subject)[0]]
        try:
            gid = await _write(client, step, intended_at + timedelta(seconds=self._write_settles_s / 2))
        except UncertainError as error:
            is_outage = self._accounts.is_outage(client.account, "shipments.write")
            return Outcome(Result.UNKNOWN, error.code, error.text, wait_s=self._write_settles_s, is_outage=is_outage)
        except AccessError as error:
            await self._accounts.lost(error, "shipments.write")
            return outcome_of(error, self._accounts.probe_s)
        except SyncError as error:
            return outcome_of(error, self._accounts.probe_s)
        await self._accounts.answered(client.account, "shipments.write")
        return Outcome(Result.CONFIRMED, far_id=gid)


def _shown(sighting: Sighting | Unreadable) -> Mapping[str, Fulfillment] | None:
    """Each fulfillment with all that a package is recognised by; None where nobody could look."""
    if isinstance(sighting, Unreadable) or sighting.order is None:
        return None
    return {one["id"]: one for one in sighting.order["fulfillments"]}


async def _write(client: ShopifyClient, step: Step, leaves_before: datetime) -> str | None:
    """The gid of the fulfillment that stands for the package from now on; None when none does. Half of the time in which it may
    appear is for leaving, half for being answered."""
    match step:
        case CreateFulfillment():
            return await create_fulfillment(client, step, leaves_before)
        case UpdateTracking():
            await update_tracking(client, step, leaves_before)
            return step.fulfillment_gid
        case CancelFulfillment():
            await cancel_fulfillment(client, step.fulfillment_gid)
            return None
        case _:
            raise ValueError(f"{step.kind} is nothing to write to a store")
