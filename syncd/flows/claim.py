"""Transaction 1 of a batch: leases, and what our rows say of each order. From here on documents have a meaning."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from sqlmodel import Session

from mappings import canonical
from mappings.causes import Cause
from mappings.plans import FACTS, Consignment, Package, Ruling, Standing
from mappings.rates import choice_of
from mappings.returns import Return
from mappings.shipstation_shapes import Order
from syncd.flows.work import NOTHING, Known, Told
from syncd.hints import order_subject, split_subject
from syncd.store.consignments import consignments_of
from syncd.store.cursors import whole_looks
from syncd.store.journal import mailed_fulfillments, open_entries
from syncd.store.marks import Claimed, claim, waiting_among
from syncd.store.memory import gap_in_memory
from syncd.store.orders import Troubled, troubles_of
from syncd.store.packages import packages_of
from syncd.store.returns import FLOW as RETURNS_FLOW
from syncd.store.returns import returns_of
from syncd.store.rulings import StoredRuling, rulings_of
from syncd.store.schema import ConsignmentRow, JournalEntry, PackageRow, ReturnRow
from syncd.store.statements import OrderRef
from syncd.store.transaction import Work

LABEL_LISTS = ("shipstation.shipments", "shipstation.fulfillments")
"""The feeds in which new labels appear."""


def claim_work(
    flow: str, now: datetime, token: str, limit: int, lease_s: float, fold_s: float
) -> Work[dict[Claimed, Known]]:
    """Transaction 1: leases, and what we remember of each order. It is read before Shopify is: see `plan_order`."""

    def work(session: Session) -> dict[Claimed, Known]:
        claimed = claim(flow, limit, now, token, lease_s, fold_s)(session)
        known = read_known(flow, [split_subject(one.subject) for one in claimed])(session)
        return {one: known[split_subject(one.subject)] for one in claimed}

    return work


def read_known(flow: str, refs: Sequence[OrderRef]) -> Work[dict[OrderRef, Known]]:
    def work(session: Session) -> dict[OrderRef, Known]:
        if not refs:
            return {}
        consignments, packages = consignments_of(refs)(session), packages_of(refs)(session)
        intents, troubles = open_entries(refs)(session), troubles_of(refs)(session)
        rulings, labels_read_at = rulings_of(refs)(session), whole_looks(LABEL_LISTS)(session)
        gap_at, told = gap_in_memory(session), _telling(packages, intents)(session)
        returns = returns_of(refs)(session) if flow == RETURNS_FLOW else {}
        voided = [ref for ref in refs if any(row.voided and row.fulfillment_gid for row in packages[ref])]
        mailed = mailed_fulfillments(voided)(session)
        return {
            ref: Known(
                tuple(_consignment(row, intents.get(ref, ())) for row in consignments[ref]),
                tuple(_package(row, intents.get(ref, ()), mailed) for row in packages[ref]),
                *_troubles(troubles.get(ref)),
                tuple(_return(row, intents.get(ref, ()), packages[ref]) for row in returns.get(ref, ())),
                ruling=_ruling(rulings.get(ref)),
                labels_read_at=labels_read_at,
                gap_at=gap_at,
                is_telling=order_subject(*ref) in told,
            )
            for ref in refs
        }

    return work


def _telling(
    packages: Mapping[OrderRef, Sequence[PackageRow]], intents: Mapping[OrderRef, Sequence[JournalEntry]]
) -> Work[set[str]]:
    """The orders with a package of which nobody knows whether Shopify was told, as long as somebody is about to look."""
    doubts = {
        order_subject(*ref)
        for ref, entries in intents.items()
        for entry in entries
        if any(row.package_key == entry.key and row.fulfillment_gid is None for row in packages.get(ref, ()))
    }
    return waiting_among("shipments", doubts)


def _troubles(stored: Troubled | None) -> tuple[Told, Told]:
    return (_told(stored.trouble), _told(stored.finding)) if stored else (NOTHING, NOTHING)


def _told(stored: tuple[str, str] | None) -> Told:
    return (Cause(stored[0]), stored[1]) if stored else NOTHING


def _ruling(stored: StoredRuling | None) -> Ruling:
    if stored is None:
        return Ruling()
    waived = FACTS | {Cause(name) for name in stored.waived} if stored.waived is not None else frozenset[Cause]()
    return Ruling(waived, cast(Any, stored.take))


def _consignment(row: ConsignmentRow, intents: Iterable[JournalEntry]) -> Consignment:
    """While an answer is outstanding nobody knows what ShipStation accepted last, whatever we noted before. One that never had
    an answer holds what nobody knows, even if a label has told us since that it shipped."""
    applied = cast(Order, canonical.loads(row.applied)) if row.applied else None
    entries = [entry for entry in intents if entry.key == row.order_key]
    facts = [json.loads(entry.facts or "{}") for entry in entries]
    doubts = [entry.step for entry in entries]
    return Consignment(
        order_key=row.order_key,
        location_id=row.location_id,
        split_group=row.split_group,
        n=row.n,
        standing=Standing.INTENDED if doubts or row.shipstation_order_id is None else Standing(row.standing),
        shipstation_order_id=row.shipstation_order_id,
        applied=applied,
        hold_in_doubt="hold_order" in doubts or any(one.get("on_hold") for one in facts),
        cancel_in_doubt="cancel_order" in doubts,
        fields_in_doubt=_fields_in_doubt([one.get("fields") for one in facts]),
        sent_in_doubt=_sent_in_doubt([one.get("sent") for one in facts]),
        choice=choice_of(row.choice) if row.choice else None,
        pushed_at=row.pushed_at,
    )


def _fields_in_doubt(told: Sequence[Sequence[str] | None]) -> frozenset[str] | None:
    """None where one of them wrote all, as what makes an order does."""
    return frozenset(name for names in told for name in names or ()) if told and all(told) else None


def _sent_in_doubt(told: Sequence[Mapping[str, str] | None]) -> dict[str, frozenset[str]]:
    """Nothing where one of them, of an earlier version, does not tell."""
    if not all(one is not None for one in told):
        return {}
    names = {name for one in told for name in one or ()}
    return {name: frozenset(one[name] for one in told if one and name in one) for name in names}


def _package(row: PackageRow, intents: Iterable[JournalEntry], mailed: Set[str]) -> Package:
    intended = [entry.opened_at for entry in intents if entry.key == row.package_key]
    return Package(
        package_key=row.package_key,
        order_key=row.order_key,
        voided=row.voided,
        tracking_number=row.tracking_number,
        more_numbers=tuple(json.loads(row.more_numbers or "[]")),
        carrier_code=row.carrier_code,
        service_code=row.service_code,
        lines=_lines(row.lines),
        fulfillment_gid=row.fulfillment_gid,
        intended_at=max(intended, default=None),
        voided_at=row.voided_at,
        told=_lines(row.told),
        mailed=row.fulfillment_gid in mailed,
    )


def _most_lines(packages: Iterable[PackageRow]) -> dict[int, int] | None:
    most: Counter[int] = Counter()
    for one in packages:
        lines = _lines(one.lines)
        if lines is None:
            return None
        most |= Counter(lines)
    return dict(most)


def _return(row: ReturnRow, intents: Iterable[JournalEntry], packages: Sequence[PackageRow]) -> Return:
    intended = [entry.opened_at for entry in intents if entry.flow == RETURNS_FLOW and entry.key == row.return_key]
    outbound = next((one.lines for one in packages if one.package_key == row.outbound_key), None)
    return Return(
        return_key=row.return_key,
        tracking_number=row.tracking_number,
        carrier_code=row.carrier_code,
        service_code=row.service_code,
        lines=_lines(row.lines),
        outbound_key=row.outbound_key,
        outbound_lines=_lines(outbound),
        most_lines=_most_lines(packages),
        voided=row.voided,
        is_told=row.is_told,
        return_gid=row.return_gid,
        is_labelled=row.is_labelled,
        received_at=row.received_at,
        suggested=Decimal(row.suggested) if row.suggested else None,
        approved=Decimal(row.approved) if row.approved else None,
        detail=row.detail,
        outcome=row.outcome,
        refusals=row.refusals,
        intended_at=max(intended, default=None),
    )


def _lines(stored: str | None) -> dict[int, int] | None:
    return {int(line): units for line, units in json.loads(stored).items()} if stored else None
