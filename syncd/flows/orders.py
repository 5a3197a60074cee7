"""Shopify orders -> consignments -> ShipStation orders. Creating, changing and cancelling are one upsert, in one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mappings.carry_over import changed_meanwhile
from mappings.causes import Cause
from mappings.observed import learned_from
from mappings.order_changes import questions
from mappings.orders import lines_not_shown
from mappings.pacific import from_pacific, from_shopify
from mappings.plan_orders import needs_shipstation_truth, order_number_stem, plan_order
from mappings.plans import Plan, Profile, Step, UpsertOrder, VoidLabel
from mappings.rates import Question
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import OrderToShip
from mappings.shown_whole import has_left, is_short_of_packed, shows_destination
from mappings.sweeping import modified_at
from syncd.accounts import Accounts
from syncd.budget import Call, Urgency
from syncd.errors import AccessError, SyncError
from syncd.flows.looks import look_at_stores, outcome_of, unreadable_of
from syncd.flows.rates import Rates
from syncd.flows.read_back import judged, moved, outcome_of_row
from syncd.flows.truth import Sought, truth_of
from syncd.flows.work import Known, Outcome, Result, Sighting, Unreadable
from syncd.hints import split_subject
from syncd.ports import Clock
from syncd.shipstation.orders_api import OrdersApi
from syncd.shipstation.writes import LARGEST_BATCH
from syncd.shopify.client import ShopifyClient
from syncd.shopify.reads import orders_to_ship

LONG_AGO = timedelta(seconds=5)
"""Of a look: what is changed upon it is looked at again."""
PACKAGE_IN_DOUBT = Unreadable(
    "package_in_doubt", "whether Shopify knows its package is looked up first", wait_s=5.0, counts_attempt=False
)
NOT_REMEMBERED = Unreadable(
    "not_remembered",
    "first is read what ShipStation has from the time of which the database remembers nothing",
    wait_s=2.0,
    counts_attempt=False,
)
NOT_WHOLE = Unreadable(
    "incomplete", "Shopify does not show all lines of which it shows units, or which it has shown before"
)
LABELS_UNREAD = Unreadable(
    "labels_unread",
    "first is read what was packed of an order that left before we knew what it holds",
    wait_s=5.0,
    counts_attempt=False,
)
NOT_WHOLE_THERE = Unreadable(
    "incomplete", "ShipStation does not show all goods of which it has shown a package, or a whole address"
)


class OrdersFlow:
    name = "orders"
    refused = Cause.REJECTED_BY_SHIPSTATION
    decides_state = True
    tells_trouble = True

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        shops: Mapping[str, ShopifyClient],
        shipstation: OrdersApi,
        accounts: Accounts,
        rates: Rates,
        clock: Clock,
    ) -> None:
        self._rates = rates
        self._profiles = profiles
        self._shops = shops
        self._shipstation = shipstation
        self._budget = shipstation.budget
        self._account = shipstation.account
        self._accounts = accounts
        self._clock = clock
        self._thinking = asyncio.Lock()

    def patience_s(self) -> float:
        """An even share of what is left of the window: full batches never wait, single orders do while slots are dear."""
        return self._budget.fair_wait_s(self._clock.now())

    async def observe(self, known: Mapping[str, Known]) -> Mapping[str, Sighting | Unreadable]:
        if refusal := self._accounts.refusal(self._account):
            return dict.fromkeys(known, unreadable_of(refusal, self._accounts.probe_s))
        waiting = {subject: PACKAGE_IN_DOUBT for subject, one in known.items() if one.is_telling}
        subjects = [subject for subject in known if subject not in waiting]
        looked = await look_at_stores(self._shops, self._accounts, subjects, self._read, self.name)
        seen = waiting | {subject: _if_usable(sighting, known[subject]) for subject, sighting in looked.items()}
        seen = await self._rated(seen, known)
        wanted: dict[str, dict[str, Sought]] = {}
        async with self._thinking:  # it takes as long as planning
            for subject, sighting in seen.items():
                wanted[subject] = self._needed(subject, known[subject], sighting)
                await self._clock.sleep(0)
        if not any(wanted.values()):
            return seen
        needed = {subject: sought for subject, sought in wanted.items() if sought}
        with_truth = await self._with_truth(seen, needed, known)
        # what shipped meanwhile leaves goods for a new consignment, which has a parcel of its own
        return with_truth | await self._rated({subject: with_truth[subject] for subject in needed}, known)

    async def _rated(
        self, seen: Mapping[str, Sighting | Unreadable], known: Mapping[str, Known]
    ) -> dict[str, Sighting | Unreadable]:
        """With what carriers would take for their parcels, where rules choose by that."""
        asked: dict[str, list[Question]] = {}
        for subject, sighting in seen.items():
            profile = self._profiles.get(split_subject(subject)[0])
            if (
                isinstance(sighting, Unreadable)
                or sighting.order is None
                or not (profile and profile.rules.wants_rates)
            ):
                continue
            one, now = known[subject], self._clock.now()
            packages, truth, waived = one.packages, sighting.shipstation, one.ruling.waived
            found = questions(profile, sighting.order, one.consignments, packages, truth, now, waived)
            asked[subject] = [question for question in found if question not in sighting.quoted]
            await self._clock.sleep(0)
        quoted = await self._rates.quotes([question for some in asked.values() for question in some])
        rated = dict(seen)
        for subject, some in asked.items():
            sighting = seen[subject]
            if isinstance(sighting, Sighting) and some:
                rated[subject] = replace(sighting, quoted={**sighting.quoted, **{one: quoted[one] for one in some}})
        return rated

    async def _read(self, client: ShopifyClient, order_ids: Iterable[int]) -> Mapping[int, Any]:
        return await orders_to_ship(client, order_ids, self._profiles[client.store].rules)

    def _needed(self, subject: str, known: Known, sighting: Sighting | Unreadable) -> dict[str, Sought]:
        """The consignments of which ShipStation's side must be read before anything is changed there."""
        if isinstance(sighting, Unreadable) or sighting.order is None or not known.consignments:
            return {}
        profile = self._profiles[split_subject(subject)[0]]
        order: OrderToShip = sighting.order
        waived = known.ruling.waived
        keys = needs_shipstation_truth(
            profile, order, known.consignments, known.packages, self._clock.now(), waived, sighting.quoted
        )
        stem, created_at = order_number_stem(profile, order), from_shopify(order["createdAt"])
        family = known.consignments
        return {one.order_key: Sought(one, family, stem, created_at) for one in family if one.order_key in keys}

    async def _with_truth(
        self,
        seen: Mapping[str, Sighting | Unreadable],
        wanted: Mapping[str, Mapping[str, Sought]],
        known: Mapping[str, Known],
    ) -> dict[str, Sighting | Unreadable]:
        try:
            found = await truth_of(
                self._shipstation, {key: one for needed in wanted.values() for key, one in needed.items()}
            )
        except SyncError as error:
            if isinstance(error, AccessError):
                await self._accounts.lost(error, "orders.read")
            return {**seen, **dict.fromkeys(wanted, unreadable_of(error, self._accounts.probe_s))}
        await self._accounts.answered(self._account, "orders.read")
        return {
            **seen,
            **{subject: _seen_with(seen[subject], needed, found, known[subject]) for subject, needed in wanted.items()},
        }

    def plan(self, subject: str, known: Known, sighting: Sighting, now: datetime) -> Plan:
        profile = self._profiles[split_subject(subject)[0]]
        order: OrderToShip | None = sighting.order
        ruling = known.ruling
        return plan_order(
            profile,
            order,
            known.consignments,
            known.packages,
            sighting.shipstation,
            now,
            ruling.waived,
            ruling.take,
            sighting.quoted,
        )

    async def turn(self, steps: Sequence[Step]) -> Call:
        return await self._budget.grant(_urgency(steps))

    async def apply(
        self, steps: Sequence[tuple[str, Step]], turn: Call | None, intended_at: datetime, looked_at: datetime
    ) -> Sequence[Outcome]:
        """A hundred orders may be more than a hundred consignments: then it takes a second call."""
        upserts = [step for _, step in steps if isinstance(step, UpsertOrder)]
        is_long_ago = intended_at - looked_at > LONG_AGO
        outcomes = await self._moved_meanwhile(upserts) if is_long_ago else {}
        left = [step for step in upserts if step.order_key not in outcomes]
        if turn and not left:
            await self._budget.unsent(turn)
        for start in range(0, len(left), LARGEST_BATCH):
            outcomes |= await self._upsert(left[start : start + LARGEST_BATCH], turn if start == 0 else None)
        return [
            await self._void(step) if isinstance(step, VoidLabel) else outcomes[step.order_key]
            for _, step in steps
            if isinstance(step, VoidLabel | UpsertOrder)
        ]

    async def _moved_meanwhile(self, upserts: Sequence[UpsertOrder]) -> dict[str, Outcome]:
        """By order key, what may not be written any more: people split, merged or edited it while it waited for its turn."""
        changes = [step for step in upserts if step.seen]
        if not changes:
            return {}
        try:
            found = await self._found(changes, {step.order_key: step.document["orderId"] for step in changes})
        except SyncError as error:
            if isinstance(error, AccessError):
                await self._accounts.lost(error, "orders.read")
            return dict.fromkeys((step.order_key for step in changes), outcome_of(error, self._accounts.probe_s))
        problems = {step.order_key: changed_meanwhile(found[step.order_key], step.seen) for step in changes}
        return {key: moved(problem) for key, problem in problems.items() if problem}

    async def _found(self, changes: Sequence[UpsertOrder], ids: Mapping[str, int | None]) -> dict[str, Order | None]:
        """What these steps change, as ShipStation shows it, by order key."""
        since = min(from_pacific(step.document["orderDate"]) for step in changes)
        found = await self._shipstation.orders_by_id([i for i in ids.values() if i], _urgency(changes), since)
        return {step.order_key: found.get(ids[step.order_key] or 0) for step in changes}

    async def _void(self, step: VoidLabel) -> Outcome:
        """The feed of voids tells the rest, as it does when a person voids: the order is then open there, and is cancelled."""
        prefix = f"{step.order_id}:"
        try:
            await self._shipstation.void_label(step.shipstation_order_id, step.shipment_id, prefix, Urgency.CANCEL)
        except SyncError as error:
            if isinstance(error, AccessError):
                await self._accounts.lost(error, "orders.void")
            return replace(outcome_of(error, self._accounts.probe_s), cause=Cause.CANCELLED_AFTER_LABEL)
        await self._accounts.answered(self._account, "orders.void")
        return Outcome(Result.CONFIRMED)

    async def _upsert(self, upserts: Sequence[UpsertOrder], turn: Call | None) -> dict[str, Outcome]:
        urgency = _urgency(upserts)
        try:
            rows = await self._shipstation.write(upserts, urgency, turn)
        except SyncError as error:
            if isinstance(error, AccessError):
                await self._accounts.lost(error, "orders.write")
            is_outage = self._accounts.is_outage(self._account, "orders.write")
            failed = replace(outcome_of(error, self._accounts.probe_s), is_outage=is_outage)
            return dict.fromkeys((step.order_key for step in upserts), failed)
        if any(row.error is None for row in rows.values()):
            await self._accounts.answered(self._account, "orders.write")
        is_outage = self._accounts.is_outage(self._account, "orders.write")
        outcomes = {
            step.order_key: replace(
                outcome_of_row(rows.get(step.order_key), self._accounts.probe_s), is_outage=is_outage
            )
            for step in upserts
        }
        await self._read_back([step for step in upserts if step.kind != "create_order"], outcomes)
        return outcomes

    async def _read_back(self, changes: Sequence[UpsertOrder], outcomes: dict[str, Outcome]) -> None:
        """A locked order may answer anything, also success. Only what reads back as sent was done; the rest is planned anew."""
        if not changes:
            return
        ids = {step.order_key: _order_id(step, outcomes[step.order_key]) for step in changes}
        try:
            found = await self._found(changes, ids)
        except SyncError as error:
            for step in changes:
                outcomes[step.order_key] = Outcome(Result.UNKNOWN, error.code, "sent, and not read back")
            return
        for step in changes:
            outcomes[step.order_key] = judged(step, outcomes[step.order_key], found[step.order_key])


