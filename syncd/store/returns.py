"""Goods on their way back: one row for each return label, and how far its return and its refund are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, case, func, not_, or_, select, text, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from syncd.hints import Mark, order_subject
from syncd.store.journal import NewEntry, note, open_entries
from syncd.store.marks import mark, waiting_among
from syncd.store.packages import PACKAGES
from syncd.store.schema import IS_ON_ITS_WAY, ReturnRow, table_of
from syncd.store.statements import OrderRef, dialect_of, given_orders, of_orders, upsert
from syncd.store.transaction import Work

RETURNS = table_of(ReturnRow)
COLUMNS = RETURNS.c
FLOW = "returns"

IS_OPEN = and_(COLUMNS.outcome == "", or_(not_(COLUMNS.voided), COLUMNS.received_at.is_not(None)))
"""Neither refunded nor given up, and not the label of goods that never come."""
IS_ASKED = and_(COLUMNS.suggested.is_not(None), COLUMNS.suggested.is_distinct_from(COLUMNS.approved))
ASKS = and_(IS_OPEN, or_(COLUMNS.detail != "", and_(COLUMNS.received_at.is_not(None), IS_ASKED)))
"""A person must decide or do something."""
IS_UNFINISHED = and_(ASKS, COLUMNS.detail != "refused")
"""A change of the order in Shopify may end what it waits for. What was refused is sent again when a person says so."""


@dataclass(frozen=True)
class SeenReturnLabel:
    """A return label as ShipStation shows it. `outbound_key`: the package whose label it was made from, where that is told."""

    return_key: str
    store: str
    order_id: int
    voided: bool
    tracking_number: str | None
    carrier_code: str | None
    service_code: str | None
    lines: str | None = None
    outbound_key: str | None = None


def record_returns(labels: Sequence[SeenReturnLabel], now: datetime) -> Work[list[OrderRef]]:
    """Keeps what ShipStation shows, marks the orders of which something was new or different, and returns them. A label that does not say
    what it brings back brings what was in the package that it was made for."""
    last = {(one.return_key, one.store, one.order_id): one for one in labels}

    def work(session: Session) -> list[OrderRef]:
        changed: set[OrderRef] = set()
        for _, one in sorted(last.items()):
            lines = one.lines or (_lines_of(session, one) if one.outbound_key else None)
            row = asdict(one) | {"lines": lines, "created_at": now, "updated_at": now, "asked_at": now}
            row |= {"is_told": False, "is_labelled": False, "outcome": "", "detail": "", "refusals": 0}
            if session.connection().execute(_upsert(dialect_of(session)), row).all():
                changed.add((one.store, one.order_id))
                facts = {"tracking_number": one.tracking_number, "voided": one.voided}
                _tell(one.store, one.order_id, "return_label", one.return_key, facts, now)(session)
        mark([Mark(FLOW, order_subject(*ref)) for ref in sorted(changed)], now)(session)
        return sorted(changed)

    return work


def _lines_of(session: Session, one: SeenReturnLabel) -> str | None:
    own = and_(PACKAGES.c.package_key == one.outbound_key, PACKAGES.c.store == one.store)
    statement = select(PACKAGES.c.lines).where(own, PACKAGES.c.order_id == one.order_id)
    return session.connection().execute(statement).scalar()


def _upsert(dialect: str) -> Any:
    """Rows that say nothing new are neither written nor returned."""
    insert = upsert(dialect, RETURNS)
    new = insert.excluded
    values: dict[str, Any] = {name: new[name] for name in ("voided", "tracking_number", "carrier_code", "service_code")}
    values |= {"lines": case((new.voided, COLUMNS.lines), else_=func.coalesce(new.lines, COLUMNS.lines))}
    values |= {"outbound_key": func.coalesce(new.outbound_key, COLUMNS.outbound_key)}
    return insert.on_conflict_do_update(
        index_elements=[COLUMNS.return_key, COLUMNS.store, COLUMNS.order_id],
        set_=values | {"updated_at": new.updated_at},
        where=or_(*(COLUMNS[name].is_distinct_from(value) for name, value in values.items())),
    ).returning(COLUMNS.store, COLUMNS.order_id)


def returns_of(subjects: Iterable[OrderRef]) -> Work[dict[OrderRef, list[ReturnRow]]]:
    """Orders without any are left out. Index: ix_returns_order."""
    stores, given = given_orders(subjects)
    statement = select_rows(ReturnRow).where(of_orders(RETURNS, stores)).order_by(col(ReturnRow.return_key))

    def work(session: Session) -> dict[OrderRef, list[ReturnRow]]:
        found: dict[OrderRef, list[ReturnRow]] = {}
        for row in session.exec(statement, params=given):
            found.setdefault((row.store, row.order_id), []).append(row)
        return found

    return work


def orders_to_look_at(subjects: Iterable[OrderRef]) -> Work[list[OrderRef]]:
    """Those of these orders of which something changed in Shopify that a return waits for, or that the flow may have seen as it was
    before: it has not settled yet. Index: ix_returns_order."""
    stores, given = given_orders(subjects)

    def work(session: Session) -> list[OrderRef]:
        rows = session.connection().execute(_open_returns(stores), given).all() if stores else []
        unfinished = {(row.store, row.order_id): bool(row.unfinished) for row in rows}
        moving = waiting_among(FLOW, [order_subject(*ref) for ref, waits in unfinished.items() if not waits])(session)
        return sorted(ref for ref, waits in unfinished.items() if waits or order_subject(*ref) in moving)

    return work


@cache
def _open_returns(stores: int) -> Select[Any]:
    """The orders with any, and whether one of them is unfinished."""
    order = (COLUMNS.store, COLUMNS.order_id)
    is_one_unfinished = func.max(case((IS_UNFINISHED, 1), else_=0)).label("unfinished")
    return select(*order, is_one_unfinished).where(of_orders(RETURNS, stores), IS_OPEN).group_by(*order)


def look_at_returns(orders: Iterable[OrderRef], now: datetime) -> Work[None]:
    """Units of these orders were told to Shopify just now: what could not be returned may be by now."""
    found = orders_to_look_at(orders)
    return lambda session: mark([Mark(FLOW, order_subject(*ref)) for ref in found(session)], now)(session)


def note_return(ref: OrderRef, return_key: str, values: dict[str, Any], is_refused: bool, now: datetime) -> Work[None]:
    """`values` by column. `is_refused` counts one more clear refusal of its refund."""
    more = {"refusals": COLUMNS.refusals + 1} if is_refused else {}
    statement = _only(ref, return_key).values(**values, **more, updated_at=now)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def receive(ref: OrderRef, return_key: str, by: str, now: datetime) -> Work[bool]:
    """False for one that arrived before. The order is looked at again."""
    statement = _only(ref, return_key).where(COLUMNS.received_at.is_(None)).values(received_at=now, received_by=by)
    return _changed_and_told(ref, statement, _tell(*ref, "return_received", return_key, {"by": by}, now), now)


def approve(ref: OrderRef, return_key: str, amount: Decimal, now: datetime) -> Work[bool]:
    """A person agrees to pay back up to this amount, as long as that is what was suggested. The order is looked at again."""
    is_shown = and_(COLUMNS.suggested == str(amount), COLUMNS.outcome == "")
    statement = _only(ref, return_key).where(is_shown).values(approved=str(amount))
    told = _tell(*ref, "refund_approved", return_key, {"amount": str(amount)}, now)
    return _changed_and_told(ref, statement, told, now)


def decline(ref: OrderRef, return_key: str, now: datetime) -> Work[bool]:
    """A person decides that nothing is paid back for it. False where it is over, or a call about it may still be carried out."""
    statement = _only(ref, return_key).where(COLUMNS.outcome == "").values(outcome="declined", detail="")
    done = _changed_and_told(ref, statement, _tell(*ref, "refund_declined", return_key, {}, now), now)

    def work(session: Session) -> bool:
        entries = open_entries([ref])(session).get(ref, [])
        return not any(entry.key == return_key for entry in entries) and done(session)

    return work


def _only(ref: OrderRef, return_key: str) -> Any:
    store, order_id = ref
    own = and_(COLUMNS.return_key == return_key, COLUMNS.store == store, COLUMNS.order_id == order_id)
    return update(RETURNS).where(own)


def _tell(store: str, order_id: int, step: str, key: str, facts: dict[str, Any], now: datetime) -> Work[None]:
    """A line in the story of the order."""
    return note([NewEntry("", FLOW, store, order_id, step, key, json.dumps(facts))], now)


def _changed_and_told(ref: OrderRef, statement: Any, told: Work[None], now: datetime) -> Work[bool]:
    def work(session: Session) -> bool:
        is_changed = session.connection().execute(statement.values(updated_at=now)).rowcount > 0
        if is_changed:
            told(session)
            mark([Mark(FLOW, order_subject(*ref))], now)(session)
        return is_changed

    return work


def asked(row: ReturnRow, now: datetime) -> Work[None]:
    """The carrier does not say that it has arrived."""
    statement = _only((row.store, row.order_id), row.return_key).values(asked_at=now)

    def work(session: Session) -> None:
        session.connection().execute(statement)

    return work


def returns_on_their_way(stores: Iterable[str], since: datetime, limit: int) -> Work[list[ReturnRow]]:
    """Those made since then of which the carrier was asked longest ago. Index: ix_returns_not_received."""
    is_wanted = and_(text(IS_ON_ITS_WAY), COLUMNS.store.in_(sorted(stores)), COLUMNS.created_at > since)
    statement = select_rows(ReturnRow).where(is_wanted).order_by(col(ReturnRow.asked_at)).limit(limit)
    return lambda session: list(session.exec(statement))


def count_returns() -> Work[dict[str, int]]:
    """On their way, and those about which a person must decide something."""
    counted = select(func.count()).select_from(RETURNS)

    def work(session: Session) -> dict[str, int]:
        run = session.connection().execute
        under_way = run(counted.where(text(IS_ON_ITS_WAY))).scalar_one()
        return {"on_their_way": under_way, "ask_for_a_person": run(counted.where(ASKS)).scalar_one()}

    return work


def unfinished_returns() -> Work[list[ReturnRow]]:
    """That arrived or were refused by Shopify, and are neither refunded nor given up, oldest first."""
    is_shown = and_(IS_OPEN, or_(COLUMNS.received_at.is_not(None), COLUMNS.detail == "refused"))
    statement = select_rows(ReturnRow).where(is_shown).order_by(col(ReturnRow.received_at), col(ReturnRow.return_key))
    return lambda session: list(session.exec(statement))
