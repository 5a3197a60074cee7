"""What the logs of a whole day say and never say: one line for each step, no name, mail, address, token or body."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from syncd.errors import TransientError
from syncd.logs import keep_registered, set_up_logs
from syncd.sandbox.shipstation.faults import FaultRule as ShipStationRule
from syncd.sandbox.shopify.faults import FaultRule as ShopifyRule
from syncd.simulation.day import SECRET, SHOP, Day

CANARIES = {
    "email": "canary.mail@example.com",
    "note": "Canary note: ring twice",
    "phone": "+15550142999",
    "shipping_address": {
        "first_name": "Canaryfirst",
        "last_name": "Canarylast",
        "address1": "77 Canary Street",
        "city": "Canaryville",
        "zip": "10999",
        "province_code": "NY",
        "country_code": "US",
        "phone": "+15550142999",
    },
}
FORBIDDEN = ("canary", "15550142999", "10999", "shpat_", "sandbox-secret", SECRET, SHOP.client_secret, "Basic ")


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    def events(self, *names: str) -> list[dict[str, Any]]:
        return [line for text in self.texts for line in [json.loads(text)] if line["event"] in names]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """All that is logged, as it would be written, at the chattiest level."""
    root = logging.getLogger()
    before, level, config = list(root.handlers), root.level, structlog.get_config()
    set_up_logs("debug", plain=False)
    structlog.configure(cache_logger_on_first_use=False)
    lines = Lines()
    lines.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [lines]
    yield lines
    root.handlers[:], root.level = before, level
    structlog.configure(**config)


def canary_order(day: Day) -> int:
    line = {
        "id": 1,
        "title": "Canary goods",
        "sku": "SKU-1",
        "quantity": 2,
        "price": "10.00",
        "requires_shipping": True,
    }
    return day.shopify.people.import_order(
        {"financial_status": "paid", "currency": "USD", "line_items": [line], "customer": CANARIES, **CANARIES}
    )


async def test_no_canary_ever_reaches_a_log_line(lines: Lines, day: Day) -> None:
    """Through success, refusals, lost answers, locked accounts, a failing database and a mistake of ours."""
    order_id = canary_order(day)
    day.shopify.faults.set([ShopifyRule("html", times=2), ShopifyRule("internal_error_in_200", times=1)])
    day.shipstation.faults.set([ShipStationRule("truncated", path="/orders/createorders", times=1)])
    await day.rest()
    (there,) = day.there(order_id)
    assert there["shipTo"]["city"] == "Canaryville"
    day.shipstation.set_options({"access": "expired"})
    day.shopify.people.edit(order_id, note="Canary changed")
    await day.passes(20)
    day.shipstation.set_options({"access": "ok"})
    day.db.fails_with = TransientError("store_busy")
    await day.passes(5)
    day.db.fails_with = None
    day.shipstation.labels.ship_all()
    day.shopify.faults.set([ShopifyRule("lost_answer", operation="mutation", times=1)])
    await day.rest()
    await day.assert_clean()
    written = "\n".join(lines.texts)
    assert lines.events("order.pushed", "order.updated")
    assert lines.events("access.lost")
    assert lines.events("fulfillment.adopted")
    assert [word for word in FORBIDDEN if word.lower() in written.lower()] == []


async def test_a_refused_document_is_told_without_its_contents(lines: Lines, day: Day) -> None:
    order_id = canary_order(day)
    day.shopify.shops[SHOP.domain].orders[order_id].shipping_address = None
    day.shipstation.set_options({"warehouses": []})
    await day.rest()
    assert (await day.told())[order_id]["state"] == "parked"
    assert [word for word in FORBIDDEN if word.lower() in "\n".join(lines.texts).lower()] == []


async def test_each_applied_step_is_one_line_with_its_order_and_key(lines: Lines, day: Day) -> None:
    kept, cancelled, edited = day.sell(3, lines=1, quantity=2)
    await day.rest()
    day.shopify.people.cancel(cancelled)
    day.shopify.people.edit(edited, quantities={day.order(edited)["lines"][0]["id"]: 1})
    await day.rest()
    (there,) = day.there(kept)
    day.shipstation.labels.buy_label(there["orderId"])
    await day.rest()
    steps = ("order.pushed", "order.cancelled", "order.updated", "fulfillment.created", "fulfillment.adopted")
    told = [(line["event"], line["order_id"]) for line in lines.events(*steps)]
    assert sorted(told) == sorted(
        [
            *[("order.pushed", f"main/{order_id}") for order_id in (kept, cancelled, edited)],
            ("order.cancelled", f"main/{cancelled}"),
            ("order.updated", f"main/{edited}"),
            ("fulfillment.created", f"main/{kept}"),
        ]
    )
    journal = day.rows("SELECT count(*) AS n FROM journal WHERE outcome = 'confirmed'")
    assert journal[0]["n"] == len(told)
    assert all(line["order_key"] and line["batch_id"] and line["flow"] for line in lines.events(*steps))


def test_keys_that_nobody_registered_are_dropped() -> None:
    event = {
        "event": "x.done",
        "email": "a@b.example",
        "count": 1,
        "error_text": "for a@b.example, Basic QUJD, shpat_0123",
    }
    assert keep_registered(None, "info", event) == {
        "event": "x.done",
        "count": 1,
        "error_text": "for [mail], [secret], [secret]",
    }
