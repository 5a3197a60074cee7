"""Stories of help desks: each event is told once, signed, tried again for days, and nobody's name is in it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from syncd.adapters import SystemClock, SystemRng
from syncd.errors import UncertainError
from syncd.http import AiohttpHttp
from syncd.operate.doctor import checks_text
from syncd.operate.outbound import list_messages, messages_text, retry_messages
from syncd.operate.outbound_checks import check_receivers
from syncd.ports import Http, Request, Response
from syncd.settings.groups import Outbound
from syncd.settings.whole import Settings
from syncd.simulation.day import Day, Fates
from syncd.simulation.desk import desk_of
from tests.stories.test_memory import loses_its_memory
from tests.stories.test_news import EVERY_ENGINE, a_package, scan, telling, waits_long

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


@dataclass
class HelpDesk:
    """`statuses` are answered one after the other, then 204; None: it arrives and the answer is lost."""

    vendors: Http
    statuses: list[int | None] = field(default_factory=list)
    got: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Response:
        """Other calls go to the vendors."""
        if not request.url.startswith("https://desk.test/"):
            return await self.vendors.send(request)
        self.got.append(request)
        status = self.statuses.pop(0) if self.statuses else 204
        if status is None:
            raise UncertainError("answer_lost")
        return Response(status, {}, b"")

    def types(self) -> list[str]:
        """Each message once."""
        bodies = {one.headers["webhook-id"]: json.loads(one.body or b"") for one in self.got}
        return [body["type"] for body in bodies.values()]


def told_by_webhook(**changes: Any) -> Settings:
    entry = {"url": "https://desk.test/hooks", "secret": SECRET, **changes}
    return telling().model_copy(update={"outbound": (Outbound.model_validate(entry),)})


@pytest.fixture
def fates() -> Fates:
    return Fates(settings=told_by_webhook())


@pytest.fixture
def desk(day: Day) -> HelpDesk:
    day.network.vendors = desk = HelpDesk(day.network.vendors)
    return desk


def signature_of(request: Request) -> str:
    text = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + (request.body or b"")
    return "v1," + base64.b64encode(hmac.new(KEY, text, hashlib.sha256).digest()).decode()


@EVERY_ENGINE
async def test_a_help_desk_hears_of_a_package_from_its_label_to_its_delivery(day: Day, desk: HelpDesk) -> None:
    order_id, package = await a_package(day)
    await scan(day, package, "IT", "IT", "OFD", "EX", "DE")
    moved = "package.moved"
    assert desk.types() == ["package.shipped", moved, moved, "package.exception", moved]
    last = json.loads(desk.got[-1].body or b"")["data"]
    assert (last["order"], last["status"]) == (day.order(order_id)["name"], "delivered")
    assert last["tracking_number"] == package.tracking_number
    assert all(one.headers["webhook-signature"] == signature_of(one) and one.is_public for one in desk.got)
    metrics = (await day.duties.reports.metrics()).decode() if day.duties else ""
    assert {"syncd_news_told_total 4.0", "syncd_outbound_sent_total 5.0"} <= set(metrics.splitlines())


async def test_no_word_of_a_person_leaves(day: Day, desk: HelpDesk) -> None:
    order_id, package = await a_package(day)
    day.shipstation.carriage.scan(package.shipment_id, "DE", None, "Left with Maria Jones at 5 Elm St", "Smallville")
    await day.passes(70)
    sent = b"".join(one.body or b"" for one in desk.got)
    address = next(one for one in day.sold().values() if one.id == order_id).shipping_address
    assert address is not None
    for word in ("Maria", "Elm St", "Smallville", address.last_name, address.address1):
        assert word
        assert word.encode() not in sent


async def test_what_does_not_arrive_is_tried_again_under_its_id(day: Day, desk: HelpDesk) -> None:
    desk.statuses += [500, None, 302]
    await a_package(day)
    await day.passes(3 * 60)
    assert len(desk.got) == 2
    await day.passes(7 * 60)
    day.execute("UPDATE outbound_messages SET next_at = created_at WHERE outcome = 'waiting'")
    await day.passes(90)
    day.execute("UPDATE outbound_messages SET next_at = created_at WHERE outcome = 'waiting'")
    await day.passes(90)
    assert [one.headers["webhook-id"] for one in desk.got] == [desk.got[0].headers["webhook-id"]] * 4
    assert day.rows("SELECT outcome, attempts FROM outbound_messages") == [{"outcome": "sent", "attempts": 4}]


async def test_after_three_days_a_message_is_given_up_and_a_person_may_try_again(day: Day, desk: HelpDesk) -> None:
    desk.statuses += [500] * 9
    await a_package(day)
    await day.passes(25)
    day.execute(
        "UPDATE outbound_messages SET next_at = '2026-11-01T00:00:00.000000Z', created_at = '2026-11-01T00:00:00.000000Z'"
    )
    await day.passes(60)
    shown = messages_text(await list_messages(await desk_of(day), 10))
    assert "given up (500)" in shown
    assert "desk.test" in shown
    assert "/hooks" not in shown
    desk.statuses.clear()
    assert await retry_messages(await desk_of(day), []) == ["1 messages are tried again, for three days from now on."]
    await day.passes(60)
    assert day.rows("SELECT outcome FROM outbound_messages") == [{"outcome": "sent"}]


async def test_a_parked_order_is_told_with_what_to_do(day: Day, desk: HelpDesk) -> None:
    (order_id,) = day.sell()
    await day.rest(quiet_s=30)
    day.shipstation.desk.cancel(day.there(order_id)[0]["orderId"])
    day.shipstation.desk.delete(day.there(order_id)[0]["orderId"])
    day.execute(
        "INSERT INTO journal (batch_id, flow, store, order_id, step, key, opened_at, closed_at, outcome, facts) VALUES"
        f" ('b', 'orders', 'main', {order_id}, 'state', '', '2026-11-20T12:00:00.000000Z', '2026-11-20T12:00:00.000000Z',"
        """ 'noted', '{"cause": "overshipped", "detail": "Ann Lee", "was": null, "was_since": "2026-11-20T12:00:00Z"}')"""
    )
    await day.passes(60)
    said = [json.loads(one.body or b"")["data"] for one in desk.got]
    assert [one["cause"] for one in said] == ["overshipped"]
    assert said[0]["next_step"]
    assert "Ann" not in str(said)


@pytest.mark.parametrize("dies_after", [2, 6, 12, 20])
async def test_an_event_is_told_once_through_crashes(day: Day, desk: HelpDesk, dies_after: int) -> None:
    await a_package(day)
    _, package = await a_package(day)
    for code in ("IT", "DE"):
        day.kill()
        day.shipstation.carriage.scan(package.shipment_id, code)
        await day.start(dies_after)
        day.shipstation.v2_webhooks.scanned(package)
        await day.passes(30)
        day.kill()
        await day.start()
        day.shipstation.v2_webhooks.scanned(package)
        await day.passes(120)
    assert Counter(desk.types()) == {"package.shipped": 2, "package.moved": 2}


async def test_a_lost_database_makes_no_news_of_what_was_told(day: Day, desk: HelpDesk) -> None:
    _, package = await a_package(day)
    await scan(day, package, "IT")
    told = ["package.shipped", "package.moved"]
    assert desk.types() == told
    await loses_its_memory(day)
    await waits_long(day)
    assert desk.types() == told
    await scan(day, package, "DE")
    assert desk.types() == [*told, "package.moved"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (204, "took a message of type syncd.test"),
        (401, "Give it the same secret"),
        (400, "does not let types pass"),
        (308, "redirects are not followed"),
        (404, "Check the path"),
        (410, "wants no more webhooks"),
        (503, "See the log of the receiver"),
        (None, "it has 10 seconds"),
    ],
)
async def test_doctor_asks_each_receiver_by_a_signed_message_that_says_nothing(status: int | None, words: str) -> None:
    desk = HelpDesk(AiohttpHttp(), [status])
    text = checks_text(await check_receivers(told_by_webhook().outbound, desk, SystemClock(), SystemRng()))
    assert words in text
    assert "desk.test#" in text
    assert "/hooks" not in text
    (asked,) = desk.got
    assert json.loads(asked.body or b"")["data"] == {}
    assert asked.headers["webhook-signature"] == signature_of(asked)


async def test_doctor_tells_where_a_receiver_is_not_public() -> None:
    endpoint = Outbound(url="https://127.0.0.1/hooks", secret=SecretStr(SECRET), allow_private=True)
    http = AiohttpHttp()
    inside = endpoint.model_copy(update={"allow_private": False})
    found = await check_receivers([inside], http, SystemClock(), SystemRng())
    await http.close()
    assert [(one["result"], one["text"]) for one in found] == [
        ("fault", "cannot be reached (private_address: the address is not public)")
    ]
    assert "allow_private = true" in found[0]["cure"]


class TestOnlyTrouble:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=told_by_webhook(events=["exception"]))

    async def test_other_events_are_not_told(self, day: Day, desk: HelpDesk) -> None:
        _, package = await a_package(day)
        await scan(day, package, "IT", "EX")
        assert desk.types() == ["package.exception"]
