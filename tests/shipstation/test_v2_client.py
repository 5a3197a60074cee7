"""One call to V2: what each answer and each silence means, and lists that end where the vendor says."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.budget import Urgency, WindowBudget
from syncd.errors import AccessError, RejectedError, SyncError, ThrottledError, TransientError, UncertainError
from syncd.ports import Http, Response
from syncd.sandbox.memory import MemoryHttp
from syncd.shipstation import v2_reads
from syncd.shipstation.v2_client import ShipStationV2Client
from syncd.shipstation.wire import Wire
from syncd.simulation.ports import START, SeededRng
from tests.shipstation.account import BASE, Account, Scripted, document

CATALOG = Urgency.CATALOG
LOST = UncertainError("answer_lost")


def envelope(code: str) -> bytes:
    return b'{"request_id": "r", "errors": [{"error_code": "%s", "message": "words"}]}' % code.encode()


def v2_of(account: Account, http: Http | None = None, key: str = "sandbox-v2-key") -> ShipStationV2Client:
    budget = WindowBudget(account.db, account.clock, "shipstation_v2", 200, 60)
    http = http or MemoryHttp({BASE: account.world})
    return ShipStationV2Client(Wire(http, account.clock, SeededRng(), budget, BASE), key)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (Response(401, {}, envelope("unauthorized")), AccessError, "v2_http_401"),
        (Response(402, {}, b""), AccessError, "v2_gate_402"),
        (Response(403, {}, envelope("forbidden")), AccessError, "v2_gate_403"),
        (Response(405, {}, b"<html>"), AccessError, "v2_gate_405"),
        (Response(400, {}, envelope("subscription_inactive")), AccessError, "v2_gate_400"),
        (Response(302, {}, b""), AccessError, "v2_http_302"),
        (Response(400, {}, envelope("invalid_field_value")), RejectedError, "http_400"),
        (Response(429, {"retry-after": "7"}, b""), ThrottledError, "http_429"),
        (Response(500, {}, b"<html>"), UncertainError, "http_500"),
        (Response(200, {}, b"<html>"), UncertainError, "not_json"),
        (LOST, UncertainError, "answer_lost"),
    ],
)
async def test_what_a_write_may_meet_and_that_it_is_never_repeated(
    answer: Response | Exception, kind: type[SyncError], code: str
) -> None:
    http, account = Scripted(answer), Account()
    with pytest.raises(SyncError) as caught:
        await account.do(v2_of(account, http).post("/v2/labels/x", {}, CATALOG))
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(http.requests) == 1


@pytest.mark.parametrize(("told", "wait_s"), [("7", 8), ("9999", 600), ("99999", 60), ("nan", 60)])
async def test_a_refusal_stops_the_account_for_minutes_whatever_is_told(told: str, wait_s: float) -> None:
    account = Account()
    with pytest.raises(ThrottledError) as caught:
        await account.do(v2_of(account, Scripted(Response(429, {"retry-after": told}, b""))).get("/v2/tags"))
    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize("answer", [Response(500, {}, b""), Response(200, {}, b"<html>"), Response(200, {}, b""), LOST])
async def test_a_read_is_tried_three_times(answer: Response | Exception) -> None:
    http, account = Scripted(answer), Account()
    with pytest.raises(TransientError):
        await account.do(v2_of(account, http).get("/v2/tags"))
    assert len(http.requests) == 3


@pytest.mark.parametrize("body", [b"{}", b'{"inventory": null}', b'{"inventory": [1]}', envelope("unknown")])
async def test_what_is_no_list_is_never_taken_for_an_empty_one(body: bytes) -> None:
    account = Account()
    with pytest.raises(TransientError):
        await account.do(_levels(v2_of(account, Scripted(Response(200, {}, body)))))


async def _levels(client: ShipStationV2Client) -> list[v2_reads.Level]:
    return [row async for rows in v2_reads.levels(client, CATALOG) for row in rows]


async def test_all_pages_of_the_stock_are_read_and_numbers_as_text_are_numbers() -> None:
    account = Account()
    for number in range(1203):
        account.world.stock.count(f"SKU-{number:04}", 701, number)
    found = await account.do(_levels(v2_of(account)))
    assert [row.sku for row in found] == [f"SKU-{number:04}" for number in range(1203)]
    assert account.calls() == 3
    text = b'{"inventory": [{"sku": 7, "on_hand": "3", "allocated": 0, "available": "3", %s}]}' % (
        b'"inventory_location_id": "se-1", "inventory_warehouse_id": "se-2"'
    )
    (row,) = await account.do(_levels(v2_of(account, Scripted(Response(200, {}, text)))))
    assert (row.sku, row.on_hand) == ("7", 3)


async def test_a_list_that_shows_one_page_for_ever_is_given_up_at_once() -> None:
    row = b'{"sku": "M", "on_hand": 3, "allocated": 0, "available": 3, "inventory_location_id": "se-1", "inventory_warehouse_id": "se-2"}'
    http = Scripted(
        Response(200, {}, b'{"inventory": [%s], "links": {"next": {"href": "/v2/inventory?page=2"}}}' % row)
    )
    account = Account()
    with pytest.raises(TransientError) as caught:
        await account.do(_levels(v2_of(account, http)))
    assert (caught.value.code, len(http.requests)) == ("endless_list", 2)


@pytest.mark.parametrize("text", ["2026-11-20T10:00:00Z", "2026-11-20T10:00:00", "2026-11-20T02:00:00-08:00"])
def test_a_time_without_a_zone_is_one_of_utc(text: str) -> None:
    assert v2_reads.moment(text) == START


async def test_a_closed_part_of_the_plan_closes_nothing_else() -> None:
    account = Account(v2_access="inventory_only")
    client = v2_of(account)
    with pytest.raises(AccessError) as caught:
        await account.do(v2_reads.carriers(client))
    assert caught.value.account == "shipstation_v2:carriers"
    assert await account.do(_locations(client)) == 2


async def _locations(client: ShipStationV2Client) -> Any:
    return len(await v2_reads.inventory_locations(client))


async def test_rates_name_price_days_and_what_cannot_be_had() -> None:
    account = Account()
    weighty = document("k", weight={"value": 40, "units": "ounces"})
    order = account.world.account.order(
        (await account.do(account.client.post("/orders/createorder", weighty, CATALOG)))["orderId"]
    )
    found = await account.do(v2_reads.rates(v2_of(account), order.order_id, ["se-12345"]))
    refused = [rate.service_code for rate in found if rate.refusal]
    assert refused == ["usps_first_class_mail"]
    assert all(rate.amount > 0 and rate.days for rate in found if not rate.refusal)
