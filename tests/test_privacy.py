"""What is remembered of people, until when, and how it is dropped for good."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from mappings.decoding import MalformedError
from mappings.personal import without_personal
from mappings.privacy import privacy_asked
from syncd.operate.explain import explain_order
from syncd.operate.privacy import answer_of, redact_by_hand, redacted_text, requests_text, tell_data, told_requests
from syncd.operate.status import read_status
from syncd.simulation.day import SHOP, Day, Fates, settings_of
from syncd.simulation.desk import desk_of
from syncd.store.engine import open_db
from syncd.store.privacy import redact
from tests.mappings.builders import NOW
from tests.test_logs import FORBIDDEN, Lines, canary_order, lines

__all__ = ["lines"]

CANARY = "canary"


async def post(day: Day, topic: str, said: Any, webhook_id: str = "p1") -> int:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    signature = base64.b64encode(hmac.digest(SHOP.client_secret.encode(), body, "sha256")).decode()
    headers = {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": webhook_id}
    return await day.webhooks.shopify_posted("main", CIMultiDict(headers), body)


def asked(order_id: int, **rest: Any) -> dict[str, Any]:
    return {"shop_id": 1, "shop_domain": SHOP.domain, "customer": {"id": 7, "email": "x@example.com"}, **rest}


def remembered(day: Day) -> str:
    """Every text and every byte of every table."""
    tables = [row["name"] for row in day.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return str([day.rows(f"SELECT * FROM {name}") for name in tables]).lower()


async def test_a_redacted_customer_is_gone_within_a_minute_and_does_not_come_back(day: Day) -> None:
    order_id = canary_order(day)
    await day.rest()
    assert CANARY in remembered(day)
    assert await post(day, "customers/redact", asked(order_id, orders_to_redact=[order_id])) == 200
    await day.passes(60)
    assert CANARY not in remembered(day)
    before = day.writes()
    day.shopify.people.edit(order_id, note="Canary changed")
    await day.rest()
    assert day.writes() >= before
    assert CANARY not in remembered(day)
    await day.assert_clean()
    assert (await told_requests(await desk_of(day)))[0]["done_at"]


async def test_a_data_request_is_answered_with_what_is_held(day: Day) -> None:
    order_id = canary_order(day)
    await day.rest()
    assert await post(day, "customers/data_request", asked(order_id, orders_requested=[order_id])) == 200
    await day.passes(60)
    desk = await desk_of(day)
    (told,) = await told_requests(desk)
    answer = await answer_of(desk, told["request"])
    assert "Canaryville" in json.dumps(answer)
    assert CANARY not in requests_text([told]).lower()
    assert await tell_data(desk, [str(order_id)]) == answer
    await redact_by_hand(desk, [str(order_id)], "")
    assert CANARY not in remembered(day)


async def test_a_whole_shop_is_redacted_and_what_shipstation_holds_is_named(day: Day) -> None:
    order_id = canary_order(day)
    await day.rest()
    (there,) = day.there(order_id)
    assert await post(day, "shop/redact", {"shop_id": 1, "shop_domain": SHOP.domain}) == 200
    await day.passes(60)
    assert CANARY not in remembered(day)
    (told,) = await redact_by_hand(await desk_of(day), [], "main")
    assert told["remains_in_shipstation"] == [there["orderId"]]
    assert str(there["orderId"]) in redacted_text([told])


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        pytest.param("shop/redact", asked(1, orders_to_redact=[1]), id="another topic's body"),
        pytest.param("shop/redact", {"shop_id": 1, "shop_domain": "other.myshopify.com"}, id="another shop"),
        pytest.param("customers/redact", {"id": 5001, "name": "#1001"}, id="an order"),
        pytest.param("customers/redact", asked(1, orders_to_redact=["x"]), id="no numbers"),
        pytest.param("customers/redact", asked(1), id="no orders"),
        pytest.param("orders/updated", b"no JSON", id="no JSON"),
        pytest.param("orders/updated", b"[" * 100_000, id="deep"),
    ],
)
async def test_what_cannot_be_read_is_answered_parked_and_changes_nothing(day: Day, topic: str, said: Any) -> None:
    canary_order(day)
    await day.rest()
    assert await post(day, topic, said) == 200
    await day.passes(60)
    assert CANARY in remembered(day)
    assert await told_requests(await desk_of(day)) == []
    assert (await read_status(day.db, day.clock, day.settings, day.db))["webhooks_unreadable"] == 1
    assert day.rows("SELECT body FROM deliveries") == []


def test_a_data_request_names_its_own_number_too() -> None:
    body = asked(1, orders_requested=[1], data_request={"id": 9})
    assert privacy_asked("main", SHOP.domain, "customers/data_request", body).order_ids == (1,)
    with pytest.raises(MalformedError):
        privacy_asked("main", SHOP.domain, "customers/redact", body)


@pytest.mark.parametrize("fates", [Fates(settings=settings_of(privacy={"retention_days": 2}))])
async def test_names_are_dropped_some_days_after_an_order_closed(day: Day) -> None:
    order_id = canary_order(day)
    await day.rest()
    day.shipstation.labels.ship_all()
    await day.rest()
    assert await day.cause(order_id) == "shipped"
    for closed_at, is_there in (("2026-11-19", True), ("2026-11-17", False)):
        day.execute(f"UPDATE orders SET closed_at = '{closed_at} 00:00:00.000000'")
        assert day.duties is not None
        await day.duties._tidy()
        assert (CANARY in remembered(day)) is is_there
    await day.rest()
    await day.assert_clean()


async def test_no_byte_of_a_redacted_name_is_left_in_the_files(sqlite_url: str, tmp_path: Path) -> None:
    db = open_db(sqlite_url)
    insert = (
        "INSERT INTO consignments (order_key, store, order_id, location_id, split_group, n, standing, applied, created_at,"
        " updated_at) VALUES (:key, 'main', :order, 1, '', 1, 'open', :applied, '2026-11-20', '2026-11-20')"
    )
    for number in range(1, 200):
        row = {"key": f"main-{number}-1-1", "order": number, "applied": "Canary Street " * 200}
        await db.run(lambda session, row=row: session.connection().exec_driver_sql(insert, row))  # type: ignore[misc]
    await db.run(redact("main", list(range(1, 200)), NOW))
    await db.run(lambda session: None)
    files = [path for path in tmp_path.iterdir() if path.name.startswith("syncd.db")]
    assert {path.name for path in files} >= {"syncd.db", "syncd.db-wal"}
    assert [path.name for path in files if b"Canary" in path.read_bytes()] == []
    await db.close()


QUOTING = "The street '77 CANARY STREET' of Canaryfirst Canarylast (canary.mail@example.com, +15550142999) is too long"


async def test_what_a_vendor_quotes_of_a_person_is_repeated_nowhere(lines: Lines, day: Day) -> None:
    """Logs, states, journal, and what the commands print."""
    day.shipstation.set_options({"warehouses": []})
    order_id = canary_order(day)
    real = day.network.vendors

    class Quoting:
        async def send(self, request: Any) -> Any:
            response = await real.send(request)
            if b"errorMessage" not in response.body:
                return response
            said = json.loads(response.body)
            for row in said["results"]:
                row["errorMessage"] = QUOTING
            return type(response)(response.status, response.headers, json.dumps(said).encode())

    day.network.vendors = Quoting()
    await day.rest()
    assert (await day.told())[order_id]["state"] == "parked"
    desk = await desk_of(day)
    printed = [
        "\n".join(lines.texts),
        json.dumps(await read_status(day.db, day.clock, day.settings, day.db)),
        json.dumps(await day.told()),
        json.dumps(await explain_order(desk, str(order_id), offline=True), default=str),
        str(day.rows("SELECT text, code, facts FROM journal")),
        str(day.rows("SELECT error_text FROM marks")),
    ]
    found = {word for text in printed for word in FORBIDDEN if word.lower() in text.lower()}
    assert found == set()
    assert "is too long" in printed[2]


def test_short_values_and_other_words_stay() -> None:
    said = without_personal("NY is no state of US: Bob Ray", [{"shipTo": {"name": "Bob Ray", "state": "NY"}}])
    assert said == "NY is no state of US: [...]"
