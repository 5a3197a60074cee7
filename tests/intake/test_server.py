"""The port over real connections: who is let in, what is kept, and what is answered when something is wrong."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from syncd.adapters import SystemClock, SystemRng, TaskSpawn
from syncd.duties import Duties, way_in_here
from syncd.errors import TransientError, UncertainError
from syncd.intake.gate import STRANGERS_AT_ONCE, Allowance, Bounds, Gate
from syncd.intake.server import Listener
from syncd.intake.server import Port as Routes
from syncd.intake.sockets import listening, number_of
from syncd.ports import Ports, Request, Response
from syncd.simulation.day import SECRET, SHOP, settings_of
from syncd.simulation.ports import InlineDb
from syncd.store.sqlite import sqlite_engine

LIMITS = {"body_bytes": 4096}
BODY = json.dumps({"id": 5001, "email": "someone@example.com"}).encode()


class NoVendor:
    async def send(self, request: Request) -> Response:
        raise TransientError("connection_refused")


@dataclass
class Port:
    """A listening daemon whose duties have not begun."""

    address: str
    number: int
    db: InlineDb
    stopping: asyncio.Event
    session: aiohttp.ClientSession
    gate: Gate

    async def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> int:
        async with self.session.post(f"{self.address}{path}", data=body, headers=headers) as answer:
            return answer.status

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"{self.address}{path}") as answer:
            return answer.status, await answer.text()

    async def kept(self) -> list[tuple[str, str, bytes]]:
        statement = "SELECT store, topic, body FROM deliveries ORDER BY id"
        found = await self.db.run(lambda session: session.connection().exec_driver_sql(statement).all())
        return [(row[0], row[1], row[2]) for row in found]


@pytest.fixture
async def port(sqlite_url: str) -> AsyncIterator[Port]:
    engine = sqlite_engine(sqlite_url)
    db, stopping = InlineDb(engine), asyncio.Event()
    ports = Ports(SystemClock(), SystemRng(), NoVendor(), db, db, TaskSpawn(lambda name, error: None))
    settings = settings_of(limits=LIMITS)
    way_in, webhooks = way_in_here(settings, ports)
    duties = await Duties.prepared(settings, ports, stopping, way_in)
    gate = Gate(Bounds(8, 4, 0.2), asyncio.get_running_loop().time)
    listener, sockets = Listener(Routes(webhooks, duties.reports, gate).app, gate), listening("127.0.0.1", 0)
    await listener.start(sockets)
    number = number_of(sockets)
    async with aiohttp.ClientSession() as session:
        yield Port(f"http://127.0.0.1:{number}", number, db, stopping, session, gate)
    await listener.stop()
    db.close()
    engine.dispose()


def signed(body: bytes, secret: str = SHOP.client_secret, **headers: str) -> dict[str, str]:
    signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return {
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Webhook-Id": "w1",
        **headers,
    }


async def test_a_signed_webhook_is_kept_before_it_is_answered(port: Port) -> None:
    assert await port.post("/webhooks/shopify/main", BODY, signed(BODY)) == 200
    assert await port.kept() == [("main", "orders/create", BODY)]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/webhooks/shopify/main", signed(BODY, "another secret"), id="another secret"),
        pytest.param("/webhooks/shopify/main", signed(BODY + b" "), id="another body"),
        pytest.param("/webhooks/shopify/main", {"X-Shopify-Topic": "orders/create"}, id="no signature"),
        pytest.param("/webhooks/shopify/main", {"X-Shopify-Hmac-Sha256": "ÿ"}, id="no base64"),
        pytest.param("/webhooks/shopify/unknown", signed(BODY), id="no such store"),
    ],
)
async def test_what_is_not_shopifys_is_refused_and_nothing_is_written(
    port: Port, path: str, headers: dict[str, str]
) -> None:
    assert await port.post(path, BODY, headers) == 401
    assert await port.kept() == []


async def test_the_shipstation_path_is_its_secret(port: Port) -> None:
    body = b'{"resource_type":"SHIP_NOTIFY"}'
    assert await port.post(f"/webhooks/shipstation/{SECRET[:-1]}x", body) == 404
    assert await port.kept() == []
    assert await port.post(f"/webhooks/shipstation/{SECRET}", body) == 200
    assert await port.kept() == [("shipstation", "", body)]


async def test_a_body_over_the_limit_is_refused(port: Port) -> None:
    body = b"x" * 5000
    assert await port.post("/webhooks/shopify/main", body, signed(body)) == 413
    assert await port.kept() == []


async def test_a_packed_body_is_refused_unread(port: Port) -> None:
    assert await port.post("/webhooks/shopify/main", BODY, signed(BODY, **{"Content-Encoding": "gzip"})) == 415
    assert await port.kept() == []


HEAD = "POST /webhooks/shopify/main HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n{"


@pytest.mark.parametrize("begun", [pytest.param(HEAD, id="in its body"), pytest.param(HEAD[:20], id="in its head")])
async def test_a_client_that_drips_is_cut_off_at_the_deadline(port: Port, caplog: Any, begun: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(begun.encode())
    began = time.monotonic()
    while time.monotonic() < began + 1.5 and not reader.at_eof():
        writer.write(b"x")
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(reader.read(), 0.05)
    assert time.monotonic() - began < 1.0
    writer.close()
    assert await port.kept() == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_connections_that_say_nothing_keep_no_webhook_out(port: Port) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", port.number) for _ in range(40)]
    assert await port.post("/webhooks/shopify/main", BODY, signed(BODY)) == 200
    for _, writer in silent:
        writer.close()


async def test_whoever_is_wrong_too_often_is_told_to_stop_and_the_honest_never_are(port: Port) -> None:
    port.gate.strangers = Allowance(0.0, STRANGERS_AT_ONCE)  # on a busy machine a second passes, and one more is let in
    forged = [await port.post("/webhooks/shopify/main", BODY, signed(BODY, "another secret")) for _ in range(150)]
    assert forged[:100] == [401] * 100
    assert forged[-1] == 429
    guesses = [await port.post(f"/webhooks/shipstation/{number}", BODY) for number in range(3)]
    assert guesses == [429] * 3
    assert await port.post("/webhooks/shopify/main", BODY, signed(BODY)) == 200
    assert len(await port.kept()) == 1


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(b"nonsense with canary\r\n\r\n", b"400", id="no HTTP"),
        pytest.param(b"GET / HTTP/1.1\r\nX: canary" + b"x" * 9000 + b"\r\n\r\n", b"400", id="a long header"),
        pytest.param(
            b"POST /x HTTP/1.1\r\nHost: x\r\nExpect: \xff\xfe\r\n\r\n", b"417", id="an expectation of nonsense"
        ),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: \xff\r\n\r\n", b"417", id="the same of a report"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\nHost: x\r\nExpect: \xba\r\n\r\n", b"404", id="the same of no address"),
        pytest.param(b"CONNECT \r\n\r\n", b"404", id="no address at all"),
        pytest.param(b"PUT /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"404", id="another method"),
    ],
)
async def test_what_is_no_request_is_answered_and_not_logged(
    port: Port, caplog: Any, raw: bytes, status: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(raw)
    assert (await reader.readline()).split()[1] == status
    writer.close()
    assert "canary" not in caplog.text
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_headers_that_are_no_text_let_a_replay_in_and_break_nothing(port: Port) -> None:
    head = "\r\n".join(
        [
            "POST /webhooks/shopify/main HTTP/1.1",
            "Host: x",
            f"Content-Length: {len(BODY)}",
            f"X-Shopify-Hmac-Sha256: {signed(BODY)['X-Shopify-Hmac-Sha256']}",
        ]
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
    writer.write(head + b"\r\nX-Shopify-Topic: orders/\xff\xfe\r\nX-Shopify-Webhook-Id: \xed\xa0\x80w\r\n\r\n" + BODY)
    assert (await reader.readline()).split()[1] == b"200"
    writer.close()
    assert [row[:2] for row in await port.kept()] == [("main", "orders/")]


async def test_a_client_that_waits_for_leave_to_send_gets_it(port: Port) -> None:
    assert await port.post("/webhooks/shopify/main", BODY, signed(BODY, Expect="100-continue")) == 200


async def test_a_webhook_of_another_shop_is_refused(port: Port) -> None:
    misled = signed(BODY, **{"X-Shopify-Shop-Domain": "another-shop.myshopify.com"})
    assert await port.post("/webhooks/shopify/main", BODY, misled) == 401
    assert await port.kept() == []
    assert (
        await port.post("/webhooks/shopify/main", BODY, signed(BODY, **{"X-Shopify-Shop-Domain": SHOP.domain})) == 200
    )


@pytest.mark.parametrize("error", [TransientError("store_full"), UncertainError("store_commit")])
async def test_a_database_that_fails_makes_the_sender_come_back(port: Port, error: Exception) -> None:
    port.db.fails_with = error
    assert await port.post("/webhooks/shopify/main", BODY, signed(BODY)) == 503
    port.db.fails_with = None
    assert await port.kept() == []
    assert await port.post("/webhooks/shopify/main", BODY, signed(BODY)) == 200


async def test_readiness_follows_the_database_and_the_stop(port: Port) -> None:
    assert (await port.get("/readyz"))[0] == 200
    port.db.fails_with = TransientError("store_io")
    status, text = await port.get("/readyz")
    assert (status, json.loads(text)["reason"]) == (503, "store_io")
    port.db.fails_with = None
    port.stopping.set()
    status, text = await port.get("/readyz")
    assert (status, json.loads(text)["reason"]) == (503, "stopping")


async def test_health_asks_neither_database_nor_vendor(port: Port) -> None:
    port.db.fails_with = TransientError("store_io")
    status, text = await port.get("/healthz")
    assert (status, json.loads(text)["alive"]) == (200, True)


async def test_status_and_metrics_count_what_waits_and_name_nobody(port: Port) -> None:
    await port.post("/webhooks/shopify/main", BODY, signed(BODY))
    status, text = await port.get("/status.json")
    assert status == 200
    assert json.loads(text)["webhooks_unread"] == 1
    metrics_status, metrics = await port.get("/metrics")
    assert metrics_status == 200
    assert "syncd_marks_due" in metrics
    assert "someone@example.com" not in text + metrics


PACKAGE = "INSERT INTO journeys (package_key, begun_at, ask_at, heard, settled) VALUES"
MESSAGE = "INSERT INTO outbound_messages (endpoint, about, webhook_id, event, body, created_at, next_at, attempts, outcome) VALUES"
LONG_AGO, LATER = "2026-01-01T00:00:00.000000Z", "2126-01-01T00:00:00.000000Z"


async def test_metrics_tell_of_packages_on_their_way_and_of_messages_to_help_desks(port: Port) -> None:
    rows = [
        f"{PACKAGE} ('s1', '{LONG_AGO}', '{LATER}', 0, 0), ('s2', '{LONG_AGO}', '{LONG_AGO}', 2, 1), ('s3', '{LONG_AGO}', NULL, 1, 1)",
        *(
            f"{MESSAGE} ('desk.test#1', '{number}', 'msg_{number}', 'shipped', '', '{LONG_AGO}', '{LATER}', 1, '{outcome}')"
            for number, outcome in enumerate(("waiting", "given_up", "waiting", "sent"))
        ),
    ]
    for row in rows:
        await port.db.run(lambda session, row=row: session.connection().exec_driver_sql(row))  # type: ignore[misc]
    _, metrics = await port.get("/metrics")
    lines = metrics.splitlines()
    assert 'syncd_packages_followed{kind="under_way"} 2.0' in lines
    assert 'syncd_packages_followed{kind="overdue"} 1.0' in lines
    assert 'syncd_packages_followed{kind="untold"} 1.0' in lines
    assert 'syncd_outbound_messages{outcome="waiting"} 2.0' in lines
    assert 'syncd_outbound_messages{outcome="given_up"} 1.0' in lines
    oldest_s = next(float(line.split()[1]) for line in lines if line.startswith("syncd_outbound_oldest_seconds "))
    assert oldest_s > 86_400


async def test_status_and_metrics_answer_503_while_the_database_is_away(port: Port) -> None:
    port.db.fails_with = TransientError("store_gone")
    assert [(await port.get(path))[0] for path in ("/status.json", "/metrics")] == [503, 503]


@pytest.mark.parametrize("path", ["/", "/webhooks/shopify/", "/webhooks", "/admin", "/webhooks/shopify/main/x"])
async def test_other_addresses_are_not_there(port: Port, path: str) -> None:
    assert await port.post(path, BODY, signed(BODY)) in (404, 405)
    assert await port.kept() == []
