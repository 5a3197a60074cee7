"""Transaction 2 of a batch: every step is on disk before its call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mappings import canonical
from mappings.carry_over import is_on_hold
from mappings.plans import Consignment, CreateFulfillment, Standing, Step, UpdateTracking, UpsertOrder, VoidLabel
from mappings.rates import Choice, choice_text
from mappings.returns import LabelReturn, MoneyStep, OpenReturn, ReturnStep
from mappings.unanswered import fingerprints
from syncd.hints import split_subject
from syncd.store.consignments import (
    ConsignmentUpdate,
    NewConsignment,
    record_consignments,
    remember_choices,
    take_order_keys,
)
from syncd.store.journal import NewEntry, open_intents
from syncd.store.transaction import Work


@dataclass(frozen=True)
class Intent:
    """One step of one subject, about to be applied."""

    subject: str
    step: Step
    entry_id: int = 0


def key_of(step: Step) -> str:
    if isinstance(step, VoidLabel):
        return f"{step.package_key} label"  # of its own: a doubt about it is none about the package's fulfillment
    if isinstance(step, UpsertOrder):
        return step.order_key
    return step.return_key if isinstance(step, ReturnStep) else step.package_key


def intend(
    flow: str, token: str, intents: Sequence[Intent], remembered: Sequence[Consignment], now: datetime
) -> Work[list[Intent]]:
    """Transaction 2: every step is on disk before its call, and a new order's key is taken. Returns them with their entries.
    What is `remembered` anew goes with them: after a lost answer nobody could tell it any more."""
    taken = [_taken(intent.subject, intent.step) for intent in intents if isinstance(intent.step, UpsertOrder)]
    choices = {
        intent.step.order_key: choice_text(intent.step.choice)
        for intent in intents
        if isinstance(intent.step, UpsertOrder) and intent.step.choice
    }

    def work(session: Session) -> list[Intent]:
        take_order_keys(taken, now)(session)
        record_consignments([learned(one) for one in remembered], now)(session)
        remember_choices(choices)(session)
        ids = open_intents([_entry(flow, token, intent) for intent in intents], now)(session)
        return [Intent(intent.subject, intent.step, entry_id) for intent, entry_id in zip(intents, ids, strict=True)]

    return work


def learned(consignment: Consignment) -> ConsignmentUpdate:
    applied = consignment.applied
    return ConsignmentUpdate(
        consignment.order_key,
        consignment.standing,
        consignment.shipstation_order_id,
        canonical.dumps(applied) if applied else None,
        split_group=consignment.split_group,
    )


def _taken(subject: str, step: UpsertOrder) -> NewConsignment:
    store, order_id = split_subject(subject)
    return NewConsignment(
        step.order_key, store, order_id, step.location_id, step.split_group, step.n, Standing.INTENDED
    )


def _entry(flow: str, token: str, intent: Intent) -> NewEntry:
    store, order_id = split_subject(intent.subject)
    return NewEntry(
        token, flow, store, order_id, intent.step.kind, key_of(intent.step), json.dumps(_facts(intent.step))
    )


def _facts(step: Step) -> dict[str, object]:
    """What the story of an order tells of a step: names and counts, never contents, of which there are fingerprints."""
    if isinstance(step, UpsertOrder):
        units = sum(item["quantity"] for item in step.document["items"] if not item.get("adjustment"))
        sent = fingerprints(step.applied, step.fields)
        told: dict[str, object] = {"fields": list(step.fields), "units": units, "sent": sent}
        told |= {"on_hold": True} if step.kind == "create_order" and is_on_hold(step.document) else {}
        told |= {"rules": list(step.rules)} if step.rules else {}
        return told | ({"rate": facts_of_choice(step.choice)} if step.choice else {})
    if isinstance(step, CreateFulfillment):
        units = sum(units for lines in step.lines.values() for units in lines.values())
        return {"units": units, "company": step.tracking_company, "tracking_number": step.tracking_number}
    if isinstance(step, UpdateTracking):
        number = {"company": step.tracking_company, "tracking_number": step.tracking_number}
        return {"fulfillment": step.fulfillment_gid, "instead_of": step.instead_of, **number}
    if isinstance(step, VoidLabel):
        return {"shipstation_order": step.shipstation_order_id}
    if isinstance(step, ReturnStep):
        return facts_of_return(step)
    return {"fulfillment": step.fulfillment_gid}


def facts_of_choice(choice: Choice) -> dict[str, object]:
    """Which rate was taken, at what price and out of how many, or why none."""
    service = f"{choice.carrier}/{choice.service}" if choice.carrier else ""
    if choice.without:
        return {"service": service, "without": choice.without}
    price = {"amount": f"{choice.amount:.2f}", "currency": choice.currency, "compared": choice.compared}
    return {"service": service, **price} | ({"days": choice.days} if choice.days is not None else {})


def facts_of_return(step: ReturnStep) -> dict[str, object]:
    if isinstance(step, MoneyStep):
        return {"amount": str(step.amount), "currency": step.payments[0].currency}
    if isinstance(step, OpenReturn):
        return {"units": sum(step.lines.values())}
    return {"tracking_number": step.number} if isinstance(step, LabelReturn) else {}
