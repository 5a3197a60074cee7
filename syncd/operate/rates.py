"""`syncd rates`: what every service of every carrier would cost for one order, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.errors import RejectedError
from syncd.hints import order_subject
from syncd.operate.desk import Desk, find_order
from syncd.operate.lookups import v2_of
from syncd.shipstation import v2_reads
from syncd.store.orders import order_rows


async def rates_of_order(desk: Desk, text: str) -> dict[str, Any]:
    """Cheapest first, for each open consignment. Raises `RejectedError` where there is nothing to rate."""
    client = v2_of(desk)
    ref = await find_order(desk, text)
    rows = await desk.db.run(order_rows(*ref))
    sent = [row for row in rows.consignments if row.shipstation_order_id]
    if not sent:
        raise RejectedError("not_sent", f"{text} is not in ShipStation yet, so nothing can be rated")
    carriers = await v2_reads.carriers(client)
    ids = [carrier.carrier_id for carrier in carriers]
    found = {row.order_key: await v2_reads.rates(client, row.shipstation_order_id or 0, ids) for row in sent}
    return {
        "order": rows.order.name if rows.order else text,
        "ref": order_subject(*ref),
        "consignments": [
            {"order_key": key, "rates": [rate._asdict() for rate in sorted(rates, key=_rank)]}
            for key, rates in found.items()
        ],
    }


def _rank(rate: v2_reads.Rate) -> tuple[bool, float, str]:
    """What cannot be had stands last."""
    return bool(rate.refusal), rate.amount, rate.service_code


def rates_text(answer: Mapping[str, Any]) -> str:
    lines = []
    for consignment in answer["consignments"]:
        lines.append(f"{answer['order']} {consignment['order_key']}")
        lines += [_line(rate) for rate in consignment["rates"]] or ["  No carrier goes there."]
    return "\n".join(lines)


def _line(rate: Mapping[str, Any]) -> str:
    days = f"{rate['days']} days" if rate["days"] is not None else ""
    price = (
        f"not rateable: {rate['refusal']}" if rate["refusal"] else f"{rate['amount']:8.2f} {rate['currency']:4} {days}"
    )
    return f"  {rate['carrier_code']:22} {rate['service']:32} {price}"
