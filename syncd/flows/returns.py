"""Return labels of ShipStation -> notes, returns and refunds in Shopify, as far as the policy of each store goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from mappings.causes import Cause
from mappings.plan_returns import LATEST_LOOK_S, plan_returns, without_order
from mappings.plans import Plan, Profile, Step
from mappings.returns import Return, ReturnStep, SeenForReturn
from syncd.accounts import Accounts
from syncd.budget import Call, Urgency
from syncd.errors import AccessError, SyncError
from syncd.flows.beside import in_turns
from syncd.flows.doubts import Doubts
from syncd.flows.looks import NOT_ALIKE, outcome_of, unreadable_of
from syncd.flows.work import Known, Outcome, Result, Sighting, Unreadable
from syncd.hints import split_subject
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.v2_reads import label_file
from syncd.shopify.client import ShopifyClient
from syncd.shopify.returns import order_returning, write_return
from syncd.store.returns import FLOW

STORE_UNKNOWN_S = 900.0
FORBIDDEN_S = 600.0
"""How long a return waits for a scope: a person has to give it."""


class ReturnsFlow:
    """`write_settles_s` is how long a write without an answer may still be carried out: twice our time limit.

    What a store forbids this flow says nothing about the others: a missing scope pauses the return and not the store.
    """

    name = FLOW
    refused = Cause.REJECTED_BY_SHOPIFY
    decides_state = False
    tells_trouble = False

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        shops: Mapping[str, ShopifyClient],
        shipstation: ShipStationV2Client | None,
        accounts: Accounts,
        write_settles_s: float,
        doubts: Doubts,
    ) -> None:
        self._profiles = profiles
        self._shops = shops
        self._shipstation = shipstation
        self._accounts = accounts
        self._write_settles_s = write_settles_s
        self._doubts = doubts

    def patience_s(self) -> float:
        return 0.0

    async def observe(self, known: Mapping[str, Known]) -> Mapping[str, Sighting | Unreadable]:
        """Beside each other: there are few, but a call without an answer takes half a minute."""
        return dict(zip(known, await in_turns(list(known.items()), self._look), strict=True))

    async def _look(self, subject: str, known: Known) -> Sighting | Unreadable:
        store, order_id = split_subject(subject)
        client, profile = self._shops.get(store), self._profiles.get(store)
        if client is None or profile is None:
            text = "this store is no longer in the settings"
            return Unreadable("store_unknown", text, wait_s=STORE_UNKNOWN_S, counts_attempt=False)
        if refusal := self._accounts.refusal(client.account):
            return unreadable_of(refusal, self._accounts.probe_s)
        seen: dict[str, SeenForReturn] = {}
        sighting = Sighting(seen, "", None, {})
        try:
            for one in known.returns if profile.returns.is_on else ():
                if one.outcome:
                    continue
                found = await order_returning(client, order_id, one, profile.returns)
                if found != await order_returning(client, order_id, one, profile.returns):
                    return NOT_ALIKE
                if found is None:
                    return Sighting(None, "", None, {})
                order, seen[one.return_key] = found[0], await self._with_label(profile, one, found[1])
                sighting = Sighting(seen, order["name"], datetime.fromisoformat(order["updatedAt"]), {})
        except SyncError as error:
            return unreadable_of(error, self._accounts.probe_s)
        return sighting

    async def _with_label(self, profile: Profile, one: Return, seen: SeenForReturn) -> SeenForReturn:
        """Where the label can be printed, which V2 alone tells. Without an answer the return goes on without."""
        if self._shipstation is None or one.is_labelled or profile.returns.on_label != "return":
            return seen
        with suppress(SyncError):
            return replace(seen, label_url=await label_file(self._shipstation, one.return_key, Urgency.CATALOG))
        return seen

    def plan(self, subject: str, known: Known, sighting: Sighting, now: datetime) -> Plan:
        profile = self._profiles[split_subject(subject)[0]]
        if sighting.order is None:
            later = now + timedelta(seconds=LATEST_LOOK_S)
            return Plan(Cause.NOT_FOUND, look_again_at=later, returns=without_order(known.returns))
        seen: Mapping[str, SeenForReturn] = sighting.order
        returns = [self._doubts.dated(subject, one.return_key, one) for one in known.returns]
        found = plan_returns(profile.returns, returns, seen, profile.carriers, now, self._write_settles_s)
        again = now + timedelta(seconds=found.wait_s) if found.wait_s is not None else None
        return Plan(
            Cause.SHIPPED,  # of no importance: this flow decides no state
            found.steps,
            look_again_at=again,
            resolved=found.resolved,
            returns=found.news,
        )

    async def turn(self, steps: Sequence[Step]) -> None:
        return None

    async def apply(
        self, steps: Sequence[tuple[str, Step]], turn: Call | None, intended_at: datetime, looked_at: datetime
    ) -> Sequence[Outcome]:
        return await in_turns(steps, partial(self._apply_one, intended_at))

    async def _apply_one(self, intended_at: datetime, subject: str, step: Step) -> Outcome:
        if not isinstance(step, ReturnStep):
            raise ValueError(f"{step.kind} is no step of a return")
        client = self._shops[split_subject(subject)[0]]
        self._doubts.begin(subject, step.return_key, intended_at)
        until = intended_at + timedelta(seconds=self._write_settles_s / 2)
        try:
            return Outcome(Result.CONFIRMED, far_id=await write_return(client, step, until))
        except AccessError as error:
            return outcome_of(error, FORBIDDEN_S)
        except SyncError as error:
            outcome = outcome_of(error, self._accounts.probe_s)
            is_open = outcome.result is Result.UNKNOWN
            return replace(outcome, wait_s=self._write_settles_s) if is_open else outcome
