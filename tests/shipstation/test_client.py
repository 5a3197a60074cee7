"""One call to ShipStation: what each answer and each silence means."""

from __future__ import annotations

import pytest

from syncd.errors import AccessError, RejectedError, SyncError, ThrottledError, TransientError, UncertainError
from syncd.ports import Response
from tests.shipstation.account import KEYS, ORDERS, Account, Scripted

LOST = UncertainError("answer_lost")
REFUSED = TransientError("connect_failed")
HTML = Response(200, {}, b"<html>down</html>")

READS = [
    (Response(401, {}, b"{}"), AccessError, "http_401"),
    (Response(402, {}, b""), AccessError, "plan_402"),
    (Response(403, {}, b""), AccessError, "http_403"),
    (Response(405, {}, b""), AccessError, "http_405"),
    (Response(302, {}, b""), AccessError, "http_302"),
    (Response(404, {}, b"{}"), RejectedError, "http_404"),
    (Response(400, {}, b'{"Message":"bad"}'), RejectedError, "http_400"),
    (Response(429, {}, b""), ThrottledError, "http_429"),
    (Response(500, {}, b'{"message":"Too Many Requests"}'), ThrottledError, "http_429"),
    (Response(500, {}, b"{}"), TransientError, "http_500"),
    (Response(503, {}, b""), TransientError, "http_503"),
    (HTML, TransientError, "not_json"),
    (Response(200, {}, b""), TransientError, "not_json"),
    (Response(200, {}, b'{"orders":['), TransientError, "not_json"),
    (LOST, TransientError, "answer_lost"),
    (REFUSED, TransientError, "connect_failed"),
]
WRITES = [
    (Response(401, {}, b"{}"), AccessError, "http_401"),
    (Response(402, {}, b""), AccessError, "plan_402"),
    (Response(400, {}, b'{"Message":"bad"}'), RejectedError, "http_400"),
    (Response(400, {}, b"null"), UncertainError, "http_400"),
    (Response(422, {}, b"[]"), UncertainError, "http_422"),
    (Response(404, {}, b""), RejectedError, "http_404"),
    (Response(429, {}, b""), ThrottledError, "http_429"),
    (Response(408, {}, b""), UncertainError, "http_408"),
    (Response(500, {}, b"{}"), UncertainError, "http_500"),
    (Response(502, {}, b"<html>"), UncertainError, "http_502"),
    (HTML, UncertainError, "not_json"),
    (Response(200, {}, b'{"results":['), UncertainError, "not_json"),
    (LOST, UncertainError, "answer_lost"),
    (REFUSED, TransientError, "connect_failed"),
]


def _ids(case: object) -> str | None:
    return f"{case.status}" if isinstance(case, Response) else None


@pytest.mark.parametrize(("answer", "kind", "code"), READS, ids=_ids)
async def test_what_a_read_may_meet(answer: Response | Exception, kind: type[SyncError], code: str) -> None:
    http = Scripted(answer)
    with pytest.raises(SyncError) as caught:
        await _get(http)
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(http.requests) == (3 if kind is TransientError else 1)


async def _get(http: Scripted) -> object:
    account = Account(http)
    return await account.do(account.client.get("/orders"))


@pytest.mark.parametrize(("answer", "kind", "code"), WRITES, ids=_ids)
async def test_what_a_write_may_meet_and_that_it_is_never_repeated(
    answer: Response | Exception, kind: type[SyncError], code: str
) -> None:
    http = Scripted(answer)
    account = Account(http)
    with pytest.raises(SyncError) as caught:
        await account.do(account.client.post("/orders/createorders", [], ORDERS))
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(http.requests) == 1


async def test_a_read_succeeds_after_two_failures() -> None:
    http = Scripted(Response(500, {}, b""), LOST, Response(200, {}, b"[1.10]"))
    assert str(await _get(http)) == "[Decimal('1.10')]"


async def test_the_vendors_words_are_kept_and_shortened() -> None:
    body = b'{"Message":"Invalid.","ModelState":{"shipTo":["no name","no street"]},"x":"' + b"y" * 900 + b'"}'
    with pytest.raises(RejectedError) as caught:
        await _get(Scripted(Response(400, {}, body)))
    assert caught.value.text == "Invalid. | shipTo: no name; shipTo: no street"


async def test_the_next_key_pair_takes_over_without_losing_the_call() -> None:
    account = Account(keys=(("old", "expired"), KEYS))
    assert await account.do(account.client.get("/stores"))
    assert account.calls() == 2
    assert await account.do(account.client.get("/stores"))
    assert account.calls() == 3


async def test_both_key_pairs_are_tried_before_access_is_lost() -> None:
    account = Account(keys=(("old", "expired"), ("new", "wrong")))
    with pytest.raises(AccessError) as caught:
        await account.do(account.client.post("/orders/createorders", [], ORDERS))
    assert caught.value.account == "shipstation"
    assert account.calls() == 2


async def test_a_refusal_for_being_too_many_waits_for_the_window_and_stops_the_account() -> None:
    account = Account(Scripted(Response(429, {"x-rate-limit-reset": "17"}, b"")))
    with pytest.raises(ThrottledError) as caught:
        await account.do(account.client.get("/orders"))
    assert caught.value.retry_after_s == 18
    await account.do(account.budget.grant(ORDERS))
    assert account.clock.monotonic() >= 18


async def test_forty_calls_in_a_window_and_never_one_more() -> None:
    account = Account(requests_per_window=40)
    await account.clock.run(*(account.client.get("/stores") for _ in range(100)))
    assert account.world.calls.refused == 0
    assert account.clock.monotonic() < 125


async def test_secrets_are_in_no_error() -> None:
    with pytest.raises(SyncError) as caught:
        await _get(Scripted(Response(403, {}, b"")))
    assert "secret" not in str(caught.value)


async def test_a_busy_database_does_not_undo_a_call_that_was_made() -> None:
    headers = {"x-rate-limit-limit": "40", "x-rate-limit-remaining": "3", "x-rate-limit-reset": "50"}
    account = Account(Scripted(Response(200, headers, b"[]")))
    run = account.db.run
    calls = 0

    async def busy_later(fn: object, ahead: bool = False) -> object:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise TransientError("store_busy")
        return await run(fn, ahead)  # type: ignore[arg-type]

    account.db.run = busy_later  # type: ignore[method-assign, assignment]
    assert await account.do(account.client.post("/x", [], ORDERS)) == []
    assert calls == 3  # the grant, and two notes of the answer
