"""All ShipStation orders of a window, laid beside what we placed: cancelled, restored, merged, deleted, hand-edited, doubled there.

What is certain is remembered and the order marked, so that the ordinary path repairs it. What is not becomes a finding, which
parks the order with a cause. Not seeing an order is no evidence: it is asked for by itself before anything is concluded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from sqlmodel import Session

from mappings.carry_over import CHANGEABLE
from mappings.causes import Cause, State, state_of
from mappings.packed import Units
from mappings.plans import Standing
from mappings.shipstation_shapes import Order
from mappings.sweeping import (
    Finding,
    Sight,
    edited_fields,
    is_hold_lifted,
    is_of,
    judge,
    modified_at,
    sight_of,
    standing_seen,
    survivor_of,
)
from syncd.budget import Urgency
from syncd.hints import Lane, Mark, order_subject
from syncd.intake.lessons import WORDS, Lesson, without_hold
from syncd.intake.placements import left_behind, parcels_of, placed_of
from syncd.intake.remembered import applied_of, ref_of
from syncd.intake.twins import twins_among
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.shipstation.orders_api import OrdersApi
from syncd.store.consignments import (
    consignments_by_key,
    consignments_of,
    record_consignments,
    reopen_voided,
    stores_of_orders,
)
from syncd.store.journal import NewEntry, note, open_entries
from syncd.store.marks import mark
from syncd.store.orders import causes_of
from syncd.store.packages import packages_of
from syncd.store.schema import ConsignmentRow
from syncd.store.statements import OrderRef
from syncd.store.sweeps import (
    OpenConsignment,
    SeenConsignment,
    consignments_seen,
    findings,
    names_of,
    open_consignments,
    packaged_keys,
    record_findings,
    record_sights,
)
from syncd.store.transaction import Work

log = get_logger("sweep")

QUIET = timedelta(minutes=10)
"""What we touched more recently is left to the next sweep: the list may be older than our own write."""
MOST_LOOKS = 40
"""Orders asked for one by one in one sweep. The rest is for the next one."""
MARGIN = timedelta(days=1)
"""ShipStation's clock beside ours, and its times without a zone."""
GONE = "gone"


@dataclass
class _Picture:
    """What one sweep saw. `twins`: order -> ids of the same sale imported by somebody else."""

    sights: dict[int, Sight] = field(default_factory=dict)
    vanished: dict[OrderRef, list[str]] = field(default_factory=dict)
    twins: dict[OrderRef, set[int]] = field(default_factory=dict)
    touched: set[OrderRef] = field(default_factory=set)
    marked: set[OrderRef] = field(default_factory=set)
    parted: set[OrderRef] = field(default_factory=set)
    """Of which some may lie in parts that are on no list, because their parents left long ago."""
    looks_left: int = MOST_LOOKS

    def of_order(self, order_id: int, ids: Iterable[int]) -> list[Sight]:
        wanted = set(ids)
        return [one for one in self.sights.values() if order_id in one.units or one.order_id in wanted]


