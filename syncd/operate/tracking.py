"""`syncd track`: where the packages of one order are, in the carrier's words and in ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mappings.carriers import tracking as carrier_of
from mappings.deliveries import Delivery, delivery, order_status
from syncd.budget import Urgency
from syncd.errors import SyncError
from syncd.hints import order_subject
from syncd.operate.desk import Desk, find_order
from syncd.shipstation import v2_reads
from syncd.store.journeys import journeys_of
from syncd.store.orders import order_rows
from syncd.store.schema import PackageRow
from syncd.wiring import own_carriers

FRESH = timedelta(minutes=5)
"""So old may be what a webhook told: a help desk that asks often costs no calls."""


async def track_order(desk: Desk, text: str) -> dict[str, Any]:
    """Packages that ShipStation voided are left out. Raises `RejectedError` for an order that nobody knows."""
    ref = await find_order(desk, text)
    rows = await desk.db.run(order_rows(*ref))
    deliveries = [await _delivery(desk, row) for row in rows.packages if not row.voided]
    return {
        "order": rows.order.name if rows.order else text,
        "order_id": ref[1],
        "ref": order_subject(*ref),
        "status": order_status(deliveries),
        "packages": deliveries,
    }


def without_places(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The last scans of a package are where its customer lives."""
    packages = [
        {**package, "events": [{**one, "place": ""} for one in package["events"]]} for package in answer["packages"]
    ]
    return {**answer, "packages": packages}


async def _delivery(desk: Desk, row: PackageRow) -> Delivery:
    company, url = carrier_of(row.carrier_code, row.service_code, row.tracking_number, own_carriers(desk.settings))
    package = {"tracking_number": row.tracking_number, "ship_date": row.ship_date}
    return delivery(package, company, url, await _told(desk, row.package_key), desk.clock.now())


async def _told(desk: Desk, package_key: str) -> Mapping[str, Any] | None:
    """What was heard a moment ago, else what the carrier says now, else what was heard last. None where there is no V2 key, or
    for what was marked as shipped without a label: nobody follows it."""
    kind, number = package_key[:1], package_key[1:]
    if desk.vendors.shipstation_v2 is None or kind != "s" or not number.isdecimal():
        return None
    known = (await desk.db.run(journeys_of([package_key]))).get(package_key)
    kept: Mapping[str, Any] | None = json.loads(known.news) if known and known.news else None
    if known and known.heard_at and kept and desk.clock.now() - known.heard_at < FRESH:
        return kept
    try:
        return await v2_reads.tracking(desk.vendors.shipstation_v2, int(number), Urgency.CATALOG)
    except SyncError:
        if kept is None:
            raise
        return kept


def tracking_text(answer: Mapping[str, Any]) -> str:
    lines = [f"{answer['order']} ({answer['ref']}): {answer['status'].replace('_', ' ')}"]
    if not answer["packages"]:
        lines.append("  No package has left yet. `syncd explain` tells where the order is.")
    for number, package in enumerate(answer["packages"], 1):
        lines += _package_lines(number, package)
    return "\n".join(lines)


def _package_lines(number: int, package: Delivery) -> list[str]:
    lines = [f"Package {number}: {package['carrier'] or 'carrier unknown'} {package['tracking_number'] or 'no number'}"]
    lines.append(f"  {package['status_words']}" + (f' "{package["carrier_says"]}"' if package["carrier_says"] else ""))
    dates = {"shipped": "ship_date", "expected": "estimated_delivery", "delivered": "delivered_at"}
    told = [f"{word} {str(package[name])[:16]}" for word, name in dates.items() if package[name]]  # type: ignore[literal-required]
    if told:
        lines.append(f"  {', '.join(told)}")
    if package["trouble"]:
        lines.append(f"  Trouble: {package['trouble']}")
    if package["next_step"]:
        lines.append(f"  Next step: {package['next_step']}")
    if package["tracking_url"]:
        lines.append(f"  {package['tracking_url']}")
    return lines + [f"    {one['at'][:16]}  {one['carrier_says']} ({one['place']})" for one in package["events"]]