def _may_have_labels(order: Order, known: Known) -> bool:
    """That we have not read yet."""
    read_at, left_at = known.labels_read_at, modified_at(order)
    return left_at is not None and (read_at is None or read_at < left_at)


def _if_usable(sighting: Sighting | Unreadable, known: Known) -> Sighting | Unreadable:
    """What was made after a gap in our memory was found is not concerned by it."""
    if isinstance(sighting, Unreadable) or sighting.order is None:
        return sighting
    if lines_not_shown(sighting.order, known.consignments):
        return replace(NOT_WHOLE, name=sighting.name)
    is_concerned = known.gap_at is not None and from_shopify(sighting.order["createdAt"]) < known.gap_at
    return replace(NOT_REMEMBERED, name=sighting.name) if is_concerned else sighting


def _urgency(steps: Sequence[Step]) -> Urgency:
    is_urgent = any(step.kind in {"cancel_order", "hold_order"} for step in steps)
    return Urgency.CANCEL if is_urgent else Urgency.ORDERS


def _order_id(step: UpsertOrder, outcome: Outcome) -> int | None:
    return int(outcome.far_id) if outcome.far_id else step.document.get("orderId")


def _seen_with(
    sighting: Sighting | Unreadable, needed: Mapping[str, Sought], found: Mapping[str, Order | None], known: Known
) -> Sighting | Unreadable:
    if isinstance(sighting, Unreadable):
        return sighting
    truth = {key: found[key] for key in needed if key in found}
    left = [order for key, order in truth.items() if order and needed[key].is_unsure and has_left(order)]
    if any(_may_have_labels(order, known) for order in left):
        return replace(LABELS_UNREAD, name=sighting.name)
    if any(not shows_destination(order) or is_short_of_packed(order, known.packages) for order in left):
        return replace(NOT_WHOLE_THERE, name=sighting.name)
    remembered = [(needed[key].consignment, order) for key, order in truth.items()]
    observed = [(before, learned_from(before, order)) for before, order in remembered]
    return replace(sighting, shipstation=truth, learned=tuple(now for before, now in observed if now != before))
