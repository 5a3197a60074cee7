"""The story of one order, and what would be done now: what we remember, what both sides show, why, and the next step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mappings import canonical
from mappings.causes import MEANINGS, Cause
from mappings.plans import AdoptFulfillment, CancelFulfillment, CreateFulfillment, Plan, Step, UpsertOrder, VoidLabel
from mappings.returns import ReturnStep
from syncd.budget import Urgency
from syncd.errors import SyncError
from syncd.flows.claim import read_known
from syncd.flows.intend import facts_of_choice, facts_of_return, key_of
from syncd.flows.work import Known, Sighting, Unreadable
from syncd.hints import order_subject
from syncd.operate.desk import Desk, find_order
from syncd.operate.story import carrier_name, rate_text, story
from syncd.store.journal import history
from syncd.store.orders import OrderRows, order_rows
from syncd.store.schema import ConsignmentRow, JournalEntry, PackageRow
from syncd.store.statements import OrderRef
from syncd.wiring import build_flows


async def plan_order_now(desk: Desk, text: str) -> dict[str, Any]:
    """Observes both sides and plans, as the daemon would; writes nothing."""
    ref = await find_order(desk, text)
    flows = build_flows(desk.settings, desk.vendors, desk.db, desk.clock, desk.start_at)
    subject = order_subject(*ref)
    answer: dict[str, Any] = {"ref": subject}
    for flow in (flows.orders, flows.shipments, flows.returns):
        known = (await desk.db.run(read_known(flow.name, [ref])))[ref]
        sighting = (await flow.observe({subject: known}))[subject]
        answer[flow.name] = _verdict(flow.plan, subject, known, sighting, desk.clock.now())
    return answer


def _verdict(plan: Any, subject: str, known: Known, sighting: Sighting | Unreadable, now: datetime) -> dict[str, Any]:
    if isinstance(sighting, Unreadable):
        return {"cause": Cause.UNREADABLE, "detail": f"{sighting.code} {sighting.text}".strip(), "steps": []}
    verdict: Plan = plan(subject, known, sighting, now)
    applied = {one.order_key: one.applied for one in known.consignments}
    return {
        "cause": verdict.cause,
        "sentence": MEANINGS[verdict.cause].sentence,
        "detail": verdict.detail,
        "look_again_at": verdict.look_again_at.isoformat() if verdict.look_again_at else None,
        "steps": [_step(step, applied) for step in verdict.steps],
        "conflicts": [
            {
                "key": one.order_key,
                "field": one.field,
                "shopify": _plain(one.shopify),
                "shipstation": _plain(one.shipstation),
            }
            for one in verdict.conflicts
        ],
    }


def _step(step: Step, applied: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"step": step.kind, "key": key_of(step)}
    if isinstance(step, UpsertOrder):
        before = applied.get(step.order_key) or {}
        names = step.fields or tuple(step.document)
        told["fields"] = {
            name: {"from": _plain(before.get(name)), "to": _plain(dict(step.document).get(name))} for name in names
        }
        told |= {"rate": facts_of_choice(step.choice)} if step.choice else {}
    elif isinstance(step, ReturnStep):
        told |= facts_of_return(step)
    elif isinstance(step, VoidLabel):
        told["shipstation_order"] = step.shipstation_order_id
    elif isinstance(step, AdoptFulfillment | CancelFulfillment):
        told["fulfillment"] = step.fulfillment_gid
    else:
        where = {"lines": step.lines} if isinstance(step, CreateFulfillment) else {"instead_of": step.instead_of}
        told |= where | {
            "tracking_number": step.tracking_number,
            "company": step.tracking_company,
            "mail": step.notify_customer,
        }
    return told


def _plain(value: Any) -> Any:
    return json.loads(canonical.dumps(value)) if value is not None else None


def plan_text(answer: Mapping[str, Any]) -> str:
    lines = [f"order {answer['ref']}"]
    for flow in ("orders", "shipments", "returns"):
        verdict = answer[flow]
        if flow == "returns" and not verdict["steps"]:
            continue
        lines.append(f"{flow}: {verdict['cause']}" + (f" ({verdict['detail']})" if verdict["detail"] else ""))
        for step in verdict["steps"]:
            lines.append(f"  {step['step']} {step['key']}")
            lines += [f"    {rate_text(step['rate'])}"] if "rate" in step else []
            lines += [
                f"    {name}: {_short(change['from'])} -> {_short(change['to'])}"
                for name, change in step.get("fields", {}).items()
            ]
        for one in verdict.get("conflicts", ()):
            lines.append(f"  both sides changed {one['field']} of {one['key']}")
            lines += [f"    {side}: {_short(one[side])}" for side in ("shopify", "shipstation")]
        if not verdict["steps"]:
            lines.append("  nothing to do")
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}..."


async def explain_order(desk: Desk, text: str, offline: bool) -> dict[str, Any]:
    ref = await find_order(desk, text)
    rows: OrderRows = await desk.db.run(order_rows(*ref))
    entries = await desk.db.run(history(*ref))
    answer = _remembered(ref, rows, entries)
    if not offline:
        answer["now"] = await _both_sides(desk, ref, rows)
    return answer


def _remembered(ref: OrderRef, rows: OrderRows, entries: Sequence[JournalEntry]) -> dict[str, Any]:
    order = rows.order
    cause = Cause(order.cause) if order else None
    meaning = MEANINGS[cause] if cause else None
    return {
        "ref": order_subject(*ref),
        "order": order.name if order else "",
        "state": order.state if order else "unknown",
        "cause": cause,
        "sentence": meaning.sentence if meaning else "It has not been looked at yet.",
        "detail": order.detail if order else "",
        "since": order.since.isoformat() if order else None,
        "next_step": meaning.next_step if meaning else "Run `syncd mark` for it.",
        "consignments": [_consignment(row) for row in rows.consignments],
        "packages": [_package(row) for row in rows.packages],
        "story": [{"at": event.at.isoformat(), "text": event.text} for event in story(order, rows.packages, entries)],
        "history": [_entry(entry) for entry in entries],
    }


def _consignment(row: ConsignmentRow) -> dict[str, Any]:
    return {
        "order_key": row.order_key,
        "location_id": row.location_id,
        "standing": row.standing,
        "shipstation_order_id": row.shipstation_order_id,
        "pushed_at": row.pushed_at.isoformat() if row.pushed_at else None,
    }


def _package(row: PackageRow) -> dict[str, Any]:
    return {
        "package": row.package_key,
        "voided": row.voided,
        "tracking_number": row.tracking_number,
        "carrier_code": row.carrier_code,
        "carrier": carrier_name(row),
        "ship_date": row.ship_date,
        "lines": json.loads(row.lines) if row.lines else None,
        "fulfillment": row.fulfillment_gid,
    }


def _entry(entry: JournalEntry) -> dict[str, Any]:
    return {
        "at": entry.opened_at.isoformat(),
        "step": entry.step,
        "key": entry.key,
        "outcome": entry.outcome,
        "code": entry.code,
        "text": entry.text,
        "facts": json.loads(entry.facts) if entry.facts else {},
    }


async def _both_sides(desk: Desk, ref: OrderRef, rows: OrderRows) -> dict[str, Any]:
    """What both vendors show at this moment; their trouble is told and hides nothing else."""
    flows = build_flows(desk.settings, desk.vendors, desk.db, desk.clock, desk.start_at)
    subject = order_subject(*ref)
    seen = (await flows.shipments.observe({subject: Known()}))[subject]
    ids = [row.shipstation_order_id for row in rows.consignments if row.shipstation_order_id]
    return {
        "shopify": _shopify_side(seen),
        "shipstation": [await _shipstation_side(desk, order_id) for order_id in ids],
    }


def _shopify_side(seen: Sighting | Unreadable) -> dict[str, Any]:
    if isinstance(seen, Unreadable):
        return {"unreadable": f"{seen.code} {seen.text}".strip()}
    if seen.order is None:
        return {"unreadable": "Shopify shows no such order to the app"}
    return {
        "cancelled_at": seen.order["cancelledAt"],
        "fulfillment_orders": [
            {
                "status": one["status"],
                "location": one["assignedLocation"]["name"],
                "holds": [hold["reason"] for hold in one["fulfillmentHolds"]],
                "remaining": sum(line["remainingQuantity"] for line in one["lineItems"]["nodes"]),
            }
            for one in seen.order["fulfillmentOrders"]["nodes"]
        ],
        "fulfillments": [
            {
                "fulfillment": one["id"],
                "status": one["status"],
                "numbers": [info["number"] for info in one["trackingInfo"]],
            }
            for one in seen.order["fulfillments"]
        ],
    }


async def _shipstation_side(desk: Desk, order_id: int) -> dict[str, Any]:
    try:
        order = (await desk.vendors.orders.orders_by_id([order_id], Urgency.SWEEP))[order_id]
    except SyncError as error:
        return {"order_id": order_id, "unreadable": str(error)}
    if order is None:
        return {"order_id": order_id, "status": "not there: deleted, or merged into another order"}
    units = sum(item.get("quantity") or 0 for item in order.get("items") or [] if not item.get("adjustment"))
    return {
        "order_id": order_id,
        "number": order.get("orderNumber"),
        "status": order.get("orderStatus"),
        "units": units,
    }