class ShipStationSweep:
    def __init__(self, shipstation: OrdersApi, stores: Sequence[str], db: Db, clock: Clock, begin_at: datetime) -> None:
        self._shipstation = shipstation
        self._stores = frozenset(stores)
        self._db = db
        self._clock = clock
        self._begin_at = begin_at

    async def look(self, since: datetime) -> int:
        """Returns how many orders were marked. The list goes back to the oldest order that should still lie there open."""
        began = self._clock.now()
        opened = [one for one in await self._db.run(open_consignments()) if one.store in self._stores]
        oldest = min((one.created_at for one in opened), default=began)
        seen = _Picture()
        async for page in self._shipstation.orders_since(
            max(min(since, oldest - MARGIN), self._begin_at - MARGIN), Urgency.SWEEP
        ):
            if page.unreadable:
                log.warning("feed.unreadable", feed="shipstation.orders", count=page.unreadable)
            await self._take_in(seen, page.rows)
        await self._ask_for_absent(seen, [one for one in opened if one.updated_at < began - QUIET])
        seen.parted = await left_behind(self._db, self._stores)
        await self._judge(seen)
        return len(seen.marked)

    # what is seen

    async def _take_in(self, seen: _Picture, orders: Sequence[Order]) -> None:
        sights = {order["orderId"]: sight_of(order) for order in orders}
        rows = await self._db.run(consignments_seen(sights, {one.order_key for one in sights.values()}))
        rows = [row for row in rows if row.store in self._stores]
        seen.sights |= {sight.order_id: sight for sight in sights.values() if sight.units}
        by_id = {order["orderId"]: order for order in orders}
        beside = [(row, by_id[row.shipstation_order_id]) for row in rows if row.shipstation_order_id in by_id]
        seen.sights |= {order["orderId"]: sights[order["orderId"]] for _, order in beside}
        seen.touched |= {ref_of(row) for row, _ in beside}
        # what lies in an order of another sale, or in a part, is counted beside what we remember of it
        elsewhere = {order_id for sight in sights.values() for order_id in sight.units if not is_of(order_id, sight)}
        if elsewhere := elsewhere - {row.order_id for row, _ in beside}:
            stores = await self._db.run(stores_of_orders(sorted(self._stores), elsewhere))
            seen.touched |= {(store, order_id) for order_id, store in stores.items()}
        await self._find_unanswered(seen, rows)
        await self._remember(seen, beside)
        await self._find_twins(seen, [order for order in orders if not sights[order["orderId"]].units])

    async def _remember(self, seen: _Picture, beside: Sequence[tuple[ConsignmentRow, Order]]) -> None:
        """How each looks now; what its status teaches; and in the journal what a person did there."""
        now = self._clock.now()
        refs = {ref_of(row) for row, _ in beside}
        packaged, causes = await self._db.run(packaged_keys(refs)), await self._db.run(causes_of(refs))
        sights, lessons, reopened, woken = [], [], set(), set()
        for row, order in beside:
            differs = _edited(row, order)
            status = order.get("orderStatus") or ""
            sights.append(SeenConsignment(row.order_key, status, ",".join(differs), modified_at(order)))
            if row.updated_at >= now - QUIET:
                continue
            if differs and ",".join(differs) != (row.seen_differs or ""):
                lessons.append(Lesson(row, "edited", facts={"fields": list(differs)}))
            if is_hold_lifted(applied_of(row), status):
                lessons.append(Lesson(row, "hold_lifted", applied=without_hold(row)))
            elif status in CHANGEABLE - {"on_hold"} and (
                row.seen_status == "on_hold" or _is_held(causes.get(ref_of(row)))
            ):
                woken.add(ref_of(row))  # the warehouse lifted a hold of its own, which spared us one
            elif _is_contested(causes.get(ref_of(row))) and modified_at(order) != row.seen_modified_at:
                woken.add(ref_of(row))  # perhaps somebody settled it there
            if learned := standing_seen(Standing(row.standing), status, row.order_key in packaged):
                lessons.append(Lesson(row, WORDS[learned], standing=learned))
            if row.standing == Standing.SHIPPED and status in {"awaiting_shipment", "on_hold"}:
                reopened.add(row.order_key)

        def work(session: Session) -> None:
            record_sights(sights, now)(session)
            if reopened:
                reopen_voided(reopened, now)(session)
            mark(_marks(woken), now)(session)

        await self._db.run(work)
        seen.marked |= woken
        await self._learn(seen, lessons)

    async def _learn(self, seen: _Picture, lessons: Sequence[Lesson]) -> None:
        """Rows, journal and marks move together. What was written down since its row was read counts more: asking for others
        may have taken minutes."""
        now = self._clock.now()

        def work(session: Session) -> set[OrderRef]:
            rows = consignments_by_key([one.row.order_key for one in lessons])(session)
            told = [one for one in lessons if rows[one.row.order_key].updated_at == one.row.updated_at]
            changes = [one for one in told if one.changes_row]
            certain = {ref_of(one.row) for one in changes}
            record_consignments([one.update() for one in changes], now)(session)
            note([one.entry() for one in told], now)(session)
            mark(_marks(certain), now)(session)
            return certain

        if lessons:
            certain = await self._db.run(work)
            seen.marked |= certain
            seen.touched |= certain

    async def _find_unanswered(self, seen: _Picture, rows: Iterable[ConsignmentRow]) -> None:
        """Those of which we never had an answer, and which are there: taken for refused, they would pass for missing."""
        now = self._clock.now()
        found = {ref_of(row) for row in rows if row.shipstation_order_id is None and row.updated_at < now - QUIET}
        await self._db.run(mark(_marks(found), now))
        seen.marked |= found

    async def _find_twins(self, seen: _Picture, strangers: Sequence[Order]) -> None:
        for ref, ids in (await twins_among(self._db, self._stores, strangers)).items():
            seen.twins.setdefault(ref, set()).update(ids)

    # what is not seen

    async def _ask_for_absent(self, seen: _Picture, opened: Sequence[OpenConsignment]) -> None:
        """Those that no list showed are asked for by id; only what is not there either was merged where another order says so."""
        absent = [one for one in opened if one.shipstation_order_id and one.shipstation_order_id not in seen.sights]
        if not absent:
            return
        rows = {
            row.order_key: row for row in await self._db.run(consignments_seen([], [one.order_key for one in absent]))
        }
        for row in [rows[one.order_key] for one in absent][: seen.looks_left]:
            seen.looks_left -= 1
            await self._ask_for(seen, row)

    async def _ask_for(self, seen: _Picture, row: ConsignmentRow) -> None:
        order_id = cast(int, row.shipstation_order_id)
        order = (await self._shipstation.orders_by_id([order_id], Urgency.SWEEP))[order_id]
        if order is not None:
            await self._take_in(seen, [order])
            return
        if survivor := survivor_of(placed_of(row), row.order_id, seen.sights.values()):
            await self._survived(seen, row, survivor)
            return
        seen.vanished.setdefault(ref_of(row), []).append(row.order_key)
        seen.touched.add(ref_of(row))
        gone = SeenConsignment(row.order_key, GONE, "", None)
        await self._db.run(record_sights([gone], self._clock.now()))
        if row.seen_status != GONE:
            await self._learn(seen, [Lesson(row, GONE, facts={"shipstation_order": row.shipstation_order_id})])

    async def _survived(self, seen: _Picture, row: ConsignmentRow, survivor: Sight) -> None:
        """It may leave with the survivor, whatever our hold said."""
        facts = {"shipstation_order": row.shipstation_order_id, "survivor": survivor.order_id}
        applied = without_hold(row) if is_hold_lifted(applied_of(row), survivor.status) else None
        await self._learn(seen, [Lesson(row, "merged", None, survivor.order_id, applied, facts)])

    # what it means

    async def _judge(self, seen: _Picture) -> None:
        """Every order that was touched, and every one of which something is known to be wrong, by fresh rows."""
        known = {ref: one for ref, one in (await self._db.run(findings())).items() if ref[0] in self._stores}
        refs = sorted(seen.touched | seen.twins.keys() | known.keys() | seen.parted)
        now, verdicts = self._clock.now(), dict[OrderRef, tuple[str, str] | None]()
        for start in range(0, len(refs), 500):
            rows = await self._db.run(consignments_of(refs[start : start + 500]))
            in_doubt = await self._db.run(open_entries(rows))
            packages = await self._db.run(packages_of(list(rows)))
            for ref, placed in rows.items():
                keys = {row.order_key for row in placed}
                if any(entry.key in keys for entry in in_doubt.get(ref, ())):
                    continue  # what ShipStation shows may be what we wrote, whose answer was lost
                if any(row.updated_at >= now - QUIET and ref_of(row) not in seen.marked for row in placed):
                    continue
                parcels = parcels_of(placed, packages[ref])
                finding = self._verdict(seen, ref, placed, parcels)
                if (finding or ref in known or ref in seen.parted) and seen.looks_left > 0:
                    finding = await self._confirmed(seen, ref, placed, parcels)
                elif finding or ref in known:
                    continue
                verdict = (str(finding.cause), finding.detail) if finding else None
                if verdict != known.get(ref):
                    verdicts[ref] = verdict
        await self._db.run(_conclude(verdicts, now))
        seen.marked |= verdicts.keys()

    def _verdict(
        self, seen: _Picture, ref: OrderRef, rows: Sequence[ConsignmentRow], parcels: Mapping[str, Units]
    ) -> Finding | None:
        sights = seen.of_order(ref[1], [row.shipstation_order_id or 0 for row in rows])
        placed = [placed_of(row) for row in rows if row.applied]
        return judge(ref[1], placed, sights, sorted(seen.twins.get(ref, ())), seen.vanished.get(ref, ()), parcels)

    async def _confirmed(
        self, seen: _Picture, ref: OrderRef, rows: Sequence[ConsignmentRow], parcels: Mapping[str, Units]
    ) -> Finding | None:
        """Once more, with all orders of its number: parts split off long ago are on no list of late changes. What another
        importer made has the number without our prefix, and often without the #."""
        names = await self._db.run(names_of([ref]))
        ours = {(applied_of(row) or {}).get("orderNumber") or "" for row in rows} - {""}
        numbers = {min(ours, key=len, default=""), names.get(ref, ""), names.get(ref, "").lstrip("#")} - {""}
        seen.twins.pop(ref, None)
        for number in sorted(numbers):
            seen.looks_left -= 1
            orders = await self._shipstation.orders_beginning(number, Urgency.SWEEP)
            seen.sights |= {one.order_id: one for one in map(sight_of, orders) if ref[1] in one.units}
            await self._find_twins(seen, [order for order in orders if not sight_of(order).units])
        return self._verdict(seen, ref, rows, parcels)


