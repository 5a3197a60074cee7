"""Small versions of the benchmark of bad input: bytes that are no request, and addresses of strangers."""

from __future__ import annotations

import asyncio
import json
from random import Random

from bench.badinput import nonsense
from bench.urls import attacks
from syncd.shipstation.webhooks import FULFILLMENTS, SHIPMENTS, hints_of
from syncd.shopify.webhooks import json_object
from syncd.simulation.day import SECRET, Day
from tests.intake.test_server import Port, port

__all__ = ["port"]

CANARY = "canary.test:8443"


async def test_no_nonsense_breaks_the_port(port: Port) -> None:
    rng, statuses = Random(7), set[int]()
    for _ in range(300):
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(nonsense(rng))
        try:
            statuses.add(int((await asyncio.wait_for(reader.readline(), 0.05)).split()[1]))
        except (TimeoutError, ConnectionError, IndexError):
            continue
        finally:
            writer.close()
    assert 400 in statuses
    assert {status for status in statuses if status >= 500} == set()
    assert await port.kept() == []


async def test_no_address_in_a_webhook_is_ever_called(day: Day) -> None:
    urls = attacks(600, CANARY, seed=1)
    assert len(set(urls)) >= 500
    for url in urls:
        body = json.dumps({"resource_url": url, "resource_type": "SHIP_NOTIFY"}).encode()
        assert hints_of(json_object(body)) in ([SHIPMENTS], [SHIPMENTS, FULFILLMENTS])
        assert await day.webhooks.shipstation_posted(SECRET, body) == 200
    before = len(day.network.sent)
    await day.rest()
    assert len(day.network.sent) > before
    hosts = {request.url.split("/")[2] for request in day.network.sent}
    assert hosts == {"shop.test", "ship.test"}
    assert len(day.calls("/shipments")) < 60  # hundreds of nudges are a few looks