def _conclude(verdicts: Mapping[OrderRef, tuple[str, str] | None], now: datetime) -> Work[None]:
    entries = [
        NewEntry("sweep", "sweep", *ref, "sweep", "", json.dumps({"found": "right_again"}))
        if verdict is None
        else NewEntry("sweep", "sweep", *ref, "sweep", "", json.dumps({"found": verdict[0], "detail": verdict[1]}))
        for ref, verdict in sorted(verdicts.items())
    ]

    def work(session: Session) -> None:
        record_findings(verdicts)(session)
        note(entries, now)(session)
        mark(_marks(verdicts), now)(session)

    return work


def _marks(refs: Iterable[OrderRef]) -> list[Mark]:
    return [Mark(flow, order_subject(*ref), Lane.FRESH) for flow in ("shipments", "orders") for ref in sorted(refs)]


def _is_held(found: tuple[str, datetime] | None) -> bool:
    return found is not None and state_of(Cause(found[0])) is State.HELD


def _is_contested(found: tuple[str, datetime] | None) -> bool:
    return found is not None and found[0] == Cause.CHANGED_ON_BOTH_SIDES


def _edited(row: ConsignmentRow, order: Order) -> tuple[str, ...]:
    applied = applied_of(row)
    return edited_fields(order, applied) if applied else ()
